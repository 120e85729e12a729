package buildcache

import (
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// whole are all files of all modules, and what describes them: hooks may read any. Left out are those
// that nothing needs any more. Of what the app names that is a version that it named before. What it never
// named a hook fetched, so that nobody knows whether the next one wants it: it stays until another version takes its place.
func (m *Modules) whole(sums Sums) ([]File, error) {
	files, err := m.store.Files(m.dir, func(name string) bool {
		return strings.HasPrefix(name, "cache/") && name != "cache/download" && !strings.HasPrefix(name, downloads) || name == downloads+"sumdb"
	})
	if err != nil {
		return nil, err
	}
	fetched, other := map[module.Version]bool{}, map[string]bool{}
	listed, known := sums.listed(), Sums{}.listed()
	if m.Restored() && sums != nil {
		known = m.pack.index.known().listed()
	}
	for _, f := range files {
		if v, ok := ownerOf(f.Name); ok && !f.Unchanged && !listed[v] {
			fetched[v] = true
			other[v.Path] = true
		}
	}
	return slices.DeleteFunc(files, func(f File) bool {
		v, ok := ownerOf(f.Name)
		if !ok || listed[v] || fetched[v] {
			return !ok
		}
		return known[v] || other[v.Path]
	}), nil
}
