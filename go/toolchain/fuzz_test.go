package toolchain

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"
)

func FuzzParseSpec(f *testing.F) {
	for _, text := range []string{"", "1", "1.0", "1.20", "go1.20.0", "v1.27rc1", ">=1.22, <1.25", "~go1.22.3", "^1", "1.x", "*", "latest", "devel-1", "1.21 - 1.23", "1 || 2", "=1.20", "1.02", ">=1.21rc2", "go1.21beta1"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, text, other string) {
		s, err := ParseSpec(text)
		if err != nil {
			return
		}
		if v, ok := s.Exact(); ok {
			if !s.Allows(v) {
				t.Errorf("%q does not allow %s", text, v)
			}
			if again, err := ParseVersion(v.String()); err != nil || again != v {
				t.Errorf("%q: %s becomes %s, %v", text, v, again, err)
			}
			if again, err := ParseVersion(v.GoName()); err != nil || again != v {
				t.Errorf("%q: %s becomes %s, %v", text, v.GoName(), again, err)
			}
		}
		o, err := ParseSpec(other)
		if err != nil {
			return
		}
		for _, name := range []string{"1.0", "1.20", "1.21rc2", "1.24.13", "1.27.4"} {
			v := MustParseVersion(name)
			if got, want := s.And(o).Allows(v), s.Allows(v) && o.Allows(v); got != want {
				t.Errorf("%q and %q on %s: got %t", text, other, name, got)
			}
		}
	})
}

func FuzzSources(f *testing.F) {
	f.Add([]byte("module m\ngo 1.22\ntoolchain go1.22.4\n"), []byte("go 1.22\nuse ./a\n"), []byte("1.22.3\n"), []byte("golang 1.22.3\n"))
	f.Add([]byte("// +scalingo goVersion 1.15\nmodule m // x\nrequire (\n// c\na.b/c v1.0.0\n)\ntoolchain\n"), []byte("go 1.22\r\ntoolchain default\r\n"), []byte("# none\n"), []byte("go system\ngolang ref:x 1\n"))
	f.Add([]byte("toolchain (\ngo1.2\n)\ngo (\n)\n"), []byte("toolchain go1.x"), []byte("\xff\x00"), []byte("golang"))
	f.Fuzz(func(t *testing.T, goMod, goWork, goVersion, toolVersions []byte) {
		dir := t.TempDir()
		write := func(name string, data []byte) string {
			path := filepath.Join(dir, name)
			must(t, os.WriteFile(path, data, 0o600))
			return path
		}
		write(".go-version", goVersion)
		write(".tool-versions", toolVersions)
		in := Inputs{AppDir: dir, WorkDir: dir, GoMod: write("go.mod", goMod), GoWork: write("go.work", goWork), Default: "latest"}
		sources, err := Sources(in)
		if err != nil {
			return
		}
		for _, s := range sources {
			if s.Name == "" || s.Text == "" {
				t.Errorf("%+v", s)
			}
		}
		if last := sources[len(sources)-1]; last.Text != "latest" {
			t.Errorf("the default is missing: %+v", sources)
		}
	})
}

func FuzzParseProxies(f *testing.F) {
	for _, text := range []string{"", "off", "direct", "https://a.example,direct", "a.example|b.example:8080/x", "file:///srv", "https://u:p@a.example|,", "://", "%zz", ":/", "/x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		proxies, err := ParseProxies(text)
		if err != nil {
			return
		}
		r := Release{Version: MustParseVersion("1.22.1"), Arch: "amd64"}
		for _, p := range proxies {
			if s := p.URL.Scheme; s != "https" && s != "http" && s != "file" {
				t.Errorf("%q: %s", text, p.URL)
			}
			_ = redacted(moduleURL(p, r))
		}
	})
}

// inside fails the test when anything was written beside dir.
func inside(t *testing.T, top string) {
	t.Helper()
	entries, err := os.ReadDir(top)
	must(t, err)
	for _, e := range entries {
		if e.Name() != "dist" || !e.IsDir() {
			t.Errorf("%s was written", e.Name())
		}
	}
	tree(t, top) // reads all of it: no pipes, no devices
}

func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

func FuzzUntar(f *testing.F) {
	for _, name := range []string{"go/bin/go", "go/../../x", "../x", "/x", "go/a/../../b", "go//x", "go/./x", "go/test/x"} {
		for _, kind := range []byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink} {
			f.Add(name, kind, "go/bin/go", byte(tar.TypeReg), []byte("text"))
		}
	}
	f.Fuzz(func(t *testing.T, name1 string, kind1 byte, name2 string, kind2 byte, raw []byte) {
		top := filepath.Join(t.TempDir(), "a", "b")
		must(t, os.MkdirAll(top, 0o755))
		dir := filepath.Join(top, "dist")
		_ = untar(bytes.NewReader(raw), dir, trimmed)
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for _, h := range []*tar.Header{{Name: name1, Typeflag: kind1, Linkname: name2}, {Name: name2, Typeflag: kind2, Linkname: name1}} {
			_ = w.WriteHeader(h) // what cannot be written is not there
		}
		_ = w.Flush()
		_ = untar(bytes.NewReader(zipped(t, append(archive.Bytes(), raw...))), dir, trimmed)
		inside(t, top)
	})
}

func FuzzUnpackModule(f *testing.F) {
	const version = "v0.0.1-go1.22.1.linux-amd64"
	const root = "golang.org/toolchain@" + version + "/"
	for _, name := range []string{"bin/go", "../x", "a/../../x", "/x", "src/_go.mod", "test/x", "a/", "./x", `..\x`, ".", ""} {
		f.Add(name, "bin/go", []byte("text"))
	}
	f.Fuzz(func(t *testing.T, name1, name2 string, raw []byte) {
		top := filepath.Join(t.TempDir(), "b")
		must(t, os.MkdirAll(top, 0o755))
		file := filepath.Join(t.TempDir(), "module.zip")
		for _, data := range [][]byte{raw, zipOf(t, []string{root + "a", root + name1, root + name2}, []string{"", "", ""})} {
			must(t, os.WriteFile(file, data, 0o600))
			if err := unpackModule(file, version, filepath.Join(top, "dist"), "h1:unknown", trimmed); err == nil {
				t.Error("no error for an unknown hash")
			}
		}
		inside(t, top)
	})
}
