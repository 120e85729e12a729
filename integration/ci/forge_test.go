package ci

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"
)

// The logins at the git server: of a robot, as a secret of a CI system holds it, and of a job of GitLab.
const (
	gitUser, gitPassword = "robot", "s3cret-of-git"
	jobUser, jobToken    = "gitlab-ci-token", "s3cret-of-the-job"
)

// library is the import path of the private module.
const library = "git.example.com/team/lib"

// forge is git.example.com: a git server that shows nothing to who does not log in, not even to the go command.
type forge struct {
	dir    string
	server *httptest.Server
	mutex  sync.Mutex
	users  map[string]bool
}

func newForge(t testing.TB) *forge {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	f := &forge{dir: t.TempDir(), users: map[string]bool{}}
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, InheritEnv: []string{"PATH"}, Env: append(gitEnv(),
		"GIT_PROJECT_ROOT="+f.dir, "GIT_HTTP_EXPORT_ALL=1",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")}
	f.server = httptest.NewTLSServer(behindLogin(map[string]string{gitUser: gitPassword, jobUser: jobToken},
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.note(r)
			if r.URL.Query().Get("go-get") == "1" {
				_, _ = fmt.Fprintf(w, `<html><head><meta name="go-import" content="%[1]s git https://%[1]s.git"></head></html>`, library)
				return
			}
			backend.ServeHTTP(w, r)
		})))
	t.Cleanup(f.server.Close)
	return f
}

func (f *forge) note(r *http.Request) {
	user, _, _ := r.BasicAuth()
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.users[user] = true
}

// visitors are the users who logged in since the last call.
func (f *forge) visitors() map[string]bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	defer func() { f.users = map[string]bool{} }()
	return f.users
}

// gitEnv keeps the settings of whoever runs the tests away from git.
func gitEnv() []string {
	return []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}
}

// git runs git in a directory.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=CI", "-c", "user.email=ci@example.com"}, args...)...)
	cmd.Env = append(os.Environ(), gitEnv()...)
	return must(t, cmd)
}

// release adds a version of the library that says a text and returns the lines of go.sum for it.
func (f *forge) release(t testing.TB, version, text string) string {
	t.Helper()
	repository := filepath.Join(f.dir, "team", "lib.git")
	goMod := "module " + library + "\n\ngo 1.24\n"
	source := fmt.Sprintf("// Package lib is private.\npackage lib\n\n// Hello greets.\nfunc Hello() string { return %q }\n", text)
	plain := t.TempDir() // without .git, as the module is
	for _, dir := range []string{repository, plain} {
		write(t, filepath.Join(dir, "go.mod"), goMod)
		write(t, filepath.Join(dir, "lib.go"), source)
	}
	if _, err := os.Stat(filepath.Join(repository, ".git")); err != nil {
		git(t, repository, "init", "--quiet")
	}
	git(t, repository, "add", ".")
	git(t, repository, "commit", "--quiet", "--message", version)
	git(t, repository, "tag", version)
	whole, err := dirhash.HashDir(plain, library+"@"+version, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(goMod)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", library, version, whole, alone)
}

// app is a repository with an app in it that needs a version of the library.
type app struct {
	repository, commit, text string
}

// newApp makes an app with two programs, of which only cmd/web compiles: it is the one that the pipelines set.
func (f *forge) newApp(t testing.TB, version string) app {
	t.Helper()
	a := app{repository: t.TempDir(), text: "hello from " + t.Name() + " with " + version}
	sum := f.release(t, version, a.text)
	for name, content := range map[string]string{
		"go.mod": "module example.com/my-app\n\ngo 1.26\n\nrequire " + library + " " + version + "\n",
		"go.sum": sum,
		"cmd/web/main.go": `// Command web answers with what the library says.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"` + library + `"
)

func main() {
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, lib.Hello())
	})))
}
`,
		"cmd/unfinished/main.go": "package main\n\nfunc main() { undefined() }\n",
		"static/page.html":       "<p>hello</p>\n",
	} {
		write(t, filepath.Join(a.repository, name), content)
	}
	git(t, a.repository, "init", "--quiet")
	git(t, a.repository, "add", ".")
	git(t, a.repository, "commit", "--quiet", "--message", "An app")
	a.commit = git(t, a.repository, "rev-parse", "HEAD")
	return a
}

// checkout is a directory with the commit of an app, as a CI system fetches it: that commit alone. The mask is that of
// whoever fetches it.
func (a app) checkout(t testing.TB, mask string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "my-app")
	cmd := exec.Command("sh", "-c", `umask "$0" && exec git clone --quiet --depth 1 "file://$1" "$2"`, mask, a.repository, dir)
	cmd.Env = append(os.Environ(), gitEnv()...)
	must(t, cmd)
	return dir
}
