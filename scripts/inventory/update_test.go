package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var today = time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)

// listed returns a list of downloads with one file.
func listed(version, file, sum string) string {
	return `[{"version":"` + version + `","stable":true,"files":[{"filename":"` + file +
		`","os":"linux","arch":"amd64","version":"` + version + `","sha256":"` + sum + `","size":1,"kind":"archive"}]}]`
}

func TestUpdateMergesTheList(t *testing.T) {
	list, err := os.ReadFile(filepath.Join("testdata", "downloads.json"))
	if err != nil {
		t.Fatal(err)
	}
	listed, err := parseDownloads(list)
	if err != nil {
		t.Fatal(err)
	}
	h1Only := Release{Version: "1.27.4", OS: "linux", Arch: "amd64", H1: h1A}
	old := archive("1.0", "2012-03-28", "amd64")
	old.URL = "https://storage.example.com/go.go1.linux-amd64.tar.gz"
	known := []Release{old, archive("1.26.10", "2026-11-01", "amd64"), h1Only}

	got, notes, err := mergeDownloads(known, listed, today)
	if err != nil {
		t.Fatal(err)
	}
	filled := archive("1.27.4", "", "amd64")
	filled.H1, filled.SHA256 = h1A, sumB
	want := []Release{
		old,
		archive("1.26.10", "2026-11-01", "amd64"), archive("1.26.10", "2026-11-01", "arm64"),
		filled, archive("1.27.4", "", "arm64"),
		archive("1.28.0", "2026-11-22", "amd64"), archive("1.28.0", "2026-11-22", "arm64"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	wantNotes := []string{
		"1.28.0 linux/amd64: new", "1.28.0 linux/arm64: new",
		"1.27.4 linux/amd64: SHA-256 added", "1.27.4 linux/arm64: new", "1.26.10 linux/arm64: new",
	}
	if diff := cmp.Diff(wantNotes, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}

	again, notes, err := mergeDownloads(got, listed, today.AddDate(0, 0, 1))
	if err != nil || len(notes) > 0 {
		t.Errorf("second update: %v, %v, want nothing new", notes, err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("second update (-first +second):\n%s", diff)
	}
}

func TestUpdateRefusesAnotherChecksum(t *testing.T) {
	other := archive("1.26.10", "", "amd64")
	other.SHA256 = sumB
	_, _, err := mergeDownloads([]Release{archive("1.26.10", "", "amd64")}, []Release{other}, today)
	if err == nil || !strings.Contains(err.Error(), "1.26.10 linux/amd64: the list has SHA-256 "+sumB+", releases.csv has "+sumA) {
		t.Errorf("mergeDownloads: %v, want both checksums named", err)
	}
}

func TestParseDownloadsRefusesWhatIsNotAList(t *testing.T) {
	tests := []struct {
		name, list, want string
	}{
		{"HTML", "<html>", "list of downloads: invalid character"},
		{"empty", "[]", "list of downloads: empty"},
		{"checksum", listed("go1.28.1", "go1.28.1.linux-amd64.tar.gz", "abc"), "go1.28.1.linux-amd64.tar.gz: sha256"},
		{"version", listed("go1.28", "go1.28.linux-amd64.tar.gz", sumA), "upstream's spelling is 1.28.0"},
		{"file of another release", listed("go1.28.1", "go1.28.0.linux-amd64.tar.gz", sumA), "is not named go1.28.1.linux-amd64.tar.gz"},
		{"path", listed("go1.28.1", "../go1.28.1.linux-amd64.tar.gz", sumA), "is not named"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseDownloads([]byte(tt.list))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parseDownloads: %v, %v, want error %q", got, err, tt.want)
			}
		})
	}
}

func TestFetchReadsFilesAndHTTPS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/list" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("the list"))
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "list.json")
	if err := os.WriteFile(file, []byte("the file"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		from, want, wantErr string
	}{
		{server.URL + "/list", "the list", ""},
		{server.URL + "/other", "", "404"},
		{file, "the file", ""},
		{file + ".no", "", "no such file"},
		{"http://go.dev/dl/", "", "only https"},
	}
	for _, tt := range tests {
		got, err := fetch(context.Background(), server.Client(), tt.from)
		if string(got) != tt.want || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("fetch %s: %q, %v, want %q, error %q", tt.from, got, err, tt.want, tt.wantErr)
		}
	}
}

func TestSumsFillsInAndRefusesConflicts(t *testing.T) {
	hashes := func(_ context.Context, module, version string) (string, error) {
		switch module + "@" + version {
		case "golang.org/toolchain@v0.0.1-go1.26.10.linux-amd64":
			return h1A, nil
		case "golang.org/toolchain@v0.0.1-go1.27.5.linux-amd64":
			return h1B, nil
		}
		return "", errors.New("not served")
	}
	withHash := archive("1.26.10", "2026-11-01", "amd64")
	withHash.H1 = h1A
	other := withHash
	other.H1 = h1B
	tests := []struct {
		name, version, arch string
		known, want         []Release
		wantErr             string
	}{
		{"known archive", "1.26.10", "amd64", []Release{archive("1.26.10", "2026-11-01", "amd64")}, []Release{withHash}, ""},
		{"known hash", "1.26.10", "amd64", []Release{withHash}, []Release{withHash}, ""},
		{"new version", "1.27.5", "amd64", []Release{withHash},
			[]Release{withHash, {Version: "1.27.5", Released: "2026-11-22", OS: "linux", Arch: "amd64", H1: h1B}}, ""},
		{"another hash", "1.26.10", "amd64", []Release{other}, nil, "the hash is " + h1A + ", releases.csv has " + h1B},
		{"not served", "1.26.10", "arm64", nil, nil, "hash of 1.26.10 linux/arm64: not served"},
		{"spelling", "go1.26.10", "amd64", nil, nil, "not a stable version"},
		{"arch", "1.26.10", "mips", nil, nil, `arch "mips"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := addSums(context.Background(), tt.known, []string{tt.version}, []string{tt.arch}, today, hashes)
			if (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("addSums: error %v, want %q", err, tt.wantErr)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("releases (-want +got):\n%s", diff)
			}
		})
	}
}
