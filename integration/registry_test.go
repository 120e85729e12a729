package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// startRegistry starts a registry on this machine and returns its host and port: Debian's, or where there is
// none the one of go-containerregistry, which the lab has.
func startRegistry(t testing.TB) string {
	t.Helper()
	dir, address := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	cmd := exec.Command(filepath.Join(root, "scripts", "lab.sh"), "registry", "--listen", address, dir)
	if program, err := exec.LookPath("docker-registry"); err == nil {
		config := filepath.Join(dir, "config.yml")
		text := fmt.Sprintf("version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\n"+
			"storage:\n  filesystem:\n    rootdirectory: %q\n  delete:\n    enabled: true\nhttp:\n  addr: %q\n", dir, address)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd = exec.Command(program, "serve", config)
	}
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for range 600 {
		if response, err := http.Get("http://" + address + "/v2/"); err == nil {
			_ = response.Body.Close()
			return address
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s does not answer", cmd)
	return ""
}

// ask is what a URL answers.
func ask(t testing.TB, url, accept string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", url, response.Status, err, body)
	}
	return body
}

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
