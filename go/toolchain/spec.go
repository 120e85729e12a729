package toolchain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Spec says which Go versions a source allows.
type Spec struct {
	// Text is what the source says, trimmed, as its author wrote it.
	Text string

	exact *Version
	allow []*semver.Constraints
}

const formsHint = "write for example 1.26 (newest patch), 1.26.3 (exactly that), 1.26.*, >=1.24, <1.26 or latest"

var (
	prefixed = regexp.MustCompile(`(^|[^0-9A-Za-z.+-])(?:go|v)(\d)`)
	// leadingZero is in no release's name; semver would read 1.02 as 1.2.
	leadingZero = regexp.MustCompile(`(^|\D)0\d`)
	prerelease  = regexp.MustCompile(`(\d+\.\d+)(\.\d+)?(rc|beta)(\d+)`)
)

// ParseSpec reads what a user may write where a version is asked for: a line
// of releases ("1.26", "go1.26", "1"), one release ("1.26.3", "1.20.0",
// "1.27rc1"), a constraint as github.com/Masterminds/semver/v3 reads it
// (">=1.24, <1.26", "~1.26.1", "1.26.x"), "latest" or "stable".
func ParseSpec(text string) (Spec, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "latest" || text == "stable":
		return rangeSpec(text, ">=0")
	case strings.HasPrefix(strings.TrimPrefix(text, "go"), "devel"):
		return Spec{}, fmt.Errorf("%q is a development version, which is no release and cannot be downloaded: %s", text, formsHint)
	}
	if v, err := ParseVersion(strings.TrimSpace(strings.TrimPrefix(text, "="))); err == nil {
		switch dots := strings.Count(text, "."); {
		case dots == 2 || v.Pre != "":
			return Spec{Text: text, exact: &v}, nil
		case dots == 1:
			return rangeSpec(text, fmt.Sprintf("~%d.%d.0", v.Major, v.Minor))
		default:
			return rangeSpec(text, fmt.Sprintf("^%d.0.0", v.Major))
		}
	}
	return rangeSpec(text, text)
}

// languageSpec reads the go line of a go.mod or go.work: the newest patch of that line, at least the patch named.
func languageSpec(line string) (Spec, error) {
	v, err := ParseVersion(line)
	if err != nil {
		return Spec{}, fmt.Errorf("%q is not a Go version: %s", line, "write for example go 1.26")
	}
	return rangeSpec(line, fmt.Sprintf(">=%s, <%d.%d.0-0", v.semver(), v.Major, v.Minor+1))
}

func rangeSpec(text, constraint string) (Spec, error) {
	constraint = prefixed.ReplaceAllString(constraint, "$1$2")
	constraint = prerelease.ReplaceAllStringFunc(constraint, func(s string) string {
		v, err := ParseVersion(s)
		if err != nil {
			return s
		}
		return v.semver().String()
	})
	c, err := semver.NewConstraint(constraint)
	if err != nil || text == "" || leadingZero.MatchString(text) {
		return Spec{}, fmt.Errorf("%q is not a Go version: %s", text, formsHint)
	}
	return Spec{Text: text, allow: []*semver.Constraints{c}}, nil
}

// Exact returns the one version that s allows, or false when s is a range.
func (s Spec) Exact() (Version, bool) {
	if s.exact == nil {
		return Version{}, false
	}
	return *s.exact, true
}

// Allows tells whether v satisfies s.
func (s Spec) Allows(v Version) bool {
	if s.exact != nil && *s.exact != v {
		return false
	}
	for _, c := range s.allow {
		if !c.Check(v.semver()) {
			return false
		}
	}
	return true
}

// And returns a spec that allows what both allow, which may be nothing.
func (s Spec) And(t Spec) Spec {
	both := Spec{Text: s.Text + ", " + t.Text, exact: s.exact, allow: slices.Concat(s.allow, t.allow)}
	switch {
	case t.exact == nil:
	case s.exact == nil:
		both.exact = t.exact
	default:
		only, _ := semver.NewConstraint("=" + t.exact.semver().String())
		both.allow = append(both.allow, only)
	}
	return both
}
