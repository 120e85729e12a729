package integration

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDistributionFromMirrors builds an app with Go from an operator's own place,
// over https and from a directory. Upstream's host may be out of reach of a test,
// so the archive is made of this machine's Go, and a copy of the buildpack lists
// its checksum.
func TestDistributionFromMirrors(t *testing.T) {
	version := strings.TrimPrefix(goEnv(t, "GOVERSION"), "go")
	tree := t.TempDir()
	archive := filepath.Join(tree, "go", "go"+version+".linux-"+goEnv(t, "GOARCH")+".tar.gz")
	sum := packGo(t, goEnv(t, "GOROOT"), archive)
	own := buildpackWith(t, version, goEnv(t, "GOARCH"), sum)

	var asked []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		http.ServeFile(w, r, filepath.Join(tree, r.URL.Path))
	}))
	defer server.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	// No other way to a Go is open.
	closed := []string{"GOPROXY=off", "BP_GO_DIST_SOURCE=goproxy", "BP_GO_VERSION=" + version}
	dir := t.TempDir()
	p := phases{app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), scratch: filepath.Join(dir, "scratch")}
	if err := os.CopyFS(p.app, os.DirFS(filepath.Join("testdata", "apps", "none"))); err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, bp string, env ...string) output {
		// Compiled packages may stay, Go itself may not.
		for _, name := range []string{"go-dist", "go-dist.toml"} {
			if err := os.RemoveAll(filepath.Join(p.layers, name)); err != nil {
				t.Fatal(err)
			}
		}
		p.buildpack = bp
		return p.run(t, "build", append(closed, env...)...)
	}

	t.Run("https", func(t *testing.T) {
		built := run(t, own, "BP_DEPENDENCY_MIRROR="+server.URL, "SSL_CERT_FILE="+authority)
		if built.code != 0 || !strings.Contains(built.text, "from "+server.URL+"/go/go"+version) {
			t.Fatalf("build:\n%s", built.text)
		}
		if len(asked) != 1 {
			t.Errorf("the mirror was asked for %q, want one request", asked)
		}
		if answer := serve(t, filepath.Join(p.layers, "bin", "bin", "app")); !strings.Contains(answer, "go"+version) {
			t.Errorf("the app answered %q", answer)
		}
	})
	t.Run("directory", func(t *testing.T) {
		built := run(t, own, "BP_DEPENDENCY_MIRROR=file://"+tree)
		if built.code != 0 || !strings.Contains(built.text, "from file://"+tree+"/go/go"+version) {
			t.Fatalf("build:\n%s", built.text)
		}
	})
	t.Run("a dependency-mapping binding", func(t *testing.T) {
		binding := filepath.Join(p.scratch, "platform", "bindings", "go-archive")
		if err := os.MkdirAll(binding, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{"type": "dependency-mapping", sum: "file://" + archive} {
			if err := os.WriteFile(filepath.Join(binding, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		built := run(t, own)
		if built.code != 0 || !strings.Contains(built.text, "from file://"+archive) {
			t.Errorf("exit code %d:\n%s", built.code, built.text)
		}
		if err := os.RemoveAll(filepath.Dir(binding)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("an archive bundled with the buildpack", func(t *testing.T) {
		bundled := filepath.Join(own, "dependencies", sum, filepath.Base(archive))
		if err := os.MkdirAll(filepath.Dir(bundled), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(archive, bundled); err != nil {
			t.Fatal(err)
		}
		built := run(t, own)
		if built.code != 0 || !strings.Contains(built.text, "from file://"+bundled) {
			t.Errorf("exit code %d:\n%s", built.code, built.text)
		}
		if err := os.RemoveAll(filepath.Join(own, "dependencies")); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("one that is not what it should be", func(t *testing.T) {
		built := run(t, buildpack, "BP_DEPENDENCY_MIRROR=file://"+tree)
		if built.code == 0 || !strings.Contains(built.text, "checksum does not match") || !strings.Contains(built.text, "file://"+tree) {
			t.Errorf("exit code %d:\n%s", built.code, built.text)
		}
		if entries, _ := filepath.Glob(filepath.Join(p.layers, "go*", "*")); len(entries) > 0 {
			t.Errorf("the failed build left %q", entries)
		}
	})
	t.Run("one whose certificate nobody trusts", func(t *testing.T) {
		built := run(t, own, "BP_DEPENDENCY_MIRROR="+server.URL)
		if built.code == 0 || !strings.Contains(built.text, "certificate") {
			t.Errorf("exit code %d:\n%s", built.code, built.text)
		}
	})
}

// TestVersionsNewerThanTheInventory asks a buildpack whose inventory ends at Go
// 1.26.8 for what was made later.
func TestVersionsNewerThanTheInventory(t *testing.T) {
	needsProxy(t)
	dir := t.TempDir()
	p := phases{
		app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), scratch: filepath.Join(dir, "scratch"),
		buildpack: olderBuildpack(t, regexp.MustCompile(`^1\.(27|26\.(9|1\d))`)),
	}
	if err := os.CopyFS(p.app, os.DirFS(filepath.Join("testdata", "apps", "none"))); err != nil {
		t.Fatal(err)
	}
	newer := p.run(t, "build", append(hostNetwork(t), "BP_GO_VERSION=1.27.1")...)
	if newer.code != 0 {
		t.Fatalf("build:\n%s", newer.text)
	}
	wantLines(t, newer.text, `-> Go 1\.27\.1`, `Fetching Go 1\.26\.8 to download with`, `Installed Go 1\.27\.1 from module golang\.org/toolchain@`)
	if answer := serve(t, filepath.Join(p.layers, "bin", "bin", "app")); !strings.Contains(answer, "go1.27.1") {
		t.Errorf("the app answered %q", answer)
	}
	again := p.run(t, "build", "GOPROXY=off", "BP_GO_VERSION=1.27.1")
	if again.code != 0 {
		t.Errorf("second build, offline:\n%s", again.text)
	}
	wantLines(t, again.text, `is still here from an earlier build`)

	// A minor: its newest patch is looked for. Proxies may forbid what they lack.
	minor := p.run(t, "build", append(hostNetwork(t), "BP_GO_VERSION=1.27")...)
	if minor.code != 0 {
		t.Fatalf("build:\n%s", minor.text)
	}
	wantLines(t, minor.text, `-> Go 1\.27\.([4-9]|\d\d)`)
}

// olderBuildpack copies the buildpack without the releases that leave matches.
func olderBuildpack(t *testing.T, leave *regexp.Regexp) string {
	t.Helper()
	dir, file, data := copyBuildpack(t)
	const entry = "[[metadata.dependencies]]\n"
	version := regexp.MustCompile(`\nversion = "([^"]*)"`)
	parts := strings.Split(data, entry)
	last := len(parts) - 1
	release, sums, _ := strings.Cut(parts[last], "\n[metadata.toolchains]\n")
	parts[last] = release + "\n"
	kept := parts[:1]
	for _, part := range parts[1:] {
		if m := version.FindStringSubmatch("\n" + part); m != nil && !leave.MatchString(m[1]) {
			kept = append(kept, part)
		}
	}
	var left []string
	for _, line := range strings.Split(sums, "\n") {
		if _, rest, ok := strings.Cut(line, "v0.0.1-go"); !ok || !leave.MatchString(rest) {
			left = append(left, line)
		}
	}
	text := strings.Join(kept, entry) + "\n[metadata.toolchains]\n" + strings.Join(left, "\n")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// packGo writes the distribution at goroot as upstream's archives are laid out and returns its SHA-256.
func packGo(t *testing.T, goroot, archive string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	zipped, _ := gzip.NewWriterLevel(io.MultiWriter(file, sum), gzip.BestSpeed)
	w := tar.NewWriter(zipped)
	err = filepath.WalkDir(goroot, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(goroot, path)
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		header, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		header.Name = "go/" + filepath.ToSlash(rel)
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		content, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = content.Close() }()
		_, err = io.Copy(w, content)
		return err
	})
	for _, end := range []func() error{func() error { return err }, w.Close, zipped.Close, file.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// buildpackWith copies the buildpack and gives the archive of one Go release another checksum.
func buildpackWith(t *testing.T, version, arch, sum string) string {
	t.Helper()
	dir, file, data := copyBuildpack(t)
	entry := regexp.MustCompile(`(go` + regexp.QuoteMeta(version) + `\.linux-` + arch + `\.tar\.gz"\nsha256 = ")[0-9a-f]{64}`)
	if !entry.MatchString(data) {
		t.Skipf("SKIPPED: this machine's Go %s is not in the inventory", version)
	}
	if err := os.WriteFile(file, []byte(entry.ReplaceAllString(data, "${1}"+sum)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyBuildpack copies the buildpack and returns the copy, its buildpack.toml and what stands in that.
func copyBuildpack(t *testing.T) (dir, file, text string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "buildpack")
	if err := os.CopyFS(dir, os.DirFS(buildpack)); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "buildpack.toml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return dir, file, string(data)
}
