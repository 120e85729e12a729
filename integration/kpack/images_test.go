package kpack

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/pivotal/kpack/pkg/cnb"
	"github.com/pivotal/kpack/pkg/config"
)

const (
	stackLabel = "io.buildpacks.stack.id"
	stackID    = "com.example.stacks.go"
	// buildBase and runBase are images of scripts/builder.sh.
	buildBase, runBase = "scalingo-go-lab-build:latest", "scalingo-go-lab-run:tiny"
)

// pushStack pushes the images of the ClusterStack: those of scripts/builder.sh, with the label that kpack asks for.
func pushStack(t testing.TB, r *registry) {
	t.Helper()
	script(t, nil, "builder.sh")
	labels := map[string]string{stackLabel: stackID}
	r.push(t, "stacks/go-build:1", "FROM "+buildBase+"\n", labels)
	r.push(t, "stacks/go-run:1", "FROM "+runBase+"\n", labels)
}

// pushUpdatedRunImage pushes the run image of the stack's next release.
func pushUpdatedRunImage(t testing.TB, r *registry) {
	t.Helper()
	fix := filepath.Join(t.TempDir(), "security-fix")
	write(t, fix, "fixed\n")
	r.push(t, "stacks/go-run:2", "FROM "+runBase+"\nCOPY security-fix /etc/\n", map[string]string{stackLabel: stackID}, fix)
}

// pushLifecycle pushes the lifecycle in the form in which its project publishes it: one layer with /cnb/lifecycle, and labels
// with the versions of the APIs that it has.
func pushLifecycle(t testing.TB, r *registry) {
	t.Helper()
	archive := ""
	for line := range strings.Lines(script(t, nil, "lab.sh", "tools")) {
		if path, ok := strings.CutPrefix(line, "archive "); ok {
			archive = strings.TrimSpace(path)
		}
	}
	descriptor := lifecycleDescriptor(t, archive)
	labels := map[string]string{"io.buildpacks.lifecycle.version": descriptor.Info.Version}
	for name, value := range map[string]any{"io.buildpacks.builder.metadata": descriptor, "io.buildpacks.lifecycle.apis": descriptor.APIs} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		labels[name] = string(text)
	}
	r.push(t, "kpack/lifecycle:"+descriptor.Info.Version, "FROM scratch\nADD "+filepath.Base(archive)+" /cnb/\n", labels, archive)
}

// lifecycleDescriptor reads lifecycle.toml in an archive of the lifecycle.
func lifecycleDescriptor(t testing.TB, archive string) cnb.LifecycleDescriptor {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(plain); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("%s has no lifecycle.toml", archive)
		}
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(header.Name) != "lifecycle.toml" {
			continue
		}
		var descriptor cnb.LifecycleDescriptor
		if _, err := toml.NewDecoder(files).Decode(&descriptor); err != nil {
			t.Fatal(err)
		}
		return descriptor
	}
}

// buildPrograms compiles kpack's programs for the containers of its pods, and puts them into an image on the run image, which
// has what theirs have: certificates, /tmp, and a user who is not root.
func buildPrograms(t testing.TB) config.Images {
	t.Helper()
	var files []string
	for _, program := range []string{"build-init", "completion", "rebase"} {
		cmd := exec.Command("go", "tool", "-n", program) // it keeps what it has linked
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-ldflags=-s", "GOOS=linux")
		files = append(files, strings.TrimSpace(run(t, cmd)))
	}
	image := fmt.Sprintf("scalingo-go-kpack-programs:%d", os.Getpid())
	buildImage(t, image, "FROM "+runBase+"\nCOPY build-init completion rebase /cnb/process/\n", nil, files...)
	return config.Images{BuildInitImage: image, CompletionImage: image, RebaseImage: image}
}

// publishBuildpack has scripts/package.sh push the buildpack, as one image index for both architectures.
func publishBuildpack(t testing.TB, r *registry) {
	t.Helper()
	script(t, []string{"DOCKER_CONFIG=" + r.config}, "package.sh", "--publish", r.host+"/buildpacks/scalingo-go")
}
