package private

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// longSecret tells whether a text is long enough to be known for a secret where it turns up, and is not there by chance.
func longSecret(secret string, others ...string) bool {
	return len(secret) >= 8 && !slices.ContainsFunc(others, func(other string) bool { return strings.Contains(other, secret) })
}

// fixed is what the buildpack's own messages hold, so that a fuzzer's secret may as well.
const fixed = "write GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM=USER:PASSWORD for https://git.example.com its credentials have no line \"password=PASSWORD\" \"host=HOST\""

// FuzzVariable: a name stands for one place, for which the buildpack names a
// variable that stands for it too, and no error shows the value.
func FuzzVariable(f *testing.F) {
	for _, tt := range nameTests {
		f.Add(tt.name, login)
	}
	for _, name := range []string{"", "HTTPS", "HTTPS__GIT__COM:x", "HTTPS__G\u0130T__COM", "HTTPS___", "HTTPS__256__1__1__1", "HTTPS__010__1__1__1", "HTTPS__A__1:443", "HTTPS__A__B__00080"} {
		f.Add(name, "robot:a long s3cret")
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		name = prefix + name
		c, err := ParseVariable(name, value)
		if err != nil {
			user, password, _ := strings.Cut(value, ":")
			for _, secret := range []string{value, user, password} {
				if longSecret(secret, name, strings.ToLower(name), fixed) && strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows %q: %v", secret, err)
				}
			}
			if !strings.Contains(err.Error(), name) {
				t.Errorf("the error does not name %s: %v", name, err)
			}
			return
		}
		if host, err := checkHost(c.Protocol, c.Host); err != nil || host != c.Host {
			t.Errorf("the host %q: %q, %v", c.Host, host, err)
		}
		again, err := ParseVariable(Variable(c.Protocol, c.Host), value)
		if err != nil || again.Protocol != c.Protocol || again.Host != c.Host {
			t.Errorf("%s://%s: %s is for %s://%s, %v", c.Protocol, c.Host, Variable(c.Protocol, c.Host), again.Protocol, again.Host, err)
		}
		var out bytes.Buffer
		if err := (Credentials{c}).ServeGit("get", strings.NewReader("protocol="+c.Protocol+"\nhost="+c.Host+"\n"), &out); err != nil || out.String() != "username="+c.User+"\npassword="+c.Password+"\n" {
			t.Errorf("git is told %q, %v", out.String(), err)
		}
	})
}

// FuzzRequest: whatever git says, a login comes for its own place alone, and whole.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{
		"protocol=https\nhost=git.example.com\n\n", "protocol=https\r\nhost=git.example.com:443\r\n\r\n", "url=https://git.example.com/x\n", "url=https://git.example.com@evil.example/\n",
		"capability[]=authtype\nwwwauth[]=Basic\nprotocol=https\nhost=GIT.example.com\nusername=x\npath=y", "protocol=https\nhost=g\u0130t.example.com\n", "url=https://git.example.com%00x/", "host\n", "=\n",
	} {
		f.Add(text)
	}
	all := Credentials{{Protocol: "https", Host: "git.example.com", User: "robot", Password: password}, {Protocol: "https", Host: "any.example.com", AnyPort: true, Path: "team", User: "any", Password: "s3cret-any"}}
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		err := all.ServeGit("get", strings.NewReader(text), &out)
		r, again := readRequest(strings.NewReader(text))
		if (err == nil) != (again == nil) {
			t.Errorf("%v, %v", err, again)
		}
		switch out.String() {
		case "":
		case "username=robot\npassword=" + password + "\n":
			if r.protocol != "https" || !sameASCII(r.host, "git.example.com") && !sameASCII(r.host, "git.example.com:443") {
				t.Errorf("%+v gets the login", r)
			}
		case "username=any\npassword=s3cret-any\n":
			host, _, _ := strings.Cut(r.host, ":")
			if r.protocol != "https" || !sameASCII(host, "any.example.com") || r.path != "team" && !strings.HasPrefix(r.path, "team/") {
				t.Errorf("%+v gets the login", r)
			}
		default:
			t.Errorf("git is told %q", out.String())
		}
		if err != nil && (out.Len() > 0 || strings.Contains(err.Error(), password)) {
			t.Errorf("%v, %q", err, out.String())
		}
		in := strings.NewReader(text)
		if err := all.ServeGit("store", in, &out); err != nil || in.Len() > 0 {
			t.Errorf("%v, %d bytes are left", err, in.Len())
		}
	})
}

// sameASCII tells whether two texts are the same but for large and small letters of ASCII, as hosts are to everybody.
func sameASCII(a, b string) bool {
	lower := func(text string) string {
		return string(bytes.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, []byte(text)))
	}
	return lower(a) == lower(b)
}

// checkLogins checks what every login has to be, wherever it comes from.
func checkLogins(t *testing.T, all Credentials) {
	t.Helper()
	for _, c := range all {
		if host, err := checkHost(c.Protocol, c.Host); c.Host != "" && (err != nil || host != c.Host) {
			t.Errorf("the host %q: %q, %v", c.Host, host, err)
		}
		if _, ok := ports[c.Protocol]; !ok {
			t.Errorf("the protocol %q", c.Protocol)
		}
		if strings.ContainsAny(c.User+c.Password, "\r\n\x00") {
			t.Errorf("git cannot be told %+v", c)
		}
	}
	var out bytes.Buffer
	if err := all.ServeGo("", &out); err != nil {
		t.Error(err)
	}
	askGo(t, out.String())
}

// FuzzNetrc: no bytes make reading a netrc panic, and any password can be written in quotes.
func FuzzNetrc(f *testing.F) {
	for _, tt := range netrcTests {
		f.Add(tt.text, tt.login)
	}
	f.Add("machine a login b password \"c\\", "\x00\n")
	f.Add("macdef", `\"\`)
	f.Add("machine https://l:s3cret-of-a-URL@g login a password b", "s3cret-of-a-URL")
	f.Fuzz(func(t *testing.T, text, password string) {
		if all, err := netrcCredentials(text, "x"); err == nil {
			checkLogins(t, all)
		}
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(password)
		all, err := netrcCredentials(`machine git.example.com password "`+quoted+`" login l`, "x")
		if strings.ContainsAny(password, "\r\n\x00") {
			if err == nil || longSecret(password, fixed) && strings.Contains(err.Error(), password) {
				t.Errorf("%q: %v", password, err)
			}
			return
		}
		if err != nil || len(all) != 1 || all[0].Password != password || all[0].User != "l" {
			t.Errorf("%q: %v, %+v", password, err, all)
		}
	})
}

// FuzzGitCredentials: no bytes make reading logins panic, what is read can be served, and no error shows a password.
func FuzzGitCredentials(f *testing.F) {
	for _, tt := range bindingErrorTests {
		f.Add(tt.entries["credentials"], tt.entries["context"])
	}
	for _, text := range []string{"protocol=https\r\nhost=a\r\n\r\npassword=b", "url=https://u:p@h/a%0Ab", "url=https://h\nurl=http://u@h:80/x\npassword=p", "host=https://u:a long s3cret@h\npassword=a long s3cret", "path=a\npassword=b"} {
		f.Add(text, "https://git.example.com/team")
		f.Add(text, "")
	}
	f.Add("password=p", "https://h/a%0A%0Ab c")
	f.Fuzz(func(t *testing.T, text, context string) {
		all, err := parseGitCredentials(text, context, "the binding x")
		if err == nil {
			checkLogins(t, all)
			return
		}
		for line := range strings.Lines(text) {
			if password, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "password="); ok && longSecret(password, fixed) && strings.Contains(err.Error(), password) {
				t.Errorf("the error shows %q: %v", password, err)
			}
		}
	})
}

// FuzzKnownHosts: no bytes make reading known_hosts panic, and what it names are hosts and nothing else.
func FuzzKnownHosts(f *testing.F) {
	_, key := newKey(f)
	for _, names := range []string{"git.example.com", "[git.example.com]:2222,10.1.2.3", "@revoked x", "@cert-authority *.x", "|1|a=|b=", "[::1]:22", "[a]:b", "[", "a:1:2", "*", "A,a", "\u0130"} {
		f.Add([]byte(names + " " + key + "\n# x\n\n"))
	}
	f.Add([]byte("git.example.com ssh-ed25519\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		hosts, _, err := knownHosts(text)
		if err != nil && len(hosts) > 0 {
			t.Errorf("hosts beside the error %v: %q", err, hosts)
		}
		seen := map[string]bool{}
		for _, host := range hosts {
			name, port, hasPort := strings.Cut(host, ":")
			if !hostName.MatchString(name) || hasPort && !isDigits(port) || seen[host] {
				t.Errorf("the host %q, twice: %v", host, seen[host])
			}
			seen[host] = true
		}
	})
}
