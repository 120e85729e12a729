package buildcache

import (
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// whole are all files of all modules, and what describes them: hooks may read any. Left out is
// what nothing needs any more. Of what the app names that is a version that it named before, and the sources of
// one while it uses another: go.sum may name both. What the app never
// named a hook fetched, so that nobody knows whether the next one wants it: it stays until the sources of another version come.
func (m *Modules) whole(s Selection) ([]File, error) {
	files, err := m.store.Files(m.dir, func(name string) bool {
		return strings.HasPrefix(name, "cache/") && name != "cache/download" && !strings.HasPrefix(name, downloads) || name == downloads+"sumdb"
	})
	if err != nil {
		return nil, err
	}
	listed, known := s.Sums.listed(), Sums{}.listed()
	if m.Restored() && s.Sums != nil {
		known = m.pack.index.known().listed()
	}
	used, usedPath := m.used(s.Packages)
	fetched, other := map[module.Version]bool{}, map[string]bool{}
	for _, f := range files {
		v, ok := ownerOf(f.Name)
		if !ok || f.Unchanged {
			continue
		}
		fetched[v] = true
		if !listed[v] && !strings.HasPrefix(f.Name, downloads) { // the go command looks at the description of more than it uses
			other[v.Path] = true
		}
	}
	return slices.DeleteFunc(files, func(f File) bool {
		v, ok := ownerOf(f.Name)
		switch {
		case !ok:
			return true
		case fetched[v] || used[v]:
			return false
		case listed[v]:
			return usedPath[v.Path] && !strings.HasPrefix(f.Name, downloads)
		}
		return known[v] || other[v.Path]
	}), nil
}

// used are the modules that packages belong to, and their paths.
func (m *Modules) used(packages []Used) (versions map[module.Version]bool, paths map[string]bool) {
	versions, paths = map[module.Version]bool{}, map[string]bool{}
	for _, u := range packages {
		if v, ok := ownerOf(strings.TrimPrefix(u.Module, m.dir+"/")); ok {
			versions[v] = true
			paths[v.Path] = true
		}
	}
	return versions, paths
}
