package buildcache

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/module"
)

// TestWholeModulesAreKept for hooks, which may read anything. What describes modules is kept of all: a hook of its own go.sum needs it.
func TestWholeModulesAreKept(t *testing.T) {
	w := newWorld(t)
	older := module.Version{Path: alpha.Path, Version: "v0.9.0"}
	m, cache := w.modules(nil, false)
	fetchAll(cache)
	cache.fetch(older, map[string]string{"x.go": "package x"})
	cache.fetch(nested, map[string]string{"nested.go": "package nested"}) // of a hook's own, so that no go.sum names it
	sums := sumsOf(alpha, beta)
	s := selectionOf(cache, sums)
	s.Whole = true
	w.keepModules(m, s)
	m, cache = w.modules(sums, false)
	all := map[string]bool{}
	for name := range alphaFiles {
		all[alphaDir+name] = true
	}
	want := union(describes(alpha, beta, tool, nested, older), below("example.com/!alpha@v0.9.0/", "x.go"), all, allOfBeta, below("example.org/tool@v0.2.0-!pre/", "cmd/main.go lib/lib.go"), below("example.com/!alpha/nested@v0.1.0/", "nested.go"))
	same(t, "files", want, names(t, cache.dir))
	if m.Partial() != 0 {
		t.Errorf("%d modules are there in part", m.Partial())
	}
	_, cache = w.modules(sums, true)
	same(t, "files where whole modules are needed", want, names(t, cache.dir))

	was := fingerprint(t, w.packFile(modulesLayer))
	m, cache = w.modules(sums, true)
	s = selectionOf(cache, sums)
	s.Whole = true
	w.keepModules(m, s)
	same(t, "the pack", was, fingerprint(t, w.packFile(modulesLayer)))
	// Something that a hook fetches comes with no other selection.
	m, cache = w.modules(sums, true)
	cache.fetch(module.Version{Path: "example.net/more", Version: "v1.0.0"}, map[string]string{"more.go": "package more"})
	s = selectionOf(cache, sums)
	s.Whole = true
	w.keepModules(m, s)
	same(t, "change", "written", m.Change())
	_, cache = w.modules(sums, true)
	if !names(t, cache.dir)["example.net/more@v1.0.0/more.go"] {
		t.Error("what a hook fetched is not kept")
	}
	// And from the whole to parts.
	m, cache = w.modules(sums, false)
	w.keepModules(m, selectionOf(cache, sums))
	_, cache = w.modules(sums, false)
	same(t, "parts again", union(describes(alpha, beta), partOfAlpha, allOfBeta), names(t, cache.dir))
}

// TestWholeModulesDoNotPileUp from build to build: the app's go when it no longer names them, a hook's when it fetches another version.
func TestWholeModulesDoNotPileUp(t *testing.T) {
	w := newWorld(t)
	version := func(path, version string) module.Version { return module.Version{Path: path, Version: version} }
	files := map[string]string{"x.go": "package x"}
	var uses []module.Version
	build := func(sums Sums, fetches ...module.Version) {
		t.Helper()
		m, cache := w.modules(sums, true)
		for _, v := range fetches {
			cache.fetch(v, files)
		}
		s := Selection{Sums: sums, Whole: true}
		for _, v := range uses {
			s.Packages = append(s.Packages, cache.used(v, "."))
		}
		w.keepModules(m, s)
	}
	holds := func(when string, sums Sums, want ...module.Version) {
		t.Helper()
		_, cache := w.modules(sums, true)
		all := describes(want...)
		for _, v := range want {
			all[directory(v)+"/x.go"] = true
		}
		same(t, when, all, names(t, cache.dir))
	}
	old, upgraded, gone := version("a.example/dep", "v1.0.0"), version("a.example/dep", "v1.1.0"), version("a.example/gone", "v1.0.0")
	tool, newer, other := version("b.example/tool", "v1.0.0"), version("b.example/tool", "v2.0.0"), version("b.example/other", "v1.0.0")
	// The tool of a hook uses another version of what the app has.
	tools := version("a.example/dep", "v0.9.0")
	sums := sumsOf(old, gone)
	build(sums, old, gone, tool, other, tools)
	for range 3 {
		build(sums)
		holds("nothing changed", sums, old, gone, tool, other, tools)
	}
	sums = sumsOf(upgraded)
	build(sums, upgraded)
	holds("the app changed", sums, upgraded, tool, other, tools)
	build(sums, newer)
	holds("the hook changed", sums, upgraded, newer, other, tools)
	// The go command looks at the newest version's description to see whether somebody retracted the one that it is to use.
	m, cache := w.modules(sums, true)
	put(t, filepath.Join(cache.dir, "cache", "download", "b.example", "tool", "@v", "v3.0.0.mod"), "module b.example/tool")
	w.keepModules(m, Selection{Sums: sums, Whole: true})
	_, cache = w.modules(sums, true)
	if !names(t, cache.dir)[directory(newer)+"/x.go"] {
		t.Error("the sources of a tool went for the description of a newer version")
	}
	must(t, os.Remove(filepath.Join(w.layers.Path, modulesLayer+".toml")))
	build(sums, upgraded, newer, other, tools)
	build(nil)
	holds("nobody knows what the app needs", sums, upgraded, newer, other, tools)
	// "go get" leaves the older version in go.sum.
	newest := version("a.example/dep", "v1.2.0")
	both := sumsOf(upgraded, newest)
	uses = []module.Version{upgraded}
	build(both)
	holds("both versions are in go.sum", both, upgraded, newer, other, tools)
	uses = []module.Version{newest}
	build(both, newest)
	_, cache = w.modules(both, true)
	found := names(t, cache.dir)
	if found[directory(upgraded)+"/x.go"] || !found[directory(newest)+"/x.go"] || !found["cache/download/a.example/dep/@v/v1.1.0.mod"] {
		t.Errorf("the app uses the newest version: there is %v", found)
	}
}

// TestAMovedTag: with another hash in go.sum the module is another one, and the go command
// would refuse what there is of the one before.
func TestAMovedTagIsNotUnpacked(t *testing.T) {
	for what, key := range map[string]module.Version{
		"sources": alpha,
		"go.mod":  {Path: alpha.Path, Version: alpha.Version + "/go.mod"},
	} {
		w, sums := partOf(t)
		sums[key] = "h1:another"
		m, cache := w.modules(sums, false)
		same(t, what, union(describes(beta, tool), allOfBeta, partOfTool), names(t, cache.dir))
		if m.Partial() != 1 {
			t.Errorf("%s: %d modules are there in part", what, m.Partial())
		}
		cache.fetch(alpha, map[string]string{"used/used.go": "package used // moved"})
		w.keepModules(m, selectionOf(cache, sums))
		same(t, what+": change", "written", m.Change())
		_, cache = w.modules(sums, false)
		same(t, what+": from then on", union(describes(alpha, beta, tool), below(alphaDir, "used/used.go"), allOfBeta, partOfTool), names(t, cache.dir))
	}
}
