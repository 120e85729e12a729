package sbom

import (
	"encoding/base64"
	"encoding/hex"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/package-url/packageurl-go"
)

// linked returns the component that a module of a build info stands for, and
// the link to it: what was compiled, which for a replaced module is the
// replacement, under its own name and version.
//
// A replacement by a directory has no name of its own: it keeps that of the
// module, but not the version, since the directory may hold anything.
func linked(m *debug.Module) (component, link) {
	c := component{Module: Module{Path: m.Path, Version: m.Version, Sum: m.Sum}}
	var l link
	if m.Replace != nil {
		l.replaces = m.Path
		if published(m.Version) {
			l.replaces += "@" + m.Version
		}
		c.replaces = []string{l.replaces}
		c.Version, c.Sum = m.Replace.Version, m.Replace.Sum
		if published(m.Replace.Version) {
			c.Path = m.Replace.Path
		} else {
			c.directories = []string{shownDirectory(m.Replace.Path)}
		}
	}
	if !published(c.Version) {
		c.Version, c.Sum = "", ""
	}
	c.purl = packageURL(c.Path, c.Version)
	c.ref, l.ref = c.purl, c.purl
	return c, l
}

// published tells whether a version is one, rather than the mark of a directory.
func published(version string) bool { return version != "" && version != devel }

// shownDirectory is a directory as go.mod or go.work names it, but for where it lies on the build machine.
func shownDirectory(dir string) string {
	if filepath.IsAbs(dir) || strings.HasPrefix(dir, `\`) || filepath.VolumeName(dir) != "" {
		return "an absolute path"
	}
	return filepath.ToSlash(dir)
}

// packageURL is the purl of a module: all of the module's path is the package,
// so that a major version suffix and the directory of a module within a
// repository are in the path; a subpath would be a package within the module
// (https://github.com/package-url/purl-spec/blob/main/types-doc/golang-definition.md).
// That document also asks for lower case, which would make one of two modules, and names that the
// Go vulnerability database does not know; like Syft and cyclonedx-gomod this keeps a path as it is
// (https://github.com/package-url/purl-spec/issues/308).
func packageURL(path, version string) string {
	namespace, name := "", path
	if i := strings.LastIndex(path, "/"); i >= 0 {
		namespace, name = path[:i], path[i+1:]
	}
	return packageurl.NewPackageURL(packageurl.TypeGolang, namespace, name, version, nil, "").ToString()
}

// sumHex is the SHA-256 of an "h1:" sum in hexadecimal, "" for other sums. It
// is one over the names and hashes of a module's files, not over its zip file
// (golang.org/x/mod/sumdb/dirhash, Hash1); CycloneDX and SPDX documents of
// cyclonedx-gomod and Syft have it as the component's SHA-256.
func sumHex(sum string) string {
	encoded, ok := strings.CutPrefix(sum, "h1:")
	if !ok {
		return ""
	}
	digest, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(digest) != 32 {
		return ""
	}
	return hex.EncodeToString(digest)
}
