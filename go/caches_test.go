package golang

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSystemPackages(t *testing.T) {
	root := t.TempDir()
	seen := map[string]string{}
	look := func(what string) {
		t.Helper()
		sum, err := systemPackages(root)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := seen[sum]; ok {
			t.Errorf("%s looks like %s", what, before)
		}
		seen[sum] = what
		if again, err := systemPackages(root); again != sum || err != nil {
			t.Errorf("%s looks another way the next time: %v", what, err)
		}
	}
	look("no system")
	for _, name := range []string{"var/lib/dpkg/status", "lib/apk/db/installed", "usr/lib/sysimage/rpm/rpmdb.sqlite"} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"zlib 1.2.0 of " + name, "zlib 1.3.0 of " + name} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			look(text)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "var/lib/rpm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "var/lib/rpm/Packages"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := systemPackages(root); err == nil {
		t.Error("a directory was read")
	}
}
