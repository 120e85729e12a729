package buildcache

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

var someTime = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// ofSizes are files of the given sizes, with an empty one and a small one after each.
func ofSizes(sizes ...int) map[string]string {
	files := map[string]string{}
	for i, size := range sizes {
		files[fmt.Sprintf("%02d/a", i)] = noiseOf(i, size)
		files[fmt.Sprintf("%02d/b-empty", i)] = ""
		files[fmt.Sprintf("%02d/c-small", i)] = noiseOf(i+100, i+1)
	}
	return files
}

func manySmall() map[string]string {
	files := map[string]string{}
	for i := range 600 {
		files[fmt.Sprintf("d%d/e%d/f%d", i%3, i%7, i)] = noiseOf(i, 27*i)
	}
	return files
}

// TestFilesComeBackAsTheyWere has the sizes at which a file, its header or the next one meets the end of a frame.
func TestFilesComeBackAsTheyWere(t *testing.T) {
	const header = 512
	long := strings.Repeat("a-long-directory/", 20) + strings.Repeat("n", 255)
	tests := []struct {
		name  string
		files map[string]string
	}{
		{"one empty file", map[string]string{"empty": ""}},
		{"one byte", map[string]string{"one": "x"}},
		{"names that tar has no room for", map[string]string{long: "long", "übergröße/日本語 \"x\"\t\n": "names", "-rf": "x", "a b": "y", "…": ""}},
		{"many small files in several frames", manySmall()},
		{"several frames", ofSizes(3*frameSize+1, 1, frameSize)},
	}
	for _, end := range []int{frameSize - 2*header, frameSize - header, 2*frameSize - header} {
		for _, by := range []int{-header, -1, 0, 1, header} {
			if end > frameSize && max(by, -by) == header {
				continue // as in the first frame
			}
			tests = append(tests, struct {
				name  string
				files map[string]string
			}{fmt.Sprintf("a file of %d%+d bytes", end, by), ofSizes(end+by, 3)})
		}
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, want := content(test.files), map[string]entry{}
			for i := range c.Files {
				c.Files[i].Exec = i%2 == 0
				want[c.Files[i].Name] = entryOf(string(c.Files[i].Data), i%2 == 0)
			}
			file, _ := written(t, NewCrew(2), c)
			dir := unpacked(t, file, someTime)
			same(t, "files", want, tree(t, dir))
			allAt(t, dir, someTime)
		})
	}
}

// TestAFileIsExecutableOrNot: the umask is the user's, so a file is like any other that a build makes.
func TestAFileIsExecutableOrNot(t *testing.T) {
	c := content(map[string]string{"plain": "x", "program": "y"})
	for i := range c.Files {
		c.Files[i].Exec = c.Files[i].Name == "program"
	}
	file, _ := written(t, NewCrew(1), c)
	dir := unpacked(t, file, someTime)
	other := t.TempDir()
	for name, mode := range map[string]fs.FileMode{"plain": 0o644, "program": 0o755} {
		must(t, os.WriteFile(filepath.Join(other, name), nil, mode))
		want, err := os.Stat(filepath.Join(other, name))
		must(t, err)
		got, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if got.Mode() != want.Mode() {
			t.Errorf("%s is %s, want %s", name, got.Mode(), want.Mode())
		}
	}
}

// TestUnpackingOverWhatIsThere: a longer file must not keep its end.
func TestUnpackingOverWhatIsThere(t *testing.T) {
	files := map[string]string{"large": noiseOf(1, frameSize+5), "small": "new"}
	file, _ := written(t, NewCrew(2), content(files))
	dir := filepath.Join(t.TempDir(), "out")
	put(t, filepath.Join(dir, "large"), noiseOf(2, 2*frameSize))
	put(t, filepath.Join(dir, "small"), "longer than before")
	put(t, filepath.Join(dir, "other"), "stays")
	p, err := openPack(file)
	must(t, err)
	must(t, p.unpack(NewCrew(2), dir, someTime, nil))
	want := map[string]entry{"other": entryOf("stays", false)}
	for name, text := range files {
		want[name] = entryOf(text, false)
	}
	same(t, "files", want, tree(t, dir))
}

func TestOnlyWhatIsWantedIsUnpacked(t *testing.T) {
	files := ofSizes(frameSize, 2*frameSize, 5, 2*frameSize+9)
	file, _ := written(t, NewCrew(2), content(files))
	p, err := openPack(file)
	must(t, err)
	for name := range files {
		dir := filepath.Join(t.TempDir(), "out")
		must(t, p.unpack(NewCrew(2), dir, someTime, func(n string) bool { return n == name }))
		same(t, "files", map[string]entry{name: entryOf(files[name], false)}, tree(t, dir))
		allAt(t, dir, someTime)
	}
	dir := filepath.Join(t.TempDir(), "out")
	must(t, p.unpack(NewCrew(2), dir, someTime, func(string) bool { return false }))
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		t.Errorf("nothing is wanted, but there is %v", entries)
	}
}

// TestTheSameContentGivesTheSameBytes: the lifecycle stores a layer anew whose bytes have changed.
func TestTheSameContentGivesTheSameBytes(t *testing.T) {
	files := ofSizes(frameSize, 3, 100_000)
	c := content(files)
	c.Of, c.Parts, c.Known = "of", []string{"a", "b"}, []string{"c"}
	_, want := written(t, NewCrew(1), c)
	for _, size := range []int{1, 2, 64} {
		dir := t.TempDir()
		d := Content{Of: c.Of, Parts: c.Parts, Known: c.Known}
		for i, f := range c.Files {
			path := filepath.Join(dir, fmt.Sprint("other name ", i))
			put(t, path, string(f.Data))
			at := someTime.Add(time.Duration(size*i) * time.Hour)
			must(t, os.Chtimes(path, at, at))
			d.Files = append(d.Files, File{Name: f.Name, Path: path, Size: f.Size, Unchanged: i%2 == 0})
		}
		slices.SortFunc(d.Files, func(a, b File) int { return strings.Compare(b.Path, a.Path) })
		if _, got := written(t, NewCrew(size), d); differ(want, got) {
			t.Errorf("a crew of %d writes other bytes", size)
		}
	}
	for what, change := range map[string]func(*Content){
		"content": func(c *Content) { c.Files[0].Data = []byte(strings.Repeat("!", len(c.Files[0].Data))) },
		"a name":  func(c *Content) { c.Files[0].Name = "zz" },
		"a mode":  func(c *Content) { c.Files[0].Exec = true },
		"Of":      func(c *Content) { c.Of = "else" },
		"Parts":   func(c *Content) { c.Parts = nil },
		"Known":   func(c *Content) { c.Known = []string{"d"} },
	} {
		d := c
		d.Files = slices.Clone(c.Files)
		slices.SortFunc(d.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
		change(&d)
		if _, got := written(t, NewCrew(2), d); !differ(want, got) {
			t.Errorf("with another %s the bytes are the same, so the test is worth nothing", what)
		}
	}
}

// TestAPackIsATarArchiveInZstdFrames reads it with what everybody else has.
func TestAPackIsATarArchiveInZstdFrames(t *testing.T) {
	files := ofSizes(2*frameSize, 3)
	files[strings.Repeat("long/", 60)+"é"] = "x"
	file, data := written(t, NewCrew(2), content(files))
	decoder, err := zstd.NewReader(bytes.NewReader(data))
	must(t, err)
	defer decoder.Close()
	archive, last, found := tar.NewReader(decoder), "", map[string]entry{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		body, err := io.ReadAll(archive)
		must(t, err)
		if header.Name <= last {
			t.Errorf("%q comes after %q", header.Name, last)
		}
		if !header.ModTime.Equal(modified) || header.Uid != 0 || header.Uname != "" {
			t.Errorf("%s is of %s and user %d %q", header.Name, header.ModTime, header.Uid, header.Uname)
		}
		last, found[header.Name] = header.Name, entryOf(string(body), header.Mode == 0o755)
	}
	want := map[string]entry{}
	for name, text := range files {
		want[name] = entryOf(text, false)
	}
	same(t, "archive/tar", want, found)
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm()&0o044 != 0o044 && info.Mode().Perm() != 0o600 { // 0600 under a umask of 077
		t.Errorf("the lifecycle, another user, cannot read it: %s", info.Mode())
	}
}

func TestTheProgramsZstdAndTarListAPack(t *testing.T) {
	for _, name := range []string{"zstd", "tar"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("SKIPPED: %s is not installed (apt-get install %s): %v", name, name, err)
		}
	}
	file, _ := written(t, NewCrew(2), content(ofSizes(2*frameSize, 3)))
	command := exec.Command("bash", "-c", `set -o pipefail; zstd -dc "$1" | tar -t`, "bash", file)
	out, err := command.CombinedOutput()
	must(t, err)
	same(t, "tar -t", "00/a\n00/b-empty\n00/c-small\n01/a\n01/b-empty\n01/c-small\n", string(out))
	if out, err := exec.Command("zstd", "--test", file).CombinedOutput(); err != nil {
		t.Errorf("zstd --test: %v %s", err, out)
	}
}

func TestFramesButTheLastAreOfOneSize(t *testing.T) {
	file, data := written(t, NewCrew(2), content(ofSizes(2*frameSize, frameSize/2)))
	p, err := openPack(file)
	must(t, err)
	decoder, err := zstd.NewReader(nil)
	must(t, err)
	defer decoder.Close()
	for i, f := range p.index.Frames {
		raw, err := decoder.DecodeAll(data[:f.Size], nil)
		must(t, err)
		data = data[f.Size:]
		if int64(len(raw)) != f.Raw || (i < len(p.index.Frames)-1 && f.Raw != frameSize) {
			t.Errorf("frame %d holds %d bytes, the index says %d", i, len(raw), f.Raw)
		}
	}
	if len(p.index.Frames) != 3 {
		t.Errorf("%d frames", len(p.index.Frames))
	}
}

// failing are packs that cannot be written, each with what is wrong with it.
func failing(t *testing.T) map[string]Content {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "file"), noiseOf(1, 1000))
	put(t, filepath.Join(dir, "link"), "")
	of := func(name, path string, size int64) Content {
		c := content(ofSizes(frameSize, 3))
		c.Files = append(c.Files, File{Name: name, Path: filepath.Join(dir, path), Size: size})
		return c
	}
	return map[string]Content{
		"a file that is gone, first":         of("!", "gone", 5),
		"a file that is gone, last":          of("~", "gone", 5),
		"a file that is gone, was empty":     of("~", "gone", 0),
		"a file that grew, first":            of("!", "file", 999),
		"a file that grew, last":             of("~", "file", 999),
		"a file that grew, was empty":        of("~", "file", 0),
		"a file that shrank, first":          of("!", "file", 1001),
		"a file that shrank, last":           of("~", "file", 1001),
		"a file that shrank a lot, last":     of("~", "file", 9*frameSize),
		"a directory":                        of("~", ".", 0),
		"a name with a NUL":                  of("a\x00b", "file", 1000),
		"a name that leads out":              of("../x", "file", 1000),
		"a name that JSON has no way to say": of("a\xff", "file", 1000),
		"a name with a backslash":            of(`a\b`, "file", 1000),
		"no name":                            of("", "file", 1000),
	}
}

func TestAPackAppearsWholeOrNotAtAll(t *testing.T) {
	for what, c := range failing(t) {
		t.Run(what, func(t *testing.T) {
			crew := NewCrew(2)
			dir := t.TempDir()
			file := filepath.Join(dir, "x.tar.zst")
			for _, before := range []string{"none", "an earlier one"} {
				if before != "none" {
					must(t, writePack(crew, file, content(map[string]string{"a": "1"})))
				}
				was := fingerprint(t, file)
				if err := writePack(crew, file, c); err == nil {
					t.Error("no error")
				}
				same(t, "the pack", was, fingerprint(t, file))
				if entries, err := os.ReadDir(dir); err != nil || len(entries) > 1 || before == "none" && len(entries) > 0 {
					t.Errorf("the directory has %v, %v", entries, err)
				}
			}
			// Everybody of the crew is free again.
			must(t, writePack(crew, file, content(ofSizes(3))))
		})
	}
}

func TestAPackThatHasNoPlace(t *testing.T) {
	c := content(ofSizes(2*frameSize, 3))
	t.Run("a file where the layer is to be", func(t *testing.T) {
		layer := filepath.Join(t.TempDir(), "layer")
		put(t, layer, "")
		if err := writePack(NewCrew(2), filepath.Join(layer, "x"), c); err == nil {
			t.Error("no error")
		}
	})
	t.Run("a directory where the pack is to be", func(t *testing.T) {
		layer := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(layer, "x", "y"), 0o755))
		if err := writePack(NewCrew(2), filepath.Join(layer, "x"), c); err == nil {
			t.Error("no error")
		}
		if _, err := os.Lstat(filepath.Join(layer, "x.new")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what was written stays behind: %v", err)
		}
	})
	t.Run("a full disk", func(t *testing.T) {
		if _, err := os.Stat("/dev/full"); err != nil {
			t.Skipf("SKIPPED: this system has no /dev/full: %v", err)
		}
		for what, c := range map[string]Content{"frames": c, "index": content(map[string]string{"a": ""})} {
			layer := t.TempDir()
			must(t, os.Symlink("/dev/full", filepath.Join(layer, "x.new")))
			if err := writePack(NewCrew(2), filepath.Join(layer, "x"), c); err == nil {
				t.Errorf("%s: no error", what)
			}
			if entries, err := os.ReadDir(layer); err != nil || len(entries) > 0 {
				t.Errorf("%s: %v stays behind, %v", what, entries, err)
			}
		}
	})
}

// failsOnce is a disk that is full for a moment.
type failsOnce struct{ good int }

func (f *failsOnce) Write(p []byte) (int, error) {
	f.good--
	if f.good == -1 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// TestAnyWriteThatFails is an error, also where the next one goes well again: there are three frames and the index.
func TestAnyWriteThatFailsIsAnError(t *testing.T) {
	files := content(ofSizes(2*frameSize + 1)).Files
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	for good := range 5 {
		w := &packWriter{out: &failsOnce{good}, crew: NewCrew(2)}
		if err := w.write(files); (err != nil) != (good < 4) {
			t.Errorf("after %d good writes: %v", good, err)
		}
	}
}

// TestAFileThatCannotBeUnpacked is no damage: the pack is as it was.
func TestAFileThatCannotBeUnpacked(t *testing.T) {
	file, _ := written(t, NewCrew(2), content(map[string]string{"a": "x", "b/c": "y"}))
	p, err := openPack(file)
	must(t, err)
	for what, blocked := range map[string]string{"a directory instead of the file": "a/x", "a file instead of the directory": "b"} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, filepath.FromSlash(blocked)), "")
		if err := p.unpack(NewCrew(2), dir, someTime, nil); err == nil || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	must(t, os.Remove(file))
	if err := p.unpack(NewCrew(2), t.TempDir(), someTime, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the pack is gone: got %v", err)
	}
}

func TestACrewHasAtLeastOne(t *testing.T) {
	for _, n := range []int{-1, 0, 1} {
		file, _ := written(t, NewCrew(n), content(ofSizes(3*frameSize)))
		p, err := openPack(file)
		must(t, err)
		must(t, p.unpack(NewCrew(n), t.TempDir(), someTime, nil))
	}
}

// TestCostsOfFiles: all files of a pack cost about what the pack takes, and what is larger costs more.
func TestCostsOfFiles(t *testing.T) {
	files := map[string]string{"a": noiseOf(1, 1000), "b": noiseOf(2, 2*frameSize), "c": strings.Repeat("x", frameSize), "d": ""}
	file, data := written(t, NewCrew(2), content(files))
	p, err := openPack(file)
	must(t, err)
	costs := p.costs()
	var sum int64
	for name := range files {
		sum += costs[name]
	}
	if whole := int64(len(data)); sum > whole || sum < whole*9/10 {
		t.Errorf("the files cost %d, the pack has %d", sum, whole)
	}
	if costs["b"] < 2*frameSize*99/100 || costs["b"] > 2*frameSize*101/100 {
		t.Errorf("noise of %d bytes costs %d", 2*frameSize, costs["b"])
	}
	if costs["a"] < 1000 || costs["a"] > 2000 || costs["d"] < 0 || costs["d"] > 1000 {
		t.Errorf("costs are %v", costs)
	}
	if costs := (*pack)(nil).costs(); len(costs) != 0 {
		t.Errorf("no pack costs %v", costs)
	}
	if r := p.ratio(); r < 0.5 || r > 0.8 { // a third of it is nothing
		t.Errorf("it shrinks to %f", r)
	}
}
