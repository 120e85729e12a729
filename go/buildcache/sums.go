package buildcache

import (
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// Sums are the modules that an app names, with their hashes. Modules are as in go.sum, where
// the hash of a go.mod file alone has "/go.mod" behind the version; one that the app
// itself has in a directory has neither version nor hash.
type Sums map[module.Version]string

// ofGoMod is what go.sum adds to a version where the hash is that of the go.mod file.
const ofGoMod = "/go.mod"

// without is the module that a line of go.sum is about.
func without(v module.Version) module.Version {
	v.Version = strings.TrimSuffix(v.Version, ofGoMod)
	return v
}

// listed are the modules, of whatever there is a hash.
func (s Sums) listed() map[module.Version]bool {
	listed := map[module.Version]bool{}
	for v := range s {
		listed[without(v)] = true
	}
	return listed
}

// lines are the sums as an index holds them.
func (s Sums) lines() []string {
	var lines []string
	for v, hash := range s {
		lines = append(lines, v.Path+" "+v.Version+" "+hash)
	}
	slices.Sort(lines)
	return lines
}

// known are the sums of the build that wrote the pack.
func (i *index) known() Sums {
	sums := Sums{}
	for _, line := range i.Known {
		if fields := strings.SplitN(line, " ", 3); len(fields) == 3 {
			sums[module.Version{Path: fields[0], Version: fields[1]}] = fields[2]
		}
	}
	return sums
}

// moved are the modules whose hash was another one.
func (i *index) moved(sums Sums) map[module.Version]bool {
	moved := map[module.Version]bool{}
	for v, was := range i.known() {
		if hash, ok := sums[v]; ok && hash != was {
			moved[without(v)] = true
		}
	}
	return moved
}

// joining are the paths of modules that the build did not know.
func (i *index) joining(sums Sums) []string {
	known := i.known().listed()
	var paths []string
	for v := range sums.listed() {
		if !known[v] {
			paths = append(paths, v.Path)
		}
	}
	return paths
}
