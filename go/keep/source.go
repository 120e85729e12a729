package keep

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// goFiles is the kind of files with Go code.
const goFiles = "Go files"

// moduleFiles describe modules and workspaces; the first two stand in their roots.
var moduleFiles = []string{"go.mod", "go.work", "go.sum", "go.work.sum"}

// locks are the files beside vendor/ of tools from before modules. Each tool owns
// that directory: dep and glide empty it before they fill it.
var locks = []string{"Gopkg.lock", "glide.lock", "Godeps/Godeps.json"}

// vendorFiles are what tools write into vendor/ itself: the go command, govendor, and gb or gvt.
var vendorFiles = []string{"modules.txt", "vendor.json", "manifest"}

// markSource marks the source of Go programs.
func (t *tree) markSource() { t.markSourceIn(t.top, ".") }

func (t *tree) markSourceIn(dir *node, name string) {
	isRoot := slices.Contains(t.roots, dir)
	besideGo := slices.ContainsFunc(dir.children, isGoFile)
	for _, c := range dir.children {
		below := path.Join(name, c.name)
		switch {
		case c.as != "":
		case isRoot && c.name == "bin":
			// The build's links, one of which may be called x.go as its package's
			// directory is, and what hooks put there.
		case c.mode.IsDir() && c.name == "node_modules":
			// A package there may come with code of any language, which it may read.
		case isGoFile(c):
			c.as = goFiles
		case !c.mode.IsDir() && slices.Contains(moduleFiles, c.name):
			c.as = c.name
		case c.name == "testdata" && besideGo && isDirOrLink(c):
			c.as = "testdata/"
		case isRoot && ofOldTool(c):
			c.as = c.name
			if c.mode.IsDir() {
				c.as += "/"
			}
		case c.name == "vendor" && t.ofGo(c, dir, name):
			c.markVendor()
			t.markSourceIn(c, below) // what is not of Go may have Go files all the same
		case c.mode.IsDir():
			t.markSourceIn(c, below)
		}
	}
}

// isGoFile tells of a file or a link whether it has the name of a file with Go code.
func isGoFile(n *node) bool { return !n.mode.IsDir() && path.Ext(n.name) == ".go" }

func isDirOrLink(n *node) bool { return n.mode.IsDir() || n.mode&fs.ModeSymlink != 0 }

// ofOldTool tells whether a file or a directory of the root belongs to godep, dep, glide or to no tool at all.
func ofOldTool(n *node) bool {
	if n.mode.IsDir() {
		return n.name == "Godeps"
	}
	return n.name == "Godeps" || n.name == ".godir" || strings.HasPrefix(n.name, "Gopkg.") || strings.HasPrefix(n.name, "glide.")
}

// ofGo tells whether vendor, in dir at the path name, holds Go packages. A link is
// looked at for what it leads to.
func (t *tree) ofGo(vendor, dir *node, name string) bool {
	if !slices.Contains(t.roots, dir) && !dir.hasFile(moduleFiles[:2]...) && !dir.hasFile(locks...) {
		return false // as public/vendor, or that of another language's project
	}
	if vendor.mode&fs.ModeSymlink != 0 {
		to, err := t.root.Readlink(path.Join(name, vendor.name))
		if err != nil || path.IsAbs(to) {
			return false
		}
		if vendor, _ = t.top.find(path.Join(name, to)); vendor == nil {
			return false
		}
	}
	switch {
	case !vendor.mode.IsDir():
		return false
	case vendor.hasFile("autoload.php"): // PHP's composer writes it, some of whose packages have Go files
		return false
	}
	return vendor.hasFile(vendorFiles...) || dir.hasFile(locks...) || vendor.hasGo()
}

// hasGo tells whether a Go file lies anywhere below, but for what the package managers of other languages install.
func (n *node) hasGo() bool {
	return slices.ContainsFunc(n.children, func(c *node) bool {
		return isGoFile(c) || c.name != "node_modules" && c.name != bundle && c.hasGo()
	})
}

// bundle is where Ruby's bundler installs to, below vendor/. Some gems have Go files.
const bundle = "bundle"

// markVendor marks a directory of Go packages, or a link to one. Where it has
// something of another language as well (vendor/bundle, vendor/assets), that stays.
func (n *node) markVendor() {
	if !slices.ContainsFunc(n.children, (*node).notGo) {
		n.as = "vendor/"
		return
	}
	for _, c := range n.children {
		if c.as != "" || c.notGo() {
			continue
		}
		if c.as = "vendor/" + c.name; c.mode.IsDir() {
			c.as += "/"
		}
	}
}

// notGo tells of what lies directly in vendor/ that it is not of Go: an import
// path begins with a host name, or is that of a package with Go files.
func (n *node) notGo() bool {
	return n.mode.IsDir() && n.as == "" && !strings.Contains(n.name, ".") && (n.name == bundle || !n.hasGo())
}
