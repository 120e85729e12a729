package weight

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// Rows are the biggest n modules with their bytes and their share of the file, the
// other modules together, and then the parts that belong to no module. Each row is a
// size ("1.2 MB"), a share ("10.3 %") and a name; sizes and shares are padded, so that
// they end below each other.
func (w Weights) Rows(n int) [][]string {
	var rows [][]string
	add := func(bytes int64, name string) {
		rows = append(rows, []string{humanBytes(bytes), percent(bytes, w.Bytes), name})
	}
	n = min(max(n, 0), len(w.Modules))
	for _, m := range w.Modules[:n] {
		add(m.Bytes, m.label())
	}
	if rest := w.Modules[n:]; len(rest) > 0 {
		sum := int64(0)
		for _, m := range rest {
			sum += m.Bytes
		}
		add(sum, counted(len(rest), "other module"))
	}
	small := int64(0)
	for _, p := range w.Parts {
		if p.Bytes*100 < w.Bytes {
			small += p.Bytes
			continue
		}
		add(p.Bytes, p.Name)
	}
	if small > 0 {
		add(small, "other small parts")
	}
	add(w.Bytes, "in all")
	pad(rows, 0)
	pad(rows, 1)
	return rows
}

// WriteTable prints [Weights.Rows] as text with the columns lined up.
func (w Weights) WriteTable(out io.Writer, n int) error {
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range w.Rows(n) {
		if _, err := fmt.Fprintln(columns, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return columns.Flush()
}

// label is a module with its version.
func (m Module) label() string {
	switch {
	case m.Kind == Standard && m.Version != "":
		return "standard library of " + m.Version
	case m.Kind == Standard:
		return "standard library"
	case m.Kind == Main || m.Version == "":
		return m.Path
	default:
		return m.Path + " " + m.Version
	}
}

// pad makes a column as wide as its widest text, from the left.
func pad(rows [][]string, column int) {
	width := 0
	for _, row := range rows {
		width = max(width, utf8.RuneCountInString(row[column]))
	}
	for _, row := range rows {
		row[column] = strings.Repeat(" ", width-utf8.RuneCountInString(row[column])) + row[column]
	}
}

func humanBytes(n int64) string { return humanize.Bytes(uint64(max(n, 0))) } // #nosec G115 -- not negative

// percent is a share in percent, "100.0 %" of nothing.
func percent(part, whole int64) string {
	if whole <= 0 {
		return "100.0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", humanize.Comma(int64(n)), noun)
}
