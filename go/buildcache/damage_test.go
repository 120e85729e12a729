package buildcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// compressible is content of which a large pack is a small file, so that each byte counts.
func compressible() map[string]string {
	return map[string]string{
		"a/large":   strings.Repeat("0123456789abcdef", frameSize/32),
		"b/empty":   "",
		"c/program": strings.Repeat("All work and no play. ", frameSize/32),
		"d/small":   noiseOf(1, 600),
	}
}

// site is a directory to unpack to, with something beside it that has to stay.
type site struct{ top, dir string }

func newSite(t testing.TB) site {
	t.Helper()
	top := t.TempDir()
	put(t, filepath.Join(top, "a", "victim"), "whole")
	return site{top, filepath.Join(top, "a", "b", "dir")}
}

// untouched fails the test when anything was written beside the directory.
func (s site) untouched(t testing.TB) {
	t.Helper()
	for name, e := range tree(t, s.top) {
		if !strings.HasPrefix(name, "a/b/dir/") && (name != "a/victim" || e != entryOf("whole", false)) {
			t.Errorf("%s was written", name)
		}
	}
}

// read opens and unpacks what file holds now.
func (s site) read(file string) error {
	p, err := openPack(file)
	if err != nil {
		return err
	}
	return p.unpack(NewCrew(2), s.dir, someTime, nil)
}

// harmless fails the test unless the bytes are refused as damaged or, where they may be whole, give the right content.
func harmless(t *testing.T, what string, data []byte, want map[string]entry) (whole bool) {
	t.Helper()
	s := newSite(t)
	file := filepath.Join(t.TempDir(), "x.tar.zst")
	must(t, os.WriteFile(file, data, 0o600))
	err := s.read(file)
	if err == nil {
		same(t, what+": files", want, tree(t, s.dir))
	} else {
		refused(t, err)
	}
	s.untouched(t)
	return err == nil
}

func wantOf(files map[string]string) map[string]entry {
	want := map[string]entry{}
	for name, text := range files {
		want[name] = entryOf(text, false)
	}
	return want
}

func TestAPackThatWasCutShortIsRefused(t *testing.T) {
	file, data := written(t, NewCrew(2), content(compressible()))
	for n := len(data) - 1; n >= 0; n-- {
		must(t, os.Truncate(file, int64(n)))
		_, err := openPack(file)
		refused(t, err)
	}
	must(t, os.WriteFile(file, append(slices.Clone(data), 0), 0o600))
	_, err := openPack(file)
	refused(t, err)
}

// TestAPackThatLacksAPieceIsRefused: the end is there, and says that it is whole.
func TestAPackThatLacksAPieceIsRefused(t *testing.T) {
	files := compressible()
	file, data := written(t, NewCrew(2), content(files))
	p, err := openPack(file)
	must(t, err)
	var frames int
	for _, f := range p.index.Frames {
		frames += int(f.Size)
	}
	for _, n := range []int{1, 8, 100, frames} {
		for at := 0; at+n <= frames; at += max(frames/5, 1) {
			if harmless(t, fmt.Sprintf("%d bytes at %d missing", n, at), slices.Delete(slices.Clone(data), at, at+n), wantOf(files)) {
				t.Errorf("without %d bytes at %d it counts as whole", n, at)
			}
			if n == 1 {
				continue // it may have been a zero
			}
			zeroed := slices.Clone(data)
			clear(zeroed[at : at+n])
			if harmless(t, fmt.Sprintf("%d bytes at %d zero", n, at), zeroed, wantOf(files)) && differ(zeroed, data) {
				t.Errorf("with %d zeros at %d it counts as whole", n, at)
			}
		}
	}
}

// TestAFlippedByteIsNoticed, unless it says nothing, as a bit of a frame's header: then all is right.
// Nothing reads how long the frame of the index is, which is for other programs.
func TestAFlippedByteIsNoticed(t *testing.T) {
	files := compressible()
	file, data := written(t, NewCrew(2), content(files))
	p, err := openPack(file)
	must(t, err)
	first := int(p.index.Frames[0].Size)
	frames := first + int(p.index.Frames[1].Size)
	few := frames / 12
	if testing.Short() {
		few *= 5
	}
	whole, all := 0, 0
	for at := range data[:frames+8] {
		inFrame := at % first // of two frames
		if at < frames && inFrame > 7 && inFrame < first-5 && at < frames-5 && at%few != 0 {
			continue // a frame takes long to read
		}
		broken := slices.Clone(data)
		broken[at] ^= 1 << (at % 8)
		ok := harmless(t, fmt.Sprintf("byte %d", at), broken, wantOf(files))
		if at >= frames && !ok {
			t.Errorf("byte %d, behind %d of frames, is for others, but makes a difference", at, frames)
		}
		if at < frames {
			all++
			if ok {
				whole++
			}
		}
	}
	for at := frames + 8; at < len(data); at++ {
		for bit := range 8 {
			broken := slices.Clone(data)
			broken[at] ^= 1 << bit
			if _, err := readIndex(bytes.NewReader(broken), int64(len(broken))); !errors.Is(err, ErrDamaged) {
				t.Errorf("byte %d of %d, behind %d of frames: got %v", at, len(data), frames, err)
			}
		}
	}
	if whole > all/5 {
		t.Errorf("%d of %d changes in frames were not noticed", whole, all)
	}
}

// forge makes a pack of those frames and an index.
func forge(t testing.TB, frames, index []byte) []byte {
	t.Helper()
	compressed, err := compress(index, nil)
	must(t, err)
	return forgePacked(frames, compressed)
}

func forgePacked(frames, index []byte) []byte {
	data := binary.LittleEndian.AppendUint32(slices.Clone(frames), skippableMagic)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(index)+trailerSize))
	data = append(data, index...)
	sum := sha256.Sum256(index)
	data = append(data, sum[:]...)
	data = binary.LittleEndian.AppendUint64(data, uint64(len(index)))
	return append(data, packMagic...)
}

// forger makes packs of a whole one by changes of its index.
type forger struct {
	files  map[string]string
	frames []byte
	index  []byte
}

func newForger(t *testing.T) forger {
	t.Helper()
	files := compressible()
	file, data := written(t, NewCrew(2), content(files))
	p, err := openPack(file)
	must(t, err)
	var size int64
	for _, f := range p.index.Frames {
		size += f.Size
	}
	text, err := json.Marshal(p.index)
	must(t, err)
	return forger{files, data[:size], text}
}

// with returns the pack with a changed index.
func (f forger) with(t *testing.T, change func(*index)) []byte {
	t.Helper()
	var i index
	must(t, json.Unmarshal(f.index, &i))
	change(&i)
	text, err := json.Marshal(i)
	must(t, err)
	return forge(t, f.frames, text)
}

func TestAForgedIndexIsRefused(t *testing.T) {
	f := newForger(t)
	if !harmless(t, "unchanged", f.with(t, func(*index) {}), wantOf(f.files)) {
		t.Fatal("what is forged is refused in any case: the test is worth nothing")
	}
	tests := map[string]func(i *index){
		"negative size":                 func(i *index) { i.Files[3].Size = -1 },
		"smallest size":                 func(i *index) { i.Files[3].Size = -1 << 63 },
		"huge size":                     func(i *index) { i.Files[3].Size = 1<<63 - 1 },
		"size beyond the archive":       func(i *index) { i.Files[3].Size = 4 * frameSize },
		"negative place":                func(i *index) { i.Files[0].At = -1 },
		"smallest place":                func(i *index) { i.Files[0].At = -1 << 63 },
		"place before any header":       func(i *index) { i.Files[0].At = 0 },
		"huge place":                    func(i *index) { i.Files[3].At = 1<<63 - 1 },
		"overlapping files":             func(i *index) { i.Files[1].At = i.Files[0].At },
		"overlapping by one byte":       func(i *index) { i.Files[3].At, i.Files[3].Size = i.Files[2].At+i.Files[2].Size-1, 1 },
		"files in another order":        func(i *index) { i.Files[0].Name, i.Files[1].Name = i.Files[1].Name, i.Files[0].Name },
		"places in another order":       func(i *index) { i.Files[0].At, i.Files[2].At = i.Files[2].At, i.Files[0].At },
		"the same file twice":           func(i *index) { i.Files[1].Name = i.Files[0].Name },
		"no frames":                     func(i *index) { i.Frames = nil },
		"no frames, an empty file":      func(i *index) { i.Frames, i.Files = nil, []packedFile{{Name: "a"}} },
		"a frame too few":               func(i *index) { i.Frames = i.Frames[:1] },
		"a frame too many":              func(i *index) { i.Frames = append(i.Frames, i.Frames[0]) },
		"a frame of no bytes":           func(i *index) { i.Frames[0].Size = 0 },
		"a frame of negative bytes":     func(i *index) { i.Frames[0].Size, i.Frames[1].Size = -1, i.Frames[0].Size+i.Frames[1].Size+1 },
		"a frame of huge size":          func(i *index) { i.Frames[0].Size = 1<<63 - 1 },
		"a frame for nothing":           func(i *index) { i.Frames[0].Raw = 0 },
		"a frame for less":              func(i *index) { i.Frames[0].Raw-- },
		"the last frame for less":       func(i *index) { i.Frames[1].Raw-- },
		"the last frame for more":       func(i *index) { i.Frames[1].Raw++ },
		"a frame for more":              func(i *index) { i.Frames[0].Raw++ },
		"frames for less and for more":  func(i *index) { i.Frames[0].Raw--; i.Frames[1].Raw++ },
		"a frame for huge content":      func(i *index) { i.Frames[0].Raw = 1<<63 - 1 },
		"a frame for negative content":  func(i *index) { i.Frames[0].Raw = -frameSize },
		"the first frame is longer":     func(i *index) { i.Frames[0].Size++; i.Frames[1].Size-- },
		"the first frame is the second": func(i *index) { i.Frames = i.Frames[1:] },
	}
	for _, name := range []string{
		"", ".", "..", "../x", "/x", "/", "a/../../b", "a/../b", "a/..", "./a", "a/", "a//b", "a/./b", "a\x00b", "\x00", `a\b`, `..\x`, "//x", "../../victim",
	} {
		tests[fmt.Sprintf("the name %q", name)] = func(i *index) {
			i.Files = i.Files[3:]
			i.Files[0].Name = name
		}
	}
	for what, change := range tests {
		t.Run(what, func(t *testing.T) {
			if harmless(t, what, f.with(t, change), wantOf(f.files)) {
				t.Error("it counts as whole")
			}
		})
	}
}

// TestFramesOfAnotherSizeAreRefused: unpacking takes it that a file's place says in which frames it lies.
func TestFramesOfAnotherSizeAreRefused(t *testing.T) {
	f := newForger(t)
	decoder, err := zstd.NewReader(bytes.NewReader(f.frames))
	must(t, err)
	defer decoder.Close()
	archive, err := io.ReadAll(decoder)
	must(t, err)
	for size, want := range map[int]bool{frameSize: true, frameSize / 2: false, frameSize * 3 / 2: false} {
		var frames []byte
		var cut []frame
		for piece := range slices.Chunk(archive, size) {
			packed, err := compress(piece, nil)
			must(t, err)
			frames = append(frames, packed...)
			cut = append(cut, frame{Size: int64(len(packed)), Raw: int64(len(piece))})
		}
		data := forger{f.files, frames, f.index}.with(t, func(i *index) { i.Frames = cut })
		if harmless(t, "frames", data, wantOf(f.files)) != want {
			t.Errorf("frames of %d bytes count as whole: %t", size, !want)
		}
	}
}

// TestAFileCannotBeADirectoryToo: openPack does not look for it, so that unpacking has to end well.
func TestAFileCannotBeADirectoryToo(t *testing.T) {
	f := newForger(t)
	s := newSite(t)
	file := filepath.Join(t.TempDir(), "x")
	must(t, os.WriteFile(file, f.with(t, func(i *index) { i.Files[0].Name, i.Files[1].Name = "a", "a/b" }), 0o600))
	if err := s.read(file); err == nil {
		t.Error("no error")
	}
	s.untouched(t)
}

func TestAnIndexThatIsNoneIsRefused(t *testing.T) {
	f := newForger(t)
	tests := map[string][]byte{
		"nothing":               {},
		"zeros":                 make([]byte, 1000),
		"text":                  []byte(strings.Repeat("<html>", 100)),
		"no JSON":               forge(t, f.frames, []byte("{")),
		"JSON of other types":   forge(t, f.frames, []byte(`{"frames": 1}`)),
		"a list":                forge(t, f.frames, []byte(`[]`)),
		"a fraction":            forge(t, f.frames, []byte(`{"frames":[{"size":1.5,"raw":1}]}`)),
		"a number of 20 digits": forge(t, f.frames, []byte(`{"frames":[{"size":99999999999999999999,"raw":1}]}`)),
		"nothing, compressed":   forge(t, f.frames, nil),
		"an index as it is":     forgePacked(f.frames, f.index),
		"an empty index":        forgePacked(f.frames, nil),
		"half an index": func() []byte {
			compressed, err := compress(f.index, nil)
			must(t, err)
			return forgePacked(f.frames, compressed[:len(compressed)/2])
		}(),
		"more than there is room for": forge(t, f.frames, append(bytes.Repeat([]byte(" "), maxIndex), f.index...)),
	}
	whole := f.with(t, func(*index) {})
	for what, length := range map[string]uint64{"huge": 1<<64 - 1, "negative": 1 << 63, "one more": uint64(len(whole)-trailerSize) + 1, "all of it": uint64(len(whole) - trailerSize), "none": 0} {
		data := slices.Clone(whole)
		binary.LittleEndian.PutUint64(data[len(data)-len(packMagic)-8:], length)
		tests["length of the index is "+what] = data
	}
	for version := range 3 {
		data := slices.Clone(whole)
		tests[fmt.Sprint("a pack of format ", version)] = append(data[:len(data)-1], byte('0'+version*2))
	}
	for what, data := range tests {
		t.Run(what, func(t *testing.T) {
			if harmless(t, what, data, nil) {
				t.Error("it counts as whole")
			}
		})
	}
}

func TestSomethingElseThanAFileIsNoPack(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 { // a directory has a size too
		put(t, filepath.Join(dir, fmt.Sprint(i)), "")
	}
	_, err := openPack(dir)
	refused(t, err)
	if _, err := openPack(filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Errorf("nothing is no damage: got %v", err)
	}
}

// TestAFrameOfMuchMoreThanItSaysTakesNoMemory: what comes out of a frame is not known before.
func TestAFrameOfMuchMoreThanItSaysTakesNoMemory(t *testing.T) {
	const size = 256 << 20
	for _, known := range []bool{true, false} {
		var bomb bytes.Buffer
		encoder, err := zstd.NewWriter(&bomb, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(frameSize))
		must(t, err)
		if known {
			encoder.ResetContentSize(&bomb, size)
		}
		zeros := make([]byte, frameSize)
		for range size / frameSize {
			_, err := encoder.Write(zeros)
			must(t, err)
		}
		must(t, encoder.Close())
		text, err := json.Marshal(index{
			Frames: []frame{{Size: int64(bomb.Len()), Raw: frameSize}}, Files: []packedFile{{Name: "a", At: 512, Size: 1000}},
		})
		must(t, err)
		data := forge(t, bomb.Bytes(), text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if harmless(t, "bomb", data, nil) {
			t.Error("it counts as whole")
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > size/4 {
			t.Errorf("size known %t: %d bytes were allocated", known, took)
		}
	}
}
