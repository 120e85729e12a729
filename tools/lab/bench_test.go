package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

const buildOutput = "\x1b[36m===> BUILDING\x1b[0m\n" +
	"\x1b[34m\x1b[1mScalingo Go Buildpack\x1b[0m\x1b[34m 0.1.0\x1b[0m\n" +
	"  App: modules (go.mod)\n" +
	"  Go\n\x1b[2m    Installed Go 1.26.11 from somewhere in 2.9s\x1b[0m\n\x1b[2m    Done in 2.9s\x1b[0m\n" +
	"  Compiling\n" +
	"\x1b[2m    CGO_ENABLED=1: net/x uses it\x1b[0m\n" +
	"\x1b[2m    go build -o /layers/x/bin/ -trimpath -tags=scalingo,heroku -mod=readonly -ldflags=-w ./cmd/a ./cmd/b\x1b[0m\r\n" +
	"\x1b[2m    Done in 1m19.3s\x1b[0m\n" +
	"\x1b[2m    Peak memory: 123 MB, of the largest command 4.5 GB\x1b[0m\n" +
	"  Built in 82.5s\n"

func TestReadBuildpackLog(t *testing.T) {
	want := buildpackLog{
		steps:  map[string]float64{"Go": 2.9, "Compiling": 79.3},
		memory: figures.Memory{Peak: 123_000_000, Largest: 4_500_000_000},
		flags:  []string{"-trimpath", "-tags=scalingo,heroku", "-mod=readonly", "-ldflags=-w"},
		cgo:    "1",
	}
	if got := readBuildpackLog(buildOutput); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := readBuildpackLog("no buildpack\nDone in 1s\n"); len(got.steps) != 0 || got.flags != nil || got.memory != (figures.Memory{}) {
		t.Errorf("read %+v out of nothing", got)
	}
	if got := readBuildpackLog("Peak memory: 12 kB\n"); got.memory != (figures.Memory{Peak: 12_000}) {
		t.Errorf("memory without a largest command: %+v", got.memory)
	}
}

func TestFlagsThatNeedAShellAreNotGuessed(t *testing.T) {
	if got := buildFlags(`-o x '-ldflags=-w -X main.v=1' .`); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestParseUpgrade(t *testing.T) {
	for text, want := range map[string][3]string{
		"a.b/c@v1.0.0":         {"a.b/c", "", "v1.0.0"},
		"a.b/c@v1.0.0..v1.1.0": {"a.b/c", "v1.0.0", "v1.1.0"},
	} {
		module, before, after, err := parseUpgrade(text)
		if got := [3]string{module, before, after}; err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"a.b/c", "a.b/c@", "@v1", "a@v1..", "a@..v1", ""} {
		if _, _, _, err := parseUpgrade(text); err == nil {
			t.Errorf("%q was understood", text)
		}
	}
}

func TestLastPatches(t *testing.T) {
	var versions []string
	for _, version := range strings.Fields("1.9 1.26.1 1.26.10 1.26.9 1.27rc1 1.27.0 1.27.1 1.28.0 1.29rc1") {
		versions = append(versions, "v0.0.1-go"+version+".linux-amd64", "v0.0.1-go"+version+".linux-arm64")
	}
	versions = append(versions, "v0.0.1-go1.28.1.linux-arm64", "v0.0.1-go1.28.1.darwin-amd64")
	for _, test := range []struct {
		arch  string
		least goRelease
		want  [2]goRelease
	}{
		{"amd64", goRelease{}, [2]goRelease{{27, 0}, {27, 1}}},
		{"arm64", goRelease{26, 3}, [2]goRelease{{28, 0}, {28, 1}}},
	} {
		before, after, err := lastPatches(versions, test.arch, test.least)
		if got := [2]goRelease{before, after}; err != nil || got != test.want {
			t.Errorf("%s, %s: %v, %v", test.arch, test.least, got, err)
		}
	}
	if before, after, err := lastPatches(versions, "amd64", goRelease{27, 1}); err == nil {
		t.Errorf("for an app that needs 1.27.1: %s, %s", before, after)
	}
}

func TestChangesOfAnApp(t *testing.T) {
	scratch := t.TempDir()
	s := &benchSource{scratch: scratch, app: filepath.Join(scratch, "app"), target: "./cmd/x", imported: "a.b/c", goVersion: "1.26.1", goNext: "1.26.2", scenario: map[string]bool{}}
	main := filepath.Join(s.app, "cmd", "x", "main.go")
	if err := os.MkdirAll(filepath.Dir(main), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{main, filepath.Join(filepath.Dir(main), "a.go")} {
		if err := os.WriteFile(file, []byte("package main\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.prepareEdit(); err != nil || s.edit != "cmd/x/main.go" {
		t.Fatalf("edit %q: %v", s.edit, err)
	}
	read := func(scenario string, number int, file string) (string, string) {
		t.Helper()
		c, err := s.change(scenario, number)
		if err != nil {
			t.Fatal(err)
		}
		defer c.remove()
		text, err := os.ReadFile(filepath.Join(c.dir, "cmd", "x", file))
		if err != nil {
			t.Fatal(err)
		}
		return string(text), c.goVersion
	}
	first, version := read(scenarioEdit, 1, "main.go")
	second, _ := read(scenarioEdit, 2, "main.go")
	if first == second || !strings.HasPrefix(first, "package main\n") || version != "1.26.1" {
		t.Errorf("edits, with Go %s:\n%s\n%s", version, first, second)
	}
	if text, _ := read(scenarioImport, 3, "bench_import.go"); text != "package main\n\nimport _ \"a.b/c\"\n" {
		t.Errorf("import:\n%s", text)
	}
	if text, version := read(scenarioGoPatch, 4, "main.go"); text != "package main\n" || version != "1.26.2" {
		t.Errorf("Go patch, with Go %s:\n%s", version, text)
	}
	s.edit = "../elsewhere.go"
	if err := s.prepareEdit(); err == nil {
		t.Error("a file outside of the app would be edited")
	}
}

func TestBenchOptionsAreChecked(t *testing.T) {
	for _, test := range []struct {
		options benchOptions
		want    string
	}{
		{benchOptions{runs: 1, only: []string{"edit"}, ways: []string{"pack"}}, ""},
		{benchOptions{runs: 1, only: []string{"edits"}}, `--only "edits"`},
		{benchOptions{runs: 1, ways: []string{"docker"}}, `--way "docker"`},
		{benchOptions{runs: 0}, "--runs"},
		{benchOptions{runs: 1, successive: true, only: []string{"edit", "upgrade"}}, "--successive"},
		{benchOptions{runs: 1, json: "/no/such/directory/x.json"}, "its directory"},
	} {
		err := test.options.check()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v, want %q", test.options, err, test.want)
		}
	}
}

func TestCachedLayers(t *testing.T) {
	committed := fstest.MapFS{
		cacheList: {Data: []byte(`{"buildpacks":[{"key":"x","layers":{
			"modules":{"sha":"sha256:1"},"build":{"sha":"sha256:2"},"not-cached":{"sha":"sha256:3"},"empty":{}}}]}`)},
		"sha256:1.tar": {Data: layerTar(t, "a=1", "b=22").Bytes()},
		"sha256:2.tar": {Data: layerTar(t, "c=1").Bytes()},
	}
	want := []figures.Layer{
		{Name: "build", Bytes: int64(len(committed["sha256:2.tar"].Data)), Files: 1},
		{Name: "modules", Bytes: int64(len(committed["sha256:1.tar"].Data)), Files: 2},
	}
	got, err := cachedLayers(committed)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	var volume bytes.Buffer
	archive := tar.NewWriter(&volume)
	for name, file := range committed {
		if err := archive.WriteHeader(&tar.Header{Name: "./" + name, Mode: 0o644, Size: int64(len(file.Data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(file.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err = cachedLayersOfTar(&volume); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("of a volume: %+v, %v", got, err)
	}
	if got, err := cachedLayers(fstest.MapFS{}); got != nil || err != nil {
		t.Errorf("of no cache: %+v, %v", got, err)
	}
}

func TestLinkTree(t *testing.T) {
	source, target := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	if err := os.MkdirAll(filepath.Join(source, "committed"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "committed", "x.tar"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := linkTree(source, target); err != nil {
		t.Fatal(err)
	}
	if err := removeTree(source); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(target, "committed", "x.tar")); err != nil || string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
}
