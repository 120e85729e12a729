package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// behind lets the app's modules come from a proxy of the test where that has them.
func (r *rebuilt) behind(t *testing.T, proxy string) {
	t.Helper()
	r.env = slices.DeleteFunc(r.env, func(pair string) bool { return strings.HasPrefix(pair, "GOPROXY=") })
	r.goEnv = []string{"GOPROXY=" + proxy + "," + goEnv(t, "GOPROXY"), "GONOSUMDB=example.com", "GOFLAGS=-modcacherw", "GOMODCACHE=" + t.TempDir()}
	r.env = append(r.env, r.goEnv[:2]...)
}

// modulesKept are the directories of modules whose sources the caches have.
func (r *rebuilt) modulesKept(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	unpack(t, filepath.Join(r.layers, "modules", "modules.tar.zst"), dir)
	var kept []string
	for _, pattern := range []string{"*/*@*", "*/*/*@*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			kept = append(kept, strings.TrimPrefix(name, dir+"/"))
		}
	}
	slices.Sort(kept)
	return kept
}

// TestAMovedTag: the author of a module puts its version on another commit, and the app's go.sum follows.
func TestAMovedTagIsFollowed(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	module := func(says string) string {
		return "-- example.com/lib@v1.0.0/go.mod --\nmodule example.com/lib\n\ngo 1.25 // " + says + "\n" +
			"-- example.com/lib@v1.0.0/lib.go --\npackage lib\n\nconst Says = \"" + says + "\"\n-- example.com/lib@v1.0.0/other/other.go --\npackage other\n"
	}
	r := untidied(t, "-- go.mod --\nmodule example.com/app\n\ngo 1.25\n-- main.go --\npackage main\n\nfunc main() {}\n")
	for _, says := range []string{"before", "after", "once more"} {
		r.behind(t, apptest.Proxy(t, module(says)))
		if err := os.RemoveAll(filepath.Join(r.app, "go.sum")); err != nil {
			t.Fatal(err)
		}
		r.write(t, "main.go", "package main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.Says) }\n")
		r.goCommand(t, "get", "example.com/lib@v1.0.0")
		wantLines(t, r.check(t), `1 module, 1 downloaded`)
		wantLines(t, r.check(t), `1 module, none downloaded`)
		if program, _ := r.build(t, r.layers); !bytes.Contains(program, []byte(says)) {
			t.Errorf("the program does not say %q", says)
		}
	}
}

// TestWhatHooksFetchDoesNotPileUp: the app and its hook change versions from build to build. What stays
// the same is not fetched again, and nothing stays that another version has taken the place of.
func TestWhatHooksFetchDoesNotPileUp(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	var modules strings.Builder
	for _, version := range []string{"v1.0.0", "v1.1.0", "v1.2.0"} {
		fmt.Fprintf(&modules, "-- example.com/lib@%s/lib.go --\npackage lib\n\nconst Version = %q\n", version, version)
		fmt.Fprintf(&modules, "-- example.com/tool@%s/main.go --\npackage main\n\nfunc main() { println(\"the tool is %s\") }\n", version, version)
	}
	modules.WriteString("-- example.com/other@v1.0.0/main.go --\npackage main\n\nfunc main() { println(\"the other tool\") }\n")
	r := untidied(t, "-- go.mod --\nmodule example.com/app\n\ngo 1.25\n-- main.go --\npackage main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.Version) }\n"+
		"-- bin/go-pre-compile --\n#!/bin/sh\nset -e\ngo run example.com/tool@$(cat tool.version)\ngo run example.com/other@v1.0.0\n-- tool.version --\nv1.0.0\n")
	if err := os.Chmod(filepath.Join(r.app, "bin", "go-pre-compile"), 0o755); err != nil { // #nosec G302 -- a program
		t.Fatal(err)
	}
	r.behind(t, apptest.Proxy(t, modules.String()))
	r.goCommand(t, "get", "example.com/lib@v1.0.0")
	lib, tool := "v1.0.0", "v1.0.0"
	for i, change := range []struct{ lib, tool string }{{lib, tool}, {"v1.1.0", tool}, {"", "v1.1.0"}, {"v1.2.0", "v1.2.0"}} {
		if change.lib != "" {
			lib = change.lib
			r.goCommand(t, "get", "example.com/lib@"+lib)
		}
		if change.tool != "" {
			tool = change.tool
			r.write(t, "tool.version", tool+"\n")
		}
		wantLines(t, r.check(t), "the tool is "+tool, "the other tool")
		program, log := r.build(t, r.layers)
		if !bytes.Contains(program, []byte(lib)) || strings.Contains(log, "go: downloading") {
			t.Errorf("build %d with lib %s, tool %s:\n%s", i, lib, tool, log)
		}
		want := []string{"example.com/lib@" + lib, "example.com/other@v1.0.0", "example.com/tool@" + tool}
		if kept := r.modulesKept(t); !slices.Equal(kept, want) {
			t.Errorf("build %d: kept are %v, want %v", i, kept, want)
		}
	}
}

// TestAProfileOfAnotherModuleIsKept: "default.pgo" lies beside the main package that it is for, which may be a
// dependency's. The go command takes an empty one for a profile too.
func TestAProfileOfAnotherModuleIsKept(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	proxy := apptest.Proxy(t, "-- example.com/tools@v1.0.0/go.mod --\nmodule example.com/tools\n\ngo 1.25\n"+
		"-- example.com/tools@v1.0.0/app/main.go --\npackage main\n\nfunc main() { println(\"hello\") }\n"+
		"-- example.com/tools@v1.0.0/app/default.pgo --\n-- example.com/tools@v1.0.0/lib.go --\npackage tools\n")
	r := untidied(t, "-- go.mod --\nmodule example.com/own\n\ngo 1.25\n-- own.go --\npackage own\n\nimport _ \"example.com/tools\"\n")
	r.behind(t, proxy)
	r.goCommand(t, "get", "example.com/tools/app@v1.0.0")
	for range 2 {
		r.check(t, "BP_GO_TARGETS=example.com/tools/app")
	}
	program, _ := r.build(t, r.layers, "BP_GO_TARGETS=example.com/tools/app")
	if !bytes.Contains(program, []byte("-pgo=default.pgo")) {
		t.Error("the program does not say that it was optimized by a profile")
	}
	if kept := r.modulesKept(t); !slices.Equal(kept, []string{"example.com/tools@v1.0.0"}) {
		t.Errorf("kept is %v", kept)
	}
}

// TestCachesBehindOtherTroubles: damage comes together with another change.
func TestCachesBehindOtherTroubles(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	r := newRebuilt(t, rebuiltApp)
	r.check(t)
	spoil := func(name string, change func([]byte) []byte) {
		t.Helper()
		file := filepath.Join(r.layers, name)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, change(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flip := func(data []byte) []byte {
		data[len(data)/3] ^= 0x10
		return data
	}
	garbage := func([]byte) []byte { return []byte("[types\ncache = ???") }

	spoil("go-dist/go-dist.tar.zst", flip)
	spoil("modules/modules.tar.zst", flip)
	wantLines(t, r.check(t, "BP_GO_VERSION=1.26.11"), `Installed Go 1\.26\.11`, `WARNING: The cache "modules" cannot be used`)
	for _, layer := range []string{"go-dist", "go-dist-rest", "modules", "build-base"} {
		spoil(layer+".toml", garbage)
		wantLines(t, r.check(t, "BP_GO_VERSION=1.26.11"), `WARNING: The cache "`+layer+`" cannot be used`)
		if log := r.check(t, "BP_GO_VERSION=1.26.11"); strings.Contains(log, "WARNING") {
			t.Errorf("%s.toml is still of no use:\n%s", layer, log)
		}
	}
}
