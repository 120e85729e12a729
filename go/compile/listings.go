package compile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Listings are what "go list" said in earlier builds. It says the same as long as the Go, the flags, and of the app what
// Surface stands for are the same: then the packages need not be looked for, which takes the go command longer than to compile one.
type Listings struct {
	// Dir is a directory with a file for each.
	Dir string
	// Of stands for what they rest on besides the command, such as the version of Go and the surface of the app; "" where nobody
	// knows, and nothing is remembered.
	Of func() string
	// Fixed are directories in which nothing changes, or nothing that Of does not stand for. Of other directories nothing is remembered.
	Fixed []string

	// only tells to take what is there, and not to run the go command; else that is what answers.
	only bool
	used map[string]bool
}

// errNotListed is the error of a list that is in no file.
var errNotListed = errors.New("not listed in an earlier build")

// Recall plans the build from what is known, without the go command. It returns false where that is not enough, or where
// something is wrong, of which Prepare says what.
func (j Job) Recall() (plan Plan, known bool) {
	if j.Listings == nil {
		return plan, false
	}
	prepared := j
	only := *j.Listings
	only.only, only.used = true, nil
	prepared.Listings = &only
	plan, err := prepared.Prepare()
	if err != nil {
		return plan, false
	}
	plan.job = j
	j.Listings.used = only.used
	return plan, true
}

// Forget removes those that the build did not use.
func (l *Listings) Forget() error {
	files, err := os.ReadDir(l.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, file := range files {
		if !l.used[file.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(l.Dir, file.Name())))
		}
	}
	return err
}

// name is that of the file for a run of the go command in dir, "" for none.
func (l *Listings) name(dir string, env []string, args ...string) string {
	if l == nil {
		return ""
	}
	of := l.Of()
	if of == "" {
		return ""
	}
	sum := sha256.New()
	put(sum, of, listFields, dir)
	for _, pair := range env {
		if name, _, _ := strings.Cut(pair, "="); listedBy[name] || strings.HasPrefix(name, "CGO_") {
			put(sum, pair)
		}
	}
	put(sum, args...)
	return hex.EncodeToString(sum.Sum(nil)) + ".json"
}

// listedBy are the variables that have a say in what "go list" prints, but for those of cgo. Where modules come from has none, since
// go.sum says what they are; and a hash of a login would be something to try passwords on.
var listedBy = map[string]bool{
	"GOOS": true, "GOARCH": true, "GO386": true, "GOAMD64": true, "GOARM": true, "GOARM64": true, "GOMIPS": true, "GOMIPS64": true,
	"GOPPC64": true, "GORISCV64": true, "GOWASM": true, "GOEXPERIMENT": true, "GOFIPS140": true, "GOFLAGS": true, "GOROOT": true,
	"GOPATH": true, "GOMODCACHE": true, "GOWORK": true, "GO111MODULE": true, "GOBIN": true,
}

// remembered is what find finds, which goes to the file where it may stay; and where the go command is not to run, what the file has.
func remembered[T any](l *Listings, name string, mayStay func(T) bool, find func() (T, error)) (found T, err error) {
	if l != nil && l.only {
		data, err := os.ReadFile(filepath.Join(l.Dir, name))
		if name == "" || err != nil || json.Unmarshal(data, &found) != nil {
			return found, errNotListed
		}
		l.use(name)
		return found, nil
	}
	if found, err = find(); err != nil || name == "" || !mayStay(found) {
		return found, err
	}
	data, err := json.Marshal(found)
	if err == nil && os.MkdirAll(l.Dir, 0o755) == nil && os.WriteFile(filepath.Join(l.Dir, name), data, 0o600) == nil {
		l.use(name) // a full disk is no reason for a build to fail: what is not used is removed
	}
	return found, err
}

func (l *Listings) use(name string) {
	if l.used == nil {
		l.used = map[string]bool{}
	}
	l.used[name] = true
}

// areFixed tells whether a list rests on nothing that can change unseen.
func (l *Listings) areFixed(packages []Package) bool {
	fixed := slices.Clone(l.Fixed)
	for i := range fixed {
		fixed[i] = cmp.Or(resolved(fixed[i]), fixed[i])
	}
	return !slices.ContainsFunc(packages, func(p Package) bool {
		inFixed := func(dir string) bool { return within(dir, resolved(p.Dir)) }
		return p.Error != nil && !p.empty() || !p.Standard && !slices.ContainsFunc(fixed, inFixed)
	})
}

// resolved is a directory without links, "" for none.
func resolved(dir string) string {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return ""
	}
	return dir
}

// within tells whether dir is root or lies below it.
func within(root, dir string) bool {
	rel, err := filepath.Rel(root, dir)
	return err == nil && filepath.IsLocal(rel)
}

// put adds texts to a hash, each with its length.
func put(sum hash.Hash, texts ...string) {
	for _, text := range texts {
		_, _ = fmt.Fprintf(sum, "%d %s", len(text), text) // a hash takes all
	}
}

// Surface stands for what "go list" reads of the files below root and of those that are named, which need not be there:
// of Go files everything up to their imports, the files that name modules, the names of all others that Go compiles. Packages in
// directories behind links are not there, see Listings.Fixed. It is "" where something cannot be read.
func Surface(root string, others ...string) string {
	sum := sha256.New()
	whole := func(file string) error {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		put(sum, file, string(data))
		return err
	}
	for _, other := range others {
		if err := whole(other); err != nil {
			return ""
		}
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		name, ending := filepath.Base(path), filepath.Ext(path)
		module := moduleFiles[name] || strings.HasSuffix(name, ".work.sum")
		isRead := module || ending == ".go" || compiledFiles[ending]
		if !isRead && entry.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		switch info, err := os.Stat(path); {
		case err == nil && info.IsDir(): // behind a link
			put(sum, path, resolved(path))
		case !isRead:
		case err != nil || !info.Mode().IsRegular():
			put(sum, path)
		case module:
			return whole(path)
		case ending == ".go":
			data, err := os.ReadFile(path)
			put(sum, path, string(header(data)))
			return err
		default:
			put(sum, path)
		}
		return nil
	})
	if err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// moduleFiles are the files that name modules, compiledFiles the endings of what Go compiles besides its own language.
var (
	moduleFiles = map[string]bool{"go.mod": true, "go.sum": true, "go.work": true, "modules.txt": true}

	compiledFiles = map[string]bool{
		".c": true, ".cc": true, ".cpp": true, ".cxx": true, ".m": true, ".h": true, ".hh": true, ".hpp": true, ".hxx": true,
		".f": true, ".F": true, ".for": true, ".f90": true, ".s": true, ".S": true, ".sx": true,
		".swig": true, ".swigcxx": true, ".syso": true, ".pgo": true,
	}
)

// header is a Go file up to the end of its imports, all of it where it cannot be read as one.
func header(source []byte) []byte {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.ImportsOnly|parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source
	}
	end := file.Name.End()
	for _, declaration := range file.Decls {
		end = max(end, declaration.End())
	}
	return source[:files.PositionFor(end, false).Offset]
}
