// Package buildcache keeps the go command's directories from one build to the next.
package buildcache

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"
)

// Cache is one directory that the lifecycle restores before a build and stores after it.
type Cache struct {
	layer    libcnb.Layer
	restored bool
}

// Usage is what a cache holds, in files and bytes.
type Usage struct {
	Files int
	Bytes int64
}

// Open returns the cache called name, which is the name of its layer: not build,
// launch or store, since the lifecycle takes those .toml files for others of the
// specification and does not restore the layer. Its content is kept as long as it was
// written under the same key, values that TOML holds as strings; it is removed
// otherwise, so that what no build can use any more does not travel on for ever.
func Open(layers libcnb.Layers, name string, key map[string]string) (*Cache, error) {
	layer, err := layers.Layer(name)
	if err != nil {
		return nil, err
	}
	want := make(map[string]any, len(key))
	for k, v := range key {
		want[k] = v
	}
	c := &Cache{layer: layer}
	if maps.Equal(layer.Metadata, want) {
		entries, err := os.ReadDir(layer.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		c.restored = len(entries) > 0
	} else if err := discard(layer); err != nil {
		return nil, err
	}
	c.layer.Metadata = want
	return c, os.MkdirAll(layer.Path, 0o755)
}

// discard removes what an earlier build left. What describes it goes first: a
// build that fails must not leave new content under the old key.
func discard(layer libcnb.Layer) error {
	if err := os.RemoveAll(layer.Path + ".toml"); err != nil {
		return err
	}
	return Remove(layer.Path)
}

// Dir is the directory, which exists.
func (c *Cache) Dir() string { return c.layer.Path }

// Restored tells whether an earlier build's content is in it.
func (c *Cache) Restored() bool { return c.restored }

// Close makes the content ready to be stored and returns the layer, or false
// when there is nothing to store. Directories become writable, since those of
// the go command's module cache are not and an ordinary user could then
// neither replace nor remove them in a later build.
func (c *Cache) Close() (layer libcnb.Layer, usage Usage, ok bool, err error) {
	err = filepath.WalkDir(c.layer.Path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return writable(path, info)
		}
		usage.Files++
		usage.Bytes += info.Size()
		return nil
	})
	c.layer.LayerTypes = libcnb.LayerTypes{Cache: true}
	return c.layer, usage, usage.Files > 0, err
}

// Remove removes a directory tree even where its directories are read-only.
func Remove(dir string) error {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return writable(path, info)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(dir)
}

func writable(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o700 != 0o700 {
		return os.Chmod(path, mode|0o700)
	}
	return nil
}
