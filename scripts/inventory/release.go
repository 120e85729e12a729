package main

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// Release is one Go release for one platform: a row of releases.csv.
type Release struct {
	// Version is upstream's spelling without "go": 1.20 for the first release of a minor up to 1.20, 1.21.0 from then
	// on. Go 1 itself is 1.0.
	Version string
	// Released is the day of the release as 2006-01-02, empty where it is unknown.
	Released string
	// OS and Arch are Go's names for the platform.
	OS, Arch string
	// URL is the address of the official archive, empty where only the module is known.
	URL string
	// SHA256 and SHA1 are checksums of the archive in hex. Upstream published only SHA-1 for some old releases.
	SHA256, SHA1 string
	// H1 is the hash of the golang.org/toolchain module in the form of go.sum, empty where it was not looked up.
	H1 string
}

// fields returns the release's columns in the order of releases.csv.
func (r *Release) fields() []*string {
	return []*string{&r.Version, &r.Released, &r.OS, &r.Arch, &r.URL, &r.SHA256, &r.SHA1, &r.H1}
}

// key tells releases apart. Two spellings of one version have the same key.
func (r Release) key() string {
	return semver.Canonical("v"+r.Version) + " " + r.OS + "/" + r.Arch
}

// goVersion is the version as the go command spells it.
func (r Release) goVersion() string {
	if r.Version == "1.0" {
		return "go1"
	}
	return "go" + r.Version
}

// moduleVersion is the release's version as a golang.org/toolchain module.
func (r Release) moduleVersion() string {
	return "v0.0.1-" + r.goVersion() + "." + r.OS + "-" + r.Arch
}

// Check returns what is wrong with the release, if anything.
func (r Release) Check() error {
	if err := checkVersion(r.Version); err != nil {
		return err
	}
	if r.Released != "" {
		if _, err := time.Parse(time.DateOnly, r.Released); err != nil {
			return fmt.Errorf("released %q: not a date like 2006-01-02", r.Released)
		}
	}
	if r.OS != "linux" {
		return fmt.Errorf("os %q: only linux is supported", r.OS)
	}
	if r.Arch != "amd64" && r.Arch != "arm64" {
		return fmt.Errorf("arch %q: only amd64 and arm64 are supported", r.Arch)
	}
	if err := cmp.Or(checkHex("sha256", r.SHA256, 32), checkHex("sha1", r.SHA1, 20), checkH1(r.H1)); err != nil {
		return err
	}
	switch hasSum := r.SHA256 != "" || r.SHA1 != ""; {
	case r.URL == "" && hasSum:
		return errors.New("url: missing, but there is a checksum of the archive")
	case r.URL != "" && !hasSum:
		return errors.New("url: there, but no checksum of the archive")
	case r.URL == "" && r.H1 == "":
		return errors.New("no checksum at all")
	case r.URL == "":
		return nil
	}
	// The form that url gives back has nothing in it that TOML or a command line would need quoted.
	if u, err := url.Parse(r.URL); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.String() != r.URL {
		return fmt.Errorf("url %q: not a plain https URL", r.URL)
	}
	return nil
}

// checkVersion accepts stable versions in upstream's spelling only: the same version twice under two spellings would
// be two entries of which one is never looked at.
func checkVersion(version string) error {
	major, minor, patch, err := numbers(version)
	if err != nil {
		return err
	}
	spelling := fmt.Sprintf("%d.%d.%d", major, minor, patch)
	if patch == 0 && major == 1 && minor < 21 {
		spelling = fmt.Sprintf("%d.%d", major, minor)
	}
	if version != spelling {
		return fmt.Errorf("version %q: upstream's spelling is %s", version, spelling)
	}
	return nil
}

// numbers splits a stable version into its numbers.
func numbers(version string) (major, minor, patch int, err error) {
	var n [3]int
	parts := strings.Split(version, ".")
	bad := len(parts) < 2 || len(parts) > 3
	for i := 0; i < len(parts) && !bad; i++ {
		n[i], err = strconv.Atoi(parts[i])
		bad = err != nil || parts[i] != strconv.Itoa(n[i]) || n[i] < 0
	}
	if bad || n[0] == 0 {
		return 0, 0, 0, fmt.Errorf("version %q: not a stable version like 1.20 or 1.26.1", version)
	}
	return n[0], n[1], n[2], nil
}

// checkHex accepts an empty sum or one of so many bytes in lower-case hex.
func checkHex(name, sum string, size int) error {
	if sum == "" {
		return nil
	}
	if b, err := hex.DecodeString(sum); err != nil || len(b) != size || sum != strings.ToLower(sum) {
		return fmt.Errorf("%s %q: not %d lower-case hex digits", name, sum, 2*size)
	}
	return nil
}

// checkH1 accepts an empty hash or one as in go.sum.
func checkH1(sum string) error {
	if sum == "" {
		return nil
	}
	encoded, found := strings.CutPrefix(sum, "h1:")
	if b, err := base64.StdEncoding.Strict().DecodeString(encoded); !found || err != nil || len(b) != 32 || strings.ContainsAny(sum, "\r\n") {
		return fmt.Errorf("h1 %q: not h1: and 32 bytes in base64", sum)
	}
	return nil
}

// Sort orders releases by version, as numbers, then by platform.
func Sort(releases []Release) {
	slices.SortStableFunc(releases, func(a, b Release) int {
		return cmp.Or(semver.Compare("v"+a.Version, "v"+b.Version), cmp.Compare(a.OS, b.OS), cmp.Compare(a.Arch, b.Arch))
	})
}

// EndOfLife returns for each minor ("1.25") that upstream no longer supports the day its support ended: the day the
// second minor after it came out. Releases must be sorted. A first release without a known date is stood in for by the
// earliest of its minor that has one.
func EndOfLife(releases []Release) map[string]string {
	born := map[string]string{}
	for _, r := range releases {
		if minor := semver.MajorMinor("v" + r.Version); born[minor] == "" {
			born[minor] = r.Released
		}
	}
	ends := map[string]string{}
	for minor := range born {
		major, n, _, err := numbers(minor[1:])
		if err != nil {
			continue
		}
		if end := born[fmt.Sprintf("v%d.%d", major, n+2)]; end != "" {
			ends[minor[1:]] = end
		}
	}
	return ends
}
