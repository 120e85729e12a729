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

// depManifest is what readDep says when neither file says anything.
func depManifest(change func(*Manifest)) Manifest {
	m := Manifest{
		Tool: Dep, File: "Gopkg.toml", ImportPathLine: "[metadata.scalingo]\n  root-package = \"github.com/you/app\"",
		LockAdvice: `run "dep ensure" and commit Gopkg.lock`, Exact: true,
	}
	if change != nil {
		change(&m)
	}
	return m
}

// muxLock is a lock of one project, with what follows its name and revision.
func muxLock(more string) string {
	return "-- Gopkg.lock --\n[[projects]]\n  name = \"github.com/gorilla/mux\"\n  revision = \"e3702bed27f0d39777b0b37b664b6280e8ef8fbf\"\n" + more
}

func muxManifest(change func(*Project)) Manifest {
	p := Project{Path: "github.com/gorilla/mux", Root: true, Revision: "e3702bed27f0d39777b0b37b664b6280e8ef8fbf"}
	if change != nil {
		change(&p)
	}
	return depManifest(func(m *Manifest) { m.Lock, m.Projects = "Gopkg.lock", []Project{p} })
}

var gopkgTomlTests = []struct {
	name, files string
	want        Manifest
	err         string
}{
	{"nothing is said", "-- Gopkg.toml --\n", depManifest(nil), ""},
	{"all is said", `-- Gopkg.toml --
required = ["github.com/golang/mock/mockgen"]
ignored = ["github.com/you/app/old*"]

[metadata]
  owner = "you"
  numbers = [1, 2.5]

[metadata.something]
  install = 5
  ensure = { no = [true] }

[metadata.scalingo]
  root-package = " github.com/you/app "
  go-version = "go1.8.3"
  install = ["./cmd/...", "./other"]
  ensure = "false"
  additional-tools = ["github.com/mattes/migrate@v3.4.0"]

[[constraint]]
  name = "github.com/gorilla/mux"
  version = "1.6.2"

[[override]]
  branch = "master"
  name = "golang.org/x/net"

[prune]
  go-tests = true
  [[prune.project]]
    name = "github.com/gorilla/mux"
    non-go = false
`, depManifest(func(m *Manifest) {
		m.ImportPath, m.GoVersion = "github.com/you/app", Said{Text: "go1.8.3", By: "Gopkg.toml, metadata.scalingo.go-version"}
		m.Install, m.InstallBy = []string{"./cmd/...", "./other"}, "Gopkg.toml, metadata.scalingo.install"
		m.AsIs, m.AdditionalTools = "metadata.scalingo.ensure is false", []string{"github.com/mattes/migrate@v3.4.0"}
	}), ""},
	{"heroku's table", `-- Gopkg.toml --
[metadata.heroku]
  root-package = "github.com/you/app"
  go-version = "1.8.3"
  install = "./a,./b  ./c"
  ensure = false
  additional-tools = "github.com/mattes/migrate github.com/golang-migrate/migrate@v3.5.2"
`, depManifest(func(m *Manifest) {
		m.ImportPath, m.GoVersion = "github.com/you/app", Said{Text: "1.8.3", By: "Gopkg.toml, metadata.heroku.go-version"}
		m.Install, m.InstallBy = []string{"./a", "./b", "./c"}, "Gopkg.toml, metadata.heroku.install"
		m.AsIs, m.AdditionalTools = "metadata.heroku.ensure is false", []string{"github.com/mattes/migrate", "github.com/golang-migrate/migrate@v3.5.2"}
	}), ""},
	{"key by key, scalingo's first", `-- Gopkg.toml --
[metadata.heroku]
  root-package = "github.com/you/h"
  go-version = "1.8.3"
  install = ["./h"]
  ensure = "false"
  additional-tools = ["example.org/h"]
[metadata]
  scalingo = { root-package = "github.com/you/s", go-version = "", install = [], ensure = "True" }
`, depManifest(func(m *Manifest) {
		m.ImportPath, m.GoVersion = "github.com/you/s", Said{Text: "1.8.3", By: "Gopkg.toml, metadata.heroku.go-version"}
		m.Install, m.InstallBy = []string{"./h"}, "Gopkg.toml, metadata.heroku.install"
		m.AdditionalTools = []string{"example.org/h"}
	}), ""},
	{"scalingo's table before heroku's", `-- Gopkg.toml --
[metadata.heroku]
  go-version = "1.8.3"
  install = ["./h"]
[metadata.scalingo]
  go-version = "1.9"
  install = ["./s"]
`, depManifest(func(m *Manifest) {
		m.GoVersion = Said{Text: "1.9", By: "Gopkg.toml, metadata.scalingo.go-version"}
		m.Install, m.InstallBy = []string{"./s"}, "Gopkg.toml, metadata.scalingo.install"
	}), ""},
	{"FALSE, line ends of Windows, a byte order mark", "-- Gopkg.toml --\n\ufeff[metadata.scalingo]\r\nensure = \"FALSE\"\r\n",
		depManifest(func(m *Manifest) { m.AsIs = "metadata.scalingo.ensure is false" }), ""},
	{"true", "-- Gopkg.toml --\n[metadata.scalingo]\nensure = true\n", depManifest(nil), ""},
	{"TOML that is none", "-- Gopkg.toml --\n[metadata.scalingo]\n  root-package = \"github.com/you/app\n", depManifest(nil), `Gopkg.toml, line 2: strings cannot contain newlines: correct the file`},
	{"a merge conflict", "-- Gopkg.toml --\n\n<<<<<<< HEAD\n[prune]\n", depManifest(nil), "Gopkg.toml, line 2: "},
	{"a key twice", "-- Gopkg.toml --\n[metadata.heroku]\ninstall = \"a\"\ninstall = \"b\"\n", depManifest(nil), "Gopkg.toml, line 3: Key 'metadata.heroku.install' has already been defined"},
	{"a path that is no text", "-- Gopkg.toml --\n[metadata.scalingo]\n\nroot-package = 5\n", depManifest(nil), "Gopkg.toml, line 3: metadata.scalingo.root-package is no text: put the value in quotes"},
	{"a version that is a number", "-- Gopkg.toml --\n[metadata.heroku]\ngo-version = 1.12\n", depManifest(nil), "Gopkg.toml, line 2: metadata.heroku.go-version is no text: put the value in quotes"},
	{"a number to install", "-- Gopkg.toml --\n[metadata.scalingo]\ninstall = 5\n", depManifest(nil), `Gopkg.toml, line 2: metadata.scalingo.install is no list of texts: write it as ["…", "…"]`},
	{"a list with a number to install", "-- Gopkg.toml --\n[metadata.scalingo]\ninstall = [\".\", 5]\n", depManifest(nil), "Gopkg.toml, line 2: metadata.scalingo.install is no list of texts"},
	{"tools in a table", "-- Gopkg.toml --\n[metadata.scalingo]\n[metadata.scalingo.additional-tools]\na = 1\n", depManifest(nil), "Gopkg.toml, line 2: metadata.scalingo.additional-tools is no list of texts"},
	{"ensure is a number", "-- Gopkg.toml --\n[metadata.scalingo]\nensure = 3\n", depManifest(nil), "Gopkg.toml, line 2: metadata.scalingo.ensure is neither true nor false: write \"false\""},
	{"ensure is a word", "-- Gopkg.toml --\n\n[metadata.heroku]\nensure = \"no\"\n", depManifest(nil), "Gopkg.toml, line 3: metadata.heroku.ensure is neither true nor false"},
	{"no tables", "-- Gopkg.toml --\n\nmetadata = 5\n", depManifest(nil), "Gopkg.toml, line 2: metadata is no table: begin it with a line [metadata]"},
	{"a list of tables", "-- Gopkg.toml --\n[[metadata.scalingo]]\n", depManifest(nil), "Gopkg.toml, line 1: metadata.scalingo is no table: begin it with a line [metadata.scalingo]"},
	{"a directory", "-- Gopkg.toml/x --\n", depManifest(nil), "Gopkg.toml: is a directory"},
}

var gopkgLockTests = []struct {
	name, files string
	want        Manifest
	err         string
}{
	{"no projects", "-- Gopkg.lock --\n", depManifest(func(m *Manifest) { m.Lock = "Gopkg.lock" }), ""},
	{"before 0.5", `-- Gopkg.lock --
# This file is autogenerated, do not edit; changes may be undone by the next 'dep ensure'.

[[projects]]
  name = "github.com/gorilla/mux"
  packages = ["."]
  revision = "e3702bed27f0d39777b0b37b664b6280e8ef8fbf"
  version = "v1.6.2"

[[projects]]
  branch = "master"
  name = "golang.org/x/net"
  packages = [
    "context",
    "context/ctxhttp"
  ]
  revision = "61147c48b25b599e5b561d2e9c4f3e1ef489ca41"

[solve-meta]
  analyzer-name = "dep"
  analyzer-version = 1
  inputs-digest = "bda37c8b43334917a61fd0b22facf044a35a9b822f709603a8cb58464d738d12"
  solver-name = "gps-cdcl"
  solver-version = "1"
`, depManifest(func(m *Manifest) {
		m.Lock = "Gopkg.lock"
		m.Projects = []Project{
			{Path: "github.com/gorilla/mux", Root: true, Revision: "e3702bed27f0d39777b0b37b664b6280e8ef8fbf", Version: "v1.6.2", Packages: []string{"."}},
			{Path: "golang.org/x/net", Root: true, Revision: "61147c48b25b599e5b561d2e9c4f3e1ef489ca41", Packages: []string{"context", "context/ctxhttp"}},
		}
	}), ""},
	{"both files", "-- Gopkg.toml --\n[metadata.scalingo]\nroot-package = \"github.com/you/app\"\n" + muxLock(""), func() Manifest {
		m := muxManifest(nil)
		m.ImportPath = "github.com/you/app"
		return m
	}(), ""},
	{"since 0.5", muxLock("  digest = \"1:c79fb010be38a59d657c48c6ba1d003a8aa651fa56b579d959d74573b7dff8e1\"\n  packages = [\".\"]\n  pruneopts = \"UT\"\n[solve-meta]\n  analyzer-version = \"1\"\n  input-imports = [\"github.com/gorilla/mux\"]\n"),
		muxManifest(func(p *Project) {
			p.Packages, p.Sum = []string{"."}, "1:c79fb010be38a59d657c48c6ba1d003a8aa651fa56b579d959d74573b7dff8e1"
		}), ""},
	{"all packages", muxLock("  packages = []\n"), muxManifest(nil), ""},
	{"packages to tidy", muxLock("  packages = [\"./\", \"./a/b/\", \"a/b\", \".\"]\n"), muxManifest(func(p *Project) { p.Packages = []string{".", "a/b"} }), ""},
	{"a branch", muxLock("  branch = \"v1\"\n"), muxManifest(nil), ""},
	{"a tag that is no version", muxLock("  version = \"latest\"\n"), muxManifest(nil), ""},
	{"a tag that is no version query", muxLock("  version = \">v1\"\n"), muxManifest(nil), ""},
	{"a tag with a word before the version", muxLock("  version = \"release/1.2\"\n"), muxManifest(func(p *Project) { p.Version = "release/1.2" }), ""},
	{"the same source", muxLock("  source = \"github.com/gorilla/mux\"\n"), muxManifest(nil), ""},
	{"no source", muxLock("  source = \"\"\n"), muxManifest(nil), ""},
	{"a fork's import path", muxLock("  source = \"github.com/containous/mux\"\n"), muxManifest(func(p *Project) { p.Origin = "github.com/containous/mux" }), ""},
	{"a URL", muxLock("  source = \"https://github.com/containous/mux.git\"\n"), muxManifest(func(p *Project) { p.Source = "https://github.com/containous/mux.git" }), ""},
	{"a URL for ssh", muxLock("  source = \"ssh://git@git.example.com:2222/mux\"\n"), muxManifest(func(p *Project) { p.Source = "ssh://git@git.example.com:2222/mux" }), ""},
	{"as for scp", muxLock("  source = \"git@github.com:containous/mux.git\"\n"), muxManifest(func(p *Project) { p.Source = "git@github.com:containous/mux.git" }), ""},
	{"as for scp, without a user", muxLock("  source = \"git.example.com:mux\"\n"), muxManifest(func(p *Project) { p.Source = "git.example.com:mux" }), ""},

	{"TOML that is none", muxLock("  packages = [\n    \".\",\n"), Manifest{}, "Gopkg.lock, line 5: "},
	{"brackets without end", muxLock("  x = \n" + strings.Repeat("[", 3_000_000)), Manifest{}, "Gopkg.lock, line 5: too many brackets that are not closed"},
	{"braces without end", muxLock("  x = " + strings.Repeat("{a=", 20_000)), Manifest{}, "Gopkg.lock, line 4: too many brackets that are not closed"},
	{"nested, but not too deep", muxLock("  x = " + strings.Repeat("[", 99) + strings.Repeat("]", 99) + " # ]]]]\n"), muxManifest(nil), ""},
	{"projects that are none", "-- Gopkg.lock --\n\nprojects = 5\n", Manifest{}, "Gopkg.lock, line 2: projects is no table: begin it with a line [[projects]]"},
	{"projects without a table", "-- Gopkg.lock --\nprojects = [5]\n", Manifest{}, "Gopkg.lock: a project has no name: add name"},
	{"no name", muxLock("\n[[projects]]\n  revision = \"e37\"\n"), Manifest{}, "Gopkg.lock, line 5: a project has no name: add name"},
	{"a number for a name", muxLock("\n[[projects]]\n  revision = \"e37\"\n  \"name\" = 5\n[[projects]]\n  name = 7\n"), Manifest{}, "Gopkg.lock, line 7: name is no text: put the value in quotes"},
	{"no revision", muxLock("\n  [[ projects ]]\n  name = \"golang.org/x/net\"\n  version = \"v1.0.0\"\n"), Manifest{}, "Gopkg.lock, line 5: golang.org/x/net has no revision: run \"dep ensure\" and commit the file"},
	{"no revision, and a text that looks like projects", muxLock("  note = \"\"\"\n[[projects]]\n\"\"\"\n[[projects]]\n  name = \"golang.org/x/net\"\n"), Manifest{}, "Gopkg.lock: golang.org/x/net has no revision"},
	{"a number for a revision", muxLock("[[projects]]\n  name = \"golang.org/x/net\"\n  revision = 5\n"), Manifest{}, "Gopkg.lock, line 6: revision is no text"},
	{"a list for a version", muxLock("  version = [\"v1.0.0\"]\n"), Manifest{}, "Gopkg.lock, line 4: version is no text"},
	{"a number for packages", muxLock("\n\n  packages = 5\n"), Manifest{}, "Gopkg.lock, line 6: packages of github.com/gorilla/mux is no list of texts"},
	{"a package outside", muxLock("  packages = [\"a/../../b\"]\n"), Manifest{}, `Gopkg.lock: github.com/gorilla/mux: "../b" is no directory of the project`},
	{"a package anywhere", muxLock("  packages = [\"/etc\"]\n"), Manifest{}, `Gopkg.lock: github.com/gorilla/mux: "/etc" is no directory of the project`},
	{"a project outside", "-- Gopkg.lock --\n[[projects]]\nname = \"../x\"\nrevision = \"e37\"\n", Manifest{}, `Gopkg.lock: "../x" is no import path`},
	{"a source outside", muxLock("  source = \"../mux\"\n"), Manifest{}, `Gopkg.lock: "../mux" is no import path`},
	{"a revision that is none", "-- Gopkg.lock --\n[[projects]]\nname = \"x\"\nrevision = \"--upload-pack=x\"\n", Manifest{}, `Gopkg.lock: x: "--upload-pack=x" is no revision`},
	{"a directory", "-- Gopkg.lock/x --\n", Manifest{}, "Gopkg.lock: is a directory"},
}

func TestReadDep(t *testing.T) {
	for _, tt := range slices.Concat(gopkgTomlTests, gopkgLockTests) {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadManifest(Dep, write(t, t.TempDir(), tt.files), Options{})
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

// readAppLock reads a file of testdata as the lock of an app.
func readAppLock(t testing.TB, tool Tool, lock, file string) Manifest {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(lock)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, lock), data, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := ReadManifest(tool, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checkAppRepositories compares the repositories of the projects with a list of
// ROOT REVISION VERSION, "-" for no version. Roots named in later may be another
// than the likeliest one.
func checkAppRepositories(t *testing.T, projects []Project, list string, later ...string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(list)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range Repositories(projects) {
		root, version := r.Roots[0], r.Project.Version
		for _, candidate := range later {
			if slices.Contains(r.Roots, candidate) {
				root = candidate
			}
		}
		if version == "" {
			version = "-"
		}
		got = append(got, root+" "+r.Project.Revision+" "+version)
	}
	slices.Sort(got)
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(data)), "\n"), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestGopkgLockOfApps reads parts of the locks of Traefik 1.5.4 (dep 0.4), Traefik 1.7.12 and Argo CD 0.12.0 (dep 0.5).
func TestGopkgLockOfApps(t *testing.T) {
	ignore := cmpopts.IgnoreFields(Project{}, "Revision", "Sum")
	for _, tt := range []struct {
		name string
		sums bool
		some []Project
	}{
		{"traefik-1.5.4", false, []Project{
			{Path: "cloud.google.com/go", Root: true, Version: "v0.7.0", Packages: []string{"compute/metadata", "internal"}},
			{Path: "github.com/abbot/go-http-auth", Root: true, Origin: "github.com/containous/go-http-auth", Packages: []string{"."}},
			{Path: "github.com/mesosphere/mesos-dns", Root: true, Source: "https://github.com/containous/mesos-dns.git", Packages: []string{"detect", "errorutil", "logging", "models", "records", "records/labels", "records/state", "util"}},
			{Path: "gopkg.in/square/go-jose.v1", Root: true, Version: "v1.1.0", Packages: []string{".", "cipher", "json"}},
		}},
		{"traefik-1.7.12", true, []Project{
			{Path: "gopkg.in/fsnotify.v1", Root: true, Version: "v1.4.2", Origin: "github.com/fsnotify/fsnotify", Packages: []string{"."}},
			{Path: "github.com/go-check/check", Root: true, Origin: "github.com/containous/check", Packages: []string{"."}},
			{Path: "github.com/mesosphere/mesos-dns", Root: true, Source: "https://github.com/containous/mesos-dns.git", Packages: []string{"detect", "errorutil", "logging", "models", "records", "records/labels", "records/state", "util"}},
		}},
		{"argo-cd-0.12.0", true, []Project{
			{Path: "github.com/go-redis/redis", Root: true, Version: "v6.15.1", Packages: []string{".", "internal", "internal/consistenthash", "internal/hashtag", "internal/pool", "internal/proto", "internal/util"}},
			{Path: "golang.org/x/time", Root: true, Packages: []string{"rate"}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := readAppLock(t, Dep, "Gopkg.lock", "dep/"+tt.name+".lock")
			checkAppRepositories(t, m.Projects, "dep/"+tt.name+".txt")
			for _, p := range m.Projects {
				if (p.Sum != "") != tt.sums {
					t.Errorf("%s has the digest %q", p.Path, p.Sum)
				}
			}
			for _, want := range tt.some {
				i := slices.IndexFunc(m.Projects, func(p Project) bool { return p.Path == want.Path })
				if i < 0 {
					t.Errorf("%s is missing", want.Path)
				} else if diff := cmp.Diff(want, m.Projects[i], ignore); diff != "" {
					t.Errorf("%s (-want +got):\n%s", want.Path, diff)
				}
			}
		})
	}
}
