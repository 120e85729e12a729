package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
)

// columns is the head of releases.csv.
var columns = []string{"version", "released", "os", "arch", "url", "sha256", "sha1", "h1"}

// ReadReleases reads a table of releases and returns them sorted. Errors begin with name:line and say what is wrong
// there: a row that CSV does not allow, that Release.Check refuses, that comes twice, or whose date is not the one
// another row has for the same version.
func ReadReleases(r io.Reader, name string) ([]Release, error) {
	reader := csv.NewReader(r)
	reader.FieldsPerRecord = len(columns)
	head, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:1: empty, the columns are missing", name)
	}
	if err != nil {
		return nil, rowError(name, err)
	}
	if !slices.Equal(head, columns) {
		return nil, fmt.Errorf("%s:1: columns are %q, want %q", name, head, columns)
	}

	var releases []Release
	lines := map[string]int{}
	dates := map[string]string{}
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, rowError(name, err)
		}
		line, _ := reader.FieldPos(0)
		var rel Release
		for i, field := range rel.fields() {
			*field = row[i]
		}
		if err := rel.Check(); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if first, found := lines[rel.key()]; found {
			return nil, fmt.Errorf("%s:%d: %s %s/%s is already in line %d", name, line, rel.Version, rel.OS, rel.Arch, first)
		}
		if date, found := dates[rel.Version]; found && date != rel.Released {
			return nil, fmt.Errorf("%s:%d: released %q, but another row has %q for %s", name, line, rel.Released, date, rel.Version)
		}
		lines[rel.key()], dates[rel.Version] = line, rel.Released
		releases = append(releases, rel)
	}
	Sort(releases)
	return releases, nil
}

// rowError turns an error of encoding/csv into one that begins with name:line.
func rowError(name string, err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("%s:%d: %w", name, parse.Line, parse.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// WriteReleases writes releases as a table that ReadReleases reads.
func WriteReleases(w io.Writer, releases []Release) error {
	writer := csv.NewWriter(w)
	rows := [][]string{columns}
	for _, rel := range releases {
		row := make([]string, 0, len(columns))
		for _, field := range rel.fields() {
			row = append(row, *field)
		}
		rows = append(rows, row)
	}
	return writer.WriteAll(rows)
}
