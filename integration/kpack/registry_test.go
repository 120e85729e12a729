package kpack

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// registry is a registry on this machine that nobody reads or writes without a login.
type registry struct {
	// host is its name and port.
	host, user, password string
	// config is a directory with a Docker configuration that holds the login.
	config string
}

// startRegistry starts Debian's registry, or where there is none that of go-containerregistry, which the lab has.
func startRegistry(t testing.TB) *registry {
	t.Helper()
	dir, behind := t.TempDir(), freeAddress(t)
	cmd := exec.Command(filepath.Join(root, "scripts", "lab.sh"), "registry", "--listen", behind, dir)
	if program, err := exec.LookPath("docker-registry"); err == nil {
		config := filepath.Join(t.TempDir(), "config.yml")
		text := fmt.Sprintf("version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\n"+
			"storage:\n  filesystem:\n    rootdirectory: %q\n  delete:\n    enabled: true\nhttp:\n  addr: %q\n", dir, behind)
		write(t, config, text)
		cmd = exec.Command(program, "serve", config)
	}
	output := onFailure(t)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	eventually(t, func() (bool, string) {
		response, err := http.Get("http://" + behind + "/v2/")
		if err != nil {
			return false, fmt.Sprintf("%s: %v", cmd, err)
		}
		return true, closing(response)
	})

	r := &registry{user: "robot", password: "s3cret-of-the-registry", config: t.TempDir()}
	passOn := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
		request.SetURL(&url.URL{Scheme: "http", Host: behind})
		request.Out.Host = request.In.Host // the addresses in its answers are those of the front
	}}
	front := httptest.NewServer(behindLogin(r.user, r.password, passOn))
	t.Cleanup(front.Close)
	r.host = front.Listener.Addr().String()
	write(t, filepath.Join(r.config, "config.json"), r.dockerConfig(t))
	return r
}

// dockerConfig is the login as Docker and Secrets of Kubernetes have it.
func (r *registry) dockerConfig(t testing.TB) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"auths": map[string]any{r.host: authn.AuthConfig{Username: r.user, Password: r.password}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docker runs the docker command with the login of the registry.
func (r *registry) docker(t testing.TB, args ...string) string {
	t.Helper()
	return run(t, exec.Command("docker", append([]string{"--config", r.config}, args...)...))
}

// push makes an image of a Dockerfile, with files beside it, and pushes it under its name in the registry.
func (r *registry) push(t testing.TB, repository, dockerfile string, labels map[string]string, files ...string) {
	t.Helper()
	image := r.host + "/" + repository
	buildImage(t, image, dockerfile, labels, files...)
	r.docker(t, "push", "--quiet", image)
}

// buildImage has the Docker Engine make an image, which is removed after the test.
func buildImage(t testing.TB, image, dockerfile string, labels map[string]string, files ...string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Dockerfile"), dockerfile)
	for _, file := range files {
		if err := os.Link(file, filepath.Join(dir, filepath.Base(file))); err != nil {
			run(t, exec.Command("cp", "--preserve=mode", file, dir)) // another file system
		}
	}
	args := []string{"build", "--quiet", "--tag", image}
	for key, value := range labels {
		args = append(args, "--label", key+"="+value)
	}
	run(t, exec.Command("docker", append(args, dir)...))
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "--force", image).Run() })
}

func (r *registry) options() []remote.Option {
	return []remote.Option{remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: r.user, Password: r.password}))}
}

// image is an image of the registry, by its whole name.
func (r *registry) image(t testing.TB, image string) v1.Image {
	t.Helper()
	reference, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	found, err := remote.Image(reference, r.options()...)
	if err != nil {
		t.Fatalf("%s: %v", image, err)
	}
	return found
}

// configOf is the configuration of an image of the registry.
func (r *registry) configOf(t testing.TB, image string) *v1.ConfigFile {
	t.Helper()
	config, err := r.image(t, image).ConfigFile()
	if err != nil {
		t.Fatalf("%s: %v", image, err)
	}
	return config
}

// behindLogin is a handler for who logs in.
func behindLogin(user, password string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// freeAddress is an address on the loopback interface that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func closing(response *http.Response) string {
	if err := response.Body.Close(); err != nil {
		return err.Error()
	}
	return ""
}

func write(t testing.TB, file, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// replaceIn changes a text in a file, which has to hold it.
func replaceIn(t testing.TB, file, old, replacement string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s does not hold %q", file, old)
	}
	write(t, file, strings.ReplaceAll(string(text), old, replacement))
}
