package private

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestSecrets(t *testing.T) {
	const odd = `s3cr/et? "p"+%&=:@` + "\u00fc"
	access := Access{Credentials: Credentials{
		{User: "robot", Password: odd}, {User: "s3cret-token", Password: tokenPassword}, {User: "short", Password: "12345"}, {User: "again", Password: odd}, {User: "six", Password: "123456"}, {Password: "s3cret-without-user"},
	}}
	got := access.Secrets()
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth("robot", odd)
	_, header, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token := base64.StdEncoding.EncodeToString([]byte("s3cret-token:x-oauth-basic"))
	address := url.URL{Scheme: "https", User: url.UserPassword("robot", odd), Host: "h"}
	_, inURL, _ := strings.Cut(strings.TrimSuffix(address.String(), "@h"), "robot:")
	for form, want := range map[string]string{
		"as it is": odd, "in a URL": inURL, "in a query": url.QueryEscape(odd), "in a path": url.PathEscape(odd), "in a header": header, "alone in base64": base64.StdEncoding.EncodeToString([]byte(odd)),
		"for URLs in base64": base64.URLEncoding.EncodeToString([]byte(odd)), "token": "s3cret-token", "token in a header": token, "six letters": "123456", "without a user": "s3cret-without-user",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s: %q is missing", form, want)
		}
	}
	for what, text := range map[string]string{"a short one": "12345", "the word that goes with tokens": tokenPassword, "a user": "robot", "nothing": ""} {
		if slices.Contains(got, text) {
			t.Errorf("%s is taken for a secret: %q", what, text)
		}
	}
	if !slices.IsSortedFunc(got, func(x, y string) int { return len(y) - len(x) }) {
		t.Error("a longer one comes after a shorter one, of which it could leave a rest")
	}
	if len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
		t.Errorf("doubles: %q", got)
	}
	if got := (Access{}).Secrets(); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// TestSecretsOfBindings: whatever a binding has that others must not see is a secret.
func TestSecretsOfBindings(t *testing.T) {
	user, _ := newKey(t)
	_, known := newKey(t)
	key := keyFile(t, user, "")
	env := map[string]string{"GOPROXY": "direct|https://u:s3cret-fifth@three.example.com", "https_proxy": "http://u:s3cret-sixth@four.example.com:3128", "OTHER": "https://u:s3cret-of-the-app@five.example.com"}
	access, err := Read(env, bind(t, t.TempDir(), map[string]map[string]string{
		"a": {"type": "git-credentials", "credentials": "url=https://u:s3cret%2Ffirst@h"},
		"b": {"type": "netrc", ".netrc": `machine h login u password "s3cret second"`},
		"c": {"type": "goproxy", "url": "https://u:s3cret%2Fthird@one.example.com,https://s3cret-fourth@two.example.com"},
		"d": {"type": "git-ssh", "ssh-privatekey": strings.ReplaceAll(key, "\n", "\r\n"), "known_hosts": "h " + known},
	}))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(access.Secrets(), "\n") + "\n"
	for _, want := range []string{"s3cret/first", "s3cret second", "s3cret/third", "s3cret%2Fthird", "s3cret-fourth", "s3cret-fifth", "s3cret-sixth"} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(got, "s3cret-of-the-app") {
		t.Error("a variable of the app's is looked into")
	}
	for line := range strings.Lines(key) {
		if line = strings.TrimSpace(line); len(line) > 20 && strings.Contains(got, line) == strings.HasPrefix(line, "-----") {
			t.Errorf("the key's line %q", line)
		}
	}
}
