package weight

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ledger hands out each byte of a program once, so that the sum is right whatever
// the tables in the program say.
type ledger struct {
	program  io.ReaderAt
	file     *elf.File
	size     int64
	sections []*section // by offset
	packages map[string]*Share
}

// section is a section of the program with the bytes that have no owner yet.
type section struct {
	*elf.Section
	index  int // in the section headers
	offset int64
	size   int64 // in the file, without what an earlier section covers
	left   int64
	part   string // what it is where no package owns it
}

// The parts of a program that belong to no package.
const (
	partFunctions = "function tables"
	partTypes     = "types, strings and constants"
	partVariables = "variables"
	partC         = "C code and linker stubs"
	partSymbols   = "symbol table"
	partDebug     = "debug info"
	partDynamic   = "dynamic linking"
	partNotes     = "build info and notes"
	partOther     = "other sections"
	partHeaders   = "headers and padding"
	partEmbedded  = "embedded files"
)

// open reads the headers of a program.
func open(program io.ReaderAt, size int64) (l *ledger, err error) {
	// The documentation of debug/elf says that it is not hardened.
	defer func() {
		if r := recover(); r != nil {
			l, err = nil, fmt.Errorf("damaged ELF headers: %v", r)
		}
	}()
	file, err := elf.NewFile(program)
	if err != nil {
		var format *elf.FormatError
		if errors.As(err, &format) {
			return nil, fmt.Errorf("not an ELF program: %w", err)
		}
		return nil, err
	}
	l = &ledger{program: program, file: file, size: size, packages: map[string]*Share{}}
	for i, s := range file.Sections {
		if s.Type == elf.SHT_NULL || s.Type == elf.SHT_NOBITS {
			continue
		}
		start, end := clip(s.Offset, size), clip(s.Offset+s.FileSize, size)
		l.sections = append(l.sections, &section{Section: s, index: i, offset: start, size: max(end-start, 0), part: partOf(s)})
	}
	slices.SortStableFunc(l.sections, func(a, b *section) int { return cmp.Compare(a.offset, b.offset) })
	covered := int64(0)
	for _, s := range l.sections {
		end := s.offset + s.size
		s.offset = max(s.offset, covered)
		s.size = max(end-s.offset, 0)
		s.left = s.size
		covered = max(covered, end)
	}
	return l, nil
}

// clip is an offset from a header as one that lies in the file.
func clip(offset uint64, size int64) int64 {
	if offset > uint64(size) { // #nosec G115 -- the size of a file
		return size
	}
	return int64(offset) // #nosec G115 -- not above size
}

// partsByName are what sections hold, by the start of their names; the first match counts.
var partsByName = []struct{ prefix, part string }{
	{".gopclntab", partFunctions},
	{".data.rel.ro.gopclntab", partFunctions},
	{".gosymtab", partSymbols},
	{".data.rel.ro.gosymtab", partSymbols},
	{".rodata", partTypes},
	{".data.rel.ro", partTypes},
	{".typelink", partTypes},
	{".itablink", partTypes},
	{".go.type", partTypes},
	{".data", partVariables},
	{".noptrdata", partVariables},
	{".go.module", partVariables},
	{".go.", partNotes},
	{".note", partNotes},
	{".comment", partNotes},
	{".symtab", partSymbols},
	{".strtab", partSymbols},
	{".shstrtab", partHeaders},
	{".debug_", partDebug},
	{".zdebug_", partDebug},
	{".rel", partDynamic},
	{".dyn", partDynamic},
	{".got", partDynamic},
	{".gnu.", partDynamic},
	{".hash", partDynamic},
	{".interp", partDynamic},
	{".eh_frame", partC},
	{".gcc_except", partC},
	{".init_array", partC},
	{".fini_array", partC},
	{".tdata", partC},
}

func partOf(s *elf.Section) string {
	if s.Flags&elf.SHF_EXECINSTR != 0 {
		return partC // what is left when all Go functions are counted
	}
	for _, p := range partsByName {
		if strings.HasPrefix(s.Name, p.prefix) {
			return p.part
		}
	}
	return partOther
}

// named returns the biggest section of a name, nil if there is none.
func (l *ledger) named(names ...string) *section {
	var found *section
	for _, s := range l.sections {
		if slices.Contains(names, s.Name) && (found == nil || s.size > found.size) {
			found = s
		}
	}
	return found
}

// at returns the section that is loaded at an address, nil if there is none.
func (l *ledger) at(address uint64) *section {
	for _, s := range l.sections {
		if s.Flags&elf.SHF_ALLOC != 0 && address >= s.Addr && address-s.Addr < s.FileSize {
			return s
		}
	}
	return nil
}

// read returns the bytes of a section.
func (l *ledger) read(s *section) ([]byte, error) {
	data := make([]byte, s.size)
	_, err := l.program.ReadAt(data, s.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, nil
}

// take takes up to n bytes from what is left of a section, which may be nil.
func (s *section) take(n int64) int64 {
	if s == nil {
		return 0
	}
	n = min(max(n, 0), s.left)
	s.left -= n
	return n
}

// share returns the account of a package.
func (l *ledger) share(path string) *Share {
	account := l.packages[path]
	if account == nil {
		account = &Share{}
		l.packages[path] = account
	}
	return account
}

// parts are the bytes that are left when packages have been counted.
func (l *ledger) parts(embedded Part) []Part {
	sizes := map[string]int64{}
	total := int64(0)
	for _, s := range l.sections {
		sizes[s.part] += s.left
		total += s.size
	}
	sizes[partHeaders] += l.size - total
	parts := []Part{}
	for name, bytes := range sizes {
		if bytes > 0 {
			parts = append(parts, Part{Name: name, Bytes: bytes})
		}
	}
	if embedded.Bytes > 0 {
		parts = append(parts, embedded)
	}
	sortParts(parts)
	return parts
}
