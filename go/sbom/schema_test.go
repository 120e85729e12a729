package sbom

import (
	"testing"

	"github.com/Scalingo/go-cnb/go/sbom/sbomtest"
)

// documents writes an inventory in the three formats, each of them valid.
func documents(t *testing.T, i Inventory) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for format, write := range map[string]func() ([]byte, error){"cdx": i.CycloneDX, "spdx": i.SPDX, "syft": i.Syft} {
		document, err := write()
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if err := sbomtest.Validate(t, format, document); err != nil {
			t.Errorf("%s: %#v", format, err)
		}
		all[format] = document
	}
	return all
}

// TestTheSchemasRefuse sees to it that the schemas are more than accepting.
func TestTheSchemasRefuse(t *testing.T) {
	documents := map[string]string{
		"cdx":  `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"x","licenses":[{"license":{"id":"NoSuch"}}]}]}`,
		"spdx": `{"spdxVersion":"SPDX-2.3"}`,
		"syft": `{"artifacts":[{"id":"1"}],"artifactRelationships":[],"source":{"id":"","name":"","version":"","type":"","metadata":null},` +
			`"distro":{},"descriptor":{"name":"","version":""},"schema":{"version":"","url":""}}`,
	}
	for format, document := range documents {
		if sbomtest.Validate(t, format, []byte(document)) == nil {
			t.Errorf("%s accepts %s", format, document)
		}
	}
}
