package deps

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

var (
	revA = strings.Repeat("a1", 20)
	revB = strings.Repeat("b2", 20)
)

// commitTime is that of the commits in these tests, seen from another time zone.
var commitTime = time.Date(2020, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600))

// pseudo is the version of a commit without a tag.
func pseudo(revision string) string { return "v0.0.0-20200102030405-" + revision[:12] }

func info(version string) string {
	return fmt.Sprintf(`{"Version": %q, "Time": "2020-01-02T03:04:05Z"}`, version)
}

func infoOf(version, hash string) string {
	return fmt.Sprintf(`{"Version": %q, "Time": "2020-01-02T03:04:05Z", "Origin": {"VCS": "git", "Hash": %q}}`, version, hash)
}

// newFetcher returns a Fetcher with the go command of this machine, an empty store and those variables.
func newFetcher(t *testing.T, variables ...string) *Fetcher {
	t.Helper()
	modern := apptest.Go(t)
	return &Fetcher{
		Find: func() (toolchain.Go, error) { return modern, nil }, Env: apptest.Env(t, variables...),
		Store: filepath.Join(t.TempDir(), "store"), Scratch: t.TempDir(),
	}
}

// project is an entry of a lock that names the root of a repository.
func project(path, revision, version string) Project {
	return Project{Path: path, Root: true, Revision: revision, Version: version, Packages: []string{"."}}
}

var modulesForFetch = `
-- github.com/a/b@v1.2.0/b.go --
package b
-- github.com/a/b@` + pseudo(revA) + `/b.go --
package b // at revision A
-- github.com/a/b/nested@v1.2.0/n.go --
package nested // of another commit
-- github.com/A/Upper@v1.0.0/u.go --
package upper
-- github.com/a/old@v3.2.0+incompatible/old.go --
package old
-- github.com/a/major/v4@v4.1.0/go.mod --
module github.com/a/major/v4
-- github.com/a/major/v4@v4.1.0/m.go --
package major
-- gopkg.in/a/pkg.v2@v2.0.0-20200102030405-` + revA[:12] + `/p.go --
package pkg
-- vanity.example.org/team/lib@v1.0.0/sub/deep/d.go --
package deep
`

var fetchTests = []struct {
	name     string
	project  Project
	answers  map[string]string
	modules  string
	unproven string
	err      []string
}{
	{"a bare revision", project("github.com/a/b", revA, ""),
		map[string]string{"github.com/a/b@" + revA: info(pseudo(revA))}, "github.com/a/b@" + pseudo(revA), "", nil},
	{"a revision that has a tag", project("github.com/a/b", revA, "v1.2.0"),
		map[string]string{"github.com/a/b@" + revA: info("v1.2.0")}, "github.com/a/b@v1.2.0", "", nil},
	{"capitals", project("github.com/A/Upper", revA, ""),
		map[string]string{"github.com/A/Upper@" + revA: info("v1.0.0")}, "github.com/A/Upper@v1.0.0", "", nil},
	{"revisions are refused with 403", project("github.com/a/b", revA, "v1.2.0"),
		map[string]string{"github.com/a/b@" + revA: "403 no revisions here"}, "github.com/a/b@v1.2.0", "github.com/a/b v1.2.0", nil},
	{"revisions are refused with 404", project("github.com/a/b", revA, "v1.2.0"), nil, "github.com/a/b@v1.2.0", "github.com/a/b v1.2.0", nil},
	{"revisions are refused with 410", project("github.com/a/b", revA, "v1.2.0"),
		map[string]string{"github.com/a/b@" + revA: "410 gone"}, "github.com/a/b@v1.2.0", "github.com/a/b v1.2.0", nil},
	{"the proxy does not find the project's host", project("github.com/a/b", revA, "v1.2.0"),
		map[string]string{"github.com/a/b@" + revA: "404 not found: dial tcp: lookup github.com: no such host"}, "github.com/a/b@v1.2.0", "github.com/a/b v1.2.0", nil},
	{"a version alone", project("github.com/a/b", "", "v1.2.0"), nil, "github.com/a/b@v1.2.0", "", nil},
	{"a revision that is no hash", project("github.com/a/b", "47", "v1.2.0"), nil, "github.com/a/b@v1.2.0", "github.com/a/b v1.2.0", nil},
	{"a revision that is no hash, of which the tag has one", project("github.com/a/b", "47", "v1.2.0"),
		map[string]string{"github.com/a/b@v1.2.0": infoOf("v1.2.0", revB)}, "github.com/a/b@v1.2.0", "github.com/a/b v1.2.0", nil},
	{"incompatible by revision", project("github.com/a/old", revA, ""),
		map[string]string{"github.com/a/old@" + revA: info("v3.2.0+incompatible")}, "github.com/a/old@v3.2.0+incompatible", "", nil},
	{"incompatible by the tag's name", project("github.com/a/old", revA, "v3.2.0"),
		map[string]string{"github.com/a/old@v3.2.0": info("v3.2.0+incompatible")}, "github.com/a/old@v3.2.0+incompatible", "github.com/a/old v3.2.0", nil},
	{"incompatible by a proxy that knows only the version", project("github.com/a/old", revA, "v3.2.0"), nil,
		"github.com/a/old@v3.2.0+incompatible", "github.com/a/old v3.2.0", nil},
	{"a later major version, from the lock's version", project("github.com/a/major", revA, "v4.1.0"),
		map[string]string{"github.com/a/major/v4@" + revA: info("v4.1.0")}, "github.com/a/major/v4@v4.1.0", "", nil},
	{"a later major version, by its tag", project("github.com/a/major", revA, "v4.1.0"), nil, "github.com/a/major/v4@v4.1.0", "github.com/a/major v4.1.0", nil},
	{"a later major version, from what the proxy says", project("github.com/a/major", revA, ""), map[string]string{
		"github.com/a/major@" + revA:    `404 not found: invalid version: go.mod has post-v0 module path "github.com/a/major/v4" at revision a1a1`,
		"github.com/a/major/v4@" + revA: info("v4.1.0"),
	}, "github.com/a/major/v4@v4.1.0", "", nil},
	{"a commit's time", Project{Path: "github.com/a/b", Root: true, Revision: revA, Time: commitTime, Packages: []string{"."}}, nil,
		"github.com/a/b@" + pseudo(revA), "", nil},
	{"a commit's time below a major version", Project{Path: "gopkg.in/a/pkg.v2", Revision: revA, Time: commitTime, Packages: []string{"."}}, nil,
		"gopkg.in/a/pkg.v2@v2.0.0-20200102030405-" + revA[:12], "", nil},
	{"the origin is the locked revision", project("github.com/a/b", revA, "v1.2.0"),
		map[string]string{"github.com/a/b@v1.2.0": infoOf("v1.2.0", revA)}, "github.com/a/b@v1.2.0", "", nil},
	{"the origin of a shortened revision", project("github.com/a/b", revA[:7], "v1.2.0"),
		map[string]string{"github.com/a/b@v1.2.0": infoOf("v1.2.0", revA)}, "github.com/a/b@v1.2.0", "", nil},
	{"the tag moved", project("github.com/a/b", revA, "v1.2.0"), map[string]string{"github.com/a/b@v1.2.0": infoOf("v1.2.0", revB)},
		"", "", []string{"github.com/a/b: github.com/a/b@v1.2.0 is revision " + revB + " today, and the lock says " + revA}},
	{"the tag of a shortened revision moved", project("github.com/a/b", revA[:7], "v1.2.0"), map[string]string{"github.com/a/b@v1.2.0": infoOf("v1.2.0", revB)},
		"", "", []string{"is revision " + revB + " today, and the lock says " + revA[:7]}},
	{"another commit", project("github.com/a/b", revB, ""), map[string]string{"github.com/a/b@" + revB: info(pseudo(revA))},
		"", "", []string{"github.com/a/b: github.com/a/b@" + revB + " is revision " + revA[:12] + " today, and the lock says " + revB}},
	{"a vanity host", Project{Path: "vanity.example.org/team/lib/sub/deep", Revision: revA, Packages: []string{"."}},
		map[string]string{"vanity.example.org/team/lib@" + revA: info("v1.0.0")}, "vanity.example.org/team/lib@v1.0.0", "", nil},
	{"nothing", project("github.com/a/none", revA, "v1.5.0"), map[string]string{"github.com/a/none@v1.5.0": "403 not allowed"}, "", "", []string{
		"github.com/a/none at revision " + revA + " (v1.5.0) cannot be had. Tried:\n  github.com/a/none@" + revA + ": ", ": 404 Not Found",
		"\n  github.com/a/none@v1.5.0: ", "403 Forbidden server response: not allowed\nWhat is private has to be named in GOPRIVATE; if a project is gone, commit vendor/"}},
	{"a version that stands for several", project("github.com/a/b", "", "v1.2"), nil, "", "",
		[]string{"github.com/a/b (v1.2) cannot be had: the lock has no revision of it, and for the go command v1.2 is not one version: lock it anew"}},
	{"a tag that stands for several versions", project("github.com/a/b", revA, "v1"), nil, "", "", []string{"github.com/a/b at revision " + revA + " (v1) cannot be had"}},
	{"a package that is not there", Project{Path: "github.com/a/b", Root: true, Revision: revA, Packages: []string{"x/y"}},
		map[string]string{"github.com/a/b@" + revA: info("v1.2.0")}, "", "",
		[]string{"github.com/a/b has no package github.com/a/b/x/y at revision " + revA, "Tried:\n  github.com/a/b/x/y@" + revA + ": ", "\n  github.com/a/b/x@" + revA + ": "}},
	{"a nested module with a tag of the same name", Project{Path: "github.com/a/b", Root: true, Revision: revA, Version: "v1.2.0", Packages: []string{"nested"}},
		map[string]string{"github.com/a/b@" + revA: info("v1.2.0")}, "", "", []string{"github.com/a/b has no package github.com/a/b/nested at revision " + revA}},
	{"a package that is not in a tag without a revision", Project{Path: "github.com/a/b", Root: true, Version: "v1.2.0", Packages: []string{"x"}}, nil, "", "",
		[]string{"github.com/a/b has no package github.com/a/b/x at revision v1.2.0, neither itself nor in a module of its own: lock it anew, or commit vendor/"}},
	{"copied from vendor", Project{Path: "github.com/a/b", Origin: "github.com/a/c/vendor/github.com/a/b", Revision: revA, Packages: []string{"."}}, nil, "", "",
		[]string{"github.com/a/b was copied from another project's vendor directory", "lock github.com/a/b itself at a revision of its own"}},
	{"no room", project("github.com/a/b", revA, "v1.2.0"), map[string]string{"github.com/a/b@" + revA: "500 write /x: no space left on device"}, "", "",
		[]string{"no space left on device: give the build more room"}},
}

func TestFetch(t *testing.T) {
	for _, tt := range fetchTests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := apptest.ServeModules(t, modulesForFetch, tt.answers)
			f := newFetcher(t, "GOPROXY="+server.URL)
			got, err := f.Fetch([]Project{tt.project})
			if tt.err != nil {
				wantError(t, err, tt.err...)
				if isDir(f.Store) {
					if left := tree(t, f.Store); !strings.HasPrefix(tt.err[0], "github.com/a/b has no package") && len(left) > 1 {
						t.Errorf("stored: %v", left)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			unproven, err := got.Unproven(Manifest{Projects: []Project{tt.project}}, "")
			if modules := strings.Join(got.Modules(), " "); modules != tt.modules || strings.Join(unproven, ", ") != tt.unproven || err != nil {
				t.Errorf("modules %s, unproven %q, %v; requests:\n%s", modules, unproven, err, strings.Join(server.Requests(), "\n"))
			}
			if !slices.Contains(keysOf(tree(t, f.Store)), indexFile) || got.Downloads != 1 {
				t.Errorf("%d downloads, store: %v", got.Downloads, tree(t, f.Store))
			}
		})
	}
}

func keysOf[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q:\n%v", part, err)
		}
	}
}

func TestFetchFromFiles(t *testing.T) {
	f := newFetcher(t, "GOPROXY="+apptest.Proxy(t, modulesForFetch))
	got, err := f.Fetch([]Project{project("github.com/a/b", revA, "v1.2.0"), project("github.com/a/old", "", "v3.2.0+incompatible")})
	if diff := cmp.Diff([]string{"github.com/a/b@v1.2.0", "github.com/a/old@v3.2.0+incompatible"}, got.Modules()); diff != "" || err != nil || got.Downloads != 2 {
		t.Errorf("%d downloads, %v\n%s", got.Downloads, err, diff)
	}
	_, err = newFetcher(t, "GOPROXY=file:///nonexistent").Fetch([]Project{project("github.com/a/b", revA, "")})
	wantError(t, err, "github.com/a/b at revision "+revA+" cannot be had")
}

// Two names of one module are one download, and several projects fail together.
func TestFetchSeveral(t *testing.T) {
	server := apptest.ServeModules(t, modulesForFetch, map[string]string{"github.com/a/b@" + revA: info("v1.2.0")})
	aliased := project("github.com/alias/b", "", "v1.2.0")
	aliased.Origin = "github.com/a/b"
	ok := []Project{project("github.com/a/b", revA, ""), aliased, project("github.com/a/old", "", "v3.2.0+incompatible")}
	got, err := newFetcher(t, "GOPROXY="+server.URL).Fetch(ok)
	if err != nil || got.Downloads != 2 {
		t.Errorf("%d downloads, %v", got.Downloads, err)
	}
	_, err = newFetcher(t, "GOPROXY="+server.URL).Fetch(append(ok, project("github.com/a/x", revB, ""), project("github.com/a/y", revB, "v1.0.0")))
	wantError(t, err, "github.com/a/x at revision "+revB+" cannot be had", "github.com/a/y at revision "+revB+" (v1.0.0) cannot be had")
}

func TestFetchEndsEarly(t *testing.T) {
	var many []Project
	for i := range 40 {
		many = append(many, project(fmt.Sprintf("github.com/a/b%d", i), revA, "v1.2.0"))
	}
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	for proxy, want := range map[string]string{
		dead.URL: "connection refused: check the network of the build and GOPROXY",
		"off":    "GOPROXY=off: set GOPROXY to a server that may be asked, or commit vendor/",
	} {
		_, err := newFetcher(t, "GOPROXY="+proxy).Fetch(many)
		wantError(t, err, want)
		if n := strings.Count(err.Error(), "GOPROXY"); strings.Count(err.Error(), "github.com/a/b") > 4 || n > 2 {
			t.Errorf("GOPROXY=%s: too long:\n%v", proxy, err)
		}
	}
	var connections atomic.Int32
	secret := httptest.NewUnstartedServer(http.NotFoundHandler())
	secret.Config.ErrorLog = log.New(io.Discard, "", 0)
	secret.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	secret.StartTLS()
	defer secret.Close()
	_, err := newFetcher(t, "GOPROXY="+secret.URL).Fetch(many)
	wantError(t, err, "x509: certificate signed by unknown authority: check the network of the build and GOPROXY")
	if n := connections.Load(); n == 0 || n > 2*parallel {
		t.Errorf("%d connections", n)
	}

	f := newFetcher(t)
	f.Find = func() (toolchain.Go, error) { return toolchain.Go{}, errors.New("no Go to be found") }
	_, err = f.Fetch(many)
	wantError(t, err, "no Go to be found")
}

// TestFetchChecksums runs a checksum database of its own.
func TestFetchChecksums(t *testing.T) {
	server := apptest.ServeModules(t, modulesForFetch, map[string]string{"github.com/a/b@" + revA: info("v1.2.0")})
	private, public, err := note.GenerateKey(nil, "sum.example.test")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ private, wrong, err string }{
		"known":     {},
		"wrong":     {wrong: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", err: "github.com/a/b: github.com/a/b@" + revA + ": "},
		"left out":  {wrong: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", private: "github.com/a"},
		"not known": {wrong: "none", err: "What is private has to be named in GOPRIVATE"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			database := httptest.NewServer(sumdb.NewServer(sumdb.NewTestServer(private, func(path, version string) ([]byte, error) {
				asked++
				files := filepath.Join(server.Dir, filepath.FromSlash(path), "@v", version)
				sum, err := dirhash.HashZip(files+".zip", dirhash.Hash1)
				if tt.wrong == "none" || err != nil {
					return nil, errors.New("not found")
				}
				if tt.wrong != "" {
					sum = tt.wrong
				}
				return fmt.Appendf(nil, "%s %s %s\n%[1]s %[2]s/go.mod %[4]s\n", path, version, sum, goModSum(t, path)), nil
			})))
			defer database.Close()
			f := newFetcher(t, "GOPROXY="+server.URL, "GONOSUMDB="+tt.private, "GOSUMDB="+public+" "+database.URL)
			_, err := f.Fetch([]Project{project("github.com/a/b", revA, "")})
			switch {
			case tt.err != "":
				wantError(t, err, tt.err)
			case err != nil:
				t.Error(err)
			}
			if name == "wrong" {
				wantError(t, err, "checksum mismatch", "SECURITY ERROR")
			}
			if (asked == 0) != (tt.private != "") {
				t.Errorf("the database was asked %d times", asked)
			}
			if stored := isDir(filepath.Join(f.Store, "github.com")); stored != (tt.err == "") {
				t.Errorf("stored: %v", stored)
			}
		})
	}
}

// TestFetchPrivateFromPublicForge: what a login gets from a public forge and the
// checksum database does not know is proven by its locked commit. A tag proves nothing.
func TestFetchPrivateFromPublicForge(t *testing.T) {
	top := t.TempDir()
	commit := apptest.Commit(t, filepath.Join(top, "acme", "secret"), "-- s.go --\npackage secret\n", "v1.0.0")
	forge := strings.Replace(apptest.ServeGit(t, top, "me:s3cret"), "://", "://me:s3cret@", 1) + "/"
	nobody := httptest.NewServer(http.NotFoundHandler())
	defer nobody.Close()
	private, public, err := note.GenerateKey(nil, "sum.example.test")
	if err != nil {
		t.Fatal(err)
	}
	database := httptest.NewServer(sumdb.NewServer(sumdb.NewTestServer(private, func(string, string) ([]byte, error) { return nil, os.ErrNotExist })))
	defer database.Close()
	for name, tt := range map[string]struct {
		locked Project
		serves func(string) bool
		err    string
	}{
		"a login":        {project("github.com/acme/secret", commit, ""), func(path string) bool { return strings.HasPrefix(path, "github.com/") }, ""},
		"none":           {project("github.com/acme/secret", commit, ""), nil, "What is private has to be named in GOPRIVATE"},
		"for another":    {project("github.com/acme/secret", commit, ""), func(string) bool { return false }, "What is private has to be named in GOPRIVATE"},
		"a tag alone":    {project("github.com/acme/secret", "", "v1.0.0"), func(string) bool { return true }, "What is private has to be named in GOPRIVATE"},
		"another commit": {project("github.com/acme/secret", revA, ""), func(string) bool { return true }, "cannot be had"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFetcher(t, "GOPROXY="+nobody.URL+",direct", "GONOSUMDB=", "GOPRIVATE=", "GOSUMDB="+public+" "+database.URL,
				"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+forge+".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/")
			f.Serves = tt.serves
			fetched, err := f.Fetch([]Project{tt.locked})
			if tt.err != "" {
				wantError(t, err, tt.err)
				if len(fetched.ByCommit) > 0 {
					t.Errorf("accepted: %q", fetched.ByCommit)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(fetched.ByCommit) != 1 || !strings.HasPrefix(fetched.ByCommit[0], "github.com/acme/secret@v") {
				t.Errorf("accepted: %q", fetched.ByCommit)
			}
		})
	}
}

// goModSum is the checksum of the go.mod that proxies make up.
func goModSum(t *testing.T, path string) string {
	t.Helper()
	sum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("module " + path + "\n")), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// What a lock says is checked before the go command sees it.
func TestLockIsChecked(t *testing.T) {
	for _, tt := range []struct {
		project Project
		err     string
	}{
		{project("github.com/a/b", revA, "v1.0.0"), ""},
		{project("", revA, ""), "a project has no import path"},
		{project("github.com/a/b", "", ""), "github.com/a/b has no revision"},
		{project("github.com/a/b", "latest", ""), `github.com/a/b: "latest" is no revision`},
		{project("github.com/a/b", revA, "upgrade"), `"upgrade" is no revision`},
		{project("github.com/a/b", "two words", ""), `"two words" is no revision`},
		{project("github.com/a/b", "-json", ""), `"-json" is no revision`},
		{project("github.com/a/b", ">=v1", ""), `">=v1" is no revision`},
		{project("github.com/../../b", revA, ""), `"github.com/../../b" is no import path`},
		{project("../b", revA, ""), `"../b" is no import path`},
		{project("/etc", revA, ""), `"/etc" is no import path`},
		{project("-x/b", revA, ""), `"-x/b" is no import path`},
		{project("github.com/a/b@v1", revA, ""), `is no import path`},
		{Project{Path: "github.com/a/b", Origin: "..", Revision: revA}, `".." is no import path`},
		{Project{Path: "github.com/a/b", Revision: revA, Packages: []string{".", "../c"}}, `github.com/a/b: "../c" is no directory of the project`},
		{Project{Path: "github.com/a/b", Revision: revA, Packages: []string{"/c"}}, `"/c" is no directory of the project`},
	} {
		if err := tt.project.check(); tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%+v: %v", tt.project, err)
		}
	}
	dir := write(t, t.TempDir(), "-- Gopkg.lock --\n[[projects]]\n  name = \"github.com/a/b\"\n  revision = \"latest\"\n")
	_, err := ReadManifest(Dep, dir, Options{})
	wantError(t, err, "Gopkg.lock", `"latest" is no revision`)
}
