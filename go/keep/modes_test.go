package keep

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestModesDoNotDependOnTheUmask(t *testing.T) {
	app, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	put := func(name string, mode fs.FileMode) {
		t.Helper()
		file := filepath.Join(app, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][2]fs.FileMode{ // before and after
		"plain": {0o644, 0o644}, "a/of umask 077": {0o600, 0o644}, "a/of umask 027": {0o640, 0o644}, "a/of umask 002": {0o664, 0o644},
		"a/program": {0o700, 0o755}, "a/shared program": {0o775, 0o755},
		"a/read-only": {0o444, 0o444}, "a/for everybody": {0o666, 0o666}, "a/nobody's": {0, 0}, "a/setuid": {0o755 | fs.ModeSetuid, 0o755 | fs.ModeSetuid},
		".git/config": {0o600, 0o600},
	}
	for name, modes := range files {
		put(name, modes[0])
	}
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(app, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(app, "a"), 0o700); err != nil { // #nosec G302 -- a directory
		t.Fatal(err)
	}
	if err := os.Chmod(app, 0o700); err != nil { // #nosec G302 -- a directory
		t.Fatal(err)
	}
	for range 2 {
		if err := SetModes(app); err != nil {
			t.Fatal(err)
		}
	}
	mode := func(file string) fs.FileMode {
		t.Helper()
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	for name, modes := range files {
		if diff := cmp.Diff(modes[1].String(), mode(filepath.Join(app, name)).String()); diff != "" {
			t.Errorf("%s (-want +got): %s", name, diff)
		}
	}
	for _, dir := range []string{".", "a"} {
		if got := mode(filepath.Join(app, dir)).Perm(); got != 0o755 {
			t.Errorf("the directory %s has mode %o", dir, got)
		}
	}
	if got := mode(outside); got != 0o600 {
		t.Errorf("what a link leads to has mode %o", got)
	}
}
