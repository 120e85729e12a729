// Package figures holds what a benchmark has measured and shows it: as text, as Markdown, as a picture and as JSON. It
// knows nothing of how anything is measured, so that what is shown can be tested without measuring.
package figures

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
)

// Report is all that one run of the benchmark has found.
type Report struct {
	Setting Setting  `json:"setting"`
	Samples []Sample `json:"samples"`
	// Skipped says what was asked for and not measured, and why.
	Skipped []string `json:"skipped,omitempty"`
}

// Setting is what was measured, and on what: without it a time means nothing.
type Setting struct {
	Date     string `json:"date"`
	CPU      string `json:"cpu"`
	CPUs     int    `json:"cpus"`
	App      string `json:"app"`
	Target   string `json:"target"`
	Go       string `json:"go"`
	GoPatch  string `json:"goPatch,omitempty"`
	GoBuild  string `json:"goBuild"` // the command that is measured as "go build"
	Edit     string `json:"edit"`    // file that is edited
	Import   string `json:"import,omitempty"`
	Upgrade  string `json:"upgrade,omitempty"`
	Registry string `json:"registry,omitempty"` // the program that serves what is published
	Runs     int    `json:"runs"`
	// Successive says that each build found what the build before it left, rather than the cache of a first build.
	Successive bool `json:"successive,omitempty"`
	// Versions are those of the tools: pack, lifecycle, ko, docker.
	Versions map[string]string `json:"versions"`
}

// Sample is one measured build.
type Sample struct {
	Scenario string  `json:"scenario"`
	Way      string  `json:"way"`
	Run      int     `json:"run"`
	Seconds  float64 `json:"seconds"` // wall time
	// Phases are seconds by the lifecycle's headings, Steps those of the buildpack's.
	Phases map[string]float64 `json:"phases,omitempty"`
	Steps  map[string]float64 `json:"steps,omitempty"`
	Cache  []Layer            `json:"cache,omitempty"`
	Image  Image              `json:"image,omitzero"`
	Memory Memory             `json:"memory,omitzero"`
	// Uploaded is what of a cache image the registry did not have before; nil where there is no cache image.
	Uploaded *int64 `json:"uploaded,omitempty"`
}

// Layer is one layer of the cache as it lies there, a tar.
type Layer struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Files int    `json:"files"`
}

// Image is what a build left. Bytes are as the place it was left in counts them: compressed in a layout or a registry,
// unpacked in Docker.
type Image struct {
	Digest string `json:"digest,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
}

// Memory is the most that was in use, in bytes: by all processes together, and by the largest command alone.
type Memory struct {
	Peak    int64 `json:"peak,omitempty"`
	Largest int64 `json:"largest,omitempty"`
}

// Figure sums up the samples of one scenario in one way.
type Figure struct {
	Scenario, Way    string
	Runs             int
	Median, Min, Max float64
	Phases, Steps    map[string]float64 // medians
	Cache            []Layer            // of the last run
	Image            int64              // of the last run
	Memory           Memory             // the most of all runs
	Uploaded         *float64           // median
	// OfKo and OfGo are Median by that of ko and of the go command in the same scenario; 0 where there is none.
	OfKo, OfGo float64
}

// The ways that others are compared with, and what the go command needs before it can build.
const (
	WayKo        = "ko"
	WayGo        = "go"
	WayGoArchive = "go-archive"
)

// Figures sums up the samples, in the order in which scenarios and ways first appear.
func (r *Report) Figures() []Figure {
	type key struct{ scenario, way string }
	var order []key
	samples := map[key][]Sample{}
	for _, s := range r.Samples {
		k := key{s.Scenario, s.Way}
		if samples[k] == nil {
			order = append(order, k)
		}
		samples[k] = append(samples[k], s)
	}
	scenarios := r.scenarios()
	slices.SortStableFunc(order, func(a, b key) int {
		return cmp.Compare(slices.Index(scenarios, a.scenario), slices.Index(scenarios, b.scenario))
	})
	var all []Figure
	for _, k := range order {
		all = append(all, sum(samples[k]))
	}
	for i, f := range all {
		all[i].OfKo = ratio(f, all, WayKo)
		all[i].OfGo = ratio(f, all, WayGo)
	}
	return all
}

func (r *Report) scenarios() []string {
	var names []string
	for _, s := range r.Samples {
		if !slices.Contains(names, s.Scenario) {
			names = append(names, s.Scenario)
		}
	}
	return names
}

// sum makes one figure of samples that belong together; there is at least one.
func sum(samples []Sample) Figure {
	last := samples[len(samples)-1]
	f := Figure{Scenario: last.Scenario, Way: last.Way, Runs: len(samples), Cache: last.Cache, Image: last.Image.Bytes}
	var times, uploads []float64
	phases, steps := map[string][]float64{}, map[string][]float64{}
	for _, s := range samples {
		times = append(times, s.Seconds)
		collect(phases, s.Phases)
		collect(steps, s.Steps)
		f.Memory.Peak = max(f.Memory.Peak, s.Memory.Peak)
		f.Memory.Largest = max(f.Memory.Largest, s.Memory.Largest)
		if s.Uploaded != nil {
			uploads = append(uploads, float64(*s.Uploaded))
		}
	}
	f.Median, f.Min, f.Max = Median(times), slices.Min(times), slices.Max(times)
	f.Phases, f.Steps = medians(phases), medians(steps)
	if len(uploads) > 0 {
		f.Uploaded = new(Median(uploads))
	}
	return f
}

func collect(into map[string][]float64, from map[string]float64) {
	for name, value := range from {
		into[name] = append(into[name], value)
	}
}

func medians(values map[string][]float64) map[string]float64 {
	result := map[string]float64{}
	for name, list := range values {
		result[name] = Median(list)
	}
	return result
}

// Median is the middle of values, or the mean of the two in the middle; 0 for none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// ratio compares with what the other way takes in the same scenario. The archive of Go is no way of its own.
func ratio(f Figure, all []Figure, way string) float64 {
	if f.Way == WayGoArchive {
		return 0
	}
	for _, other := range all {
		if other.Scenario == f.Scenario && other.Way == way && other.Way != f.Way && other.Median > 0 {
			return f.Median / other.Median
		}
	}
	return 0
}

// names are the keys of all maps, sorted.
func names(all []Figure, of func(Figure) map[string]float64) []string {
	found := map[string]bool{}
	for _, f := range all {
		for name := range of(f) {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// WriteJSON writes everything, for other programs.
func (r *Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
