package buildcache

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/mod/module"
)

// FuzzOpenPack reads anything as a pack, and as the frames of one with anything as index: nothing may be written
// beside the directory, and what is unpacked is as the index says.
func FuzzOpenPack(f *testing.F) {
	_, data := written(f, NewCrew(1), content(map[string]string{"a": "text", "b/c": "more", "d": ""}))
	file := filepath.Join(f.TempDir(), "x")
	must(f, os.WriteFile(file, data, 0o600))
	p, err := openPack(file)
	must(f, err)
	text, err := json.Marshal(p.index)
	must(f, err)
	frames := data[:p.index.Frames[0].Size]
	f.Add(data, text)
	f.Add(frames, text)
	for _, name := range []string{"../x", "/x", "a/../../b", ".", "", "a", "a/b/c", `..\x`, "a\u0000"} {
		quoted, err := json.Marshal(name)
		must(f, err)
		f.Add(frames, []byte(strings.Replace(string(text), `"a"`, string(quoted), 1)))
	}
	for _, index := range []string{"", "null", "{}", `{"files":[{"name":"a"}]}`, `{"frames":[{"size":1,"raw":4194304}],"files":[{"name":"a","at":512,"size":9}]}`} {
		f.Add([]byte(nil), []byte(index))
		f.Add(frames, []byte(index))
	}
	f.Fuzz(func(t *testing.T, data, index []byte) {
		s := newSite(t)
		file := filepath.Join(t.TempDir(), "x")
		for i, bytes := range [][]byte{data, forge(t, data, index), forgePacked(data, index)} {
			must(t, os.WriteFile(file, bytes, 0o600))
			p, err := openPack(file)
			if err != nil {
				continue
			}
			_, _, _ = p.costs(), p.ratio(), p.byName()
			dir := filepath.Join(s.dir, fmt.Sprint(i))
			if err := p.unpack(NewCrew(2), dir, someTime, nil); err != nil {
				continue
			}
			found := tree(t, dir)
			for _, f := range p.index.Files {
				if e, ok := found[f.Name]; !ok || int64(e.Size) != f.Size || f.Exec && !e.Exec {
					t.Errorf("%q: the index has %+v, unpacked is %+v", f.Name, f, e)
				}
			}
		}
		s.untouched(t)
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("a\nb/c\nd", []byte("text"), uint32(1), uint32(0))
	f.Add("a", []byte{}, uint32(0), uint32(5))
	f.Add("é/ü\n"+strings.Repeat("long/", 50)+"x\n-", []byte("0123456789"), uint32(frameSize/10), uint32(7))
	f.Add("a\nb\nc\nd", []byte{0}, uint32(frameSize-1024), uint32(512))
	f.Add("../x\n/y\n.\na\\b\n\xff\na\na/b", []byte("x"), uint32(frameSize), uint32(1))
	f.Fuzz(func(t *testing.T, text string, data []byte, repeat, more uint32) {
		files := map[string]string{}
		refusedName := false
		body := strings.Repeat(string(data), int(repeat)%(2*frameSize/max(len(data), 1)+1))
		for i, name := range strings.Split(text, "\n") {
			if strings.ContainsFunc(name, unicode.IsControl) || slices.ContainsFunc(strings.Split(name, "/"), func(e string) bool { return len(e) > 255 }) || len(name) > 3000 || i > 20 {
				return
			}
			refusedName = refusedName || !validName(name)
			files[name] = body[:max(len(body)-int(more%1500)*i, 0)]
		}
		for name := range files {
			for above := path.Dir(name); above != "." && above != "/"; above = path.Dir(above) {
				if _, ok := files[above]; ok {
					return // a file cannot be a directory
				}
			}
		}
		packed := filepath.Join(t.TempDir(), "x")
		if err := writePack(NewCrew(2), packed, content(files)); (err != nil) != refusedName {
			t.Fatalf("names %q: %v", text, err)
		}
		if refusedName {
			return
		}
		dir := unpacked(t, packed, someTime)
		same(t, "files", wantOf(files), tree(t, dir))
		allAt(t, dir, someTime)
		again := filepath.Join(t.TempDir(), "x")
		must(t, writePack(NewCrew(1), again, content(files)))
		a, err := os.ReadFile(packed)
		must(t, err)
		b, err := os.ReadFile(again)
		must(t, err)
		if differ(a, b) {
			t.Error("packed again it has other bytes")
		}
	})
}

func FuzzNamesInTheModuleCache(f *testing.F) {
	for _, name := range []string{
		"cache/download/example.com/!alpha/@v/v1.0.0.mod", "cache/download/a.b/c/v2/@v/v2.0.0-!r!c+x.info", "cache/download/../a/@v/v1.0.0.mod",
		"cache/download/a.b/@v/@v/v1.mod", "cache/download/a.b/c/@v/../x.mod", "cache/download/a.b/c/@v/.mod", "a.b/c@v1.0.0/d@e/f.go", "@", "a@/", "",
	} {
		f.Add(name, "example.com/Alpha", "v1.0.0-RC", "sub/x.go")
	}
	f.Fuzz(func(t *testing.T, name, modulePath, version, file string) {
		if v, ok := describedModule(name); ok {
			escaped, err := module.EscapePath(v.Path)
			must(t, err)
			escapedVersion, err := module.EscapeVersion(v.Version)
			must(t, err)
			if again := downloads + escaped + "/@v/" + escapedVersion + path.Ext(name); again != name || !filepath.IsLocal(name) {
				t.Errorf("%q describes %q, which %q describes", name, v, again)
			}
			if directory(v) == "" {
				t.Errorf("%q has no directory", v)
			}
		}
		if dir := moduleDirectory(name); dir != name && !strings.HasPrefix(name, dir+"/") {
			t.Errorf("%q does not lie in %q", name, dir)
		}
		v := module.Version{Path: modulePath, Version: version}
		dir := directory(v)
		if dir == "" {
			return
		}
		if got := moduleDirectory(dir + "/" + file); got != dir {
			t.Errorf("%q of %q lies in %q, not %q", file, v, got, dir)
		}
		escaped, escapedVersion, _ := strings.Cut(dir, "@")
		for _, kind := range describing {
			if got, ok := describedModule(downloads + escaped + "/@v/" + escapedVersion + kind); !ok || got != v {
				t.Errorf("%q: %t, %q", v, ok, got)
			}
		}
	})
}

// FuzzNormalize: only the time of an entry may change, and only where it is an entry.
func FuzzNormalize(f *testing.F) {
	h := strings.Repeat("0123456789abcdef", 4)
	f.Add([]byte(fmt.Sprintf("v1 %s %s %20d %20d\n", h, h, 5, 1234567890123456789)))
	f.Add([]byte(fmt.Sprintf("v1 %s %s %20d %20d", h, h, 5, 1)))
	f.Add([]byte(fmt.Sprintf("v2 %s %s %20d %20d\n", h, h, 5, 1)))
	f.Add([]byte(fmt.Sprintf("v1 %s %s %20s %20s\n", h, h, "1 2", "")))
	f.Add([]byte("\nv1 "))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		file := File{Path: filepath.Join(dir, "x-a"), Size: -1}
		must(t, os.WriteFile(file.Path, data, 0o600))
		must(t, normalize(&file))
		if file.Data == nil || int64(len(file.Data)) != file.Size || len(file.Data) != len(data) {
			t.Fatalf("%q becomes %q of %d bytes", data, file.Data, file.Size)
		}
		const before, time = 2 + 1 + 64 + 1 + 64 + 1 + 20 + 1, 20
		changed := differ(file.Data, data)
		if changed && (len(data) != before+time+1 || differ(file.Data[:before], data[:before]) || string(data[:3]) != "v1 " ||
			strings.Trim(string(data[before:before+time]), " 0123456789") != "" || data[before+time] != '\n') {
			t.Errorf("%q becomes %q", data, file.Data)
		}
		if changed && strings.TrimSpace(string(file.Data[before:])) != fmt.Sprint(modified.UnixNano()) {
			t.Errorf("%q becomes %q", data, file.Data)
		}
		must(t, os.WriteFile(file.Path, file.Data, 0o600))
		again := file
		must(t, normalize(&again))
		if differ(file.Data, again.Data) {
			t.Errorf("%q becomes %q, and then %q", data, file.Data, again.Data)
		}
	})
}

// FuzzMentions compares with a slow way to say the same: each place of the text is looked at.
func FuzzMentions(f *testing.F) {
	for _, text := range []string{"a.b/c", "xa.b/c", "a.b/ca.b/c", "(a.b/c)", "a.b/c@v1: a.b/cd", "", "a.b/\xff"} {
		f.Add(text, "a.b/c")
	}
	f.Add("aa aaa", "aa")
	f.Fuzz(func(t *testing.T, text, importPath string) {
		if module.CheckPath(importPath) != nil {
			return
		}
		want := false
		for i := range len(text) {
			rest, found := strings.CutPrefix(text[i:], importPath)
			begins := i == 0 || strings.ContainsAny(text[i-1:i], " \t\n\"'`:(@")
			ends := rest == "" || strings.ContainsAny(rest[:1], "/ \t\n\"'`:;,)@")
			want = want || found && begins && ends
		}
		if got := mentions(text, importPath); got != want {
			t.Errorf("%q mentions %q: %t", text, importPath, got)
		}
	})
}
