package compile

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Settings are the user's wishes for the build, as the variables hold them.
type Settings struct {
	// GoFlags is GOFLAGS, BuildFlags BP_GO_BUILD_FLAGS.
	GoFlags, BuildFlags string
	// Tags is BP_GO_BUILD_TAGS: tags separated by commas or spaces.
	Tags string
	// LDFlags is BP_GO_BUILD_LDFLAGS, DefaultLDFlags what is used when nobody says anything.
	LDFlags, DefaultLDFlags string
	// LinkerSymbol and LinkerValue are GO_LINKER_SYMBOL and GO_LINKER_VALUE.
	LinkerSymbol, LinkerValue string
	// Getenv returns the build's variables for "$NAME" in BuildFlags and LDFlags.
	Getenv func(string) string
}

// Flag is one flag of the go command.
type Flag struct {
	// Name is the flag without dashes.
	Name string
	// Value is its value, HasValue whether it has one.
	Value    string
	HasValue bool
	// Shown is the value for the log: as the user wrote it, before variables were expanded.
	Shown string
}

// Arg is the flag as an argument.
func (f Flag) Arg() string { return f.render(f.Value) }

func (f Flag) render(value string) string {
	if !f.HasValue {
		return "-" + f.Name
	}
	return "-" + f.Name + "=" + value
}

// Flags are the build's flags after all sources were merged.
type Flags struct {
	// Tags are the build tags in effect, without duplicates.
	Tags []string
	// LDFlags are the linker's flags; LDShown the same for the log.
	LDFlags, LDShown string
	// Mod is the value of -mod the user asked for, "" for none.
	Mod string
	// Rest are the user's other flags, in order.
	Rest []Flag
	// GoFlags is what is left of GOFLAGS for the environment.
	GoFlags string
}

// valueFlags are the build flags that take a value in the next argument, from "go help build".
var valueFlags = map[string]bool{
	"C": true, "p": true, "o": true, "covermode": true, "coverpkg": true, "asmflags": true, "buildmode": true,
	"compiler": true, "gccgoflags": true, "gcflags": true, "installsuffix": true, "ldflags": true, "mod": true,
	"modfile": true, "overlay": true, "pgo": true, "pkgdir": true, "tags": true, "toolexec": true,
}

// defaultTags are on in every build: the classic buildpacks set them, and apps test for them.
var defaultTags = []string{"scalingo", "heroku"}

// Merge reads all sources of flags for Go v. Tags add up; for linker flags
// BP_GO_BUILD_LDFLAGS comes before BP_GO_BUILD_FLAGS, GOFLAGS and the default.
// An error names the variable that cannot be used.
func Merge(s Settings, v toolchain.Version) (Flags, error) {
	out := Flags{Tags: slices.Clone(defaultTags), LDFlags: s.DefaultLDFlags, LDShown: s.DefaultLDFlags}
	out.addTags(s.Tags)
	env, err := goFlags(s.GoFlags)
	if err != nil {
		return out, err
	}
	var keep []string
	for _, f := range env {
		if !out.take(f) {
			keep = append(keep, quoteGoFlag(f.Arg()))
		}
	}
	out.GoFlags = strings.Join(keep, " ")

	user, err := buildFlags(s.BuildFlags, s.Getenv)
	if err != nil {
		return out, err
	}
	for _, f := range user {
		if !out.take(f) {
			out.Rest = append(out.Rest, f)
		}
	}
	if strings.TrimSpace(s.LDFlags) != "" {
		if out.LDFlags, err = expandText(s.LDFlags, s.Getenv); err != nil {
			return out, fmt.Errorf("BP_GO_BUILD_LDFLAGS: %w", err)
		}
		out.LDShown = s.LDFlags
	}
	linked, err := linkerFlags(s.LinkerSymbol, s.LinkerValue, v)
	if err != nil {
		return out, err
	}
	out.LDFlags = strings.TrimSpace(out.LDFlags + " " + linked)
	out.LDShown = strings.TrimSpace(out.LDShown + " " + linked)
	return out, nil
}

// take merges a flag that has a place of its own and reports whether it did.
func (f *Flags) take(flag Flag) bool {
	switch flag.Name {
	case "tags":
		f.addTags(flag.Value)
	case "ldflags":
		f.LDFlags, f.LDShown = flag.Value, flag.Shown
	case "mod":
		f.Mod = flag.Value
	case "modcacherw":
	default:
		return false
	}
	return true
}

func (f *Flags) addTags(list string) {
	for _, tag := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		if !slices.Contains(f.Tags, tag) {
			f.Tags = append(f.Tags, tag)
		}
	}
}

// Has tells whether the user set the flag, to anything but false.
func (f Flags) Has(name string) bool {
	flag, ok := f.find(name)
	return ok && flag.Value != "false"
}

func (f Flags) find(name string) (Flag, bool) {
	env, _ := goFlags(f.GoFlags) // was read before
	all := slices.Concat(env, f.Rest)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Name == name {
			return all[i], true
		}
	}
	return Flag{}, false
}

// BuildMode is the value of -buildmode, "" for the default.
func (f Flags) BuildMode() string {
	flag, _ := f.find("buildmode")
	return flag.Value
}

// buildFlags splits BP_GO_BUILD_FLAGS as a shell would. "$NAME" is expanded;
// the log keeps the words as they were written.
func buildFlags(text string, getenv func(string) string) ([]Flag, error) {
	const where = "BP_GO_BUILD_FLAGS"
	var words []*syntax.Word
	for word, err := range syntax.NewParser().WordsSeq(strings.NewReader(text)) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w: quote the value that has spaces", where, err)
		}
		words = append(words, word)
	}
	var args, shown []string
	for _, word := range words {
		fields, err := expand.Fields(environ(getenv), word)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		var raw strings.Builder
		if err := syntax.NewPrinter().Print(&raw, word); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		for i, field := range fields {
			args = append(args, field)
			if i == 0 {
				shown = append(shown, unquoteShown(raw.String()))
			} else {
				shown = append(shown, "")
			}
		}
	}
	flags, err := parseFlags(where, args, shown)
	if err != nil {
		return nil, err
	}
	for _, f := range flags {
		switch f.Name {
		case "o":
			return nil, fmt.Errorf("%s: -o is set by the build: binaries go to the image's bin directory; remove it", where)
		case "C":
			return nil, fmt.Errorf("%s: -C is not used here: set BP_GO_WORKDIR instead", where)
		case "n":
			return nil, fmt.Errorf("%s: -n compiles nothing: remove it", where)
		}
	}
	return flags, nil
}

// unquoteShown drops the quotes around a word that is quoted as a whole, since the log quotes words itself.
func unquoteShown(raw string) string {
	for _, quote := range []string{"'", `"`} {
		if inner, ok := strings.CutPrefix(raw, quote); ok {
			if inner, ok = strings.CutSuffix(inner, quote); ok && !strings.Contains(inner, quote) {
				return inner
			}
		}
	}
	return raw
}

func expandText(text string, getenv func(string) string) (string, error) {
	word, err := syntax.NewParser().Document(strings.NewReader(text))
	if err != nil {
		return "", err
	}
	return expand.Document(environ(getenv), word)
}

func environ(getenv func(string) string) *expand.Config {
	return &expand.Config{Env: expand.FuncEnviron(getenv)}
}

func parseFlags(where string, args, shown []string) ([]Flag, error) {
	var flags []Flag
	for i := 0; i < len(args); i++ {
		name, ok := strings.CutPrefix(args[i], "-")
		if !ok || name == "" || name == "-" {
			return nil, fmt.Errorf("%s: %q is no flag: packages are named in BP_GO_TARGETS", where, args[i])
		}
		name = strings.TrimPrefix(name, "-")
		f := Flag{}
		f.Name, f.Value, f.HasValue = strings.Cut(name, "=")
		_, f.Shown, _ = strings.Cut(shown[i], "=")
		if !f.HasValue && valueFlags[f.Name] {
			if i++; i == len(args) {
				return nil, fmt.Errorf("%s: -%s needs a value", where, f.Name)
			}
			f.Value, f.Shown, f.HasValue = args[i], shown[i], true
		}
		flags = append(flags, f)
	}
	return flags, nil
}

// goFlags reads GOFLAGS as the go command does: entries separated by space, each
// possibly quoted as a whole, "-name=value" or "-name".
func goFlags(text string) ([]Flag, error) {
	var args []string
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		if quote := rest[0]; quote == '\'' || quote == '"' {
			end := strings.IndexByte(rest[1:], quote)
			if end < 0 {
				return nil, fmt.Errorf("GOFLAGS: %c has no end", quote)
			}
			args, rest = append(args, rest[1:end+1]), rest[end+2:]
			continue
		}
		end := strings.IndexAny(rest, " \t\r\n")
		if end < 0 {
			end = len(rest)
		}
		args, rest = append(args, rest[:end]), rest[end:]
	}
	for _, arg := range args {
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !hasValue && valueFlags[name] {
			return nil, fmt.Errorf("GOFLAGS: -%s needs a value, written -%s=VALUE", name, name)
		}
	}
	return parseFlags("GOFLAGS", args, args)
}

func quoteGoFlag(arg string) string {
	switch {
	case !strings.ContainsAny(arg, " \t'\""):
		return arg
	case !strings.Contains(arg, "'"):
		return "'" + arg + "'"
	default:
		return `"` + arg + `"`
	}
}

// linkerFlags turns GO_LINKER_SYMBOL and GO_LINKER_VALUE, possibly lists of the
// same length separated by spaces, into -X flags. Go up to 1.4 wants symbol and
// value as two words.
func linkerFlags(symbols, values string, v toolchain.Version) (string, error) {
	names := strings.Fields(symbols)
	if len(names) == 0 {
		return "", nil
	}
	vals := []string{strings.TrimSpace(values)}
	if len(names) > 1 {
		vals = strings.Fields(values)
	}
	if len(vals) != len(names) {
		return "", fmt.Errorf("GO_LINKER_SYMBOL names %d symbols and GO_LINKER_VALUE (or SOURCE_VERSION) %d values: give one value for each", len(names), len(vals))
	}
	var flags []string
	for i, name := range names {
		word := name + "=" + vals[i]
		if v.Before("1.5") {
			word = name + " " + vals[i]
		} else if strings.ContainsAny(word, " \t'\"") {
			quote := "'"
			if strings.Contains(word, "'") {
				quote = `"`
			}
			if strings.Contains(word, quote) {
				return "", fmt.Errorf("GO_LINKER_VALUE for %s has both kinds of quotes, which the linker's flags cannot hold", name)
			}
			word = quote + word + quote
		}
		flags = append(flags, "-X "+word)
	}
	return strings.Join(flags, " "), nil
}
