package golang

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
)

func detect(t testing.TB, files map[string]string, environ ...string) (libcnb.DetectResult, string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	result, err := Buildpack{Environ: environ, Out: &out}.Detect(libcnb.DetectContext{
		ApplicationPath: dir,
		Buildpack:       libcnb.Buildpack{Info: libcnb.BuildpackInfo{ID: "scalingo/go"}, Metadata: metadata(t)},
	})
	return result, out.String(), err
}

func TestDetectRequiresWhatTheAppAsksFor(t *testing.T) {
	for name, c := range map[string]struct {
		files           map[string]string
		environ         []string
		version, source string
	}{
		"go line":      {map[string]string{"go.mod": "module a\n\ngo 1.25\n"}, nil, "1.25", "go.mod, go line"},
		"variable":     {map[string]string{"go.mod": "module a\n\ngo 1.25\n"}, []string{"BP_GO_VERSION=1.24"}, "1.24", "BP_GO_VERSION"},
		"no version":   {map[string]string{"main.go": "package main\n"}, nil, "latest", "the buildpack's default"},
		"legacy tool":  {map[string]string{"Gopkg.lock": ""}, nil, "1.12.17", "the buildpack's default"},
		"work dir":     {map[string]string{"svc/go.mod": "module a\n\ngo 1.25\n"}, []string{"BP_GO_WORKDIR=svc"}, "1.25", "svc/go.mod, go line"},
		"go.mod above": {map[string]string{"go.mod": "module a\n\ngo 1.25\n", "cmd/x/main.go": "package main\n"}, []string{"BP_GO_WORKDIR=cmd/x"}, "1.25", "go.mod, go line"},
		// The build says what is wrong with it, where the user sees it.
		"broken go.mod": {map[string]string{"go.mod": "module (\n"}, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			result, _, err := detect(t, c.files, c.environ...)
			if err != nil || !result.Pass {
				t.Fatalf("pass %t, error %v", result.Pass, err)
			}
			want := map[string]any{"required-by": "scalingo/go"}
			if c.version != "" {
				want["version"], want["version-source"] = c.version, c.source
			}
			if diff := cmp.Diff(want, result.Plans[0].Requires[0].Metadata); diff != "" {
				t.Errorf("requirement (-want +got):\n%s", diff)
			}
			if result.Plans[0].Provides[0].Name != "go" {
				t.Errorf("plan %+v", result.Plans[0])
			}
		})
	}
}

func TestDetectOffersGoToOthersWhereThereIsNoGoApp(t *testing.T) {
	result, out, err := detect(t, map[string]string{"package.json": "{}", "public/index.html": ""})
	if err != nil || !result.Pass || len(result.Plans[0].Requires) > 0 {
		t.Errorf("pass %t, plans %+v, error %v", result.Pass, result.Plans, err)
	}
	for _, want := range []string{"No Go app here", "go.work, go.mod, Gopkg.lock", "The app's directory holds: package.json, public/.", "go mod init", "BP_GO_WORKDIR"} {
		if !strings.Contains(out, want) {
			t.Errorf("the text lacks %q:\n%s", want, out)
		}
	}
}

func TestDetectFailsWhereTheUserSaidThereIsAGoApp(t *testing.T) {
	result, _, err := detect(t, map[string]string{"docs/README.md": ""}, "BP_GO_WORKDIR=docs")
	if err != nil || result.Pass {
		t.Errorf("pass %t, error %v", result.Pass, err)
	}
}

func TestDetectReportsAWrongWorkDirAsAnError(t *testing.T) {
	if _, _, err := detect(t, map[string]string{"go.mod": "module a\n"}, "BP_GO_WORKDIR=nowhere"); err == nil {
		t.Error("no error")
	}
}

func TestRequirementsOfOtherBuildpacksAreIntersected(t *testing.T) {
	b := build{context: libcnb.BuildContext{
		Buildpack: libcnb.Buildpack{Info: libcnb.BuildpackInfo{ID: "scalingo/go"}},
		Plan: libcnb.BuildpackPlan{Entries: []libcnb.BuildpackPlanEntry{
			{Name: "go", Metadata: map[string]any{"required-by": "scalingo/go", "version": "1.20"}},
			{Name: "go", Metadata: map[string]any{"version": ">=1.24", "build": true}},
			{Name: "go", Metadata: map[string]any{"launch": true}},
			{Name: "node", Metadata: map[string]any{"version": "18"}},
		}},
	}}
	got := b.requirements()
	if len(got.sources) != 1 || got.sources[0].Text != ">=1.24" {
		t.Errorf("sources %+v", got.sources)
	}
	if diff := cmp.Diff(libcnb.LayerTypes{Build: true, Launch: true}, got.types); diff != "" {
		t.Error(diff)
	}
}
