package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// imageRegistry stands before every image name: the lifecycle wants references with a registry. Nothing is at that
// address, and nothing asks for it.
const imageRegistry = "lab.example"

// volume is what stays of an app between two builds: the lifecycle's cache and the image.
type volume struct {
	dir, name string
}

// findVolume is the volume of an image below dir, or below the cache folder when dir is empty; it need not be there.
func findVolume(cache cacheFolder, dir, name string) (volume, error) {
	if err := checkImageName(name); err != nil {
		return volume{}, err
	}
	if dir == "" {
		dir = cache.path("volumes")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return volume{}, fmt.Errorf("--volume-dir: %w", err)
	}
	return volume{dir: filepath.Join(dir, name), name: name}, nil
}

// openVolume is findVolume, with the directories made.
func openVolume(cache cacheFolder, dir, name string) (volume, error) {
	v, err := findVolume(cache, dir, name)
	if err != nil {
		return volume{}, err
	}
	for _, part := range []string{v.cache(), v.layouts()} {
		if err := os.MkdirAll(part, 0o755); err != nil {
			return volume{}, fmt.Errorf("volume of %s: %w", name, err)
		}
	}
	return v, nil
}

func (v volume) cache() string   { return filepath.Join(v.dir, "cache") }
func (v volume) layouts() string { return filepath.Join(v.dir, "layouts") }

// reference is the image's name for the lifecycle.
func (v volume) reference() string { return imageRegistry + "/" + v.name + ":latest" }

// layout is the OCI layout directory in which the lifecycle leaves the image.
func (v volume) layout() string { return filepath.Join(v.layouts(), imageRegistry, v.name, "latest") }

func (v volume) clearCache() error {
	if err := removeTree(v.cache()); err != nil {
		return fmt.Errorf("--clear-cache: %w", err)
	}
	return os.MkdirAll(v.cache(), 0o755)
}

// give makes the volume's files belong to the build's user.
func (v volume) give(to *owner) error {
	if to == nil {
		return nil
	}
	return filepath.WalkDir(v.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, to.uid, to.gid)
	})
}
