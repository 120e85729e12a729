package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// site is where apps of one group of tests are built, with all that a build can
// write to below one directory each, so that it can be searched.
type site struct {
	phases
	network *network
	// env are variables of every build, inside the command that runs it elsewhere, nil for here.
	env, inside []string
}

// newSite makes a site with the Go that warm has, "" for none.
func newSite(t testing.TB, n *network, warm string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{network: n, phases: phases{layers: filepath.Join(dir, "layers")}}
	s.env = slices.Concat(n.env(), n.trusted(t), []string{privateGo})
	if warm == "" {
		return s
	}
	if err := linkCaches(warm, s.layers, warmLayers...); err != nil {
		t.Fatal(err)
	}
	return s
}

// warmLayers hold Go and what was compiled.
var warmLayers = []string{"go-dist", "go-dist-rest", "build-base"}

// linkCaches makes layers of one build appear among others. A pack is never written to: a
// new one takes its place. A layer's .toml is written to.
func linkCaches(from, to string, layers ...string) error {
	for _, layer := range layers {
		err := linkTree(filepath.Join(from, layer), filepath.Join(to, layer))
		if errors.Is(err, fs.ErrNotExist) { // an older Go has no rest
			continue
		}
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(from, layer+".toml"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, layer+".toml"), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// linkTree makes the files of one directory appear in another.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o755); err != nil {
			return err
		}
		return os.Link(path, filepath.Join(to, rel))
	})
}

// with makes the app of the next builds out of a txtar archive, with bindings, each
// a name, which is its type as well, with its files. Nothing that an earlier app needed is there any more.
func (s *site) with(t testing.TB, app string, bindings map[string]map[string]string) *site {
	t.Helper()
	s.app, s.scratch = filepath.Join(t.TempDir(), "app"), t.TempDir()
	apptest.Write(t, s.app, app)
	for name, files := range bindings {
		bind(t, filepath.Join(s.scratch, "platform"), name, files)
	}
	for _, dir := range []string{"home", "tmp"} {
		if err := os.Mkdir(filepath.Join(s.scratch, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(s.layers)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	keep := regexp.MustCompile(`^(go-dist|build)\b`)
	for _, entry := range entries {
		if path := filepath.Join(s.layers, entry.Name()); !keep.MatchString(entry.Name()) {
			if out, err := exec.Command("rm", "-rf", path).CombinedOutput(); err != nil { // modules are read-only
				t.Fatalf("%v\n%s", err, out)
			}
		}
	}
	s.network.requests()
	return s
}

// bind makes a binding below a platform directory.
func bind(t testing.TB, platform, kind string, files map[string]string) {
	t.Helper()
	dir := filepath.Join(platform, "bindings", "my-"+kind)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "type", []byte(kind+"\n"))
	for name, content := range files {
		put(t, dir, name, []byte(content))
	}
}

// build runs bin/build. One that waits for an answer that nobody gives is ended, and fails the test.
func (s *site) build(t testing.TB, env ...string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	command := append(slices.Clone(s.inside), filepath.Join(buildpack, "bin", "build"))
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = s.app
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.inside != nil {
		cmd.SysProcAttr = ownMounts()
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	for _, dir := range []string{s.layers, filepath.Join(s.scratch, "platform", "env")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Env = slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "NO_COLOR=1", "HOME=" + filepath.Join(s.scratch, "home"), "TMPDIR=" + filepath.Join(s.scratch, "tmp"),
		"CNB_BUILDPACK_DIR=" + buildpack, "CNB_PLATFORM_DIR=" + filepath.Join(s.scratch, "platform"),
		"CNB_LAYERS_DIR=" + s.layers, "CNB_BP_PLAN_PATH=" + filepath.Join(s.scratch, "buildpack-plan.toml"),
	}, s.env, env)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("the build hangs:\n%s", out.String())
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("bin/build: %v", err)
	}
	return output{out.String(), cmd.ProcessState.ExitCode()}
}

// mustBuild is build for an app that has to build, and whose program then greets from the modules.
func (s *site) mustBuild(t testing.TB, modules []private, env ...string) output {
	t.Helper()
	built := s.build(t, env...)
	if built.code != 0 {
		t.Fatalf("exit code %d:\n%s", built.code, built.text)
	}
	program := filepath.Join(s.layers, "bin", "bin", "app")
	said, err := exec.Command(program).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, said)
	}
	for _, m := range modules {
		if !strings.Contains(string(said), m.says()+"\n") {
			t.Errorf("the program says %q, which has nothing of %s", said, m.Path)
		}
	}
	info, err := exec.Command("go", "version", "-m", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	built.text += "\n--- go version -m\n" + string(info)
	return built
}

// mustFail is build for an app that cannot be built. What it says has to match all of the texts.
func (s *site) mustFail(t testing.TB, env []string, texts ...string) output {
	t.Helper()
	built := s.build(t, env...)
	if built.code == 0 {
		t.Fatalf("the build succeeded:\n%s", built.text)
	}
	_, message, _ := strings.Cut(built.text, "ERROR: ")
	missing := slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return strings.Contains(message, text) })
	if len(missing) > 0 {
		t.Errorf("the error does not name %q:\n%s", missing, built.text)
	}
	return built
}

// holdsNo looks for secrets in what a build said and in all that it could write to.
func (s *site) holdsNo(t testing.TB, built output, user string, secrets ...string) {
	t.Helper()
	places := []string{built.text + "\n", s.app, filepath.Join(s.scratch, "home"), filepath.Join(s.scratch, "tmp")}
	entries, err := os.ReadDir(s.layers)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != "go" { // large, and searched once by itself
			places = append(places, filepath.Join(s.layers, entry.Name()))
		}
	}
	plans, err := filepath.Glob(filepath.Join(s.scratch, "*.toml"))
	if err != nil {
		t.Fatal(err)
	}
	users := map[string]string{}
	for _, secret := range secrets {
		users[secret] = user
	}
	for _, found := range findSecrets(t, users, append(places, plans...)...) {
		t.Errorf("found in %s", found)
		if strings.HasPrefix(found, "text: ") {
			t.Logf("the log:\n%s", built.text)
		}
	}
}

// moduleApp is an app whose program greets from modules.
func moduleApp(modules ...private) string {
	var requires, sums strings.Builder
	for _, m := range modules {
		fmt.Fprintf(&requires, "require %s v1.0.0\n", m.Path)
		sums.WriteString(m.Sum)
	}
	return "-- go.mod --\nmodule example.com/app\n\ngo 1.21\n\n" + requires.String() + "-- go.sum --\n" + sums.String() + greeter(modules)
}

// depApp is an app of dep that has modules locked by their commits.
func depApp(modules ...private) string {
	var lock strings.Builder
	for _, m := range modules {
		fmt.Fprintf(&lock, "[[projects]]\n  name = %q\n  packages = [\".\"]\n  revision = %q\n  version = \"v1.0.0\"\n\n", m.Path, m.Commit)
	}
	return "-- Gopkg.lock --\n" + lock.String() + "-- Gopkg.toml --\n[metadata.scalingo]\n  root-package = \"example.com/app\"\n" + greeter(modules)
}

func greeter(modules []private) string {
	var imports, calls strings.Builder
	for i, m := range modules {
		fmt.Fprintf(&imports, "\tlib%d %q\n", i, m.Path)
		fmt.Fprintf(&calls, "\tfmt.Println(lib%d.Hello())\n", i)
	}
	return "-- main.go --\npackage main\n\nimport (\n\t\"fmt\"\n\n" + imports.String() + ")\n\nfunc main() {\n" + calls.String() + "}\n"
}

// apps are the kinds of app that fetch modules in different ways.
var apps = map[string]func(...private) string{"modules": moduleApp, "dep": depApp}

// gitCredentials is a binding with a login as git writes it.
func gitCredentials(host, user, password string) map[string]map[string]string {
	return map[string]map[string]string{"git-credentials": {
		"credentials": "protocol=https\nhost=" + host + "\nusername=" + user + "\npassword=" + password + "\n",
	}}
}
