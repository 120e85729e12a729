package buildcache

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// asOther makes the rest of the test run as an ordinary user: root may remove everything.
func asOther(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	if err := syscall.Setreuid(-1, 65534); err != nil {
		t.Skipf("SKIPPED: cannot become another user: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Setreuid(-1, 0); err != nil {
			panic(err)
		}
	})
}

func TestRemove(t *testing.T) {
	asOther(t)
	for name, remove := range map[string]func(string) error{"Remove": Remove, "RemoveAtOnce": RemoveAtOnce} {
		t.Run(name, func(t *testing.T) {
			if err := remove(filepath.Join(os.TempDir(), "remove-none")); err != nil {
				t.Errorf("nothing to remove: %v", err)
			}
			// Not in t.TempDir, which another user cannot write to.
			dir, err := os.MkdirTemp("", "remove")
			must(t, err)
			other, err := os.MkdirTemp("", "remove")
			must(t, err)
			put(t, filepath.Join(other, "stays"), "x")
			for i := range 20 {
				put(t, filepath.Join(dir, fmt.Sprintf("m%d@v1", i), "sub", "x.go"), "package x")
			}
			put(t, filepath.Join(dir, "m@v1", "sub", "x.go"), "package x")
			put(t, filepath.Join(dir, "m@v1", "closed", "x.go"), "package x")
			put(t, filepath.Join(dir, "file"), "")
			must(t, os.Symlink(other, filepath.Join(dir, "m@v1", "link")))
			must(t, os.Symlink(other, filepath.Join(dir, "link")))
			for _, closed := range []struct {
				dir  string
				mode os.FileMode
			}{{"m7@v1", 0o555}, {"m@v1/sub", 0o555}, {"m@v1/closed", 0}, {"m@v1", 0o555}, {"", 0o555}} {
				must(t, os.Chmod(filepath.Join(dir, closed.dir), closed.mode))
			}
			if err := os.RemoveAll(dir); err == nil {
				t.Fatal("the test is worth nothing: read-only directories are no hindrance")
			}
			if err := remove(dir); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(dir); !os.IsNotExist(err) {
				t.Errorf("still there: %v", err)
			}
			if _, err := os.Stat(filepath.Join(other, "stays")); err != nil {
				t.Errorf("what a link leads to was removed: %v", err)
			}
			must(t, os.RemoveAll(other))
		})
	}
}

// TestRemoveOfSomethingElse: a file and a link that leads nowhere are no trees, but are to go.
func TestRemoveOfSomethingElseThanADirectory(t *testing.T) {
	for name, remove := range map[string]func(string) error{"Remove": Remove, "RemoveAtOnce": RemoveAtOnce} {
		dir := t.TempDir()
		file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
		put(t, file, "x")
		must(t, os.Symlink("none", link))
		for _, path := range []string{file, link} {
			if err := remove(path); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("%s: still there: %v", name, err)
			}
		}
	}
}

// TestWhatCannotBeRemovedIsAnError: it is in a directory of somebody else.
func TestWhatCannotBeRemovedIsAnError(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: there is no other user; run the tests as root")
	}
	dir := filepath.Join(t.TempDir(), "dir")
	put(t, filepath.Join(dir, "sub", "x"), "")
	must(t, os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755)) // #nosec G302 -- the other user has to find it
	asOther(t)
	for name, remove := range map[string]func(string) error{"Remove": Remove, "RemoveAtOnce": RemoveAtOnce} {
		if err := remove(dir); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
