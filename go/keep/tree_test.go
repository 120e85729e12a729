package keep

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// place makes the files of a txtar archive below dir. A name that ends in "/" is
// a directory, and content that begins with "-> " what a link leads to.
func place(t testing.TB, dir, archive string) {
	t.Helper()
	for _, file := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, filepath.FromSlash(file.Name))
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		to, link := strings.CutPrefix(string(file.Data), "-> ")
		switch {
		case err != nil:
		case link:
			err = os.Symlink(strings.TrimSpace(to), name)
		case strings.HasSuffix(file.Name, "/"):
			err = os.MkdirAll(name, 0o755)
		default:
			err = os.WriteFile(name, file.Data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// listing names what is below dir, a line each: files, links as "NAME -> TO", and directories that
// hold nothing, which end in "/".
func listing(t testing.TB, dir string) string {
	t.Helper()
	var lines strings.Builder
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			if entries, err := os.ReadDir(name); err != nil || len(entries) > 0 {
				return err
			}
			rel += "/"
		case entry.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(name)
			if err != nil {
				return err
			}
			rel += " -> " + to
		}
		lines.WriteString(rel + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines.String()
}
