package toolchain

import (
	"bytes"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// Source is one place that says which Go to use.
type Source struct {
	// Name says where, for a reader of the log: "BP_GO_VERSION", "go.mod, go line".
	Name string
	// Text is what stands there.
	Text string
	// Spec is what Text means; it is not set when Err is.
	Spec Spec
	// Err says why Text is no version. It matters only when the source wins.
	Err error
}

// Inputs are the places to look at, in a form that needs no environment.
type Inputs struct {
	// BPGoVersion and GoVersion are the variables BP_GO_VERSION and GOVERSION.
	BPGoVersion, GoVersion string
	// AppDir is the app's root, WorkDir the directory being built at or below it;
	// .go-version and .tool-versions are looked for from WorkDir up to AppDir.
	AppDir, WorkDir string
	// GoWork and GoMod are the files in effect, "" for none. GoWorkName is what
	// messages call the former when the build itself wrote it.
	GoWork, GoMod, GoWorkName string
	// Tool is what the dependency tool's own file says, already found; nil for none.
	Tool *Source
	// Default is the buildpack's own choice, used when nothing else speaks.
	Default string
}

// Sources returns every source that says something, the winner first. The last
// one is always the buildpack's default. It fails on files that cannot be read
// or parsed, with file and line.
func Sources(in Inputs) ([]Source, error) {
	var found []Source
	add := func(name, text string, parse func(string) (Spec, error)) {
		if text = strings.TrimSpace(text); text == "" {
			return
		}
		spec, err := parse(text)
		found = append(found, Source{Name: name, Text: text, Spec: spec, Err: err})
	}

	add("BP_GO_VERSION", in.BPGoVersion, ParseSpec)
	add("GOVERSION", in.GoVersion, ParseSpec)

	mod, err := readModule(in.AppDir, in.GoMod)
	if err != nil {
		return nil, err
	}
	work, err := readWorkspace(in.AppDir, in.GoWork)
	if err != nil {
		return nil, err
	}
	if in.GoWorkName != "" {
		work.name = in.GoWorkName
	}
	add(mod.name+", // +"+mod.commentOwner+" goVersion", mod.comment, ParseSpec)
	if in.Tool != nil {
		found = append(found, *in.Tool)
	}
	for _, f := range versionFiles {
		file, text, err := findUpwards(in.WorkDir, in.AppDir, f.name, f.value)
		if err != nil {
			return nil, err
		}
		add(file, text, ParseSpec)
	}
	for _, f := range []goFile{work, mod} {
		if !below(f.toolchain, work.goLine) && !below(f.toolchain, mod.goLine) {
			add(f.name+", toolchain line", f.toolchain, exactSpec)
		}
	}
	for _, f := range []goFile{work, mod} {
		add(f.name+", go line", f.goLine, languageSpec)
	}
	add("the buildpack's default", in.Default, ParseSpec)
	if len(found) == 0 {
		return nil, errors.New("buildpack.toml: metadata.default-versions names no default Go version")
	}
	return found, nil
}

// goFile is what a go.mod or go.work says about Go.
type goFile struct {
	name              string
	goLine, toolchain string
	// comment is the value of "// +scalingo goVersion" or its heroku form.
	comment, commentOwner string
}

var versionComment = regexp.MustCompile(`^//\s*\+(scalingo|heroku)\s+goVersion\s+(\S+)`)

func readModule(appDir, path string) (goFile, error) {
	data, name, err := readGoFile(appDir, path)
	if err != nil || path == "" {
		return goFile{name: name}, err
	}
	// ParseLax skips directives that a newer Go may have added; the go command judges those.
	f, err := modfile.ParseLax(name, data, nil)
	if err != nil {
		return goFile{}, fmt.Errorf("%w: correct the file, \"go mod edit -fmt\" checks it", err)
	}
	out := goFile{name: name}
	if f.Go != nil {
		out.goLine = f.Go.Version
	}
	out.toolchain = toolchainLine(f.Syntax)
	for _, owner := range []string{"scalingo", "heroku"} {
		for _, c := range Comments(f.Syntax) {
			if m := versionComment.FindStringSubmatch(c); m != nil && m[1] == owner && out.comment == "" {
				out.comment, out.commentOwner = m[2], owner
			}
		}
	}
	return out, nil
}

// toolchainLine returns what the toolchain line of a go.mod names; ParseLax
// skips it like all that matters in the main module alone.
func toolchainLine(file *modfile.FileSyntax) string {
	for _, statement := range file.Stmt {
		if line, ok := statement.(*modfile.Line); ok && line.Token[0] == "toolchain" {
			return strings.Join(line.Token[1:], " ")
		}
	}
	return ""
}

func readWorkspace(appDir, path string) (goFile, error) {
	data, name, err := readGoFile(appDir, path)
	if err != nil || path == "" {
		return goFile{name: name}, err
	}
	f, err := modfile.ParseWork(name, data, nil)
	if err != nil {
		return goFile{}, fmt.Errorf("%w: correct the file, \"go work edit -fmt\" checks it", err)
	}
	out := goFile{name: name}
	if f.Go != nil {
		out.goLine = f.Go.Version
	}
	if f.Toolchain != nil {
		out.toolchain = f.Toolchain.Name
	}
	return out, nil
}

func readGoFile(appDir, path string) (data []byte, name string, err error) {
	if path == "" {
		return nil, "", nil
	}
	data, err = os.ReadFile(path)
	return data, relative(appDir, path), err
}

// Comments returns the comments of a go.mod that have a line of their own, in
// the order in which they stand, each from its "//" on. Those at the end of
// another line never told the classic buildpacks anything.
func Comments(file *modfile.FileSyntax) []string {
	var all []modfile.Comment
	collect := func(c *modfile.Comments) {
		all = slices.Concat(all, c.Before, c.After)
	}
	collect(&file.Comments)
	for _, statement := range file.Stmt {
		collect(statement.Comment())
		if block, ok := statement.(*modfile.LineBlock); ok {
			for _, line := range block.Line {
				collect(&line.Comments)
			}
			collect(&block.RParen.Comments)
		}
	}
	slices.SortStableFunc(all, func(a, b modfile.Comment) int { return a.Start.Byte - b.Start.Byte })
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = strings.TrimSpace(c.Token)
	}
	return texts
}

// exactSpec reads a toolchain line. The name may carry a suffix of its author's
// ("go1.23.1-custom"), which the go command ignores when it compares versions.
func exactSpec(name string) (Spec, error) {
	plain, _, _ := strings.Cut(name, "-")
	v, err := ParseVersion(plain)
	if err != nil {
		return Spec{}, fmt.Errorf("%q is not a toolchain name: write for example toolchain go1.26.3", name)
	}
	return Spec{Text: name, exact: &v}, nil
}

// below tells whether a toolchain line names no release at all or an older one
// than the go line; the go command ignores such lines, and so do we.
func below(toolchain, goLine string) bool {
	if toolchain == "default" || toolchain == "local" {
		return true
	}
	// For the go command the language version 1.25 comes before go1.25rc1, which Version does not say.
	return version.IsValid(toolchain) && version.IsValid("go"+goLine) && version.Compare(toolchain, "go"+goLine) < 0
}

// versionFiles are the files of version managers, in order of rank, each with what it says of Go.
var versionFiles = []struct {
	name  string
	value func(words []string) string
}{
	{".go-version", func(words []string) string { return words[0] }},
	{".tool-versions", func(words []string) string {
		if len(words) < 2 || words[0] != "golang" && words[0] != "go" {
			return ""
		}
		if words[1] == "system" || strings.Contains(words[1], ":") {
			return "" // asdf's "system", "ref:…" and "path:…" name no release
		}
		return words[1]
	}},
}

// findUpwards looks for a file of that name from dir up to top, as version managers do,
// and returns the first value found with the file's name as seen from top.
func findUpwards(dir, top, name string, value func(words []string) string) (file, text string, err error) {
	for {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", "", err
		}
		for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) { // some editors write a byte order mark
			content, _, _ := bytes.Cut(line, []byte("#"))
			words := strings.Fields(string(content))
			if len(words) == 0 {
				continue
			}
			if text := value(words); text != "" {
				return relative(top, path), text, nil
			}
		}
		if dir == top || dir == filepath.Dir(dir) {
			return "", "", nil
		}
		dir = filepath.Dir(dir)
	}
}

// relative is path as seen from top, or path itself when it lies elsewhere.
func relative(top, path string) string {
	rel, err := filepath.Rel(top, path)
	if err != nil || !filepath.IsLocal(rel) {
		return path
	}
	return rel
}
