package weight

import (
	"debug/elf"
	"slices"
	"strings"
)

// What an embed.FS holds lies among the constants, and only its list of files says
// so. The compiler writes the list as a slice that points right behind itself
// (cmd/compile/internal/staticdata.WriteEmbed): its own address plus three words, and
// twice the number of files; then a file's name, its data and 16 bytes of a hash. That
// is found without symbols. It is not where a C linker made the program to be loaded
// anywhere (PIE): the addresses are then the loader's to fill in.

// embeddedFile is an entry of an embed.FS.
type embeddedFile struct {
	name        string
	data, bytes uint64
}

// mostFiles is the number of embedded files that are listed by name.
const mostFiles = 20

// readEmbedded finds embedded files. Those that a symbol gives to a package count
// there, and the others make a part.
func (l *ledger) readEmbedded(symbols []elf.Symbol) Part {
	part := Part{Name: partEmbedded}
	packages := embeddingPackages(symbols)
	counted := map[uint64]bool{} // files of the same content share their data
	for _, s := range l.sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.part != partTypes && s.part != partVariables {
			continue
		}
		l.scanEmbedded(s, func(list uint64, file embeddedFile) {
			in := l.at(file.data)
			if in == nil || counted[file.data] {
				return
			}
			counted[file.data] = true
			n := in.take(clip(file.bytes, l.size))
			if path := packages[list]; path != "" {
				l.share(path).add(Share{Bytes: n, Data: n})
				return
			}
			part.Bytes += n
			part.Parts = append(part.Parts, Part{Name: file.name, Bytes: n})
		})
	}
	sortParts(part.Parts)
	part.Parts = part.Parts[:min(len(part.Parts), mostFiles)]
	return part
}

// embeddingPackages are the packages of lists of embedded files, by the list's address.
func embeddingPackages(symbols []elf.Symbol) map[uint64]string {
	packages := map[uint64]string{}
	for _, s := range symbols {
		if strings.HasSuffix(s.Name, ".files") {
			packages[s.Value] = symbolPackage([]byte(s.Name))
		}
	}
	return packages
}

// scanChunk is how much of a program is looked at together. It is a multiple of a word.
const scanChunk = 1 << 20

// scanEmbedded calls visit for each embedded file whose list lies in a section.
func (l *ledger) scanEmbedded(s *section, visit func(list uint64, file embeddedFile)) {
	word := l.wordSize()
	buffer := make([]byte, min(scanChunk+2*word, s.size))
	left := s.size // lists do not overlap
	for at := (s.offset + word - 1) &^ (word - 1); at < s.offset+s.size; at += scanChunk {
		chunk := buffer[:min(int64(len(buffer)), s.offset+s.size-at)]
		if _, err := l.program.ReadAt(chunk, at); err != nil {
			return
		}
		for i := int64(0); i+3*word <= int64(len(chunk)); i += word {
			address := s.Addr + uint64(at+i) - s.Offset      // #nosec G115 -- inside of the section
			if l.word(chunk[i:]) != address+3*uint64(word) { // #nosec G115 -- 4 or 8
				continue
			}
			count := l.word(chunk[i+word:])
			if count > 0 && count <= uint64(left/(4*word)) && count == l.word(chunk[i+2*word:]) { // #nosec G115 -- not negative
				left -= int64(count) * 4 * word // #nosec G115 -- at most left
				l.visitEmbedded(s, at+i+3*word, count, func(file embeddedFile) { visit(address, file) })
			}
		}
	}
}

// visitEmbedded calls visit for the files of a list at an offset, if it is one.
func (l *ledger) visitEmbedded(s *section, at int64, count uint64, visit func(embeddedFile)) {
	word := l.wordSize()
	entry := 4*word + 16
	if count > uint64((s.offset+s.size-at)/entry) { // #nosec G115 -- inside of the section
		return
	}
	list := make([]byte, int64(count)*entry) // #nosec G115 -- less than the section
	if _, err := l.program.ReadAt(list, at); err != nil {
		return
	}
	var files []embeddedFile
	for ; len(list) > 0; list = list[entry:] {
		name, ok := l.text(l.word(list), l.word(list[word:]))
		if !ok {
			return
		}
		file := embeddedFile{name: name, data: l.word(list[2*word:]), bytes: l.word(list[3*word:])}
		if file.bytes > 0 {
			files = append(files, file)
		}
	}
	for _, file := range files {
		visit(file)
	}
}

// longestName is above what a file system takes for a path.
const longestName = 4096

// text reads the name of a file, and tells whether it is one.
func (l *ledger) text(address, length uint64) (string, bool) {
	s := l.at(address)
	if s == nil || length == 0 || length > longestName {
		return "", false
	}
	name := make([]byte, length)
	if n, _ := l.program.ReadAt(name, clip(s.Offset+address-s.Addr, l.size)); n < len(name) {
		return "", false
	}
	return string(name), !slices.ContainsFunc(name, func(c byte) bool { return c < ' ' })
}

func (l *ledger) wordSize() int64 {
	if l.file.Class == elf.ELFCLASS32 {
		return 4
	}
	return 8
}

// word reads a word that is as wide as a pointer.
func (l *ledger) word(b []byte) uint64 {
	if l.file.Class == elf.ELFCLASS32 {
		return uint64(l.file.ByteOrder.Uint32(b))
	}
	return l.file.ByteOrder.Uint64(b)
}
