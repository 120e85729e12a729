package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"
)

func TestSourcesListsAllThatSpeakTheWinnerFirst(t *testing.T) {
	app := readApp(t, `BP_GO_VERSION=1.24
GOVERSION=go1.23
TOOL=go1.10
-- go.work --
go 1.22.1
toolchain go1.22.5
-- go.mod --
// +heroku goVersion go1.14
module m
go 1.21
toolchain go1.22.4
-- .go-version --
nonsense
-- .tool-versions --
golang 1.20.1
`)
	sources, err := Sources(app.in)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sources {
		line := s.Name + " = " + s.Text
		if s.Err != nil {
			line += " (no version)"
		}
		got = append(got, line)
	}
	want := []string{
		"BP_GO_VERSION = 1.24",
		"GOVERSION = go1.23",
		"go.mod, // +heroku goVersion = go1.14",
		"Godeps.json, GoVersion = go1.10",
		".go-version = nonsense (no version)",
		".tool-versions = 1.20.1",
		"go.work, toolchain line = go1.22.5",
		"go.mod, toolchain line = go1.22.4",
		"go.work, go line = 1.22.1",
		"go.mod, go line = 1.21",
		"the buildpack's default = latest",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSourcesFailsOnFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		in   Inputs
	}{
		{"go.mod", Inputs{GoMod: filepath.Join(dir, "missing", "go.mod")}},
		{"go.work", Inputs{GoWork: filepath.Join(dir, "missing", "go.work")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.in.AppDir, test.in.WorkDir, test.in.Default = dir, dir, "latest"
			_, err := Sources(test.in)
			if err == nil || !strings.Contains(err.Error(), test.name) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run(".go-version that is a directory", func(t *testing.T) {
		if err := os.Mkdir(filepath.Join(dir, ".go-version"), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := Sources(Inputs{AppDir: dir, WorkDir: dir, Default: "latest"}); err == nil || !strings.Contains(err.Error(), ".go-version") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSourcesNeedsADefault(t *testing.T) {
	dir := t.TempDir()
	if _, err := Sources(Inputs{AppDir: dir, WorkDir: dir}); err == nil || !strings.Contains(err.Error(), "default-versions") {
		t.Errorf("got %v", err)
	}
}

func TestCommentsAreThoseWithALineOfTheirOwnInOrder(t *testing.T) {
	f, err := modfile.ParseLax("go.mod", []byte("// one\nmodule m // two\n\n// three\nrequire ( // four\n\t// five\n\ta.b/c v1.0.0 // six\n\t// seven\n) // eight\n\n// nine\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"// one", "// three", "// five", "// seven", "// nine"}
	if diff := cmp.Diff(want, Comments(f.Syntax)); diff != "" {
		t.Error(diff)
	}
}

func TestVersionNames(t *testing.T) {
	tests := []struct{ in, name, goName, module string }{
		{"go1", "1.0", "go1", "v0.0.1-go1.linux-amd64"},
		{"1.0.3", "1.0.3", "go1.0.3", "v0.0.1-go1.0.3.linux-amd64"},
		{"1.20", "1.20", "go1.20", "v0.0.1-go1.20.linux-amd64"},
		{"v1.20.0", "1.20", "go1.20", "v0.0.1-go1.20.linux-amd64"},
		{"1.21", "1.21.0", "go1.21.0", "v0.0.1-go1.21.0.linux-amd64"},
		{"1.27rc1", "1.27rc1", "go1.27rc1", "v0.0.1-go1.27rc1.linux-amd64"},
		{"1.9beta2", "1.9beta2", "go1.9beta2", "v0.0.1-go1.9beta2.linux-amd64"},
	}
	for _, test := range tests {
		v := MustParseVersion(test.in)
		got := []string{v.String(), v.GoName(), Release{Version: v, Arch: "amd64"}.ModuleVersion()}
		if diff := cmp.Diff([]string{test.name, test.goName, test.module}, got); diff != "" {
			t.Errorf("%s: %s", test.in, diff)
		}
	}
}

func TestParseVersionRefuses(t *testing.T) {
	for _, text := range []string{"", "go", "1.", "1..2", "1.02", "01.2", "1.2.3.4", "1.2-rc1", "1.2rc", "1.2rc0", "1.2alpha1", "gov1.2", "1.2 ", "1.2\n", "1.1234567", "-1.2", "1.x"} {
		if v, err := ParseVersion(text); err == nil {
			t.Errorf("%q became %s", text, v)
		}
	}
}

func TestVersionsSortAsUpstreamMadeThem(t *testing.T) {
	order := []string{"1", "1.0.3", "1.9", "1.10", "1.21beta1", "1.21rc1", "1.21rc2", "1.21rc10", "1.21.0", "1.21.1", "1.21.10", "1.22rc1", "2"}
	for i := range order[1:] {
		if a, b := MustParseVersion(order[i]), MustParseVersion(order[i+1]); a.Compare(b) >= 0 || b.Compare(a) <= 0 {
			t.Errorf("%s is not before %s", a, b)
		}
	}
	if !MustParseVersion("1.12.17").Before("1.13") || MustParseVersion("1.13").Before("1.13") {
		t.Error("Before is wrong")
	}
}

func TestPreReleasesKnowWhatTheirReleaseKnows(t *testing.T) {
	for text, want := range map[string]bool{"1.20.14": false, "1.21rc1": true, "1.21.0": true, "1.27.1": true} {
		if got := MustParseVersion(text).Has(Toolchains); got != want {
			t.Errorf("%s: got %t", text, got)
		}
	}
}

func TestReadInventoryRefuses(t *testing.T) {
	tests := []struct {
		name       string
		dependency map[string]any
		want       string
	}{
		{"no release", map[string]any{"id": "dep"}, "lists no Go release"},
		{"no version", map[string]any{"id": "go"}, `dependency 1: "" is not a Go release`},
		{"no checksum", map[string]any{"id": "go", "version": "1.22.1", "uri": "https://example.org/go.tar.gz"}, "dependency 1: go 1.22.1: no usable checksum"},
		{"checksum of another kind", map[string]any{"id": "go", "version": "1.22.1", "uri": "https://example.org/go.tar.gz", "checksum": "md5:00"}, "no usable checksum"},
		{"checksum without tarball", map[string]any{"id": "go", "version": "1.22.1", "sha256": "00"}, "no usable checksum"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadInventory(map[string]any{"dependencies": []map[string]any{test.dependency}})
			if err == nil || !strings.HasPrefix(err.Error(), "buildpack.toml: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheInventoryIsWhole(t *testing.T) {
	inv := realInventory(t)
	seen := map[string]bool{}
	for i, r := range inv.releases {
		if key := r.Version.String() + " " + r.Arch; seen[key] {
			t.Errorf("%s stands twice", key)
		} else {
			seen[key] = true
		}
		if r.Version.Pre != "" || r.Arch != "amd64" && r.Arch != "arm64" {
			t.Errorf("%+v", r)
		}
		if r.URI == "" && !strings.HasPrefix(r.ModuleSum, "h1:") || r.URI != "" && r.Digest == "" {
			t.Errorf("Go %s %s can be verified by nothing", r.Version, r.Arch)
		}
		if i > 0 && r.Version.Compare(inv.releases[i-1].Version) > 0 {
			t.Errorf("%s stands behind an older release", r.Version)
		}
	}
	if !seen["1.0 amd64"] || !seen["1.8.5 arm64"] || !seen["1.12.17 amd64"] || seen["1.8.4 arm64"] {
		t.Error("releases are missing or too many")
	}
	if r, ok := inv.Newest("amd64", Release.HasTarball); !ok || !r.Version.Has(Toolchains) {
		t.Error("there is no tarball of a Go that can download others")
	}
}
