package compile

import (
	"bytes"
	"io"
	"strings"
)

// downloadCounter passes on what the go command prints, line by line, but for
// its lines on downloads, which it counts, and keeps the text for a look at errors.
type downloadCounter struct {
	out   io.Writer
	line  []byte
	count int
	text  strings.Builder
}

func (d *downloadCounter) Write(p []byte) (int, error) {
	for rest := p; ; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		d.line = append(d.line, line...)
		if !whole {
			return len(p), nil
		}
		if err := d.emit(); err != nil {
			return 0, err
		}
		rest = after
	}
}

func (d *downloadCounter) emit() error {
	line := string(d.line)
	d.line = d.line[:0]
	if strings.HasPrefix(line, "go: downloading ") {
		d.count++
		return nil
	}
	if strings.HasPrefix(line, "go: extracting ") || strings.HasPrefix(line, "go: finding ") {
		return nil // Go up to 1.12 says these beside each download
	}
	d.text.WriteString(line + "\n")
	_, err := io.WriteString(d.out, line+"\n")
	return err
}

// flush passes on a last line without an end.
func (d *downloadCounter) flush() {
	if len(d.line) > 0 {
		_ = d.emit() // the log is gone; the build's own error says more
	}
}
