package deps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

func TestMakeModule(t *testing.T) {
	const app = "-- main.go --\npackage main\n\nimport _ \"example.com/app/lib\"\n\nfunc main() {}\n-- lib/lib.go --\npackage lib\n"
	const more = "-- cmd/x/main.go --\npackage main\n\nimport _ \"example.org/dep\"\n\nfunc main() {}\n"
	const newer = "-- example.org/dep@v1.1.0/go.mod --\nmodule example.org/dep\n-- example.org/dep@v1.1.0/dep.go --\npackage dep\n"
	server := apptest.ServeModules(t, proxy+newer, nil)
	for _, tt := range []struct {
		name, files, version string
		goMod, goSum, err    []string
	}{
		{"nothing of others", app, "1.10.3", []string{"module example.com/app\n", "\ngo 1.10\n"}, nil, nil},
		{"something of others", app + more, "1.26.1", []string{"\ngo 1.26\n", "example.org/dep v1.1.0"}, []string{"example.org/dep v1.1.0 h1:", "example.org/dep v1.1.0/go.mod h1:"}, nil},
		{"an older line of Go", app + more, "1.12", []string{"\ngo 1.12\n", "example.org/dep v1.1.0"}, []string{"example.org/dep v1.1.0 h1:"}, nil},
		{"something that nobody has", "-- main.go --\npackage main\n\nimport _ \"example.org/none\"\n", "1.20", nil, nil,
			[]string{"the app cannot be made a module (go get ./...): ", "cannot find module providing package example.org/none", "\nCommit go.mod and go.sum, or the packages below vendor/"}},
		{"a module already", app + "-- go.mod --\nmodule x\n", "1.20", nil, nil, []string{"the app cannot be made a module (go mod init): ", "go.mod already exists"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, t.TempDir(), tt.files)
			made := MadeModule{apptest.Go(t), apptest.Env(t, "GOPROXY="+server.URL, "GO111MODULE=off"), dir}
			err := made.Init("example.com/app", toolchain.MustParseVersion(tt.version))
			if err == nil {
				err = made.GetLatest()
			}
			if tt.err != nil {
				wantError(t, err, tt.err...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, parts := range map[string][]string{"go.mod": tt.goMod, "go.sum": tt.goSum} {
				content, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil && parts != nil {
					t.Error(err)
				}
				for _, part := range parts {
					if !strings.Contains(string(content), part) {
						t.Errorf("%s lacks %q:\n%s", name, part, content)
					}
				}
			}
		})
	}
}
