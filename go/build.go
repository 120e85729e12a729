// Package golang is the buildpack: Detect and Build, each the story of its phase.
package golang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2/effect"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/hook"
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
	hide := &secrets{access.Secrets()}
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
		report:   report{Logger: newLogger(b.Out, settings.Env["NO_COLOR"] != "", hide), clock: time.Now},
		hide:     hide,
		access:   access,
		context:  libcnbContext,
		settings: settings,
		exec:     effect.CommandExecutor{},
		scratch:  filepath.Join(libcnbContext.Layers.Path, "scratch"),
		result:   libcnb.NewBuildResult(),
	}
	if err := run.cleanScratch(); err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, run.cleanScratch()) }()
	info := libcnbContext.Buildpack.Info
	run.Title(info.Name, info.Version, info.Homepage)
	ctx, done := run.untilSignal()
	defer done()
	if err := run.story(ctx); err != nil {
		return result, err
	}
	run.Headerf("Built in %s", seconds(time.Since(started)))
	return run.result, nil
}

// untilSignal returns a context that ends when the build is told to end, which
// ends a hook. What must not outlive a build is removed then, and the build ends
// as it would have. done has to be called.
func (b *build) untilSignal() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		told, ok := <-signals
		if !ok {
			return
		}
		cancel(fmt.Errorf("the build was told to end: %s", told))
		_ = buildcache.Remove(b.accessDir()) // there is nobody left to tell
		time.Sleep(endDelay)                 // for a hook to be ended, and for the story to say so
		signal.Reset(told)
		_ = syscall.Kill(os.Getpid(), told.(syscall.Signal))
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

// endDelay is how long a build that is told to end may take for it.
const endDelay = 500 * time.Millisecond

// accessDir holds the files that programs read for access.
func (b *build) accessDir() string { return filepath.Join(b.scratch, "access") }

func (b *build) cleanScratch() error {
	return buildcache.Remove(b.scratch)
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
	binaries, err := b.compile(project.plan)
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
	if err := b.chooseProcesses(project, binaries); err != nil {
		return err
	}
	if err := b.keepCaches(project); err != nil {
		return err
	}
	if err := b.leaveOut(); err != nil {
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
	return nil
}

// goDist is the Go that builds, and the way to another one for old Go versions that cannot download well.
type goDist struct {
	toolchain.Go
	room *toolchainRoom
	// endOfLife is when the release lost support, zero while it is not known.
	endOfLife time.Time
}

// provideGo resolves the version that sources and other buildpacks ask for and installs it, unless check refuses it.
func (b *build) provideGo(ctx context.Context, sources []toolchain.Source, check func(toolchain.Version) error) (goDist, error) {
	needs := b.requirements()
	if b.settings.GoInImage {
		needs.types.Launch = true
	}
	room, err := b.newToolchainRoom()
	if err != nil {
		return goDist{}, err
	}
	release, err := room.resolve(ctx, sources, needs.sources)
	if err != nil {
		return goDist{}, err
	}
	if err := check(release.Version); err != nil {
		return goDist{}, fmt.Errorf("%s asks for Go %s: %w", sources[0].Name, strings.TrimPrefix(sources[0].Text, "go"), err)
	}
	installed, layer, err := room.contribute(ctx, release, needs.types)
	if err != nil {
		return goDist{}, err
	}
	b.result.Layers = append(b.result.Layers, layer)
	return goDist{installed, room, release.EndOfLife}, nil
}

// needs is what other buildpacks require of Go.
type needs struct {
	sources []toolchain.Source
	types   libcnb.LayerTypes
}

func (b *build) requirements() needs {
	var out needs
	for _, entry := range b.context.Plan.Entries {
		if entry.Name != planEntry || entry.Metadata[requiredBy] == b.context.Buildpack.Info.ID {
			continue
		}
		if version, _ := entry.Metadata["version"].(string); strings.TrimSpace(version) != "" {
			spec, err := toolchain.ParseSpec(version)
			out.sources = append(out.sources, toolchain.Source{Name: "a buildpack that requires go", Text: version, Spec: spec, Err: err})
		}
		build, _ := entry.Metadata["build"].(bool)
		launch, _ := entry.Metadata["launch"].(bool)
		out.types.Build = out.types.Build || build
		out.types.Launch = out.types.Launch || launch
	}
	return out
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
	if err := p.prefetch(ctx); err != nil {
		return err
	}
	if err := p.fetchLocked(ctx); err != nil {
		return err
	}
	var err error
	if p.preCompile, err = hook.Find(hook.PreCompile, p.hookDirs()...); err != nil {
		return err
	}
	if err := p.fetchLatest(); err != nil && p.preCompile == nil {
		return err
	}
	job := p.job
	if p.preCompile != nil {
		job.Output = io.Discard
	}
	switch p.plan, err = job.Prepare(); {
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
func (b *build) compile(plan compile.Plan) ([]compile.Binary, error) {
	done := b.step("Compiling")
	b.Bodyf("CGO_ENABLED=%s: %s", map[bool]string{false: "0", true: "1"}[plan.Cgo.Enabled], plan.Cgo.Why)
	b.Body(plan.Command())
	binaries, err := plan.Build()
	if err != nil {
		return nil, err
	}
	done()
	b.Header("Binaries")
	var rows [][]string
	for _, binary := range binaries {
		linking := "static"
		if binary.Interpreter != "" {
			linking = "needs " + binary.Interpreter + " and libc in the run image"
		}
		rows = append(rows, []string{binary.Name, size(binary.Size), linking, binary.Package})
	}
	b.table(rows)
	return binaries, nil
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

func programNames(binaries []compile.Binary) []string {
	var names []string
	for _, binary := range binaries {
		names = append(names, binary.Name)
	}
	return names
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

// leaveOut removes from the app what must not be in the image: repositories hold
// all that ever was, and often the login with which they were fetched.
func (b *build) leaveOut() error {
	removed, err := launch.RemoveRepositories(b.context.ApplicationPath)
	if err != nil {
		return err
	}
	if len(removed) > 0 {
		b.Headerf("Left out of the image: %s", strings.Join(removed, ", "))
	}
	return nil
}

// keepCaches hands the caches and the binaries to the lifecycle.
func (b *build) keepCaches(p *project) error {
	b.result.Layers = append(b.result.Layers, p.binLayer)
	b.Header("Caches")
	var rows [][]string
	for _, cache := range p.caches {
		layer, usage, ok, err := cache.Close()
		if err != nil {
			return err
		}
		if ok {
			b.result.Layers = append(b.result.Layers, layer)
			rows = append(rows, []string{layer.Name, size(usage.Bytes), count(usage.Files, "file")})
		}
	}
	b.table(rows)
	return nil
}
