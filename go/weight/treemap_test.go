package weight

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// sample is a program with packages of very different sizes and awkward names.
func sample() Weights {
	w := Weights{Name: `web & "co" <x>`, Go: "go1.26.1"}
	add := func(kind Kind, path string, sizes ...int64) {
		m := Module{Kind: kind, Path: path, Version: "v1.0.0"}
		for i, size := range sizes {
			s := Share{Bytes: size, Code: size - size/3, Tables: size / 3}
			m.add(s)
			m.Packages = append(m.Packages, Package{fmt.Sprintf("%s/p%d<&>\x01", path, i), s})
		}
		w.Bytes += m.Bytes
		w.Modules = append(w.Modules, m)
	}
	add(Standard, StandardPath, 900_000, 500_000, 400_000, 90_000, 3, 2, 1)
	add(Main, "example.com/web/v2", 400_000, 300_000)
	add(Dependency, "example.com/größe/日本語日本語日本語", 200_000, 50)
	for i := range 400 {
		add(Dependency, fmt.Sprintf("example.com/tiny%d", i), int64(10+i*i/10))
	}
	w.Parts = []Part{{Name: partTypes, Bytes: 800_000}, {partEmbedded, 300_000, []Part{{Name: "a", Bytes: 200_000}, {Name: "b", Bytes: 50_000}}}}
	w.Bytes += 1_100_000
	return w
}

func TestSquarify(t *testing.T) {
	for _, sizes := range [][]float64{
		{1}, {3, 2, 1}, {6, 6, 4, 3, 2, 2, 1}, {1e9, 1}, {5, 5, 5, 5, 5, 5, 5}, {1000, 1, 1, 1, 1, 1, 1, 1, 1},
	} {
		r := rect{10, 20, 610, 420}
		rects := squarify(sizes, r)
		if len(rects) != len(sizes) {
			t.Fatalf("%v: %d rectangles", sizes, len(rects))
		}
		total := 0.0
		for _, size := range sizes {
			total += size
		}
		for i, size := range sizes {
			if want := size / total * r.area(); math.Abs(rects[i].area()-want) > 1e-6*r.area() {
				t.Errorf("%v: area %d is %g, want %g", sizes, i, rects[i].area(), want)
			}
			if !within(rects[i], r, 1e-9) {
				t.Errorf("%v: %+v is not in %+v", sizes, rects[i], r)
			}
			for j := range i {
				if overlap(rects[i], rects[j]) > 1e-6 {
					t.Errorf("%v: %d and %d overlap", sizes, i, j)
				}
			}
		}
	}
	// The paper's own example: 6 by 4, the first two 6s above each other in a column of 3.
	want := []rect{{0, 0, 3, 2}, {0, 2, 3, 4}}
	if diff := cmp.Diff(want, squarify([]float64{6, 6, 4, 3, 2, 2, 1}, rect{0, 0, 6, 4})[:2], cmp.Comparer(near)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func near(a, b rect) bool { return within(a, b, 1e-9) && within(b, a, 1e-9) }

func within(a, b rect, slack float64) bool {
	return a.left >= b.left-slack && a.top >= b.top-slack && a.right <= b.right+slack && a.bottom <= b.bottom+slack
}

func overlap(a, b rect) float64 {
	return max(0, min(a.right, b.right)-max(a.left, b.left)) * max(0, min(a.bottom, b.bottom)-max(a.top, b.top))
}

// drawn is a group of a picture: a rectangle with its title, its labels and the groups inside.
type drawn struct {
	Title string `xml:"title"`
	Rect  struct {
		X      float64 `xml:"x,attr"`
		Y      float64 `xml:"y,attr"`
		Width  float64 `xml:"width,attr"`
		Height float64 `xml:"height,attr"`
		Class  string  `xml:"class,attr"`
	} `xml:"rect"`
	Text []struct {
		X    float64 `xml:"x,attr"`
		Y    float64 `xml:"y,attr"`
		Text string  `xml:",chardata"`
	} `xml:"text"`
	Groups []drawn `xml:"g"`
}

func (d drawn) rect() rect {
	return rect{d.Rect.X, d.Rect.Y, d.Rect.X + d.Rect.Width, d.Rect.Y + d.Rect.Height}
}

func TestWriteSVG(t *testing.T) {
	for _, programs := range [][]Weights{{sample()}, {sample(), sample(), {Name: "small", Bytes: 1000, Parts: []Part{{Name: partC, Bytes: 1000}}}}} {
		t.Run(strconv.Itoa(len(programs)), func(t *testing.T) {
			var first, second bytes.Buffer
			if err := errors.Join(WriteSVG(&first, programs...), WriteSVG(&second, programs...)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Error("two pictures of the same differ")
			}
			picture := struct {
				XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
				Title   string   `xml:"title"`
				Groups  []drawn  `xml:"g"`
			}{}
			if err := xml.Unmarshal(first.Bytes(), &picture); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(picture.Title, `web & "co" <x>`) {
				t.Errorf("title %q", picture.Title)
			}
			check(t, picture.Groups, rect{0, heading, pictureWidth, pictureHeight})
			if area := areaOf(picture.Groups); math.Abs(area-pictureWidth*(pictureHeight-heading)) > 100 {
				t.Errorf("the outermost rectangles cover %g", area)
			}
			for _, forbidden := range []string{"<script", "href", "onload", "http://", "https://"} {
				if strings.Contains(strings.ReplaceAll(first.String(), "http://www.w3.org/2000/svg", ""), forbidden) {
					t.Errorf("the picture has %s", forbidden)
				}
			}
		})
	}
	if err := WriteSVG(io.Discard); !errors.Is(err, ErrNothing) {
		t.Errorf("no programs: %v", err)
	}
}

func areaOf(groups []drawn) (area float64) {
	for _, g := range groups {
		area += g.rect().area()
	}
	return area
}

// check fails where rectangles leave the one around them, overlap, have no title, or
// where text leaves its rectangle.
func check(t *testing.T, groups []drawn, around rect) {
	t.Helper()
	for i, g := range groups {
		r := g.rect()
		if g.Title == "" || r.width() <= 0 || r.height() <= 0 || !within(r, around, 0.011) {
			t.Errorf("%q is %+v in %+v", g.Title, r, around)
		}
		for j := range i {
			if o := overlap(r, groups[j].rect()); o > 1e-6 {
				t.Errorf("%q and %q overlap by %g", g.Title, groups[j].Title, o)
			}
		}
		for _, label := range g.Text {
			wide := 0.0
			for _, c := range label.Text {
				wide += 0.602 * fontSize // DejaVu Sans Mono, the widest of those named
				if c > 0x2e80 {
					wide += 0.602 * fontSize
				}
			}
			if label.X < r.left || label.X+wide > r.right || label.Y-fontSize < r.top-0.01 || label.Y+3 > r.bottom {
				t.Errorf("%q leaves %+v", label.Text, r)
			}
		}
		check(t, g.Groups, r)
	}
}

func TestAreasAreInProportion(t *testing.T) {
	w := sample()
	nodes, rects := place(tree([]Weights{w}), rect{0, 0, 1200, 760})
	total := int64(0)
	for i, n := range nodes {
		total += n.bytes
		want := float64(n.bytes) / float64(w.Bytes) * 1200 * 760
		if math.Abs(rects[i].area()-want) > 0.01 {
			t.Errorf("%s: %g, want %g", n.label, rects[i].area(), want)
		}
	}
	if total != w.Bytes || len(nodes) >= len(w.Modules) {
		t.Errorf("%d rectangles for %d bytes of %d", len(nodes), total, w.Bytes)
	}
}

func TestFit(t *testing.T) {
	for _, test := range []struct {
		label string
		room  float64
		want  string
	}{
		{"github.com/spf13/cobra", 22, "github.com/spf13/cobra"},
		{"github.com/spf13/cobra", 21, "spf13/cobra"},
		{"github.com/spf13/cobra", 10, "cobra"},
		{"github.com/spf13/cobra", 4.9, ""},
		{"github.com/spf13/cobrastic", 6, "cobra…"},
		{"github.com/a/semver/v3", 9, "semver/v3"},
		{"github.com/a/semver/v3", 8, "semver/…"},
		{"types, strings and constants", 10, "types, st…"},
		{"日本語日本語", 12, "日本語日本語"},
		{"日本語日本語", 11, "日本語日本…"},
		{"io", 2, "io"},
		{"io", 1, ""},
		{"", 5, ""},
	} {
		got := fit(test.label, test.room, 1)
		if got != test.want || !utf8.ValidString(got) {
			t.Errorf("%s in %g: %q, want %q", test.label, test.room, got, test.want)
		}
	}
}

func TestRows(t *testing.T) {
	w := sample()
	w.Parts = append(w.Parts, Part{Name: partNotes, Bytes: 100})
	w.Bytes += 100
	var out strings.Builder
	if err := w.WriteTable(&out, 2); err != nil {
		t.Fatal(err)
	}
	want := `1.9 MB   31.4 %  standard library of v1.0.0
700 kB   11.6 %  example.com/web/v2
2.3 MB   38.7 %  401 other modules
800 kB   13.3 %  types, strings and constants
300 kB    5.0 %  embedded files
 100 B    0.0 %  other small parts
6.0 MB  100.0 %  in all
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := len(w.Rows(-1)); got != 5 {
		t.Errorf("%d rows without modules", got)
	}
	if got := len(w.Rows(1000)); got != len(w.Modules)+4 {
		t.Errorf("%d rows with all modules", got)
	}
}
