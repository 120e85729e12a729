package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// koWay is ko, with the settings that it has of itself.
type koWay struct {
	compiler *benchCompiler
	site     *benchRegistry
	program  string
}

// openKoWay builds the ko that tools/ko/go.mod names.
func openKoWay(ctx context.Context, b *bench, compiler *benchCompiler) (*koWay, error) {
	const path = "github.com/google/ko"
	root, err := repositoryRoot()
	if err != nil {
		return nil, err
	}
	source := filepath.Join(root, "tools", "ko")
	ko, err := pinned(ctx, source, path)
	if err != nil {
		return nil, err
	}
	key, err := toolsKey(ctx, source)
	if err != nil {
		return nil, err
	}
	w := &koWay{compiler: compiler, site: b.site, program: b.cache.path("tools", "ko-"+ko.version+"-"+key, "ko")}
	b.report.Setting.Versions["ko"] = ko.version
	if isFile(w.program) {
		return w, nil
	}
	fmt.Fprintf(os.Stderr, "Building ko %s (once, a minute or more) ...\n", ko.version)
	return w, goBuild(ctx, source, path, w.program, "-s -w")
}

func (w *koWay) name() string                 { return figures.WayKo }
func (w *koWay) dir() string                  { return filepath.Join(w.compiler.scratch, "ko") }
func (w *koWay) measures(name string) bool    { return compilerMeasures(name) }
func (w *koWay) keep(context.Context) error   { return nil }
func (w *koWay) rewind(context.Context) error { return nil }

func (w *koWay) begin(ctx context.Context) error {
	if err := w.compiler.need(ctx, w.compiler.source.goVersion); err != nil {
		return err
	}
	return removeTree(w.dir())
}

func (w *koWay) build(ctx context.Context, c benchChange, log *benchLog) ([]figures.Sample, error) {
	env, err := w.compiler.environment(ctx, w.dir(), w.compiler.roots[c.goVersion])
	if err != nil {
		return nil, err
	}
	app := filepath.Join(w.dir(), "app")
	if err := lay(c, app); err != nil {
		return nil, err
	}
	env = append(env, "KO_DOCKER_REPO="+w.site.address+"/ko/app", "KO_DEFAULTBASEIMAGE="+w.site.runImage(),
		"DOCKER_CONFIG="+filepath.Join(w.dir(), "docker"))
	// --bare: the name is that of the repository alone.
	command := exec.CommandContext(ctx, w.program, "build", "--bare", "--platform", "linux/"+runtime.GOARCH, w.compiler.source.target)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopGrace
	var reference strings.Builder
	command.Dir, command.Env = app, env
	command.Stdout, command.Stderr = io.MultiWriter(&reference, log), log
	sample, err := timeCommand(command)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(reference.String())
	if text == "" {
		return nil, errors.New("ko does not say what it has built")
	}
	sample.Image, err = w.site.describe(ctx, text)
	return []figures.Sample{sample}, err
}

func (w *koWay) end(context.Context) error { return removeTree(w.dir()) }
