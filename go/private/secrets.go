package private

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// Shortest is the length of secrets, in bytes, from which on a log hides them: the
// letters of shorter ones would be everywhere.
const Shortest = 6

// Secrets are the texts that must not be seen, the longest first: passwords and
// tokens as they are and as URLs and requests hold them.
func (a Access) Secrets() []string {
	var all []string
	add := func(texts ...string) {
		for _, text := range texts {
			if len(text) >= Shortest && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	credentials := slices.Clone(a.Credentials)
	for _, user := range a.inURLs {
		password, _ := user.Password()
		credentials = append(credentials, Credential{User: user.Username(), Password: cmp.Or(password, tokenPassword)})
	}
	for _, c := range credentials {
		secret := c.Password
		if secret == tokenPassword {
			secret = c.User
		}
		login := c.User + ":" + c.Password
		add(secret, login, url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("", secret).String()[1:],
			base64.StdEncoding.EncodeToString([]byte(login)), base64.URLEncoding.EncodeToString([]byte(login)),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)))
	}
	if a.ssh != nil {
		for line := range strings.Lines(a.ssh.key) {
			if line = strings.TrimSpace(line); len(line) > 20 && !strings.HasPrefix(line, "-----") {
				add(line)
			}
		}
	}
	slices.SortStableFunc(all, func(x, y string) int { return len(y) - len(x) })
	return all
}
