package buildcache

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gocache is a made-up build cache, of which a build uses what it puts.
type gocache struct {
	t   *testing.T
	dir string
	// now is when the build writes.
	now time.Time
}

func hash(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

func entryFile(hash, kind string) string { return hash[:2] + "/" + hash + "-" + kind }

// actionText is what the go command writes about an action.
func actionText(action, output string, at time.Time) string {
	return fmt.Sprintf("v1 %s %s %20d %20d\n", hash(action), hash(output), len(output), at.UnixNano())
}

// put is what the go command does for an action: it writes its output, and what it was. What is there already it only touches.
func (g gocache) put(action, output string) {
	g.t.Helper()
	a, d := g.path(entryFile(hash(action), "a")), g.path(entryFile(hash(output), "d"))
	if _, err := os.Stat(a); err != nil {
		put(g.t, a, actionText(action, output, g.now))
	}
	if _, err := os.Stat(d); err != nil {
		put(g.t, d, output)
	}
	for _, file := range []string{a, d} {
		must(g.t, os.Chtimes(file, g.now, g.now))
	}
}

func (g gocache) path(name string) string { return filepath.Join(g.dir, filepath.FromSlash(name)) }

// has tells whether an action is there as a build wants it: it says its output, which is there too.
func (g gocache) has(action, output string) bool {
	a, err := os.ReadFile(g.path(entryFile(hash(action), "a")))
	if err != nil || string(a) != actionText(action, output, modified) {
		return false
	}
	d, err := os.ReadFile(g.path(entryFile(hash(output), "d")))
	return err == nil && string(d) == output
}

// compiled opens and unpacks the packs in a new build.
func (w *world) compiled() (*Compiled, gocache) {
	w.t.Helper()
	return w.compiledOn("a system")
}

// compiledOn does so on a machine with these packages.
func (w *world) compiledOn(system string) (*Compiled, gocache) {
	w.t.Helper()
	s := w.build()
	dir := filepath.Join(w.t.TempDir(), "gocache")
	c, err := s.OpenCompiled(dir, map[string]string{"go": "1.26.0"}, system)
	must(w.t, err)
	must(w.t, c.Unpack())
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		w.t.Errorf("the directory is not there: %v", err)
	}
	return c, gocache{w.t, dir, s.Start.Add(time.Minute)}
}

// packed keeps what was used, ends the build, and tells what it changed.
func (w *world) packed(c *Compiled) string {
	w.t.Helper()
	must(w.t, c.Keep())
	changes := ""
	for _, cache := range c.Caches() {
		layer, usage, ok := cache.Layer()
		if ok {
			changes += fmt.Sprintf("%s %d %s, ", strings.TrimPrefix(layer.Name, "build-"), usage.Files, cache.Change())
			continue
		}
		for _, path := range []string{cache.layer.Path, cache.layer.Path + ".toml"} {
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				w.t.Errorf("%s is not to be stored, but there: %v", path, err)
			}
		}
	}
	w.end(c.Caches()...)
	return strings.TrimSuffix(changes, ", ")
}

// archive is the made-up output of compiling a package: content that shrinks by nothing.
func archive(number int) string { return "!<arch>\n" + noiseOf(number, 20_000) }

// use puts packages from on, up to to.
func (g gocache) use(from, to int) {
	g.t.Helper()
	for i := from; i < to; i++ {
		g.put(fmt.Sprint("compile ", i), archive(i))
	}
}

func (g gocache) expect(from, to int, want bool) {
	g.t.Helper()
	for i := from; i < to; i++ {
		if g.has(fmt.Sprint("compile ", i), archive(i)) != want {
			g.t.Errorf("package %d is there: %t", i, !want)
		}
	}
}

func TestCompiledPackagesFromBuildToBuild(t *testing.T) {
	w := newWorld(t)
	c, cache := w.compiled()
	cache.use(0, 40)
	same(t, "the first build", "base 80 written", w.packed(c))

	c, cache = w.compiled()
	cache.expect(0, 40, true)
	cache.use(0, 42)
	base := fingerprint(t, w.packFile("build-base"))
	same(t, "two packages more", "base 80 unchanged, delta 4 written", w.packed(c))
	same(t, "the base", base, fingerprint(t, w.packFile("build-base")))

	delta := fingerprint(t, w.packFile("build-delta"))
	for range 2 {
		c, cache = w.compiled()
		cache.expect(0, 42, true)
		cache.use(0, 42)
		same(t, "no change", "base 80 unchanged, delta 4 unchanged", w.packed(c))
		same(t, "the base", base, fingerprint(t, w.packFile("build-base")))
		same(t, "the delta", delta, fingerprint(t, w.packFile("build-delta")))
	}

	c, cache = w.compiled()
	cache.use(1, 41) // a package of each is not needed any more
	cache.use(50, 51)
	same(t, "a package of each less, one more", "base 80 unchanged, delta 4 written", w.packed(c))
	same(t, "the base", base, fingerprint(t, w.packFile("build-base")))

	c, cache = w.compiled()
	cache.expect(0, 41, true)
	cache.expect(41, 42, false)
	cache.expect(50, 51, true)
	cache.use(0, 40)
	same(t, "what the base has", "base 80 unchanged", w.packed(c))

	c, cache = w.compiled()
	cache.expect(0, 40, true)
	cache.expect(50, 51, false)
	cache.use(10, 45) // what only the base has is far more than the slack
	same(t, "too much that nobody uses", "base 70 written", w.packed(c))

	_, cache = w.compiled()
	cache.expect(0, 10, false)
	cache.expect(10, 45, true)
	w.warned(0)
}

// TestABaseIsPackedAnewBeyondTheSlack: both packs may be a quarter larger than one fresh pack.
func TestABaseIsPackedAnewBeyondTheSlack(t *testing.T) {
	for used, want := range map[int]string{
		40: "base 80 unchanged", 35: "base 80 unchanged", 31: "base 62 written", 1: "base 2 written",
	} {
		w := newWorld(t)
		c, cache := w.compiled()
		cache.use(0, 40)
		w.packed(c)
		c, cache = w.compiled()
		cache.use(0, used)
		same(t, fmt.Sprintf("%d of 40 used", used), want, w.packed(c))
	}
	// Whatever comes anew is needed, however much it is.
	w := newWorld(t)
	c, cache := w.compiled()
	cache.use(0, 4)
	w.packed(c)
	c, cache = w.compiled()
	cache.use(0, 40)
	same(t, "ten times more", "base 8 unchanged, delta 72 written", w.packed(c))
	// The delta counts as well: what it costs is known.
	c, cache = w.compiled()
	cache.use(5, 40)
	same(t, "without the base", "base 8 unchanged, delta 70 written", w.packed(c))
}

// TestAnEntryThatWasNotLookedAtIsNotUsed: an entry whose time is as unpacked was not looked at.
func TestAnEntryThatWasNotLookedAtIsNotUsed(t *testing.T) {
	w := newWorld(t)
	c, cache := w.compiled()
	cache.use(0, 2)
	w.packed(c)
	c, _ = w.compiled()
	files, err := c.used()
	must(t, err)
	if len(files) > 0 {
		t.Errorf("used without a build: %v", files)
	}
}

func TestABuildThatCompilesNothingKeepsAll(t *testing.T) {
	w := newWorld(t)
	c, _ := w.compiled()
	same(t, "nothing at all", "", w.packed(c))
	c, cache := w.compiled()
	cache.use(0, 40)
	w.packed(c)
	c, cache = w.compiled()
	cache.use(0, 41)
	w.packed(c)
	c, _ = w.compiled()
	same(t, "changes", "base 80 unchanged, delta 2 unchanged", w.packed(c))
	_, cache = w.compiled()
	cache.expect(0, 41, true)
}

// TestTwoBuildsOfTheSameGiveTheSamePack: the go command writes into each entry when that was, so that two builds of the same would never be the same.
func TestTwoBuildsOfTheSameGiveTheSamePack(t *testing.T) {
	var packs []string
	for build := range 2 {
		w := newWorld(t)
		w.builds = 10 * build
		c, cache := w.compiled()
		if build == 1 {
			cache.use(7, 10)
		}
		cache.use(0, 10)
		w.packed(c)
		data, err := os.ReadFile(w.packFile("build-base"))
		must(t, err)
		packs = append(packs, string(data))
	}
	if packs[0] != packs[1] {
		t.Error("the packs differ")
	}
}

// TestSourceListsAreLeftOutUnlessAllIsKept: the go command writes a list of source files for each package, and reads it only for vet and "go list -compiled".
func TestSourceListsAreLeftOutUnlessAllIsKept(t *testing.T) {
	const list, notAList, other = "./a.go\n./b_linux.go\n", "./a.go\nx.go\n", "../x/a.go\n"
	for _, all := range []bool{false, true} {
		w := newWorld(t)
		c, cache := w.compiled()
		c.All = all
		cache.use(0, 2)
		for i, output := range []string{list, notAList, other, ""} {
			cache.put(fmt.Sprint("list ", i), output)
		}
		cache.put("list again", list)
		large := strings.Repeat("./a.go\n", 10_000) // not looked at, since it is large
		cache.put("large", large)
		w.packed(c)
		_, cache = w.compiled()
		cache.expect(0, 2, true)
		for i, output := range []string{list, notAList, other, ""} {
			if got, want := cache.has(fmt.Sprint("list ", i), output), all || i != 0; got != want {
				t.Errorf("all kept %t: list %d is there: %t", all, i, got)
			}
		}
		if cache.has("list again", list) != all || !cache.has("large", large) {
			t.Errorf("all kept %t: the same list again is there: %t, a large one %t", all, cache.has("list again", list), cache.has("large", large))
		}
		if _, err := os.Stat(cache.path(entryFile(hash("list again"), "a"))); (err == nil) != all {
			t.Errorf("all kept %t: what leads to the list: %v", all, err)
		}
		// A second build that writes the lists again finds nothing new.
		c, cache = w.compiled()
		c.All = all
		cache.use(0, 2)
		for i, output := range []string{list, notAList, other, ""} {
			cache.put(fmt.Sprint("list ", i), output)
		}
		cache.put("list again", list)
		cache.put("large", large)
		if got := w.packed(c); strings.Contains(got, "written") {
			t.Errorf("all kept %t: %s", all, got)
		}
	}
}

func TestWhatIsNoEntryIsNotKept(t *testing.T) {
	w := newWorld(t)
	c, cache := w.compiled()
	cache.use(0, 1)
	h := hash("x")
	for _, name := range []string{
		"README", "trim.txt", "testexpire.txt", "ab", "fuzz/x/y", "00/notes", entryFile(h, "x"), entryFile(h, "d") + ".tmp",
		h[:2] + "/" + h[:62] + "-a", h[:2] + "/sub/" + h + "-a", strings.ToUpper(entryFile(h, "a")), "abc/" + h + "-a", h[:2] + "/" + h + "-d/" + h + "-d",
	} {
		if name != strings.ToLower(name) && cache.path(name) == cache.path(strings.ToLower(name)) {
			continue
		}
		_ = os.MkdirAll(filepath.Dir(cache.path(name)), 0o755)
		put(t, cache.path(name), "x")
	}
	w.packed(c)
	_, cache = w.compiled()
	same(t, "files", setOf(entryFile(hash("compile 0"), "a"), entryFile(hash(archive(0)), "d")), names(t, cache.dir))
}

// TestAnEntryOfAnotherKindIsKeptAsItIs: one of a later Go perhaps, is kept as it is.
func TestAnEntryOfAnotherKindIsKeptAsItIs(t *testing.T) {
	w := newWorld(t)
	c, cache := w.compiled()
	want := map[string]entry{}
	for i, text := range []string{"", "v2 something\n", actionText("x", "y", someTime) + "more", strings.TrimSpace(actionText("x", "y", someTime)), "./a.go\n"} {
		name := entryFile(hash(fmt.Sprint("entry ", i)), "a")
		put(t, cache.path(name), text)
		want[name] = entryOf(text, false)
	}
	w.packed(c)
	_, cache = w.compiled()
	same(t, "files", want, tree(t, cache.dir))
}

// TestAnotherOutputOfTheSameAction, as when a compiler is not reproducible: both packs have the entry, each with its output.
func TestAnotherOutputOfTheSameAction(t *testing.T) {
	w := newWorld(t)
	c, cache := w.compiled()
	cache.use(0, 40)
	w.packed(c)
	c, cache = w.compiled()
	cache.use(1, 40)
	must(t, os.Remove(cache.path(entryFile(hash("compile 0"), "a"))))
	cache.put("compile 0", archive(100))
	same(t, "changes", "base 80 unchanged, delta 2 written", w.packed(c))
	_, cache = w.compiled()
	cache.expect(1, 40, true)
	if !cache.has("compile 0", archive(0)) && !cache.has("compile 0", archive(100)) {
		t.Error("neither is there")
	}
}

// TestADamagedPackOfCompiledPackagesLeavesNothing: what the other one has written by then must not stay, nor be an error
// because its directory went away.
func TestADamagedPackOfCompiledPackagesLeavesNothing(t *testing.T) {
	const all = 80
	for _, damaged := range [][]string{{"build-base"}, {"build-delta"}, {"build-base", "build-delta"}} {
		for _, inBase := range []int{2, all - 2} { // so that the one is through with it before the other
			t.Run(fmt.Sprint(damaged, inBase), func(t *testing.T) {
				w := newWorld(t)
				c, cache := w.compiled()
				cache.use(0, inBase)
				w.packed(c)
				c, cache = w.compiled()
				cache.use(0, all)
				same(t, "changes", fmt.Sprintf("base %d unchanged, delta %d written", 2*inBase, 2*(all-inBase)), w.packed(c))
				for _, layer := range damaged {
					w.flip(layer)
				}
				c, cache = w.compiled()                               // fails the test on an error
				if n := len(w.warnings); n == 0 || n > len(damaged) { // the directory may be gone before the other damage is found
					t.Errorf("warnings are %q", w.warnings)
				}
				same(t, "what is left", map[string]bool{}, names(t, cache.dir))
				same(t, "packs that are left", map[string]bool{}, names(t, w.layers.Path))
				cache.use(0, inBase)
				same(t, "changes", fmt.Sprintf("base %d written", 2*inBase), w.packed(c))
				_, cache = w.compiled()
				cache.expect(0, inBase, true)
				w.warned(0)
			})
		}
	}
}

func TestOnePackOfCompiledPackagesIsMissing(t *testing.T) {
	for missing, want := range map[string]string{"build-base": "base 42 written", "build-delta": "base 40 unchanged, delta 2 written"} {
		for what, spoil := range map[string]func(w *world){
			"lost":    func(w *world) { must(t, os.RemoveAll(filepath.Join(w.layers.Path, missing))) },
			"damaged": func(w *world) { must(t, os.Truncate(w.packFile(missing), 50)) },
		} {
			w := newWorld(t)
			c, cache := w.compiled()
			cache.use(0, 20)
			w.packed(c)
			c, cache = w.compiled()
			cache.use(0, 21)
			w.packed(c)
			spoil(w)
			c, cache = w.compiled()
			cache.expect(0, 20, missing != "build-base")
			cache.expect(40, 21, missing != "build-delta")
			cache.use(0, 21)
			same(t, missing+" "+what, want, w.packed(c))
			_, cache = w.compiled()
			cache.expect(0, 21, true)
		}
	}
}

// TestADirectoryThatCannotBeMadeIsAnError: there is no build without GOCACHE.
func TestADirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	w := newWorld(t)
	c, cache := w.compiled()
	cache.use(0, 2)
	w.packed(c)
	dir := filepath.Join(t.TempDir(), "file")
	put(t, dir, "")
	c, err := w.build().OpenCompiled(dir, map[string]string{"go": "1.26.0"}, "a system")
	must(t, err)
	if err := c.Unpack(); err == nil {
		t.Error("no error")
	}
}

// TestOtherHeaders: a build without cgo does not care for them, one with cgo starts anew, but only once.
func TestOtherHeadersDoNotServeCgo(t *testing.T) {
	w := newWorld(t)
	build := func(system string, cgo bool) (served bool) {
		t.Helper()
		c, cache := w.compiledOn(system)
		served = true
		if cgo {
			var err error
			served, err = c.ForCgo()
			must(t, err)
		}
		cache.expect(0, 20, served && w.builds > 1)
		cache.use(0, 20)
		w.packed(c)
		return served
	}
	for i, step := range []struct {
		system      string
		cgo, served bool
	}{
		{"a system", true, true}, // there is nothing yet
		{"a system", true, true},
		{"an update", false, true},
		{"an update", true, false},
		{"an update", true, true},
		{"a system", true, false},
	} {
		if build(step.system, step.cgo) != step.served {
			t.Errorf("build %d: what was there served: %t", i, !step.served)
		}
	}
	must(t, os.RemoveAll(filepath.Join(w.layers.Path, baseLayer)))
	c, cache := w.compiled()
	cache.use(0, 30)
	w.packed(c)
	c, cache = w.compiled()
	cache.use(0, 31)
	same(t, "a delta", "base 60 unchanged, delta 2 written", w.packed(c))
	must(t, os.RemoveAll(filepath.Join(w.layers.Path, baseLayer)))
	c, cache = w.compiled()
	if served, err := c.ForCgo(); served || err != nil {
		t.Errorf("a delta without its base served: %t, %v", served, err)
	}
	same(t, "what is left", map[string]bool{}, names(t, cache.dir))
}
