package deps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var godirTests = []struct{ name, content, want, err string }{
	{"one line", "github.com/you/app\n", "github.com/you/app", ""},
	{"without an end", "github.com/you/app", "github.com/you/app", ""},
	{"one word", "app\n", "app", ""},
	{"CRLF and a byte order mark", "\ufeffgithub.com/you/app\r\n", "github.com/you/app", ""},
	{"empty lines and blanks", "\n \t\n  github.com/you/app  \nmore\n", "github.com/you/app", ""},
	{"an address", "https://github.com/you/app.git/\n", "github.com/you/app", ""},
	{"a slash", "github.com/you/app/\n", "github.com/you/app", ""},
	{"empty", "", "", ".godir is empty: write the app's import path into it, such as github.com/you/app"},
	{"blank", " \r\n\n\t\n", "", ".godir is empty"},
	{"words", "\nmy app\n", "", `.godir, line 2: "my app" is no import path: write the app's, such as github.com/you/app`},
	{"a way out", "../../etc\n", "", `.godir, line 1: "../../etc" is no import path`},
	{"this directory", ".\n", "", `.godir, line 1: "." is no import path`},
	{"the root", "/\n", "", `.godir, line 1: "/" is no import path`},
	{"a directory of the machine", "/go/src/app\n", "", `"/go/src/app" is no import path`},
	{"for ssh", "git@github.com:you/app.git\n", "", `"git@github.com:you/app.git" is no import path`},
	{"only a scheme", "https://\n", "", `"https://" is no import path`},
	{"binary", "\x00\xff\n", "", ".godir, line 1: "},
	{"a long line", "a " + strings.Repeat("\xd6", 5000), "", `"a ` + strings.Repeat(`\xd6`, 98) + `" is no import path`},
}

func TestReadGodir(t *testing.T) {
	for _, tt := range godirTests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, ".godir"), []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadManifest(Godir, dir, Options{})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("%v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := Manifest{Tool: Godir, File: ".godir", ImportPath: tt.want, ImportPathLine: "github.com/you/app"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := ReadManifest(Godir, t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), ".godir") {
		t.Errorf("without the file: %v", err)
	}
}

func TestReadGodirCommitted(t *testing.T) {
	for files, want := range map[string]string{
		"":                                   "",
		"-- vendor/README --\n":              "",
		"-- vendor/a.example/b/b.go --\n":    "vendor/ is committed",
		"-- Godeps/_workspace/x --\n":        "",
		"-- Godeps/_workspace/src/a/a.go --": "Godeps/_workspace/src is committed",
		"-- vendor/a/a.go --\n-- Godeps/_workspace/src/a/a.go --": "vendor/ is committed",
	} {
		m, err := ReadManifest(Godir, write(t, t.TempDir(), "-- .godir --\na\n"+files), Options{})
		if err != nil || m.AsIs != want || m.Lock != "" || m.LockAdvice != "" {
			t.Errorf("%q: %+v, %v", files, m, err)
		}
	}
}

// TestGodirWithLinks: vendor may be a link within the app; what lies outside of it is not the app's.
func TestGodirWithLinks(t *testing.T) {
	outside := write(t, t.TempDir(), "-- x/x.go --\npackage x\n")
	for target, want := range map[string]string{"third_party": "vendor/ is committed", outside: ""} {
		dir := write(t, t.TempDir(), "-- .godir --\nexample.com/app\n-- third_party/x/x.go --\npackage x\n")
		if err := os.Symlink(target, filepath.Join(dir, "vendor")); err != nil {
			t.Fatal(err)
		}
		m, err := ReadManifest(Godir, dir, Options{})
		if err != nil || m.AsIs != want {
			t.Errorf("%s: %q, %v", target, m.AsIs, err)
		}
	}
}
