package deps

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

const (
	gopkgToml = "Gopkg.toml"
	gopkgLock = "Gopkg.lock"
)

// depSettings is what the platform reads of Gopkg.toml. dep leaves the tables
// below [metadata] to other programs, so anything else may stand there as well.
type depSettings struct {
	RootPackage     tomlText   `toml:"root-package"`
	GoVersion       tomlText   `toml:"go-version"`
	Install         tomlWords  `toml:"install"`
	AdditionalTools tomlWords  `toml:"additional-tools"`
	Ensure          tomlSwitch `toml:"ensure"`
}

// readDep reads Gopkg.toml and Gopkg.lock, of which either may be missing.
func readDep(dir string, _ Options) (Manifest, error) {
	m := Manifest{
		File: gopkgToml, ImportPathLine: "[metadata.scalingo]\n  root-package = \"github.com/you/app\"",
		LockAdvice: `run "dep ensure" and commit Gopkg.lock`, Exact: true,
	}
	data, ok, err := readFile(dir, gopkgToml)
	if err != nil {
		return m, err
	}
	if ok {
		if err := m.readGopkgToml(data); err != nil {
			return m, err
		}
	}
	data, ok, err = readFile(dir, gopkgLock)
	if err != nil || !ok {
		return m, err
	}
	m.Lock = gopkgLock
	m.Projects, err = readGopkgLock(data)
	return m, err
}

func (m *Manifest) readGopkgToml(data []byte) error {
	var file struct {
		Metadata struct {
			Scalingo, Heroku depSettings
		}
	}
	if err := decodeTOML(gopkgToml, data, &file); err != nil {
		return err
	}
	var ensure tomlSwitch
	for _, table := range []struct {
		name string
		depSettings
	}{{"metadata.scalingo", file.Metadata.Scalingo}, {"metadata.heroku", file.Metadata.Heroku}} {
		if m.ImportPath == "" {
			m.ImportPath = string(table.RootPackage)
		}
		if m.GoVersion.Text == "" && table.GoVersion != "" {
			m.GoVersion = Said{Text: string(table.GoVersion), By: gopkgToml + ", " + table.name + ".go-version"}
		}
		if len(m.Install) == 0 && len(table.Install) > 0 {
			m.Install, m.InstallBy = table.Install, gopkgToml+", "+table.name+".install"
		}
		if len(m.AdditionalTools) == 0 {
			m.AdditionalTools = table.AdditionalTools
		}
		if ensure == "" && table.Ensure != "" {
			if ensure = table.Ensure; ensure == switchOff {
				m.AsIs = table.name + ".ensure is false"
			}
		}
	}
	return nil
}

// readGopkgLock reads the projects of a lock: of dep before 0.5, and since then,
// with digest and pruneopts.
func readGopkgLock(data []byte) ([]Project, error) {
	var lock struct {
		Projects []map[string]any
	}
	if err := decodeTOML(gopkgLock, data, &lock); err != nil {
		return nil, err
	}
	var projects []Project
	for i, entry := range lock.Projects {
		p, key, err := depProject(entry)
		if err != nil {
			return nil, fmt.Errorf("%s%s: %w", gopkgLock, entryLine(data, i, len(lock.Projects), key), err)
		}
		projects = append(projects, p)
	}
	return projects, nil
}

// depProject reads a project of a lock. With an error, key is the key that is wrong, "" for the project as a whole.
func depProject(entry map[string]any) (p Project, key string, err error) {
	p.Root = true
	var source string
	for _, field := range []struct {
		key  string
		into *string
	}{{"name", &p.Path}, {"revision", &p.Revision}, {"version", &p.Version}, {"digest", &p.Sum}, {"source", &source}} {
		if value, ok := entry[field.key]; ok {
			var text tomlText
			if err := text.UnmarshalTOML(value); err != nil {
				return p, field.key, fmt.Errorf("%s %w", field.key, err)
			}
			*field.into = string(text)
		}
	}
	switch {
	case p.Path == "":
		return p, "", errors.New(`a project has no name: add name = "…", its import path`)
	case p.Revision == "":
		return p, "", fmt.Errorf(`%s has no revision: run "dep ensure" and commit the file`, p.Path)
	}
	// dep takes every tag for a version. One without a number is none, and may
	// mean something to the go command, as "latest" does.
	if !revision.MatchString(p.Version) || !strings.ContainsAny(p.Version, "0123456789") {
		p.Version = ""
	}
	switch {
	case strings.ContainsAny(source, "@:"): // a URL, or HOST:PATH as for scp
		p.Source = source
	case source != p.Path:
		p.Origin = strings.TrimSuffix(source, "/")
	}
	if value, ok := entry["packages"]; ok {
		var dirs tomlWords
		if err := dirs.UnmarshalTOML(value); err != nil {
			return p, "packages", fmt.Errorf("packages of %s %w", p.Path, err)
		}
		for _, dir := range dirs {
			if dir = path.Clean(dir); !slices.Contains(p.Packages, dir) {
				p.Packages = append(p.Packages, dir)
			}
		}
	}
	return p, "", nil
}

var projectsHeader = regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*["']?projects["']?[ \t]*\]\]`)

// entryLine returns ", line N" for a key of the project with that index of
// total, or for its header where the key is not found, "" where neither is: the
// TOML library knows only the last line of a key that occurs several times.
func entryLine(data []byte, index, total int, key string) string {
	headers := projectsHeader.FindAllIndex(data, -1)
	if len(headers) != total {
		return ""
	}
	at := headers[index][0]
	if key != "" {
		if found := regexp.MustCompile(`(?m)^[ \t]*["']?` + key + `["']?[ \t]*=`).FindIndex(data[at:]); found != nil {
			at += found[0]
		}
	}
	return fmt.Sprintf(", line %d", 1+bytes.Count(data[:at], []byte("\n")))
}

// decodeTOML reads a TOML file; the error names the line.
func decodeTOML(name string, data []byte, into any) error {
	if line := tooDeep(data); line > 0 {
		return fmt.Errorf("%s, line %d: too many brackets that are not closed: correct the file", name, line)
	}
	_, err := toml.Decode(string(data), into)
	var at toml.ParseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &at) && slices.Contains([]string{noText, noWords, noSwitch}, at.Message):
		return fmt.Errorf("%s, line %d: %s %s", name, at.Position.Line, at.LastKey, at.Message)
	case errors.As(err, &at):
		return fmt.Errorf("%s, line %d: %s: correct the file", name, at.Position.Line, at.Message)
	}
	// What is left are tables that are none, for which the library has a sentence of its own.
	if m := tableError.FindStringSubmatch(err.Error()); m != nil {
		header := "[" + m[2] + "]"
		if m[2] == "projects" {
			header = "[" + header + "]"
		}
		return fmt.Errorf("%s, line %s: %s is no table: begin it with a line %s", name, m[1], m[2], header)
	}
	return fmt.Errorf("%s: %w: correct the file", name, err)
}

// tooDeep returns the line at which brackets nest deeper than in any file that
// dep reads, 0 for none: a few megabytes of "[" overflow the stack of the TOML
// library, which ends the program, and some kilobytes of "{a=" take it minutes.
func tooDeep(data []byte) int {
	depth := 0
	for i, c := range data {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		if depth > 100 {
			return 1 + bytes.Count(data[:i], []byte("\n"))
		}
	}
	return 0
}

var tableError = regexp.MustCompile(`^toml: line (\d+) \(last key "([^"]*)"\): `)

// What is wrong with the value of a key, to be read behind the key's name. The
// TOML library keeps of an error only its text.
const (
	noText   = "is no text: put the value in quotes"
	noWords  = `is no list of texts: write it as ["…", "…"]`
	noSwitch = `is neither true nor false: write "false" to use vendor/ as it is committed`
)

// tomlText is a text, without the spaces around it.
type tomlText string

// UnmarshalTOML implements [toml.Unmarshaler].
func (t *tomlText) UnmarshalTOML(value any) error {
	text, ok := value.(string)
	if !ok {
		return errors.New(noText)
	}
	*t = tomlText(strings.TrimSpace(text))
	return nil
}

// tomlWords are words: a list of texts, or one text with spaces or commas between them.
type tomlWords []string

// UnmarshalTOML implements [toml.Unmarshaler].
func (w *tomlWords) UnmarshalTOML(value any) error {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	*w = nil
	for _, element := range list {
		text, ok := element.(string)
		if !ok {
			return errors.New(noWords)
		}
		*w = append(*w, packages(text)...)
	}
	return nil
}

// tomlSwitch is true or false, which may be in quotes; "" where nothing is said.
type tomlSwitch string

const switchOff tomlSwitch = "false"

// UnmarshalTOML implements [toml.Unmarshaler].
func (s *tomlSwitch) UnmarshalTOML(value any) error {
	*s = tomlSwitch(strings.ToLower(strings.TrimSpace(fmt.Sprint(value))))
	if *s != switchOff && *s != "true" {
		return errors.New(noSwitch)
	}
	return nil
}
