package buildcache

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, layers libcnb.Layers, key map[string]string) *Cache {
	t.Helper()
	c, err := Open(layers, "modules", key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o400); err != nil {
		t.Fatal(err)
	}
}

// store does what the lifecycle does between two builds: it keeps the metadata.
func store(t *testing.T, layers libcnb.Layers, layer libcnb.Layer) {
	t.Helper()
	content := "[metadata]\n"
	for k, v := range layer.Metadata {
		text, ok := v.(string)
		if !ok {
			t.Fatalf("metadata %s is %T", k, v)
		}
		content += k + " = '" + text + "'\n"
	}
	if err := os.WriteFile(filepath.Join(layers.Path, "modules.toml"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCacheFromBuildToBuild(t *testing.T) {
	layers := libcnb.Layers{Path: t.TempDir()}
	key := map[string]string{"format": "1", "go": "1.26.0"}
	c := open(t, layers, key)
	if c.Restored() || c.Dir() != filepath.Join(layers.Path, "modules") {
		t.Errorf("a new cache: restored %v, %s", c.Restored(), c.Dir())
	}
	if _, usage, ok, err := c.Close(); ok || err != nil || usage != (Usage{}) {
		t.Errorf("an empty cache is stored: %+v, %v, %v", usage, ok, err)
	}
	if err := os.MkdirAll(filepath.Join(c.Dir(), "only", "directories"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, ok, err := c.Close(); ok || err != nil {
		t.Errorf("directories alone are stored: %v", err)
	}

	put(t, filepath.Join(c.Dir(), "a"), "12345")
	put(t, filepath.Join(c.Dir(), "b", "c"), "123")
	put(t, filepath.Join(c.Dir(), "b", "empty"), "")
	if err := os.Chmod(filepath.Join(c.Dir(), "b"), 0o555); err != nil {
		t.Fatal(err)
	}
	layer, usage, ok, err := c.Close()
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if diff := cmp.Diff(Usage{Files: 3, Bytes: 8}, usage); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(libcnb.LayerTypes{Cache: true}, layer.LayerTypes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"format": "1", "go": "1.26.0"}, layer.Metadata); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(c.Dir(), "b"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the directory is stored as %v, %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(c.Dir(), "a")); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("the file's mode changed: %v, %v", info, err)
	}
	store(t, layers, layer)

	if c := open(t, layers, key); !c.Restored() {
		t.Error("the same key: not restored")
	}
	for _, other := range []map[string]string{
		{"format": "1", "go": "1.26.1"}, {"format": "1"}, {"format": "1", "go": "1.26.0", "more": ""}, {},
	} {
		put(t, filepath.Join(c.Dir(), "again"), "x")
		store(t, layers, layer)
		c := open(t, layers, other)
		entries, err := os.ReadDir(c.Dir())
		if c.Restored() || err != nil || len(entries) > 0 {
			t.Errorf("key %v: restored %v, holds %v, %v", other, c.Restored(), entries, err)
		}
	}
}

// TestMetadataOfSomethingElse: an older buildpack may have stored values of other types under the name.
func TestMetadataOfSomethingElse(t *testing.T) {
	layers := libcnb.Layers{Path: t.TempDir()}
	put(t, filepath.Join(layers.Path, "modules", "x"), "x")
	put(t, filepath.Join(layers.Path, "modules.toml"), "[metadata]\nformat = ['1']\ngo = { version = '1' }\n")
	if c := open(t, layers, map[string]string{"format": "1", "go": "1"}); c.Restored() {
		t.Error("restored")
	}
}

func TestRestoredWithoutContent(t *testing.T) {
	layers := libcnb.Layers{Path: t.TempDir()}
	put(t, filepath.Join(layers.Path, "modules.toml"), "[metadata]\nformat = '1'\n")
	c := open(t, layers, map[string]string{"format": "1"})
	if c.Restored() {
		t.Error("nothing is there, but counts as restored")
	}
	if info, err := os.Stat(c.Dir()); err != nil || !info.IsDir() {
		t.Errorf("the directory does not exist: %v", err)
	}
}

func TestBrokenMetadata(t *testing.T) {
	layers := libcnb.Layers{Path: t.TempDir()}
	put(t, filepath.Join(layers.Path, "modules.toml"), "[metadata\n")
	if _, err := Open(layers, "modules", nil); err == nil {
		t.Error("no error")
	}
}

func TestRemove(t *testing.T) {
	if err := Remove(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("nothing to remove: %v", err)
	}
	if os.Getuid() == 0 {
		// Root may remove everything: an ordinary user shows what it takes.
		if err := syscall.Setreuid(-1, 65534); err != nil {
			t.Skipf("SKIPPED: cannot become another user: %v", err)
		}
		defer func() {
			if err := syscall.Setreuid(-1, 0); err != nil {
				panic(err)
			}
		}()
	}
	dir, err := os.MkdirTemp("", "remove")
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.MkdirTemp("", "remove")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(other, "stays"), "x")
	put(t, filepath.Join(dir, "m@v1", "sub", "x.go"), "package x")
	put(t, filepath.Join(dir, "m@v1", "closed", "x.go"), "package x")
	if err := os.Symlink(other, filepath.Join(dir, "m@v1", "link")); err != nil {
		t.Fatal(err)
	}
	for _, closed := range []struct {
		dir  string
		mode os.FileMode
	}{{"m@v1/sub", 0o555}, {"m@v1/closed", 0}, {"m@v1", 0o555}, {"", 0o555}} {
		if err := os.Chmod(filepath.Join(dir, closed.dir), closed.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(dir); err == nil {
		t.Fatal("the test is worth nothing: read-only directories are no hindrance")
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(other, "stays")); err != nil {
		t.Errorf("what a link leads to was removed: %v", err)
	}
	if err := os.RemoveAll(other); err != nil {
		t.Error(err)
	}
}

// TestFailedBuildLeavesNoNewContentUnderTheOldKey: a build that ends in an error writes no metadata.
func TestFailedBuildLeavesNoNewContentUnderTheOldKey(t *testing.T) {
	layers := libcnb.Layers{Path: t.TempDir()}
	put(t, filepath.Join(open(t, layers, map[string]string{"go": "1"}).Dir(), "x"), "of 1")
	store(t, layers, libcnb.Layer{Metadata: map[string]any{"go": "1"}})
	put(t, filepath.Join(open(t, layers, map[string]string{"go": "2"}).Dir(), "x"), "of 2") // and then the build fails
	if c := open(t, layers, map[string]string{"go": "1"}); c.Restored() {
		t.Error("what Go 2 left counts as of Go 1")
	}
}
