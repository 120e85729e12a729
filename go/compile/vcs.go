package compile

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/paketo-buildpacks/libpak/v2/effect"
)

// Repository is the git repository of an app, as far as stamping binaries goes.
type Repository struct {
	// Stamp tells whether the go command can read it.
	Stamp bool
	// Notice says why not, "" when there is nothing to say.
	Notice string
	// Env are variables that let git read a repository that belongs to another user.
	Env []string
	// Revision is the commit, with "-dirty" where files differ from it; "" for none.
	Revision string
	// Source is the URL that it was cloned from, without login and query; "" for none, or for a directory.
	Source string
	// Version is the tag that stands for the commit, "" for none.
	Version string
}

// FindRepository looks for .git from dir up to top, no higher, and tries git on
// it as the go command will. getenv returns variables of the build; env is the
// whole of it.
func FindRepository(dir, top string, getenv func(string) string, env []string, exec effect.Executor) Repository {
	root := repositoryRoot(dir, top)
	if root == "" {
		return Repository{}
	}
	trust := trustDirectory(root, getenv)
	git := func(args ...string) (string, error) {
		var out, complaint bytes.Buffer
		err := exec.Execute(effect.Execution{
			Command: "git", Args: args, Dir: root, Env: slices.Concat(env, trust), Stdout: &out, Stderr: &complaint,
		})
		if first, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n"); err != nil && first != "" {
			err = errors.New(first)
		}
		return out.String(), err
	}
	// Without the lock, git status does not rewrite the app's index.
	changes, err := git("--no-optional-locks", "status", "--porcelain")
	revision := ""
	if err == nil {
		revision, err = git("-c", "log.showsignature=false", "log", "-1", "--format=%H")
	}
	switch {
	case err != nil && changes == "": // the go command wants a commit where nothing is uncommitted
		return Repository{Notice: fmt.Sprintf("the git revision is not stamped into the binaries: git: %s", err)}
	case err != nil:
		return Repository{Stamp: true, Env: trust}
	}
	r := Repository{Stamp: true, Env: trust, Revision: strings.TrimSpace(revision)}
	if changes != "" {
		r.Revision += "-dirty"
	} else if tag, err := git("describe", "--tags", "--exact-match"); err == nil {
		r.Version = strings.TrimSpace(tag)
	}
	if origin, err := git("config", "--get", "remote.origin.url"); err == nil {
		r.Source = publicURL(strings.TrimSpace(origin))
	}
	return r
}

// likeSCP matches git's short form of ssh URLs, [USER@]HOST:PATH.
var likeSCP = regexp.MustCompile(`^(?:[^/@]+@)?([A-Za-z0-9.-]+):([^/].*|/[^/].*)$`)

// publicURL is the URL of a repository without what may be a secret, "" where it is no URL: a
// directory of some machine says nothing to others.
func publicURL(text string) string {
	if m := likeSCP.FindStringSubmatch(text); m != nil && !strings.Contains(text, "://") {
		text = "ssh://" + m[1] + "/" + strings.TrimPrefix(m[2], "/")
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"https", "http", "ssh", "git", "git+ssh"}, u.Scheme) {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// repositoryRoot returns the directory with .git from dir up to top, "" for none.
func repositoryRoot(dir, top string) string {
	for ; !exists(filepath.Join(dir, ".git")); dir = filepath.Dir(dir) {
		if dir == top || dir == filepath.Dir(dir) {
			return ""
		}
	}
	return dir
}

// TrustRepository returns the variables that let git read the repository of dir,
// looked for up to top, when it belongs to another user: none without one.
func TrustRepository(dir, top string, getenv func(string) string) []string {
	root := repositoryRoot(dir, top)
	if root == "" {
		return nil
	}
	return trustDirectory(root, getenv)
}

// trustDirectory adds safe.directory to the git configuration that the
// environment may already hold (GIT_CONFIG_COUNT, git 2.31 and newer).
func trustDirectory(root string, getenv func(string) string) []string {
	n, err := strconv.Atoi(getenv("GIT_CONFIG_COUNT"))
	if err != nil || n < 0 {
		n = 0
	}
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real // git compares the path without links
	}
	return []string{
		fmt.Sprintf("GIT_CONFIG_COUNT=%d", n+1),
		fmt.Sprintf("GIT_CONFIG_KEY_%d=safe.directory", n),
		fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", n, root),
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
