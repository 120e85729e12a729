package golang

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

func TestImportPathIsAskedForInTheToolsOwnWords(t *testing.T) {
	for _, c := range []struct {
		name, environ string
		app           app
		want          string
	}{
		{"missing", "", app{tool: deps.Dep, manifest: deps.Manifest{File: "Gopkg.toml", ImportPathLine: "[metadata.scalingo]\n  root-package = \"x\""}},
			"Gopkg.toml does not say the app's import path, under which its packages import each other: add\n[metadata.scalingo]\n  root-package = \"x\"\nto it, or set BP_GO_BUILD_IMPORT_PATH"},
		{"from the variable", "BP_GO_BUILD_IMPORT_PATH=example.com/app", app{tool: deps.Dep}, ""},
		{"none", "", app{tool: deps.Glide, manifest: deps.Manifest{File: "glide.yaml", ImportPath: "../x"}}, `glide.yaml: malformed import path "../x"`},
		{"gb has none", "", app{tool: deps.GB}, ""},
		{"no tool needs none", "", app{tool: deps.None}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := mustRead(t, c.environ).checkImportPath(c.app)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// testProject is an app in files on its way through a build with Go v.
func testProject(t *testing.T, v, files string, environ ...string) (*project, *bytes.Buffer) {
	t.Helper()
	top := t.TempDir()
	apptest.Write(t, top, files)
	settings, err := ReadSettings(top, environ, metadata(t), "")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	b := &build{
		report:   report{Logger: NewLogger(&out, true), clock: time.Now, steps: &[]stepTime{}},
		context:  libcnb.BuildContext{ApplicationPath: top},
		settings: settings,
		scratch:  t.TempDir(),
	}
	return &project{build: b, importPath: "example.com/app", dist: goDist{Go: toolchain.Go{Version: toolchain.MustParseVersion(v)}}}, &out
}

// TestWhereOldGoFindsDependencies: before 1.5 no Go looks into vendor/, 1.5 and 1.6 do as they are told, all others always.
func TestWhereOldGoFindsDependencies(t *testing.T) {
	const inVendor, elsewhere = "vendor/", "a workspace"
	for _, c := range []struct{ version, users, want, experiment, say string }{
		{"1.4.3", "", elsewhere, "", ""},
		{"1.4.3", "1", elsewhere, "", ""},
		{"1.5.4", "", inVendor, "1", ""},
		{"1.5.4", "0", elsewhere, "", ""},
		{"1.6", "0", elsewhere, "", ""},
		{"1.6", "", inVendor, "1", ""},
		{"1.7", "", inVendor, "", ""},
		{"1.7", "1", inVendor, "", "GO15VENDOREXPERIMENT is set, but Go 1.7 does not know it: vendor/ is always used. Unset the variable"},
		{"1.26.0", "0", inVendor, "", "Unset the variable"},
	} {
		t.Run(c.version+" "+c.users, func(t *testing.T) {
			p, out := testProject(t, c.version, "-- vendor/x/x.go --\npackage x\n", vendorExperiment+"="+c.users)
			p.job.Dir = p.build.context.ApplicationPath
			var e goEnvironment
			if err := p.placeVendor(&e); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(p.vendor, "x", "x.go")); err != nil {
				t.Error(err)
			}
			got := inVendor
			if p.vendor != filepath.Join(p.job.Dir, "vendor") {
				got = elsewhere
				if diff := cmp.Diff([]string{filepath.Dir(p.vendor)}, e.moreGOPATH); diff != "" {
					t.Errorf("workspaces (-want +got):\n%s", diff)
				}
			}
			if got != c.want || e.vendorExperiment != c.experiment {
				t.Errorf("in %s with GO15VENDOREXPERIMENT=%s", got, e.vendorExperiment)
			}
			if c.say == "" && out.Len() > 0 || !strings.Contains(out.String(), c.say) {
				t.Errorf("the log says %q", out)
			}
		})
	}
}

func TestSourceMovesIntoTheGOPATHOfTheImage(t *testing.T) {
	p, _ := testProject(t, "1.12.17", `
-- main.go --
package main
-- src/other/other.go --
package other
-- vendor/stale/stale.go --
package stale
-- bin/tool --
tool
-- Procfile --
web: bin/app
`)
	p.vendor = t.TempDir()
	apptest.Write(t, p.vendor, "-- fresh/fresh.go --\npackage fresh\n")
	p.locked.fetched = true
	p.binLayer.LaunchEnvironment = libcnb.Environment{}
	if err := p.setUpGOPATH(); err != nil {
		t.Fatal(err)
	}
	top := p.build.context.ApplicationPath
	var got []string
	err := filepath.WalkDir(top, func(file string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(top, file)
			got = append(got, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Procfile", "bin/tool", "src/example.com/app/bin", "src/example.com/app/main.go", "src/example.com/app/src/other/other.go", "src/example.com/app/vendor/fresh/fresh.go",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(top, "src", "example.com", "app", "bin", "tool")); err != nil {
		t.Errorf("what is in bin/ is not found from the source: %v", err)
	}
	if p.binLayer.LaunchEnvironment["GOPATH.override"] != top || p.startDir != filepath.Join(top, "src", "example.com", "app") {
		t.Errorf("environment %v, processes start in %s", p.binLayer.LaunchEnvironment, p.startDir)
	}
}

func TestUnknownToolsOfEarlierBuildsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	apptest.Write(t, dir, "-- migrate@v3.4.0 --\n-- migrate@v3.0.1 --\n-- old/x --\n")
	if err := removeOthers(dir, map[string]bool{"migrate@v3.4.0": true}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "migrate@v3.4.0" {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestAdditionalToolDoesNotReplaceTheAppsOwnProgram: the tool is there from an earlier build.
func TestAdditionalToolDoesNotReplaceTheAppsOwnProgram(t *testing.T) {
	p, _ := testProject(t, "1.12.17", "-- main.go --\npackage main\n")
	layers := t.TempDir()
	p.build.context.Layers = libcnb.Layers{Path: layers}
	p.build.clock = time.Now
	p.app.manifest.AdditionalTools = []string{"github.com/golang-migrate/migrate@v3.4.0"}
	p.job.OutDir = filepath.Join(t.TempDir(), "bin")
	p.build.store = &buildcache.Store{Layers: p.build.context.Layers, Crew: buildcache.NewCrew(1), Warn: t.Logf}
	earlier := t.TempDir()
	apptest.Write(t, earlier, `
-- github.com%2Fgolang-migrate%2Fmigrate%2Fcli@v3.4.0 --
a program
-- example.org%2Fold@v1.0.0 --
nobody asks for it any more
`)
	keepTools(t, p.build.store, earlier)
	if err := p.buildTools(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(p.job.OutDir, "migrate")); err != nil || string(got) != "a program\n" {
		t.Errorf("%q, %v", got, err)
	}
	if entries, err := os.ReadDir(filepath.Join(p.build.scratch, "tools")); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := p.buildTools(t.Context()); err == nil || !strings.Contains(err.Error(), "there is a program migrate already") {
		t.Errorf("error %v", err)
	}
}

// keepTools leaves the files of dir as the tools of an earlier build.
func keepTools(t *testing.T, store *buildcache.Store, dir string) {
	t.Helper()
	cache, err := store.Open("tools", map[string]string{"target": "linux/" + runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	files, err := store.Files(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cache.Keep(buildcache.Content{Files: files}); err != nil {
		t.Fatal(err)
	}
	var lines []string
	layer, _, _ := cache.Layer()
	for name, value := range layer.Metadata {
		lines = append(lines, fmt.Sprintf("%s = %q", name, value))
	}
	toml := "[metadata]\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(layer.Path+".toml", []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSourceThatIsInAGOPATHAlreadyStays: BP_GO_WORKDIR may name src/IMPORTPATH of the app.
func TestSourceThatIsInAGOPATHAlreadyStays(t *testing.T) {
	const files = "-- src/example.com/app/main.go --\npackage main\n-- other/main.go --\npackage main\n"
	p, _ := testProject(t, "1.12.17", files, "BP_GO_WORKDIR=src/example.com/app")
	p.binLayer.LaunchEnvironment = libcnb.Environment{}
	if err := p.setUpGOPATH(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(p.startDir, "main.go")); err != nil {
		t.Error(err)
	}
	p, _ = testProject(t, "1.12.17", files, "BP_GO_WORKDIR=other")
	if err := p.setUpGOPATH(); err == nil || !strings.Contains(err.Error(), "GO_SETUP_GOPATH_IN_IMAGE: src/example.com/app is there already") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(p.build.settings.WorkDir, "main.go")); err != nil {
		t.Errorf("the app was changed: %v", err)
	}
}

// TestVendorThatIsALinkMoves to where old Go versions find it.
func TestVendorThatIsALinkMoves(t *testing.T) {
	top := t.TempDir()
	apptest.Write(t, top, "-- third_party/x/x.go --\npackage x\n")
	if err := os.Symlink("third_party", filepath.Join(top, "vendor")); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "src")
	if err := moveDir(filepath.Join(top, "vendor"), to); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(to, "x", "x.go")); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(top, "vendor")); err == nil {
		t.Error("the link is still there")
	}
	if err := moveDir(filepath.Join(top, "none"), to); err != nil {
		t.Errorf("nothing to move: %v", err)
	}
}
