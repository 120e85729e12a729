package golang

import (
	"cmp"
	"context"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/mod/module"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/hook"
	"github.com/Scalingo/go-cnb/go/launch"
	"github.com/Scalingo/go-cnb/go/sbom"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// project is the app on its way through the build: where it is compiled, with what, and what is kept.
type project struct {
	build *build
	app   app
	dist  goDist
	job   compile.Job
	// env is the environment of the app's own Go with the network, for hooks.
	env []string
	// online is the environment of the go command with the network.
	online []string
	// plan is what will be compiled, preCompile the hook that runs before, nil for none.
	plan       compile.Plan
	preCompile *hook.Hook
	// recalled tells that the plan is that of an earlier build.
	recalled bool
	// said is what the log says of the dependencies, "" before they were found.
	said string
	// repository is what git knows of the app.
	repository compile.Repository
	// made is an app without a lock as a module, nil for any other.
	made     *deps.MadeModule
	restore  func() error
	binLayer libcnb.Layer
	caches
	// prefetched is the number of modules that a newer Go downloaded.
	prefetched int
	// importPath is the app's own in a GOPATH, vendor the directory there that
	// holds the dependencies, and locked what became of those of a lock.
	importPath, vendor string
	locked             locked
	// licences are those of a module, by their SPDX identifiers; licencesRead waits for them to be known.
	licences     func(sbom.Module) []string
	licencesRead func() error
	// tools are the names of programs that were built besides the app's own.
	tools []string
	// startDir is where processes start, "" for the app's root.
	startDir string
}

// prepareProject opens the caches and puts together all that the go command needs to know.
func (b *build) prepareProject(ctx context.Context, a app, dist goDist) (*project, error) {
	p := &project{build: b, app: a, dist: dist, restore: func() error { return nil }}
	flags, err := compile.Merge(b.settings.Flags, dist.Version)
	if err != nil {
		return nil, err
	}
	if len(flags.Embedded) > 0 {
		for _, name := range flags.Embedded {
			b.hide.add(b.settings.Env[name])
		}
		b.warn("The value of %s may stay in the program, where everybody who has the image can read it: give the program its secrets when it runs", strings.Join(flags.Embedded, ", "))
	}
	if len(flags.TooNew) > 0 {
		b.Bodyf("%s in GOFLAGS is not used: Go %s does not know it", strings.Join(flags.TooNew, ", "), dist.Version)
	}
	p.job = compile.Job{
		Go: dist.Go, Dir: b.settings.WorkDir, Modules: a.tool == deps.Modules || a.unlocked() && dist.Version.Has(toolchain.ModuleMode), Flags: flags,
		Targets: b.settings.Targets, Everything: []string{"./..."},
		CgoEnabled: b.settings.Env["CGO_ENABLED"], CC: b.settings.Env["CC"], Path: b.settings.Env["PATH"],
		Output: b.BodyWriter(),
	}
	e := goEnvironment{goroot: dist.Root, modules: p.job.Modules, gowork: a.modules.GoWork, goflags: flags.GoFlags}
	e.goos, e.goarch = b.target()
	p.job.Cross = e.goos != runtime.GOOS || e.goarch != runtime.GOARCH
	if e.config, err = b.configDirectory(); err != nil {
		return nil, err
	}
	p.placeCaches(&e)
	switch {
	case a.unlocked() && p.job.Modules:
		err = p.inMadeUpModule(ctx, e)
	case p.job.Modules:
		err = p.inModules()
	default:
		err = p.inGOPATH(&e)
	}
	if err != nil {
		return nil, err
	}
	if err := p.unpackCaches(); err != nil {
		return nil, err
	}
	e.buildDir = p.job.Dir
	p.job.Env = b.settings.environment(e)
	p.job.Explain = p.explain
	p.stamp()
	p.env = p.hookEnvironment()
	p.withoutIndex()
	p.online = p.job.Env
	if err := p.openListings(); err != nil {
		return nil, err
	}
	if p.binLayer, err = b.context.Layers.Layer("bin"); err != nil {
		return nil, err
	}
	// A layer that is only for launch is not restored, but directories can be used twice.
	if err := buildcache.Remove(p.binLayer.Path); err != nil {
		return nil, err
	}
	p.binLayer.LayerTypes = libcnb.LayerTypes{Launch: true}
	p.job.OutDir = filepath.Join(p.binLayer.Path, "bin")
	return p, nil
}

// configDirectory makes a directory for XDG_CONFIG_HOME in scratch: the go
// command (from 1.23 on) finds its telemetry switched off there, git finds its own
// configuration.
func (b *build) configDirectory() (string, error) {
	dir := filepath.Join(b.scratch, "config")
	telemetry := filepath.Join(dir, "go", "telemetry")
	if err := os.MkdirAll(telemetry, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(telemetry, "mode"), []byte("off"), 0o600); err != nil {
		return "", err
	}
	users := b.settings.Env["XDG_CONFIG_HOME"]
	if users == "" {
		users = filepath.Join(b.settings.Env["HOME"], ".config")
	}
	if _, err := os.Stat(filepath.Join(users, "git")); err == nil {
		return dir, os.Symlink(filepath.Join(users, "git"), filepath.Join(dir, "git"))
	}
	return dir, nil
}

// inModules sets the job up for module mode.
func (p *project) inModules() error {
	restore, err := p.app.modules.Preserve()
	if err != nil {
		return err
	}
	p.restore = sync.OnceValue(restore) // what the image leaves out must not come back
	p.job.Mod = cmp.Or(p.job.Flags.Mod, p.app.modules.Mod(p.dist.Version))
	if len(p.job.Targets.Patterns) == 0 {
		p.job.Targets = compile.Targets{From: p.app.modules.InstallBy, Patterns: p.app.modules.Install}
	}
	p.job.Everything, err = p.app.modules.Patterns()
	return err
}

// stamp finds out what git knows of the app, and whether the revision can go into the binaries.
func (p *project) stamp() {
	env := p.build.settings.Env
	getenv := func(name string) string { return env[name] }
	workDir, top := p.build.settings.WorkDir, p.build.context.ApplicationPath
	p.repository = compile.FindRepository(workDir, top, getenv, p.job.Env, p.build.exec)
	if p.job.Dir != workDir { // a copy has no .git, but hooks run in the app
		p.job.Env = slices.Concat(p.job.Env, compile.TrustRepository(workDir, top, getenv))
		return
	}
	if p.repository.Notice != "" {
		p.build.Bodyf("%s", p.repository.Notice)
	}
	if p.job.Stamp = p.repository.Stamp; p.job.Stamp {
		p.job.Env = append(without(p.job.Env, "GIT_CONFIG_COUNT"), p.repository.Env...)
	}
}

// needsLogins tells whether downloads need logins that the app's Go cannot ask for.
func (p *project) needsLogins() bool {
	return p.build.access.AskedByGo() && !p.dist.Version.Has(toolchain.GoAuth)
}

// prefetch downloads the modules with a newer Go, into the cache from which they
// then build offline, for Go versions that know neither lists of proxies nor the
// checksum database, or not the logins that are needed.
func (p *project) prefetch(ctx context.Context) error {
	if !p.job.Modules || p.job.Mod == "vendor" || p.dist.Version.Has(toolchain.ProxyLists) && !p.needsLogins() {
		return nil
	}
	if p.app.modules.GoMod == "" && p.app.modules.GoWork == "" {
		return nil
	}
	p.job.Env = p.online
	offline := append(without(p.job.Env, "GOPROXY"), "GOPROXY=off")
	probe := p.job
	probe.Env, probe.Output = offline, io.Discard
	if _, err := probe.Prepare(); err == nil {
		p.job.Env = offline // all is there, or nothing is needed
		return nil
	}
	modern, err := p.dist.room.findModern(ctx)
	if err != nil {
		return err
	}
	env := p.build.settings.forModern(p.job.Env, modern)
	if p.dist.Version.Has(toolchain.ProxyLists) {
		// The two agree on what has to be there, but for what an old one reads that a new one does not.
		list := probe
		list.Go, list.Env = modern, env
		if plan, err := list.Prepare(); err == nil {
			if _, err := probe.Prepare(); err == nil {
				p.prefetched, p.job.Env = plan.Downloads, offline
				return nil
			}
		}
	}
	downloaded, err := p.app.modules.Download(modern, env, p.build.scratch)
	if err != nil {
		return p.refused(err)
	}
	p.prefetched, p.job.Env = downloaded, offline
	return nil
}

// processes chooses what runs in the image: the Procfile's processes, else one for each binary.
func (p *project) processes(binaries []compile.Binary) (launch.Choice, error) {
	if p.build.procfile != nil {
		dir := cmp.Or(p.startDir, startDir(p.build.procfileDir, p.build.context.ApplicationPath))
		return launch.FromProcfile(p.build.procfile, dir, p.build.shellPath())
	}
	var programs []launch.Binary
	for _, binary := range binaries {
		programs = append(programs, launch.Binary{Name: binary.Name, ImportPath: binary.Package, NamedBy: p.job.Targets.From})
	}
	return launch.FromBinaries(programs, rootName(p.modulePath()), p.processDir())
}

// missingProgram returns the program of a process when it is named as a file of
// the app's bin/ that will not be there, else "".
func (p *project) missingProgram(program string, binaries []compile.Binary) string {
	for _, dir := range p.linkDirs() {
		file := program
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, program)
		}
		if filepath.Dir(file) != filepath.Join(dir, "bin") {
			continue
		}
		if slices.ContainsFunc(binaries, func(b compile.Binary) bool { return b.Name == filepath.Base(file) }) {
			return ""
		}
		if _, err := os.Stat(file); err != nil {
			return program
		}
	}
	return ""
}

// startDir is the working directory of a process that belongs to dir, "" for the launcher's own choice, the app's root.
func startDir(dir, top string) string {
	if dir == top {
		return ""
	}
	return dir
}

// readProcfile reads the Procfile beside the code that is built, else the one in
// the app's root, before anything is compiled: its errors should not cost a build.
func (b *build) readProcfile() error {
	b.procfile, b.procfileDir = nil, ""
	for _, dir := range []string{b.settings.WorkDir, b.context.ApplicationPath} {
		lines, err := launch.ReadProcfile(filepath.Join(dir, "Procfile"))
		if err != nil {
			return err
		}
		if lines == nil {
			continue
		}
		// The commands are checked now too.
		if _, err := launch.FromProcfile(lines, "", b.shellPath()); err != nil {
			return err
		}
		b.procfile, b.procfileDir = lines, dir
		return nil
	}
	return nil
}

// linkDirs are the directories whose bin/ gets links to the binaries.
func (p *project) linkDirs() []string {
	dirs := []string{p.build.context.ApplicationPath}
	if workDir := p.build.settings.WorkDir; workDir != dirs[0] {
		dirs = append(dirs, workDir)
	}
	return dirs
}

// processDir is where the processes of the binaries start.
func (p *project) processDir() string {
	return cmp.Or(p.startDir, startDir(p.build.settings.WorkDir, p.build.context.ApplicationPath))
}

// modulePath is the path of the app's module, or its import path without one.
func (p *project) modulePath() string { return cmp.Or(p.app.modules.Path, p.importPath) }

// rootName is the name that the go command gives to a program in the root of the module modulePath.
func rootName(modulePath string) string {
	prefix, _, _ := module.SplitPathVersion(modulePath)
	return path.Base(prefix)
}
