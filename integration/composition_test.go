package integration

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// composition builds apps with this buildpack and others of testdata/buildpacks. What a build leaves, Go above all,
// serves the next one of the same image name.
type composition struct{ volume, image string }

// TestComposition builds with other buildpacks before, after and instead of this one, as docs/composition.md has it.
func TestComposition(t *testing.T) {
	needsSandbox(t)
	t.Parallel()
	c := composition{t.TempDir(), "composition"}
	for _, story := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"code and assets that a buildpack before generates are compiled", c.generatedCode},
		{"an app that a buildpack before generates is found when a buildpack after requires go", c.generatedApp},
		{"settings that a buildpack before makes are the default of the user's", c.settingsFromBefore},
		{"a buildpack after uses Go and finds no source", c.usedAfter},
		{"Go and the source stay where they are asked for", c.usedAtLaunch},
		{"a version that the app does not allow is an error", c.conflict},
		{"a double of a Procfile buildpack after this one has the last word", c.procfileAfter},
		{"a double of a Procfile buildpack before this one has not", c.procfileBefore},
		{"a double of a Procfile buildpack that marks no default leaves none", c.procfileWithoutDefault},
		{"orders of several groups", c.orders},
		{"Go alone for two buildpacks leaves nothing in the image", c.goAlone},
	} {
		t.Run(story.name, story.run)
	}
}

// other is the directory of a buildpack of testdata/buildpacks.
func other(t testing.TB, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("testdata", "buildpacks", name))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// group are the lab's flags for a group of buildpacks; "go" is this one.
func group(t testing.TB, names ...string) []string {
	t.Helper()
	var flags []string
	for _, name := range names {
		dir := buildpack
		if name != "go" {
			dir = other(t, name)
		}
		flags = append(flags, "--buildpack", dir)
	}
	return flags
}

func (c composition) build(t *testing.T, app string, flags ...string) image {
	t.Helper()
	return mustBuild(t, c.volume, c.image, app, flags...)
}

// exec runs a command in the image that was built last and returns what it printed.
func (c composition) exec(t *testing.T, command ...string) string {
	t.Helper()
	out, err := lab(t, append([]string{"run", "--volume-dir", c.volume, "--image", c.image, "--read-only", "--exec", "--"}, command...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// made is what the lifecycle says of the image that was built last: the buildpacks that took part, and whose each
// process is.
func (c composition) made(t *testing.T) (buildpacks []string, processes map[string]string) {
	t.Helper()
	labels := layout{filepath.Join(c.volume, c.image, "layouts", "lab.example", c.image, "latest")}.manifest(t).Image.Config.Labels
	var metadata struct {
		Buildpacks []struct{ ID string }
		Processes  []struct{ Type, BuildpackID string }
	}
	if err := json.Unmarshal([]byte(labels["io.buildpacks.build.metadata"]), &metadata); err != nil {
		t.Fatal(err)
	}
	for _, b := range metadata.Buildpacks {
		buildpacks = append(buildpacks, b.ID)
	}
	processes = map[string]string{}
	for _, p := range metadata.Processes {
		processes[p.Type] = p.BuildpackID
	}
	return buildpacks, processes
}

// ownLayers are the layers of the image that this buildpack made.
func ownLayers(built image) []string {
	var layers []string
	for _, layer := range built.Image.Layers {
		if strings.Contains(layer.By, "scalingo/go") {
			layers = append(layers, layer.By)
		}
	}
	return layers
}

func (c composition) generatedCode(t *testing.T) {
	app := written(t, `
-- go.mod --
module example.com/app

go 1.26
-- main.go --
package main

import _ "embed"

//go:embed assets/banner.txt
var banner string

func main() { println(generated(), "and", banner) }
`)
	files, _, _ := added(t, c.volume, c.image, c.build(t, app, group(t, "generates-code", "go")...))
	if out := c.exec(t, "app"); !strings.Contains(out, "generated code and a generated asset") {
		t.Errorf("the program printed %q", out)
	}
	holdsOnly(t, files, "app", `assets/banner\.txt`)
}

func (c composition) generatedApp(t *testing.T) {
	app := written(t, "-- index.html --\nhello\n")
	alone := build(t, c.volume, c.image, app, group(t, "generates-code", "go")...)
	if alone.ExitCode == 0 {
		t.Error("an app that is not there yet was detected")
	}
	wantLines(t, alone.log, `No buildpack groups passed detection`)

	built := c.build(t, app, group(t, "generates-code", "go", "uses-go")...)
	wantLines(t, built.log, `generates-code makes an app`, `App: modules \(go\.mod\)`, `web +generated +\(default\)`)
	if out := c.exec(t, "generated"); !strings.Contains(out, "generated code") {
		t.Errorf("the program printed %q", out)
	}
}

// settingsApp has two programs, and code for a build tag of each of two others' opinions.
const settingsApp = `
-- go.mod --
module example.com/app

go 1.26
-- cmd/web/main.go --
package main

import "example.com/app/edition"

func main() { println("web of", edition.Name) }
-- cmd/worker/main.go --
package main

import "example.com/app/edition"

func main() { println("worker of", edition.Name) }
-- edition/company.go --
//go:build company

package edition

const Name = "the company"
-- edition/user.go --
//go:build user

package edition

const Name = "the user"
`

func (c composition) settingsFromBefore(t *testing.T) {
	buildpacks := group(t, "sets-go-settings", "go")
	c.build(t, written(t, settingsApp), buildpacks...)
	if out := c.exec(t, "web"); !strings.Contains(out, "web of the company") {
		t.Errorf("the program printed %q", out)
	}
	_, processes := c.made(t)
	if diff := cmp.Diff(map[string]string{"web": "scalingo/go"}, processes); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}

	c.build(t, written(t, settingsApp), append(buildpacks, "--env", "BP_GO_TARGETS=./cmd/worker", "--env", "BP_GO_BUILD_TAGS=user")...)
	if out := c.exec(t, "worker"); !strings.Contains(out, "worker of the user") {
		t.Errorf("the program printed %q", out)
	}
	_, processes = c.made(t)
	if diff := cmp.Diff(map[string]string{"web": "scalingo/go", "worker": "scalingo/go"}, processes); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
}

// smallApp is an app whose program compiles fast.
const smallApp = `
-- go.mod --
module example.com/app

go 1.26
-- main.go --
package main

func main() { println("the app") }
-- index.html --
hello
`

func (c composition) usedAfter(t *testing.T) {
	built := c.build(t, written(t, smallApp), append(group(t, "go", "uses-go"), "--env", "USES_GO_VERSION=>=1.25", "--env", "USES_GO_TO=compile")...)
	wantLines(t, built.log, `a buildpack that requires go +>=1\.25 +\(required too\)`,
		`uses-go has go version go1\.26\.\d+ linux/\w+ in /layers/scalingo_go/go`, `uses-go sees Go files: 0`)
	if out := c.exec(t, "tool"); !strings.Contains(out, "a tool of go1.26.") {
		t.Errorf("the program of the other buildpack printed %q", out)
	}
	if layers := ownLayers(built); slices.ContainsFunc(layers, isGo) || len(layers) == 0 {
		t.Errorf("layers: %q", layers)
	}
}

// isGo tells whether a layer is that of Go itself.
func isGo(createdBy string) bool { return strings.Contains(createdBy, "'go'") }

func (c composition) usedAtLaunch(t *testing.T) {
	built := c.build(t, written(t, smallApp), append(group(t, "go", "uses-go"), "--env", "USES_GO_AT_LAUNCH=true", "--env", "BP_GO_KEEP_SOURCE=true")...)
	wantLines(t, built.log, `uses-go sees Go files: 1`)
	if layers := ownLayers(built); !slices.ContainsFunc(layers, isGo) {
		t.Errorf("layers: %q", layers)
	}
	if out := c.exec(t, "go", "version"); !strings.Contains(out, "go version go1.26.") {
		t.Errorf("go version in the image: %q", out)
	}
}

func (c composition) conflict(t *testing.T) {
	built := build(t, c.volume, c.image, written(t, smallApp), append(group(t, "go", "uses-go"), "--env", "USES_GO_VERSION=1.25.*")...)
	if built.ExitCode == 0 {
		t.Error("the app was built")
	}
	wantLines(t, built.log, `go\.mod, go line asks for Go 1\.26 and a buildpack that requires go for 1\.25\.\*: no version satisfies all of them`)
}

const procfileApp = smallApp + "-- Procfile --\nweb: app a plain line\nrelease: app\n"

func (c composition) procfileAfter(t *testing.T) {
	built := c.build(t, written(t, procfileApp), group(t, "go", "procfile")...)
	c.wantProcfile(t, built, "example/procfile", "web")
	if out := c.exec(t, "app"); !strings.Contains(out, "the app") { // as the line of the Procfile has it
		t.Errorf("the program printed %q", out)
	}
}

func (c composition) procfileBefore(t *testing.T) {
	built := c.build(t, written(t, procfileApp), group(t, "procfile", "go")...)
	c.wantProcfile(t, built, "scalingo/go", "web")
}

func (c composition) procfileWithoutDefault(t *testing.T) {
	built := c.build(t, written(t, procfileApp), append(group(t, "go", "procfile"), "--env", "PROCFILE_DEFAULT=false")...)
	c.wantProcfile(t, built, "example/procfile", "")
	wantLines(t, built.log, `redefining the following default process type with a process not marked as default: web`)
}

// wantProcfile checks whose the processes of procfileApp are, and which is the default.
func (c composition) wantProcfile(t *testing.T, built image, owner, standard string) {
	t.Helper()
	_, processes := c.made(t)
	if diff := cmp.Diff(map[string]string{"web": owner, "release": owner}, processes); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	if built.DefaultProcess != standard {
		t.Errorf("the default process is %q, want %q", built.DefaultProcess, standard)
	}
}

// orderEntry is a buildpack in a group of an order.
type orderEntry struct {
	ID       string `toml:"id"`
	Version  string `toml:"version"`
	Optional bool   `toml:"optional,omitempty"`
}

// orderGroup is one of the groups that the lifecycle tries in turn.
type orderGroup struct {
	Group []orderEntry `toml:"group"`
}

// order is an order.toml, or a buildpack that consists of other buildpacks.
type order struct {
	API       string         `toml:"api,omitempty"`
	Buildpack map[string]any `toml:"buildpack,omitempty"`
	Order     []orderGroup   `toml:"order"`
}

func (o order) write(t testing.TB, dir, name string) {
	t.Helper()
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(o); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), text.Bytes(), 0o644); err != nil { // #nosec G306 -- the lifecycle is another user
		t.Fatal(err)
	}
}

// ownVersion is the version of this buildpack.
func ownVersion(t testing.TB) string {
	t.Helper()
	var description struct{ Buildpack struct{ Version string } }
	if _, err := toml.DecodeFile(filepath.Join(buildpack, "buildpack.toml"), &description); err != nil {
		t.Fatal(err)
	}
	return description.Buildpack.Version
}

func (c composition) orders(t *testing.T) {
	const site = "-- index.html --\nhello\n"
	double := func(name string) orderEntry { return orderEntry{ID: "example/" + name, Version: "0.0.1"} }
	own := orderEntry{ID: "scalingo/go", Version: ownVersion(t)}
	optional := own
	optional.Optional = true
	company := t.TempDir()
	order{
		API: "0.10", Buildpack: map[string]any{"id": "example/company", "version": "0.0.1"},
		Order: []orderGroup{{[]orderEntry{own}}, {[]orderEntry{double("static-site")}}},
	}.write(t, company, "buildpack.toml")
	beside := []orderGroup{{[]orderEntry{optional, double("static-site")}}}
	fallback := []orderGroup{{[]orderEntry{double("never"), own}}, {[]orderEntry{own}}, {[]orderEntry{double("static-site")}}}
	composite := []orderGroup{{[]orderEntry{double("company")}}}
	for _, test := range []struct {
		name   string
		groups []orderGroup
		app    string
		want   []string
	}{
		{"optional, a Go app", beside, smallApp, []string{"scalingo/go", "example/static-site"}},
		{"a group that fails before this one's, a Go app", fallback, smallApp, []string{"scalingo/go"}},
		{"a buildpack of buildpacks, a Go app", composite, smallApp, []string{"scalingo/go"}},
		{"optional, another app", beside, site, []string{"example/static-site"}},
		{"two groups that fail, another app", fallback, site, []string{"example/static-site"}},
		{"a buildpack of buildpacks, another app", composite, site, []string{"example/static-site"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			order{Order: test.groups}.write(t, dir, "order.toml")
			// The lab knows orders of one group: it puts the buildpacks into place, the order comes over its own.
			c := c
			if test.app == site {
				c.image = "site" // without this buildpack in the group the lifecycle drops what it cached
			}
			c.build(t, written(t, test.app), append(group(t, "go", "never", "static-site"),
				"--mount", company+":/cnb/buildpacks/example_company/0.0.1", "--mount", filepath.Join(dir, "order.toml")+":/cnb/order.toml")...)
			buildpacks, _ := c.made(t)
			if diff := cmp.Diff(test.want, buildpacks); diff != "" {
				t.Errorf("buildpacks that took part (-want +got):\n%s", diff)
			}
		})
	}
}

func (c composition) goAlone(t *testing.T) {
	app := written(t, "-- index.html --\nhello\n-- docs/example.go --\npackage docs\n")
	built := c.build(t, app, append(group(t, "go", "uses-go", "asks-for-go"), "--env", "USES_GO_VERSION=~1.26")...)
	wantLines(t, built.log, `a buildpack that requires go +>=1\.25, <1\.27`, `a buildpack that requires go +~1\.26`,
		`uses-go has go version go1\.26\.\d+ `, `asks-for-go has go version go1\.26\.\d+ `)
	files, _, labels := added(t, c.volume, c.image, built)
	names := slices.Sorted(maps.Keys(files))
	if i := slices.IndexFunc(names, func(name string) bool { return strings.Contains(name, "scalingo") }); i >= 0 {
		t.Errorf("the image has %s", names[i])
	}
	if layers := ownLayers(built); layers != nil || labels["com.scalingo.go.build"] != "" {
		t.Errorf("layers: %q, label: %q", layers, labels["com.scalingo.go.build"])
	}
	for _, name := range []string{"/workspace/index.html", "/workspace/docs/example.go"} {
		if files[name] == nil {
			t.Errorf("the image lacks %s", name)
		}
	}
	_, processes := c.made(t)
	if diff := cmp.Diff(map[string]string{"web": "example/asks-for-go"}, processes); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
}
