package integration

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/sbom/sbomtest"
)

// layout is an OCI image layout, as the lifecycle writes one.
type layout struct{ dir string }

// blob reads a blob, unpacked where it is compressed.
func (l layout) blob(t testing.TB, digest string) io.Reader {
	t.Helper()
	file, err := os.Open(filepath.Join(l.dir, "blobs", strings.ReplaceAll(digest, ":", "/")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	content := bufio.NewReader(file)
	if magic, err := content.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		unpacked, err := gzip.NewReader(content)
		if err != nil {
			t.Fatal(err)
		}
		return unpacked
	}
	return content
}

func (l layout) json(t testing.TB, digest string, to any) {
	t.Helper()
	if err := json.NewDecoder(l.blob(t, digest)).Decode(to); err != nil {
		t.Fatal(err)
	}
}

// manifest is what it has of the image's manifest and configuration.
type manifest struct {
	Config struct{ Digest string }
	// Image is the configuration.
	Image struct {
		Config struct{ Labels map[string]string }
	}
}

func (l layout) manifest(t testing.TB) manifest {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(l.dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct{ Manifests []struct{ Digest string } }
	if err := json.Unmarshal(data, &index); err != nil || len(index.Manifests) != 1 {
		t.Fatalf("index.json: %v\n%s", err, data)
	}
	var m manifest
	l.json(t, index.Manifests[0].Digest, &m)
	l.json(t, m.Config.Digest, &m.Image)
	return m
}

// added is what a build added to the run image: the contents of the regular files and the targets of
// links by their paths, and the size of the layers as they are stored, compressed.
func added(t testing.TB, volume, name string, built image) (files map[string][]byte, compressed int64, labels map[string]string) {
	t.Helper()
	l := layout{filepath.Join(volume, name, "layouts", "lab.example", name, "latest")}
	m := l.manifest(t)
	files = map[string][]byte{}
	for _, layer := range built.Image.Layers {
		if layer.By == "" { // the run image's
			continue
		}
		var packed counter
		writer := gzip.NewWriter(&packed) // as a registry stores it
		archive := tar.NewReader(io.TeeReader(l.blob(t, layer.Digest), writer))
		for {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content := []byte(header.Linkname)
			if header.Typeflag == tar.TypeReg {
				if content, err = io.ReadAll(archive); err != nil {
					t.Fatal(err)
				}
			}
			if header.Typeflag != tar.TypeDir {
				files[header.Name] = content
			}
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		compressed += int64(packed)
	}
	return files, compressed, m.Image.Config.Labels
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// ofEveryImage matches what the lifecycle and this buildpack add to each image; {bin} stands for the programs.
const ofEveryImage = `^/(cnb/(lifecycle/launcher|process/[^/]+)|layers/(config/metadata\.toml|sbom/launch/(scalingo_go/sbom\.(cdx|spdx|syft)\.json|buildpacksio_lifecycle/launcher/sbom\.[a-z.]+json|sbom\.legacy\.json)|` +
	`scalingo_go/(bin/bin/(?:{bin})|helper/(shell|exec\.d/[a-z-]+)))|workspace/bin/(?:{bin}))$`

// holdsOnly fails the test where an image has other files than those of every image and those that assets matches.
func holdsOnly(t *testing.T, files map[string][]byte, bin, assets string) {
	t.Helper()
	allowed := regexp.MustCompile(strings.ReplaceAll(ofEveryImage, "{bin}", bin))
	more := regexp.MustCompile(`^/workspace/(?:` + assets + `)$`)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !allowed.MatchString(name) && !more.MatchString(name) {
			t.Errorf("the image has %s", name)
		}
	}
}

// TestSamples builds and runs every sample and looks at all that its image has. A second build of those with a lock
// needs no network and gives the same image.
func TestSamples(t *testing.T) {
	needsSandbox(t)
	volume, own := t.TempDir(), commitProxy(t)
	t.Parallel()
	for _, name := range []string{"hello", "workspace", "nomod", "dep", "gb", "glide", "godep", "godir", "govendor"} {
		t.Run(name, func(t *testing.T) {
			image, proxy := "modules", goEnv(t, "GOPROXY")
			if !slices.Contains([]string{"hello", "workspace", "nomod"}, name) {
				image, proxy = "legacy", own // they share the caches of an older Go
			}
			built := mustBuild(t, volume, image, copied(t, sample(name)), "--env", "GOPROXY="+proxy)
			files, _, labels := added(t, volume, image, built)
			holdsOnly(t, files, "[a-z]+", "README.md|Procfile")
			describesItself(t, files, labels)
			if _, err := lab(t, "run", "--volume-dir", volume, "--image", image, "--read-only", "--expect", "Hello"); err != nil {
				t.Error(err)
			}
			if name != "dep" && name != "gb" { // one whose lock has tags, one with commits alone
				return
			}
			second := mustBuild(t, volume, image, copied(t, sample(name)), "--no-network", "--env", "GOPROXY=off")
			wantLines(t, second.log, `3 modules of .*, none downloaded`)
			if built.Image.Digest != second.Image.Digest {
				t.Errorf("building the same source twice gave %s and %s", built.Image.Digest, second.Image.Digest)
			}
		})
	}
}

// TestRealApplicationsHaveNothingButWhatRuns looks at the images of programs that nobody here wrote.
func TestRealApplicationsHaveNothingButWhatRuns(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	volume := t.TempDir()
	for _, test := range []struct{ name, dir, target string }{
		{"nats", moduleDir(t, "github.com/nats-io/nats-server/v2@v2.15.2"), "."},
		{"httpbin", httpbin(t), "./cmd/go-httpbin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			built := mustBuild(t, volume, "modules", test.dir, "--env", "BP_GO_TARGETS="+test.target, "--env", "BP_GO_VERSION=latest")
			files, _, labels := added(t, volume, "modules", built)
			holdsOnly(t, files, "[a-z0-9-]+", `.*`) // what is no Go may be what a program reads
			describesItself(t, files, labels)
		})
	}
}

// hasOnlyCaddy looks at the image of Caddy in a volume.
func hasOnlyCaddy(t *testing.T, volume string, built image) {
	t.Helper()
	files, compressed, labels := added(t, volume, "caddy", built)
	holdsOnly(t, files, "caddy", `.*`) // what is no Go may be what a program reads
	for name := range files {
		if strings.HasSuffix(name, ".go") || strings.Contains(name+"/", "/.git/") || strings.HasSuffix(name, "go.mod") {
			t.Errorf("the image has %s", name)
		}
	}
	t.Logf("a build adds %.1f MB to the run image, compressed", float64(compressed)/1e6)
	if compressed > 28_000_000 {
		t.Errorf("%d bytes were added to the run image, compressed", compressed)
	}
	describesItself(t, files, labels)
}

// TestUnchangedAssetsKeepTheirLayer while other files of the app change.
func TestUnchangedAssetsKeepTheirLayer(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	app, volume := copied(t, sample("hello")), t.TempDir()
	file := filepath.Join(app, "static", "large.bin")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Repeat([]byte("asset "), 400_000), 0o600); err != nil {
		t.Fatal(err)
	}
	// slices are the digests of the layers that have files of the app.
	slices := func(built image) (digests []string) {
		for _, layer := range built.Image.Layers {
			if strings.HasPrefix(layer.By, "Application") {
				digests = append(digests, layer.Digest)
			}
		}
		return digests
	}
	first := slices(mustBuild(t, volume, "assets", copied(t, app)))
	if err := os.WriteFile(filepath.Join(app, "page.html"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := slices(mustBuild(t, volume, "assets", copied(t, app)))
	if len(first) != 2 || len(second) != 2 || first[0] != second[0] || first[1] == second[1] {
		t.Errorf("layers of the app: first %v, then %v", first, second)
	}
}

// TestOnlyNamedFilesStay with BP_KEEP_FILES, and several programs each have a process.
func TestOnlyNamedFilesStay(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	app := written(t, "-- go.mod --\nmodule example.com/app\n\ngo 1.25\n-- cmd/a/main.go --\npackage main\n\nfunc main() {}\n-- cmd/b/main.go --\npackage main\n\nfunc main() {}\n"+
		"-- cmd/c/main.go --\npackage main\n\nimport _ \"github.com/google/uuid\"\n\nfunc main() {}\n-- static/deep/a.css --\nx\n-- static/b.css --\nx\n-- data.txt --\nx\n-- more/data.txt --\nx\n-- notes.md --\nx\n")
	volume := t.TempDir()
	built := mustBuild(t, volume, "keep", app, "--env", "BP_KEEP_FILES=static/:./data.txt", "--env", "BP_GO_TARGETS=./cmd/b:./cmd/a")
	files, _, labels := added(t, volume, "keep", built)
	holdsOnly(t, files, "a|b", `static/deep/a\.css|static/b\.css|data\.txt`)
	for _, name := range []string{"/workspace/static/deep/a.css", "/workspace/static/b.css", "/workspace/data.txt", "/cnb/process/a", "/cnb/process/b", "/cnb/process/web"} {
		if files[name] == nil {
			t.Errorf("the image lacks %s", name)
		}
	}
	describesItself(t, files, labels)
	wantLines(t, built.log, `Processes \(default: the first package named in BP_GO_TARGETS\)`, `web +b +\(default\)`)
	if bill := string(files["/layers/sbom/launch/scalingo_go/sbom.cdx.json"]); strings.Contains(bill, "google/uuid") {
		t.Error("the bill of materials has a module of a program that was not built")
	}
}

// describesItself compares the labels and the bills of materials with the build info of the programs.
func describesItself(t *testing.T, files map[string][]byte, labels map[string]string) {
	t.Helper()
	var how struct {
		Go, Target, Tool string
		Programs         map[string]string
		Modules          map[string]string
	}
	if err := json.Unmarshal([]byte(labels["com.scalingo.go.build"]), &how); err != nil {
		t.Fatalf("the label says %q: %v", labels["com.scalingo.go.build"], err)
	}
	linked := map[string]string{}
	for name := range how.Programs {
		program := files["/layers/scalingo_go/bin/bin/"+name]
		info, err := buildinfo.Read(bytes.NewReader(program))
		if err != nil {
			continue // of a Go that leaves none
		}
		if info.GoVersion != "go"+how.Go {
			t.Errorf("%s was built by %s, the label says %s", name, info.GoVersion, how.Go)
		}
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			linked[m.Path] = strings.TrimPrefix(m.Version, "(devel)")
		}
	}
	var bill struct {
		Components []struct{ Name, Version, Purl string }
	}
	if err := json.Unmarshal(files["/layers/sbom/launch/scalingo_go/sbom.cdx.json"], &bill); err != nil {
		t.Fatal(err)
	}
	billed, goVersion := map[string]string{}, ""
	for _, c := range bill.Components {
		switch {
		case c.Name == "stdlib":
			goVersion = c.Version
		case strings.HasPrefix(c.Purl, "pkg:golang/"):
			billed[c.Name] = c.Version
		}
	}
	if strings.TrimPrefix(goVersion, "go") != how.Go {
		t.Errorf("the bill names Go %q, the label %q", goVersion, how.Go)
	}
	for path, version := range linked {
		if billed[path] != version || how.Modules[path] != version {
			t.Errorf("%s: linked is %s, the bill says %q, the label %q", path, version, billed[path], how.Modules[path])
		}
	}
	for _, format := range []string{"cdx", "spdx", "syft"} {
		bill := files["/layers/sbom/launch/scalingo_go/sbom."+format+".json"]
		if err := sbomtest.Validate(t, format, bill); err != nil {
			t.Errorf("the bill of materials of the format %s: %v", format, err)
		}
		for path, version := range linked {
			if !bytes.Contains(bill, []byte(path)) || !bytes.Contains(bill, []byte(version)) {
				t.Errorf("%s: %s %s is not there", format, path, version)
			}
		}
	}
}

const cgoApp = `
-- go.mod --
module example.com/cgo

go 1.25
-- main.go --
package main

// #include <stdlib.h>
import "C"

import "fmt"

func main() { fmt.Println(C.abs(-42)) }
-- templates/page.html --
<p>hello</p>
`

// written is a new directory with an app.
func written(t testing.TB, app string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "app")
	apptest.Write(t, dir, app)
	return dir
}

// strange gives files and directories the modes that they have under another umask, and other times.
func strange(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		if err := os.Chmod(path, info.Mode().Perm()&^0o077); err != nil {
			return err
		}
		return os.Chtimes(path, time.Unix(1, 0), time.Unix(1e9, 0))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// openVolume is a directory that every user may write to.
func openVolume(t testing.TB) string {
	t.Helper()
	volume, err := os.MkdirTemp("", "plain-user-") // t.TempDir lies below a directory that is root's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(volume) })
	if err := os.Chmod(volume, 0o777); err != nil { // #nosec G302 -- another user writes here
		t.Fatal(err)
	}
	return volume
}

// TestOneSourceHasOneDigest on two machines that differ in all that may differ.
func TestOneSourceHasOneDigest(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	apps := map[string]string{"modules": sample("hello"), "workspace": sample("workspace"), "dep": sample("dep"), "cgo": written(t, cgoApp)}
	volume := t.TempDir()
	for name, app := range apps {
		t.Run(name, func(t *testing.T) {
			first := mustBuild(t, volume, "digest", copied(t, app)) // with what the one before has left
			warm := mustBuild(t, volume, "digest", copied(t, app))
			// Another place, umask and time of the files, another time zone and language, one CPU, a cold cache, another user.
			other := filepath.Join(t.TempDir(), "a place with spaces", "app")
			if err := os.MkdirAll(filepath.Dir(other), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(copied(t, app), other); err != nil {
				t.Fatal(err)
			}
			strange(t, other)
			env := []string{"--env", "TZ=Asia/Tokyo", "--env", "LC_ALL=tr_TR.UTF-8", "--env", "GOMAXPROCS=1", "--env", "HOME=/tmp"}
			if os.Getuid() == 0 {
				env = append(env, "--as-user")
			}
			cold := mustBuild(t, openVolume(t), "digest", other, env...)
			digests := []string{first.Image.Digest, warm.Image.Digest, cold.Image.Digest}
			if diff := cmp.Diff([]string{digests[0], digests[0], digests[0]}, digests); diff != "" || digests[0] == "" {
				t.Errorf("cold, warm, on another machine: %s", diff)
			}
		})
	}
}
