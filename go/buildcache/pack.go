// Package buildcache keeps the sources of modules, compiled packages and Go itself from one build to the next, packed.
package buildcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Format names what a pack looks like and what is put into one. A layer that was
// written under another name is not read.
const Format = "pack-1"

// A pack is a tar archive in zstd frames, which "zstd -dc FILE | tar -tv" lists. Each frame
// but the last holds frameSize bytes of the archive, so that frames can be read at
// once and none needs much memory. After them comes one frame that programs skip
// (RFC 8878, 3.1.2), with the index: which file lies where in the archive. The index
// stands at the end of a file of known size, as
//
//	index: JSON in a zstd frame | SHA-256 of that | its size, 8 bytes | packMagic, 8 bytes
const (
	frameSize   = 4 << 20
	packMagic   = "go-pack1"
	trailerSize = sha256.Size + 8 + len(packMagic)
	// skippableMagic starts a frame of user data, its size in 4 bytes after it.
	skippableMagic = 0x184D2A5C
	// headerSize is what the archive has before each file, at least.
	headerSize = 512
	// maxIndex is more than any index has: what a damaged size asks for is not allocated.
	maxIndex = 64 << 20
)

// ErrDamaged is what reading a pack ends with that is not as it was written.
var ErrDamaged = errors.New("the pack is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// modified is the time of every file in a pack.
var modified = time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC)

// index says what a pack holds.
type index struct {
	// Of says what the files were chosen for, "" where nobody asks.
	Of string `json:"of,omitempty"`
	// Parts are the directories that the pack holds a part of, sorted.
	Parts []string `json:"parts,omitempty"`
	// Known are the lines of the sums that were known when it was written, sorted.
	Known  []string `json:"known,omitempty"`
	Frames []frame  `json:"frames"`
	// Files are sorted by name.
	Files []packedFile `json:"files"`
}

// frame is a piece of the archive, compressed.
type frame struct {
	// Size is in bytes of the pack, Raw in bytes of the archive.
	Size int64 `json:"size"`
	Raw  int64 `json:"raw"`
}

// packedFile is a file of the archive.
type packedFile struct {
	// Name is slash-separated and leads nowhere but below the directory.
	Name string `json:"name"`
	Size int64  `json:"size"`
	// At is where the content begins in the archive.
	At int64 `json:"at"`
	// Exec tells that the file can be run.
	Exec bool `json:"exec,omitempty"`
	// Sum is the xxHash of the content, in hexadecimal digits.
	Sum string `json:"sum"`
}

// pack is a pack on disk, of which only the index has been read.
type pack struct {
	file  string
	index index
	// size is the file's.
	size int64
}

// openPack reads the index of a pack. The error wraps ErrDamaged where the file
// is no pack or has been cut short, and fs.ErrNotExist where there is none.
func openPack(file string) (*pack, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() < int64(trailerSize) {
		return nil, damaged("%s is too short", filepath.Base(file))
	}
	p := &pack{file: file, size: info.Size()}
	data, err := readIndex(f, info.Size())
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &p.index); err != nil {
		return nil, damaged("index: %v", err)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

// readIndex returns the JSON of the index at the end of a file of that size.
func readIndex(f io.ReaderAt, size int64) ([]byte, error) {
	trailer := make([]byte, trailerSize)
	if _, err := f.ReadAt(trailer, size-int64(trailerSize)); err != nil {
		return nil, err
	}
	sum, rest := trailer[:sha256.Size], trailer[sha256.Size:]
	length := binary.LittleEndian.Uint64(rest)
	if string(rest[8:]) != packMagic {
		return nil, damaged("it does not end as a pack does")
	}
	if length > maxIndex || int64(length) > size-int64(trailerSize) {
		return nil, damaged("its index is larger than it")
	}
	compressed := make([]byte, length)
	if _, err := f.ReadAt(compressed, size-int64(trailerSize)-int64(length)); err != nil {
		return nil, err
	}
	if got := sha256.Sum256(compressed); !bytes.Equal(got[:], sum) {
		return nil, damaged("the checksum of its index does not match")
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxIndex))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	data, err := decoder.DecodeAll(compressed, nil)
	if err != nil {
		return nil, damaged("index: %v", err)
	}
	return data, nil
}

// check makes sure that nothing in the index leads out of the pack or of the directory it is unpacked to.
func (p *pack) check() error {
	var packed, raw int64
	for i, f := range p.index.Frames {
		last := i == len(p.index.Frames)-1
		if f.Size <= 0 || f.Size > p.size || f.Raw <= 0 || f.Raw > frameSize || !last && f.Raw < frameSize {
			return damaged("a frame of %d bytes for %d", f.Size, f.Raw)
		}
		packed, raw = packed+f.Size, raw+f.Raw
	}
	if packed > p.size {
		return damaged("its frames are larger than it")
	}
	last, end := "", int64(0)
	for _, f := range p.index.Files {
		if f.Name <= last || !validName(f.Name) {
			return damaged("the name %q", f.Name)
		}
		// They lie one after the other, each behind its header: unpacking relies on it.
		if f.Size < 0 || f.At < end+headerSize || f.At >= raw || f.Size > raw-f.At {
			return damaged("%s lies outside of it", f.Name)
		}
		last, end = f.Name, f.At+f.Size
	}
	return nil
}

// validName tells whether a name leads nowhere but below the directory, is the only one of its
// file and can stand in the index, which is UTF-8.
func validName(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "\x00\\")
}

// holds tells whether the pack has a file of that name and content.
func (p *pack) holds(files map[string]packedFile, f File) (bool, error) {
	have, ok := files[f.Name]
	if !ok {
		return false, nil
	}
	return f.is(have)
}

// byName are the files of the pack; p may be nil.
func (p *pack) byName() map[string]packedFile {
	if p == nil {
		return nil
	}
	files := make(map[string]packedFile, len(p.index.Files))
	for _, f := range p.index.Files {
		files[f.Name] = f
	}
	return files
}

// costs returns what each file of the pack costs, in bytes of the pack: its part of
// the frames that it lies in.
func (p *pack) costs() map[string]int64 {
	if p == nil {
		return nil
	}
	costs := make(map[string]int64, len(p.index.Files))
	for _, f := range p.index.Files {
		var cost float64
		for from, end := f.At-headerSize, f.At+f.Size; from < end; {
			n := min(from/frameSize, int64(len(p.index.Frames)-1))
			to := min(end, (n+1)*frameSize)
			if to <= from {
				break
			}
			cost += float64(to-from) * float64(p.index.Frames[n].Size) / float64(p.index.Frames[n].Raw)
			from = to
		}
		costs[f.Name] = int64(cost)
	}
	return costs
}

// ratio is the size of the pack by that of its files.
func (p *pack) ratio() float64 {
	var raw int64
	for _, f := range p.index.Files {
		raw += f.Size
	}
	return float64(p.size) / float64(max(raw, 1))
}
