package keep

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// repository is the name of what belongs to git: a directory, or a file of a worktree or a submodule.
const repository = ".git"

// node is a file, a link or a directory of the app.
type node struct {
	name string
	mode fs.FileMode
	// size are the bytes of a regular file.
	size int64
	// children are those of a directory, by name. Those of a repository are not read.
	children []*node
	// as is the kind as which it goes, "" for none. What is below goes with it.
	as string
	// stays tells of a directory that it stays even with nothing in it.
	stays bool
	// gone tells, once it is settled, that it goes: for itself or since all that was in it goes.
	gone bool
}

// tree is the app's directory as it is before anything is removed.
type tree struct {
	root *os.Root
	top  *node
	// roots are the directories in which files of tools, bin and Procfile are
	// looked for: the app's root and the directory that is built.
	roots []*node
}

// read reads the app in root; workDir is the directory that is built, from there.
func read(root *os.Root, workDir string) (*tree, error) {
	info, err := root.Stat(".")
	if err != nil {
		return nil, unreadable(".", err)
	}
	top := &node{name: ".", mode: info.Mode(), stays: true}
	if err := top.read(root, "."); err != nil {
		return nil, err
	}
	t := &tree{root: root, top: top, roots: []*node{top}}
	if dir, _ := top.find(workDir); dir != nil && dir != top && dir.mode.IsDir() {
		dir.stays = true
		t.roots = append(t.roots, dir)
	}
	return t, nil
}

// read reads what is below the directory at the path name.
func (n *node) read(root *os.Root, name string) error {
	dir, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return unreadable(name, err)
	}
	entries, err := dir.ReadDir(-1)
	_ = dir.Close()
	if err != nil {
		return unreadable(name, err)
	}
	n.children = make([]*node, 0, len(entries))
	for _, entry := range entries {
		child := &node{name: entry.Name(), mode: entry.Type()}
		n.children = append(n.children, child)
		if child.name == repository {
			continue
		}
		below := path.Join(name, child.name)
		if child.mode.IsRegular() || child.mode.IsDir() {
			info, err := entry.Info()
			if err != nil {
				return unreadable(below, err)
			}
			child.mode = info.Mode()
			if child.mode.IsRegular() {
				child.size = info.Size()
			}
		}
		if child.mode.IsDir() {
			if err := child.read(root, below); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(n.children, func(a, b *node) int { return cmp.Compare(a.name, b.name) })
	return nil
}

func unreadable(name string, err error) error {
	return fmt.Errorf("%s of the app cannot be read, so that it is not known what of it belongs in the image: %w: "+
		"let its owner read it (chmod -R u+rX), or remove it from the app", shown(name), cause(err))
}

// cause is an error without the system call and the path, which the message has.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// child returns what has that name in a directory, nil for none.
func (n *node) child(name string) *node {
	at, ok := slices.BinarySearchFunc(n.children, name, func(c *node, name string) int { return cmp.Compare(c.name, name) })
	if !ok {
		return nil
	}
	return n.children[at]
}

// find returns what lies at a path below, nil for nothing. Where the path leads
// through a link the link is returned, and rest is what follows.
func (n *node) find(name string) (found *node, rest string) {
	for name != "." && name != "" {
		var first string
		first, name, _ = strings.Cut(name, "/")
		if n = n.child(first); n == nil || n.mode&fs.ModeSymlink != 0 {
			return n, name
		}
	}
	return n, ""
}

// hasFile tells whether a directory has a file, or a link, at one of those paths below it.
func (n *node) hasFile(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		file, rest := n.find(name)
		return file != nil && rest == "" && !file.mode.IsDir()
	})
}

// markRepositories marks what belongs to git.
func (n *node) markRepositories() {
	for _, c := range n.children {
		if c.name == repository {
			c.as = repository
		}
		c.markRepositories()
	}
}

// settle decides what goes: what is marked, and directories that lose all they
// had. One that had nothing stays, as a place for files to come, and so does one
// that had nothing but a repository: it is no part of the source.
func (n *node) settle() {
	if n.as != "" {
		n.gone = true
		return
	}
	lost := false
	for _, c := range n.children {
		c.settle()
		lost = lost || c.gone && c.as != repository
	}
	n.gone = lost && !n.stays && !slices.ContainsFunc(n.children, func(c *node) bool { return !c.gone })
}

// walk calls visit for everything below a directory, parents first, with paths
// below the app's root; name is the directory's own. Where visit returns false,
// nothing below is visited.
func (n *node) walk(name string, visit func(name string, n *node) bool) {
	for _, c := range n.children {
		below := path.Join(name, c.name)
		if visit(below, c) {
			c.walk(below, visit)
		}
	}
}

// remove removes what goes.
func (t *tree) remove() error { return t.removeBelow(t.top, ".") }

func (t *tree) removeBelow(dir *node, name string) error {
	for _, c := range dir.children {
		below := path.Join(name, c.name)
		var err error
		switch {
		case c.gone:
			err = t.removeWhole(dir, c, below)
		case c.mode.IsDir():
			err = t.removeBelow(c, below)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeWhole removes n, in the directory parent, with all that is below it. Directories that
// nobody may write are no obstacle where they belong to whoever builds; parent has its mode
// afterwards, which is a part of the image.
func (t *tree) removeWhole(parent, n *node, name string) error {
	at := filepath.FromSlash(name)
	remove := t.root.Remove
	if n.mode.IsDir() {
		remove = t.root.RemoveAll
	}
	err := remove(at)
	if errors.Is(err, fs.ErrPermission) && t.unlock(n, at) == nil {
		err = errors.Join(remove(at), t.root.Chmod(filepath.Dir(at), parent.mode))
	}
	switch {
	case err == nil:
		return nil
	case n.as == repository:
		return fmt.Errorf("%s cannot be removed, which must not be in the image, since it may hold logins: %w", shown(name), cause(err))
	}
	return fmt.Errorf("%s of the app cannot be removed, and is not to be in the image: %w: "+
		"let its directory be written by whoever builds, or set BP_GO_KEEP_SOURCE=true", shown(name), cause(err))
}

// unlock lets the owner write the directory that holds what is at a path, and all directories below it.
func (t *tree) unlock(n *node, at string) error {
	allow := func(name string) error {
		info, err := t.root.Lstat(name)
		if err != nil {
			return err
		}
		return t.root.Chmod(name, info.Mode()|0o700)
	}
	if err := allow(filepath.Dir(at)); err != nil || !n.mode.IsDir() {
		return err
	}
	return fs.WalkDir(t.root.FS(), filepath.ToSlash(at), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return allow(filepath.FromSlash(name))
	})
}
