package compile

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/deps"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m)) }

// app is a build of an app in a txtar archive, put together as the build phase does.
type app struct {
	files string
	// in is the directory to build, relative to the app.
	in       string
	proxy    string
	settings Settings
	targets  []string
	use      []string
	env      []string
	prepare  func(t *testing.T, dir string)
	change   func(j *Job)
}

// built is what came of it.
type built struct {
	dir  string
	job  Job
	plan Plan
	// programs are the binaries in the order of the build: "NAME PACKAGE".
	programs []string
	log      string
	err      error
}

func (b built) binary(name string) string { return filepath.Join(b.job.OutDir, name) }

// job makes the job of an app whose files are written.
func (a app) job(t *testing.T, dir string) (Job, *bytes.Buffer) {
	t.Helper()
	env := apptest.Env(t, a.env...)
	if a.proxy != "" {
		env = append(env, "GOPROXY="+apptest.Proxy(t, a.proxy))
	}
	lookup := func(name string) string { return apptest.Lookup(env, name) }
	if a.settings.Getenv == nil {
		a.settings.Getenv = lookup
	}
	local := apptest.Go(t)
	flags, err := Merge(a.settings, local.Version)
	if err != nil {
		t.Fatal(err)
	}
	modules, err := deps.LoadModules(dir, filepath.Join(dir, a.in), "")
	if err != nil {
		t.Fatal(err)
	}
	if modules, err = modules.Use(a.use, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if modules.GoWork != "" {
		env = append(env, "GOWORK="+modules.GoWork)
	}
	everything, err := modules.Patterns()
	if err != nil {
		t.Fatal(err)
	}
	if flags.GoFlags != "" {
		env = append(env, "GOFLAGS="+flags.GoFlags)
	}
	mod := flags.Mod
	if mod == "" {
		mod = modules.Mod(local.Version)
	}
	var log bytes.Buffer
	return Job{
		Go: local, Dir: modules.WorkDir, Env: env, Modules: true, Mod: mod, Flags: flags,
		Targets: Targets{From: "BP_GO_TARGETS", Patterns: a.targets}, Everything: everything,
		CgoEnabled: lookup("CGO_ENABLED"), CC: lookup("CC"), Path: lookup("PATH"),
		OutDir: filepath.Join(t.TempDir(), "bin"), Output: &log,
	}, &log
}

// warm compiles the runtime once, so that builds in parallel do not each do it.
var warm sync.Once

func (a app) build(t *testing.T) built {
	t.Helper()
	warm.Do(func() { app{files: rootAndCommand}.run(t) })
	return a.run(t)
}

func (a app) run(t *testing.T) built {
	t.Helper()
	dir := writeApp(t, a.files)
	if a.prepare != nil {
		a.prepare(t, dir)
	}
	j, log := a.job(t, dir)
	if a.change != nil {
		a.change(&j)
	}
	b := built{dir: dir, job: j}
	if b.plan, b.err = j.Prepare(); b.err == nil {
		var binaries []Binary
		binaries, b.err = b.plan.Build()
		for _, binary := range binaries {
			b.programs = append(b.programs, binary.Name+" "+binary.Package)
		}
	}
	b.log = log.String()
	return b
}

// succeed fails the test unless the app was built.
func (b built) succeed(t *testing.T) {
	t.Helper()
	if b.err != nil {
		t.Fatalf("%v\n%s", b.err, b.log)
	}
}

// run runs a program that was built and returns what it printed.
func (b built) run(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command(b.binary(name)).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return strings.TrimSpace(string(out))
}

const hello = "package main\n\nfunc main() { println(\"hello\") }\n"

func writeApp(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	apptest.Write(t, dir, archive)
	return dir
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
