package hook

import (
	"bytes"
	"strings"
)

// headSize is how much of a file, in bytes, the kernel looks at to find out
// how to run it (BINPRM_BUF_SIZE, since Linux 5.1).
const headSize = 256

// blanks are what separates the words of a #! line.
const blanks = " \t"

// interpreter returns the interpreter that the #! line at the start of a file
// names and, where there is more on the line, all of it as one argument. It is
// nil where the kernel sees no interpreter: no #!, nothing behind it, or a
// path that may go on behind the first headSize bytes, of which head holds as
// many as the file has.
//
// It splits the line as Linux does (load_script in fs/binfmt_script.c), so
// that a script runs the same with and without the run bit.
func interpreter(head []byte) []string {
	var padded [headSize]byte
	copy(padded[:], head)
	line, found := strings.CutPrefix(string(padded[:]), "#!")
	if !found {
		return nil
	}
	last := len(line) - 1
	switch end := strings.IndexAny(line, "\n\x00"); {
	case end >= 0 && line[end] == '\n':
		line = strings.TrimRight(line[:end], blanks)
	case end >= 0 && end < last:
		line = line[:end] // the file ends here, and blanks at its end stay
	default:
		// The line is longer than what the kernel looks at: it takes an
		// argument cut off, a path not.
		if !strings.ContainsAny(strings.TrimLeft(line, blanks), blanks+"\x00") {
			return nil
		}
		line = strings.TrimRight(line[:last], blanks)
	}
	line = strings.TrimLeft(line, blanks)
	end := strings.IndexAny(line, blanks)
	switch {
	case line == "":
		return nil
	case end < 0:
		return []string{line}
	}
	return []string{line[:end], strings.TrimLeft(line[end:], blanks)}
}

// binary reports whether a file that starts with head is a program and no
// text: ELF, or with a NUL in its first line, which is how bash tells.
func binary(head []byte) bool {
	if bytes.HasPrefix(head, []byte("#!")) {
		return false
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.HasPrefix(head, []byte("\x7fELF")) || bytes.IndexByte(line, 0) >= 0
}
