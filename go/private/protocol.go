package private

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// The words after the buildpack's program that make it answer git and the go command.
const (
	// GitCredential answers as a credential helper of git: https://git-scm.com/docs/gitcredentials#_custom_helpers
	GitCredential = "git-credential"
	// GoAuth answers as a command of GOAUTH: "go help goauth".
	GoAuth = "go-auth"
)

// request is what git says of the login that it wants.
type request struct {
	place
	user string
}

// readRequest reads git's description of a login up to its empty line or end:
// KEY=VALUE, a line each, of which a later one wins. What is not known here,
// such as capability[], state[] and wwwauth[] of newer versions, is passed over.
func readRequest(in io.Reader) (request, error) {
	var r request
	attributes := map[string]string{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && lines.Text() != "" {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			return r, fmt.Errorf("git said %q, which is not KEY=VALUE", name)
		}
		if name != "url" {
			attributes[name] = value
			continue
		}
		u, err := url.Parse(value)
		if err != nil {
			return r, fmt.Errorf("git said a URL that is none")
		}
		attributes["protocol"], attributes["host"], attributes["path"] = u.Scheme, u.Host, u.Path
		if u.User != nil {
			attributes["username"] = u.User.Username()
		}
	}
	if err := lines.Err(); err != nil {
		return r, err
	}
	r.protocol, r.user, r.path = attributes["protocol"], attributes["username"], strings.Trim(attributes["path"], "/")
	r.host = attributes["host"]
	return r, nil
}

// ServeGit answers git, which asks for a login, tells of one that worked
// ("store") or of one that was refused ("erase"). Only the first has an answer:
// logins are the user's, and are kept nowhere. Where there is no login the answer is empty.
func (all Credentials) ServeGit(action string, in io.Reader, out io.Writer) error {
	if action != "get" {
		_, err := io.Copy(io.Discard, in) // git may take an early end for a failure
		return err
	}
	r, err := readRequest(in)
	if err != nil {
		return err
	}
	if r.host, err = checkHost(r.protocol, r.host); err != nil {
		return nil //nolint:nilerr // git asks for files and certificates too, which have no host
	}
	c, ok := all.find(r.place, r.user)
	if !ok {
		return nil
	}
	_, err = fmt.Fprintf(out, "username=%s\npassword=%s\n", c.User, c.Password)
	return err
}

// ServeGo answers the go command, which asks for all logins that it will need,
// with an empty asked, and again for the URL of a request that was refused. Only
// https has logins there.
func (all Credentials) ServeGo(asked string, out io.Writer) error {
	if asked != "" {
		u, err := url.Parse(asked)
		if err != nil {
			return fmt.Errorf("the go command said a URL that is none")
		}
		p, ok := placeOf(u)
		if !ok || p.protocol != "https" {
			return nil
		}
		c, ok := all.find(p, "")
		if !ok {
			return nil
		}
		if c.Path != "" {
			return c.header(out, asked) // with its query, up to which the go command knows no shorter part of a path
		}
		return c.header(out, "https://"+u.Host) // as the go command writes it: it compares letters
	}
	// The last of two answers for one prefix counts.
	for i := len(all) - 1; i >= 0; i-- {
		c := all[i]
		if c.Protocol != "https" || c.Host == "" {
			continue
		}
		prefixes := []string{"https://" + c.Host + c.escapedPath()}
		if !strings.Contains(c.Host, ":") {
			prefixes = append(prefixes, "https://"+c.Host+":443"+c.escapedPath())
		}
		if err := c.header(out, prefixes...); err != nil {
			return err
		}
	}
	return nil
}

// escapedPath is the path as in a URL, "" for none.
func (c Credential) escapedPath() string {
	if c.Path == "" {
		return ""
	}
	return (&url.URL{Path: "/" + c.Path}).EscapedPath()
}

// WantsLogin tells whether the answer of a server that the go command passes on
// asks for a login: it asks for logins after every refusal, as of a module that nobody has.
func WantsLogin(response io.Reader) bool {
	first, _ := bufio.NewReader(io.LimitReader(response, 4096)).ReadString('\n')
	fields := strings.Fields(first)
	return len(fields) > 1 && fields[1] == "401"
}

func (c Credential) header(out io.Writer, prefixes ...string) error {
	login := base64.StdEncoding.EncodeToString([]byte(c.User + ":" + c.Password))
	_, err := fmt.Fprintf(out, "%s\n\nAuthorization: Basic %s\n\n", strings.Join(prefixes, "\n"), login)
	return err
}
