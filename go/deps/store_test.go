package deps

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

const (
	storedB   = "github.com/a/b@v1.2.0/b.go"
	storedOld = "github.com/a/old@v3.2.0+incompatible/old.go"
	storedUp  = "github.com/!a/!upper@v1.0.0/u.go"
)

// again fetches into the same store with another scratch directory, as the next build does.
func again(t *testing.T, f *Fetcher, projects ...Project) (Fetched, error) {
	t.Helper()
	next := *newFetcher(t)
	next.Find, next.Env, next.Store = f.Find, f.Env, f.Store
	return next.Fetch(projects)
}

func wantStore(t *testing.T, f *Fetcher, want ...string) {
	t.Helper()
	want = append(want, indexFile)
	slices.Sort(want)
	if diff := cmp.Diff(want, keysOf(tree(t, f.Store))); diff != "" {
		t.Helper()
		t.Errorf("the store (-want +got):\n%s", diff)
	}
}

func TestStore(t *testing.T) {
	server := apptest.ServeModules(t, modulesForFetch, map[string]string{"github.com/a/b@" + revA: info("v1.2.0")})
	f := newFetcher(t, "GOPROXY="+server.URL)
	find := f.Find
	b, old, upper := project("github.com/a/b", revA, ""), project("github.com/a/old", "", "v3.2.0+incompatible"), project("github.com/A/Upper", revA, "v1.0.0")
	fetch := func(downloads int, projects ...Project) Fetched {
		t.Helper()
		f.Find = find
		if downloads == 0 {
			f.Find = func() (toolchain.Go, error) {
				t.Error("a Go was asked for")
				return find()
			}
		}
		got, err := again(t, f, projects...)
		if err != nil || got.Downloads != downloads {
			t.Errorf("%d downloads, want %d, %v", got.Downloads, downloads, err)
		}
		if requests := server.Requests(); (len(requests) == 0) != (downloads == 0) {
			t.Errorf("%d downloads, requests: %v", downloads, requests)
		}
		return got
	}

	first := fetch(3, b, old, upper)
	wantStore(t, f, storedB, storedOld, storedUp)
	second := fetch(0, upper, b, old)
	unproven, err := second.Unproven(Manifest{Projects: []Project{upper, b, old}}, "")
	if diff := cmp.Diff(first.Modules(), second.Modules()); diff != "" || !slices.Equal(unproven, []string{"github.com/A/Upper v1.0.0"}) || err != nil {
		t.Errorf("unproven %v, %v\n%s", unproven, err, diff)
	}
	vendor := t.TempDir()
	if err := second.Vendor([]Project{upper, b, old}, vendor); err != nil || len(tree(t, vendor)) != 3 {
		t.Errorf("%v, %v", tree(t, vendor), err)
	}

	// What the lock names no more goes, and what comes is all that is fetched.
	fetch(0, b)
	wantStore(t, f, storedB)
	fetch(1, b, old)
	for _, request := range server.Requests() {
		t.Errorf("a request for what is there: %s", request)
	}
	wantStore(t, f, storedB, storedOld)
	b.Version = "v1.2.0"
	fetch(1, b)
	wantStore(t, f, storedB)
	fetch(0)
	wantStore(t, f)
}

func overwrite(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Nothing that happened to the store makes a build fail, or touch what lies outside of it.
func TestStoreDamaged(t *testing.T) {
	server := apptest.ServeModules(t, modulesForFetch, map[string]string{"github.com/a/b@" + revA: info("v1.2.0")})
	b, old := project("github.com/a/b", revA, ""), project("github.com/a/old", "", "v3.2.0+incompatible")
	b.Packages = nil // no package is looked for that would tell of a wrong directory
	replace := func(from, to string) func(t *testing.T, store string) {
		return func(t *testing.T, store string) {
			file := filepath.Join(store, indexFile)
			data, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(data), from) {
				t.Fatalf("no %s: %v\n%s", from, err, data)
			}
			overwrite(t, file, strings.ReplaceAll(string(data), from, to))
		}
	}
	remove := func(name string) func(t *testing.T, store string) {
		return func(t *testing.T, store string) {
			if err := os.RemoveAll(filepath.Join(store, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		damage    func(t *testing.T, store string)
		downloads int
	}{
		"nothing":                   {func(*testing.T, string) {}, 0},
		"something else lies in it": {func(t *testing.T, store string) { write(t, store, "-- x/y/z --\n-- github.com/a/x --\n-- w --\n") }, 0},
		"no index":                  {remove(indexFile), 2},
		"the index is a directory": {func(t *testing.T, store string) {
			remove(indexFile)(t, store)
			write(t, store, "-- "+indexFile+"/x --\n")
		}, 2},
		"the index is broken":        {replace(`"Root"`, `"Root`), 2},
		"the index is empty":         {func(t *testing.T, store string) { overwrite(t, filepath.Join(store, indexFile), "") }, 2},
		"the index is null":          {func(t *testing.T, store string) { overwrite(t, filepath.Join(store, indexFile), "null") }, 2},
		"entries without modules":    {replace(`"Modules"`, `"Others"`), 2},
		"a directory is missing":     {remove("github.com/a/b@v1.2.0"), 1},
		"all is gone":                {remove("."), 2},
		"a path leaves the store":    {replace(`"Path": "github.com/a/b"`, `"Path": "../outside"`), 1},
		"a version leaves the store": {replace(`"Version": "v1.2.0"`, `"Version": "v1/../../../../../outside@v1"`), 1},
		"a version leads elsewhere":  {replace(`"Version": "v1.2.0"`, `"Version": "v1.2.0/../b@v1.2.0"`), 1},
		"another root":               {replace(`"Root": "github.com/a/b"`, `"Root": "github.com/a"`), 1},
		"another root and prefix": {func(t *testing.T, store string) {
			replace(`"Root": "github.com/a/b"`, `"Root": "github.com/a"`)(t, store)
			replace(`"Prefix": "github.com/a/b"`, `"Prefix": "github.com/a"`)(t, store)
		}, 1},
		"another prefix":              {replace(`"Prefix": "github.com/a/b"`, `"Prefix": "github.com/a"`), 1},
		"a root with .. in its paths": {replace(`github.com/a/b"`, `github.com/a/../../../outside"`), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFetcher(t, "GOPROXY="+server.URL)
			outside := filepath.Join(filepath.Dir(f.Store), "outside@v1.2.0")
			write(t, outside, "-- b.go --\npackage mine\n")
			if _, err := again(t, f, b, old); err != nil {
				t.Fatal(err)
			}
			tt.damage(t, f.Store)
			got, err := again(t, f, b, old)
			if err != nil || got.Downloads != tt.downloads {
				t.Errorf("%d downloads, want %d, %v", got.Downloads, tt.downloads, err)
			}
			wantStore(t, f, storedB, storedOld)
			if diff := cmp.Diff(map[string]string{"b.go": "package mine\n"}, tree(t, outside)); diff != "" {
				t.Errorf("outside of the store:\n%s", diff)
			}
			if got, err := again(t, f, b, old); err != nil || got.Downloads != 0 {
				t.Errorf("after that: %d downloads, %v", got.Downloads, err)
			}
		})
	}
}

// Files of a directory that no index speaks for may be half of what they were.
func TestStoreReplacesWhatNobodyKnows(t *testing.T) {
	f := newFetcher(t, "GOPROXY="+apptest.Proxy(t, modulesForFetch))
	write(t, f.Store, "-- github.com/a/b@v1.2.0/half.go --\n")
	if _, err := f.Fetch([]Project{project("github.com/a/b", "", "v1.2.0")}); err != nil {
		t.Fatal(err)
	}
	wantStore(t, f, storedB)
}

// A build that fails leaves what the one before it stored.
func TestStoreAfterFailure(t *testing.T) {
	f := newFetcher(t, "GOPROXY="+apptest.Proxy(t, modulesForFetch))
	b, old := project("github.com/a/b", "", "v1.2.0"), project("github.com/a/old", "", "v3.2.0+incompatible")
	if _, err := again(t, f, b); err != nil {
		t.Fatal(err)
	}
	if _, err := again(t, f, b, old, project("github.com/a/none", "", "v1.0.0")); err == nil {
		t.Error("no error")
	}
	f.Env = append(f.Env, "GOPROXY=off")
	if got, err := again(t, f, b); err != nil || got.Downloads != 0 {
		t.Errorf("%d downloads, %v", got.Downloads, err)
	}
	wantStore(t, f, storedB)
}

// The second of two downloads of one module finds that the first one took it away.
func TestStoreTwice(t *testing.T) {
	f := Fetcher{Store: t.TempDir(), stored: map[string]bool{}}
	a := answer{Path: "github.com/a/b", Version: "v1.2.0", Dir: write(t, t.TempDir(), "-- b.go --\npackage b\n")}
	for range 2 {
		if err := f.store(&a); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]string{storedB: "package b\n"}, tree(t, f.Store)); diff != "" {
		t.Error(diff)
	}
}

func TestStoreCannotBeWritten(t *testing.T) {
	f := newFetcher(t, "GOPROXY="+apptest.Proxy(t, modulesForFetch))
	write(t, filepath.Dir(f.Store), "-- store --\na file\n")
	_, err := f.Fetch([]Project{project("github.com/a/b", "", "v1.2.0")})
	wantError(t, err, f.Store)
}
