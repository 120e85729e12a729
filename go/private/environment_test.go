package private

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/paketo-buildpacks/libpak/v2/effect"
)

// TestNothingIsSetWithoutAccess: a build that needs no access runs as it always did.
func TestNothingIsSetWithoutAccess(t *testing.T) {
	for name, s := range map[string]setup{
		"nothing":           {},
		"a proxy, no login": {bindings: map[string]map[string]string{"p": {"type": "goproxy", "url": "https://proxy.example.com"}}},
		"other bindings":    {bindings: map[string]map[string]string{"p": {"type": "postgresql", "password": "s3cret"}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.begin(t)
			if diff := cmp.Diff(map[string]string{"GIT_TERMINAL_PROMPT": "0"}, b.vars); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(b.said) > 0 || b.AskedByGo() || b.Serves("git.example.com/x") || len(b.Secrets()) > 0 {
				t.Errorf("%v, %v", b.said, b.Secrets())
			}
			if _, err := os.Stat(b.dir); !os.IsNotExist(err) {
				t.Errorf("a directory is made: %v", err)
			}
		})
	}
}

func TestPromptOfTheUserStays(t *testing.T) {
	for users, want := range map[string]string{"": "0", "0": "", "1": ""} {
		for _, env := range []map[string]string{{"GIT_TERMINAL_PROMPT": users}, {"GIT_TERMINAL_PROMPT": users, variable: login}} {
			if got, set := (setup{env: env}).begin(t).vars["GIT_TERMINAL_PROMPT"]; got != want || set != (want != "") {
				t.Errorf("GIT_TERMINAL_PROMPT=%s becomes %q, %v", users, got, set)
			}
		}
	}
}

// TestNoSecretInTheEnvironment has all that can be set set, and looks for every secret in every value and file.
func TestNoSecretInTheEnvironment(t *testing.T) {
	user, _ := newKey(t)
	_, known := newKey(t)
	secrets := []string{password, "s3cret-token", "s3cret-binding", "s3cret-netrc", "s3cret-proxy", "s3cret-all"}
	s := setup{env: map[string]string{variable: login, prefix + "HTTP__PLAIN__EXAMPLE__COM": "s3cret-token", "GOAUTH": "off", "GOPRIVATE": "x.example.com"}, bindings: map[string]map[string]string{
		"a": {"type": "git-credentials", "credentials": "username=u\npassword=s3cret-binding", "context": "https://a.example.com/team"},
		"b": {"type": "git-credentials", "credentials": "username=u\npassword=s3cret-all"},
		"c": {"type": "netrc", ".netrc": "machine c.example.com login u password s3cret-netrc"},
		"d": {"type": "goproxy", "url": "https://d.example.com", "username": "u", "password": "s3cret-proxy"},
		"e": {"type": "git-ssh", "ssh-privatekey": keyFile(t, user, ""), "known_hosts": "e.example.com " + known},
		"f": {"type": "ca-certificates", "ca": newAuthority(t, "ca", nil).PEM},
	}}
	for _, name := range []string{"now", "old git"} {
		if name == "old git" {
			t.Setenv("PATH", oldGit(t))
		}
		b := s.begin(t)
		all := append(b.Secrets(), secrets...)
		for name, value := range b.vars {
			hides(t, name+"="+value, all...)
		}
		hides(t, strings.Join(slices.Concat(b.said, b.Used, b.Warnings), "\n"), all...)
		var files []string
		err := filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, filepath.Base(path))
				hides(t, readFile(t, path), all...)
			}
			return err
		})
		want := map[string][]string{"now": {"certificates.pem", "known_hosts"}, "old git": {"certificates.pem", "config", "known_hosts"}}[name]
		if diff := cmp.Diff(want, files); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if info, err := os.Stat(b.dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the directory is open to others: %v", info.Mode())
		}
	}
}

// privateNameTests are what is set, and what keeps names of modules from public servers, "" where nothing is set.
var privateNameTests = []struct {
	name     string
	env      map[string]string
	bindings map[string]map[string]string
	proxySet bool
	nosumdb  string
	noproxy  string
	// reminders are the forges of which the log says something.
	reminders []string
}{
	{"nothing set", map[string]string{variable: login}, nil, false, "git.example.com", "git.example.com", nil},
	{"a proxy of the user's", map[string]string{variable: login}, nil, true, "git.example.com", "", nil},
	{"a proxy of a binding", map[string]string{variable: login}, map[string]map[string]string{"p": {"type": "goproxy", "url": "https://p.example.com"}}, false, "git.example.com", "", nil},
	{"GOPRIVATE names it", map[string]string{variable: login, "GOPRIVATE": "git.example.com"}, nil, false, "", "", nil},
	{"GOPRIVATE matches it", map[string]string{variable: login, "GOPRIVATE": "x,*.example.com"}, nil, false, "", "", nil},
	{"GOPRIVATE matches all", map[string]string{variable: login, "GOPRIVATE": "*"}, nil, false, "", "", nil},
	{"GOPRIVATE names another", map[string]string{variable: login, "GOPRIVATE": "corp.example.com"}, nil, false, "corp.example.com,git.example.com", "corp.example.com,git.example.com", nil},
	{"GOPRIVATE names a part", map[string]string{variable: login, "GOPRIVATE": "git.example.com/team"}, nil, false, "git.example.com/team,git.example.com", "git.example.com/team,git.example.com", nil},
	{"GOPRIVATE names a longer one", map[string]string{variable: login, "GOPRIVATE": "my.git.example.com"}, nil, false, "my.git.example.com,git.example.com", "my.git.example.com,git.example.com", nil},
	{"GONOSUMDB of the user's", map[string]string{variable: login, "GONOSUMDB": "corp.example.com, "}, nil, false, "corp.example.com,git.example.com", "git.example.com", nil},
	{"GONOSUMDB matches it", map[string]string{variable: login, "GONOSUMDB": "git.*"}, nil, false, "", "git.example.com", nil},
	{"GONOSUMDB names it", map[string]string{variable: login, "GONOSUMDB": "git.example.com"}, nil, false, "", "git.example.com", nil},
	{"GONOSUMDB before GOPRIVATE", map[string]string{variable: login, "GONOSUMDB": "corp.example.com", "GOPRIVATE": "git.example.com"}, nil, false, "corp.example.com,git.example.com", "", nil},
	{"GONOPROXY=none", map[string]string{variable: login, "GONOPROXY": "none"}, nil, false, "git.example.com", "none,git.example.com", nil},
	{"GONOPROXY, and a proxy of the user's", map[string]string{variable: login, "GONOPROXY": "corp.example.com"}, nil, true, "git.example.com", "", nil},
	{"ports", map[string]string{variable + "__8443": "a:s3cret-a", variable: login, prefix + "HTTP__10__1__2__3__8080": "s3cret-b"}, nil, false, "10.1.2.3,git.example.com", "10.1.2.3,git.example.com", nil},
	{"several", map[string]string{variable: login, "GOPRIVATE": "a.example.com"}, map[string]map[string]string{
		"n": {"type": "netrc", ".netrc": "machine c.example.com login l password s3cret-c machine a.example.com login l password s3cret-d"},
		"g": {"type": "git-credentials", "credentials": "password=s3cret-e", "context": "http://b.example.com/team"},
	}, false, "a.example.com,b.example.com,c.example.com,git.example.com", "a.example.com,b.example.com,c.example.com,git.example.com", nil},
	{"for every host", nil, map[string]map[string]string{"g": {"type": "git-credentials", "credentials": "password=s3cret-e"}}, false, "", "", nil},
	{"a public forge", map[string]string{prefix + "HTTPS__GITHUB__COM": login}, nil, false, "", "", []string{"github.com"}},
	{"a public forge and an own one", map[string]string{prefix + "HTTPS__GITLAB__COM": login, variable: login}, nil, false, "git.example.com", "git.example.com", []string{"gitlab.com"}},
	{"a public forge with a port", map[string]string{prefix + "HTTPS__BITBUCKET__ORG__443": login}, nil, false, "", "", []string{"bitbucket.org"}},
	{"a public forge, GOPRIVATE", map[string]string{prefix + "HTTPS__GITHUB__COM": login, "GOPRIVATE": "github.com/acme"}, nil, false, "", "", nil},
	{"a public forge, GONOSUMDB", map[string]string{prefix + "HTTPS__GITHUB__COM": login, "GONOSUMDB": "github.com/acme/*"}, nil, false, "", "", nil},
	{"a public forge, GOPRIVATE of another", map[string]string{prefix + "HTTPS__GITHUB__COM": login, "GOPRIVATE": "gitlab.com/acme"}, nil, false, "", "", []string{"github.com"}},
	{"a forge that is called like a public one", map[string]string{prefix + "HTTPS__GITHUB__COM__EXAMPLE": login}, nil, false, "github.com.example", "github.com.example", nil},
}

func TestPrivateNames(t *testing.T) {
	for _, tt := range privateNameTests {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{"GONOSUMDB": ""}
			maps.Copy(env, tt.env)
			b := setup{env: env, bindings: tt.bindings, proxySet: tt.proxySet}.begin(t)
			var said []string
			for name, want := range map[string]string{"GONOSUMDB": tt.nosumdb, "GONOPROXY": tt.noproxy, "GOPRIVATE": "", "GOPROXY": "", "GOSUMDB": "", "GOINSECURE": ""} {
				got, set := b.vars[name]
				if got != want || set != (want != "") {
					t.Errorf("%s is set to %q, %v, want %q", name, got, set, want)
				}
				if want != "" {
					said = append(said, name+"="+want)
				}
			}
			for _, forge := range tt.reminders {
				said = append(said, forge+" has public modules too: name the private ones in GOPRIVATE (GOPRIVATE="+forge+"/YOUR-TEAM), so that neither a public proxy nor the checksum database is asked for them")
			}
			if diff := cmp.Diff(said, b.said, cmpopts.SortSlices(strings.Compare), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the log (-want +got):\n%s", diff)
			}
		})
	}
	// Who gives a key for a public forge has private modules there, too.
	user, _ := newKey(t)
	_, known := newKey(t)
	binding := map[string]string{"type": "git-ssh", "ssh-privatekey": keyFile(t, user, ""), "known_hosts": "git.example.com,github.com " + known}
	b := setup{env: map[string]string{"GONOSUMDB": ""}, bindings: map[string]map[string]string{"k": binding}}.begin(t)
	if b.vars["GONOSUMDB"] != "git.example.com" || b.vars["GONOPROXY"] != "git.example.com" {
		t.Errorf("a key: %v", b.vars)
	}
	if !strings.Contains(strings.Join(b.said, "\n"), "github.com has public modules too: name the private ones in GOPRIVATE") {
		t.Errorf("a key for a public forge: the log says %q", b.said)
	}
}

func TestAskedByGo(t *testing.T) {
	for name, want := range map[string]bool{
		"HTTPS__GIT__EXAMPLE__COM": true, "HTTP__GIT__EXAMPLE__COM": false, "HTTPS__GITHUB__COM": false, "HTTPS__BITBUCKET__ORG": false, "HTTPS__GITLAB__COM": true, "HTTPS__GITHUB__COM__8443": true,
	} {
		access, err := Read(map[string]string{prefix + name: login}, nil)
		if err != nil || access.AskedByGo() != want {
			t.Errorf("%s: %v, %v", name, access.AskedByGo(), err)
		}
	}
}

// oldGit returns a PATH on which a stand-in for git 2.20.1 comes first: it says
// that version and hands everything else to the real git. No real old git is here.
func oldGit(t testing.TB) string {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "stand-in-for-git-2.20.1")
	writeFile(t, filepath.Join(dir, "git"), "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'git version 2.20.1'; else exec '"+git+"' \"$@\"; fi\n", 0o755)
	return dir + string(filepath.ListSeparator) + os.Getenv("PATH")
}

// TestOldGitStandIn: a git that knows no variables reads a file, which includes the user's.
func TestOldGitStandIn(t *testing.T) {
	real := os.Getenv("PATH")
	t.Setenv("PATH", oldGit(t))
	for name, tt := range map[string]struct{ own, xdg string }{
		"no file of the user's": {"", ""}, "a file of the user's": {"home/.config/git/config", ""}, "a file elsewhere": {"else where/git/config", "else where"}, "no such file elsewhere": {"", "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			env := map[string]string{variable: login, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.email", "GIT_CONFIG_VALUE_0": "me@example.com"}
			if tt.xdg != "" {
				env["XDG_CONFIG_HOME"] = filepath.Join(dir, tt.xdg)
			}
			if tt.own != "" {
				env["HOME"] = filepath.Join(dir, "home")
				writeFile(t, filepath.Join(dir, tt.own), "[user]\n\tname = Me\n[credential]\n\thelper = \"!echo no >\"\n", 0o600)
			}
			b := setup{env: env}.begin(t)
			for variable := range b.vars {
				if strings.HasPrefix(variable, "GIT_CONFIG_") {
					t.Errorf("%s is set for a git that does not know it", variable)
				}
			}
			if b.vars["XDG_CONFIG_HOME"] != b.dir {
				t.Fatalf("%v", b.vars)
			}
			if got := b.fill(t, "url=https://git.example.com/x\n\n"); got != login {
				t.Errorf("git got %q\n%s", got, readFile(t, filepath.Join(b.dir, "git", "config")))
			}
			want := ""
			if tt.own != "" {
				want = "Me"
			}
			out, all, _ := b.run(t, "", "git", "config", "user.name")
			if strings.TrimSpace(out) != want {
				t.Errorf("user.name is %q: %s", out, all)
			}
		})
	}
	for version, old := range map[string]bool{
		"git version 2.31.0": false, "git version 2.30.9": true, "git version 2.25.1": true, "git version 2.39.5 (Apple Git-154)": false, "git version 2.50.0.rc1": false,
		"git version 3.0": false, "git version 2.9": true, "git version 2.34.1.windows.1": false, "something else": false, "": false,
	} {
		dir := filepath.Join(t.TempDir(), "stand-in-for-git")
		writeFile(t, filepath.Join(dir, "git"), "#!/bin/sh\necho '"+version+"'\n", 0o755)
		s := Setup{Env: map[string]string{"PATH": dir}, Dir: dir, Exec: effect.CommandExecutor{}}
		t.Setenv("PATH", dir+string(filepath.ListSeparator)+real)
		if s.oldGit() != old {
			t.Errorf("%q: old %v", version, !old)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if (Setup{Dir: t.TempDir(), Exec: effect.CommandExecutor{}}).oldGit() {
		t.Error("no git is no old one")
	}
}

func TestQuoteForGo(t *testing.T) {
	for path, want := range map[string]string{"/a/b": "/a/b", "/a b": "'/a b'", "/it's": `"/it's"`, `/say "x"`: `'/say "x"'`, "/a\tb": "'/a\tb'"} {
		if got := quoteForGo(path); got != want {
			t.Errorf("%q becomes %s", path, got)
		}
	}
	for _, path := range []string{"/a/b", "/a b", "/it's", `/"x" $y`, "/a\\b", "/\u20ac", "/\xff'x", "~/x", "/a;b", "/a\nb"} {
		out, err := exec.Command("/bin/sh", "-c", "printf %s "+shellWord(path)).Output()
		if err != nil || string(out) != path {
			t.Errorf("%q becomes %s, which the shell reads as %q, %v", path, shellWord(path), out, err)
		}
	}
}
