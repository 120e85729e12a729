package golang

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/private"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Go travels from build to build in two packs: what compiling needs, and the rest,
// which hooks and other buildpacks may use. It lies unpacked in a layer of its own only
// where another buildpack or the image needs it.
const (
	goLayer     = "go"
	distLayer   = "go-dist"
	distRest    = "go-dist-rest"
	distVersion = "version"
	distArch    = "arch"
)

// toolchainRoom is all that getting Go needs in one build.
type toolchainRoom struct {
	build     *build
	inventory toolchain.Inventory
	fetcher   *toolchain.Fetcher
	modern    *toolchain.ModernGo
	// previous is the Go of an earlier build, nil for none, whose Root is "" until it is unpacked;
	// modernGo the one to download with and compiler one to compile with that is as new, once they are known.
	previous, modernGo, compiler *toolchain.Go
	// dist and rest, nil for a Go that is in one, are the packs of the Go that builds, and installed is where it will be.
	dist, rest *buildcache.Cache
	release    toolchain.Release
	installed  toolchain.Go
	// ready waits for it to be there, packed for the packs to be written.
	ready, packed func() error
	// unpacked tells that the rest is there too.
	unpacked bool
}

// nothing is what there is to wait for where nothing runs beside the build.
func nothing() error { return nil }

func (b *build) newToolchainRoom() (*toolchainRoom, error) {
	inventory, err := toolchain.ReadInventory(b.context.Buildpack.Metadata)
	if err != nil {
		return nil, err
	}
	locate, err := toolchain.NewLocate(b.context.Buildpack, b.context.Platform.Bindings, b.scratch)
	if err != nil {
		return nil, err
	}
	download := toolchain.NewDownloader(b.context.Buildpack.Info.ID + "/" + b.context.Buildpack.Info.Version)
	netrc := private.Netrc(b.settings.netrc())
	for _, c := range netrc {
		b.hide.add(c.Password)
	}
	download.Credentials = append(slices.Clip(b.access.Credentials), netrc...).For
	download.Trust(b.access.Roots())
	download.Progress = func(u *url.URL, done, total int64) {
		if total > 0 {
			b.Bodyf("%s: %s of %s", u.Redacted(), size(done), size(total))
		} else {
			b.Bodyf("%s: %s", u.Redacted(), size(done))
		}
	}
	r := &toolchainRoom{build: b, inventory: inventory, ready: nothing, packed: nothing}
	r.readPrevious()
	r.modern = &toolchain.ModernGo{
		Find:    r.findModern,
		Env:     b.settings.downloadEnvironment(),
		Scratch: filepath.Join(b.scratch, "download"),
	}
	r.fetcher = &toolchain.Fetcher{
		Download: download, Locate: locate, Bundle: toolchain.Bundle(filepath.Join(b.context.Buildpack.Path, "dependencies")),
		Proxies: b.settings.Proxies, ProxyFirst: b.settings.ProxySet, Only: b.settings.DistSource,
		Modern: r.modern, Scratch: b.scratch, Warn: b.warn,
	}
	return r, nil
}

// downloads tells whether a Go can download all that a build may need.
func (r *toolchainRoom) downloads(g toolchain.Go) bool {
	return g.Version.Has(toolchain.Toolchains) && (g.Version.Has(toolchain.GoAuth) || !r.build.access.AskedByGo())
}

// findModern returns a Go that can download modules: the build's own or that of
// an earlier build when it is new enough, else one that is fetched for this alone and gone after the build.
func (r *toolchainRoom) findModern(ctx context.Context) (toolchain.Go, error) {
	if r.modernGo == nil && r.previous != nil && r.downloads(*r.previous) {
		if err := r.unpackPrevious(); err != nil {
			return toolchain.Go{}, err
		}
	}
	if r.modernGo == nil && r.compiler == nil {
		fetched, err := r.fetchModern(ctx, "modern-go", toolchain.ForDownloads)
		if err != nil {
			return toolchain.Go{}, err
		}
		r.modernGo = &fetched
	}
	if r.modernGo == nil {
		r.modernGo = r.compiler
	}
	return r.whenReady(*r.modernGo)
}

// whenReady returns g once it is there.
func (r *toolchainRoom) whenReady(g toolchain.Go) (toolchain.Go, error) {
	if g.Root != r.installed.Root {
		return g, nil
	}
	return g, r.ready()
}

// findCompiler returns a Go like findModern's that can compile too.
func (r *toolchainRoom) findCompiler(ctx context.Context) (toolchain.Go, error) {
	if r.compiler == nil {
		fetched, err := r.fetchModern(ctx, "modern-compiler", nil)
		if err != nil {
			return toolchain.Go{}, err
		}
		r.compiler = &fetched
	}
	return r.whenReady(*r.compiler)
}

func (r *toolchainRoom) fetchModern(ctx context.Context, dir string, trim toolchain.Trim) (toolchain.Go, error) {
	release, ok := r.inventory.Newest(runtime.GOARCH, toolchain.Release.HasTarball)
	if !ok {
		return toolchain.Go{}, fmt.Errorf("the inventory has no Go for linux/%s to download with", runtime.GOARCH)
	}
	r.build.Bodyf("Fetching Go %s to download with", release.Version)
	fetcher := *r.fetcher
	fetcher.Modern = nil // it would be needed to get itself
	fetcher.Trim = trim
	root := filepath.Join(r.build.scratch, dir)
	if _, err := fetcher.Install(ctx, release, root); err != nil {
		return toolchain.Go{}, err
	}
	return toolchain.Open(root, release.Version, r.build.exec)
}

// readPrevious remembers the Go that an earlier build left.
func (r *toolchainRoom) readPrevious() {
	metadata := r.build.store.Metadata(distLayer)
	name, _ := metadata[distVersion].(string)
	if version, err := toolchain.ParseVersion(name); err == nil && metadata[distArch] == runtime.GOARCH {
		r.previous = &toolchain.Go{Version: version, Exec: r.build.exec}
	}
}

// unpackPrevious makes the Go of an earlier build the one to download with.
func (r *toolchainRoom) unpackPrevious() error {
	key := map[string]string{}
	for name, value := range r.build.store.Metadata(distLayer) {
		if text, ok := value.(string); ok && name != buildcache.FormatKey {
			key[name] = text
		}
	}
	cache, err := r.build.store.Open(distLayer, key)
	if err != nil {
		return err
	}
	root := filepath.Join(r.build.scratch, "previous-go")
	if err := cache.Unpack(root, func(name string) bool { return !toolchain.ForDownloads(name) }); err != nil {
		return err
	}
	if cache.Restored() {
		r.modernGo = &toolchain.Go{Root: root, Version: r.previous.Version, Exec: r.build.exec}
	} else {
		r.previous = nil
	}
	return nil
}

// exists tells whether there is a release that the inventory does not know. One
// that an earlier build installed is known to exist, with or without a network.
func (r *toolchainRoom) exists(ctx context.Context, v toolchain.Version, arch string) (bool, error) {
	if r.previous != nil && r.previous.Version == v {
		return true, nil
	}
	return r.modern.Exists(ctx, v, arch)
}

// resolve picks the Go that the sources ask for, tells the log why, and warns of one that is out of support.
func (r *toolchainRoom) resolve(ctx context.Context, sources, required []toolchain.Source) (toolchain.Release, error) {
	b := r.build
	resolution, err := toolchain.Resolve(ctx, r.inventory, runtime.GOARCH, sources, required, r.exists)
	if err != nil {
		return toolchain.Release{}, err
	}
	release := resolution.Release
	var rows [][]string
	for i, s := range sources {
		row := []string{s.Name, s.Text}
		switch {
		case i == 0:
			row = append(row, "-> Go "+release.Version.String())
		case s.Err != nil:
			row = append(row, "(not used, and no Go version)")
		default:
			row = append(row, "(not used)")
		}
		rows = append(rows, row)
	}
	for _, s := range required {
		rows = append(rows, []string{s.Name, s.Text, "(required too)"})
	}
	b.table(rows)
	if end := release.EndOfLife; !end.IsZero() && !b.clock().Before(end) {
		how := "Ask for a newer one (" + resolution.Source.Name + ")"
		if len(sources) == 1 {
			how = "Set BP_GO_VERSION for a newer one"
		}
		b.warn("Go %s is past its end of life: Go %s gets no fixes since %s. %s.",
			release.Version, release.Version.Line(), end.Format(time.DateOnly), how)
	}
	return release, nil
}

// withAlternative adds to an error about a release of which the inventory knows
// no checksum, and for which the checksum database has to be reached, the newest one that needs none.
func (r *toolchainRoom) withAlternative(release toolchain.Release, err error) error {
	if release.ModuleSum != "" || release.HasTarball() {
		return err
	}
	known, ok := r.inventory.Newest(release.Arch, func(candidate toolchain.Release) bool {
		return candidate.ModuleSum != "" || candidate.HasTarball()
	})
	if !ok {
		return err
	}
	return fmt.Errorf("%w\nThis buildpack's inventory has no checksum for Go %s, so that the checksum database has to be reached; "+
		"Go %s is the newest that does not need it", err, release.Version, known.Version)
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
	hooks, err := b.hasHooks()
	if err != nil {
		return goDist{}, err
	}
	goos, goarch := b.target()
	cross := goos != runtime.GOOS || goarch != runtime.GOARCH
	installed, err := room.contribute(ctx, release, needs.types, hooks || cross)
	if err != nil {
		return goDist{}, err
	}
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
