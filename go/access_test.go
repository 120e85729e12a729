package golang

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/paketo-buildpacks/libpak/v2/effect"

	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/private"
)

// The variable of these tests and its login.
const (
	credential       = "GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM"
	credentialSecret = "s3cret-0f-the-robot"
)

func TestAnswersCredentials(t *testing.T) {
	for words, want := range map[string]bool{
		"main git-credential get": true, "main git-credential": true, "main go-auth": true, "main go-auth https://git.example.com": true,
		"build": false, "detect /platform /plan": false, "build /layers /platform /plan": false, "go-auth": false, "build git-credentials": false, "build /git-credential": false, "main x go-auth": false, "": false,
	} {
		if got := AnswersCredentials(strings.Fields(words)); got != want {
			t.Errorf("%q: %v", words, got)
		}
	}
}

// TestAnswerCredentials: what the program says to git and to the go command, with variables and bindings as in the build.
func TestAnswerCredentials(t *testing.T) {
	platform := t.TempDir()
	apptest.Write(t, platform, "-- bindings/mine/type --\ngit-credentials\n-- bindings/mine/credentials --\nusername=b\npassword=s3cret-binding\n-- bindings/mine/context --\nhttps://b.example.com\n")
	t.Setenv(libcnb.EnvPlatformDirectory, platform)
	// A variable that was written to a file by an editor ends in a line break.
	environ := []string{libcnb.EnvPlatformDirectory + "=" + platform, credential + "=robot:" + credentialSecret + "\n", "PATH=/bin"}
	header := func(login string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(login))
	}
	for _, tt := range []struct {
		args []string
		in   string
		want string
	}{
		{[]string{"main", "git-credential", "get"}, "protocol=https\nhost=git.example.com\n\n", "username=robot\npassword=" + credentialSecret + "\n"},
		{[]string{"main", "git-credential", "get"}, "protocol=https\nhost=b.example.com\n\n", "username=b\npassword=s3cret-binding\n"},
		{[]string{"main", "git-credential", "get"}, "protocol=https\nhost=c.example.com\n\n", ""},
		{[]string{"main", "git-credential", "store"}, "protocol=https\nhost=git.example.com\n\n", ""},
		{[]string{"main", "git-credential", "erase"}, "protocol=https\nhost=git.example.com\n\n", ""},
		{[]string{"main", "git-credential"}, "protocol=https\nhost=git.example.com\n\n", ""},
		{[]string{"main", "go-auth", "https://b.example.com/x"}, "HTTP/1.1 401 Unauthorized\n\n", "https://b.example.com\n\n" + header("b:s3cret-binding") + "\n\n"},
		{[]string{"main", "go-auth", "https://c.example.com/x"}, "", ""},
		{[]string{"main", "go-auth"}, "", "https://b.example.com\nhttps://b.example.com:443\n\n" + header("b:s3cret-binding") + "\n\n" +
			"https://git.example.com\nhttps://git.example.com:443\n\n" + header("robot:"+credentialSecret) + "\n\n"},
	} {
		var out bytes.Buffer
		if err := AnswerCredentials(tt.args, environ, strings.NewReader(tt.in), &out); err != nil {
			t.Errorf("%q: %v", tt.args, err)
		}
		if diff := cmp.Diff(tt.want, out.String()); diff != "" {
			t.Errorf("%q %q (-want +got):\n%s", tt.args, tt.in, diff)
		}
	}
	// What is wrong is git's to say, without the value.
	for _, wrong := range []string{credential + "__0=robot:" + credentialSecret, credential + "=robot:" + credentialSecret + "\n\n" + credentialSecret} {
		var out bytes.Buffer
		err := AnswerCredentials([]string{"main", "git-credential", "get"}, []string{wrong}, strings.NewReader("protocol=https\nhost=git.example.com\n\n"), &out)
		if err == nil || !strings.Contains(err.Error(), credential) || strings.Contains(err.Error(), credentialSecret) || out.Len() > 0 {
			t.Errorf("%v, %q", err, out.String())
		}
	}
	t.Setenv(libcnb.EnvPlatformDirectory, filepath.Join(platform, "bindings", "mine", "type"))
	if err := AnswerCredentials([]string{"main", "go-auth"}, environ, nil, &bytes.Buffer{}); err == nil {
		t.Error("no error for bindings that cannot be read")
	}
}

// accessBuild is a build up to the access that it gives.
func accessBuild(t *testing.T, bindings libcnb.Bindings, environ ...string) (*build, *bytes.Buffer) {
	t.Helper()
	environ = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, environ...)
	access, err := private.Read(variables(environ), bindings)
	if err != nil {
		t.Fatal(err)
	}
	if access.Proxy != "" {
		environ = append([]string{"GOPROXY=" + access.Proxy}, environ...)
	}
	settings, err := ReadSettings(t.TempDir(), environ, metadata(t), "https://proxy.example,direct")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	return &build{
		report:  report{Logger: newLogger(&out, true, &secrets{texts: access.Secrets()})},
		context: libcnb.BuildContext{Buildpack: libcnb.Buildpack{Path: "/cnb/buildpacks/go"}, Platform: libcnb.Platform{Path: "/platform"}},
		access:  access, settings: settings, exec: effect.CommandExecutor{}, scratch: t.TempDir(),
	}, &out
}

func TestGiveAccess(t *testing.T) {
	login := credential + "=robot:" + credentialSecret
	everywhere := libcnb.Bindings{{Name: "mine", Type: "git-credentials", Secret: map[string]string{"credentials": "username=u\npassword=s3cret-all"}}}
	proxy := libcnb.Bindings{{Name: "mine", Type: "goproxy", Secret: map[string]string{"url": "https://corp.example.com", "username": "u", "password": "s3cret-proxy"}}}
	for name, tt := range map[string]struct {
		environ  []string
		bindings libcnb.Bindings
		says     []string
		vars     map[string]string
	}{
		"nothing": {nil, nil, nil, map[string]string{"GIT_TERMINAL_PROMPT": "0", "GOAUTH": "", "GONOSUMDB": "", "GIT_CONFIG_COUNT": ""}},
		"a variable": {[]string{login}, nil, []string{"Private access", credential + ": login for https://git.example.com", "GONOSUMDB=git.example.com", "GONOPROXY=git.example.com"},
			map[string]string{"GOAUTH": "/cnb/buildpacks/go/bin/main go-auth; netrc", "CNB_PLATFORM_DIR": "/platform", "GIT_CONFIG_COUNT": "2", "GONOSUMDB": "git.example.com", "GONOPROXY": "git.example.com",
				"GIT_CONFIG_KEY_1": "credential.https://git.example.com.helper", "GIT_CONFIG_VALUE_1": "!/cnb/buildpacks/go/bin/main git-credential"}},
		"the user's proxy": {[]string{login, "GOPROXY=https://corp.example.com"}, nil, []string{"GONOSUMDB=git.example.com"}, map[string]string{"GONOSUMDB": "git.example.com", "GONOPROXY": ""}},
		"the binding's proxy": {nil, proxy, []string{"binding mine: module proxy https://corp.example.com"},
			map[string]string{"GOPROXY": "https://corp.example.com", "GONOPROXY": ""}},
		"for every host": {nil, everywhere, []string{"binding mine: login for every https server", "WARNING: The login of the binding mine goes to every https server that asks for one"}, map[string]string{"GONOSUMDB": "", "GONOPROXY": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			b, out := accessBuild(t, tt.bindings, tt.environ...)
			if err := b.giveAccess(); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the log lacks %q:\n%s", want, out.String())
				}
			}
			if len(tt.says) == 0 && out.Len() > 0 {
				t.Errorf("the log says\n%s", out.String())
			}
			for name, want := range tt.vars {
				if got := b.settings.Env[name]; got != want {
					t.Errorf("%s=%s, want %s", name, got, want)
				}
			}
			if strings.Contains(out.String(), "s3cret") {
				t.Errorf("the log tells a secret:\n%s", out.String())
			}
		})
	}
}

// TestAccessReachesTheGoCommand: the environment in which the app is compiled and
// in which things are fetched still has what gives access, also where git is so
// old that it reads a file. No real old git is here: a stand-in says its version.
func TestAccessReachesTheGoCommand(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	standIn := filepath.Join(t.TempDir(), "stand-in-for-git-2.25.1")
	apptest.Write(t, standIn, "-- git --\n#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'git version 2.25.1'; else exec '"+git+"' \"$@\"; fi\n")
	if err := os.Chmod(filepath.Join(standIn, "git"), 0o755); err != nil { // #nosec G302 -- a script
		t.Fatal(err)
	}
	for name, path := range map[string]string{"now": os.Getenv("PATH"), "stand-in for an old git": standIn + string(filepath.ListSeparator) + os.Getenv("PATH")} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", path)
			b, _ := accessBuild(t, nil, credential+"=robot:"+credentialSecret, "PATH="+path)
			if err := b.giveAccess(); err != nil {
				t.Fatal(err)
			}
			config, err := b.configDirectory()
			if err != nil {
				t.Fatal(err)
			}
			for kind, env := range map[string][]string{
				"compile": b.settings.environment(goEnvironment{goroot: "/go", modules: true, config: config}), "download": b.settings.downloadEnvironment(),
			} {
				cmd := exec.Command("git", "config", "--get-urlmatch", "credential.helper", "https://git.example.com/team/lib.git")
				cmd.Env = append(slices.Clone(env), "PATH="+path, "GIT_CONFIG_NOSYSTEM=1")
				out, err := cmd.Output()
				if got := strings.TrimSpace(string(out)); got != "!/cnb/buildpacks/go/bin/main git-credential" {
					t.Errorf("%s: git's helper is %q, %v", kind, got, err)
				}
				for _, want := range []string{"GOAUTH=/cnb/buildpacks/go/bin/main go-auth; netrc", credential + "=robot:" + credentialSecret, "CNB_PLATFORM_DIR=/platform"} {
					if !slices.Contains(env, want) {
						t.Errorf("%s: it lacks %s", kind, want)
					}
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	build, _ := accessBuild(t, nil, credential+"=robot:"+credentialSecret)
	b := &project{build: build}
	if err := b.refused(nil); err != nil {
		t.Error(err)
	}
	other := errors.New("the disk is full")
	if err := b.refused(other); !errors.Is(err, other) || err.Error() != other.Error() {
		t.Error(err)
	}
	cause := errors.New("git: fatal: Authentication failed for 'https://git.example.com/team/lib.git/'")
	err := b.refused(cause)
	var explained *compile.Error
	if !errors.As(err, &explained) || !errors.Is(err, cause) {
		t.Fatal(err)
	}
	if want := "https://git.example.com does not take the login of " + credential + ": "; !strings.HasPrefix(explained.Advice, want) {
		t.Errorf("the advice is %q", explained.Advice)
	}
	if strings.Contains(err.Error(), credentialSecret) {
		t.Error(err)
	}
}

// TestRefusedWithoutAWord: of a repository whose import path ends in .git the go
// command says nothing but that it found no protocol. Real git is asked then.
func TestRefusedWithoutAWord(t *testing.T) {
	asked := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect { // a proxy that has http alone
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		asked <- r.URL.Host + r.URL.Path
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	const complaint = "go: no secure protocol found for repository"
	for name, tt := range map[string]struct {
		output, goMod string
		want          []string
		asked         bool
	}{
		"the path is said":     {"go: git.example.com/team/lib.git@v1.0.0: no secure protocol found for repository", "module app", []string{"http://git.example.com wants a login", "GO_GIT_CRED__HTTP__GIT__EXAMPLE__COM=USER:PASSWORD"}, true},
		"a path below is said": {"go: git.example.com/team/lib.git/v2/sub@v2.0.0: no secure protocol found for repository", "module app", []string{"http://git.example.com wants a login"}, true},
		"the path is in go.mod": {complaint, "module app\nrequire (\n\tother.example.com/lib v1.0.0\n\tgit.example.com/team/lib.git/v2 v2.0.0\n)\n",
			[]string{"http://git.example.com wants a login", "The login of " + credential + " is for https://git.example.com alone"}, true},
		"it is nowhere":  {complaint, "module app\nrequire other.example.com/lib v1.0.0\n", nil, false},
		"something else": {"go: git.example.com/team/lib.git@v1.0.0: unknown revision", "module app", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			build, log := accessBuild(t, nil, credential+"=robot:"+credentialSecret, "GOINSECURE=git.example.com", "HTTP_PROXY="+server.URL, "http_proxy="+server.URL,
				"HTTPS_PROXY="+server.URL, "https_proxy="+server.URL, "NO_PROXY=", "no_proxy=", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
			dir := t.TempDir()
			apptest.Write(t, dir, "-- go.mod --\n"+tt.goMod)
			p := &project{build: build, app: app{modules: deps.ModuleApp{GoMod: filepath.Join(dir, "go.mod")}}, job: compile.Job{Env: pairs(build.settings.Env)}}
			err := p.refused(errors.New(tt.output))
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nlacks %q", err, want)
				}
			}
			if len(tt.want) == 0 && tt.output != complaint && err.Error() != tt.output {
				t.Error(err)
			}
			if (len(asked) > 0) != tt.asked {
				t.Errorf("git asked %d times", len(asked))
			}
			for len(asked) > 0 {
				if url := <-asked; !strings.HasPrefix(url, "git.example.com/team/lib.git/") {
					t.Errorf("git asked for %s", url)
				}
			}
			if strings.Contains(err.Error()+log.String(), credentialSecret) {
				t.Errorf("a secret is told: %v\n%s", err, log.String())
			}
		})
	}
}
