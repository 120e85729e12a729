package keep

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/buildpacks/libcnb/v2"
)

const (
	// smallest is the size from which on something is worth a layer of its own. To
	// write less anew costs less than what a layer costs where images are stored
	// and pulled, a few requests.
	smallest = 1 << 20
	// most is how many layers an app gets besides the last one, for the rest. An
	// image can have 127 in all (Docker's overlay2), those of the run image and of
	// all buildpacks included, and the lifecycle walks through the whole app once for each.
	most = 8
)

// slices divides what stays, so that a change of one part writes that part anew
// and not all: the lifecycle takes a layer from the previous image where its
// content is the same, and all that no slice names is one last layer.
//
// What changes together lies together, and that is the directories that people
// make in the root: static, node_modules, migrations. So each large one is a slice, and
// each large file of the root (a database of places, say). If nearly all of a
// directory is in one that is below it (web/node_modules, services/api/public), that
// one is the slice: a template changed in web must not cost the rest. Small
// ones share the last layer with bin and Procfile, which change most. The largest
// come first where there are too many.
//
// A slice has one pattern, of [path/filepath.Match], which knows no "**"; a directory
// that matches comes with all that is below it (lifecycle v0.21, layers/slices.go).
func (t *tree) slices() []libcnb.Slice {
	type part struct {
		name string
		size int64
	}
	sizes := map[*node]int64{}
	t.top.measure(sizes)
	var parts []part
	for _, n := range t.top.children {
		if sizes[n] < smallest {
			continue
		}
		name := n.name
		for {
			main := n.largest(sizes)
			if main == nil || sizes[main] < smallest || sizes[n]-sizes[main] >= smallest {
				break
			}
			n, name = main, path.Join(name, main.name)
		}
		if utf8.ValidString(name) { // launch.toml can hold no other
			parts = append(parts, part{name, sizes[n]})
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.name, b.name)) })
	parts = parts[:min(len(parts), most)]
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.name, b.name) })
	var all []libcnb.Slice
	for _, p := range parts {
		all = append(all, libcnb.Slice{Paths: []string{escape.Replace(p.name)}})
	}
	return all
}

// measure adds up the sizes of what stays in a directory and below it.
func (n *node) measure(sizes map[*node]int64) int64 {
	if n.gone {
		return 0
	}
	size := n.size
	for _, c := range n.children {
		size += c.measure(sizes)
	}
	if size >= smallest { // no other is asked for
		sizes[n] = size
	}
	return size
}

// largest is the largest of the directories in a directory, nil for none.
func (n *node) largest(sizes map[*node]int64) *node {
	var found *node
	for _, c := range n.children {
		if c.mode.IsDir() && (found == nil || sizes[c] > sizes[found]) {
			found = c
		}
	}
	return found
}

// escape makes a path a pattern that matches that path alone.
var escape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)
