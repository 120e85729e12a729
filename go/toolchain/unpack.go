package toolchain

import (
	"archive/tar"
	"archive/zip"
	"crypto/sha1" // #nosec G505 -- upstream published nothing else for a few releases of 2014 and 2015
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"golang.org/x/mod/sumdb/dirhash"
)

// TrimRules names what is left out when a distribution is unpacked. It is part
// of the layer's metadata: a change here makes restored layers stale.
const TrimRules = "no-tests-2"

// Trim tells whether a file of a distribution is left out when it is unpacked;
// name is slash-separated, without the leading "go/".
type Trim func(name string) bool

// ForDownloads leaves out everything but what the go command needs to download modules: it is a Trim.
func ForDownloads(name string) bool {
	return name != "bin/go" && name != "go.env" && name != "VERSION"
}

// trimmed tells whether a file of the distribution is left out: what building
// a program never reads. name is slash-separated, without the leading "go/".
func trimmed(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	switch {
	case first == "test" || first == "api" || first == "doc":
		return true
	case strings.HasSuffix(name, "_test.go"):
		return true
	default:
		return strings.Contains("/"+name+"/", "/testdata/")
	}
}

// errChecksum is reported for data that is complete but is not what the inventory promises.
var errChecksum = errors.New("checksum does not match")

// unpackTarball unpacks upstream's .tar.gz into dir while it is read, and
// returns an error that wraps errChecksum when the bytes read do not have the digest.
// What it wrote until then must not be used.
func unpackTarball(r io.Reader, dir, algorithm, digest string, trim Trim) error {
	var sum hash.Hash
	switch algorithm {
	case "sha256":
		sum = sha256.New()
	case "sha1":
		sum = sha1.New() // #nosec G401 -- see the import
	default:
		return fmt.Errorf("no way to verify a tarball by %q", algorithm)
	}
	tee := io.TeeReader(r, sum)
	if err := untar(tee, dir, trim); err != nil {
		// Garbage in the archive is most often the wrong file: say so when its digest tells.
		if _, readErr := io.Copy(io.Discard, tee); readErr != nil {
			return readErr
		}
		if mismatch := verify(sum, digest); mismatch != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return mismatch
		}
		return err // an archive that ends early is worth another try, which a wrong one is not
	}
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return err
	}
	return verify(sum, digest)
}

func verify(sum hash.Hash, want string) error {
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%w: expected %s, got %s", errChecksum, want, got)
	}
	return nil
}

func untar(r io.Reader, dir string, trim Trim) error {
	gz, err := gzip.NewReader(r)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // an empty body
	}
	if err != nil {
		return fmt.Errorf("the archive cannot be read: %w", err)
	}
	archive := tar.NewReader(gz)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the archive cannot be read: %w", err)
		}
		name, ok := strings.CutPrefix(path.Clean(header.Name), "go/")
		switch {
		case header.Typeflag == tar.TypeDir || header.Typeflag == tar.TypeXGlobalHeader:
			continue
		case !ok || !filepath.IsLocal(name) || header.Typeflag != tar.TypeReg:
			// Upstream's archives hold regular files below go/ and nothing else.
			return fmt.Errorf("unexpected entry %q in the archive", header.Name)
		case trim(name):
			continue
		}
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), archive, header.FileInfo().Mode()); err != nil {
			return err
		}
	}
}

// unpackModule unpacks the zip of module golang.org/toolchain into dir and
// returns an error that wraps errChecksum when its content does not have the
// "h1:" hash sum. A module zip has no run bits and holds _go.mod for go.mod,
// since go.mod would end the module; both are mended as the go command does.
func unpackModule(file, version, dir, sum string, trim Trim) error {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }()
	archive.RegisterDecompressor(zip.Deflate, flate.NewReader)

	prefix := "golang.org/toolchain@" + version + "/"
	files := make(map[string]*zip.File, len(archive.File))
	var names []string
	for _, f := range archive.File {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok || !filepath.IsLocal(name) || path.Clean(name) != name || name == "." {
			return fmt.Errorf("unexpected entry %q in the module zip", f.Name)
		}
		if _, twice := files[f.Name]; twice {
			return fmt.Errorf("entry %q stands twice in the module zip", f.Name)
		}
		files[f.Name] = f
		names = append(names, f.Name)
	}
	// The hash reads every file once, in order; what is kept is written in passing.
	got, err := dirhash.Hash1(names, func(name string) (io.ReadCloser, error) {
		return unpackingReader(files[name], strings.TrimPrefix(name, prefix), dir, trim)
	})
	if err != nil {
		return err
	}
	if got != sum {
		return fmt.Errorf("%w: expected %s, got %s", errChecksum, sum, got)
	}
	return nil
}

// unpackingReader reads a file of the zip and writes what it reads below dir, unless the file is trimmed.
func unpackingReader(f *zip.File, name, dir string, trim Trim) (io.ReadCloser, error) {
	content, err := f.Open()
	if err != nil || trim(name) {
		return content, err
	}
	mode := fs.FileMode(0o644)
	if executable(name) {
		mode = 0o755
	}
	if path.Base(name) == "_go.mod" {
		name = path.Join(path.Dir(name), "go.mod")
	}
	out, err := createFile(filepath.Join(dir, filepath.FromSlash(name)), mode)
	if err != nil {
		return nil, errors.Join(err, content.Close())
	}
	return &teeFile{Reader: io.TeeReader(content, out), content: content, out: out}, nil
}

type teeFile struct {
	io.Reader
	content io.Closer
	out     *os.File
}

func (t *teeFile) Close() error { return errors.Join(t.content.Close(), t.out.Close()) }

// executable tells which files of a distribution are run: the commands, the
// tools and the few scripts.
func executable(name string) bool {
	return strings.HasPrefix(name, "bin/") || strings.HasPrefix(name, "pkg/tool/") ||
		strings.HasSuffix(name, ".bash") || strings.HasSuffix(name, "_exec")
}

func writeFile(file string, content io.Reader, mode fs.FileMode) error {
	if mode&0o111 != 0 {
		mode = 0o755
	} else {
		mode = 0o644
	}
	out, err := createFile(file, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, content); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}

func createFile(file string, mode fs.FileMode) (*os.File, error) {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		out, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	}
	return out, err
}
