package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// writeLayout leaves image alone in an OCI layout directory, unless it is already there.
func writeLayout(dir string, image v1.Image) error {
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	if present, err := layoutImage(dir); err == nil {
		if there, err := present.Digest(); err == nil && there == digest {
			return nil
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := path.AppendImage(image); err != nil {
		return err
	}
	return makeReadable(dir)
}

// makeReadable lets every user read a layout, whose blobs are written for their owner alone. A lifecycle that cannot read
// the blobs of its run image leaves them out of the image without a word.
func makeReadable(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o644)
	})
}

// layoutImage is the one image of an OCI layout directory.
func layoutImage(dir string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) == 0 {
		return nil, fmt.Errorf("%s holds no image", dir)
	}
	return index.Image(manifest.Manifests[len(manifest.Manifests)-1].Digest)
}

// pruneLayout removes the blobs that earlier images left in a layout: the lifecycle never does.
func pruneLayout(dir string) error {
	image, err := layoutImage(dir)
	if err != nil {
		return err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	wanted := []string{digest.Hex, manifest.Config.Digest.Hex}
	for _, blob := range manifest.Layers {
		wanted = append(wanted, blob.Digest.Hex)
	}
	blobs := filepath.Join(dir, "blobs", "sha256")
	entries, err := os.ReadDir(blobs)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !slices.Contains(wanted, entry.Name()) {
			if err := os.Remove(filepath.Join(blobs, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
