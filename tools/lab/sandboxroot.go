package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// hostTrees are the host's directories that a build sees, read-only: the programs, libraries and settings that a build
// image would have. Home directories, /var, /run and the like stay outside.
var hostTrees = []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/etc", "/opt", "/nix"}

// deviceFiles are those that every container has.
var deviceFiles = []string{"null", "zero", "full", "random", "urandom", "tty"}

// hostMounts makes root look like the host. Links such as /bin stay links.
func hostMounts(root string) ([]sandboxMount, error) {
	var mounts []sandboxMount
	for _, tree := range hostTrees {
		info, err := os.Lstat(tree)
		if err != nil {
			continue
		}
		if info.Mode()&os.ModeSymlink == 0 {
			mounts = append(mounts, sandboxMount{Kind: mountBind, Source: tree, Target: tree, ReadOnly: true})
			continue
		}
		link, err := os.Readlink(tree)
		if err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		}
		if err := os.Symlink(link, filepath.Join(root, tree)); err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		}
	}
	return append(mounts, linkedFiles()...), nil
}

// linkedFiles are files of /etc that on many systems are links to places outside of hostTrees.
func linkedFiles() []sandboxMount {
	var mounts []sandboxMount
	for _, file := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/localtime"} {
		real, err := filepath.EvalSymlinks(file)
		if err != nil || insideHostTrees(real) {
			continue
		}
		mounts = append(mounts, sandboxMount{Kind: mountBind, Source: real, Target: real, ReadOnly: true, Optional: true})
	}
	return mounts
}

func insideHostTrees(path string) bool {
	for _, tree := range hostTrees {
		if strings.HasPrefix(path, tree+"/") {
			return true
		}
	}
	return false
}

// systemMounts are what the kernel provides: /proc, /dev, and /sys to look at.
func systemMounts() []sandboxMount {
	mounts := []sandboxMount{
		{Kind: mountProc, Target: "/proc"},
		{Kind: mountBind, Source: "/sys", Target: "/sys", ReadOnly: true, Optional: true},
		{Kind: mountTmpfs, Target: "/dev", Mode: "0755"},
		{Kind: mountTmpfs, Target: "/dev/shm", Mode: "1777"},
		{Kind: mountDevpts, Target: "/dev/pts", Optional: true},
	}
	for _, device := range deviceFiles {
		path := "/dev/" + device
		mounts = append(mounts, sandboxMount{Kind: mountBind, Source: path, Target: path, Optional: true})
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"} {
		mounts = append(mounts, sandboxMount{Kind: mountSymlink, Source: target, Target: "/dev/" + name})
	}
	return mounts
}
