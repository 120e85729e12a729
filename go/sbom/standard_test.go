package sbom

import (
	"regexp"
	"testing"

	"github.com/package-url/packageurl-go"
)

func TestStandardLibraryOfAGoVersion(t *testing.T) {
	tests := []struct{ version, want, purl, cpe string }{
		{"go1.26.3", "1.26.3", "pkg:golang/stdlib@1.26.3", "cpe:2.3:a:golang:go:1.26.3:-:*:*:*:*:*:*"},
		{"1.26.3", "1.26.3", "pkg:golang/stdlib@1.26.3", "cpe:2.3:a:golang:go:1.26.3:-:*:*:*:*:*:*"},
		{"go1.20", "1.20", "pkg:golang/stdlib@1.20", "cpe:2.3:a:golang:go:1.20:-:*:*:*:*:*:*"},
		{"go1", "1", "pkg:golang/stdlib@1", "cpe:2.3:a:golang:go:1:-:*:*:*:*:*:*"},
		{"go1.26.3 X:nocoverageredesign", "1.26.3", "pkg:golang/stdlib@1.26.3", "cpe:2.3:a:golang:go:1.26.3:-:*:*:*:*:*:*"},
		{"go1.26.3-X:jsonv2,greenteagc", "1.26.3", "pkg:golang/stdlib@1.26.3", "cpe:2.3:a:golang:go:1.26.3:-:*:*:*:*:*:*"},
		{"go1.27rc1", "1.27rc1", "pkg:golang/stdlib@1.27rc1", "cpe:2.3:a:golang:go:1.27:rc1:*:*:*:*:*:*"},
		{"go1.8beta2 X:framepointer", "1.8beta2", "pkg:golang/stdlib@1.8beta2", "cpe:2.3:a:golang:go:1.8:beta2:*:*:*:*:*:*"},
		{"go1.22.1-bigcorp", "1.22.1", "pkg:golang/stdlib@1.22.1", "cpe:2.3:a:golang:go:1.22.1:-:*:*:*:*:*:*"},
		{"go1.22.1 (Red Hat 1.22.1-1.el9)", "1.22.1", "pkg:golang/stdlib@1.22.1", "cpe:2.3:a:golang:go:1.22.1:-:*:*:*:*:*:*"},
		{"go1.19.4+fips", "1.19.4", "pkg:golang/stdlib@1.19.4", "cpe:2.3:a:golang:go:1.19.4:-:*:*:*:*:*:*"},
		{"devel go1.27-6c3b5a2f52 Thu Jan 1 10:00:00 2026 +0000", "", "pkg:golang/stdlib", ""},
		{"go1.27-devel_6c3b5a2f52 Thu Jan 1 10:00:00 2026 +0000 X:jsonv2", "", "pkg:golang/stdlib", ""},
		{"devel +6c3b5a2f52 Thu Jan 1 10:00:00 2015 +0000", "", "pkg:golang/stdlib", ""},
		{"go1.26.3x", "", "pkg:golang/stdlib", ""},
		{"", "", "pkg:golang/stdlib", ""},
	}
	for _, test := range tests {
		t.Run(test.version, func(t *testing.T) {
			got := standard(test.version)
			if got.Version != test.want || got.purl != test.purl || got.cpe != test.cpe {
				t.Errorf("got %q %q %q", got.Version, got.purl, got.cpe)
			}
		})
	}
}

var (
	releaseOnly = regexp.MustCompile(`^([0-9]+(\.[0-9]+){0,2}((rc|beta|alpha)[0-9]+)?)?$`)
	cpeOnly     = regexp.MustCompile(`^(cpe:2\.3:a:golang:go:[0-9.]+:(-|(rc|beta|alpha)[0-9]+)(:\*){6})?$`)
)

func FuzzStandardLibraryOfAGoVersion(f *testing.F) {
	for _, seed := range []string{"go1.26.3 X:a", "go1.27rc1", "devel go1.27-abc", "go1.27-devel_abc", "go1.22.1-corp", "go1.2.3.4", "go1\n", "1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, version string) {
		c := standard(version)
		if !releaseOnly.MatchString(c.Version) || !cpeOnly.MatchString(c.cpe) || (c.cpe == "") != (c.Version == "") {
			t.Fatalf("%q: version %q, CPE %q", version, c.Version, c.cpe)
		}
		purl, err := packageurl.FromString(c.purl)
		if err != nil {
			t.Fatal(err)
		}
		if purl.Name != standardLibrary || purl.Version != c.Version {
			t.Fatalf("%q: %q", version, c.purl)
		}
	})
}
