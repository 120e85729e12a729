package deps

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Manifest is what the files of a tool from before modules say about an app.
type Manifest struct {
	Tool Tool
	// File is the file that names the app's import path, relative to the app's directory.
	File string
	// ImportPath is the app's own import path, "" where no file says it.
	ImportPath string
	// ImportPathLine is what to add to File when ImportPath is missing, with a path as an example.
	ImportPathLine string
	// GoVersion is the Go that the files ask for.
	GoVersion Said
	// Install are the packages to build.
	Install []string
	// InstallBy is where they are named, for messages.
	InstallBy string
	// Lock is the file with the locked projects, "" where the app has none; LockAdvice what to do about that.
	Lock, LockAdvice string
	// Projects are the locked projects, in the order of the lock.
	Projects []Project
	// AsIs is why the committed packages are used as they are, "" when the lock decides.
	AsIs string
	// Exact tells that a vendor directory holds what the lock names and nothing
	// else; with other tools, what else is committed there stays.
	Exact bool
	// AdditionalTools are programs to build besides the app, PATH or PATH@VERSION.
	AdditionalTools []string
}

// Said is a value and where it stands, for messages.
type Said struct {
	Text string
	// By is file and key: "Gopkg.toml, metadata.scalingo.go-version".
	By string
}

// Project is an entry of a lock: a repository, or a part of one, at a revision.
type Project struct {
	// Path is the import path of the repository's root where Root is set, else of
	// one package, whose repository is found by its path.
	Path string
	Root bool
	// Origin is the import path that the code comes from when it is another than
	// Path; Source the URL of a repository to take it from.
	Origin, Source string
	// Revision is the locked commit, Version the tag it had, "" for none.
	Revision, Version string
	// Time is the commit's time, zero where the lock does not say it.
	Time time.Time
	// Packages are the directories to take, as slash paths below Path, "." for
	// itself; nil for everything.
	Packages []string
	// Needs are directories of a project that is taken as a whole which the tool
	// knew to be imported: a repository may have moved them to modules of their own.
	Needs []string
	// Tree tells that what lies below each of Packages belongs to it too.
	Tree bool
	// Sum is the tool's own checksum of what it put into vendor/, "" for none.
	Sum string
}

// Options are the user's settings that a tool honours.
type Options struct {
	// GlideSkipInstall is GLIDE_SKIP_INSTALL.
	GlideSkipInstall bool
}

// reader reads the files of one tool in dir. An error names the file, the line
// where there is one, and what to change.
type reader func(dir string, options Options) (Manifest, error)

var readers = map[Tool]reader{
	Dep: readDep, Godep: readGodep, Govendor: readGovendor, Glide: readGlide, GB: readGB, Godir: readGodir,
}

// Legacy tells whether the tool is one from before modules.
func (t Tool) Legacy() bool { return readers[t] != nil }

// ReadManifest reads what the files of a legacy tool say about the app in dir.
func ReadManifest(tool Tool, dir string, options Options) (Manifest, error) {
	read := readers[tool]
	if read == nil {
		return Manifest{}, fmt.Errorf("%s has no files of its own to read", tool)
	}
	m, err := read(dir, options)
	if err != nil {
		return m, err
	}
	m.Tool = tool
	if m.AsIs != "" {
		return m, nil // what the lock says does not matter
	}
	for _, p := range m.Projects {
		if err := p.check(); err != nil {
			return m, fmt.Errorf("%s: %w", m.Lock, err)
		}
	}
	return m, nil
}

// revision matches what version control systems call a commit: git's and
// Mercurial's hashes, Subversion's numbers, Bazaar's names.
var revision = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._@+:/-]*$`)

// repositoryURL matches the addresses of repositories that git may be given: no
// transports that run commands, nothing that looks like an option.
var repositoryURL = regexp.MustCompile(`^(?:(?:https?|ssh|git|git\+ssh|file)://[^-\s][^\s]*|(?:[\w.][\w.-]*@)?[\w][\w.-]*:/?[^\s:/-][^\s]*)$`)

// check refuses entries that could name anything else than one place below
// vendor/ and one commit.
func (p Project) check() error {
	for _, importPath := range []string{p.Path, p.Origin} {
		if importPath != "" && !validImportPath(importPath) {
			return fmt.Errorf("%.100q is no import path: correct the entry", importPath)
		}
	}
	for _, dir := range slices.Concat(p.Packages, p.Needs) {
		if dir != "." && !validImportPath(dir) {
			return fmt.Errorf("%s: %.100q is no directory of the project: correct the entry", p.Path, dir)
		}
	}
	switch {
	case p.Path == "":
		return errors.New("a project has no import path: correct the entry")
	case p.Source != "" && !repositoryURL.MatchString(p.Source):
		return fmt.Errorf("%s: its repository has no address that git can fetch from: write https://HOST/PATH", p.Path)
	case p.Revision == "" && p.Version == "":
		return fmt.Errorf("%s has no revision: lock it anew with the tool that wrote the file", p.Path)
	}
	for _, query := range []string{p.Revision, p.Version} {
		if query != "" && (!revision.MatchString(query) || slices.Contains([]string{"latest", "upgrade", "patch", "none"}, query)) {
			return fmt.Errorf("%s: %.100q is no revision: correct the entry", p.Path, query)
		}
	}
	return nil
}

func validImportPath(importPath string) bool {
	return filepath.IsLocal(importPath) && path.Clean(importPath) == importPath && importPath != "." && utf8.ValidString(importPath) &&
		!strings.ContainsAny(importPath, `@\:*?"<>|`) && !strings.HasPrefix(importPath, "-") &&
		!strings.ContainsFunc(importPath, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// readFile reads a file of the app, without the byte order mark that some editors write. ok is false when there is none.
func readFile(dir, name string) (data []byte, ok bool, err error) {
	data, err = os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return bytes.TrimPrefix(data, []byte("\ufeff")), err == nil, err
}

// decodeJSON reads a JSON file; the error names the line.
func decodeJSON(name string, data []byte, into any) error {
	data = bytes.TrimRight(data, " \t\r\n") // what ends too early does so on its last line
	err := json.Unmarshal(data, into)
	var offset int64
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
		err = fmt.Errorf("%s is %s here, and has to be %s", cmp.Or(kind.Field, "the file"), jsonKinds[strings.Fields(kind.Value)[0]], jsonKind(kind.Type))
	}
	line := 1 + bytes.Count(data[:min(int(offset), len(data))], []byte("\n"))
	return fmt.Errorf("%s, line %d: %w: correct the file", name, line, err)
}

// jsonKinds are JSON's kinds of values as a reader of the file knows them.
var jsonKinds = map[string]string{
	"array": "a list", "object": "an object", "string": "a string", "number": "a number", "bool": "true or false",
}

func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return jsonKinds["array"]
	case reflect.Struct, reflect.Map:
		return jsonKinds["object"]
	case reflect.String:
		return jsonKinds["string"]
	case reflect.Bool:
		return jsonKinds["bool"]
	default:
		return jsonKinds["number"]
	}
}

// packages splits a list of packages as the tools wrote them: words separated by spaces or commas.
func packages(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '\n' || r == '\r' })
}

// HasPackages tells whether the directory vendor, which has import paths below
// it, holds Go code for every package of the projects.
func HasPackages(vendor string, projects []Project) bool {
	for _, p := range projects {
		for _, dir := range p.Packages {
			if !HasGo(filepath.Join(vendor, filepath.FromSlash(p.Path), filepath.FromSlash(dir)), p.Tree) {
				return false
			}
		}
		if p.Packages == nil && !HasGo(filepath.Join(vendor, filepath.FromSlash(p.Path)), true) {
			return false
		}
	}
	return true
}

// inside is the directory name of the app in dir, or the one that a link of that name leads to in the app.
func inside(dir, name string) string {
	named := filepath.Join(dir, filepath.FromSlash(name))
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return named
	}
	real, err := filepath.EvalSymlinks(named)
	if err != nil {
		return named
	}
	if rel, err := filepath.Rel(root, real); err != nil || !filepath.IsLocal(rel) {
		return named
	}
	return real
}

// HasGo tells whether dir holds a .go file, with below set also in a directory below it.
func HasGo(dir string, below bool) bool {
	found := false
	_ = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != dir && !below:
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(file, ".go"):
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// sums are the checksums of the tools that wrote any: whether what is below vendor is what the lock says.
var sums = map[Tool]func(vendor string, p Project) (bool, error){Dep: DepDigestMatches, Govendor: GovendorSumMatches}

// Matches tells whether the directory vendor holds just what the lock names, by
// the checksums that some tools wrote down. Without those it cannot be told and is false.
func (m Manifest) Matches(vendor string) (bool, error) {
	same := sums[m.Tool]
	if same == nil || len(m.Projects) == 0 || !isDir(vendor) {
		return false, nil
	}
	for _, p := range m.Projects {
		if ok, err := same(vendor, p); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}
