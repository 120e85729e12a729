package kpack

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"
)

// gitServer is a company's git server, which shows nothing to who does not log in.
type gitServer struct {
	// url is where kpack finds the source.
	url            string
	user, password string
	// proxy is an HTTP proxy that leads to https://git.example.com, the same server, and nowhere else.
	proxy string
	// authority is the certificate that vouches for git.example.com.
	authority string
	dir       string
}

func startGit(t testing.TB) *gitServer {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	g := &gitServer{user: "robot", password: "s3cret-of-git", dir: t.TempDir()}
	// kpack fetches commits by their hash, which forges allow and plain git does not by itself.
	serve := &cgi.Handler{Path: git, Args: []string{"http-backend"}, InheritEnv: []string{"PATH"}, Env: []string{
		"GIT_PROJECT_ROOT=" + g.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		"GIT_CONFIG_KEY_1=uploadpack.allowReachableSHA1InWant", "GIT_CONFIG_VALUE_1=true",
	}}
	plain := httptest.NewServer(behindLogin(g.user, g.password, serve))
	t.Cleanup(plain.Close)
	g.url = plain.URL
	// The certificate of httptest is for *.example.com as well.
	secure := httptest.NewTLSServer(behindLogin(g.user, g.password, serve))
	t.Cleanup(secure.Close)
	g.authority = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	proxy := httptest.NewServer(tunnel("git.example.com:443", secure.Listener.Addr().String()))
	t.Cleanup(proxy.Close)
	g.proxy = proxy.URL
	return g
}

// tunnel is an HTTP proxy that connects one host to an address on this machine.
func tunnel(host, address string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host {
			http.Error(w, "no such host: "+r.Host, http.StatusBadGateway)
			return
		}
		far, err := net.Dial("tcp", address)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = far.Close()
			return
		}
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err == nil {
			_, _ = io.Copy(near, far)
		}
		_ = near.Close()
	})
}

// directory is the work tree of a repository.
func (g *gitServer) directory(repository string) string {
	return filepath.Join(g.dir, filepath.FromSlash(repository))
}

// commit commits what is in the work tree of a repository, on the branch main, and tags it.
func (g *gitServer) commit(t testing.TB, repository string, tags ...string) string {
	t.Helper()
	dir := g.directory(repository)
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
		return strings.TrimSpace(run(t, cmd))
	}
	git("init", "--quiet", "--initial-branch=main")
	git("add", "--all")
	git("commit", "--quiet", "--message=Change")
	for _, tag := range tags {
		git("tag", tag)
	}
	return git("rev-parse", "HEAD")
}

// app makes a repository with the sample web app, its program in cmd/web.
func (g *gitServer) app(t testing.TB, repository string) {
	t.Helper()
	dir := g.directory(repository)
	for from, to := range map[string]string{"main.go": "cmd/web/main.go", "go.mod": "go.mod", "go.sum": "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, "samples", "hello", from))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, filepath.FromSlash(to)), string(text))
	}
}

// withPrivateModule makes an app of the server use a module of the server, git.example.com/team/lib.git.
func (g *gitServer) withPrivateModule(t testing.TB, app string) {
	t.Helper()
	const path, version = "git.example.com/team/lib.git", "v1.0.0"
	lib := g.directory("team/lib.git")
	write(t, filepath.Join(lib, "go.mod"), "module "+path+"\n\ngo 1.26\n")
	write(t, filepath.Join(lib, "lib.go"), "// Package lib is private.\npackage lib\n\n"+
		"// Hello says where it comes from.\nfunc Hello() string { return \"hello from "+path+"\" }\n")
	whole, err := dirhash.HashDir(lib, path+"@"+version, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	goMod, err := dirhash.Hash1([]string{"go.mod"}, func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(lib, name)) })
	if err != nil {
		t.Fatal(err)
	}
	g.commit(t, "team/lib.git", version)

	dir := g.directory(app)
	write(t, filepath.Join(dir, "cmd", "web", "private.go"),
		"package main\n\nimport (\n\t\"log\"\n\n\t\""+path+"\"\n)\n\nfunc init() { log.Print(lib.Hello()) }\n")
	for file, more := range map[string]string{
		"go.mod": fmt.Sprintf("\nrequire %s %s\n", path, version),
		"go.sum": fmt.Sprintf("%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", path, version, whole, goMod),
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, file), string(text)+more)
	}
}
