package toolchain

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/dirhash"
)

// fakeFiles are a distribution in small: all that the rules of unpacking look at.
var fakeFiles = map[string]string{
	"VERSION":                               "go1.22.1\n",
	"LICENSE":                               "BSD\n",
	"bin/go":                                "#!/bin/sh\n",
	"pkg/tool/linux_amd64/compile":          "#!/bin/sh\n",
	"misc/go_android_exec":                  "#!/bin/sh\n",
	"src/make.bash":                         "#!/bin/sh\n",
	"src/go.mod":                            "module std\n",
	"src/cmd/go.mod":                        "module cmd\n",
	"src/fmt/print.go":                      "package fmt\n",
	"src/fmt/print_test.go":                 "package fmt\n",
	"src/go/build/testdata/empty/dummy":     "\n",
	"src/testdata.go":                       "package src\n",
	"src/internal/abi/testdata/x.s":         "\n",
	"test/fixedbugs/bug1.go":                "package main\n",
	"api/go1.txt":                           "\n",
	"doc/go_spec.html":                      "\n",
	"src/cmd/doc/main.go":                   "package main\n",
	"src/cmd/api/main.go":                   "package main\n",
	"src/vendor/golang.org/x/net/test/a.go": "package test\n",
}

// fakeTree is what of it is to be on disk.
var fakeTree = map[string]string{
	"VERSION":                               "-rw-r--r-- go1.22.1\n",
	"LICENSE":                               "-rw-r--r-- BSD\n",
	"bin/go":                                "-rwxr-xr-x #!/bin/sh\n",
	"pkg/tool/linux_amd64/compile":          "-rwxr-xr-x #!/bin/sh\n",
	"misc/go_android_exec":                  "-rwxr-xr-x #!/bin/sh\n",
	"src/make.bash":                         "-rwxr-xr-x #!/bin/sh\n",
	"src/go.mod":                            "-rw-r--r-- module std\n",
	"src/cmd/go.mod":                        "-rw-r--r-- module cmd\n",
	"src/fmt/print.go":                      "-rw-r--r-- package fmt\n",
	"src/testdata.go":                       "-rw-r--r-- package src\n",
	"src/cmd/doc/main.go":                   "-rw-r--r-- package main\n",
	"src/cmd/api/main.go":                   "-rw-r--r-- package main\n",
	"src/vendor/golang.org/x/net/test/a.go": "-rw-r--r-- package test\n",
}

// fakeTarball is upstream's archive of files.
func fakeTarball(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var headers []*tar.Header
	headers = append(headers, &tar.Header{Name: "go/", Typeflag: tar.TypeDir, Mode: 0o755})
	var bodies []string
	bodies = append(bodies, "")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		mode := int64(0o640)
		if strings.HasPrefix(files[name], "#!") {
			mode = 0o750
		}
		headers = append(headers, &tar.Header{Name: "go/" + name, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(files[name]))})
		bodies = append(bodies, files[name])
	}
	return archiveOf(t, headers, bodies)
}

func archiveOf(t testing.TB, headers []*tar.Header, bodies []string) []byte {
	t.Helper()
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	archive := tar.NewWriter(gz)
	for i, h := range headers {
		must(t, archive.WriteHeader(h))
		_, err := io.WriteString(archive, bodies[i])
		must(t, err)
	}
	must(t, archive.Close())
	must(t, gz.Close())
	return out.Bytes()
}

// fakeModule is the module zip of files, named by path from the module's root, and its hash.
func fakeModule(t testing.TB, version string, files map[string]string) (data []byte, sum string) {
	t.Helper()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		names = append(names, path.Join("golang.org/toolchain@"+version, path.Dir(name), strings.Replace(path.Base(name), "go.mod", "_go.mod", 1)))
	}
	bodies := slices.Collect(func(yield func(string) bool) {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if !yield(files[name]) {
				return
			}
		}
	})
	data = zipOf(t, names, bodies)
	file := filepath.Join(t.TempDir(), "module.zip")
	must(t, os.WriteFile(file, data, 0o600))
	sum, err := dirhash.HashZip(file, dirhash.Hash1)
	must(t, err)
	return data, sum
}

func zipOf(t testing.TB, names, bodies []string) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for i, name := range names {
		w, err := archive.Create(name)
		must(t, err)
		_, err = io.WriteString(w, bodies[i])
		must(t, err)
	}
	must(t, archive.Close())
	return out.Bytes()
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// tree is what lies below dir: mode and content by path.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	must(t, filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content := []byte("-> somewhere")
		if info.Mode().IsRegular() {
			if content, err = os.ReadFile(file); err != nil {
				return err
			}
		}
		rel, err := filepath.Rel(dir, file)
		got[filepath.ToSlash(rel)] = info.Mode().String() + " " + string(content)
		return err
	}))
	return got
}

// reply answers one request.
type reply func(w http.ResponseWriter, r *http.Request)

func sends(data []byte) reply {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }
}

func answers(code int) reply {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", code) }
}

// truncates promises all of data, sends half of it and cuts the connection.
func truncates(data []byte) reply {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// fakeServer serves over https on the loopback interface. Each path has replies, of which the last one is for all requests to come.
type fakeServer struct {
	*httptest.Server
	mu      sync.Mutex
	replies map[string][]reply
	asked   []string
}

func newFakeServer(t *testing.T) *fakeServer {
	t.Helper()
	s := &fakeServer{replies: map[string][]reply{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.handle))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *fakeServer) handle(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.Path)
	replies := s.replies[r.URL.Path]
	answer := answers(http.StatusNotFound)
	if len(replies) > 0 {
		answer = replies[0]
		if len(replies) > 1 {
			s.replies[r.URL.Path] = replies[1:]
		}
	}
	s.mu.Unlock()
	answer(w, r)
}

// requests are the paths asked for, in order.
func (s *fakeServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// fakeWorld is a release of Go in small, an upstream and a proxy that have it, and a Fetcher for them.
type fakeWorld struct {
	*Fetcher
	release  Release
	tarball  []byte
	module   []byte
	upstream *fakeServer
	proxy    *fakeServer
	// dir is where the distribution goes.
	dir string
	// logged is what was printed.
	logged []string
}

const (
	tarballPath = "/dl/go1.22.1.linux-amd64.tar.gz"
	modulePath  = "/golang.org/toolchain/@v/v0.0.1-go1.22.1.linux-amd64.zip"
)

func newFakeWorld(t *testing.T) *fakeWorld {
	t.Helper()
	w := &fakeWorld{upstream: newFakeServer(t), proxy: newFakeServer(t), dir: filepath.Join(t.TempDir(), "layers", "go")}
	w.tarball = fakeTarball(t, fakeFiles)
	w.release = Release{
		Version: MustParseVersion("1.22.1"), Arch: "amd64", URI: w.upstream.URL + tarballPath,
		Algorithm: "sha256", Digest: digestOf(w.tarball),
	}
	w.module, w.release.ModuleSum = fakeModule(t, w.release.ModuleVersion(), fakeFiles)
	w.upstream.replies[tarballPath] = []reply{sends(w.tarball)}
	w.proxy.replies[modulePath] = []reply{sends(w.module)}
	download := NewDownloader("scalingo/go test")
	download.Client = w.upstream.Client() // its certificate is that of every httptest server
	download.Pause = time.Microsecond
	w.Fetcher = &Fetcher{
		Download: download,
		Locate:   func(Release) (*url.URL, error) { return nil, nil },
		Bundle:   Bundle(filepath.Join(t.TempDir(), "dependencies")),
		Proxies:  []Proxy{{URL: parse(t, w.proxy.URL)}},
		Scratch:  t.TempDir(),
		Warn:     func(format string, args ...any) { w.logged = append(w.logged, fmt.Sprintf(format, args...)) },
	}
	return w
}

// tarballURL and moduleURL are what the two public ways are called.
func (w *fakeWorld) tarballURL() string { return w.upstream.URL + tarballPath }
func (w *fakeWorld) moduleURL() string  { return w.proxy.URL + modulePath }

// leftNothing fails the test when a failed Install left something behind.
func (w *fakeWorld) leftNothing(t *testing.T) {
	t.Helper()
	if _, err := os.Lstat(w.dir); err == nil {
		t.Errorf("%s is there", w.dir)
	}
	entries, err := os.ReadDir(w.Scratch)
	must(t, err)
	for _, e := range entries {
		t.Errorf("%s is left in the scratch directory", e.Name())
	}
}

func parse(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	must(t, err)
	return u
}

// deadURL is an address where nobody listens.
func deadURL() string {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return s.URL
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
