// Package toolchain decides which Go builds an app and gets it: sources of a
// version, the inventory, downloads, and the distribution on disk.
package toolchain

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/paketo-buildpacks/libpak/v2/effect"
)

// Go is a distribution on disk.
type Go struct {
	// Root is the GOROOT.
	Root    string
	Version Version
	// Exec runs commands.
	Exec effect.Executor
}

// Feature is something the go command learnt at some version.
type Feature string

// What a Go version may lack; each was tried on both sides of its version.
const (
	VendorOnDemand  Feature = "vendor/ with GO15VENDOREXPERIMENT=1, and -X NAME=VALUE"
	AllCPUs         Feature = "GOMAXPROCS of all CPUs"
	VendorByDefault Feature = "vendor/ unless GO15VENDOREXPERIMENT=0"
	VendorAlways    Feature = "vendor/ whatever GO15VENDOREXPERIMENT says"
	VendorLeftOut   Feature = "./... without vendor/"
	BuildCache      Feature = "GOCACHE"
	CompilerDWARF   Feature = "-gcflags=all=-dwarf=false"
	ModuleMode      Feature = "modules"
	ListDeps        Feature = "go list -deps"
	ListFind        Feature = "go list -find"
	OutputDirectory Feature = "go build -o DIR/"
	TrimPath        Feature = "-trimpath and comma-separated -tags"
	ProxyLists      Feature = "GOPROXY lists, GOPRIVATE and the checksum database"
	ModMod          Feature = "-mod=mod"
	ModCacheRW      Feature = "-modcacherw"
	ReadOnlyMods    Feature = "go.mod and go.sum left alone"
	BuildVCS        Feature = "-buildvcs"
	Workspaces      Feature = "go.work"
	ListFields      Feature = "go list -json=FIELDS"
	MemoryLimit     Feature = "GOMEMLIMIT"
	Toolchains      Feature = "GOTOOLCHAIN"
	WorkspaceVendor Feature = "vendor/ beside go.work"
	GoAuth          Feature = "GOAUTH"
	CPUQuota        Feature = "GOMAXPROCS from the CPU quota"
)

var since = map[Feature]Version{
	VendorOnDemand:  MustParseVersion("1.5"),
	AllCPUs:         MustParseVersion("1.5"),
	VendorByDefault: MustParseVersion("1.6"),
	VendorAlways:    MustParseVersion("1.7"),
	VendorLeftOut:   MustParseVersion("1.9"),
	BuildCache:      MustParseVersion("1.10"),
	CompilerDWARF:   MustParseVersion("1.10"),
	ModuleMode:      MustParseVersion("1.11"),
	ListDeps:        MustParseVersion("1.11"),
	ListFind:        MustParseVersion("1.11"),
	OutputDirectory: MustParseVersion("1.13"),
	TrimPath:        MustParseVersion("1.13"),
	ProxyLists:      MustParseVersion("1.13"),
	ModMod:          MustParseVersion("1.14"),
	ModCacheRW:      MustParseVersion("1.14"),
	ReadOnlyMods:    MustParseVersion("1.16"),
	BuildVCS:        MustParseVersion("1.18"),
	Workspaces:      MustParseVersion("1.18"),
	ListFields:      MustParseVersion("1.19"),
	MemoryLimit:     MustParseVersion("1.19"),
	Toolchains:      MustParseVersion("1.21"),
	WorkspaceVendor: MustParseVersion("1.22"),
	GoAuth:          MustParseVersion("1.24"),
	CPUQuota:        MustParseVersion("1.25"),
}

// Has tells whether v knows f. Pre-releases know what their release knows.
func (v Version) Has(f Feature) bool {
	v.Pre = ""
	return v.Compare(since[f]) >= 0
}

// Since is the first release that knows f.
func Since(f Feature) Version { return since[f] }

// Command is the path of the go command.
func (g Go) Command() string { return filepath.Join(g.Root, "bin", "go") }

// Run runs the go command in dir with exactly the environment env.
func (g Go) Run(dir string, env []string, stdout, stderr io.Writer, args ...string) error {
	return g.Exec.Execute(effect.Execution{
		Command: g.Command(), Args: args, Dir: dir, Env: env, Stdout: stdout, Stderr: stderr,
	})
}

// Output runs the go command and returns what it printed, on failure too. The error holds what it complained of.
func (g Go) Output(dir string, env []string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	if err := g.Run(dir, env, &stdout, &stderr, args...); err != nil {
		if text := strings.TrimSpace(stderr.String()); text != "" {
			return stdout.Bytes(), fmt.Errorf("%s", text)
		}
		return stdout.Bytes(), fmt.Errorf("go %s: %w", args[0], err)
	}
	return stdout.Bytes(), nil
}

// settle makes an unpacked distribution usable. Go up to 1.9 takes its own
// packages for stale when their sources are newer than the archives beside them,
// so all files get one time.
func settle(root string, v Version) error {
	if v.Has(BuildCache) {
		return nil
	}
	at := time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC)
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, at, at)
	})
}

// Settle makes a distribution usable whose files were put there in another build than Install's.
func (g Go) Settle() error { return settle(g.Root, g.Version) }

// Open returns the distribution at root, which Install made.
func Open(root string, v Version, exec effect.Executor) (Go, error) {
	g := Go{Root: root, Version: v, Exec: exec}
	return g, g.Settle()
}
