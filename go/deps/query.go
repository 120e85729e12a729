package deps

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/paketo-buildpacks/libpak/v2/effect"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// place is a module path to ask for, and for a repository that is known by its
// URL alone the URL that git has to take in its stead.
type place struct {
	path string
	// repository is the URL behind a path that is made up, "" for a real path.
	repository string
}

// madeUp is the host of module paths that stand for a repository's URL. Nobody
// can own a name below .invalid (RFC 2606).
const madeUp = "locked.invalid"

// direct returns env with what makes git fetch the place's repository by the
// URL given, and the go command ask nobody else for it.
func (p place) direct(env []string, url string) []string {
	env = append(env[:len(env):len(env)], "GONOPROXY="+madeUp, "GONOSUMDB="+madeUp)
	return withGitSetting(env, "url."+url+".insteadOf", "https://"+strings.TrimSuffix(p.root(), ".git"))
}

// withGitSetting adds a line of git's configuration to an environment, behind those that it has.
func withGitSetting(env []string, key, value string) []string {
	var count int
	_, _ = fmt.Sscanf(lookup(env, "GIT_CONFIG_COUNT"), "%d", &count) // 0 where there is none
	return append(env[:len(env):len(env)],
		fmt.Sprintf("GIT_CONFIG_COUNT=%d", count+1),
		fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", count, key),
		fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", count, value),
	)
}

// shown is the place for a message.
func (p place) shown() string {
	if p.repository != "" {
		return withoutLogin(p.repository) + strings.TrimPrefix(p.path, p.root())
	}
	return p.path
}

// root is the path that stands for the URL: nested modules lie below it.
func (p place) root() string {
	return madeUp + "/" + sourceName(p.repository) + ".git"
}

var login = regexp.MustCompile(`(://)[^/\s]+@`)

// withoutLogin hides user and password of the URLs in a text.
func withoutLogin(text string) string { return login.ReplaceAllString(text, "${1}xxxxx@") }

// places are where the repository may be had, with the import path of its root: by import path, and from the URL that the lock names.
func (r Repository) places() []place {
	if r.Project.Source == "" {
		var all []place
		for _, root := range r.Roots {
			all = append(all, place{path: root})
		}
		return all
	}
	var all []place
	if importPath := importPathOf(r.Project.Source); importPath != "" {
		all = append(all, place{path: importPath}) // a proxy may have it
	}
	url := place{repository: r.Project.Source}
	url.path = url.root()
	return append(all, url)
}

// sourceName is a short name for a repository's URL, "" for none.
func sourceName(source string) string {
	if source == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(source))
	return hex.EncodeToString(sum[:8])
}

// scp matches how git and ssh write a repository without a scheme: user@host:path.
var scp = regexp.MustCompile(`^(?:[\w.-]+@)?([\w.-]+):([^/].*|/.*)$`)

// importPathOf returns the import path under which the go command would look
// for the repository at that URL, "" where there is none.
func importPathOf(source string) string {
	host, repository := "", ""
	if u, err := url.Parse(source); err == nil && u.Host != "" {
		host, repository = u.Host, u.Path // import paths have no port, so that one makes it none
	} else if m := scp.FindStringSubmatch(source); m != nil {
		host, repository = m[1], m[2]
	}
	importPath := path.Join(host, strings.TrimSuffix(strings.TrimSuffix(repository, "/"), ".git"))
	if host == "" || module.CheckPath(importPath) != nil {
		return ""
	}
	return importPath
}

// query is one question to the go command: a module and a version of it.
type query struct {
	place   place
	version string
	// byTag tells that version is the tag of the lock and not the locked revision itself.
	byTag bool
}

func (q query) String() string { return q.place.shown() + "@" + q.version }

// queries are what may bring a locked project from one place, in the order to
// try. major is a suffix of the path, "/v4", which modules have from their second major version on.
func (p Project) queries(at place, major string) []query {
	at.path += major
	var all []query
	if p.Revision != "" {
		all = append(all, query{place: at, version: p.Revision})
	}
	if p.Version != "" && p.Version != p.Revision && !versionPrefix.MatchString(p.Version) {
		all = append(all, query{place: at, version: p.Version, byTag: true})
	}
	if !p.Time.IsZero() && commitHash.MatchString(p.Revision) {
		name := strings.TrimPrefix(major, "/")
		if name == "" {
			name = module.PathMajorPrefix(pathMajor(at.path))
		}
		all = append(all, query{place: at, version: module.PseudoVersion(name, "", p.Time, p.Revision[:12])})
	}
	return all
}

// versionPrefix matches tags that the go command takes for the newest of all versions that begin so.
var versionPrefix = regexp.MustCompile(`^v\d+(\.\d+)?$`)

func pathMajor(modulePath string) string {
	_, major, _ := module.SplitPathVersion(modulePath)
	return major
}

// commitHash matches a commit that is named by a hash, whole or not shorter than in pseudo-versions.
var commitHash = regexp.MustCompile(`^[0-9a-f]{12,}$`)

// shortHash matches commits that are named by the beginning of a hash as well.
var shortHash = regexp.MustCompile(`^[0-9a-f]{7,}$`)

// majorOf is the suffix that a module's path has at the project's version, "" for none.
func (p Project) majorOf(modulePath string) string {
	major := semver.Major(p.Version)
	if major == "" || major == "v0" || major == "v1" || strings.HasPrefix(modulePath, "gopkg.in/") || pathMajor(modulePath) != "" {
		return ""
	}
	return "/" + major
}

// wantsMajor matches how the go command says that the module's own go.mod has another path than was asked for.
var wantsMajor = regexp.MustCompile(`(?:module path|major version) \(?"[^"]*(/v[1-9]\d*)"`)

// ladder is the sequence of queries for a project at one place. What the go
// command complains of may add rungs.
type ladder struct {
	project Project
	at      place
	rungs   []query
	majors  []string
}

func (p Project) ladder(at place) *ladder {
	l := &ladder{project: p, at: at, rungs: p.queries(at, "")}
	if major := p.majorOf(at.path); major != "" {
		l.add(major, len(l.rungs))
		if semver.Canonical(p.Version) == p.Version {
			// From before modules; a proxy without a repository behind it knows the version only by this name.
			l.rungs = append(l.rungs, query{place: at, version: p.Version + "+incompatible", byTag: true})
		}
	}
	return l
}

// add puts the queries for a major version at an index of the rungs.
func (l *ladder) add(major string, index int) {
	if major == "" || slices.Contains(l.majors, major) {
		return
	}
	l.majors = append(l.majors, major)
	l.rungs = slices.Insert(l.rungs, index, l.project.queries(l.at, major)...)
}

// next returns the next query, false when there is none left.
func (l *ladder) next() (query, bool) {
	if len(l.rungs) == 0 {
		return query{}, false
	}
	q := l.rungs[0]
	l.rungs = l.rungs[1:]
	return q, true
}

// learn looks at the error of a query for a better one.
func (l *ladder) learn(err error) {
	if m := wantsMajor.FindStringSubmatch(err.Error()); m != nil && pathMajor(l.at.path) == "" {
		l.add(m[1], 0)
	}
}

// answer is what "go mod download -json" says of a module.
type answer struct {
	Path, Version, Dir, Error string
	Origin                    *struct{ Hash string }
	// unproven tells that nobody said which revision the tag is.
	unproven bool
}

// endError is an error that every other download would end with too.
type endError struct{ text, advice string }

func (e endError) Error() string { return e.text + ": " + e.advice }

var (
	// unreachable matches what the go command says when a server does not answer.
	unreachable = regexp.MustCompile(`dial tcp|no such host|i/o timeout|connection refused|network is unreachable|x509: `)
	// oneHost matches errors of a project's own host: told by a proxy, or met by
	// the go command itself where it asks the host for the repository of an import path.
	oneHost = regexp.MustCompile(`server response:|\?go-get=1`)
	// distrust matches a module that is there, but is not what the checksum database says.
	distrust = regexp.MustCompile(`checksum mismatch|SECURITY ERROR`)
)

// complaint makes an error of what the go command says.
func complaint(text string) error {
	switch text = strings.Join(strings.Fields(withoutLogin(text)), " "); {
	case strings.Contains(text, "GOPROXY=off"):
		return endError{text, "set GOPROXY to a server that may be asked, or commit vendor/"}
	case strings.Contains(strings.ToLower(text), "no space left on device"):
		return endError{text, "give the build more room"}
	case unreachable.MatchString(text) && strings.Contains(text, "verifying module"):
		return endError{text, "check that the build can reach the checksum database, or set GONOSUMDB for modules that it does not know, GOSUMDB for another one"}
	case unreachable.MatchString(text) && !oneHost.MatchString(text):
		return endError{text, "check the network of the build and GOPROXY"}
	}
	return errors.New(text)
}

// ask has the go command download a module into its cache below Scratch. private
// is a pattern of modules of which only their repositories are asked, "" for none beside the user's own.
func (f *Fetcher) ask(q query, private string) (*answer, error) {
	gopath := filepath.Join(f.Scratch, "gopath")
	env := slices.Concat(f.Env, []string{
		"GO111MODULE=on", "GOWORK=off", "GOFLAGS=-modcacherw", "GOROOT=" + f.modern.Root,
		"GOPATH=" + gopath, "GOMODCACHE=" + filepath.Join(gopath, "pkg", "mod"), "GIT_TERMINAL_PROMPT=0",
	})
	if private != "" {
		for _, name := range []string{"GONOPROXY", "GONOSUMDB"} {
			env = append(env, name+"="+strings.Trim(cmp.Or(lookup(env, name), lookup(env, "GOPRIVATE"))+","+private, ","))
		}
	}
	if q.place.repository != "" {
		if lookup(env, "GOPROXY") == "off" {
			return nil, complaint("GOPROXY=off forbids downloads")
		}
		env = q.place.direct(env, f.rewritten(q.place.repository, env))
	}
	out, runErr := f.modern.Output(f.nowhere(), env, "mod", "download", "-json", q.place.path+"@"+q.version)
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		return nil, complaint(cmp.Or(runErr, err).Error())
	}
	if a.Error != "" {
		text := strings.TrimPrefix(a.Error, q.place.path+"@"+q.version+": ")
		return nil, complaint(strings.ReplaceAll(text, q.place.path, q.place.shown()))
	}
	switch {
	case runErr != nil:
		return nil, complaint(runErr.Error())
	case a.Dir == "":
		return nil, errors.New("the go command did not say where the module is")
	}
	return &a, nil
}

// rewritten is the URL that git takes instead of one by the user's settings,
// which may bring a login or ssh with it: git rewrites a URL only once.
func (f *Fetcher) rewritten(url string, env []string) string {
	const name = "locked" // of a remote: the URL may hold a login, and arguments can be seen by others
	var out bytes.Buffer
	err := f.modern.Exec.Execute(effect.Execution{
		Command: "git", Args: []string{"ls-remote", "--get-url", name}, Dir: f.nowhere(), Env: withGitSetting(env, "remote."+name+".url", url), Stdout: &out, Stderr: io.Discard,
	})
	rewritten := strings.TrimSpace(out.String())
	if err != nil || rewritten == "" || rewritten == name {
		return url // the go command has its own words for what is wrong with git
	}
	return rewritten
}

// lookup is the value that counts of a variable in env: the last one.
func lookup(env []string, name string) string {
	value := ""
	for _, pair := range env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

// revision is the commit that came, "" where nobody says it.
func (a *answer) revision() string {
	if a.Origin != nil && a.Origin.Hash != "" {
		return a.Origin.Hash
	}
	came, _ := module.PseudoVersionRev(a.Version) // "" where it is none
	return came
}

// verify compares the revision that came with the locked one, as far as both are known.
func (a *answer) verify(p Project, q query) error {
	came, locked := a.revision(), strings.ToLower(p.Revision)
	switch {
	case locked == "":
		return nil // the lock means the tag, whatever it is
	case came == "" || !shortHash.MatchString(locked):
		a.unproven = q.byTag || !shortHash.MatchString(locked) // a branch is another revision every day
		return nil
	case strings.HasPrefix(locked, came) || strings.HasPrefix(came, locked):
		return nil
	default:
		return fmt.Errorf("%s is revision %s today, and the lock says %s: lock it anew, or commit vendor/", q, came, p.Revision)
	}
}
