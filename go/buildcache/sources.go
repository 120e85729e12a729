package buildcache

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// needs is what a package needs beside the files of its own directory: assembly
// includes headers, patterns of go:embed lead below the directory.
type needs struct{ headers, below bool }

// legal matches files with a licence or a notice.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents|unlicense)`)

// moduleFiles are the files of the module at dir that its packages, given by their directories, need. Names are relative to dir.
func (s *Store) moduleFiles(dir string, packages []string) ([]File, error) {
	headers := false
	below, used := map[string]bool{}, map[string]bool{}
	for _, p := range packages {
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return nil, err
		}
		need, err := readNeeds(p)
		if err != nil {
			return nil, err
		}
		rel = filepath.ToSlash(rel)
		used[rel] = true
		below[rel] = need.below
		headers = headers || need.headers
	}
	choice := choice{headers: headers, used: used, below: below}
	files, err := s.Files(dir, func(name string) bool { return choice.leavesDirectory(dir, name) })
	return slices.DeleteFunc(files, func(f File) bool { return !choice.takes(f.Name) }), err
}

// choice says which files of a module are taken; names are relative to it.
type choice struct {
	// headers are those that assembly may include.
	headers bool
	// used are directories of packages, below those of which all is taken.
	used, below map[string]bool
}

// leavesDirectory tells whether nothing below a directory can be taken: it spares looking there.
func (c choice) leavesDirectory(root, name string) bool {
	if c.headers {
		return false
	}
	for dir := name; dir != "."; dir = path.Dir(dir) {
		if c.below[dir] {
			return false
		}
	}
	if c.below["."] {
		return false
	}
	for dir := range c.used {
		if dir == name || strings.HasPrefix(dir, name+"/") {
			return false
		}
	}
	info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(name)))
	return err == nil && info.IsDir()
}

func (c choice) takes(name string) bool {
	dir, base := path.Dir(name), path.Base(name)
	for above := dir; ; above = path.Dir(above) {
		if c.below[above] {
			return true
		}
		if above == "." {
			break
		}
	}
	switch {
	case name == "go.mod":
		return true
	case strings.HasSuffix(base, "_test.go"):
		return false
	case legal.MatchString(base):
		return c.used[dir] || dir == "."
	case c.used[dir] && (base == profile || slices.Contains(sourceExtensions, path.Ext(base))):
		return true
	case c.headers:
		return slices.Contains(headerExtensions, path.Ext(base))
	}
	return false
}

// profile is the file of a main package that the compiler optimizes by ("go help build", -pgo).
const profile = "default.pgo"

// sourceExtensions are those of files that the go command looks at ("go help packages",
// go/build), headerExtensions those of what assembly includes.
var (
	sourceExtensions = []string{
		".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90",
		".s", ".S", ".sx", ".swig", ".swigcxx", ".syso",
	}
	headerExtensions = []string{".h", ".inc", ".s", ".S"}
)

// readNeeds looks through the files of a package, whatever tags they are built with.
func readNeeds(dir string) (needs, error) {
	var n needs
	entries, err := os.ReadDir(dir)
	if err != nil {
		return n, err
	}
	for _, entry := range entries {
		name := entry.Name()
		switch path.Ext(name) {
		case ".s", ".S":
			n.headers = true
		case ".go":
			if strings.HasSuffix(name, "_test.go") || !entry.Type().IsRegular() {
				continue
			}
			source, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return n, err
			}
			n.below = n.below || bytes.Contains(source, []byte("//go:embed"))
		}
	}
	return n, nil
}
