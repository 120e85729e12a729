package deps

import (
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Vendor puts the packages that the lock names into the directory vendor, each
// under its import path, with the licences that go with them. Files are hard
// links where the file system allows.
func (f Fetched) Vendor(projects []Project, vendor string) error {
	// A project may lie below another one, in a repository of its own.
	owners := map[string]int{}
	for i, r := range f.repositories {
		for _, n := range r.Projects {
			owners[projects[n].Path] = i
			for _, dir := range projects[n].Packages {
				owners[path.Join(projects[n].Path, dir)] = i
			}
		}
	}
	for i, r := range f.repositories {
		for _, n := range r.Projects {
			if err := newLayout(projects[n], f, i, vendor, owners).place(); err != nil {
				return err
			}
		}
	}
	return nil
}

// layout is one project on its way into a vendor directory.
type layout struct {
	project Project
	found   found
	store   string
	vendor  string
	// base is the import path under which the root of the repository is imported,
	// or the project's own where that cannot be said; from is what it comes from.
	base, from string
	// owners are the repositories that import paths belong to, self is this one's.
	owners map[string]int
	self   int
}

func newLayout(p Project, f Fetched, repository int, vendor string, owners map[string]int) layout {
	l := layout{
		project: p, found: f.found[repository], store: f.store, vendor: vendor,
		base: p.Path, from: p.from(), owners: owners, self: repository,
	}
	if base, ok := strings.CutSuffix(p.Path, strings.TrimPrefix(l.from, l.found.Root)); ok {
		l.base, l.from = base, l.found.Root
	}
	return l
}

func (l layout) place() error {
	p := l.project
	if p.Packages == nil {
		place := l.everything
		if p.Path != l.base {
			place = func() error { return l.tree(p.Path) }
		}
		return errors.Join(place(), l.licences(p.Path))
	}
	whole, err := l.needsWhole()
	if err == nil && whole {
		err = l.everything()
	}
	for _, dir := range p.Packages {
		if err != nil {
			return err
		}
		importPath := path.Join(p.Path, dir)
		if p.Tree || embeds(l.source(importPath)) {
			err = l.tree(importPath)
		} else {
			err = linkFiles(l.source(importPath), l.target(importPath), isCode)
		}
		if err == nil {
			err = l.licences(importPath)
		}
	}
	return err
}

// source is the directory that a package comes from, given by the import path under which it is imported.
func (l layout) source(importPath string) string {
	return l.found.locate(l.store, l.from+strings.TrimPrefix(importPath, l.base))
}

func (l layout) target(importPath string) string {
	return filepath.Join(l.vendor, filepath.FromSlash(importPath))
}

// isCode leaves out what no build of a dependency needs.
func isCode(name string) bool { return !strings.HasSuffix(name, "_test.go") }

// tree links a directory with everything below it but what belongs to another repository of the lock.
func (l layout) tree(importPath string) error {
	source := l.source(importPath)
	return filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		below := path.Join(importPath, filepath.ToSlash(rel))
		if owner, ok := l.owners[below]; ok && owner != l.self && file != source {
			return fs.SkipDir
		}
		return linkFiles(file, l.target(below), isCode)
	})
}

// everything links all modules of the repository.
func (l layout) everything() error {
	err := l.tree(l.base)
	for _, m := range l.found.Modules[1:] {
		if err == nil && within(m.Prefix, l.from) {
			err = l.tree(l.base + strings.TrimPrefix(m.Prefix, l.from))
		}
	}
	return err
}

// licences links the files that have to go with a package: its repository's, and those on the way to it.
func (l layout) licences(importPath string) error {
	for dir := importPath; within(dir, l.base); dir = path.Dir(dir) {
		// Above a module of its own the repository's root may not have the directory.
		if err := linkFiles(l.source(dir), l.target(dir), goesAlong); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// legal matches the names of files with the terms under which code may be used.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|unlicense|notice|patents|authors|contributors|legal)`)

// goesAlong tells whether a file has to go with the packages below it: licences,
// and go.mod, from which the go command learns that "/v2" may be missing in directories.
func goesAlong(name string) bool {
	return name == "go.mod" || legal.MatchString(name) && !strings.HasSuffix(name, ".go")
}

// needsWhole tells whether a package of the project may include files of
// directories that are no packages: C, assembly and the like.
func (l layout) needsWhole() (bool, error) {
	for _, dir := range l.project.Packages {
		entries, err := os.ReadDir(l.source(path.Join(l.project.Path, dir)))
		if err != nil {
			return false, err
		}
		for _, entry := range entries {
			name := entry.Name()
			file := filepath.Join(l.source(path.Join(l.project.Path, dir)), name)
			if slices.Contains([]string{".s", ".S", ".sx", ".c", ".cc", ".cpp", ".cxx", ".m", ".f", ".F", ".for", ".f90", ".syso", ".swig", ".swigcxx"}, filepath.Ext(name)) ||
				strings.HasSuffix(name, ".go") && isCode(name) && importsC(file) {
				return true, nil
			}
		}
	}
	return false, nil
}

func importsC(file string) bool {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if parsed == nil || err != nil && len(parsed.Imports) == 0 {
		return false
	}
	for _, spec := range parsed.Imports {
		if spec.Path.Value == `"C"` {
			return true
		}
	}
	return false
}

// embedDirective matches the directive, which may stand in a block of variables.
var embedDirective = regexp.MustCompile(`(?m)^[ \t]*//go:embed[ \t]`)

// embeds tells whether a .go file in dir has an embed directive, under whatever build tags.
func embeds(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") {
			continue
		}
		if data, err := os.ReadFile(filepath.Join(dir, entry.Name())); err == nil && embedDirective.Match(data) {
			return true
		}
	}
	return false
}

// linkFiles links the regular files of a directory that choose picks to another directory, which is made for the first one.
// A file that is there already stays.
func linkFiles(from, to string, choose func(name string) bool) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	made := false
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !choose(entry.Name()) {
			continue
		}
		if !made {
			if err := os.MkdirAll(to, 0o755); err != nil {
				return err
			}
			made = true
		}
		target := filepath.Join(to, entry.Name())
		if _, err := os.Lstat(target); err == nil {
			continue
		}
		if err := link(filepath.Join(from, entry.Name()), target); err != nil {
			return err
		}
	}
	return nil
}

// AddMissing links from one vendor directory to another the directories that
// the other has not. A package is not there where only the licence stands.
func AddMissing(from, vendor string) error {
	return filepath.WalkDir(from, func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, dir)
		if err != nil {
			return err
		}
		to := filepath.Join(vendor, rel)
		if HasGo(to, false) || hasFiles(to) && !HasGo(dir, false) {
			return nil
		}
		return linkFiles(dir, to, func(string) bool { return true })
	})
}

func hasFiles(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() })
}
