package deps

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var govendorTests = []struct {
	name, json string
	want       Manifest // without what all have in common
	err        string
}{
	{name: "no packages", json: `{"rootPath": "github.com/you/app"}`, want: Manifest{ImportPath: "github.com/you/app"}},
	{name: "no root path", json: `{"comment": "", "ignore": "test", "package": []}`},
	{name: "a package", json: `{"rootPath": "github.com/you/app", "ignore": "appengine test github.com/you/", "package": [{
		"checksumSHA1": "ynJSWoF6v+3zMnh9R0QmmG6iGV8=", "path": "github.com/pkg/errors",
		"revision": "645ef00459ed84a119197bfb8d8205042c6df63d", "revisionTime": "2016-09-29T01:48:01Z", "notests": true}]}`,
		want: Manifest{ImportPath: "github.com/you/app", Projects: []Project{{
			Path: "github.com/pkg/errors", Packages: []string{"."}, Revision: "645ef00459ed84a119197bfb8d8205042c6df63d",
			Time: time.Date(2016, 9, 29, 1, 48, 1, 0, time.UTC), Sum: "ynJSWoF6v+3zMnh9R0QmmG6iGV8=",
		}}}},
	{name: "a fork's tree at a tag", json: `{"package": [{"path": "github.com/Shopify/sarama", "origin": "github.com/elastic/sarama/", "tree": true,
		"revision": "355d120d09706d85bc6d2a84287be7fbd13ef453", "version": "v1.24", "versionExact": "v1.24.1-elastic"}]}`,
		want: Manifest{Projects: []Project{{
			Path: "github.com/Shopify/sarama", Origin: "github.com/elastic/sarama", Packages: []string{"."}, Tree: true,
			Revision: "355d120d09706d85bc6d2a84287be7fbd13ef453", Version: "v1.24.1-elastic",
		}}}},
	{name: "another project's vendor directory, a time that is none", json: `{"package": [{"path": "golang.org/x/net/context",
		"origin": "github.com/docker/docker/vendor/golang.org/x/net/context", "revision": "320063a", "revisionTime": "2014-09-25T17:07:18Z-04:00"}]}`,
		want: Manifest{Projects: []Project{{
			Path: "golang.org/x/net/context", Origin: "github.com/docker/docker/vendor/golang.org/x/net/context",
			Packages: []string{"."}, Revision: "320063a",
		}}}},
	{name: "the origin is the path", json: `{"package": [{"path": "a.example/b", "origin": "a.example/b", "revision": "abc"}]}`,
		want: Manifest{Projects: []Project{{Path: "a.example/b", Packages: []string{"."}, Revision: "abc"}}}},
	{name: "branches and ranges are no tags", json: `{"package": [
		{"path": "a.example/a", "revision": "abc", "version": "master", "versionExact": "master"},
		{"path": "a.example/b", "revision": "abc", "version": "=v2", "versionExact": "v2"},
		{"path": "a.example/c", "revision": "abc", "version": "release-branch.go1.13"},
		{"path": "a.example/d", "revision": "abc", "version": "=v1.6.0"},
		{"path": "a.example/e", "revision": "abc", "version": "r2016.08.01"}]}`,
		want: Manifest{Projects: []Project{
			{Path: "a.example/a", Packages: []string{"."}, Revision: "abc"},
			{Path: "a.example/b", Packages: []string{"."}, Revision: "abc"},
			{Path: "a.example/c", Packages: []string{"."}, Revision: "abc"},
			{Path: "a.example/d", Packages: []string{"."}, Revision: "abc", Version: "v1.6.0"},
			{Path: "a.example/e", Packages: []string{"."}, Revision: "abc", Version: "r2016.08.01"},
		}}},
	{name: "written by hand", json: `{"package": [{"path": "a.example/b/^", "revision": "=v0.3.0"}, {"path": "a.example/c^", "revision": "v1.1.0", "versionExact": "v1.1.0"}]}`,
		want: Manifest{Projects: []Project{
			{Path: "a.example/b", Packages: []string{"."}, Tree: true, Version: "v0.3.0"},
			{Path: "a.example/c", Packages: []string{"."}, Tree: true, Version: "v1.1.0"},
		}}},
	{name: "early spellings", json: `{"Package": [{"canonical": "a.example/b", "local": "vendor/a.example/b", "Revision": "abc"},
		{"vendor": "a.example/c", "version": "def", "versionTime": "2015-04-09T05:06:17Z"}]}`,
		want: Manifest{Projects: []Project{
			{Path: "a.example/b", Packages: []string{"."}, Revision: "abc"},
			{Path: "a.example/c", Packages: []string{"."}, Revision: "def"},
		}}},
	{name: "packages that govendor did not find", json: `{"package": [{"path": "appengine", "revision": ""}, {"path": "a.example/local"}, {}, null]}`},
	{name: "settings", json: `{"scalingo": {"goVersion": "go1.12", "install": ["./cmd/...", "./a ./b"], "sync": false, "gcflags": "-N", "additionalTools": ["github.com/golang-migrate/migrate"]},
		"heroku": {"goVersion": "go1.8", "install": ["."], "sync": true, "additionalTools": ["x"]}}`,
		want: Manifest{
			GoVersion: Said{"go1.12", "vendor/vendor.json, scalingo.goVersion"},
			Install:   []string{"./cmd/...", "./a", "./b"}, InstallBy: "vendor/vendor.json, scalingo.install",
			AsIs: "scalingo.sync is false", AdditionalTools: []string{"github.com/golang-migrate/migrate"},
		}},
	{name: "settings for Heroku", json: `{"heroku": {"goVersion": "go1.8", "install": "./a,./b", "sync": "false", "additionalTools": "a.example/b@v1 c.example/d"}}`,
		want: Manifest{
			GoVersion: Said{"go1.8", "vendor/vendor.json, heroku.goVersion"},
			Install:   []string{"./a", "./b"}, InstallBy: "vendor/vendor.json, heroku.install",
			AsIs: "heroku.sync is false", AdditionalTools: []string{"a.example/b@v1", "c.example/d"},
		}},
	{name: "each key falls back by itself", json: `{"scalingo": {"install": [], "sync": null}, "heroku": {"goVersion": "1.9", "install": ["./a"], "sync": false}}`,
		want: Manifest{
			GoVersion: Said{"1.9", "vendor/vendor.json, heroku.goVersion"},
			Install:   []string{"./a"}, InstallBy: "vendor/vendor.json, heroku.install", AsIs: "heroku.sync is false",
		}},
	{name: "Scalingo syncs, Heroku does not", json: `{"scalingo": {"sync": "true"}, "heroku": {"sync": false}}`},
	{name: "a byte order mark and CRLF", json: "\ufeff{\r\n\"rootPath\": \"a.example/b\"\r\n}\r\n", want: Manifest{ImportPath: "a.example/b"}},

	{name: "broken", json: "{\n\"rootPath\": \"a\",\n\"package\": [,]}\n", err: "vendor/vendor.json, line 3: invalid character ','"},
	{name: "empty", json: "", err: "vendor/vendor.json, line 1: unexpected end of JSON input: correct the file"},
	{name: "a list", json: "[]", err: "vendor/vendor.json, line 1: the file is "},
	{name: "a number for a path", json: "{\"package\": [\n{\"path\": 3}]}", err: "vendor/vendor.json, line 2: package.path is a number here, and has to be a string"},
	{name: "a map for packages", json: "{\"package\": {\"a\": 1}}", err: "line 1: package is "},
	{name: "a list to ignore", json: `{"ignore": ["test"]}`, err: "line 1: ignore is "},
	{name: "a word for tree", json: `{"package": [{"path": "a", "tree": "yes"}]}`, err: "package.tree is a string here, and has to be true or false"},
	{name: "a number for sync", json: `{"scalingo": {"sync": 3}}`, err: "vendor/vendor.json, scalingo.sync has to be true or false: correct the file"},
	{name: "a word for sync", json: `{"heroku": {"sync": "no"}}`, err: "vendor/vendor.json, heroku.sync has to be true or false"},
	{name: "a number for install", json: `{"scalingo": {"install": 3}}`, err: "vendor/vendor.json, scalingo.install has to be a list of strings"},
	{name: "a map for tools", json: `{"heroku": {"additionalTools": [{}]}}`, err: "vendor/vendor.json, heroku.additionalTools has to be a list of strings"},
	{name: "a revision without a path", json: `{"package": [{"revision": "abc"}]}`, err: "vendor/vendor.json: a project has no import path"},
	{name: "a path out of vendor", json: `{"package": [{"path": "../../etc", "revision": "abc"}]}`, err: `vendor/vendor.json: "../../etc" is no import path`},
	{name: "an origin out of vendor", json: `{"package": [{"path": "a", "origin": "/etc", "revision": "abc"}]}`, err: `"/etc" is no import path`},
	{name: "a revision that is a flag", json: `{"package": [{"path": "a", "revision": "--upload-pack=x"}]}`, err: `a: "--upload-pack=x" is no revision`},
}

func TestReadGovendor(t *testing.T) {
	for _, tt := range govendorTests {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, t.TempDir(), "-- vendor/vendor.json --\n")
			if err := os.WriteFile(filepath.Join(dir, "vendor", "vendor.json"), []byte(tt.json), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadManifest(Govendor, dir, Options{})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("%v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Tool, tt.want.File, tt.want.Lock = Govendor, "vendor/vendor.json", "vendor/vendor.json"
			tt.want.ImportPathLine = `"rootPath": "github.com/you/app",`
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := ReadManifest(Govendor, t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "vendor/vendor.json") {
		t.Errorf("without the file: %v", err)
	}
}

// wantRepositories compares what has to be fetched with testdata's list of it, which was made with awk.
func wantRepositories(t *testing.T, list string, projects []Project) {
	t.Helper()
	data, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range Repositories(projects) {
		got = append(got, r.Roots[0]+" "+r.Project.Revision)
	}
	slices.Sort(got)
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(data)), "\n"), got); diff != "" {
		t.Errorf("(-%s +got):\n%s", list, diff)
	}
}

// entry returns the project of that path.
func entry(t *testing.T, m Manifest, importPath string) Project {
	t.Helper()
	i := slices.IndexFunc(m.Projects, func(p Project) bool { return p.Path == importPath })
	if i < 0 {
		t.Fatalf("%s is not there", importPath)
	}
	return m.Projects[i]
}

func TestReadRealGovendor(t *testing.T) {
	m, err := ReadManifest(Govendor, "testdata/govendor", Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantRepositories(t, "testdata/govendor/repositories.txt", m.Projects)
	if m.ImportPath != "example.com/shop" || m.GoVersion.Text != "go1.12" || len(m.Projects) != 53 {
		t.Errorf("%q, %v, %d projects", m.ImportPath, m.GoVersion, len(m.Projects))
	}
	for _, want := range []Project{
		{Path: "github.com/containerd/console", Origin: "github.com/opencontainers/runc/vendor/github.com/containerd/console",
			Revision: "459bfaec1fc6c17d8bfb12d0a0f69e7e7271ed2a", Packages: []string{"."},
			Time: time.Date(2018, 8, 23, 14, 46, 37, 0, time.UTC), Sum: "IGtuR58l2zmYRcNf8sPDlCSgovE="},
		{Path: "github.com/boltdb/bolt", Revision: "2f1ce7a837dcb8da3ec595b1dac9d0632f0f99e8", Version: "v1.3.1",
			Packages: []string{"."}, Time: time.Date(2017, 7, 17, 17, 11, 48, 0, time.UTC), Sum: "R1Q34Pfnt197F/nCOO9kG8c+Z90="},
		{Path: "github.com/mitchellh/mapstructure", Revision: "281073eb9eb092240d33ef253c404f1cca550309",
			Packages: []string{"."}, Sum: "4Js6Jlu93Wa0o6Kjt393L9Z7diE="},
		{Path: "github.com/docker/cli/opts", Revision: "67f9a3912cf944cf71b31f3fc14e3f2a18d95802", Version: "v18.06.1-ce",
			Packages: []string{"."}, Time: time.Date(2018, 8, 14, 14, 54, 37, 0, time.UTC), Sum: "+yq5Rc1QTapDrr151x0m5ANZZeY="},
		{Path: "github.com/Shopify/sarama", Origin: "github.com/elastic/sarama", Tree: true, Version: "v1.24.1-elastic",
			Revision: "355d120d09706d85bc6d2a84287be7fbd13ef453", Packages: []string{"."},
			Time: time.Date(2019, 11, 22, 16, 4, 21, 0, time.UTC), Sum: "k3QogVVkVCGcCw4iMIxTWrnfiUc="},
	} {
		if diff := cmp.Diff(want, entry(t, m, want.Path)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if got := entry(t, m, "github.com/circonus-labs/circonus-gometrics").Version; got != "" {
		t.Errorf("the branch v2 was taken for the tag %q", got)
	}
}

// The sums were made with shell commands, for example (without the directory c, as one line):
// (printf a.example/b; printf LICENSE; printf 'free\n'; printf b.go; printf 'package b\n') | openssl sha1 -binary | base64.
const (
	govendorPackageSum  = "crXQcZv53rie94AqzI7Fd2bMNLg="
	govendorTreeSum     = "tllw/dPi79r23kFYlT6ZzUEv5YU="
	govendorTestdataSum = "vnuB8Wka9n8M+vbC4bu8y/oAHjE="
)

func TestGovendorSumMatches(t *testing.T) {
	const files = "-- a.example/b/LICENSE --\nfree\n-- a.example/b/b.go --\npackage b\n"
	const tree = files + "-- a.example/b/Z/z.go --\npackage z\n-- a.example/b/a/c/c.go --\npackage c\n-- a.example/b/a/a.go --\npackage a\n"
	const testdata = files + "-- a.example/b/testdata/x --\nx\n-- a.example/b/testdata/y/z --\nz\n"
	for _, tt := range []struct {
		name, files, sum string
		tree, want       bool
	}{
		{"a package", files, govendorPackageSum, false, true},
		{"another sum", files, govendorTreeSum, false, false},
		{"no sum", files, "", false, false},
		{"what is below is not the package's", tree, govendorPackageSum, false, true},
		{"a tree", tree, govendorTreeSum, true, true},
		{"a tree without what is below", files, govendorTreeSum, true, false},
		{"the package of a tree", tree, govendorPackageSum, true, false},
		{"testdata that was copied", testdata, govendorTestdataSum, false, true},
		{"testdata that came later", testdata, govendorPackageSum, false, true},
		{"one more file", files + "-- a.example/b/c.go --\n", govendorPackageSum, false, false},
		{"one byte more", files + "\n", govendorPackageSum, false, false},
		{"another name", strings.ReplaceAll(files, "b.go", "c.go"), govendorPackageSum, false, false},
		{"no such directory", "-- a.example/c/c.go --\n", govendorPackageSum, false, false},
		{"a file for the directory", "-- a.example/b --\n", govendorPackageSum, false, false},
		{"a file on the way", "-- a.example --\n", govendorPackageSum, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vendor := write(t, t.TempDir(), tt.files)
			got, err := GovendorSumMatches(vendor, Project{Path: "a.example/b", Tree: tt.tree, Sum: tt.sum})
			if err != nil || got != tt.want {
				t.Errorf("%v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestGovendorSumMatchesLinks(t *testing.T) {
	vendor := write(t, t.TempDir(), "-- a.example/b/LICENSE --\nfree\n-- elsewhere --\npackage b\n")
	link := filepath.Join(vendor, "a.example", "b", "b.go")
	for target, want := range map[string]bool{"../../elsewhere": true, "../../nowhere": false, "..": false, "/dev/zero": false} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		got, err := GovendorSumMatches(vendor, Project{Path: "a.example/b", Sum: govendorPackageSum})
		if err != nil || got != want {
			t.Errorf("a link to %s: %v, %v", target, got, err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}
