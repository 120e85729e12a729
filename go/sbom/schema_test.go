package sbom

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are compiled once: that of CycloneDX has 5,000 lines.
var schemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		return nil, err
	}
	cyclonedx := filepath.Join(strings.TrimSpace(string(out)), "schema")
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	files := map[string]string{
		"http://cyclonedx.org/schema/bom-1.6.schema.json":  filepath.Join(cyclonedx, "bom-1.6.schema.json"),
		"http://cyclonedx.org/schema/spdx.schema.json":     filepath.Join(cyclonedx, "spdx.schema.json"),
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": filepath.Join(cyclonedx, "jsf-0.82.schemax.json"),
		"http://spdx.org/rdf/terms/2.3":                    filepath.Join("testdata", "schemas", "spdx-2.3.schema.json"),
		syftSchema:                                         filepath.Join("testdata", "schemas", "syft-16.0.0.schema.json"),
	}
	for url, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		if url == syftSchema {
			delete(document.(map[string]any), "$id") // no absolute URL, which the library insists on
		}
		if err := compiler.AddResource(url, document); err != nil {
			return nil, err
		}
	}
	compiled := map[string]*jsonschema.Schema{}
	for format, url := range map[string]string{
		"cdx": "http://cyclonedx.org/schema/bom-1.6.schema.json", "spdx": "http://spdx.org/rdf/terms/2.3", "syft": syftSchema,
	} {
		if compiled[format], err = compiler.Compile(url); err != nil {
			return nil, err
		}
	}
	return compiled, nil
})

// documents writes an inventory in the three formats, each of them valid.
func documents(t *testing.T, i Inventory) map[string][]byte {
	t.Helper()
	compiled, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for format, write := range map[string]func() ([]byte, error){"cdx": i.CycloneDX, "spdx": i.SPDX, "syft": i.Syft} {
		document, err := write()
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if err := compiled[format].Validate(value); err != nil {
			t.Errorf("%s: %#v", format, err)
		}
		all[format] = document
	}
	return all
}

// TestTheSchemasRefuse sees to it that the schemas are more than accepting.
func TestTheSchemasRefuse(t *testing.T) {
	compiled, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string]string{
		"cdx":  `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"x","licenses":[{"license":{"id":"NoSuch"}}]}]}`,
		"spdx": `{"spdxVersion":"SPDX-2.3"}`,
		"syft": `{"artifacts":[{"id":"1"}],"artifactRelationships":[],"source":{"id":"","name":"","version":"","type":"","metadata":null},` +
			`"distro":{},"descriptor":{"name":"","version":""},"schema":{"version":"","url":""}}`,
	}
	for format, document := range documents {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		if compiled[format].Validate(value) == nil {
			t.Errorf("%s accepts %s", format, document)
		}
	}
}
