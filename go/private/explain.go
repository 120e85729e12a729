package private

import (
	"cmp"
	"fmt"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
)

// manual is where the user finds more.
const manual = "docs/private-modules.md of the buildpack shows how"

// refusals are what git, ssh and the go command say when a server wants another
// login than it got, the most telling first. A group is the URL, or the host, of
// the server.
var refusals = []struct {
	pattern *regexp.Regexp
	explain func(a Access, match []string) string
}{
	{regexp.MustCompile(`could not read (?:Username|Password) for '(https?://[^']+)'`), Access.wantsLogin},
	{regexp.MustCompile(`Authentication failed for '(https?://[^']+)'`), Access.wantsLogin},
	{regexp.MustCompile(`unable to access '(https?://[^']+)': The requested URL returned error: 40[13]`), Access.wantsLogin},
	{regexp.MustCompile(`reading (https?://\S+?): 401 `), Access.wantsLogin},
	{regexp.MustCompile(`reading (https?://\S+\?go-get=1): 403 `), Access.wantsLogin},
	{regexp.MustCompile(`(?:git@)?([\w.-]+): Permission denied \(publickey`), Access.wantsKey},
	{regexp.MustCompile(`No \S+ host key is known for \[?([\w.-]+)\]?`), Access.unknownHost},
	{regexp.MustCompile(`Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED`), Access.unknownHost},
	{regexp.MustCompile(`(\S+)@\S+: verifying (?:module|go\.mod)[\s\S]*?/lookup/\S+: (?:404|410) `), Access.unknownToDatabase},
	{regexp.MustCompile(`repository '(https?://[^']+?)/?' not found`), Access.notFound},
	{regexp.MustCompile(`(?:remote|ERROR): (?:Repository not found|The project you were looking for could not be found)`), Access.notFound},
	{regexp.MustCompile(`([\w-]+(?:\.[\w-]+)+)/\S*: no secure protocol found for repository`), Access.noAnswer},
	{regexp.MustCompile(`(?:unrecognized import path "([^/"]+)[^"]*"|https://([^/\s]+)/\S*\?go-get=1)[\s\S]*?(?:no go-import meta tags|404 Not Found)`), Access.noMetaTag},
	{regexp.MustCompile(`returned error: 407|HTTP code 407 from proxy|Proxy Authentication Required`), Access.proxyWantsLogin},
	{regexp.MustCompile(`certificate has expired|certificate is not yet valid`), Access.expired},
	{regexp.MustCompile(`x509: certificate is valid for ([^\n]+?), not ([^\s,]+)`), Access.otherName},
	{regexp.MustCompile(`https://(?:[^/\s@]*@)?([^/\s'":]+)[^\n]*(?:x509: |server certificate verification failed|SSL certificate problem)`), Access.untrusted},
	{regexp.MustCompile(`x509: |server certificate verification failed|SSL certificate problem`), Access.untrusted},
}

// Explain says what to do about what git, ssh and the go command printed, "" when
// it is not about access.
func (a Access) Explain(output string) string {
	for _, r := range refusals {
		if match := r.pattern.FindStringSubmatch(output); match != nil {
			if text := r.explain(a, match); text != "" {
				return text
			}
		}
	}
	return ""
}

// serverOf returns the place of a URL in a message, and how a message names its server.
func serverOf(text string) (p place, server string, ok bool) {
	u, err := url.Parse(text)
	if err != nil {
		return p, "", false
	}
	p, ok = placeOf(u)
	return p, p.protocol + "://" + p.host, ok
}

func (a Access) wantsLogin(match []string) string {
	p, server, ok := serverOf(match[1])
	if !ok {
		return ""
	}
	if c, ok := a.Credentials.find(p, ""); ok {
		return fmt.Sprintf("%s does not take the login of %s: check the password or token, that it is not past its end, and that it may read the repository", server, c.From)
	}
	return fmt.Sprintf("%s wants a login, and there is none for it: %s", server, a.advise(p))
}

// advise says how to give a login for a place, and which ones do not fit though they are for the same host.
func (a Access) advise(p place) string {
	text := fmt.Sprintf("set %s=USER:PASSWORD, or a token alone (%s)", Variable(p.protocol, p.host), manual)
	name, _, _ := strings.Cut(p.host, ":")
	for _, c := range a.Credentials {
		if other, _, _ := strings.Cut(c.Host, ":"); other == name && !c.matches(p) {
			text += fmt.Sprintf("\nThe login of %s is for %s alone", c.From, strings.TrimSuffix(c.Protocol+"://"+c.Host+"/"+c.Path, "/"))
		}
	}
	return text
}

func (a Access) wantsKey(match []string) string {
	host := match[1]
	if a.ssh == nil {
		return fmt.Sprintf("%s wants an ssh key, and there is none: give one in a binding of type %s (%s)", host, gitSSHType, manual)
	}
	return fmt.Sprintf("%s does not take the ssh key of %s: add its public half to the server, and see that it may read the repository", host, a.ssh.from)
}

func (a Access) unknownHost(match []string) string {
	host := "the host"
	if len(match) > 1 {
		host = match[1]
	}
	if a.ssh == nil {
		return fmt.Sprintf("ssh does not know the key of %s: give it in known_hosts of a binding of type %s (%s)", host, gitSSHType, manual)
	}
	return fmt.Sprintf("the key that %s shows is not in known_hosts of %s: put the output of ssh-keyscan there", host, a.ssh.from)
}

func (a Access) unknownToDatabase(match []string) string {
	return fmt.Sprintf("the checksum database does not know %s: if the module is private, name it in GOPRIVATE (GOPRIVATE=%s)", match[1], match[1])
}

func (a Access) notFound(match []string) string {
	if len(match) < 2 {
		return "the server has no such repository for this build: check its name, and that there is a login that may read it (" + manual + ")"
	}
	p, server, ok := serverOf(match[1])
	if !ok {
		return ""
	}
	if c, ok := a.Credentials.find(p, ""); ok {
		return fmt.Sprintf("%s has no such repository for the login of this build: check its name, and that the login of %s may read it", server, c.From)
	}
	return fmt.Sprintf("%s has no such repository for everybody: check its name, and if it is private %s", server, a.advise(p))
}

// noAnswer is about a repository of which the go command does not say why git cannot read it.
func (a Access) noAnswer(match []string) string {
	if _, err := exec.LookPath("git"); err != nil {
		return ""
	}
	p, server, ok := serverOf("https://" + match[1])
	if !ok {
		return ""
	}
	if a.ssh != nil && a.Serves(p.host) && !a.hasLogin(p.host) {
		return fmt.Sprintf("%s could not be read over ssh: check the name, that the ssh key of %s may read it, and that known_hosts has the key of the host", match[1], a.ssh.from)
	}
	if c, ok := a.Credentials.find(p, ""); ok {
		return fmt.Sprintf("%s could not be read with git: check the name, and that the login of %s is right and may read it", server, c.From)
	}
	return fmt.Sprintf("%s could not be read with git: check the name, and if it wants a login %s", server, a.advise(p))
}

func (a Access) noMetaTag(match []string) string {
	host := cmp.Or(match[1], match[2])
	if !a.Serves(host) {
		return "" // a misspelt name more often than a private one
	}
	return fmt.Sprintf("%s does not say where the repository is: check the name, or write the import path with .git at the end of the repository's name", host)
}

func (a Access) proxyWantsLogin([]string) string {
	return "the HTTP proxy of the build wants another login than it got: write it into the URL in HTTPS_PROXY or HTTP_PROXY"
}

func (a Access) expired([]string) string {
	return "a server's certificate is past its end, or not valid yet: it has to be renewed, or the clock of the build is wrong"
}

func (a Access) otherName(match []string) string {
	return fmt.Sprintf("who answers as %s has a certificate for %s alone: check the name, and the proxy or DNS that leads there", match[2], match[1])
}

func (a Access) untrusted(match []string) string {
	whose := "a server's certificate"
	if len(match) > 1 {
		whose = "the certificate of " + match[1]
	}
	if len(a.certificates) > 0 {
		return whose + " is not trusted in the build: no authority of the bindings of type " + certificatesType + " has signed it"
	}
	return whose + " is not trusted in the build: give that of its authority in a binding of type " + certificatesType + " (" + manual + ")"
}
