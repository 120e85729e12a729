package deps

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// godepsFile is a Godeps.json with these lines of Deps, and files beside it.
func godepsFile(deps, files string) string {
	return "-- Godeps/Godeps.json --\n{\n\"ImportPath\": \"github.com/you/app\",\n\"Deps\": [\n" + deps + "\n]\n}\n" + files
}

const godepsMux = `{"ImportPath": "github.com/gorilla/mux", "Comment": "v1.6.2", "Rev": "e3702bed27f0d39777b0b37b664b6280e8ef8fbf"}`

func godepsManifest(change func(*Manifest)) Manifest {
	m := Manifest{
		Tool: Godep, File: "Godeps/Godeps.json", ImportPathLine: `"ImportPath": "github.com/you/app",`,
		Lock: "Godeps/Godeps.json", ImportPath: "github.com/you/app",
		Projects: []Project{{Path: "github.com/gorilla/mux", Packages: []string{"."}, Tree: true, Revision: "e3702bed27f0d39777b0b37b664b6280e8ef8fbf", Version: "v1.6.2"}},
	}
	if change != nil {
		change(&m)
	}
	return m
}

func asIs(text string) Manifest { return godepsManifest(func(m *Manifest) { m.AsIs = text }) }

var godepsTests = []struct {
	name, files string
	want        Manifest
	err         string
}{
	{"as godep 80 wrote it", "-- Godeps/Godeps.json --\n" + `{
	"ImportPath": "github.com/you/app",
	"GoVersion": "go1.6",
	"GodepVersion": "v80",
	"Packages": [
		"./...",
		"github.com/you/app/cmd/a"
	],
	"Deps": [
		{
			"ImportPath": "github.com/gorilla/mux",
			"Comment": "v1.6.2",
			"Rev": "e3702bed27f0d39777b0b37b664b6280e8ef8fbf"
		},
		{
			"ImportPath": "golang.org/x/net/context",
			"Rev": "61147c48b25b599e5b561d2e9c4f3e1ef489ca41"
		}
	]
}
`, godepsManifest(func(m *Manifest) {
		m.GoVersion = Said{Text: "go1.6", By: "Godeps/Godeps.json, GoVersion"}
		m.Install, m.InstallBy = []string{"./...", "github.com/you/app/cmd/a"}, "Godeps/Godeps.json, Packages"
		m.Projects = append(m.Projects, Project{Path: "golang.org/x/net/context", Packages: []string{"."}, Tree: true, Revision: "61147c48b25b599e5b561d2e9c4f3e1ef489ca41"})
	}), ""},
	{"a development version of Go, null for packages", "-- Godeps/Godeps.json --\n\ufeff" + `{"ImportPath": "github.com/you/app", "GoVersion": "devel-a1b2c3", "Packages": null, "Deps": [` + godepsMux + "]}\r\n",
		godepsManifest(func(m *Manifest) {
			m.GoVersion = Said{Text: "devel-a1b2c3", By: "Godeps/Godeps.json, GoVersion"}
		}), ""},
	{"nothing but braces", "-- Godeps/Godeps.json --\n{}\n-- vendor/a/a.go --\n", godepsManifest(func(m *Manifest) { m.ImportPath, m.Projects = "", nil }), ""},
	{"no dependencies, and code in vendor", "-- Godeps/Godeps.json --\n{\"ImportPath\": \"github.com/you/app\", \"Deps\": []}\n-- vendor/a/a.go --\n",
		godepsManifest(func(m *Manifest) { m.Projects = nil }), ""},
	{"a revision of Bazaar", godepsFile(`{"ImportPath": "launchpad.net/goyaml", "Comment": "51", "Rev": "gustavo@niemeyer.net-20131114120802-abe042syx64z2m7s"}`, ""),
		godepsManifest(func(m *Manifest) {
			m.Projects = []Project{{Path: "launchpad.net/goyaml", Packages: []string{"."}, Tree: true, Revision: "gustavo@niemeyer.net-20131114120802-abe042syx64z2m7s"}}
		}), ""},

	{"nothing committed", godepsFile(godepsMux, ""), asIs(""), ""},
	{"vendor", godepsFile(godepsMux, "-- vendor/github.com/gorilla/mux/mux.go --\n"), asIs("vendor/ is committed"), ""},
	{"vendor, a package below", godepsFile(godepsMux, "-- vendor/github.com/gorilla/mux/a/b/b.go --\n"), asIs("vendor/ is committed"), ""},
	{"vendor with some", godepsFile(`{"ImportPath": "a.example/a", "Rev": "1"},`+godepsMux, "-- vendor/github.com/gorilla/mux/mux.go --\n"), godepsManifest(func(m *Manifest) {
		m.AsIs, m.Projects = "vendor/ is committed", append([]Project{{Path: "a.example/a", Packages: []string{"."}, Tree: true, Revision: "1"}}, m.Projects...)
	}), ""},
	{"vendor of another language", godepsFile(godepsMux, "-- vendor/bundle/x.rb --\n-- vendor/github.com/gorilla/other/x.go --\n"), asIs(""), ""},
	{"vendor without code", godepsFile(godepsMux, "-- vendor/github.com/gorilla/mux/LICENSE --\n"), asIs(""), ""},
	{"a workspace", godepsFile(godepsMux, "-- Godeps/_workspace/src/github.com/gorilla/mux/mux.go --\n"), asIs("Godeps/_workspace is committed"), ""},
	{"a workspace that is empty", godepsFile(godepsMux, "-- Godeps/_workspace/.gitignore --\n/pkg\n/bin\n"), asIs(""), ""},
	{"both", godepsFile(godepsMux, "-- Godeps/_workspace/src/github.com/gorilla/mux/mux.go --\n-- vendor/github.com/gorilla/mux/mux.go --\n"), asIs("vendor/ is committed"), ""},
	{"a path that leaves vendor", godepsFile(`{"ImportPath": "../x", "Rev": "1"}`, "-- x/x.go --\n-- vendor/y --\n"), Manifest{}, `Godeps/Godeps.json: "../x" is no import path`},

	{"no JSON", "-- Godeps/Godeps.json --\n{\n\"ImportPath\": \"github.com/you/app\",\n\"Deps\": [\n", Manifest{}, "Godeps/Godeps.json, line 3: unexpected end of JSON input: correct the file"},
	{"a comma too many", godepsFile(godepsMux+",", ""), Manifest{}, "Godeps/Godeps.json, line 5: invalid character ']'"},
	{"a merge conflict", "-- Godeps/Godeps.json --\n{\n<<<<<<< HEAD\n", Manifest{}, "Godeps/Godeps.json, line 2: invalid character '<'"},
	{"an empty file", "-- Godeps/Godeps.json --\n", Manifest{}, "Godeps/Godeps.json, line 1: unexpected end of JSON input"},
	{"a list", "-- Godeps/Godeps.json --\n[]\n", Manifest{}, "Godeps/Godeps.json, line 1: the file is"},
	{"Deps is an object", "-- Godeps/Godeps.json --\n{\n\n\"Deps\": {}\n}\n", Manifest{}, "Godeps/Godeps.json, line 3: Deps is"},
	{"Rev is a number", godepsFile("{\"ImportPath\": \"a.example/a\",\n\"Rev\": 5}", ""), Manifest{}, "Godeps/Godeps.json, line 5: Deps.Rev is"},
	{"Packages is a text", "-- Godeps/Godeps.json --\n{\"Packages\": \"./...\"}\n", Manifest{}, "Godeps/Godeps.json, line 1: Packages is"},
	{"no Rev", godepsFile(`{"ImportPath": "a.example/a"}`, ""), Manifest{}, "Godeps/Godeps.json: a.example/a has no revision"},
	{"a Comment for a Rev", godepsFile(`{"ImportPath": "a.example/a", "Comment": "v1.0.0"}`, ""), godepsManifest(func(m *Manifest) {
		m.Projects = []Project{{Path: "a.example/a", Packages: []string{"."}, Tree: true, Version: "v1.0.0"}}
	}), ""},
	{"no ImportPath in Deps", godepsFile(`{"Rev": "1"}`, ""), Manifest{}, "Godeps/Godeps.json: a project has no import path"},
	{"a directory", "-- Godeps/Godeps.json/x --\n", Manifest{}, "Godeps.json: is a directory"},
}

func TestReadGodep(t *testing.T) {
	for _, tt := range godepsTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadManifest(Godep, write(t, t.TempDir(), tt.files), Options{})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadGodepStaysInside(t *testing.T) {
	top := write(t, t.TempDir(), "-- x/x.go --\n")
	app := write(t, filepath.Join(top, "app"), "-- vendor/y --\n")
	if holdsAny(filepath.Join(app, "vendor"), []Project{{Path: "../../x"}}) {
		t.Error("code outside of vendor counts")
	}
	if err := os.Symlink(filepath.Join(top, "x"), filepath.Join(app, "vendor", "x")); err != nil {
		t.Fatal(err)
	}
	if holdsAny(filepath.Join(app, "vendor"), []Project{{Path: "x"}}) {
		t.Error("code behind a link out of vendor counts")
	}
}

func TestDescribedTag(t *testing.T) {
	for _, tag := range []string{"v1.2.0", "1.2.0", "v1", "v14", "0.1", "v1.2.3.4", "v1.2.0-rc1", "v1.2.0-beta.1", "v2.0.0-rc.6", "v1.3.1-coreos.6", "v1.0-0.3.beta", "v1.0.0-beta-2"} {
		if got := describedTag(tag); got != tag {
			t.Errorf("%s: %q", tag, got)
		}
	}
	for _, comment := range []string{
		"", "v1.2.0-5-gdeadbee", "1.2.0-183-gb5232bb", "v1.0.0-rc1-5-g4a2974b", "v3-6-gcea488b", "docs-v1.12.0-rc4-2016-07-15-9510-ga9fbbdc8d",
		"null-5", "51", "v1.0-3", "1.0-0", "go.r60-152", "release.r60", "release.r56-29-gf7ee69f", "r2013.02.13-151-g78d7708", "weekly-56", "go.weekly.2011-12-22-24-gf31442d",
		"model-0.0.2-12-gfa8ad6f", "scotty_09012012-41-g5c1406e", "PROMOTED-488", "latest", "v", "v1.", "v1..2", "v1.0 ", "v1.0-", "v1.0/../x", "v1.0@x",
	} {
		if got := describedTag(comment); got != "" {
			t.Errorf("%q: %q", comment, got)
		}
	}
}

// TestGodepsOfApps reads the files of Docker Machine 0.2.0 and etcd 2.3.8, and a part of Kubernetes 1.12.2's.
func TestGodepsOfApps(t *testing.T) {
	for _, tt := range []struct {
		name  string
		later []string
		want  Manifest // without projects
		some  []Project
		count int
	}{
		{"machine-0.2.0", nil, Manifest{ImportPath: "github.com/docker/machine", GoVersion: Said{Text: "go1.4.2"}}, []Project{
			{Path: "code.google.com/p/goauth2/oauth", Revision: "afe77d958c701557ec5dc56f6936fcc194d15520"},
			{Path: "github.com/docker/docker/pkg/units", Revision: "a8a31eff10544860d2188dddabdee4d727545796", Version: "v1.5.0"},
		}, 34},
		{"etcd-2.3.8", nil, Manifest{ImportPath: "github.com/coreos/etcd", GoVersion: Said{Text: "go1.5.1"}, Install: []string{"./..."}}, []Project{
			{Path: "bitbucket.org/ww/goautoneg", Revision: "75cd24fc2f2c2a2088577d12123ddee5f54e0675"},
			{Path: "github.com/cpuguy83/go-md2man/md2man", Revision: "71acacd42f85e5e82f70a55327789582a5200a90", Version: "v1.0.4"},
			{Path: "google.golang.org/grpc", Revision: "b88c12e7caf74af3928de99a864aaa9916fa5aad"},
		}, 47},
		// Of this host, and of few others, the repositories have names of three elements.
		{"kubernetes-1.12.2", []string{"gonum.org/v1/gonum"}, Manifest{ImportPath: "k8s.io/kubernetes", GoVersion: Said{Text: "go1.10"}, Install: []string{
			"github.com/onsi/ginkgo/ginkgo", "github.com/jteeuwen/go-bindata/go-bindata", "github.com/tools/godep", "github.com/client9/misspell/cmd/misspell",
			"github.com/cloudflare/cfssl/cmd/cfssl", "github.com/cloudflare/cfssl/cmd/cfssljson", "github.com/bazelbuild/bazel-gazelle/cmd/gazelle",
			"github.com/kubernetes/repo-infra/kazel", "k8s.io/kube-openapi/cmd/openapi-gen", "./...",
		}}, []Project{
			{Path: "k8s.io/heapster/metrics/api/v1/types", Revision: "c2ac40f1adf8c42a79badddb2a2acd673cae3bcb", Version: "v1.2.0-beta.1"},
			{Path: "google.golang.org/grpc/stats", Revision: "5b3c4e850e90a4cf6a20ebd46c8b32a0a3afcb9e", Version: "v1.7.5"},
			{Path: "gopkg.in/square/go-jose.v2/cipher", Revision: "89060dee6a84df9a4dae49f676f0c755037834f1"},
		}, 177},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := readAppLock(t, Godep, filepath.FromSlash("Godeps/Godeps.json"), "godep/"+tt.name+".json")
			checkAppRepositories(t, m.Projects, "godep/"+tt.name+".txt", tt.later...)
			if len(m.Projects) != tt.count {
				t.Errorf("%d projects, want %d", len(m.Projects), tt.count)
			}
			for _, want := range tt.some {
				want.Packages, want.Tree = []string{"."}, true
				if !slices.ContainsFunc(m.Projects, func(p Project) bool { return cmp.Equal(p, want) }) {
					t.Errorf("%+v is missing", want)
				}
			}
			ignore := cmpopts.IgnoreFields(Manifest{}, "Tool", "File", "ImportPathLine", "InstallBy", "Lock", "Projects", "GoVersion.By")
			if diff := cmp.Diff(tt.want, m, ignore); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
