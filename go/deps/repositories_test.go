package deps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

func TestRoots(t *testing.T) {
	for path, want := range map[string]string{
		"github.com/a/b":                   "github.com/a/b",
		"github.com/a/b/c/d":               "github.com/a/b",
		"bitbucket.org/a/b/c":              "bitbucket.org/a/b",
		"gitlab.com/a/b":                   "gitlab.com/a/b",
		"gitlab.com/a/b/c/d":               "gitlab.com/a/b gitlab.com/a/b/c gitlab.com/a/b/c/d",
		"gopkg.in/yaml.v2":                 "gopkg.in/yaml.v2",
		"gopkg.in/yaml.v2/internal":        "gopkg.in/yaml.v2",
		"gopkg.in/a/b.v1":                  "gopkg.in/a/b.v1",
		"gopkg.in/a/b.v1/c/d.v3":           "gopkg.in/a/b.v1",
		"gopkg.in/a/b.v1-unstable/c":       "gopkg.in/a/b.v1-unstable",
		"gopkg.in/odd":                     "gopkg.in/odd",
		"golang.org/x/net/context":         "golang.org/x/net",
		"cloud.google.com/go/storage":      "cloud.google.com/go",
		"google.golang.org/grpc/codes":     "google.golang.org/grpc",
		"k8s.io/api/core/v1":               "k8s.io/api",
		"go.uber.org/zap/zapcore":          "go.uber.org/zap",
		"launchpad.net/goyaml/x":           "launchpad.net/goyaml",
		"code.google.com/p/go.net/x":       "code.google.com/p/go.net",
		"hub.jazz.net/git/a/b/c":           "hub.jazz.net/git/a/b",
		"git.example.org/team/lib.git/c/d": "git.example.org/team/lib.git",
		"example.org/lib.hg/c":             "example.org/lib.hg",
		"example.org":                      "example.org",
		"example.org/a":                    "example.org/a example.org",
		"example.org/a/b":                  "example.org/a example.org/a/b example.org",
		"example.org/a/b/c/d":              "example.org/a example.org/a/b example.org example.org/a/b/c example.org/a/b/c/d",
	} {
		if got := strings.Join((Project{Path: path}).roots(), " "); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for _, p := range []Project{
		{Path: "example.org/a/b", Root: true},
		{Path: "github.com/x/y/z", Origin: "example.org/a/b", Root: true},
	} {
		if got := strings.Join(p.roots(), " "); got != "example.org/a/b" {
			t.Errorf("%+v: %s", p, got)
		}
	}
}

func TestRepositories(t *testing.T) {
	entry := func(path, revision, version string) Project {
		return Project{Path: path, Revision: revision, Version: version, Packages: []string{"."}}
	}
	for _, tt := range []struct {
		name     string
		projects []Project
		want     []string // the roots of each repository, and the indices of its projects
	}{
		{"one repository", []Project{entry("github.com/a/b/c", revA, ""), entry("github.com/a/b/d", revA, "")}, []string{"github.com/a/b: 0 1"}},
		{"two revisions of one", []Project{entry("github.com/a/b/c", revA, ""), entry("github.com/a/b/d", revB, "")}, []string{"github.com/a/b: 0", "github.com/a/b: 1"}},
		{"one revision in two", []Project{entry("github.com/a/b", revA, ""), entry("github.com/x/b", revA, "")}, []string{"github.com/a/b: 0", "github.com/x/b: 1"}},
		{"one tag in two", []Project{entry("github.com/a/b", "", "v1.0.0"), entry("github.com/a/c", "", "v1.0.0")}, []string{"github.com/a/b: 0", "github.com/a/c: 1"}},
		{"one tag of one", []Project{entry("github.com/a/b/c", "", "v1.0.0"), entry("github.com/a/b/d", "", "v1.0.0")}, []string{"github.com/a/b: 0 1"}},
		{"a revision narrows the candidates", []Project{entry("x.org/a/b/c", revA, ""), entry("x.org/a/b/d/e", revA, ""), entry("x.org/a/b", revA, "")},
			[]string{"x.org/a x.org/a/b x.org: 0 1 2"}},
		{"what two share is the host", []Project{entry("x.org/a/c", revA, ""), entry("x.org/b/d", revA, "")}, []string{"x.org: 0 1"}},
		{"a tag does not narrow them", []Project{entry("x.org/a/c", "", "v1.0.0"), entry("x.org/b/d", "", "v1.0.0")},
			[]string{"x.org/a x.org/a/c x.org: 0", "x.org/b x.org/b/d x.org: 1"}},
		{"nor does a number", []Project{entry("x.org/a/c", "12", ""), entry("x.org/b/d", "12", "")}, []string{"x.org/a x.org/a/c x.org: 0", "x.org/b x.org/b/d x.org: 1"}},
		{"an origin", []Project{entry("github.com/a/b/c", revA, ""), {Path: "github.com/x/b/d", Origin: "github.com/a/b/d", Revision: revA}}, []string{"github.com/a/b: 0 1"}},
		{"a URL", []Project{entry("github.com/a/b", revA, ""), {Path: "github.com/a/b", Source: "https://x.org", Revision: revA}}, []string{"github.com/a/b: 0", "github.com/a/b: 1"}},
		{"others between them", []Project{entry("github.com/a/b", revA, ""), entry("github.com/c/d", revB, ""), entry("github.com/a/b/c", revA, "")},
			[]string{"github.com/a/b: 0 2", "github.com/c/d: 1"}},
	} {
		var got []string
		for _, r := range Repositories(tt.projects) {
			line := strings.Join(r.Roots, " ") + ":"
			for _, i := range r.Projects {
				line += " " + string(rune('0'+i))
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	timed := Repositories([]Project{entry("github.com/a/b", revA, ""), {Path: "github.com/a/b/c", Revision: revA, Time: commitTime}})
	if len(timed) != 1 || !timed[0].Project.Time.Equal(commitTime) {
		t.Errorf("the time of another entry is lost: %+v", timed)
	}
}

// Where a repository begins on a host that nobody knows is found by asking.
func TestFetchFindsRoots(t *testing.T) {
	const modules = `
-- one.example.org@v1.0.0/a/b/b.go --
package b
-- two.example.org/a@v1.0.0/b/b.go --
package b
-- three.example.org/a/b@v1.0.0/c/c.go --
package c
-- four.example.org/a/b/c@v1.0.0/d/d.go --
package d
-- two.example.org/z@v1.0.0/y/y.go --
package y
`
	projects := []Project{
		one("one.example.org/a/b"), one("two.example.org/a/b"), one("three.example.org/a/b/c"), one("four.example.org/a/b/c/d"), one("two.example.org/z/y"),
	}
	server := apptest.ServeModules(t, modules, nil)
	got, err := newFetcher(t, "GOPROXY="+server.URL).Fetch(projects)
	want := []string{"four.example.org/a/b/c@v1.0.0", "one.example.org@v1.0.0", "three.example.org/a/b@v1.0.0", "two.example.org/a@v1.0.0", "two.example.org/z@v1.0.0"}
	if diff := cmp.Diff(want, got.Modules()); diff != "" || err != nil {
		t.Fatalf("%v\n%s", err, diff)
	}
	vendor := t.TempDir()
	if err := got.Vendor(projects, vendor); err != nil {
		t.Fatal(err)
	}
	files := []string{
		"four.example.org/a/b/c/d/d.go", "one.example.org/a/b/b.go", "three.example.org/a/b/c/c.go", "two.example.org/a/b/b.go", "two.example.org/z/y/y.go",
	}
	if diff := cmp.Diff(files, keysOf(tree(t, vendor))); diff != "" {
		t.Error(diff)
	}
}
