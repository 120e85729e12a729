package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// cacheList is the file in which the lifecycle says whose the layers of a cache are.
const cacheList = "io.buildpacks.lifecycle.cache.metadata"

// cachedLayers measures the layers in a directory that a lifecycle has committed.
func cachedLayers(committed fs.FS) ([]figures.Layer, error) {
	list, err := fs.ReadFile(committed, cacheList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]figures.Layer{}
	archives, err := fs.Glob(committed, "*.tar")
	if err != nil {
		return nil, err
	}
	for _, name := range archives {
		file, err := committed.Open(name)
		if err != nil {
			return nil, err
		}
		found[strings.TrimSuffix(name, ".tar")], err = measureTar(file)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("cached layer %s: %w", name, err)
		}
	}
	return nameLayers(list, found)
}

// cachedLayersOfTar does the same for a tar of that directory: what can be had of a volume that is not on this machine.
func cachedLayersOfTar(committed io.Reader) ([]figures.Layer, error) {
	var list []byte
	found := map[string]figures.Layer{}
	archive := tar.NewReader(committed)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch name := path.Base(header.Name); {
		case name == cacheList:
			if list, err = io.ReadAll(archive); err != nil {
				return nil, err
			}
		case path.Ext(name) == ".tar":
			if found[strings.TrimSuffix(name, ".tar")], err = measureTar(archive); err != nil {
				return nil, fmt.Errorf("cached layer %s: %w", name, err)
			}
		}
	}
	if list == nil {
		return nil, nil
	}
	return nameLayers(list, found)
}

// measureTar reads a layer's tar to its end.
func measureTar(content io.Reader) (figures.Layer, error) {
	count := &countingReader{from: content}
	archive := tar.NewReader(count)
	var layer figures.Layer
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return layer, err
		}
		if header.Typeflag == tar.TypeReg {
			layer.Files++
		}
	}
	_, err := io.Copy(io.Discard, count)
	layer.Bytes = count.bytes
	return layer, err
}

type countingReader struct {
	from  io.Reader
	bytes int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.bytes += int64(n)
	return n, err
}

// nameLayers gives the measured tars the names of the layers that they hold. Two layers may share a tar.
func nameLayers(list []byte, found map[string]figures.Layer) ([]figures.Layer, error) {
	var metadata struct {
		Buildpacks []struct {
			Layers map[string]struct {
				SHA string `json:"sha"`
			} `json:"layers"`
		} `json:"buildpacks"`
	}
	if err := json.Unmarshal(list, &metadata); err != nil {
		return nil, fmt.Errorf("%s: %w", cacheList, err)
	}
	var layers []figures.Layer
	for _, b := range metadata.Buildpacks {
		for _, name := range sortedKeys(b.Layers) {
			if layer, ok := found[b.Layers[name].SHA]; ok {
				layer.Name = name
				layers = append(layers, layer)
			}
		}
	}
	slices.SortStableFunc(layers, func(a, b figures.Layer) int { return strings.Compare(a.Name, b.Name) })
	return layers, nil
}
