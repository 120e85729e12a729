package deps

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

var loadTests = []struct {
	name   string
	files  string
	in     string
	gowork string
	// want has its paths relative to the app.
	want ModuleApp
	err  string
}{
	{"a module", "-- go.mod --\nmodule example.com/app/v2\n", "", "", ModuleApp{GoMod: "go.mod", Path: "example.com/app/v2"}, ""},
	{"a name in quotes, line ends of Windows", "-- go.mod --\nmodule \"example.com/app\" // the app\r\n\r\ngo 1.22\r\n", "", "",
		ModuleApp{GoMod: "go.mod", Path: "example.com/app"}, ""},
	{"a module above", "-- go.mod --\nmodule example.com/app\n-- cmd/a/a.go --\n", "cmd/a", "", ModuleApp{GoMod: "go.mod", Path: "example.com/app"}, ""},
	{"a module of its own below", "-- go.mod --\nmodule example.com/app\n-- a/go.mod --\nmodule example.com/a\n", "a", "",
		ModuleApp{GoMod: "a/go.mod", Path: "example.com/a"}, ""},
	{"a workspace without a root module", "-- go.work --\ngo 1.22\nuse (\n\t./a\n\t\"b c\"\n)\n", "", "",
		ModuleApp{GoWork: "go.work", Uses: []string{"a", "b c"}}, ""},
	{"a workspace with a root module", "-- go.work --\ngo 1.22\nuse .\nuse ./a\n-- go.mod --\nmodule example.com/app\n", "", "",
		ModuleApp{GoMod: "go.mod", GoWork: "go.work", Uses: []string{"", "a"}, Path: "example.com/app"}, ""},
	{"a workspace above", "-- go.work --\ngo 1.22\nuse ./a\n-- a/go.mod --\nmodule example.com/a\n", "a", "",
		ModuleApp{GoMod: "a/go.mod", GoWork: "go.work", Uses: []string{"a"}, Path: "example.com/a"}, ""},
	{"GOWORK=off", "-- go.work --\nnonsense\n-- go.mod --\nmodule example.com/app\n", "", "off", ModuleApp{GoMod: "go.mod", Path: "example.com/app"}, ""},
	{"GOWORK=FILE", "-- ci/ci.work --\ngo 1.22\nuse ../a\n-- go.work --\nnonsense\n", "", "ci/ci.work",
		ModuleApp{GoWork: "ci/ci.work", Uses: []string{"a"}}, ""},
	{"GOWORK=FILE that is not there", "-- go.mod --\nmodule example.com/app\n", "", "ci.work", ModuleApp{}, "GOWORK=ci.work: there is no such file"},
	{"no module line", "-- a/go.mod --\ngo 1.22\n", "a", "", ModuleApp{}, `a/go.mod has no module line: add "module example.com/app"`},
	{"an empty go.mod", "-- go.mod --\n", "", "", ModuleApp{}, "go.mod has no module line"},
	{"a broken go.mod", "-- go.mod --\nmodule example.com/app\n\nrequire (\n", "", "", ModuleApp{}, "go.mod:4"},
	{"a merge conflict", "-- go.mod --\nmodule example.com/app\n<<<<<<< HEAD\ngo 1.22\n", "", "", ModuleApp{Path: "example.com/app", GoMod: "go.mod"}, ""},
	{"a broken go.work", "-- go.work --\ngo 1.22\nuse (\n\t./a\n", "", "", ModuleApp{}, "go.work:"},
	{"an unknown line in go.work", "-- go.work --\ngo 1.22\nuse ./a\nwhat is this\n", "", "", ModuleApp{}, "go.work:3: unknown directive: what"},
	{"an unknown line in go.mod is the go command's to judge", "-- go.mod --\nmodule example.com/app\nfuture thing\n", "", "",
		ModuleApp{GoMod: "go.mod", Path: "example.com/app"}, ""},

	{"vendor", "-- go.mod --\nmodule example.com/app\n-- vendor/modules.txt --\n# example.org/x v1.0.0\n", "", "",
		ModuleApp{GoMod: "go.mod", Path: "example.com/app", Vendor: "vendor"}, ""},
	{"vendor of another language", "-- go.mod --\nmodule example.com/app\n-- vendor/bundle/ruby/x.rb --\n", "", "", ModuleApp{GoMod: "go.mod", Path: "example.com/app"}, ""},
	{"vendor of the module above", "-- go.mod --\nmodule example.com/app\n-- vendor/modules.txt --\n-- cmd/a/a.go --\n", "cmd/a", "",
		ModuleApp{GoMod: "go.mod", Path: "example.com/app", Vendor: "vendor"}, ""},
	{"vendor of the module above does not serve another module", "-- go.mod --\nmodule example.com/app\n-- vendor/modules.txt --\n-- a/go.mod --\nmodule example.com/a\n", "a", "",
		ModuleApp{GoMod: "a/go.mod", Path: "example.com/a"}, ""},
	{"vendor of a workspace", "-- go.work --\ngo 1.22\nuse ./a\n-- vendor/modules.txt --\n## workspace\n", "", "",
		ModuleApp{GoWork: "go.work", Uses: []string{"a"}, Vendor: "vendor"}, ""},
	{"vendor of a workspace, more annotations", "-- go.work --\ngo 1.22\nuse ./a\n-- vendor/modules.txt --\n## other; workspace\n", "", "",
		ModuleApp{GoWork: "go.work", Uses: []string{"a"}, Vendor: "vendor"}, ""},
	{"vendor of a module does not serve a workspace", "-- go.work --\ngo 1.22\nuse .\n-- go.mod --\nmodule example.com/app\n-- vendor/modules.txt --\n# example.org/x v1.0.0\n", "", "",
		ModuleApp{GoMod: "go.mod", GoWork: "go.work", Uses: []string{""}, Path: "example.com/app"}, ""},
	{"vendor of a workspace does not serve a module", "-- go.work --\n-- go.mod --\nmodule example.com/app\n-- vendor/modules.txt --\n## workspace\n", "", "off",
		ModuleApp{GoMod: "go.mod", Path: "example.com/app"}, ""},
	{"a workspace's vendor stands beside go.work", "-- go.work --\ngo 1.22\nuse ./a\n-- a/go.mod --\nmodule example.com/a\n-- a/vendor/modules.txt --\n## workspace\n", "a", "",
		ModuleApp{GoMod: "a/go.mod", GoWork: "go.work", Uses: []string{"a"}, Path: "example.com/a"}, ""},
	{"modules.txt is a directory", "-- go.mod --\nmodule example.com/app\n-- vendor/modules.txt/x --\n", "", "", ModuleApp{GoMod: "go.mod", Path: "example.com/app"}, ""},

	{"an install comment", "-- go.mod --\n// +scalingo install ./cmd/... ./other\nmodule example.com/app\n", "", "",
		ModuleApp{GoMod: "go.mod", Path: "example.com/app", Install: []string{"./cmd/...", "./other"}, InstallBy: "go.mod, // +scalingo install"}, ""},
	{"scalingo before heroku, whatever comes first", "-- go.mod --\n// +heroku install ./h\nmodule example.com/app\n\n//+scalingo  install\t./a,./b , ./c\n// +scalingo install ./late\n", "", "",
		ModuleApp{GoMod: "go.mod", Path: "example.com/app", Install: []string{"./a", "./b", "./c"}, InstallBy: "go.mod, // +scalingo install"}, ""},
	{"heroku alone, in a block, below", "-- a/go.mod --\nmodule example.com/app\nrequire (\n\t// +heroku install ./h\r\n\texample.org/x v1.0.0\n)\n", "a", "",
		ModuleApp{GoMod: "a/go.mod", Path: "example.com/app", Install: []string{"./h"}, InstallBy: "a/go.mod, // +heroku install"}, ""},
	{"nothing to install", "-- go.mod --\n// +scalingo install\n// +scalingo install ,\n// +scalingo installed ./x\n// scalingo install ./y\n// +heroku install ./h\nmodule example.com/app\n", "", "",
		ModuleApp{GoMod: "go.mod", Path: "example.com/app", Install: []string{"./h"}, InstallBy: "go.mod, // +heroku install"}, ""},
}

func TestLoadModules(t *testing.T) {
	for _, tt := range loadTests {
		t.Run(tt.name, func(t *testing.T) {
			top := write(t, t.TempDir(), tt.files)
			got, err := LoadModules(top, filepath.Join(top, tt.in), tt.gowork)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			want.WorkDir = tt.in
			rel := func(path string) string {
				if path == "" {
					return "-"
				}
				name, err := filepath.Rel(top, path)
				if err != nil {
					t.Fatal(err)
				}
				return strings.TrimPrefix(name, ".")
			}
			or := func(path string) string {
				if path == "" {
					return "-"
				}
				return path
			}
			got.WorkDir, got.GoMod, got.GoWork, got.Vendor = rel(got.WorkDir), rel(got.GoMod), rel(got.GoWork), rel(got.Vendor)
			want.GoMod, want.GoWork, want.Vendor = or(want.GoMod), or(want.GoWork), or(want.Vendor)
			for i := range got.Uses {
				got.Uses[i] = rel(got.Uses[i])
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	top := write(t, t.TempDir(), "-- ci.work --\ngo 1.22\nuse ./a\n-- sub/go.mod --\nmodule example.com/sub\n")
	got, err := LoadModules(top, filepath.Join(top, "sub"), filepath.Join(top, "ci.work"))
	if err != nil || got.GoWork != filepath.Join(top, "ci.work") {
		t.Errorf("GOWORK as an absolute path: %+v, %v", got, err)
	}
}

func TestUse(t *testing.T) {
	const modules = `
-- a/go.mod --
module example.com/a
go 1.21
-- b c/go.mod --
module example.com/b
go 1.21.0
-- old/go.mod --
module example.com/old
go 1.12
-- none/go.mod --
module example.com/none
-- rc/go.mod --
module example.com/rc
go 1.23rc1
-- broken/go.mod --
module example.com/broken
require (
-- empty/x --
-- go.work.sum --
sums
`
	for _, tt := range []struct {
		name   string
		use    []string
		goLine string
		uses   []string
		err    string
	}{
		{"the highest go line", []string{"./a", "b c/", "old"}, "go 1.21.0", []string{"a", "b c", "old"}, ""},
		{"in the other order", []string{"b c", "a"}, "go 1.21.0", []string{"b c", "a"}, ""},
		{"a pre-release", []string{"rc", "a"}, "go 1.23rc1", []string{"rc", "a"}, ""},
		{"go.work came with 1.18", []string{"old", "none"}, "go 1.18", []string{"old", "none"}, ""},
		{"no go.mod", []string{"a", "empty"}, "", nil, "BP_GO_WORK_USE: empty holds no module: "},
		{"no directory", []string{"nothing"}, "", nil, "BP_GO_WORK_USE: nothing holds no module: "},
		{"a broken go.mod", []string{"broken"}, "", nil, "broken/go.mod:3"},
		{"outside", []string{"../x"}, "", nil, "BP_GO_WORK_USE: ../x leaves the app"},
		{"absolute", []string{"/x"}, "", nil, "BP_GO_WORK_USE: /x leaves the app"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top, scratch := write(t, t.TempDir(), modules), t.TempDir()
			app, err := ModuleApp{WorkDir: top, Vendor: "before"}.Use(tt.use, scratch)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, dir := range tt.uses {
				want = append(want, filepath.Join(top, dir))
			}
			slices.Sort(want)
			slices.Sort(app.Uses)
			if diff := cmp.Diff(want, app.Uses); diff != "" {
				t.Errorf("directories (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(app.GoWork, scratch) || app.Vendor != "" {
				t.Errorf("%+v", app)
			}
			content, err := os.ReadFile(app.GoWork)
			if err != nil || !strings.Contains(string(content), tt.goLine+"\n") {
				t.Errorf("%v: %s", err, content)
			}
			if sums, err := os.ReadFile(app.GoWork + ".sum"); err != nil || string(sums) != "sums\n" {
				t.Errorf("go.work.sum: %q, %v", sums, err)
			}
			// The go command takes it as it is.
			out, err := apptest.Go(t).Output(top, apptest.Env(t, "GOWORK="+app.GoWork, "GOFLAGS=-mod=readonly"), "list", "-m")
			if err != nil || strings.Count(string(out), "\n") != len(tt.uses) {
				t.Errorf("go list -m: %s, %v", out, err)
			}
			if _, err := os.Stat(filepath.Join(top, "go.work")); err == nil {
				t.Error("a go.work was written to the app")
			}
		})
	}
	before := ModuleApp{WorkDir: "x", Vendor: "v"}
	if got, err := before.Use(nil, "/nowhere"); err != nil || !cmp.Equal(got, before) {
		t.Errorf("nothing to use: %+v, %v", got, err)
	}
}

func TestMod(t *testing.T) {
	module, vendored := ModuleApp{GoMod: "go.mod"}, ModuleApp{GoMod: "go.mod", Vendor: "vendor"}
	workspace, workspaceVendored := ModuleApp{GoWork: "go.work"}, ModuleApp{GoWork: "go.work", Vendor: "vendor"}
	for _, tt := range []struct{ version, module, vendored, workspace, workspaceVendored string }{
		{"1.11", "", "vendor", "", ""}, {"1.13.15", "", "vendor", "", ""}, {"1.14", "mod", "vendor", "", ""}, {"1.15.15", "mod", "vendor", "", ""},
		{"1.16", "readonly", "vendor", "", ""}, {"1.18", "readonly", "vendor", "readonly", "readonly"},
		{"1.21.13", "readonly", "vendor", "readonly", "readonly"}, {"1.22.0", "readonly", "vendor", "readonly", "vendor"}, {"1.27rc1", "readonly", "vendor", "readonly", "vendor"},
	} {
		v := toolchain.MustParseVersion(tt.version)
		if got := module.Mod(v); got != tt.module {
			t.Errorf("Go %s, module: %q", v, got)
		}
		if got := vendored.Mod(v); got != tt.vendored {
			t.Errorf("Go %s, vendored: %q", v, got)
		}
		if !v.Has(toolchain.Workspaces) {
			continue
		}
		if got := workspace.Mod(v); got != tt.workspace {
			t.Errorf("Go %s, workspace: %q", v, got)
		}
		if got := workspaceVendored.Mod(v); got != tt.workspaceVendored {
			t.Errorf("Go %s, vendored workspace: %q", v, got)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		app     ModuleApp
		version string
		want    string
	}{
		{ModuleApp{}, "1.10.8", "go 1.10.8 knows no modules, which came with Go 1.11"},
		{ModuleApp{}, "1.11", ""},
		{ModuleApp{GoWork: "go.work"}, "1.17.13", "go 1.17.13 knows no workspaces, which came with Go 1.18"},
		{ModuleApp{GoWork: "go.work"}, "1.18", ""},
	} {
		err := tt.app.Check(toolchain.MustParseVersion(tt.version))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%+v, Go %s: %v", tt.app, tt.version, err)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		app  ModuleApp
		want []string
	}{
		{ModuleApp{WorkDir: "/app"}, []string{"./..."}},
		{ModuleApp{WorkDir: "/app", GoWork: "/app/go.work", Uses: []string{"/app", "/app/lib", "/app/two words"}}, []string{"./...", "./lib/...", "./two words/..."}},
		{ModuleApp{WorkDir: "/app", GoWork: "/app/go.work", Uses: []string{"/app/a"}}, []string{"./a/..."}},
		{ModuleApp{WorkDir: "/app/a", GoWork: "/app/go.work", Uses: []string{"/app/a", "/app/b"}}, []string{"./..."}},
		{ModuleApp{WorkDir: "/app/a/cmd", GoWork: "/app/go.work", Uses: []string{"/app/a", "/app/b"}}, []string{"./..."}},
		{ModuleApp{WorkDir: "/app/c", GoWork: "/app/go.work", Uses: []string{"/app/a"}}, nil},
		{ModuleApp{WorkDir: "/app", GoWork: "/app/go.work"}, nil},
	} {
		got, err := tt.app.Patterns()
		if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != (tt.want != nil) {
			t.Errorf("%+v: %v\n%s", tt.app, err, diff)
		}
	}
}

func TestPreserve(t *testing.T) {
	top := write(t, t.TempDir(), "-- go.mod --\nmodule example.com/app\n-- go.work --\ngo 1.22\nuse .\n-- go.work.sum --\nsums\n")
	app, err := LoadModules(top, top, "")
	if err != nil {
		t.Fatal(err)
	}
	restore, err := app.Preserve()
	if err != nil {
		t.Fatal(err)
	}
	old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(top, "go.work.sum"), old, old); err != nil {
		t.Fatal(err)
	}
	before := tree(t, top)
	if err := os.Remove(filepath.Join(top, "go.mod")); err != nil {
		t.Fatal(err)
	}
	write(t, top, "-- go.sum --\nnew\n-- go.mod --\nmodule example.com/app\n\ngo 1.15\n-- main --\nbinary\n")
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	before["main"] = "binary\n"
	if diff := cmp.Diff(before, tree(t, top)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(top, "go.work.sum")); err != nil || !info.ModTime().Equal(old) {
		t.Errorf("a file that was not touched was written: %v, %v", info, err)
	}
	if err := os.Remove(filepath.Join(top, "go.mod")); err != nil {
		t.Fatal(err)
	}
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, tree(t, top)); diff != "" {
		t.Errorf("a file that was removed is not back: %s", diff)
	}
	if restore, err := (ModuleApp{}).Preserve(); err != nil || restore() != nil {
		t.Error("an app without go.mod has nothing to preserve")
	}
}
