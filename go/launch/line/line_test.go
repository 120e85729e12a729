package line

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"mvdan.cc/sh/v3/syntax"
)

// marked returns the commands that MarkTail marks, as their first words and the
// next.
func marked(t *testing.T, text string) string {
	t.Helper()
	file, err := Parse(text, "x")
	if err != nil {
		t.Fatal(err)
	}
	MarkTail(file)
	var names []string
	syntax.Walk(file, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok && len(call.Args) > 0 && IsTail(call.Args[0].Pos()) {
			var words []string
			for _, word := range call.Args[:min(2, len(call.Args))] {
				words = append(words, word.Lit())
			}
			names = append(names, strings.Join(words, " "))
		}
		return true
	})
	return strings.Join(names, ", ")
}

func TestMarkTail(t *testing.T) {
	for text, want := range map[string]string{
		`a`:                   "a",
		`A=b c >d 2>&1`:       "c",
		`a; b`:                "b",
		`a && b || c`:         "c",
		`{ a; { (b; c); }; }`: "c",
		`if a; then b; c; elif d; then e; else f; fi`: "c, e, f",
		`case x in a) b;; c) d;& e) f; esac`:          "b, f",
		`exec a; b`:                                   "exec a, b",
		`a && exec b; c`:                              "exec b, c",
		`if exec a; then exec b; else exec c; fi; d`:  "exec a, exec b, exec c, d",
		`(exec a); b`:                                 "b",
		`exec a | b`:                                  "",
		`f() { exec a; b; }; f`:                       "f",
		`for x in 1; do exec a; done`:                 "",
		`exec >f; a`:                                  "a",
		`! a`:                                         "",
		`a | b`:                                       "",
		`a &`:                                         "",
		`a & b`:                                       "",
		`a <(b)`:                                      "",
		`trap x EXIT; a`:                              "",
		`a <<< x`:                                     "",
		`{ a; } <<< x`:                                "",
		`a $(b)`:                                      "a $",
		`time a`:                                      "",
		`A=1`:                                         "",
		`"a"`:                                         " ",
	} {
		want = strings.TrimSpace(strings.ReplaceAll(want, "$", ""))
		if got := strings.TrimSpace(marked(t, text)); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestAddArguments(t *testing.T) {
	for text, want := range map[string]string{
		`a`:                                `a "$@"`,
		`a; b x >f`:                        `a; b x "$@" >f`,
		`a | b`:                            `a | b "$@"`,
		`a $1`:                             `a $1`,
		`set -e; a`:                        `set -e; a "$@"`,
		`while getopts a x; do b; done; c`: `while getopts a x; do b; done; c`,
		`for x; do a; done`:                `for x; do a; done`,
		`a; cd b`:                          "",
		`a; wait`:                          "",
		`for x in a; do b; done`:           "",
		`export A=b`:                       "",
	} {
		file, err := Parse(text, "x")
		if err != nil {
			t.Fatal(err)
		}
		if err := AddArguments(file); (err != nil) != (want == "") {
			t.Errorf("%s: %v", text, err)
		}
		if want == "" {
			continue
		}
		if diff := cmp.Diff(printed(t, want), written(t, file)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestCheckTakes(t *testing.T) {
	for _, text := range []string{
		`a > f 2>&1 < g >> h &> i &>> j <<< k`, `a >&2 2>&- <&-`, `trap 'a' EXIT ERR`, `trap - EXIT`, `trap`, `wait`, `wait $!`, `exec a -x`, `exec > f`,
		`a $(b) <(c)`, `read x`, `kills`, `a kill`, `$kill`, `set -e`,
	} {
		file, err := Parse(text, "x")
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(file); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func printed(t *testing.T, text string) string {
	t.Helper()
	file, err := Parse(text, "x")
	if err != nil {
		t.Fatal(err)
	}
	return written(t, file)
}

func written(t *testing.T, file *syntax.File) string {
	t.Helper()
	var b strings.Builder
	if err := syntax.NewPrinter(syntax.Minify(true)).Print(&b, file); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Whatever the line, reading it does not panic, what is marked is a command
// that could come last, and a line that takes arguments mentions them then.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{
		`a`, `exec a; b`, `if a; then b; fi`, `case x in a) b;; esac`, `a & b`, `a <<< x`, `f() { a; }; f`, `{ a; }`, `[[ a ]]`, `((1))`,
		`<(a) b`, `$((1)) x`, `@(a|b) c`, `"a"$b c`, `'a'`, `$'a'`, "`a` b", `coproc a`, `trap x`, `export a`, `let a`, `time`, `! a`, `a=(b)`, `>f`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse(text, "x")
		if err != nil || Check(file) != nil {
			return
		}
		takes := AddArguments(file) == nil
		if takes && !usesArguments(file) {
			t.Fatalf("%q takes no arguments", text)
		}
		MarkTail(file)
		syntax.Walk(file, func(node syntax.Node) bool {
			if stmt, ok := node.(*syntax.Stmt); ok && detached(stmt) {
				if call, ok := stmt.Cmd.(*syntax.CallExpr); ok && len(call.Args) > 0 && IsTail(call.Args[0].Pos()) {
					t.Fatalf("%q: the launcher would become a command that it has to outlive", text)
				}
			}
			return true
		})
	})
}
