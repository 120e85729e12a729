package sbom

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// reported are the modules of programs in the words of "go version -m":
// "PATH VERSION SUM", what was linked in place of what was not.
func reported(b builder, programs ...Program) []string {
	b.t.Helper()
	found := map[string]bool{}
	for _, p := range programs {
		last := ""
		for line := range strings.Lines(b.run(".", "version", "-m", p.File)) {
			fields := append(strings.Fields(line), "", "", "")
			switch fields[0] {
			case "mod", "dep":
				last = fields[1]
				if fields[2] == "(devel)" {
					fields[2], fields[3] = "", ""
				}
				found[fields[1]+" "+fields[2]+" "+fields[3]] = true
			case "=>":
				maps.DeleteFunc(found, func(m string, _ bool) bool { return strings.HasPrefix(m, last+" ") })
				if fields[2] == "(devel)" {
					fields[1], fields[2] = last, ""
				}
				found[fields[1]+" "+fields[2]+" "+fields[3]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func listed(i Inventory) []string {
	var all []string
	for _, m := range i.Modules() {
		all = append(all, m.Path+" "+m.Version+" "+m.Sum)
	}
	slices.Sort(all)
	return all
}

// graph is what a document says each program contains: "PROGRAM" → "NAME VERSION PURL".
type graph map[string][]string

func (g graph) add(program string, part ...string) {
	g[program] = append(g[program], strings.Join(part, " "))
	slices.Sort(g[program])
}

func fromCycloneDX(t *testing.T, document []byte) graph {
	t.Helper()
	var d struct {
		Components []struct {
			Ref                 string `json:"bom-ref"`
			Name, Version, PURL string
		}
		Dependencies []struct {
			Ref       string
			DependsOn []string
		}
	}
	decode(t, document, &d)
	parts := map[string][]string{}
	for _, c := range d.Components {
		parts[c.Ref] = []string{c.Name, c.Version, c.PURL}
	}
	g := graph{}
	for _, dependency := range d.Dependencies {
		for _, ref := range dependency.DependsOn {
			if part, ok := parts[ref]; !ok {
				t.Errorf("CycloneDX: no component %s", ref)
			} else if dependency.Ref != "app" {
				g.add(parts[dependency.Ref][0], part...)
			}
		}
	}
	return g
}

func fromSPDX(t *testing.T, document []byte) graph {
	t.Helper()
	var d struct {
		Packages []struct {
			ID           string `json:"SPDXID"`
			Name         string
			VersionInfo  string
			ExternalRefs []struct{ ReferenceType, ReferenceLocator string }
		}
		Relationships []struct{ SpdxElementID, RelatedSpdxElement, RelationshipType string }
	}
	decode(t, document, &d)
	parts := map[string][]string{}
	for _, p := range d.Packages {
		if parts[p.ID] != nil {
			t.Errorf("SPDX: %s twice", p.ID)
		}
		parts[p.ID] = []string{p.Name, p.VersionInfo}
		for _, ref := range p.ExternalRefs {
			if ref.ReferenceType == "purl" {
				parts[p.ID] = append(parts[p.ID], ref.ReferenceLocator)
			}
		}
	}
	g := graph{}
	for _, r := range d.Relationships {
		if parts[r.RelatedSpdxElement] == nil {
			t.Errorf("SPDX: no element %s", r.RelatedSpdxElement)
		}
		if r.RelationshipType == "DEPENDS_ON" {
			g.add(parts[r.SpdxElementID][0], parts[r.RelatedSpdxElement]...)
		}
	}
	return g
}

func fromSyft(t *testing.T, document []byte) graph {
	t.Helper()
	var d struct {
		Artifacts []struct{ ID, Name, Version, PURL string }
		Files     []struct {
			ID       string
			Location struct{ Path string }
		}
		ArtifactRelationships []struct{ Parent, Child, Type string }
	}
	decode(t, document, &d)
	parts, files := map[string][]string{}, map[string]string{}
	for _, a := range d.Artifacts {
		parts[a.ID] = []string{a.Name, strings.TrimPrefix(a.Version, "go"), a.PURL}
	}
	for _, f := range d.Files {
		files[f.ID] = filepath.Base(f.Location.Path)
	}
	g := graph{}
	for _, r := range d.ArtifactRelationships {
		if r.Type == "evident-by" {
			g.add(files[r.Child], parts[r.Parent]...)
		}
	}
	return g
}

func decode(t *testing.T, document []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(document, into); err != nil {
		t.Fatal(err)
	}
}
