package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	sumA  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumB  = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	sha1A = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	h1A   = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	h1B   = "h1:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="
)

// archive returns a release that is known by its archive.
func archive(version, released, arch string) Release {
	r := Release{Version: version, Released: released, OS: "linux", Arch: arch, SHA256: sumA}
	r.URL = downloadRoot + r.goVersion() + ".linux-" + arch + ".tar.gz"
	return r
}

func TestSortIsByNumberThenArchitecture(t *testing.T) {
	var releases []Release
	for _, v := range []string{"1.9.7", "1.21.0", "1.10", "1.20.14", "1.0", "1.20", "1.2.2", "1.10.8", "1.2", "1.20.1"} {
		releases = append(releases, archive(v, "", "arm64"), archive(v, "", "amd64"))
	}
	Sort(releases)
	var got []string
	for i, r := range releases {
		if want := []string{"amd64", "arm64"}[i%2]; r.Arch != want {
			t.Errorf("%d: arch = %s, want %s", i, r.Arch, want)
		}
		if i%2 == 0 {
			got = append(got, r.Version)
		}
	}
	want := []string{"1.0", "1.2", "1.2.2", "1.9.7", "1.10", "1.10.8", "1.20", "1.20.1", "1.20.14", "1.21.0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestEndOfLifeIsTheDayOfTheSecondMinorAfter(t *testing.T) {
	tests := []struct {
		name     string
		releases []Release
		want     map[string]string
	}{
		{"none", nil, map[string]string{}},
		{"two supported", []Release{archive("1.26.0", "2026-02-10", "amd64"), archive("1.27.0", "2026-08-19", "amd64")}, map[string]string{}},
		{
			"patches do not count",
			[]Release{
				archive("1.25.0", "2025-08-12", "amd64"), archive("1.26.0", "2026-02-10", "amd64"),
				archive("1.27.0", "2026-08-19", "amd64"), archive("1.27.0", "2026-08-19", "arm64"), archive("1.27.1", "2026-09-01", "amd64"),
			},
			map[string]string{"1.25": "2026-08-19"},
		},
		{
			"first release without a date",
			[]Release{archive("1.25.0", "", "amd64"), archive("1.27.0", "", "amd64"), archive("1.27.1", "2026-09-01", "amd64")},
			map[string]string{"1.25": "2026-09-01"},
		},
		{
			"second minor without any date",
			[]Release{archive("1.25.0", "2025-08-12", "amd64"), archive("1.27.0", "", "amd64")},
			map[string]string{},
		},
		{
			"one digit and two",
			[]Release{archive("1.8", "2017-02-16", "amd64"), archive("1.9", "2017-08-24", "amd64"), archive("1.10", "2018-02-16", "amd64")},
			map[string]string{"1.8": "2018-02-16"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, EndOfLife(tt.releases)); diff != "" {
				t.Errorf("EndOfLife (-want +got):\n%s", diff)
			}
		})
	}
}

func TestModuleVersionIsSpelledAsUpstreamDoes(t *testing.T) {
	for version, want := range map[string]string{
		"1.0":    "v0.0.1-go1.linux-amd64",
		"1.20":   "v0.0.1-go1.20.linux-amd64",
		"1.21.0": "v0.0.1-go1.21.0.linux-amd64",
	} {
		if got := archive(version, "", "amd64").moduleVersion(); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Release)
		want string
	}{
		{"right", func(*Release) {}, ""},
		{"SHA-1 instead", func(r *Release) { r.SHA256, r.SHA1 = "", sha1A }, ""},
		{"module alone", func(r *Release) { r.URL, r.SHA256, r.H1 = "", "", h1A }, ""},
		{"no date", func(r *Release) { r.Released = "" }, ""},
		{"spelling before 1.21", func(r *Release) { r.Version = "1.20.0" }, `version "1.20.0": upstream's spelling is 1.20`},
		{"spelling from 1.21 on", func(r *Release) { r.Version = "1.21" }, `version "1.21": upstream's spelling is 1.21.0`},
		{"Go 1", func(r *Release) { r.Version = "1" }, "not a stable version"},
		{"prefix", func(r *Release) { r.Version = "go1.26.1" }, "not a stable version"},
		{"pre-release", func(r *Release) { r.Version = "1.27rc1" }, "not a stable version"},
		{"leading zero", func(r *Release) { r.Version = "1.26.01" }, "not a stable version"},
		{"sign", func(r *Release) { r.Version = "1.-2" }, "not a stable version"},
		{"four numbers", func(r *Release) { r.Version = "1.2.3.4" }, "not a stable version"},
		{"date", func(r *Release) { r.Released = "2026-13-01" }, `released "2026-13-01": not a date`},
		{"os", func(r *Release) { r.OS = "darwin" }, `os "darwin"`},
		{"arch", func(r *Release) { r.Arch = "riscv64" }, `arch "riscv64"`},
		{"short SHA-256", func(r *Release) { r.SHA256 = sha1A }, "sha256"},
		{"capital SHA-256", func(r *Release) { r.SHA256 = strings.ToUpper(sumA) }, "lower-case"},
		{"SHA-1", func(r *Release) { r.SHA1 = "x" }, "sha1"},
		{"h1 without prefix", func(r *Release) { r.H1 = h1A[3:] }, "h1"},
		{"h1 too short", func(r *Release) { r.H1 = "h1:AAAA" }, "h1"},
		{"sum without URL", func(r *Release) { r.URL = "" }, "url: missing"},
		{"URL without sum", func(r *Release) { r.SHA256 = "" }, "url: there, but no checksum"},
		{"nothing", func(r *Release) { r.URL, r.SHA256 = "", "" }, "no checksum at all"},
		{"http", func(r *Release) { r.URL = "http://dl.google.com/go/x" }, "not a plain https URL"},
		{"userinfo", func(r *Release) { r.URL = "https://a:b@dl.google.com/go/x" }, "not a plain https URL"},
		{"quote", func(r *Release) { r.URL = `https://dl.google.com/"` }, "not a plain https URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := archive("1.26.1", "2026-03-05", "amd64")
			tt.edit(&r)
			switch err := r.Check(); {
			case tt.want == "" && err != nil:
				t.Errorf("Check: %v, want none", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Check: %v, want %q", err, tt.want)
			}
		})
	}
}
