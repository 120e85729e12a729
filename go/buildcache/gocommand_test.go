package buildcache

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// goCommand is the go command of this machine in an app of its own, without a network.
type goCommand struct {
	t                               *testing.T
	app, modcache, gocache, goproxy string
	store                           *Store
	modules                         *Modules
	compiled                        *Compiled
	sums                            Sums
	world                           *world
}

func newGoCommand(t *testing.T, files map[string]string) *goCommand {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: -short, and the go command takes seconds")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("SKIPPED: install Go, there is no go command: %v", err)
	}
	top := t.TempDir()
	g := &goCommand{
		t: t, app: filepath.Join(top, "app"), modcache: filepath.Join(top, "scratch", "mod"), gocache: filepath.Join(top, "scratch", "gocache"),
		goproxy: "off", world: newWorld(t),
	}
	for name, text := range files {
		put(t, filepath.Join(g.app, filepath.FromSlash(name)), text)
	}
	t.Cleanup(func() { _ = Remove(filepath.Join(top, "scratch")) }) // module caches are read-only
	return g
}

// try runs the go command, and returns all that it says.
func (g *goCommand) try(args ...string) (string, error) {
	g.t.Helper()
	command := exec.CommandContext(g.t.Context(), "go", args...)
	command.Dir = g.app
	home := filepath.Dir(g.app)
	command.Env = []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "GOPATH=" + home, "GOMODCACHE=" + g.modcache, "GOCACHE=" + g.gocache, "GOPROXY=" + g.goproxy,
		"GOSUMDB=off", "GOTOOLCHAIN=local", "GOFLAGS=-buildvcs=false", "GOTELEMETRY=off", "CGO_ENABLED=0", "GOENV=off", "GOWORK=off", "GODEBUG=goindex=0",
	}
	out, err := command.CombinedOutput()
	return string(out), err
}

func (g *goCommand) run(args ...string) string {
	g.t.Helper()
	out, err := g.try(args...)
	if err != nil {
		g.t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// begin is the start of a build: the directories are empty but for what the packs have.
func (g *goCommand) begin() {
	g.t.Helper()
	must(g.t, errors.Join(Remove(g.modcache), Remove(g.gocache)))
	g.store = g.world.build()
	var err error
	g.modules, err = g.store.OpenModules(g.modcache)
	must(g.t, err)
	g.compiled, err = g.store.OpenCompiled(g.gocache, nil, "")
	must(g.t, err)
	must(g.t, errors.Join(g.modules.Unpack(g.sums, false), g.compiled.Unpack()))
}

// end keeps what the build used.
func (g *goCommand) end() {
	g.t.Helper()
	s := Selection{Sums: g.sums}
	for decoder := json.NewDecoder(strings.NewReader(g.run("list", "-deps", "-json=Dir,Module", "./..."))); ; {
		var p struct {
			Dir    string
			Module *struct{ Dir string }
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			g.t.Fatal(err)
		}
		if p.Module != nil {
			s.Packages = append(s.Packages, Used{Dir: p.Dir, Module: p.Module.Dir})
		}
	}
	must(g.t, errors.Join(g.modules.Keep(s), g.compiled.Keep()))
	g.world.end(append(g.compiled.Caches(), g.modules.Cache)...)
	g.world.warned(0)
}

// changes says what the build stored anew.
func (g *goCommand) changes() string {
	return g.modules.Change() + " " + g.compiled.base.Change() + " " + g.compiled.delta.Change()
}

func TestTheGoCommandCompilesNothingTwice(t *testing.T) {
	g := newGoCommand(t, map[string]string{
		"go.mod":   "module example.com/app\n\ngo 1.21\n",
		"a/a.go":   "package a\n\nimport (\n\t\"unicode/utf8\"\n\n\t\"example.com/app/b\"\n)\n\nvar A = b.B + utf8.UTFMax\n",
		"b/b.go":   "package b\n\nimport _ \"unsafe\"\n\nvar B = 1\n",
		"c/c.go":   "package c\n",
		"c/c_2.go": "package c\n",
	})
	g.begin()
	same(t, "first build", setOf("example.com/app/a", "example.com/app/b", "example.com/app/c", "unicode/utf8"), setOf(strings.Fields(g.run("build", "-v", "./..."))...))
	g.end()
	for range 2 {
		g.begin()
		if out := g.run("build", "-x", "-v", "./..."); strings.Contains(out, "/compile ") || strings.Contains(out, "example.com/app/a\n") {
			t.Errorf("it was compiled again:\n%s", out)
		}
		g.end()
		same(t, "changes", "unchanged unchanged unchanged", g.changes())
	}
	put(t, filepath.Join(g.app, "b", "b.go"), "package b\n\nvar B = 2\n")
	g.begin()
	same(t, "after a change", setOf("example.com/app/a", "example.com/app/b"), setOf(strings.Fields(g.run("build", "-v", "./..."))...))
	g.end()
	// What was compiled before is more than a quarter of all here.
	if changes := g.changes(); changes == "unchanged unchanged unchanged" {
		t.Error("what was compiled anew is not kept")
	}
	g.begin()
	same(t, "the build after", "", g.run("build", "-v", "./..."))
}

// publish puts a module into a proxy, which is a directory.
func publish(t *testing.T, proxy string, v module.Version, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	at := filepath.Join(proxy, v.Path, "@v")
	put(t, filepath.Join(at, "list"), v.Version+"\n")
	put(t, filepath.Join(at, v.Version+".mod"), files["go.mod"])
	put(t, filepath.Join(at, v.Version+".info"), `{"Version": "`+v.Version+`", "Time": "2020-01-01T00:00:00Z"}`)
	out, err := os.Create(filepath.Join(at, v.Version+".zip"))
	must(t, err)
	must(t, zip.CreateFromDir(out, v, dir))
	must(t, out.Close())
}

// readSums reads the app's go.sum.
func (g *goCommand) readSums() {
	g.t.Helper()
	data, err := os.ReadFile(filepath.Join(g.app, "go.sum"))
	must(g.t, err)
	g.sums = Sums{}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		g.sums[module.Version{Path: fields[0], Version: fields[1]}] = fields[2]
	}
}

// TestTheGoCommandBuildsWithParts: nothing is fetched for what was used before, and
// where something else is used, the go command's words say which module has to be there in whole.
func TestTheGoCommandBuildsWithPartsOfModules(t *testing.T) {
	g := newGoCommand(t, map[string]string{
		"go.mod": "module example.com/app\n\ngo 1.21\n\nrequire (\n\texample.com/lib v1.0.0\n\texample.com/other v1.0.0\n)\n",
		"app.go": "package app\n\nimport (\n\t_ \"example.com/lib/files\"\n\t_ \"example.com/lib/used\"\n\t_ \"example.com/other\"\n)\n",
	})
	proxy := t.TempDir()
	lib, other := module.Version{Path: "example.com/lib", Version: "v1.0.0"}, module.Version{Path: "example.com/other", Version: "v1.0.0"}
	publish(t, proxy, lib, map[string]string{
		"go.mod": "module example.com/lib\n", "LICENSE": "MIT", "lib.go": "package lib\n",
		"used/used.go": "package used\n", "used/used_test.go": "package used\n", "unused/unused.go": "package unused\n",
		"files/files.go": "package files\n\n// X would be as with //go:embed, whose package takes seconds to compile.\nvar X string\n", "files/static/x.txt": "x",
	})
	publish(t, proxy, other, map[string]string{"go.mod": "module example.com/other\n", "other.go": "package other\n", "sub/sub.go": "package sub\n"})
	g.begin()
	g.goproxy = "file://" + proxy
	g.run("mod", "download", "all")
	g.run("mod", "tidy")
	g.readSums()
	g.run("build", "./...")
	g.end()

	g.begin()
	g.goproxy = "off"
	found := names(t, g.modcache)
	for name, want := range map[string]bool{
		"example.com/lib@v1.0.0/used/used.go": true, "example.com/lib@v1.0.0/used/used_test.go": false, "example.com/lib@v1.0.0/unused/unused.go": false,
		"example.com/lib@v1.0.0/files/static/x.txt": true, "example.com/lib@v1.0.0/LICENSE": true, "example.com/other@v1.0.0/sub/sub.go": false,
		"cache/download/example.com/lib/@v/v1.0.0.zip": false, "cache/download/example.com/lib/@v/v1.0.0.ziphash": true,
	} {
		if found[name] != want {
			t.Errorf("%s is there: %t", name, !want)
		}
	}
	same(t, "what the build of the same says", "", g.run("build", "-v", "./..."))
	g.end()
	same(t, "changes", "unchanged unchanged unchanged", g.changes())

	put(t, filepath.Join(g.app, "more.go"), "package app\n\nimport _ \"example.com/lib/unused\"\n")
	g.begin()
	out, err := g.try("build", "./...")
	if err == nil {
		t.Fatal("there is a package that was not kept")
	}
	if n, err := g.modules.Complete(out); n != 1 || err != nil || isDir(filepath.Join(g.modcache, "example.com", "lib@v1.0.0")) {
		t.Errorf("%d modules were completed, %v, after\n%s", n, err, out)
	}
	if _, err := g.try("build", "./..."); err == nil || g.modules.Missing() != 1 {
		t.Errorf("without a network: %v, %d missing", err, g.modules.Missing())
	}
	g.goproxy = "file://" + proxy
	g.run("build", "./...")
	if g.modules.Missing() != 0 || g.modules.Partial() != 1 {
		t.Errorf("%d missing, %d in part", g.modules.Missing(), g.modules.Partial())
	}
	g.end()
	g.begin()
	g.goproxy = "off"
	same(t, "what the last build says", "", g.run("build", "-v", "./..."))
}
