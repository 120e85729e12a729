package integration

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/sbom/sbomtest"
)

// cloned is what a clone of the repository would be, with what is not yet committed.
func cloned(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	to := filepath.Join(t.TempDir(), "a clone")
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		from, to := filepath.Join(root, name), filepath.Join(to, name)
		info, err := os.Lstat(from)
		if errors.Is(err, os.ErrNotExist) {
			continue // removed and not yet committed
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&os.ModeSymlink != 0 {
			target, readErr := os.Readlink(from)
			err = errors.Join(readErr, os.Symlink(target, to))
		} else {
			var data []byte
			if data, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(to, data, info.Mode().Perm())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// packaged runs scripts/package.sh of a clone and returns the directory with what it wrote.
func packaged(t *testing.T, clone string, args ...string) string {
	t.Helper()
	output := filepath.Join(t.TempDir(), "the packages")
	cmd := exec.Command(filepath.Join(clone, "scripts", "package.sh"), append([]string{"--output", output}, args...)...)
	cmd.Dir = t.TempDir() // it has to find everything from anywhere
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return output
}

// filesOf calls see with each file of the layers of a buildpackage.
func filesOf(t *testing.T, buildpackage string, see func(header *tar.Header, content io.Reader)) {
	t.Helper()
	file, err := os.Open(buildpackage)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for blobs := tar.NewReader(file); ; {
		header, err := blobs.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(header.Name, "blobs/") || header.Typeflag != tar.TypeReg {
			continue
		}
		layer, err := gzip.NewReader(blobs)
		if err != nil {
			continue // a manifest or a configuration
		}
		for files := tar.NewReader(layer); ; {
			header, err := files.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			see(header, files)
		}
	}
}

// TestTwoClonesGiveTheSameBuildpackages for both architectures, wherever the clones lie.
func TestTwoClonesGiveTheSameBuildpackages(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	first := packaged(t, cloned(t))
	second := packaged(t, cloned(t))
	read := func(dir, name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if diff := cmp.Diff(read(first, "SHA256SUMS"), read(second, "SHA256SUMS")); diff != "" {
		t.Errorf("the checksums of two clones (-first +second):\n%s", diff)
	}
	check := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = first
	if out, err := check.CombinedOutput(); err != nil || bytes.Count(out, []byte(": OK")) != 8 {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		prefix := "scalingo-go_" + declared(t) + "_linux-" + arch
		names := map[string]bool{}
		filesOf(t, filepath.Join(first, prefix+".cnb"), func(header *tar.Header, content io.Reader) {
			_, name, found := strings.Cut(header.Name, "/"+declared(t)+"/")
			if !found || header.Typeflag == tar.TypeDir {
				return
			}
			names[name] = true
			if name != "bin/main" && name != "bin/helper" {
				return
			}
			data, err := io.ReadAll(content)
			if err != nil {
				t.Fatal(err)
			}
			program, err := elf.NewFile(bytes.NewReader(data))
			if err != nil || program.Machine != machine || header.Mode&0o111 == 0 {
				t.Errorf("%s of %s: %v, mode %o", name, prefix, err, header.Mode)
			}
		})
		want := map[string]bool{
			"buildpack.toml": true, "LICENSE": true, "README.md": true,
			"bin/main": true, "bin/helper": true, "bin/detect": true, "bin/build": true,
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("files of %s (-want +got):\n%s", prefix, diff)
		}
		for _, format := range []string{"cdx", "spdx", "syft"} {
			bill := []byte(read(first, prefix+"."+format+".json"))
			if err := sbomtest.Validate(t, format, bill); err != nil {
				t.Errorf("%s: %v", format, err)
			}
			if !bytes.Contains(bill, []byte("github.com/buildpacks/libcnb/v2")) {
				t.Errorf("the bill of materials in %s does not name libcnb", format)
			}
		}
	}
}

// declared is the version in buildpack.toml.
func declared(t testing.TB) string {
	t.Helper()
	cmd := exec.Command("go", "run", "./scripts/release", "version")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("release version: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// vendored is a sample with its dependencies committed.
func vendored(t *testing.T, name string) string {
	t.Helper()
	app := copied(t, sample(name))
	vendor := exec.Command("go", "mod", "vendor")
	vendor.Dir = app
	vendor.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := vendor.CombinedOutput(); err != nil {
		t.Fatalf("go mod vendor: %v\n%s", err, out)
	}
	return app
}

// TestOfflineBuildpackageBuildsWithoutANetwork under pack, in containers that have none.
func TestOfflineBuildpackageBuildsWithoutANetwork(t *testing.T) {
	needsEngine(t)
	packages := packaged(t, root, "--target", "linux/"+goEnv(t, "GOARCH"), "--offline", "1.27,1.26")
	offline := filepath.Join(packages, "scalingo-go-offline_"+declared(t)+"_linux-"+goEnv(t, "GOARCH")+".cnb")

	const image = "offline-test"
	log, err := packWith(t, offline, image, vendored(t, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, log, `Installed Go 1\.2[67]\.\d+ from file:///cnb/buildpacks/scalingo_go/[^/]+/dependencies/`, `from the app's vendor directory`)
	answers(t, image, "Hello from go1.")

	log, err = packWith(t, offline, image, vendored(t, "hello"), "--env", "BP_GO_VERSION=1.25.1")
	if err == nil {
		t.Error("a Go that is not in the buildpackage was found without a network")
	}
	wantLines(t, log, `1\.25\.1 could not be had`, `Without a network this buildpack has Go 1\.26\.\d+, 1\.27\.\d+`)
}

// tool is a program or file that `lab tools` names.
func tool(t *testing.T, name string) string {
	t.Helper()
	tools, err := lab(t, "tools")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(tools) {
		if path, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(path)
		}
	}
	t.Fatalf("lab tools names no %s:\n%s", name, tools)
	return ""
}

// pack runs pack with settings of its own.
func pack(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(tool(t, "pack"), args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PACK_HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	return string(out), err
}

// packWith builds an app with a buildpackage, with the lab's builder and without a network.
func packWith(t *testing.T, buildpackage, image, app string, args ...string) (string, error) {
	t.Helper()
	return pack(t, append([]string{
		"build", image, "--path", app, "--builder", "scalingo-go-lab-builder", "--buildpack", buildpackage,
		"--network", "none", "--pull-policy", "never", "--trust-builder", "--trust-extra-buildpacks", "--clear-cache", "--env", "NO_COLOR=1",
	}, args...)...)
}

// TestBuilderTOML makes the builder of the repository. Its lifecycle would be downloaded from its project: the lab's, of
// the same version, takes its place.
func TestBuilderTOML(t *testing.T) {
	needsEngine(t)
	if arch := goEnv(t, "GOARCH"); arch != "amd64" {
		t.Skipf("SKIPPED: builder.toml is for amd64, and this machine is %s; run it on an amd64 one", arch)
	}
	data, err := os.ReadFile(filepath.Join(root, "builder.toml"))
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "builder.toml")
	version := regexp.MustCompile(`(?m)^version = "([^"]+)"$`)
	archive := tool(t, "archive")
	if found := version.FindSubmatch(data); found == nil || !strings.Contains(archive, "lifecycle-v"+string(found[1])+"-") {
		t.Errorf("builder.toml names the lifecycle %q, the lab has %s", found, archive)
	}
	data = version.ReplaceAll(data, []byte(`uri = "`+archive+`"`))
	data = bytes.Replace(data, []byte(`"build/buildpack"`), []byte(`"`+buildpack+`"`), 1)
	if err := os.WriteFile(config, data, 0o600); err != nil {
		t.Fatal(err)
	}
	const builder, image = "scalingo-go-builder-test", "builder-test"
	if _, err := pack(t, "builder", "create", builder, "--config", config, "--target", "linux/amd64", "--pull-policy", "never"); err != nil {
		t.Fatal(err)
	}
	if _, err := script(t, "pack.sh", "--builder", builder, "--image", image, sample("hello")); err != nil {
		t.Fatal(err)
	}
	answers(t, image, "Hello from go1.")
}

// TestPublishedBuildpackageServesBothArchitectures: one image index in a registry.
func TestPublishedBuildpackageServesBothArchitectures(t *testing.T) {
	needsProxy(t)
	registry := startRegistry(t)
	cmd := exec.Command(filepath.Join(root, "scripts", "package.sh"), "--publish", registry+"/buildpacks/scalingo-go")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	var index struct {
		Manifests []struct {
			Digest   string
			Platform struct{ OS, Architecture string }
		}
	}
	const accept = "application/vnd.oci.image.index.v1+json,application/vnd.docker.distribution.manifest.list.v2+json"
	answer := ask(t, "http://"+registry+"/v2/buildpacks/scalingo-go/manifests/"+declared(t), accept)
	if err := json.Unmarshal(answer, &index); err != nil {
		t.Fatalf("%v:\n%s", err, answer)
	}
	platforms := map[string]bool{}
	for _, m := range index.Manifests {
		platforms[m.Platform.OS+"/"+m.Platform.Architecture] = true
	}
	if diff := cmp.Diff(map[string]bool{"linux/amd64": true, "linux/arm64": true}, platforms); diff != "" {
		t.Errorf("platforms of the index (-want +got):\n%s", diff)
	}
}

// TestReleaseFromATag makes all of a release in a clean checkout, and nothing in one that is not.
func TestReleaseFromATag(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	clone, version := cloned(t), declared(t)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", clone, "-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	git("init", "--quiet")
	git("add", "--all")
	git("commit", "--quiet", "--message", "Everything")
	output := filepath.Join(t.TempDir(), "release")
	release := func() (string, error) {
		cmd := exec.Command(filepath.Join(clone, "scripts", "release.sh"), "--output", output, "--offline", "1.27")
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		return string(out), err
	}
	log, err := release()
	if err == nil {
		t.Error("a commit without a tag was released")
	}
	wantLines(t, log, `has no tag v`+regexp.QuoteMeta(version))
	git("tag", "v"+version)
	changed := filepath.Join(clone, "go.mod")
	replaceIn(t, changed, "module ", "module  ")
	log, err = release()
	if err == nil {
		t.Error("a changed work tree was released")
	}
	wantLines(t, log, `(?m)^ M go\.mod$`)
	git("checkout", "--quiet", "go.mod")

	if _, err := release(); err != nil {
		t.Fatal(err)
	}
	want := []string{"NOTES.md", "SHA256SUMS"}
	for _, name := range []string{"scalingo-go", "scalingo-go-offline"} {
		for _, arch := range []string{"amd64", "arm64"} {
			for _, extension := range []string{"cdx.json", "cnb", "spdx.json", "syft.json"} {
				want = append(want, name+"_"+version+"_linux-"+arch+"."+extension)
			}
		}
	}
	entries, err := os.ReadDir(output)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files of the release (-want +got):\n%s", diff)
	}
	sums, err := os.ReadFile(filepath.Join(output, "SHA256SUMS"))
	if err != nil || bytes.Count(sums, []byte("\n")) != 16 {
		t.Errorf("SHA256SUMS: %v\n%s", err, sums)
	}
}
