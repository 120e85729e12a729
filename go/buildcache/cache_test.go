package buildcache

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"
)

var someFiles = map[string]string{"a": "12345", "b/c": "123", "b/empty": "", "large": strings.Repeat("large", frameSize/4)}

// kept keeps the files in a build of their own, under that key.
func (w *world) kept(key, files map[string]string) {
	w.t.Helper()
	c := w.open(w.build(), key)
	must(w.t, c.Keep(content(files)))
	w.end(c)
}

func TestCacheFromBuildToBuild(t *testing.T) {
	w := newWorld(t)
	key := map[string]string{"go": "1.26.0", "distro": "ubuntu 24.04"}
	c := w.open(w.build(), key)
	dir := filepath.Join(t.TempDir(), "out")
	if c.Restored() || c.Of() != "" {
		t.Errorf("a new cache: restored %t, of %q", c.Restored(), c.Of())
	}
	must(t, c.Unpack(dir, nil))
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("of nothing the directory was made: %v", err)
	}
	what := content(someFiles)
	what.Of = "somebody"
	must(t, c.Keep(what))
	layer, usage, ok := c.Layer()
	if !ok || layer.Name != "things" || layer.Path != filepath.Join(w.layers.Path, "things") {
		t.Errorf("the layer is %t %+v", ok, layer)
	}
	same(t, "layer types", libcnb.LayerTypes{Cache: true}, layer.LayerTypes)
	same(t, "metadata", map[string]any{"format": Format, "go": "1.26.0", "distro": "ubuntu 24.04"}, layer.Metadata)
	info, err := os.Stat(w.packFile("things"))
	must(t, err)
	same(t, "usage", Usage{Files: 4, Raw: int64(8 + len(someFiles["large"])), Packed: info.Size()}, usage)
	same(t, "change", "written", c.Change())
	same(t, "content of the layer", setOf("things.tar.zst"), names(t, layer.Path))
	w.end(c)

	s := w.build()
	same(t, "metadata", map[string]any{"format": Format, "go": "1.26.0", "distro": "ubuntu 24.04"}, s.Metadata("things"))
	c = w.open(s, key)
	if !c.Restored() || c.Of() != "somebody" {
		t.Errorf("the same key: restored %t, of %q", c.Restored(), c.Of())
	}
	must(t, c.Unpack(dir, nil))
	same(t, "files", wantOf(someFiles), tree(t, dir))
	allAt(t, dir, s.Start.Add(-3*time.Hour).Truncate(time.Second))
	same(t, "change", "unchanged", c.Change())
	w.warned(0)
}

func TestACacheOfAnotherKeyIsRemoved(t *testing.T) {
	key := map[string]string{"go": "1.26.0"}
	tests := map[string]struct {
		key   map[string]string
		spoil func(*world)
	}{
		"another value":    {key: map[string]string{"go": "1.26.1"}},
		"a value less":     {key: map[string]string{}},
		"no key":           {key: nil},
		"a value more":     {key: map[string]string{"go": "1.26.0", "more": ""}},
		"an older format":  {key, func(w *world) { w.describe("things", map[string]any{"format": "pack-0", "go": "1.26.0"}) }},
		"no format":        {key, func(w *world) { w.describe("things", map[string]any{"go": "1.26.0"}) }},
		"nothing about it": {key, func(w *world) { must(t, os.Remove(filepath.Join(w.layers.Path, "things.toml"))) }},
		"values of other types": {key, func(w *world) {
			put(t, filepath.Join(w.layers.Path, "things.toml"), "[metadata]\nformat = ['pack-1']\ngo = { version = '1' }\n")
		}},
		"numbers": {key, func(w *world) {
			put(t, filepath.Join(w.layers.Path, "things.toml"), "[metadata]\nformat = 1\ngo = 1.26\n")
		}},
		"no pack":  {key, func(w *world) { must(t, os.Remove(w.packFile("things"))) }},
		"no layer": {key, func(w *world) { must(t, os.RemoveAll(filepath.Join(w.layers.Path, "things"))) }},
		"an old tree": {key, func(w *world) {
			must(t, os.Rename(w.packFile("things"), filepath.Join(w.layers.Path, "things", "x.go")))
		}},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.kept(key, someFiles)
			if test.spoil != nil {
				test.spoil(w)
			}
			c := w.open(w.build(), test.key)
			if c.Restored() {
				t.Error("it counts as restored")
			}
			w.warned(0)
			same(t, "what is left", map[string]bool{}, names(t, w.layers.Path))
			if _, _, ok := c.Layer(); ok {
				t.Error("nothing was kept, but there is a layer")
			}
		})
	}
}

// TestMetadataOfAnEarlierBuild is what says which Go there is before it is opened.
func TestMetadataOfAnEarlierBuild(t *testing.T) {
	w := newWorld(t)
	if got := w.build().Metadata("things"); got != nil {
		t.Errorf("of nothing: %v", got)
	}
	w.kept(map[string]string{"go": "1"}, someFiles)
	s := w.build()
	s.Off = true
	if got := s.Metadata("things"); got != nil {
		t.Errorf("off: %v", got)
	}
	w.describe("things", map[string]any{"format": "pack-0", "go": "1"})
	if got := w.build().Metadata("things"); got != nil {
		t.Errorf("of an older format: %v", got)
	}
	put(t, filepath.Join(w.layers.Path, "things.toml"), "[metadata\n")
	if got := w.build().Metadata("things"); got != nil {
		t.Errorf("of what cannot be read: %v", got)
	}
}

func TestMetadataThatCannotBeReadIsAWarning(t *testing.T) {
	w := newWorld(t)
	w.kept(nil, someFiles)
	if err := os.WriteFile(filepath.Join(w.layers.Path, "things.toml"), []byte("[metadata\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	warned := 0
	s := w.build()
	s.Warn = func(string, ...any) { warned++ }
	c, err := s.Open("things", nil)
	if err != nil || c.Restored() || warned != 1 {
		t.Errorf("%d warnings, error %v", warned, err)
	}
	same(t, "what is left", map[string]bool{}, names(t, w.layers.Path))
}

func TestOffTakesNothingAndKeepsNothing(t *testing.T) {
	w := newWorld(t)
	w.kept(nil, someFiles)
	s := w.build()
	s.Off = true
	c := w.open(s, nil)
	if c.Restored() {
		t.Error("restored")
	}
	must(t, c.Keep(content(someFiles)))
	if _, _, ok := c.Layer(); ok {
		t.Error("there is a layer to store")
	}
	same(t, "what is left", map[string]bool{}, names(t, w.layers.Path))
}

// TestKeepingTheSameWritesNothing: the bytes, the file and what describes it stay, so that nothing is stored anew.
func TestKeepingTheSameWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.kept(nil, someFiles)
	was, toml := fingerprint(t, w.packFile("things")), fingerprint(t, filepath.Join(w.layers.Path, "things.toml"))
	for _, unpack := range []bool{false, true} {
		s := w.build()
		c := w.open(s, nil)
		what := content(someFiles)
		if unpack {
			dir := t.TempDir()
			must(t, c.Unpack(dir, nil))
			files, err := s.Files(dir, nil)
			must(t, err)
			for _, f := range files {
				if !f.Unchanged {
					t.Errorf("%s counts as changed", f.Name)
				}
			}
			what = Content{Files: files}
		}
		must(t, c.Keep(what))
		same(t, "change", "unchanged", c.Change())
		if _, _, ok := c.Layer(); !ok {
			t.Error("there is no layer to store")
		}
		same(t, "the pack", was, fingerprint(t, w.packFile("things")))
		same(t, "the .toml", toml, fingerprint(t, filepath.Join(w.layers.Path, "things.toml")))
	}
}

// TestKeepingSomethingElseWritesANewPack drops the .toml: a build that fails later must not leave new content under the old key.
func TestKeepingSomethingElseWritesANewPack(t *testing.T) {
	tests := map[string]func(*Content){
		"content of the same size": func(c *Content) {
			c.Files[0].Data = []byte(strings.ToUpper(string(c.Files[0].Data)) + "!")[:c.Files[0].Size]
		},
		"another size":       func(c *Content) { c.Files[0].Data = append(c.Files[0].Data, 'x'); c.Files[0].Size++ },
		"another name":       func(c *Content) { c.Files[0].Name = "z" },
		"a file less":        func(c *Content) { c.Files = c.Files[1:] },
		"a file more":        func(c *Content) { c.Files = append(c.Files, File{Name: "z", Data: []byte{}}) },
		"an executable":      func(c *Content) { c.Files[0].Exec = true },
		"for something else": func(c *Content) { c.Of = "else" },
		"a part":             func(c *Content) { c.Parts = []string{"a"} },
		"known modules":      func(c *Content) { c.Known = []string{"a@v1.0.0"} },
	}
	for what, change := range tests {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.kept(nil, map[string]string{"a": "12ab", "b/c": "12xy"})
			c := w.open(w.build(), nil)
			next := content(map[string]string{"a": "12ab", "b/c": "12xy"})
			change(&next)
			must(t, c.Keep(next))
			same(t, "change", "written", c.Change())
			same(t, "what there is before the build ends", setOf("things/things.tar.zst"), names(t, w.layers.Path))
			w.end(c)
			c = w.open(w.build(), nil)
			dir := t.TempDir()
			must(t, c.Unpack(dir, nil))
			want := map[string]entry{}
			for _, f := range next.Files {
				want[f.Name] = entryOf(string(f.Data), f.Exec)
			}
			same(t, "files", want, tree(t, dir))
		})
	}
}

// TestAFailedBuildLeavesNothingUnderTheOldKey: one that ends after it has written its caches leaves no .toml, and the old one had another key.
func TestAFailedBuildLeavesNothingUnderTheOldKey(t *testing.T) {
	w := newWorld(t)
	old, other := map[string]string{"go": "1"}, map[string]string{"go": "2"}
	w.kept(old, map[string]string{"x": "of 1"})
	must(t, w.open(w.build(), other).Keep(content(map[string]string{"x": "of 2"})))
	if w.open(w.build(), old).Restored() {
		t.Error("what Go 2 left counts as of Go 1")
	}
	w.kept(old, map[string]string{"x": "of 1"})
	var warned []string
	s := w.build()
	s.Warn = func(format string, args ...any) { warned = append(warned, fmt.Sprintf(format, args...)) }
	c := w.open(s, old)
	if err := c.Keep(failing(t)["a file that is gone, last"]); err != nil || len(warned) != 1 || !strings.Contains(warned[0], `"things" cannot be written`) {
		t.Errorf("error %v, warnings %q", err, warned)
	}
	if _, _, ok := c.Layer(); ok {
		t.Error("there is a layer to store")
	}
	if w.open(w.build(), old).Restored() {
		t.Error("what could not be written anew counts as of the last build")
	}
}

func TestKeepingNothingRemovesWhatThereIs(t *testing.T) {
	w := newWorld(t)
	w.kept(nil, someFiles)
	c := w.open(w.build(), nil)
	must(t, c.Keep(Content{Of: "nobody"}))
	if _, _, ok := c.Layer(); ok {
		t.Error("there is a layer to store")
	}
	same(t, "what is left", map[string]bool{}, names(t, w.layers.Path))
}

// TestWhatNobodyKeepsIsNotStored: another build may have left it for what this one does not use.
func TestWhatNobodyKeepsIsNotStored(t *testing.T) {
	w := newWorld(t)
	w.kept(nil, someFiles)
	c := w.open(w.build(), nil)
	if _, _, ok := c.Layer(); ok {
		t.Error("there is a layer to store")
	}
	c.KeepAll()
	if _, usage, ok := c.Layer(); !ok || usage.Files != len(someFiles) {
		t.Errorf("all is kept: %t %+v", ok, usage)
	}
	w.end(c)
	c = w.open(w.build(), map[string]string{"another": "key"})
	c.KeepAll()
	if _, _, ok := c.Layer(); ok {
		t.Error("all of nothing is kept")
	}
}

func TestADamagedPackIsAWarningWhenOpened(t *testing.T) {
	w := newWorld(t)
	w.kept(nil, someFiles)
	must(t, os.Truncate(w.packFile("things"), 100))
	c := w.open(w.build(), nil)
	if c.Restored() {
		t.Error("restored")
	}
	w.warned(1)
	if !strings.Contains(w.warnings[0], `"things"`) || !strings.Contains(w.warnings[0], "damaged") {
		t.Errorf("the warning is %q", w.warnings[0])
	}
	same(t, "what is left", map[string]bool{}, names(t, w.layers.Path))
	must(t, c.Keep(content(someFiles)))
	w.end(c)
	if !w.open(w.build(), nil).Restored() {
		t.Error("the next build has nothing")
	}
	w.warned(0)
}

func TestADamagedPackIsAWarningWhenUnpacked(t *testing.T) {
	w := newWorld(t)
	w.kept(nil, someFiles)
	w.flip("things")
	c := w.open(w.build(), nil)
	if !c.Restored() {
		t.Fatal("the damage is known too early: the test is worth nothing")
	}
	dir := filepath.Join(t.TempDir(), "out")
	put(t, filepath.Join(dir, "already"), "there")
	must(t, c.Unpack(dir, nil))
	w.warned(1)
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
	if c.Restored() || c.Of() != "" {
		t.Error("it counts as restored")
	}
	same(t, "what is left", map[string]bool{}, names(t, w.layers.Path))
	must(t, c.Unpack(dir, nil))
	w.warned(1)
	must(t, c.Keep(content(someFiles)))
	same(t, "change", "written", c.Change())
	w.end(c)

	c = w.open(w.build(), nil)
	must(t, c.Unpack(dir, nil))
	same(t, "files", wantOf(someFiles), tree(t, dir))
	w.warned(0)
}

// TestUnpackingWhereItCannotIsAnError: the build would go on without what it counts on.
func TestUnpackingWhereItCannotIsAnError(t *testing.T) {
	w := newWorld(t)
	w.kept(nil, someFiles)
	c := w.open(w.build(), nil)
	dir := filepath.Join(t.TempDir(), "file")
	put(t, dir, "")
	if err := c.Unpack(dir, nil); err == nil || !strings.Contains(err.Error(), `"things"`) {
		t.Errorf("got %v", err)
	}
	w.warned(0)
	if !c.Restored() {
		t.Error("the pack is good, but thrown away")
	}
}

func TestFilesOfADirectory(t *testing.T) {
	w := newWorld(t)
	s := w.build()
	dir := t.TempDir()
	for _, name := range []string{"a", "b/c", "b/program", "left/x", "left.go"} {
		put(t, filepath.Join(dir, filepath.FromSlash(name)), name)
	}
	must(t, os.Chmod(filepath.Join(dir, "b", "program"), 0o755))
	must(t, os.Symlink("a", filepath.Join(dir, "link")))
	must(t, os.Symlink("b", filepath.Join(dir, "linked")))
	must(t, os.MkdirAll(filepath.Join(dir, "empty"), 0o755))
	at := s.Start.Add(-3 * time.Hour).Truncate(time.Second)
	must(t, os.Chtimes(filepath.Join(dir, "a"), at, at))
	must(t, os.Chtimes(filepath.Join(dir, "b", "c"), at, at.Add(time.Nanosecond)))
	files, err := s.Files(dir, func(name string) bool { return strings.HasPrefix(name, "left") })
	must(t, err)
	same(t, "files", []File{
		{Name: "a", Path: filepath.Join(dir, "a"), Size: 1, Unchanged: true},
		{Name: "b/c", Path: filepath.Join(dir, "b", "c"), Size: 3},
		{Name: "b/program", Path: filepath.Join(dir, "b", "program"), Size: 9, Exec: true},
	}, files)
	if files, err := s.Files(filepath.Join(dir, "none"), nil); err != nil || len(files) > 0 {
		t.Errorf("of nothing: %v, %v", files, err)
	}
}
