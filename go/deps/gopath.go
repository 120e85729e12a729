package deps

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/mod/module"
)

// CheckImportPath returns an error when path, the value of the setting named, cannot be a package's import path.
func CheckImportPath(setting, path string) error {
	if err := module.CheckImportPath(path); err != nil {
		return fmt.Errorf("%s: %w: write for example example.com/team/app", setting, err)
	}
	return nil
}

// leftBehind are directories that belong to version control, to other languages or to the tools themselves.
var leftBehind = []string{".git", ".hg", ".svn", ".bzr", "node_modules", ".glide"}

// CopyTree copies an app to dir, its place below src/ of a GOPATH. Directories
// are real and files are hard links where the file system allows: the go
// command's patterns do not follow symbolic links. Imports do, so that links to
// directories of the app stay links; those that lead out of it are left out.
func CopyTree(app, dir string) error { return copyTree(app, dir, "") }

// Files returns the files below an app that CopyTree copies, slash-separated and relative to it.
func Files(app string) ([]string, error) {
	app, err := filepath.EvalSymlinks(app)
	if err != nil {
		return nil, err
	}
	var all []string
	err = filepath.WalkDir(app, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains(leftBehind, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(app, path)
		all = append(all, filepath.ToSlash(rel))
		return err
	})
	return all, err
}

// UpdateTree makes the copy of an app at dir as the app is now. before are the
// app's [Files] when the copy was made. The directory own of the app is left
// out, "" for none.
func UpdateTree(app, dir string, before []string, own string) error {
	// What was copied is removed, and copied anew: files may have become directories, and links either.
	for _, rel := range before {
		rel = filepath.FromSlash(rel)
		if own != "" && within(filepath.Join(app, rel), own) {
			continue
		}
		if err := makeRoom(filepath.Join(dir, rel)); err != nil {
			return err
		}
		for parent := filepath.Dir(rel); parent != "."; parent = filepath.Dir(parent) {
			if os.Remove(filepath.Join(dir, parent)) != nil {
				break // not empty yet
			}
		}
	}
	return copyTree(app, dir, own)
}

// copyTree copies an app but for its directory own. Files that are there already are replaced.
func copyTree(app, dir, own string) error {
	if own != "" {
		real, err := filepath.EvalSymlinks(filepath.Dir(own))
		if err != nil {
			return err
		}
		own = filepath.Join(real, filepath.Base(own))
	}
	app, err := filepath.EvalSymlinks(app)
	if err != nil {
		return err
	}
	return filepath.WalkDir(app, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(app, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, rel)
		switch {
		case entry.IsDir() && (slices.Contains(leftBehind, entry.Name()) || path == own):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(to, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			return copyLinked(app, path, to)
		case entry.Type().IsRegular():
			return link(path, to)
		default:
			return nil // sockets and pipes are no part of a program
		}
	})
}

// copyLinked copies the file that a symbolic link leads to, or links the
// directory in the copy that it leads to in the app. Dangling and circular links are left out.
func copyLinked(app, from, to string) error {
	if isFile(from) {
		if err := makeRoom(to); err != nil {
			return err
		}
		return copyFile(from, to)
	}
	if !isDir(from) {
		return nil
	}
	real, err := filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(from))
	if err != nil {
		return err
	}
	if inside, err := filepath.Rel(app, real); err != nil || !filepath.IsLocal(inside) {
		return nil //nolint:nilerr // what has no path from the app does not lie in it
	}
	target, err := filepath.Rel(dir, real)
	if err != nil {
		return err
	}
	if err := makeRoom(to); err != nil {
		return err
	}
	return os.Symlink(target, to)
}

// makeRoom removes the file or link that is at a path, if any.
func makeRoom(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return err
	}
	return nil
}

func link(from, to string) error {
	if same(from, to) {
		return nil
	}
	if err := makeRoom(to); err != nil {
		return err
	}
	if err := os.Link(from, to); err == nil {
		return nil
	}
	return copyFile(from, to) // another file system, or a file of another user
}

// same tells whether two paths are one file.
func same(a, b string) bool {
	x, err := os.Lstat(a)
	if err != nil {
		return false
	}
	y, err := os.Lstat(b)
	return err == nil && os.SameFile(x, y)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}
