package sbom

import (
	"crypto/sha1" // SPDX asks for it beside SHA-256
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strings"
)

// program is what is known of one program.
type program struct {
	name, path   string
	sha1, sha256 string
	goVersion    string // as Go says it: "go1.26.3 X:nocoverageredesign"
	arch         string // GOARCH, "" where unknown
	importPath   string // of its main package
	mainModule   string // path of the module of its main package, "" for none
	mainRef      string // its component
	version      string // of the main module
	settings     []debug.BuildSetting
	locked       bool // whether a lock file, not the build info, tells the modules
	links        []link
}

// link is that a program contains a component.
type link struct {
	ref string
	// replaces is the module, "PATH@VERSION", in whose place it was linked.
	replaces string
}

// devel is the version of a module from a directory.
const devel = "(devel)"

// commandLine is the name of a package that was named by its files.
const commandLine = "command-line-arguments"

// readProgram returns a program and what it contains, by ref.
func readProgram(p Program, in Input) (program, []component, error) {
	result := program{name: p.Name, path: p.Path}
	if result.name == "" {
		result.name = path.Base(p.Path)
	}
	if err := result.hash(p.File); err != nil {
		return program{}, nil, err
	}
	info, err := buildinfo.ReadFile(p.File)
	if err != nil {
		if info, err = withoutBuildInfo(p.File, in.GoVersion, err); err != nil {
			return program{}, nil, err
		}
	}
	result.describe(info)
	if info.Main.Path == "" && len(info.Deps) == 0 && len(in.Locked) > 0 {
		result.locked = true
		for _, m := range in.Locked {
			info.Deps = append(info.Deps, &debug.Module{Path: m.Path, Version: m.Version, Sum: m.Sum})
		}
	}
	contents, err := result.link(info)
	if err != nil {
		return program{}, nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	return result, contents, nil
}

// withoutBuildInfo makes up for what a program lacks: up to Go 1.12 there was no
// build info in programs, and debug/buildinfo then says "not a Go executable".
func withoutBuildInfo(file, goVersion string, reason error) (*debug.BuildInfo, error) {
	program, err := elf.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%s is no program for Linux, which an SBOM could be made for: %w", file, err)
	}
	defer program.Close()
	if goVersion == "" {
		return nil, fmt.Errorf("%s has no Go build info, and which Go made it is not known otherwise: %w", file, reason)
	}
	info := &debug.BuildInfo{GoVersion: goVersion}
	if arch, ok := architectures[program.Machine]; ok {
		info.Settings = []debug.BuildSetting{{Key: "GOARCH", Value: arch}}
	}
	return info, nil
}

// architectures are those that the buildpack builds for.
var architectures = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// describe takes over what the build info says but for the modules.
func (p *program) describe(info *debug.BuildInfo) {
	p.goVersion = info.GoVersion
	p.importPath = info.Path
	if strings.HasPrefix(p.importPath, "_/") || p.importPath == commandLine {
		p.importPath = "" // without modules and outside GOPATH it is the directory of the build machine
	}
	for _, setting := range info.Settings {
		if slices.Contains(harmless, setting.Key) {
			p.settings = append(p.settings, setting)
		}
		if setting.Key == "GOARCH" {
			p.arch = setting.Value
		}
	}
	slices.SortFunc(p.settings, func(a, b debug.BuildSetting) int { return strings.Compare(a.Key, b.Key) })
}

// harmless are the settings that hold neither paths of the build machine nor,
// as -ldflags may, secrets.
var harmless = []string{
	"-buildmode", "-compiler", "-tags", "-race", "-msan", "-asan", "-trimpath",
	"CGO_ENABLED", "DefaultGODEBUG", "GOARCH", "GOOS", "GO386", "GOAMD64", "GOARM", "GOARM64", "GOEXPERIMENT", "GOFIPS140",
	"GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM", "vcs", "vcs.revision", "vcs.time", "vcs.modified",
}

// link records the modules of a program and its standard library.
func (p *program) link(info *debug.BuildInfo) ([]component, error) {
	parts := []component{standard(info.GoVersion)}
	p.links = []link{{ref: parts[0].ref}}
	if info.Main.Path != "" && info.Main.Path != commandLine {
		main, l := linked(&info.Main)
		p.mainModule, p.mainRef, p.version = main.Path, main.ref, main.Version
		parts, p.links = append(parts, main), append(p.links, l)
	}
	for _, module := range info.Deps {
		c, l := linked(module)
		if i := slices.IndexFunc(parts, func(known component) bool { return known.ref == c.ref }); i >= 0 {
			// A lock file may name a repository once per package of it.
			merged, err := parts[i].merge(c)
			if err != nil {
				return nil, err
			}
			parts[i] = merged
			continue
		}
		parts, p.links = append(parts, c), append(p.links, l)
	}
	slices.SortFunc(p.links, func(a, b link) int { return strings.Compare(a.ref, b.ref) })
	return parts, nil
}

// hash reads the program once for both of its checksums.
func (p *program) hash(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("reading the program for its SBOM: %w", err)
	}
	defer file.Close()
	one, two := sha1.New(), sha256.New()
	if _, err := io.Copy(io.MultiWriter(one, two), file); err != nil {
		return fmt.Errorf("reading the program for its SBOM: %w", err)
	}
	p.sha1, p.sha256 = hex.EncodeToString(one.Sum(nil)), hex.EncodeToString(two.Sum(nil))
	return nil
}

// modulesFrom says where the list of modules comes from.
func (p program) modulesFrom() string {
	if p.locked {
		return "lock file"
	}
	return "build info"
}
