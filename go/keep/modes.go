package keep

import (
	"errors"
	"io/fs"
	"os"
	"slices"
)

// SetModes gives the app's files and directories, itself included, the modes that git gives them on a
// machine with the usual umask, 022: 0755 to directories and programs, 0644 to other
// files. Otherwise the image would depend on the umask of who checked the app out.
// What nobody's umask makes of git's modes was set on purpose, and stays; so do links, and what belongs to another user.
func SetModes(app string) error {
	root, err := os.OpenRoot(app)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) && entry != nil && entry.IsDir() {
			return fs.SkipDir // LeaveOut says what to do about it
		}
		if err != nil {
			return err
		}
		if entry.Name() == ".git" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.IsDir() && !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if mode := usual(info.Mode(), entry.IsDir()); mode != info.Mode().Perm() {
			_ = root.Chmod(path, mode) // another user's stays
		}
		return nil
	})
}

// usual is the mode that a file has under the usual umask where it has this one under another.
func usual(mode fs.FileMode, dir bool) fs.FileMode {
	if mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0 {
		return mode.Perm()
	}
	if slices.Contains([]fs.FileMode{0o700, 0o750, 0o770, 0o775}, mode.Perm()) {
		return 0o755
	}
	if !dir && slices.Contains([]fs.FileMode{0o600, 0o640, 0o660, 0o664}, mode.Perm()) {
		return 0o644
	}
	return mode.Perm()
}
