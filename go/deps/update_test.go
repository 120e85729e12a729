package deps

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// updatedApp is an app before something changes it; lines "NAME -> TARGET" of links are links.
const updatedApp = `
-- main.go --
package main
-- lib/lib.go --
package lib
-- lib/deep/deep.go --
package deep
-- shared/shared.txt --
shared
-- vendor/x/x.go --
package x
-- .git/config --
-- node_modules/m/m.js --
`

// updateTests are what happens to an app after it was copied, and what is different in the copy.
var updateTests = []struct {
	name   string
	change func(t *testing.T, app string)
	// want are the files of the copy that differ from those before, "" for gone.
	want map[string]string
}{
	{"nothing", func(*testing.T, string) {}, nil},
	{"new", func(t *testing.T, app string) {
		write(t, app, "-- new.go --\npackage new\n-- a/b/c.go --\npackage c\n-- .git/new --\n-- node_modules/new.js --\n-- sub/.hg/new --\n")
	}, map[string]string{"new.go": "package new\n", "a/b/c.go": "package c\n", "sub": "dir"}},
	{"changed in place", func(t *testing.T, app string) {
		file, err := os.OpenFile(filepath.Join(app, "main.go"), os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = file.WriteString("// more\n")
		}
		if err != nil || file.Close() != nil {
			t.Fatal(err)
		}
	}, map[string]string{"main.go": "package main\n// more\n"}},
	{"changed by a rename", func(t *testing.T, app string) {
		write(t, app, "-- main.go.new --\npackage renamed\n")
		rename(t, app, "main.go.new", "main.go")
	}, map[string]string{"main.go": "package renamed\n"}},
	{"swapped", func(t *testing.T, app string) {
		rename(t, app, "main.go", "x")
		rename(t, app, "lib/lib.go", "main.go")
		rename(t, app, "x", "lib/lib.go")
	}, map[string]string{"main.go": "package lib\n", "lib/lib.go": "package main\n"}},
	{"deleted", func(t *testing.T, app string) { remove(t, app, "lib/lib.go") }, map[string]string{"lib/lib.go": ""}},
	{"a directory deleted", func(t *testing.T, app string) { remove(t, app, "shared") }, map[string]string{"shared/shared.txt": "", "linked": "", "link.txt": ""}},
	{"moved", func(t *testing.T, app string) { rename(t, app, "lib", "moved") },
		map[string]string{"lib/lib.go": "", "lib/deep/deep.go": "", "moved/lib.go": "package lib\n", "moved/deep/deep.go": "package deep\n"}},
	{"a directory becomes a file", func(t *testing.T, app string) {
		remove(t, app, "lib")
		write(t, app, "-- lib --\nfile\n")
	}, map[string]string{"lib/lib.go": "", "lib/deep/deep.go": "", "lib": "file\n"}},
	{"a file becomes a directory", func(t *testing.T, app string) {
		remove(t, app, "main.go")
		write(t, app, "-- main.go/x.go --\npackage x\n")
	}, map[string]string{"main.go": "", "main.go/x.go": "package x\n"}},
	{"a directory becomes a link", func(t *testing.T, app string) {
		remove(t, app, "lib")
		symlink(t, app, "shared", "lib")
	}, map[string]string{"lib/lib.go": "", "lib/deep/deep.go": "", "lib": "L---------"}},
	{"a link to a directory becomes a directory", func(t *testing.T, app string) {
		remove(t, app, "linked")
		write(t, app, "-- linked/own.txt --\nown\n")
	}, map[string]string{"linked": "", "linked/own.txt": "own\n"}},
	{"a file becomes a link to a file", func(t *testing.T, app string) {
		remove(t, app, "main.go")
		symlink(t, app, "lib/lib.go", "main.go")
	}, map[string]string{"main.go": "package lib\n"}},
	{"a link to a file becomes a file", func(t *testing.T, app string) {
		remove(t, app, "link.txt")
		write(t, app, "-- link.txt --\nown\n")
	}, map[string]string{"link.txt": "own\n"}},
	{"what a link leads to is changed", func(t *testing.T, app string) {
		remove(t, app, "shared/shared.txt")
		write(t, app, "-- shared/shared.txt --\nother\n")
	},
		map[string]string{"shared/shared.txt": "other\n", "link.txt": "other\n"}},
	{"what a link leads to is deleted", func(t *testing.T, app string) { remove(t, app, "shared/shared.txt") },
		map[string]string{"shared/shared.txt": "", "link.txt": ""}},
	{"links deleted", func(t *testing.T, app string) { remove(t, app, "link.txt"); remove(t, app, "linked") },
		map[string]string{"link.txt": "", "linked": ""}},
	{"new links", func(t *testing.T, app string) {
		symlink(t, app, "../shared/shared.txt", "lib/new.txt")
		symlink(t, app, "lib", "newdir")
		symlink(t, app, "none", "dangling")
		symlink(t, app, os.TempDir(), "out")
	}, map[string]string{"lib/new.txt": "shared\n", "newdir": "L---------"}},
	{"a pipe in place of a file", func(t *testing.T, app string) {
		remove(t, app, "main.go")
		if err := syscall.Mkfifo(filepath.Join(app, "main.go"), 0o600); err != nil {
			t.Fatal(err)
		}
	}, map[string]string{"main.go": ""}},
	{"vendor/, which is not the app's own any more", func(t *testing.T, app string) {
		remove(t, app, "vendor/x/x.go")
		write(t, app, "-- vendor/y/y.go --\npackage y\n-- vendored/z.go --\npackage z\n")
	}, map[string]string{"vendored/z.go": "package z\n"}},
	{"vendor/ is gone", func(t *testing.T, app string) { remove(t, app, "vendor") }, nil},
}

func TestUpdateTree(t *testing.T) {
	for _, tt := range updateTests {
		for _, through := range []string{"", "a link to the app"} {
			t.Run(strings.Trim(tt.name+", "+through, ", "), func(t *testing.T) {
				app := write(t, t.TempDir(), updatedApp)
				symlink(t, app, "shared/shared.txt", "link.txt")
				symlink(t, app, "shared", "linked")
				top := app
				if through != "" {
					top = filepath.Join(t.TempDir(), "app")
					if err := os.Symlink(app, top); err != nil {
						t.Fatal(err)
					}
				}
				before, err := Files(top)
				if err != nil {
					t.Fatal(err)
				}
				dir := filepath.Join(t.TempDir(), "copy")
				if err := CopyTree(top, dir); err != nil {
					t.Fatal(err)
				}
				// What the build laid out in the copy is its own.
				write(t, dir, "-- vendor/x/x.go.fetched --\nfetched\n")
				if err := os.Rename(filepath.Join(dir, "vendor/x/x.go.fetched"), filepath.Join(dir, "vendor/x/x.go")); err != nil {
					t.Fatal(err)
				}
				want := tree(t, dir)
				tt.change(t, app)
				changed := tree(t, app)
				if err := UpdateTree(top, dir, before, filepath.Join(top, "vendor")); err != nil {
					t.Fatal(err)
				}
				for name, content := range tt.want {
					if want[name] = content; content == "" {
						delete(want, name)
					}
				}
				if diff := cmp.Diff(want, files(tree(t, dir))); diff != "" {
					t.Errorf("the copy (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(changed, tree(t, app)); diff != "" {
					t.Errorf("the app itself (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// files leaves out directories that lost all they had: they are nothing to the go command.
func files(tree map[string]string) map[string]string {
	maps.DeleteFunc(tree, func(name, content string) bool {
		return content == "dir" && slices.Contains([]string{"lib", "lib/deep", "shared"}, name)
	})
	return tree
}

func remove(t *testing.T, app, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(app, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, app, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(app, filepath.FromSlash(from)), filepath.Join(app, filepath.FromSlash(to))); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, app, to, name string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(app, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

// TestUpdateTreeOnAnotherFileSystem: files are copies there and not hard links, and change all the same.
func TestUpdateTreeOnAnotherFileSystem(t *testing.T) {
	other, err := os.MkdirTemp("/dev/shm", "go-cnb-test")
	if err != nil {
		t.Skipf("SKIPPED: no second file system (%v), so that copies instead of links were not updated: mount /dev/shm", err)
	}
	defer func() { _ = os.RemoveAll(other) }()
	app := write(t, t.TempDir(), updatedApp)
	before, err := Files(app)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(other, "copy")
	if err := CopyTree(app, dir); err != nil {
		t.Fatal(err)
	}
	if same(filepath.Join(app, "main.go"), filepath.Join(dir, "main.go")) {
		t.Skip("SKIPPED: /dev/shm is no second file system, so that copies instead of links were not updated")
	}
	remove(t, app, "main.go")
	remove(t, app, "lib/lib.go")
	write(t, app, "-- main.go --\npackage changed\n")
	if err := UpdateTree(app, dir, before, ""); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"main.go": "package changed\n", "lib/deep/deep.go": "package deep\n", "shared/shared.txt": "shared\n", "vendor/x/x.go": "package x\n"}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUpdateTreeWithoutOwn(t *testing.T) {
	app := write(t, t.TempDir(), updatedApp)
	before, err := Files(app)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := CopyTree(app, dir); err != nil {
		t.Fatal(err)
	}
	remove(t, app, "vendor/x/x.go")
	write(t, app, "-- vendor/y/y.go --\npackage y\n")
	write(t, dir, "-- made.go --\nby the build\n")
	if err := UpdateTree(app, dir, before, ""); err != nil {
		t.Fatal(err)
	}
	got := tree(t, dir)
	delete(got, "vendor/x")
	want := map[string]string{"main.go": "package main\n", "lib/lib.go": "package lib\n", "lib/deep/deep.go": "package deep\n", "shared/shared.txt": "shared\n", "vendor/y/y.go": "package y\n", "made.go": "by the build\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := UpdateTree(filepath.Join(app, "none"), dir, nil, ""); err == nil {
		t.Error("no error for an app that is not there")
	}
	if err := UpdateTree(app, dir, nil, filepath.Join(app, "none", "vendor")); err == nil {
		t.Error("no error for a directory whose parent is not there")
	}
}

func TestFiles(t *testing.T) {
	app := write(t, t.TempDir(), updatedApp+"-- sub/.git/config --\n-- sub/.svn/x --\n-- .hidden --\n")
	symlink(t, app, "shared", "linked")
	symlink(t, app, "none", "dangling")
	want := []string{".hidden", "dangling", "lib/deep/deep.go", "lib/lib.go", "linked", "main.go", "shared/shared.txt", "vendor/x/x.go"}
	link := filepath.Join(t.TempDir(), "app")
	if err := os.Symlink(app, link); err != nil {
		t.Fatal(err)
	}
	for _, top := range []string{app, link} {
		got, err := Files(top)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	if _, err := Files(filepath.Join(app, "none")); err == nil {
		t.Error("no error for an app that is not there")
	}
}
