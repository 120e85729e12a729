package golang

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2"

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
	// found is the modern Go once it is there.
	found *toolchain.Go
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
	download.Credentials = b.settings.netrcCredentials
	download.Progress = func(u *url.URL, done, total int64) {
		if total > 0 {
			b.Bodyf("%s: %s of %s", u.Redacted(), size(done), size(total))
		} else {
			b.Bodyf("%s: %s", u.Redacted(), size(done))
		}
	}
	r := &toolchainRoom{build: b, inventory: inventory}
	r.modern = &toolchain.ModernGo{
		Find:    r.findModern,
		Env:     b.settings.downloadEnvironment(),
		Scratch: filepath.Join(b.scratch, "download"),
	}
	r.fetcher = &toolchain.Fetcher{
		Download: download, Locate: locate, Bundle: filepath.Join(b.context.Buildpack.Path, "dependencies"),
		Proxies: b.settings.Proxies, ProxyFirst: b.settings.ProxySet, Only: b.settings.DistSource,
		Modern: r.modern, Scratch: b.scratch, Log: b.warn,
	}
	return r, nil
}

// findModern returns a Go that can download others: that of an earlier build
// when it is new enough, else one that is fetched for this alone and gone after the build.
func (r *toolchainRoom) findModern(ctx context.Context) (toolchain.Go, error) {
	if r.found != nil {
		return *r.found, nil
	}
	if restored, ok := r.restored(); ok && restored.Version.Has(toolchain.Toolchains) {
		r.found = &restored
		return restored, nil
	}
	release, ok := r.inventory.Newest(runtime.GOARCH, toolchain.Release.HasTarball)
	if !ok {
		return toolchain.Go{}, fmt.Errorf("the inventory has no Go for linux/%s to download with", runtime.GOARCH)
	}
	r.build.Bodyf("Fetching Go %s to download with", release.Version)
	fetcher := *r.fetcher
	fetcher.Modern = nil // it would be needed to get itself
	root := filepath.Join(r.build.scratch, "modern-go")
	if _, err := fetcher.Install(ctx, release, root); err != nil {
		return toolchain.Go{}, err
	}
	modern, err := toolchain.Open(root, release.Version, r.build.exec)
	if err != nil {
		return toolchain.Go{}, err
	}
	r.found = &modern
	return modern, nil
}

// restored returns the Go that an earlier build left in the layer.
func (r *toolchainRoom) restored() (toolchain.Go, bool) {
	layer, err := r.build.context.Layers.Layer(goLayer)
	if err != nil {
		return toolchain.Go{}, false
	}
	name, _ := layer.Metadata["version"].(string)
	version, err := toolchain.ParseVersion(name)
	if err != nil || layer.Metadata["arch"] != runtime.GOARCH {
		return toolchain.Go{}, false
	}
	restored := toolchain.Go{Root: layer.Path, Version: version, Exec: r.build.exec}
	_, err = os.Stat(restored.Command())
	return restored, err == nil
}

// exists tells whether there is a release that the inventory does not know. One
// that an earlier build installed is known to exist, with or without a network.
func (r *toolchainRoom) exists(ctx context.Context, v toolchain.Version, arch string) (bool, error) {
	if restored, ok := r.restored(); ok && restored.Version == v {
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
		b.warn("Go %s is past its end of life: Go %s gets no fixes since %s. Ask for a newer one (%s).",
			release.Version, release.Version.Line(), end.Format(time.DateOnly), resolution.Source.Name)
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
	b := r.build
	layer, err := b.context.Layers.Layer(goLayer)
	if err != nil {
		return toolchain.Go{}, layer, err
	}
	expected := map[string]any{
		"version": release.Version.String(), "arch": release.Arch,
		"sha256": release.Digest, "h1": release.ModuleSum, "trim": toolchain.TrimRules,
	}
	types.Cache = true // so that a restored layer is there to be reused
	reused := true
	contributor := libpak.NewLayerContributor("Go", expected, types, quiet)
	err = contributor.Contribute(&layer, func(layer *libcnb.Layer) error {
		reused = false
		started := b.clock()
		if err := os.Remove(layer.Path); err != nil { // empty; the distribution takes its place as a whole
			return err
		}
		from, err := r.fetcher.Install(ctx, release, layer.Path)
		if err != nil {
			return r.withAlternative(release, err)
		}
		b.Bodyf("Installed Go %s from %s in %s", release.Version, from, seconds(b.clock().Sub(started)))
		return nil
	})
	if err != nil {
		return toolchain.Go{}, layer, err
	}
	if reused {
		b.Bodyf("Go %s is still here from an earlier build", release.Version)
	}
	installed, err := toolchain.Open(layer.Path, release.Version, b.exec)
	return installed, layer, err
}
