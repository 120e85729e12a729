package compile

import (
	"slices"
	"strconv"
	"strings"
)

// dropDWARF tells whether the linker leaves out what debuggers read, so that the
// compiler need not write it: the flags decide that, never what a cache holds, since
// it shows in the build info. With compiler flags of the user's own they are left alone.
func (f Flags) dropDWARF() bool {
	if _, set := f.find("gcflags"); set || f.Has("compiler") {
		return false
	}
	words, err := splitQuoted(f.LDFlags)
	if err != nil || len(words) > 0 && !strings.HasPrefix(words[0], "-") {
		return false // the go command will say what is wrong, or the flags are for some packages only
	}
	strip, omit, said := false, false, false
	for i, word := range words {
		name, value, hasValue := strings.Cut(strings.TrimPrefix(word, "-"), "=") // "--w" is "-w"
		name = strings.TrimPrefix(name, "-")
		on := true
		if hasValue {
			parsed, err := strconv.ParseBool(value)
			on = err == nil && parsed
		}
		switch {
		case !strings.HasPrefix(word, "-") || i > 0 && slices.Contains(linkerValues, words[i-1]):
		case name == "s":
			strip = on
		case name == "w":
			omit, said = on, true
		}
	}
	if said {
		return omit
	}
	return strip
}

// linkerValues are flags of the linker whose value is the next word, and may look like a flag.
var linkerValues = []string{"-X", "-extldflags", "-extld", "-I", "-L", "-r", "-B", "-T", "-R", "--X", "--extldflags"}
