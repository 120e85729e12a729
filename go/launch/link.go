package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Notice is one sentence for the user about something in the app that was
// replaced, or left although a link should be there.
type Notice string

// Link makes DIR/bin/NAME a symbolic link to TARGETDIR/NAME for every name,
// and bin where there is none. dir is the app's directory or the working
// directory within it; targetDir is absolute, and so are the links.
//
// What else is in bin stays. Where bin/NAME exists, a file or another link is
// replaced and a directory is left, each with a notice; the very link is left
// without a word.
//
// Nothing outside of dir is written ([os.Root]): bin as a link that leads out
// of dir is an error, as is bin as a file, a targetDir that is bin itself, a
// name that is no file name, and whatever the file system reports. Notices
// of what was done before an error are returned with it.
func Link(dir, targetDir string, names []string) ([]Notice, error) {
	if !filepath.IsAbs(targetDir) {
		return nil, fmt.Errorf("links in %s: target directory %q is not absolute", dir, targetDir)
	}
	for _, name := range names {
		if name == "." || !filepath.IsLocal(name) || filepath.Base(name) != name {
			return nil, fmt.Errorf("links in %s: %q is no file name", dir, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	bin, err := openBin(dir)
	if err != nil {
		return nil, err
	}
	defer bin.Close()
	if err := notSame(bin, dir, targetDir); err != nil {
		return nil, err
	}
	var notices []Notice
	for _, name := range names {
		notice, err := link(bin, name, filepath.Join(targetDir, name))
		if err != nil {
			return notices, fmt.Errorf("link %s: %w", filepath.Join(dir, "bin", name), err)
		}
		if notice != "" {
			notices = append(notices, notice)
		}
	}
	return notices, nil
}

// openBin opens dir/bin, made where it does not exist.
func openBin(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("links to the binaries: %w", err)
	}
	defer root.Close()
	path := filepath.Join(dir, "bin")
	info, err := root.Lstat("bin")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := makeBin(root); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case info.Mode()&fs.ModeSymlink != 0:
		if info, err = followBin(root, path); err != nil {
			return nil, err
		}
		fallthrough
	default:
		if !info.IsDir() {
			return nil, fmt.Errorf("%s: bin is a file, and has to be a directory for the binaries: rename it", path)
		}
	}
	bin, err := root.OpenRoot("bin")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return bin, nil
}

// makeBin makes bin with a mode that does not depend on the umask: it is a
// part of the image's digest.
func makeBin(root *os.Root) error {
	if err := root.Mkdir("bin", 0o755); err != nil {
		return err
	}
	return root.Chmod("bin", 0o755)
}

// followBin describes what bin, a symbolic link, leads to. os.Root follows
// links as long as they are relative and stay within the root.
func followBin(root *os.Root, path string) (fs.FileInfo, error) {
	info, err := root.Stat("bin")
	if err == nil {
		return info, nil
	}
	to, linkErr := root.Readlink("bin")
	if linkErr != nil {
		return nil, fmt.Errorf("%s: %w", path, linkErr)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: bin is a symbolic link to %s, which does not exist: make bin a directory", path, to)
	}
	return nil, fmt.Errorf("%s: bin is a symbolic link to %s, out of the app's directory or by an absolute path: make bin a directory (%w)", path, to, err)
}

// notSame is an error where targetDir is bin: every link would replace the
// binary it is to lead to.
func notSame(bin *os.Root, dir, targetDir string) error {
	target, err := os.Stat(targetDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("links to the binaries: %w", err)
	}
	info, err := bin.Stat(".")
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, "bin"), err)
	}
	if os.SameFile(info, target) {
		return fmt.Errorf("%s: the binaries are there already, links would replace them", filepath.Join(dir, "bin"))
	}
	return nil
}

// link makes name a link to target in bin.
func link(bin *os.Root, name, target string) (Notice, error) {
	info, err := bin.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", bin.Symlink(target, name)
	}
	if err != nil {
		return "", err
	}
	what := "a file"
	switch {
	case info.IsDir():
		return Notice(fmt.Sprintf("bin/%s is a directory of the app and is left: the binary %s is on PATH", name, name)), nil
	case info.Mode()&fs.ModeSymlink != 0:
		old, err := bin.Readlink(name)
		if err != nil {
			return "", err
		}
		if old == target {
			return "", nil
		}
		what = "a symbolic link to " + old
	}
	if err := bin.Remove(name); err != nil {
		return "", err
	}
	if err := bin.Symlink(target, name); err != nil {
		return "", err
	}
	return Notice(fmt.Sprintf("bin/%s was %s and is replaced by a link to the binary just built", name, what)), nil
}
