package ci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"golang.org/x/crypto/bcrypt"
)

// The account at the registry that the secrets of the pipelines are for.
const (
	registryUser     = "publisher"
	registryPassword = "s3cret: of the \"registry\" $HOME"
)

// site is what the jobs of all CI systems talk to: a company's registry with the builder and the run image, and its git
// server. All of it is on the loopback interface.
type site struct {
	// registry is host and port of the registry.
	registry string
	// docker is the directory of a docker configuration with a login at the registry.
	docker string
	forge  *forge
}

// newSite starts the servers and makes the company's images.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{registry: startRegistry(t), docker: t.TempDir(), forge: newForge(t)}
	login := s.command("login", s.registry, "--username", registryUser, "--password-stdin")
	login.Stdin = strings.NewReader(registryPassword)
	must(t, login)
	must(t, s.command("tag", "scalingo-go-lab-run:tiny", s.image("builders/go-run:latest")))
	t.Cleanup(func() { _ = s.command("rmi", s.image("builders/go-run:latest")).Run() })
	must(t, s.command("push", s.image("builders/go-run:latest")))
	s.makeBuilder(t, startProxy(t, s.forge.address()))
	return s
}

// image is the reference of an image in the registry.
func (s *site) image(name string) string { return s.registry + "/" + name }

// command is a docker command that knows the login.
func (s *site) command(args ...string) *exec.Cmd {
	return exec.Command("docker", append([]string{"--config", s.docker}, args...)...)
}

// makeBuilder makes the company's builder image of the lab's: it trusts the company's git server, reaches it and the
// module proxy in the company's way, and shows what is compiled. All this is set as operators of builders do.
func (s *site) makeBuilder(t testing.TB, proxy string) {
	t.Helper()
	const container = "scalingo-go-ci-test-builder"
	_ = exec.Command("docker", "rm", "--force", container).Run() // of a test that was interrupted
	must(t, exec.Command("docker", "create", "--name", container, "scalingo-go-lab-builder", "true"))
	defer func() { must(t, exec.Command("docker", "rm", "--force", container)) }()
	const bundle = "etc/ssl/certs/ca-certificates.crt"
	archive := must(t, exec.Command("docker", "cp", container+":/"+bundle, "-"))
	reader := tar.NewReader(strings.NewReader(archive))
	if _, err := reader.Next(); err != nil {
		t.Fatal(err)
	}
	trusted, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.forge.certificate().Raw})
	files := map[string]string{bundle: string(trusted) + "\n" + string(own)}
	for name, value := range map[string]string{
		"GOPROXY": must(t, exec.Command("go", "env", "GOPROXY")), "GONOSUMDB": "git.example.com", "BP_GO_BUILD_FLAGS": "-v",
		"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_COLOR": "1",
	} {
		files["cnb/build-config/env/"+name] = value
	}
	var content bytes.Buffer
	writer := tar.NewWriter(&content)
	for name, text := range files {
		err := writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
		if err == nil {
			_, err = io.WriteString(writer, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	put := exec.Command("docker", "cp", "-", container+":/")
	put.Stdin = &content
	must(t, put)
	must(t, exec.Command("docker", "commit", "--change", "CMD []", container, s.image("builders/go:latest")))
	t.Cleanup(func() { must(t, exec.Command("docker", "rmi", s.image("builders/go:latest"))) })
}

// startRegistry starts a registry that only registryUser gets at: Debian's, or where there is none the one of
// go-containerregistry.
func startRegistry(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		server := httptest.NewServer(behindLogin(map[string]string{registryUser: registryPassword},
			registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(t.TempDir())))))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	log := startDebianRegistry(t, program, address)
	for range 600 {
		response, err := http.Get("http://" + address + "/v2/")
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Fatalf("the registry answers %s to who does not log in", response.Status)
		}
		return address
	}
	t.Fatalf("the registry does not answer:\n%s", read(t, log))
	return ""
}

// startDebianRegistry starts the registry and returns the file of its log, in which whatever is asked for and not there
// is an error.
func startDebianRegistry(t testing.TB, program, address string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(registryPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	accounts, config := filepath.Join(dir, "accounts"), filepath.Join(dir, "config.yml")
	write(t, accounts, registryUser+":"+string(hash)+"\n")
	write(t, config, fmt.Sprintf("version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n"+
		"storage:\n  filesystem:\n    rootdirectory: %q\nhttp:\n  addr: %q\nauth:\n  htpasswd:\n    realm: company\n    path: %q\n",
		filepath.Join(dir, "blobs"), address, accounts))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", config)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = log.Close()
	})
	return log.Name()
}

// get is what the registry has at a path, and its digest.
func (s *site) get(t testing.TB, path string) (content []byte, digest string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.registry+"/v2/"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(registryUser, registryPassword)
	request.Header.Add("Accept", "application/vnd.oci.image.manifest.v1+json")
	request.Header.Add("Accept", "application/vnd.docker.distribution.manifest.v2+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err = io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s in the registry: %s, %v", path, response.Status, err)
	}
	return content, response.Header.Get("Docker-Content-Digest")
}

// published is an image in the registry.
type published struct {
	name, digest string
	manifest     struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
}

func (s *site) published(t testing.TB, name, tag string) published {
	t.Helper()
	image := published{name: name}
	text, digest := s.get(t, name+"/manifests/"+tag)
	image.digest = digest
	if err := json.Unmarshal(text, &image.manifest); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return image
}

// layers are the digests of the layers. The lifecycle may list one twice.
func (p published) layers() map[string]bool {
	digests := map[string]bool{}
	for _, layer := range p.manifest.Layers {
		digests[layer.Digest] = true
	}
	return digests
}

// content is the configuration of an image, and the archives that its layers are.
func (s *site) content(t testing.TB, image published) (config []byte, layers [][]byte) {
	t.Helper()
	config, _ = s.get(t, image.name+"/blobs/"+image.manifest.Config.Digest)
	for digest := range image.layers() {
		compressed, _ := s.get(t, image.name+"/blobs/"+digest)
		reader, err := gzip.NewReader(bytes.NewReader(compressed))
		if err != nil {
			t.Fatal(err)
		}
		layer, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, layer)
	}
	return config, layers
}

// openPaths are the files and directories in the layer of an image that everybody may write to, but for /tmp.
func openPaths(t testing.TB, layer []byte) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for archive := tar.NewReader(bytes.NewReader(layer)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		path := strings.Trim(header.Name, "/")
		if header.Typeflag != tar.TypeSymlink && header.Mode&0o002 != 0 && path != "tmp" {
			found[path] = true
		}
	}
}

// found are those of the texts that are somewhere in data.
func found(data []byte, texts ...string) []string {
	var in []string
	for _, text := range texts {
		if bytes.Contains(data, []byte(text)) {
			in = append(in, text)
		}
	}
	return in
}

// behindLogin lets those in who know the password of an account.
func behindLogin(accounts map[string]string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if want, known := accounts[user]; !ok || !known || password != want {
			w.Header().Set("WWW-Authenticate", `Basic realm="company"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// startProxy starts the HTTP proxy through which git.example.com is found at address, and all else where it is.
func startProxy(t testing.TB, address string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only https", http.StatusMethodNotAllowed)
			return
		}
		host := r.Host
		if host == "git.example.com:443" {
			host = address
		}
		far, err := net.DialTimeout("tcp", host, 30*time.Second)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = far.Close()
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		_, _ = io.Copy(near, far)
		_ = near.Close()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// certificate is what the git server shows, for *.example.com.
func (f *forge) certificate() *x509.Certificate { return f.server.Certificate() }

func (f *forge) address() string { return f.server.Listener.Addr().String() }
