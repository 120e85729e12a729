package buildcache

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

// File is one file to keep.
type File struct {
	// Name is its slash-separated name in the pack.
	Name string
	// Path is where it lies. Data, where it is not nil, is its content instead.
	Path string
	Data []byte
	// Size is in bytes, Exec tells that the file can be run.
	Size int64
	Exec bool
	// Unchanged tells that it is as a pack had it under this name.
	Unchanged bool
}

// Content is what a pack is to hold.
type Content struct {
	Files []File
	// Of says what the files were chosen for; it may be "".
	Of string
	// Parts are directories, slash-separated and sorted, of which Files holds a part.
	Parts []string
	// Known are the lines of sums, sorted, of modules that are known, whether Files has any of them or not.
	Known []string
}

// is tells whether the file is what a pack has.
func (f File) is(have packedFile) (bool, error) {
	if f.Size != have.Size || f.Exec != have.Exec {
		return false, nil
	}
	if f.Unchanged {
		return true, nil
	}
	sum := xxhash.New()
	if err := f.read(sum); err != nil {
		return false, err
	}
	return hexSum(sum) == have.Sum, nil
}

func (f File) read(w io.Writer) error {
	if f.Data != nil {
		_, err := w.Write(f.Data)
		return err
	}
	in, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	_, err = io.Copy(w, in)
	return err
}

func hexSum(d *xxhash.Digest) string { return strconv.FormatUint(d.Sum64(), 16) }

// writePack writes the files to a pack, which appears whole or not at all. The
// same files give the same bytes, wherever and whenever they are packed.
func writePack(crew *Crew, file string, content Content) (err error) {
	files := slices.SortedFunc(slices.Values(content.Files), func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temporary := file + ".new"
	out, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) // #nosec G302 -- the lifecycle reads it as another user
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temporary))
		}
	}()
	w := &packWriter{out: out, crew: crew, index: index{Of: content.Of, Parts: content.Parts, Known: content.Known}}
	err = w.write(files)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}

// packWriter cuts an archive into frames, which are compressed at once and written in order.
type packWriter struct {
	out     io.Writer
	crew    *Crew
	index   index
	buffer  []byte
	at      int64
	pending []chan compressed
	err     error
}

// compressed is a frame on its way to the file.
type compressed struct {
	data []byte
	raw  int64
	err  error
}

func (w *packWriter) write(files []File) error {
	archive := tar.NewWriter(w)
	for _, f := range files {
		if err := w.add(archive, f); err != nil {
			w.drain()
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if err := archive.Close(); err != nil {
		w.drain()
		return err
	}
	if len(w.buffer) > 0 {
		w.cut()
	}
	if w.drain(); w.err != nil {
		return w.err
	}
	return w.writeIndex()
}

func (w *packWriter) add(archive *tar.Writer, f File) error {
	if !validName(f.Name) {
		return errors.New("no pack can hold a file of that name")
	}
	mode := int64(0o644)
	if f.Exec {
		mode = 0o755
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Size: f.Size, Mode: mode, ModTime: modified}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	at, sum := w.at, xxhash.New()
	if err := f.read(io.MultiWriter(archive, sum)); err != nil {
		return err
	}
	w.index.Files = append(w.index.Files, packedFile{Name: f.Name, Size: f.Size, At: at, Exec: f.Exec, Sum: hexSum(sum)})
	return w.err
}

// Write takes a piece of the archive.
func (w *packWriter) Write(p []byte) (int, error) {
	total := len(p)
	w.at += int64(total)
	for len(p) > 0 {
		if w.buffer == nil {
			w.buffer = takeBuffer()
		}
		n := min(len(p), frameSize-len(w.buffer))
		w.buffer, p = append(w.buffer, p[:n]...), p[n:]
		if len(w.buffer) == frameSize {
			w.cut()
		}
	}
	return total, w.err
}

// cut hands the buffer over to be compressed.
func (w *packWriter) cut() {
	raw, done := w.buffer, make(chan compressed, 1)
	w.buffer = nil
	w.crew.do(func() {
		buffer, err := compress(raw, takeBuffer())
		n := int64(len(raw))
		giveBuffer(raw)
		data := bytes.Clone(buffer) // until it is its turn: a quarter of what the buffer takes
		giveBuffer(buffer)
		done <- compressed{data, n, err}
	})
	w.pending = append(w.pending, done)
	// Not more frames in memory than the crew works on.
	for len(w.pending) > w.crew.size() {
		w.next()
	}
}

// next writes the oldest frame.
func (w *packWriter) next() {
	c := <-w.pending[0]
	w.pending = w.pending[1:]
	if w.err == nil {
		w.err = c.err
	}
	if w.err == nil {
		w.index.Frames = append(w.index.Frames, frame{Size: int64(len(c.data)), Raw: c.raw})
		_, w.err = w.out.Write(c.data)
	}
}

func (w *packWriter) drain() {
	for len(w.pending) > 0 {
		w.next()
	}
}

func (w *packWriter) writeIndex() error {
	data, err := json.Marshal(w.index)
	if err != nil {
		return err
	}
	if data, err = compress(data, nil); err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	var end bytes.Buffer
	var number [8]byte
	binary.LittleEndian.PutUint32(number[:], skippableMagic)
	binary.LittleEndian.PutUint32(number[4:], uint32(len(data)+trailerSize)) // #nosec G115 -- far below 4 GB
	end.Write(number[:])
	end.Write(data)
	end.Write(sum[:])
	binary.LittleEndian.PutUint64(number[:], uint64(len(data)))
	end.Write(number[:])
	end.WriteString(packMagic)
	_, err = w.out.Write(end.Bytes())
	return err
}

// compress compresses a frame into buffer: the same bytes for the same content, since one encoder works on it alone.
func compress(raw, buffer []byte) ([]byte, error) {
	encoder, err := encoders.take()
	if err != nil {
		return nil, err
	}
	defer encoders.give(encoder)
	return encoder.EncodeAll(raw, buffer[:0]), nil
}

func newEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithEncoderCRC(true), zstd.WithWindowSize(frameSize))
}

// restoredAt is the time that files of an unpacked pack get, as seen at the
// start of a build: the go command sets that of an entry of its cache anew when it
// uses one that is older than an hour, and removes those that are older than five days.
func restoredAt(start time.Time) time.Time { return start.Add(-3 * time.Hour).Truncate(time.Second) }
