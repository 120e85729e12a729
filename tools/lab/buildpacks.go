package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// buildpack is a buildpack directory and who it says that it is.
type buildpack struct {
	dir, id, version string
}

func readBuildpack(dir string) (buildpack, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return buildpack{}, fmt.Errorf("buildpack: %w", err)
	}
	var description struct {
		Buildpack struct {
			ID      string `toml:"id"`
			Version string `toml:"version"`
		} `toml:"buildpack"`
	}
	path := filepath.Join(dir, "buildpack.toml")
	if _, err := toml.DecodeFile(path, &description); err != nil {
		return buildpack{}, fmt.Errorf("buildpack %s: %w", dir, err)
	}
	id, version := description.Buildpack.ID, description.Buildpack.Version
	if id == "" || version == "" {
		return buildpack{}, fmt.Errorf("%s has no buildpack.id or no buildpack.version", path)
	}
	if _, err := os.Stat(filepath.Join(dir, "bin", "build")); err != nil {
		return buildpack{}, fmt.Errorf("%s has no bin/build: build it first (scripts/build.sh builds this repository's buildpack)", dir)
	}
	return buildpack{dir: dir, id: id, version: version}, nil
}

// sandboxPath is where the lifecycle looks for the buildpack.
func (b buildpack) sandboxPath() string {
	return filepath.Join("/cnb/buildpacks", strings.ReplaceAll(b.id, "/", "_"), b.version)
}

// readBuildpacks reads the directories given, or finds the repository's own buildpack.
func readBuildpacks(dirs []string) ([]buildpack, error) {
	if len(dirs) == 0 {
		dir, err := defaultBuildpack()
		if err != nil {
			return nil, err
		}
		dirs = []string{dir}
	}
	var buildpacks []buildpack
	for _, dir := range dirs {
		read, err := readBuildpack(dir)
		if err != nil {
			return nil, err
		}
		buildpacks = append(buildpacks, read)
	}
	return buildpacks, nil
}

// orderTOML is an order with one group: the buildpacks, one after the other.
func orderTOML(buildpacks []buildpack) (string, error) {
	if len(buildpacks) == 0 {
		return "", errors.New("no buildpack given")
	}
	var text strings.Builder
	text.WriteString("[[order]]\n")
	for _, b := range buildpacks {
		fmt.Fprintf(&text, "\n[[order.group]]\nid = %q\nversion = %q\n", b.id, b.version)
	}
	return text.String(), nil
}
