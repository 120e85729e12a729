// Package deps knows what manages an app's dependencies and where they come from.
package deps

import (
	"errors"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Tool is what manages an app's dependencies.
type Tool string

// The tools, in the order in which they are looked for.
const (
	Modules  Tool = "modules"
	Dep      Tool = "dep"
	Godep    Tool = "godep"
	Govendor Tool = "govendor"
	Glide    Tool = "glide"
	GB       Tool = "gb"
	Godir    Tool = "godir"
	// None is an app of the standard library only, or with a committed vendor directory.
	None Tool = "none"
)

// Found is the tool of an app and how it was recognised.
type Found struct {
	Tool Tool
	// By is the file that named the tool, relative to the directory looked at.
	By string
	// Beside are files of tools that come later in the order and are not used.
	Beside []string
}

// markers are the files that name a tool; None and GB have rules of their own.
var markers = []struct {
	tool  Tool
	files []string
}{
	{Modules, []string{"go.work", "go.mod"}},
	{Dep, []string{"Gopkg.lock", "Gopkg.toml"}},
	{Godep, []string{"Godeps/Godeps.json"}},
	{Govendor, []string{"vendor/vendor.json"}},
	{Glide, []string{"glide.yaml", "glide.lock"}},
	{GB, nil},
	{Godir, []string{".godir"}},
}

// LookedFor lists what Detect looks for, for a message to somebody whose app has none of it.
func LookedFor() string {
	var all []string
	for _, m := range markers {
		all = append(all, m.files...)
	}
	return strings.Join(all, ", ") + ", src/**/*.go, a .go file of package main in the root or under cmd/"
}

// Detect names the tool of the app whose root is top and whose directory to
// build is dir, at or below top. A module may begin above dir, as the go command
// allows. ok is false when nothing of Go is there; an error means that a
// directory could not be read.
func Detect(top, dir string) (found Found, ok bool, err error) {
	for _, m := range markers {
		var seen []string
		for _, file := range m.files {
			if isFile(filepath.Join(dir, file)) {
				seen = append(seen, file)
			}
		}
		if m.tool == GB {
			if seen, err = gbSource(dir); err != nil {
				return Found{}, false, err
			}
		}
		switch {
		case len(seen) > 0 && !ok:
			found, ok = Found{Tool: m.tool, By: seen[0]}, true
		case len(seen) > 0 && m.tool != GB: // a directory src/ alone says nothing beside another tool's file
			found.Beside = append(found.Beside, seen[0])
		}
	}
	if ok {
		return found, true, nil
	}
	if above := findUp(dir, top, "go.work", "go.mod"); above != "" {
		by, err := filepath.Rel(dir, above)
		return Found{Tool: Modules, By: by}, true, err
	}
	file, err := mainFile(dir)
	return Found{Tool: None, By: file}, file != "", err
}

// gbSource returns a .go file below a package directory of src/: gb's layout.
func gbSource(dir string) ([]string, error) {
	src := filepath.Join(dir, "src")
	if !isDir(src) {
		return nil, nil
	}
	var seen []string
	err := filepath.WalkDir(src, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && skipped(entry.Name()):
			return fs.SkipDir
		case entry.Type().IsRegular() && strings.HasSuffix(path, ".go") && filepath.Dir(path) != src:
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			seen = []string{rel}
			return fs.SkipAll
		}
		return nil
	})
	return seen, err
}

// skipped names directories that the go command's patterns leave out too, and one that can be huge.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "vendor" || name == "testdata" || name == "node_modules"
}

// mainFile returns a file of a main package in dir or under dir/cmd, "" for none.
func mainFile(dir string) (string, error) {
	linux := build.Default
	linux.GOOS, linux.BuildTags = "linux", []string{"scalingo", "heroku"}
	isMain := func(path string) bool {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return false
		}
		if match, err := linux.MatchFile(filepath.Dir(path), filepath.Base(path)); err != nil || !match {
			return false
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly)
		return err == nil && file.Name.Name == "main"
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && isMain(filepath.Join(dir, entry.Name())) {
			return entry.Name(), nil
		}
	}
	cmd := filepath.Join(dir, "cmd")
	if !isDir(cmd) {
		return "", nil
	}
	var seen string
	err = filepath.WalkDir(cmd, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && skipped(entry.Name()):
			return fs.SkipDir
		case entry.Type().IsRegular() && isMain(path):
			if seen, err = filepath.Rel(dir, path); err != nil {
				return err
			}
			return fs.SkipAll
		}
		return nil
	})
	return seen, err
}

// WorkDir returns the directory to build: workdir (BP_GO_WORKDIR) below the
// app's root top, or top itself. Links below top are resolved: a go.mod is looked
// for in the directories above the one that a link leads to.
func WorkDir(top, workdir string) (string, error) {
	if workdir == "" {
		return top, nil
	}
	rel := workdir
	if filepath.IsAbs(workdir) {
		var err error
		if rel, err = filepath.Rel(top, workdir); err != nil {
			return "", fmt.Errorf("BP_GO_WORKDIR: %w", err)
		}
	}
	if !filepath.IsLocal(rel) {
		return "", fmt.Errorf("BP_GO_WORKDIR=%s leaves the app: name a directory below the app's root", workdir)
	}
	dir := filepath.Join(top, rel)
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !isDir(real) {
		return "", fmt.Errorf("BP_GO_WORKDIR=%s: the app has no such directory; its root holds %s", workdir, Listing(top))
	}
	if err != nil {
		return "", fmt.Errorf("BP_GO_WORKDIR=%s: %w", workdir, err)
	}
	realTop, err := filepath.EvalSymlinks(top)
	if err != nil {
		return "", err
	}
	inside, err := filepath.Rel(realTop, real)
	if err != nil || !filepath.IsLocal(inside) {
		return "", fmt.Errorf("BP_GO_WORKDIR=%s is a link that leaves the app: name a directory below the app's root", workdir)
	}
	return filepath.Join(top, inside), nil
}

// Listing names what dir holds, directories with a trailing "/", for a message.
func Listing(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return "nothing"
	}
	const most = 40
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(slices.Clip(names), ", ")
}

// findUp returns the path of the first file of that name from dir up to top, "" for none.
// In each directory names are tried in order.
func findUp(dir, top string, names ...string) string {
	for {
		for _, name := range names {
			if path := filepath.Join(dir, name); isFile(path) {
				return path
			}
		}
		if dir == top || dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
