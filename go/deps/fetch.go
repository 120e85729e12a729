package deps

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Fetcher gets locked projects by the go command's module download and keeps
// what an app's lock names in a directory, so that an unchanged lock needs no
// network and no go command.
type Fetcher struct {
	// Find returns the Go to download with, 1.21 or newer. It is called only when something has to be downloaded.
	Find func() (toolchain.Go, error)
	// Env is a complete environment for the go command; the Fetcher sets what belongs to the download.
	Env []string
	// Serves tells whether the user gave a login for the host of an import path.
	// What the checksum database does not know there is private: it is fetched from
	// its repository, and the locked commit says that it is the right code. It may be nil.
	Serves func(importPath string) bool
	// Store is the directory that is kept, Scratch one for this run, on the same file system.
	Store, Scratch string

	modern toolchain.Go
	// mutex guards what follows.
	mutex sync.Mutex
	// stored are the directories in the store that this run filled.
	stored map[string]bool
	// byCommit are the modules that only their commit was checked of.
	byCommit []string
	// ended is the first error that every other download would end with too.
	ended error
}

// Fetched is where the code of locked projects lies.
type Fetched struct {
	// Downloads is the number of modules that were not in the store.
	Downloads int
	// ByCommit are modules that the checksum database does not know, proven by their locked commit, PATH@VERSION.
	ByCommit     []string
	store        string
	repositories []Repository
	found        []found
}

// parallel is how many go commands download at once: they wait for servers most of the time.
const parallel = 8

// Fetch gets the code of all projects. The error names every project that
// cannot be had, with what was tried.
func (f *Fetcher) Fetch(projects []Project) (Fetched, error) {
	out := Fetched{store: f.Store, repositories: Repositories(projects)}
	out.found = make([]found, len(out.repositories))
	index := f.readIndex()
	var missing []int
	for i, r := range out.repositories {
		if known := index[r.key()]; f.has(r, known) && len(r.lacks(projects, f.Store, known)) == 0 {
			out.found[i] = known
		} else {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		if err := f.download(&out, projects, missing); err != nil {
			return out, err
		}
		out.Downloads, out.ByCommit = len(f.stored), f.byCommit
	}
	return out, f.keep(out)
}

// download gets the repositories with the indices missing.
func (f *Fetcher) download(out *Fetched, projects []Project, missing []int) error {
	f.stored, f.ended = map[string]bool{}, nil
	var err error
	if f.modern, err = f.Find(); err != nil {
		return err
	}
	if err := os.MkdirAll(f.nowhere(), 0o755); err != nil {
		return err
	}
	failures := make([]error, len(out.repositories))
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, i := range missing {
		group.Go(func() error {
			if !f.hasEnded() {
				out.found[i], failures[i] = f.get(out.repositories[i], projects)
				f.end(failures[i])
			}
			return nil
		})
	}
	_ = group.Wait() // the failures are counted one by one
	if f.ended != nil {
		return f.ended // one is enough: the others waited for the same
	}
	err = errors.Join(failures...)
	if errors.As(err, new(unavailable)) {
		return fmt.Errorf("%w\nWhat is private has to be named in GOPRIVATE; if a project is gone, commit vendor/", err)
	}
	return err
}

func (f *Fetcher) hasEnded() bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.ended != nil
}

// end ends the downloads where err is one that all others would end with.
func (f *Fetcher) end(err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.ended == nil && errors.As(err, new(endError)) {
		f.ended = err
	}
}

// get finds one repository of the lock and downloads the modules that hold its packages.
func (f *Fetcher) get(r Repository, projects []Project) (found, error) {
	if _, nested, ok := strings.Cut(r.Project.from(), "/vendor/"); ok {
		return found{}, fmt.Errorf("%s was copied from another project's vendor directory (%s), which no module has: "+
			"lock %s itself at a revision of its own, or commit vendor/", r.Project.Path, r.Project.from(), nested)
	}
	var attempts []string
	places := r.places()
	for i, at := range places {
		root := r.Project.from()
		if r.Project.Source == "" {
			root = r.Roots[i]
		}
		answer, err := f.climb(r.Project.ladder(at), &attempts)
		if errors.As(err, new(endError)) && i+1 < len(places) && places[i+1].repository != "" {
			attempts = append(attempts, err.Error())
			continue // the repository itself may be nearer than the proxy
		}
		if err != nil {
			return found{}, fmt.Errorf("%s: %w", r.Project.Path, err)
		}
		if answer == nil {
			continue
		}
		out := found{Root: root, Modules: []foundModule{{root, answer.Path, answer.Version}}, ByTag: answer.unproven}
		// A nested module has tags of its own, so that only the revision says which version of it belongs to the root's.
		inside := r.Project
		inside.Version, inside.Revision = "", cmp.Or(inside.Revision, answer.revision())
		err = f.addNested(r, inside, at, projects, &out)
		return out, err
	}
	return found{}, r.failure(attempts)
}

// failure is the error for a repository that cannot be had.
func (r Repository) failure(attempts []string) error {
	p := r.Project
	what := p.Path
	if p.Revision != "" {
		what += " at revision " + p.Revision
	}
	if p.Version != "" {
		what += " (" + p.Version + ")"
	}
	if len(attempts) == 0 {
		return fmt.Errorf("%s cannot be had: the lock has no revision of it, and for the go command %s is not one version: "+
			"lock it anew, or commit vendor/", what, p.Version)
	}
	return unavailable(fmt.Sprintf("%s cannot be had. Tried:\n  %s", what, strings.Join(attempts, "\n  ")))
}

// unavailable is the error for a repository that nobody has at the locked
// revision. The advice is the same for all of them, and said once.
type unavailable string

func (u unavailable) Error() string { return string(u) }

// addNested adds the modules nested in the repository that hold packages of the
// lock which the root's module lacks. inside says at which revision they are.
func (f *Fetcher) addNested(r Repository, inside Project, at place, projects []Project, out *found) error {
	for {
		lacks := r.lacks(projects, f.Store, *out)
		if len(lacks) == 0 {
			break
		}
		var attempts []string
		added, err := f.addModule(lacks[0], inside, at, out, &attempts)
		if err != nil {
			return err
		}
		if !added {
			tried := ""
			if len(attempts) > 0 {
				tried = ". Tried:\n  " + strings.Join(attempts, "\n  ")
			}
			return fmt.Errorf("%s has no package %s at revision %s, neither itself nor in a module of its own: "+
				"lock it anew, or commit vendor/%s", out.Root, lacks[0], cmp.Or(inside.Revision, r.Project.Version), tried)
		}
	}
	for _, importPath := range r.needs(projects) {
		if isDir(out.locate(f.Store, importPath)) {
			continue
		}
		// The tool kept the list by hand, as it were: what is not there may not be imported any more.
		if _, err := f.addModule(importPath, inside, at, out, new([]string)); err != nil {
			return err
		}
	}
	return nil
}

// addModule adds the module nested in the repository that holds a package,
// looked for from the package's path upwards. It reports whether there is one.
func (f *Fetcher) addModule(importPath string, inside Project, at place, out *found, attempts *[]string) (bool, error) {
	for prefix := importPath; within(prefix, out.Root) && prefix != out.Root; prefix = path.Dir(prefix) {
		below := at
		below.path = path.Join(at.path, strings.TrimPrefix(prefix, out.Root))
		answer, err := f.climb(inside.ladder(below), attempts)
		if err != nil {
			return false, fmt.Errorf("%s: %w", prefix, err)
		}
		if answer == nil {
			continue
		}
		with := *out
		with.Modules = append(slices.Clip(out.Modules), foundModule{prefix, answer.Path, answer.Version})
		if isDir(with.locate(f.Store, importPath)) {
			*out = with
			return true, nil
		}
	}
	return false, nil
}

// climb asks one query after the other until the go command has an answer, and
// moves what it downloaded to the store. attempts takes what did not work. A
// nil answer means that this place has nothing; an error ends the search, since no other place can do better.
func (f *Fetcher) climb(l *ladder, attempts *[]string) (*answer, error) {
	for q, ok := l.next(); ok; q, ok = l.next() {
		a, err := f.ask(q, "")
		if err != nil && f.private(q, err) {
			a, err = f.askRepository(q)
		}
		switch {
		case err == nil:
			if err := a.verify(l.project, q); err != nil {
				return nil, err
			}
			return a, f.store(a)
		case errors.As(err, new(endError)), distrust.MatchString(err.Error()):
			return nil, fmt.Errorf("%s: %w", q, err)
		}
		*attempts = append(*attempts, fmt.Sprintf("%s: %s", q, err))
		l.learn(err)
	}
	return nil, nil
}

// unknown matches a module that the checksum database does not know.
var unknown = regexp.MustCompile(`verifying (?:module|go\.mod): .*/lookup/\S+: (?:404|410) `)

// private tells whether the error of a query means that the module is private and its commit can prove it.
func (f *Fetcher) private(q query, err error) bool {
	return f.Serves != nil && commitHash.MatchString(q.version) && unknown.MatchString(err.Error()) && f.Serves(q.place.path)
}

// askRepository asks nobody but the module's repository.
func (f *Fetcher) askRepository(q query) (*answer, error) {
	a, err := f.ask(q, q.place.path)
	if err != nil {
		return nil, err
	}
	if came := a.revision(); came == "" || !strings.HasPrefix(q.version, came) && !strings.HasPrefix(came, q.version) {
		return nil, errors.New("the checksum database does not know it, and its repository did not say which commit came")
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.byCommit = append(f.byCommit, a.Path+"@"+a.Version)
	return a, nil
}

// nowhere is the directory in which the go command runs: one without a go.mod.
func (f *Fetcher) nowhere() string { return filepath.Join(f.Scratch, "nowhere") }

// Count is the number of modules that hold the projects' code.
func (f Fetched) Count() int {
	n := 0
	for _, in := range f.found {
		n += len(in.Modules)
	}
	return n
}

// Modules are the modules that hold the projects' code, as PATH@VERSION, sorted. Those that stand for a URL are left out.
func (f Fetched) Modules() []string {
	var all []string
	for _, in := range f.found {
		for _, m := range in.Modules {
			if name := m.Path + "@" + m.Version; !strings.HasPrefix(name, madeUp) && !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return all
}
