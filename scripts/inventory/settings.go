package main

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/paketo-buildpacks/libpak/v2"
)

const settingsHead = "<!-- Generated from buildpack.toml by \"go run ./scripts/inventory settings\": do not edit. -->\n" +
	"# Settings\n\n" +
	"Environment variables that the buildpack reads when it builds.\n\n" +
	"| variable | default | meaning |\n|---|---|---|\n"

// Settings returns the reference of the settings in buildpack.toml as Markdown. It reads the hand-written part alone.
func Settings(buildpack []byte) ([]byte, error) {
	var file struct {
		Metadata struct {
			Configurations []libpak.BuildModuleConfiguration `toml:"configurations"`
		} `toml:"metadata"`
	}
	above, err := handWritten(buildpack)
	if err != nil {
		return nil, err
	}
	if err := toml.Unmarshal(above, &file); err != nil {
		return nil, fmt.Errorf("decode settings: %w", err)
	}
	var b strings.Builder
	b.WriteString(settingsHead)
	for _, c := range file.Metadata.Configurations {
		if c.Name == "" || c.Description == "" {
			return nil, fmt.Errorf("setting %q: name or description missing", c.Name)
		}
		value := ""
		if c.Default != "" {
			value = "`" + strings.ReplaceAll(c.Default, "|", `\|`) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, value, cell.Replace(c.Description))
	}
	return []byte(b.String()), nil
}

// cell escapes what Markdown would take for the end of a table's cell, for emphasis or for HTML.
var cell = strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;", "\n", " ")
