package launch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// RemoveRepositories removes what belongs to git from an app's directory, its own
// .git and those of directories below, and returns their slash-separated paths in it.
func RemoveRepositories(app string) (removed []string, err error) {
	root, err := os.OpenRoot(app)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() != ".git" {
			return nil
		}
		if err := root.RemoveAll(filepath.FromSlash(path)); err != nil {
			return fmt.Errorf("%s cannot be removed, which must not be in the image, since it may hold logins: %w", path, err)
		}
		removed = append(removed, path)
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	return removed, err
}
