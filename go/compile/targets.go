package compile

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Targets are the packages a user named, and where.
type Targets struct {
	// From is the setting's name, for messages: "BP_GO_TARGETS".
	From string
	// Patterns are directories, import paths or patterns of the go command; none means to find all commands.
	Patterns []string
}

// patterns turns what a user wrote into patterns of the go command as seen from
// dir: a directory of the app becomes "./DIR" even without the "./", all else is an import path.
// An import path that lies below one of importDirs becomes that directory.
func (t Targets) patterns(dir string, importDirs []string) ([]string, error) {
	var out []string
	for _, p := range t.Patterns {
		if strings.HasPrefix(p, "-") {
			return nil, fmt.Errorf("%s: %q is no package: flags belong in BP_GO_BUILD_FLAGS", t.From, p)
		}
		if filepath.IsAbs(p) {
			rel, err := filepath.Rel(dir, p)
			if err != nil || !filepath.IsLocal(rel) {
				return nil, fmt.Errorf("%s: %s lies outside of the app: name a directory below it", t.From, p)
			}
			p = rel
		}
		if strings.HasSuffix(p, ".go") && isFile(filepath.Join(dir, p)) {
			return nil, fmt.Errorf("%s: %s is a file: name its directory, ./%s", t.From, p, filepath.ToSlash(filepath.Dir(p)))
		}
		clean, err := t.clean(p, dir)
		if err != nil {
			return nil, err
		}
		if base, _, _ := strings.Cut(clean, "..."); !strings.HasPrefix(clean, ".") {
			below := func(importDir string) bool { return isDir(filepath.Join(dir, importDir, base)) }
			if i := slices.IndexFunc(importDirs, below); i >= 0 {
				clean = "./" + importDirs[i] + "/" + clean
			}
		}
		out = append(out, clean)
	}
	return out, nil
}

// clean spells a pattern as "go list" repeats it in the field Match.
func (t Targets) clean(pattern, dir string) (string, error) {
	clean := path.Clean(filepath.ToSlash(pattern))
	base, _, wild := strings.Cut(clean, "...")
	there := isDir(filepath.Join(dir, base))
	switch {
	case clean == ".":
		return clean, nil
	case !filepath.IsLocal(clean):
		return "", fmt.Errorf("%s: %s lies outside of the app: name a directory below it", t.From, pattern)
	case !strings.HasPrefix(pattern, ".") && !there:
		return clean, nil
	case !wild && !there && strings.ContainsAny(pattern, " ,"):
		return "", fmt.Errorf("%s: the app has no directory %q: packages are separated by colons in BP_GO_TARGETS, by spaces in GO_INSTALL_PACKAGE_SPEC", t.From, pattern)
	case !wild && !there:
		return "", fmt.Errorf("%s: the app has no directory %s", t.From, pattern)
	default:
		return "./" + clean, nil
	}
}

// find returns the commands to build, in the user's order where they were
// named, and every package they depend on.
func (t Targets) find(l lister, everything, importDirs []string) (mains, all []Package, err error) {
	patterns, err := t.patterns(l.dir, importDirs)
	if err != nil {
		return nil, nil, err
	}
	if len(patterns) == 0 {
		if patterns, err = commands(l, everything); err != nil {
			return nil, nil, err
		}
	}
	if all, err = l.deep(patterns); err != nil {
		return nil, nil, err
	}
	for i, pattern := range patterns {
		found, err := t.mains(all, pattern, i, l.dir)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range found {
			if !slices.ContainsFunc(mains, func(q Package) bool { return q.ImportPath == p.ImportPath }) {
				mains = append(mains, p)
			}
		}
	}
	return mains, all, distinct(mains, l.dir)
}

// commands returns all main packages below the patterns, as arguments for the go command: an import path such as
// cmd/server would be looked for in the distribution first.
// Modules that only other packages need are not downloaded for it.
func commands(l lister, everything []string) ([]string, error) {
	packages, err := l.offline().shallow(everything)
	if err != nil {
		packages, err = l.shallow(everything)
	}
	if err != nil {
		return nil, err
	}
	var mains, others, broken []string
	for _, p := range packages {
		switch {
		case p.vendored("./..."):
		case p.Name == "main" && len(p.GoFiles)+len(p.CgoFiles) > 0:
			mains = append(mains, p.argument(l.dir))
		case p.Name != "" && p.Name != "main":
			others = append(others, fmt.Sprintf("%s (package %s)", p.Shown(l.dir), p.Name))
		case p.Error != nil && !p.empty():
			broken = append(broken, strings.TrimSpace(p.Error.Pos+" "+p.Error.Err))
		}
	}
	if len(broken) > 0 {
		// One of these may be a program: leaving it out without a word would be worse than an error.
		return nil, fmt.Errorf("the programs of the app cannot be found, since some of its code cannot be read:\n%s\n"+
			"correct it, or name the packages to build in BP_GO_TARGETS", strings.Join(broken, "\n"))
	}
	if len(mains) > 0 {
		return mains, nil
	}
	message := "no main package found in " + strings.Join(everything, " ")
	if len(others) > 0 {
		message += ", only " + strings.Join(others, ", ")
	}
	return nil, errors.New(message + "\nadd a package main with a func main, or set BP_GO_WORKDIR to the directory that has one")
}

// noFiles matches what the go command says of a directory that holds nothing for this machine and these tags.
var noFiles = regexp.MustCompile(`build constraints exclude all Go files|no (?:non-test )?Go files|no buildable Go source`)

// mains returns the main packages that a pattern matched.
func (t Targets) mains(all []Package, pattern string, index int, dir string) ([]Package, error) {
	var mains []Package
	var others []string
	for _, p := range all {
		if p.DepOnly || !slices.Contains(p.Match, pattern) {
			continue
		}
		if p.Name == "main" {
			mains = append(mains, p)
		} else {
			others = append(others, fmt.Sprintf("%s (package %s)", p.Shown(dir), p.Name))
		}
	}
	if len(mains) > 0 {
		return mains, nil
	}
	written := pattern
	if index < len(t.Patterns) {
		written = t.Patterns[index]
	}
	if len(others) == 0 {
		return nil, fmt.Errorf("%s: %s matches no package", t.From, written)
	}
	return nil, fmt.Errorf("%s: %s is not a main package; it matches %s: name packages that hold a func main", t.From, written, strings.Join(others, ", "))
}

// distinct returns an error when two commands would become the same file.
func distinct(mains []Package, dir string) error {
	seen := map[string]Package{}
	for _, p := range mains {
		if q, twice := seen[p.Binary()]; twice {
			return fmt.Errorf("%s and %s would both become the program %q: rename one directory, or name the packages to build in BP_GO_TARGETS",
				q.Shown(dir), p.Shown(dir), p.Binary())
		}
		seen[p.Binary()] = p
	}
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
