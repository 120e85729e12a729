package sbom

import (
	"fmt"
	"regexp"
	"strings"
)

// standardLicence is that of https://go.dev/LICENSE.
const standardLicence = "BSD-3-Clause"

// releaseForm matches how a Go version begins: "go1.26.3", "go1.27rc1". After
// the release come experiments (" X:" or "-X:", cmd/link), or what those who
// build Go themselves add: "-bigcorp", " +fips", " (Red Hat 1.22.1-1.el9)".
var releaseForm = regexp.MustCompile(`^(?:go)?([0-9]+(?:\.[0-9]+){0,2})((?:rc|beta|alpha)[0-9]+)?(?:[-+ ].*)?$`)

// release splits a Go version into the release without "go" and its
// pre-release: "1.26.3" and "", "1.27" and "rc1". Both are empty for a version
// under development, which has the fixes of no release for sure:
// "devel go1.27-6c3b5a2f52 Thu Jan …", and since Go 1.25 "go1.27-devel_6c3b5a2f52 Thu …".
func release(version string) (number, pre string) {
	if strings.Contains(version, "devel") {
		return "", ""
	}
	m := releaseForm.FindStringSubmatch(version)
	if m == nil {
		return "", ""
	}
	return m[1], m[2]
}

// standard is the standard library of the Go that calls itself version. Its
// purl and its CPE are those that Syft gives to it
// (github.com/anchore/syft, syft/pkg/cataloger/golang/stdlib_package.go), so
// that scanners find what is known of that release.
func standard(version string) component {
	number, pre := release(version)
	c := component{Module: Module{Path: standardLibrary, Version: number + pre}, standard: true, licences: []string{standardLicence}}
	c.purl = packageURL(standardLibrary, c.Version)
	c.ref = "go:" + standardLibrary // the purl may as well be that of an app's module of this name
	if c.Version == "" {
		return c
	}
	c.ref += "@" + c.Version
	if pre == "" {
		pre = "-"
	}
	c.cpe = fmt.Sprintf("cpe:2.3:a:golang:go:%s:%s:*:*:*:*:*:*", number, pre)
	return c
}
