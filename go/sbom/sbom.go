// Package sbom says what Go programs are made of: it reads the build info that
// the go command leaves in them and writes it as CycloneDX 1.6, SPDX 2.3 and
// Syft JSON, for the lifecycle to keep as launch.sbom.{cdx,spdx,syft}.json.
//
// The same programs at the same paths of the image give the same bytes: there is
// no clock, no random number and no path of the build machine in them, and the
// order of the input does not matter.
//
// The types of CycloneDX and SPDX are those of cyclonedx-go and spdx/tools-golang,
// encoded with encoding/json: cyclonedx-go's own encoder copies with encoding/gob
// and carries XML, tools-golang's converts between versions of SPDX, and both
// make programs larger for what is not used here. Syft's types are written here:
// its module needs several hundred others.
package sbom

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Program is one Go program of the image.
type Program struct {
	// Name is what it is called, the last element of Path where empty.
	Name string
	// File is where it lies now. It is in no document.
	File string
	// Path is where it lies in the image: absolute, with slashes.
	Path string
}

// Module is a Go module, or what a lock file of before modules says of a repository.
type Module struct {
	Path string
	// Version is as the go command has it ("v1.2.3", a pseudo-version), or what
	// a lock file names: a tag or a revision. "" is a module from a directory.
	Version string
	// Sum is the go command's checksum, "h1:" and base64; "" where there is none.
	Sum string
}

// Tool is what makes the documents.
type Tool struct{ Name, Version string }

// Input is what the documents are about.
type Input struct {
	// Name and Version are those of the app. Without a name it is that of the first program's main module, or of the first program.
	Name, Version string
	Programs      []Program
	// Locked are the dependencies for programs whose build info names no module:
	// those built without modules, or with a Go release before 1.13.
	Locked []Module
	// GoVersion is for programs without any build info, as in "go1.12.17".
	GoVersion string
	// Licences returns the SPDX identifiers of a module's licences, as the function Licences finds
	// them in its directory. It is asked for what was linked: the replacement of a replaced
	// module, and the module itself, without version and sum, where a directory
	// replaces it. A cold and a warm build have to give the same answers. It may be nil.
	Licences func(Module) []string
	// Created is the time in the documents, SOURCE_DATE_EPOCH as a rule. Without
	// it SPDX, which needs one, has the time that the lifecycle gives to files.
	Created time.Time
	Tool    Tool
}

// Inventory is what the programs are made of.
type Inventory struct {
	name, version string
	created       time.Time
	tool          Tool
	programs      []program   // by path
	components    []component // by ref
}

// standardLibrary is the name under which Syft, Grype, Trivy and OSV know Go's own packages.
const standardLibrary = "stdlib"

// component is a module that some program contains, or the standard library of a Go release.
type component struct {
	// Module is what was linked: with a replaced module its replacement.
	Module
	// standard tells that it is the standard library. The version is the Go
	// release without "go", "" for one under development.
	standard bool
	// ref identifies the component within the documents.
	ref       string
	purl, cpe string
	// replaces are the modules that it replaces: "PATH@VERSION".
	replaces []string
	// directories are what go.mod or go.work say instead of a version.
	directories []string
	// licences are SPDX identifiers.
	licences []string
}

// Read reads the programs.
//
// It is an error when a program cannot be read, when it is no program for Linux,
// when nothing tells which Go made it, when two have one path, and when
// two contain different modules under one version.
func Read(in Input) (Inventory, error) {
	inventory := Inventory{name: in.Name, version: in.Version, created: in.Created, tool: in.Tool}
	parts := make(map[string]component) // by ref
	for _, p := range slices.SortedFunc(slices.Values(in.Programs), func(a, b Program) int { return strings.Compare(a.Path, b.Path) }) {
		if n := len(inventory.programs); n > 0 && inventory.programs[n-1].path == p.Path {
			return Inventory{}, fmt.Errorf("two programs for %s: %s and another", p.Path, p.File)
		}
		read, contents, err := readProgram(p, in)
		if err != nil {
			return Inventory{}, err
		}
		for _, c := range contents {
			known, ok := parts[c.ref]
			if !ok {
				parts[c.ref] = c
				continue
			}
			if parts[c.ref], err = known.merge(c); err != nil {
				return Inventory{}, fmt.Errorf("%s: %w", p.Path, err)
			}
		}
		inventory.programs = append(inventory.programs, read)
	}
	for _, ref := range slices.Sorted(maps.Keys(parts)) {
		c := parts[ref]
		if !c.standard && in.Licences != nil {
			c.licences = in.Licences(c.Module)
		}
		inventory.components = append(inventory.components, c)
	}
	if inventory.name == "" {
		inventory.name = inventory.fallbackName()
	}
	return inventory, nil
}

// Modules are what was linked: replacements in place of what they replace,
// without the standard library, by path and version.
func (i Inventory) Modules() []Module {
	var modules []Module
	for _, c := range i.components {
		if !c.standard {
			modules = append(modules, c.Module)
		}
	}
	slices.SortFunc(modules, func(a, b Module) int {
		return strings.Compare(a.Path+"\x00"+a.Version, b.Path+"\x00"+b.Version)
	})
	return modules
}

func (i Inventory) fallbackName() string {
	if len(i.programs) == 0 {
		return "app"
	}
	if p := i.programs[0]; p.mainModule == "" {
		return p.name
	}
	return i.programs[0].mainModule
}

// merge is the component as two programs know it.
func (c component) merge(other component) (component, error) {
	switch {
	case c.Sum == "":
		c.Sum = other.Sum
	case other.Sum != "" && other.Sum != c.Sum:
		return component{}, fmt.Errorf("module %s %s with the sum %s, but another program has it with %s: "+
			"what is published under one version must not change; see which go.sum is right", c.Path, c.Version, other.Sum, c.Sum)
	}
	c.replaces = union(c.replaces, other.replaces)
	c.directories = union(c.directories, other.directories)
	return c, nil
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// directory is where a program of the image lies.
func (i Inventory) directory() string {
	if len(i.programs) == 0 {
		return "/"
	}
	dir := path.Dir(i.programs[0].path)
	for _, p := range i.programs {
		if path.Dir(p.path) != dir {
			return "/"
		}
	}
	return dir
}
