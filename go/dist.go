package golang

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// contribute puts the release where the build finds it, from the packs of an earlier
// build or from elsewhere. It may still be on its way when contribute returns: see
// ready. The layer is one only where types asks for it to be used by others; all tells that
// more of Go is needed than compiling takes.
func (r *toolchainRoom) contribute(ctx context.Context, release toolchain.Release, types libcnb.LayerTypes, all bool) (toolchain.Go, error) {
	b := r.build
	layer, err := r.replaceLayer(release)
	if err != nil {
		return toolchain.Go{}, err
	}
	root := filepath.Join(b.scratch, goDir)
	if types.Build || types.Launch {
		root, all = layer.Path, true
		layer.LayerTypes = types
		if !release.Version.Has(toolchain.BuildCache) {
			layer.SharedEnvironment.Override("GOROOT", root) // older ones do not find it by their own path
		}
		b.result.Layers = append(b.result.Layers, layer)
	}
	r.release, r.installed = release, toolchain.Go{Root: root, Version: release.Version, Exec: b.exec}
	if !r.restored() {
		return r.installed, r.install(ctx)
	}
	b.Bodyf("Go %s is still here from an earlier build", release.Version)
	r.useInstalled()
	r.dist.KeepAll()
	if r.rest != nil {
		r.rest.KeepAll()
	}
	r.unpacked = all || r.rest == nil
	r.ready = b.beside(func() error { return r.unpack(ctx, all) })
	return r.installed, nil
}

// restored tells whether an earlier build left the whole of the Go that builds.
func (r *toolchainRoom) restored() bool {
	return r.dist.Restored() && (r.rest == nil || r.rest.Restored())
}

// useInstalled makes the Go that builds the one to download with too, if it can.
func (r *toolchainRoom) useInstalled() {
	if r.downloads(r.installed) {
		r.modernGo, r.compiler = &r.installed, &r.installed
	}
}

// replaceLayer removes what an earlier build left of another Go, and opens the packs. The one that
// is there may still be needed, to download the one that comes.
func (r *toolchainRoom) replaceLayer(release toolchain.Release) (layer libcnb.Layer, err error) {
	b := r.build
	if r.modernGo == nil && r.previous != nil && r.previous.Version != release.Version && r.downloads(*r.previous) {
		if err := r.unpackPrevious(); err != nil {
			return layer, err
		}
	}
	if layer, err = b.context.Layers.Layer(goLayer); err != nil {
		return layer, err
	}
	// What describes the layer goes first: a build that ends in between must not leave one Go under the name of another.
	if err := errors.Join(os.RemoveAll(layer.Path+".toml"), buildcache.Remove(layer.Path)); err != nil {
		return layer, err
	}
	key := map[string]string{
		distVersion: release.Version.String(), distArch: release.Arch,
		"sha256": release.Digest, "h1": release.ModuleSum, "trim": toolchain.TrimRules,
	}
	layer.Metadata = map[string]any{}
	for name, value := range key {
		layer.Metadata[name] = value
	}
	if r.dist, err = b.store.Open(distLayer, key); err != nil {
		return layer, err
	}
	b.cached = append(b.cached, r.dist)
	if toolchain.Seldom(release.Version, release.Arch) != nil {
		r.rest, err = b.store.Open(distRest, key)
		b.cached = append(b.cached, r.rest)
	}
	return layer, err
}

// unpack unpacks Go. What is damaged is fetched anew.
func (r *toolchainRoom) unpack(ctx context.Context, all bool) error {
	err := r.dist.Unpack(r.installed.Root, nil)
	if err == nil && all && r.rest != nil && r.dist.Restored() {
		err = r.rest.Unpack(r.installed.Root, nil)
	}
	if err != nil {
		return err
	}
	if !r.restored() {
		return r.install(ctx)
	}
	return r.installed.Settle()
}

// complete unpacks the rest of Go, and tells whether there was any to unpack.
func (r *toolchainRoom) complete(ctx context.Context) (bool, error) {
	if r.unpacked {
		return false, nil
	}
	r.unpacked = true
	if err := r.rest.Unpack(r.installed.Root, nil); err != nil {
		return true, err
	}
	if !r.rest.Restored() {
		return true, r.install(ctx)
	}
	return true, nil
}

// install fetches Go, and begins to pack it.
func (r *toolchainRoom) install(ctx context.Context) error {
	b, root := r.build, r.installed.Root
	if err := buildcache.Remove(root); err != nil {
		return err
	}
	started := b.clock()
	if r.modernGo != nil && r.modernGo.Root == root { // what was damaged cannot fetch itself
		r.modernGo, r.compiler = nil, nil
	}
	from, err := r.fetcher.Install(ctx, r.release, root)
	if err != nil {
		return r.withAlternative(r.release, err)
	}
	r.useInstalled()
	b.Bodyf("Installed Go %s from %s in %s", r.release.Version, from, seconds(b.clock().Sub(started)))
	r.unpacked = true
	r.packed = b.beside(r.pack)
	return nil
}

// pack packs Go for the next build.
func (r *toolchainRoom) pack() error {
	files, err := r.build.store.Files(r.installed.Root, nil)
	if err != nil {
		return err
	}
	seldom := toolchain.Seldom(r.release.Version, r.release.Arch)
	var dist, rest []buildcache.File
	for _, f := range files {
		if seldom != nil && seldom(f.Name) {
			rest = append(rest, f)
		} else {
			dist = append(dist, f)
		}
	}
	if err := r.dist.Keep(buildcache.Content{Files: dist}); err != nil {
		return err
	}
	if r.rest == nil {
		return nil
	}
	return r.rest.Keep(buildcache.Content{Files: rest})
}

// discard removes the Go that has compiled all there is, once it is packed.
func (r *toolchainRoom) discard() error {
	if r.packed != nil {
		if err := r.packed(); err != nil {
			return err
		}
	}
	return buildcache.Remove(filepath.Join(r.build.scratch, goDir)) // a layer of Go lies elsewhere
}
