package figures

import (
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// outliner draws text as outlines. A picture with text shows it in whatever font its reader has, and then it no longer
// fits its place.
type outliner struct {
	vg.CanvasWriterTo
}

// FillString draws text; a glyph that cannot be drawn leaves a gap.
func (o outliner) FillString(face plotfont.Face, at vg.Point, text string) {
	var buffer sfnt.Buffer
	var last sfnt.GlyphIndex
	size := fixed.Int26_6(face.Font.Size.Points() * 64)
	x := at.X
	for i, r := range []rune(text) {
		glyph, err := face.Face.GlyphIndex(&buffer, r)
		if err != nil {
			continue
		}
		if kern, err := face.Face.Kern(&buffer, last, glyph, size, font.HintingNone); i > 0 && err == nil {
			x += points(kern)
		}
		if segments, err := face.Face.LoadGlyph(&buffer, glyph, size, nil); err == nil && len(segments) > 0 {
			o.Fill(outline(segments, vg.Point{X: x, Y: at.Y}))
		}
		if advance, err := face.Face.GlyphAdvance(&buffer, glyph, size, font.HintingNone); err == nil {
			x += points(advance)
		}
		last = glyph
	}
}

// outline moves a glyph to its place. Fonts count downwards, pictures upwards.
func outline(segments sfnt.Segments, at vg.Point) vg.Path {
	place := func(p fixed.Point26_6) vg.Point {
		return vg.Point{X: at.X + points(p.X), Y: at.Y - points(p.Y)}
	}
	var path vg.Path
	for _, s := range segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if len(path) > 0 {
				path.Close()
			}
			path.Move(place(s.Args[0]))
		case sfnt.SegmentOpLineTo:
			path.Line(place(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			path.QuadTo(place(s.Args[0]), place(s.Args[1]))
		case sfnt.SegmentOpCubeTo:
			path.CubeTo(place(s.Args[0]), place(s.Args[1]), place(s.Args[2]))
		}
	}
	path.Close()
	return path
}

func points(value fixed.Int26_6) vg.Length { return vg.Length(value) / 64 }
