package weight

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
)

// layout is how one generation of Go's function table is written. The formats are
// those of runtime/symtab.go and runtime/runtime2.go (type _func) of the releases,
// and of golang.org/s/go12symtab for the first.
type layout struct {
	magic uint32
	// wide tells that entries, table fields and funcdata are as wide as a pointer,
	// where they are 4 bytes otherwise.
	wide bool
	// names, lines and functions are the numbers of the header's words that say where
	// names, tables of lines and functions begin; -1 where all lies in one heap.
	names, nameEnd, lines, functions int
	// words is the number of 4-byte words of a function after its entry. The name
	// is the first, tables of lines the 4th to 6th, the number of further tables the
	// 7th, and the number of funcdata the last byte.
	words uint64
}

var layouts = []layout{
	{magic: 0xfffffffb, wide: true, names: -1, nameEnd: -1, lines: -1, functions: -1, words: 8}, // Go 1.2 to 1.15
	{magic: 0xfffffffa, wide: true, names: 2, nameEnd: 3, lines: 5, functions: 6, words: 9},     // Go 1.16 and 1.17
	{magic: 0xfffffff0, names: 3, nameEnd: 4, lines: 6, functions: 7, words: 9},                 // Go 1.18 and 1.19
	{magic: 0xfffffff1, names: 3, nameEnd: 4, lines: 6, functions: 7, words: 10},                // since Go 1.20
}

// table is a function table. Its offsets are into data.
type table struct {
	layout
	data    []byte
	order   binary.ByteOrder
	pointer uint64
	count   uint64
	// nameTab to nameTabEnd are the names, none for Go up to 1.15; what a function says
	// about itself is relative to lineTab, functab and to nameTab.
	nameTab, nameTabEnd, lineTab, functab, base uint64
}

var errTable = errors.New("damaged function table")

// newTable reads the header of a function table.
func newTable(data []byte) (*table, error) {
	if len(data) < 16 {
		return nil, ErrNoFunctions
	}
	t := &table{data: data, order: binary.LittleEndian, pointer: uint64(data[7])}
	if data[3] != 0xff {
		t.order = binary.BigEndian
	}
	at := slices.IndexFunc(layouts, func(l layout) bool { return l.magic == t.order.Uint32(data) })
	if at < 0 || data[4] != 0 || data[5] != 0 || t.pointer != 4 && t.pointer != 8 {
		return nil, ErrNoFunctions
	}
	t.layout = layouts[at]
	t.count = t.header(0)
	t.functab = 8 + t.pointer
	if t.functions >= 0 {
		t.nameTab, t.nameTabEnd = t.header(t.names), t.header(t.nameEnd)
		t.lineTab, t.functab = t.header(t.lines), t.header(t.functions)
		t.base = t.functab
	}
	size := uint64(len(data))
	if t.nameTab > t.nameTabEnd || t.nameTabEnd > size || t.lineTab > size || t.functab > size ||
		t.count > (size-t.functab)/(2*t.field()) || t.functab+(2*t.count+1)*t.field() > size {
		return nil, errTable
	}
	return t, nil
}

func (t *table) header(word int) uint64 { return t.word(8+uint64(word)*t.pointer, t.pointer) } // #nosec G115 -- small

// field is the width of what is as wide as a pointer in old tables.
func (t *table) field() uint64 {
	if t.wide {
		return t.pointer
	}
	return 4
}

// word reads a number, 0 past the end.
func (t *table) word(at, width uint64) uint64 {
	if size := uint64(len(t.data)); at > size || width > size-at {
		return 0
	}
	if width == 8 {
		return t.order.Uint64(t.data[at:])
	}
	return uint64(t.order.Uint32(t.data[at:]))
}

// name returns the text at an offset from the names' start.
func (t *table) name(offset uint64) []byte {
	at := t.nameTab + offset
	if offset > uint64(len(t.data)) || at > uint64(len(t.data)) {
		return nil
	}
	name, _, _ := bytes.Cut(t.data[at:], []byte{0})
	return name
}

// function is one entry of a function table.
type function struct {
	size  uint64 // of the code with the padding up to the next function
	name  uint64 // offset
	tab   uint64 // where the rest is told
	entry uint64 // the width of the entry there
}

// function returns an entry, the first being 0.
func (t *table) function(i uint64) (function, error) {
	field := t.field()
	at := t.functab + 2*i*field
	start, end := t.word(at, field), t.word(at+2*field, field)
	f := function{size: end - start, tab: t.base + t.word(at+field, field), entry: field}
	if end < start || f.tab < t.base || f.tab+field+4*t.words > uint64(len(t.data)) || f.tab > uint64(len(t.data)) {
		return f, errTable
	}
	f.name = t.word(f.tab+field, 4)
	return f, nil
}

// details are where the tables of a function lie.
type details struct {
	size     uint64   // of the function's record
	lines    []uint64 // offsets of tables of lines, 0 for none
	funcdata []uint64 // stack maps and so on
}

// details reads what follows a function's name into d, whose slices are used again.
func (t *table) details(f function, d *details) error {
	word := func(n uint64) uint64 { return t.word(f.tab+f.entry+4*n, 4) }
	lines := word(6)
	last := t.data[f.tab+f.entry+4*(t.words-1):]
	count := uint64(last[3])
	if t.names < 0 && count == 0 && t.order == binary.ByteOrder(binary.LittleEndian) {
		count = uint64(last[0]) // a whole word up to Go 1.11
	}
	first := f.entry + 4*t.words
	funcdata := first + 4*lines
	if t.wide {
		funcdata += -(f.tab + funcdata) & (t.pointer - 1)
	}
	d.size = funcdata + count*f.entry
	if lines > uint64(len(t.data)) || f.tab+d.size > uint64(len(t.data)) {
		return errTable
	}
	d.lines = append(d.lines[:0], word(3), word(4), word(5))
	for i := range lines {
		d.lines = append(d.lines, t.word(f.tab+first+4*i, 4))
	}
	d.funcdata = d.funcdata[:0]
	for i := range count {
		if at := t.word(f.tab+funcdata+i*f.entry, f.entry); at != 0 && at != 1<<32-1 || !t.wide && at == 0 {
			d.funcdata = append(d.funcdata, at)
		}
	}
	return nil
}

// lineTable returns the size of a table of lines, which is pairs of varints up to a
// first number of a pair that is 0, unless that is the very first.
func (t *table) lineTable(offset uint64) (uint64, error) {
	start := t.lineTab + offset
	for at, first := start, true; ; first = false {
		delta, n, err := t.varint(at)
		if err != nil {
			return 0, err
		}
		at += n
		if delta == 0 && !first {
			return at - start, nil
		}
		if _, n, err = t.varint(at); err != nil {
			return 0, err
		}
		at += n
	}
}

func (t *table) varint(at uint64) (value, length uint64, err error) {
	if at >= uint64(len(t.data)) {
		return 0, 0, errTable
	}
	value, n := binary.Uvarint(t.data[at:])
	if n <= 0 {
		return 0, 0, errTable
	}
	return value, uint64(n), nil
}

// funcdata is a stack map or the like, by the function that says where it is.
type funcdata struct {
	at    uint64
	share *Share
}

// longestFuncdata is the distance above which two neighbours are taken to have
// something else between them: assembler functions point at data elsewhere.
const longestFuncdata = 64 << 10

// sizeFuncdata hands each piece of funcdata, which reaches to the next, to the first
// function that points at it.
func sizeFuncdata(all []funcdata, charge func(*Share, uint64)) {
	slices.SortStableFunc(all, func(a, b funcdata) int { return cmp.Compare(a.at, b.at) })
	first := 0
	for i := range all {
		if all[i].at == all[first].at {
			continue
		}
		if n := all[i].at - all[first].at; n <= longestFuncdata {
			charge(all[first].share, n)
		}
		first = i
	}
}

// seen is a set of offsets into a table.
type seen []uint64

func newSeen(size int) seen { return make(seen, size/64+1) }

// add tells whether an offset is new.
func (s seen) add(offset uint64) bool {
	word, bit := offset/64, uint64(1)<<(offset%64)
	if word >= uint64(len(s)) || s[word]&bit != 0 {
		return false
	}
	s[word] |= bit
	return true
}
