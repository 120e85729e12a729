package deps

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const someCommit = "5fb4217df13b8e6878046fe1e5c10e560e1b86dc"

var glideTests = []struct {
	name       string
	yaml, lock string // "" for no such file
	want       Manifest
	err        string
}{
	{name: "an app without dependencies", yaml: "package: github.com/heroku/fixture\nimport: []\n", want: Manifest{ImportPath: "github.com/heroku/fixture"}},
	{name: "all keys", yaml: "package: a.example/b\nhomepage: https://a.example\nlicense: MIT\nowners:\n- name: A\n  email: a@a.example\nignore:\n- appengine\nexcludeDirs:\n- node_modules\nimport:\n- package: a.example/c\n  version: ^1.2.0\n  repo: git@a.example:c\n  vcs: git\n  subpackages:\n  - d\n  os:\n  - linux\n  arch:\n  - amd64\ntestImport:\n- package: a.example/t\n",
		lock: "hash: 0\nupdated: 2018-10-11T14:44:53.243799439-04:00\nimports: []\ntestImports:\n- name: a.example/t\n  version: 0000000\n",
		want: Manifest{ImportPath: "a.example/b", Lock: "glide.lock"}},
	{name: "a lock alone", lock: "hash: x\nimports:\n- name: github.com/heroku/slog\n  version: " + someCommit + "\n  subpackages:\n  - a\ndevImports: []\n",
		want: Manifest{Lock: "glide.lock", Projects: []Project{{Path: "github.com/heroku/slog", Root: true, Revision: someCommit, Needs: []string{"a"}}}}},
	{name: "an empty lock", yaml: "package: a.example/b\n", lock: "\n", want: Manifest{ImportPath: "a.example/b", Lock: "glide.lock"}},
	{name: "repositories", lock: locked("a.example/a", "https://git.example/a.git", "a.example/b", "git@git.example:/you/b", "a.example/c", "ssh://git@git.example/c",
		"a.example/d", "github.com/you/d", "github.com/you/e", "https://github.com/you/e.git", "github.com/you/f", "git://github.com/you/f", "golang.org/x/net", "https://github.com/golang/net"),
		want: Manifest{Lock: "glide.lock", Projects: []Project{
			{Path: "a.example/a", Root: true, Source: "https://git.example/a.git", Revision: someCommit},
			{Path: "a.example/b", Root: true, Source: "git@git.example:/you/b", Revision: someCommit},
			{Path: "a.example/c", Root: true, Source: "ssh://git@git.example/c", Revision: someCommit},
			{Path: "a.example/d", Root: true, Origin: "github.com/you/d", Revision: someCommit},
			{Path: "github.com/you/e", Root: true, Revision: someCommit},
			{Path: "github.com/you/f", Root: true, Revision: someCommit},
			{Path: "golang.org/x/net", Root: true, Revision: someCommit},
		}}},
	{name: "roots", lock: locked("github.com/a/b/c", "", "gopkg.in/yaml.v2", "", "go4.org", "", "git.example/a/b/c", "", "a.example/b.git", "", "a.example/b.git/c", ""),
		want: Manifest{Lock: "glide.lock", Projects: []Project{
			{Path: "github.com/a/b/c", Revision: someCommit},
			{Path: "gopkg.in/yaml.v2", Root: true, Revision: someCommit},
			{Path: "go4.org", Root: true, Revision: someCommit},
			{Path: "git.example/a/b/c", Root: true, Revision: someCommit},
			{Path: "a.example/b.git", Root: true, Revision: someCommit},
			{Path: "a.example/b.git/c", Revision: someCommit},
		}}},
	{name: "tags beside commits", yaml: "package: a.example/app\nimport:\n- package: a.example/a\n  version: v1.2.3\n- package: a.example/b/sub\n  ref: 1.2.3\n- package: a.example/c\n  version: ^1.2.3\n- package: a.example/d\n  version: \">=1.2.3\"\n- package: a.example/e\n  version: master\n- package: a.example/f\n  version: ~1.0\n- package: a.example/g\n  version: v1\n- package: a.example/h\n  version: 1.x\n- package: a.example/i2\n  version: v1.0.0\n",
		lock: locked("a.example/a", "", "a.example/b", "", "a.example/c", "", "a.example/d", "", "a.example/e", "", "a.example/f", "", "a.example/g", "", "a.example/h", "", "a.example/i", ""),
		want: Manifest{ImportPath: "a.example/app", Lock: "glide.lock", Projects: []Project{
			{Path: "a.example/a", Root: true, Revision: someCommit, Version: "v1.2.3"},
			{Path: "a.example/b", Root: true, Revision: someCommit, Version: "1.2.3"},
			{Path: "a.example/c", Root: true, Revision: someCommit},
			{Path: "a.example/d", Root: true, Revision: someCommit},
			{Path: "a.example/e", Root: true, Revision: someCommit},
			{Path: "a.example/f", Root: true, Revision: someCommit},
			{Path: "a.example/g", Root: true, Revision: someCommit},
			{Path: "a.example/h", Root: true, Revision: someCommit},
			{Path: "a.example/i", Root: true, Revision: someCommit},
		}}},
	{name: "tags instead of commits", lock: "imports:\n- name: a.example/a\n  version: v1.2.0\n- name: a.example/b\n  version: 1.10\n- name: a.example/c\n  version: 12345678\n- name: a.example/d\n  version: 1234567e1234567890123456789012345678\n",
		want: Manifest{Lock: "glide.lock", Projects: []Project{
			{Path: "a.example/a", Root: true, Version: "v1.2.0"},
			{Path: "a.example/b", Root: true, Version: "1.10"},
			{Path: "a.example/c", Root: true, Revision: "12345678"},
			{Path: "a.example/d", Root: true, Revision: "1234567e1234567890123456789012345678"},
		}}},
	{name: "for some systems", lock: "imports:\n- name: a.example/a\n  version: abcdef0\n  os: [windows, darwin]\n- name: a.example/b\n  version: abcdef0\n  os: [windows, linux]\n  arch: [amd64]\n",
		want: Manifest{Lock: "glide.lock", Projects: []Project{{Path: "a.example/b", Root: true, Revision: "abcdef0"}}}},
	{name: "a byte order mark and CRLF", yaml: "\ufeffpackage: a.example/b\r\nimport: []\r\n", want: Manifest{ImportPath: "a.example/b"}},

	{name: "tabs", yaml: "package: a\nimport:\n\t- package: b\n", err: "glide.yaml, line 3: the line is indented by a tab, and YAML knows only spaces: correct the file"},
	{name: "a tab after spaces", lock: "imports:\n- name: a\n \tversion: b\n", err: "glide.lock, line 3: the line is indented by a tab"},
	{name: "a tab within", yaml: "package: a\timport: b: c\n", err: "glide.yaml, line 1: mapping values are not allowed"},
	{name: "a map of imports", yaml: "package: a\nimport:\n  b: v1.0.0\n", err: "glide.yaml, line 3: import is a map here, and has to be a list: correct the file"},
	{name: "names of imports", yaml: "package: a\nimport:\n- package: b\n- c\n", err: "glide.yaml, line 4: import is a string here, and has to be a map"},
	{name: "a list for the package", yaml: "import: []\npackage: [a]\n", err: "glide.yaml, line 2: package is a list here, and has to be a string"},
	{name: "a list for a version", lock: "imports:\n- {name: a, version: [b]}\n", err: "glide.lock, line 2: version is a list here, and has to be a string"},
	{name: "a number for imports", lock: "imports: 3\n", err: "glide.lock, line 1: imports is a number here, and has to be a list"},
	{name: "a list for the file", lock: "- a\n", err: "glide.lock, line 1: the file is a list here, and has to be a map"},
	{name: "a string for the file", yaml: "a\n", err: "glide.yaml, line 1: the file is a string here, and has to be a map"},
	{name: "a word for os", lock: "imports:\n- name: a\n  os: linux\n", err: "glide.lock, line 3: os is a string here, and has to be a list"},
	{name: "twice the same key", yaml: "package: a\npackage: b\n", err: `glide.yaml, line 2: mapping key "package" already defined at line 1`},
	{name: "a quote without an end", yaml: "package: \"a\n\n", err: "glide.yaml, line "},
	{name: "another alphabet", yaml: "package: a\nlicense: \xff\n", err: "glide.yaml, line 2: "},
	{name: "a commit conflict", lock: "imports:\n<<<<<<< HEAD\n- name: a\n", err: "glide.lock, line "},
	{name: "no version", lock: "imports:\n- name: a.example/b\n", err: "glide.lock: a.example/b has no revision"},
	{name: "no name", lock: "imports:\n- version: abcdef0\n", err: "glide.lock: a project has no import path"},
	{name: "a path out of vendor", lock: "imports:\n- name: ../../etc\n  version: abcdef0\n", err: `glide.lock: "../../etc" is no import path`},
	{name: "an origin out of vendor", lock: "imports:\n- name: a\n  repo: ../../etc\n  version: abcdef0\n", err: `glide.lock: "../../etc" is no import path`},
}

// locked is a glide.lock of pairs of a name and a repository, all of the same commit.
func locked(pairs ...string) string {
	lock := "imports:\n"
	for i := 0; i < len(pairs); i += 2 {
		lock += "- name: " + pairs[i] + "\n  version: " + someCommit + "\n"
		if pairs[i+1] != "" {
			lock += "  repo: " + pairs[i+1] + "\n  vcs: git\n"
		}
	}
	return lock
}

// writeGlide writes what of the two files is not "".
func writeGlide(t testing.TB, dir, file, lock string) {
	t.Helper()
	for name, content := range map[string]string{"glide.yaml": file, "glide.lock": lock} {
		if content == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadGlide(t *testing.T) {
	for _, tt := range glideTests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			writeGlide(t, dir, tt.yaml, tt.lock)
			got, err := ReadManifest(Glide, dir, Options{})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("%v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Tool, tt.want.File, tt.want.ImportPathLine = Glide, "glide.yaml", "package: github.com/you/app"
			tt.want.LockAdvice = `run "glide install" and commit glide.lock`
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadGlideSkipInstall(t *testing.T) {
	dir := t.TempDir()
	writeGlide(t, dir, "package: a.example/b\n", locked("a.example/a", ""))
	for skip, want := range map[bool]string{true: "GLIDE_SKIP_INSTALL is set", false: ""} {
		m, err := ReadManifest(Glide, dir, Options{GlideSkipInstall: skip})
		if err != nil || m.AsIs != want || len(m.Projects) != 1 {
			t.Errorf("%v: %q, %v", skip, m.AsIs, err)
		}
	}
}

// A few lines of aliases stand for more values than any memory holds. The YAML library refuses them.
func TestReadGlideBomb(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 {name: a.example/b, version: abcdef0, subpackages: [x, x, x, x, x, x, x, x, x]}\na1: &a1 [*a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0]\n")
	for i := 2; i < 12; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	for _, lock := range []string{
		bomb.String() + "imports: *a11\n",
		"imports:\n" + strings.Repeat("- &a {name: a, os: &o ["+strings.Repeat("x,", 1000)+"]}\n", 1) + strings.Repeat("- *a\n", 100_000),
		"imports: &a\n- *a\n",
		"imports: " + strings.Repeat("[", 100_000),
		"imports:\n" + strings.Repeat("  - \n", 100_000),
	} {
		dir := t.TempDir()
		writeGlide(t, dir, "", lock)
		begin := time.Now()
		_, err := ReadManifest(Glide, dir, Options{})
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%.60q: %s, %v", lock, took, err)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "glide.lock") || len(err.Error()) > 1000) {
			t.Errorf("%.60q: %.2000v", lock, err)
		}
	}
}

func TestReadRealGlide(t *testing.T) {
	m, err := ReadManifest(Glide, "testdata/glide", Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantRepositories(t, "testdata/glide/repositories.txt", m.Projects)
	if m.ImportPath != "example.com/shop" || len(m.Projects) != 40 {
		t.Errorf("%q, %d projects", m.ImportPath, len(m.Projects))
	}
	for _, want := range []Project{
		{Path: "github.com/coreos/etcd", Root: true, Source: "https://github.com/openshift/coreos-etcd.git",
			Revision: "135cf9b40738d17886f499b40bc176fc892ba5e9", Version: "v3.3.3"},
		{Path: "google.golang.org/grpc", Root: true, Revision: "8050b9cbc271307e5a716a9d782803d09b0d6f2d", Version: "1.0.3"},
		{Path: "github.com/cloudflare/cfssl", Root: true, Source: "https://github.com/openshift/cloudflare-cfssl",
			Revision: "fca70798646c8689aeae5928d4ad1278ff8a3c17"},
		{Path: "github.com/Masterminds/semver", Root: true, Revision: "3f0ab6d4ab4bed1c61caf056b63a6e62190c7801"},
		{Path: "vbom.ml/util", Root: true, Revision: "db5cfe13f5cc80a4990d98e2e1b0707a4d1a5394"},
	} {
		got := entry(t, m, want.Path)
		got.Needs = nil // told apart in the table
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
