package keep

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzPatterns: no value makes reading it or comparing paths with it panic; what
// no pattern names goes and what one names stays; and one more pattern never removes more.
func FuzzPatterns(f *testing.F) {
	for _, tt := range keepTests {
		f.Add(tt.keep, "templates")
	}
	for _, value := range []string{"..", "[", "{a,{b,c}}", `\`, "**/**", "a/**/b", "[a-]", "[-a]", "[a-b-c]", "{,}", "[^a]", "\xff",
		"a\x00b", "{/,.}", "**{/a,}"} {
		f.Add(value, value)
	}
	dir := f.TempDir()
	place(f, dir, web+"-- link --\n-> nowhere\n")
	root, err := os.OpenRoot(dir)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	app, err := read(root, "templates/mail")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value, more string) {
		if len(value)+len(more) > 200 || strings.Count(value+more, "{")+strings.Count(value+more, "*") > 12 {
			return // alternatives multiply
		}
		p, err := ParsePatterns(value)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "BP_KEEP_FILES: ") {
				t.Errorf("%q: %v", value, err)
			}
			return
		}
		if p.Empty() {
			return
		}
		left := app.leftBy(p)
		app.checkNamed(t, p, left)
		both, err := ParsePatterns(value + ":" + more)
		if err != nil || len(both.list) < len(p.list) || !slices.Equal(both.list[:len(p.list)], p.list) {
			return // the colon is escaped
		}
		leftByBoth := app.leftBy(both)
		for name := range left {
			if !leftByBoth[name] {
				t.Errorf("%q keeps %q, and with %q no more", value, name, more)
			}
		}
	})
}

// FuzzQuoted: a name with a backslash before whatever means something is a pattern that names it, and no other.
func FuzzQuoted(f *testing.F) {
	for _, name := range []string{"a b", "a:b", "[x]*", "{a,b}", `\`, "!^", "a/b", "\xff", "\n ", ".a", "-", " "} {
		f.Add(name, "a")
	}
	quote := regexp.MustCompile(`[][*?{}\\: \t\r\n]`)
	f.Fuzz(func(t *testing.T, name, other string) {
		if name == "." || !fs.ValidPath(name) || !utf8.ValidString(name+other) {
			return
		}
		p, err := ParsePatterns("x:" + quote.ReplaceAllString(name, `\$0`) + ":y")
		if err != nil || len(p.list) != 3 {
			if !parent.MatchString(name) { // an element like {..} with its braces quoted
				t.Fatalf("%q: %v, %v", name, p.list, err)
			}
			return
		}
		if !p.list[1].matches(name, false) || p.list[1].matches(other, true) != (name == other) {
			t.Errorf("%q does not name %q, or does %q", p.list[1].glob, name, other)
		}
	})
}

// leftBy are the paths of what patterns leave of an app.
func (t *tree) leftBy(p Patterns) map[string]bool {
	again := &tree{}
	again.top = t.copyOf(again, t.top)
	again.top.markRepositories()
	again.markAllBut(p)
	again.top.settle()
	left := map[string]bool{}
	again.top.walk(".", func(name string, n *node) bool {
		if !n.gone {
			left[name] = true
		}
		return !n.gone
	})
	return left
}

// copyOf copies a node with all below it, for the tree to.
func (t *tree) copyOf(to *tree, n *node) *node {
	c := *n
	if slices.Contains(t.roots, n) {
		to.roots = append(to.roots, &c)
	}
	c.children = nil
	for _, child := range n.children {
		c.children = append(c.children, t.copyOf(to, child))
	}
	return &c
}

// checkNamed checks that what is left is just what patterns name, what always stays, and the directories for it.
func (t *tree) checkNamed(test *testing.T, p Patterns, left map[string]bool) {
	test.Helper()
	t.top.walk(".", func(name string, n *node) bool {
		named := strings.HasPrefix(name, "bin") || name == "Procfile"
		for part := name; part != "."; part = path.Dir(part) {
			at, _ := t.top.find(part)
			for _, pattern := range p.list {
				named = named || pattern.matches(part, isDirOrLink(at))
			}
		}
		named = named && path.Base(name) != repository
		if n.mode.IsDir() && !named {
			for below := range left {
				named = named || strings.HasPrefix(below, name+"/") || name == "templates" || name == "templates/mail"
			}
		}
		if named != left[name] {
			test.Errorf("%v: %s is named: %t, is left: %t", p.list, name, named, left[name])
		}
		return true
	})
}
