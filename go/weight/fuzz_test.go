package weight

import (
	"bytes"
	"debug/elf"
	"os"
	"testing"
)

// FuzzRead changes bytes of a program at places that matter, and cuts its end off. Whatever is read then
// must add up.
func FuzzRead(f *testing.F) {
	dir := write(f, map[string]string{"go.mod": "module example.com/tiny\n", "main.go": "package main\n\nfunc main() { println() }\n"})
	file := build(f, dir, ".")
	program, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	e, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		f.Fatal(err)
	}
	table := e.Section(".gopclntab")
	data, err := table.Data()
	if err != nil {
		f.Fatal(err)
	}
	t, err := newTable(data)
	if err != nil {
		f.Fatal(err)
	}
	places := []uint64{
		0, e.ByteOrder.Uint64(program[40:]), table.Offset, table.Offset + t.nameTab, table.Offset + t.lineTab, table.Offset + t.functab,
		table.Offset + t.functab + 8*t.count, e.Section(".rodata").Offset, e.Section(".symtab").Offset, e.Section(".go.buildinfo").Offset,
	}
	for i := range places {
		f.Add(uint8(i), uint16(0), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, uint32(0))
		f.Add(uint8(i), uint16(8), []byte{0, 0, 0, 0, 0, 0, 0, 0}, uint32(0))
		f.Add(uint8(i), uint16(64), []byte{1, 0, 0, 0, 0xf0, 0xff}, uint32(i*100_000))
	}
	f.Fuzz(func(t *testing.T, place uint8, offset uint16, patch []byte, cut uint32) {
		changed := bytes.Clone(program)
		if at := places[int(place)%len(places)] + uint64(offset); at < uint64(len(changed)) {
			copy(changed[at:], patch)
		}
		changed = changed[:len(changed)-int(cut)%len(changed)]
		w, err := weigh(bytes.NewReader(changed), int64(len(changed)))
		if err == nil {
			checkSums(t, w)
		}
	})
}

// FuzzTable reads function tables that may be anything.
func FuzzTable(f *testing.F) {
	for _, l := range layouts {
		header := make([]byte, 256)
		copy(header, []byte{byte(l.magic), 0xff, 0xff, 0xff, 0, 0, 1, 8, 2})
		for word := 1; word <= 7; word++ {
			header[8+8*word] = byte(72 + 8*word)
		}
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		size := int64(len(data))
		s := &section{Section: &elf.Section{SectionHeader: elf.SectionHeader{Name: ".gopclntab"}}, size: size, left: size, part: partFunctions}
		l := &ledger{program: bytes.NewReader(data), size: size, sections: []*section{s}, packages: map[string]*Share{}}
		_ = l.readFunctions() // an error is as good
		total := int64(0)
		for _, share := range l.packages {
			total += share.Bytes
		}
		if total+s.left != size || s.left < 0 {
			t.Errorf("%d bytes in packages and %d left of %d", total, s.left, size)
		}
	})
}
