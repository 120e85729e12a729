// Package private gives the build access to what is not public: logins for git
// servers and module proxies, keys for ssh, certificates of own authorities. It
// reads what the user set, serves it to git and to the go command when they ask,
// and says what is wrong when a server refuses.
package private

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// prefix begins the names of the variables with a login each.
const prefix = "GO_GIT_CRED__"

// tokenPassword is what goes with a token that stands for user and password both.
const tokenPassword = "x-oauth-basic"

// Credential is a login and the one place that it is for.
type Credential struct {
	// Protocol is "https" or "http".
	Protocol string
	// Host is a host name in lower case, with its port unless that is the
	// protocol's own; "" where a binding names no host: every one.
	Host string
	// AnyPort tells that all ports of the host are meant, as in a netrc file.
	AnyPort bool
	// Path is how the paths of URLs begin, without a slash at either end, "" for all.
	Path string
	// User and Password are as the server wants them.
	User, Password string
	// From is what the user set: the name of a variable or a binding.
	From string
}

// ParseVariable reads a variable such as
//
//	GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM=user:password
//
// In the host "__" stands for "." and "_" for "-"; both may be written as they
// are too, and so may :PORT. A last part of digits alone is a port, unless the
// host is an IPv4 address. A value without a colon, or with nothing after it, is
// a token. An error never shows the value.
func ParseVariable(name, value string) (Credential, error) {
	c := Credential{From: name}
	fail := func(format string, args ...any) (Credential, error) {
		return c, fmt.Errorf("%s: %s: write %sHTTPS__GIT__EXAMPLE__COM=USER:PASSWORD for https://git.example.com", name, fmt.Sprintf(format, args...), prefix)
	}
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return fail("the name does not begin with %s", prefix)
	}
	protocol, host, ok := strings.Cut(rest, "__")
	if !ok || host == "" {
		return fail("the name has no host")
	}
	if c.Protocol = strings.ToLower(protocol); c.Protocol != "https" && c.Protocol != "http" {
		return fail("the protocol is %s, and only HTTPS and HTTP are known", protocol)
	}
	var err error
	if c.Host, err = decodeHost(c.Protocol, host); err != nil {
		return fail("%s", err)
	}
	user, password, _ := strings.Cut(value, ":")
	if password == "" {
		password = tokenPassword
	}
	if value == "" || value == ":" {
		return fail("the value is empty")
	}
	c.User, c.Password = user, password
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// check returns an error where git's protocol has no way to say the login.
func (c Credential) check() error {
	for _, said := range [][2]string{{"user", c.User}, {"password", c.Password}, {"path", c.Path}} {
		if what, value := said[0], said[1]; strings.ContainsAny(value, "\n\r\x00") {
			return fmt.Errorf("the %s has a line break in it, which git cannot be told: enter it anew, in one line", what)
		}
	}
	return nil
}

// decodeHost makes a host, with a port where the name has one, of the end of a variable's name.
func decodeHost(protocol, name string) (string, error) {
	host := lower(strings.NewReplacer("__", ".", "_", "-").Replace(name))
	host, port, hasPort := strings.Cut(host, ":")
	if !hasPort && net.ParseIP(host) == nil {
		if i := strings.LastIndex(host, "."); i > 0 && isDigits(host[i+1:]) {
			host, port, hasPort = host[:i], host[i+1:], true
		}
	}
	if !hasPort {
		return checkHost(protocol, host)
	}
	return checkHost(protocol, host+":"+port)
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// hostName matches the names of hosts, IPv4 addresses among them.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// lower turns A to Z to lower case and no other letters: some of those would become the letters of another host.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// checkHost returns HOST or HOST:PORT in lower case and without the protocol's own port.
func checkHost(protocol, text string) (string, error) {
	host, port, hasPort := strings.Cut(lower(text), ":")
	last := host[strings.LastIndex(host, ".")+1:]
	if !hostName.MatchString(host) || len(host) > 253 || isDigits(last) && net.ParseIP(host) == nil {
		return "", fmt.Errorf("%q is no host name", host)
	}
	if !hasPort {
		return host, nil
	}
	n, err := strconv.Atoi(port)
	if err != nil || !isDigits(port) || n < 1 || n > 65535 {
		return "", fmt.Errorf("%q is no port", port)
	}
	if n == ports[protocol] {
		return host, nil
	}
	return host + ":" + strconv.Itoa(n), nil
}

// ports are the protocols' own.
var ports = map[string]int{"https": 443, "http": 80}

// place is where a login is wanted.
type place struct {
	protocol, host, path string
}

// placeOf returns the place of a URL, false where it has no host that logins are for.
func placeOf(u *url.URL) (place, bool) {
	host, err := checkHost(u.Scheme, u.Host)
	if _, known := ports[u.Scheme]; !known || err != nil {
		return place{}, false
	}
	return place{u.Scheme, host, strings.Trim(u.Path, "/")}, true
}

// matches tells whether c is for p.
func (c Credential) matches(p place) bool {
	host := p.host
	if c.AnyPort {
		host, _, _ = strings.Cut(host, ":")
	}
	if c.Path != "" && path.Clean(p.path) != p.path {
		return false // a server may take it for another path
	}
	return c.Protocol == p.protocol && (c.Host == "" || c.Host == host) &&
		(c.Path == "" || within(p.path, c.Path) || within(p.path, strings.TrimSuffix(c.Path, ".git")) || within(p.path, c.Path+".git"))
}

// within tells whether a path is another one or lies below it. The go command
// says the path of a repository without the .git with which git may say it.
func within(below, above string) bool {
	return below == above || strings.HasPrefix(below, above+"/")
}

// exactness orders the logins for one place: the one for the longest path wins,
// then the one for the host over one for all.
func (c Credential) exactness() int {
	n := 2 * len(c.Path)
	if c.Host != "" {
		n++
	}
	return n
}

// Credentials are logins, the preferred ones first.
type Credentials []Credential

// find returns the login for a place, that of user where there is one of that name.
func (all Credentials) find(p place, user string) (Credential, bool) {
	var best *Credential
	better := func(c Credential) bool {
		if best == nil {
			return true
		}
		if wanted := c.User == user; user != "" && wanted != (best.User == user) {
			return wanted
		}
		return c.exactness() > best.exactness()
	}
	for _, c := range all {
		if c.matches(p) && better(c) {
			best = &c
		}
	}
	if best == nil {
		return Credential{}, false
	}
	return *best, true
}

// Named are the logins that are for one host. The others are for whoever asks, and for nobody who did not.
func (all Credentials) Named() Credentials {
	return slices.DeleteFunc(slices.Clone(all), func(c Credential) bool { return c.Host == "" })
}

// For returns the login to send to a URL unasked, nil for none.
func (all Credentials) For(u *url.URL) *url.Userinfo {
	p, ok := placeOf(u)
	if !ok {
		return nil
	}
	c, ok := all.Named().find(p, "")
	if !ok {
		return nil
	}
	return url.UserPassword(c.User, c.Password)
}

// variables returns the logins of the variables in env, sorted by their names.
func variables(env map[string]string) (Credentials, error) {
	var all Credentials
	var names []string
	for name := range env {
		if upper := strings.ToUpper(name); upper == strings.TrimRight(prefix, "_") || strings.HasPrefix(upper, strings.TrimSuffix(prefix, "_")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c, err := ParseVariable(name, env[name])
		if err != nil {
			return nil, err
		}
		for _, other := range all {
			if other.Protocol == c.Protocol && other.Host == c.Host && (other.User != c.User || other.Password != c.Password) {
				return nil, fmt.Errorf("%s and %s are for one place, %s://%s, and differ: remove one", other.From, name, c.Protocol, c.Host)
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// Variable is the name of the variable for a login at a host, with or without a
// port: "GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM".
func Variable(protocol, host string) string {
	// Two hyphens would read as a dot: they stay as they are.
	return prefix + strings.ToUpper(protocol+"__"+strings.NewReplacer("--", "--", ".", "__", "-", "_", ":", "__").Replace(host))
}
