package compile

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const listedApp = `
-- go.mod --
module example.com/app
go 1.22
require example.com/lib v1.0.0
replace example.com/lib => ./lib
-- main.go --
package main

import _ "example.com/lib"

func main() { println("hello") }
-- main_test.go --
package main
-- plain.go --
// A file of its own.

//go:build !extra

package main
-- page.html --
<p>
-- lib/go.mod --
module example.com/lib
-- lib/lib.go --
package lib

import "strings"

// Upper is used by none.
var Upper = strings.ToUpper
-- cmd/other/main.go --
package main

func main() {}
`

// planned is what matters of a plan.
func planned(p Plan) []string {
	lines := append([]string{p.Command(), p.Cgo.Value(), p.Cgo.Why}, p.Programs()...)
	for _, q := range p.all {
		lines = append(lines, strings.Join(slices.Concat([]string{q.ImportPath, q.Dir}, q.GoFiles, q.CgoFiles), " "))
	}
	slices.Sort(lines)
	return lines
}

// TestRecall: a plan is recalled after each change that "go list" would not see, and after none that it would.
func TestRecall(t *testing.T) {
	const body = "package main\n\nimport _ \"example.com/lib\"\n\n"
	for name, c := range map[string]struct {
		// add are files that are written, remove is one that is removed.
		add    map[string]string
		remove string
		change func(t *testing.T, j *Job)
		known  bool
	}{
		"nothing":                      {known: true},
		"a body":                       {add: map[string]string{"main.go": body + "func main() { println(\"bye\") }\n"}, known: true},
		"a body of a module beside":    {add: map[string]string{"lib/lib.go": "package lib\n\nimport \"strings\"\n\nvar Lower = strings.ToLower\n"}, known: true},
		"a body that does not compile": {add: map[string]string{"main.go": body + "func main() { nonsense }\n"}, known: true},
		"an asset":                     {add: map[string]string{"page.html": "<p>more", "new/page.html": "<p>"}, known: true},
		"where modules come from":      {change: func(_ *testing.T, j *Job) { j.Env = append(j.Env, "GOPROXY=https://u:p@proxy.example.com") }, known: true},
		"an import":                    {add: map[string]string{"main.go": strings.Replace(body, "import", "import \"os\"\nimport", 1) + "func main() { os.Exit(0) }\n"}},
		"an import in a module beside": {add: map[string]string{"lib/lib.go": "package lib\n\nimport (\n\t\"os\"\n\t\"strings\"\n)\n\nvar Lower, Args = strings.ToLower, os.Args\n"}},
		"a package's name":             {add: map[string]string{"cmd/other/main.go": "package other\n"}},
		"a constraint":                 {add: map[string]string{"plain.go": "// A file of its own.\n\n//go:build !other\n\npackage main\n"}},
		"a file":                       {add: map[string]string{"more.go": "package main\n"}},
		"a file that is gone":          {remove: "plain.go"},
		"a program":                    {add: map[string]string{"cmd/third/main.go": "package main\n\nfunc main() {}\n"}},
		"a file in assembly":           {add: map[string]string{"cmd/other/asm.s": "\n"}},
		"a requirement":                {add: map[string]string{"lib/go.mod": "module example.com/lib\ngo 1.21\n"}},
		"a file that cannot be parsed": {add: map[string]string{"lib/lib.go": "package lib\n\nimport \"strings\nvar Lower = strings.ToLower\n"}},
		"use of C":                     {add: map[string]string{"lib/lib.go": "package lib\n\n// int one(void);\nimport \"C\"\nimport \"strings\"\n\nvar Upper = strings.ToUpper\n"}},
		"tags":                         {change: func(_ *testing.T, j *Job) { j.Flags.Tags = append(slices.Clone(j.Flags.Tags), "extra") }},
		"the directory":                {change: func(_ *testing.T, j *Job) { j.Dir = filepath.Join(j.Dir, "cmd", "other") }},
		"targets":                      {change: func(_ *testing.T, j *Job) { j.Targets.Patterns = []string{"./cmd/other"} }},
		"the system":                   {change: func(_ *testing.T, j *Job) { j.Env = append(j.Env, "GOOS=windows") }},
		"cgo":                          {change: func(_ *testing.T, j *Job) { j.CgoEnabled = "0" }},
		"another Go":                   {change: func(_ *testing.T, j *Job) { j.Listings.Of = func() string { return "another Go" } }},
		"a listing that was cut short": {change: func(t *testing.T, j *Job) {
			forEachListing(t, j, func(file string) error { return os.Truncate(file, 20) })
		}},
		"listings that are gone":        {change: func(t *testing.T, j *Job) { forEachListing(t, j, os.Remove) }},
		"a link to a file in the app":   {change: func(t *testing.T, j *Job) { symlink(t, "plain.go", filepath.Join(j.Dir, "linked.go")) }},
		"a link to a file of elsewhere": {change: func(t *testing.T, j *Job) { symlink(t, os.Args[0], filepath.Join(j.Dir, "linked.go")) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := writeApp(t, listedApp)
			j := rememberingJob(t, dir, t.TempDir())
			first, err := j.Prepare()
			if err != nil {
				t.Fatal(err)
			}
			if c.remove != "" {
				if err := os.Remove(filepath.Join(dir, c.remove)); err != nil {
					t.Fatal(err)
				}
			}
			for file, text := range c.add {
				write(t, filepath.Join(dir, file), text)
			}
			j.Listings = listingsOf(dir, j.Listings.Dir)
			if c.change != nil {
				c.change(t, &j)
			}
			plan, known := j.Recall()
			if known != c.known {
				t.Errorf("known: %v, want %v", known, c.known)
			}
			if !known {
				return
			}
			if diff := cmp.Diff(planned(first), planned(plan)); diff != "" {
				t.Errorf("of the plan (-first +recalled):\n%s", diff)
			}
			j.Listings = nil
			anew, err := j.Prepare()
			if diff := cmp.Diff(planned(anew), planned(plan)); err != nil || diff != "" {
				t.Errorf("of the plan (-anew +recalled):\n%s%v", diff, err)
			}
		})
	}
}

func rememberingJob(t *testing.T, dir, listings string) Job {
	t.Helper()
	j, _ := app{}.job(t, dir)
	j.Output = io.Discard
	j.Listings = listingsOf(dir, listings)
	return j
}

func listingsOf(app, dir string) *Listings {
	return &Listings{Dir: dir, Of: func() string { return Surface(app) }, Fixed: []string{app}}
}

func symlink(t *testing.T, to, file string) {
	t.Helper()
	if err := os.Symlink(to, file); err != nil {
		t.Fatal(err)
	}
}

func forEachListing(t *testing.T, j *Job, do func(string) error) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(j.Listings.Dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("listings: %q, %v", files, err)
	}
	for _, file := range files {
		if err := do(file); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatIsNotRemembered: packages in directories of which nobody says that they do not change.
func TestWhatIsNotRemembered(t *testing.T) {
	t.Parallel()
	dir, elsewhere := writeApp(t, listedApp), t.TempDir()
	if err := os.Rename(filepath.Join(dir, "lib"), filepath.Join(elsewhere, "lib")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.com/app\ngo 1.22\nrequire example.com/lib v1.0.0\nreplace example.com/lib => "+filepath.Join(elsewhere, "lib")+"\n")
	known := func(fixed ...string) bool {
		t.Helper()
		j := rememberingJob(t, dir, t.TempDir())
		j.Listings.Fixed = fixed
		if _, err := j.Prepare(); err != nil {
			t.Fatal(err)
		}
		_, known := j.Recall()
		return known
	}
	if known(dir) || !known(dir, elsewhere) {
		t.Error("a module elsewhere is remembered, or is not where that is said to be fixed")
	}
	// Its packages seem to be in the app.
	symlink(t, filepath.Join(elsewhere, "lib"), filepath.Join(dir, "lib"))
	write(t, filepath.Join(dir, "go.mod"), "module example.com/app\ngo 1.22\nrequire example.com/lib v1.0.0\nreplace example.com/lib => ./lib\n")
	if known(dir) || !known(dir, elsewhere) {
		t.Error("a module behind a link is remembered, or is not where that is said to be fixed")
	}
}

// TestLinkedFiles: what a link leads to has a name of its own, that of no Go file.
func TestLinkedFiles(t *testing.T) {
	dir := writeApp(t, "-- main.go.in --\npackage main\n\nfunc main() {}\n-- go.mod.in --\nmodule example.com/app\n")
	symlink(t, "main.go.in", filepath.Join(dir, "main.go"))
	symlink(t, "go.mod.in", filepath.Join(dir, "go.mod"))
	before := Surface(dir)
	write(t, filepath.Join(dir, "main.go.in"), "package main\n\nfunc main() { println() }\n")
	if after := Surface(dir); after != before || before == "" {
		t.Errorf("another body: %q, before %q", after, before)
	}
	for file, text := range map[string]string{"main.go.in": "package main\n\nimport \"C\"\n", "go.mod.in": "module example.com/other\n"} {
		write(t, filepath.Join(dir, file), text)
		after := Surface(dir)
		if after == before {
			t.Errorf("another %s is not seen", file)
		}
		before = after
	}
	elsewhere := filepath.Join(t.TempDir(), "app")
	symlink(t, dir, elsewhere)
	if Surface(elsewhere) == "" {
		t.Error("an app behind a link has no surface")
	}
}

// TestNothingIsReadInPlaceOfAsking: where a plan could not be recalled, or does not do, the go command has the last word.
func TestNothingIsReadInPlaceOfAsking(t *testing.T) {
	t.Parallel()
	dir := writeApp(t, listedApp)
	j := rememberingJob(t, dir, t.TempDir())
	if _, err := j.Prepare(); err != nil {
		t.Fatal(err)
	}
	forEachListing(t, &j, func(file string) error { return os.WriteFile(file, []byte("[]"), 0o600) })
	plan, err := j.Prepare()
	if err != nil || len(plan.all) == 0 {
		t.Errorf("planned %q with %v", planned(plan), err)
	}
	if recalled, known := j.Recall(); !known || !cmp.Equal(planned(recalled), planned(plan)) {
		t.Errorf("then recalled: %v", known)
	}
}

// TestForget: of what two builds listed, that of the second is left.
func TestForget(t *testing.T) {
	t.Parallel()
	dir := writeApp(t, listedApp)
	j := rememberingJob(t, dir, filepath.Join(t.TempDir(), "listings"))
	if err := j.Listings.Forget(); err != nil {
		t.Fatalf("without any: %v", err)
	}
	names := func() []string {
		files, err := os.ReadDir(j.Listings.Dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, file := range files {
			names = append(names, file.Name())
		}
		return names
	}
	prepare := func() {
		if _, err := j.Prepare(); err != nil {
			t.Fatal(err)
		}
		if err := j.Listings.Forget(); err != nil {
			t.Fatal(err)
		}
	}
	prepare()
	before := names()
	j.Listings = listingsOf(dir, j.Listings.Dir)
	j.Listings.Of = func() string { return "another Go " + Surface(dir) }
	prepare()
	after := names()
	if len(after) == 0 || len(after) != len(before) || slices.ContainsFunc(after, func(name string) bool { return slices.Contains(before, name) }) {
		t.Errorf("%q is left after %q", after, before)
	}
	j.Listings = &Listings{Dir: j.Listings.Dir, Of: j.Listings.Of, Fixed: j.Listings.Fixed}
	if _, known := j.Recall(); !known {
		t.Fatal("the second is not known")
	}
	if err := j.Listings.Forget(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(after, names()); diff != "" {
		t.Errorf("what was recalled is not kept (-want +got):\n%s", diff)
	}
}

// TestSurfaceWithoutRegularFiles: a pipe has no end, and a link may lead out of the app.
func TestSurfaceWithoutRegularFiles(t *testing.T) {
	dir := writeApp(t, listedApp)
	before := Surface(dir)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.go"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := Surface(dir); after == "" || after == before {
		t.Errorf("with a pipe: %q, without %q", after, before)
	}
	before = Surface(dir)
	symlink(t, "nowhere", filepath.Join(dir, "dangling.go"))
	if after := Surface(dir); after == "" || after == before {
		t.Errorf("with a link to nowhere: %q, without %q", after, before)
	}
	if missing := Surface(filepath.Join(dir, "missing")); missing != "" {
		t.Errorf("of nothing: %q", missing)
	}
}

// TestNoLoginInAName: a hash of a login would be something to try passwords on.
func TestNoLoginInAName(t *testing.T) {
	l := listingsOf(writeApp(t, listedApp), "")
	plain := l.name("", []string{"GOOS=linux"}, "list")
	if plain == "" {
		t.Fatal("no name")
	}
	for _, pair := range []string{"GOOGLE_API_KEY=secret", "GOPROXY=https://robot:secret@proxy.example.com", "GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM=robot:secret", "GOAUTH=netrc", "PASSWORD=secret"} {
		if l.name("", []string{"GOOS=linux", pair}, "list") != plain {
			t.Errorf("%s is in the name", pair)
		}
	}
	if l.name("", []string{"GOOS=plan9"}, "list") == plain {
		t.Error("GOOS is not")
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("// c\n\n//go:build x\n\npackage main\n\nimport (\n\t\"os\"\n)\n\nimport \"C\"\n\nfunc main() {}\n"))
	f.Add([]byte("package p"))
	f.Add([]byte("package p; import \"os\"; var x = 1"))
	f.Add([]byte("\xef\xbb\xbfpackage p\n//line x.go:1000\nimport \"os\"\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		head := header(source)
		if !strings.HasPrefix(string(source), string(head)) {
			t.Fatalf("%q is not the beginning of %q", head, source)
		}
		if again := header(head); !bytes.Equal(again, head) {
			t.Fatalf("the header of %q is %q", head, again)
		}
	})
}
