package golang

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/private"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// goLayer is the layer with the Go distribution.
const goLayer = "go"

// toolchainRoom is all that getting Go needs in one build.
type toolchainRoom struct {
	build     *build
	inventory toolchain.Inventory
	fetcher   *toolchain.Fetcher
	modern    *toolchain.ModernGo
	layer     libcnb.Layer
	// previous is the Go of an earlier build, nil for none; modernGo the one to
	// download with and compiler one to compile with that is as new, once they are there.
	previous, modernGo, compiler *toolchain.Go
}

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
	r := &toolchainRoom{build: b, inventory: inventory}
	if err := r.readPrevious(); err != nil {
		return nil, err
	}
	r.modern = &toolchain.ModernGo{
		Find:    r.findModern,
		Env:     b.settings.downloadEnvironment(),
		Scratch: filepath.Join(b.scratch, "download"),
	}
	r.fetcher = &toolchain.Fetcher{
		Download: download, Locate: locate, Bundle: filepath.Join(b.context.Buildpack.Path, "dependencies"),
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
		r.modernGo = r.previous
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
	return *r.modernGo, nil
}

// findCompiler returns a Go like findModern's that can compile too.
func (r *toolchainRoom) findCompiler(ctx context.Context) (toolchain.Go, error) {
	if r.compiler == nil {
		fetched, err := r.fetchModern(ctx, "compiling-go", nil)
		if err != nil {
			return toolchain.Go{}, err
		}
		r.compiler = &fetched
	}
	return *r.compiler, nil
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

// readPrevious remembers the Go that an earlier build left in the layer.
func (r *toolchainRoom) readPrevious() error {
	layer, err := r.build.context.Layers.Layer(goLayer)
	if err != nil {
		return err
	}
	r.layer = layer
	name, _ := layer.Metadata["version"].(string)
	previous := toolchain.Go{Root: layer.Path, Exec: r.build.exec}
	_, missing := os.Stat(previous.Command())
	if version, err := toolchain.ParseVersion(name); err == nil && missing == nil && layer.Metadata["arch"] == runtime.GOARCH {
		previous.Version = version
		r.previous = &previous
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

// contribute installs the release in its layer, or finds it there from an earlier build.
func (r *toolchainRoom) contribute(ctx context.Context, release toolchain.Release, types libcnb.LayerTypes) (toolchain.Go, libcnb.Layer, error) {
	b, layer := r.build, r.layer
	expected := map[string]any{
		"version": release.Version.String(), "arch": release.Arch,
		"sha256": release.Digest, "h1": release.ModuleSum, "trim": toolchain.TrimRules,
	}
	if r.previous != nil && maps.Equal(layer.Metadata, expected) {
		b.Bodyf("Go %s is still here from an earlier build", release.Version)
	} else {
		if err := r.moveAside(); err != nil {
			return toolchain.Go{}, layer, err
		}
		started := b.clock()
		from, err := r.fetcher.Install(ctx, release, layer.Path)
		if err != nil {
			return toolchain.Go{}, layer, r.withAlternative(release, err)
		}
		b.Bodyf("Installed Go %s from %s in %s", release.Version, from, seconds(b.clock().Sub(started)))
	}
	layer.Metadata, layer.LayerTypes = expected, types
	layer.Cache = true // so that it is there to be used again
	if !release.Version.Has(toolchain.BuildCache) {
		layer.SharedEnvironment.Override("GOROOT", layer.Path) // older ones do not find it by their own path
	}
	installed, err := toolchain.Open(layer.Path, release.Version, b.exec)
	if r.downloads(installed) {
		r.modernGo, r.compiler = &installed, &installed
	}
	return installed, layer, err
}

// moveAside makes room for another Go. The one that is there may still be needed, to download it.
func (r *toolchainRoom) moveAside() error {
	// What describes the layer goes first: a build that ends in between must not leave one Go under the name of another.
	if err := os.RemoveAll(r.layer.Path + ".toml"); err != nil {
		return err
	}
	if r.previous == nil {
		return buildcache.Remove(r.layer.Path)
	}
	aside := filepath.Join(r.build.scratch, "previous-go")
	if err := os.MkdirAll(r.build.scratch, 0o755); err != nil {
		return err
	}
	if err := os.Rename(r.layer.Path, aside); err != nil {
		return err
	}
	r.previous.Root = aside
	return nil
}
