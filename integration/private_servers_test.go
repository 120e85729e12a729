package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cgi"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// forge is a company's git server, as a self-hosted GitLab is one: it knows
// groups in groups, and shows nothing to who does not log in, not even to the go command.
type forge struct {
	// host is its name, scheme what it is reached by for git.
	scheme, host string
	// login is user:password, "" lets everybody in.
	login string
	// silent has it never tell the go command where a repository is: only paths with .git work.
	silent bool
	// open has it tell that to everybody, as public forges do: git alone is refused.
	open bool
	dir  string
}

func newForge(t testing.TB, scheme, host, login string) *forge {
	t.Helper()
	return &forge{scheme: scheme, host: host, login: login, dir: t.TempDir()}
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asksWhere := r.URL.Query().Get("go-get") == "1"
	if user, password, _ := r.BasicAuth(); f.login != "" && user+":"+password != f.login && (!f.open || !asksWhere) {
		w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	if asksWhere {
		f.goGet(w, r)
		return
	}
	git, err := exec.LookPath("git")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	(&cgi.Handler{Path: git, Args: []string{"http-backend"}, Env: append(gitServerEnv(),
		"GIT_PROJECT_ROOT="+f.dir, "GIT_HTTP_EXPORT_ALL=1",
	), InheritEnv: []string{"PATH"}}).ServeHTTP(w, r)
}

// gitServerEnv is for a git that serves repositories of the test, whoever they belong to.
func gitServerEnv() []string {
	return []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}
}

// goGet tells the go command which repository an import path is in.
func (f *forge) goGet(w http.ResponseWriter, r *http.Request) {
	elements := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	for n := 1; n <= len(elements) && !f.silent; n++ {
		name := strings.Join(elements[:n], "/")
		if _, err := os.Stat(filepath.Join(f.dir, filepath.FromSlash(name)+".git")); err == nil {
			_, _ = fmt.Fprintf(w, `<html><head><meta name="go-import" content="%s"></head></html>`,
				html.EscapeString(f.host+"/"+name+" git "+f.scheme+"://"+f.host+"/"+name+".git"))
			return
		}
	}
	http.NotFound(w, r)
}

// private is a module that only a login gets at.
type private struct {
	// Path is its import path, Sum the lines of go.sum for version v1.0.0, Commit the commit that is.
	Path, Sum, Commit string
}

// says is what a program that uses the module prints.
func (p private) says() string { return "hello from " + p.Path }

// source is the module as a txtar archive, its files below dir.
func (p private) source(dir string) string {
	return "-- " + dir + "go.mod --\nmodule " + p.Path + "\n\ngo 1.12\n" +
		"-- " + dir + "lib.go --\n// Package lib is private.\npackage lib\n\n// Hello says where it comes from.\nfunc Hello() string { return \"" + p.says() + "\" }\n"
}

// newPrivate makes a module with the path, without a place where it can be had.
func newPrivate(t testing.TB, path string) private {
	t.Helper()
	p := private{Path: path}
	dir := t.TempDir()
	apptest.Write(t, dir, p.source(""))
	version := module.Version{Path: path, Version: "v1.0.0"}
	file := filepath.Join(t.TempDir(), "module.zip")
	var zip bytes.Buffer
	err := modzip.CreateFromDir(&zip, version, dir)
	if err == nil {
		err = os.WriteFile(file, zip.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	whole, err := dirhash.HashZip(file, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	goMod, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return os.Open(filepath.Join(dir, "go.mod"))
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Sum = fmt.Sprintf("%[1]s v1.0.0 %[2]s\n%[1]s v1.0.0/go.mod %[3]s\n", path, whole, goMod)
	return p
}

// hold has the forge hold a module in the repository of that name, "group/sub/repo".
func (f *forge) hold(t testing.TB, repository, path string) private {
	t.Helper()
	p := newPrivate(t, path)
	p.Commit = apptest.Commit(t, filepath.Join(f.dir, filepath.FromSlash(repository)+".git"), p.source(""), "v1.0.0")
	return p
}

// behindLogin is a handler for who logs in as login, user:password.
func behindLogin(login string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user+":"+password != login {
			w.Header().Set("WWW-Authenticate", `Basic realm="proxy"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// moduleProxy serves modules as a company's own module proxy does.
func moduleProxy(t testing.TB, modules ...private) http.Handler {
	t.Helper()
	var archive strings.Builder
	for _, p := range modules {
		archive.WriteString(p.source(p.Path + "@v1.0.0/"))
	}
	return http.FileServer(http.Dir(strings.TrimPrefix(apptest.Proxy(t, archive.String()), "file://")))
}

// goDefaults are the hosts of the module proxy and of the checksum database that
// the go command asks where nobody says otherwise.
func goDefaults(t testing.TB) (proxy, database string) {
	t.Helper()
	cmd := exec.Command("go", "env", "-json", "GOPROXY", "GOSUMDB")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name == "GOPROXY" || name == "GOSUMDB" || name == "GOFLAGS"
	}), "GOENV=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var defaults struct{ GOPROXY, GOSUMDB string }
	if err := json.Unmarshal(out, &defaults); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(defaults.GOPROXY, ",")
	if u, err := url.Parse(first); err == nil && u.Scheme == "https" && defaults.GOSUMDB != "off" {
		return "https://" + u.Host, "https://" + defaults.GOSUMDB
	}
	t.Skipf("SKIPPED: this Go asks %q and %q by default, no proxy and no database: install Go as upstream makes it", defaults.GOPROXY, defaults.GOSUMDB)
	return "", ""
}

// TestServersOfThePrivateTests shows with plain git and go commands that the
// servers are what the other tests take them for.
func TestServersOfThePrivateTests(t *testing.T) {
	t.Parallel()
	const login = "robot:s3cret-of-servers"
	secure := newForge(t, "https", "git.example.com", login)
	nested := secure.hold(t, "group/sub/repo", "git.example.com/group/sub/repo")
	dotGit := secure.hold(t, "team/lib", "git.example.com/team/lib.git")
	plain := newForge(t, "http", "git.example.com", login)
	plain.hold(t, "old", "git.example.com/old.git")
	packed := newPrivate(t, "corp.example.com/lib")
	n := newNetwork(t, map[string]http.Handler{
		"https://git.example.com": secure, "http://git.example.com": plain,
		"https://proxy.example.com:8443": behindLogin(login, moduleProxy(t, packed)),
	})
	command := func(env []string, name string, args ...string) (string, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir = t.TempDir()
		cmd.Env = slices.Concat(apptest.Env(t, "GOPROXY=direct", "GIT_TERMINAL_PROMPT=0", "HOME="+cmd.Dir, "GOCACHE="+filepath.Join(cmd.Dir, "c")), n.env(), n.trusted(t), env)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	netrc := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(netrc, []byte("machine git.example.com login robot password s3cret-of-servers\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	strangers := filepath.Join(t.TempDir(), "strangers.pem")
	if err := os.WriteFile(strangers, []byte(newAuthority(t).PEM), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		fail string
	}{
		{"git with a login", nil, []string{"git", "ls-remote", "https://" + login + "@git.example.com/group/sub/repo.git"}, ""},
		{"git without one", nil, []string{"git", "ls-remote", "https://git.example.com/group/sub/repo.git"}, "could not read Username"},
		{"git without trust", []string{"GIT_SSL_CAINFO=" + strangers}, []string{"git", "ls-remote", "https://git.example.com/group/sub/repo.git"}, "certificate"},
		{"git over http", nil, []string{"git", "ls-remote", "http://" + login + "@git.example.com/old.git"}, ""},
		{"git and a host that is not there", nil, []string{"git", "ls-remote", "https://nowhere.example.com/x.git"}, "502"},
		{"go, a group in a group", []string{"GOAUTH=netrc", "NETRC=" + netrc, "HOME=" + homeWith(t, netrc)}, []string{"go", "mod", "download", "-json", nested.Path + "@v1.0.0"}, ""},
		{"go without a login", []string{"GOAUTH=off"}, []string{"go", "mod", "download", nested.Path + "@v1.0.0"}, "401"},
		{"go, a path with .git", []string{"HOME=" + homeWith(t, netrc)}, []string{"go", "mod", "download", "-json", dotGit.Path + "@v1.0.0"}, ""},
		{"a module proxy", []string{"GOPROXY=https://" + login + "@proxy.example.com:8443"}, []string{"go", "mod", "download", "-json", packed.Path + "@v1.0.0"}, ""},
		{"a module proxy without a login", []string{"GOPROXY=https://proxy.example.com:8443"}, []string{"go", "mod", "download", packed.Path + "@v1.0.0"}, "401"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := command(c.env, c.args[0], c.args[1:]...)
			if (err != nil) != (c.fail != "") || !strings.Contains(out, c.fail) {
				t.Fatalf("%q: %v\n%s", c.args, err, out)
			}
			for _, p := range []private{nested, dotGit, packed} {
				if c.fail != "" || !slices.Contains(c.args, p.Path+"@v1.0.0") {
					continue
				}
				var said struct{ Path, Version, Sum, GoModSum string }
				if err := json.Unmarshal([]byte(out), &said); err != nil {
					t.Fatal(err)
				}
				sums := fmt.Sprintf("%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", said.Path, said.Version, said.Sum, said.GoModSum)
				if diff := cmp.Diff(p.Sum, sums); diff != "" {
					t.Errorf("go.sum (-made +downloaded):\n%s", diff)
				}
			}
		})
	}
	counts := map[string]int{}
	for _, r := range n.requests() {
		counts[r.Place+" "+r.Login]++
		if r.Place == "https://git.example.com" && r.Method != http.MethodConnect && r.Login != "" && r.Login != login {
			t.Errorf("the record has another login: %+v", r)
		}
	}
	for _, key := range []string{
		"https://git.example.com " + login, "https://git.example.com ", "http://git.example.com " + login,
		"https://nowhere.example.com ", "https://proxy.example.com:8443 " + login,
	} {
		if counts[key] == 0 {
			t.Errorf("the record has nothing of %q: %v", key, counts)
		}
	}
}

// homeWith is a home directory with a .netrc.
func homeWith(t testing.TB, netrc string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Link(netrc, filepath.Join(dir, ".netrc")); err != nil {
		t.Fatal(err)
	}
	return dir
}
