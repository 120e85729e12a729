package integration

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/Scalingo/go-cnb/go/deps"
)

// legacyTools are the samples of tools from before modules that know a lock.
var legacyTools = []string{"dep", "godep", "govendor", "glide", "gb"}

// commits are the revisions that the locks of the samples and of glide name, with the versions they are.
var commits = map[string]string{
	"github.com/gorilla/context/@v/08b5f424b9271eedf6f9f0ce86cb9396ed337a42": "v1.1.1",
	"github.com/gorilla/mux/@v/392c28fe23e1c45ddba891b0320b3b5df220beea":     "v1.3.0",
	"github.com/pkg/errors/@v/645ef00459ed84a119197bfb8d8205042c6df63d":      "v0.8.0",

	"github.com/codegangsta/cli/@v/cfb38830724cc34fedffe9a2a29fb54fa9169cd1":      "v1.20.0",
	"github.com/!masterminds/semver/@v/c7af12943936e8c39859482e61f0574c2fd7fc75":  "v1.4.2",
	"github.com/!masterminds/vcs/@v/f94282d8632a0620f79f0c6ff0e82604e8c5c85b":     "v1.13.1",
	"github.com/mitchellh/go-homedir/@v/b8bc1bf767474819792c23f32d8286a45736f1c6": "v0.0.0-20161203194507-b8bc1bf76747",
	"gopkg.in/yaml.v2/@v/670d4cfef0544295bc27a114dbac37980d83185a":                "v2.0.0-20170721113624-670d4cfef054",
}

// commitProxy passes everything on to this machine's module proxy, which may
// refuse to look up commits, and answers for the commits of the samples itself.
// It returns the URL.
func commitProxy(t testing.TB) string {
	t.Helper()
	pass := passToModuleProxy(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		commit := strings.TrimPrefix(strings.TrimSuffix(r.URL.Path, ".info"), "/")
		if version, ok := commits[commit]; ok {
			module, _, _ := strings.Cut(commit, "/@v/")
			r.URL.Path = "/" + module + "/@v/" + version + ".info"
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// passToModuleProxy is a module proxy that passes everything on to this machine's.
func passToModuleProxy(t testing.TB) http.Handler {
	t.Helper()
	needsProxy(t)
	upstream, err := url.Parse(regexp.MustCompile(`[,|]`).Split(goEnv(t, "GOPROXY"), 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(upstream)
		r.Out.Host = ""
	}}
}

// TestLegacyToolsFetchBuildAndServe builds the sample of every tool without a
// committed vendor directory, with the Go of its time and a current one (under
// pack, with the tools' default). A second build needs no network.
func TestLegacyToolsFetchBuildAndServe(t *testing.T) {
	own := commitProxy(t)
	t.Parallel()
	for _, version := range []string{"1.4", "1.27.*"} {
		layers := filepath.Join(t.TempDir(), "layers") // one Go for all tools
		for _, tool := range legacyTools {
			t.Run(tool+" with Go "+version, func(t *testing.T) {
				p := phases{app: copied(t, sample(tool)), layers: layers, scratch: t.TempDir()}
				env := append(hostNetwork(t), "BP_GO_VERSION="+version)
				if tool == "glide" || tool == "gb" {
					env = append(env, "GOPROXY="+own) // their locks know commits only
				}
				built := p.run(t, "build", env...)
				if built.code != 0 {
					t.Fatalf("build:\n%s", built.text)
				}
				wantLines(t, built.text, `3 modules of `, ` static `, `To move to modules`)
				name := map[bool]string{true: "hello", false: tool}[tool == "gb"]
				answer := serve(t, filepath.Join(layers, "bin", "bin", name))
				if want := "go" + strings.TrimSuffix(version, ".*"); !strings.Contains(answer, want) {
					t.Errorf("the app answered %q, want it to say %s", answer, want)
				}
				unchanged(t, p.app, sample(tool))

				again := p.run(t, "build", "BP_GO_VERSION="+version, "GOPROXY=off")
				if again.code != 0 || strings.Contains(again.text, "to download with") {
					t.Errorf("second build, offline:\n%s", again.text)
				}
				wantLines(t, again.text, `3 modules of .*, none downloaded`)
			})
		}
	}
}

// TestLegacyToolsWithCommittedPackages builds the samples with what they need committed, and no network.
func TestLegacyToolsWithCommittedPackages(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	layers := filepath.Join(t.TempDir(), "layers")
	first := phases{app: copied(t, sample("dep")), layers: layers, scratch: t.TempDir()}
	if built := first.run(t, "build", hostNetwork(t)...); built.code != 0 {
		t.Fatalf("build:\n%s", built.text)
	}
	packages, fetched := t.TempDir(), t.TempDir()
	unpack(t, filepath.Join(layers, "vendor", "vendor.tar.zst"), fetched)
	for commit, version := range commits {
		path, _, _ := strings.Cut(commit, "/@v/")
		if _, err := os.Stat(filepath.Join(fetched, path+"@"+version)); err != nil {
			continue // not one of the samples'
		}
		if err := deps.CopyTree(filepath.Join(fetched, path+"@"+version), filepath.Join(packages, path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		tool, vendor, say string
		env               []string
		prepare           func(t *testing.T, app string)
	}{
		{"dep", "vendor", `metadata.scalingo.ensure is false`, nil, func(t *testing.T, app string) {
			replaceIn(t, filepath.Join(app, "Gopkg.toml"), "[metadata.scalingo]", "[metadata.scalingo]\n  ensure = false")
		}},
		{"dep", "vendor", `cannot be fetched, so that the committed vendor/ is used as it is`, nil, nil},
		{"godep", "vendor", `vendor/ is committed`, nil, nil},
		{"godep", "Godeps/_workspace/src", `Godeps/_workspace is committed`, nil, nil},
		{"govendor", "vendor", `scalingo.sync is false`, nil, func(t *testing.T, app string) {
			replaceIn(t, filepath.Join(app, "vendor", "vendor.json"), `"scalingo": {`, `"scalingo": { "sync": false,`)
		}},
		{"glide", "vendor", `GLIDE_SKIP_INSTALL is set`, []string{"GLIDE_SKIP_INSTALL=true"}, nil},
		{"gb", "vendor/src", `vendor/src is committed`, nil, nil},
		{"godir", "vendor", `vendor/ is committed`, nil, nil},
		{"godir", "vendor", `Go 1\.4\.3`, append(hostNetwork(t), "BP_GO_VERSION=1.4"), nil},
	} {
		t.Run(c.tool+" "+c.vendor, func(t *testing.T) {
			app := copied(t, sample(c.tool))
			if err := deps.CopyTree(packages, filepath.Join(app, filepath.FromSlash(c.vendor))); err != nil {
				t.Fatal(err)
			}
			if c.prepare != nil {
				c.prepare(t, app)
			}
			if err := os.RemoveAll(filepath.Join(layers, "vendor")); err != nil {
				t.Fatal(err)
			}
			p := phases{app: app, layers: layers, scratch: t.TempDir()}
			env, want := append([]string{"GOPROXY=off"}, c.env...), "go1.12.17"
			if slices.Contains(c.env, "BP_GO_VERSION=1.4") {
				want = "go1.4.3" // which has to be downloaded; a Go without vendor/ finds the packages too
			}
			built := p.run(t, "build", env...)
			if built.code != 0 {
				t.Fatalf("build:\n%s", built.text)
			}
			wantLines(t, built.text, c.say)
			name := map[bool]string{true: "hello", false: c.tool}[c.tool == "gb"]
			if answer := serve(t, filepath.Join(layers, "bin", "bin", name)); !strings.Contains(answer, want) {
				t.Errorf("the app answered %q, want it to say %s", answer, want)
			}
		})
	}
}

// TestLegacyToolsUnderPack builds and runs the samples with pack.
func TestLegacyToolsUnderPack(t *testing.T) {
	needsEngine(t)
	own := commitProxy(t)
	for _, tool := range append([]string{"godir"}, legacyTools...) {
		t.Run(tool, func(t *testing.T) {
			args := []string{"--image", "legacy-test", "--env", "NO_COLOR=1"}
			if tool == "glide" || tool == "gb" {
				args = append(args, "--env", "GOPROXY="+own)
			}
			log, err := script(t, "pack.sh", append(args, sample(tool))...)
			if err != nil {
				t.Fatal(err)
			}
			wantLines(t, log, `To move to modules`)
			want := "built with go1.12.17"
			if tool == "godir" {
				want = "built with go1.2" // the newest
			}
			answers(t, "legacy-test", want)
		})
	}
}

// TestAppOfADeadToolWithoutALock shows what to do when nothing says which versions to fetch.
func TestAppOfADeadToolWithoutALock(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	app := copied(t, sample("glide"))
	if err := os.Remove(filepath.Join(app, "glide.lock")); err != nil {
		t.Fatal(err)
	}
	p := phases{app: app, layers: t.TempDir(), scratch: t.TempDir()}
	built := p.run(t, "build", hostNetwork(t)...)
	if built.code == 0 {
		t.Error("the build succeeded")
	}
	wantLines(t, built.text, `run "glide install" and commit glide.lock`)
}

// TestRealApplicationsFromBeforeModules builds programs that nobody here wrote:
// glide by its own lock, and etcd, which has its dependencies in Godeps/_workspace.
func TestRealApplicationsFromBeforeModules(t *testing.T) {
	own := commitProxy(t)
	t.Parallel()
	layers := filepath.Join(t.TempDir(), "layers")
	for _, c := range []struct {
		module string
		env    []string
		log    []string
		run    []string
		says   string
	}{
		{"github.com/Masterminds/glide@v0.13.3", nil, []string{`5 modules of glide.lock, 5 downloaded`}, []string{"glide", "--version"}, "glide version"},
		{"github.com/coreos/etcd@v2.3.8+incompatible", []string{"BP_GO_TARGETS=.:./etcdctl"},
			[]string{`.godir is not used: Godeps/Godeps.json comes first`, `Not fetched: Godeps/_workspace is committed`, `etcdctl .* static`}, []string{"etcd", "--version"}, "etcd Version: 2.3.8"},
	} {
		t.Run(c.module, func(t *testing.T) {
			app := t.TempDir()
			if err := deps.CopyTree(moduleDir(t, c.module), app); err != nil {
				t.Fatal(err)
			}
			p := phases{app: app, layers: layers, scratch: t.TempDir()}
			built := p.run(t, "build", append(append(hostNetwork(t), "GOPROXY="+own, "BP_GO_VERSION=1.12.17"), c.env...)...)
			if built.code != 0 {
				t.Fatalf("build:\n%s", built.text)
			}
			wantLines(t, built.text, c.log...)
			out, err := exec.Command(filepath.Join(layers, "bin", "bin", c.run[0]), c.run[1:]...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.says) {
				t.Errorf("%v: %v\n%s", c.run, err, out)
			}
		})
	}
}

// TestProgramsOfOldGoUseAllCPUs runs a program of Go 1.4, which takes one CPU
// unless it is told otherwise, under the real launcher.
func TestProgramsOfOldGoUseAllCPUs(t *testing.T) {
	needsSandbox(t)
	app, volume := t.TempDir(), t.TempDir()
	source := `package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%d of %d with %s", runtime.GOMAXPROCS(0), runtime.NumCPU(), runtime.Version())
	})
	panic(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
`
	if err := os.WriteFile(filepath.Join(app, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, volume, "cpus", app, "--env", "BP_GO_VERSION=1.4")
	expect := fmt.Sprintf("%d of %d with go1.4", runtime.NumCPU(), runtime.NumCPU())
	if _, err := lab(t, "run", "--volume-dir", volume, "--image", "cpus", "--expect", expect); err != nil {
		t.Error(err)
	}
}
