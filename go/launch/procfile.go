package launch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

// maxLine is the longest line of a Procfile, in bytes, without its line end.
// No command comes near it; a file that is no Procfile at all does.
const maxLine = 64 << 10

// blank is what may stand around a name and a command. Only what a shell
// takes for blank is in it, plus the carriage return of CRLF files; a
// non-breaking space is part of a word to a shell, hence here.
const blank = " \t\r"

// Line is one process of a Procfile.
type Line struct {
	Name    string // process type, valid for the Buildpack API
	Command string // the command as written, without blanks around it
	Number  int    // line number in the file, from 1
}

// ProcfileError says what is wrong with one line of a Procfile.
type ProcfileError struct {
	Path   string // the file; "" reads as "Procfile"
	Line   int    // from 1
	Text   string // the line as written; "" where it is no printable text
	Reason string // what is wrong, and what to do about it
}

// Error returns file, line, reason and the line's text, shortened where it is
// long.
func (e *ProcfileError) Error() string {
	path := e.Path
	if path == "" {
		path = "Procfile"
	}
	if e.Text == "" {
		return fmt.Sprintf("%s: line %d: %s", path, e.Line, e.Reason)
	}
	return fmt.Sprintf("%s: line %d: %s (the line: %q)", path, e.Line, e.Reason, shorten(e.Text))
}

// shorten cuts s for an error message, between two runes.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// ParseProcfile reads the processes of a Procfile, in the order of the file.
// Each line is NAME: COMMAND; blank lines and lines that begin with '#' are
// skipped; blanks around name and command do not count; a byte order mark and
// CRLF line ends are fine. No line at all is no error: it returns nil.
//
// A line that is malformed (no colon, no name, no command, a name that the
// Buildpack API does not take, a name seen before, text that is not UTF-8, a
// NUL byte, a carriage return within, a trailing backslash, more than 64 KiB)
// is a *[ProcfileError]. Any other error is the reader's.
//
// The format is that of https://devcenter.heroku.com/articles/procfile; names
// are wider than there, see [ValidType].
func ParseProcfile(r io.Reader) ([]Line, error) {
	var lines []Line
	first := make(map[string]int) // name → line number
	s := bufio.NewScanner(r)
	// The byte order mark and the line end come on top; longer lines end in
	// bufio.ErrTooLong.
	s.Buffer(nil, maxLine+len("\ufeff")+len("\r\n")+1)
	number := 0
	for s.Scan() {
		number++
		text := s.Text()
		if number == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		line, err := parseLine(text, number)
		if err != nil {
			return nil, err
		}
		if line == nil {
			continue
		}
		if before, ok := first[line.Name]; ok {
			return nil, &ProcfileError{Line: number, Text: text, Reason: fmt.Sprintf(
				"process %s is already on line %d: rename one or remove it", line.Name, before)}
		}
		first[line.Name] = number
		lines = append(lines, *line)
	}
	if err := s.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, tooLong(number + 1)
	} else if err != nil {
		return nil, fmt.Errorf("reading the Procfile: %w", err)
	}
	return lines, nil
}

func tooLong(number int) error {
	return &ProcfileError{Line: number, Reason: fmt.Sprintf(
		"longer than %d KiB: put the command into a script and name the script here", maxLine>>10)}
}

// parseLine returns the process of one line, nil where it has none.
func parseLine(text string, number int) (*Line, error) {
	malformed := func(format string, a ...any) (*Line, error) {
		return nil, &ProcfileError{Line: number, Text: text, Reason: fmt.Sprintf(format, a...)}
	}
	if len(text) > maxLine {
		return nil, tooLong(number)
	}
	// launch.toml, where the command goes, is UTF-8 by definition.
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		text = ""
		return malformed("not plain text: save the file as UTF-8")
	}
	trimmed := strings.Trim(text, blank)
	if trimmed == "" || strings.HasPrefix(trimmed, "#") {
		return nil, nil
	}
	// bash takes a carriage return for a part of a word, other shells for a
	// blank: neither is what the file's author sees.
	if strings.Contains(trimmed, "\r") {
		return malformed("a carriage return within the line: save the file with LF or CRLF line ends")
	}
	name, command, ok := strings.Cut(trimmed, ":")
	if !ok {
		return malformed("no colon: write it as NAME: COMMAND, for example web: bin/web")
	}
	name, command = strings.Trim(name, blank), strings.Trim(command, blank)
	switch {
	case name == "":
		return malformed("no name before the colon: write it as NAME: COMMAND, for example web: bin/web")
	case !ValidType(name):
		return malformed("%q is no name of a process: use letters, digits, '.', '_' and '-'", shorten(name))
	case command == "":
		return malformed("process %s has no command: write one after the colon or remove the line", name)
	case endsInBackslash(command):
		// What follows would be read as a process of its own
		// ("--addr :8080" even looks like one).
		return malformed("process %s ends in a backslash: a process is one line, join it with the next", name)
	}
	return &Line{Name: name, Command: command, Number: number}, nil
}

// endsInBackslash reports whether the last character is a backslash that is
// not itself escaped.
func endsInBackslash(s string) bool {
	n := len(s) - len(strings.TrimRight(s, `\`))
	return n%2 == 1
}

// ReadProcfile reads the Procfile at path with [ParseProcfile]. It returns
// (nil, nil) where there is no such file. A directory, a link that leads
// nowhere, a file that cannot be read and a file without any process are
// errors that name the path; a malformed line is a *[ProcfileError] with Path
// set.
func ReadProcfile(path string) ([]Line, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: a symbolic link to a file that does not exist: mend or remove it", path)
	case err != nil:
		return nil, fmt.Errorf("Procfile cannot be read: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("%s: a directory, not a file: rename it, the name Procfile is taken", path)
	case !info.Mode().IsRegular():
		// Opening a FIFO would block for ever.
		return nil, fmt.Errorf("%s: not a regular file: replace or remove it", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("Procfile cannot be read: %w", err)
	}
	defer f.Close()
	lines, err := ParseProcfile(f)
	var bad *ProcfileError
	switch {
	case errors.As(err, &bad):
		bad.Path = path
		return nil, bad
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(lines) == 0:
		return nil, fmt.Errorf("%s: names no process: add a line such as web: bin/web, or remove the file", path)
	}
	return lines, nil
}
