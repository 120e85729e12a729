package figures

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 100}, 3},
	} {
		given := append([]float64(nil), test.values...)
		if got := Median(test.values); got != test.want {
			t.Errorf("Median(%v) = %v, want %v", test.values, got, test.want)
		}
		if !reflect.DeepEqual(given, test.values) {
			t.Errorf("Median changed its argument to %v", test.values)
		}
	}
}

// exampleReport has two runs of an edit, with the ways in turn, and a cold build that was measured last.
func exampleReport() *Report {
	lifecycle := func(run int, seconds float64, uploaded int64) Sample {
		return Sample{
			Scenario: "edit", Way: "lifecycle", Run: run, Seconds: seconds,
			Phases:   map[string]float64{"BUILDING": seconds - 1, "ANALYZING": 0.5},
			Steps:    map[string]float64{"Compiling": 1, "Zip": float64(run)},
			Cache:    []Layer{{"build", int64(run) * 1000, 3}, {"modules", 500, 4}},
			Image:    Image{Digest: "sha256:1", Bytes: 12_300_000},
			Memory:   Memory{Peak: int64(run) * 1e6, Largest: 3e6},
			Uploaded: &uploaded,
		}
	}
	return &Report{
		Setting: Setting{App: "app", Target: ".", Go: "1.26.1", GoPatch: "1.26.2", Edit: "main.go", Runs: 2, CPUs: 2, CPU: "some",
			Versions: map[string]string{"ko": "v0", "docker": "20"}, Registry: "own"},
		Samples: []Sample{
			lifecycle(1, 4, 10), {Scenario: "edit", Way: WayKo, Run: 1, Seconds: 2}, {Scenario: "edit", Way: WayGo, Run: 1, Seconds: 1},
			{Scenario: "edit", Way: WayKo, Run: 2, Seconds: 2}, {Scenario: "edit", Way: WayGo, Run: 2, Seconds: 1}, lifecycle(2, 6, 30),
			{Scenario: "cold", Way: WayGo, Run: 1, Seconds: 20}, {Scenario: "cold", Way: WayGoArchive, Run: 1, Seconds: 5},
		},
		Skipped: []string{"pack: no engine"},
	}
}

func TestFigures(t *testing.T) {
	all := exampleReport().Figures()
	if len(all) != 5 {
		t.Fatalf("%d figures, want 5: %+v", len(all), all)
	}
	uploaded := 20.0
	want := Figure{
		Scenario: "edit", Way: "lifecycle", Runs: 2, Median: 5, Min: 4, Max: 6,
		Phases: map[string]float64{"BUILDING": 4, "ANALYZING": 0.5}, Steps: map[string]float64{"Compiling": 1, "Zip": 1.5},
		Cache: []Layer{{"build", 2000, 3}, {"modules", 500, 4}}, Image: 12_300_000, Memory: Memory{2e6, 3e6}, Uploaded: &uploaded,
		OfKo: 2.5, OfGo: 5,
	}
	if !reflect.DeepEqual(all[0], want) {
		t.Errorf("got  %+v\nwant %+v", all[0], want)
	}
	for _, f := range all[1:] {
		if f.Way == WayGo && f.OfGo != 0 || f.Way == WayGoArchive && (f.OfGo != 0 || f.OfKo != 0) {
			t.Errorf("%s is compared with what it is, or with what it is no part of: %+v", f.Way, f)
		}
	}
}

func TestWriteText(t *testing.T) {
	var out strings.Builder
	if err := exampleReport().WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"docker 20, ko v0, registry: own",
		"one-line edit   this buildpack, lifecycle     2  5.00 s  4.00..6.00  2.50 x       5.00 x  12 MB       2.0 MB           3.0 MB",
		"cold, no cache  download of Go                1  5.00 s  5.00..5.00       -            -      -            -                -",
		"scenario       way                        analyzing  building",
		"scenario       way                        compiling   zip",
		"one-line edit  this buildpack, lifecycle  all       2 kB      7",
		"one-line edit  this buildpack, lifecycle      20 B",
		"Skipped: 1", "SKIPPED: pack: no engine",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, &out)
		}
	}
}

func TestWriteMarkdown(t *testing.T) {
	var out strings.Builder
	if err := exampleReport().WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| scenario | way | layer | size | files |\n|---|---|---|---:|---:|\n",
		"| one-line edit | ko build | 2 | 2.00 s | 2.00..2.00 | - | 2.00 x | - | - | - |\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, &out)
		}
	}
}

func TestJSONComesBack(t *testing.T) {
	var out bytes.Buffer
	written := exampleReport()
	if err := written.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var read Report
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&read, written) {
		t.Errorf("read  %+v\nwrote %+v", read, *written)
	}
}

func TestWriteSVG(t *testing.T) {
	var out bytes.Buffer
	if err := exampleReport().WriteSVG(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "<title>Build times of app</title>") {
		t.Error("the picture has no title")
	}
	if strings.Contains(out.String(), "<text") {
		t.Error("the picture has text, which needs a font where it is shown")
	}
	decoder := xml.NewDecoder(&out)
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := (&Report{}).WriteSVG(io.Discard); err == nil {
		t.Error("a picture of nothing was drawn")
	}
}

func TestNumbersForPeople(t *testing.T) {
	for value, want := range map[float64]string{0: "0.00", 1.234: "1.23", 9.996: "10.0", 12.34: "12.3", 99.96: "100", 234.5: "234"} {
		if got := Seconds(value); got != want {
			t.Errorf("Seconds(%v) = %q, want %q", value, got, want)
		}
	}
	for size, want := range map[int64]string{0: "-", 999: "999 B", 1500: "2 kB", 2_340_000: "2.3 MB", 23_400_000: "23 MB", 2_345_000_000: "2.35 GB"} {
		if got := Bytes(size); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", size, got, want)
		}
	}
}
