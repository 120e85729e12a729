package compile

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

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
		for _, field := range fields {
			args, shown = append(args, field), append(shown, unquoteShown(raw.String()))
		}
	}
	flags, err := parseFlags(where, args, shown)
	if err != nil {
		return nil, err
	}
	return flags, refuse(where, flags)
}

// refuse returns an error for flags that leave no program where the build looks for it.
func refuse(where string, flags []Flag) error {
	for _, f := range flags {
		switch f.Name {
		case "o":
			return fmt.Errorf("%s: -o is set by the build: binaries go to the image's bin directory; remove it", where)
		case "C":
			return fmt.Errorf("%s: -C is not used here: set BP_GO_WORKDIR instead", where)
		case "n":
			return fmt.Errorf("%s: -n compiles nothing: remove it", where)
		}
	}
	return nil
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
	refused := errors.New("commands are not run here: put the value into a variable and write $NAME")
	return &expand.Config{
		Env:       expand.FuncEnviron(getenv),
		CmdSubst:  func(io.Writer, *syntax.CmdSubst) error { return refused },
		ProcSubst: func(*syntax.ProcSubst) (string, error) { return "", refused },
	}
}

// parseFlags reads arguments of the go command. shown are the same as they were
// written, which alone messages may repeat: variables can hold secrets.
func parseFlags(where string, args, shown []string) ([]Flag, error) {
	var flags []Flag
	for i := 0; i < len(args); i++ {
		name, ok := strings.CutPrefix(args[i], "-")
		name = strings.TrimPrefix(name, "-")
		if !ok || name == "" || strings.HasPrefix(name, "-") || strings.HasPrefix(name, "=") {
			return nil, fmt.Errorf("%s: %q is no flag: packages are named in BP_GO_TARGETS, and values with spaces need quotes", where, shown[i])
		}
		f := Flag{}
		f.Name, f.Value, f.HasValue = strings.Cut(name, "=")
		f.ShownName, f.Shown, _ = strings.Cut(shown[i], "=")
		if strings.HasPrefix(f.ShownName, "--") {
			f.ShownName = f.ShownName[1:]
		}
		f.Shown = unquoteShown(f.Shown)
		if !f.HasValue && valueFlags[f.Name] {
			if i++; i == len(args) {
				return nil, fmt.Errorf("%s: %s needs a value", where, f.ShownName)
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
	args, err := splitQuoted(text)
	if err != nil {
		return nil, fmt.Errorf("GOFLAGS: %w", err)
	}
	for _, arg := range args {
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !hasValue && valueFlags[name] {
			return nil, fmt.Errorf("GOFLAGS: -%s needs a value, written -%s=VALUE", name, name)
		}
	}
	return parseFlags("GOFLAGS", args, args)
}

// splitQuoted splits words the way the go command does: a quote that begins a word ends it too.
func splitQuoted(text string) ([]string, error) {
	var words []string
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		if quote := rest[0]; quote == '\'' || quote == '"' {
			end := strings.IndexByte(rest[1:], quote)
			if end < 0 {
				return nil, fmt.Errorf("%c has no end", quote)
			}
			words, rest = append(words, rest[1:end+1]), rest[end+2:]
			continue
		}
		end := strings.IndexAny(rest, " \t\r\n")
		if end < 0 {
			end = len(rest)
		}
		words, rest = append(words, rest[:end]), rest[end:]
	}
	return words, nil
}

func quoteGoFlag(arg string) string {
	switch {
	case !strings.ContainsAny(arg, " \t\r\n"):
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
	if len(names) == 0 || strings.TrimSpace(values) == "" {
		return "", nil // a variable of the program keeps the value that its source gives it
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
		word, symbol := name+"="+vals[i], ""
		if v.Before("1.5") {
			word, symbol = vals[i], name+" "
		}
		if strings.ContainsAny(word, " \t'\"") {
			quote := "'"
			if strings.Contains(word, "'") {
				quote = `"`
			}
			if strings.Contains(word, quote) {
				return "", fmt.Errorf("GO_LINKER_VALUE for %s has both kinds of quotes, which the linker's flags cannot hold", name)
			}
			word = quote + word + quote
		}
		flags = append(flags, "-X "+symbol+word)
	}
	return strings.Join(flags, " "), nil
}
