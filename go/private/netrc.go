package private

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// netrcLogin is one entry of a netrc file.
type netrcLogin struct {
	machine, user, password string
	// others tells that the entry is for every machine that the file does not name.
	others bool
}

// parseNetrc reads a netrc file as curl does, which is how git reads it: words
// apart by blanks, "quoted" ones with \ before a character that is meant as it
// is, comments that begin with a # between two entries, macros that end at an empty line.
// https://everything.curl.dev/usingcurl/netrc.html
func parseNetrc(text string) ([]netrcLogin, error) {
	var all []netrcLogin
	words := netrcWords{rest: text}
	for {
		word, ok := words.key()
		if !ok {
			return all, nil
		}
		var to *string
		switch word {
		case "machine":
			all = append(all, netrcLogin{})
			to = &all[len(all)-1].machine
		case "default":
			all = append(all, netrcLogin{others: true})
			continue
		case "macdef":
			words.skipMacro()
			continue
		case "login", "password", "account":
			if len(all) == 0 {
				return nil, fmt.Errorf("the word %q comes before the first machine", word)
			}
			last := &all[len(all)-1]
			to = map[string]*string{"login": &last.user, "password": &last.password, "account": new(string)}[word]
		default:
			return nil, fmt.Errorf("a word that is none of machine, default, login, password, account and macdef, after %d machines", len(all))
		}
		value, ok := words.value()
		if !ok {
			return nil, fmt.Errorf("nothing comes after the word %q", word)
		}
		*to = value
	}
}

// netrcWords are the words of a netrc file.
type netrcWords struct{ rest string }

// key returns the next word outside of comments, which go on to the end of their line.
func (w *netrcWords) key() (string, bool) {
	for w.skipBlanks(); strings.HasPrefix(w.rest, "#"); w.skipBlanks() {
		_, w.rest, _ = strings.Cut(w.rest, "\n")
	}
	return w.value()
}

// value returns the next word, which may begin with a #.
func (w *netrcWords) value() (string, bool) {
	w.skipBlanks()
	if w.rest == "" {
		return "", false
	}
	if w.rest[0] == '"' {
		return w.quoted(), true
	}
	end := strings.IndexAny(w.rest, netrcBlanks)
	if end < 0 {
		end = len(w.rest)
	}
	word := w.rest[:end]
	w.rest = w.rest[end:]
	return word, true
}

const netrcBlanks = " \t\r\n"

func (w *netrcWords) skipBlanks() { w.rest = strings.TrimLeft(w.rest, netrcBlanks) }

// quoted reads a word in quotes, which ends with the file where nobody closes it.
func (w *netrcWords) quoted() string {
	var word strings.Builder
	for i := 1; i < len(w.rest); i++ {
		switch c := w.rest[i]; {
		case c == '"':
			w.rest = w.rest[i+1:]
			return word.String()
		case c == '\\' && i+1 < len(w.rest):
			i++
			word.WriteByte(unescaped(w.rest[i]))
		default:
			word.WriteByte(c)
		}
	}
	w.rest = ""
	return word.String()
}

func unescaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// skipMacro skips a macro: all up to an empty line.
func (w *netrcWords) skipMacro() {
	_, w.rest, _ = strings.Cut(strings.ReplaceAll(w.rest, "\r\n", "\n"), "\n\n")
}

// netrcCredentials are the logins of a netrc file. An entry for all other
// machines is left out: any server that a module's name leads to would get it.
func netrcCredentials(text, from string) (Credentials, error) {
	entries, err := parseNetrc(text)
	if err != nil {
		return nil, err
	}
	var all Credentials
	for i, e := range entries {
		if e.others {
			continue
		}
		c, err := e.credential(from)
		if err != nil {
			return nil, fmt.Errorf("machine %d %w", i+1, err)
		}
		all = append(all, c)
	}
	return all, nil
}

func (e netrcLogin) credential(from string) (Credential, error) {
	host, err := checkHost("https", e.machine)
	if err != nil { // which would show a login that stands in the wrong place
		return Credential{}, errors.New("has no name that is HOST or HOST:PORT")
	}
	c := Credential{Protocol: "https", Host: host, AnyPort: !strings.Contains(host, ":"), User: e.user, Password: e.password, From: from}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("(%s): %w", host, err)
	}
	return c, nil
}

// Netrc returns the logins of a netrc file of the build image, as far as it can
// be read, as for the go command.
func Netrc(file string) Credentials {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	entries, _ := parseNetrc(string(data)) // those before what cannot be read
	var all Credentials
	for _, e := range entries {
		if c, err := e.credential(file); err == nil && !e.others {
			all = append(all, c)
		}
	}
	return all
}
