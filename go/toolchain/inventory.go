package toolchain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Release is one Go version for one architecture, as buildpack.toml lists it.
type Release struct {
	Version Version
	Arch    string
	// URI is upstream's tarball; "" where only the module's hash is known.
	URI string
	// Algorithm and Digest (hex) verify the tarball: "sha256", or "sha1" for the few
	// releases for which upstream never published more. Both are "" without a tarball.
	Algorithm, Digest string
	// ModuleSum is the "h1:" hash of the golang.org/toolchain module, "" where unknown.
	ModuleSum string
	// EndOfLife is the day upstream stopped supporting the minor, zero while it is supported.
	EndOfLife time.Time
}

// ModuleVersion is the version of module golang.org/toolchain that holds the release.
func (r Release) ModuleVersion() string { return moduleVersion(r.Version, r.Arch) }

func moduleVersion(v Version, arch string) string {
	return "v0.0.1-" + v.GoName() + ".linux-" + arch
}

// Inventory is what buildpack.toml knows of Go releases, newest first.
type Inventory struct {
	releases []Release
	sums     map[string]string
}

// ReadInventory takes the inventory out of the [metadata] of buildpack.toml as
// the TOML decoder left it: the dependencies with id "go" and the table
// "toolchains" of module hashes. It walks the decoded values since decoding the
// 500 entries a second time would double the time that detection takes.
func ReadInventory(metadata map[string]any) (Inventory, error) {
	inv := Inventory{sums: map[string]string{}}
	sums, _ := metadata["toolchains"].(map[string]any)
	for version, sum := range sums {
		inv.sums[version], _ = sum.(string)
	}
	dependencies, _ := metadata["dependencies"].([]map[string]any)
	for i, d := range dependencies {
		if d["id"] != "go" {
			continue
		}
		r, err := readRelease(d)
		if err != nil {
			return Inventory{}, fmt.Errorf("buildpack.toml: dependency %d: %w", i+1, err)
		}
		r.ModuleSum = inv.sums[r.ModuleVersion()]
		inv.releases = append(inv.releases, r)
	}
	if len(inv.releases) == 0 {
		return Inventory{}, fmt.Errorf("buildpack.toml: metadata.dependencies lists no Go release")
	}
	slices.SortStableFunc(inv.releases, func(a, b Release) int { return b.Version.Compare(a.Version) })
	return inv, nil
}

func readRelease(d map[string]any) (Release, error) {
	text := func(key string) string { s, _ := d[key].(string); return s }
	v, err := ParseVersion(text("version"))
	if err != nil {
		return Release{}, err
	}
	r := Release{Version: v, Arch: text("arch"), URI: text("uri")}
	r.EndOfLife, _ = d["eol-date"].(time.Time)
	checksum := cmp.Or(text("checksum"), "sha256:"+text("sha256"))
	algorithm, digest, _ := strings.Cut(checksum, ":")
	switch {
	case algorithm == "h1":
	case (algorithm == "sha256" || algorithm == "sha1") && digest != "" && r.URI != "":
		r.Algorithm, r.Digest = algorithm, digest
	default:
		return Release{}, fmt.Errorf("go %s: no usable checksum", v)
	}
	return r, nil
}

// Find returns the release v for arch, or false.
func (inv Inventory) Find(v Version, arch string) (Release, bool) {
	for _, r := range inv.releases {
		if r.Version == v && r.Arch == arch {
			return r, true
		}
	}
	return Release{}, false
}

// Newest returns the newest release for arch that keep accepts, or false.
func (inv Inventory) Newest(arch string, keep func(Release) bool) (Release, bool) {
	for _, r := range inv.releases {
		if r.Arch == arch && keep(r) {
			return r, true
		}
	}
	return Release{}, false
}

// HasTarball tells whether upstream's tarball can be verified with SHA-256.
func (r Release) HasTarball() bool { return r.Algorithm == "sha256" }

// Nearest returns up to n versions for arch that are closest to v, newest first.
func (inv Inventory) Nearest(v Version, arch string, n int) []Version {
	var all []Version
	for _, r := range inv.releases {
		if r.Arch == arch {
			all = append(all, r.Version)
		}
	}
	distance := func(w Version) int {
		d := (w.Major-v.Major)*1_000_000 + (w.Minor-v.Minor)*1000 + (w.Patch - v.Patch)
		return max(d, -d)
	}
	slices.SortStableFunc(all, func(a, b Version) int { return cmp.Compare(distance(a), distance(b)) })
	all = all[:min(n, len(all))]
	slices.SortFunc(all, func(a, b Version) int { return b.Compare(a) })
	return all
}
