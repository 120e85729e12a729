package weight

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The picture's measures in pixels.
const (
	pictureWidth  = 1200.0
	pictureHeight = 800.0
	heading       = 40.0 // the title's height
	caption       = 18.0 // height of a label above nested rectangles
	inset         = 3.0
	fontSize      = 11.0
	lineHeight    = 14.0
	textMargin    = 4.0
	// letter is the width of a letter in ems. Monospaced fonts have 0.6 and a bit.
	letter = 0.62
)

// style has colours for light and dark surroundings.
const style = `.page{fill:#ffffff}
text{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:11px;fill:#1f2328}
.heading{font-size:16px}
.small{fill-opacity:.7}
rect{stroke:#ffffff;stroke-width:1}
.main{fill:#9cc3e6}.dependency{fill:#f2cfa0}.standard{fill:#cfd5db}.part{fill:#e6e8eb}.program{fill:#f6f8fa}
@media (prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}rect{stroke:#0d1117}
.main{fill:#1f5f99}.dependency{fill:#80561f}.standard{fill:#4b535d}.part{fill:#30363d}.program{fill:#161b22}}
`

// ErrNothing is the error of a picture without a program.
var ErrNothing = errors.New("no program to draw")

// WriteSVG draws programs as a tree map: an area for each module, in proportion to
// its bytes, with its packages inside where there is room. It stands by itself, has
// neither scripts nor links, and is the same for the same weights. Each rectangle has a
// title that a browser shows and a screen reader reads. Beside errors of out there
// is [ErrNothing].
func WriteSVG(out io.Writer, programs ...Weights) error {
	p := picture{}
	names := make([]string, 0, len(programs))
	for _, w := range programs {
		p.total += w.Bytes
		names = append(names, w.Name)
	}
	if p.total <= 0 {
		return ErrNothing
	}
	head := strings.Join(names, ", ") + ": " + humanBytes(p.total)
	p.printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %[1]g %[2]g\" width=\"%[1]g\" height=\"%[2]g\" role=\"img\">\n",
		pictureWidth, pictureHeight)
	p.printf("<title>%s</title>\n<style>%s</style>\n", escape(head), style)
	p.printf("<rect class=\"page\" width=\"%g\" height=\"%g\"/>\n", pictureWidth, pictureHeight)
	const letters = 16 * letter
	p.printf("<text class=\"heading\" x=\"%g\" y=\"26\">%s</text>\n", textMargin, escape(fit(head, legendLeft-2*textMargin, letters)))
	p.legend()
	p.draw(tree(programs), rect{0, heading, pictureWidth, pictureHeight})
	p.printf("</svg>\n")
	_, err := out.Write(p.Bytes())
	return err
}

// picture is an SVG in the making.
type picture struct {
	bytes.Buffer
	total int64
}

func (p *picture) printf(format string, args ...any) { fmt.Fprintf(&p.Buffer, format, args...) }

// legendLeft is where the legend begins.
const legendLeft = 640.0

// legend tells what the colours mean.
func (p *picture) legend() {
	const square, gap = 11.0, 18.0
	left := legendLeft
	for _, entry := range []struct{ class, text string }{
		{string(Main), "own module"}, {string(Dependency), "dependencies"}, {string(Standard), "standard library"}, {"part", "of no package"},
	} {
		p.printf("<rect class=\"%s\" x=\"%s\" y=\"15\" width=\"%g\" height=\"%g\"/>", entry.class, number(hundredths(left)), square, square)
		p.text(entry.text, "", left+square, 24.5)
		left += square + textMargin + cells(entry.text)*fontSize*letter + gap
	}
	p.printf("\n")
}

// draw draws nodes in a rectangle.
func (p *picture) draw(nodes []node, r rect) {
	nodes, rects := place(nodes, r)
	for i, n := range nodes {
		p.drawNode(n, rects[i])
	}
}

func (p *picture) drawNode(n node, r rect) {
	share := humanBytes(n.bytes) + ", " + percent(n.bytes, p.total)
	// Edges are rounded, not widths, so that neighbours share theirs.
	left, top := hundredths(r.left), hundredths(r.top)
	p.printf("<g><title>%s</title><rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>", escape(n.title+": "+share), n.class,
		number(left), number(top), number(hundredths(r.right)-left), number(hundredths(r.bottom)-top))
	room := r.width() - 2*textMargin
	inside := rect{r.left + inset, r.top + caption, r.right - inset, r.bottom - inset}
	nested := len(n.inside) > 1 && inside.width() > 40 && inside.height() > 20
	if label := fit(n.label, room, fontSize*letter); label != "" && r.height() >= caption {
		p.text(label, "", r.left, r.top+lineHeight-1)
		if size := fit(share, room, fontSize*letter); size == share && !nested && r.height() >= caption+lineHeight {
			p.text(size, " class=\"small\"", r.left, r.top+2*lineHeight-1)
		}
	}
	p.printf("\n")
	if nested {
		p.draw(n.inside, inside)
	}
	p.printf("</g>\n")
}

func (p *picture) text(text, class string, left, base float64) {
	p.printf("<text%s x=\"%s\" y=\"%s\">%s</text>", class, number(hundredths(left+textMargin)), number(hundredths(base)), escape(text))
}

// fewest is the number of letters below which the beginning of a name tells nothing.
const fewest = 4

// fit shortens a label to a width, given that of a letter: a path loses elements from
// its beginning, which says less than its end, and what is still too long loses its
// end. It returns "" where nothing useful fits.
func fit(label string, width, letters float64) string {
	room := width / letters
	for {
		if cells(label) <= room {
			return label
		}
		_, rest, found := strings.Cut(label, "/")
		if !found || majorVersion.FindString(rest) == rest {
			break
		}
		label = rest
	}
	kept := 0
	used := 1.0 // the ellipsis
	for i, r := range label {
		if used += cells(string(r)); used > room {
			break
		}
		kept = i + utf8.RuneLen(r)
	}
	if kept < fewest {
		return ""
	}
	return label[:kept] + "…"
}

// majorVersion matches the element of a path that is no name.
var majorVersion = regexp.MustCompile(`(^|/)v[0-9]+$`)

// cells is the number of letters' widths that a text takes at most.
func cells(text string) float64 {
	n := 0.0
	for _, r := range text {
		n++
		if r > unicode.MaxLatin1 && r != '…' {
			n++
		}
	}
	return n
}

func hundredths(pixels float64) int { return int(math.Round(pixels * 100)) }

// number prints hundredths as pixels.
func number(hundredths int) string {
	return strconv.FormatFloat(float64(hundredths)/100, 'f', -1, 64)
}

// escape makes text safe in XML; what XML cannot hold is replaced.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
	return b.String()
}
