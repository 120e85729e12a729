package golang

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// metadata is that of the real buildpack.toml.
func metadata(t testing.TB) map[string]any {
	t.Helper()
	var file struct{ Metadata map[string]any }
	if _, err := toml.DecodeFile(filepath.Join("..", "buildpack.toml"), &file); err != nil {
		t.Fatal(err)
	}
	return file.Metadata
}

func read(t testing.TB, environ ...string) (Settings, error) {
	t.Helper()
	return ReadSettings(t.TempDir(), environ, metadata(t), "https://proxy.example,direct")
}

func mustRead(t testing.TB, environ ...string) Settings {
	t.Helper()
	s, err := read(t, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettingsErrorsNameTheVariable(t *testing.T) {
	for name, c := range map[string]struct{ variable, want string }{
		"work dir missing":      {"BP_GO_WORKDIR=nowhere", "BP_GO_WORKDIR=nowhere: the app has no such directory"},
		"work dir outside":      {"BP_GO_WORKDIR=../x", "BP_GO_WORKDIR=../x leaves the app"},
		"unknown source of Go":  {"BP_GO_DIST_SOURCE=ftp", "BP_GO_DIST_SOURCE=ftp: only upstream and goproxy are known"},
		"unknown kind of cache": {"BP_GO_CACHE=raw", "BP_GO_CACHE=raw: only packed and off are known"},
		"proxy is no URL":       {"GOPROXY=https://user:pass word@proxy\x7f", "GOPROXY: entry 1 is no URL"},
		"neither on nor off":    {"GLIDE_SKIP_INSTALL=maybe", "GLIDE_SKIP_INSTALL=maybe: write true or false"},
		"import path":           {"BP_GO_BUILD_IMPORT_PATH=a b", "BP_GO_BUILD_IMPORT_PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, c.variable)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "pass word") {
				t.Errorf("the error holds a password: %v", err)
			}
		})
	}
}

func TestSettingsFromFilesMayEndInALineBreak(t *testing.T) {
	s := mustRead(t, "GOPROXY=https://a.example\n", "BP_GO_TARGETS= ./a : ./b:\n", "BP_GO_VERSION=1.26\r\n")
	if s.Env["GOPROXY"] != "https://a.example" || s.BPGoVersion != "1.26" {
		t.Errorf("GOPROXY %q, BP_GO_VERSION %q", s.Env["GOPROXY"], s.BPGoVersion)
	}
	if diff := cmp.Diff([]string{"./a", "./b"}, s.Targets.Patterns); diff != "" {
		t.Error(diff)
	}
}

func TestTargetsComeFromTheMoreParticularSetting(t *testing.T) {
	both := mustRead(t, "BP_GO_TARGETS=./a", "GO_INSTALL_PACKAGE_SPEC=./b ./c")
	if both.Targets.From != "BP_GO_TARGETS" {
		t.Errorf("targets from %s", both.Targets.From)
	}
	classic := mustRead(t, "GO_INSTALL_PACKAGE_SPEC=./b ./c")
	if diff := cmp.Diff([]string{"./b", "./c"}, classic.Targets.Patterns); diff != "" {
		t.Error(diff)
	}
}

func TestProxiesOfTheUserComeFirst(t *testing.T) {
	for variable, want := range map[string]struct {
		n     int
		first bool
	}{
		"GOPROXY=":                           {1, false},
		"GOPROXY=off":                        {0, false},
		"GOPROXY=direct":                     {0, false},
		"GOPROXY=https://a|file:///b,direct": {2, true},
	} {
		s := mustRead(t, variable)
		if len(s.Proxies) != want.n || s.ProxySet != want.first {
			t.Errorf("%s: %d proxies, first %t; want %d, %t", variable, len(s.Proxies), s.ProxySet, want.n, want.first)
		}
	}
}

func TestEnvironmentOfTheGoCommand(t *testing.T) {
	s := mustRead(t, "PATH=/bin", "GOOS=plan9", "GOPATH=/mine", "GOFLAGS=-x", "GOPRIVATE=corp.example", "CGO_CFLAGS=-I${build_dir}/include", "GOWORK=off", "TERM=dumb")
	got := map[string]string{}
	for _, pair := range s.environment(goEnvironment{
		goroot: "/layers/go", modules: true, goos: "linux", goarch: "arm64", gopath: "/layers/modules", gocache: "/layers/build", config: "/layers/scratch/config",
		gowork: "/workspace/go.work", goflags: "-x", buildDir: "/workspace",
	}) {
		name, value, _ := strings.Cut(pair, "=")
		if _, twice := got[name]; twice {
			t.Errorf("%s stands twice in the environment", name)
		}
		got[name] = value
	}
	want := map[string]string{
		"PATH": "/layers/go/bin:/bin", "GOROOT": "/layers/go", "GOPATH": "/layers/modules", "GOMODCACHE": "/layers/modules/pkg/mod",
		"GOCACHE": "/layers/build", "XDG_CONFIG_HOME": "/layers/scratch/config", "GOTOOLCHAIN": "local", "GOENV": "off", "GOOS": "linux", "GOARCH": "arm64", "GO111MODULE": "on",
		"GOWORK": "/workspace/go.work", "GOFLAGS": "-x", "GOPRIVATE": "corp.example", "CGO_CFLAGS": "-I/workspace/include", "TERM": "dumb",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"GOPATH", "GOOS"}, s.ownedByUser()); diff != "" {
		t.Errorf("owned variables that the user set (-want +got):\n%s", diff)
	}
}

func TestFetchingGoLeavesTheChecksumDatabaseAlone(t *testing.T) {
	s := mustRead(t, "GOPROXY=https://a", "GONOSUMDB=*", "GOSUMDB=off", "GOFLAGS=-mod=vendor", "GOPRIVATE=*", "GOINSECURE=*", "HTTPS_PROXY=http://p")
	if diff := cmp.Diff([]string{"GOPROXY=https://a", "HTTPS_PROXY=http://p"}, s.downloadEnvironment()); diff != "" {
		t.Error(diff)
	}
}

func TestDebugLogMasksSecrets(t *testing.T) {
	const secret = "hunter2"
	s := mustRead(t, "GO_GIT_CRED__HTTPS__GITHUB__COM=user:"+secret, "NPM_TOKEN="+secret, "MY_PASSWORD="+secret, "API_KEY="+secret, "MYSQL_PWD="+secret, "DSN=u:"+secret+"@tcp(h)/db", "BP_DEPENDENCY_MIRROR=https://u:a@"+secret+"@h/go",
		"GOPROXY=https://me:"+secret+"@proxy.example,direct", "GOAUTH="+secret, "GOPRIVATE=corp.example", "PLAIN="+secret, "GOFLAGS=-x")
	var out strings.Builder
	logger := NewLogger(&out, true)
	for _, pair := range s.masked() {
		logger.Body(pair)
	}
	all := out.String()
	if strings.Contains(all, secret) {
		t.Errorf("a secret is in the log:\n%s", all)
	}
	for _, want := range []string{"PLAIN=xxxxx", "GOFLAGS=-x", "GOPRIVATE=corp.example", "GOPROXY=https://xxxxx@proxy.example,direct", "NPM_TOKEN=xxxxx"} {
		if !strings.Contains(all, want) {
			t.Errorf("the log lacks %s:\n%s", want, all)
		}
	}
	if found := strings.Join(s.Found(), " "); strings.Contains(found, secret) || !strings.Contains(found, "GOPROXY") {
		t.Errorf("settings found: %s", found)
	}
}

func TestNetrcIsTheGoCommandsOwn(t *testing.T) {
	for env, want := range map[string]string{"NETRC=/etc/logins": "/etc/logins", "HOME=/home/me": "/home/me/.netrc", "NETRC=": ""} {
		if got := mustRead(t, env).netrc(); got != want {
			t.Errorf("%s: %q, want %q", env, got, want)
		}
	}
}

func TestSwitches(t *testing.T) {
	for value, want := range map[string]bool{"": false, "true": true, "TRUE": true, "1": true, "false": false, "0": false, "true\n": true} {
		if got := mustRead(t, "GO_INSTALL_TOOLS_IN_IMAGE="+value).GoInImage; got != want {
			t.Errorf("%q is %t", value, got)
		}
	}
}

func TestEnvironmentWithoutModulesHasAllWorkspaces(t *testing.T) {
	s := mustRead(t, "GO15VENDOREXPERIMENT=0", "GOPATH=/mine")
	env := s.environment(goEnvironment{goroot: "/go", gopath: "/a", moreGOPATH: []string{"/b", "/c"}, vendorExperiment: "1"})
	for _, want := range []string{"GOPATH=/a:/b:/c", "GO15VENDOREXPERIMENT=1", "GO111MODULE=off", "GOMODCACHE=/a/pkg/mod"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	if env := s.environment(goEnvironment{}); !slices.Contains(env, "GO15VENDOREXPERIMENT=0") {
		t.Errorf("the user's own GO15VENDOREXPERIMENT is missing in %q", env)
	}
}
