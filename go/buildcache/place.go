package buildcache

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// topDirectory is the flag of ext4 for a directory whose subdirectories have nothing to do
// with each other: EXT4_TOPDIR_FL, what "chattr +T" sets.
const topDirectory = 0x00020000

// Place makes the directory dir, below a parent that is made too, for many files to
// come. Where it can be said, it gets a place on the disk of its own: ext4 looks for a free inode
// from the start of its block group and passes by those that were freed in the last minutes, one by one,
// so that a build that comes soon after another would spend most of its time there. scripts/bench.sh shows it.
func Place(dir string) error {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	spread(parent)
	// The place goes by the name, and stays when that changes.
	made := filepath.Join(parent, "place-"+rand.Text())
	if err := os.Mkdir(made, 0o755); err != nil {
		return err
	}
	if err := os.Rename(made, dir); err != nil {
		return errors.Join(err, os.Remove(made))
	}
	return nil
}

// spread sets the flag, on file systems that have it.
func spread(dir string) {
	f, err := os.Open(dir)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil && flags&topDirectory == 0 {
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags|topDirectory) // without it all works, only slower
	}
}
