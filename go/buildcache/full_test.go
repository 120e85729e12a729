package buildcache

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/buildpacks/libcnb/v2"
)

// smallDisk is a directory with room for that many bytes.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("SKIPPED: nothing can be mounted here (%v), so that no disk was full; run as root, or in a container that may", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	return dir
}

// TestAFullDisk: what was built needs no cache, so that a build ends well; what does not fit is not kept in part.
func TestAFullDiskCostsTheCacheAndNotTheBuild(t *testing.T) {
	w := newWorld(t)
	w.layers = libcnb.Layers{Path: smallDisk(t, "size=256k")}
	c := w.open(w.build(), nil)
	must(t, c.Keep(content(map[string]string{"fits": noiseOf(1, 20_000)})))
	w.warned(0)
	w.end(c)

	c = w.open(w.build(), nil)
	must(t, c.Keep(content(map[string]string{"does not fit": noiseOf(2, 2_000_000)})))
	w.warned(1)
	if _, _, ok := c.Layer(); ok {
		t.Error("a layer is to be stored")
	}
	w.end(c)
	same(t, "what is left", map[string]bool{}, names(t, w.layers.Path))

	c = w.open(w.build(), nil)
	if c.Restored() {
		t.Error("something was restored")
	}
	must(t, c.Keep(content(map[string]string{"fits": noiseOf(1, 20_000)})))
	w.warned(0)
}

// TestUnpackingToAFullDisk is an error: the build has no room for what it needs.
func TestUnpackingToAFullDiskIsAnErrorThatSaysSo(t *testing.T) {
	w := newWorld(t)
	c := w.open(w.build(), nil)
	must(t, c.Keep(content(map[string]string{"a": noiseOf(1, 300_000), "b": noiseOf(2, 300_000)})))
	w.end(c)
	dir := filepath.Join(smallDisk(t, "size=128k"), "x")
	c = w.open(w.build(), nil)
	err := c.Unpack(dir, nil)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(w.packFile("things")); err != nil {
		t.Errorf("the pack, which is whole, is gone: %v", err)
	}
}
