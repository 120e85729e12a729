// Package line reads the command lines of processes, which are written in the
// language of bash(1), without running anything. What the image's launcher
// cannot run is told here, so that it fails the build and not the image.
package line

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// Shell is the file name under which the image's launch-time program runs lines:
// shell LINE [ARGUMENT…].
const Shell = "shell"

// Parse reads one command line. name is what $0 stands for.
//
// A line that is not UTF-8 or has a NUL byte (launch.toml could not hold it),
// is no valid bash or runs nothing (a mere comment) is an error that says what
// to do. Errors do not repeat the line.
func Parse(text, name string) (*syntax.File, error) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, errors.New("not plain text: write it in UTF-8")
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), name)
	if err != nil {
		return nil, fmt.Errorf("not valid shell syntax: %s", reason(err))
	}
	if len(file.Stmts) == 0 {
		return nil, errors.New("runs nothing: write a command after the colon or remove the line")
	}
	return file, nil
}

// reason is the parser's message without its position, which counts from the
// start of the command and not of the file that the command stands in.
func reason(err error) string {
	var bad syntax.ParseError
	if errors.As(err, &bad) {
		return bad.Text
	}
	return err.Error()
}

// commandName returns the first word of a call where it is known before
// anything is expanded, with quotes resolved; else "".
func commandName(call *syntax.CallExpr) string {
	if len(call.Args) == 0 {
		return ""
	}
	return text(call.Args[0])
}

// text returns what word stands for where it has nothing to expand, else "".
// It is for comparing with names that have no special characters: escapes
// other than a backslash before a letter are left as they are.
func text(word *syntax.Word) string {
	var b strings.Builder
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(part.Value, `\`, ""))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			for _, inner := range part.Parts {
				lit, ok := inner.(*syntax.Lit)
				if !ok {
					return ""
				}
				b.WriteString(lit.Value)
			}
		default:
			return ""
		}
	}
	return b.String()
}
