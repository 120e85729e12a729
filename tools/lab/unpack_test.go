package main

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// layerTar is a layer with these entries: a directory ends in "/", "a -> b" is a symbolic link, "a => b" a hard link, and "a=text" a
// file.
func layerTar(t *testing.T, entries ...string) *bytes.Buffer {
	t.Helper()
	var content bytes.Buffer
	out := tar.NewWriter(&content)
	for _, entry := range entries {
		header := &tar.Header{Name: entry, Mode: 0o644, ModTime: normalTime, Typeflag: tar.TypeReg}
		text := ""
		if name, target, ok := strings.Cut(entry, " -> "); ok {
			header.Name, header.Linkname, header.Typeflag = name, target, tar.TypeSymlink
		} else if name, target, ok := strings.Cut(entry, " => "); ok {
			header.Name, header.Linkname, header.Typeflag = name, target, tar.TypeLink
		} else if strings.HasSuffix(entry, "/") {
			header.Mode, header.Typeflag = 0o555, tar.TypeDir
		} else {
			header.Name, text, _ = strings.Cut(entry, "=")
		}
		header.Size = int64(len(text))
		if err := out.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return &content
}

// files lists what is below root, in the notation of layerTar.
func files(t *testing.T, root string) string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name := strings.TrimPrefix(path, root+"/")
		switch {
		case entry.IsDir():
			name += "/"
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			name += " -> " + link
		default:
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name += "=" + string(text)
		}
		found = append(found, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, " ")
}

func unpackLayers(t *testing.T, layers ...*bytes.Buffer) (string, error) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = removeTree(root) })
	u := &unpacker{root: root, modes: map[string]fs.FileMode{}}
	for _, layer := range layers {
		if err := u.layer(layer); err != nil {
			return root, err
		}
	}
	return root, u.finish()
}

func TestUnpackLayersOnTopOfEachOther(t *testing.T) {
	for name, test := range map[string]struct {
		layers [][]string
		want   string
	}{
		"a later file wins":               {[][]string{{"a=1"}, {"a=2"}}, "a=2"},
		"a whiteout takes a file":         {[][]string{{"d/", "d/a=1", "d/b=1"}, {"d/.wh.a"}}, "d/ d/b=1"},
		"a whiteout takes a tree":         {[][]string{{"d/", "d/e/", "d/e/a=1"}, {".wh.d"}}, ""},
		"an opaque whiteout":              {[][]string{{"d/", "d/a=1"}, {"d/", "d/b=2", "d/.wh..wh..opq"}}, "d/ d/b=2"},
		"a directory takes a link's name": {[][]string{{"real/", "d -> real"}, {"d/", "d/a=1"}}, "d/ d/a=1 real/"},
		"a file through a link":           {[][]string{{"usr/", "usr/bin/", "bin -> usr/bin"}, {"bin/sh=x"}}, "bin -> usr/bin usr/ usr/bin/ usr/bin/sh=x"},
		"a read-only directory":           {[][]string{{"d/", "d/a=1"}, {"d/b=2"}}, "d/ d/a=1 d/b=2"},
		"absolute names and hard links":   {[][]string{{"/a=1", "/b => /a"}}, "a=1 b=1"},
		"directories without an entry":    {[][]string{{"x/y/z=1"}}, "x/ x/y/ x/y/z=1"},
	} {
		t.Run(name, func(t *testing.T) {
			var layers []*bytes.Buffer
			for _, entries := range test.layers {
				layers = append(layers, layerTar(t, entries...))
			}
			root, err := unpackLayers(t, layers...)
			if err != nil {
				t.Fatal(err)
			}
			if got := files(t, root); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestUnpackDirectoryModesInTheEnd(t *testing.T) {
	root, err := unpackLayers(t, layerTar(t, "d/", "d/a=1"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(root, "d"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o555 {
		t.Errorf("mode %v, want 0555", info.Mode())
	}
}

func TestUnpackStaysInsideItsRoot(t *testing.T) {
	for name, entries := range map[string][]string{
		"a name with dots":         {"../escaped=1"},
		"dots within":              {"a/../../escaped=1"},
		"a whiteout with dots":     {"../.wh.outside"},
		"a hard link with dots":    {"a => ../outside"},
		"a link out":               {"out -> ..", "out/escaped=1"},
		"an absolute link out":     {"out -> /", "out/escaped=1"},
		"a whiteout through it":    {"out -> ..", "out/.wh.outside"},
		"a whiteout of everything": {".wh."},
		"a whiteout of the parent": {".wh..."},
	} {
		t.Run(name, func(t *testing.T) {
			root, _ := unpackLayers(t) // its parent holds what must stay as it is
			parent := filepath.Dir(root)
			if err := os.WriteFile(filepath.Join(parent, "outside"), []byte("kept"), 0o644); err != nil {
				t.Fatal(err)
			}
			u := &unpacker{root: root, modes: map[string]fs.FileMode{}}
			_ = u.layer(layerTar(t, entries...)) // an error or a file inside root: both are fine
			if _, err := os.Lstat(filepath.Join(parent, "escaped")); err == nil {
				t.Error("a file was written outside of the root")
			}
			if text, err := os.ReadFile(filepath.Join(parent, "outside")); err != nil || string(text) != "kept" {
				t.Errorf("a file outside of the root has changed: %q, %v", text, err)
			}
			if _, err := os.Lstat(root); err != nil {
				t.Error(err)
			}
		})
	}
}
