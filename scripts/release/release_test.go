package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

const descriptor = `
[buildpack]
id = "example/go"
version = "1.2.3"

[[metadata.dependencies]]
id = "go"
version = "1.28rc1"
arch = "amd64"
uri = "https://example.com/go1.28rc1.linux-amd64.tar.gz"
checksum = "sha256:aa"

[[metadata.dependencies]]
id = "go"
version = "1.27.2"
arch = "amd64"
uri = "https://example.com/go1.27.2.linux-amd64.tar.gz"
checksum = "sha256:aa"

[[metadata.dependencies]]
id = "go"
version = "1.26.9"
arch = "amd64"
uri = "https://example.com/go1.26.9.linux-amd64.tar.gz"
checksum = "sha1:aa"

[[metadata.dependencies]]
id = "go"
version = "1.26.8"
arch = "amd64"
uri = "https://example.com/go1.26.8.linux-amd64.tar.gz"
checksum = "sha256:aa"
`

const changes = `# Change log

## 1.3.0 (unreleased)

- Not yet.

## 1.2.3 (2026-01-31)

- This.
- And that.

## 1.2.2 (2026-01-01)

`

// repository is a directory with what the commands read.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestWhatIsPrinted(t *testing.T) {
	for _, c := range []struct {
		name, descriptor, changes string
		args                      []string
		want                      string // "error: " and what it says
	}{
		{"version", descriptor, changes, []string{"version"}, "1.2.3\n"},
		{"notes", descriptor, changes, []string{"notes"}, "- This.\n- And that.\n"},
		{"notes of the last section", strings.Replace(descriptor, "1.2.3", "1.2.2", 1), changes + "- First.", []string{"notes"}, "- First.\n"},
		{"no notes", strings.Replace(descriptor, "1.2.3", "1.2.2", 1), changes, []string{"notes"}, "error: says nothing of 1.2.2"},
		{"no heading", strings.Replace(descriptor, "1.2.3", "1.2", 1), changes, []string{"notes"}, `error: has no heading "## 1.2"`},
		{"supported versions", descriptor, changes, []string{"supported"}, "1.27,1.26\n"},
		{"no version", "[buildpack]\nid = \"x\"", changes, []string{"version"}, "error: no buildpack.version"},
		{"broken descriptor", "[buildpack", changes, []string{"version"}, "error: buildpack.toml"},
		{"an argument too many", descriptor, changes, []string{"version", "1"}, "error: takes no arguments"},
		{"no command", descriptor, changes, nil, "error: no command given"},
		{"another command", descriptor, changes, []string{"publish"}, `error: unknown command "publish"`},
		{"a bundle of nothing", descriptor, changes, []string{"bundle", "--into", "x", "--arch", "amd64"}, "error: at least one version"},
		{"a bundle of a version that is none", descriptor, changes, []string{"bundle", "--into", "x", "--arch", "amd64", "one"}, `error: "one"`},
		{"a bundle of a version that is not there", descriptor, changes, []string{"bundle", "--into", "x", "--arch", "arm64", "1.27"}, `error: no Go "1.27" for linux/arm64`},
		{"bills of what is not built", descriptor, changes, []string{"sbom", "--output", "x", "none"}, "error: none/bin/helper"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), repository(t, map[string]string{"buildpack.toml": c.descriptor, "CHANGELOG.md": c.changes}), &out, c.args)
			if want, fails := strings.CutPrefix(c.want, "error: "); fails {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("run() = %v, want an error that says %q", err, want)
				}
				return
			}
			if err != nil || out.String() != c.want {
				t.Errorf("run() printed %q, %v, want %q", out.String(), err, c.want)
			}
		})
	}
}

// TestNewestThatCanBeVerified: a release of which there is a SHA-1 alone cannot be bundled without its module's hash.
func TestNewestThatCanBeVerified(t *testing.T) {
	b, err := readBuildpack(repository(t, map[string]string{"buildpack.toml": descriptor}))
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := toolchain.ReadInventory(b.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"1.26": "1.26.8", "1.27": "1.27.2", "latest": "1.27.2", "1.28rc1": "1.28rc1", ">=1.26, <1.27": "1.26.8"} {
		release, err := newest(inventory, "amd64", text)
		if err != nil || release.Version.String() != want {
			t.Errorf("newest(%s) = %s, %v, want %s", text, release.Version, err, want)
		}
	}
}
