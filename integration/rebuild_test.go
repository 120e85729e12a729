package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/klauspost/compress/zstd"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// rebuilt is an app that is built again and again, with the caches of the build before.
type rebuilt struct {
	phases
	env []string
	// goEnv is what the author's go command has besides this machine's environment.
	goEnv []string
	// clean are programs of builds without caches, by what they were built from.
	clean map[string][]byte
}

// rebuiltGo is the Go of these apps.
const rebuiltGo = "1.26.10"

func newRebuilt(t *testing.T, app string) *rebuilt {
	t.Helper()
	r := untidied(t, app)
	r.goCommand(t, "mod", "tidy")
	return r
}

// untidied is an app whose go.mod and go.sum are yet to be made complete.
func untidied(t *testing.T, app string) *rebuilt {
	t.Helper()
	dir := t.TempDir()
	r := &rebuilt{
		phases: phases{app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), scratch: filepath.Join(dir, "scratch")},
		env:    append(hostNetwork(t), "BP_GO_VERSION="+rebuiltGo), clean: map[string][]byte{},
	}
	apptest.Write(t, r.app, app)
	return r
}

// goCommand runs the go command of this machine in the app, as its author would.
func (r *rebuilt) goCommand(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = r.app
	cmd.Env = append(append(os.Environ(), "GOFLAGS=", "GOWORK="), r.goEnv...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// restore does what the lifecycle does between two builds: only layers marked as cache come back.
func restore(t *testing.T, layers string) {
	t.Helper()
	entries, err := os.ReadDir(layers)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".toml")
		if name == "scratch" {
			t.Error("the build left its scratch directory")
		}
		var layer struct{ Types struct{ Cache bool } }
		_, err := toml.DecodeFile(filepath.Join(layers, name+".toml"), &layer)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if !layer.Types.Cache {
			if err := os.RemoveAll(filepath.Join(layers, entry.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// build builds with the caches in layers and returns the program and the log. The app is always in the same
// place, since some programs say where they were compiled.
func (r *rebuilt) build(t *testing.T, layers string, env ...string) (program []byte, log string) {
	t.Helper()
	p := r.phases
	p.app, p.layers, p.scratch = filepath.Join(filepath.Dir(layers), "workspace"), layers, t.TempDir()
	if err := os.RemoveAll(p.app); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(p.app, os.DirFS(r.app)); err != nil { // the build adds links to it
		t.Fatal(err)
	}
	out := p.run(t, "build", append(slices.Clone(r.env), env...)...)
	if out.code != 0 {
		t.Fatalf("build:\n%s", out.text)
	}
	program, err := os.ReadFile(filepath.Join(layers, "bin", "bin", "app"))
	if err != nil {
		t.Fatal(err)
	}
	restore(t, layers)
	return program, out.text
}

// cleanBuild is the program of a build without caches. Neither is Go fetched anew, nor are the packages compiled anew that belong to it:
// those are of a build of nothing else.
func (r *rebuilt) cleanBuild(t *testing.T, env ...string) []byte {
	t.Helper()
	key := strings.Join(env, " ")
	err := filepath.WalkDir(r.app, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		key += path + "\x00" + string(data) + "\x00"
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if program, ok := r.clean[key]; ok {
		return program
	}
	aside := r.layers + " of the builds before"
	if err := os.Rename(r.layers, aside); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(linkCaches(aside, r.layers, "go-dist", "go-dist-rest"), linkCaches(standardLayers(t), r.layers, "build-base")); err != nil {
		t.Fatal(err)
	}
	program, _ := r.build(t, r.layers, env...)
	r.clean[key] = program
	if err := errors.Join(os.RemoveAll(r.layers), os.Rename(aside, r.layers)); err != nil {
		t.Fatal(err)
	}
	return program
}

// standardApp needs of the standard library what rebuiltApp does, and nothing else.
const standardApp = `
-- go.mod --
module example.com/standard

go 1.25
-- main.go --
package main

import (
	_ "bytes"
	_ "errors"
	_ "fmt"
	_ "io"
	_ "os"
	_ "path"
	_ "runtime/debug"
	_ "sort"
	_ "strconv"
	_ "strings"
	_ "sync"
	_ "unicode/utf8"
)

func main() {}
`

var standard sync.Once

// standardLayers are the layers of one build of standardApp.
func standardLayers(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(shared, "standard")
	p := phases{app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), scratch: filepath.Join(dir, "scratch")}
	standard.Do(func() {
		apptest.Write(t, p.app, standardApp)
		if built := p.run(t, "build", append(hostNetwork(t), "BP_GO_VERSION="+rebuiltGo)...); built.code != 0 {
			t.Errorf("build:\n%s", built.text)
		}
	})
	return p.layers
}

// check builds with the caches and compares with a build without.
func (r *rebuilt) check(t *testing.T, env ...string) (log string) {
	t.Helper()
	program, log := r.build(t, r.layers, env...)
	if !bytes.Equal(program, r.cleanBuild(t, env...)) {
		t.Errorf("the program is another than that of a build without caches:\n%s", log)
	}
	return log
}

// packs are the files of the cached layers, by their names.
func (r *rebuilt) packs(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.layers, "*", "*.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	packs := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		packs[strings.TrimSuffix(filepath.Base(file), ".tar.zst")] = data
	}
	return packs
}

// unpack unpacks a pack the way that the documentation says, with a tar that knows nothing of packs.
func unpack(t *testing.T, pack, dir string) {
	t.Helper()
	file, err := os.Open(pack)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	decoder, err := zstd.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	cmd := exec.Command("tar", "-x", "-C", dir)
	cmd.Stdin = decoder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
}

func (r *rebuilt) write(t *testing.T, name, content string) {
	t.Helper()
	file := filepath.Join(r.app, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// rebuiltApp needs little of the standard library: it is compiled in each build without caches.
const rebuiltApp = `
-- go.mod --
module example.com/app

go 1.25

require (
	github.com/pkg/errors v0.8.1
	golang.org/x/text v0.31.0
)
-- main.go --
package main

import (
	"fmt"

	"github.com/pkg/errors"
	"golang.org/x/text/language"
)

func main() { fmt.Println("first", errors.New("no error"), language.German, more()) }
-- more.go --
package main

func more() string { return "" }
-- debug.go --
//go:build debug

package main

import "golang.org/x/text/unicode/norm"

func init() { println(norm.NFC.String("debug")) }
-- c/c.go --
package c

// int one(void) { return 1; }
import "C"

func One() int { return int(C.one()) }
-- c/none.go --
package c
`

// TestRebuilds takes one app through all that may change between two builds.
// Each build has the caches of the one before, and its program has to be that of a build without any.
func TestRebuilds(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	r := newRebuilt(t, rebuiltApp)
	wantLines(t, r.check(t), `2 modules, 2 downloaded`)

	before := r.packs(t)
	wantLines(t, r.check(t), `2 modules, none downloaded`, `build-base .* unchanged`, `listings .* unchanged`)
	if after := r.packs(t); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Errorf("a build that changed nothing changed the caches: %d packs, then %d", len(before), len(after))
	}

	replaceIn(t, filepath.Join(r.app, "main.go"), "first", "second")
	wantLines(t, r.check(t), `none downloaded`, `go-dist .* unchanged`, `modules .* unchanged`, `build-base .* unchanged`, `build-delta .* written`, `listings .* unchanged`)

	r.write(t, "more.go", "package main\n\nimport \"golang.org/x/text/cases\"\n\nfunc more() string { return cases.Fold().String(\"MORE\") }\n")
	wantLines(t, r.check(t), `Looking again, with the whole of 1 module`, `2 modules, 1 downloaded`, `listings .* written`)
	wantLines(t, r.check(t), `2 modules, none downloaded`, `listings .* unchanged`)

	r.goCommand(t, "get", "github.com/pkg/errors@v0.9.1")
	r.goCommand(t, "mod", "tidy")
	wantLines(t, r.check(t), `2 modules, 1 downloaded`)

	wantLines(t, r.check(t, "BP_GO_BUILD_TAGS=debug"), `none downloaded|1 downloaded`)
	r.check(t, "GOFLAGS=-trimpath=false")
	r.check(t, "BP_GO_BUILD_LDFLAGS=-s")
	r.check(t, "BP_GO_BUILD_LDFLAGS=-X main.x=y")

	t.Run("cgo", func(t *testing.T) {
		if _, err := exec.LookPath("gcc"); err != nil {
			t.Skip("SKIPPED: no gcc, so that cgo was not switched on and off; apt-get install gcc")
		}
		r.write(t, "more.go", "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/app/c\"\n)\n\nfunc more() string { return fmt.Sprint(c.One()) }\n")
		r.check(t)
		r.write(t, "c/other.go", "//go:build !cgo\n\npackage c\n\nfunc One() int { return 2 }\n")
		r.check(t, "CGO_ENABLED=0")
		r.check(t, "CGO_ENABLED=1")
		r.check(t)
	})
	r.write(t, "more.go", "package main\n\nfunc more() string { return \"none\" }\n")

	r.goCommand(t, "mod", "vendor")
	wantLines(t, r.check(t), `from the app's vendor directory`)
	if err := os.RemoveAll(filepath.Join(r.app, "vendor")); err != nil {
		t.Fatal(err)
	}
	wantLines(t, r.check(t), `2 modules, 2 downloaded`)

	r.write(t, "lib/go.mod", "module example.com/lib\n\ngo 1.25\n")
	r.write(t, "lib/lib.go", "package lib\n\nfunc Name() string { return \"lib\" }\n")
	r.write(t, "go.work", "go 1.25\n\nuse (\n\t.\n\t./lib\n)\n")
	r.write(t, "more.go", "package main\n\nimport \"example.com/lib\"\n\nfunc more() string { return lib.Name() }\n")
	r.check(t, "BP_GO_TARGETS=.")
	r.write(t, "lib/lib.go", "package lib\n\nfunc Name() string { return \"library\" }\n")
	r.check(t, "BP_GO_TARGETS=.")
	r.write(t, "go.work", "go 1.25\n\nuse .\n")
	r.write(t, "more.go", "package main\n\nfunc more() string { return \"alone\" }\n")
	r.check(t)

	for _, version := range []string{"1.26.11", "1.25.*"} { // a newer patch, then an older Go
		wantLines(t, r.check(t, "BP_GO_VERSION="+version), `Installed Go`, `none downloaded`)
		wantLines(t, r.check(t, "BP_GO_VERSION="+version), `still here from an earlier build`)
	}
	wantLines(t, r.check(t, "BP_GO_CACHE=off", "BP_GO_VERSION=1.25.*"), `Caches: none \(BP_GO_CACHE=off\)`)
	if packs := r.packs(t); len(packs) > 0 {
		t.Errorf("BP_GO_CACHE=off left %d packs", len(packs))
	}
}

// TestDamagedCaches damages what an earlier build left in every way: the next
// build says so, makes the right program, and leaves caches that are whole again.
func TestDamagedCaches(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	r := newRebuilt(t, rebuiltApp)
	r.build(t, r.layers)
	replaceIn(t, filepath.Join(r.app, "main.go"), "first", "second")
	want, _ := r.build(t, r.layers)
	whole := r.packs(t)
	// All packs are opened and unpacked by the same code: those that cost a minute to make again are damaged in two ways.
	some := []string{"changed in the middle", "not there"}
	for name, ways := range map[string][]string{"go-dist": some, "go-dist-rest": some, "build-base": some, "modules": nil, "build-delta": nil, "listings": nil} {
		pack := whole[name]
		if pack == nil {
			t.Fatalf("no pack %s among %v", name, slices.Sorted(maps.Keys(whole)))
		}
		flipped := slices.Clone(pack)
		flipped[len(flipped)/3] ^= 0x10
		for damage, content := range map[string][]byte{
			"cut short": pack[:len(pack)/2], "empty": {}, "changed in the middle": flipped,
			"of another kind": []byte("this is no pack, but long enough to look at its end, since it has more bytes than that"),
			"not there":       nil,
		} {
			if ways != nil && !slices.Contains(ways, damage) {
				continue
			}
			file := filepath.Join(r.layers, name, name+".tar.zst")
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if content != nil {
				if err := os.WriteFile(file, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			program, log := r.build(t, r.layers)
			if !bytes.Equal(program, want) {
				t.Errorf("%s %s: another program\n%s", name, damage, log)
			}
			// The rest of Go is not read in such a build, so that only a pack that cannot be opened is seen.
			if seen := content != nil && (name != "go-dist-rest" || damage != "changed in the middle"); seen != strings.Contains(log, `WARNING: The cache "`+name+`" cannot be used`) {
				t.Errorf("%s %s: the log says\n%s", name, damage, log)
			}
			if name == "go-dist-rest" && damage == "changed in the middle" {
				if err := os.WriteFile(file, pack, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if damage == "changed in the middle" || damage == "not there" { // the one is seen late, the other early; the rest is seen as these are
				if again, log := r.build(t, r.layers); !bytes.Equal(again, want) || strings.Contains(log, "WARNING") {
					t.Errorf("%s %s, the build after:\n%s", name, damage, log)
				}
			}
			if now := r.packs(t); now[name] == nil && name != "build-delta" {
				t.Errorf("%s %s: gone for good", name, damage)
			}
			r.putBack(t, whole)
		}
	}
	r.ofAnotherFormat(t, want)
}

// putBack makes the packs those given.
func (r *rebuilt) putBack(t *testing.T, packs map[string][]byte) {
	t.Helper()
	for name, pack := range packs {
		if err := os.MkdirAll(filepath.Join(r.layers, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.layers, name, name+".tar.zst"), pack, 0o600); err != nil {
			t.Fatal(err)
		}
		toml := filepath.Join(r.layers, name+".toml")
		if _, err := os.Stat(toml); err != nil { // that of a delta, which a new base does without
			data, err := os.ReadFile(filepath.Join(r.layers, "build-base.toml"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(toml, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// ofAnotherFormat lets the layers be those of another version of the buildpack.
func (r *rebuilt) ofAnotherFormat(t *testing.T, want []byte) {
	t.Helper()
	for name := range r.packs(t) {
		replaceIn(t, filepath.Join(r.layers, name+".toml"), "pack-", "other-")
	}
	if program, log := r.build(t, r.layers); !bytes.Equal(program, want) || strings.Contains(log, "WARNING") || !strings.Contains(log, "Installed Go") {
		t.Errorf("caches of another format:\n%s", log)
	}
}

// TestTwoBuildsAtOnceFromOneCache: each has a copy of its own, as the lifecycle restores it.
func TestTwoBuildsAtOnceFromOneCache(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	r := newRebuilt(t, rebuiltApp)
	want, _ := r.build(t, r.layers)
	var wait sync.WaitGroup
	for i := range 2 {
		copied := filepath.Join(t.TempDir(), "layers")
		if err := linkTree(r.layers, copied); err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			if program, log := r.build(t, copied); !bytes.Equal(program, want) || !strings.Contains(log, "build-base") {
				t.Errorf("build %d:\n%s", i, log)
			}
		})
	}
	wait.Wait()
}

// TestManyRebuilds edits, upgrades and removes again and again. GO_CNB_REBUILDS
// says how often; a few times show less of what piles up.
func TestManyRebuilds(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	times := 8
	if set, err := strconv.Atoi(os.Getenv("GO_CNB_REBUILDS")); err == nil {
		times = set
	}
	r := newRebuilt(t, rebuiltApp)
	packages := []string{"cases", "unicode/norm", "width", "secure/precis", "collate", "encoding/charmap", "message", "search", "runes"}
	versions := []string{"v0.31.0", "v0.32.0", "v0.30.0", "v0.29.0"}
	for i := range times {
		text := packages[i%len(packages)]
		source := "package main\n\nimport _ \"golang.org/x/text/" + text + "\"\n\n"
		if i%4 == 3 {
			source = "package main\n\n"
		}
		r.write(t, "more.go", source+fmt.Sprintf("func more() string { return \"edit %d\" }\n", i))
		if i%3 == 1 {
			r.goCommand(t, "get", "golang.org/x/text@"+versions[i/3%len(versions)])
		}
		r.goCommand(t, "mod", "tidy")
		r.check(t)
	}
	size := func(packs map[string][]byte) (total int) { // without Go, which is always the same
		return len(packs["modules"]) + len(packs["build-base"]) + len(packs["build-delta"])
	}
	grown := size(r.packs(t))
	for _, layer := range []string{"modules", "build-base", "build-delta"} {
		if err := os.RemoveAll(filepath.Join(r.layers, layer+".toml")); err != nil {
			t.Fatal(err)
		}
	}
	r.build(t, r.layers)
	fresh := size(r.packs(t))
	t.Logf("after %d rebuilds the caches have %d bytes, those of a fresh build %d: %.2f times as much", times, grown, fresh, float64(grown)/float64(fresh))
	if float64(grown) > 1.3*float64(fresh) {
		t.Errorf("the caches grew from %d to %d bytes", fresh, grown)
	}
}
