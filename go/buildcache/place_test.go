package buildcache

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// parents are directories on file systems with and without the flag.
func parents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"temporary directory": t.TempDir()}
	for _, dir := range []string{"/dev/shm", "/run"} { // tmpfs has the call from Linux 6.6 on, but not this flag
		made, err := os.MkdirTemp(dir, "place")
		if err != nil {
			t.Logf("not in %s: %v", dir, err)
			continue
		}
		t.Cleanup(func() { _ = os.RemoveAll(made) })
		all[dir] = made
	}
	return all
}

func TestPlaceMakesAnEmptyDirectory(t *testing.T) {
	for what, parent := range parents(t) {
		for _, umask := range []int{0o022, 0o077, 0o002} {
			old := syscall.Umask(umask)
			dirs := []string{filepath.Join(parent, "new", "deep", "a"), filepath.Join(parent, "new", "deep", "b")}
			err := errors.Join(Place(dirs[0]), Place(dirs[1]))
			syscall.Umask(old)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			for _, dir := range append(dirs, filepath.Dir(dirs[0])) {
				info, err := os.Stat(dir)
				must(t, err)
				if want := os.FileMode(0o755 &^ umask); !info.IsDir() || info.Mode().Perm() != want {
					t.Errorf("%s: umask %o: %s is %s, want %o", what, umask, dir, info.Mode(), want)
				}
			}
			put(t, filepath.Join(dirs[0], "x", "file"), "it can be written to")
			entries, err := os.ReadDir(filepath.Dir(dirs[0]))
			must(t, err)
			var found []string
			for _, entry := range entries {
				found = append(found, entry.Name())
			}
			same(t, "directories", []string{"a", "b"}, found)
			if entries, err := os.ReadDir(dirs[1]); err != nil || len(entries) > 0 {
				t.Errorf("%s: it holds %v, %v", what, entries, err)
			}
			must(t, os.RemoveAll(filepath.Join(parent, "new")))
		}
	}
}

func TestPlaceSaysThatDirectoriesAreApart(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "parent")
	must(t, Place(filepath.Join(parent, "dir")))
	f, err := os.Open(parent)
	must(t, err)
	defer f.Close()
	var stat unix.Statfs_t
	must(t, unix.Statfs(parent, &stat))
	if stat.Type != unix.EXT4_SUPER_MAGIC {
		t.Skipf("SKIPPED: %s is not on ext4, which alone has the flag: set TMPDIR", parent)
	}
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	must(t, err)
	if flags&topDirectory == 0 {
		t.Errorf("flags are %#x", flags)
	}
}

func TestPlaceOverSomethingIsAnError(t *testing.T) {
	parent := t.TempDir()
	must(t, Place(filepath.Join(parent, "a")))
	put(t, filepath.Join(parent, "a", "x"), "stays")
	put(t, filepath.Join(parent, "file"), "stays")
	for _, name := range []string{"a", "file", filepath.Join("file", "below")} {
		if err := Place(filepath.Join(parent, name)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	same(t, "files", map[string]entry{"a/x": entryOf("stays", false), "file": entryOf("stays", false)}, tree(t, parent))
	entries, err := os.ReadDir(parent)
	must(t, err)
	if len(entries) != 2 {
		t.Errorf("what it began stays behind: %v", entries)
	}
}
