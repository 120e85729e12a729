package sbom

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// noAssertion is what SPDX says where nothing is known.
const noAssertion = "NOASSERTION"

// lifecycleTime is what the lifecycle gives to all files of an image.
var lifecycleTime = time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC)

// SPDX is the inventory as SPDX 2.3 in JSON. The document describes the app,
// which contains the programs; each program is a package with its path as the
// file name, which depends on modules and a standard library.
//
// Where several licences were found, all are taken to hold ("AND"): a text does
// not tell whether there is a choice.
func (i Inventory) SPDX() ([]byte, error) {
	app := v2_3.Package{
		PackageName: i.name, PackageVersion: i.version, PackageSPDXIdentifier: spdxID("App", i.name), PrimaryPackagePurpose: "APPLICATION",
	}
	document := v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: i.name,
		CreationInfo:  i.spdxCreation(),
		Packages:      []*v2_3.Package{fill(app)},
		Relationships: []*v2_3.Relationship{relationship("DOCUMENT", common.TypeRelationshipDescribe, app.PackageSPDXIdentifier)},
	}
	ids := make(map[string]common.ElementID, len(i.components))
	for _, c := range i.components {
		ids[c.ref] = spdxID("Module", c.Path, c.Version, c.ref)
	}
	for _, p := range i.programs {
		described := p.spdx()
		document.Packages = append(document.Packages, fill(described))
		id := described.PackageSPDXIdentifier
		document.Relationships = append(document.Relationships, relationship(app.PackageSPDXIdentifier, common.TypeRelationshipContains, id))
		for _, l := range p.links {
			document.Relationships = append(document.Relationships, relationship(id, common.TypeRelationshipDependsOn, ids[l.ref]))
		}
	}
	for _, c := range i.components {
		described := c.spdx()
		described.PackageSPDXIdentifier = ids[c.ref]
		document.Packages = append(document.Packages, fill(described))
	}
	unnamed, err := encode(document)
	if err != nil {
		return nil, fmt.Errorf("encoding SPDX: %w", err)
	}
	document.DocumentNamespace = fmt.Sprintf("%s/spdx/%x", home, sha256.Sum256(unnamed))
	return encode(document)
}

func (i Inventory) spdxCreation() *v2_3.CreationInfo {
	created := i.created
	if created.IsZero() {
		created = lifecycleTime
	}
	tool := i.tool.Name
	if i.tool.Version != "" {
		tool += "-" + i.tool.Version // "toolidentifier-version" (SPDX 2.3, section 6.8)
	}
	return &v2_3.CreationInfo{Created: timestamp(created), Creators: []common.Creator{{CreatorType: "Tool", Creator: tool}}}
}

func (p program) spdx() v2_3.Package {
	comment := fmt.Sprintf("Made with %s. Its modules are known from: %s.", p.goVersion, p.modulesFrom())
	return v2_3.Package{
		PackageName: p.name, PackageVersion: p.version, PackageSPDXIdentifier: spdxID("Program", p.name, "", p.path),
		PackageFileName: p.path, PrimaryPackagePurpose: "APPLICATION", PackageComment: comment,
		PackageChecksums: []common.Checksum{{Algorithm: common.SHA1, Value: p.sha1}, {Algorithm: common.SHA256, Value: p.sha256}},
	}
}

func (c component) spdx() v2_3.Package {
	result := v2_3.Package{
		PackageName: c.Path, PackageVersion: c.Version, PrimaryPackagePurpose: "LIBRARY", PackageSourceInfo: c.Sum,
		PackageLicenseDeclared: strings.Join(c.licences, " AND "),
		PackageExternalReferences: []*v2_3.PackageExternalReference{
			{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: c.purl},
		},
	}
	if c.cpe != "" {
		result.PackageExternalReferences = append(result.PackageExternalReferences,
			&v2_3.PackageExternalReference{Category: common.CategorySecurity, RefType: common.TypeSecurityCPE23Type, Locator: c.cpe})
	}
	if digest := sumHex(c.Sum); digest != "" {
		result.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: digest}}
	}
	var comments []string
	if len(c.replaces) > 0 {
		comments = append(comments, "Replaces "+strings.Join(c.replaces, ", ")+".")
	}
	if len(c.directories) > 0 {
		comments = append(comments, "From a directory: "+strings.Join(c.directories, ", ")+".")
	}
	result.PackageComment = strings.Join(comments, " ")
	return result
}

// fill says of a package that nothing is known where nothing is: SPDX 2.3 needs
// a download location, and the NTIA's minimum elements the others.
func fill(p v2_3.Package) *v2_3.Package {
	p.PackageDownloadLocation = noAssertion
	p.PackageSupplier = &common.Supplier{Supplier: noAssertion}
	p.PackageLicenseConcluded = noAssertion
	p.PackageCopyrightText = noAssertion
	if p.PackageLicenseDeclared == "" {
		p.PackageLicenseDeclared = noAssertion
	}
	return &p
}

func relationship(a common.ElementID, kind string, b common.ElementID) *v2_3.Relationship {
	return &v2_3.Relationship{RefA: common.DocElementID{ElementRefID: a}, RefB: common.DocElementID{ElementRefID: b}, Relationship: kind}
}

// notInID matches what cannot be in an identifier: "letters, numbers, ., and/or -" (SPDX 2.3, section 7.2).
var notInID = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// spdxID is an identifier that begins with what people recognise and ends with what makes it the only one.
func spdxID(kind string, parts ...string) common.ElementID {
	readable := strings.Trim(notInID.ReplaceAllString(strings.Join(parts[:min(2, len(parts))], "-"), "-"), "-")
	return common.ElementID(strings.ReplaceAll(kind+"-"+readable+"-"+hash(parts...), "--", "-"))
}
