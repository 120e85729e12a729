package deps

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// DepDigestMatches tells whether the project's directory below vendor has the
// digest that dep 0.5 and later wrote into Gopkg.lock. A digest of another
// version than the only one that there has been matches nothing.
func DepDigestMatches(vendor string, p Project) (bool, error) {
	return p.hasDigest(filepath.Join(vendor, filepath.FromSlash(p.Path)))
}

// hasDigest tells whether the directory dir has the project's digest.
func (p Project) hasDigest(dir string) (bool, error) {
	version, digits, _ := strings.Cut(p.Sum, ":")
	want, err := hex.DecodeString(digits)
	if version != "1" || err != nil {
		return false, nil //nolint:nilerr // what is no digest matches nothing
	}
	if !isDir(dir) {
		return false, nil
	}
	got, err := depDigest(dir)
	return bytes.Equal(got, want), err
}

// notDigested are the names that end a digest's walk at any depth: nested
// vendor directories, which dep removes, and what belongs to version control.
var notDigested = []string{"vendor", ".bzr", ".git", ".hg", ".svn"}

// depTypes are the bits of a file's mode that are part of a digest. They have
// had the same values since Go 1.0.
const depTypes = fs.ModeDir | fs.ModeNamedPipe | fs.ModeSocket | fs.ModeDevice

// depDigest is dep's digest, version 1, of the directory dir: the SHA-256 of all
// nodes in the order of filepath.Walk. So it is in dep 0.5.0 to 0.5.4, the only
// releases that wrote digests; the last state of dep's repository, never
// released, walks in another order and has symbolic links in its digests.
func depDigest(dir string) ([]byte, error) {
	sum := sha256.New()
	field := func(data []byte) { _, _ = sum.Write(append(data, 0)) } // a hash's Write never fails
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		name, err := filepath.Rel(dir, file)
		switch {
		case err != nil:
			return err
		case name == ".":
			name = ""
		case slices.Contains(notDigested, entry.Name()):
			// As in dep: a file of such a name, as .git is in a submodule, ends the walk of the directory it is in.
			return fs.SkipDir
		}
		kind := entry.Type() & depTypes
		field([]byte(filepath.ToSlash(name)))
		field(binary.LittleEndian.AppendUint32(nil, uint32(kind)))
		if kind != 0 {
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		// A checkout on Windows has the digest of one elsewhere.
		content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
		_, _ = sum.Write(content)
		field([]byte(strconv.Itoa(len(content))))
		return nil
	})
	return sum.Sum(nil), err
}
