package launch

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repositoryTests are apps, path → content, with "/" at the end of directories
// and "-> " before what a link leads to, and what is left of them.
var repositoryTests = []struct {
	name    string
	app     map[string]string
	left    map[string]string
	removed []string
}{
	{"none", map[string]string{"main.go": "", "git/config": "", ".gitignore": "", ".github/x.yml": "", "a/.gitmodules": "", ".git2/x": "", "x.git/config": ""},
		map[string]string{"main.go": "", "git": "dir", "git/config": "", ".gitignore": "", ".github": "dir", ".github/x.yml": "", "a": "dir", "a/.gitmodules": "", ".git2": "dir", ".git2/x": "", "x.git": "dir", "x.git/config": ""}, nil},
	{"the app's own", map[string]string{"main.go": "", ".git/config": "[remote]", ".git/objects/ab/cd": "x", ".git/hooks/": ""}, map[string]string{"main.go": ""}, []string{".git"}},
	{"a file, as a worktree or a submodule has it", map[string]string{".git": "gitdir: ../x", "sub/.git": "gitdir: ../.git/modules/sub", "sub/a": ""},
		map[string]string{"sub": "dir", "sub/a": ""}, []string{".git", "sub/.git"}},
	{"nested", map[string]string{"a/b/.git/config": "", "vendor/x/.git/.git/config": "", "node_modules/m/.git/config": "", "a/b/c": ""},
		map[string]string{"a": "dir", "a/b": "dir", "a/b/c": "", "vendor": "dir", "vendor/x": "dir", "node_modules": "dir", "node_modules/m": "dir"}, []string{"a/b/.git", "node_modules/m/.git", "vendor/x/.git"}},
	{"links", map[string]string{".git": "-> OUTSIDE", "a/.git": "-> ../kept", "b/.git": "-> nowhere", "kept/config": "", "linked": "-> OUTSIDE"},
		map[string]string{"a": "dir", "b": "dir", "kept": "dir", "kept/config": "", "linked": "-> OUTSIDE"}, []string{".git", "a/.git", "b/.git"}},
	{"links within it", map[string]string{".git/out": "-> OUTSIDE", ".git/loop": "-> .", ".git/file": "-> OUTSIDE/.git/config"}, map[string]string{}, []string{".git"}},
	{"nothing at all", map[string]string{}, map[string]string{}, nil},
}

func TestRemoveRepositories(t *testing.T) {
	for _, tt := range repositoryTests {
		t.Run(tt.name, func(t *testing.T) {
			outside := t.TempDir()
			place(t, outside, map[string]string{".git/config": "of somebody else", "file": "kept"})
			before := tree(t, outside)
			app := t.TempDir()
			files := map[string]string{}
			for name, content := range tt.app {
				files[name] = strings.ReplaceAll(content, "OUTSIDE", outside)
			}
			place(t, app, files)
			removed, err := RemoveRepositories(app)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.removed, removed); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
			left := tree(t, app)
			for name, content := range left {
				left[name] = strings.ReplaceAll(content, outside, "OUTSIDE")
			}
			if diff := cmp.Diff(tt.left, left); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, tree(t, outside)); diff != "" {
				t.Errorf("outside of the app (-want +got):\n%s", diff)
			}
		})
	}
}

// place makes files, directories and links below dir.
func place(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		to, link := strings.CutPrefix(content, "-> ")
		switch {
		case err != nil:
		case link:
			err = os.Symlink(to, path)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestRemoveReadOnlyRepository: what git itself makes, with files that nobody may write.
func TestRemoveReadOnlyRepository(t *testing.T) {
	real := t.TempDir()
	place(t, real, map[string]string{".git/objects/pack/x.pack": "", ".git/objects/ab/cd": "", ".git/config": "", "main.go": ""})
	for _, file := range []string{"pack/x.pack", "ab/cd"} {
		if err := os.Chmod(filepath.Join(real, ".git", "objects", file), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(real, ".git", "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	app := filepath.Join(t.TempDir(), ".git") // an app by that name is no repository
	if err := os.Symlink(real, app); err != nil {
		t.Fatal(err)
	}
	removed, err := RemoveRepositories(app)
	if diff := cmp.Diff([]string{".git"}, removed); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(map[string]string{"main.go": ""}, tree(t, real)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if removed, err := RemoveRepositories(app); err != nil || removed != nil {
		t.Errorf("again: %v, %v", removed, err)
	}
	if _, err := RemoveRepositories(filepath.Join(real, "none")); err == nil {
		t.Error("no error for an app that is not there")
	}
}

// TestRepositoryThatCannotBeRemoved: the error names it and says why it matters.
func TestRepositoryThatCannotBeRemoved(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("SKIPPED: root removes everything, so that the error was not seen: run as another user")
	}
	app := t.TempDir()
	place(t, app, map[string]string{"sub/.git/config": ""})
	if err := os.Chmod(filepath.Join(app, "sub", ".git"), 0o555); err != nil { // #nosec G302 -- a directory
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(filepath.Join(app, "sub", ".git"), 0o755) }() // #nosec G302 -- a directory
	_, err := RemoveRepositories(app)
	if err == nil || !strings.Contains(err.Error(), "sub/.git cannot be removed, which must not be in the image, since it may hold logins: ") {
		t.Error(err)
	}
}
