package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// Whiteouts are files of a layer that take away files of the layers below: ".wh.NAME" takes NAME, and whiteoutAll all
// that is in its directory.
const (
	whiteout    = ".wh."
	whiteoutAll = ".wh..wh..opq"
)

// unpacker lays the layers of an image on top of each other in a directory.
type unpacker struct {
	root  string
	owned bool                   // give files their owners: root only
	modes map[string]fs.FileMode // of directories, set in the end: they may be read-only
	size  int64
}

// unpackImage unpacks image into the empty directory root and gives the size of the files.
func unpackImage(image v1.Image, root string) (int64, error) {
	layers, err := image.Layers()
	if err != nil {
		return 0, fmt.Errorf("unpack the image: %w", err)
	}
	u := &unpacker{root: root, owned: os.Geteuid() == 0, modes: map[string]fs.FileMode{}}
	for i, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			return 0, fmt.Errorf("unpack layer %d: %w", i, err)
		}
		err = u.layer(content)
		content.Close()
		if err != nil {
			return 0, fmt.Errorf("unpack layer %d: %w", i, err)
		}
	}
	return u.size, u.finish()
}

// layer unpacks one layer's tar.
func (u *unpacker) layer(content io.Reader) error {
	archive := tar.NewReader(content)
	written := map[string]bool{} // by this layer: an opaque whiteout does not take these
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		target, err := u.place(header.Name)
		if err != nil {
			return err
		}
		base := filepath.Base(target)
		switch {
		case base == whiteoutAll:
			err = u.empty(filepath.Dir(target), written)
		case strings.HasPrefix(base, whiteout):
			err = u.remove(filepath.Join(filepath.Dir(target), strings.TrimPrefix(base, whiteout)))
		default:
			written[target] = true
			err = u.entry(archive, header, target)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

// place gives the path of an entry. Links in its directory are followed, but never out of root; a name with ".." is
// refused, for no layer that a lifecycle writes has one.
func (u *unpacker) place(name string) (string, error) {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return "", fmt.Errorf("entry %q would leave the image's root directory", name)
	}
	clean := path.Clean("/" + name)
	if clean == "/" {
		return u.root, nil
	}
	if taken, ok := strings.CutPrefix(path.Base(clean), whiteout); ok && (taken == "" || taken == "." || taken == "..") {
		return "", fmt.Errorf("entry %q takes away no file", name)
	}
	directory, err := securejoin.SecureJoin(u.root, path.Dir(clean))
	if err != nil {
		return "", err
	}
	return filepath.Join(directory, path.Base(clean)), nil
}

func (u *unpacker) entry(content io.Reader, header *tar.Header, target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if header.Typeflag == tar.TypeDir {
		return u.directory(header, target)
	}
	if err := u.remove(target); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg:
		return u.file(content, header, target)
	case tar.TypeSymlink:
		if err := os.Symlink(header.Linkname, target); err != nil {
			return err
		}
		return u.chown(header, target)
	case tar.TypeLink:
		source, err := u.place(header.Linkname)
		if err != nil {
			return err
		}
		return os.Link(source, target)
	default:
		return nil // devices and pipes: no app image has a use for them
	}
}

func (u *unpacker) directory(header *tar.Header, target string) error {
	info, err := os.Lstat(target)
	if err == nil && !info.IsDir() {
		if err := os.Remove(target); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	u.modes[target] = header.FileInfo().Mode() &^ fs.ModeDir
	return u.chown(header, target)
}

func (u *unpacker) file(content io.Reader, header *tar.Header, target string) error {
	file, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	written, err := io.Copy(file, content)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	u.size += written
	if err := u.chown(header, target); err != nil {
		return err
	}
	// After chown, which clears the set-user-id bit.
	if err := os.Chmod(target, header.FileInfo().Mode()); err != nil {
		return err
	}
	return os.Chtimes(target, header.ModTime, header.ModTime)
}

func (u *unpacker) chown(header *tar.Header, target string) error {
	if !u.owned {
		return nil
	}
	return os.Lchown(target, header.Uid, header.Gid)
}

// empty removes what lower layers have put into directory.
func (u *unpacker) empty(directory string, written map[string]bool) error {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if child := filepath.Join(directory, entry.Name()); !written[child] {
			if err := u.remove(child); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *unpacker) remove(target string) error {
	if target == u.root {
		return errors.New("would remove the image's root directory")
	}
	for directory := range u.modes {
		if directory == target || strings.HasPrefix(directory, target+"/") {
			delete(u.modes, directory)
		}
	}
	return os.RemoveAll(target)
}

// finish gives directories their modes, the deepest first.
func (u *unpacker) finish() error {
	directories := sortedKeys(u.modes)
	slices.Reverse(directories)
	for _, directory := range directories {
		if err := os.Chmod(directory, u.modes[directory]); err != nil {
			return fmt.Errorf("unpack the image: %w", err)
		}
	}
	return nil
}
