package golang

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/weight"
)

// reportLayer is the launch layer with the report that BP_GO_REPORT asks for.
const reportLayer = "report"

// mostModules is how many modules the log lists of each program.
const mostModules = 12

// buildReport is the report, as report.json of the layer has it.
type buildReport struct {
	Seconds  float64          `json:"seconds"`
	Steps    []stepTime       `json:"steps"`
	Caches   []cacheReport    `json:"caches"`
	Programs []weight.Weights `json:"programs"`
}

// cacheReport is what became of a cache. Bytes are those of its pack, Raw those of the files in it.
type cacheReport struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	Raw    int64  `json:"raw"`
	Files  int    `json:"files"`
	Change string `json:"change"`
}

// weigh shows and stores what makes the programs large and what took how long.
func (b *build) weigh(binaries []compile.Binary, outDir string) error {
	if !b.settings.Report {
		return nil
	}
	report := buildReport{Steps: *b.steps, Caches: []cacheReport{}, Programs: []weight.Weights{}}
	for _, binary := range binaries {
		weights, err := weight.Read(filepath.Join(outDir, binary.Name))
		if err != nil {
			b.warn("What makes %s large cannot be told: %s", binary.Name, err)
			continue
		}
		report.Programs = append(report.Programs, weights)
		b.Headerf("What makes %s large", binary.Name)
		b.table(weights.Rows(mostModules))
	}
	for _, cache := range b.cached {
		if layer, usage, ok := cache.Layer(); ok {
			report.Caches = append(report.Caches, cacheReport{layer.Name, usage.Packed, usage.Raw, usage.Files, cache.Change()})
		}
	}
	report.Seconds = b.clock().Sub(b.store.Start).Seconds()
	return b.keepReport(report)
}

// keepReport writes the layer.
func (b *build) keepReport(report buildReport) error {
	layer, err := b.context.Layers.Layer(reportLayer)
	if err != nil {
		return err
	}
	layer.LayerTypes = libcnb.LayerTypes{Launch: true}
	if err := errors.Join(buildcache.Remove(layer.Path), os.MkdirAll(layer.Path, 0o755)); err != nil {
		return err
	}
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(layer.Path, "report.json"), append(data, '\n'), 0o644); err != nil { // #nosec G306 -- for everybody who has the image
		return err
	}
	if len(report.Programs) > 0 {
		picture, err := os.Create(filepath.Join(layer.Path, "sizes.svg"))
		if err != nil {
			return err
		}
		if err := errors.Join(weight.WriteSVG(picture, report.Programs...), picture.Close()); err != nil {
			return err
		}
	}
	b.result.Layers = append(b.result.Layers, layer)
	b.Headerf("The report is in the image, with a picture: %s", layer.Path)
	return nil
}
