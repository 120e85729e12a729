package deps

import (
	"fmt"
	"path/filepath"
	"strings"
)

const gbName = "vendor/manifest"

// gbManifest is gb's vendor/manifest, which gvt writes as well.
type gbManifest struct {
	Dependencies []gbDependency `json:"dependencies"`
}

// gbDependency is a directory of a repository, and what lies below it, that
// stands under vendor/src.
type gbDependency struct {
	// ImportPath is where it stands, Path which directory it is, "" for the repository's root.
	ImportPath string `json:"importpath"`
	Path       string `json:"path"`
	// Repository is the URL it comes from, Branch the branch or the tag that was asked for.
	Repository string `json:"repository"`
	Revision   string `json:"revision"`
	Branch     string `json:"branch"`
}

func readGB(dir string, _ Options) (Manifest, error) {
	m := Manifest{File: gbName, LockAdvice: `run "gb vendor restore" and commit vendor/src, or commit vendor/manifest`}
	// gb builds from vendor/src and does not look at the manifest for that.
	if HasGo(filepath.Join(dir, "vendor", "src"), true) {
		m.AsIs = "vendor/src is committed"
		return m, nil
	}
	data, ok, err := readFile(dir, gbName)
	if err != nil || !ok {
		return m, err
	}
	var file gbManifest
	if err := decodeJSON(gbName, data, &file); err != nil {
		return m, err
	}
	m.Lock = gbName
	for _, d := range file.Dependencies {
		p, err := d.project()
		if err != nil {
			return m, fmt.Errorf("%s: %w", gbName, err)
		}
		m.Projects = append(m.Projects, p)
	}
	return m, nil
}

func (d gbDependency) project() (Project, error) {
	p := Project{Path: d.ImportPath, Root: true, Revision: d.Revision, Packages: []string{"."}, Tree: true}
	if fullTag.MatchString(d.Branch) {
		p.Version = d.Branch
	}
	below := strings.Trim(d.Path, "/")
	root, isBelow := strings.CutSuffix(d.ImportPath, "/"+below)
	switch {
	case below == "":
	case isBelow:
		p.Path, p.Packages = root, []string{below}
	default:
		// A part of a repository that stands elsewhere has to have an import path of its own.
		address := importPathOf(d.Repository)
		if address == "" {
			return p, fmt.Errorf("%s is %s of %s, which has no import path: run \"gb vendor restore\" and commit vendor/src",
				d.ImportPath, d.Path, d.Repository)
		}
		p.Root, p.Origin = false, address+"/"+below
		return p, nil
	}
	if !ownURL(p.Path, d.Repository) {
		p.Source = d.Repository
	}
	return p, nil
}

// homes are addresses of import paths that name another host, by the beginnings of both.
var homes = []struct{ path, address string }{
	{"golang.org/x/", "go.googlesource.com/"},
	{"golang.org/x/", "github.com/golang/"},
	{"google.golang.org/grpc", "github.com/grpc/grpc-go"},
	{"google.golang.org/appengine", "github.com/golang/appengine"},
	{"google.golang.org/genproto", "github.com/google/go-genproto"},
	{"google.golang.org/api", "code.googlesource.com/google-api-go-client"},
	{"cloud.google.com/go", "code.googlesource.com/gocloud"},
	{"go.uber.org/", "github.com/uber-go/"},
	{"k8s.io/", "github.com/kubernetes/"},
	{"rsc.io/", "github.com/rsc/"},
}

// ownURL tells whether the URL is the one that the import path of a repository's
// root stands for, so that the path alone is enough to find it.
func ownURL(root, url string) bool {
	scheme, address, ok := strings.Cut(url, "://")
	if !ok {
		return false
	}
	address = strings.TrimSuffix(strings.TrimSuffix(address, "/"), ".git")
	// The large hosts serve https whatever was used in the past.
	host, _, _ := strings.Cut(address, "/")
	if _, large := rootLengths[host]; scheme != "https" && (!large || scheme != "http" && scheme != "git") {
		return false
	}
	if address == strings.TrimSuffix(root, ".git") {
		return true
	}
	for _, home := range homes {
		if name, ok := strings.CutPrefix(root, home.path); ok && address == home.address+name {
			return true
		}
	}
	return false
}
