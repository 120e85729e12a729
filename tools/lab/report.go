package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// report is what `lab build --report` writes.
type report struct {
	ExitCode  int             `json:"exitCode"`
	Image     reportImage     `json:"image"`
	Processes []reportProcess `json:"processes"`
	// DefaultProcess is the type of the process that the image starts; empty when it has none.
	DefaultProcess string          `json:"defaultProcess"`
	Cache          reportCache     `json:"cache"`
	Durations      reportDurations `json:"durations"`
}

type reportImage struct {
	Name   string        `json:"name"`
	Digest string        `json:"digest"`
	Layout string        `json:"layout"` // OCI layout directory
	Size   int64         `json:"size"`   // compressed layers and configuration, as stored
	Layers []reportLayer `json:"layers"`
}

type reportLayer struct {
	Digest string `json:"digest"`
	DiffID string `json:"diffID"`
	Size   int64  `json:"size"`
	By     string `json:"createdBy,omitempty"`
}

type reportProcess struct {
	Type    string   `json:"type"`
	Command []string `json:"command"`
	Args    []string `json:"args,omitempty"`
	Default bool     `json:"default"`
}

type reportCache struct {
	Path   string             `json:"path"`
	Size   int64              `json:"size"`
	Layers []reportCacheLayer `json:"layers"`
}

type reportCacheLayer struct {
	Buildpack string `json:"buildpack"`
	Name      string `json:"name"`
	SHA       string `json:"sha"`
	Size      int64  `json:"size"`
}

// reportDurations are in seconds.
type reportDurations struct {
	Total     float64            `json:"total"`
	Prepare   float64            `json:"prepare"` // until the lifecycle starts: copying the app, the run image
	Lifecycle float64            `json:"lifecycle"`
	Phases    map[string]float64 `json:"phases"` // by the lifecycle's own headings: ANALYZING, BUILDING, ...
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// describe fills in what the volume holds after a build.
func (r *report) describe(v volume) error {
	image, err := layoutImage(v.layout())
	if err != nil {
		return fmt.Errorf("image %s: %w", v.name, err)
	}
	if r.Image, err = describeImage(image); err != nil {
		return fmt.Errorf("image %s: %w", v.name, err)
	}
	r.Image.Name, r.Image.Layout = v.name, v.layout()
	if r.Processes, err = imageProcesses(image); err != nil {
		return fmt.Errorf("image %s: %w", v.name, err)
	}
	for _, process := range r.Processes {
		if process.Default {
			r.DefaultProcess = process.Type
		}
	}
	if r.Cache, err = describeCache(v.cache()); err != nil {
		return fmt.Errorf("cache of %s: %w", v.name, err)
	}
	return nil
}

func describeImage(image v1.Image) (reportImage, error) {
	digest, err := image.Digest()
	if err != nil {
		return reportImage{}, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return reportImage{}, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return reportImage{}, err
	}
	described := reportImage{Digest: digest.String(), Size: manifest.Config.Size}
	authors := layerAuthors(config.History)
	for i, blob := range manifest.Layers {
		layer := reportLayer{Digest: blob.Digest.String(), Size: blob.Size}
		if i < len(config.RootFS.DiffIDs) {
			layer.DiffID = config.RootFS.DiffIDs[i].String()
		}
		if len(authors) == len(manifest.Layers) {
			layer.By = authors[i]
		}
		described.Layers = append(described.Layers, layer)
		described.Size += blob.Size
	}
	return described, nil
}

// layerAuthors are the history's notes on the entries that made a layer.
func layerAuthors(history []v1.History) []string {
	var authors []string
	for _, entry := range history {
		if !entry.EmptyLayer {
			authors = append(authors, entry.CreatedBy)
		}
	}
	return authors
}

// describeCache reads the lifecycle's volume cache: a tar for each layer and a list of who made it.
func describeCache(dir string) (reportCache, error) {
	cache := reportCache{Path: dir}
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			cache.Size += info.Size()
		}
		return nil
	})
	if err != nil {
		return reportCache{}, err
	}
	var list struct {
		Buildpacks []struct {
			ID     string `json:"key"`
			Layers map[string]struct {
				SHA string `json:"sha"`
			} `json:"layers"`
		} `json:"buildpacks"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "committed", "io.buildpacks.lifecycle.cache.metadata"))
	if os.IsNotExist(err) {
		return cache, nil
	}
	if err != nil {
		return reportCache{}, err
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return reportCache{}, err
	}
	for _, b := range list.Buildpacks {
		for _, name := range sortedKeys(b.Layers) {
			layer := reportCacheLayer{Buildpack: b.ID, Name: name, SHA: b.Layers[name].SHA}
			if info, err := os.Stat(filepath.Join(dir, "committed", layer.SHA+".tar")); err == nil {
				layer.Size = info.Size()
			}
			cache.Layers = append(cache.Layers, layer)
		}
	}
	return cache, nil
}

func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}
