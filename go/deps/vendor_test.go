package deps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// modulesForVendor are the repositories that the cases below lock, each file with nothing else than what matters.
const modulesForVendor = `
-- github.com/a/b@v1.0.0/LICENSE --
-- github.com/a/b@v1.0.0/go.mod --
module github.com/a/b
-- github.com/a/b@v1.0.0/README.md --
-- github.com/a/b@v1.0.0/b.go --
package b
-- github.com/a/b@v1.0.0/b_test.go --
package b
-- github.com/a/b@v1.0.0/notes.txt --
-- github.com/a/b@v1.0.0/c/COPYING.md --
-- github.com/a/b@v1.0.0/c/license.go --
package c
-- github.com/a/b@v1.0.0/c/d/d.go --
package d
-- github.com/a/b@v1.0.0/c/d/d_test.go --
package d
-- github.com/a/b@v1.0.0/c/d/testdata/x --
-- github.com/a/b@v1.0.0/c/d/e/e.go --
package e
-- github.com/a/b@v1.0.0/other/o.go --
package other
-- github.com/a/b/c@v1.0.0/NOTICE --
-- github.com/a/b/c@v1.0.0/own.go --
package c
-- github.com/a/b/c@v1.0.0/d/own.go --
package d
-- github.com/a/c@v1.0.0/c.go --
package c

// #include "include/x.h"
import "C"
-- github.com/a/c@v1.0.0/include/x.h --
-- github.com/a/c@v1.0.0/plain/p.go --
package plain
-- github.com/a/s@v1.0.0/asm/s.go --
package s
-- github.com/a/s@v1.0.0/asm/s.s --
-- github.com/a/s@v1.0.0/inc/x.h --
-- github.com/a/sys@v1.0.0/y/y.syso --
-- github.com/a/sys@v1.0.0/y/y.go --
package y
-- github.com/a/sys@v1.0.0/z/z.go --
package z
-- github.com/a/test@v1.0.0/t.go --
package test
-- github.com/a/test@v1.0.0/c_test.go --
package test

import "C"
-- github.com/a/test@v1.0.0/x/x.go --
package x
-- github.com/a/e@v1.0.0/top.go --
package e
-- github.com/a/e@v1.0.0/web/web.go --
package web

import _ "embed"

//go:embed static
var all string
-- github.com/a/e@v1.0.0/web/static/a/index.html --
-- github.com/a/e@v1.0.0/block/b.go --
package block

var (
	//go:embed x.txt
	x string
)
-- github.com/a/e@v1.0.0/block/x.txt --
-- github.com/a/e@v1.0.0/block/y/y.txt --
-- github.com/a/e@v1.0.0/says/s.go --
package says

// To embed, write //go:embed x
-- github.com/a/e@v1.0.0/says/y/y.txt --
-- github.com/fork/b@v1.0.0/AUTHORS --
-- github.com/fork/b@v1.0.0/x/y/y.go --
package y
`

// at is an entry of a lock that names packages of the version v1.0.0.
func at(path string, packages ...string) Project {
	return Project{Path: path, Root: true, Version: "v1.0.0", Packages: packages}
}

// one is an entry that names one package.
func one(path string) Project {
	return Project{Path: path, Version: "v1.0.0", Packages: []string{"."}}
}

func changed(p Project, change func(*Project)) Project {
	change(&p)
	return p
}

var vendorTests = []struct {
	name     string
	projects []Project
	want     string
}{
	{"the root's package", []Project{at("github.com/a/b", ".")},
		"github.com/a/b/LICENSE github.com/a/b/README.md github.com/a/b/b.go github.com/a/b/go.mod github.com/a/b/notes.txt"},
	{"a package with what goes along", []Project{at("github.com/a/b", "c/d")},
		"github.com/a/b/LICENSE github.com/a/b/c/COPYING.md github.com/a/b/c/d/d.go github.com/a/b/go.mod"},
	{"package by package", []Project{one("github.com/a/b/c/d"), one("github.com/a/b/other")},
		"github.com/a/b/LICENSE github.com/a/b/c/COPYING.md github.com/a/b/c/d/d.go github.com/a/b/go.mod github.com/a/b/other/o.go"},
	{"a package with what is below it", []Project{changed(one("github.com/a/b/c/d"), func(p *Project) { p.Tree = true })},
		"github.com/a/b/LICENSE github.com/a/b/c/COPYING.md github.com/a/b/c/d/d.go github.com/a/b/c/d/e/e.go github.com/a/b/c/d/testdata/x github.com/a/b/go.mod"},
	{"everything", []Project{at("github.com/a/b")},
		"github.com/a/b/LICENSE github.com/a/b/README.md github.com/a/b/b.go github.com/a/b/c/COPYING.md github.com/a/b/c/d/d.go " +
			"github.com/a/b/c/d/e/e.go github.com/a/b/c/d/testdata/x github.com/a/b/c/license.go github.com/a/b/go.mod github.com/a/b/notes.txt github.com/a/b/other/o.go"},
	{"everything below a package", []Project{changed(one("github.com/a/b/c/d"), func(p *Project) { p.Packages = nil })},
		"github.com/a/b/LICENSE github.com/a/b/c/COPYING.md github.com/a/b/c/d/d.go github.com/a/b/c/d/e/e.go github.com/a/b/c/d/testdata/x github.com/a/b/go.mod"},
	{"a repository below another's", []Project{at("github.com/a/b"), at("github.com/a/b/c", ".")},
		"github.com/a/b/LICENSE github.com/a/b/README.md github.com/a/b/b.go github.com/a/b/c/NOTICE github.com/a/b/c/own.go github.com/a/b/go.mod github.com/a/b/notes.txt github.com/a/b/other/o.go"},
	{"a repository below another's, named first", []Project{at("github.com/a/b/c", "."), at("github.com/a/b")},
		"github.com/a/b/LICENSE github.com/a/b/README.md github.com/a/b/b.go github.com/a/b/c/NOTICE github.com/a/b/c/own.go github.com/a/b/go.mod github.com/a/b/notes.txt github.com/a/b/other/o.go"},
	{"everything of a repository below another's", []Project{at("github.com/a/b"), at("github.com/a/b/c")},
		"github.com/a/b/LICENSE github.com/a/b/README.md github.com/a/b/b.go github.com/a/b/c/NOTICE github.com/a/b/c/d/own.go github.com/a/b/c/own.go github.com/a/b/go.mod github.com/a/b/notes.txt github.com/a/b/other/o.go"},
	{"cgo takes everything", []Project{at("github.com/a/c", ".")}, "github.com/a/c/c.go github.com/a/c/include/x.h github.com/a/c/plain/p.go"},
	{"a package beside one with cgo", []Project{at("github.com/a/c", "plain")}, "github.com/a/c/plain/p.go"},
	{"assembly takes everything", []Project{one("github.com/a/s/asm")}, "github.com/a/s/asm/s.go github.com/a/s/asm/s.s github.com/a/s/inc/x.h"},
	{"an object file takes everything", []Project{at("github.com/a/sys", "y")}, "github.com/a/sys/y/y.go github.com/a/sys/y/y.syso github.com/a/sys/z/z.go"},
	{"cgo in a test", []Project{at("github.com/a/test", ".")}, "github.com/a/test/t.go"},
	{"embedded files", []Project{at("github.com/a/e", "web")}, "github.com/a/e/web/static/a/index.html github.com/a/e/web/web.go"},
	{"embedded files in a block", []Project{at("github.com/a/e", "block")}, "github.com/a/e/block/b.go github.com/a/e/block/x.txt github.com/a/e/block/y/y.txt"},
	{"a comment on embedding", []Project{at("github.com/a/e", "says")}, "github.com/a/e/says/s.go"},
	{"from a fork", []Project{changed(at("github.com/a/b", "x/y"), func(p *Project) { p.Origin = "github.com/fork/b" })},
		"github.com/a/b/AUTHORS github.com/a/b/x/y/y.go"},
	{"from a fork, package by package", []Project{changed(one("github.com/a/b/x/y"), func(p *Project) { p.Origin = "github.com/fork/b/x/y" })},
		"github.com/a/b/AUTHORS github.com/a/b/x/y/y.go"},
	{"from another directory", []Project{changed(one("github.com/a/z"), func(p *Project) { p.Origin = "github.com/fork/b/x/y" })}, "github.com/a/z/y.go"},
}

func TestVendor(t *testing.T) {
	proxy := apptest.Proxy(t, modulesForVendor)
	for _, tt := range vendorTests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFetcher(t, "GOPROXY="+proxy)
			got, err := f.Fetch(tt.projects)
			if err != nil {
				t.Fatal(err)
			}
			before, vendor := tree(t, f.Store), filepath.Join(t.TempDir(), "vendor")
			if err := got.Vendor(tt.projects, vendor); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(tt.want), keysOf(tree(t, vendor))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, tree(t, f.Store)); diff != "" {
				t.Errorf("the store was changed:\n%s", diff)
			}
		})
	}
}

// Includes of a nested module's package come from all of that module.
func TestVendorWholeNestedModule(t *testing.T) {
	const nested = `
-- github.com/a/n@v1.0.0/n.go --
package n
-- github.com/a/n/sub@` + "v0.0.0-20200102030405-a1a1a1a1a1a1" + `/c/c.go --
package c

import "C"
-- github.com/a/n/sub@` + "v0.0.0-20200102030405-a1a1a1a1a1a1" + `/include/x.h --
`
	server := apptest.ServeModules(t, nested, map[string]string{
		"github.com/a/n@" + revA: info("v1.0.0"), "github.com/a/n/sub@" + revA: info(pseudo(revA)),
	})
	projects := []Project{{Path: "github.com/a/n", Root: true, Revision: revA, Packages: []string{".", "sub/c"}}}
	got, err := newFetcher(t, "GOPROXY="+server.URL).Fetch(projects)
	if err != nil {
		t.Fatal(err)
	}
	vendor := t.TempDir()
	if err := got.Vendor(projects, vendor); err != nil {
		t.Fatal(err)
	}
	want := []string{"github.com/a/n/n.go", "github.com/a/n/sub/c/c.go", "github.com/a/n/sub/include/x.h"}
	if diff := cmp.Diff(want, keysOf(tree(t, vendor))); diff != "" {
		t.Error(diff)
	}
}

// Files of modules may only be read; they are linked and not copied, and what is made of them can be removed.
func TestVendorLinks(t *testing.T) {
	f := newFetcher(t, "GOPROXY="+apptest.Proxy(t, modulesForVendor))
	projects := []Project{at("github.com/a/b", "other")}
	got, err := f.Fetch(projects)
	if err != nil {
		t.Fatal(err)
	}
	vendor := t.TempDir()
	for range 2 { // what is there already stays
		if err := got.Vendor(projects, vendor); err != nil {
			t.Fatal(err)
		}
	}
	stored, placed := filepath.Join(f.Store, "github.com", "a", "b@v1.0.0", "other", "o.go"), filepath.Join(vendor, "github.com", "a", "b", "other", "o.go")
	infos := make([]os.FileInfo, 2)
	for i, file := range []string{stored, placed} {
		if infos[i], err = os.Stat(file); err != nil {
			t.Fatal(err)
		}
	}
	if infos[0].Mode().Perm()&0o222 != 0 || !os.SameFile(infos[0], infos[1]) {
		t.Errorf("%v, %v", infos[0], infos[1])
	}

	// On another file system they are copied.
	other, err := os.MkdirTemp("/dev/shm", "vendor")
	if err != nil {
		t.Skipf("SKIPPED: no other file system to copy to: %v", err)
	}
	defer os.RemoveAll(other)
	if err := os.Link(stored, filepath.Join(other, "x")); err == nil {
		t.Skip("SKIPPED: no other file system to copy to")
	}
	if err := got.Vendor(projects, other); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, vendor), tree(t, other)); diff != "" {
		t.Error(diff)
	}
}

func TestAddMissing(t *testing.T) {
	from := write(t, t.TempDir(), `
-- github.com/a/b/b.go --
committed
-- github.com/a/b/LICENSE --
committed
-- github.com/a/b/sub/sub.go --
committed
-- github.com/a/c/c.go --
committed
-- github.com/a/c/c_test.go --
committed
-- github.com/a/d/data/x --
committed
-- github.com/a/d/include/old.h --
committed
-- vendor.json --
committed
`)
	vendor := write(t, t.TempDir(), `
-- github.com/a/b/LICENSE --
fetched
-- github.com/a/b/sub/new.go --
fetched
-- github.com/a/d/include/new.h --
fetched
`)
	if err := AddMissing(from, vendor); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"github.com/a/b/LICENSE": "fetched\n", "github.com/a/b/sub/new.go": "fetched\n", "github.com/a/d/include/new.h": "fetched\n",
		"github.com/a/b/b.go": "committed\n", "github.com/a/c/c.go": "committed\n", "github.com/a/c/c_test.go": "committed\n",
		"github.com/a/d/data/x": "committed\n", "vendor.json": "committed\n",
	}
	if diff := cmp.Diff(want, tree(t, vendor)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := AddMissing(filepath.Join(from, "none"), vendor); err == nil {
		t.Error("no error without the directory")
	}
}
