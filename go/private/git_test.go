package private

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// fill has git ask for a login as it does before a request, and returns it as USER:PASSWORD, "" for none.
func (b *session) fill(t testing.TB, asked string) string {
	t.Helper()
	out, all, err := b.run(t, asked, "git", "credential", "fill")
	if err != nil && !strings.Contains(all, "could not read ") {
		t.Fatalf("git credential fill: %v\n%s", err, all)
	}
	if err != nil {
		return ""
	}
	said := map[string]string{}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		said[name] = value
	}
	return said["username"] + ":" + said["password"]
}

// TestGitAsks runs git, which reads the settings and starts the program, from a path with blanks and quotes.
func TestGitAsks(t *testing.T) {
	t.Parallel()
	type asks map[string]string
	for name, tt := range map[string]struct {
		setup
		asks
	}{
		"a variable": {setup{env: map[string]string{variable: login}}, asks{
			"protocol=https\nhost=git.example.com\n":                    login,
			"protocol=https\nhost=git.example.com:443\n":                login,
			"protocol=https\nhost=GIT.example.com\n":                    login,
			"url=https://git.example.com/team/lib.git\n":                login,
			"url=https://git@git.example.com/team/lib.git\n":            login,
			"protocol=http\nhost=git.example.com\n":                     "",
			"protocol=https\nhost=git.example.com:8443\n":               "",
			"protocol=https\nhost=git-example.com\n":                    "",
			"protocol=https\nhost=git.example.com.evil.example\n":       "",
			"protocol=https\nhost=evil.git.example.com\n":               "",
			"protocol=https\nhost=g\u0130t.example.com\n":               "",
			"url=https://git.example.com@evil.example/\n":               "",
			"protocol=https\nhost=evil.example\npath=git.example.com\n": "",
		}},
		"variables with ports, http and a token": {setup{env: map[string]string{
			variable + "__8443": login, prefix + "HTTP__GIT__EXAMPLE__COM": "plain:s3cret-plain", prefix + "HTTPS__10__1__2__3": "s3cret-token",
		}}, asks{
			"protocol=https\nhost=git.example.com:8443\n": login,
			"protocol=https\nhost=git.example.com\n":      "",
			"protocol=http\nhost=git.example.com\n":       "plain:s3cret-plain",
			"protocol=http\nhost=git.example.com:80\n":    "plain:s3cret-plain",
			"protocol=https\nhost=10.1.2.3\n":             "s3cret-token:x-oauth-basic",
		}},
		"a password of all kinds": {setup{env: map[string]string{variable: `r"o'bot:s3 cret:"'\$x#%41=` + "\u20ac "}}, asks{
			"protocol=https\nhost=git.example.com\n": `r"o'bot:s3 cret:"'\$x#%41=` + "\u20ac ",
		}},
		"no user": {setup{env: map[string]string{variable: ":s3cret"}}, asks{"protocol=https\nhost=git.example.com\n": ":s3cret"}},
		"netrc, on every port": {setup{bindings: map[string]map[string]string{
			"b": {"type": "netrc", ".netrc": "machine git.example.com login n password s3cret-netrc\ndefault login d password s3cret-default\n"},
		}}, asks{
			"protocol=https\nhost=git.example.com\n":       "n:s3cret-netrc",
			"protocol=https\nhost=git.example.com:8443\n":  "n:s3cret-netrc",
			"protocol=http\nhost=git.example.com\n":        "",
			"protocol=https\nhost=evil.example\n":          "",
			"protocol=https\nhost=g\u0130t.example.com\n":  "",
			"protocol=https\nhost=git.example.com.\n":      "",
			"protocol=https\nhost=git.example.com:8443x\n": "",
		}},
		"for every host": {setup{bindings: map[string]map[string]string{
			"b": {"type": "git-credentials", "credentials": "username=u\npassword=s3cret-all\n"},
			"c": {"type": "git-credentials", "credentials": "username=v\npassword=s3cret-one\n", "context": "https://one.example.com"},
		}}, asks{
			"protocol=https\nhost=git.example.com:8443\n": "u:s3cret-all",
			"protocol=https\nhost=one.example.com\n":      "v:s3cret-one",
			"protocol=http\nhost=git.example.com\n":       "",
		}},
		"paths": {setup{env: map[string]string{variable: login}, bindings: map[string]map[string]string{
			"a": {"type": "git-credentials", "credentials": "username=t\npassword=s3cret-team\n", "context": "https://git.example.com/team"},
			"b": {"type": "git-credentials", "credentials": "username=x\npassword=s3cret-lib\n", "context": "https://git.example.com/team/lib.git"},
			"c": {"type": "git-credentials", "credentials": "username=o\npassword=s3cret-other\n", "context": "https://other.example.com:8443/o/"},
		}}, asks{
			"url=https://git.example.com/team/app.git\n":       "t:s3cret-team",
			"url=https://git.example.com/team/lib.git\n":       "x:s3cret-lib",
			"url=https://git.example.com/team/lib.git/\n":      "x:s3cret-lib",
			"url=https://git.example.com/teams/lib.git\n":      login,
			"url=https://robot@git.example.com/team/app.git\n": login,
			"protocol=https\nhost=git.example.com\n":           login,
			"url=https://other.example.com:8443/o/x.git\n":     "o:s3cret-other",
			"url=https://other.example.com:8443/p/x.git\n":     "",
			"url=https://other.example.com/o/x.git\n":          "",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := tt.setup.begin(t)
			for asked, want := range tt.asks {
				if got := b.fill(t, asked+"\n"); got != want {
					t.Errorf("%q: git got %q, want %q", asked, got, want)
				}
			}
		})
	}
}

// TestGitKeepsLoginsNowhere: helpers of the user's own are neither asked for the
// login nor told of it, also where git has learned that it works.
func TestGitKeepsLoginsNowhere(t *testing.T) {
	t.Parallel()
	for name, bindings := range map[string]map[string]map[string]string{
		"variable": nil,
		"all":      {"b": {"type": "git-credentials", "credentials": "username=robot\npassword=" + password}},
		"netrc":    {"b": {"type": "netrc", ".netrc": "machine git.example.com login robot password " + password}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{bindings: bindings}
			if bindings == nil {
				s.env = map[string]string{variable: login}
			}
			b := s.begin(t)
			overheard := filepath.Join(b.home, "overheard")
			writeFile(t, filepath.Join(b.home, ".gitconfig"), `[credential]
	helper = store
	helper = "!f() { echo \"$1\" >>'`+overheard+`'; cat >>'`+overheard+`'; }; f"
[credential "https://git.example.com"]
	helper = store
	helper = "!f() { cat >>'`+overheard+`'; }; f"
`, 0o600)
			hosts := []string{"git.example.com", "git.example.com:443"}
			if bindings != nil {
				hosts = append(hosts, "git.example.com:8443")
			}
			for _, host := range hosts {
				out, all, err := b.run(t, "protocol=https\nhost="+host+"\n\n", "git", "credential", "fill")
				if err != nil || !strings.Contains(out, "password="+password+"\n") {
					t.Fatalf("%v\n%s", err, all)
				}
				for _, action := range []string{"approve", "reject", "approve"} {
					if _, all, err := b.run(t, out, "git", "credential", action); err != nil || all != "" {
						t.Fatalf("%s: %v\n%s", action, err, all)
					}
				}
			}
			var files []string
			err := filepath.WalkDir(b.home, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					files = append(files, path)
					hides(t, readFile(t, path), password)
				}
				return err
			})
			if err != nil || len(files) != 1 {
				t.Errorf("%v, %v", files, err)
			}
			if bindings != nil {
				return // what is for ports or hosts that nobody names is told to no helper of any
			}
			// They are there, and are told of others.
			if _, all, err := b.run(t, "protocol=https\nhost=other.example.com\nusername=o\npassword=s3cret-other\n\n", "git", "credential", "approve"); err != nil {
				t.Fatalf("%v\n%s", err, all)
			}
			if got := readFile(t, filepath.Join(b.home, ".git-credentials")); got != "https://o:s3cret-other@other.example.com\n" {
				t.Error(got)
			}
			if got := readFile(t, overheard); !strings.Contains(got, "store\n") || !strings.Contains(got, "s3cret-other") {
				t.Error(got)
			}
		})
	}
}

// TestGitSettingsOfTheUserStay: what the user tells git in variables is there still, before the build's own.
func TestGitSettingsOfTheUserStay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"none": {nil, []string{""}},
		"two": {map[string]string{
			"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Me", "GIT_CONFIG_KEY_1": "credential.helper", "GIT_CONFIG_VALUE_1": "",
		}, []string{"Me"}},
		"zero":           {map[string]string{"GIT_CONFIG_COUNT": "0", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Me"}, []string{""}},
		"garbage":        {map[string]string{"GIT_CONFIG_COUNT": "many", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Me"}, []string{""}},
		"less than none": {map[string]string{"GIT_CONFIG_COUNT": "-3"}, []string{""}},
		"parameters":     {map[string]string{"GIT_CONFIG_PARAMETERS": "'user.name'='Me'"}, []string{"Me"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(tt.env)
			if env == nil {
				env = map[string]string{}
			}
			env[variable] = login
			b := setup{env: env}.begin(t)
			out, all, _ := b.run(t, "", "git", "config", "--get-all", "user.name")
			if got := strings.TrimSpace(out); got != tt.want[0] {
				t.Errorf("user.name is %q: %s", got, all)
			}
			if got := b.fill(t, "url=https://git.example.com/x\n\n"); got != login {
				t.Errorf("git got %q", got)
			}
			for name := range b.vars {
				if _, own := tt.env[name]; own && strings.Contains(name, "_KEY_") && tt.want[0] != "" {
					t.Errorf("%s of the user is set to %q", name, b.vars[name])
				}
			}
		})
	}
}

// TestGitFetches: logins from everywhere, used by git for a repository on a server that is real but for the way to it.
func TestGitFetches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	apptest.Commit(t, filepath.Join(dir, "team", "lib.git"), "-- go.mod --\nmodule git.example.com/team/lib\n", "v1.0.0")
	forge := repositories(t, dir)
	n := newInternet(t, map[string]http.Handler{
		"https://git.example.com": behind(login, forge), "https://git.example.com:8443": behind("other:s3cret-other", forge), "http://git.example.com": behind("plain:s3cret-plain", forge),
	})
	ssh := startSSH(t, dir)
	for name, tt := range map[string]struct {
		setup
		url  string
		want []string
	}{
		"variable":       {setup{env: n.env(variable, login)}, "https://git.example.com/team/lib.git", []string{":", login}},
		"variable, port": {setup{env: n.env(variable+"__8443", "other:s3cret-other")}, "https://git.example.com:8443/team/lib.git", []string{":", "other:s3cret-other"}},
		"variable, http": {setup{env: n.env(prefix+"HTTP__GIT__EXAMPLE__COM", "plain:s3cret-plain")}, "http://git.example.com/team/lib.git", []string{":", "plain:s3cret-plain"}},
		"netrc, port": {setup{env: n.env(), bindings: map[string]map[string]string{
			"b": {"type": "netrc", ".netrc": "machine git.example.com\nlogin other password \"s3cret-other\""},
		}}, "https://git.example.com:8443/team/lib.git", []string{":", "other:s3cret-other"}},
		"path": {setup{env: n.env(variable, "wrong:s3cret-wrong"), bindings: map[string]map[string]string{
			"b": {"type": "git-credentials", "credentials": "username=robot\npassword=" + password, "context": "https://git.example.com/team"},
		}}, "https://git.example.com/team/lib.git", []string{":", login}},
		"ssh key": {setup{env: n.env(), bindings: map[string]map[string]string{"k": ssh.binding()}}, "https://127.0.0.1/team/lib.git", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "ssh") {
				needsSSH(t)
			}
			if tt.bindings == nil {
				tt.bindings = map[string]map[string]string{}
			}
			tt.bindings["authority"] = n.trust()
			b := tt.setup.begin(t)
			n.requests() // of the test before
			out, all, err := b.run(t, "", "git", "ls-remote", tt.url)
			if err != nil || !strings.Contains(out, "refs/tags/v1.0.0") {
				t.Errorf("%v\n%s", err, all)
			}
			var logins []string
			for _, asked := range n.requests() {
				_, login, _ := strings.Cut(asked, " ")
				logins = append(logins, login)
			}
			if diff := cmp.Diff(tt.want, slices.Compact(logins)); diff != "" {
				t.Errorf("the server saw (-want +got):\n%s", diff)
			}
		})
	}
}
