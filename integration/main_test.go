// Package integration runs the buildpack as platforms do: its own programs
// phase by phase, under the real lifecycle, and under pack on a Docker Engine.
package integration

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the repository, buildpack the directory that scripts/build.sh made in it, shared one for what several
// tests use.
var root, buildpack, shared string

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("integration: SKIPPED with -short: all tests that run the buildpack under the lifecycle or pack")
		os.Exit(0)
	}
	dir, err := os.Getwd()
	if err == nil {
		root = filepath.Dir(dir)
		buildpack = filepath.Join(root, "build", "buildpack")
		var out []byte
		if out, err = exec.Command(filepath.Join(root, "scripts", "build.sh")).CombinedOutput(); err != nil {
			err = fmt.Errorf("scripts/build.sh: %w\n%s", err, out)
		}
	}
	if err == nil {
		shared, err = os.MkdirTemp("", "scalingo-go-integration")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(shared); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// goEnv is the value of a variable of the go command on this machine.
func goEnv(t testing.TB, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatalf("go env %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// needsProxy skips a test that downloads where the machine has no module proxy.
func needsProxy(t testing.TB) {
	t.Helper()
	if proxy := goEnv(t, "GOPROXY"); proxy == "" || proxy == "off" || proxy == "direct" {
		t.Skipf("SKIPPED: go env GOPROXY is %q and names no module proxy to download from", proxy)
	}
}

// phases runs the buildpack's programs by hand, with what a lifecycle gives them.
type phases struct {
	// app is the app's directory, layers the buildpack's layers directory.
	app, layers string
	// scratch holds the platform directory and the plans.
	scratch   string
	buildpack string
	// through is the command that starts the programs, where the machine cannot by itself.
	through []string
}

// output is what one phase printed, and its exit code.
type output struct {
	text string
	code int
}

// run runs bin/detect or bin/build with exactly these variables beside those of the lifecycle.
func (p phases) run(t testing.TB, phase string, env ...string) output {
	t.Helper()
	for _, dir := range []string{p.layers, filepath.Join(p.scratch, "platform", "env"), filepath.Join(p.scratch, "home")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bp := p.buildpack
	if bp == "" {
		bp = buildpack
	}
	command := append(slices.Clone(p.through), filepath.Join(bp, "bin", phase))
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = p.app
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(p.scratch, "home"), "NO_COLOR=1",
		"CNB_BUILDPACK_DIR=" + bp, "CNB_PLATFORM_DIR=" + filepath.Join(p.scratch, "platform"),
		"CNB_LAYERS_DIR=" + p.layers, "CNB_BUILD_PLAN_PATH=" + filepath.Join(p.scratch, "plan.toml"),
		"CNB_BP_PLAN_PATH=" + filepath.Join(p.scratch, "buildpack-plan.toml"),
	}, env...)
	staying := func(pair string) bool {
		return strings.HasPrefix(pair, "GO_SETUP_GOPATH_IN_IMAGE=") || strings.HasPrefix(pair, "BP_GO_KEEP_SOURCE=")
	}
	if phase == "build" && !slices.ContainsFunc(env, staying) {
		defer p.keepSource(t)()
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("bin/%s: %v", phase, err)
	}
	return output{out.String(), cmd.ProcessState.ExitCode()}
}

// keepSource remembers the app's files; the function that it returns puts those back that a build removed, but
// for repositories: the next build of a test starts from the source, as under the lifecycle.
func (p phases) keepSource(t testing.TB) (restore func()) {
	t.Helper()
	aside := filepath.Join(p.scratch, "source")
	if err := errors.Join(os.RemoveAll(aside), linkTree(p.app, aside)); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		err := filepath.WalkDir(aside, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.Name() == ".git" && entry.IsDir() {
				return fs.SkipDir
			}
			to := filepath.Join(p.app, strings.TrimPrefix(path, aside))
			if _, err := os.Lstat(to); err == nil || entry.Name() == ".git" {
				return nil
			}
			if entry.IsDir() {
				return os.Mkdir(to, 0o755)
			}
			return os.Link(path, to)
		})
		if err := errors.Join(err, os.RemoveAll(aside)); err != nil {
			t.Fatal(err)
		}
	}
}

// hostNetwork are the variables that let a build on this machine reach the module proxy.
func hostNetwork(t testing.TB) []string {
	t.Helper()
	env := []string{"GOPROXY=" + goEnv(t, "GOPROXY")}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
