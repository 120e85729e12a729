package golang

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// vendorLayer is the cached layer with the code of what a lock names.
const vendorLayer = "vendor"

// vendorExperiment is the variable that Go 1.5 and 1.6 look at.
const vendorExperiment = "GO15VENDOREXPERIMENT"

// locked is what became of the projects of a lock.
type locked struct {
	// said is a line for the log, "" where the app has no lock.
	said string
	// modules are the modules that hold the projects' code, PATH@VERSION, where they were fetched.
	modules []string
	// fetched tells that the dependencies are not the committed ones.
	fetched bool
}

// checkImportPath returns an error where the app's tool needs an import path that nobody says, or that is none.
func (s Settings) checkImportPath(a app) error {
	m := a.manifest
	switch {
	case !a.tool.Legacy() || a.tool == deps.GB:
		return nil
	case m.ImportPath != "":
		return deps.CheckImportPath(m.File, m.ImportPath)
	case s.ImportPath == "":
		return fmt.Errorf("%s does not say the app's import path, under which its packages import each other: add\n%s\nto it, or set BP_GO_BUILD_IMPORT_PATH",
			m.File, m.ImportPathLine)
	}
	return nil
}

// inGOPATH sets the job up for an app without modules: a copy in a GOPATH, where its imports are found.
func (p *project) inGOPATH(e *goEnvironment) error {
	b, m := p.build, p.app.manifest
	p.importPath = cmp.Or(m.ImportPath, b.settings.ImportPath)
	if p.importPath == "" && p.app.tool == deps.None {
		p.importPath = "app"
		b.Bodyf("Its import path is taken to be %q: set BP_GO_BUILD_IMPORT_PATH if its packages import each other", p.importPath)
	}
	e.gopath = filepath.Join(b.scratch, "gopath")
	var dropped []string
	if p.job.Flags, dropped = p.job.Flags.WithoutModules(); len(dropped) > 0 {
		b.Bodyf("%s is not used: the app is built without modules", strings.Join(dropped, ", "))
	}
	e.goflags = p.job.Flags.GoFlags
	if len(p.job.Targets.Patterns) == 0 {
		p.job.Targets = compile.Targets{From: m.InstallBy, Patterns: m.Install}
	}
	p.job.Missing = missing(p.app.tool, m)
	p.job.ImportDirs = []string{"vendor"}
	if p.app.tool == deps.GB {
		p.job.ImportDirs = []string{"src", "vendor/src"}
		p.job.Everything = []string{"./src/..."}
		p.job.Dir = e.gopath
		p.vendor = filepath.Join(e.gopath, "vendor", "src")
		e.moreGOPATH = []string{filepath.Join(e.gopath, "vendor")}
		return deps.CopyTree(b.settings.WorkDir, e.gopath)
	}
	p.job.Dir = filepath.Join(e.gopath, "src", filepath.FromSlash(p.importPath))
	if err := deps.CopyTree(b.settings.WorkDir, p.job.Dir); err != nil {
		return err
	}
	if workspace := filepath.Join(p.job.Dir, "Godeps", "_workspace"); p.app.tool.Legacy() && isDir(workspace) {
		e.moreGOPATH = append(e.moreGOPATH, workspace)
	}
	return p.placeVendor(e)
}

// missing says what to do about an import that leads nowhere.
func missing(tool deps.Tool, m deps.Manifest) string {
	switch {
	case m.AsIs != "":
		return "a package that is imported is not among the committed ones, and nothing is fetched, since " + m.AsIs +
			": commit all that the app imports, or remove what keeps the build from fetching"
	case len(m.Projects) > 0:
		return m.Lock + " does not lock the package, or its project has it no more at the locked revision: lock the app anew with " +
			string(tool) + " and commit " + m.Lock
	case m.LockAdvice != "":
		return "a package that is imported is not there, and nothing is locked: " + m.LockAdvice
	}
	return ""
}

// placeVendor decides where the go command finds dependencies: in vendor/, or
// with a Go that does not look there in a workspace of their own.
func (p *project) placeVendor(e *goEnvironment) error {
	v, users := p.dist.Version, p.build.settings.Env[vendorExperiment]
	p.vendor = filepath.Join(p.job.Dir, "vendor")
	switch {
	case v.Has(toolchain.VendorAlways):
		if users != "" {
			p.build.warn("%s is set, but Go %s does not know it: vendor/ is always used. Unset the variable", vendorExperiment, v)
		}
		return nil
	case v.Has(toolchain.VendorOnDemand) && users != "0":
		e.vendorExperiment = "1"
		return nil
	}
	workspace := filepath.Join(p.build.scratch, "dependencies")
	e.moreGOPATH = append(e.moreGOPATH, workspace)
	committed := p.vendor
	p.vendor = filepath.Join(workspace, "src")
	if err := os.MkdirAll(workspace, 0o755); err != nil {
		return err
	}
	return moveDir(committed, p.vendor)
}

// moveDir moves a directory, or what a link to one leads to, if it is there.
func moveDir(from, to string) error {
	real, err := filepath.EvalSymlinks(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Rename(real, to); err != nil {
		return err
	}
	if real == from {
		return nil
	}
	return os.RemoveAll(from) // a link that leads nowhere now
}

// fetchLocked puts what the app's lock names where the go command finds it.
func (p *project) fetchLocked(ctx context.Context) error {
	m := p.app.manifest
	switch {
	case p.job.Modules:
		return nil
	case m.AsIs != "":
		p.locked.said = "Not fetched: " + m.AsIs
		return nil
	case !p.app.fetches():
		return nil
	}
	committed := filepath.Join(p.build.settings.WorkDir, "vendor")
	same, err := m.Matches(committed)
	if err != nil {
		return err
	}
	if same {
		p.locked.said = "Not fetched: vendor/ matches " + m.Lock
		return nil
	}
	fetched, err := p.fetchProjects(ctx, m)
	if err == nil {
		return p.layOut(m, fetched)
	}
	if !deps.HasPackages(committed, m.Projects) {
		return err
	}
	p.build.warn("The projects of %s cannot be fetched, so that the committed vendor/ is used as it is, which has all of their packages. What went wrong: %s", m.Lock, err)
	p.locked.said = "Those of the committed vendor/"
	return nil
}

// fetchProjects fetches the projects of the lock, or finds them in the cache.
func (p *project) fetchProjects(ctx context.Context, m deps.Manifest) (deps.Fetched, error) {
	b := p.build
	fetcher := deps.Fetcher{
		Find: func() (toolchain.Go, error) {
			modern, err := p.dist.room.findModern(ctx)
			if err == nil {
				b.Bodyf("Fetching what %s names with Go %s", m.Lock, modern.Version)
			}
			return modern, err
		},
		Env:    without(p.job.Env, "PATH"),
		Serves: b.access.Serves,
		Store:  p.vendored.dir, Scratch: filepath.Join(b.scratch, "fetch"),
	}
	fetcher.Env = append(fetcher.Env, "PATH="+b.settings.Env["PATH"])
	fetched, err := fetcher.Fetch(m.Projects)
	if len(fetched.ByCommit) > 0 {
		b.Bodyf("The checksum database does not know %s: the locked commit tells that it is the right code", strings.Join(fetched.ByCommit, ", "))
	}
	return fetched, p.refused(err)
}

// layOut puts the projects where the go command finds them, in place of those
// that are committed.
func (p *project) layOut(m deps.Manifest, fetched deps.Fetched) error {
	b := p.build
	aside := filepath.Join(b.scratch, "committed-vendor")
	if err := moveDir(p.vendor, aside); err != nil {
		return err
	}
	if err := fetched.Vendor(m.Projects, p.vendor); err != nil {
		return err
	}
	if !m.Exact && isDir(aside) {
		if err := deps.AddMissing(aside, p.vendor); err != nil {
			return err
		}
	}
	unproven, err := fetched.Unproven(m, p.vendor)
	if err != nil {
		return err
	}
	if len(unproven) > 0 {
		b.warn("Fetched by tag, since the revision could not be asked for: %s. Nobody said whether the tag still is the locked revision", strings.Join(unproven, ", "))
	}
	p.locked = locked{fetched: true, modules: fetched.Modules()}
	downloads := "none downloaded"
	if fetched.Downloads > 0 {
		downloads = fmt.Sprintf("%d downloaded", fetched.Downloads)
	}
	p.locked.said = fmt.Sprintf("%s of %s, %s", count(fetched.Count(), "module"), m.Lock, downloads)
	return nil
}

// origin says for the log where the dependencies come from.
func (p *project) origin(plan compile.Plan) string {
	switch {
	case p.locked.said != "":
		return p.locked.said
	case p.app.unlocked() && plan.Modules > 0:
		return count(plan.Modules, "module") + " at the latest versions"
	case plan.Modules == 0 && p.vendor != "" && deps.HasGo(p.vendor, true):
		return "From the app's vendor directory"
	case plan.Modules == 0:
		return "The standard library and the app's own packages"
	case p.prefetched > 0:
		return count(p.prefetched, "module") + " downloaded with a newer Go"
	case p.job.Mod == "vendor":
		return count(plan.Modules, "module") + ", from the app's vendor directory"
	case plan.Downloads == 0:
		return count(plan.Modules, "module") + ", none downloaded"
	default:
		return fmt.Sprintf("%s, %d downloaded", count(plan.Modules, "module"), plan.Downloads)
	}
}

// inMadeUpModule sets the job up for an app whose tool knows no lock: a copy
// that is made a module, with the latest versions of what it imports.
func (p *project) inMadeUpModule(ctx context.Context, e goEnvironment) error {
	b := p.build
	if err := p.dist.room.ready(); err != nil {
		return err
	}
	p.importPath = cmp.Or(p.app.manifest.ImportPath, b.settings.ImportPath)
	dir := filepath.Join(b.scratch, "module")
	if err := deps.CopyTree(b.settings.WorkDir, dir); err != nil {
		return err
	}
	p.job.Dir, p.job.Everything = dir, []string{"./..."}
	maker, env := p.dist.Go, b.settings.environment(e)
	if !maker.Version.Has(toolchain.ReadOnlyMods) || p.needsLogins() {
		var err error
		if maker, err = p.dist.room.findCompiler(ctx); err != nil {
			return err
		}
		env = b.settings.forModern(env, maker)
	}
	b.warn("%s locks no versions: the latest ones are fetched, and another build may get others", p.app.manifest.File)
	p.made = &deps.MadeModule{Maker: maker, Env: env, Dir: dir}
	if err := p.made.Init(p.importPath, p.dist.Version); err != nil {
		return err
	}
	var err error
	if p.app.modules, err = deps.LoadModules(dir, dir, "off"); err != nil {
		return err
	}
	p.job.Mod = cmp.Or(p.job.Flags.Mod, p.app.modules.Mod(p.dist.Version))
	return nil
}

// fetchLatest fetches what an app imports whose tool knows no lock.
func (p *project) fetchLatest() error {
	if p.made == nil {
		return nil
	}
	if err := p.made.GetLatest(); err != nil {
		return p.refused(err)
	}
	return nil
}

// hintAtModules says once, at the end of a build with an older tool, what moving on takes.
func (b *build) hintAtModules(p *project) {
	if !p.app.tool.Legacy() {
		return
	}
	why := string(p.app.tool) + " is no longer developed"
	if p.app.tool == deps.Godir {
		why = ".godir is from before Go had modules"
	}
	if end := p.dist.endOfLife; !end.IsZero() && !b.clock().Before(end) {
		why += fmt.Sprintf(", and Go %s gets no fixes since %s", p.dist.Version, end.Format("2006-01-02"))
	}
	b.Headerf("To move to modules (%s)", why)
	name := cmp.Or(p.importPath, "example.com/team/app")
	b.Bodyf("With a current Go: go mod init %s", name)
	const most = 8
	if modules := p.locked.modules; len(modules) > 0 && len(modules) <= most {
		b.Bodyf("go get %s", strings.Join(modules, " "))
	} else if len(p.app.manifest.Projects) > 0 {
		b.Bodyf("go get MODULE@REVISION for each project of %s", p.app.manifest.Lock)
	}
	b.Body("go mod tidy, then commit go.mod and go.sum and remove the files of " + string(p.app.tool))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
