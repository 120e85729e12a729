package weight

import (
	"cmp"
	"debug/elf"
	"slices"
	"strings"
)

// readSymbols returns the symbols of data by address, none for a stripped program.
func (l *ledger) readSymbols() (data []elf.Symbol) {
	defer func() {
		if recover() != nil {
			data = nil // debug/elf is not hardened; a symbol table is not needed
		}
	}()
	all, err := l.file.Symbols()
	if err != nil {
		return nil
	}
	for _, s := range all {
		if elf.ST_TYPE(s.Info) == elf.STT_OBJECT && s.Size > 0 && !strings.HasPrefix(s.Name, "go:") || strings.HasPrefix(s.Name, "go:itab.") {
			data = append(data, s)
		}
	}
	slices.SortStableFunc(data, func(a, b elf.Symbol) int {
		return cmp.Or(cmp.Compare(a.Section, b.Section), cmp.Compare(a.Value, b.Value))
	})
	return data
}

// readVariables hands the bytes of variables and constants to the packages that
// the symbols name.
func (l *ledger) readVariables(symbols []elf.Symbol) {
	byIndex := map[elf.SectionIndex]*section{}
	for _, s := range l.sections {
		if s.Flags&elf.SHF_ALLOC != 0 && (s.part == partVariables || s.part == partTypes) {
			byIndex[elf.SectionIndex(s.index)] = s // #nosec G115 -- an index
		}
	}
	var in *section
	covered := uint64(0)
	for _, symbol := range symbols {
		if s := byIndex[symbol.Section]; s != in {
			in, covered = s, 0
		}
		path := symbolPackage([]byte(symbol.Name))
		if in == nil || path == "" || symbol.Value < in.Addr {
			continue
		}
		start, end := max(symbol.Value, covered), symbol.Value+symbol.Size
		if end <= start {
			continue
		}
		covered = end
		n := in.take(clip(end-start, l.size))
		l.share(path).add(Share{Bytes: n, Data: n})
	}
}
