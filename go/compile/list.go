package compile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	// Target is where "go install" would put a command: the go command's own name for it.
	Target string
	// Match are the patterns of the command line that match the package.
	Match  []string
	Deps   []string
	Module *struct {
		Path string
		Main bool
	}
	Error *struct{ Err, Pos string }
}

const listFields = "ImportPath,Name,Dir,Standard,DepOnly,GoFiles,CgoFiles,Target,Match,Module,Error"

// Binary is the file name of a command.
func (p Package) Binary() string { return filepath.Base(p.Target) }

// Shown is the package as a user would write it: a directory where it lies below dir, else the import path.
func (p Package) Shown(dir string) string {
	rel, err := filepath.Rel(dir, p.Dir)
	switch {
	case err != nil || !filepath.IsLocal(rel) || strings.HasPrefix(rel, "vendor"+string(filepath.Separator)):
		return p.ImportPath
	case rel == ".":
		return "."
	default:
		return "./" + filepath.ToSlash(rel)
	}
}

// lister runs "go list", which needs no C compiler even with cgo on.
type lister struct {
	tool   toolchain.Go
	dir    string
	env    []string
	flags  []string
	stderr io.Writer
}

func (l lister) list(args ...string) ([]Package, error) {
	fields := "-json"
	if l.tool.Version.Has(toolchain.ListFields) {
		fields += "=" + listFields
	}
	var out bytes.Buffer
	args = slices.Concat([]string{"list", fields}, l.flags, args)
	if err := l.tool.Run(l.dir, l.env, &out, l.stderr, args...); err != nil {
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
	named, err := l.list(patterns...)
	if err != nil {
		return nil, err
	}
	var deps []string
	for i := range named {
		named[i].Match = patterns
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
