package deps

import (
	"path/filepath"
	"regexp"
)

const godepsJSON = "Godeps/Godeps.json"

// godepFile is what is read of Godeps.json. Packages are those that "godep save"
// was given, null or missing without any.
type godepFile struct {
	ImportPath string
	GoVersion  string
	Packages   []string
	Deps       []godepPackage
}

type godepPackage struct {
	ImportPath string
	Comment    string
	Rev        string
}

// readGodep reads Godeps/Godeps.json.
func readGodep(dir string, _ Options) (Manifest, error) {
	m := Manifest{File: godepsJSON, ImportPathLine: `"ImportPath": "github.com/you/app",`}
	data, ok, err := readFile(dir, filepath.FromSlash(godepsJSON))
	if err != nil || !ok {
		return m, err
	}
	var file godepFile
	if err := decodeJSON(godepsJSON, data, &file); err != nil {
		return m, err
	}
	m.Lock, m.ImportPath = godepsJSON, file.ImportPath
	if file.GoVersion != "" {
		m.GoVersion = Said{Text: file.GoVersion, By: godepsJSON + ", GoVersion"}
	}
	for _, words := range file.Packages {
		m.Install = append(m.Install, packages(words)...)
	}
	if m.Install != nil {
		m.InstallBy = godepsJSON + ", Packages"
	}
	for _, dep := range file.Deps {
		// Old godep listed the topmost package of several alone, and copied all that is below it.
		m.Projects = append(m.Projects, Project{
			Path: dep.ImportPath, Packages: []string{"."}, Tree: true, Revision: dep.Rev, Version: describedTag(dep.Comment),
		})
	}
	for _, committed := range []struct{ dir, says string }{
		{"vendor", "vendor/ is committed"},
		{"Godeps/_workspace/src", "Godeps/_workspace is committed"},
	} {
		if m.AsIs == "" && holdsAny(filepath.Join(dir, filepath.FromSlash(committed.dir)), m.Projects) {
			m.AsIs = committed.says
		}
	}
	return m, nil
}

// holdsAny tells whether the directory src has Go code for any of the projects.
func holdsAny(src string, projects []Project) bool {
	for _, p := range projects {
		// The projects are checked only after they are read.
		if validImportPath(p.Path) && HasGo(filepath.Join(src, filepath.FromSlash(p.Path)), true) {
			return true
		}
	}
	return false
}

var (
	// versionTag matches tags that name a version. A number alone is a revision
	// of Bazaar, a number behind the only "-" Mercurial's distance from a tag.
	versionTag = regexp.MustCompile(`^(v[0-9]+(\.[0-9]+)*|[0-9]+(\.[0-9]+)+)(-[0-9.-]*[A-Za-z][0-9A-Za-z.-]*)?$`)
	// behindTag matches what "git describe" says of a commit that comes after a tag.
	behindTag = regexp.MustCompile(`-[0-9]+-g[0-9a-f]+$`)
)

// describedTag returns the version that a comment of godep, the output of "git
// describe --tags" or its like, says a commit to be, "" for none.
func describedTag(comment string) string {
	if !versionTag.MatchString(comment) || behindTag.MatchString(comment) {
		return ""
	}
	return comment
}
