package toolchain

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func file(name string) *tar.Header {
	return &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 4}
}

// outside makes a directory to unpack in, and returns a function that fails the test when anything beside it was written.
func outside(t *testing.T) (dir string, check func()) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "a", "b", "dist")
	must(t, os.MkdirAll(filepath.Dir(dir), 0o755))
	must(t, os.WriteFile(filepath.Join(top, "a", "victim"), []byte("whole"), 0o600))
	return dir, func() {
		t.Helper()
		for name, content := range tree(t, top) {
			if name == "a/victim" && strings.HasSuffix(content, " whole") {
				continue
			}
			if !strings.HasPrefix(name, "a/b/dist/") || strings.Contains(content, "->") {
				t.Errorf("%s was written: %s", name, content)
			}
		}
	}
}

func TestHostileTarballsAreRefused(t *testing.T) {
	tests := []struct {
		name    string
		headers []*tar.Header
		want    string
	}{
		{"way up", []*tar.Header{file("../victim")}, `unexpected entry "../victim"`},
		{"way up within go/", []*tar.Header{file("go/../../victim")}, "unexpected entry"},
		{"way up behind a directory", []*tar.Header{file("go/src/../../../victim")}, "unexpected entry"},
		{"absolute", []*tar.Header{file("/tmp/victim")}, `unexpected entry "/tmp/victim"`},
		{"absolute below go", []*tar.Header{file("/go/victim")}, "unexpected entry"},
		{"beside go/", []*tar.Header{file("gopher/victim")}, "unexpected entry"},
		{"go itself", []*tar.Header{file("go")}, "unexpected entry"},
		{"symlink", []*tar.Header{{Name: "go/link", Typeflag: tar.TypeSymlink, Linkname: "../../victim"}}, `unexpected entry "go/link"`},
		{"symlink and a file below it", []*tar.Header{{Name: "go/link", Typeflag: tar.TypeSymlink, Linkname: "../.."}, file("go/link/victim")}, "unexpected entry"},
		{"symlink among what is trimmed", []*tar.Header{{Name: "go/test/link", Typeflag: tar.TypeSymlink, Linkname: "/"}}, "unexpected entry"},
		{"hard link", []*tar.Header{{Name: "go/link", Typeflag: tar.TypeLink, Linkname: "../../victim"}}, "unexpected entry"},
		{"pipe", []*tar.Header{{Name: "go/pipe", Typeflag: tar.TypeFifo}}, "unexpected entry"},
		{"device", []*tar.Header{{Name: "go/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}, "unexpected entry"},
		{"the same file twice", []*tar.Header{file("go/a"), file("go/a")}, "file exists"},
		{"the same file by another name", []*tar.Header{file("go/a"), file("go/b/../a")}, "file exists"},
		{"a file as a directory", []*tar.Header{file("go/a"), file("go/a/b")}, "not a directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bodies := make([]string, len(test.headers))
			for i, h := range test.headers {
				bodies[i] = strings.Repeat("x", int(h.Size))
			}
			data := archiveOf(t, test.headers, bodies)
			dir, check := outside(t)
			err := unpackTarball(strings.NewReader(string(data)), dir, "sha256", digestOf(data), trimmed)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
			check()

			w := newFakeWorld(t)
			w.Only = FromUpstream
			w.release.Digest = digestOf(data)
			w.upstream.replies[tarballPath] = []reply{sends(data)}
			w.fails(t, w.tarballURL(), test.want)
		})
	}
}

func TestDirectoriesOfATarballNeedNoWriting(t *testing.T) {
	data := archiveOf(t, []*tar.Header{
		{Name: "go/src/", Typeflag: tar.TypeDir, Mode: 0o000}, {Name: "../up/", Typeflag: tar.TypeDir, Mode: 0o755}, file("go/src/a"),
	}, []string{"", "", "text"})
	dir, check := outside(t)
	must(t, unpackTarball(strings.NewReader(string(data)), dir, "sha256", digestOf(data), trimmed))
	check()
	if !exists(filepath.Join(dir, "src", "a")) {
		t.Error("the file is missing")
	}
}

func TestHostileModuleZipsAreRefused(t *testing.T) {
	const version = "v0.0.1-go1.22.1.linux-amd64"
	const root = "golang.org/toolchain@" + version + "/"
	tests := []struct {
		name  string
		names []string
		want  string
	}{
		{"way up", []string{root + "../../victim"}, "unexpected entry"},
		{"way up behind a directory", []string{root + "src/../../victim"}, "unexpected entry"},
		{"absolute", []string{"/tmp/victim"}, "unexpected entry"},
		{"absolute below the root", []string{root + "/tmp/victim"}, "unexpected entry"},
		{"another version", []string{"golang.org/toolchain@v0.0.1-go1.22.2.linux-amd64/bin/go"}, "unexpected entry"},
		{"another module", []string{"example.org/evil@v1.0.0/bin/go"}, "unexpected entry"},
		{"directory", []string{root + "bin/"}, "unexpected entry"},
		{"the same file twice", []string{root + "bin/go", root + "bin/go"}, "stands twice"},
		{"the same file by another name", []string{root + "bin/go", root + "src/../bin/go"}, "unexpected entry"},
		{"the root itself", []string{root + "."}, "unexpected entry"},
		{"nothing below the root", []string{root}, "unexpected entry"},
		{"go.mod in two spellings", []string{root + "src/_go.mod", root + "src/go.mod"}, "file exists"},
		{"a file as a directory", []string{root + "a", root + "a/b"}, "not a directory"},
		{"line break in a name", []string{root + "a\nb"}, "newlines"},
		{"backslashes are no separators", []string{root + `..\..\victim`}, "checksum does not match"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			zipped := filepath.Join(t.TempDir(), "module.zip")
			must(t, os.WriteFile(zipped, zipOf(t, test.names, make([]string, len(test.names))), 0o600))
			dir, check := outside(t)
			err := unpackModule(zipped, version, dir, "h1:unknown", trimmed)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
			check()
		})
	}
}

func TestAModuleZipThatIsNoneIsRefused(t *testing.T) {
	zipped := filepath.Join(t.TempDir(), "module.zip")
	must(t, os.WriteFile(zipped, []byte("<html>"), 0o600))
	dir, check := outside(t)
	if err := unpackModule(zipped, "v0", dir, "h1:x", trimmed); err == nil {
		t.Error("no error")
	}
	check()
}

func TestTrimForDownloads(t *testing.T) {
	names := []string{"VERSION", "bin/go", "bin/gofmt", "go.env", "pkg/tool/linux_amd64/compile", "src/fmt/print.go"}
	var headers []*tar.Header
	for _, name := range names {
		header := file("go/" + name)
		header.Size = int64(len(name))
		headers = append(headers, header)
	}
	data := archiveOf(t, headers, names)
	dir := t.TempDir()
	must(t, unpackTarball(strings.NewReader(string(data)), dir, "sha256", digestOf(data), ForDownloads))
	for _, name := range names {
		if want := name == "VERSION" || name == "bin/go" || name == "go.env"; exists(filepath.Join(dir, filepath.FromSlash(name))) != want {
			t.Errorf("%s is there: %t", name, !want)
		}
	}
}
