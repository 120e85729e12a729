package integration

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestVersionsBuildAndServe builds and runs a web app with real toolchains of every age.
func TestVersionsBuildAndServe(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	for _, c := range []struct {
		app, version string
		want         string
		command      string
	}{
		{"modules", "1.27.*", "go1.27", "-mod=readonly -modcacherw"},
		{"modules", "1.21", "go1.21", "-mod=readonly"},
		{"modules", "1.18", "go1.18", "-trimpath"},
		{"modules", "1.15", "go1.15", "-mod=mod"},
		{"modules", "1.12.17", "go1.12.17", "go install '-tags=scalingo heroku'"},
		{"modules", "1.11", "go1.11", "go install"},
		{"none", "1.9", "go1.9.7", "-a -installsuffix nocgo"},
		{"none", "1.2", "go1.2.2", "go install"},
	} {
		t.Run(c.app+" with "+c.version, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := phases{app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), scratch: filepath.Join(dir, "scratch")}
			if err := os.CopyFS(p.app, os.DirFS(filepath.Join("testdata", "apps", c.app))); err != nil {
				t.Fatal(err)
			}
			// Some set this for all their apps, whatever their Go knows.
			env := append(hostNetwork(t), "BP_GO_VERSION="+c.version, "GOFLAGS=-buildvcs=false")
			built := p.run(t, "build", env...)
			if built.code != 0 {
				t.Fatalf("build:\n%s", built.text)
			}
			if !strings.Contains(built.text, c.command) {
				t.Errorf("the go command has no %q:\n%s", c.command, built.text)
			}
			if !strings.Contains(built.text, "static") {
				t.Errorf("the program is not static:\n%s", built.text)
			}
			if answer := serve(t, filepath.Join(p.layers, "bin", "bin", "app")); !strings.Contains(answer, "hello from "+c.want) {
				t.Errorf("the app answered %q, want it to say %s", answer, c.want)
			}
			unchanged(t, p.app, filepath.Join("testdata", "apps", c.app))

			// Everything is there now: a second build needs no network.
			again := p.run(t, "build", "BP_GO_VERSION="+c.version, "GOPROXY=off", "GOFLAGS=-buildvcs=false")
			if again.code != 0 || !strings.Contains(again.text, "is still here from an earlier build") {
				t.Errorf("second build, offline:\n%s", again.text)
			}
		})
	}
}

// TestOlderGoAfterANewerOne changes the Go of an app whose caches are there: the
// old one has its modules fetched by a newer one, which is no longer in its layer.
func TestOlderGoAfterANewerOne(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	dir := t.TempDir()
	p := phases{app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), scratch: filepath.Join(dir, "scratch")}
	if err := os.CopyFS(p.app, os.DirFS(filepath.Join("testdata", "apps", "none"))); err != nil {
		t.Fatal(err)
	}
	if first := p.run(t, "build", append(hostNetwork(t), "BP_GO_VERSION=1.22")...); first.code != 0 {
		t.Fatalf("build:\n%s", first.text)
	}
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		data, err := os.ReadFile(filepath.Join("testdata", "apps", "modules", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.app, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	second := p.run(t, "build", append(hostNetwork(t), "BP_GO_VERSION=1.12.17")...)
	if second.code != 0 || strings.Contains(second.text, "to download with") {
		t.Errorf("build:\n%s", second.text)
	}
	if answer := serve(t, filepath.Join(p.layers, "bin", "bin", "app")); !strings.Contains(answer, "go1.12.17") {
		t.Errorf("the app answered %q", answer)
	}
}

// serve starts a program, asks it for a page and stops it.
func serve(t *testing.T, program string) string {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command(program)
	cmd.Env = []string{fmt.Sprintf("PORT=%d", port)}
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for range 100 {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	t.Fatalf("%s does not answer", program)
	return ""
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// unchanged checks that a build wrote nothing into the app but its links in bin/.
func unchanged(t *testing.T, app, original string) {
	t.Helper()
	err := filepath.WalkDir(app, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(app, path)
		if err != nil {
			return err
		}
		if filepath.Dir(rel) == "bin" && entry.Type()&os.ModeSymlink != 0 {
			return nil
		}
		now, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		before, err := os.ReadFile(filepath.Join(original, rel))
		if err != nil || !bytes.Equal(before, now) {
			t.Errorf("the build changed the app's %s", rel)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
