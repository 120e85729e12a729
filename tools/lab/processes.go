package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// imageProcesses reads the processes that an image's buildpacks have defined, in their order.
func imageProcesses(image v1.Image) ([]reportProcess, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	return readProcesses(file.Config.Labels["io.buildpacks.build.metadata"], file.Config.Entrypoint)
}

func readProcesses(label string, entrypoint []string) ([]reportProcess, error) {
	if label == "" {
		return nil, fmt.Errorf("it has no label io.buildpacks.build.metadata: it was not made by a lifecycle")
	}
	var metadata struct {
		Processes []struct {
			Type    string      `json:"type"`
			Command commandLine `json:"command"`
			Args    []string    `json:"args"`
		} `json:"processes"`
	}
	if err := json.Unmarshal([]byte(label), &metadata); err != nil {
		return nil, fmt.Errorf("label io.buildpacks.build.metadata: %w", err)
	}
	started := ""
	if len(entrypoint) > 0 && path.Dir(entrypoint[0]) == "/cnb/process" {
		started = path.Base(entrypoint[0])
	}
	var processes []reportProcess
	for _, p := range metadata.Processes {
		processes = append(processes, reportProcess{Type: p.Type, Command: p.Command, Args: p.Args, Default: p.Type == started})
	}
	return processes, nil
}

// commandLine is a process's command: a list, or one string where the label comes from an old platform.
type commandLine []string

func (c *commandLine) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*c = commandLine{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(c))
}

func (p reportProcess) String() string {
	mark := ""
	if p.Default {
		mark = " (default)"
	}
	return p.Type + mark + ": " + strings.Join(append(slices.Clone(p.Command), p.Args...), " ")
}

func sortedKeys[V any](values map[string]V) []string { return slices.Sorted(maps.Keys(values)) }

// byteSize is a size for people.
func byteSize(size int64) string {
	const unit = 1000
	switch {
	case size < unit:
		return fmt.Sprintf("%d B", size)
	case size < unit*unit:
		return fmt.Sprintf("%.1f kB", float64(size)/unit)
	case size < unit*unit*unit:
		return fmt.Sprintf("%.1f MB", float64(size)/unit/unit)
	default:
		return fmt.Sprintf("%.2f GB", float64(size)/unit/unit/unit)
	}
}
