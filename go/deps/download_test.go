package deps

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

const proxy = `
-- example.org/dep@v1.0.0/go.mod --
module example.org/dep
require example.net/deep v0.1.0
-- example.org/dep@v1.0.0/dep.go --
package dep
-- example.net/deep@v0.1.0/go.mod --
module example.net/deep
-- example.net/deep@v0.1.0/deep.go --
package deep
`

func TestDownload(t *testing.T) {
	top := write(t, t.TempDir(), `
-- go.mod --
module example.com/app

go 1.12

require (
	example.org/dep v1.0.0
	example.org/local v0.0.0
)

replace example.org/local => ./local
-- local/go.mod --
module example.org/local
-- main.go --
package main

import _ "example.org/dep"

func main() {}
`)
	app, err := LoadModules(top, top, "")
	if err != nil {
		t.Fatal(err)
	}
	before := tree(t, top)
	env := apptest.Env(t, "GOPROXY="+apptest.Proxy(t, proxy), "GOFLAGS=-v")
	n, err := app.Download(apptest.Go(t), env, t.TempDir())
	if err != nil || n != 2 {
		t.Errorf("%d modules, %v", n, err)
	}
	if diff := cmp.Diff(before, tree(t, top)); diff != "" {
		t.Errorf("the app was changed:\n%s", diff)
	}
	for _, dir := range []string{"example.org/dep@v1.0.0", "example.net/deep@v0.1.0"} {
		if !isDir(filepath.Join(apptest.Lookup(env, "GOPATH"), "pkg", "mod", dir)) {
			t.Errorf("%s is not in the cache", dir)
		}
	}
	for proxy, want := range map[string]string{"off": "module lookup disabled by GOPROXY=off", apptest.Proxy(t, strings.Split(proxy, "-- example.net")[0]): "example.net/deep"} {
		_, err := app.Download(apptest.Go(t), apptest.Env(t, "GOPROXY="+proxy), t.TempDir())
		if err == nil || !strings.HasPrefix(err.Error(), "the modules of go.mod cannot be downloaded: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("GOPROXY=%s: %v", proxy, err)
		}
	}
}

func TestCountDownloads(t *testing.T) {
	for _, tt := range []struct {
		out string
		n   int
		err string
	}{
		{"", 0, ""},
		{`{"Path": "a", "Version": "v1"}` + "\n" + `{"Path": "b", "Version": "v2"}`, 2, ""},
		{`{"Path": "a", "Version": "v1", "Error": "gone"} {"Path": "b"} {"Path": "c", "Version": "v3", "Error": "lost"}`, 3, "a@v1: gone\nc@v3: lost"},
		{`{"Path": "a"} oops`, 0, "invalid character"},
		{`{"Path": "a"`, 0, "unexpected EOF"},
	} {
		n, err := countDownloads(strings.NewReader(tt.out))
		if n != tt.n || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %d, %v", tt.out, n, err)
		}
	}
}
