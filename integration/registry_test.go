package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestACacheImageInARegistry: a platform without a disk to keep takes the cache from a registry and puts it there. What did
// not change is not uploaded again.
func TestACacheImageInARegistryServesTheNextBuild(t *testing.T) {
	needsSandbox(t)
	dir := t.TempDir()
	file, logs := filepath.Join(dir, "bench.json"), filepath.Join(dir, "logs")
	_, err := script(t, "bench.sh", "--way", "registry", "--only", "cold,nochange,edit", "--runs", "1", "--app", copied(t, sample("hello")),
		"--json", file, "--logs", logs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Samples []struct {
			Scenario string
			Uploaded *int64
			Image    struct{ Digest string }
		}
	}
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	uploaded, digests := map[string]int64{}, map[string]string{}
	for _, sample := range report.Samples {
		if sample.Uploaded == nil || sample.Image.Digest == "" {
			t.Fatalf("%s published nothing:\n%s", sample.Scenario, data)
		}
		uploaded[sample.Scenario], digests[sample.Scenario] = *sample.Uploaded, sample.Image.Digest
	}
	const megabyte = 1_000_000
	if uploaded["cold"] < 20*megabyte || uploaded["nochange"] != 0 || uploaded["edit"] == 0 || uploaded["edit"] > 5*megabyte {
		t.Errorf("uploaded to the cache image: %v bytes", uploaded)
	}
	if digests["cold"] != digests["nochange"] || digests["cold"] == digests["edit"] {
		t.Errorf("images: %v", digests)
	}
	for name, scenario := range map[string]string{"nochange": "*nochange*", "edit": "*edit*"} {
		found, err := filepath.Glob(filepath.Join(logs, scenario))
		if err != nil || len(found) != 1 {
			t.Fatalf("logs of %s: %v, %v", name, found, err)
		}
		log, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		wantLines(t, string(log), `is still here from an earlier build`, `1 module, none downloaded`, `build-base .* unchanged`)
	}
}
