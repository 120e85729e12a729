package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

const csvHead = "version,released,os,arch,url,sha256,sha1,h1\n"

func TestReadReleasesNamesTheLine(t *testing.T) {
	row := "1.26.1,2026-03-05,linux,amd64,https://dl.google.com/go/go1.26.1.linux-amd64.tar.gz," + sumA + ",,\n"
	tests := []struct {
		name, text, want string
	}{
		{"empty file", "", "x.csv:1: empty"},
		{"other columns", "version,os,arch,released,url,sha256,sha1,h1\n", "x.csv:1: columns are"},
		{"too few fields in the head", "version\n", "x.csv:1: wrong number of fields"},
		{"too few fields", csvHead + row + "1.26.2,2026-03-05\n", "x.csv:3: wrong number of fields"},
		{"open quote", csvHead + row + "\"1.26.2,", "x.csv:3: extraneous or missing \" in quoted-field"},
		{"wrong value", csvHead + row + "1.26.2,,linux,amd64,,,,\n", "x.csv:3: no checksum at all"},
		{"blank lines count", csvHead + "\n\n" + "1.26.2,,linux,amd64,,,,\n", "x.csv:4: no checksum at all"},
		{"twice", csvHead + row + "1.26.2,,linux,amd64,,,," + h1A + "\n" + row, "x.csv:4: 1.26.1 linux/amd64 is already in line 2"},
		{"two dates", csvHead + row + "1.26.1,,linux,arm64,,,," + h1A + "\n", `x.csv:3: released "", but another row has "2026-03-05" for 1.26.1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadReleases(strings.NewReader(tt.text), "x.csv")
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("ReadReleases: %v, %v, want error %q", got, err, tt.want)
			}
		})
	}
}

func TestReadReleasesSorts(t *testing.T) {
	text := csvHead + "1.26.10,,linux,arm64,,,," + h1A + "\n1.26.10,,linux,amd64,,,," + h1B + "\n1.26.9,,linux,amd64,,,," + h1A + "\n"
	got, err := ReadReleases(strings.NewReader(text), "x.csv")
	if err != nil {
		t.Fatal(err)
	}
	want := []Release{
		{Version: "1.26.9", OS: "linux", Arch: "amd64", H1: h1A},
		{Version: "1.26.10", OS: "linux", Arch: "amd64", H1: h1B},
		{Version: "1.26.10", OS: "linux", Arch: "arm64", H1: h1A},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
}

// Whatever is read can be written and read again, and its inventory is TOML that says the same.
func FuzzReadReleases(f *testing.F) {
	f.Add(csvHead)
	f.Add(csvHead + "1.0,2012-03-28,linux,amd64,https://example.com/go.tar.gz," + sumA + ",,\n")
	f.Add(csvHead + "1.5,2015-08-19,linux,amd64,https://example.com/go.tar.gz,," + sha1A + "," + h1A + "\n1.27.4,,linux,arm64,,,," + h1B + "\n")
	f.Add(csvHead + "\"1.20\",,linux,amd64,\"https://example.com/\"\"\"," + sumA + ",,\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		releases, err := ReadReleases(strings.NewReader(text), "x.csv")
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := WriteReleases(&b, releases); err != nil {
			t.Fatal(err)
		}
		again, err := ReadReleases(&b, "x.csv")
		if err != nil {
			t.Fatalf("written rows are refused: %v", err)
		}
		if diff := cmp.Diff(releases, again); diff != "" {
			t.Errorf("written and read again (-first +second):\n%s", diff)
		}
		var inventory struct {
			Metadata struct {
				Dependencies []struct{ Version, URI string }
			}
		}
		if err := toml.Unmarshal(Render(releases), &inventory); err != nil {
			t.Fatalf("inventory: %v", err)
		}
		for i, d := range inventory.Metadata.Dependencies {
			if d.Version != releases[i].Version || d.URI != releases[i].URL {
				t.Errorf("inventory has %+v for %+v", d, releases[i])
			}
		}
	})
}
