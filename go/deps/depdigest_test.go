package deps

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// depTreeFiles is a project's tree. Another program computed its digest, by the
// rules that give the digests in the locks of dep 0.5.4 and Argo CD 0.12.0 for 54
// projects, fetched at their tags and pruned as the locks say.
const depTreeFiles = `-- .travis.yml --
language: go
-- LICENSE --
Do what you like.
-- a/z/z.go --
package z
-- a/a.go --
package a

func A() {}
-- b.go --
package b
-- empty --
-- sub/.gitignore --
bin
-- sub/sub_test.go --
package sub
`

const depTreeDigest = "1:a22cadf7e663569682a7d3a69e289c8e01c2c1371d2744003d5a7ac3acfd2305"

// depTree writes the tree and what is given to vendor/example.com/p and returns vendor.
func depTree(t *testing.T, files string) string {
	t.Helper()
	vendor := filepath.Join(t.TempDir(), "vendor")
	dir := filepath.Join(vendor, "example.com", "p")
	write(t, dir, depTreeFiles+files)
	if err := os.Mkdir(filepath.Join(dir, "a", "none"), 0o755); err != nil {
		t.Fatal(err)
	}
	return vendor
}

// depContent returns a function that replaces a file of the project.
func depContent(name, text string) func(dir string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
}

var depDigestTests = []struct {
	name, files string
	change      func(dir string) error
	want        bool
}{
	{"as it was", "", nil, true},
	{"line ends of Windows", "", depContent("a/a.go", "package a\r\n\r\nfunc A() {}\r\n"), true},
	{"nested vendor", "-- vendor/x/x.go --\n-- a/vendor/y --\n", nil, true},
	{"directories of version control", "-- .git/HEAD --\n-- sub/.hg/x --\n-- .svn/x --\n-- a/.bzr/x --\n", nil, true},
	{"a link to a file", "", func(dir string) error { return os.Symlink("b.go", filepath.Join(dir, "link.go")) }, true},
	{"a link to a directory", "", func(dir string) error { return os.Symlink("a", filepath.Join(dir, "link")) }, true},
	{"a link to nothing with the name of a directory", "", func(dir string) error { return os.Symlink("none", filepath.Join(dir, ".git")) }, true},
	{"other modes", "", func(dir string) error { return os.Chmod(filepath.Join(dir, "b.go"), 0o755) }, true},
	{"a file more", "-- c.go --\n", nil, false},
	{"a hidden file more", "-- .golangci.yml --\n", nil, false},
	{"a file of another name", "", func(dir string) error { return os.Rename(filepath.Join(dir, "b.go"), filepath.Join(dir, "c.go")) }, false},
	{"another content", "", depContent("b.go", "package c\n"), false},
	{"a line end more", "", depContent("b.go", "package b\n\n"), false},
	{"a carriage return alone", "", depContent("b.go", "package b\r"), false},
	{"a file less", "", func(dir string) error { return os.Remove(filepath.Join(dir, "empty")) }, false},
	{"an empty directory more", "", func(dir string) error { return os.Mkdir(filepath.Join(dir, "new"), 0o755) }, false},
	{"an empty directory less", "", func(dir string) error { return os.Remove(filepath.Join(dir, "a", "none")) }, false},
	{"a pipe, which is not read", "", func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600) }, false},
	// dep ends the walk of a directory at such a file, which is there in a submodule.
	{"a file .git hides what comes after it", "-- sub/.git --\ngitdir: ../.git/modules/sub\n", nil, false},
	{"a file vendor at the end hides nothing", "-- sub/vendor --\n", nil, true},
	{"a file vendor hides another", "-- sub/vendor --\n-- sub/z --\n", nil, true},
	{"a link instead of the project", "", func(dir string) error {
		if err := os.Rename(dir, dir+"q"); err != nil {
			return err
		}
		return os.Symlink(dir+"q", dir)
	}, false},
	{"no project", "", os.RemoveAll, false},
	{"a file instead of the project", "", func(dir string) error {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		return os.WriteFile(dir, nil, 0o600)
	}, false},
}

func TestDepDigestMatches(t *testing.T) {
	for _, tt := range depDigestTests {
		t.Run(tt.name, func(t *testing.T) {
			vendor := depTree(t, tt.files)
			if tt.change != nil {
				if err := tt.change(filepath.Join(vendor, "example.com", "p")); err != nil {
					t.Fatal(err)
				}
			}
			got, err := DepDigestMatches(vendor, Project{Path: "example.com/p", Sum: depTreeDigest})
			if got != tt.want || err != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestDepDigestOfOtherForms(t *testing.T) {
	vendor := depTree(t, "")
	for _, sum := range []string{
		"", ":", "1", "1:", strings.TrimPrefix(depTreeDigest, "1:"), "2" + depTreeDigest[1:], "01" + depTreeDigest[1:], depTreeDigest + "00", depTreeDigest[:len(depTreeDigest)-2],
		depTreeDigest[:len(depTreeDigest)-1] + "g", " " + depTreeDigest, depTreeDigest + ":1", "1:" + strings.Repeat("0", 64),
	} {
		if got, err := DepDigestMatches(vendor, Project{Path: "example.com/p", Sum: sum}); got || err != nil {
			t.Errorf("%q: %v, %v", sum, got, err)
		}
	}
}

func TestDepDigestUnreadable(t *testing.T) {
	vendor, err := os.MkdirTemp(os.TempDir(), "unreadable") // t.TempDir lets no other user in
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(vendor) }()
	if err := os.Chmod(vendor, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, closed := range []string{"file", "dir"} {
		name := filepath.Join(write(t, filepath.Join(vendor, closed), "-- file --\n-- dir/x --\n"), closed)
		if err := os.Chmod(name, 0); err != nil {
			t.Fatal(err)
		}
		check := func() {
			if got, err := DepDigestMatches(vendor, Project{Path: closed, Sum: depTreeDigest}); got || err == nil {
				t.Errorf("%s: %v, %v", closed, got, err)
			}
		}
		if os.Getuid() == 0 {
			asOther(t, check)
		} else {
			check()
		}
		if err := os.Chmod(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
