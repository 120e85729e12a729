package sbom

import (
	"runtime/debug"
	"slices"
	"strings"
)

// The schema of Syft's JSON. It is the first of version 16, which later ones
// only add to, so that whoever reads version 16 reads it without a warning
// (github.com/anchore/syft, syft/format/syftjson, checkSupportedSchema).
const (
	syftVersion = "16.0.0"
	syftSchema  = "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-" + syftVersion + ".json"
)

// The types are what github.com/anchore/syft, syft/format/syftjson/model, has of
// Go programs. The schema has to be last: Syft looks for it at the end of a document.
type (
	syftDocument struct {
		Artifacts     []syftArtifact     `json:"artifacts"`
		Relationships []syftRelationship `json:"artifactRelationships"`
		Files         []syftFile         `json:"files,omitempty"`
		Source        syftSource         `json:"source"`
		Distro        struct{}           `json:"distro"`
		Descriptor    syftNamed          `json:"descriptor"`
		Schema        syftSchemaOf       `json:"schema"`
	}
	syftArtifact struct {
		ID           string         `json:"id"`
		Name         string         `json:"name"`
		Version      string         `json:"version"`
		Type         string         `json:"type"`
		FoundBy      string         `json:"foundBy"`
		Locations    []syftLocation `json:"locations"`
		Licences     []syftLicence  `json:"licenses"`
		Language     string         `json:"language"`
		CPEs         []syftCPE      `json:"cpes"`
		PURL         string         `json:"purl"`
		MetadataType string         `json:"metadataType"`
		Metadata     syftBuildInfo  `json:"metadata"`
	}
	syftLocation struct {
		Path        string            `json:"path"`
		AccessPath  string            `json:"accessPath"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	syftLicence struct {
		Value      string         `json:"value"`
		Expression string         `json:"spdxExpression"`
		Type       string         `json:"type"`
		URLs       []string       `json:"urls"`
		Locations  []syftLocation `json:"locations"`
	}
	syftCPE struct {
		CPE    string `json:"cpe"`
		Source string `json:"source"`
	}
	syftBuildInfo struct {
		Settings     []syftSetting `json:"goBuildSettings,omitempty"`
		GoVersion    string        `json:"goCompiledVersion"`
		Architecture string        `json:"architecture"`
		Sum          string        `json:"h1Digest,omitempty"`
		MainModule   string        `json:"mainModule,omitempty"`
	}
	syftSetting struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	syftRelationship struct {
		Parent string `json:"parent"`
		Child  string `json:"child"`
		Type   string `json:"type"`
	}
	syftFile struct {
		ID       string       `json:"id"`
		Location syftPath     `json:"location"`
		Digests  []syftDigest `json:"digests"`
	}
	syftDigest struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"value"`
	}
	syftSource struct {
		ID       string   `json:"id"`
		Name     string   `json:"name"`
		Version  string   `json:"version"`
		Type     string   `json:"type"`
		Metadata syftPath `json:"metadata"`
	}
	syftPath struct {
		Path string `json:"path"`
	}
	syftNamed struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	syftSchemaOf struct {
		Version string `json:"version"`
		URL     string `json:"url"`
	}
)

// Syft is the inventory as Syft's own JSON. A module of several programs is one
// artifact with several locations; that it replaces another is an annotation of the location.
func (i Inventory) Syft() ([]byte, error) {
	document := syftDocument{
		Artifacts: []syftArtifact{}, Relationships: []syftRelationship{},
		Source: syftSource{
			ID: hash("source", i.name, i.version), Name: i.name, Version: i.version, Type: "directory", Metadata: syftPath{i.directory()},
		},
		Descriptor: syftNamed(i.tool),
		Schema:     syftSchemaOf{syftVersion, syftSchema},
	}
	for _, p := range i.programs {
		document.Files = append(document.Files, syftFile{
			ID: p.syftID(), Location: syftPath{p.path}, Digests: []syftDigest{{"sha1", p.sha1}, {"sha256", p.sha256}},
		})
		document.Relationships = append(document.Relationships, p.syftRelationships()...)
	}
	for _, c := range i.components {
		document.Artifacts = append(document.Artifacts, i.syftArtifact(c))
	}
	slices.SortFunc(document.Relationships, func(a, b syftRelationship) int {
		return strings.Compare(a.Parent+a.Child+a.Type, b.Parent+b.Child+b.Type)
	})
	document.Relationships = slices.Compact(document.Relationships)
	return encode(document)
}

func (p program) syftID() string { return hash("file", p.path) }

func syftID(ref string) string { return hash("artifact", ref) }

// syftRelationships says that a program's file shows its parts to be there, and that its main module needs them.
func (p program) syftRelationships() []syftRelationship {
	var all []syftRelationship
	for _, l := range p.links {
		all = append(all, syftRelationship{syftID(l.ref), p.syftID(), "evident-by"})
		if p.mainRef != "" && l.ref != p.mainRef {
			all = append(all, syftRelationship{syftID(l.ref), syftID(p.mainRef), "dependency-of"})
		}
	}
	return all
}

func (i Inventory) syftArtifact(c component) syftArtifact {
	artifact := syftArtifact{
		ID: syftID(c.ref), Name: c.Path, Version: c.Version, Type: "go-module", FoundBy: i.tool.Name, Language: "go", PURL: c.purl,
		Locations: []syftLocation{}, Licences: []syftLicence{}, CPEs: []syftCPE{}, MetadataType: "go-module-buildinfo-entry",
	}
	if c.standard && c.Version != "" {
		artifact.Version = "go" + c.Version // as Syft has it
	}
	if c.cpe != "" {
		artifact.CPEs = append(artifact.CPEs, syftCPE{c.cpe, "syft-generated"})
	}
	for _, id := range c.licences {
		artifact.Licences = append(artifact.Licences, syftLicence{
			Value: id, Expression: id, Type: "declared", URLs: []string{}, Locations: []syftLocation{},
		})
	}
	artifact.Metadata.Sum = c.Sum
	for _, p := range i.programs {
		at := slices.IndexFunc(p.links, func(l link) bool { return l.ref == c.ref })
		if at < 0 {
			continue
		}
		artifact.locate(p, p.links[at])
	}
	return artifact
}

// locate adds a program that contains the artifact. Of what Syft says of one
// program the first one's is kept, and that of the program whose main module it is.
func (a *syftArtifact) locate(p program, l link) {
	location := syftLocation{Path: p.path, AccessPath: p.path, Annotations: map[string]string{"evidence": "primary"}}
	if l.replaces != "" {
		location.Annotations["replaces"] = l.replaces
	}
	a.Locations = append(a.Locations, location)
	if first := len(a.Locations) == 1; !first && (l.ref != p.mainRef || a.Metadata.Settings != nil) {
		return
	}
	a.Metadata.GoVersion, a.Metadata.Architecture, a.Metadata.MainModule = p.goVersion, p.arch, p.mainModule
	if a.Name == standardLibrary && l.ref != p.mainRef {
		a.Metadata.MainModule = "" // nor does Syft say one here
	}
	if l.ref == p.mainRef {
		a.Metadata.Settings = syftSettings(p.settings)
	}
}

func syftSettings(settings []debug.BuildSetting) []syftSetting {
	var all []syftSetting
	for _, s := range settings {
		all = append(all, syftSetting{s.Key, s.Value})
	}
	return all
}
