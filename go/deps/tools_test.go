package deps

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

func TestParseTool(t *testing.T) {
	for text, want := range map[string]AdditionalTool{
		"github.com/a/tool":                    {Package: "github.com/a/tool", Version: "latest", Name: "tool"},
		"\tgithub.com/a/tool@v1.2.3\n":         {Package: "github.com/a/tool", Version: "v1.2.3", Name: "tool"},
		"github.com/a/tool@" + revA:            {Package: "github.com/a/tool", Version: revA, Name: "tool"},
		"github.com/a/tool@":                   {Package: "github.com/a/tool", Version: "latest", Name: "tool"},
		"github.com/a/tool/v2":                 {Package: "github.com/a/tool/v2", Version: "latest", Name: "tool"},
		"github.com/a/tool/cmd/x@v2.0.0":       {Package: "github.com/a/tool/cmd/x", Version: "v2.0.0", Name: "x"},
		"gopkg.in/a/tool.v1":                   {Package: "gopkg.in/a/tool.v1", Version: "latest", Name: "tool"},
		"github.com/golang-migrate/migrate":    {Package: "github.com/golang-migrate/migrate/cli", Version: "v3.4.0", Name: "migrate", Tags: migrateTags},
		"github.com/mattes/migrate":            {Package: "github.com/mattes/migrate/cli", Version: "v3.0.1", Name: "migrate", Tags: migrateTags},
		"github.com/mattes/migrate@v3.0.0":     {Package: "github.com/mattes/migrate/cli", Version: "v3.0.0", Name: "migrate", Tags: migrateTags},
		"github.com/golang-migrate/migrate@v4": {Package: "github.com/golang-migrate/migrate/v4/cmd/migrate", Version: "v4", Name: "migrate", Tags: migrateTags},
		"github.com/golang-migrate/migrate@v4.17.1": {
			Package: "github.com/golang-migrate/migrate/v4/cmd/migrate", Version: "v4.17.1", Name: "migrate", Tags: migrateTags},
	} {
		got, err := ParseTool(text)
		want.Text = text
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for text, want := range map[string]string{
		"":                           "write PATH or PATH@VERSION",
		"two words":                  "write PATH or PATH@VERSION",
		"../tool":                    "write PATH or PATH@VERSION",
		"-x":                         "write PATH or PATH@VERSION",
		"github.com/a/tool@a b":      `"a b" is no version`,
		"github.com/a/tool@-x":       `"-x" is no version`,
		"github.com/a/tool@../x":     `"../x" is no version`,
		"github.com/a/tool@a/b":      `"a/b" is no version`,
		"github.com/a/tool@v1@v2":    `"v1@v2" is no version`,
		"https://github.com/a/tool":  "write PATH or PATH@VERSION",
		"github.com/a/tool@>=v1.0.0": `">=v1.0.0" is no version`,
	} {
		if _, err := ParseTool(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// The programs print by built-in functions, so that little of the standard library has to be compiled.
const tools = `
-- example.org/tool@v1.0.0/go.mod --
module example.org/tool
go 1.20
require example.org/word v1.0.0
-- example.org/tool@v1.0.0/main.go --
package main

import "example.org/word"

func main() { print("tool ", word.Word) }
-- example.org/tool@v1.0.0/sub/cli/main.go --
package main

func main() { print("cli") }
-- example.org/tool@v1.0.0/lib/lib.go --
package lib
-- example.org/tool@v1.0.0/broken/main.go --
package main

func main() { undefined() }
-- example.org/word@v1.0.0/go.mod --
module example.org/word
-- example.org/word@v1.0.0/word.go --
package word

const Word = "word"
-- github.com/mattes/migrate@v3.0.1+incompatible/migrate.go --
package migrate
-- github.com/mattes/migrate@v3.0.1+incompatible/cli/main.go --
package main

func main() { print("migrate", database) }
-- github.com/mattes/migrate@v3.0.1+incompatible/cli/postgres.go --
// +build postgres

package main

const database = " postgres"
-- github.com/mattes/migrate@v3.0.1+incompatible/cli/other.go --
// +build spanner

package main

import _ "example.org/not/there"
`

func TestBuildTool(t *testing.T) {
	server := apptest.ServeModules(t, tools, map[string]string{"github.com/mattes/migrate@v3.0.1": info("v3.0.1+incompatible")})
	env, scratch := apptest.Env(t, "GOPROXY="+server.URL, "GO111MODULE=off"), t.TempDir()
	for _, tt := range []struct {
		text, says string
		err        []string
	}{
		{"example.org/tool@v1.0.0", "tool word", nil},
		{"example.org/tool", "tool word", nil},
		{"example.org/tool/sub/cli", "cli", nil},
		{"github.com/mattes/migrate", "migrate postgres", nil},
		{"example.org/tool/lib", "", []string{"additional tool example.org/tool/lib: example.org/tool/lib is package lib and not a program: name the program's main package"}},
		{"example.org/tool/broken@v1.0.0", "", []string{"additional tool example.org/tool/broken@v1.0.0 cannot be built (go build: ", "undefined: undefined",
			"\nRemove it there, and install it in the hook bin/go-pre-compile: go install example.org/tool/broken@v1.0.0"}},
		{"example.org/none@v1.0.0", "", []string{"additional tool example.org/none@v1.0.0 cannot be built (go get: ", "example.org/none/@v/v1.0.0.info: 404 Not Found",
			"\nRemove it there, and install it in the hook bin/go-pre-compile: go install example.org/none@v1.0.0"}},
	} {
		tool, err := ParseTool(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "program")
		err = tool.Build(apptest.Go(t), env, scratch, file)
		if tt.err != nil {
			wantError(t, err, tt.err...)
			if _, err := os.Stat(file); err == nil {
				t.Errorf("%s: there is a file", tt.text)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if out, err := exec.CommandContext(t.Context(), file).CombinedOutput(); string(out) != tt.says || err != nil {
			t.Errorf("%s says %q, %v", tt.text, out, err)
		}
		for _, request := range server.Requests() {
			if strings.Contains(request, "not/there") {
				t.Errorf("%s: asked for a module that only other build tags import: %s", tt.text, request)
			}
		}
	}
}
