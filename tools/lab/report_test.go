package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const metadataLabel = `{"processes":[
	{"type":"web","command":["server","--always"],"args":["--default"],"buildpackID":"x"},
	{"type":"task","command":"old","args":null}]}`

// builtVolume is a volume as the lifecycle leaves it.
func builtVolume(t *testing.T) volume {
	t.Helper()
	v, err := openVolume(cacheFolder(t.TempDir()), "", "app")
	if err != nil {
		t.Fatal(err)
	}
	layer, err := layerOf(layerTar(t, "a=1").Bytes())
	if err != nil {
		t.Fatal(err)
	}
	image, err := finishImage([]v1.Layer{layer}, v1.Config{
		Entrypoint: []string{"/cnb/process/web"},
		Labels:     map[string]string{"io.buildpacks.build.metadata": metadataLabel},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := writeLayout(v.layout(), image); err != nil {
		t.Fatal(err)
	}
	committed := filepath.Join(v.cache(), "committed")
	if err := os.MkdirAll(committed, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"io.buildpacks.lifecycle.cache.metadata": `{"buildpacks":[{"key":"scalingo/go","layers":{"b":{"sha":"sha256:2"},"a":{"sha":"sha256:1"}}}]}`,
		"sha256:1.tar":                           "12345",
	} {
		if err := os.WriteFile(filepath.Join(committed, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func TestReportDescribesTheVolume(t *testing.T) {
	v := builtVolume(t)
	var written report
	if err := written.describe(v); err != nil {
		t.Fatal(err)
	}
	written.Durations.Phases = map[string]float64{"BUILDING": 1.5}
	path := filepath.Join(t.TempDir(), "report.json")
	if err := written.write(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read report
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, written) {
		t.Errorf("read   %+v\nwrote  %+v", read, written)
	}
	if read.DefaultProcess != "web" || len(read.Processes) != 2 || !read.Processes[0].Default || read.Processes[1].Default {
		t.Errorf("processes: %+v, default %q", read.Processes, read.DefaultProcess)
	}
	if len(read.Image.Layers) != 1 || !strings.HasPrefix(read.Image.Layers[0].DiffID, "sha256:") || read.Image.Layout != v.layout() {
		t.Errorf("image: %+v", read.Image)
	}
	want := []reportCacheLayer{{"scalingo/go", "a", "sha256:1", 5}, {"scalingo/go", "b", "sha256:2", 0}}
	if !reflect.DeepEqual(read.Cache.Layers, want) {
		t.Errorf("cache: %+v, want %+v", read.Cache.Layers, want)
	}
}

func TestProcessesInWords(t *testing.T) {
	processes, err := readProcesses(metadataLabel, []string{"/cnb/process/task"})
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, process := range processes {
		words = append(words, process.String())
	}
	if got, want := strings.Join(words, "; "), "web: server --always --default; task (default): old"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := readProcesses("", nil); err == nil {
		t.Error("an image without a label passes")
	}
}

func TestPruneLayoutKeepsTheImage(t *testing.T) {
	v := builtVolume(t)
	stale := filepath.Join(v.layout(), "blobs", "sha256", strings.Repeat("0", 64))
	if err := os.WriteFile(stale, []byte("stale"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := pruneLayout(v.layout()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Error("the stale blob is still there")
	}
	image, err := layoutImage(v.layout())
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if _, err := unpackImage(image, root); err != nil {
		t.Error(err)
	}
}

func TestPhaseClock(t *testing.T) {
	now := time.Unix(0, 0)
	var out bytes.Buffer
	clock := newPhaseClock(&out, func() time.Time { return now })
	for _, step := range []struct {
		text string
		took time.Duration
	}{
		{"\x1b[36m===> ANALY", 0},
		{"ZING\x1b[0m\nsome\n", 2 * time.Second},
		{"===> BUILDING\n===> not a heading\n", 3 * time.Second},
	} {
		if _, err := clock.Write([]byte(step.text)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(step.took)
	}
	if got, want := clock.finish(), map[string]float64{"ANALYZING": 2, "BUILDING": 3}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !strings.HasSuffix(out.String(), "===> not a heading\n") {
		t.Errorf("output was not handed on: %q", out.String())
	}
}

func TestByteSize(t *testing.T) {
	for size, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 13_689_610: "13.7 MB", 2_340_000_000: "2.34 GB"} {
		if got := byteSize(size); got != want {
			t.Errorf("%d: %q, want %q", size, got, want)
		}
	}
}
