package private

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2/bindings"
)

// The types of bindings that are read here.
const (
	gitCredentialsType = "git-credentials"
	netrcType          = "netrc"
	gitSSHType         = "git-ssh"
	certificatesType   = "ca-certificates"
	goproxyType        = "goproxy"
)

// Access is all that the user gave for what is not public.
type Access struct {
	// Credentials are the logins of variables and bindings.
	Credentials Credentials
	// Proxy is the GOPROXY of a binding, "" for none.
	Proxy string
	// Used says what was found, a line each, with names only.
	Used []string
	// Warnings say what is probably not meant.
	Warnings []string

	// inURLs are the logins of proxies' URLs.
	inURLs       []*url.Userinfo
	ssh          *sshKey
	certificates []certificate
}

// Read collects what variables and bindings say. env are the variables of the
// build. An error names the variable or the binding and never shows a value.
func Read(env map[string]string, all libcnb.Bindings) (Access, error) {
	var a Access
	var err error
	if a.Credentials, err = variables(env); err != nil {
		return a, err
	}
	for _, c := range a.Credentials {
		a.Used = append(a.Used, fmt.Sprintf("%s: login for %s://%s", c.From, c.Protocol, c.Host))
	}
	for name, value := range env {
		if strings.HasSuffix(strings.ToUpper(name), "PROXY") {
			a.inURLs = append(a.inURLs, loginsIn(value)...)
		}
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(x, y libcnb.Binding) int { return strings.Compare(x.Name, y.Name) })
	for _, kind := range []struct {
		name string
		read func(*Access, libcnb.Binding) error
	}{
		{goproxyType, (*Access).readProxy},
		{gitCredentialsType, (*Access).readGitCredentials},
		{netrcType, (*Access).readNetrc},
		{gitSSHType, (*Access).readSSH},
		{certificatesType, (*Access).readCertificates},
	} {
		for _, b := range bindings.Resolve(all, bindings.OfType(kind.name)) {
			if err := kind.read(&a, b); err != nil {
				return a, fmt.Errorf("the binding %s (type %s): %w", b.Name, kind.name, err)
			}
		}
	}
	return a, nil
}

// secret returns the content of a binding's entry, whose blanks count: libcnb cuts them off.
func secret(b libcnb.Binding, key string) (string, bool, error) {
	if b.Path == "" {
		value, ok := b.Secret[key] // from a variable of the platform
		return value, ok, nil
	}
	data, err := os.ReadFile(filepath.Join(b.Path, key))
	if errors.Is(err, os.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("%s cannot be read: %w", key, errors.Unwrap(err))
	}
	return strings.TrimRight(string(data), "\r\n"), true, nil
}

func required(b libcnb.Binding, key, advice string) (string, error) {
	value, ok, err := secret(b, key)
	if err == nil && (!ok || strings.TrimSpace(value) == "") {
		err = fmt.Errorf("it has no %s: %s", key, advice)
	}
	return value, err
}

// readGitCredentials reads a login in the form in which git says and takes them.
// context is the URL that it is for, where the login itself does not say.
func (a *Access) readGitCredentials(b libcnb.Binding) error {
	text, err := required(b, "credentials", `write "username=USER" and "password=PASSWORD" into it, a line each, and "protocol=https" and "host=HOST" or a context`)
	if err != nil {
		return err
	}
	context, _, err := secret(b, "context")
	if err != nil {
		return err
	}
	from := "the binding " + b.Name
	logins, err := parseGitCredentials(text, strings.TrimSpace(context), from)
	if err != nil {
		return err
	}
	for _, c := range logins {
		where := "every https server that asks for one"
		if c.Host != "" {
			where = strings.TrimSuffix(c.Protocol+"://"+c.Host+"/"+c.Path, "/")
		} else {
			a.Warnings = append(a.Warnings, fmt.Sprintf("The login of %s goes to every https server that asks for one: add a context with the URL that it is for", from))
		}
		a.Used = append(a.Used, fmt.Sprintf("binding %s: login for %s", b.Name, where))
	}
	a.Credentials = append(a.Credentials, logins...)
	return nil
}

// parseGitCredentials reads logins, KEY=VALUE lines with an empty line between two.
func parseGitCredentials(text, context, from string) (Credentials, error) {
	var all Credentials
	var block []string
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range append(lines, "") {
		if line != "" {
			block = append(block, line)
			continue
		}
		if len(block) == 0 {
			continue
		}
		c, err := parseGitCredential(block, i-len(block), context)
		if err != nil {
			return nil, err
		}
		c.From = from
		all, block = append(all, c), nil
	}
	return all, nil
}

// parseGitCredential reads the lines of one login, which come after a number of others.
func parseGitCredential(lines []string, after int, context string) (Credential, error) {
	c := Credential{Protocol: "https"}
	attributes := map[string]string{}
	at := func(text, what string) error {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return fmt.Errorf("its %s is no URL: write https://HOST or https://HOST/PATH", what)
		}
		attributes["protocol"], attributes["host"], attributes["path"] = u.Scheme, u.Host, u.Path
		if u.User != nil {
			attributes["username"] = u.User.Username()
			if password, ok := u.User.Password(); ok {
				attributes["password"] = password
			}
		}
		return nil
	}
	var limit *place
	if context != "" {
		if err := at(context, "context"); err != nil {
			return c, err
		}
		limit = &place{lower(attributes["protocol"]), attributes["host"], strings.Trim(attributes["path"], "/")}
	}
	for i, line := range lines {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return c, fmt.Errorf("line %d of its credentials is not KEY=VALUE", after+i+1)
		}
		if name = strings.TrimSpace(name); name != "url" {
			attributes[name] = value
		} else if err := at(value, "url"); err != nil {
			return c, err
		}
	}
	c.User, c.Password, c.Path = attributes["username"], attributes["password"], strings.Trim(attributes["path"], "/")
	if c.Password == "" {
		return c, errors.New(`its credentials have no line "password=PASSWORD"`)
	}
	if protocol := attributes["protocol"]; protocol != "" {
		c.Protocol = lower(protocol)
	}
	if _, known := ports[c.Protocol]; !known {
		return c, fmt.Errorf("its protocol is neither https nor http")
	}
	if attributes["host"] == "" {
		if c.Protocol != "https" || c.Path != "" {
			return c, errors.New(`its credentials have no line "host=HOST"`)
		}
		return c, c.check()
	}
	var err error
	if c.Host, err = checkHost(c.Protocol, attributes["host"]); err != nil { // which would show a login that stands in the wrong place
		return c, errors.New("its host is no host name: write HOST or HOST:PORT")
	}
	if limit != nil {
		if c, err = c.confined(*limit); err != nil {
			return c, err
		}
	}
	return c, c.check()
}

// confined is the login in the place that a context says.
func (c Credential) confined(limit place) (Credential, error) {
	if c.Path == "" {
		c.Path = limit.path
	}
	host, err := checkHost(limit.protocol, limit.host)
	if err != nil || limit.protocol != c.Protocol || host != c.Host || limit.path != "" && !within(c.Path, limit.path) {
		return c, errors.New("its credentials are for another place than its context: say it in one of them")
	}
	return c, nil
}

func (a *Access) readNetrc(b libcnb.Binding) error {
	text, err := required(b, ".netrc", `write "machine HOST login USER password PASSWORD" into it`)
	if err != nil {
		return err
	}
	logins, err := netrcCredentials(text, "the binding "+b.Name)
	if err != nil {
		return fmt.Errorf(".netrc: %w", err)
	}
	if len(logins) == 0 {
		return errors.New(`.netrc names no machine: write "machine HOST login USER password PASSWORD" into it (its default goes to no server)`)
	}
	for _, c := range logins {
		a.Used = append(a.Used, fmt.Sprintf("binding %s: login for %s", b.Name, c.Host))
	}
	a.Credentials = append(a.Credentials, logins...)
	return nil
}

// loginsIn are the logins in the URLs of a list.
func loginsIn(list string) []*url.Userinfo {
	var all []*url.Userinfo
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(",| ", r) }) {
		if u, err := url.Parse(item); err == nil && u.User != nil {
			all = append(all, u.User)
		}
	}
	return all
}

// readProxy reads the address of a module proxy, and its login.
func (a *Access) readProxy(b libcnb.Binding) error {
	address, err := required(b, "url", "write the address of the module proxy into it")
	if err != nil {
		return err
	}
	if a.Proxy != "" {
		return errors.New("another binding of this type is there too: name all proxies in the url of one, with commas between them")
	}
	user, hasUser, err := secret(b, "username")
	if err != nil {
		return err
	}
	password, hasPassword, err := secret(b, "password")
	if err != nil {
		return err
	}
	a.Proxy = strings.TrimSpace(address)
	a.inURLs = append(a.inURLs, loginsIn(a.Proxy)...)
	first, _, _ := strings.Cut(strings.ReplaceAll(a.Proxy, "|", ","), ",")
	u, err := url.Parse(strings.TrimSpace(first))
	if err != nil || u.Host == "" && u.Scheme != "file" {
		return errors.New("its url is no URL: write https://HOST/PATH")
	}
	a.Used = append(a.Used, "binding "+b.Name+": module proxy "+u.Scheme+"://"+u.Host+u.Path)
	if !hasUser && !hasPassword {
		return nil
	}
	p, ok := placeOf(u)
	if !ok || p.protocol != "https" {
		return errors.New("it has a login, and its url is not https: the go command sends logins over https alone")
	}
	c := Credential{Protocol: p.protocol, Host: p.host, Path: p.path, User: user, Password: password, From: "the binding " + b.Name}
	if c.Password == "" {
		c.Password = tokenPassword
	}
	a.Credentials = append(a.Credentials, c)
	return c.check()
}
