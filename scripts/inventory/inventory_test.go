package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/paketo-buildpacks/libpak/v2"
)

// project is the repository itself.
var project = repo{root: filepath.Join("..", "..")}

// projectReleases reads the repository's own releases.csv.
func projectReleases(t *testing.T) []Release {
	t.Helper()
	releases, err := project.readReleases()
	if err != nil {
		t.Fatal(err)
	}
	return releases
}

// projectMetadata reads the repository's own buildpack.toml as the buildpack does.
func projectMetadata(t *testing.T) (libcnb.Buildpack, libpak.BuildModuleMetadata) {
	t.Helper()
	var buildpack libcnb.Buildpack
	if _, err := toml.DecodeFile(filepath.Join(project.root, buildpackFile), &buildpack); err != nil {
		t.Fatal(err)
	}
	metadata, err := libpak.NewBuildModuleMetadata(buildpack.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	return buildpack, metadata
}

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	diff, err := project.stale()
	if err != nil {
		t.Fatal(err)
	}
	if len(diff) > 0 {
		t.Errorf("%v:\n%s", errStale, diff)
	}
}

func TestReleasesFileIsWrittenAsItIsRead(t *testing.T) {
	have, err := project.read(releasesFile)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteReleases(&b, projectReleases(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), b.String()); diff != "" {
		t.Errorf("releases.csv (-have +written):\n%s", diff)
	}
}

func TestInventoryLosesNoRelease(t *testing.T) {
	versions, modules := map[string]bool{}, 0
	for _, r := range projectReleases(t) {
		versions[r.Version] = true
		if r.H1 != "" {
			modules++
		}
	}
	// What the inventory began with. It only ever grows.
	if len(versions) < 295 || modules < 58 {
		t.Errorf("%d versions and %d module hashes, want at least 295 and 58", len(versions), modules)
	}
	buildpack, metadata := projectMetadata(t)
	if toolchains := buildpack.Metadata["toolchains"].(map[string]any); len(toolchains) != modules {
		t.Errorf("%d toolchains in buildpack.toml, want %d", len(toolchains), modules)
	}
	inventory := map[string]bool{}
	for _, d := range metadata.Dependencies {
		inventory[d.Version] = true
	}
	if diff := cmp.Diff(versions, inventory); diff != "" {
		t.Errorf("versions (-releases.csv +buildpack.toml):\n%s", diff)
	}
}

func TestEveryDependencyIsComplete(t *testing.T) {
	releases := projectReleases(t)
	_, metadata := projectMetadata(t)
	if len(metadata.Dependencies) != len(releases) {
		t.Fatalf("%d dependencies, want %d", len(metadata.Dependencies), len(releases))
	}
	forms := regexp.MustCompile(`^([0-9a-f]{64}|sha1:[0-9a-f]{40}|h1:[A-Za-z0-9+/]{43}=)$`)
	ends := EndOfLife(releases)
	for i, d := range metadata.Dependencies {
		r := releases[i]
		if !forms.MatchString(string(d.GetChecksum())) {
			t.Errorf("%s %s: checksum %q", d.Version, d.Arch, d.GetChecksum())
		}
		if moduleOnly := d.GetChecksum().Algorithm() == "h1"; moduleOnly != (d.URI == "") {
			t.Errorf("%s %s: checksum %q with uri %q", d.Version, d.Arch, d.GetChecksum(), d.URI)
		}
		end := ""
		if !d.GetEOLDate().IsZero() {
			end = d.GetEOLDate().Format(time.DateOnly)
		}
		want := libpak.BuildModuleDependency{
			ID: "go", Name: "Go", Version: r.Version, OS: "linux", Arch: r.Arch, URI: r.URL,
			PURL: "pkg:generic/go@" + r.Version + "?arch=" + r.Arch + "&os=linux",
			CPEs: []string{"cpe:2.3:a:golang:go:" + r.Version + ":*:*:*:*:*:*:*"},
			Licenses: []libpak.BuildModuleDependencyLicense{
				{Type: "BSD-3-Clause", URI: "https://go.dev/LICENSE"},
			},
			SHA256: d.SHA256, Checksum: d.Checksum, EOLDate: d.EOLDate,
		}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", r.Version, r.Arch, diff)
		}
		minor := r.Version
		if strings.Count(minor, ".") == 2 {
			minor = minor[:strings.LastIndex(minor, ".")]
		}
		if end != ends[minor] {
			t.Errorf("%s: end of life %q, want %q", r.Version, end, ends[minor])
		}
	}
}

func TestKnownFactsAreInTheInventory(t *testing.T) {
	_, metadata := projectMetadata(t)
	type fact struct{ URI, Checksum, End string }
	got := map[string]fact{}
	for _, d := range metadata.Dependencies {
		end := ""
		if !d.EOLDate.IsZero() {
			end = d.EOLDate.UTC().Format(time.RFC3339)
		}
		got[d.Version+" "+d.Arch] = fact{d.URI, string(d.GetChecksum()), end}
	}
	for release, want := range map[string]fact{
		"1.0 amd64": {
			"https://storage.googleapis.com/google-code-archive-downloads/v2/code.google.com/go/go.go1.linux-amd64.tar.gz",
			"9c0cb8a5421727f07d805cb77528d966b8e25cecb239b3ec869c2bf7b5058935", "2013-12-01T00:00:00Z",
		},
		"1.4.2 amd64": {
			"https://dl.google.com/go/go1.4.2.linux-amd64.tar.gz", "sha1:5020af94b52b65cc9b6f11d50a67e4bae07b0aff", "2016-02-17T00:00:00Z",
		},
		"1.25.14 arm64": {
			"https://dl.google.com/go/go1.25.14.linux-arm64.tar.gz",
			"9bf234ea70ffec9347fdf6b22ce4add51717d3386a38a441e8c8743fceb5eaee", "2026-08-19T00:00:00Z",
		},
		"1.7.2 amd64": {}, // tagged, but not released
		"1.8.4 arm64": {}, // the first for arm64 is 1.8.5
	} {
		if diff := cmp.Diff(want, got[release]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", release, diff)
		}
	}
}

func TestLibpakResolvesFromTheInventory(t *testing.T) {
	_, metadata := projectMetadata(t)
	tests := []struct{ arch, constraint, want string }{
		{"amd64", "1.12.17", "1.12.17"},
		{"amd64", "~1.20", "1.20.14"},
		{"amd64", "1.20.0", "1.20"},
		{"arm64", "1.8.*", "1.8.7"},
		{"amd64", "<1.1", "1.0.3"},
	}
	for _, tt := range tests {
		t.Setenv("BP_ARCH", tt.arch)
		resolver, err := libpak.NewDependencyResolver(metadata, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := resolver.Resolve("go", tt.constraint)
		if err != nil || got.Version != tt.want || got.Arch != tt.arch {
			t.Errorf("%s on %s: %s %s, %v, want %s", tt.constraint, tt.arch, got.Version, got.Arch, err, tt.want)
		}
	}
}

func TestBuildpackDescribesItself(t *testing.T) {
	buildpack, metadata := projectMetadata(t)
	if buildpack.API != "0.10" || buildpack.Info.ID != "scalingo/go" || buildpack.Info.ClearEnvironment || len(buildpack.Stacks) > 0 {
		t.Errorf("buildpack = %+v", buildpack.Info)
	}
	var targets []string
	for _, target := range buildpack.Targets {
		targets = append(targets, target.OS+"/"+target.Arch)
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"modules": "latest", "legacy": "1.12.17"}, buildpack.Metadata["default-versions"]); diff != "" {
		t.Errorf("default versions (-want +got):\n%s", diff)
	}
	seen := map[string]bool{}
	for _, c := range metadata.Configurations {
		atLaunch := strings.HasPrefix(c.Name, "BPL_")
		if seen[c.Name] || c.Build == atLaunch || c.Launch != atLaunch || !strings.HasSuffix(c.Description, ".") {
			t.Errorf("setting %+v: want it once, for the build, or for the launch where it begins with BPL_, with a sentence", c)
		}
		seen[c.Name] = true
	}
}

// scratch makes a repository with a small inventory.
func scratch(t *testing.T, releases ...Release) repo {
	t.Helper()
	r := repo{root: t.TempDir()}
	text := "api = \"0.10\"\n\n[[metadata.configurations]]\nname = \"BP_X\"\ndefault = \"a|b\"\ndescription = \"One | <two> *three*.\"\n\n" + marker + "\nstale\n"
	if err := r.write(buildpackFile, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := r.writeReleases(releases); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGenerateIsIdempotentAndLeavesTheTopAlone(t *testing.T) {
	var out bytes.Buffer
	c := command{repo: scratch(t, archive("1.26.1", "2026-03-05", "amd64")), out: &out}
	if err := c.run(context.Background(), []string{"check"}); !errors.Is(err, errStale) {
		t.Fatalf("check before: %v, want errStale", err)
	}
	for _, want := range []string{"-stale\n", "+version = \"1.26.1\"\n", "+++ docs/settings.md"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("check printed:\n%s\nwant %q in it", &out, want)
		}
	}
	before, err := c.repo.read(buildpackFile)
	if err != nil {
		t.Fatal(err)
	}
	var runs [2][]byte
	for i := range runs {
		if err := c.run(context.Background(), []string{"generate"}); err != nil {
			t.Fatal(err)
		}
		if runs[i], err = c.repo.read(buildpackFile); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(runs[0], runs[1]) {
		t.Error("the second generate changed buildpack.toml")
	}
	if top := before[:len(before)-len("stale\n")]; !bytes.HasPrefix(runs[0], top) {
		t.Errorf("the top changed:\n%s", runs[0])
	}
	out.Reset()
	if err := c.run(context.Background(), []string{"check"}); err != nil || out.Len() > 0 {
		t.Errorf("check after: %v\n%s", err, &out)
	}
	settings, err := c.repo.read(settingsFile)
	if err != nil {
		t.Fatal(err)
	}
	if want := "| `BP_X` | `a\\|b` | One \\| &lt;two> \\*three\\*. |\n"; !strings.HasSuffix(string(settings), want) {
		t.Errorf("settings:\n%s\nwant the row %s", settings, want)
	}
}

func TestSpliceWantsTheMarker(t *testing.T) {
	if _, err := Splice([]byte("api = \"0.10\"\n"), nil); err == nil || !strings.Contains(err.Error(), "the marker line is missing") {
		t.Errorf("Splice: %v, want an error about the marker", err)
	}
}

func TestUpdateWritesTheTableAndGenerates(t *testing.T) {
	var out bytes.Buffer
	c := command{repo: scratch(t, archive("1.26.10", "2026-11-01", "amd64")), today: today, out: &out}
	list := filepath.Join("testdata", "downloads.json")
	if err := c.run(context.Background(), []string{"update", "--from", list}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "1.28.0 linux/arm64: new\n") {
		t.Errorf("printed:\n%s", &out)
	}
	releases, err := c.repo.readReleases()
	if err != nil || len(releases) != 7 {
		t.Errorf("%d releases, %v, want 7", len(releases), err)
	}
	if diff, err := c.repo.stale(); err != nil || len(diff) > 0 {
		t.Errorf("after update: %v\n%s", err, diff)
	}
	files, err := os.ReadDir(filepath.Join(c.repo.root, filepath.Dir(releasesFile)))
	if err != nil || len(files) != 1 {
		t.Errorf("files beside releases.csv: %v, %v, want none", files, err)
	}
}

func TestUpdateLeavesTheTableAloneOnAConflict(t *testing.T) {
	other := archive("1.26.10", "2026-11-01", "amd64")
	other.SHA256 = sumB
	c := command{repo: scratch(t, other), today: today, out: &bytes.Buffer{}}
	if err := c.run(context.Background(), []string{"update", "--from", filepath.Join("testdata", "downloads.json")}); err == nil {
		t.Fatal("update: no error for another checksum")
	}
	releases, err := c.repo.readReleases()
	if diff := cmp.Diff([]Release{other}, releases); err != nil || diff != "" {
		t.Errorf("releases: %v (-want +got):\n%s", err, diff)
	}
}

func TestRunRefusesWrongArguments(t *testing.T) {
	for _, args := range [][]string{nil, {"nonsense"}, {"check", "x"}, {"update", "x"}, {"sums"}} {
		if err := (command{}).run(context.Background(), args); err == nil || !strings.Contains(err.Error(), "usage:") {
			t.Errorf("run %q: %v, want the usage", args, err)
		}
	}
}

// Every phase of every build decodes the file once: keep an eye on what that costs.
func BenchmarkDecodeBuildpack(b *testing.B) {
	path := filepath.Join(project.root, buildpackFile)
	for b.Loop() {
		var buildpack libcnb.Buildpack
		if _, err := toml.DecodeFile(path, &buildpack); err != nil {
			b.Fatal(err)
		}
	}
}

// What libpak adds to it.
func BenchmarkBuildModuleMetadata(b *testing.B) {
	var buildpack libcnb.Buildpack
	if _, err := toml.DecodeFile(filepath.Join(project.root, buildpackFile), &buildpack); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := libpak.NewBuildModuleMetadata(buildpack.Metadata); err != nil {
			b.Fatal(err)
		}
	}
}
