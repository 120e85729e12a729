package compile

import (
	"regexp"
	"slices"
	"strings"
)

// complaint matches what the compiler says of a line of source, and what belongs to it.
var complaint = regexp.MustCompile(`^(\S+\.go:\d+(:\d+)?: |\t|too many errors$)`)

// OwnFault tells whether what the go command printed are complaints of the
// compiler about packages of the app's own modules, and nothing else.
func (p Plan) OwnFault(output string) bool {
	own := false
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if header, ok := strings.CutPrefix(line, "# "); ok {
			importPath, _, _ := strings.Cut(header, " ")
			if own = p.ofTheApp(importPath); !own {
				return false
			}
			continue
		}
		if !own || !complaint.MatchString(line) {
			return false
		}
	}
	return own
}

// ofTheApp tells whether an import path is that of a package of the app, one without cgo, which may include what others have.
func (p Plan) ofTheApp(importPath string) bool {
	return slices.ContainsFunc(p.all, func(q Package) bool {
		return q.ImportPath == importPath && q.Module != nil && q.Module.Main && len(q.CgoFiles) == 0
	})
}
