package apptest

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"
)

// ModuleServer is a module proxy over HTTP.
type ModuleServer struct {
	// URL is for GOPROXY.
	URL string
	// Dir holds the files of the proxy.
	Dir string

	mutex    sync.Mutex
	requests []string
}

// Requests returns the paths asked for since the last call.
func (s *ModuleServer) Requests() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	defer func() { s.requests = nil }()
	return s.requests
}

// ServeModules serves the modules of an archive as for [Proxy]. answers are what
// it says to PATH@QUERY, as to a revision: the content of an .info file, or
// "403 REASON" and the like to refuse.
func ServeModules(t testing.TB, archive string, answers map[string]string) *ModuleServer {
	t.Helper()
	s := &ModuleServer{Dir: strings.TrimPrefix(Proxy(t, archive), "file://")}
	special := map[string]string{}
	for query, answer := range answers {
		path, version, _ := strings.Cut(query, "@")
		escaped, err := module.EscapePath(path)
		if err != nil {
			t.Fatal(err)
		}
		special["/"+escaped+"/@v/"+version+".info"] = answer
	}
	files := http.FileServer(http.Dir(s.Dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mutex.Lock()
		s.requests = append(s.requests, r.URL.Path)
		s.mutex.Unlock()
		answer, ok := special[r.URL.Path]
		status, text, _ := strings.Cut(answer, " ")
		if code, err := strconv.Atoi(status); err == nil {
			http.Error(w, text, code)
		} else if ok {
			_, _ = w.Write([]byte(answer))
		} else {
			files.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Commit makes the files of an archive all that a git repository at dir holds,
// and returns the commit. The repository is made where there is none; a tag that is there already moves.
func Commit(t testing.TB, dir, archive string, tags ...string) string {
	t.Helper()
	git := func(args ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), "git", args...)
		command.Dir = dir
		command.Env = append(os.Environ(), "HOME="+shared, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
			"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.test", "GIT_AUTHOR_DATE=2020-01-02T03:04:05Z",
			"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.test", "GIT_COMMITTER_DATE=2020-01-02T03:04:05Z")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		git("init", "--quiet", "--initial-branch=main")
		git("config", "uploadpack.allowAnySHA1InWant", "true")
	} else {
		git("rm", "-r", "--quiet", ".")
	}
	Write(t, dir, archive)
	git("add", "--all", "--force")
	git("commit", "--quiet", "--message=Commit")
	for _, tag := range tags {
		git("tag", "--force", tag)
	}
	return git("rev-parse", "HEAD")
}

// ServeGit serves the git repositories below dir, as git's own CGI program does,
// to whom login lets in, "" for everybody, and returns the URL of dir.
func ServeGit(t testing.TB, dir, login string) string {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Env: []string{
		"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}, InheritEnv: []string{"PATH"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); login != "" && user+":"+password != login {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
