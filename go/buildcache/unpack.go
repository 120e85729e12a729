package buildcache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// unpack writes the files of the pack that want accepts, all for nil, below dir
// with the time at. What is there already is overwritten. The error wraps ErrDamaged
// where the pack is not as it was written; the files are then worth nothing.
func (p *pack) unpack(crew *Crew, dir string, at time.Time, want func(name string) bool) error {
	u := &unpacking{pack: p, dir: dir, at: at}
	for _, f := range p.index.Files {
		if want == nil || want(f.Name) {
			u.files = append(u.files, f)
		}
	}
	if err := u.makeDirectories(); err != nil {
		return err
	}
	in, err := os.Open(p.file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	u.in = in
	var wait sync.WaitGroup
	var packed, raw int64
	next := 0
	for _, f := range p.index.Frames {
		piece := piece{at: packed, size: f.Size, from: raw, to: raw + f.Raw}
		packed, raw = packed+f.Size, raw+f.Raw
		// The files that have a part in this frame; the last one may go on in the next.
		for next < len(u.files) && u.files[next].At+u.files[next].Size < piece.from {
			next++
		}
		for end := next; end < len(u.files) && u.files[end].At < piece.to; end++ {
			piece.files = u.files[next : end+1]
		}
		if len(piece.files) == 0 {
			continue
		}
		wait.Add(1)
		crew.do(func() {
			defer wait.Done()
			u.report(u.write(piece))
		})
		if u.failed() {
			break
		}
	}
	wait.Wait()
	if u.err != nil {
		return u.err
	}
	return u.finish()
}

// piece is a frame: size bytes of the pack that begin there, which hold the archive from from up to to.
type piece struct {
	at, size, from, to int64
	files              []packedFile
}

type unpacking struct {
	pack  *pack
	in    *os.File
	dir   string
	at    time.Time
	files []packedFile
	mu    sync.Mutex
	err   error
}

func (u *unpacking) report(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
	}
}

func (u *unpacking) failed() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err != nil
}

func (u *unpacking) makeDirectories() error {
	made := map[string]bool{}
	for _, f := range u.files {
		dir := filepath.Join(u.dir, filepath.Dir(filepath.FromSlash(f.Name)))
		if made[dir] {
			continue
		}
		made[dir] = true
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// write writes what a frame holds of each file.
func (u *unpacking) write(p piece) error {
	packed := takeBuffer()
	defer func() { giveBuffer(packed) }()
	if int64(cap(packed)) < p.size {
		packed = make([]byte, 0, p.size)
	}
	packed = packed[:p.size]
	if _, err := u.in.ReadAt(packed, p.at); err != nil {
		return damaged("it ends early: %v", err)
	}
	decoder, err := decoders.take()
	if err != nil {
		return err
	}
	defer decoders.give(decoder)
	raw, err := decoder.DecodeAll(packed, takeBuffer())
	defer func() { giveBuffer(raw) }()
	if err != nil {
		return damaged("%v", err)
	}
	if int64(len(raw)) != p.to-p.from {
		return damaged("a frame holds %d bytes, not %d", len(raw), p.to-p.from)
	}
	for _, f := range p.files {
		from, to := max(f.At, p.from), min(f.At+f.Size, p.to)
		if from > to || from == to && f.Size > 0 {
			continue
		}
		if err := u.writePart(f, raw[from-p.from:to-p.from], from-f.At); err != nil {
			return err
		}
	}
	return nil
}

// writePart writes a part of a file that begins at offset.
func (u *unpacking) writePart(f packedFile, part []byte, offset int64) error {
	path := filepath.Join(u.dir, filepath.FromSlash(f.Name))
	mode := fs.FileMode(0o644)
	if f.Exec {
		mode = 0o755
	}
	whole := int64(len(part)) == f.Size
	flags := os.O_WRONLY | os.O_CREATE
	if whole {
		flags |= os.O_TRUNC
	}
	out, err := os.OpenFile(path, flags, mode) // #nosec G304 -- check let no name lead out of dir
	if err != nil {
		return err
	}
	_, err = out.WriteAt(part, offset)
	if err == nil && !whole {
		err = out.Truncate(f.Size) // what is there may be longer
	}
	if err != nil {
		return errors.Join(err, out.Close())
	}
	if err := out.Close(); err != nil {
		return err
	}
	if whole {
		return os.Chtimes(path, u.at, u.at)
	}
	return nil
}

// finish sets the time of files that lay in more than one frame.
func (u *unpacking) finish() error {
	for _, f := range u.files {
		if f.Size > 0 && f.At/frameSize != (f.At+f.Size-1)/frameSize {
			if err := os.Chtimes(filepath.Join(u.dir, filepath.FromSlash(f.Name)), u.at, u.at); err != nil {
				return err
			}
		}
	}
	return nil
}
