package limits

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// noLimit is more memory than there is, in bytes. Version 1 of cgroups has no
// word for no limit but the largest number of whole pages.
const noLimit = 1 << 60

// memory returns the smallest memory limit of the process's cgroup and those
// above it, in bytes; false where there is none.
func memory(root fs.FS) (int64, bool) {
	var least int64
	consider := func(text string) {
		limit, err := strconv.ParseInt(text, 10, 64) // not "max"
		if err == nil && limit > 0 && limit < noLimit && (least == 0 || limit < least) {
			least = limit
		}
	}
	for _, group := range groups(root, "memory") {
		if group.unified {
			consider(group.read(root, "memory.max"))
			continue
		}
		consider(group.read(root, "memory.limit_in_bytes"))
		// This includes groups above that the container does not see.
		for line := range strings.Lines(group.read(root, "memory.stat")) {
			if value, ok := strings.CutPrefix(line, "hierarchical_memory_limit "); ok {
				consider(strings.TrimSpace(value))
			}
		}
	}
	return least, least > 0
}

// cpus returns the smallest CPU quota of the process's cgroup and those above
// it, in CPUs; false where there is none.
func cpus(root fs.FS) (float64, bool) {
	var least float64
	for _, group := range groups(root, "cpu") {
		quota, period := group.read(root, "cpu.cfs_quota_us"), group.read(root, "cpu.cfs_period_us")
		if group.unified {
			quota, period, _ = strings.Cut(group.read(root, "cpu.max"), " ")
		}
		micros, err := strconv.ParseInt(quota, 10, 64) // neither "max" nor -1
		of, err2 := strconv.ParseInt(period, 10, 64)
		if err != nil || err2 != nil || micros <= 0 || of <= 0 {
			continue
		}
		if n := float64(micros) / float64(of); least == 0 || n < least {
			least = n
		}
	}
	return least, least > 0
}

// group is one directory of the cgroup file system.
type group struct {
	dir     string // for fs.FS
	unified bool   // version 2
}

// read returns the content of a file without blanks around it, "" where it
// cannot be read: not every group has every file.
func (g group) read(root fs.FS, name string) string {
	content, err := fs.ReadFile(root, path.Join(g.dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

// groups returns the process's cgroup for a controller and those above it, as
// far as they are mounted, of both versions: a machine may use both, and a
// limit of either holds. See cgroups(7) and proc_pid_mountinfo(5).
func groups(root fs.FS, controller string) []group {
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return nil
	}
	unified, own := memberships(root, controller)
	infos, err := mountinfo.GetMountsFromReader(bytes.NewReader(mounts), func(info *mountinfo.Info) (skip, stop bool) {
		v1 := info.FSType == "cgroup" && slices.Contains(strings.Split(info.VFSOptions, ","), controller)
		return info.FSType != "cgroup2" && !v1, false
	})
	if err != nil {
		return nil
	}
	var all []group
	for _, info := range infos {
		member := own
		if info.FSType == "cgroup2" {
			member = unified
		}
		top := strings.TrimPrefix(path.Clean(info.Mountpoint), "/")
		dir := path.Join(top, below(member, info.Root))
		for {
			all = append(all, group{dir: dir, unified: info.FSType == "cgroup2"})
			if dir == top || !strings.HasPrefix(dir, top) {
				break
			}
			dir = path.Dir(dir)
		}
	}
	return all
}

// memberships returns the paths of the process's cgroups: that of version 2,
// and that of version 1 for a controller.
func memberships(root fs.FS, controller string) (unified, own string) {
	content, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return "", ""
	}
	for s := bufio.NewScanner(bytes.NewReader(content)); s.Scan(); {
		// hierarchy-ID:controller-list:cgroup-path
		_, rest, _ := strings.Cut(s.Text(), ":")
		controllers, member, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case controllers == "":
			unified = member
		case slices.Contains(strings.Split(controllers, ","), controller):
			own = member
		}
	}
	return unified, own
}

// below returns member as seen from the directory that is mounted. A group that
// is not below it (another namespace's, "/..") is where the mount begins, as
// far as can be told.
func below(member, mounted string) string {
	mounted = strings.TrimSuffix(mounted, "/")
	rest, ok := strings.CutPrefix(member, mounted)
	if !ok || !strings.HasPrefix(rest, "/") || slices.Contains(strings.Split(rest, "/"), "..") {
		return ""
	}
	return rest
}
