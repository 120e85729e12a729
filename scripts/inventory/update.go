package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	// downloadList is upstream's list of all releases, newest first.
	downloadList = "https://go.dev/dl/?mode=json&include=all"
	// downloadRoot is where the files of that list are.
	downloadRoot = "https://dl.google.com/go/"
	// listLimit bounds what is read of a list. The real one has a few megabytes.
	listLimit = 64 << 20
)

// withdrawn are versions that upstream tagged but told everybody not to use.
var withdrawn = map[string]bool{"1.7.2": true}

// download is one release in go.dev's list.
type download struct {
	Version string `json:"version"`
	Stable  bool   `json:"stable"`
	Files   []struct {
		Filename string `json:"filename"`
		OS       string `json:"os"`
		Arch     string `json:"arch"`
		SHA256   string `json:"sha256"`
		Kind     string `json:"kind"`
	} `json:"files"`
}

// fetch reads a file or an https URL. Checksums that came over plain http would prove nothing.
func fetch(ctx context.Context, client *http.Client, from string) ([]byte, error) {
	if strings.HasPrefix(from, "http://") {
		return nil, fmt.Errorf("get %s: only https and files are read", from)
	}
	if !strings.HasPrefix(from, "https://") {
		return os.ReadFile(from)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", from, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, listLimit+1))
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", from, err)
	}
	if len(data) > listLimit {
		return nil, fmt.Errorf("get %s: longer than %d bytes", from, listLimit)
	}
	return data, nil
}

// parseDownloads returns the stable releases of go.dev's list for the platforms of the inventory.
func parseDownloads(list []byte) ([]Release, error) {
	var downloads []download
	if err := json.Unmarshal(list, &downloads); err != nil {
		return nil, fmt.Errorf("list of downloads: %w", err)
	}
	if len(downloads) == 0 {
		return nil, errors.New("list of downloads: empty")
	}
	var releases []Release
	for _, d := range downloads {
		version := strings.TrimPrefix(d.Version, "go")
		if version == "1" {
			version = "1.0"
		}
		if !d.Stable || withdrawn[version] {
			continue
		}
		for _, f := range d.Files {
			// The list has no SHA-256 for the releases that were published with SHA-1.
			if f.Kind != "archive" || f.OS != "linux" || f.Arch != "amd64" && f.Arch != "arm64" || f.SHA256 == "" {
				continue
			}
			r := Release{Version: version, OS: f.OS, Arch: f.Arch, URL: downloadRoot + f.Filename, SHA256: f.SHA256}
			if err := r.Check(); err != nil {
				return nil, fmt.Errorf("list of downloads: %s: %w", f.Filename, err)
			}
			if want := d.Version + "." + f.OS + "-" + f.Arch + ".tar.gz"; f.Filename != want {
				return nil, fmt.Errorf("list of downloads: file %q of %s is not named %s", f.Filename, d.Version, want)
			}
			releases = append(releases, r)
		}
	}
	return releases, nil
}

// mergeDownloads returns the known releases with those of the list added, sorted, and a line for each change. Of a
// known release only what is missing is filled in. An archive with another SHA-256 than the one we have is an error: a
// published release never changes, so one of the two is not upstream's.
func mergeDownloads(known, listed []Release, today time.Time) ([]Release, []string, error) {
	merged, index := catalogue(known)
	var notes []string
	for _, l := range listed {
		at, found := index[l.key()]
		if !found {
			l.Released = releaseDay(merged, l.Version, today)
			index[l.key()] = len(merged)
			merged = append(merged, l)
			notes = append(notes, fmt.Sprintf("%s %s/%s: new", l.Version, l.OS, l.Arch))
			continue
		}
		switch r := &merged[at]; r.SHA256 {
		case l.SHA256:
		case "":
			r.SHA256 = l.SHA256
			if r.URL == "" {
				r.URL = l.URL
			}
			notes = append(notes, fmt.Sprintf("%s %s/%s: SHA-256 added", r.Version, r.OS, r.Arch))
		default:
			return nil, nil, fmt.Errorf("%s %s/%s: the list has SHA-256 %s, releases.csv has %s", r.Version, r.OS, r.Arch, l.SHA256, r.SHA256)
		}
	}
	Sort(merged)
	return merged, notes, nil
}

// catalogue returns a copy of releases and where each is in it.
func catalogue(releases []Release) ([]Release, map[string]int) {
	index := make(map[string]int, len(releases))
	for i, r := range releases {
		index[r.key()] = i
	}
	return append([]Release(nil), releases...), index
}

// releaseDay is the date for a new row. Upstream's list has none: a version that is new to us came out, as near as we
// can know, today; a version known on another platform has that row's date, even when that is unknown.
func releaseDay(known []Release, version string, today time.Time) string {
	for _, r := range known {
		if r.Version == version {
			return r.Released
		}
	}
	return today.UTC().Format(time.DateOnly)
}
