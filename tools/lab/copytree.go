package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// normalTime is the time that pack and the lifecycle give to every file.
var normalTime = time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC)

// owner is who is to own copied files; nil leaves them to the user that copies.
type owner struct{ uid, gid int }

// copyTree copies a directory: files, directories and symbolic links with their modes, made writable for their owner (a
// directory of the module cache is read-only), all of the same time. What else there is (sockets, devices) stays behind.
func copyTree(source, target string, to *owner) error {
	source, err := filepath.EvalSymlinks(source)
	if err != nil {
		return err
	}
	var directories []string
	err = filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		destination := filepath.Join(target, relative)
		if info.IsDir() {
			directories = append(directories, destination)
		}
		return copyEntry(path, destination, info, to)
	})
	if err != nil {
		return fmt.Errorf("copy %s: %w", source, err)
	}
	for _, directory := range directories {
		if err := os.Chtimes(directory, normalTime, normalTime); err != nil {
			return fmt.Errorf("copy %s: %w", source, err)
		}
	}
	return nil
}

func copyEntry(source, destination string, info fs.FileInfo, to *owner) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		if err := os.MkdirAll(destination, 0o700); err != nil {
			return err
		}
		if err := os.Chmod(destination, mode.Perm()|0o700); err != nil {
			return err
		}
	case mode&fs.ModeSymlink != 0:
		link, err := os.Readlink(source)
		if err != nil {
			return err
		}
		if err := os.Symlink(link, destination); err != nil {
			return err
		}
	case mode.IsRegular():
		if err := copyFile(source, destination, mode.Perm()|0o200); err != nil {
			return err
		}
	default:
		return nil
	}
	if to == nil {
		return nil
	}
	return os.Lchown(destination, to.uid, to.gid)
}

func copyFile(source, destination string, mode fs.FileMode) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(destination, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	if err := os.Chmod(destination, mode); err != nil {
		return err
	}
	return os.Chtimes(destination, normalTime, normalTime)
}
