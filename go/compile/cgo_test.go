package compile

import (
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/paketo-buildpacks/libpak/v2/effect"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

const missingCompiler = "CC=/nowhere/bin/cc --some-flag"

// usesCgo has a package that works with and without cgo.
const usesCgo = `
-- go.mod --
module example.com/app
-- main.go --
package main

import (
	"os/user"

	"example.com/app/number"
)

func main() {
	_, _ = user.Lookup("root")
	println(number.How)
}
-- number/with.go --
package number

// static int number(void) { return 42; }
import "C"

import "strconv"

var How = "C says " + strconv.Itoa(int(C.number()))
-- number/without.go --
//go:build !cgo

package number

var How = "no C"
`

var onlyCgo = strings.Split(usesCgo, "-- number/without.go --")[0]

const noCgo = `
-- go.mod --
module example.com/app
-- main.go --
package main

import (
	"net"
	"os/user"
)

func main() {
	_, _ = net.LookupHost("127.0.0.1")
	_, _ = user.Lookup("root")
	println("hello")
}
`

const sqlite = `
-- go.mod --
module example.com/app
go 1.22
require github.com/mattn/go-sqlite3 v1.14.0
replace github.com/mattn/go-sqlite3 => ./sqlite
-- main.go --
package main

import _ "github.com/mattn/go-sqlite3"

func main() { println("hello") }
-- sqlite/go.mod --
module github.com/mattn/go-sqlite3
-- sqlite/sqlite.go --
package sqlite3

// static int number(void) { return 42; }
import "C"
-- sqlite/stub.go --
//go:build !cgo

package sqlite3
`

func TestCgo(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("SKIPPED: no gcc here, so that the builds with cgo cannot be tried; apt-get install gcc")
	}
	for _, tt := range []struct {
		name   string
		app    app
		want   Cgo
		static bool
		says   string
	}{
		{"not used: static, whatever the standard library could do with it", app{files: noCgo},
			Cgo{Why: "no package uses it"}, true, "hello"},
		{"used: on, but not for the standard library", app{files: usesCgo},
			Cgo{Enabled: true, Why: "used by example.com/app/number", Tags: []string{"netgo", "osusergo"}}, false, "C says 42"},
		{"used, no compiler, works without", app{files: usesCgo, env: []string{missingCompiler}},
			Cgo{Why: "the build image has no C compiler", Warning: "example.com/app/number can use cgo, but the build image has no C compiler: " +
				"built without it. For cgo use a build image with gcc, or set CC to its compiler; CGO_ENABLED=0 makes this warning go away"}, true, "no C"},
		{"off by the user", app{files: usesCgo, env: []string{"CGO_ENABLED=0"}}, Cgo{Why: "CGO_ENABLED=0"}, true, "no C"},
		{"off by the user, and a main package that exists only then", app{env: []string{"CGO_ENABLED=0"}, files: `
-- go.mod --
module example.com/app
-- main.go --
//go:build !cgo

` + hello}, Cgo{Why: "CGO_ENABLED=0"}, true, "hello"},
		{"a value that the go command does not know counts for nothing", app{files: rootAndCommand, env: []string{"CGO_ENABLED=false"}},
			Cgo{Why: "no package uses it"}, true, "hello"},
		{"on by the user: for the standard library too", app{files: strings.NewReplacer(`"net"`, "", `_, _ = net.LookupHost("127.0.0.1")`, "").Replace(noCgo), env: []string{"CGO_ENABLED=1"}}, Cgo{Enabled: true, Why: "CGO_ENABLED=1"}, false, "hello"},
		{"in a package that is not built", app{files: rootAndCommand + "-- c/c.go --\npackage c\n\nimport \"C\"\n"}, Cgo{Why: "no package uses it"}, true, "hello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := tt.app.build(t)
			b.succeed(t)
			if diff := cmp.Diff(tt.want, b.plan.Cgo); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			binary, err := inspect(b.binary("app"))
			if err != nil {
				t.Fatal(err)
			}
			if static := binary.Interpreter == ""; static != tt.static {
				t.Errorf("interpreter %q, static wanted: %v", binary.Interpreter, tt.static)
			}
			if got, want := usesLibcForUsers(t, b.binary("app")), tt.want.Enabled && len(tt.want.Tags) == 0; got != want {
				t.Errorf("the standard library uses libc: %v", got)
			}
			if got := b.run(t, "app"); got != tt.says {
				t.Errorf("the program says %q, want %q", got, tt.says)
			}
		})
	}
}

// TestPackagesThatTheDecisionOnCgoBringsIn: packages are found with cgo on, which hides those that are
// there only without, or only with the tags.
func TestPackagesThatTheDecisionOnCgoBringsIn(t *testing.T) {
	const files = `
-- go.mod --
module example.com/app
go 1.22
require (
	example.com/lib v1.0.0
	example.com/pure v1.0.0
)
replace example.com/lib => ./lib
replace example.com/pure => ./pure
-- main.go --
package main

import "example.com/lib"

func main() { println(lib.Number) }
-- pure/go.mod --
module example.com/pure
-- pure/pure.go --
package pure

const Number = 42
-- lib/go.mod --
module example.com/lib
require example.com/pure v1.0.0
-- lib/lib.go --
`
	for name, tt := range map[string]struct {
		lib  string
		env  []string
		want bool
	}{
		"only without cgo":   {"package lib\n-- lib/pure.go --\n//go:build !cgo\n\npackage lib\n\nimport \"example.com/pure\"\n\nconst Number = pure.Number\n", nil, true},
		"in the old form":    {"package lib\n-- lib/pure.go --\n// +build !cgo\n\npackage lib\n\nimport \"example.com/pure\"\n\nconst Number = pure.Number\n", nil, true},
		"only with the tags": {"package lib\n\nimport \"C\"\n-- lib/pure.go --\n//go:build netgo\n\npackage lib\n\nimport \"example.com/pure\"\n\nconst Number = pure.Number\n", nil, true},
		"never":              {"package lib\n\nconst Number = 42\n-- lib/pure.go --\n//go:build windows\n\npackage lib\n\nimport \"example.com/pure\"\n", nil, false},
		"the user decides":   {"package lib\n-- lib/pure.go --\n//go:build !cgo\n\npackage lib\n\nimport \"example.com/pure\"\n\nconst Number = pure.Number\n", []string{"CGO_ENABLED=0"}, true},
		"no compiler":        {"package lib\n\nimport \"C\"\n-- lib/pure.go --\n//go:build !cgo\n\npackage lib\n\nimport \"example.com/pure\"\n\nconst Number = pure.Number\n", []string{missingCompiler}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := app{files: files + tt.lib, env: tt.env}
			b := a.build(t)
			if _, err := exec.LookPath("gcc"); err != nil && strings.Contains(tt.lib, `import "C"`) && tt.env == nil {
				t.Skip("SKIPPED: no gcc here, so that the build with cgo cannot be tried; install gcc")
			}
			b.succeed(t)
			found := map[string]int{}
			for _, d := range b.plan.Dependencies() {
				found[filepath.Base(d.Dir)]++
			}
			want := map[string]int{"lib": 1}
			if tt.want {
				want["pure"] = 1
			}
			if diff := cmp.Diff(want, found); diff != "" {
				t.Errorf("dependencies (-want +got):\n%s", diff)
			}
			if b.plan.Modules != len(want) {
				t.Errorf("%d modules, want %d", b.plan.Modules, len(want))
			}
		})
	}
}

// usesLibcForUsers tells whether a program asks libc for users.
func usesLibcForUsers(t *testing.T, file string) bool {
	t.Helper()
	program, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	symbols, err := program.ImportedSymbols()
	if err != nil {
		return false // no dynamic symbols at all
	}
	return slices.ContainsFunc(symbols, func(s elf.ImportedSymbol) bool { return s.Name == "getpwnam_r" })
}

func TestCgoErrors(t *testing.T) {
	crossed := func(j *Job) { j.Cross, j.CC = true, "" }
	for _, tt := range []struct {
		name string
		app  app
		want string
	}{
		{"needed, no compiler", app{files: onlyCgo, env: []string{missingCompiler}},
			"example.com/app/number: cgo is needed, and the build image has no C compiler: use a build image with gcc"},
		{"needed for another machine", app{files: onlyCgo, change: crossed},
			"example.com/app/number: cgo is needed, and the build image has no C compiler"},
		{"a stub that compiles but does not work", app{files: sqlite, env: []string{missingCompiler}},
			"github.com/mattn/go-sqlite3 works only with cgo"},
		{"files that need what C defines", app{files: onlyCgo + "-- number/more.go --\npackage number\n\nvar More = How\n", env: []string{missingCompiler}},
			"example.com/app/number can use cgo, but the build image has no C compiler"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if b := tt.app.build(t); b.err == nil || !strings.Contains(b.err.Error(), tt.want) {
				t.Errorf("error %v, want %s\n%s", b.err, tt.want, b.log)
			}
		})
	}
}

func TestFlagsThatNeedCgo(t *testing.T) {
	for flags, why := range map[string]string{
		"-race": "-race needs it", "-msan=true": "-msan needs it", "-asan": "-asan needs it", "-race=false": "no package uses it",
		"-buildmode=plugin": "-buildmode=plugin needs it", "-buildmode c-shared": "-buildmode=c-shared needs it",
		"-buildmode=c-archive": "-buildmode=c-archive needs it", "-buildmode=pie": "no package uses it",
	} {
		parsed, err := buildFlags(flags, variables)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decideCgo(cgoInput{flags: Flags{Rest: parsed}})
		if err != nil || got.Why != why || got.Enabled != strings.HasSuffix(why, "needs it") || got.Warning != "" {
			t.Errorf("%s: %+v, %v", flags, got, err)
		}
		if got, err := decideCgo(cgoInput{flags: Flags{Rest: parsed}, userValue: "0"}); err != nil || got.Enabled {
			t.Errorf("%s with CGO_ENABLED=0: %+v, %v", flags, got, err)
		}
	}
	j, _ := app{settings: Settings{GoFlags: "-race"}}.job(t, writeApp(t, rootAndCommand))
	plan, err := j.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(plan.env, "CGO_ENABLED=1") {
		t.Error("-race in GOFLAGS does not turn cgo on")
	}
}

func TestCgoUsesOfTheStandardLibraryDoNotCount(t *testing.T) {
	packages := []Package{
		{ImportPath: "net", Standard: true, CgoFiles: []string{"cgo.go"}},
		{ImportPath: "z.example/z", CgoFiles: []string{"z.go"}}, {ImportPath: "a.example/a", CgoFiles: []string{"a.go"}}, {ImportPath: "b.example/b"},
	}
	got, err := decideCgo(cgoInput{packages: packages, compiler: "/usr/bin/gcc"})
	if err != nil || got.Why != "used by a.example/a, z.example/z" {
		t.Errorf("%+v, %v", got, err)
	}
	broken := errors.New("broken")
	if _, err := decideCgo(cgoInput{packages: packages, buildsWithout: func([]string) ([]string, error) { return nil, broken }}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestFindCompiler(t *testing.T) {
	dir := writeApp(t, "-- bin/notes --\n-- bin2/gcc --\n-- bin2/my-cc --\n")
	for _, name := range []string{"gcc", "my-cc"} {
		if out, err := exec.Command("chmod", "+x", dir+"/bin2/"+name).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	path := dir + "/bin:" + dir + "/none:" + dir + "/bin2"
	for _, tt := range []struct{ cc, path, want string }{
		{"", path, dir + "/bin2/gcc"}, {"", "", ""}, {"", dir + "/bin", ""},
		{"my-cc -m64", path, dir + "/bin2/my-cc"}, {"clang", path, ""}, {"notes", path, ""},
		{dir + "/bin2/my-cc", "", dir + "/bin2/my-cc"}, {dir + "/bin/notes", path, ""}, {"/nowhere/cc", path, ""},
	} {
		if got := findCompiler(tt.cc, tt.path); got != tt.want {
			t.Errorf("findCompiler(%q, %q) = %q, want %q", tt.cc, tt.path, got, tt.want)
		}
	}
}

// TestOldGoWithCgo: the linker of Go up to 1.9 cannot make position-independent executables.
func TestOldGoWithCgo(t *testing.T) {
	for says, want := range map[string]bool{"Configured with: --enable-default-pie": true, "Configured with: --prefix=/usr": false} {
		compiler := filepath.Join(t.TempDir(), "gcc")
		if err := os.WriteFile(compiler, []byte("#!/bin/sh\necho '"+says+"' >&2\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		p := Plan{compiler: compiler, Cgo: Cgo{Enabled: true}, job: Job{
			Go: toolchain.Go{Version: toolchain.MustParseVersion("1.9.7"), Exec: effect.CommandExecutor{}}, Env: []string{"PATH=" + os.Getenv("PATH")},
		}}
		p.command()
		if got := slices.Contains(p.env, "CC="+compiler+" -no-pie"); got != want {
			t.Errorf("%s: environment %q", says, p.env)
		}
		if slices.Contains(args(p.words), "-a") {
			t.Errorf("%q", args(p.words))
		}
	}
}

// TestDependOnCgo: another look at the packages takes time, so that it is only taken where it may show something.
func TestDependOnCgo(t *testing.T) {
	listed := []Package{{ImportPath: "os", Standard: true}, {ImportPath: "example.com/known"}}
	for _, c := range []struct {
		name, file, source string
		cgo                Cgo
		want               bool
	}{
		{"imports what is listed", "a.go", "//go:build !cgo\n\npackage p\n\nimport \"example.com/known\"\n", Cgo{}, false},
		{"imports something else", "a.go", "//go:build !cgo\n\npackage p\n\nimport (\n\t_ \"os\"\n\t_ \"example.com/new\"\n)\n", Cgo{}, true},
		{"without a word on cgo", "a.go", "//go:build other\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{}, false},
		{"of another system, by name", "a_darwin.go", "//go:build !cgo\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{}, false},
		{"of another system, by constraint", "a.go", "//go:build darwin && !cgo\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{}, false},
		{"of a tag that is not set", "a.go", "//go:build cgo && special\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{Enabled: true}, false},
		{"of a tag that is set", "a.go", "//go:build !cgo && mine\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{}, true},
		{"of a tag that goes with cgo", "a.go", "//go:build netgo\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{Enabled: true, Tags: []string{"netgo"}}, true},
		{"of a release of Go", "a.go", "//go:build !cgo && go1.22\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{}, true},
		{"of a release of Go to come", "a.go", "//go:build !cgo && go1.23\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{}, false},
		{"in the older form", "a.go", "// +build !cgo\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{}, true},
		{"a test", "a_test.go", "//go:build !cgo\n\npackage p\n\nimport \"example.com/new\"\n", Cgo{}, false},
		{"that cannot be understood", "a.go", "//go:build !cgo\n\npackage p\n\nimport \"example.com/new\n", Cgo{}, true},
		{"that is not there", "none.go", "", Cgo{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.source != "" {
				if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.source), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			job := Job{
				Go: toolchain.Go{Version: toolchain.MustParseVersion("1.22.1")}, Env: []string{"GOOS=linux", "GOARCH=amd64"}, Flags: Flags{Tags: []string{"mine"}},
			}
			packages := append(slices.Clone(listed), Package{ImportPath: "example.com/p", Dir: dir, IgnoredGoFiles: []string{c.file}})
			if got := dependOnCgo(packages, job.constraints(c.cgo)); got != c.want {
				t.Errorf("dependOnCgo() = %t, want %t", got, c.want)
			}
		})
	}
}
