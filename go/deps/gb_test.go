package deps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gbOne is a vendor/manifest of one dependency.
func gbOne(importPath, path, repository, branch string) string {
	return `{"version": 0, "dependencies": [{"importpath": "` + importPath + `", "repository": "` + repository + `", "vcs": "git",
		"revision": "` + someCommit + `", "branch": "` + branch + `", "path": "` + path + `", "notests": true}]}`
}

var gbTests = []struct {
	name, json string
	want       []Project
	err        string
}{
	{name: "no dependencies", json: `{"version": 0, "dependencies": []}`},
	{name: "nothing", json: `{}`},
	{name: "written by gvt", json: `{"generator": "github.com/FiloSottile/gvt", "version": 0, "dependencies": null}`},
	{name: "a repository", json: gbOne("github.com/heroku/slog", "", "https://github.com/heroku/slog", "master"),
		want: []Project{{Path: "github.com/heroku/slog", Packages: []string{"."}}}},
	{name: "a part", json: gbOne("golang.org/x/net/context", "/context", "https://go.googlesource.com/net", "master"),
		want: []Project{{Path: "golang.org/x/net", Packages: []string{"context"}}}},
	{name: "a part far below", json: gbOne("github.com/apache/thrift/lib/go/thrift", "/lib/go/thrift", "https://github.com/apache/thrift", "HEAD"),
		want: []Project{{Path: "github.com/apache/thrift", Packages: []string{"lib/go/thrift"}}}},
	{name: "a tag", json: gbOne("github.com/a/b", "", "https://github.com/a/b.git", "v1.2.3"),
		want: []Project{{Path: "github.com/a/b", Packages: []string{"."}, Version: "v1.2.3"}}},
	{name: "a branch like a version", json: gbOne("gopkg.in/yaml.v2", "", "https://gopkg.in/yaml.v2", "v2"),
		want: []Project{{Path: "gopkg.in/yaml.v2", Packages: []string{"."}}}},
	{name: "a fork", json: gbOne("github.com/a/b/c", "/c", "https://github.com/fork/b", "dev"),
		want: []Project{{Path: "github.com/a/b", Packages: []string{"c"}, Source: "https://github.com/fork/b"}}},
	{name: "a private repository", json: gbOne("git.example/a/b", "", "git@git.example:a/b.git", "master"),
		want: []Project{{Path: "git.example/a/b", Packages: []string{"."}, Source: "git@git.example:a/b.git"}}},
	{name: "a private host over http", json: gbOne("git.example/a/b", "", "http://git.example/a/b", "master"),
		want: []Project{{Path: "git.example/a/b", Packages: []string{"."}, Source: "http://git.example/a/b"}}},
	{name: "a large host over git", json: gbOne("github.com/a/b", "", "git://github.com/a/b", "master"),
		want: []Project{{Path: "github.com/a/b", Packages: []string{"."}}}},
	{name: "a large host over ssh", json: gbOne("github.com/a/b", "", "ssh://github.com/a/b", "master"),
		want: []Project{{Path: "github.com/a/b", Packages: []string{"."}, Source: "ssh://github.com/a/b"}}},
	{name: "known by another name", json: gbOne("go.uber.org/zap/zapcore", "/zapcore", "https://github.com/uber-go/zap/", "master"),
		want: []Project{{Path: "go.uber.org/zap", Packages: []string{"zapcore"}}}},
	{name: "all of a repository at a place below it", json: gbOne("github.com/a/b/c", "", "https://github.com/a/b", "master"),
		want: []Project{{Path: "github.com/a/b/c", Packages: []string{"."}, Source: "https://github.com/a/b"}}},

	{name: "broken", json: "{\n\"dependencies\": [\n{\"importpath\" \"a\"}]}", err: "vendor/manifest, line 3: invalid character"},
	{name: "a list", json: "[\n]", err: "vendor/manifest, line 1: the file is "},
	{name: "a map of dependencies", json: "{\"version\": 0,\n\"dependencies\": {}}", err: "vendor/manifest, line 2: dependencies is "},
	{name: "a number for a revision", json: "{\"dependencies\": [{\"importpath\": \"a\",\n\"revision\": 12}]}", err: "vendor/manifest, line 2: dependencies.revision is a number here, and has to be a string"},
	{name: "no revision", json: `{"dependencies": [{"importpath": "github.com/a/b"}]}`, err: "vendor/manifest: github.com/a/b has no revision"},
	{name: "no import path", json: `{"dependencies": [{"revision": "abc"}]}`, err: "vendor/manifest: a project has no import path"},
	{name: "out of vendor", json: gbOne("../../etc", "", "https://a.example/b", ""), err: `vendor/manifest: "../../etc" is no import path`},
	{name: "a path out of the repository", json: gbOne("a.example/b/../../etc", "/../../etc", "https://a.example/b", ""), err: `vendor/manifest: a.example/b: "../../etc" is no directory of the project`},
	{name: "a part of a repository that no import path tells", json: gbOne("a.example/b", "/c", "/srv/git/b", ""),
		err: `vendor/manifest: a.example/b is /c of /srv/git/b, which has no import path: run "gb vendor restore" and commit vendor/src`},
}

func TestReadGB(t *testing.T) {
	for _, tt := range gbTests {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, t.TempDir(), "-- vendor/manifest --\n-- vendor/src/README --\n-- src/app/main.go --\npackage main\n")
			if err := os.WriteFile(filepath.Join(dir, "vendor", "manifest"), []byte(tt.json), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadManifest(GB, dir, Options{})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("%v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := range tt.want {
				tt.want[i].Root, tt.want[i].Tree, tt.want[i].Revision = true, true, someCommit
			}
			want := Manifest{
				Tool: GB, File: "vendor/manifest", Lock: "vendor/manifest", Projects: tt.want,
				LockAdvice: `run "gb vendor restore" and commit vendor/src, or commit vendor/manifest`,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A part of a repository elsewhere than its path says is known by where it comes from.
func TestReadGBElsewhere(t *testing.T) {
	for repository, want := range map[string]string{
		"https://github.com/you/repository.git": "github.com/you/repository/go/lib",
		"git@github.com:you/repository":         "github.com/you/repository/go/lib",
		"https://git.example/repository":        "git.example/repository/go/lib",
	} {
		dir := write(t, t.TempDir(), "-- vendor/manifest --\n"+gbOne("a.example/b", "/go/lib", repository, "master"))
		m, err := ReadManifest(GB, dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		project := Project{Path: "a.example/b", Origin: want, Revision: someCommit, Packages: []string{"."}, Tree: true}
		if diff := cmp.Diff([]Project{project}, m.Projects); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestReadGBCommitted(t *testing.T) {
	for _, tt := range []struct {
		name, files, asIs, lock string
	}{
		{"nothing", "-- src/a/a.go --\n", "", ""},
		{"a manifest", "-- vendor/manifest --\n{}\n", "", "vendor/manifest"},
		{"an empty vendor/src", "-- vendor/src/.gitkeep --\n-- vendor/a.go --\n", "", ""},
		{"code", "-- vendor/src/github.com/a/b/b.go --\n", "vendor/src is committed", ""},
		{"code and a manifest that gb would not look at", "-- vendor/src/b.go --\n-- vendor/manifest --\n{\n", "vendor/src is committed", ""},
	} {
		m, err := ReadManifest(GB, write(t, t.TempDir(), tt.files), Options{})
		if err != nil || m.AsIs != tt.asIs || m.Lock != tt.lock || !strings.Contains(m.LockAdvice, "gb vendor restore") {
			t.Errorf("%s: %+v, %v", tt.name, m, err)
		}
	}
}

func TestReadRealGB(t *testing.T) {
	m, err := ReadManifest(GB, "testdata/gb", Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantRepositories(t, "testdata/gb/repositories.txt", m.Projects)
	if len(m.Projects) != 42 {
		t.Errorf("%d projects", len(m.Projects))
	}
	sources := map[string]string{}
	for _, p := range m.Projects {
		if p.Source != "" {
			sources[p.Path] = p.Source
		}
	}
	// An entry that gb would put one directory too deep, as it stands in the file.
	if diff := cmp.Diff(map[string]string{"github.com/prometheus/client_golang/prometheus": "https://github.com/prometheus/client_golang"}, sources); diff != "" {
		t.Errorf("not found by import path (-want +got):\n%s", diff)
	}
	want := Project{Path: "github.com/apache/thrift", Root: true, Revision: "b2a4d4ae21c789b689dd162deb819665567f481c", Packages: []string{"."}, Tree: true}
	if diff := cmp.Diff(want, entry(t, m, want.Path)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
