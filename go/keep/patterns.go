package keep

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Patterns name files and directories of an app. The zero value names none.
type Patterns struct{ list []pattern }

// pattern is one of them.
type pattern struct {
	// text is what was written, glob what paths from the app's root are compared with.
	text, glob string
	// dirs tells that it ends in a slash: files do not match.
	dirs bool
}

// Empty tells that there is no pattern.
func (p Patterns) Empty() bool { return len(p.list) == 0 }

// parent finds ".." as an element of a path, or as one in braces.
var parent = regexp.MustCompile(`(^|[/{,])\.\.($|[/},])`)

// ParsePatterns reads BP_KEEP_FILES: patterns separated by ":". Empty ones and
// white space around them do not count.
//
// In a pattern ? stands for a character, * for any number of them within a name,
// ** as a whole element for any number of directories (also none), [a-z], [!a-z] and [^a-z] for
// one of a set, {a,b} for alternatives, and \ before a character for that character, also for a colon. Capitals matter,
// and leading dots do not. A pattern begins at the app's root, with or without
// a "/" or "./"; with a "/" at the end only directories match, and links. What lies in a directory that matches
// is named too, so that "static", "static/", "static/*" and "static/**" name the same files.
//
// An error names the pattern: malformed, or with "..".
func ParsePatterns(value string) (Patterns, error) {
	var p Patterns
	for _, text := range splitList(value) {
		text = trim(text)
		if text == "" {
			continue
		}
		if parent.MatchString(text) {
			return Patterns{}, fmt.Errorf("BP_KEEP_FILES: %q has \"..\" in it: name what is in the app by its path from the app's root", text)
		}
		if !doublestar.ValidatePattern(text) {
			return Patterns{}, fmt.Errorf("BP_KEEP_FILES: %q is no pattern: close each [ and {, and write \\ before one of *?[]{}\\ or a colon "+
				"that is a part of a name. Patterns are separated by colons", text)
		}
		p.list = append(p.list, parsePattern(text))
	}
	return p, nil
}

func parsePattern(text string) pattern {
	elements := slices.DeleteFunc(strings.Split(text, "/"), func(element string) bool { return element == "" || element == "." })
	if len(elements) == 0 { // the app itself
		return pattern{text: text, glob: "**"}
	}
	return pattern{text: text, glob: strings.Join(elements, "/"), dirs: strings.HasSuffix(text, "/")}
}

// splitList splits at colons that no backslash stands before.
func splitList(value string) []string {
	var list []string
	start, escaped := 0, false
	for i := range len(value) {
		switch {
		case escaped:
			escaped = false
		case value[i] == '\\':
			escaped = true
		case value[i] == ':':
			list = append(list, value[start:i])
			start = i + 1
		}
	}
	return append(list, value[start:])
}

// trim removes white space around a pattern, but for a last one that a backslash stands before.
func trim(text string) string {
	text = strings.TrimLeft(text, " \t\r\n")
	trimmed := strings.TrimRight(text, " \t\r\n")
	if before := strings.TrimRight(trimmed, `\`); (len(trimmed)-len(before))%2 == 1 && len(trimmed) < len(text) {
		return text[:len(trimmed)+1]
	}
	return trimmed
}

// matches tells whether a path from the app's root, with slashes, is named
// itself. doublestar.Match would complain about patterns that are right: it looks
// at what is left of one from the middle of a set on, as in [!a}] (v4.10.4).
func (p pattern) matches(name string, dirOrLink bool) bool {
	return (dirOrLink || !p.dirs) && doublestar.MatchUnvalidated(p.glob, name)
}

// keeper compares an app with patterns.
type keeper struct {
	patterns []pattern
	// used tells of each pattern whether anything matched.
	used []bool
}

// keeps tells whether n is named, by itself or, as above says, by a directory that it is in.
func (k *keeper) keeps(name string, n *node, above bool) bool {
	for i, p := range k.patterns {
		if above && k.used[i] { // nothing new to learn
			continue
		}
		if p.matches(name, isDirOrLink(n)) {
			above, k.used[i] = true, true
		}
	}
	return above
}

// files is the kind of what goes since no pattern names it.
const files = "files"

// markAllBut marks what patterns do not name, but for bin and Procfile, and
// returns a notice for each pattern that names nothing.
func (t *tree) markAllBut(p Patterns) []string {
	k := &keeper{patterns: p.list, used: make([]bool, len(p.list))}
	t.markAllIn(t.top, ".", k, false)
	var notices []string
	for i, used := range k.used {
		if !used {
			notices = append(notices, fmt.Sprintf("BP_KEEP_FILES: nothing in the app matches %q", k.patterns[i].text))
		}
	}
	return notices
}

// markAllIn marks what is in a directory; kept tells that it is named. It tells
// whether something is left in it.
func (t *tree) markAllIn(dir *node, name string, k *keeper, kept bool) (left bool) {
	isRoot := slices.Contains(t.roots, dir)
	for _, c := range dir.children {
		if c.as != "" {
			continue
		}
		below := path.Join(name, c.name)
		keeps := k.keeps(below, c, kept) || isRoot && (c.name == "bin" || c.name == "Procfile")
		if c.mode.IsDir() {
			c.stays = keeps || c.stays
			keeps = t.markAllIn(c, below, k, keeps) || c.stays
		}
		if !keeps {
			c.as = files
		}
		left = left || keeps
	}
	return left
}
