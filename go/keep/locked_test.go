package keep

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asUser skips a test as root, whom no mode of a file keeps from anything.
func asUser(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 {
		t.Skip("SKIPPED: root reads and removes everything, so that read-only directories were not tried; run as another user: " +
			"go test -c -o /tmp/keep.test ./go/keep && setpriv --reuid=65534 --clear-groups /tmp/keep.test -test.run 'ReadOnly|Unreadable'")
	}
}

// chmod changes modes of paths below dir, given as "NAME=MODE", and gives the rights back at the end.
func chmod(t *testing.T, dir string, modes ...string) {
	t.Helper()
	for _, pair := range modes {
		name, text, _ := strings.Cut(pair, "=")
		var mode fs.FileMode
		if _, err := fmt.Sscanf(text, "%o", &mode); err != nil {
			t.Fatal(err)
		}
		name = filepath.Join(dir, name)
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(name, 0o700) }) // #nosec G302 -- a directory
	}
}

// TestReadOnly: directories that nobody may write are emptied all the same, and those that stay have their modes.
func TestReadOnly(t *testing.T) {
	asUser(t)
	app := t.TempDir()
	place(t, app, "-- a/x.go --\n-- a/x.html --\n-- go.mod --\n-- vendor/modules.txt --\n-- vendor/a.com/b/c/x.go --\n"+
		"-- .git/objects/ab/cd --\n-- d/x.go --\n")
	chmod(t, app, "a/x.go=444", "vendor/a.com/b/c=555", "vendor/a.com/b=555", "vendor=500", ".git/objects/ab/cd=444", ".git/objects/ab=555",
		".git=111", "a=555", "d=555", ".=555")
	report, err := LeaveOut(app, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("2 Go files, go.mod, vendor/, .git", report.String()); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("a/x.html\n", listing(t, app)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	for _, name := range []string{".", "a"} {
		if info, err := os.Stat(filepath.Join(app, name)); err != nil || info.Mode().Perm() != 0o555 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestUnreadable: the error names the directory and what to do, and nothing is removed.
func TestUnreadable(t *testing.T) {
	asUser(t)
	app := t.TempDir()
	place(t, app, "-- a/secret/x.go --\n-- a.go --\n")
	for _, mode := range []string{"000", "600"} {
		chmod(t, app, "a/secret="+mode)
		_, err := LeaveOut(app, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), "a/secret") ||
			!strings.Contains(err.Error(), "permission denied: let its owner read it (chmod -R u+rX), or remove it from the app") {
			t.Errorf("%s: %v", mode, err)
		}
	}
	chmod(t, app, "a/secret=700")
	if left := listing(t, app); left != "a/secret/x.go\na.go\n" {
		t.Errorf("left: %s", left)
	}
}

// TestUnusualFiles: pipes and sockets are files as others, and are not opened.
func TestUnusualFiles(t *testing.T) {
	app := t.TempDir()
	for _, name := range []string{"pipe", "pipe.go", ".git"} {
		if err := syscall.Mkfifo(filepath.Join(app, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	report, err := LeaveOut(app, Options{})
	if err != nil || report.String() != "1 Go file, .git" || listing(t, app) != "pipe\n" {
		t.Errorf("%s, left %s, %v", report, listing(t, app), err)
	}
}

// TestLinkedApp: an app's directory may be reached by a link, and be called .git.
func TestLinkedApp(t *testing.T) {
	real := t.TempDir()
	place(t, real, "-- .git/config --\n-- svc/main.go --\n-- x --\n")
	app := filepath.Join(t.TempDir(), ".git")
	if err := os.Symlink(real, app); err != nil {
		t.Fatal(err)
	}
	report, err := LeaveOut(app, Options{WorkDir: filepath.Join(app, "svc")})
	if err != nil || report.String() != "1 Go file, .git" || listing(t, real) != "svc/\nx\n" {
		t.Errorf("%s, left %s, %v", report, listing(t, real), err)
	}
}
