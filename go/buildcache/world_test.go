package buildcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a file, with the directories above it.
func put(t testing.TB, file, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, []byte(content), 0o600))
}

// noise is content that no encoder makes smaller and in which no two places look the same.
var noise = sync.OnceValue(func() []byte {
	data := make([]byte, 4*frameSize)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data) // never fails
	return data
})

// noiseOf is a piece of it, from another place for each number.
func noiseOf(number, size int) string {
	at := number * 7919 % (len(noise()) / 4)
	return string(noise()[at : at+size])
}

// entry is a file as a test compares it.
type entry struct {
	Exec bool
	Sum  string
	Size int
}

func entryOf(content string, exec bool) entry {
	sum := sha256.Sum256([]byte(content))
	return entry{exec, hex.EncodeToString(sum[:8]), len(content)}
}

// tree reads the regular files below dir; anything else but directories fails the test.
func tree(t testing.TB, dir string) map[string]entry {
	t.Helper()
	files := map[string]entry{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == dir {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			t.Errorf("%s is %s", path, info.Mode())
			return nil
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = entryOf(string(data), info.Mode()&0o100 != 0)
		return err
	}))
	return files
}

// names are those of the files below dir.
func names(t testing.TB, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for name := range tree(t, dir) {
		found[name] = true
	}
	return found
}

func setOf(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// allAt fails the test unless all files below dir have that time.
func allAt(t testing.TB, dir string, at time.Time) {
	t.Helper()
	for name := range tree(t, dir) {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		must(t, err)
		if !info.ModTime().Equal(at) {
			t.Errorf("%s is of %s, want %s", name, info.ModTime().UTC(), at)
		}
	}
}

// content is what a pack of files, given by name, is to hold.
func content(files map[string]string) Content {
	var c Content
	for name, text := range files {
		data := []byte(text)
		if data == nil {
			data = []byte{} // nil would say that it lies on disk
		}
		c.Files = append(c.Files, File{Name: name, Data: data, Size: int64(len(data))})
	}
	return c
}

// fingerprint changes whenever a file is written or another one takes its place.
func fingerprint(t testing.TB, file string) string {
	t.Helper()
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	}
	must(t, err)
	data, err := os.ReadFile(file)
	must(t, err)
	sum := sha256.Sum256(data)
	return fmt.Sprintf("inode %d of %s: %x", info.Sys().(*syscall.Stat_t).Ino, info.ModTime(), sum)
}

// world is a layers directory from build to build, as the lifecycle treats it.
type world struct {
	t        *testing.T
	layers   libcnb.Layers
	builds   int
	mu       sync.Mutex
	warnings []string
}

func newWorld(t *testing.T) *world {
	return &world{t: t, layers: libcnb.Layers{Path: t.TempDir()}}
}

// build begins a build, a day after the last one.
func (w *world) build() *Store {
	w.builds++
	w.warnings = nil
	return &Store{
		Layers: w.layers, Crew: NewCrew(3), Start: time.Date(2026, 3, w.builds, 12, 0, 0, 123456789, time.UTC),
		Warn: func(format string, args ...any) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.warnings = append(w.warnings, fmt.Sprintf(format, args...))
		},
	}
}

// end ends a build that went well: the lifecycle keeps the layers that are to be stored.
func (w *world) end(caches ...*Cache) {
	w.t.Helper()
	for _, c := range caches {
		layer, _, ok := c.Layer()
		if !ok {
			must(w.t, os.RemoveAll(c.layer.Path))
			must(w.t, os.RemoveAll(c.layer.Path+".toml"))
			continue
		}
		w.describe(layer.Name, layer.Metadata)
	}
}

// describe writes the .toml of a layer.
func (w *world) describe(name string, metadata map[string]any) {
	w.t.Helper()
	text := "[types]\ncache = true\n[metadata]\n"
	for k, v := range metadata {
		s, ok := v.(string)
		if !ok {
			w.t.Fatalf("metadata %s is %T", k, v)
		}
		text += fmt.Sprintf("%s = %q\n", k, s)
	}
	put(w.t, filepath.Join(w.layers.Path, name+".toml"), text)
}

func (w *world) open(s *Store, key map[string]string) *Cache {
	w.t.Helper()
	c, err := s.Open("things", key)
	must(w.t, err)
	return c
}

// packFile is the pack of a layer.
func (w *world) packFile(layer string) string {
	return filepath.Join(w.layers.Path, layer, layer+".tar.zst")
}

// flip changes a byte in the middle of the first frame of a pack, whose index stays whole.
func (w *world) flip(layer string) {
	w.t.Helper()
	p, err := openPack(w.packFile(layer))
	must(w.t, err)
	data, err := os.ReadFile(p.file)
	must(w.t, err)
	data[p.index.Frames[0].Size/2] ^= 0x55
	must(w.t, os.WriteFile(p.file, data, 0o600))
}

// warned fails the test unless the build warned that often.
func (w *world) warned(times int) {
	w.t.Helper()
	if len(w.warnings) != times {
		w.t.Errorf("%d warnings, want %d: %s", len(w.warnings), times, strings.Join(w.warnings, "\n"))
	}
}

// written writes a pack to a new file and returns it with its bytes.
func written(t testing.TB, crew *Crew, c Content) (string, []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "layer", "x.tar.zst")
	must(t, writePack(crew, file, c))
	data, err := os.ReadFile(file)
	must(t, err)
	return file, data
}

// unpacked unpacks a pack into a new directory.
func unpacked(t testing.TB, file string, at time.Time) string {
	t.Helper()
	p, err := openPack(file)
	must(t, err)
	dir := filepath.Join(t.TempDir(), "out")
	must(t, p.unpack(NewCrew(3), dir, at, nil))
	return dir
}

// refused fails the test unless the error says that a pack is damaged.
func refused(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}

// differ tells whether two files differ.
func differ(a, b []byte) bool { return !bytes.Equal(a, b) }
