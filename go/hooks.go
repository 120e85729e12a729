package golang

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/hook"
)

// runPreCompile runs bin/go-pre-compile, which may make code that the programs
// consist of, and looks for the packages anew where it ran.
func (b *build) runPreCompile(ctx context.Context, p *project) error {
	if p.preCompile == nil {
		return nil
	}
	takeOver, err := p.watchApp()
	if err != nil {
		return err
	}
	if err := b.runHook(ctx, p, *p.preCompile); err != nil {
		return err
	}
	if err := takeOver(); err != nil {
		return err
	}
	if err := p.prefetch(ctx); err != nil {
		return err
	}
	if err := p.fetchLatest(); err != nil {
		return err
	}
	early := p.plan.Downloads
	if p.plan, err = p.prepare(ctx, p.job.Output); err != nil {
		return err
	}
	p.plan.Downloads += early
	if origin := p.origin(p.plan); origin != p.said {
		b.Body(origin)
	}
	b.warnOfCgo(p.plan)
	return nil
}

// runPostCompile runs bin/go-post-compile, which may be one of the programs that were just built.
func (b *build) runPostCompile(ctx context.Context, p *project, binaries []compile.Binary) error {
	h, err := hook.Find(hook.PostCompile, b.hookDirs()...)
	if err != nil {
		return err
	}
	if slices.Contains(programNames(binaries), hook.PostCompile) {
		h = &hook.Hook{Name: "bin/" + hook.PostCompile, File: filepath.Join(p.job.OutDir, hook.PostCompile), Dir: b.settings.WorkDir}
	}
	if h == nil {
		return nil
	}
	return b.runHook(ctx, p, *h)
}

// hookDirs are the directories in whose bin/ hooks may be, the likeliest first.
func (b *build) hookDirs() []string {
	return []string{b.settings.WorkDir, b.context.ApplicationPath}
}

// hasHooks tells whether the app has hooks, which may run the go command for
// anything. One that the build itself makes is not known yet.
func (b *build) hasHooks() (bool, error) {
	for _, name := range []string{hook.PreCompile, hook.PostCompile} {
		if h, err := hook.Find(name, b.hookDirs()...); err != nil || h != nil {
			return h != nil, err
		}
	}
	return false, nil
}

// runHook runs a hook with the go command's environment. What "go install" makes in it goes to the bin/ of the app.
func (b *build) runHook(ctx context.Context, p *project, h hook.Hook) error {
	done := b.step("Hook " + h.Name)
	bin := filepath.Join(h.Dir, "bin")
	for _, dir := range []string{bin, b.scratch} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := p.dist.room.packed(); err != nil { // as it came: what a hook changes of it is for this build alone
		return err
	}
	output := &lineWriter{out: b.BodyWriter()}
	err := h.Run(ctx, append(without(p.env, "PWD"), "GOBIN="+bin, "PWD="+h.Dir), b.scratch, output, b.warn)
	if err := errors.Join(err, output.end()); err != nil {
		return err
	}
	if err := b.readProcfile(); err != nil { // it may be the hook's
		return err
	}
	done()
	return nil
}

// watchApp remembers the app's files. Where the app is compiled in a copy, the
// function it returns makes the copy as the app is then.
func (p *project) watchApp() (takeOver func() error, err error) {
	workDir := p.build.settings.WorkDir
	if p.job.Dir == workDir {
		return func() error { return nil }, nil
	}
	vendor, own := filepath.Join(workDir, "vendor"), ""
	if p.locked.fetched || p.vendorMoved() {
		own = vendor // something else has taken its place in the copy
	}
	before, err := deps.Files(workDir)
	if err != nil {
		return nil, err
	}
	var vendored []string
	moved := p.vendorMoved() && !p.locked.fetched && isDir(vendor)
	if moved {
		if vendored, err = deps.Files(vendor); err != nil {
			return nil, err
		}
	}
	return func() error {
		if moved && isDir(vendor) {
			if err := deps.UpdateTree(vendor, p.vendor, vendored, ""); err != nil {
				return err
			}
		}
		return deps.UpdateTree(workDir, p.job.Dir, before, own)
	}, nil
}

// vendorMoved tells whether dependencies lie outside of the copy, for a Go that does not look into vendor/.
func (p *project) vendorMoved() bool {
	return p.vendor != "" && !strings.HasPrefix(p.vendor, p.job.Dir+string(filepath.Separator))
}

// hookEnvironment is the environment of hooks: that of the go command, with the
// user's GOFLAGS as they are.
func (p *project) hookEnvironment() []string {
	env := p.job.Env
	if users := p.build.settings.Env["GOFLAGS"]; users != "" && p.job.Modules && len(p.job.Flags.TooNew) == 0 {
		env = append(without(env, "GOFLAGS"), "GOFLAGS="+users)
	}
	return env
}

func programNames(binaries []compile.Binary) []string {
	var names []string
	for _, binary := range binaries {
		names = append(names, binary.Name)
	}
	return names
}
