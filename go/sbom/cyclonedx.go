package sbom

import (
	"fmt"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// propertyPrefix is before the names of properties that CycloneDX has no field for.
const propertyPrefix = "scalingo:go:"

// CycloneDX is the inventory as CycloneDX 1.6 in JSON: the app as the subject,
// programs and modules as components, and of what each program consists as
// dependencies. On what a module depends itself, build info does not tell.
func (i Inventory) CycloneDX() ([]byte, error) {
	const app = "app"
	bom := &cyclonedx.BOM{
		JSONSchema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
		BOMFormat:  cyclonedx.BOMFormat, SpecVersion: cyclonedx.SpecVersion1_6, Version: 1,
		Metadata: &cyclonedx.Metadata{
			Lifecycles: &[]cyclonedx.Lifecycle{{Phase: cyclonedx.LifecyclePhaseBuild}},
			Tools: &cyclonedx.ToolsChoice{Components: &[]cyclonedx.Component{{
				Type: cyclonedx.ComponentTypeApplication, Name: i.tool.Name, Version: i.tool.Version,
			}}},
			Component: &cyclonedx.Component{BOMRef: app, Type: cyclonedx.ComponentTypeApplication, Name: i.name, Version: i.version},
		},
	}
	if !i.created.IsZero() {
		bom.Metadata.Timestamp = timestamp(i.created)
	}
	programs := make([]string, 0, len(i.programs))
	dependencies := make([]cyclonedx.Dependency, 1, len(i.programs)+1)
	components := make([]cyclonedx.Component, 0, len(i.programs)+len(i.components))
	for _, p := range i.programs {
		c := p.cycloneDX()
		programs, components = append(programs, c.BOMRef), append(components, c)
		parts := make([]string, 0, len(p.links))
		for _, l := range p.links {
			parts = append(parts, l.ref)
		}
		dependencies = append(dependencies, cyclonedx.Dependency{Ref: c.BOMRef, Dependencies: &parts})
	}
	dependencies[0] = cyclonedx.Dependency{Ref: app, Dependencies: &programs}
	for _, c := range i.components {
		components = append(components, c.cycloneDX())
	}
	bom.Components, bom.Dependencies = &components, &dependencies
	unnamed, err := encode(bom)
	if err != nil {
		return nil, fmt.Errorf("encoding CycloneDX: %w", err)
	}
	bom.SerialNumber = "urn:uuid:" + uuid(unnamed)
	return encode(bom)
}

func (p program) cycloneDX() cyclonedx.Component {
	c := cyclonedx.Component{
		BOMRef: "file:" + p.path, Type: cyclonedx.ComponentTypeApplication, Name: p.name, Version: p.version,
		Hashes: &[]cyclonedx.Hash{
			{Algorithm: cyclonedx.HashAlgoSHA1, Value: p.sha1},
			{Algorithm: cyclonedx.HashAlgoSHA256, Value: p.sha256},
		},
	}
	properties := []cyclonedx.Property{
		{Name: propertyPrefix + "path", Value: p.path},
		{Name: propertyPrefix + "version", Value: p.goVersion},
		{Name: propertyPrefix + "modules", Value: p.modulesFrom()},
	}
	if p.importPath != "" {
		properties = append(properties, cyclonedx.Property{Name: propertyPrefix + "package", Value: p.importPath})
	}
	for _, setting := range p.settings {
		properties = append(properties, cyclonedx.Property{Name: propertyPrefix + "build:" + setting.Key, Value: setting.Value})
	}
	c.Properties = &properties
	return c
}

func (c component) cycloneDX() cyclonedx.Component {
	result := cyclonedx.Component{
		BOMRef: c.ref, Type: cyclonedx.ComponentTypeLibrary, Name: c.Path, Version: c.Version, PackageURL: c.purl, CPE: c.cpe,
	}
	if digest := sumHex(c.Sum); digest != "" {
		result.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: digest}}
	}
	if len(c.licences) > 0 {
		var licences cyclonedx.Licenses
		for _, id := range c.licences {
			licences = append(licences, cyclonedx.LicenseChoice{
				License: &cyclonedx.License{ID: id, Acknowledgement: cyclonedx.LicenseAcknowledgementDeclared},
			})
		}
		result.Licenses = &licences
	}
	var properties []cyclonedx.Property
	add := func(name string, values ...string) {
		for _, value := range values {
			properties = append(properties, cyclonedx.Property{Name: propertyPrefix + name, Value: value})
		}
	}
	if c.Sum != "" {
		add("sum", c.Sum)
	}
	add("replaces", c.replaces...)
	add("directory", c.directories...)
	if properties != nil {
		result.Properties = &properties
	}
	return result
}
