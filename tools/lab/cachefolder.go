package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// cacheFolder is where everything lies that the lab downloads, builds or keeps between two builds.
type cacheFolder string

func openCacheFolder() (cacheFolder, error) {
	dir := os.Getenv("GO_CNB_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache folder: %w; set GO_CNB_CACHE to a directory that may be written", err)
		}
		dir = filepath.Join(user, "scalingo-go-cnb")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cache folder: %w; set GO_CNB_CACHE to a directory that may be written", err)
	}
	return cacheFolder(dir), nil
}

func (c cacheFolder) path(parts ...string) string {
	return filepath.Join(append([]string{string(c)}, parts...)...)
}

// scratch makes a directory for one run and gives it with what removes it. Directories of runs that were killed are
// removed on the way: the process id in their name tells.
func (c cacheFolder) scratch(purpose string) (dir string, remove func(), err error) {
	parent := c.path("tmp")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", nil, fmt.Errorf("scratch directory: %w", err)
	}
	c.sweep(parent)
	dir, err = os.MkdirTemp(parent, fmt.Sprintf("%s-%d-", purpose, os.Getpid()))
	if err != nil {
		return "", nil, fmt.Errorf("scratch directory: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("scratch directory: %w", err)
	}
	return dir, func() {
		if err := removeTree(dir); err != nil {
			fmt.Fprintf(os.Stderr, "lab: %v; remove it by hand\n", err)
		}
	}, nil
}

func (c cacheFolder) sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if pid, ok := scratchOwner(entry.Name()); ok && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			// What another user left there cannot be removed, and does no harm.
			_ = removeTree(filepath.Join(parent, entry.Name()))
		}
	}
}

// scratchOwner reads the process id out of "purpose-pid-random".
func scratchOwner(name string) (pid int, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) < 3 {
		return 0, false
	}
	pid, err := strconv.Atoi(parts[len(parts)-2])
	return pid, err == nil && pid > 0
}

// removeTree is os.RemoveAll for trees with read-only directories, such as a Go module cache.
func removeTree(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// lock waits until no other run holds path and gives what ends the hold.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { file.Close() }, nil
}
