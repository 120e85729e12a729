package launch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestParseProcfile(t *testing.T) {
	tests := []struct {
		name, text string
		want       []Line
	}{
		{"empty file", "", nil},
		{"one process", "web: bin/web\n", []Line{{"web", "bin/web", 1}}},
		{"no newline at the end", "web: bin/web", []Line{{"web", "bin/web", 1}}},
		{"no blank after the colon", "web:bin/web", []Line{{"web", "bin/web", 1}}},
		{"order of the file is kept", "worker: b\nweb: a\nclock: c\n", []Line{{"worker", "b", 1}, {"web", "a", 2}, {"clock", "c", 3}}},
		{"CRLF", "web: bin/web\r\n\r\nworker: bin/worker\r\n", []Line{{"web", "bin/web", 1}, {"worker", "bin/worker", 3}}},
		{"CRLF without a last line end", "web: bin/web\r", []Line{{"web", "bin/web", 1}}},
		{"byte order mark", "\ufeffweb: bin/web\n", []Line{{"web", "bin/web", 1}}},
		{"byte order mark before a comment", "\ufeff# hello\nweb: bin/web\n", []Line{{"web", "bin/web", 2}}},
		{"comments and blank lines", "# one\n\n  # two\n \t \nweb: bin/web\n#web: old\n", []Line{{"web", "bin/web", 5}}},
		{"only comments", "# web: bin/web\n\n", nil},
		{"blanks around name and command", "  web :\t bin/web -v \t\n", []Line{{"web", "bin/web -v", 1}}},
		{"later colons belong to the command", "web: bin/web -addr :8080\n", []Line{{"web", "bin/web -addr :8080", 1}}},
		{"a trailing comment is the shell's", "web: bin/web # the site\n", []Line{{"web", "bin/web # the site", 1}}},
		{"every character of a name", "my_app-2.0: a\nWEB: b\n7: c\n", []Line{{"my_app-2.0", "a", 1}, {"WEB", "b", 2}, {"7", "c", 3}}},
		{"release and postdeploy are processes like others", "release: m\npostdeploy: n\n", []Line{{"release", "m", 1}, {"postdeploy", "n", 2}}},
		{"an escaped backslash may end a line", `web: echo \\`, []Line{{"web", `echo \\`, 1}}},
		{"a non-breaking space is no blank", "web: \u00a0bin/web\n", []Line{{"web", "\u00a0bin/web", 1}}},
		{"the longest line", "w: " + strings.Repeat("x", maxLine-3), []Line{{"w", strings.Repeat("x", maxLine-3), 1}}},
		{"the longest line with a byte order mark and CRLF", "\ufeffw: " + strings.Repeat("x", maxLine-3) + "\r\n", []Line{{"w", strings.Repeat("x", maxLine-3), 1}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseProcfile(strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseProcfileRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		line       int
		reason     string // part of it
	}{
		{"no colon", "web: a\nworker bin/worker\n", 2, "no colon: write it as NAME: COMMAND"},
		{"a YAML mark", "---\nweb: a\n", 1, "no colon"},
		{"a merge conflict", "<<<<<<< HEAD\nweb: a\n", 1, "no colon"},
		{"no name", ": bin/web\n", 1, "no name"},
		{"no command", "web:\n", 1, "process web has no command"},
		{"a blank command", "web: \t\r\n", 1, "process web has no command"},
		{"a blank in the name", "my web: a\n", 1, `"my web" is no name`},
		{"a slash in the name", "a/b: a\n", 1, `"a/b" is no name`},
		{"a letter outside of ASCII", "wéb: a\n", 1, `"wéb" is no name`},
		{"dot", ".: a\n", 1, `"." is no name`},
		{"dot dot", "..: a\n", 1, `".." is no name`},
		{"two webs", "web: a\n# x\nweb: b\n", 3, "process web is already on line 1"},
		{"two webs, CRLF", "web: a\r\nweb : b\r\n", 2, "process web is already on line 1"},
		{"NUL", "web: a\x00b\n", 1, "save the file as UTF-8"},
		{"NUL in a comment", "web: a\n# \x00\n", 2, "save the file as UTF-8"},
		{"not UTF-8", "web: a\nb: \xff\n", 2, "save the file as UTF-8"},
		{"UTF-16", "\xff\xfew\x00e\x00b\x00:\x00 \x00a\x00", 1, "save the file as UTF-8"},
		{"a byte order mark in the middle", "web: a\n\ufeffb: c\n", 2, "is no name"},
		{"CR line ends", "web: a\rworker: b\r", 1, "carriage return"},
		{"continued line", "web: a \\\n  --addr :80\n", 1, "ends in a backslash"},
		{"continued line after an escaped backslash", "web: a \\\\\\\n  --addr :80\n", 1, "ends in a backslash"},
		{"too long", "web: a\nw: " + strings.Repeat("x", maxLine-2), 2, "longer than 64 KiB"},
		{"far too long", "web: a\n\nw: " + strings.Repeat("x", 3*maxLine), 3, "longer than 64 KiB"},
		{"too long a comment", "#" + strings.Repeat("x", maxLine), 1, "longer than 64 KiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lines, err := ParseProcfile(strings.NewReader(test.text))
			var bad *ProcfileError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, %v; want a *ProcfileError", lines, err)
			}
			if bad.Line != test.line || !strings.Contains(bad.Reason, test.reason) {
				t.Errorf("got line %d: %s; want line %d: %s", bad.Line, bad.Reason, test.line, test.reason)
			}
			if len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x00\r\n") {
				t.Errorf("no text for a log: %q", err)
			}
		})
	}
}

func TestParseProcfileReturnsTheReadersError(t *testing.T) {
	_, err := ParseProcfile(iotest.ErrReader(syscall.EIO))
	if !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
}

func TestProcfileErrorText(t *testing.T) {
	tests := []struct {
		err  ProcfileError
		want string
	}{
		{ProcfileError{Line: 3, Text: "web a", Reason: "no colon"}, `Procfile: line 3: no colon (the line: "web a")`},
		{ProcfileError{Path: "/app/Procfile", Line: 3, Reason: "too long"}, `/app/Procfile: line 3: too long`},
		{ProcfileError{Line: 1, Text: strings.Repeat("é", 60), Reason: "r"}, `Procfile: line 1: r (the line: "` + strings.Repeat("é", 40) + `…")`},
		{ProcfileError{Line: 1, Text: "x" + strings.Repeat("é", 60), Reason: "r"}, `Procfile: line 1: r (the line: "x` + strings.Repeat("é", 39) + `…")`},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, test.err.Error()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestReadProcfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Procfile")
	write(t, path, "# app\r\nweb: bin/web\r\n")
	got, err := ReadProcfile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Line{{"web", "bin/web", 2}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadProcfileFollowsALink(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Procfile.prod"), "web: bin/web\n")
	symlink(t, "Procfile.prod", filepath.Join(dir, "Procfile"))
	if got, err := ReadProcfile(filepath.Join(dir, "Procfile")); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestReadProcfileWithoutAFileIsNoError(t *testing.T) {
	got, err := ReadProcfile(filepath.Join(t.TempDir(), "Procfile"))
	if got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestReadProcfileRefuses(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		want string // after the path
	}{
		{"a directory", func(t *testing.T, path string) { mkdir(t, path) }, ": a directory, not a file"},
		{"a dangling link", func(t *testing.T, path string) { symlink(t, "nowhere", path) }, ": a symbolic link to a file that does not exist"},
		{"a FIFO", func(t *testing.T, path string) {
			if err := syscall.Mkfifo(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}, ": not a regular file"},
		{"an empty file", func(t *testing.T, path string) { write(t, path, "") }, ": names no process: add a line"},
		{"only comments", func(t *testing.T, path string) { write(t, path, "# web: a\n") }, ": names no process: add a line"},
		{"a malformed line", func(t *testing.T, path string) { write(t, path, "\nweb a\n") }, ": line 2: no colon"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "Procfile")
			test.make(t, path)
			lines, err := ReadProcfile(path)
			if err == nil {
				t.Fatalf("no error, but %v", lines)
			}
			if !strings.HasPrefix(err.Error(), path+test.want) {
				t.Errorf("got %q, want %q", err, path+test.want)
			}
		})
	}
}

func TestReadProcfileThatMayNotBeRead(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("SKIPPED: root reads every file; run as another user")
	}
	path := filepath.Join(t.TempDir(), "Procfile")
	write(t, path, "web: a\n")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := ReadProcfile(path)
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

// A Procfile that parses is the same Procfile when it is written out again.
func FuzzParseProcfile(f *testing.F) {
	for _, seed := range []string{
		"web: bin/web\n", "\ufeffweb: a\r\n# c\r\n\r\nw-1: b -x :80\r\n", "web a", "web: a\nweb: b",
		": a", "a:", "web: a \\\n -x: 1", "a: \x00", "a: \xff", "a\r: b\rc: d", "a: \u00a0b\u0085",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := ParseProcfile(strings.NewReader(text))
		if err != nil {
			var bad *ProcfileError
			if !errors.As(err, &bad) || bad.Line < 1 || bad.Line > strings.Count(text, "\n")+1 || bad.Reason == "" {
				t.Fatalf("poor error %#v", err)
			}
			return
		}
		var b strings.Builder
		number := 1
		for _, line := range lines {
			for ; number < line.Number; number++ {
				b.WriteString("#\n")
			}
			b.WriteString(line.Name + ": " + line.Command + "\n")
			number++
		}
		again, err := ParseProcfile(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lines, again); diff != "" {
			t.Fatal(diff)
		}
		for _, line := range lines {
			if !ValidType(line.Name) || line.Command == "" || strings.Trim(line.Command, blank) != line.Command {
				t.Fatalf("not clean: %#v", line)
			}
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}
