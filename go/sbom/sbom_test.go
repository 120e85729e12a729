package sbom

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

func TestModulesAreThoseOfTheGoCommand(t *testing.T) {
	sites, work := write(t, site), write(t, workspace, "GOWORK=")
	std := "stdlib " + strings.TrimPrefix(runtime.Version(), "go")
	std, _, _ = strings.Cut(std, " X:")
	std += " pkg:golang/" + strings.ReplaceAll(std, " ", "@")
	tests := []struct {
		name     string
		b        builder
		programs []Program
		want     graph
	}{
		{"a module and its replacements", sites, sites.site(), graph{
			"Site": {
				"example.com/Site  pkg:golang/example.com/Site",
				"example.com/fork v1.1.0 pkg:golang/example.com/fork@v1.1.0",
				"example.com/local  pkg:golang/example.com/local",
				"example.com/multi/sub v0.3.0 pkg:golang/example.com/multi/sub@v0.3.0",
				"example.com/multi/v2 v2.1.0 pkg:golang/example.com/multi/v2@v2.1.0",
				"example.com/old v4.0.0+incompatible pkg:golang/example.com/old@v4.0.0%2Bincompatible",
				"example.com/pseudo v0.0.0-20200101000000-0123456789ab pkg:golang/example.com/pseudo@v0.0.0-20200101000000-0123456789ab",
				"github.com/UpperCase/Lib v1.2.3 pkg:golang/github.com/UpperCase/Lib@v1.2.3",
				"gopkg.in/thing.v3 v3.0.1 pkg:golang/gopkg.in/thing.v3@v3.0.1",
				std,
			},
			"tööl": {
				"example.com/Site  pkg:golang/example.com/Site",
				"github.com/UpperCase/Lib v1.2.3 pkg:golang/github.com/UpperCase/Lib@v1.2.3",
				std,
			},
		}},
		{"a workspace", work, work.workspace(), graph{
			"a": {
				"example.com/a  pkg:golang/example.com/a", "example.com/lib  pkg:golang/example.com/lib",
				"gopkg.in/thing.v3 v3.0.1 pkg:golang/gopkg.in/thing.v3@v3.0.1", std,
			},
			"b": {
				"example.com/b  pkg:golang/example.com/b", "example.com/lib  pkg:golang/example.com/lib",
				"gopkg.in/thing.v3 v3.0.1 pkg:golang/gopkg.in/thing.v3@v3.0.1", std,
			},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inventory := read(t, nil, test.programs...)
			if diff := cmp.Diff(reported(test.b, test.programs...), listed(inventory)); diff != "" {
				t.Error(diff)
			}
			all := documents(t, inventory)
			for format, got := range map[string]graph{
				"cdx": fromCycloneDX(t, all["cdx"]), "spdx": fromSPDX(t, all["spdx"]), "syft": fromSyft(t, all["syft"]),
			} {
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s: %s", format, diff)
				}
			}
		})
	}
}

func TestSameBytesFromAnotherDirectoryAndInAnotherOrder(t *testing.T) {
	first, second := write(t, site), write(t, site)
	one := documents(t, read(t, nil, first.site()...))
	programs := second.site()
	slices.Reverse(programs)
	two := documents(t, read(t, nil, programs...))
	for format := range one {
		if diff := cmp.Diff(string(one[format]), string(two[format])); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
		for _, dir := range []string{first.dir, second.dir, os.TempDir()} {
			if strings.Contains(string(one[format]), dir) {
				t.Errorf("%s names %s", format, dir)
			}
		}
	}
}

func TestIdentifiersAreThoseOfTheContent(t *testing.T) {
	programs := write(t, site).site()
	identifier := func(i Inventory) (string, string) {
		all := documents(t, i)
		var d struct{ SerialNumber, DocumentNamespace string }
		decode(t, all["cdx"], &d)
		decode(t, all["spdx"], &d)
		return d.SerialNumber, d.DocumentNamespace
	}
	serial, namespace := identifier(read(t, nil, programs...))
	if !strings.HasPrefix(serial, "urn:uuid:") || !strings.HasPrefix(namespace, home+"/spdx/") {
		t.Errorf("%s %s", serial, namespace)
	}
	otherSerial, otherNamespace := identifier(read(t, nil, programs[0]))
	if serial == otherSerial || namespace == otherNamespace {
		t.Error("other programs, same identifiers")
	}
}

func TestDocumentsSayMoreOfModules(t *testing.T) {
	b := write(t, site)
	programs := b.site()
	cache := b.run(".", "env", "GOMODCACHE")
	all := documents(t, read(t, func(in *Input) {
		in.Created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
		in.Licences = func(m Module) []string {
			if m.Path == "github.com/UpperCase/Lib" {
				return Licences(filepath.Join(strings.TrimSpace(cache), "github.com", "!upper!case", "!lib@"+m.Version))
			}
			return nil
		}
	}, programs...))
	sum := ""
	for _, line := range reported(b, programs...) {
		if rest, ok := strings.CutPrefix(line, "github.com/UpperCase/Lib v1.2.3 "); ok {
			sum = rest
		}
	}
	digest := sumHex(sum)
	if digest == "" {
		t.Fatalf("sum %q", sum)
	}
	want := map[string][]string{
		"cdx": {
			`"timestamp": "2026-01-02T02:04:05Z"`, `"id": "MIT"`, `"value": "` + sum + `"`, `"content": "` + digest + `"`,
			`"name": "scalingo:go:replaces",` + "\n          " + `"value": "example.com/orig@v1.0.0"`, `"value": "./third/local"`,
			`"cpe": "cpe:2.3:a:golang:go:1.`, `"id": "BSD-3-Clause"`, `"name": "tööl"`,
		},
		"spdx": {
			`"created": "2026-01-02T02:04:05Z"`, `"licenseDeclared": "MIT"`, `"sourceInfo": "` + sum + `"`, `"checksumValue": "` + digest + `"`,
			`"comment": "Replaces example.com/orig@v1.0.0."`, `From a directory: ./third/local.`, `cpe:2.3:a:golang:go:1.`,
			`"Tool: scalingo/go-0.1.0"`, `"packageFileName": "/layers/scalingo_go/bin/tööl"`,
		},
		"syft": {
			`"spdxExpression": "MIT"`, `"h1Digest": "` + sum + `"`, `"replaces": "example.com/orig@v1.0.0"`, `"cpe": "cpe:2.3:a:golang:go:1.`,
			`"mainModule": "example.com/Site"`, `"architecture": "` + runtime.GOARCH + `"`, `"path": "/layers/scalingo_go/bin"`,
		},
	}
	for format, texts := range want {
		for _, text := range texts {
			if !strings.Contains(string(all[format]), text) {
				t.Errorf("%s lacks %s", format, text)
			}
		}
	}
}

func TestLibrariesReadTheDocuments(t *testing.T) {
	all := documents(t, read(t, nil, write(t, site).site()...))
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(all["cdx"]), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Error(err)
	}
	document, err := spdxjson.Read(bytes.NewReader(all["spdx"]))
	if err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(document); err != nil {
		t.Error(err)
	}
}

func TestEveryLicenceIsOneOfTheFormats(t *testing.T) {
	i := Inventory{name: "x", tool: Tool{"x", ""}}
	for n, id := range slices.Concat(usual, seldom) {
		path := fmt.Sprintf("example.com/%d", n)
		i.components = append(i.components, component{Module: Module{Path: path}, ref: path, purl: packageURL(path, ""), licences: []string{id}})
	}
	documents(t, i)
}

func TestProgramsWithoutModules(t *testing.T) {
	b := write(t, "-- src/example.com/old/main.go --\npackage main\n\nfunc main() {}\n")
	b.env = append(b.env, "GO111MODULE=off", "GOPATH="+b.dir)
	inGOPATH := b.build("src/example.com/old", "old", "-ldflags=-X main.secret=hush")
	apptest.Write(t, b.dir, "-- elsewhere/main.go --\npackage main\n\nfunc main() {}\n")
	outside := b.build("elsewhere", "elsewhere")
	locked := []Module{
		{Path: "github.com/pkg/errors", Version: "0123456789012345678901234567890123456789"},
		{Path: "gopkg.in/yaml.v2", Version: "v2.0.0", Sum: "1:abcdef"},
		{Path: "gopkg.in/yaml.v2", Version: "v2.0.0"},
	}
	inventory := read(t, func(in *Input) { in.Locked = locked; in.GoVersion = "go1.0" }, inGOPATH, outside)
	want := []string{"github.com/pkg/errors 0123456789012345678901234567890123456789 ", "gopkg.in/yaml.v2 v2.0.0 1:abcdef"}
	if diff := cmp.Diff(want, listed(inventory)); diff != "" {
		t.Error(diff)
	}
	for format, document := range documents(t, inventory) {
		for _, text := range []string{b.dir, "hush"} {
			if strings.Contains(string(document), text) {
				t.Errorf("%s tells %s", format, text)
			}
		}
		if !strings.Contains(string(document), runtime.Version()) || strings.Contains(string(document), "go1.0") {
			t.Errorf("%s has another Go than the program", format)
		}
	}
}

// TestProgramsWithoutBuildInfo takes the build info out of a program, as if Go 1.12 had made it.
func TestProgramsWithoutBuildInfo(t *testing.T) {
	b := write(t, workspace, "GOWORK=")
	program := b.workspace()[0]
	content, err := os.ReadFile(program.File)
	if err != nil {
		t.Fatal(err)
	}
	content = []byte(strings.ReplaceAll(string(content), "\xff Go buildinf:", "\xff No buildinf:"))
	if err := os.WriteFile(program.File, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(Input{Programs: []Program{program}}); err == nil || !strings.Contains(err.Error(), "which Go made it is not known") {
		t.Errorf("got %v", err)
	}
	inventory := read(t, func(in *Input) {
		in.Name = ""
		in.GoVersion = "go1.12.17"
		in.Locked = []Module{{Path: "github.com/pkg/errors", Version: "v0.9.1"}}
	}, program)
	all := documents(t, inventory)
	want := graph{"a": {
		"github.com/pkg/errors v0.9.1 pkg:golang/github.com/pkg/errors@v0.9.1",
		"stdlib 1.12.17 pkg:golang/stdlib@1.12.17",
	}}
	for format, got := range map[string]graph{
		"cdx": fromCycloneDX(t, all["cdx"]), "spdx": fromSPDX(t, all["spdx"]), "syft": fromSyft(t, all["syft"]),
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
	}
	if inventory.name != "a" {
		t.Errorf("app is %s", inventory.name)
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	script := filepath.Join(t.TempDir(), "run.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		programs []Program
		want     string
	}{
		{"no program", []Program{{File: script, Path: "/bin/run"}}, script + " is no program for Linux"},
		{"missing", []Program{{File: script + ".gone", Path: "/bin/run"}}, "no such file"},
		{"two in one place", []Program{{File: self, Path: "/bin/run"}, {File: self, Path: "/bin/run"}}, "two programs for /bin/run"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Read(Input{Programs: test.programs, GoVersion: "go1.26.3"})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOneVersionWithTwoSumsIsAnError(t *testing.T) {
	one := Module{Path: "a.test/x", Version: "v1.0.0", Sum: "h1:a"}
	other := one
	other.Sum = "h1:b"
	if _, err := (component{Module: one}).merge(component{Module: other}); err == nil || !strings.Contains(err.Error(), "a.test/x v1.0.0") {
		t.Errorf("got %v", err)
	}
	merged, err := component{Module: Module{Path: "a.test/x", Version: "v1.0.0"}}.merge(component{Module: one})
	if err != nil || merged.Sum != one.Sum {
		t.Errorf("got %v, %v", merged, err)
	}
}

func TestNoProgramAtAll(t *testing.T) { documents(t, read(t, nil)) }
