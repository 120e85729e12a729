package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestCopyTree(t *testing.T) {
	source := filepath.Join(t.TempDir(), "an app with spaces")
	for _, dir := range []string{"", "read only"} {
		if err := os.Mkdir(filepath.Join(source, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"run.sh": 0o755, "read only/file": 0o444} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../elsewhere", filepath.Join(source, "dangling")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(source, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(source, "read only"), 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = removeTree(source) })

	target := filepath.Join(t.TempDir(), "copy")
	if err := copyTree(source, target, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := files(t, target), "dangling -> ../elsewhere read only/ read only/file=read only/file run.sh=run.sh"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for name, want := range map[string]os.FileMode{"run.sh": 0o755, "read only/file": 0o644, "read only": 0o755} {
		info, err := os.Stat(filepath.Join(target, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want || !info.ModTime().Equal(normalTime) {
			t.Errorf("%s: %v %v, want %v of 1980", name, info.Mode(), info.ModTime(), want)
		}
	}
}
