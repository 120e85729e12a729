package golang

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/hook"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Directories in scratch: Go, the GOPATH with the module cache, and GOCACHE.
const (
	goDir       = "go"
	modulesDir  = "modules"
	compiledDir = "compiled"
)

// listingsLayer is the cached layer with what the go command listed.
const listingsLayer = "listings"

// mostAtOnce is how many frames are packed or unpacked at once: more would take more
// memory than a build machine may have to spare, for a second that the disk needs anyway.
const mostAtOnce = 4

// caches are the directories of a project that live on as packs.
type caches struct {
	// modules is the module cache, nil where nothing is taken from one, compiled the build cache.
	modules  *buildcache.Modules
	compiled *buildcache.Compiled
	// vendored is what was fetched for the lock of an older tool.
	vendored *folder
	folders  []*folder
	// whole tells that whole modules are needed: see partial.
	whole bool
	// unpackedFor is the choice for which the pack of modules was made that is unpacked beside the build.
	unpackedFor string
	// sourcesThere and compiledThere wait for what is unpacked beside the build.
	sourcesThere, compiledThere func() error
}

// folder is a directory that is packed as it is.
type folder struct {
	*buildcache.Cache
	dir string
	// tidy removes from it what the next build has no use for. It may be nil.
	tidy func() error
}

func (p *project) openFolder(name string, key map[string]string) (*folder, error) {
	cache, err := p.build.store.Open(name, key)
	if err != nil {
		return nil, err
	}
	f := &folder{Cache: cache, dir: filepath.Join(p.build.scratch, name)}
	p.folders = append(p.folders, f)
	p.build.cached = append(p.build.cached, cache)
	return f, nil
}

// placeCaches says where the go command finds its directories.
func (p *project) placeCaches(e *goEnvironment) {
	e.gopath = filepath.Join(p.build.scratch, modulesDir)
	e.gocache = filepath.Join(p.build.scratch, compiledDir)
}

// unpackCaches opens the packs of earlier builds and unpacks them beside the
// build: sources of modules or of what a lock names, and compiled packages as far as this Go caches any.
func (p *project) unpackCaches() error {
	b := p.build
	p.sourcesThere = p.dist.room.ready
	var err error
	switch {
	case p.job.Modules && p.job.Mod != "vendor":
		dir := filepath.Join(b.scratch, modulesDir, "pkg", "mod")
		if p.modules, err = b.store.OpenModules(dir); err != nil {
			return err
		}
		b.cached = append(b.cached, p.modules.Cache)
		sums := p.sums()
		if p.app.unlocked() {
			sums = nil // versions are yet to be found
		}
		if p.whole, err = p.needsWholeModules(); err != nil {
			return err
		}
		whole := p.whole
		p.unpackedFor = p.modules.Of()
		p.sourcesThere = b.beside(func() error { return p.modules.Unpack(sums, whole) })
	case p.app.fetches():
		if p.vendored, err = p.openFolder(vendorLayer, nil); err != nil {
			return err
		}
		p.sourcesThere = b.beside(func() error { return p.vendored.Unpack(p.vendored.dir, nil) })
	}
	if !p.dist.Version.Has(toolchain.BuildCache) {
		return nil
	}
	system, err := systemPackages("/")
	if err != nil {
		return err
	}
	p.compiled, err = b.store.OpenCompiled(filepath.Join(b.scratch, compiledDir), map[string]string{
		"go":     p.dist.Version.String(),
		"distro": b.context.TargetDistro.Name + " " + b.context.TargetDistro.Version,
	}, system)
	if err != nil {
		return err
	}
	b.cached = append(b.cached, p.compiled.Caches()...)
	// Compiled packages are what takes longest to unpack, and are needed last.
	p.compiledThere = b.beside(func() error {
		if err := p.awaitSources(); err != nil {
			return err
		}
		return p.compiled.Unpack()
	})
	return nil
}

// packageDatabases are the files in which distributions note what is installed.
var packageDatabases = []string{
	"var/lib/dpkg/status", "lib/apk/db/installed", "usr/lib/apk/db/installed",
	"var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/Packages", "var/lib/rpm/Packages.db",
}

// systemPackages stands for the packages of the system at root: it changes when one of them does.
func systemPackages(root string) (string, error) {
	sum := sha256.New()
	for _, name := range packageDatabases {
		file, err := os.Open(filepath.Join(root, name))
		if err != nil {
			continue // of another distribution, or not for this user to know
		}
		_, err = io.Copy(sum, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return "", fmt.Errorf("the list of the system's packages: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// openListings opens what the go command listed in earlier builds, where nothing but what compile.Surface stands for has a
// say in it.
func (p *project) openListings() error {
	b := p.build
	hooks, err := b.hasHooks()
	if err != nil || hooks || p.whole || b.settings.CacheOff || !p.job.Modules || p.app.unlocked() ||
		!p.dist.Version.Has(toolchain.ReadOnlyMods) || p.job.Mod == "mod" || p.sums() == nil || p.job.Flags.Has("overlay") {
		return err
	}
	folder, err := p.openFolder(listingsLayer, nil)
	if err != nil {
		return err
	}
	top, work, version := b.context.ApplicationPath, p.app.modules.GoWork, p.dist.Version.String()
	var of string
	ready := b.beside(func() error {
		var outside []string
		if work != "" {
			outside = []string{work, work + ".sum"}
		}
		if surface := compile.Surface(top, outside...); surface != "" {
			of = version + " " + surface
		}
		return nil
	})
	p.job.Listings = &compile.Listings{
		Dir: folder.dir, Of: func() string { _ = ready(); return of }, // it has no error
		Fixed: []string{top, filepath.Join(b.scratch, modulesDir)},
	}
	folder.tidy = p.job.Listings.Forget
	return folder.Unpack(folder.dir, nil)
}

// recall takes the plan of an earlier build, where nothing has changed that it rests on and all it needs was kept.
func (p *project) recall() bool {
	plan, known := p.job.Recall()
	if !known || slices.Contains(plan.Programs(), hook.PostCompile) {
		return false
	}
	if used := p.usedModules(plan); p.modules != nil && len(used.Packages) > 0 && p.unpackedFor != p.modules.Choice(used) {
		return false
	}
	p.plan, p.recalled = plan, true
	return true
}

// awaitCompiled waits for all that is unpacked. It plans anew where what was recalled needs more than is there.
func (p *project) awaitCompiled(ctx context.Context) error {
	if p.compiledThere == nil {
		return nil
	}
	if err := p.compiledThere(); err != nil {
		return err
	}
	if !p.recalled || p.modules == nil {
		return nil
	}
	if used := p.usedModules(p.plan); len(used.Packages) == 0 || p.modules.Holds(used) {
		return nil
	}
	return p.reconsider(ctx)
}

// reconsider plans anew, by what the go command says now, and says what is different.
func (p *project) reconsider(ctx context.Context) error {
	b, command := p.build, p.plan.Command()
	p.recalled = false
	if err := p.prefetch(ctx); err != nil {
		return err
	}
	var err error
	if p.plan, err = p.prepare(ctx, p.job.Output); err != nil {
		return err
	}
	p.findLicences() // of directories that may not have been there
	if origin := p.origin(p.plan); origin != p.said {
		b.Body(origin)
		p.said = origin
	}
	if now := p.plan.Command(); now != command {
		b.Body(now)
	}
	return nil
}

// sums are the modules that the app names, nil where nobody knows: another file may have taken the place of go.mod.
func (p *project) sums() buildcache.Sums {
	if p.job.Flags.Has("modfile") {
		return nil
	}
	return p.app.modules.Sums()
}

// awaitSources waits for Go and the sources of dependencies to be there.
func (p *project) awaitSources() error {
	if err := p.dist.room.ready(); err != nil {
		return err
	}
	return p.sourcesThere()
}

// needsWholeModules tells whether something may read more of a module than the
// packages that the last build used, or would not fail where it finds them missing: hooks; a Go that
// adds requirements to go.mod by itself for what it does not find; versions that are yet to be found, or that
// nobody knows; patterns that match packages of other modules.
func (p *project) needsWholeModules() (bool, error) {
	hooks, err := p.build.hasHooks()
	pattern := func(target string) bool { return strings.Contains(target, "...") && !strings.HasPrefix(target, ".") }
	return hooks || p.sums() == nil || !p.dist.Version.Has(toolchain.ReadOnlyMods) || p.job.Mod != "readonly" || p.app.unlocked() ||
		slices.ContainsFunc(p.job.Targets.Patterns, pattern), err
}

// withoutIndex keeps the go command from its index of modules: one that was made of a
// part is wrong for the whole, and the reverse, and a newer Go may list them for one that knows of no index.
func (p *project) withoutIndex() {
	value := "goindex=0"
	if users := p.build.settings.Env["GODEBUG"]; users != "" {
		value = users + "," + value
	}
	p.job.Env = append(without(p.job.Env, "GODEBUG"), "GODEBUG="+value)
}

// prepare finds the programs and their packages, and fetches what they need. What
// a C compiler reads has to be there in whole: where a header is missing it may find another one of that name.
func (p *project) prepare(ctx context.Context, output io.Writer) (plan compile.Plan, err error) {
	for {
		err = p.withWhole(ctx, output, func(string) bool { return false }, func(output io.Writer) error {
			job := p.job
			job.Output = output
			plan, err = job.Prepare()
			return err
		})
		if err != nil {
			return plan, err
		}
		if more, err := p.completeFor(ctx, plan); err != nil || !more {
			return plan, err
		}
		if err := p.prefetch(ctx); err != nil {
			return plan, err
		}
	}
}

// completeFor makes room for whole modules that the plan needs, and tells whether there are any.
func (p *project) completeFor(ctx context.Context, plan compile.Plan) (bool, error) {
	if !p.whole && slices.Contains(plan.Programs(), hook.PostCompile) { // it may run the go command itself
		p.whole = true
		if p.partial() > 0 {
			return p.complete(ctx, "")
		}
		_, err := p.dist.room.complete(ctx)
		return false, err
	}
	if p.modules == nil {
		return false, nil
	}
	var cgo []string
	for _, d := range plan.Dependencies() {
		if d.Cgo {
			cgo = append(cgo, d.Module)
		}
	}
	completed, err := p.modules.CompleteOnly(cgo)
	return completed > 0, err
}

// compile builds the programs. Where that fails by a plan of an earlier build, what the go command says now has the last word.
func (p *project) compile(ctx context.Context) ([]compile.Binary, error) {
	if err := p.awaitCompiled(ctx); err != nil {
		return nil, err
	}
	if !p.recalled {
		return p.follow(ctx, p.job.Output)
	}
	first, command := &attempt{}, p.plan.Command()
	binaries, err := p.follow(ctx, &first.said)
	if first.err = err; err == nil {
		return binaries, first.tell(p.job.Output)
	}
	if err := p.reconsider(ctx); err != nil {
		return nil, err
	}
	if p.plan.Command() == command {
		return nil, first.tell(p.job.Output)
	}
	return p.follow(ctx, p.job.Output)
}

// follow builds by the plan.
func (p *project) follow(ctx context.Context, output io.Writer) (binaries []compile.Binary, err error) {
	again := false
	err = p.withWhole(ctx, output, p.plan.OwnFault, func(output io.Writer) error {
		if again {
			job := p.job
			job.Output = output
			if p.plan, err = job.Prepare(); err != nil {
				return err
			}
		}
		again = true
		if err := p.serveCgo(); err != nil {
			return err
		}
		binaries, err = p.plan.To(output).Build()
		return err
	})
	return binaries, err
}

// serveCgo has a build with cgo begin without what was compiled with other headers.
func (p *project) serveCgo() error {
	if p.compiled == nil || !p.plan.Cgo.Enabled {
		return nil
	}
	served, err := p.compiled.ForCgo()
	if err == nil && !served {
		p.build.Body("The system's packages have changed, so that all is compiled again")
	}
	return err
}

// attempt is a run of the go command: what it said and how it ended.
type attempt struct {
	said bytes.Buffer
	err  error
}

// tell hands on what was said, and the error.
func (a *attempt) tell(output io.Writer) error {
	_, _ = output.Write(a.said.Bytes()) // the log
	return a.err
}

// withWhole runs the go command. Where it fails and not all of each module is
// there, or of Go, it runs once more with what its words name in whole, and a last time with all
// of them: only then does an error count. final tells by its words that more of them would change nothing.
func (p *project) withWhole(ctx context.Context, output io.Writer, final func(said string) bool, run func(io.Writer) error) error {
	if p.partial() == 0 && p.dist.room.unpacked {
		return run(output)
	}
	var first *attempt
	for {
		last := &attempt{}
		last.err = run(&last.said)
		if last.err == nil || final(last.said.String()) {
			return last.tell(output)
		}
		text := ""
		if first == nil {
			text = last.said.String() + "\n" + last.err.Error()
		}
		switch more, err := p.complete(ctx, text); {
		case err != nil:
			return err
		case !more && first != nil && p.modules != nil && p.modules.Missing() > 0:
			return first.tell(output) // no module came, so that it stands as it was; more often than not for the same reason
		case !more:
			return last.tell(output)
		}
		if first == nil {
			first = last
		}
		if err := p.prefetch(ctx); err != nil {
			p.build.Bodyf("They cannot be fetched: %s", err)
			return first.tell(output)
		}
	}
}

// partial is the number of modules that are there in part.
func (p *project) partial() int {
	if p.modules == nil {
		return 0
	}
	return p.modules.Partial()
}

// ofGoItself matches what the go command says when it misses a part of itself.
var ofGoItself = regexp.MustCompile(`\bcmd/|no such tool|is not in (std|GOROOT)`)

// complete makes room for the whole of what the go command's words name, all for
// "", and tells whether there is any more than before.
func (p *project) complete(ctx context.Context, said string) (more bool, err error) {
	if p.partial() > 0 {
		completed, err := p.modules.Complete(said)
		if err != nil {
			return false, err
		}
		p.build.Bodyf("Looking again, with the whole of %s", count(completed, "module"))
		more = true
	}
	if more || said == "" || ofGoItself.MatchString(said) {
		unpacked, err := p.dist.room.complete(ctx)
		return more || unpacked, err
	}
	return false, nil
}

// packCaches begins to pack what the next build can use, and to remove what has been packed: thousands of files, while
// there is other work.
func (p *project) packCaches() {
	b := p.build
	if p.modules != nil {
		selection := p.usedModules(p.plan) // now, while the app has its go.sum
		b.beside(func() error {
			if err := p.modules.Keep(selection); err != nil {
				return fmt.Errorf("sources of modules: %w", err)
			}
			_ = p.licencesRead() // the build has had the error of what it waits for
			return buildcache.Remove(filepath.Join(b.scratch, modulesDir))
		})
	}
	if p.compiled != nil {
		p.compiled.All = p.whole
		b.beside(func() error {
			if err := p.compiled.Keep(); err != nil {
				return err
			}
			return buildcache.Remove(filepath.Join(b.scratch, compiledDir))
		})
	}
	b.beside(p.dist.room.discard)
	for _, f := range p.folders {
		b.beside(func() error {
			if f.tidy != nil {
				if err := f.tidy(); err != nil {
					return err
				}
			}
			files, err := b.store.Files(f.dir, nil)
			if err != nil {
				return err
			}
			return f.Keep(buildcache.Content{Files: files})
		})
	}
}

// usedModules says what of the module cache a build can use that follows this plan.
func (p *project) usedModules(plan compile.Plan) buildcache.Selection {
	s := buildcache.Selection{
		Sums:  p.sums(),
		Whole: p.whole,
	}
	for _, d := range plan.Dependencies() {
		s.Packages = append(s.Packages, buildcache.Used{Dir: d.Dir, Module: d.Module, Cgo: d.Cgo})
	}
	return s
}
