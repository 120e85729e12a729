package figures

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// labels say in words what a scenario or a way is.
var labels = map[string]string{
	"cold": "cold, no cache", "edit": "one-line edit", "nochange": "no change", "import": "new import",
	"upgrade": "dependency upgrade", "gopatch": "Go patch upgrade",
	"lifecycle": "this buildpack, lifecycle", "pack": "this buildpack, pack", "registry": "this buildpack, cache image",
	"go": "go build", "go-archive": "download of Go", "ko": "ko build",
}

func label(name string) string {
	if text, ok := labels[name]; ok {
		return text
	}
	return name
}

// table is rows of cells below a title; the first row is the head.
type table struct {
	title string
	rows  [][]string
	// words is how many columns hold words; the others hold numbers and are set to the right.
	words int
}

// WriteText writes everything as aligned text.
func (r *Report) WriteText(out io.Writer) error {
	fmt.Fprintf(out, "%s\n", strings.Join(r.Setting.lines(), "\n"))
	for _, t := range r.tables() {
		if err := t.text(out); err != nil {
			return err
		}
	}
	if len(r.Skipped) > 0 {
		fmt.Fprintf(out, "\nSkipped: %d\n", len(r.Skipped))
	}
	for _, reason := range r.Skipped {
		fmt.Fprintf(out, "  SKIPPED: %s\n", reason)
	}
	return nil
}

// WriteMarkdown writes everything for the documentation.
func (r *Report) WriteMarkdown(out io.Writer) error {
	for _, line := range r.Setting.lines() {
		fmt.Fprintf(out, "%s  \n", line)
	}
	for _, t := range r.tables() {
		if err := t.markdown(out); err != nil {
			return err
		}
	}
	for _, reason := range r.Skipped {
		fmt.Fprintf(out, "\nSkipped: %s\n", reason)
	}
	return nil
}

func (s *Setting) lines() []string {
	lines := []string{fmt.Sprintf("%s, target %s, Go %s; %d CPUs (%s); %s", s.App, s.Target, s.Go, s.CPUs, s.CPU, s.Date)}
	if s.GoBuild != "" {
		lines = append(lines, "go build: "+s.GoBuild)
	}
	changes := "edit: " + s.Edit
	for _, change := range []struct{ name, value string }{{"import", s.Import}, {"upgrade", s.Upgrade}, {"Go patch", s.GoPatch}} {
		if change.value != "" {
			changes += "; " + change.name + ": " + change.value
		}
	}
	lines = append(lines, changes)
	var tools []string
	for name, version := range s.Versions {
		tools = append(tools, name+" "+version)
	}
	slices.Sort(tools)
	if s.Registry != "" {
		tools = append(tools, "registry: "+s.Registry)
	}
	if len(tools) > 0 {
		lines = append(lines, strings.Join(tools, ", "))
	}
	if s.Successive {
		lines = append(lines, "each build finds what the build before it left")
	}
	return lines
}

func (r *Report) tables() []table {
	all := r.Figures()
	tables := []table{timesTable(all)}
	phases := func(f Figure) map[string]float64 { return f.Phases }
	steps := func(f Figure) map[string]float64 { return f.Steps }
	return append(tables,
		partsTable("Seconds by phase of the lifecycle (medians)", all, phases, phaseOrder),
		partsTable("Seconds by step of the buildpack (medians)", all, steps, stepOrder),
		cacheTable(all), uploadTable(all))
}

func timesTable(all []Figure) table {
	t := table{title: "Wall time", words: 2, rows: [][]string{
		{"scenario", "way", "runs", "median", "min..max", "of ko", "of go build", "image", "peak memory", "largest command"},
	}}
	for _, f := range all {
		t.rows = append(t.rows, []string{
			label(f.Scenario), label(f.Way), fmt.Sprint(f.Runs), Seconds(f.Median) + " s", Seconds(f.Min) + ".." + Seconds(f.Max),
			times(f.OfKo), times(f.OfGo), Bytes(f.Image), Bytes(f.Memory.Peak), Bytes(f.Memory.Largest),
		})
	}
	return t
}

// phaseOrder is the order in which the lifecycle runs its phases.
var phaseOrder = []string{"ANALYZING", "DETECTING", "RESTORING", "BUILDING", "EXPORTING"}

// stepOrder is that of the steps that every build has; others come after them.
var stepOrder = []string{"Go", "Dependencies", "Compiling"}

// partsTable has a column for each part of a build; those in first come first.
func partsTable(title string, all []Figure, of func(Figure) map[string]float64, first []string) table {
	columns := names(all, of)
	slices.SortStableFunc(columns, func(a, b string) int {
		return position(first, a) - position(first, b)
	})
	t := table{title: title, words: 2, rows: [][]string{{"scenario", "way"}}}
	for _, column := range columns {
		t.rows[0] = append(t.rows[0], strings.ToLower(column))
	}
	for _, f := range all {
		parts := of(f)
		if len(parts) == 0 {
			continue
		}
		row := []string{label(f.Scenario), label(f.Way)}
		for _, column := range columns {
			text := "-"
			if value, ok := parts[column]; ok {
				text = Seconds(value)
			}
			row = append(row, text)
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func position(order []string, name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

func cacheTable(all []Figure) table {
	t := table{title: "Cached layers after the build (tar, uncompressed)", words: 3, rows: [][]string{{"scenario", "way", "layer", "size", "files"}}}
	for _, f := range all {
		var bytes int64
		var files int
		for _, layer := range f.Cache {
			t.rows = append(t.rows, []string{label(f.Scenario), label(f.Way), layer.Name, Bytes(layer.Bytes), fmt.Sprint(layer.Files)})
			bytes, files = bytes+layer.Bytes, files+layer.Files
		}
		if len(f.Cache) > 1 {
			t.rows = append(t.rows, []string{label(f.Scenario), label(f.Way), "all", Bytes(bytes), fmt.Sprint(files)})
		}
	}
	return t
}

func uploadTable(all []Figure) table {
	t := table{title: "Cache image: layers that the registry did not have (compressed, medians)", words: 2, rows: [][]string{{"scenario", "way", "uploaded"}}}
	for _, f := range all {
		if f.Uploaded != nil {
			size := Bytes(int64(*f.Uploaded))
			if *f.Uploaded == 0 {
				size = "nothing"
			}
			t.rows = append(t.rows, []string{label(f.Scenario), label(f.Way), size})
		}
	}
	return t
}

func (t table) text(out io.Writer) error {
	if len(t.rows) < 2 {
		return nil
	}
	fmt.Fprintf(out, "\n%s\n", t.title)
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range t.aligned() {
		fmt.Fprintln(columns, "  "+strings.Join(row, "\t"))
	}
	return columns.Flush()
}

// aligned sets numbers to the right: tabwriter can do that for all columns or for none.
func (t table) aligned() [][]string {
	var rows [][]string
	for _, row := range t.rows {
		rows = append(rows, slices.Clone(row))
	}
	for column := t.words; column < len(rows[0]); column++ {
		width := 0
		for _, row := range rows {
			width = max(width, len(row[column]))
		}
		for _, row := range rows {
			row[column] = fmt.Sprintf("%*s", width, row[column])
		}
	}
	return rows
}

func (t table) markdown(out io.Writer) error {
	if len(t.rows) < 2 {
		return nil
	}
	fmt.Fprintf(out, "\n%s:\n\n", t.title)
	rule := make([]string, len(t.rows[0]))
	for i := range rule {
		rule[i] = "---"
		if i >= t.words {
			rule[i] = "---:"
		}
	}
	for i, row := range t.rows {
		cells := make([]string, len(row))
		for j, cell := range row {
			cells[j] = strings.ReplaceAll(cell, "|", `\|`)
		}
		if _, err := fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | ")); err != nil {
			return err
		}
		if i == 0 {
			fmt.Fprintf(out, "|%s|\n", strings.Join(rule, "|"))
		}
	}
	return nil
}

// Seconds is a time with as many digits as can be meant.
func Seconds(value float64) string {
	switch {
	case value >= 99.95:
		return fmt.Sprintf("%.0f", value)
	case value >= 9.995:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// Bytes is a size for people, "-" for none.
func Bytes(size int64) string {
	const unit = 1000
	switch {
	case size == 0:
		return "-"
	case size < unit:
		return fmt.Sprintf("%d B", size)
	case size < unit*unit:
		return fmt.Sprintf("%.0f kB", float64(size)/unit)
	case size < 10*unit*unit:
		return fmt.Sprintf("%.1f MB", float64(size)/unit/unit)
	case size < unit*unit*unit:
		return fmt.Sprintf("%.0f MB", float64(size)/unit/unit)
	default:
		return fmt.Sprintf("%.2f GB", float64(size)/unit/unit/unit)
	}
}

func times(ratio float64) string {
	if ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f x", ratio)
}
