// Package sbomtest compares bills of materials with the official schemas of their formats.
package sbomtest

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaFiles are those that this repository holds; schemas/README.md says where they are from.
//
//go:embed schemas
var schemaFiles embed.FS

// roots are the schemas of the formats, by the names that the lifecycle gives files of that format.
var roots = map[string]string{
	"cdx": "http://cyclonedx.org/schema/bom-1.6.schema.json", "spdx": "http://spdx.org/rdf/terms/2.3", "syft": "syft",
}

// compiled are the schemas, compiled once: that of CycloneDX has 5,000 lines.
var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go")
	list.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	cyclonedx := os.DirFS(filepath.Join(strings.TrimSpace(string(out)), "schema"))
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	add := func(url string, content []byte, err error) error {
		if err != nil {
			return err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			return err
		}
		if fields, ok := document.(map[string]any); ok && url == roots["syft"] {
			delete(fields, "$id") // no absolute URL, which the library insists on
		}
		return compiler.AddResource(url, document)
	}
	for url, name := range map[string]string{
		roots["cdx"]: "bom-1.6.schema.json",
		"http://cyclonedx.org/schema/spdx.schema.json":     "spdx.schema.json",
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		content, err := fs.ReadFile(cyclonedx, name)
		if err := add(url, content, err); err != nil {
			return nil, err
		}
	}
	for url, name := range map[string]string{roots["spdx"]: "spdx-2.3.schema.json", roots["syft"]: "syft-16.0.0.schema.json"} {
		content, err := schemaFiles.ReadFile(path.Join("schemas", name))
		if err := add(url, content, err); err != nil {
			return nil, err
		}
	}
	schemas := map[string]*jsonschema.Schema{}
	for format, url := range roots {
		if schemas[format], err = compiler.Compile(url); err != nil {
			return nil, err
		}
	}
	return schemas, nil
})

// Validate returns an error where a document breaks the schema of its format: cdx, spdx or syft. It has to be
// called from a package of this module, since one of the schemas is a dependency's.
func Validate(t testing.TB, format string, document []byte) error {
	t.Helper()
	schemas, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return err
	}
	return schemas[format].Validate(value)
}
