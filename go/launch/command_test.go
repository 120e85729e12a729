package launch

import (
	"io"
	"io/fs"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/Scalingo/go-cnb/go/launch/line"
)

var directLines = []struct {
	line string
	want []string
}{
	{`bin/web`, []string{"bin/web"}},
	{`  bin/web   -v	x  `, []string{"bin/web", "-v", "x"}},
	{`web -addr :8080 --name=app`, []string{"web", "-addr", ":8080", "--name=app"}},
	{`web # the site`, []string{"web"}},
	{`web a#b`, []string{"web", "a#b"}},
	{`web;`, []string{"web"}},
	{`web 'a b' "c d" e\ f`, []string{"web", "a b", "c d", "e f"}},
	{`web '' ""`, []string{"web", "", ""}},
	{`web a'b'"c"\d`, []string{"web", "abcd"}},
	{`web "a\"b\\c\$d\` + "`" + `e\f"`, []string{"web", `a"b\c$d` + "`" + `e\f`}},
	{`web '$x' '*' '~' '{a,b}' '$(x)' 'a\b'`, []string{"web", "$x", "*", "~", "{a,b}", "$(x)", `a\b`}},
	{`web \$x \* \~ \{a,b} \? \[a] \\`, []string{"web", "$x", "*", "~", "{a,b}", "?", "[a]", `\`}},
	{`web "*" "~" "{a,b}" "[a]"`, []string{"web", "*", "~", "{a,b}", "[a]"}},
	{`web a=b FOO=bar`, []string{"web", "a=b", "FOO=bar"}},
	{`web http://h/~user a~b`, []string{"web", "http://h/~user", "a~b"}},
	{`web a=\~ "a=~" ':~'`, []string{"web", "a=~", "a=~", ":~"}},
	{`web ! ] } = % ^ , + @ a..b`, []string{"web", "!", "]", "}", "=", "%", "^", ",", "+", "@", "a..b"}},
	{`web if then done`, []string{"web", "if", "then", "done"}},
	{`web cd exec`, []string{"web", "cd", "exec"}},
	{`"if" x`, []string{"if", "x"}},
	{`./cd`, []string{"./cd"}},
	{`'my program' x`, []string{"my program", "x"}},
	{`wéb ünïcode 日本`, []string{"wéb", "ünïcode", "日本"}},
	{"web \u00a0x\u2028y", []string{"web", "\u00a0x\u2028y"}},
	{"web \v\f", []string{"web", "\v\f"}},
	{`echo hi`, []string{"echo", "hi"}},
	{`printf x`, []string{"printf", "x"}},
	{`test -f x`, []string{"test", "-f", "x"}},
	{`true`, []string{"true"}},
	{`false`, []string{"false"}},
	{`pwd`, []string{"pwd"}},
	{`kill 1`, []string{"kill", "1"}},
	{`go run .`, []string{"go", "run", "."}},
	{`bash -c 'exec web -p $PORT'`, []string{"bash", "-c", "exec web -p $PORT"}},
}

func TestCommandDirect(t *testing.T) {
	for _, test := range directLines {
		t.Run(test.line, func(t *testing.T) {
			words, direct, err := Command(test.line, "/layers/shell")
			if err != nil || !direct {
				t.Fatalf("got %q, direct %t, %v", words, direct, err)
			}
			if diff := cmp.Diff(test.want, words); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// bash is the outside to agree with: the same words, told by bash itself.
func TestCommandDirectAsBashSplits(t *testing.T) {
	bash := bashPath(t)
	for _, test := range directLines {
		t.Run(test.line, func(t *testing.T) {
			cmd := exec.Command(bash, "-c", `printf '%s\0' `+test.line)
			cmd.Env, cmd.Dir = []string{"HOME=/home"}, t.TempDir()
			write(t, cmd.Dir+"/a", "")
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCommandNeedsAShell(t *testing.T) {
	for _, text := range []string{
		// Expansions.
		`web -p $PORT`, `web -p ${PORT:-80}`, `web "$PORT"`, `web "a${PORT}b"`, `web $(hostname)`, "web `hostname`",
		"web \"`hostname`\"", `web "$(hostname)"`, `web $((1+1))`, `web $'a\n'`, `web $"a"`, `web $`, `$WEB`, `web <(ls)`,
		`web *`, `web a?`, `web [ab]`, `web 'a'*`, `web ~`, `web ~/x`, `web ~root`, `web d=~/x`, `web p=a:~/x`, `web "a"=~/x`,
		`web {a,b}`, `web {1..3}`, `web a{b,"c"}`, `web {}`, `web @(a|b)`,
		// More than one simple command.
		`a; b`, `a && b`, `a || b`, `a | b`, `a |& b`, "a\nb", `a & b`, `(a)`, `{ a; }`, `if a; then b; fi`, `f() { a; }`,
		`for x in 1; do a; done`, `while a; do b; done`, `case x in x) a;; esac`, `[[ a ]]`, `((1))`, `time a`, `! a`,
		// Not just a command.
		`A=b web`, `A=b`, `A= B=c web`, `a[1]=b`, `web &`, `web > out`, `web 2>&1`, `web < in`, `web <<< x`, `web &> out`, `> out`,
		// Builtins, quoted or not.
		`cd app`, `exec web`, `exit 1`, `export A=b`, `source x`, `. x`, `:`, `eval web`, `set -e`, `trap x EXIT`, `wait`, `read x`, `unset x`, `declare -x A=b`, `let a=1`, `local a`, `readonly a`, `typeset a`, `command web`,
		`builtin cd`, `type web`, `"cd" app`, `\exec web`, `'.' x`, `e"xec" web`, `"export" A=b`, `[ -f x ]`,
		// The parser splits at a carriage return, bash does not.
		"web a\rb",
	} {
		t.Run(text, func(t *testing.T) {
			words, direct, err := Command(text, "/layers/shell")
			if err != nil || direct {
				t.Fatalf("got %q, direct %t, %v", words, direct, err)
			}
			if diff := cmp.Diff([]string{"/layers/shell", text}, words); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCommandKnowsTheBuiltinsOfBash(t *testing.T) {
	out, err := exec.Command(bashPath(t), "-c", "compgen -b").Output()
	if err != nil {
		t.Fatal(err)
	}
	programs := set("[", "echo", "false", "kill", "printf", "pwd", "test", "true")
	for _, name := range strings.Fields(string(out)) {
		_, direct, err := Command("'"+name+"' x", "/layers/shell")
		if missing := line.Missing(name) != "" && !programs[name]; direct != programs[name] || (err != nil) != missing {
			t.Errorf("%s: direct %t, %v", name, direct, err)
		}
	}
}

func TestCommandRefuses(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{`web "a`, "not valid shell syntax: reached EOF without closing quote `\"`"},
		{`web 'a`, "not valid shell syntax"},
		{`web (`, "not valid shell syntax"},
		{`web | `, "not valid shell syntax"},
		{`&& web`, "not valid shell syntax"},
		{`if web`, "not valid shell syntax"},
		{`web $(a`, "not valid shell syntax"},
		{`fi`, "not valid shell syntax"},
		{``, "runs nothing"},
		{`  `, "runs nothing"},
		{`# web`, "runs nothing"},
		{`'' a`, "the program's name is empty"},
		{"web \x00", "not plain text"},
		{`ulimit -n 9 && web`, "the builtin ulimit is not supported: set it where the container is started"},
		{`"umask" 022; web`, "the builtin umask is not supported: call syscall.Umask"},
		{`trap x TERM; web`, "trap of TERM is not supported: leave it out"},
		{`a & b & wait -n`, "wait -n is not supported: give each program a process of its own"},
		{`coproc a`, "coproc is not supported"},
		{`exec -a x web`, "exec -a is not supported"},
		{`web 3>&1`, "redirection 3>& is not supported: only files 1 and 2 can be written to"},
		{`web $(x 9< f)`, "redirection 9< is not supported"},
		{"web \xff", "not plain text"},
	} {
		t.Run(test.line, func(t *testing.T) {
			words, _, err := Command(test.line, "/layers/shell")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, %v; want %q", words, err, test.want)
			}
		})
	}
}

// hostile expands everything there is to expand into something else.
func hostile() *expand.Config {
	files := fstest.MapFS{"a": {}, "b": {}, ".h": {}, "web": {}, "0": {}}
	return &expand.Config{
		Env:      expand.FuncEnviron(func(name string) string { return "<" + name + ">" }),
		CmdSubst: func(w io.Writer, _ *syntax.CmdSubst) error { _, err := io.WriteString(w, "<cmd>"); return err },
		ProcSubst: func(*syntax.ProcSubst) (string, error) {
			return "<proc>", nil
		},
		ReadDir2: func(string) ([]fs.DirEntry, error) { return fs.ReadDir(files, ".") },
		NullGlob: true, DotGlob: true, GlobStar: true, NoCaseGlob: true, ExtGlob: true,
	}
}

// Direct words are the same whatever variables, files and home directories
// there are, and survive being quoted and read again.
func FuzzCommand(f *testing.F) {
	for _, test := range directLines {
		f.Add(test.line)
	}
	for _, seed := range []string{
		`web $x "$y" *`, `web a=~/x:~/y`, `a{b,c}{1..3}`, `web "\$x\` + "`" + `" \`, "a\\\nb", `a=(b)`, `"a`, `x @(a|b) \*`, `~"/a"`, `[a]'*'`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, direct, err := Command(line, "/layers/shell")
		if err != nil {
			return
		}
		if len(words) == 0 || words[0] == "" {
			t.Fatalf("no program in %q", words)
		}
		if !direct {
			if diff := cmp.Diff([]string{"/layers/shell", line}, words); diff != "" {
				t.Fatal(diff)
			}
			return
		}
		file, err := syntax.NewParser().Parse(strings.NewReader(line), "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := expand.Fields(hostile(), file.Stmts[0].Cmd.(*syntax.CallExpr).Args...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(words, got); diff != "" {
			t.Fatal(diff)
		}
		quoted := make([]string, len(words))
		for i, word := range words {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		again, direct, err := Command(strings.Join(quoted, " "), "/layers/shell")
		if err != nil || !direct {
			t.Fatalf("%q: direct %t, %v", quoted, direct, err)
		}
		if diff := cmp.Diff(words, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func bashPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("SKIPPED: no bash to compare with: ", err)
	}
	return path
}
