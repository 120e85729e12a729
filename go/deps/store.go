package deps

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// indexFile names what the store holds.
const indexFile = "index.json"

// found is what a repository of the lock turned out to be. It is written to the store's index.
type found struct {
	// Root is the import path of the repository's root.
	Root string
	// Modules hold its code: the root's, and those nested in it that packages of the lock come from.
	Modules []foundModule
	// ByTag tells that the tag was trusted.
	ByTag bool `json:",omitempty"`
}

type foundModule struct {
	// Prefix is the import path of the module's root, as the lock's packages see it.
	Prefix string
	// Path and Version are those of the module that was downloaded.
	Path, Version string
}

// dir is the directory of the module in the store.
func (m foundModule) dir() string {
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		escaped = m.Path // the go command had it, so this does not happen
	}
	return filepath.FromSlash(escaped) + "@" + m.Version
}

// lacks are the import paths of packages of the lock that the modules found do not have.
func (r Repository) lacks(projects []Project, store string, in found) []string {
	var missing []string
	for _, i := range r.Projects {
		dirs := projects[i].Packages
		if dirs == nil {
			dirs = []string{"."}
		}
		for _, dir := range dirs {
			importPath := path.Join(projects[i].from(), dir)
			if !isDir(in.locate(store, importPath)) {
				missing = append(missing, importPath)
			}
		}
	}
	return missing
}

// needs are the import paths that the repository's projects should have.
func (r Repository) needs(projects []Project) []string {
	var all []string
	for _, i := range r.Projects {
		for _, dir := range projects[i].Needs {
			all = append(all, path.Join(projects[i].from(), dir))
		}
	}
	return all
}

// locate is the directory that holds the package of that import path, whether it is there or not.
func (in found) locate(store, importPath string) string {
	best := in.Modules[0]
	for _, m := range in.Modules[1:] {
		if within(importPath, m.Prefix) && len(m.Prefix) > len(best.Prefix) {
			best = m
		}
	}
	return filepath.Join(store, best.dir(), filepath.FromSlash(strings.TrimPrefix(importPath, best.Prefix)))
}

// within tells whether an import path is prefix or lies below it.
func within(importPath, prefix string) bool {
	return importPath == prefix || strings.HasPrefix(importPath, prefix+"/")
}

// key names the repository in the store's index by all that decides what is
// fetched for it. A URL may hold a login, which is not to be kept.
func (r Repository) key() string {
	p := r.Project
	return strings.Join([]string{strings.Join(r.Roots, "|"), sourceName(p.Source), p.Revision, p.Version}, " ")
}

// readIndex returns what earlier builds found. An index that cannot be read is
// none: everything is fetched again.
func (f *Fetcher) readIndex() map[string]found {
	data, err := os.ReadFile(filepath.Join(f.Store, indexFile))
	if err != nil {
		return nil
	}
	var index map[string]found
	if json.Unmarshal(data, &index) != nil {
		return nil
	}
	return index
}

// has tells whether an entry of the index can be the repository's, and whether the store holds all modules of it.
func (f *Fetcher) has(r Repository, known found) bool {
	if len(known.Modules) == 0 || known.Modules[0].Prefix != known.Root || !slices.Contains(append(r.Roots, r.Project.from()), known.Root) {
		return false
	}
	for _, m := range known.Modules {
		if module.Check(m.Path, m.Version) != nil || !isDir(filepath.Join(f.Store, m.dir())) {
			return false
		}
	}
	return true
}

// store moves a module from the go command's cache to the store. What lies in
// its place there from an earlier run is not in the index, so nobody knows whether it is whole.
func (f *Fetcher) store(a *answer) error {
	dir := foundModule{Path: a.Path, Version: a.Version}.dir()
	to := filepath.Join(f.Store, dir)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.stored[dir] {
		return nil // two repositories of the lock are one
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	f.stored[dir] = true
	return os.Rename(a.Dir, to)
}

// keep removes what the lock names no more, with the index of then, and writes the index of now.
func (f *Fetcher) keep(out Fetched) error {
	index := map[string]found{}
	used := map[string]bool{}
	for i, r := range out.repositories {
		index[r.key()] = out.found[i]
		for _, m := range out.found[i].Modules {
			used[m.dir()] = true
		}
	}
	if err := os.MkdirAll(f.Store, 0o755); err != nil {
		return err
	}
	if err := prune(f.Store, used); err != nil {
		return err
	}
	data, err := json.MarshalIndent(index, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(f.Store, indexFile), data, 0o600)
}

// prune removes everything below top but the files and directories named in
// keep, given relative to top, and what leads to them.
func prune(top string, keep map[string]bool) error {
	leads := map[string]bool{".": true}
	for name := range keep {
		for dir := filepath.Dir(name); !leads[dir]; dir = filepath.Dir(dir) {
			leads[dir] = true
		}
	}
	return filepath.WalkDir(top, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, file)
		if err != nil || leads[rel] {
			return err
		}
		if !keep[rel] {
			if err := os.RemoveAll(file); err != nil {
				return err
			}
		}
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}
