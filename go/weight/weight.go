// Package weight tells what makes a Go program big: how many bytes of its file
// come from which module and package.
//
// It looks at the file alone. The build info names the modules, the function table
// that every Go program carries names each function with its size, stripped or not,
// and a symbol table, where there is one, names the variables. What no package can
// be found for is told by what it is: types and strings, debug info and so on.
//
// Function sizes are what the linker laid out, so code that was inlined counts for
// the package it was inlined into, and an instantiated generic function for the
// package that declares it.
package weight

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// ErrNoFunctions is wrapped by the errors about files that are ELF but hold no
// function table at its usual place: programs of other languages, packed ones (UPX),
// those without section headers.
var ErrNoFunctions = errors.New("no Go function table")

// Weights is what one program's file is made of. The bytes of Modules and Parts
// add up to Bytes, always. It marshals to JSON with stable names.
type Weights struct {
	// Name is the file's name without its directory.
	Name string `json:"name"`
	// Go is the version that built it, such as "go1.26.1", "" before Go 1.13.
	Go string `json:"go,omitempty"`
	// Bytes is the size of the file.
	Bytes int64 `json:"bytes"`
	// Modules are what packages were found of, the biggest first.
	Modules []Module `json:"modules"`
	// Parts are the bytes that no package was found for, the biggest first.
	Parts []Part `json:"parts"`
}

// Kind tells whose code a module is.
type Kind string

// The kinds of modules.
const (
	// Main is the program's own module.
	Main Kind = "main"
	// Dependency is any other module.
	Dependency Kind = "dependency"
	// Standard is Go's standard library with the runtime and what the compiler adds.
	Standard Kind = "standard"
)

// StandardPath stands for the path of the standard library, which is a module
// without one.
const StandardPath = "std"

// Module is one module's share of a file.
type Module struct {
	Kind Kind `json:"kind"`
	// Path is the module's path; without build info a guess, see [Read].
	Path string `json:"path"`
	// Version is "" where the build info has none; "(devel)" is the go command's word.
	Version string `json:"version,omitempty"`
	// Replace is what stands in for the module: "path@version" or a directory.
	Replace string `json:"replace,omitempty"`
	Share
	// Packages are the module's packages in the file, the biggest first.
	Packages []Package `json:"packages"`
}

// Package is one package's share of a file.
type Package struct {
	// Path is the import path, of a vendored package that without the vendor folder.
	Path string `json:"path"`
	Share
}

// Share is a number of bytes in the file, by what they are.
type Share struct {
	// Bytes is the sum of the others.
	Bytes int64 `json:"bytes"`
	// Code is machine code.
	Code int64 `json:"code"`
	// Tables is what the runtime knows about functions: names, lines, stack maps.
	Tables int64 `json:"tables"`
	// Data is variables, constants and embedded files. It needs a symbol table.
	Data int64 `json:"data"`
}

func (s *Share) add(t Share) {
	s.Bytes += t.Bytes
	s.Code += t.Code
	s.Tables += t.Tables
	s.Data += t.Data
}

// Part is a piece of a file that belongs to no package.
type Part struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	// Parts are the biggest pieces of this piece, for embedded files those files.
	Parts []Part `json:"parts,omitempty"`
}

// Read weighs the program in a file: an ELF program that Go 1.2 or later made.
//
// Modules come from the build info. Without it, that is before Go 1.13 and outside
// of modules, they are guessed from the import paths: the repository at the usual
// hosts, and the program's own module is what holds a vendor folder.
//
// A file that is not ELF or whose tables are damaged is an error; one without a
// function table is [ErrNoFunctions].
func Read(file string) (Weights, error) {
	f, err := os.Open(file)
	if err != nil {
		return Weights{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Weights{}, err
	}
	w, err := weigh(f, info.Size())
	if err != nil {
		return Weights{}, fmt.Errorf("%s: %w", file, err)
	}
	w.Name = filepath.Base(file)
	return w, nil
}

// weigh is Read for a program of so many bytes.
func weigh(program io.ReaderAt, size int64) (Weights, error) {
	l, err := open(program, size)
	if err != nil {
		return Weights{}, err
	}
	if err := l.readFunctions(); err != nil {
		return Weights{}, err
	}
	symbols := l.readSymbols()
	embedded := l.readEmbedded(symbols)
	l.readVariables(symbols)
	info := readBuildInfo(program)
	w := Weights{Bytes: size, Modules: group(l.packages, info), Parts: l.parts(embedded)}
	if info != nil {
		w.Go = info.GoVersion
	}
	return w, nil
}

// bigger orders by size, the biggest first, and by name where sizes are equal.
func bigger(bytesA, bytesB int64, nameA, nameB string) int {
	return cmp.Or(cmp.Compare(bytesB, bytesA), cmp.Compare(nameA, nameB))
}

func sortParts(parts []Part) {
	slices.SortFunc(parts, func(a, b Part) int { return bigger(a.Bytes, b.Bytes, a.Name, b.Name) })
}
