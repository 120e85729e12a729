package private

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2/effect"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// TestMain makes the test's own program what git and the go command ask for
// logins: it does then what the buildpack's program does, with the same words.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{GitCredential, GoAuth}, os.Args[1]) {
		if err := answer(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(apptest.Main(m))
}

func answer(args []string) error {
	env := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	bindings, err := libcnb.NewBindings(env[libcnb.EnvPlatformDirectory])
	if err != nil {
		return err
	}
	access, err := Read(env, bindings)
	if err != nil {
		return err
	}
	word := strings.Join(args[1:], " ")
	if args[0] == GoAuth {
		return access.Credentials.ServeGo(word, os.Stdout)
	}
	return access.Credentials.ServeGit(word, os.Stdin, os.Stdout)
}

// The variable of most tests, its login, and what nobody but a server may see of it.
const (
	variable = "GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM"
	login    = "robot:s3cret-0f-the-robot"
	password = "s3cret-0f-the-robot"
)

// setup is what a user set for a build: variables, and bindings by their names.
type setup struct {
	env      map[string]string
	bindings map[string]map[string]string
	// program is the name of the directory of the buildpack's program, "" for an awkward one.
	program string
	// proxySet tells that GOPROXY is the user's.
	proxySet bool
}

// session is a build whose children reach what is private.
type session struct {
	Access
	home, dir string
	// vars and said are what Environment returned.
	vars map[string]string
	said []string
	// env is the environment of the children.
	env map[string]string
}

// begin reads the setup and makes the environment of the children. HOME is a directory of its own.
func (s setup) begin(t testing.TB) *session {
	t.Helper()
	dir := t.TempDir()
	b := &session{home: filepath.Join(dir, "home"), dir: filepath.Join(dir, "access"), env: map[string]string{}}
	for _, pair := range append(apptest.Env(t), "HOME="+b.home) {
		name, value, _ := strings.Cut(pair, "=")
		b.env[name] = value
	}
	delete(b.env, "GIT_CONFIG_GLOBAL")    // $HOME/.gitconfig is read
	b.env["GORACE"] = "atexit_sleep_ms=0" // a program under the race detector would sleep for a second before it ends
	maps.Copy(b.env, s.env)
	if s.program == "" {
		s.program = `it's "the" $program`
	}
	program := filepath.Join(dir, s.program, "main")
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range []string{b.home, filepath.Dir(program)} {
		if err := os.MkdirAll(made, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(executable, program); err != nil {
		t.Fatal(err)
	}
	platform := filepath.Join(dir, "platform")
	if b.Access, err = Read(b.env, bind(t, platform, s.bindings)); err != nil {
		t.Fatal(err)
	}
	b.vars, b.said, err = b.Environment(Setup{
		Env: maps.Clone(b.env), Program: program, PlatformDir: platform, Dir: b.dir, DefaultProxy: !s.proxySet && b.Proxy == "", Exec: effect.CommandExecutor{},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range b.vars {
		hides(t, name+"="+value, b.Secrets()...)
	}
	maps.Copy(b.env, b.vars)
	return b
}

// bind writes bindings as a platform does and reads them as the library does.
func bind(t testing.TB, platform string, all map[string]map[string]string) libcnb.Bindings {
	t.Helper()
	for name, entries := range all {
		dir := filepath.Join(platform, "bindings", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for key, value := range entries {
			if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	bindings, err := libcnb.NewBindingsFromPath(filepath.Join(platform, "bindings"))
	if err != nil {
		t.Fatal(err)
	}
	return bindings
}

// run runs a program as a child of the build and returns what it printed.
func (b *session) run(t testing.TB, stdin, name string, args ...string) (stdout, all string, err error) {
	t.Helper()
	if name == "go" { // its telemetry would write in the background
		writeFile(t, filepath.Join(b.home, ".config", "go", "telemetry", "mode"), "off", 0o600)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(b.env)) {
		cmd.Env = append(cmd.Env, name+"="+b.env[name])
	}
	var out, both bytes.Buffer
	var mutex sync.Mutex
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout = io.MultiWriter(&out, locked{&mutex, &both})
	cmd.Stderr = locked{&mutex, &both}
	err = cmd.Run()
	return out.String(), both.String(), err
}

type locked struct {
	*sync.Mutex
	out io.Writer
}

func (l locked) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.out.Write(p)
}

// hides complains where a text tells a secret.
func hides(t testing.TB, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the secret %q is told: %s", secret, text)
		}
	}
}

// says complains where an error is not there or lacks one of the words.
func says(t testing.TB, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("got the error %v, want one with %q", err, word)
		}
	}
}

func writeFile(t testing.TB, file, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func readFile(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// authority is a certificate authority that no machine knows.
type authority struct {
	PEM         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAuthority makes an authority, signed by another one or by itself.
func newAuthority(t testing.TB, name string, by *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), key: key}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

// keyPEM is the authority's private key as a file of its owner holds it.
func (a *authority) keyPEM(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// certify returns a server's certificate.
func (a *authority) certify(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"}, DNSNames: []string{hello.ServerName},
		NotBefore: a.certificate.NotBefore, NotAfter: a.certificate.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, err
}

// internet is all that children see of the world: hosts of the test by their
// names, https://HOST[:PORT], without DNS, and what each was asked.
type internet struct {
	*authority
	url   string
	hosts map[string]http.Handler
	mutex sync.Mutex
	asked []string
}

func newInternet(t testing.TB, hosts map[string]http.Handler) *internet {
	t.Helper()
	n := &internet{authority: newAuthority(t, "Authority of a test", nil), hosts: hosts}
	secure := httptest.NewUnstartedServer(n.serve("https"))
	secure.TLS = &tls.Config{GetCertificate: n.certify}
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not trust it is what some tests want
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := n.serve("http")
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			plain.ServeHTTP(w, r)
			return
		}
		far, err := net.Dial("tcp", secure.Listener.Addr().String())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer far.Close()
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer near.Close()
		fmt.Fprint(near, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		_, _ = io.Copy(near, far)
	}))
	t.Cleanup(proxy.Close)
	n.url = proxy.URL
	return n
}

func (n *internet) serve(scheme string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		server := scheme + "://" + strings.TrimSuffix(strings.ToLower(r.Host), map[string]string{"https": ":443", "http": ":80"}[scheme])
		n.mutex.Lock()
		n.asked = append(n.asked, server+r.URL.Path+" "+user+":"+pass)
		n.mutex.Unlock()
		if handler := n.hosts[server]; handler != nil {
			handler.ServeHTTP(w, r)
			return
		}
		http.Error(w, "no such host", http.StatusBadGateway)
	}
}

// requests are what the hosts were asked since the last call, "URL USER:PASSWORD".
func (n *internet) requests() []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	defer func() { n.asked = nil }()
	return n.asked
}

// env are the variables that send children through it.
func (n *internet) env(more ...string) map[string]string {
	env := map[string]string{"NO_PROXY": "", "no_proxy": ""}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		env[name], env[strings.ToLower(name)] = n.url, n.url
	}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

// trust is a binding with the authority of all servers.
func (n *internet) trust() map[string]string {
	return map[string]string{"type": "ca-certificates", "ca.pem": n.PEM}
}

// behind serves who logs in, USER:PASSWORD.
func behind(login string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user+":"+pass != login {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// repositories serves the git repositories below a directory, and says of no import path where it is.
func repositories(t testing.TB, dir string) http.Handler {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	return &cgi.Handler{Path: git, Args: []string{"http-backend"}, InheritEnv: []string{"PATH"}, Env: []string{
		"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}, Stderr: io.Discard}
}

// status answers everything with one code.
func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, http.StatusText(code), code) })
}
