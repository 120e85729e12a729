package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// defaultBuildFlags are the flags of the buildpack's go build; those that it prints take their place.
var defaultBuildFlags = []string{"-trimpath", "-buildvcs=false", "-tags=scalingo,heroku", "-mod=readonly", "-ldflags=-w"}

// benchCompiler is Go itself, without a buildpack: the versions that were fetched, and how to build.
type benchCompiler struct {
	scratch string
	source  *benchSource
	setting *figures.Setting
	flags   []string
	cgo     string
	roots   map[string]string // by version
}

func newBenchCompiler(scratch string, source *benchSource, setting *figures.Setting) *benchCompiler {
	return &benchCompiler{scratch: scratch, source: source, setting: setting, flags: defaultBuildFlags, cgo: "0", roots: map[string]string{}}
}

// learn takes the flags from what the buildpack has printed: the same are to be measured.
func (g *benchCompiler) learn(read buildpackLog) {
	if read.flags != nil {
		g.flags = read.flags
		g.setting.GoBuild = "go build " + strings.Join(read.flags, " ")
	}
	if read.cgo != "" {
		g.cgo = read.cgo
	}
}

// fetch downloads and unpacks a version of Go, through the module proxy as everything else, and gives the time of that.
func (g *benchCompiler) fetch(ctx context.Context, version string) (took float64, err error) {
	dir := filepath.Join(g.scratch, "go-"+version)
	if err := removeTree(dir); err != nil {
		return 0, err
	}
	env, err := g.environment(ctx, dir, "")
	if err != nil {
		return 0, err
	}
	command := goCommandIn(ctx, g.scratch, "go", env, "mod", "download", "-json", goArchive(version))
	started := time.Now()
	output, err := command.Output()
	took = seconds(time.Since(started))
	var module struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(output, &module); err == nil {
		err = jsonErr
	}
	if err != nil {
		return 0, fmt.Errorf("go mod download %s: %w %s", goArchive(version), err, module.Error)
	}
	g.roots[version] = module.Dir
	return took, makeProgramsRunnable(module.Dir)
}

// makeProgramsRunnable gives back the modes that a module's zip cannot hold.
func makeProgramsRunnable(root string) error {
	for _, part := range []string{"bin", "pkg/tool"} {
		err := filepath.WalkDir(filepath.Join(root, part), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			return os.Chmod(path, 0o755)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// need fetches a version that is not there yet.
func (g *benchCompiler) need(ctx context.Context, version string) error {
	if g.roots[version] != "" {
		return nil
	}
	_, err := g.fetch(ctx, version)
	return err
}

// environment is that of a go command with caches of its own below dir, with Go itself from root ("" for the caller's).
// The caller's settings do not count, but for those that say where modules come from.
func (g *benchCompiler) environment(ctx context.Context, dir, root string) ([]string, error) {
	settings, err := hostGoSettings(ctx)
	if err != nil {
		return nil, err
	}
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "GO") || strings.HasPrefix(variable, "CGO_") || strings.HasPrefix(variable, "PATH=")
	})
	search := os.Getenv("PATH")
	if root != "" {
		search = filepath.Join(root, "bin") + string(filepath.ListSeparator) + search
		env = append(env, "GOROOT="+root)
	}
	for name, value := range settings {
		env = append(env, name+"="+value)
	}
	return append(env, "PATH="+search, "GOENV=off", "GOFLAGS=", "GOTOOLCHAIN=local", "CGO_ENABLED="+g.cgo,
		"GOPATH="+filepath.Join(dir, "gopath"), "GOMODCACHE="+filepath.Join(dir, "modules"), "GOCACHE="+filepath.Join(dir, "compiled")), nil
}

// lay puts the source of a change where the go command found that of the one before.
func lay(c benchChange, dir string) error {
	if err := removeTree(dir); err != nil {
		return err
	}
	return copyTree(c.dir, dir, nil)
}

// goCommandIn is a go command in a directory, with the variables given and nothing of the caller's own settings.
func goCommandIn(ctx context.Context, dir, program string, env []string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, program, args...)
	command.Dir, command.Env = dir, env
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = stopGrace
	return command
}

// timeCommand runs a command and gives its time and the memory of its largest process.
func timeCommand(command *exec.Cmd) (figures.Sample, error) {
	started := time.Now()
	err := command.Run()
	sample := figures.Sample{Seconds: seconds(time.Since(started))}
	if err != nil {
		return sample, err
	}
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		sample.Memory.Largest = usage.Maxrss * 1024
	}
	return sample, nil
}

// goWay is the go command alone.
type goWay struct {
	compiler *benchCompiler
}

func (w *goWay) name() string               { return figures.WayGo }
func (w *goWay) dir() string                { return filepath.Join(w.compiler.scratch, "bare") }
func (w *goWay) measures(name string) bool  { return compilerMeasures(name) }
func (w *goWay) keep(context.Context) error { return nil }

// rewind does nothing: what is compiled is found by its content, and no edit is built twice.
func (w *goWay) rewind(context.Context) error { return nil }

// compilerMeasures leaves out what would find itself compiled in the second run.
func compilerMeasures(scenario string) bool {
	return scenario == scenarioCold || scenario == scenarioEdit || scenario == scenarioNoChange
}

func (w *goWay) begin(context.Context) error { return removeTree(w.dir()) }

// build builds; a cold build fetches Go as well, which is timed apart: the one who builds without a buildpack has it.
func (w *goWay) build(ctx context.Context, c benchChange, log *benchLog) ([]figures.Sample, error) {
	g := w.compiler
	var apart []figures.Sample
	if c.scenario == scenarioCold {
		took, err := g.fetch(ctx, c.goVersion)
		if err != nil {
			return nil, err
		}
		apart = append(apart, figures.Sample{Way: figures.WayGoArchive, Seconds: took})
	}
	root := g.roots[c.goVersion]
	env, err := g.environment(ctx, w.dir(), root)
	if err != nil {
		return nil, err
	}
	app := filepath.Join(w.dir(), "app")
	if err := lay(c, app); err != nil {
		return nil, err
	}
	output := filepath.Join(w.dir(), "bin") + "/"
	if err := os.MkdirAll(output, 0o755); err != nil {
		return nil, err
	}
	args := slices.Concat([]string{"build", "-o", output}, g.flags, []string{g.source.target})
	command := goCommandIn(ctx, app, filepath.Join(root, "bin", "go"), env, args...)
	command.Stdout, command.Stderr = log, log
	fmt.Fprintln(log, command.String())
	sample, err := timeCommand(command)
	if err != nil {
		return nil, err
	}
	return append([]figures.Sample{sample}, apart...), nil
}

func (w *goWay) end(context.Context) error { return removeTree(w.dir()) }
