package deps

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	glideName     = "glide.yaml"
	glideLockName = "glide.lock"
)

// glideFile is what matters here of glide.yaml.
type glideFile struct {
	Package string
	Import  []glideImport
}

// glideImport is what an app asks for.
type glideImport struct {
	Package string
	// Version is a tag, a range, a branch or a commit; early files call it ref.
	Version, Ref string
}

// glideLock is glide.lock without what only tests import.
type glideLock struct {
	Imports []glideLocked
}

type glideLocked struct {
	// Name is the import path of the repository's root. glide takes the whole
	// repository; Subpackages are those that it saw imported.
	Name        string
	Subpackages []string
	// Version is the commit, as a rule.
	Version string
	// Repo is where the code comes from when Name does not tell: a URL, git's short
	// form for ssh, or an import path.
	Repo string
	// OS are the systems that the project is fetched for, none for all.
	OS []string `yaml:"os"`
}

func readGlide(dir string, options Options) (Manifest, error) {
	m := Manifest{
		File: glideName, ImportPathLine: "package: github.com/you/app",
		LockAdvice: `run "glide install" and commit glide.lock`,
	}
	if options.GlideSkipInstall {
		m.AsIs = "GLIDE_SKIP_INSTALL is set"
	}
	var file glideFile
	if _, err := decodeYAML(dir, glideName, &file); err != nil {
		return m, err
	}
	if file.Package != "." { // what glide wrote outside of a GOPATH
		m.ImportPath = file.Package
	}
	var lock glideLock
	ok, err := decodeYAML(dir, glideLockName, &lock)
	if err != nil || !ok {
		return m, err
	}
	m.Lock = glideLockName
	for _, locked := range lock.Imports {
		if len(locked.OS) == 0 || slices.Contains(locked.OS, "linux") {
			m.Projects = append(m.Projects, locked.project(file.Import))
		}
	}
	return m, nil
}

// glideCommit matches a commit of git or Mercurial, shortened by hand perhaps.
var glideCommit = regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`)

func (l glideLocked) project(asked []glideImport) Project {
	p := Project{Path: l.Name, Revision: l.Version, Needs: slices.DeleteFunc(slices.Clone(l.Subpackages), func(dir string) bool { return !validImportPath(dir) })}
	switch {
	case l.Repo == "" || ownURL(l.Name, l.Repo):
	case strings.ContainsAny(l.Repo, ":@"):
		p.Source = l.Repo
	default:
		p.Origin = l.Repo
	}
	p.Root = slices.Contains(Project{Path: p.from()}.roots(), p.from())
	if !glideCommit.MatchString(l.Version) {
		p.Revision, p.Version = "", l.Version
		return p
	}
	// A proxy that refuses commits may have the tag, which the lock does not say.
	for _, i := range asked {
		version := cmp.Or(i.Version, i.Ref)
		if (i.Package == l.Name || strings.HasPrefix(i.Package, l.Name+"/")) && fullTag.MatchString(version) {
			p.Version = version
		}
	}
	return p
}

// decodeYAML reads a YAML file of the app. The error names the line. ok is false when there is no such file.
func decodeYAML(dir, name string, into any) (ok bool, err error) {
	data, ok, err := readFile(dir, name)
	if err != nil || !ok {
		return false, err
	}
	err = yaml.Unmarshal(data, into)
	if err == nil {
		return true, nil
	}
	var failure *yaml.LoadError
	line, text := 0, err.Error()
	if errors.As(err, &failure) {
		line, text = failure.Mark.Line, failure.Message
	}
	if line == 0 { // text that is not UTF-8
		line = 1 + bytes.Count(data[:validUTF8(data)], []byte("\n"))
	}
	if lines := bytes.Split(data, []byte("\n")); line <= len(lines) {
		if indent := lines[line-1]; bytes.ContainsRune(indent[:len(indent)-len(bytes.TrimLeft(indent, " \t"))], '\t') {
			text = "the line is indented by a tab, and YAML knows only spaces"
		}
	}
	if m := constructError.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("%s is a %s here, and has to be a %s", yamlKey(data, failure.Mark), yamlKind(m[1]), yamlKind(m[2]))
	}
	return true, fmt.Errorf("%s, line %d: %s: correct the file", name, line, text)
}

// validUTF8 is the length of what is UTF-8 at the beginning of data.
func validUTF8(data []byte) int {
	valid := 0
	for valid < len(data) {
		r, size := utf8.DecodeRune(data[valid:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		valid += size
	}
	return valid
}

// constructError matches the YAML library's words for a value of the wrong kind, with the kind it has and the Go type it should fit in.
var constructError = regexp.MustCompile("^cannot construct !!([a-z]+)(?s: .*)? into (.+)$")

func yamlKind(kind string) string {
	switch {
	case kind == "str" || kind == "string":
		return "string"
	case kind == "seq" || strings.HasPrefix(kind, "[]"):
		return "list"
	case kind == "map" || strings.HasPrefix(kind, "deps.") || strings.HasPrefix(kind, "struct"):
		return "map"
	case kind == "int" || kind == "float":
		return "number"
	default:
		return kind
	}
}

// yamlKey is the key whose value stands at that place in data.
func yamlKey(data []byte, at yaml.Mark) string {
	var file yaml.Node
	if err := yaml.Unmarshal(data, &file); err != nil {
		return "the file"
	}
	var find func(n *yaml.Node, key string) string
	find = func(n *yaml.Node, key string) string {
		if n.Line == at.Line && n.Column == at.Column {
			return key
		}
		for i, below := range n.Content {
			name := key
			if n.Kind == yaml.MappingNode {
				name = n.Content[i&^1].Value
			}
			if found := find(below, name); found != "" {
				return found
			}
		}
		return ""
	}
	return cmp.Or(find(&file, ""), "the file")
}
