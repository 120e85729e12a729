package compile

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

func answer(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	return server.URL
}

const sums = `
-- go.sum --
example.org/dep v1.0.0 h1:oY5xog4EPgBVlGlATpw1dvk13rYAhypa1vtIaWKIaVQ=
example.org/dep v1.0.0/go.mod h1:E/xDGjjrv/pbLNehUr22wHx7A0YRpdcSdlcwEOyT8/A=
`

// TestExplanations provokes what the go command complains of most often.
func TestExplanations(t *testing.T) {
	v := apptest.Go(t).Version.String()
	for _, tt := range []struct {
		name string
		app  app
		// server starts a proxy and returns its URL.
		server func(t *testing.T) string
		advice string
	}{
		{"a workspace older than its module", app{files: `
-- go.work --
go 1.22
use ./lib
-- lib/go.mod --
module example.com/lib
go 1.24.1
-- lib/main.go --
` + hello}, nil, `go.work lists go 1.22, but its module lib needs go 1.24.1: run "go work use" and commit go.work`},
		{"go.mod wants a newer Go", app{files: "-- go.mod --\nmodule example.com/app\ngo 1.99.1\n-- main.go --\n" + hello}, nil,
			"go.mod needs Go 1.99.1 or newer, but Go " + v + " was chosen: change what asks for Go " + v + ", or the go line of go.mod"},
		{"go.work wants a newer Go", app{files: "-- go.work --\ngo 1.99\nuse .\n-- go.mod --\nmodule example.com/app\n-- main.go --\n" + hello}, nil,
			"go.work needs Go 1.99 or newer, but Go " + v + " was chosen"},
		{"a dependency wants a newer Go", app{files: needsDep, settings: Settings{GoFlags: "-mod=mod"}, proxy: strings.Replace(depProxy, "go 1.20", "go 1.99", 1)}, nil,
			"the dependency example.org/dep@v1.0.0 needs Go 1.99 or newer, but Go " + v + ` builds this app: raise the go line in go.mod to 1.99 ("go get go@1.99"), or use an older version of the dependency`},
		{"a dependency of a dependency wants a newer Go", app{files: needsDep, settings: Settings{GoFlags: "-mod=mod"}, proxy: strings.Replace(depProxy, "go 1.20", "go 1.20\nrequire example.net/deep v0.1.0", 1) + `
-- example.org/dep@v1.0.0/deep.go --
package dep

import _ "example.net/deep"
-- example.net/deep@v0.1.0/go.mod --
module example.net/deep
go 1.99
-- example.net/deep@v0.1.0/deep.go --
package deep
`}, nil, "the dependency example.net/deep@v0.1.0 needs Go 1.99 or newer"},
		{"no go.sum", app{files: needsDep, proxy: depProxy}, nil,
			`go.mod and go.sum do not cover what the app imports: run "go mod tidy" and commit both files`},
		{"a module is missing in go.mod", app{files: strings.Replace(needsDep, "require example.org/dep v1.0.0", "", 1)}, nil,
			`go.mod names no module with the package example.org/dep: run "go mod tidy" and commit go.mod and go.sum`},
		{"inconsistent vendoring", app{files: strings.Replace(vendored, "# example.org/dep v1.0.0", "# example.org/dep v1.0.1", 1)}, nil,
			`vendor/ was not written for this go.mod: run "go mod vendor"`},
		{"vendor/ lacks a package", app{files: vendored + "-- more.go --\npackage main\n\nimport _ \"example.org/dep/more\"\n"}, nil,
			`vendor/ lacks the package example.org/dep/more: run "go mod vendor" and commit vendor/`},
		{"another content than in go.sum", app{files: needsDep + sums, proxy: depProxy}, nil, "a module is not what go.sum says it was"},
		{"GOPROXY=off", app{files: needsDep + sums}, nil, "GOPROXY=off forbids downloads: commit vendor/"},
		{"a workspace that does not use the directory", app{targets: []string{"."}, files: `
-- go.work --
go 1.22
use ./lib
-- go.mod --
module example.com/app
-- main.go --
` + hello + `
-- lib/go.mod --
module example.com/lib
`}, nil, `go.work does not use the directory that is built: run "go work use DIR"`},
		{"403", app{files: needsDep + sums}, func(t *testing.T) string { return answer(t, http.StatusForbidden) },
			"a module's server wants credentials that the build does not have"},
		{"401", app{files: needsDep + sums}, func(t *testing.T) string { return answer(t, http.StatusUnauthorized) },
			"a module's server wants credentials that the build does not have"},
		{"404", app{files: needsDep + sums}, func(t *testing.T) string { return answer(t, http.StatusNotFound) },
			"a module or version does not exist where it was looked for"},
		{"a server that is down", app{files: needsDep + sums}, func(t *testing.T) string {
			server := httptest.NewServer(nil)
			server.Close()
			return server.URL
		}, "a module's server could not be reached: check the network of the build and GOPROXY"},
		{"a certificate of nobody", app{files: needsDep + sums}, func(t *testing.T) string {
			server := httptest.NewUnstartedServer(nil)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			t.Cleanup(server.Close)
			return server.URL
		}, "a server's certificate is not trusted in the build"},
		{"a name without a dot", app{files: rootAndCommand + "-- more.go --\npackage main\n\nimport _ \"nowhere/lib\"\n"}, nil,
			"nowhere/lib is no directory of the app and no package of the standard library"},
		{"broken code: the compiler says it all", app{files: rootAndCommand + "-- more.go --\npackage main\n\nvar x int = \"text\"\n"}, nil, ""},
		{"a syntax error", app{files: rootAndCommand + "-- more.go --\npackage main\n\nvar x = = 1\n"}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.server != nil {
				tt.app.env = []string{"GOPROXY=" + tt.server(t)}
			}
			b := tt.app.build(t)
			var explained *Error
			if !errors.As(b.err, &explained) {
				t.Fatalf("error %v\n%s", b.err, b.log)
			}
			if !strings.HasPrefix(explained.Advice, tt.advice) || tt.advice == "" && explained.Advice != "" {
				t.Errorf("advice\n%s, want\n%s\nof\n%s", explained.Advice, tt.advice, b.log)
			}
			if tt.advice == "" && !strings.Contains(b.log, "more.go:3:") {
				t.Errorf("the compiler's message is lost:\n%s", b.log)
			}
			if strings.TrimSpace(b.log) == "" {
				t.Error("the go command's own text is not shown")
			}
		})
	}
}

// TestExplanationsOfOthers are texts of old Go versions and of git, as they were seen.
func TestExplanationsOfOthers(t *testing.T) {
	for text, advice := range map[string]string{
		"./main.go:3:8: undefined: slices\nnote: module requires Go 1.21\n":                                           "a module needs Go 1.21 or newer, but Go 1.20.14 builds this app: ask for a newer Go",
		"go: errors parsing go.mod:\n/app/go.mod:3: invalid go version '1.21.0': must match format 1.23\n":            "the go line says 1.21.0, a form that Go 1.20.14 does not read",
		"go: errors parsing go.mod:\n/app/go.mod:5: unknown directive: toolchain\n":                                   "the toolchain line is not known to Go 1.20.14",
		"go: updates to go.mod needed; to update it:\n\tgo mod tidy\n":                                                "go.mod and go.sum do not cover what the app imports",
		"fatal: could not read Username for 'https://git.example.com': terminal prompts disabled\n":                   "a module's server wants credentials",
		"git@git.example.com: Permission denied (publickey).\n":                                                       "a module's server wants credentials",
		"go: example.org/x@v1.2.3: invalid version: unknown revision v1.2.3\n":                                        "a module or version does not exist",
		"main.go:3:8: cannot find package \"example.org/x\" in any of:\n\t/go/src/example.org/x (from $GOROOT)\n":     "the package example.org/x is not there: add a go.mod",
		"main.go:3:8: package nowhere is not in GOROOT (/go/src/nowhere)\n":                                           "nowhere is no directory of the app",
		"go build example.com/app: copying: write /out: no space left on device\n":                                    "the disk of the build is full",
		"go: example.org/x@v1.0.0 requires go >= 1.25.0 (running go 1.24.3; GOTOOLCHAIN=local)\n":                     "the dependency example.org/x@v1.0.0 needs Go 1.25.0 or newer",
		"go: module ./svc listed in go.work requires go >= 1.25.0, but go.work lists go 1.24; to update it:\n":        "go.work lists go 1.24, but its module svc needs go 1.25.0",
		"main.go:4:2: no required module provides package example.org/x; to add it:\n\tgo get example.org/x\n":        "go.mod names no module with the package example.org/x:",
		"cannot find module providing package example.org/x: import lookup disabled by -mod=vendor\n":                 "vendor/ lacks the package example.org/x:",
		"go: inconsistent vendoring in /app:\n\texample.org/x@v1: is explicitly required in go.mod, but not marked\n": "vendor/ was not written for this go.mod",
		"./main.go:3:2: undefined: x\n": "",
	} {
		j := Job{Go: toolchain.Go{Version: toolchain.MustParseVersion("1.20.14")}}
		failed := errors.New("exit status 1")
		got := j.explain(failed, text)
		if !strings.HasPrefix(got.Advice, advice) || advice == "" && got.Advice != "" {
			t.Errorf("%s: advice %q, want %q", text, got.Advice, advice)
		}
		if !errors.Is(got, failed) || !strings.HasPrefix(got.Error(), "exit status 1") || strings.HasSuffix(got.Error(), "\n") {
			t.Errorf("error %q", got.Error())
		}
	}
}
