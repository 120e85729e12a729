package weight

import (
	"bytes"
	"strings"
)

// assembler is the package of functions whose names have none: entry points that
// the runtime declares in assembler, and what the compiler makes for types without
// a name.
const assembler = "runtime"

// functionPackage returns the import path of a function's package as the linker
// knows it: "main" for a program, with its vendor folders.
func functionPackage(symbol []byte) string {
	if path := symbolPackage(symbol); path != "" {
		return path
	}
	return assembler
}

// generatedName returns what a name that the compiler makes for a type is about, such as
// "type:.eq.pkg.T" or "go:itab.*pkg.T,io.Reader". Up to Go 1.19 the colon was a dot.
func generatedName(symbol []byte) []byte {
	for _, prefix := range []string{"go:itab.", "go.itab.", "go.importpath."} {
		if rest, ok := bytes.CutPrefix(symbol, []byte(prefix)); ok {
			return withoutShape(rest)
		}
	}
	if len(symbol) < 5 || string(symbol[:4]) != "type" || symbol[4] != ':' && symbol[4] != '.' {
		return symbol
	}
	symbol = symbol[5:]
	if len(symbol) > 0 && symbol[0] == '.' {
		_, symbol, _ = bytes.Cut(symbol[1:], []byte{'.'})
	}
	return withoutShape(symbol)
}

// symbolPackage returns the import path of a symbol's package, "" if it names none.
//
// A name is an import path, a dot and the rest, and the linker writes a dot in the
// path's last element, and whatever is odd, as "%2e" (cmd/internal/objabi.PathToPrefix).
// What follows a bracket or a brace is a type with other packages in its name.
func symbolPackage(symbol []byte) string {
	symbol = generatedName(symbol)
	if i := bytes.IndexAny(symbol, "([{,"); i >= 0 {
		symbol = symbol[:i]
	}
	slash := bytes.LastIndexByte(symbol, '/') + 1
	dot := bytes.IndexByte(symbol[slash:], '.')
	if dot < 0 {
		return ""
	}
	path := symbol[:slash+dot]
	switch {
	case len(path) == 0, string(path) == "go", string(path) == "_": // the compiler's own, for types without a name
		return ""
	case path[0] == '$' || bytes.ContainsAny(path, "\" :"): // constants and strings
		return ""
	case slash == 0 && bytes.HasPrefix(path, []byte("x_cgo_")): // pieces of C functions
		return "runtime/cgo"
	}
	return unescape(path)
}

// withoutShape leaves of "[4]*pkg.Type" what names the package.
func withoutShape(name []byte) []byte {
	for len(name) > 0 {
		switch name[0] {
		case '*':
			name = name[1:]
		case '[':
			end := bytes.IndexByte(name, ']')
			if end < 0 {
				return name
			}
			name = name[end+1:]
		default:
			return name
		}
	}
	return name
}

// unescape undoes the linker's escapes.
func unescape(path []byte) string {
	if bytes.IndexByte(path, '%') < 0 {
		return string(path)
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			high, low := hex(path[i+1]), hex(path[i+2])
			if high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low)) // #nosec G115 -- two digits
				i += 2
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

func hex(digit byte) int {
	return strings.IndexByte("0123456789abcdef", digit|0x20)
}
