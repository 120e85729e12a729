package sbom

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m)) }

// modules is what the proxy has: names that need care.
const modules = `
-- github.com/UpperCase/Lib@v1.2.3/lib.go --
package lib

func Do() {}
-- github.com/UpperCase/Lib@v1.2.3/LICENSE --
LICENCE
-- gopkg.in/thing.v3@v3.0.1/thing.go --
package thing

func Do() {}
-- example.com/old@v4.0.0+incompatible/old.go --
package old

func Do() {}
-- example.com/pseudo@v0.0.0-20200101000000-0123456789ab/pseudo.go --
package pseudo

func Do() {}
-- example.com/multi/v2@v2.1.0/go.mod --
module example.com/multi/v2
-- example.com/multi/v2@v2.1.0/multi.go --
package multi

func Do() {}
-- example.com/multi/sub@v0.3.0/sub.go --
package sub

func Do() {}
-- example.com/orig@v1.0.0/orig.go --
package orig

func Do() {}
-- example.com/fork@v1.1.0/go.mod --
module example.com/orig
-- example.com/fork@v1.1.0/orig.go --
package orig

func Do() {}
-- example.com/local@v1.5.0/local.go --
package local

func Do() {}
`

// site is one module with all sorts of dependencies.
const site = `
-- go.mod --
module example.com/Site

go 1.20

require (
	example.com/local v1.5.0
	example.com/multi/sub v0.3.0
	example.com/multi/v2 v2.1.0
	example.com/old v4.0.0+incompatible
	example.com/orig v1.0.0
	example.com/pseudo v0.0.0-20200101000000-0123456789ab
	github.com/UpperCase/Lib v1.2.3
	gopkg.in/thing.v3 v3.0.1
)

replace example.com/orig => example.com/fork v1.1.0

replace example.com/local => ./third/local
-- third/local/go.mod --
module example.com/local
-- third/local/local.go --
package local

func Do() {}
-- main.go --
package main

import (
	"example.com/local"
	"example.com/multi/sub"
	"example.com/multi/v2"
	"example.com/old"
	"example.com/orig"
	"example.com/pseudo"
	"github.com/UpperCase/Lib"
	"gopkg.in/thing.v3"
)

func main() {
	local.Do()
	sub.Do()
	multi.Do()
	old.Do()
	orig.Do()
	pseudo.Do()
	lib.Do()
	thing.Do()
}
-- cmd/tool/main.go --
package main

import "github.com/UpperCase/Lib"

func main() { lib.Do() }
`

// workspace is two main modules and one that both use.
const workspace = `
-- go.work --
go 1.20

use (
	./a
	./b
	./lib
)
-- a/go.mod --
module example.com/a

go 1.20
-- a/main.go --
package main

import "example.com/lib"

func main() { lib.Do() }
-- b/go.mod --
module example.com/b

go 1.20
-- b/main.go --
package main

import "example.com/lib"

func main() { lib.Do() }
-- lib/go.mod --
module example.com/lib

go 1.20

require gopkg.in/thing.v3 v3.0.1
-- lib/lib.go --
package lib

import "gopkg.in/thing.v3"

func Do() { thing.Do() }
`

// builder builds programs of an app with the go command of this machine.
type builder struct {
	t   *testing.T
	dir string
	env []string
}

// write puts an app into a new directory. The variables are for the go command.
func write(t *testing.T, app string, variables ...string) builder {
	t.Helper()
	b := builder{t: t, dir: t.TempDir()}
	apptest.Write(t, b.dir, app)
	archive := strings.Replace(modules, "LICENCE\n", mit, 1)
	b.env = apptest.Env(t, append([]string{"GOPROXY=" + apptest.Proxy(t, archive), "CGO_ENABLED=0"}, variables...)...)
	return b
}

func (b builder) run(dir string, args ...string) string {
	b.t.Helper()
	command := exec.CommandContext(b.t.Context(), "go", args...)
	command.Dir = filepath.Join(b.dir, dir)
	command.Env = b.env
	var out, messages bytes.Buffer
	command.Stdout, command.Stderr = &out, &messages
	if err := command.Run(); err != nil {
		b.t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, &out, &messages)
	}
	return out.String()
}

// build builds the package in dir as a program of the image.
func (b builder) build(dir, name string, flags ...string) Program {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), name)
	b.run(dir, append(append([]string{"build", "-trimpath", "-buildvcs=false", "-o", file}, flags...), ".")...)
	return Program{Name: name, File: file, Path: "/layers/scalingo_go/bin/" + name}
}

// site builds both programs of the site.
func (b builder) site() []Program {
	b.t.Helper()
	b.run(".", "mod", "tidy")
	return []Program{b.build(".", "Site"), b.build("cmd/tool", "tööl")}
}

// workspace builds both programs of the workspace.
func (b builder) workspace() []Program {
	b.t.Helper()
	work := b.env
	b.env = append(b.env[:len(b.env):len(b.env)], "GOWORK=off")
	b.run("lib", "mod", "tidy")
	b.env = work
	return []Program{b.build("a", "a"), b.build("b", "b")}
}

// read is Read with the input of a build.
func read(t *testing.T, change func(*Input), programs ...Program) Inventory {
	t.Helper()
	in := Input{Name: "shop", Version: "1.0", Programs: programs, Tool: Tool{"scalingo/go", "0.1.0"}}
	if change != nil {
		change(&in)
	}
	inventory, err := Read(in)
	if err != nil {
		t.Fatal(err)
	}
	return inventory
}
