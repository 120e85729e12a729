package keep

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// dangling returns a notice for each link that stays and leads to what goes, up to
// a few. They stay all the same: they are no source, and where one of them matters
// the notice says more than a link that is not there. app is the path of the root, to which links may be absolute.
func (t *tree) dangling(app string) ([]string, error) {
	const most = 5
	var notices []string
	var count int
	var err error
	t.top.walk(".", func(name string, n *node) bool {
		if err != nil || n.gone || n.mode&fs.ModeSymlink == 0 {
			return err == nil && !n.gone
		}
		var to string
		if to, err = t.root.Readlink(filepath.FromSlash(name)); err != nil {
			err = unreadable(name, err)
			return false
		}
		if t.goes(app, name, to) {
			if count++; count <= most {
				notices = append(notices, fmt.Sprintf("%s is a link to %s, which is not in the image", shown(name), shown(to)))
			}
		}
		return true
	})
	if count > most {
		notices = append(notices, fmt.Sprintf("%d more links lead to what is not in the image", count-most))
	}
	return notices, err
}

// goes tells whether what a link at the path name leads to goes.
func (t *tree) goes(app, name, to string) bool {
	if filepath.IsAbs(to) {
		rel, err := filepath.Rel(app, to)
		if err != nil {
			return false
		}
		to = filepath.ToSlash(rel)
	} else {
		to = path.Join(path.Dir(name), to)
	}
	if to == ".." || strings.HasPrefix(to, "../") {
		return false
	}
	// What is below something that goes was marked with it at most.
	for n := t.top; to != "." && to != "" && n != nil; {
		var first string
		first, to, _ = strings.Cut(to, "/")
		if n = n.child(first); n != nil && n.gone {
			return true
		}
	}
	return false
}

// shown is a path as a message has it: quoted where it would be misread.
func shown(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` || strings.ContainsAny(name, " :,") {
		return quoted
	}
	return name
}
