package compile

import (
	"strings"
	"testing"
)

var targetErrorTests = []struct {
	name string
	app  app
	want []string
}{
	{"two programs of one name", app{files: `
-- go.mod --
module example.com/app
-- x/server/main.go --
` + hello + `
-- y/server/main.go --
` + hello}, []string{"./x/server and ./y/server", `"server"`, "BP_GO_TARGETS"}},
	{"the root and a command of one name", app{files: `
-- go.mod --
module example.com/app/v2
-- main.go --
` + hello + `
-- cmd/app/main.go --
` + hello}, []string{". and ./cmd/app", `"app"`}},
	{"named, but no main package", app{targets: []string{"./cmd/a", "./lib"}, files: twoCommands + `
-- lib/lib.go --
package lib
`}, []string{"BP_GO_TARGETS: ./lib is not a main package", "./lib (package lib)"}},
	{"a pattern of libraries", app{targets: []string{"lib/..."}, files: twoCommands + `
-- lib/lib.go --
package lib
-- lib/sub/sub.go --
package sub
`}, []string{"BP_GO_TARGETS: lib/... is not", "./lib (package lib), ./lib/sub (package sub)"}},
	{"a pattern of nothing", app{targets: []string{"./nothing/..."}, files: twoCommands + `
-- nothing/README --
`}, []string{"BP_GO_TARGETS: ./nothing/... matches no package"}},
	{"a file", app{targets: []string{"cmd/a/main.go"}, files: twoCommands}, []string{"cmd/a/main.go is a file", "./cmd/a"}},
	{"an absolute path elsewhere", app{targets: []string{"/somewhere/else"}, files: twoCommands}, []string{"/somewhere/else lies outside of the app"}},
	{"a path that leaves the app", app{targets: []string{"../other"}, files: twoCommands}, []string{"../other lies outside of the app"}},
	{"a flag", app{targets: []string{"-race"}, files: twoCommands}, []string{`"-race" is no package`, "BP_GO_BUILD_FLAGS"}},
	{"a directory that is not there", app{targets: []string{"cmd/nope"}, files: twoCommands}, []string{"cmd/nope is no directory of the app"}},
	{"a directory that is not there, with ./", app{targets: []string{"./cmd/nope"}, files: twoCommands}, []string{"BP_GO_TARGETS: the app has no directory ./cmd/nope"}},
	{"only libraries", app{files: `
-- go.mod --
module example.com/app
-- doc.go --
package app
-- lib/lib.go --
package lib
`}, []string{"no main package found in ./...", ". (package app), ./lib (package lib)", "BP_GO_WORKDIR"}},
	{"only a script", app{files: `
-- go.mod --
module example.com/app
-- gen.go --
//go:build ignore

` + hello}, []string{"no main package found in ./..."}},
	{"no Go files", app{files: "-- go.mod --\nmodule example.com/app\n"}, []string{"no main package found in ./..."}},
	{"a workspace of libraries", app{files: `
-- go.work --
go 1.22
use ./lib
-- lib/go.mod --
module example.com/lib
-- lib/lib.go --
package lib
`}, []string{"no main package found in ./lib/...", "./lib (package lib)"}},
}

func TestTargetErrors(t *testing.T) {
	for _, tt := range targetErrorTests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := tt.app.build(t)
			if b.err == nil {
				t.Fatalf("built %q", b.programs)
			}
			for _, want := range tt.want {
				if !strings.Contains(b.err.Error(), want) {
					t.Errorf("%q is missing in the error:\n%v\n%s", want, b.err, b.log)
				}
			}
		})
	}
}
