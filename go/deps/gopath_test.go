package deps

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// tree describes the files below dir: name → content, directories without files as "dir".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if entries, err := os.ReadDir(path); err != nil || len(entries) > 0 {
				return err
			}
			got[name] = "dir"
			return nil
		}
		if !d.Type().IsRegular() {
			got[name] = d.Type().String()
			return nil
		}
		content, err := os.ReadFile(path)
		got[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCopyTree(t *testing.T) {
	app := write(t, t.TempDir(), `
-- main.go --
package main
-- lib/lib.go --
package lib
-- vendor/x/x.go --
package x
-- .git/config --
-- sub/.git/config --
-- .hg/store --
-- .glide/x --
-- node_modules/x/x.go --
-- web/node_modules/x/x.go --
-- .hidden --
hidden
-- empty/file --
-- shared.txt --
shared
`)
	if err := os.Remove(filepath.Join(app, "empty", "file")); err != nil {
		t.Fatal(err)
	}
	outside := write(t, t.TempDir(), "-- far.txt --\nfar\n")
	for link, to := range map[string]string{
		"lib/shared.txt": "../shared.txt", "far.txt": filepath.Join(outside, "far.txt"),
		"linkdir": "lib", "lib/up": "../linkdir", "outdir": outside, "dangling": "none", "loop": "loop", "through": "main.go/x",
	} {
		if err := os.Symlink(to, filepath.Join(app, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(app, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"main.go": "package main\n", "lib/lib.go": "package lib\n", "vendor/x/x.go": "package x\n", ".hidden": "hidden\n",
		"shared.txt": "shared\n", "lib/shared.txt": "shared\n", "far.txt": "far\n", "empty": "dir", "sub": "dir", "web": "dir",
		"linkdir": "L---------", "lib/up": "L---------",
	}
	link := filepath.Join(t.TempDir(), "app")
	if err := os.Symlink(app, link); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{app, link} {
		gopath := t.TempDir()
		dir := filepath.Join(gopath, "src", "example.com", "team", "app")
		if err := CopyTree(from, dir); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if err := CopyTree(filepath.Join(app, "none"), t.TempDir()); err == nil {
		t.Error("no error for an app that is not there")
	}
}

// TestEmbedsOfLinkedFiles: the go command refuses to embed links, but finds their content in the copy.
func TestEmbedsOfLinkedFiles(t *testing.T) {
	app := write(t, t.TempDir(), `
-- main.go --
package main

import _ "embed"

//go:embed text.txt
var text string

func main() { println(text) }
-- shared/text.txt --
text
`)
	if err := os.Symlink("shared/text.txt", filepath.Join(app, "text.txt")); err != nil {
		t.Fatal(err)
	}
	gopath := t.TempDir()
	dir := filepath.Join(gopath, "src", "app")
	if err := CopyTree(app, dir); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	env := apptest.Env(t, "GO111MODULE=off", "GOFLAGS=", "GOPATH="+gopath)
	if err := apptest.Go(t).Run(dir, env, &out, &out, "list", "-f", "{{.ImportPath}} {{.EmbedFiles}}"); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if got := strings.TrimSpace(out.String()); got != "app [text.txt]" {
		t.Error(got)
	}
}

func TestCopiedFileIsWritableAndItsOwn(t *testing.T) {
	dir := write(t, t.TempDir(), "-- from --\ntext\n")
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.Chmod(from, 0o555); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(from, to); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode()&0o300 != 0o300 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := copyFile(from, to); err == nil {
		t.Error("an existing file is overwritten")
	}
}

func TestCheckImportPath(t *testing.T) {
	for path, ok := range map[string]bool{"example.com/team/app": true, "app": true, "/app": false, "../app": false, "a b": false, "a//b": false, "": false, "a/": false} {
		err := CheckImportPath("BP_GO_BUILD_IMPORT_PATH", path)
		if (err == nil) != ok {
			t.Errorf("%q: %v", path, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "BP_GO_BUILD_IMPORT_PATH: ") {
			t.Errorf("%q: the error does not name the setting: %v", path, err)
		}
	}
}
