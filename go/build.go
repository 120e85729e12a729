// Package golang is the buildpack: Detect and Build, each the story of its phase.
package golang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2/effect"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/hook"
	"github.com/Scalingo/go-cnb/go/keep"
	"github.com/Scalingo/go-cnb/go/launch"
	"github.com/Scalingo/go-cnb/go/private"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// build is one run of the build phase.
type build struct {
	report
	context  libcnb.BuildContext
	settings Settings
	access   private.Access
	// hide are the secrets that neither the log nor an error may show.
	hide *secrets
	exec effect.Executor
	// scratch is a directory for this run alone. Its path is the same in every
	// build: old Go versions write paths of what they compile into the binary.
	scratch string
	// store is what lives from build to build, cached the packs of it that this build opened.
	store  *buildcache.Store
	cached []*buildcache.Cache
	// waits wait for what runs beside the build.
	waits   []func() error
	waiting sync.Mutex
	// procfile are the lines of the Procfile in procfileDir, nil without one.
	procfile    []launch.Line
	procfileDir string
	result      libcnb.BuildResult
}

// Build turns the app into an image: Go, dependencies, binaries, processes.
func (b Buildpack) Build(libcnbContext libcnb.BuildContext) (result libcnb.BuildResult, err error) {
	started := time.Now()
	access, err := private.Read(variables(b.Environ), libcnbContext.Platform.Bindings)
	if err != nil {
		return result, err
	}
	hide := &secrets{texts: access.Secrets()}
	defer func() { err = hide.in(err) }()
	environ := b.Environ
	if access.Proxy != "" && strings.TrimSpace(variables(environ)["GOPROXY"]) == "" {
		environ = append(slices.Clip(environ), "GOPROXY="+access.Proxy)
	}
	settings, err := ReadSettings(libcnbContext.ApplicationPath, environ, libcnbContext.Buildpack.Metadata, b.DefaultProxies)
	if err != nil {
		return result, err
	}
	run := &build{
		report:   report{Logger: newLogger(b.Out, settings.Env["NO_COLOR"] != "", hide), clock: time.Now, steps: &[]stepTime{}},
		hide:     hide,
		access:   access,
		context:  libcnbContext,
		settings: settings,
		exec:     effect.CommandExecutor{},
		scratch:  filepath.Join(libcnbContext.Layers.Path, "scratch"),
		result:   libcnb.NewBuildResult(),
	}
	run.store = &buildcache.Store{
		Layers: libcnbContext.Layers, Crew: buildcache.NewCrew(min(runtime.GOMAXPROCS(0), mostAtOnce)), Start: started, Off: settings.CacheOff, Warn: run.warn,
	}
	if err := run.cleanScratch(); err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, run.cleanScratch()) }()
	if err := errors.Join(run.placeScratch(), run.removeOldBills()); err != nil {
		return result, err
	}
	info := libcnbContext.Buildpack.Info
	run.Title(info.Name, info.Version, info.Homepage)
	ctx, done := run.untilSignal()
	defer done()
	if err := run.story(ctx); err != nil {
		return result, err
	}
	if settings.Debug {
		run.tellMemory()
	}
	run.Headerf("Built in %s", seconds(time.Since(started)))
	return run.result, nil
}

// story is the build, step by step.
func (b *build) story(ctx context.Context) (err error) {
	found, isGoApp, err := b.settings.detect(b.context.ApplicationPath)
	if err != nil {
		return fmt.Errorf("the app cannot be read: %w", err)
	}
	if !isGoApp {
		return b.offerGo(ctx)
	}
	if err := keep.SetModes(b.context.ApplicationPath); err != nil {
		return err
	}
	app, err := b.understand(found)
	if err != nil {
		return err
	}
	if err := b.giveAccess(); err != nil {
		return err
	}
	dist, err := b.installGo(ctx, app)
	if err != nil {
		return err
	}
	project, err := b.prepareProject(ctx, app, dist)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, project.restore()) }()
	if err := b.fetchDependencies(ctx, project); err != nil {
		return err
	}
	if err := b.runPreCompile(ctx, project); err != nil {
		return err
	}
	binaries, err := b.compile(ctx, project)
	if err != nil {
		return err
	}
	if err := b.link(project, programNames(binaries)); err != nil {
		return err
	}
	if err := b.runPostCompile(ctx, project, binaries); err != nil {
		return err
	}
	if err := b.addExtras(ctx, project); err != nil {
		return err
	}
	return b.finish(project, binaries)
}

// finish is the end of the story: the image, and what the next build can use.
func (b *build) finish(project *project, binaries []compile.Binary) error {
	b.result.Layers = append(b.result.Layers, project.binLayer)
	project.packCaches()
	if err := b.describe(project, binaries); err != nil {
		return err
	}
	if err := b.chooseProcesses(project, binaries); err != nil {
		return err
	}
	if err := errors.Join(project.restore(), b.leaveOut()); err != nil {
		return err
	}
	if err := b.keepCaches(); err != nil {
		return err
	}
	if err := b.weigh(binaries, project.job.OutDir); err != nil {
		return err
	}
	b.hintAtModules(project)
	return nil
}

// understand says what kind of app this is and which settings are in effect.
func (b *build) understand(found deps.Found) (app, error) {
	b.Headerf("App: %s (%s)", found.Tool, found.By)
	if b.settings.WorkDir != b.context.ApplicationPath {
		b.Bodyf("in %s", b.settings.Env["BP_GO_WORKDIR"])
	}
	if above := b.settings.toolAbove(b.context.ApplicationPath, found); above != "" {
		b.warn("%s in the app's root does not matter to %s: to build that directory as a part of the app, unset BP_GO_WORKDIR and set BP_GO_TARGETS=./%s",
			above, b.settings.Env["BP_GO_WORKDIR"], filepath.ToSlash(strings.TrimPrefix(b.settings.WorkDir, b.context.ApplicationPath+string(filepath.Separator))))
	}
	for _, file := range found.Beside {
		b.Bodyf("%s is not used: %s comes first", file, found.By)
	}
	set := b.settings.Found()
	if b.access.Proxy != "" && b.settings.Env["GOPROXY"] == b.access.Proxy {
		set = slices.DeleteFunc(set, func(name string) bool { return name == "GOPROXY" })
	}
	if len(set) > 0 {
		b.Bodyf("Settings found: %s", strings.Join(set, ", "))
	}
	for _, name := range []string{"BP_LIVE_RELOAD_ENABLED", "BP_PROCFILE_DEFAULT_PROCESS"} {
		if b.settings.Env[name] != "" {
			b.warn("%s has no effect here: docs/coming-from.md says what takes its place", name)
		}
	}
	if b.settings.Debug {
		for _, pair := range b.settings.masked() {
			b.Body(pair)
		}
	}
	for _, name := range b.settings.ownedByUser() {
		b.warn("%s is set by the build itself; the value given is not used", name)
	}
	if err := b.readProcfile(); err != nil {
		return app{}, err
	}
	a, err := b.settings.read(b.context.ApplicationPath, found.Tool)
	if err != nil {
		return a, err
	}
	if a.modules, err = a.modules.Use(b.settings.WorkUse, b.scratch); err != nil {
		return a, err
	}
	return a, b.settings.checkImportPath(a)
}

// installGo puts the Go that the app asks for in its layer.
func (b *build) installGo(ctx context.Context, a app) (goDist, error) {
	done := b.step("Go")
	sources, err := b.settings.goSources(b.context.ApplicationPath, a, b.context.Buildpack.Metadata)
	if err != nil {
		return goDist{}, err
	}
	installed, err := b.provideGo(ctx, sources, func(v toolchain.Version) error {
		if a.tool != deps.Modules {
			return nil
		}
		return a.modules.Check(v)
	})
	if err != nil {
		return goDist{}, err
	}
	done()
	return installed, nil
}

// offerGo contributes Go alone, for other buildpacks that require it.
func (b *build) offerGo(ctx context.Context) error {
	if err := b.giveAccess(); err != nil {
		return err
	}
	done := b.step("Go, for other buildpacks")
	sources, err := b.settings.goSources(b.context.ApplicationPath, app{tool: deps.None}, b.context.Buildpack.Metadata)
	if err != nil {
		return err
	}
	if _, err = b.provideGo(ctx, sources, func(toolchain.Version) error { return nil }); err != nil {
		return err
	}
	done()
	return b.keepCaches()
}

// target is the machine that the image is for: what the lifecycle says, else this one.
func (b *build) target() (goos, goarch string) {
	goos, goarch = b.context.TargetInfo.OS, b.context.TargetInfo.Arch
	if goos == "" {
		goos = runtime.GOOS
	}
	if goarch == "" {
		goarch = runtime.GOARCH
	}
	return goos, goarch
}

// fetchDependencies fetches what the programs need, and finds their packages. Where
// a hook comes next, that may make some of them, those that are missing are no error yet.
func (b *build) fetchDependencies(ctx context.Context, p *project) error {
	done := b.step("Dependencies")
	if p.recall() {
		p.said = p.origin(p.plan)
		b.Body(p.said)
		b.warnOfCgo(p.plan)
		done()
		return nil
	}
	if err := p.awaitSources(); err != nil {
		return err
	}
	if err := p.prefetch(ctx); err != nil {
		return err
	}
	if err := p.fetchLocked(ctx); err != nil {
		return err
	}
	var err error
	if p.preCompile, err = hook.Find(hook.PreCompile, b.hookDirs()...); err != nil {
		return err
	}
	if err := p.fetchLatest(); err != nil && p.preCompile == nil {
		return err
	}
	output := p.job.Output
	if p.preCompile != nil {
		output = io.Discard
	}
	switch p.plan, err = p.prepare(ctx, output); {
	case err == nil:
		p.said = p.origin(p.plan)
		b.Body(p.said)
	case p.preCompile == nil:
		return err
	default:
		b.Bodyf("Not all packages can be found before %s runs", p.preCompile.Name)
	}
	if p.preCompile == nil {
		b.warnOfCgo(p.plan)
	}
	done()
	return nil
}

func (b *build) warnOfCgo(plan compile.Plan) {
	if plan.Cgo.Warning != "" {
		b.warn("%s", plan.Cgo.Warning)
	}
}

// compile runs the go command and lists what it made.
func (b *build) compile(ctx context.Context, p *project) ([]compile.Binary, error) {
	done := b.step("Compiling")
	plan := p.plan
	p.findLicences()
	b.Bodyf("CGO_ENABLED=%s: %s", plan.Cgo.Value(), plan.Cgo.Why)
	b.Body(plan.Command())
	binaries, err := p.compile(ctx)
	if err != nil {
		return nil, err
	}
	done()
	b.Header("Binaries")
	var rows [][]string
	for _, binary := range binaries {
		linking := "static"
		if binary.Interpreter != "" {
			linking = "needs " + dynamicNeeds(binary) + " in the run image"
		}
		rows = append(rows, []string{binary.Name, size(binary.Size), linking, binary.Package})
	}
	b.table(rows)
	return binaries, b.checkLibrary(binaries)
}

// link links programs to where Procfiles and hooks look for them.
func (b *build) link(p *project, names []string) error {
	for _, dir := range p.linkDirs() {
		notices, err := launch.Link(dir, p.job.OutDir, names)
		if err != nil {
			return err
		}
		for _, notice := range notices {
			b.Bodyf("%s", notice)
		}
	}
	return nil
}

// chooseProcesses says what runs in the image.
func (b *build) chooseProcesses(p *project, binaries []compile.Binary) error {
	choice, err := p.processes(binaries)
	if err != nil {
		return err
	}
	b.result.Processes = choice.Processes
	for _, process := range choice.Processes {
		if missing := p.missingProgram(process.Command[0], binaries); missing != "" {
			b.warn("process %s starts %s, which neither the app nor this build has: it cannot start", process.Type, missing)
		}
	}
	b.Headerf("Processes (default: %s)", choice.Why)
	var rows [][]string
	for _, process := range choice.Processes {
		mark := ""
		if process.Default {
			mark = "(default)"
		}
		rows = append(rows, []string{process.Type, strings.Join(append(process.Command, process.Arguments...), " "), mark})
	}
	b.table(rows)
	return nil
}

// leaveOut removes from the app what does not belong in the image, source and repositories, which hold
// all that ever was, and often the login with which they were fetched.
func (b *build) leaveOut() error {
	report, err := keep.LeaveOut(b.context.ApplicationPath, keep.Options{
		WorkDir: b.settings.WorkDir, Keep: b.settings.Keep,
		KeepSource: b.settings.KeepSource || b.settings.GOPATHInImage || b.settings.GoInImage, // there is something in such an image that reads it
	})
	if err != nil {
		return err
	}
	if left := report.String(); left != "" {
		b.Headerf("Left out of the image: %s", left)
	}
	for _, notice := range report.Notices {
		b.Body(notice)
	}
	b.result.Slices = report.Slices
	return nil
}

// keepCaches hands the caches to the lifecycle.
func (b *build) keepCaches() error {
	if err := b.wait(); err != nil {
		return err
	}
	if b.settings.CacheOff {
		b.Header("Caches: none (BP_GO_CACHE=off)")
		return nil
	}
	b.Header("Caches")
	var rows [][]string
	for _, cache := range b.cached {
		layer, usage, ok := cache.Layer()
		if !ok {
			continue
		}
		b.result.Layers = append(b.result.Layers, layer)
		rows = append(rows, []string{layer.Name, size(usage.Packed), "of " + size(usage.Raw), count(usage.Files, "file"), cache.Change()})
	}
	b.table(rows)
	return nil
}
