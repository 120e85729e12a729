package buildcache

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
)

// modcache is a made-up module cache of one build.
type modcache struct {
	t   *testing.T
	dir string
}

// escapedOf is a module's path and version as the names of files have them.
func escapedOf(v module.Version) (path, version string) {
	path, err := module.EscapePath(v.Path)
	version, versionErr := module.EscapeVersion(v.Version)
	if err := errors.Join(err, versionErr); err != nil {
		panic(err)
	}
	return path, version
}

// fetch is what the go command does for a module that is not there: it writes what describes it, and its sources.
// A module that is there in part is there for the go command.
func (m modcache) fetch(v module.Version, files map[string]string) {
	m.t.Helper()
	escaped, version := escapedOf(v)
	for kind, text := range map[string]string{"mod": "module " + v.Path, "info": "{}", "ziphash": "h1:", "zip": "PK", "lock": ""} {
		file := filepath.Join(m.dir, "cache", "download", escaped, "@v", version+"."+kind)
		if _, err := os.Stat(file); err != nil {
			put(m.t, file, text)
		}
	}
	put(m.t, filepath.Join(m.dir, "cache", "download", escaped, "@v", "list"), v.Version)
	put(m.t, filepath.Join(m.dir, "cache", "download", "sumdb", "database.example.com", "lookup", "x.mod"), "x")
	put(m.t, filepath.Join(m.dir, "cache", "lock"), "")
	root := filepath.Join(m.dir, filepath.FromSlash(directory(v)))
	if isDir(root) {
		return
	}
	for name, text := range files {
		put(m.t, filepath.Join(root, filepath.FromSlash(name)), text)
	}
}

// used is a package of a module.
func (m modcache) used(v module.Version, dir string) Used {
	root := filepath.Join(m.dir, filepath.FromSlash(directory(v)))
	return Used{Dir: filepath.Join(root, filepath.FromSlash(dir)), Module: root}
}

var (
	alpha  = module.Version{Path: "example.com/Alpha", Version: "v1.0.0"}
	beta   = module.Version{Path: "example.com/beta/v2", Version: "v2.1.0"}
	nested = module.Version{Path: "example.com/Alpha/nested", Version: "v0.1.0"}
	tool   = module.Version{Path: "example.org/tool", Version: "v0.2.0-Pre"}
)

const (
	alphaDir = "example.com/!alpha@v1.0.0/"
	betaDir  = "example.com/beta/v2@v2.1.0/"
)

// alphaFiles has a package of each kind, and what no package needs.
var alphaFiles = map[string]string{
	"go.mod": "module example.com/Alpha", "LICENSE": "MIT", "README.md": "x", "root.go": "package alpha", "root_test.go": "package alpha",
	"NOTICE.txt": "x", "licenses.json": "x",
	"used/used.go": "package used", "used/used_windows.go": "package used", "used/used_test.go": "package used", "used/COPYING": "x",
	"used/notes.txt": "x", "used/h.h": "x", "used/c.c": "x", "used/x.syso": "x", "used/testdata/x.go": "package x",
	"unused/unused.go": "package unused", "unused/LICENSE.md": "x", "unused/go.mod.txt": "x", "include/far.h": "x", "include/textflag.inc": "x", "include/go.go": "package x",
	"asm/asm.go": "package asm", "asm/asm_amd64.s": "#include \"far.h\"",
	"embeds/embeds.go": "package embeds\n//go:embed static\nvar x string", "embeds/static/a.html": "x", "embeds/static/deep/b_test.go": "x", "embeds/other.txt": "x",
	"tests/tests.go": "package tests", "tests/x_test.go": "package tests\n//go:embed static", "tests/static/a.html": "x",
	"used/nested/deep/deep.go": "package deep", "used/nested/nested.go": "package nested",
}

// sumsOf are the sums of modules whose tags nobody moved.
func sumsOf(versions ...module.Version) Sums {
	sums := Sums{}
	for _, v := range versions {
		sums[v] = "h1:" + v.String()
		sums[module.Version{Path: v.Path, Version: v.Version + "/go.mod"}] = "h1:go.mod of " + v.String()
	}
	return sums
}

// below are the names of files with a prefix, given as words.
func below(prefix, words string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[prefix+word] = true
	}
	return set
}

// describes are the names of the files that describe modules.
func describes(versions ...module.Version) map[string]bool {
	set := map[string]bool{}
	for _, v := range versions {
		escaped, version := escapedOf(v)
		maps.Copy(set, below("cache/download/"+escaped+"/@v/"+version, ".mod .info .ziphash"))
	}
	return set
}

func union(sets ...map[string]bool) map[string]bool {
	all := map[string]bool{}
	for _, set := range sets {
		maps.Copy(all, set)
	}
	return all
}

// modules opens and unpacks the module cache in a new build.
func (w *world) modules(sums Sums, whole bool) (*Modules, modcache) {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "pkg", "mod")
	m, err := w.build().OpenModules(dir)
	must(w.t, err)
	if m.Dir() != dir {
		w.t.Errorf("the module cache is %s, want %s", m.Dir(), dir)
	}
	must(w.t, m.Unpack(sums, whole))
	return m, modcache{w.t, dir}
}

// keepModules keeps, and ends the build.
func (w *world) keepModules(m *Modules, s Selection) {
	w.t.Helper()
	must(w.t, m.Keep(s))
	w.end(m.Cache)
}

// partOf is a world with the part of alpha that the package "used" needs, beta in whole since cgo reads it, and the tool.
func partOf(t *testing.T) (*world, Sums) {
	t.Helper()
	w := newWorld(t)
	sums := sumsOf(alpha, beta, tool)
	m, cache := w.modules(sums, false)
	fetchAll(cache)
	w.keepModules(m, selectionOf(cache, sums))
	return w, sums
}

func fetchAll(cache modcache) {
	cache.fetch(alpha, alphaFiles)
	cache.fetch(beta, map[string]string{"c/c.go": "package c", "include/x.h": "x", "README": "x", "c/c_test.go": "package c"})
	cache.fetch(tool, map[string]string{"cmd/main.go": "package main", "lib/lib.go": "package lib"})
}

func selectionOf(cache modcache, sums Sums) Selection {
	c := cache.used(beta, "c")
	c.Cgo = true
	return Selection{Packages: []Used{cache.used(alpha, "used"), c, cache.used(tool, "cmd")}, Sums: sums}
}

var (
	partOfAlpha = below(alphaDir, "go.mod LICENSE NOTICE.txt licenses.json used/used.go used/used_windows.go used/COPYING used/h.h used/c.c used/x.syso")
	allOfBeta   = below(betaDir, "c/c.go include/x.h README c/c_test.go")
	partOfTool  = below("example.org/tool@v0.2.0-!pre/", "cmd/main.go")
)

// TestWhatAPackageNeeds has one package of alpha each.
func TestWhatAPackageNeedsIsKept(t *testing.T) {
	const always = "go.mod LICENSE NOTICE.txt licenses.json "
	tests := map[string]string{
		"used":             always + "used/used.go used/used_windows.go used/COPYING used/h.h used/c.c used/x.syso",
		".":                always + "root.go",
		"unused":           always + "unused/unused.go unused/LICENSE.md",
		"asm":              always + "asm/asm.go asm/asm_amd64.s include/far.h include/textflag.inc used/h.h",
		"embeds":           always + "embeds/embeds.go embeds/static/a.html embeds/static/deep/b_test.go embeds/other.txt",
		"tests":            always + "tests/tests.go",
		"used/nested/deep": always + "used/nested/deep/deep.go",
		"used/nested":      always + "used/nested/nested.go",
		"unused asm":       always + "unused/unused.go unused/LICENSE.md asm/asm.go asm/asm_amd64.s include/far.h include/textflag.inc used/h.h",
		"asm unused":       always + "unused/unused.go unused/LICENSE.md asm/asm.go asm/asm_amd64.s include/far.h include/textflag.inc used/h.h",
		"embeds tests":     always + "embeds/embeds.go embeds/static/a.html embeds/static/deep/b_test.go embeds/other.txt tests/tests.go",
	}
	for packages, want := range tests {
		t.Run(packages, func(t *testing.T) {
			w := newWorld(t)
			m, cache := w.modules(nil, false)
			cache.fetch(alpha, alphaFiles)
			s := Selection{Sums: sumsOf(alpha)}
			for _, dir := range strings.Fields(packages) {
				s.Packages = append(s.Packages, cache.used(alpha, dir))
			}
			w.keepModules(m, s)
			m, cache = w.modules(s.Sums, false)
			same(t, "files", union(describes(alpha), below(alphaDir, want)), names(t, cache.dir))
			if m.Partial() != 1 {
				t.Errorf("%d modules are there in part", m.Partial())
			}
		})
	}
}

// TestAPackageThatEmbedsAtTheRoot takes all of its module, which counts as a part nevertheless: nobody looked whether it is.
func TestAPackageThatEmbedsAtTheRootTakesAll(t *testing.T) {
	w := newWorld(t)
	m, cache := w.modules(nil, false)
	files := map[string]string{"go.mod": "module x", "x.go": "package x\n\n//go:embed a\nvar f embed.FS", "a/b/c": "x", "sub/x.go": "package sub"}
	cache.fetch(alpha, files)
	w.keepModules(m, Selection{Packages: []Used{cache.used(alpha, ".")}})
	_, cache = w.modules(nil, false)
	same(t, "files", union(describes(alpha), below(alphaDir, "go.mod x.go a/b/c sub/x.go")), names(t, cache.dir))
}

// TestAModuleThatCgoReads is there in whole: where a header is missing the compiler may find another one of that name.
func TestAModuleThatCgoReadsIsKeptInWhole(t *testing.T) {
	w, sums := partOf(t)
	m, cache := w.modules(sums, false)
	same(t, "files", union(describes(alpha, beta, tool), partOfAlpha, allOfBeta, partOfTool), names(t, cache.dir))
	if m.Partial() != 2 {
		t.Errorf("%d modules are there in part", m.Partial())
	}
	w.warned(0)
}

func TestPartsStayOutWhereWholeModulesAreNeeded(t *testing.T) {
	w, sums := partOf(t)
	dir := t.TempDir() // where a module is there already, it is not a part
	must(t, os.MkdirAll(filepath.Join(dir, filepath.FromSlash(alphaDir)), 0o755))
	there, err := w.build().OpenModules(dir)
	must(t, err)
	must(t, there.Unpack(sums, true))
	if there.Partial() != 0 {
		t.Errorf("%d modules are there in part", there.Partial())
	}
	m, cache := w.modules(sums, true)
	same(t, "files", union(describes(alpha, beta, tool), allOfBeta), names(t, cache.dir))
	if m.Partial() != 0 {
		t.Errorf("%d modules are there in part", m.Partial())
	}
}

// TestModulesThatAreNoLongerRequired: their parts stay out, what describes them is of no weight.
func TestModulesThatAreNoLongerInGoSumAreNotUnpacked(t *testing.T) {
	w, _ := partOf(t)
	other := module.Version{Path: alpha.Path, Version: "v1.0.1"}
	m, cache := w.modules(sumsOf(other, beta), false)
	same(t, "files", union(describes(alpha, beta, tool), allOfBeta), names(t, cache.dir))
	if m.Partial() != 0 {
		t.Errorf("%d modules are there in part", m.Partial())
	}
	_, cache = w.modules(nil, false)
	same(t, "files without a go.sum", union(describes(alpha, beta, tool), partOfAlpha, allOfBeta, partOfTool), names(t, cache.dir))
	_, cache = w.modules(Sums{}, false)
	same(t, "files with an empty go.sum", union(describes(alpha, beta, tool), allOfBeta), names(t, cache.dir))
	_, cache = w.modules(sumsOf(module.Version{Path: "Not A Path", Version: "?"}, alpha), false)
	same(t, "files with strange names in go.sum", union(describes(alpha, beta, tool), partOfAlpha, allOfBeta), names(t, cache.dir))
}

// TestAModuleThatJoinsBelowOrAboveAPartKeepsItOut: one of them may have a package that the part of the other one lacks.
func TestAModuleThatJoinsBelowOrAboveAPartKeepsItOut(t *testing.T) {
	for joins, want := range map[module.Version]bool{
		nested: false,
		{Path: "example.com/Alpha/a/b/c", Version: "v1.0.0"}: false,
		{Path: "example.com", Version: "v1.0.0"}:             false,
		{Path: "example.com/Alpha/ofTheApp"}:                 false,
		{Path: "example.com/Alphabet", Version: "v1.0.0"}:    true,
		{Path: "example.com/alpha/a", Version: "v1.0.0"}:     true,
		alpha: true,
	} {
		w, sums := partOf(t)
		sums = maps.Clone(sums)
		if joins != alpha {
			sums[joins] = "" // as one that the app has in a directory
		}
		m, cache := w.modules(sums, false)
		found := names(t, cache.dir)
		if found[alphaDir+"used/used.go"] != want || !found["example.org/tool@v0.2.0-!pre/cmd/main.go"] {
			t.Errorf("%s joins: there is %v", joins, found)
		}
		if want != (m.Partial() == 2) {
			t.Errorf("%s joins: %d modules are there in part", joins, m.Partial())
		}
		if want {
			continue
		}
		// From then on it is known, and the part counts again.
		fetchAll(cache)
		if joins.Version != "" {
			cache.fetch(joins, map[string]string{"go.mod": "module x"})
		}
		w.keepModules(m, selectionOf(cache, sums))
		_, cache = w.modules(sums, false)
		if !names(t, cache.dir)[alphaDir+"used/used.go"] {
			t.Errorf("%s was known: the part stayed out", joins)
		}
	}
}

func TestOnlyMentionedModulesAreCompleted(t *testing.T) {
	for text, want := range map[string]string{
		"x.go:3:2: no required module provides package example.com/Alpha/unused; to add it:": "1, without example.com/!alpha@v1.0.0",
		"package example.org/tool/lib is not in std":                                         "1, without example.org/tool@v0.2.0-!pre",
		"example.com/Alpha@v1.0.0/used/used.go:1:1: example.org/tool: both":                  "2, without example.com/!alpha@v1.0.0, example.org/tool@v0.2.0-!pre",
		"nothing that anybody knows":                                                         "2, without example.com/!alpha@v1.0.0, example.org/tool@v0.2.0-!pre",
		"":                                                                                   "2, without example.com/!alpha@v1.0.0, example.org/tool@v0.2.0-!pre",
		"example.com/beta/v2/c is there in whole, example.com/!alpha and example.com/Alphabet are no words": "2, without example.com/!alpha@v1.0.0, example.org/tool@v0.2.0-!pre",
	} {
		w, sums := partOf(t)
		m, cache := w.modules(sums, false)
		n, err := m.Complete(text)
		must(t, err)
		var gone []string
		for _, dir := range []string{"example.com/!alpha@v1.0.0", betaDir, "example.org/tool@v0.2.0-!pre"} {
			if !isDir(filepath.Join(cache.dir, filepath.FromSlash(dir))) {
				gone = append(gone, dir)
			}
		}
		same(t, text, want, fmt.Sprintf("%d, without %s", n, strings.Join(gone, ", ")))
		if m.Missing() != n || m.Partial() != 2-n {
			t.Errorf("%q: %d missing, %d in part", text, m.Missing(), m.Partial())
		}
		fetchAll(cache)
		if m.Missing() != 0 || m.Partial() != 2-n {
			t.Errorf("%q: after they came %d missing, %d in part", text, m.Missing(), m.Partial())
		}
		all, err := m.Complete("")
		must(t, err)
		if all != 2-n || m.Partial() != 0 || m.Missing() != 2-n {
			t.Errorf("%q: at last %d completed, %d in part, %d missing", text, all, m.Partial(), m.Missing())
		}
	}
}

func TestOnlyGivenModulesAreCompleted(t *testing.T) {
	w, sums := partOf(t)
	m, cache := w.modules(sums, false)
	a := cache.used(alpha, "used").Module
	n, err := m.CompleteOnly([]string{a, cache.used(beta, "c").Module, a, "", "/elsewhere", filepath.Join(cache.dir, "example.com"), cache.dir})
	must(t, err)
	if n != 1 || m.Partial() != 1 || m.Missing() != 1 || isDir(a) {
		t.Errorf("%d completed, %d in part, %d missing", n, m.Partial(), m.Missing())
	}
	if n, err := m.CompleteOnly(nil); n != 0 || err != nil {
		t.Errorf("none given: %d, %v", n, err)
	}
	if n, err := m.CompleteOnly([]string{a}); n != 0 || err != nil {
		t.Errorf("given again: %d, %v", n, err)
	}
}

// TestKeepingTheSameSelection looks at no file: a module's content is fixed by its version.
func TestTheSameSelectionIsNotWrittenAgain(t *testing.T) {
	w, sums := partOf(t)
	was := fingerprint(t, w.packFile(modulesLayer))
	m, cache := w.modules(sums, false)
	fetchAll(cache)
	s := selectionOf(cache, sums)
	slices.Reverse(s.Packages)
	s.Packages = append(s.Packages, Used{Dir: "/app/own", Module: "/app"}, Used{Dir: "/app/none"}, Used{Dir: cache.dir + "-other/x@v1/y", Module: cache.dir + "-other/x@v1"})
	w.keepModules(m, s)
	same(t, "change", "unchanged", m.Change())
	same(t, "the pack", was, fingerprint(t, w.packFile(modulesLayer)))
	_, cache = w.modules(sums, false)
	same(t, "files", union(describes(alpha, beta, tool), partOfAlpha, allOfBeta, partOfTool), names(t, cache.dir))
}

// TestFromParts: the files that are kept of a part are those that are kept of the whole, whoever fetched it in between.
func TestThePackFromPartsIsThatFromWholeModules(t *testing.T) {
	for what, text := range map[string]string{"one completed": alpha.Path, "all completed": ""} {
		t.Run(what, func(t *testing.T) {
			w, sums := partOf(t)
			was := fingerprint(t, w.packFile(modulesLayer))
			m, cache := w.modules(sums, false)
			_, err := m.Complete(text)
			must(t, err)
			fetchAll(cache)
			w.keepModules(m, selectionOf(cache, sums))
			same(t, "change", "unchanged", m.Change())
			same(t, "the pack", was, fingerprint(t, w.packFile(modulesLayer)))
		})
	}
	t.Run("written anew", func(t *testing.T) {
		w, sums := partOf(t)
		data, err := os.ReadFile(w.packFile(modulesLayer))
		must(t, err)
		m, cache := w.modules(sums, false)
		fetchAll(cache) // the parts are there, and stay as they are
		s := selectionOf(cache, sums)
		m.pack.index.Of = "something else, so that it is looked at"
		w.keepModules(m, s)
		same(t, "change", "written", m.Change())
		again, err := os.ReadFile(w.packFile(modulesLayer))
		must(t, err)
		if differ(data, again) {
			t.Error("the packs differ")
		}
	})
}

func TestAnotherSelectionIsWritten(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*Selection, modcache)
		want   map[string]bool
	}{
		"a package more": {func(s *Selection, c modcache) { s.Packages = append(s.Packages, c.used(alpha, "unused")) },
			union(describes(alpha, beta, tool), partOfAlpha, below(alphaDir, "unused/unused.go unused/LICENSE.md"), allOfBeta, partOfTool)},
		"a package less": {func(s *Selection, _ modcache) { s.Packages = s.Packages[1:] }, union(describes(alpha, beta, tool), allOfBeta, partOfTool)},
		"no cgo": {func(s *Selection, _ modcache) { s.Packages[1].Cgo = false },
			union(describes(alpha, beta, tool), partOfAlpha, below(betaDir, "c/c.go"), partOfTool)},
		"cgo in another package": {func(s *Selection, c modcache) {
			s.Packages[1].Cgo = false
			s.Packages = append(s.Packages, Used{Dir: c.used(beta, "include").Dir, Module: c.used(beta, "c").Module, Cgo: true})
		}, union(describes(alpha, beta, tool), partOfAlpha, allOfBeta, partOfTool)},
		"cgo in one of two packages": {func(s *Selection, c modcache) {
			s.Packages = append(s.Packages, Used{Dir: c.used(beta, "include").Dir, Module: c.used(beta, "c").Module})
		}, union(describes(alpha, beta, tool), partOfAlpha, allOfBeta, partOfTool)},
		"a module less in go.sum": {func(s *Selection, _ modcache) { s.Sums = sumsOf(alpha, beta) }, union(describes(alpha, beta), partOfAlpha, allOfBeta, partOfTool)},
		"no go.sum":               {func(s *Selection, _ modcache) { s.Sums = nil }, union(describes(alpha, beta, tool), partOfAlpha, allOfBeta, partOfTool)},
	} {
		t.Run(what, func(t *testing.T) {
			w, sums := partOf(t)
			m, cache := w.modules(sums, false)
			_, err := m.Complete("")
			must(t, err)
			fetchAll(cache)
			s := selectionOf(cache, sums)
			test.change(&s, cache)
			w.keepModules(m, s)
			same(t, "change", "written", m.Change())
			_, cache = w.modules(nil, false)
			same(t, "files", test.want, names(t, cache.dir))
		})
	}
}

// TestAnotherSelectionOfPartsIsWritten while the parts are there, as what is asked for is all there is.
func TestAnotherSelectionOfPartsIsWritten(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*Selection)
		want   map[string]bool
		parts  int
	}{
		"no cgo":             {func(s *Selection) { s.Packages[1].Cgo = false }, union(partOfAlpha, below(betaDir, "c/c.go"), partOfTool), 3},
		"a package less":     {func(s *Selection) { s.Packages = s.Packages[1:] }, union(allOfBeta, partOfTool), 1},
		"cgo, but of a part": {func(s *Selection) { s.Packages[0].Cgo = true }, union(partOfAlpha, allOfBeta, partOfTool), 2},
	} {
		w, sums := partOf(t)
		m, cache := w.modules(sums, false)
		s := selectionOf(cache, sums)
		test.change(&s)
		w.keepModules(m, s)
		same(t, what+": change", "written", m.Change())
		m, cache = w.modules(sums, false)
		same(t, what+": files", union(describes(alpha, beta, tool), test.want), names(t, cache.dir))
		if m.Partial() != test.parts {
			t.Errorf("%s: %d modules are there in part, want %d", what, m.Partial(), test.parts)
		}
	}
}

func TestABuildWithoutModulesKeepsNone(t *testing.T) {
	w, sums := partOf(t)
	m, cache := w.modules(nil, false)
	must(t, Remove(cache.dir))
	w.keepModules(m, Selection{Sums: sums})
	same(t, "what is left", map[string]bool{}, names(t, w.layers.Path))
}

func TestADamagedPackOfModulesLeavesNone(t *testing.T) {
	w, sums := partOf(t)
	w.flip(modulesLayer)
	m, cache := w.modules(sums, false)
	w.warned(1)
	if m.Partial() != 0 || m.Restored() {
		t.Errorf("%d modules are there in part, restored %t", m.Partial(), m.Restored())
	}
	same(t, "files", map[string]bool{}, names(t, cache.dir))
	fetchAll(cache)
	w.keepModules(m, selectionOf(cache, sums))
	_, cache = w.modules(sums, false)
	same(t, "files", union(describes(alpha, beta, tool), partOfAlpha, allOfBeta, partOfTool), names(t, cache.dir))
	w.warned(0)
}

// TestAPackageThatIsGone: a build that has used it left it, so that the selection is wrong.
func TestAPackageThatIsNotThereIsAnError(t *testing.T) {
	w := newWorld(t)
	m, cache := w.modules(nil, false)
	cache.fetch(alpha, alphaFiles)
	if err := m.Keep(Selection{Packages: []Used{cache.used(alpha, "none")}}); err == nil {
		t.Error("no error")
	}
}

// TestTimesOfUnpackedModules: what is unpacked counts as unchanged, and is not read again.
func TestUnpackedModulesAreOfTheTimeOfPacks(t *testing.T) {
	w, sums := partOf(t)
	m, cache := w.modules(sums, false)
	allAt(t, cache.dir, m.store.Start.Add(-3*time.Hour).Truncate(time.Second))
}

func TestDescribedModule(t *testing.T) {
	for name, want := range map[string]string{
		"cache/download/example.com/!alpha/@v/v1.0.0.mod":       "example.com/Alpha@v1.0.0",
		"cache/download/example.com/a/v2/@v/v2.0.0-!r!c.info":   "example.com/a/v2@v2.0.0-RC",
		"cache/download/example.com/a/@v/v1.0.0.ziphash":        "example.com/a@v1.0.0",
		"cache/download/example.com/a/@v/v1.0.0.zip":            "",
		"cache/download/example.com/a/@v/v1.0.0.lock":           "",
		"cache/download/example.com/a/@v/list":                  "",
		"cache/download/example.com/Alpha/@v/v1.0.0.mod":        "",
		"cache/download/example.com/a/v1.0.0.mod":               "",
		"cache/download/../a/@v/v1.0.0.mod":                     "",
		"cache/lock.mod":                                        "",
		"example.com/a@v1.0.0/cache/download/b.c/@v/v1.0.0.mod": "",
		"": "",
	} {
		v, ok := describedModule(name)
		if ok != (want != "") || ok && v.String() != want {
			t.Errorf("%s describes %s, %t, want %q", name, v, ok, want)
		}
	}
}

func TestModuleDirectory(t *testing.T) {
	for name, want := range map[string]string{
		"example.com/a@v1.0.0/b/c.go": "example.com/a@v1.0.0", "a.b/c@v1/d@e/f": "a.b/c@v1", "a.b/c@v1": "a.b/c@v1", "a.b/c": "a.b/c", "": "",
	} {
		if got := moduleDirectory(name); got != want {
			t.Errorf("%s belongs to %s, want %s", name, got, want)
		}
	}
}

func TestMentions(t *testing.T) {
	for text, want := range map[string]bool{
		"a.b/c": true, "x a.b/c/d": true, "\"a.b/c\"": true, "(a.b/c)": true, "a.b/c@v1.0.0": true, "x:a.b/c:": true, "@a.b/c,": true, "a.b/c;": true,
		"`a.b/c`": true, "'a.b/c'": true, "\ta.b/c\n": true, "xa.b/c a.b/c": true, "a.b/cd a.b/c": true,
		"": false, "a.b": false, "xa.b/c": false, "a.b/cd": false, "x/a.b/c": false, "a.b/c-d": false, "a.b/c.d": false,
		"a.b/ca.b/c": false, "xa.b/ca.b/c": false, "https://a.b/c": false,
	} {
		if mentions(text, "a.b/c") != want {
			t.Errorf("%q mentions a.b/c: %t", text, !want)
		}
	}
}
