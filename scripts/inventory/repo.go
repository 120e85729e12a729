package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
)

// The files this program reads and writes, from the root of the repository.
const (
	releasesFile  = "scripts/inventory/releases.csv"
	buildpackFile = "buildpack.toml"
	settingsFile  = "docs/settings.md"
)

// repo is the repository whose files are generated.
type repo struct {
	root string
}

// output is one generated file as it is, empty where it does not exist, and as it ought to be.
type output struct {
	name       string
	have, want []byte
}

// outputs renders every generated file.
func (r repo) outputs() ([]output, error) {
	releases, err := r.readReleases()
	if err != nil {
		return nil, err
	}
	buildpack, err := r.read(buildpackFile)
	if err != nil {
		return nil, err
	}
	spliced, err := Splice(buildpack, releases)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", buildpackFile, err)
	}
	settings, err := r.settings()
	if err != nil {
		return nil, err
	}
	return []output{{buildpackFile, buildpack, spliced}, settings}, nil
}

// settings renders docs/settings.md.
func (r repo) settings() (output, error) {
	buildpack, err := r.read(buildpackFile)
	if err != nil {
		return output{}, err
	}
	want, err := Settings(buildpack)
	if err != nil {
		return output{}, fmt.Errorf("%s: %w", buildpackFile, err)
	}
	have, err := r.read(settingsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return output{}, err
	}
	return output{settingsFile, have, want}, nil
}

// generate writes every generated file that is not as it ought to be.
func (r repo) generate() error {
	outputs, err := r.outputs()
	if err != nil {
		return err
	}
	return r.store(outputs...)
}

// writeSettings writes docs/settings.md alone.
func (r repo) writeSettings() error {
	settings, err := r.settings()
	if err != nil {
		return err
	}
	return r.store(settings)
}

// stale returns what generate would change, as a diff.
func (r repo) stale() ([]byte, error) {
	outputs, err := r.outputs()
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, o := range outputs {
		all = append(all, diff.Diff(o.name, o.have, o.name+" (generated)", o.want)...)
	}
	return all, nil
}

// store writes the outputs that differ from what is there.
func (r repo) store(outputs ...output) error {
	for _, o := range outputs {
		if bytes.Equal(o.have, o.want) {
			continue
		}
		if err := r.write(o.name, o.want); err != nil {
			return err
		}
	}
	return nil
}

// readReleases reads releases.csv.
func (r repo) readReleases() ([]Release, error) {
	data, err := r.read(releasesFile)
	if err != nil {
		return nil, err
	}
	return ReadReleases(bytes.NewReader(data), releasesFile)
}

// writeReleases writes releases.csv. It reads back what it is about to write, so that no mistake gets into the file
// that the next run would refuse.
func (r repo) writeReleases(releases []Release) error {
	var b bytes.Buffer
	if err := WriteReleases(&b, releases); err != nil {
		return fmt.Errorf("%s: %w", releasesFile, err)
	}
	if _, err := ReadReleases(bytes.NewReader(b.Bytes()), releasesFile); err != nil {
		return err
	}
	return r.write(releasesFile, b.Bytes())
}

// read returns a file's content. Its errors name the file already.
func (r repo) read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(r.root, filepath.FromSlash(name)))
}

// write replaces a file in one step: an interrupted run leaves the old one.
func (r repo) write(name string, data []byte) (err error) {
	path := filepath.Join(r.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", name, err)
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
