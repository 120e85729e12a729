package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// publishing are the references of a build that goes to a registry, rather than to a layout. Without a cacheImage the
// cache is a directory.
type publishing struct {
	image, cacheImage, runImage string
}

// registryWay runs the lifecycle alone, which publishes the image and keeps its cache as an image: what a platform does
// that has no disk to keep.
type registryWay struct {
	*benchBuild
	site  *benchRegistry
	begun int
	kept  map[string]v1.Image // by reference
}

func (w *registryWay) name() string         { return "registry" }
func (w *registryWay) measures(string) bool { return true }

func (w *registryWay) references() publishing {
	repository := fmt.Sprintf("%s/bench-%d/", w.site.address, w.begun)
	return publishing{image: repository + "app:latest", cacheImage: repository + "cache:latest", runImage: w.site.runImage()}
}

// begin turns to repositories that do not exist yet: to them the registry says that it has no layer.
func (w *registryWay) begin(context.Context) error {
	w.begun++
	w.kept = nil
	return nil
}

func (w *registryWay) build(ctx context.Context, c benchChange, log *benchLog) ([]figures.Sample, error) {
	references := w.references()
	had, err := w.cachedBefore(ctx, references.cacheImage)
	if err != nil {
		return nil, err
	}
	built, err := build(ctx, buildOptions{
		app: c.dir, image: benchImage, env: w.variables(c), buildpacks: []string{w.buildpack},
		volumeDir: filepath.Join(w.scratch, "registry-volume"), runImage: runTiny, out: log, publish: &references,
	})
	if err != nil {
		return nil, err
	}
	sample := w.sample(log.text(), built.Durations.Phases)
	sample.Seconds = built.Durations.Lifecycle
	if sample.Image, err = w.site.describe(ctx, references.image); err != nil {
		return nil, err
	}
	cache, err := w.site.image(ctx, references.cacheImage)
	if err != nil {
		return nil, err
	}
	uploaded, err := newLayers(cache, had)
	sample.Uploaded = &uploaded
	return []figures.Sample{sample}, err
}

// cachedBefore are the layers of the cache image that the build is going to find; none where there is no image yet.
func (w *registryWay) cachedBefore(ctx context.Context, reference string) (map[v1.Hash]bool, error) {
	had := map[v1.Hash]bool{}
	if w.kept == nil {
		return had, nil
	}
	image, err := w.site.image(ctx, reference)
	if err != nil {
		return nil, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	for _, layer := range manifest.Layers {
		had[layer.Digest] = true
	}
	return had, nil
}

// newLayers is the size of the layers of an image that are not in had.
func newLayers(image v1.Image, had map[v1.Hash]bool) (int64, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return 0, err
	}
	var size int64
	for _, layer := range manifest.Layers {
		if !had[layer.Digest] {
			size += layer.Size
		}
	}
	return size, nil
}

// keep remembers what the tags stand for; rewind lets them stand for it again. Layers of later builds stay in the
// registry, but nothing refers to them.
func (w *registryWay) keep(ctx context.Context) (err error) {
	references := w.references()
	w.kept, err = w.site.tagged(ctx, references.image, references.cacheImage)
	return err
}

func (w *registryWay) rewind(ctx context.Context) error { return w.site.tag(ctx, w.kept) }

// tagged is what tags stand for.
func (r *benchRegistry) tagged(ctx context.Context, references ...string) (map[string]v1.Image, error) {
	images := map[string]v1.Image{}
	for _, reference := range references {
		image, err := r.image(ctx, reference)
		if err != nil {
			return nil, err
		}
		images[reference] = image
	}
	return images, nil
}

// tag lets tags stand for what tagged has found.
func (r *benchRegistry) tag(ctx context.Context, images map[string]v1.Image) error {
	for reference, image := range images {
		tag, err := name.NewTag(reference)
		if err != nil {
			return err
		}
		if err := remote.Tag(tag, image, remote.WithContext(ctx)); err != nil {
			return err
		}
	}
	return nil
}

func (w *registryWay) end(context.Context) error {
	return removeTree(filepath.Join(w.scratch, "registry-volume"))
}
