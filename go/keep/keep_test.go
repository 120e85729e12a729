package keep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// leaveOutTest is an app before and after: app is a txtar archive, left the
// listing of what stays, separated by spaces, removed what the log says.
type leaveOutTest struct {
	name    string
	options Options
	// keep is BP_KEEP_FILES, workDir the directory that is built, from the app's root.
	keep, workDir string
	app           string
	left          string
	removed       string
	notices       []string
}

var sourceTests = []leaveOutTest{
	{name: "nothing at all"},
	{
		name: "Go files anywhere",
		app: "-- main.go --\n1\n-- internal/db/db.go --\n22\n-- internal/db/db_test.go --\n-- static/snippet.go --\n-- .go --\n-- gopher --\n" +
			"-- x.go.tmpl --\n-- Y.GO --\n",
		left:    "Y.GO gopher x.go.tmpl",
		removed: "5 Go files (5 B)",
	},
	{
		name:    "a directory called like a Go file is none, links called so are",
		app:     "-- static/highlight.go/index.html --\n-- static/highlight.go/x.go --\n-- a.go --\n-> static\n-- cmd/b.go --\n-> nowhere\n",
		left:    "static/highlight.go/index.html",
		removed: "3 Go files",
	},
	{
		name: "everything else stays",
		app: "-- Procfile --\nweb: x\n-- templates/a.html --\n-- migrations/1.sql --\n-- config.yml --\n-- assets/app.wasm --\n-- embedded.txt --\n" +
			"-- .env --\n-- .gitignore --\n-- .github/x.yml --\n-- Dockerfile --\n-- go.yaml --\n-- .go-version --\n-- asm_amd64.s --\n-- main.go --\n",
		left: ".env .github/x.yml .gitignore .go-version Dockerfile Procfile asm_amd64.s assets/app.wasm config.yml embedded.txt go.yaml " +
			"migrations/1.sql templates/a.html",
		removed: "1 Go file",
	},
	{
		name: "modules and workspaces, nested ones too",
		app: "-- go.mod --\n-- go.sum --\n-- go.work --\n-- go.work.sum --\n-- svc/go.mod --\n-- svc/go.sum --\n-- svc/main.go --\n-- web/go.mod --\n" +
			"-- web/index.html --\n-- docs/go.mod/index.html --\n-- go.mod.bak --\n",
		left:    "docs/go.mod/index.html go.mod.bak web/index.html",
		removed: "1 Go file, 3 go.mod, 2 go.sum, go.work, go.work.sum",
	},
	{
		name: "node_modules stays as it is",
		app: "-- go.mod --\n-- web/node_modules/p/x.go --\n-- web/node_modules/p/go.mod --\n-- web/node_modules/p/vendor/modules.txt --\n" +
			"-- web/node_modules/p/testdata/x --\n-- node_modules/q/lib.go --\n-- web/x.go --\n",
		left: "node_modules/q/lib.go web/node_modules/p/go.mod web/node_modules/p/testdata/x web/node_modules/p/vendor/modules.txt " +
			"web/node_modules/p/x.go",
		removed: "1 Go file, go.mod",
	},
	{
		name: "bin stays as it is", // "What a hook installs into bin/ stays in the image"
		app: "-- bin/web --\n-> /layers/scalingo_go/bin/bin/web\n-- bin/x.go --\n-> /layers/scalingo_go/bin/bin/x.go\n-- bin/go-pre-compile --\n" +
			"-- bin/gen/main.go --\n-- web/bin/main.go --\n-- web/bin/run --\n",
		left: "bin/gen/main.go bin/go-pre-compile bin/web -> /layers/scalingo_go/bin/bin/web " +
			"bin/x.go -> /layers/scalingo_go/bin/bin/x.go web/bin/run",
		removed: "1 Go file",
	},
	{
		name: "bin of the directory that is built stays too, and with it the directory", workDir: "services/api",
		app:     "-- services/api/main.go --\n-- services/api/bin/x.go --\n-- services/api/glide.lock --\n-- services/web/main.go --\n",
		left:    "services/api/bin/x.go",
		removed: "2 Go files, glide.lock",
	},
	{
		name: "the directory that is built stays, programs start there", workDir: "services/api",
		app: "-- services/api/main.go --\n-- services/web/main.go --\n", left: "services/api/", removed: "2 Go files",
	},
	{
		name: "testdata beside Go files",
		app: "-- a/a_test.go --\n-- a/testdata/golden.txt --\n-- a/testdata/.hidden/x.png --\n-- js/testdata/x.json --\n-- js/index.js --\n" +
			"-- b/x.go --\n-- b/testdata --\n-> ../js/testdata\n-- c/x.go --\n-- c/testdata --\na file\n-- a/b/testdata/x --\n",
		left:    "a/b/testdata/x c/testdata js/index.js js/testdata/x.json",
		removed: "3 Go files, 2 testdata/",
	},
	{
		name: "old tools in the root",
		app: "-- Godeps/Godeps.json --\n-- Godeps/_workspace/src/x/x.go --\n-- Godeps/Readme --\n-- Gopkg.toml --\n-- Gopkg.lock --\n" +
			"-- glide.yaml --\n-- glide.lock --\n" +
			"-- .godir --\n-- sub/Godeps/x --\n-- sub/Gopkg.toml --\n-- sub/glide.yaml --\n-- sub/.godir --\n-- Gopkg/x --\n-- glide/x.css --\n",
		left:    "Gopkg/x glide/x.css sub/.godir sub/Godeps/x sub/Gopkg.toml sub/glide.yaml",
		removed: ".godir, Godeps/, Gopkg.lock, Gopkg.toml, glide.lock, glide.yaml",
	},
	{
		name: "directories left empty go, empty ones stay",
		app: "-- a/b/c/x.go --\n-- a/b/d/y.go --\n-- uploads/ --\n-- tmp/.gitkeep --\n-- e/x.go --\n-- e/cache/ --\n-- deep/empty/ --\n" +
			"-- e2/testdata/x --\n-- e2/x_test.go --\n",
		left: "deep/empty/ e/cache/ tmp/.gitkeep uploads/", removed: "4 Go files, testdata/",
	},
	{
		name: "git",
		app: "-- .git/config --\n-- .git/x.go --\n-- sub/.git --\ngitdir: ../.git/modules/sub\n-- sub/a --\n-- node_modules/m/.git/config --\n" +
			"-- bin/t/.git/config --\n" +
			"-- bin/t/x --\n-- l/.git --\n-> ../sub\n-- .gitmodules --\n-- x.git/config --\n-- git/main.go --\n-- git/.git/config --\n",
		left: ".gitmodules bin/t/x l/ node_modules/m/ sub/a x.git/config", removed: "1 Go file, 6 .git",
	},
	{
		name: "links are not followed",
		app: "-- out --\n-> OUTSIDE\n-- out.go --\n-> OUTSIDE/file\n-- testdata --\n-> OUTSIDE\n-- x.go --\n" +
			"-- vendor --\n-> OUTSIDE\n-- loop --\n-> .\n",
		left:    "loop -> . out -> OUTSIDE vendor -> OUTSIDE",
		removed: "2 Go files, testdata/",
	},
	{
		name: "links that lead nowhere now",
		app: "-- gen/x.go --\n-- a --\n-> gen\n-- b --\n-> gen/x.go\n-- c/d --\n-> ../gen/nothing/below\n-- e --\n-> static\n-- f --\n-> nowhere\n" +
			"-- g --\n-> APP/gen\n-- h --\n-> ../gen\n-- static/s --\n-- i j --\n-> gen\n-- k --\n-> gen\n-- l --\n-> gen\n",
		left: "a -> gen b -> gen/x.go c/d -> ../gen/nothing/below e -> static f -> nowhere g -> APP/gen h -> ../gen i j -> gen k -> gen " +
			"l -> gen static/s",
		removed: "1 Go file",
		notices: []string{
			"a is a link to gen, which is not in the image", "b is a link to gen/x.go, which is not in the image",
			"c/d is a link to ../gen/nothing/below, which is not in the image",
			"g is a link to APP/gen, which is not in the image", `"i j" is a link to gen, which is not in the image`, "2 more links lead to what is " +
				"not in the image",
		},
	},
	{
		name:    "odd names",
		app:     "-- a b/-rf.go --\n-- a b/x y.txt --\n-- *.go --\n-- ünï/[x].go --\n-- -x --\n-- \\.go --\n",
		left:    "-x a b/x y.txt",
		removed: "4 Go files",
	},
}

var vendorTests = []leaveOutTest{
	{
		name: "of a module",
		app: "-- go.mod --\n-- vendor/modules.txt --\n-- vendor/github.com/a/b/b.go --\n-- vendor/github.com/a/b/LICENSE --\n" +
			"-- vendor/github.com/a/b/c.h --\n",
		removed: "go.mod, vendor/",
	},
	{name: "of a module without dependencies", app: "-- go.mod --\n-- vendor/modules.txt --\n", removed: "go.mod, vendor/"},
	{
		name:    "of a nested module and of a workspace",
		app:     "-- go.work --\n-- vendor/modules.txt --\n-- svc/go.mod --\n-- svc/vendor/x/x.go --\n-- svc/vendor/x/LICENSE --\n",
		removed: "go.mod, go.work, 2 vendor/",
	},
	{name: "of govendor", app: "-- vendor/vendor.json --\n-- vendor/a.com/b/README --\n-- main.go --\n", removed: "1 Go file, vendor/"},
	{name: "of dep", app: "-- Gopkg.lock --\n-- vendor/a.com/b/README --\n", removed: "Gopkg.lock, vendor/"},
	{name: "of glide", app: "-- glide.lock --\n-- vendor/a.com/b/README --\n", removed: "glide.lock, vendor/"},
	{name: "of godep", app: "-- Godeps/Godeps.json --\n-- vendor/a.com/b/README --\n", removed: "Godeps/, vendor/"},
	{name: "of gb", app: "-- src/x/main.go --\n-- vendor/manifest --\n-- vendor/src/a.com/b/b.go --\n" +
		"-- vendor/src/a.com/README --\n", removed: "1 Go file, vendor/"},
	{name: "of no tool", app: "-- main.go --\n-- vendor/a/b/b.go --\n-- vendor/a/b/LICENSE --\n", removed: "1 Go file, vendor/"},
	{
		name: "of the directory that is built", workDir: "svc",
		app: "-- svc/main.go --\n-- svc/vendor/a.com/b/b.go --\n-- svc/vendor/a.com/b/LICENSE --\n-- web/vendor/a.com/x.go --\n" +
			"-- web/vendor/a.com/LICENSE --\n",
		left: "svc/ web/vendor/a.com/LICENSE", removed: "2 Go files, vendor/",
	},
	{name: "of assets, not in a root", app: "-- go.mod --\n-- public/vendor/jquery.js --\n" +
		"-- public/vendor/modules.txt --\n", left: "public/vendor/jquery.js public/vendor/modules.txt", removed: "go.mod"},
	{name: "of assets, in the root", app: "-- go.mod --\n-- vendor/jquery.js --\n" +
		"-- vendor/css/x.css --\n", left: "vendor/css/x.css vendor/jquery.js", removed: "go.mod"},
	{
		name: "of PHP", app: "-- go.mod --\n-- vendor/autoload.php --\n-- vendor/composer/x.php --\n-- vendor/acme/p/tests/f.go --\n" +
			"-- vendor/acme/p/p.php --\n",
		left: "vendor/acme/p/p.php vendor/autoload.php vendor/composer/x.php", removed: "1 Go file, go.mod",
	},
	{
		name: "of Ruby", app: "-- go.mod --\n-- vendor/bundle/ruby/3.3.0/gems/x/x.rb --\n-- vendor/bundle/ruby/3.3.0/gems/x/x.go --\n" +
			"-- vendor/cache/x.gem --\n-- vendor/x.css --\n",
		left: "vendor/bundle/ruby/3.3.0/gems/x/x.rb vendor/cache/x.gem vendor/x.css", removed: "1 Go file, go.mod",
	},
	{
		name: "of Go and Ruby",
		app: "-- go.mod --\n-- vendor/modules.txt --\n-- vendor/a.com/x/README --\n-- vendor/local/x.go --\n-- vendor/local/LICENSE --\n" +
			"-- vendor/bundle/ruby/x.rb --\n-- vendor/bundle/ruby/x.go --\n-- vendor/assets/x.js --\n",
		left: "vendor/assets/x.js vendor/bundle/ruby/x.rb", removed: "1 Go file, go.mod, vendor/a.com/, vendor/local/, vendor/modules.txt",
	},
	{
		name: "a link to another one",
		app:  "-- go.mod --\n-- vendor/modules.txt --\n-- svc/go.mod --\n-- svc/vendor --\n-> ../vendor\n-- svc/index.html --\n",
		left: "svc/index.html", removed: "2 go.mod, 2 vendor/",
	},
	{
		name: "a link to assets", app: "-- go.mod --\n-- vendor --\n-> static\n-- static/x.js --\n", left: "static/x.js vendor -> static",
		removed: "go.mod",
	},
	{
		name: "a link out of the app by an absolute path", app: "-- go.mod --\n-- vendor --\n-> /lib\n-- lib/modules.txt --\n",
		left: "lib/modules.txt vendor -> /lib", removed: "go.mod",
	},
	{name: "a file", app: "-- go.mod --\n-- vendor --\n", left: "vendor", removed: "go.mod"},
}

var optionTests = []leaveOutTest{
	{
		name: "all source stays", options: Options{KeepSource: true},
		app: "-- main.go --\n-- go.mod --\n-- vendor/modules.txt --\n-- .git/config --\n-- sub/.git --\n-- a/testdata/x --\n-- a/a.go --\n" +
			"-- b --\n-> .git/config\n",
		left: "a/a.go a/testdata/x b -> .git/config go.mod main.go sub/ vendor/modules.txt", removed: "2 .git",
		notices: []string{"b is a link to .git/config, which is not in the image"},
	},
	{
		name: "all source stays, whatever patterns say", options: Options{KeepSource: true}, keep: "static",
		app: "-- main.go --\n", left: "main.go", notices: []string{"BP_KEEP_FILES is not used: with BP_GO_KEEP_SOURCE everything stays"},
	},
	{name: "no patterns in the value", keep: " : ", app: "-- main.go --\n-- x --\n", left: "x", removed: "1 Go file"},
}

func TestLeaveOut(t *testing.T) {
	for group, tests := range map[string][]leaveOutTest{"source": sourceTests, "vendor": vendorTests, "options": optionTests, "patterns": keepTests} {
		for _, tt := range tests {
			t.Run(group+"/"+tt.name, func(t *testing.T) { tt.run(t) })
		}
	}
}

func (tt leaveOutTest) run(t *testing.T) {
	outside := t.TempDir()
	place(t, outside, "-- .git/config --\n-- file --\n-- modules.txt --\n-- x.go --\n")
	before := listing(t, outside)
	app := t.TempDir()
	names := strings.NewReplacer("OUTSIDE", outside, "APP", app)
	place(t, app, names.Replace(tt.app))
	options := tt.options
	var err error
	if options.Keep, err = ParsePatterns(tt.keep); err != nil {
		t.Fatal(err)
	}
	if tt.workDir != "" {
		options.WorkDir = filepath.Join(app, tt.workDir)
	}
	report, err := LeaveOut(app, options)
	if err != nil {
		t.Fatal(err)
	}
	if left := strings.TrimSpace(strings.ReplaceAll(listing(t, app), "\n", " ")); names.Replace(tt.left) != left {
		t.Errorf("left:\n got %s\nwant %s", left, names.Replace(tt.left))
	}
	if got := report.String(); got != tt.removed {
		t.Errorf("removed:\n got %s\nwant %s", got, tt.removed)
	}
	var notices []string
	for _, notice := range tt.notices {
		notices = append(notices, names.Replace(notice))
	}
	if diff := cmp.Diff(notices, report.Notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, listing(t, outside)); diff != "" {
		t.Errorf("outside of the app (-want +got):\n%s", diff)
	}
	again, err := LeaveOut(app, options)
	if err != nil || again.String() != "" {
		t.Errorf("again: %q, %v", again, err)
	}
}

// TestLeaveOutOddNames: names that a txtar archive cannot hold.
func TestLeaveOutOddNames(t *testing.T) {
	app := t.TempDir()
	for _, name := range []string{"a\nb.go", "\xff\xfe.go", "-rf", "\xff.txt", "x\t.go", "dir\n/x.go", "\x01/y"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(app, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(app, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	report, err := LeaveOut(app, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("\x01/y\n-rf\n\xff.txt\n", listing(t, app)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Kind{{Name: goFiles, Count: 4, Files: 4}}, report.Removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

// TestLeaveOutErrors: what cannot be an app, and a directory to build that is not in it.
func TestLeaveOutErrors(t *testing.T) {
	app := t.TempDir()
	if _, err := LeaveOut(filepath.Join(app, "none"), Options{}); err == nil {
		t.Error("no error for an app that is not there")
	}
	place(t, app, "-- main.go --\n")
	if _, err := LeaveOut(app, Options{WorkDir: filepath.Dir(app)}); err == nil || !strings.Contains(err.Error(), "is not in the app") {
		t.Error(err)
	}
	if left := listing(t, app); left != "main.go\n" {
		t.Errorf("an error removed something; left: %s", left)
	}
}
