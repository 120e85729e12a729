package buildcache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// RemoveAtOnce removes a directory tree like Remove, those below it beside each other.
func RemoveAtOnce(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Remove(dir) // not there, or not to be read
	}
	var group errgroup.Group
	for _, entry := range entries {
		group.Go(func() error { return Remove(filepath.Join(dir, entry.Name())) })
	}
	_ = group.Wait() // what failed for dir being read-only does not now, and the rest fails again
	return Remove(dir)
}

// Remove removes a directory tree even where its directories are read-only.
func Remove(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return writable(path, info)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(dir)
}

func writable(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o700 != 0o700 {
		return os.Chmod(path, mode|0o700)
	}
	return nil
}
