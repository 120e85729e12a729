package compile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	if err == nil && changes == "" {
		// The go command wants a commit where nothing is uncommitted.
		_, err = git("-c", "log.showsignature=false", "log", "-1", "--format=%H:%ct")
	}
	if err != nil {
		return Repository{Notice: fmt.Sprintf("the git revision is not stamped into the binaries: git: %s", err)}
	}
	return Repository{Stamp: true, Env: trust}
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
