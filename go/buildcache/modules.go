package buildcache

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// modulesLayer is the name of the layer with the sources of modules.
const modulesLayer = "modules"

// Modules is the go command's module cache, GOMODCACHE, as a pack of the packages that
// the last build used and of what describes the modules: their go.mod files, for the most part.
//
// The go command takes a module that is there in part for the module, and does not notice
// before it looks for what is missing. What it indexes of one is wrong for the whole (Go
// 1.19 and newer), so while parts are there it has to run with goindex=0 in GODEBUG;
// and where it fails, the whole modules have to be fetched: see Complete.
type Modules struct {
	*Cache
	dir string
	// parts are the directories in dir that hold a part of a module, slash-separated.
	parts map[string]bool
	// removed are those that were, to make room for the whole.
	removed []string
}

// OpenModules opens the pack of module sources for the directory dir.
func (s *Store) OpenModules(dir string) (*Modules, error) {
	cache, err := s.Open(modulesLayer, nil)
	return &Modules{Cache: cache, dir: dir, parts: map[string]bool{}}, err
}

// Dir is the module cache.
func (m *Modules) Dir() string { return m.dir }

// Unpack fills the module cache with what is known of the modules that sums names, all for
// nil. Of modules of which the pack has a part the sources stay out where the module is not among them,
// and where whole is set. So do they where a module joins now whose path is nested in the part's, or the other way round:
// it may have a package that the part lacks, and the go command would not see that both have it.
// Of a module whose hash is another one now, since somebody moved its tag, nothing is unpacked.
func (m *Modules) Unpack(sums Sums, whole bool) error {
	if !m.Restored() {
		return nil
	}
	moved := m.pack.index.moved(sums)
	joining := m.pack.index.joining(sums)
	listed, leave := map[string]bool{}, map[string]bool{}
	for v := range sums {
		listed[directory(without(v))] = true
	}
	for _, part := range m.pack.index.Parts {
		name, _, _ := strings.Cut(part, "@")
		owner, err := module.UnescapePath(name)
		nested := func(p string) bool { return strings.HasPrefix(p, owner+"/") || strings.HasPrefix(owner, p+"/") }
		leave[part] = whole || err != nil || slices.ContainsFunc(joining, nested)
	}
	err := m.Cache.Unpack(m.dir, func(name string) bool {
		if len(moved) > 0 {
			if v, ok := ownerOf(name); ok && moved[v] {
				return false
			}
		}
		if strings.HasPrefix(name, downloads) {
			return true
		}
		dir := moduleDirectory(name)
		return !leave[dir] && (sums == nil || listed[dir] || !m.inParts(dir))
	})
	if m.Restored() {
		for _, part := range m.pack.index.Parts {
			if !leave[part] && isDir(filepath.Join(m.dir, filepath.FromSlash(part))) {
				m.parts[part] = true
			}
		}
	}
	return err
}

func (m *Modules) inParts(dir string) bool {
	_, found := slices.BinarySearch(m.pack.index.Parts, dir)
	return found
}

// Partial is the number of modules that are there in part.
func (m *Modules) Partial() int { return len(m.parts) }

// Complete makes room for whole modules, which the go command then fetches: it removes the directories of
// those in part that text names, which the go command printed, or of all where it names none. It returns their number.
func (m *Modules) Complete(text string) (int, error) {
	var named []string
	for part := range m.parts {
		escaped, _, _ := strings.Cut(part, "@")
		if name, err := module.UnescapePath(escaped); err == nil && mentions(text, name) {
			named = append(named, part)
		}
	}
	if len(named) == 0 {
		for part := range m.parts {
			named = append(named, part)
		}
	}
	return len(named), m.remove(named)
}

// CompleteOnly makes room for the whole of those modules that are there in part, given by
// their directories, and returns their number.
func (m *Modules) CompleteOnly(dirs []string) (int, error) {
	var parts []string
	for _, dir := range dirs {
		rel, err := filepath.Rel(m.dir, dir)
		if part := filepath.ToSlash(rel); err == nil && m.parts[part] && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return len(parts), m.remove(parts)
}

func (m *Modules) remove(parts []string) error {
	for _, part := range parts {
		if err := Remove(filepath.Join(m.dir, filepath.FromSlash(part))); err != nil {
			return err
		}
		delete(m.parts, part)
		m.removed = append(m.removed, part)
	}
	return nil
}

// Missing is the number of modules that Complete made room for and that did not come.
func (m *Modules) Missing() int {
	missing := 0
	for _, part := range m.removed {
		if !isDir(filepath.Join(m.dir, filepath.FromSlash(part))) {
			missing++
		}
	}
	return missing
}

// mentions tells whether a text has an import path, or one below it, as a word.
func mentions(text, importPath string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], importPath)
		if i < 0 {
			return false
		}
		before, after := text[:from+i], text[from+i+len(importPath):]
		inWord := before != "" && !strings.ContainsAny(before[len(before)-1:], " \t\n\"'`:(@")
		if !inWord && (after == "" || strings.ContainsAny(after[:1], "/ \t\n\"'`:;,)@")) {
			return true
		}
		from = len(text) - len(after)
	}
}

// Used is a package of a module that a build used.
type Used struct {
	// Dir is the package's directory, Module that of its module.
	Dir, Module string
	// Cgo tells that a C compiler reads it, which may include whatever the module has, or
	// what the system has in its place.
	Cgo bool
}

// Selection says what is to be kept of a module cache.
type Selection struct {
	// Packages are what the build used; those of modules elsewhere do not matter.
	Packages []Used
	// Sums are the modules that the app names, nil where nobody knows: what describes others is left out.
	Sums Sums
	// Whole tells to keep whole modules, whatever was used of them, since something else than the build reads them.
	Whole bool
}

// own is the selection without packages of modules that lie elsewhere.
func (m *Modules) own(s Selection) Selection {
	s.Packages = slices.DeleteFunc(slices.Clone(s.Packages), func(u Used) bool { return !m.has(u.Module) })
	return s
}

// Choice stands for what a selection names: a cache was made for the same choice as it is Of.
func (m *Modules) Choice(s Selection) string { return m.own(s).hash(m.dir) }

// Holds tells, once the cache is unpacked, whether all that the selection names is there, and no more: a module's content is
// fixed by its version, so that the same choice has the same files.
func (m *Modules) Holds(s Selection) bool {
	return !s.Whole && m.Restored() && m.Of() == m.Choice(s) && len(m.parts) == len(m.pack.index.Parts)
}

// Keep keeps what the selection names.
func (m *Modules) Keep(s Selection) error {
	if m.Holds(s) {
		m.KeepAll()
		return nil
	}
	s = m.own(s)
	content := Content{Of: s.hash(m.dir), Known: s.Sums.lines()}
	var err error
	if s.Whole {
		content.Files, err = m.whole(s)
	} else {
		content.Files, content.Parts, err = m.inPart(s)
	}
	if err != nil {
		return err
	}
	return m.Cache.Keep(content)
}

// hash is the selection in short, as seen from the directory dir.
func (s Selection) hash(dir string) string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%v\n", s.Whole) // a hash takes all
	for _, u := range s.sorted() {
		_, _ = fmt.Fprintf(sum, "%s %v\n", strings.TrimPrefix(u.Dir, dir), u.Cgo)
	}
	for _, line := range s.Sums.lines() {
		_, _ = fmt.Fprintln(sum, line)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (s Selection) sorted() []Used {
	return slices.SortedFunc(slices.Values(s.Packages), func(a, b Used) int { return cmp.Compare(a.Dir, b.Dir) })
}

// has tells whether a directory lies in the module cache.
func (m *Modules) has(dir string) bool {
	rel, err := filepath.Rel(m.dir, dir)
	return err == nil && dir != "" && filepath.IsLocal(rel)
}

func isDir(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// inPart are the files that the packages need, and the modules that they are but a part of.
func (m *Modules) inPart(s Selection) (files []File, parts []string, err error) {
	byModule, cgo := map[string][]string{}, map[string]bool{}
	for _, u := range s.Packages {
		byModule[u.Module] = append(byModule[u.Module], u.Dir)
		cgo[u.Module] = cgo[u.Module] || u.Cgo
	}
	listed, chosen := s.Sums.listed(), map[string]File{}
	for dir, packages := range byModule {
		rel, err := filepath.Rel(m.dir, dir)
		if err != nil {
			return nil, nil, err
		}
		rel = filepath.ToSlash(rel)
		var own []File
		if cgo[dir] && !m.parts[rel] {
			own, err = m.store.Files(dir, nil)
		} else {
			own, err = m.store.moduleFiles(dir, packages)
			parts = append(parts, rel)
		}
		if err != nil {
			return nil, nil, err
		}
		for _, f := range own {
			f.Name = path.Join(rel, f.Name)
			chosen[f.Name] = f
		}
	}
	slices.Sort(parts)
	for _, f := range chosen {
		files = append(files, f)
	}
	described, err := m.described(func(v module.Version) bool { return s.Sums == nil || listed[v] })
	return append(files, described...), parts, err
}
