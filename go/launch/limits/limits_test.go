package limits

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// files makes a file system of NAME: CONTENT lines; \n in a content is a line
// end.
func files(text string) fstest.MapFS {
	root := fstest.MapFS{}
	for line := range strings.Lines(text) {
		if name, content, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			root[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(content, `\n`, "\n") + "\n")}
		}
	}
	return root
}

const (
	v2 = `proc/self/cgroup: 0::/
		proc/self/mountinfo: 31 24 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw
		`
	v1 = `proc/self/cgroup: 5:cpuacct,cpu:/docker/x\n4:memory:/docker/x\n1:name=systemd:/docker/x\n0::/
		proc/self/mountinfo: 1 0 0:5 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n2 0 0:6 /docker/x /sys/fs/cgroup/cpu ro - cgroup c rw,cpu
		`
)

var systems = []struct {
	name, files   string
	memory, procs string // with 8 CPUs
}{
	{"nothing there", "", "", ""},
	{"no mountinfo", "proc/self/cgroup: 0::/\nsys/fs/cgroup/memory.max: 1000", "", ""},
	{"not mounted", "proc/self/cgroup: 0::/\nproc/self/mountinfo: 1 0 0:5 / / rw - ext4 /dev/x rw", "", ""},
	{"mountinfo is no mountinfo", "proc/self/cgroup: 0::/\nproc/self/mountinfo: what", "", ""},
	{"v2", v2 + "sys/fs/cgroup/memory.max: 1000\nsys/fs/cgroup/cpu.max: 250000 100000", "900", "3"},
	{"v2 without limits", v2 + "sys/fs/cgroup/memory.max: max\nsys/fs/cgroup/cpu.max: max 100000", "", ""},
	{"v2 without controllers", v2, "", ""},
	{"v2, contents make no sense", v2 + "sys/fs/cgroup/memory.max: many\nsys/fs/cgroup/cpu.max: 1", "", ""},
	{"v2, nothing allowed", v2 + "sys/fs/cgroup/memory.max: 0\nsys/fs/cgroup/cpu.max: 0 0", "", ""},
	{"v2, less than two CPUs", v2 + "sys/fs/cgroup/cpu.max: 50000 100000", "", "2"},
	{"v2, whole CPUs", v2 + "sys/fs/cgroup/cpu.max: 400000 100000", "", "4"},
	{"v2, as many CPUs as there are", v2 + "sys/fs/cgroup/cpu.max: 800000 100000", "", ""},
	{"v2, more CPUs than there are", v2 + "sys/fs/cgroup/cpu.max: 9900000 100000", "", ""},
	{"v2, no proc/self/cgroup", "proc/self/mountinfo: 31 24 0:26 / /sys/fs/cgroup ro - cgroup2 c rw\nsys/fs/cgroup/memory.max: 1000", "900", ""},
	{"v2, the least of all above", `proc/self/cgroup: 0::/a/b/c
		proc/self/mountinfo: 31 24 0:26 / /sys/fs/cgroup ro shared:1 - cgroup2 cgroup rw
		sys/fs/cgroup/a/b/c/memory.max: 5000
		sys/fs/cgroup/a/b/memory.max: max
		sys/fs/cgroup/a/memory.max: 2000
		sys/fs/cgroup/a/b/c/cpu.max: 700000 100000
		sys/fs/cgroup/a/b/cpu.max: 150000 50000
		sys/fs/cgroup/memory.max: 9000`, "1800", "3"},
	{"v2, the container's own tree", `proc/self/cgroup: 0::/kubepods/pod1/x/sub
		proc/self/mountinfo: 31 24 0:26 /kubepods/pod1/x /sys/fs/cgroup ro - cgroup2 cgroup rw
		sys/fs/cgroup/sub/memory.max: 3000
		sys/fs/cgroup/memory.max: 2000`, "1800", ""},
	{"v2, another namespace", `proc/self/cgroup: 0::/../../other
		proc/self/mountinfo: 31 24 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw
		sys/fs/cgroup/memory.max: 2000`, "1800", ""},
	{"v2, not below the mount", `proc/self/cgroup: 0::/docker/xy
		proc/self/mountinfo: 31 24 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw
		sys/fs/cgroup/memory.max: 2000`, "1800", ""},
	{"v2, a space in the mount point", `proc/self/cgroup: 0::/
		proc/self/mountinfo: 31 24 0:26 / /my\040cg ro - cgroup2 cgroup rw
		my cg/memory.max: 2000`, "1800", ""},
	{"v1", v1 + `sys/fs/cgroup/memory/memory.limit_in_bytes: 1000
		sys/fs/cgroup/cpu/cpu.cfs_quota_us: 350000
		sys/fs/cgroup/cpu/cpu.cfs_period_us: 100000`, "900", "4"},
	{"v1 without limits", v1 + `sys/fs/cgroup/memory/memory.limit_in_bytes: 9223372036854771712
		sys/fs/cgroup/memory/memory.stat: cache 0\nhierarchical_memory_limit 9223372036854771712
		sys/fs/cgroup/cpu/cpu.cfs_quota_us: -1
		sys/fs/cgroup/cpu/cpu.cfs_period_us: 100000`, "", ""},
	{"v1, pages of 64 KiB", v1 + "sys/fs/cgroup/memory/memory.limit_in_bytes: 9223372036854710272", "", ""},
	{"v1, a limit above what is mounted", v1 + `sys/fs/cgroup/memory/memory.limit_in_bytes: 9223372036854771712
		sys/fs/cgroup/memory/memory.stat: cache 0\nhierarchical_memory_limit 4000\nhierarchical_memsw_limit 1`, "3600", ""},
	{"v1 for memory, v2 for CPUs", `proc/self/cgroup: 4:memory:/\n0::/
		proc/self/mountinfo: 1 0 0:5 / /cg/memory ro - cgroup cgroup rw,memory\n2 0 0:6 / /cg/unified ro - cgroup2 c rw
		cg/memory/memory.limit_in_bytes: 1000
		cg/unified/cpu.max: 300000 100000`, "900", "3"},
}

func TestEnvironment(t *testing.T) {
	for _, test := range systems {
		t.Run(test.name, func(t *testing.T) {
			var log strings.Builder
			system := System{Root: files(test.files), Lookup: lookup(), CPUs: 8, Log: &log}
			for execD, want := range map[string]map[string]string{
				ExecD:        {"GOMEMLIMIT": test.memory},
				ExecDQuota:   {"GOMEMLIMIT": test.memory, "GOMAXPROCS": test.procs},
				ExecDAllCPUs: {"GOMEMLIMIT": test.memory, "GOMAXPROCS": or(test.procs, "8")},
			} {
				for name, value := range want {
					if value == "" {
						delete(want, name)
					}
				}
				if diff := cmp.Diff(want, system.Environment(execD)); diff != "" {
					t.Errorf("%s: (-want +got):\n%s", execD, diff)
				}
			}
			if log.String() != "" {
				t.Errorf("logged: %s", &log)
			}
		})
	}
}

func TestOneCPU(t *testing.T) {
	system := System{Root: files(v2 + "sys/fs/cgroup/cpu.max: 50000 100000"), Lookup: lookup(), CPUs: 1}
	if diff := cmp.Diff(map[string]string{"GOMAXPROCS": "1"}, system.Environment(ExecDAllCPUs)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{}, system.Environment(ExecDQuota)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatTheUserSays(t *testing.T) {
	const told = " is neither off nor a number above 0 and up to 1: 0.9 is used\n"
	for _, test := range []struct {
		set          []string
		memory, told string
	}{
		{[]string{"GOMEMLIMIT", "5"}, "", ""},
		{[]string{"GOMEMLIMIT", ""}, "", ""},
		{[]string{RatioVariable, "off"}, "", ""},
		{[]string{RatioVariable, ""}, "900", ""},
		{[]string{RatioVariable, "1"}, "1000", ""},
		{[]string{RatioVariable, "0.5"}, "500", ""},
		{[]string{RatioVariable, "1e-9"}, "", ""},
		{[]string{RatioVariable, "0"}, "900", RatioVariable + "=0" + told},
		{[]string{RatioVariable, "90"}, "900", RatioVariable + "=90" + told},
		{[]string{RatioVariable, "-1"}, "900", RatioVariable + "=-1" + told},
		{[]string{RatioVariable, "NaN"}, "900", RatioVariable + "=NaN" + told},
		{[]string{RatioVariable, "90%"}, "900", RatioVariable + "=90%" + told},
	} {
		t.Run(strings.Join(test.set, "="), func(t *testing.T) {
			var log strings.Builder
			system := System{Root: files(v2 + "sys/fs/cgroup/memory.max: 1000"), Lookup: lookup(test.set...), CPUs: 8, Log: &log}
			if got := system.Environment(ExecD)["GOMEMLIMIT"]; got != test.memory || log.String() != test.told {
				t.Errorf("got %q, %q", got, &log)
			}
		})
	}
	system := System{Root: files(""), Lookup: lookup("GOMAXPROCS", "1"), CPUs: 8}
	if got := system.Environment(ExecDAllCPUs); len(got) > 0 {
		t.Errorf("the user's GOMAXPROCS is replaced: %v", got)
	}
}

// A container starts whatever the kernel says.
func FuzzEnvironment(f *testing.F) {
	for _, test := range systems {
		root := files(test.files)
		read := func(name string) string {
			if file := root[name]; file != nil {
				return string(file.Data)
			}
			return ""
		}
		f.Add(read("proc/self/cgroup"), read("proc/self/mountinfo"), read("sys/fs/cgroup/memory.max"))
	}
	f.Fuzz(func(t *testing.T, cgroup, mountinfo, limit string) {
		root := fstest.MapFS{
			"proc/self/cgroup":         {Data: []byte(cgroup)},
			"proc/self/mountinfo":      {Data: []byte(mountinfo)},
			"sys/fs/cgroup/memory.max": {Data: []byte(limit)},
			"sys/fs/cgroup/cpu.max":    {Data: []byte(limit)},
		}
		System{Root: root, Lookup: lookup(), CPUs: 8}.Environment(ExecDAllCPUs)
	})
}

func lookup(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
