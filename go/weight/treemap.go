package weight

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// rect is a rectangle in pixels by its edges.
type rect struct{ left, top, right, bottom float64 }

func (r rect) width() float64  { return r.right - r.left }
func (r rect) height() float64 { return r.bottom - r.top }
func (r rect) area() float64   { return r.width() * r.height() }

// squarify divides a rectangle into one for each size, with areas in proportion and
// sides as equal as can be: Bruls, Huizing, van Wijk, "Squarified Treemaps", 2000. Sizes
// are above zero and the biggest come first.
func squarify(sizes []float64, r rect) []rect {
	total := 0.0
	for _, size := range sizes {
		total += size
	}
	placed := make([]rect, 0, len(sizes))
	for len(sizes) > 0 {
		scale := r.area() / total
		n, sum := rowOf(sizes, min(r.width(), r.height()), scale)
		if n == len(sizes) {
			sum = total // without the error of adding
		}
		var row []rect
		row, r = placeRow(sizes[:n], sum, sum/total, r)
		placed = append(placed, row...)
		sizes, total = sizes[n:], total-sum
	}
	return placed
}

// rowOf returns how many sizes make the row along a side with the best proportions,
// and their sum.
func rowOf(sizes []float64, side, scale float64) (n int, sum float64) {
	best := 0.0
	for i, size := range sizes {
		next := sum + size
		// The first is the biggest and this the smallest: one of them is the worst.
		depth := next * scale / side
		ratio := max(ratioOf(sizes[0]*scale/depth, depth), ratioOf(size*scale/depth, depth))
		if i > 0 && ratio > best {
			return i, sum
		}
		best, sum = ratio, next
	}
	return len(sizes), sum
}

func ratioOf(a, b float64) float64 { return max(a/b, b/a) }

// placeRow places a row along the shorter side, and returns what is left of the rectangle.
func placeRow(sizes []float64, sum, part float64, r rect) (row []rect, rest rect) {
	rest = r
	wide := r.width() >= r.height()
	if wide {
		r.right = r.left + part*r.width()
		rest.left = r.right
	} else {
		r.bottom = r.top + part*r.height()
		rest.top = r.bottom
	}
	done := 0.0
	next := r
	for _, size := range sizes {
		done += size
		if wide {
			next.bottom = r.top + done/sum*r.height()
		} else {
			next.right = r.left + done/sum*r.width()
		}
		row = append(row, next)
		next.top, next.left = next.bottom, next.right
		if wide {
			next.left = r.left
		} else {
			next.top = r.top
		}
	}
	return row, rest
}

// node is a rectangle to be drawn, with those inside of it.
type node struct {
	label, title, class string
	bytes               int64
	inside              []node
}

// tree is what a picture of programs shows.
func tree(programs []Weights) []node {
	var nodes []node
	for _, w := range programs {
		n := node{label: w.Name, title: w.Name, class: "program", bytes: w.Bytes}
		for _, m := range w.Modules {
			n.inside = append(n.inside, m.node())
		}
		for _, p := range w.Parts {
			n.inside = append(n.inside, p.node())
		}
		if len(programs) == 1 {
			return sorted(n.inside)
		}
		nodes = append(nodes, n)
	}
	return sorted(nodes)
}

func (m Module) node() node {
	n := node{label: m.Path, title: m.label() + m.Share.describe(), class: string(m.Kind), bytes: m.Bytes}
	if m.Kind == Standard {
		n.label = "standard library"
	}
	for _, p := range m.Packages {
		label := p.Path
		if rest, ok := strings.CutPrefix(p.Path, m.Path+"/"); ok {
			label = rest
		} else if p.Path == m.Path {
			label = path.Base(strings.TrimSuffix(p.Path, majorVersion.FindString(p.Path)))
		}
		n.inside = append(n.inside, node{label: label, title: p.Path + p.Share.describe(), class: n.class, bytes: p.Bytes})
	}
	return n
}

func (p Part) node() node {
	n := node{label: p.Name, title: p.Name, class: "part", bytes: p.Bytes}
	rest := p.Bytes
	for _, q := range p.Parts {
		n.inside = append(n.inside, q.node())
		rest -= q.Bytes
	}
	if len(n.inside) > 0 && rest > 0 {
		n.inside = append(n.inside, node{label: "others", title: "others", class: "part", bytes: rest})
	}
	return n
}

// describe tells what a share is made of.
func (s Share) describe() string {
	text := fmt.Sprintf(" (code %s, function tables %s", humanBytes(s.Code), humanBytes(s.Tables))
	if s.Data > 0 {
		text += ", data " + humanBytes(s.Data)
	}
	return text + ")"
}

func sorted(nodes []node) []node {
	nodes = slices.DeleteFunc(nodes, func(n node) bool { return n.bytes <= 0 })
	slices.SortStableFunc(nodes, func(a, b node) int { return bigger(a.bytes, b.bytes, a.label, b.label) })
	return nodes
}

// smallest is the area in square pixels below which a rectangle cannot be pointed at.
const smallest = 40

// place returns the rectangles of nodes. Those that would be too small are one together.
func place(nodes []node, r rect) ([]node, []rect) {
	nodes = sorted(slices.Clone(nodes))
	total := 0.0
	for _, n := range nodes {
		total += float64(n.bytes)
	}
	small := node{class: "part"}
	for count := 1; len(nodes) > 0; count++ {
		last := nodes[len(nodes)-1]
		if float64(last.bytes)/total*r.area() >= smallest {
			break
		}
		small.bytes += last.bytes
		small.class = last.class
		small.label = counted(count, "other")
		small.title = counted(count, "other") + ", too small to show"
		nodes = nodes[:len(nodes)-1]
	}
	if small.bytes > 0 {
		nodes = sorted(append(nodes, small))
	}
	sizes := make([]float64, 0, len(nodes))
	for _, n := range nodes {
		sizes = append(sizes, float64(n.bytes))
	}
	return nodes, squarify(sizes, r)
}
