package deps

import (
	"bytes"
	"cmp"
	"crypto/sha1" // #nosec G505 -- govendor writes nothing else
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

const govendorName = "vendor/vendor.json"

// govendorFile is vendor/vendor.json. Early files have keys in capitals, which
// encoding/json reads as well.
type govendorFile struct {
	RootPath string `json:"rootPath"`
	// Ignore are build tags and import paths that govendor left out. What it left
	// out is not listed, so that there is nothing to do for it.
	Ignore   string            `json:"ignore"`
	Package  []govendorPackage `json:"package"`
	Scalingo govendorSettings  `json:"scalingo"`
	Heroku   govendorSettings  `json:"heroku"`
}

type govendorPackage struct {
	// Path was "canonical" in early files and "vendor" in the first.
	Path      string `json:"path"`
	Canonical string `json:"canonical"`
	Vendor    string `json:"vendor"`
	// Origin is where the code comes from when that is not Path: a fork, or
	// another project's vendor directory.
	Origin string `json:"origin"`
	// Tree tells that the directories below belong to the package.
	Tree bool `json:"tree"`
	// Revision was "version" in early files.
	Revision     string `json:"revision"`
	RevisionTime string `json:"revisionTime"`
	// Version is what was asked for ("=v2", "master"), VersionExact the tag or the
	// branch that this was.
	Version      string `json:"version"`
	VersionExact string `json:"versionExact"`
	ChecksumSHA1 string `json:"checksumSHA1"`
}

// govendorSettings are the keys that the classic buildpack reads.
type govendorSettings struct {
	GoVersion       string          `json:"goVersion"`
	Install         json.RawMessage `json:"install"`
	Sync            json.RawMessage `json:"sync"`
	AdditionalTools json.RawMessage `json:"additionalTools"`
}

func readGovendor(dir string, _ Options) (Manifest, error) {
	m := Manifest{File: govendorName, ImportPathLine: `"rootPath": "github.com/you/app",`, Lock: govendorName}
	data, ok, err := readFile(dir, govendorName)
	if err != nil || !ok {
		return m, cmp.Or(err, fmt.Errorf("%s: there is no such file", govendorName))
	}
	var file govendorFile
	if err := decodeJSON(govendorName, data, &file); err != nil {
		return m, err
	}
	m.ImportPath = file.RootPath
	for _, entry := range file.Package {
		if p, ok := entry.project(); ok {
			m.Projects = append(m.Projects, p)
		}
	}
	if unset := len(file.Scalingo.Sync) == 0 || string(file.Scalingo.Sync) == "null"; !unset {
		file.Heroku.Sync = nil
	}
	err = cmp.Or(file.Scalingo.into(&m, "scalingo"), file.Heroku.into(&m, "heroku"))
	return m, err
}

// project returns what to fetch for the entry. ok is false for an entry without a
// revision: govendor writes those for packages that it could not find, mostly for
// "appengine" and what else is imported under a tag only, and fetches none of them.
func (e govendorPackage) project() (p Project, ok bool) {
	// Files edited by hand have in path and revision what the command line takes: "PATH/^" for a tree, "=v1.2.3".
	importPath, tree := strings.CutSuffix(cmp.Or(e.Path, e.Canonical, e.Vendor), "^")
	p = Project{
		Path:     strings.TrimSuffix(importPath, "/"),
		Packages: []string{"."},
		Tree:     tree || e.Tree,
		Revision: strings.TrimPrefix(cmp.Or(e.Revision, e.Version), "="),
		Sum:      e.ChecksumSHA1,
	}
	if p.Origin = strings.TrimSuffix(e.Origin, "/"); p.Origin == p.Path {
		p.Origin = ""
	}
	for _, version := range []string{e.VersionExact, strings.TrimPrefix(e.Version, "="), p.Revision} {
		if p.Version == "" && fullTag.MatchString(version) {
			p.Version = version
		}
	}
	if fullTag.MatchString(p.Revision) {
		p.Revision = ""
	}
	// A time that cannot be read is as good as none: it only helps to find the commit.
	if committed, err := time.Parse(time.RFC3339, e.RevisionTime); err == nil {
		p.Time = committed
	}
	return p, p.Revision != "" || p.Version != ""
}

// fullTag matches the tag of one release. Branches ("master", "v2", "release-1.2")
// and ranges move on, so that another commit would be taken for the locked one.
var fullTag = regexp.MustCompile(`^[vr]?\d+(\.\d+){2,}([-+][0-9A-Za-z.+-]*)?$`)

// into adds the settings under the key owner to m, where no other owner said
// something before.
func (s govendorSettings) into(m *Manifest, owner string) error {
	key := func(name string) string { return govendorName + ", " + owner + "." + name }
	if s.GoVersion != "" && m.GoVersion.Text == "" {
		m.GoVersion = Said{Text: s.GoVersion, By: key("goVersion")}
	}
	install, err := jsonWords(key("install"), s.Install)
	if err != nil {
		return err
	}
	if len(install) > 0 && m.Install == nil {
		m.Install, m.InstallBy = install, key("install")
	}
	tools, err := jsonWords(key("additionalTools"), s.AdditionalTools)
	if err != nil {
		return err
	}
	if len(tools) > 0 && m.AdditionalTools == nil {
		m.AdditionalTools = tools
	}
	switch sync := string(bytes.Trim(s.Sync, `"`)); sync {
	case "", "null", "true":
	case "false":
		m.AsIs = cmp.Or(m.AsIs, owner+".sync is false")
	default:
		return fmt.Errorf("%s has to be true or false: correct the file", key("sync"))
	}
	return nil
}

// jsonWords reads a list of strings, or one string of several words.
func jsonWords(key string, raw json.RawMessage) ([]string, error) {
	var text string
	if len(raw) == 0 || json.Unmarshal(raw, &text) == nil {
		return packages(text), nil
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return nil, fmt.Errorf("%s has to be a list of strings: correct the file", key)
	}
	var words []string
	for _, text := range list {
		words = append(words, packages(text)...)
	}
	return words, nil
}

// GovendorSumMatches tells whether vendor holds for p what govendor put there.
// Its checksum is of the package's path, and of the name and content of each file.
func GovendorSumMatches(vendor string, p Project) (bool, error) {
	if p.Sum == "" {
		return false, nil
	}
	belows := []func(name string) bool{func(string) bool { return p.Tree }}
	if !p.Tree {
		// govendor copies a package's testdata as well, and has it in the sum that it
		// writes, but not in the one that it compares with that later.
		belows = append(belows, func(name string) bool { return name == "testdata" })
	}
	for _, below := range belows {
		sum := sha1.New() // #nosec G401 -- see the import
		ok, err := govendorSum(sum, vendor, p.Path, below)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if ok && base64.StdEncoding.EncodeToString(sum.Sum(nil)) == p.Sum {
			return true, nil
		}
	}
	return false, nil
}

// govendorSum adds the directory at importPath and those below it that belong to
// it. ok is false when something is there that govendor does not write.
func govendorSum(sum hash.Hash, vendor, importPath string, below func(name string) bool) (ok bool, err error) {
	dir := filepath.Join(vendor, filepath.FromSlash(importPath))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	// Files come before directories.
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int { return boolean(a.IsDir()) - boolean(b.IsDir()) })
	_, _ = io.WriteString(sum, importPath)
	for _, entry := range entries {
		switch name := entry.Name(); {
		case !entry.IsDir():
			if !isFile(filepath.Join(dir, name)) {
				return false, nil
			}
			_, _ = io.WriteString(sum, name)
			if err := copyInto(sum, filepath.Join(dir, name)); err != nil {
				return false, err
			}
		case below(name):
			all := func(string) bool { return true }
			if ok, err := govendorSum(sum, vendor, path.Join(importPath, name), all); err != nil || !ok {
				return false, err
			}
		}
	}
	return true, nil
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func copyInto(w io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(w, f)
	return err
}
