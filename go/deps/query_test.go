package deps

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

func TestImportPathOf(t *testing.T) {
	for source, want := range map[string]string{
		"https://github.com/a/b":            "github.com/a/b",
		"https://github.com/a/b.git":        "github.com/a/b",
		"https://github.com/a/b.git/":       "github.com/a/b",
		"https://user:pw@git.example.org/a": "git.example.org/a",
		"ssh://git@git.example.org/a/b.git": "git.example.org/a/b",
		"git@github.com:a/b.git":            "github.com/a/b",
		"github.com:a/b":                    "github.com/a/b",
		"https://git.example.org:8443/a/b":  "",
		"ssh://git@git.example.org:22/a":    "",
		"file:///srv/git/a":                 "",
		"https://intranet/a/b":              "", // no host of an import path
		"https://github.com/a/b c":          "",
		"https://github.com/a/../../b":      "",
		"/srv/git/a":                        "",
		"":                                  "",
	} {
		if got := importPathOf(source); got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}

func TestLadder(t *testing.T) {
	for _, tt := range []struct {
		name    string
		project Project
		at      string
		learn   string
		want    string
	}{
		{"revision and tag", project("x.org/a", revA, "v1.2.3"), "x.org/a", "", "x.org/a@" + revA + " x.org/a@v1.2.3"},
		{"no tag", project("x.org/a", revA, ""), "x.org/a", "", "x.org/a@" + revA},
		{"a revision that is the tag", project("x.org/a", "v1.2.3", "v1.2.3"), "x.org/a", "", "x.org/a@v1.2.3"},
		{"a tag without a v", project("x.org/a", "", "2.3.4"), "x.org/a", "", "x.org/a@2.3.4"},
		{"later major version", project("x.org/a", "", "v2.3.4"), "x.org/a", "", "x.org/a@v2.3.4 x.org/a/v2@v2.3.4 x.org/a@v2.3.4+incompatible"},
		{"later major version of a pre-release", project("x.org/a", "", "v2.3.4-rc.1"), "x.org/a", "",
			"x.org/a@v2.3.4-rc.1 x.org/a/v2@v2.3.4-rc.1 x.org/a@v2.3.4-rc.1+incompatible"},
		{"said to be incompatible", project("x.org/a", "", "v2.3.4+incompatible"), "x.org/a", "", "x.org/a@v2.3.4+incompatible x.org/a/v2@v2.3.4+incompatible"},
		{"the path has the major version", project("x.org/a/v2", "", "v2.3.4"), "x.org/a/v2", "", "x.org/a/v2@v2.3.4"},
		{"gopkg.in", project("gopkg.in/a.v2", "", "v2.3.4"), "gopkg.in/a.v2", "", "gopkg.in/a.v2@v2.3.4"},
		{"learnt", project("x.org/a", revA, ""), "x.org/a", `go.mod has post-v0 module path "x.org/a/v3" at revision a1`, "x.org/a@" + revA + " x.org/a/v3@" + revA},
		{"learnt from a tag", project("x.org/a", revA, ""), "x.org/a",
			`module contains a go.mod file, so module path must match major version ("x.org/a/v3")`, "x.org/a@" + revA + " x.org/a/v3@" + revA},
		{"learnt in vain", project("x.org/a/v2", revA, ""), "x.org/a/v2", `go.mod has non-.../v2 module path "x.org/a/v3" at revision a1`, "x.org/a/v2@" + revA},
		{"time", Project{Path: "x.org/a", Revision: revA, Time: commitTime}, "x.org/a", "", "x.org/a@" + revA + " x.org/a@" + pseudo(revA)},
		{"time without a hash", Project{Path: "x.org/a", Revision: "rev12", Time: commitTime}, "x.org/a", "", "x.org/a@rev12"},
	} {
		var all []string
		l := tt.project.ladder(place{path: tt.at})
		for q, ok := l.next(); ok; q, ok = l.next() {
			all = append(all, q.String())
			l.learn(errors.New(tt.learn))
		}
		if got := strings.Join(all, " "); got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
}

func TestComplaint(t *testing.T) {
	for text, ends := range map[string]bool{
		`Get "https://proxy.example/x/@v/v1.info": dial tcp: lookup proxy.example: no such host`:                                                        true,
		`Get "https://proxy.example/x/@v/v1.info": tls: failed to verify certificate: x509: unknown authority`:                                          true,
		`module lookup disabled by GOPROXY=off`:                                                                                                         true,
		`write /cache/x: No space left on device`:                                                                                                       true,
		`unrecognized import path "dead.example/x": https fetch: Get "https://dead.example/x?go-get=1": dial tcp: lookup dead.example: no such host`:    false,
		"reading https://proxy.example/x/@v/v1.info: 404 Not Found\n\tserver response: not found: dial tcp: lookup dead.example: no such host":          false,
		`git ls-remote -q origin in /cache/x: exit status 128: fatal: unable to access 'https://dead.example/x/': Could not resolve host: dead.example`: false,
		`reading https://proxy.example/x/@v/v1.info: 404 Not Found`:                                                                                     false,
	} {
		if err := complaint(text); errors.As(err, new(endError)) != ends {
			t.Errorf("%s: %v", text, err)
		}
	}
	err := complaint("fatal: repository 'https://user:s3cret@git.example/x' not\n\tfound, nor 'ssh://t0ken@git.example/x'")
	if want := "fatal: repository 'https://xxxxx@git.example/x' not found, nor 'ssh://xxxxx@git.example/x'"; err.Error() != want {
		t.Errorf("%v", err)
	}
}

const lib = `
-- LICENSE --
free
-- lib.go --
package lib
-- below/below.go --
package below
`

// fromGit returns where to get the repository at dir from, with what it takes.
type fromGit struct {
	source    string
	variables []string
}

// A locked URL leads to the repository whatever its form.
func TestFetchFromURL(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "team", "lib.git")
	first := apptest.Commit(t, dir, lib, "v1.0.0")
	apptest.Commit(t, dir, "-- other.go --\npackage other\n", "v1.1.0")
	open, closed := apptest.ServeGit(t, top, ""), apptest.ServeGit(t, top, "me:s3cret")
	// In the place of ssh stands a program that runs what ssh would run at the other end.
	ssh := filepath.Join(t.TempDir(), "ssh")
	if err := os.WriteFile(ssh, []byte("#!/bin/sh\nfor last; do :; done\ncd '"+top+"' && eval \"$(echo \"$last\" | sed \"s#'/#'#\")\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	proxy := apptest.ServeModules(t, modulesForFetch, nil)
	_, public, err := note.GenerateKey(nil, "sum.example.test") // of a database that must not be asked
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]fromGit{
		"http with a port":  {open + "/team/lib.git", nil},
		"http with a login": {strings.Replace(closed, "://", "://me:s3cret@", 1) + "/team/lib.git", nil},
		"a file":            {"file://" + dir, nil},
		"as for scp":        {"git@git.example.test:team/lib.git", []string{"GIT_SSH_COMMAND=" + ssh}},
		"ssh with a port":   {"ssh://git@git.example.test:22/team/lib.git", []string{"GIT_SSH_COMMAND=" + ssh}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := project("github.com/a/lib", first, "")
			p.Source, p.Packages = from.source, []string{".", "below"}
			f := newFetcher(t, append(from.variables, "GOPROXY="+proxy.URL, "GONOSUMDB=", "GOSUMDB="+public+" http://127.0.0.1:1")...)
			got, err := f.Fetch([]Project{p})
			if err != nil {
				t.Fatal(err)
			}
			vendor := t.TempDir()
			if err := got.Vendor([]Project{p}, vendor); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"github.com/a/lib/LICENSE": "free\n", "github.com/a/lib/lib.go": "package lib\n", "github.com/a/lib/below/below.go": "package below\n",
			}
			if diff := cmp.Diff(want, tree(t, vendor)); diff != "" || len(got.Modules()) > 0 {
				t.Errorf("modules %v\n%s", got.Modules(), diff)
			}
			if text := tree(t, f.Store)[indexFile]; strings.Contains(text, "s3cret") {
				t.Errorf("the login is kept:\n%s", text)
			}
		})
	}
}

func TestFetchFromURLFails(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "lib.git")
	apptest.Commit(t, dir, lib, "v1.0.0")
	now := apptest.Commit(t, dir, "-- other.go --\npackage other\n", "v1.0.0")
	url := strings.Replace(apptest.ServeGit(t, top, "me:s3cret"), "://", "://me:s3cret@", 1) + "/lib.git"
	for name, tt := range map[string]struct {
		revision, version, proxy, packages string
		err                                []string
	}{
		"no such revision": {revA, "", "direct", ".", []string{
			"github.com/a/lib at revision " + revA + " cannot be had. Tried:\n  http://xxxxx@127.0.0.1:", "/lib.git@" + revA + ": ", "unknown revision"}},
		"the tag moved":   {revA, "v1.0.0", "direct", ".", []string{"/lib.git@v1.0.0 is revision " + now + " today, and the lock says " + revA}},
		"no such package": {now, "", "direct", "x", []string{"github.com/a/lib has no package github.com/a/lib/x", "missing http://xxxxx@127.0.0.1:"}},
		"off":             {now, "", "off", ".", []string{"/lib.git@" + now + ": GOPROXY=off forbids downloads: set GOPROXY to a server that may be asked"}},
	} {
		p := project("github.com/a/lib", tt.revision, tt.version)
		p.Source, p.Packages = url, []string{tt.packages}
		_, err := newFetcher(t, "GOPROXY="+tt.proxy).Fetch([]Project{p})
		wantError(t, err, tt.err...)
		if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), madeUp) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The proxy does not answer, but the repository does, by the URL that the user's settings for git make of the locked one.
func TestFetchFromURLWithoutProxy(t *testing.T) {
	top := t.TempDir()
	p := project("github.com/a/lib", apptest.Commit(t, filepath.Join(top, "team", "lib.git"), lib), "")
	for _, source := range []string{"https://git.example.test/team/lib", "https://git.example.test:8443/team/lib"} {
		p.Source = source
		host, _, _ := strings.Cut(source, "/team")
		got, err := newFetcher(t, "GOPROXY=http://127.0.0.1:1", "GIT_CONFIG_COUNT=1",
			"GIT_CONFIG_KEY_0=url."+top+".insteadOf", "GIT_CONFIG_VALUE_0="+host).Fetch([]Project{p})
		if err != nil || got.Downloads != 1 {
			t.Errorf("%s: %d downloads, %v", source, got.Downloads, err)
		}
	}
}

// A repository behind a host that git is told to find elsewhere, with a module nested in it.
func TestFetchByImportPath(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "team", "lib.git")
	const nested = "-- sub/go.mod --\nmodule git.example.test/team/lib.git/sub\n-- sub/deep/d.go --\npackage deep\n-- sub/LICENSE --\nown\n"
	commit := apptest.Commit(t, dir, lib+nested+"-- go.mod --\nmodule git.example.test/team/lib.git\n", "v1.0.0", "sub/v0.3.0")
	moved := apptest.Commit(t, dir, lib, "v2.0.0")
	url := apptest.ServeGit(t, top, "me:s3cret")
	variables := []string{
		"GOPROXY=off", "GOPRIVATE=git.example.test", "GONOSUMDB=", "GIT_CONFIG_COUNT=2",
		"GIT_CONFIG_KEY_0=url." + url + "/.insteadOf", "GIT_CONFIG_VALUE_0=https://git.example.test/",
		"GIT_CONFIG_KEY_1=http.extraHeader", "GIT_CONFIG_VALUE_1=Authorization: Basic bWU6czNjcmV0",
	}
	projects := []Project{
		{Path: "git.example.test/team/lib.git/below", Revision: commit, Packages: []string{"."}},
		{Path: "git.example.test/team/lib.git/sub/deep", Revision: commit, Packages: []string{"."}},
	}
	got, err := newFetcher(t, variables...).Fetch(projects)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"git.example.test/team/lib.git/sub@v0.3.0", "git.example.test/team/lib.git@v1.0.0"}, got.Modules()); diff != "" || got.Downloads != 2 {
		t.Errorf("%d downloads\n%s", got.Downloads, diff)
	}
	vendor := t.TempDir()
	if err := got.Vendor(projects, vendor); err != nil {
		t.Fatal(err)
	}
	want := []string{"LICENSE", "below/below.go", "go.mod", "sub/LICENSE", "sub/deep/d.go", "sub/go.mod"}
	if diff := cmp.Diff(want, keysOf(tree(t, filepath.Join(vendor, "git.example.test", "team", "lib.git")))); diff != "" {
		t.Error(diff)
	}

	// The tag alone leads to the nested module too, at the revision that the repository says.
	byTag := Project{Path: "git.example.test/team/lib.git", Root: true, Version: "v1.0.0", Packages: []string{"sub/deep"}}
	if got, err := newFetcher(t, variables...).Fetch([]Project{byTag}); err != nil || got.Downloads != 2 {
		t.Errorf("%d downloads, %v", got.Downloads, err)
	}
	// A project that is taken as a whole says what it needs; what is nowhere may not be imported any more.
	whole := []Project{{Path: "git.example.test/team/lib.git", Root: true, Revision: commit, Needs: []string{"below", "sub/deep", "gone"}}}
	all, err := newFetcher(t, variables...).Fetch(whole)
	if err != nil || all.Downloads != 2 {
		t.Errorf("%d downloads, %v", all.Downloads, err)
	}
	vendor = t.TempDir()
	if err := all.Vendor(whole, vendor); err != nil || !HasGo(filepath.Join(vendor, "git.example.test/team/lib.git/sub/deep"), false) {
		t.Errorf("%v: %v", err, keysOf(tree(t, vendor)))
	}
	// The settings for git that the user has are in effect for a locked URL as well.
	source := project("example.org/lib", moved, "")
	source.Source = url + "/team/lib.git"
	if _, err := newFetcher(t, append(variables, "GOPROXY=direct")...).Fetch([]Project{source}); err != nil {
		t.Error(err)
	}
	_, err = newFetcher(t, variables...).Fetch([]Project{project("git.example.test/team/lib.git", revA, "v2.0.0")})
	wantError(t, err, "git.example.test/team/lib.git@v2.0.0 is revision "+moved+" today, and the lock says "+revA)
}
