package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// buildpack is what buildpack.toml says.
type buildpack struct {
	Info struct {
		ID      string `toml:"id"`
		Name    string `toml:"name"`
		Version string `toml:"version"`
	} `toml:"buildpack"`
	Metadata map[string]any `toml:"metadata"`
}

func readBuildpack(root string) (buildpack, error) {
	var b buildpack
	file := filepath.Join(root, "buildpack.toml")
	if _, err := toml.DecodeFile(file, &b); err != nil {
		return b, fmt.Errorf("%s: %w", file, err)
	}
	if b.Info.ID == "" || b.Info.Version == "" {
		return b, fmt.Errorf("%s: there is no buildpack.id or no buildpack.version", file)
	}
	return b, nil
}

// heading matches the heading of a version in the change log: "## 1.2.3 (2026-01-31)".
var heading = regexp.MustCompile(`(?m)^## (\S+)[^\n]*\n`)

// notes prints the section of a version.
func notes(root, version string, out io.Writer) error {
	file := filepath.Join(root, "CHANGELOG.md")
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := string(data)
	sections := heading.FindAllStringSubmatchIndex(text, -1)
	for i, at := range sections {
		if text[at[2]:at[3]] != version {
			continue
		}
		end := len(text)
		if i+1 < len(sections) {
			end = sections[i+1][0]
		}
		section := strings.TrimSpace(text[at[1]:end])
		if section == "" {
			return fmt.Errorf("%s says nothing of %s", file, version)
		}
		_, err := fmt.Fprintln(out, section)
		return err
	}
	return fmt.Errorf("%s has no heading \"## %s\": say there what is new", file, version)
}
