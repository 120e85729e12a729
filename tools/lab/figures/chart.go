package figures

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// charted are the scenarios that the picture shows, each in a panel of its own: their times are too far apart for one
// scale.
var charted = []struct{ scenario, title string }{
	{"edit", "Rebuild after a one-line edit"},
	{"cold", "First build, no cache"},
}

// wayOrder is the order of the bars, from the top.
var wayOrder = []string{"lifecycle", "pack", "registry", "ko", "go", "go-archive"}

const (
	chartWidth = 17 * vg.Centimeter
	barHeight  = 0.6 * vg.Centimeter
	panelFrame = 2.5 * vg.Centimeter // title and axis

	margin = 0.3 * vg.Centimeter
)

// WriteSVG draws the medians as bars, with a thin line from the fastest to the slowest run.
func (r *Report) WriteSVG(out io.Writer) error {
	all := r.Figures()
	var panels []*plot.Plot
	var heights []vg.Length
	total := vg.Length(0)
	for _, c := range charted {
		bars := barsOf(all, c.scenario)
		if len(bars) == 0 {
			continue
		}
		panel, err := newPanel(c.title, bars)
		if err != nil {
			return err
		}
		height := panelFrame + 1.5*barHeight*vg.Length(len(bars))
		panels, heights, total = append(panels, panel), append(heights, height), total+height
	}
	if len(panels) == 0 {
		return errors.New("the picture shows one-line edits and cold builds, and neither was measured")
	}
	canvas := outliner{vgsvg.New(chartWidth, total)}
	whole := draw.NewCanvas(canvas, chartWidth, total)
	whole.FillPolygon(color.White, []vg.Point{{}, {X: chartWidth}, {X: chartWidth, Y: total}, {Y: total}})
	last := panels[len(panels)-1]
	last.X.Label.Text += fmt.Sprintf("; %s on %d CPUs, median of %d", r.Setting.App, r.Setting.CPUs, r.Setting.Runs)
	top := total
	for i, panel := range panels {
		panel.Draw(draw.Crop(whole, margin, -margin, top-heights[i], top-total-margin))
		top -= heights[i]
	}
	var picture bytes.Buffer
	if _, err := canvas.WriteTo(&picture); err != nil {
		return err
	}
	// Outlines cannot be read aloud: the picture has a title, and the tables have the numbers.
	title := fmt.Sprintf("<title>Build times of %s</title>\n<g ", r.Setting.App)
	_, err := out.Write(bytes.Replace(picture.Bytes(), []byte("<g "), []byte(title), 1))
	return err
}

// barsOf are the figures of one scenario, in the order in which axes count: from below.
func barsOf(all []Figure, scenario string) []Figure {
	var bars []Figure
	for _, way := range slices.Backward(wayOrder) {
		for _, f := range all {
			if f.Scenario == scenario && f.Way == way {
				bars = append(bars, f)
			}
		}
	}
	return bars
}

func newPanel(title string, bars []Figure) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = 8
	p.X.Min, p.X.Label.Text = 0, "seconds, less is better"
	p.Y.Padding, p.Y.LineStyle.Width, p.Y.Tick.Length = 4, 0, 0
	grid := plotter.NewGrid()
	grid.Horizontal.Width = 0
	grid.Vertical.Color = color.Gray{Y: 225}
	p.Add(grid)
	var names, values []string
	var spots plotter.XYs
	largest := 0.0
	for i, f := range bars {
		if err := addBar(p, i, f); err != nil {
			return nil, err
		}
		names = append(names, label(f.Way))
		values = append(values, fmt.Sprintf("%s s", Seconds(f.Median)))
		spots = append(spots, plotter.XY{X: f.Max, Y: float64(i)})
		largest = max(largest, f.Max)
	}
	numbers, err := plotter.NewLabels(plotter.XYLabels{XYs: spots, Labels: values})
	if err != nil {
		return nil, err
	}
	numbers.Offset.X = 5
	for i := range numbers.TextStyle {
		numbers.TextStyle[i].YAlign = text.YCenter
		numbers.TextStyle[i].Font = sans(10)
	}
	p.Add(numbers)
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.6, float64(len(bars))-0.4
	p.X.Max = largest * 1.14 // room for the number
	p.Title.TextStyle.Font, p.X.Label.TextStyle.Font = sans(13), sans(9)
	p.X.Tick.Label.Font, p.Y.Tick.Label.Font = sans(9), sans(10)
	return p, nil
}

func addBar(p *plot.Plot, at int, f Figure) error {
	bar, err := plotter.NewBarChart(plotter.Values{f.Median}, barHeight)
	if err != nil {
		return err
	}
	bar.Horizontal, bar.XMin, bar.LineStyle.Width, bar.Color = true, float64(at), 0, barColor(f.Way)
	p.Add(bar)
	if f.Min == f.Max {
		return nil
	}
	line, err := plotter.NewXErrorBars(spread{f, at})
	if err != nil {
		return err
	}
	line.CapWidth = 4
	line.Color = color.Gray{Y: 60}
	p.Add(line)
	return nil
}

// barColor sets this buildpack apart from what it is compared with. Both are told apart without colours as well.
func barColor(way string) color.Color {
	switch way {
	case "lifecycle", "pack", "registry":
		return color.RGBA{R: 0x1f, G: 0x6f, B: 0xb5, A: 0xff}
	case WayKo:
		return color.RGBA{R: 0xe0, G: 0x8a, B: 0x2e, A: 0xff}
	default:
		return color.RGBA{R: 0xa3, G: 0xa9, B: 0xb0, A: 0xff}
	}
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// spread is one median with the distances to the fastest and the slowest run.
type spread struct {
	Figure
	at int
}

func (s spread) Len() int                       { return 1 }
func (s spread) XY(int) (x, y float64)          { return s.Median, float64(s.at) }
func (s spread) XError(int) (low, high float64) { return s.Min - s.Median, s.Max - s.Median }
