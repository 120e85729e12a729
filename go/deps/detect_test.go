package deps

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m)) }

func write(t testing.TB, dir, archive string) string {
	t.Helper()
	apptest.Write(t, dir, archive)
	return dir
}

var detectTests = []struct {
	name  string
	files string
	want  Found // the zero value: nothing of Go
}{
	{"go.mod", "-- go.mod --\n", Found{Tool: Modules, By: "go.mod"}},
	{"go.work", "-- go.work --\n-- go.mod --\n", Found{Tool: Modules, By: "go.work"}},
	{"Gopkg.lock", "-- Gopkg.lock --\n", Found{Tool: Dep, By: "Gopkg.lock"}},
	{"Gopkg.toml", "-- Gopkg.toml --\n", Found{Tool: Dep, By: "Gopkg.toml"}},
	{"godep", "-- Godeps/Godeps.json --\n", Found{Tool: Godep, By: "Godeps/Godeps.json"}},
	{"govendor", "-- vendor/vendor.json --\n", Found{Tool: Govendor, By: "vendor/vendor.json"}},
	{"glide.yaml", "-- glide.yaml --\n", Found{Tool: Glide, By: "glide.yaml"}},
	{"glide.lock", "-- glide.lock --\n", Found{Tool: Glide, By: "glide.lock"}},
	{"gb", "-- src/a/b/b.go --\n", Found{Tool: GB, By: "src/a/b/b.go"}},
	{"gb with only one directory", "-- src/a/a.go --\n", Found{Tool: GB, By: "src/a/a.go"}},
	{"src with Go files is not gb's", "-- src/a.go --\npackage a\n", Found{}},
	{"src of another language", "-- src/lib/a.rb --\n-- src/node_modules/x/x.go --\n-- src/.x/x.go --\n-- src/_x/x.go --\n-- src/x/testdata/x.go --\n", Found{}},
	{"godir", "-- .godir --\n", Found{Tool: Godir, By: ".godir"}},
	{"main in the root", "-- app.go --\npackage main\n", Found{Tool: None, By: "app.go"}},
	{"main under cmd", "-- cmd/a/b/b.go --\npackage main\n-- lib.go --\npackage lib\n", Found{Tool: None, By: "cmd/a/b/b.go"}},
	{"main in cmd itself", "-- cmd/b.go --\npackage main\n", Found{Tool: None, By: "cmd/b.go"}},
	{"main elsewhere", "-- app/main.go --\npackage main\n", Found{}},
	{"main in a dependency", "-- cmd/vendor/x/main.go --\npackage main\n-- cmd/testdata/main.go --\npackage main\n", Found{}},
	{"only a library", "-- lib.go --\npackage lib\n", Found{}},
	{"only tests", "-- main_test.go --\npackage main\n", Found{}},
	{"only a script", "-- gen.go --\n//go:build ignore\n\npackage main\n", Found{}},
	{"only for another system", "-- main_windows.go --\npackage main\n-- plan.go --\n//go:build plan9\n\npackage main\n", Found{}},
	{"under the tag scalingo", "-- main.go --\n//go:build scalingo\n\npackage main\n", Found{Tool: None, By: "main.go"}},
	{"under the tag heroku", "-- main.go --\n// +build heroku\n\npackage main\n", Found{Tool: None, By: "main.go"}},
	{"not under the tag scalingo", "-- main.go --\n//go:build !scalingo\n\npackage main\n", Found{}},
	{"a mistake in the code", "-- main.go --\npackage main\n\nfunc main() { x := }\n", Found{Tool: None, By: "main.go"}},
	{"a mistake in the imports", "-- main.go --\npackage main\n\nimport (\nfunc main() {}\n", Found{Tool: None, By: "main.go"}},
	{"a package without a name", "-- main.go --\npackage\n", Found{}},
	{"no Go at all", "-- main.go --\n\x00\xff not Go", Found{}},
	{"nothing", "", Found{}},
	{"directories with the names of files", "-- go.mod/x --\n-- Gopkg.lock/x --\n-- .godir/x --\n-- main.go/x --\n", Found{}},
	{"all at once", "-- go.mod --\n-- Gopkg.toml --\n-- Gopkg.lock --\n-- Godeps/Godeps.json --\n-- vendor/vendor.json --\n-- glide.lock --\n-- glide.yaml --\n-- src/a/b.go --\n-- .godir --\n-- main.go --\npackage main\n",
		Found{Tool: Modules, By: "go.mod", Beside: []string{"Gopkg.lock", "Godeps/Godeps.json", "vendor/vendor.json", "glide.yaml", ".godir"}}},
	{"dep before godep", "-- Gopkg.toml --\n-- Godeps/Godeps.json --\n", Found{Tool: Dep, By: "Gopkg.toml", Beside: []string{"Godeps/Godeps.json"}}},
	{"godep before govendor", "-- Godeps/Godeps.json --\n-- vendor/vendor.json --\n", Found{Tool: Godep, By: "Godeps/Godeps.json", Beside: []string{"vendor/vendor.json"}}},
	{"govendor before glide", "-- vendor/vendor.json --\n-- glide.lock --\n", Found{Tool: Govendor, By: "vendor/vendor.json", Beside: []string{"glide.lock"}}},
	{"glide before gb", "-- glide.lock --\n-- src/a/a.go --\n", Found{Tool: Glide, By: "glide.lock"}},
	{"gb before godir", "-- src/a/a.go --\n-- .godir --\n", Found{Tool: GB, By: "src/a/a.go", Beside: []string{".godir"}}},
	{"godir before none", "-- .godir --\n-- main.go --\npackage main\n", Found{Tool: Godir, By: ".godir"}},
}

func TestDetect(t *testing.T) {
	for _, tt := range detectTests {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, t.TempDir(), tt.files)
			got, ok, err := Detect(dir, dir)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				got = Found{}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDetectBelow(t *testing.T) {
	top := write(t, t.TempDir(), "-- go.mod --\n-- cmd/api/main.go --\npackage main\n-- docs/x --\n-- old/Gopkg.lock --\n")
	for dir, want := range map[string]Found{
		"cmd/api": {Tool: Modules, By: "../../go.mod"},
		"docs":    {Tool: Modules, By: "../go.mod"},
		"old":     {Tool: Dep, By: "Gopkg.lock"},
	} {
		got, ok, err := Detect(top, filepath.Join(top, dir))
		if diff := cmp.Diff(want, got); diff != "" || !ok || err != nil {
			t.Errorf("%s: %v, %v (-want +got):\n%s", dir, ok, err, diff)
		}
	}
	// A go.mod above the app is not the app's.
	app := filepath.Join(top, "docs")
	if got, ok, err := Detect(app, app); ok || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDetectUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root reads every directory: the case runs as another user in this process")
		asOther(t, func() { detectUnreadable(t) })
		return
	}
	detectUnreadable(t)
}

func detectUnreadable(t *testing.T) {
	for _, name := range []string{"", "cmd", "src"} {
		dir, err := os.MkdirTemp(os.TempDir(), "unreadable")
		if err != nil {
			t.Fatal(err)
		}
		closed := filepath.Join(dir, name)
		if err := os.MkdirAll(closed, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(closed, 0); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := Detect(dir, dir); err == nil {
			t.Errorf("%q: %+v, %v, no error", name, got, ok)
		}
		if err := os.Chmod(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// asOther runs f with the rights of an ordinary user. It needs root, and a
// directory for temporary files that all may write to.
func asOther(t *testing.T, f func()) {
	t.Helper()
	if err := syscall.Setreuid(-1, 65534); err != nil {
		t.Skipf("SKIPPED: cannot become another user: %v", err)
	}
	defer func() {
		if err := syscall.Setreuid(-1, 0); err != nil {
			panic(err)
		}
	}()
	f()
}

func TestLookedForAndListing(t *testing.T) {
	for _, want := range []string{"go.work", "go.mod", "Gopkg.lock", "Godeps/Godeps.json", "vendor/vendor.json", "glide.yaml", ".godir", "cmd/"} {
		if !strings.Contains(LookedFor(), want) {
			t.Errorf("%s is missing in %s", want, LookedFor())
		}
	}
	dir := t.TempDir()
	if got := Listing(dir); got != "nothing" {
		t.Errorf("Listing of an empty directory is %q", got)
	}
	write(t, dir, "-- b.rb --\n-- a/x --\n")
	if got := Listing(dir); got != "a/, b.rb" {
		t.Errorf("Listing is %q", got)
	}
	for i := range 50 {
		write(t, dir, "-- f"+strings.Repeat("x", i)+" --\n")
	}
	if got := Listing(dir); !strings.HasSuffix(got, ", and 12 more") {
		t.Errorf("Listing is %q", got)
	}
}

func TestWorkDir(t *testing.T) {
	top := write(t, t.TempDir(), "-- svc/api/go.mod --\n-- two words/go.mod --\n-- file --\n-- ..data/x --\n")
	outside := t.TempDir()
	for link, to := range map[string]string{"inside": "svc/api", "out": outside, "dangling": "none", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ workdir, want, err string }{
		{"", "", ""},
		{".", "", ""},
		{"svc", "svc", ""},
		{"./svc/api/", "svc/api", ""},
		{"svc/../svc//api", "svc/api", ""},
		{"two words", "two words", ""},
		{"..data", "..data", ""},
		{filepath.Join(top, "svc"), "svc", ""},
		{top, "", ""},
		{"inside", "svc/api", ""},
		{"none", "", "BP_GO_WORKDIR=none: the app has no such directory; its root holds ..data/, dangling, file, inside, loop, out, svc/, two words/"},
		{"file", "", "BP_GO_WORKDIR=file: the app has no such directory"},
		{"dangling", "", "BP_GO_WORKDIR=dangling: the app has no such directory"},
		{"loop", "", "BP_GO_WORKDIR=loop: "},
		{"..", "", "BP_GO_WORKDIR=.. leaves the app"},
		{"svc/../../x", "", "BP_GO_WORKDIR=svc/../../x leaves the app"},
		{outside, "", "leaves the app"},
		{"/", "", "BP_GO_WORKDIR=/ leaves the app"},
		{"out", "", "BP_GO_WORKDIR=out is a link that leaves the app"},
	} {
		got, err := WorkDir(top, tt.workdir)
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("WorkDir(%q): %q, %v, want the error %q", tt.workdir, got, err, tt.err)
			}
		case err != nil || got != filepath.Join(top, tt.want):
			t.Errorf("WorkDir(%q) = %q, %v, want %q", tt.workdir, got, err, filepath.Join(top, tt.want))
		}
	}
	link := filepath.Join(t.TempDir(), "app")
	if err := os.Symlink(top, link); err != nil {
		t.Fatal(err)
	}
	if got, err := WorkDir(link, "svc"); err != nil || got != filepath.Join(link, "svc") {
		t.Errorf("behind a link: %q, %v", got, err)
	}
}
