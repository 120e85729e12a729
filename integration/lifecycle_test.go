package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// image is what one build under the lifecycle came to, as scripts/lab.sh reports it.
type image struct {
	ExitCode int `json:"exitCode"`
	Image    struct {
		Name   string `json:"name"`
		Digest string `json:"digest"`
		Size   int64  `json:"size"`
		Layers []struct {
			Digest string `json:"digest"`
			By     string `json:"createdBy"`
		} `json:"layers"`
	} `json:"image"`
	DefaultProcess string `json:"defaultProcess"`
	log            string
}

// lab runs scripts/lab.sh and returns what it printed.
func lab(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return script(t, "lab.sh", args...)
}

func script(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(filepath.Join(root, "scripts", name), args...)
	cmd.Stdout = io.MultiWriter(&out, t.Output())
	cmd.Stderr = cmd.Stdout
	err := cmd.Run()
	return out.String(), err
}

// build builds app under the real lifecycle, without Docker. Builds of one volume share their caches by image name.
func build(t testing.TB, volume, name, app string, args ...string) image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	log, err := lab(t, append([]string{
		"build", "--volume-dir", volume, "--image", name, "--report", file, "--env", "NO_COLOR=1",
	}, append(args, app)...)...)
	out := image{log: log}
	if data, readErr := os.ReadFile(file); readErr == nil {
		if err := json.Unmarshal(data, &out); err != nil {
			t.Fatal(err)
		}
	}
	if err != nil && out.ExitCode == 0 {
		out.ExitCode = 1
	}
	return out
}

// mustBuild is build for an app that has to build.
func mustBuild(t testing.TB, volume, name, app string, args ...string) image {
	t.Helper()
	built := build(t, volume, name, app, args...)
	if built.ExitCode != 0 {
		t.Fatalf("the build failed with exit code %d", built.ExitCode)
	}
	return built
}

// needsSandbox skips where the kernel does not let this user make the lifecycle's directories.
func needsSandbox(t testing.TB) {
	t.Helper()
	needsProxy(t)
	if os.Getuid() == 0 {
		return
	}
	if out, err := exec.Command("unshare", "-Ur", "-m", "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: not root, and the kernel allows no user namespaces: %s", out)
	}
}

// sample is the directory of a sample of the repository.
func sample(name string) string { return filepath.Join(root, "samples", name) }

// copied copies a directory tree to a place where the test may change it.
func copied(t testing.TB, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(from))
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func replaceIn(t testing.TB, file, old, replacement string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s does not hold %q", file, old)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(data, []byte(old), []byte(replacement)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantLines(t testing.TB, log string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !regexp.MustCompile(line).MatchString(log) {
			t.Errorf("the log has no line that matches %q", line)
		}
	}
}

// caddy is the directory of Caddy's source: a real application with some 160 modules, from the module proxy.
func caddy(t testing.TB) string {
	t.Helper()
	return moduleDir(t, "github.com/caddyserver/caddy/v2@v2.11.9")
}

// httpbin is the directory of a real application with few modules.
func httpbin(t testing.TB) string {
	t.Helper()
	return moduleDir(t, "github.com/mccutchen/go-httpbin/v2@v2.26.0")
}

// moduleDir is the directory of a module, PATH@VERSION, in the module cache of this machine.
func moduleDir(t testing.TB, version string) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", version)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go mod download %s: %v\n%s", version, err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	return module.Dir
}

func TestDemoBuildsAndRunsTheSample(t *testing.T) {
	needsSandbox(t)
	log, err := script(t, "demo.sh", "--volume-dir", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, log, `web \(default\): hello`, `answered 200 OK`, `Hello from go1\.\d+`, `exit code 0`)
}

func TestDemoBuildsAndRunsARealApplication(t *testing.T) {
	needsSandbox(t)
	app, volume := caddy(t), t.TempDir()
	log, err := script(t, "demo.sh", "--volume-dir", volume, "--image", "caddy", "--env", "BP_GO_TARGETS=./cmd/caddy",
		"--port", "18090", app, "--", "file-server", "--listen", ":18090", "--root", "/workspace")
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, log, `1\d\d modules, 1\d\d downloaded`, `web \(default\): caddy`, `caddy +\d+ MB +static`, `answered`)
	hasOnlyCaddy(t, volume, mustBuild(t, volume, "caddy", app, "--env", "BP_GO_TARGETS=./cmd/caddy"))
}

// cacheLayers are the digests of the layers that the lifecycle keeps in its cache, by name.
func cacheLayers(t testing.TB, volume, image string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(volume, image, "cache", "committed", "io.buildpacks.lifecycle.cache.metadata"))
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct {
		Buildpacks []struct {
			Layers map[string]struct{ SHA string }
		}
	}
	if err := json.Unmarshal(data, &metadata); err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for _, b := range metadata.Buildpacks {
		for name, layer := range b.Layers {
			digests[name] = layer.SHA
		}
	}
	return digests
}

func TestSecondBuildReusesGoAndModulesAndRecompilesOnlyWhatChanged(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	app, volume := copied(t, sample("hello")), t.TempDir()
	verbose := []string{"--env", "BP_GO_BUILD_FLAGS=-v"}
	first := mustBuild(t, volume, "hello", app, verbose...)
	wantLines(t, first.log, `Installed Go 1\.`, `1 module, 1 downloaded`, `(?m)^ +runtime$`)

	layers := cacheLayers(t, volume, "hello")
	same := mustBuild(t, volume, "hello", app, verbose...)
	wantLines(t, same.log, `is still here from an earlier build`, `1 module, none downloaded`)
	if same.Image.Digest != first.Image.Digest {
		t.Errorf("building the same source twice gave %s and %s", first.Image.Digest, same.Image.Digest)
	}
	if diff := cmp.Diff(layers, cacheLayers(t, volume, "hello")); diff != "" || len(layers) == 0 {
		t.Errorf("building the same source twice changed the cache (-first +second):\n%s", diff)
	}

	replaceIn(t, filepath.Join(app, "main.go"), "Hello from", "Good day from")
	edited := mustBuild(t, volume, "hello", app, verbose...)
	wantLines(t, edited.log, `is still here from an earlier build`, `1 module, none downloaded`)
	_, compiling, _ := strings.Cut(edited.log, "Compiling")
	compiling, _, _ = strings.Cut(compiling, "Done in")
	compiled := regexp.MustCompile(`(?m)^ +([a-z][\w./-]*)$`).FindAllStringSubmatch(compiling, -1)
	if len(compiled) != 1 || compiled[0][1] != "example.com/hello" {
		t.Errorf("an edit of main.go compiled %q, want example.com/hello alone", compiled)
	}
	if edited.Image.Digest == first.Image.Digest {
		t.Error("the edit did not change the image")
	}
	if _, err := lab(t, "run", "--volume-dir", volume, "--image", "hello", "--expect", "Good day from"); err != nil {
		t.Error(err)
	}
}

func TestPlainUserBuildsWithoutRoot(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: this user is no root; the other tests show the same")
	}
	volume := openVolume(t)
	built := build(t, volume, "hello", sample("hello"), "--as-user")
	if strings.Contains(built.log, "user namespace") && built.ExitCode != 0 {
		t.Skipf("SKIPPED: the kernel allows no user namespaces, so that no plain user built here; sysctl -w kernel.unprivileged_userns_clone=1")
	}
	if built.ExitCode != 0 {
		t.Fatalf("the build failed with exit code %d", built.ExitCode)
	}
	wantLines(t, built.log, `hello +[\d.]+ MB +static`)
}

func TestAppWithSpacesInItsPathAndACommittedVendorBuildsOffline(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	app := filepath.Join(t.TempDir(), "my app")
	if err := os.Rename(vendored(t, "hello"), app); err != nil {
		t.Fatal(err)
	}
	volume := t.TempDir()
	mustBuild(t, volume, "offline", app)
	// Go is in the cache now: nothing else may need a network.
	offline := mustBuild(t, volume, "offline", app, "--no-network", "--env", "GOPROXY=off")
	wantLines(t, offline.log, `1 module, from the app's vendor directory`)
}

func TestOtherBuildpacksGetGo(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	asking := filepath.Join("testdata", "buildpacks", "asks-for-go")
	asking, err := filepath.Abs(asking)
	if err != nil {
		t.Fatal(err)
	}
	app := t.TempDir()
	if err := os.WriteFile(filepath.Join(app, "index.html"), []byte("no Go here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	volume := t.TempDir()
	built := mustBuild(t, volume, "asks", app, "--buildpack", buildpack, "--buildpack", asking)
	wantLines(t, built.log, `a buildpack that requires go +>=1\.25, <1\.27`, `asks-for-go has go version go1\.26\.\d+ linux`)

	alone := build(t, volume, "alone", app)
	if alone.ExitCode == 0 {
		t.Error("an app without Go was built")
	}
	wantLines(t, alone.log, `No Go app here`)
}

func TestFailedBuildLeavesNothingForTheNext(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	volume, app := t.TempDir(), sample("hello")
	failed := build(t, volume, "again", app, "--env", "GOPROXY=https://127.0.0.1:9", "--env", "BP_GO_DIST_SOURCE=goproxy")
	if failed.ExitCode == 0 {
		t.Fatal("a build without any source of Go succeeded")
	}
	wantLines(t, failed.log, `could not be had`, `https://127\.0\.0\.1:9/golang\.org/toolchain`, `connection refused`)
	mustBuild(t, volume, "again", app)
}
