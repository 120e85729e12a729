package keep

import (
	"cmp"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"
	"github.com/dustin/go-humanize"
)

// Report is what [LeaveOut] did.
type Report struct {
	// Removed is what went, by kind: Go files first, then by name, repositories last.
	Removed []Kind
	// Notices are sentences for the user: a pattern that names nothing, a link that now leads nowhere.
	Notices []string
	// Slices are the parts of what stays that should be layers of the image of their own.
	Slices []libcnb.Slice
}

// Kind is what went of one kind.
type Kind struct {
	// Name is "Go files", "files" for what no pattern names, or the name of the
	// files and directories, the latter with a "/" at the end.
	Name string
	// Count is how many there were: of directories, not of what is in them.
	Count int
	// Files are all files, those in the directories too, and Bytes their size. Of a
	// repository, which is not looked into, both are 0.
	Files int
	Bytes int64
}

// String is what went, for the log: "412 Go files, go.mod, 3 testdata/, vendor/ (12 MB)", "" for nothing.
func (r Report) String() string {
	var parts []string
	var bytes int64
	for _, kind := range r.Removed {
		parts = append(parts, kind.String())
		bytes += kind.Bytes
	}
	if len(parts) == 0 {
		return ""
	}
	text := strings.Join(parts, ", ")
	if bytes > 0 {
		text += " (" + humanize.Bytes(uint64(bytes)) + ")" // #nosec G115 -- not negative
	}
	return text
}

// String is a kind with how many there were: "3 go.mod", and without where there was one.
func (k Kind) String() string {
	switch {
	case k.Name == files && k.Files == 0:
		return counted(k.Count, "empty directory", "empty directories")
	case k.Name == files:
		return counted(k.Files, "file", files)
	case k.Name == goFiles:
		return counted(k.Count, "Go file", goFiles)
	case k.Count == 1:
		return shown(k.Name)
	}
	return counted(k.Count, "", shown(k.Name))
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

// removed adds up what goes.
func (n *node) removed() []Kind {
	kinds := map[string]*Kind{}
	n.addTo(kinds)
	var all []Kind
	for _, kind := range kinds {
		all = append(all, *kind)
	}
	slices.SortFunc(all, func(a, b Kind) int { return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Name, b.Name)) })
	return all
}

// rank puts Go files first and repositories last.
func (k Kind) rank() int {
	switch k.Name {
	case goFiles, files:
		return 0
	case repository:
		return 2
	}
	return 1
}

func (n *node) addTo(kinds map[string]*Kind) {
	if n.as == "" {
		for _, c := range n.children {
			c.addTo(kinds)
		}
		return
	}
	kind := kinds[n.as]
	if kind == nil {
		kind = &Kind{Name: n.as}
		kinds[n.as] = kind
	}
	kind.Count++
	if n.as == repository {
		return
	}
	count := func(_ string, n *node) bool {
		if !n.mode.IsDir() && n.name != repository {
			kind.Files++
			kind.Bytes += n.size
		}
		return true
	}
	count("", n)
	n.walk("", count)
}
