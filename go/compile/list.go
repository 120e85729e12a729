package compile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Package is what "go list -json" says of a package, as far as it matters here.
type Package struct {
	ImportPath string
	Name       string
	Dir        string
	Standard   bool
	DepOnly    bool
	GoFiles    []string
	CgoFiles   []string
	// IgnoredGoFiles are those that tags or names leave out.
	IgnoredGoFiles []string
	// SwigFiles and SwigCXXFiles are what SWIG makes Go and C of.
	SwigFiles    []string
	SwigCXXFiles []string
	// Target is where "go install" would put a command: the go command's own name for it.
	Target string
	// Match are the patterns of the command line that match the package.
	Match  []string
	Deps   []string
	Module *Module
	Error  *struct{ Err, Pos string }
}

// Module is what it says of the module of a package.
type Module struct {
	Path, Version string
	// Dir is where its sources are: those of what replaces it.
	Dir     string
	Main    bool
	Replace *Module
}

const listFields = "ImportPath,Name,Dir,Standard,DepOnly,GoFiles,CgoFiles,IgnoredGoFiles,SwigFiles,SwigCXXFiles,Target,Match,Module,Error"

// Binary is the file name of a command.
func (p Package) Binary() string { return filepath.Base(p.Target) }

// Shown is the package as a user would write it: a directory where it lies below dir, else the import path.
func (p Package) Shown(dir string) string {
	rel, ok := p.below(dir)
	switch {
	case !ok || strings.HasPrefix(rel, "vendor/"):
		_, importPath, vendored := strings.Cut("/"+p.ImportPath, "/vendor/")
		if !vendored {
			importPath = p.ImportPath
		}
		return importPath
	case rel == ".":
		return "."
	default:
		return "./" + rel
	}
}

// argument is the package for the go command, which without modules does not look into vendor/ for an import path.
func (p Package) argument(dir string) string {
	if rel, ok := p.below(dir); ok && p.Module == nil && strings.HasPrefix(rel, "vendor/") {
		return "./" + rel
	}
	return p.Shown(dir)
}

// below is the package's directory as a slash path relative to dir, if it lies there.
func (p Package) below(dir string) (rel string, ok bool) {
	rel, err := filepath.Rel(dir, p.Dir)
	return filepath.ToSlash(rel), err == nil && filepath.IsLocal(rel)
}

// lister runs "go list", which needs no C compiler even with cgo on.
type lister struct {
	tool   toolchain.Go
	dir    string
	env    []string
	flags  []string
	stderr io.Writer
	// listings are what earlier builds listed, nil where that is not asked for.
	listings *Listings
}

// list runs the go command, or takes what it said in an earlier build.
func (l lister) list(args ...string) ([]Package, error) {
	name := l.listings.name(l.dir, l.env, slices.Concat(l.flags, args)...)
	return remembered(l.listings, name, l.listings.areFixed, func() ([]Package, error) { return l.run(args...) })
}

// dependsOnCgo tells whether the decision on cgo, with which l lists, makes packages import what has not been listed.
func (l lister) dependsOnCgo(packages []Package, context build.Context) (bool, error) {
	question := append(slices.Clip(l.flags), "depends on cgo")
	for _, p := range packages {
		question = append(question, p.ImportPath)
	}
	fixed := func(bool) bool { return l.listings.areFixed(packages) }
	return remembered(l.listings, l.listings.name(l.dir, l.env, question...), fixed, func() (bool, error) { return dependOnCgo(packages, context), nil })
}

func (l lister) run(args ...string) ([]Package, error) {
	fields := "-json"
	if l.tool.Version.Has(toolchain.ListFields) {
		fields += "=" + listFields
	}
	var out bytes.Buffer
	args = slices.Concat([]string{"list", fields}, l.flags, args)
	if err := l.tool.Run(l.dir, l.withoutCollector(), &out, l.stderr, args...); err != nil {
		return nil, fmt.Errorf("go list failed, its messages are above: %w", err)
	}
	var packages []Package
	for decoder := json.NewDecoder(&out); ; {
		var p Package
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// withoutCollector is the environment of a go command that compiles nothing, and for which it does not pay to collect
// garbage: listing the thousand packages of a large app takes a quarter less time, and 250 MB. The user's own setting stays.
func (l lister) withoutCollector() []string {
	if !l.tool.Version.Has(toolchain.MemoryLimit) || slices.ContainsFunc(l.env, func(pair string) bool { return strings.HasPrefix(pair, "GOGC=") }) {
		return l.env
	}
	return append(slices.Clip(l.env), "GOGC=off", "GOMEMLIMIT=512MiB")
}

// shallow lists packages without saying what they import.
func (l lister) shallow(patterns []string) ([]Package, error) {
	flags := []string{"-e"}
	if l.tool.Version.Has(toolchain.ListFind) {
		flags = append(flags, "-find")
	}
	return l.list(slices.Concat(flags, []string{"--"}, patterns)...)
}

// offline is l without downloads and messages. In module mode even "go list
// -find" fetches the modules of everything that the packages import [tried with
// Go 1.26]; without a proxy it says as much of the packages themselves.
func (l lister) offline() lister {
	l.env = append(slices.Clip(l.env), "GOPROXY=off")
	l.stderr = io.Discard
	return l
}

// deep lists packages and all they depend on. Modules are downloaded for it.
func (l lister) deep(patterns []string) ([]Package, error) {
	if l.tool.Version.Has(toolchain.ListDeps) {
		return l.list(slices.Concat([]string{"-deps", "--"}, patterns)...)
	}
	var named []Package
	for _, pattern := range patterns {
		found, err := l.named(pattern)
		if err != nil {
			return nil, err
		}
		named = merge(named, found)
	}
	var deps []string
	for i := range named {
		for _, dep := range named[i].Deps {
			if dep != "C" && !slices.Contains(deps, dep) {
				deps = append(deps, dep)
			}
		}
	}
	if len(deps) == 0 {
		return named, nil
	}
	others, err := l.list(deps...)
	for i := range others {
		others[i].DepOnly = true
	}
	return append(others, named...), err
}

// named lists the packages that one pattern matches, for Go versions that do not say themselves which it was.
func (l lister) named(pattern string) ([]Package, error) {
	patterns := []string{pattern}
	if strings.Contains(pattern, "...") && !l.tool.Version.Has(toolchain.VendorLeftOut) {
		found, err := l.shallow(patterns)
		if err != nil {
			return nil, err
		}
		patterns = nil
		for _, p := range found {
			if !p.vendored(pattern) && !p.empty() {
				patterns = append(patterns, p.ImportPath)
			}
		}
		if len(patterns) == 0 {
			return nil, nil
		}
	}
	packages, err := l.list(patterns...)
	for i := range packages {
		packages[i].Match = []string{pattern}
	}
	return packages, err
}

// vendored tells whether the package lies in a vendor directory that the pattern does not name.
func (p Package) vendored(pattern string) bool {
	return p.Module == nil && strings.Contains("/"+p.ImportPath+"/", "/vendor/") && !strings.Contains("/"+pattern+"/", "/vendor/")
}

// empty tells whether the directory holds no package for this machine and these tags.
func (p Package) empty() bool { return p.Error != nil && noFiles.MatchString(p.Error.Err) }

// merge adds packages to others; one that both hold matches all their patterns.
func merge(packages, more []Package) []Package {
	for _, p := range more {
		same := func(q Package) bool { return q.ImportPath == p.ImportPath }
		if i := slices.IndexFunc(packages, same); i >= 0 {
			packages[i].Match = append(packages[i].Match, p.Match...)
			continue
		}
		packages = append(packages, p)
	}
	return packages
}
