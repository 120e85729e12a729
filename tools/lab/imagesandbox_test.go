package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestImageUser(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": tinyPasswd, "group": tinyGroup} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[string][2]int{
		"1002:1000": {1002, 1000},
		"run":       {1002, 1000},
		"1002":      {1002, 1000},
		"run:cnb":   {1002, 1000},
		"5000:cnb":  {5000, 1000},
		"5000":      {5000, 0},
	} {
		uid, gid, err := imageUser(root, user)
		if err != nil || uid != want[0] || gid != want[1] {
			t.Errorf("%q: %d %d %v, want %v", user, uid, gid, err, want)
		}
	}
	if run, unknown := imageHome(root, 1002), imageHome(root, 5000); run != "/home/run" || unknown != "/" {
		t.Errorf("homes %q and %q", run, unknown)
	}
	for _, user := range []string{"", "0", "root", "root:cnb", "nobody-here", "run:nobody-here"} {
		if _, _, err := imageUser(root, user); err == nil {
			t.Errorf("%q: no error", user)
		}
	}
}
