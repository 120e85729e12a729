package compile

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/deps"
)

var programTests = []struct {
	name string
	app  app
	want []string
}{
	{"the root of a module of major version 2 is named after the element before", app{files: `
-- go.mod --
module example.com/app/v2
-- main.go --
` + hello}, []string{"app ."}},
	{"every main package that go finds, others are no programs", app{files: `
-- go.mod --
module example.com/app
-- doc.go --
// Package app is a library.
package app
-- cmd/server/main.go --
` + hello + `
-- cmd/internal/flags/flags.go --
package flags
-- tool/main.go --
` + hello + `
-- testdata/main.go --
` + hello + `
-- _old/main.go --
` + hello + `
-- .hidden/main.go --
` + hello + `
-- vendor/example.org/tool/main.go --
` + hello + `
-- nested/go.mod --
module example.com/nested
-- nested/main.go --
` + hello + `
-- gen/gen.go --
//go:build ignore

` + hello + `
-- onlytests/x_test.go --
package main
`}, []string{"server ./cmd/server", "tool ./tool"}},
	{"a main package is found under the default tags", app{files: `
-- go.mod --
module example.com/app
-- cmd/a/main.go --
//go:build scalingo && heroku

` + hello + `
-- cmd/b/main.go --
//go:build !scalingo

` + hello}, []string{"a ./cmd/a"}},
	{"a main package that exists only under a tag is found and named", app{settings: Settings{Tags: "special"}, files: `
-- go.mod --
module example.com/app/v3
-- main.go --
//go:build special

` + hello}, []string{"app ."}},
	{"the same, named", app{settings: Settings{GoFlags: "-tags=special"}, targets: []string{"cmd/a"}, files: `
-- go.mod --
module example.com/app
-- cmd/a/main.go --
//go:build special

` + hello}, []string{"a ./cmd/a"}},
	{"in the order in which they are named", app{targets: []string{"./cmd/b", "./cmd/a"}, files: twoCommands},
		[]string{"b ./cmd/b", "a ./cmd/a"}},
	{"a pattern", app{targets: []string{"./cmd/..."}, files: twoCommands}, []string{"a ./cmd/a", "b ./cmd/b"}},
	{"a pattern without ./", app{targets: []string{"cmd/..."}, files: twoCommands}, []string{"a ./cmd/a", "b ./cmd/b"}},
	{"named twice, built once", app{targets: []string{"cmd/b", "./cmd/...", "example.com/app/cmd/b"}, files: twoCommands},
		[]string{"b ./cmd/b", "a ./cmd/a"}},
	{"an import path", app{targets: []string{"example.com/app/cmd/a"}, files: twoCommands}, []string{"a ./cmd/a"}},
	{"a directory without ./ and with a slash at the end", app{targets: []string{"cmd/a/"}, files: twoCommands}, []string{"a ./cmd/a"}},
	{"a directory in a roundabout spelling", app{targets: []string{"./cmd/../cmd//a/."}, files: twoCommands}, []string{"a ./cmd/a"}},
	{"the root", app{targets: []string{"."}, files: rootAndCommand}, []string{"app ."}},
	{"the root with a slash", app{targets: []string{"./"}, files: rootAndCommand}, []string{"app ."}},
	{"the pattern of all", app{targets: []string{"./..."}, files: rootAndCommand}, []string{"app .", "extra ./cmd/extra"}},
	{"go.work without a module in the root", app{files: `
-- go.work --
go 1.22
use (
	./one
	"./two words"
)
-- one/go.mod --
module example.com/one
-- one/main.go --
` + hello + `
-- two words/go.mod --
module example.com/two
go 1.21
-- two words/cmd/two/main.go --
` + hello + `
-- notused/go.mod --
module example.com/notused
-- notused/main.go --
` + hello}, []string{"one ./one", "two ./two words/cmd/two"}},
	{"go.work beside a module", app{files: `
-- go.work --
go 1.22
use .
use ./lib
-- go.mod --
module example.com/app
go 1.22
-- main.go --
package main

import "example.com/lib"

func main() { println(lib.Hello) }
-- lib/go.mod --
module example.com/lib
go 1.22
-- lib/lib.go --
package lib

const Hello = "hello"
`}, []string{"app ."}},
	{"a module of a workspace, from its own directory", app{in: "svc", files: `
-- go.work --
go 1.22
use ./svc
use ./lib
-- svc/go.mod --
module example.com/svc
go 1.22
-- svc/main.go --
package main

import "example.com/lib"

func main() { println(lib.Hello) }
-- lib/go.mod --
module example.com/lib
go 1.22
-- lib/lib.go --
package lib

const Hello = "hello"
`}, []string{"svc ."}},
	{"a sub-module with a relative replacement", app{in: "services/api", files: `
-- services/api/go.mod --
module example.com/api
go 1.22
require example.com/shared v0.0.0
replace example.com/shared => ../../shared
-- services/api/main.go --
package main

import "example.com/shared"

func main() { println(shared.Hello) }
-- shared/go.mod --
module example.com/shared
-- shared/shared.go --
package shared

const Hello = "hello"
`}, []string{"api ."}},
	{"the same in a workspace of BP_GO_WORK_USE", app{use: []string{"services/api", "./worker"}, files: `
-- services/api/go.mod --
module example.com/api
go 1.21
require example.com/shared v0.0.0
replace example.com/shared => ../../shared
-- services/api/main.go --
package main

import "example.com/shared"

func main() { println(shared.Hello) }
-- worker/go.mod --
module example.com/worker
go 1.21.0
-- worker/main.go --
` + hello + `
-- shared/go.mod --
module example.com/shared
-- shared/shared.go --
package shared

const Hello = "hello"
`}, []string{"api ./services/api", "worker ./worker"}},
	{"a package below the module's root", app{in: "cmd/extra", files: rootAndCommand}, []string{"extra ."}},
	{"vendored, without a proxy", app{files: vendored}, []string{"app ."}},
	{"vendored, with a go line of the time before vendoring was the default",
		app{files: strings.Replace(vendored, "go 1.22", "go 1.12", 1)}, []string{"app ."}},
	{"a vendored command", app{targets: []string{"example.org/dep/cmd/migrate", "."}, files: vendored},
		[]string{"migrate example.org/dep/cmd/migrate", "app ."}},
	{"a module of a proxy", app{proxy: depProxy, files: needsDep, settings: Settings{GoFlags: "-mod=mod"}}, []string{"app ."}},
	{"a command of a dependency", app{proxy: depProxy, files: needsDep, settings: Settings{GoFlags: "-mod=mod"},
		targets: []string{"example.org/dep/cmd/migrate"}}, []string{"migrate example.org/dep/cmd/migrate"}},
	{"line ends of Windows", app{prepare: func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "go.mod"), "module example.com/app\r\n\r\ngo 1.22 // the go line\r\n")
		write(t, filepath.Join(dir, "main.go"), strings.ReplaceAll(hello, "\n", "\r\n"))
	}}, []string{"app ."}},
}

const twoCommands = `
-- go.mod --
module example.com/app
-- cmd/a/main.go --
` + hello + `
-- cmd/b/main.go --
` + hello

const rootAndCommand = `
-- go.mod --
module example.com/app
-- main.go --
` + hello + `
-- cmd/extra/main.go --
` + hello

const needsDep = `
-- go.mod --
module example.com/app
go 1.22
require example.org/dep v1.0.0
-- main.go --
package main

import "example.org/dep"

func main() { println(dep.Hello) }
`

const vendored = needsDep + `
-- vendor/modules.txt --
# example.org/dep v1.0.0
## explicit; go 1.20
example.org/dep
example.org/dep/cmd/migrate
-- vendor/example.org/dep/dep.go --
package dep

const Hello = "hello"
-- vendor/example.org/dep/cmd/migrate/main.go --
` + hello

const depProxy = `
-- example.org/dep@v1.0.0/go.mod --
module example.org/dep
go 1.20
-- example.org/dep@v1.0.0/dep.go --
package dep

const Hello = "hello"
-- example.org/dep@v1.0.0/cmd/migrate/main.go --
` + hello

func TestPrograms(t *testing.T) {
	for _, tt := range programTests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := tt.app.build(t)
			b.succeed(t)
			if diff := cmp.Diff(tt.want, b.programs); diff != "" {
				t.Errorf("programs (-want +got):\n%s", diff)
			}
			var files []string
			for _, program := range tt.want {
				name, _, _ := strings.Cut(program, " ")
				files = append(files, name)
				if got := b.run(t, name); got != "hello" {
					t.Errorf("%s says %q", name, got)
				}
			}
			slices.Sort(files)
			if diff := cmp.Diff(files, names(t, b.job.OutDir)); diff != "" {
				t.Errorf("the directory of the binaries (-want +got):\n%s", diff)
			}
		})
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

func TestAbsoluteTarget(t *testing.T) {
	a := app{files: twoCommands}
	a.change = func(j *Job) { j.Targets.Patterns = []string{filepath.Join(j.Dir, "cmd", "b")} }
	b := a.build(t)
	b.succeed(t)
	if diff := cmp.Diff([]string{"b ./cmd/b"}, b.programs); diff != "" {
		t.Error(diff)
	}
}

func TestDirectoryBehindALink(t *testing.T) {
	a := app{files: rootAndCommand}
	a.change = func(j *Job) {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(j.Dir, link); err != nil {
			t.Fatal(err)
		}
		j.Dir = link
	}
	b := a.build(t)
	b.succeed(t)
	if got := b.run(t, "extra"); got != "hello" {
		t.Error(got)
	}
}

// TestFetchesOnlyWhatProgramsNeed: modules that no program imports are not downloaded.
func TestFetchesOnlyWhatProgramsNeed(t *testing.T) {
	a := app{
		files: needsDep + `
-- lib/lib.go --
package lib

import _ "example.org/unused"
`,
		proxy: depProxy + `
-- example.org/unused@v1.0.0/go.mod --
module example.org/unused
-- example.org/unused@v1.0.0/unused.go --
package unused
`,
		settings: Settings{GoFlags: "-mod=mod"},
	}
	a.files = strings.Replace(a.files, "require example.org/dep v1.0.0", "require (\n\texample.org/dep v1.0.0\n\texample.org/unused v1.0.0\n)", 1)
	b := a.build(t)
	b.succeed(t)
	if b.plan.Modules != 1 || b.plan.Downloads != 1 {
		t.Errorf("%d modules, %d downloads", b.plan.Modules, b.plan.Downloads)
	}
	if strings.Contains(b.log, "downloading") {
		t.Errorf("the log has lines on downloads:\n%s", b.log)
	}
	cache := filepath.Join(apptest.Lookup(b.job.Env, "GOPATH"), "pkg", "mod", "example.org")
	if diff := cmp.Diff([]string{"dep@v1.0.0"}, names(t, cache)); diff != "" {
		t.Error(diff)
	}
}

// TestWithoutModules builds a copy in a GOPATH, as for an app without go.mod.
func TestWithoutModules(t *testing.T) {
	gopath := t.TempDir()
	source := writeApp(t, `
-- main.go --
package main

import (
	"example.org/dep"
	"example.com/team/app/lib"
)

func main() { println(dep.Hello + lib.World) }
-- lib/lib.go --
package lib

const World = " world"
-- vendor/example.org/dep/dep.go --
package dep

const Hello = "hello"
`)
	dir := filepath.Join(gopath, "src", "example.com", "team", "app")
	if err := deps.CopyTree(source, dir); err != nil {
		t.Fatal(err)
	}
	flags, err := Merge(Settings{Tags: "x"}, apptest.Go(t).Version)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	j := Job{
		Go: apptest.Go(t), Dir: dir, Env: apptest.Env(t, "GO111MODULE=off", "GOFLAGS=", "GOPATH="+gopath), Mod: "vendor", Flags: flags, ImportDirs: []string{"vendor"},
		Everything: []string{"./..."}, Path: os.Getenv("PATH"), OutDir: filepath.Join(t.TempDir(), "bin"), Output: &log,
	}
	plan, err := j.Prepare()
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if command := plan.Command(); strings.Contains(command, "-mod") {
		t.Errorf("flags of modules: %s", command)
	}
	binaries, err := plan.Build()
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	b := built{job: j}
	if got := b.run(t, binaries[0].Name); got != "hello world" {
		t.Errorf("%s says %q", binaries[0].Name, got)
	}
	vendoredCommands(t, j)
	// An import that is nowhere is explained.
	write(t, filepath.Join(dir, "more.go"), "package main\n\nimport _ \"example.org/nowhere\"\n")
	_, err = j.Prepare()
	if err == nil || !strings.Contains(err.Error(), "the package example.org/nowhere is not there") {
		t.Errorf("error %v\n%s", err, log.String())
	}
}

// vendoredCommands names commands of the vendor directory by their import paths, as for a module.
func vendoredCommands(t *testing.T, j Job) {
	write(t, filepath.Join(j.Dir, "vendor", "example.org", "tools", "migrate", "main.go"), "package main\n\nfunc main() { println(`migrated`) }\n")
	for _, patterns := range [][]string{{".", "example.org/tools/migrate"}, {"example.com/team/app", "example.org/tools/..."}, {".", "./vendor/example.org/tools/migrate"}} {
		j.Targets = Targets{From: "BP_GO_TARGETS", Patterns: patterns}
		plan, err := j.Prepare()
		if err != nil {
			t.Fatalf("%v: %v", patterns, err)
		}
		binaries, err := plan.Build()
		if err != nil {
			t.Fatalf("%v: %v", patterns, err)
		}
		var names []string
		for _, b := range binaries {
			names = append(names, b.Name)
		}
		if diff := cmp.Diff([]string{"app", "migrate"}, names); diff != "" {
			t.Errorf("%v (-want +got):\n%s", patterns, diff)
		}
		if got := (built{job: j}).run(t, "migrate"); got != "migrated" {
			t.Errorf("%v: migrate says %q", patterns, got)
		}
	}
}
