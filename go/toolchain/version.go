package toolchain

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Version is one Go release or pre-release.
//
// Upstream leaves out a zero patch up to Go 1.20 ("go1.20") and writes it from
// Go 1.21 on ("go1.21.0"); Version holds the numbers, so that both spellings
// are the same value.
type Version struct {
	Major, Minor, Patch int
	// Pre is the pre-release as upstream writes it, "rc1" or "beta2"; "" for a release.
	Pre string
}

var versionForm = regexp.MustCompile(`^(?:go|v)?(0|[1-9]\d{0,5})(?:\.(0|[1-9]\d{0,5}))?(?:\.(0|[1-9]\d{0,5}))?((?:rc|beta)[1-9]\d{0,3})?$`)

// ParseVersion reads a release name as upstream spells it, with or without the
// "go" prefix: "1.20", "go1.21.0", "1.27rc1", "go1". What is left out is zero.
func ParseVersion(s string) (Version, error) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil {
		return Version{}, fmt.Errorf("%q is not a Go release", s)
	}
	number := func(s string) int {
		n, _ := strconv.Atoi(s) // "" or at most six digits: the pattern saw to it
		return n
	}
	return Version{number(m[1]), number(m[2]), number(m[3]), m[4]}, nil
}

// MustParseVersion is ParseVersion for constants; it panics on an error.
func MustParseVersion(s string) Version {
	v, err := ParseVersion(s)
	if err != nil {
		panic(err)
	}
	return v
}

// String is the release's name as upstream spells it, without "go": "1.20", "1.21.0", "1.27rc1", "1.0".
func (v Version) String() string {
	s := fmt.Sprintf("%d.%d", v.Major, v.Minor)
	if v.Patch > 0 || (v.Pre == "" && v.atLeastMinor(21)) {
		s += fmt.Sprintf(".%d", v.Patch)
	}
	return s + v.Pre
}

// GoName is the name the go command uses: "go1.20", "go1.21.0", and "go1" for the first release.
func (v Version) GoName() string {
	if v == (Version{Major: 1}) {
		return "go1"
	}
	return "go" + v.String()
}

// Line is the minor's name, "1.26".
func (v Version) Line() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Compare is -1, 0 or +1 as v is older than, the same as or newer than w; a pre-release comes before its release.
func (v Version) Compare(w Version) int { return v.semver().Compare(w.semver()) }

// Before tells whether v is older than the release named s, a constant such as "1.13".
func (v Version) Before(s string) bool { return v.Compare(MustParseVersion(s)) < 0 }

func (v Version) atLeastMinor(minor int) bool {
	return v.Major > 1 || v.Major == 1 && v.Minor >= minor
}

// semver turns "rc1" into "rc.1" so that rc10 sorts after rc9.
func (v Version) semver() *semver.Version {
	pre := v.Pre
	if i := strings.IndexAny(pre, "0123456789"); i > 0 {
		pre = pre[:i] + "." + pre[i:]
	}
	return semver.New(uint64(v.Major), uint64(v.Minor), uint64(v.Patch), pre, "") // #nosec G115 -- never negative
}
