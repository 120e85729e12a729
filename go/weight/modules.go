package weight

import (
	"debug/buildinfo"
	"io"
	"path"
	"runtime/debug"
	"slices"
	"strings"
)

// readBuildInfo returns what the go command left in a program, nil before Go 1.13.
func readBuildInfo(program io.ReaderAt) (info *debug.BuildInfo) {
	defer func() {
		if recover() != nil {
			info = nil // it reads the ELF headers, see open
		}
	}()
	info, err := buildinfo.Read(program)
	if err != nil {
		return nil
	}
	return info
}

// group puts packages, named as the linker names them, into their modules.
func group(packages map[string]*Share, info *debug.BuildInfo) []Module {
	find := finder(packages, info)
	modules := map[string]*Module{}
	byPath := map[string]int{}
	for name, share := range packages {
		if share.Bytes == 0 {
			continue
		}
		module, path := find(name)
		m := modules[module.Path]
		if m == nil {
			m = &module
			modules[module.Path] = m
		}
		m.add(*share)
		key := module.Path + "\n" + path
		if _, found := byPath[key]; !found { // vendored twice is one package here
			byPath[key] = len(m.Packages)
			m.Packages = append(m.Packages, Package{Path: path})
		}
		m.Packages[byPath[key]].add(*share)
	}
	sorted := []Module{}
	for _, m := range modules {
		slices.SortFunc(m.Packages, func(a, b Package) int { return bigger(a.Bytes, b.Bytes, a.Path, b.Path) })
		sorted = append(sorted, *m)
	}
	slices.SortFunc(sorted, func(a, b Module) int { return bigger(a.Bytes, b.Bytes, a.Path, b.Path) })
	return sorted
}

// finder returns the function that knows the module and the import path of what the
// linker calls a package.
func finder(packages map[string]*Share, info *debug.BuildInfo) func(string) (Module, string) {
	standard := Module{Kind: Standard, Path: StandardPath}
	if info == nil || info.Main.Path == "" && len(info.Deps) == 0 {
		guess := newGuess(packages, info)
		standard.Version = guess.goVersion
		return func(name string) (Module, string) { return guess.module(name, standard) }
	}
	standard.Version = info.GoVersion
	known := map[string]Module{}
	for _, d := range info.Deps {
		known[d.Path] = newModule(Dependency, d)
	}
	main := newModule(Main, &info.Main)
	if main.Path == "" {
		main.Path = mainPath(info)
	}
	known[main.Path] = main
	return func(name string) (Module, string) {
		if name == "main" {
			name = mainPath(info)
		}
		for at := name; at != "." && at != "/"; at = path.Dir(at) {
			if m, found := known[at]; found {
				return m, name
			}
		}
		if isMain := name == mainPath(info); isMain {
			return main, name
		}
		return standard, name
	}
}

// mainPath is the import path of a program's main package.
func mainPath(info *debug.BuildInfo) string {
	if info.Path != "" && info.Path != "command-line-arguments" { // files were named
		return info.Path
	}
	if info.Main.Path != "" {
		return info.Main.Path
	}
	return "main"
}

func newModule(kind Kind, m *debug.Module) Module {
	module := Module{Kind: kind, Path: m.Path, Version: m.Version}
	if r := m.Replace; r != nil {
		module.Replace = r.Path
		if r.Version != "" && r.Version != "(devel)" { // as a directory has
			module.Replace += "@" + r.Version
		}
	}
	return module
}

// guess finds modules where no build info names them.
type guess struct {
	main      string // the path of the main package
	root      string // what holds the vendor folder, else the main package
	goVersion string
}

// vendorFolders are what comes between a program and what it vendors.
var vendorFolders = []string{"/vendor/", "/Godeps/_workspace/src/"}

func newGuess(packages map[string]*Share, info *debug.BuildInfo) guess {
	g := guess{main: "main", root: "main"}
	if info != nil {
		g.main, g.goVersion = mainPath(info), info.GoVersion
		if g.main != "main" {
			g.root = repository(g.main)
		}
	}
	vendored := ""
	for name := range packages {
		for _, folder := range vendorFolders {
			if root, _, found := strings.Cut(name, folder); found && (vendored == "" || root < vendored) {
				vendored = root
			}
		}
	}
	if vendored != "" && g.main == "main" {
		g.root = vendored
	}
	return g
}

func (g guess) module(name string, standard Module) (m Module, path string) {
	own := Module{Kind: Main, Path: g.root}
	if name == "main" {
		return own, g.main
	}
	if strings.HasPrefix(name, "vendor/") {
		return standard, name
	}
	for _, folder := range vendorFolders {
		if i := strings.LastIndex(name, folder); i >= 0 {
			name = name[i+len(folder):]
			return Module{Kind: Dependency, Path: repository(name)}, name
		}
	}
	if name == g.root || strings.HasPrefix(name, g.root+"/") {
		return own, name
	}
	first, _, _ := strings.Cut(name, "/")
	switch {
	case slices.Contains(standardRoots, first):
		return standard, name
	case !strings.Contains(first, "."):
		return own, name // of a GOPATH or of gb, which need no host in a path
	default:
		return Module{Kind: Dependency, Path: repository(name)}, name
	}
}

// deepHosts are those where a repository has an owner.
var deepHosts = []string{"github.com", "gitlab.com", "bitbucket.org", "code.google.com", "golang.org"}

// repository guesses the repository of an import path.
func repository(path string) string {
	elements := strings.Split(path, "/")
	n := 2
	owned := elements[0] == "gopkg.in" && len(elements) > 1 && !strings.Contains(elements[1], ".v")
	if slices.Contains(deepHosts, elements[0]) || owned {
		n = 3
	}
	return strings.Join(elements[:min(n, len(elements))], "/")
}

// standardRoots are the first elements of the standard library's import paths.
var standardRoots = []string{
	"archive", "bufio", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug", "embed",
	"encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io", "iter",
	"log", "maps", "math", "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "slices", "sort",
	"strconv", "strings", "structs", "sync", "syscall", "testing", "text", "time", "unicode", "unique", "unsafe", "weak",
}
