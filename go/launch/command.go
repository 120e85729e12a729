package launch

import (
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/Scalingo/go-cnb/go/launch/line"
)

// Command turns a command line of a Procfile into the words to execute.
//
// Direct means that the line is one program and its arguments, so that no
// shell is needed: words are the line's, with quotes ('…', "…" and \x)
// resolved as bash resolves them. A line is direct only where bash would do
// nothing to it but split and unquote: one simple command, no variable, no
// redirection, no &, nothing that bash expands ($x, $(…), `…`, $'…', * ? [,
// ~, braces), and a first word that is neither a builtin nor a keyword. In
// doubt it is not direct, which is slower and never wrong.
//
// Any other line is returned as shell, LINE: shell is the absolute path of the
// program that runs it in the image, see package shell. A line that is not
// valid shell syntax, runs nothing (a mere comment), names an empty program,
// cannot stand in launch.toml (not UTF-8, a NUL byte) or has what the image's
// shell cannot run (see [line.Check]) is an error.
func Command(text, shell string) (words []string, direct bool, err error) {
	file, err := line.Parse(text, shell)
	if err != nil {
		return nil, false, err
	}
	args, ok := simpleCommand(file)
	// The parser takes a carriage return for a blank, bash for a letter.
	if ok && !strings.ContainsAny(text, "\r\n") {
		// Nothing is left to expand, so that this removes quotes and no more.
		words, err = expand.Fields(&expand.Config{Env: expand.ListEnviron()}, args...)
		if err != nil {
			return nil, false, fmt.Errorf("cannot be split into words: %w", err)
		}
		if words[0] == "" {
			return nil, false, errors.New("the program's name is empty: name a program first")
		}
		if !shellOnly[words[0]] {
			return words, true, nil
		}
	}
	if err := line.Check(file); err != nil {
		return nil, false, err
	}
	return []string{shell, text}, false, nil
}

// simpleCommand returns the words of the only command in file, where it is a
// program with literal arguments and nothing else.
func simpleCommand(file *syntax.File) ([]*syntax.Word, bool) {
	if len(file.Stmts) != 1 {
		return nil, false
	}
	stmt := file.Stmts[0]
	if stmt.Negated || stmt.Background || stmt.Coprocess || stmt.Disown || len(stmt.Redirs) > 0 {
		return nil, false
	}
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Assigns) > 0 || len(call.Args) == 0 {
		return nil, false
	}
	for _, word := range call.Args {
		if !literal(word) {
			return nil, false
		}
	}
	return call.Args, true
}

// literal reports whether bash would do nothing but remove quotes from word.
func literal(word *syntax.Word) bool {
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if expands(part.Value) {
				return false
			}
		case *syntax.SglQuoted:
			if part.Dollar {
				return false
			}
		case *syntax.DblQuoted:
			if part.Dollar || !literalQuoted(part) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// literalQuoted reports whether text within double quotes is free of what
// bash expands there.
func literalQuoted(quoted *syntax.DblQuoted) bool {
	for _, part := range quoted.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok || strings.ContainsAny(unescaped(lit.Value), "$`") {
			return false
		}
	}
	return true
}

// expands reports whether the unquoted text s has a character that may make
// bash change it. Bash expands ~ at the start of a word and, in words that
// look like assignments, after = and : (bash(1), "Tilde Expansion"); elsewhere
// it is common in URLs. The start of s counts as the start of a word, though
// a quoted part may stand before it.
func expands(s string) bool {
	s = unescaped(s)
	if strings.ContainsAny(s, "*?[{$`") {
		return true
	}
	return strings.HasPrefix(s, "~") || strings.Contains(s, "=~") || strings.Contains(s, ":~")
}

// unescaped returns s with every \x replaced by a space, which no part of a
// word can hold otherwise.
func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			b.WriteByte(' ')
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// shellOnly holds the builtins of bash 5.2 (compgen -b) that are no programs
// of their own, or do something else as a program. Not in it: [, echo, false,
// kill, printf, pwd, test, true, which POSIX asks for as programs too.
// Keywords never get here: unquoted they are no simple command, quoted they
// are ordinary names.
var shellOnly = set(
	".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "cd", "command",
	"compgen", "complete", "compopt", "continue", "declare", "dirs", "disown",
	"enable", "eval", "exec", "exit", "export", "fc", "fg", "getopts", "hash",
	"help", "history", "jobs", "let", "local", "logout", "mapfile", "popd",
	"pushd", "read", "readarray", "readonly", "return", "set", "shift", "shopt",
	"source", "suspend", "times", "trap", "type", "typeset", "ulimit", "umask",
	"unalias", "unset", "wait",
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}
