package launch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree describes what is in dir: name → what.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch {
		case d.IsDir():
			got[name] = "dir"
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			got[name] = "-> " + to
		default:
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			got[name] = string(text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const target = "/layers/go/bin/bin"

var linkTests = []struct {
	name    string
	prepare func(t *testing.T, app string)
	names   []string
	want    map[string]string
	notices []Notice
}{
	{"bin is made", func(*testing.T, string) {}, []string{"a", "b"}, map[string]string{
		"bin": "dir", "bin/a": "-> /layers/go/bin/bin/a", "bin/b": "-> /layers/go/bin/bin/b",
	}, nil},
	{"nothing to link, nothing made", func(*testing.T, string) {}, nil, map[string]string{}, nil},
	{"what else is in bin stays", func(t *testing.T, app string) {
		mkdir(t, app+"/bin/lib")
		write(t, app+"/bin/go-pre-compile", "hook")
		symlink(t, "nowhere", app+"/bin/dangling")
		symlink(t, "lib", app+"/bin/to-dir")
	}, []string{"a"}, map[string]string{
		"bin": "dir", "bin/a": "-> /layers/go/bin/bin/a", "bin/lib": "dir", "bin/go-pre-compile": "hook",
		"bin/dangling": "-> nowhere", "bin/to-dir": "-> lib",
	}, nil},
	{"a file is replaced", func(t *testing.T, app string) {
		mkdir(t, app+"/bin")
		write(t, app+"/bin/a", "old")
	}, []string{"a"}, map[string]string{"bin": "dir", "bin/a": "-> /layers/go/bin/bin/a"},
		[]Notice{"bin/a was a file and is replaced by a link to the binary just built"}},
	{"a link is replaced and what it leads to stays", func(t *testing.T, app string) {
		mkdir(t, app+"/bin")
		write(t, app+"/script", "mine")
		symlink(t, "../script", app+"/bin/a")
	}, []string{"a"}, map[string]string{"script": "mine", "bin": "dir", "bin/a": "-> /layers/go/bin/bin/a"},
		[]Notice{"bin/a was a symbolic link to ../script and is replaced by a link to the binary just built"}},
	{"a dangling link is replaced", func(t *testing.T, app string) {
		mkdir(t, app+"/bin")
		symlink(t, "/nowhere", app+"/bin/a")
	}, []string{"a"}, map[string]string{"bin": "dir", "bin/a": "-> /layers/go/bin/bin/a"},
		[]Notice{"bin/a was a symbolic link to /nowhere and is replaced by a link to the binary just built"}},
	{"a link to a directory is replaced", func(t *testing.T, app string) {
		mkdir(t, app+"/bin")
		mkdir(t, app+"/src")
		symlink(t, "../src", app+"/bin/a")
	}, []string{"a"}, map[string]string{"src": "dir", "bin": "dir", "bin/a": "-> /layers/go/bin/bin/a"},
		[]Notice{"bin/a was a symbolic link to ../src and is replaced by a link to the binary just built"}},
	{"a directory is left, the others are linked", func(t *testing.T, app string) {
		mkdir(t, app+"/bin/a")
		write(t, app+"/bin/a/main.go", "package main")
	}, []string{"a", "b"}, map[string]string{
		"bin": "dir", "bin/a": "dir", "bin/a/main.go": "package main", "bin/b": "-> /layers/go/bin/bin/b",
	}, []Notice{"bin/a is a directory of the app and is left: the binary a is on PATH"}},
	{"the link that is there already is left silently", func(t *testing.T, app string) {
		mkdir(t, app+"/bin")
		symlink(t, target+"/a", app+"/bin/a")
	}, []string{"a", "a"}, map[string]string{"bin": "dir", "bin/a": "-> /layers/go/bin/bin/a"}, nil},
	{"bin is a link to a directory of the app", func(t *testing.T, app string) {
		mkdir(t, app+"/tools")
		symlink(t, "tools", app+"/bin")
	}, []string{"a"}, map[string]string{"bin": "-> tools", "tools": "dir", "tools/a": "-> /layers/go/bin/bin/a"}, nil},
}

func TestLink(t *testing.T) {
	for _, test := range linkTests {
		t.Run(test.name, func(t *testing.T) {
			app := t.TempDir()
			test.prepare(t, app)
			notices, err := Link(app, target, test.names)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, tree(t, app)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.notices, notices); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLinkRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, app, outside string)
		want    string
	}{
		{"bin is a file", func(t *testing.T, app, _ string) { write(t, app+"/bin", "x") }, "bin is a file"},
		{"bin is a link to a file", func(t *testing.T, app, _ string) {
			write(t, app+"/x", "x")
			symlink(t, "x", app+"/bin")
		}, "bin is a file"},
		{"bin leads out by an absolute path", func(t *testing.T, app, outside string) { symlink(t, outside, app+"/bin") }, "out of the app's directory"},
		{"bin leads out by a relative path", func(t *testing.T, app, outside string) {
			to, err := filepath.Rel(app, outside)
			if err != nil {
				t.Fatal(err)
			}
			symlink(t, to, app+"/bin")
		}, "out of the app's directory"},
		{"bin leads out by a second link", func(t *testing.T, app, outside string) {
			symlink(t, outside, app+"/x")
			symlink(t, "x", app+"/bin")
		}, "out of the app's directory"},
		{"bin leads nowhere", func(t *testing.T, app, _ string) { symlink(t, "nowhere", app+"/bin") }, "bin is a symbolic link to nowhere, which does not exist"},
		{"bin is a loop", func(t *testing.T, app, _ string) { symlink(t, "bin", app+"/bin") }, "make bin a directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app, outside := t.TempDir(), t.TempDir()
			test.prepare(t, app, outside)
			before := tree(t, app)
			_, err := Link(app, "/layers/bin", []string{"a"})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), app) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if diff := cmp.Diff(before, tree(t, app)); diff != "" {
				t.Errorf("the app was changed: %s", diff)
			}
			if diff := cmp.Diff(map[string]string{}, tree(t, outside)); diff != "" {
				t.Errorf("written outside: %s", diff)
			}
		})
	}
}

func TestLinkRefusesArguments(t *testing.T) {
	app := t.TempDir()
	for _, name := range []string{"", ".", "..", "a/b", "../a", "/a", "a/"} {
		if _, err := Link(app, "/layers/bin", []string{"ok", name}); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	if _, err := Link(app, "layers/bin", []string{"a"}); err == nil {
		t.Error("a relative target was taken")
	}
	if _, err := Link(app+"/missing", "/layers/bin", []string{"a"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing app: got %v", err)
	}
	if diff := cmp.Diff(map[string]string{}, tree(t, app)); diff != "" {
		t.Errorf("the app was changed: %s", diff)
	}
}

func TestLinkDoesNotReplaceTheBinariesByThemselves(t *testing.T) {
	app := t.TempDir()
	mkdir(t, app+"/bin")
	write(t, app+"/bin/a", "ELF")
	if _, err := Link(app, app+"/bin", []string{"a"}); err == nil {
		t.Error("no error")
	}
	if diff := cmp.Diff(map[string]string{"bin": "dir", "bin/a": "ELF"}, tree(t, app)); diff != "" {
		t.Error(diff)
	}
}

func TestLinkLeadsToTheBinary(t *testing.T) {
	app, layer := t.TempDir(), t.TempDir()
	write(t, layer+"/a", "ELF")
	if _, err := Link(app, layer, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(app + "/bin/a"); err != nil || string(got) != "ELF" {
		t.Errorf("got %q, %v", got, err)
	}
}

// The mode is a part of the image's digest. The umask is the process's, so
// this test runs beside no other.
func TestLinkMakesBinWithTheSameModeUnderEveryUmask(t *testing.T) {
	app := t.TempDir()
	old := syscall.Umask(0o077)
	_, err := Link(app, "/layers/bin", []string{"a"})
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(app + "/bin")
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeDir|0o755 {
		t.Errorf("got %v", info.Mode())
	}
}

func TestLinkInADirectoryThatMayNotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("SKIPPED: root writes everywhere; run as another user")
	}
	for _, dir := range []string{"", "bin"} {
		app := t.TempDir()
		mkdir(t, filepath.Join(app, dir))
		locked := filepath.Join(app, dir)
		if err := os.Chmod(locked, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(locked, 0o755) })
		_, err := Link(app, "/layers/bin", []string{"a"})
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), filepath.Join(app, "bin")) {
			t.Errorf("%q read-only: got %v", dir, err)
		}
	}
}
