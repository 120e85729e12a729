package main

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// plainArchive writes a tar with fixed times; its first error is kept for close.
type plainArchive struct {
	out *tar.Writer
	err error
}

func newPlainArchive(out io.Writer) *plainArchive { return &plainArchive{out: tar.NewWriter(out)} }

func (a *plainArchive) add(header *tar.Header, content []byte) {
	if a.err != nil {
		return
	}
	header.ModTime = normalTime
	header.Size = int64(len(content))
	if a.err = a.out.WriteHeader(header); a.err == nil {
		_, a.err = a.out.Write(content)
	}
}

func (a *plainArchive) directory(name string, mode fs.FileMode, uid, gid int) {
	bits := int64(mode.Perm())
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	a.add(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: bits, Uid: uid, Gid: gid}, nil)
}

func (a *plainArchive) file(name string, content []byte) {
	a.add(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, content)
}

// tree adds a directory of the host, if it is there.
func (a *plainArchive) tree(source, name string) {
	if _, err := os.Stat(source); err != nil || a.err != nil {
		return
	}
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := name + strings.TrimPrefix(path, source)
		switch {
		case entry.IsDir():
			a.directory(target, 0o755, 0, 0)
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			a.add(&tar.Header{Typeflag: tar.TypeSymlink, Name: target, Linkname: link, Mode: 0o777}, nil)
		case entry.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			a.file(target, content)
		}
		return a.err
	})
	if a.err == nil {
		a.err = err
	}
}

func (a *plainArchive) close() error {
	if a.err != nil {
		return a.err
	}
	return a.out.Close()
}
