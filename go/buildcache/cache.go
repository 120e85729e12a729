package buildcache

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"
)

// Store is the caches of one build.
type Store struct {
	// Layers is where the lifecycle restored them.
	Layers libcnb.Layers
	// Crew does the work.
	Crew *Crew
	// Start is when the build began.
	Start time.Time
	// Off tells that nothing is taken from an earlier build and nothing kept for the next.
	Off bool
	// Warn prints a line that the user should look at.
	Warn func(format string, args ...any)
}

// Cache is a pack in a layer of its own, which the lifecycle restores before a build and stores after it.
type Cache struct {
	store *Store
	layer libcnb.Layer
	file  string
	// pack is what an earlier build left, nil for nothing or once it is of no use.
	pack *pack
	kept bool
	// written tells that the pack is this build's.
	written bool
}

// FormatKey is the name under which each layer's metadata has Format.
const FormatKey = "format"

// Usage is what a cached layer holds.
type Usage struct {
	// Files is the number of files in its pack, Raw their size in bytes and Packed that of the pack.
	Files       int
	Raw, Packed int64
}

// Open returns the cache called name, which is the name of its layer: not build,
// launch or store, since the lifecycle takes those .toml files for others of the
// specification and does not restore the layer. Its content is used as long as it
// was written under the same key, values that TOML holds as strings, and is whole; it is
// removed otherwise. A damaged one is said with a warning, and no error.
func (s *Store) Open(name string, key map[string]string) (*Cache, error) {
	layer, err := s.Layers.Layer(name)
	if err != nil { // what describes it cannot be read
		s.Warn("The cache %q cannot be used, so this build goes without it: %s", name, err)
		if err := discard(libcnb.Layer{Path: filepath.Join(s.Layers.Path, name)}); err != nil {
			return nil, err
		}
		if layer, err = s.Layers.Layer(name); err != nil {
			return nil, err
		}
	}
	want := map[string]any{FormatKey: Format}
	for k, v := range key {
		want[k] = v
	}
	c := &Cache{store: s, layer: layer, file: filepath.Join(layer.Path, name+".tar.zst")}
	if !s.Off && maps.Equal(layer.Metadata, want) {
		switch c.pack, err = openPack(c.file); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			c.damaged(err)
		}
	}
	if c.pack == nil {
		if err := discard(layer); err != nil {
			return nil, err
		}
	}
	c.layer.Metadata = want
	return c, nil
}

// Metadata is what an earlier build left as the key of the cache called name, nil for nothing.
func (s *Store) Metadata(name string) map[string]any {
	layer, err := s.Layers.Layer(name)
	if err != nil || s.Off || layer.Metadata[FormatKey] != Format {
		return nil
	}
	return layer.Metadata
}

func (c *Cache) damaged(err error) {
	c.pack = nil
	c.store.Warn("The cache %q cannot be used, so this build goes without it: %s", c.layer.Name, err)
}

// discard removes what an earlier build left. What describes it goes first: a
// build that fails must not leave new content under the old key.
func discard(layer libcnb.Layer) error {
	if err := os.RemoveAll(layer.Path + ".toml"); err != nil {
		return err
	}
	return Remove(layer.Path)
}

// Restored tells whether an earlier build's content is there.
func (c *Cache) Restored() bool { return c.pack != nil }

// Of says what the content was chosen for, "" for nobody knows.
func (c *Cache) Of() string {
	if c.pack == nil {
		return ""
	}
	return c.pack.index.Of
}

// Unpack writes those files of the cache below dir that want accepts by their
// slash-separated name, all for nil. A pack that turns out to be damaged is a warning: dir is
// then removed, and the cache as good as empty.
func (c *Cache) Unpack(dir string, want func(name string) bool) error {
	if c.pack == nil {
		return nil
	}
	err := c.pack.unpack(c.store.Crew, dir, restoredAt(c.store.Start), want)
	if errors.Is(err, ErrDamaged) {
		c.damaged(err)
		return errors.Join(discard(c.layer), Remove(dir))
	}
	if err != nil {
		return fmt.Errorf("the cache %q cannot be unpacked: %w", c.layer.Name, err)
	}
	return nil
}

// Keep keeps the content for the next build. A pack that holds just that already stays as it is. One
// that cannot be written, on a full disk for instance, is a warning and no error: what was built needs no cache.
func (c *Cache) Keep(content Content) error {
	if c.store.Off {
		return nil
	}
	c.kept = len(content.Files) > 0
	if !c.kept {
		return discard(c.layer)
	}
	err := c.write(content)
	if err == nil {
		return nil
	}
	c.kept, c.pack = false, nil
	c.store.Warn("The cache %q cannot be written, so the next build goes without it: %s", c.layer.Name, err)
	return discard(c.layer)
}

func (c *Cache) write(content Content) error {
	same, err := c.holds(content)
	if err != nil || same {
		return err
	}
	// A build that ends in between must not leave new content under the old key.
	if err := os.RemoveAll(c.layer.Path + ".toml"); err != nil {
		return err
	}
	if err := writePack(c.store.Crew, c.file, content); err != nil {
		return err
	}
	c.written = true
	c.pack, err = openPack(c.file)
	return err
}

// KeepAll keeps what it holds already.
func (c *Cache) KeepAll() { c.kept = c.pack != nil }

// holds tells whether the pack holds just that content.
func (c *Cache) holds(content Content) (bool, error) {
	if c.pack == nil || c.pack.index.Of != content.Of || !slices.Equal(c.pack.index.Parts, content.Parts) || !slices.Equal(c.pack.index.Known, content.Known) ||
		len(content.Files) != len(c.pack.index.Files) {
		return false, nil
	}
	have := c.pack.byName()
	for _, f := range content.Files {
		if same, err := c.pack.holds(have, f); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// Layer returns the layer to store, or false when there is nothing to store.
func (c *Cache) Layer() (layer libcnb.Layer, usage Usage, ok bool) {
	if !c.kept || c.pack == nil {
		return layer, usage, false
	}
	usage = Usage{Files: len(c.pack.index.Files), Packed: c.pack.size}
	for _, f := range c.pack.index.Files {
		usage.Raw += f.Size
	}
	c.layer.LayerTypes = libcnb.LayerTypes{Cache: true}
	return c.layer, usage, true
}

// Change says what became of what an earlier build left: "unchanged" or "written".
func (c *Cache) Change() string {
	if c.written {
		return "written"
	}
	return "unchanged"
}

// Files returns the regular files below dir, named relative to it, but for those
// that leave accepts by their name: for a directory that is all below it. Files
// that were unpacked and have not been written to since count as unchanged.
func (s *Store) Files(dir string, leave func(name string) bool) ([]File, error) {
	var files []File
	at := restoredAt(s.Start)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == dir {
			return nil
		}
		if err != nil || path == dir {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator)))
		if leave != nil && leave(name) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files = append(files, File{
			Name: name, Path: path, Size: info.Size(), Exec: info.Mode()&0o100 != 0, Unchanged: info.ModTime().Equal(at),
		})
		return nil
	})
	return files, err
}
