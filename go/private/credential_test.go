package private

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nameTests are ends of variables' names and the places that they are for.
var nameTests = []struct{ name, protocol, host string }{
	{"HTTPS__GIT__EXAMPLE__COM", "https", "git.example.com"},
	{"HTTP__GIT__EXAMPLE__COM", "http", "git.example.com"},
	{"https__git__example__com", "https", "git.example.com"},
	{"Http__Git__Example__Com", "http", "git.example.com"},
	{"HTTPS__MY_GIT__EXAMPLE__COM", "https", "my-git.example.com"},
	{"HTTPS__A_B_C__D_E__EXAMPLE__COM", "https", "a-b-c.d-e.example.com"},
	{"HTTPS__my-git.example.com", "https", "my-git.example.com"},
	{"HTTPS__MY-GIT__example.COM", "https", "my-git.example.com"},
	{"HTTPS__git.example.com:8443", "https", "git.example.com:8443"},
	{"HTTPS__GIT__EXAMPLE__COM:8443", "https", "git.example.com:8443"},
	{"HTTPS__GIT__EXAMPLE__COM__8443", "https", "git.example.com:8443"},
	{"HTTPS__GIT__EXAMPLE__COM__443", "https", "git.example.com"},
	{"HTTPS__GIT__EXAMPLE__COM:443", "https", "git.example.com"},
	{"HTTPS__GIT__EXAMPLE__COM__80", "https", "git.example.com:80"},
	{"HTTP__GIT__EXAMPLE__COM__80", "http", "git.example.com"},
	{"HTTP__GIT__EXAMPLE__COM:443", "http", "git.example.com:443"},
	{"HTTPS__GIT__EXAMPLE__COM__65535", "https", "git.example.com:65535"},
	{"HTTPS__10__1__2__3", "https", "10.1.2.3"},
	{"HTTPS__10.1.2.3", "https", "10.1.2.3"},
	{"HTTPS__10__1__2__3__8443", "https", "10.1.2.3:8443"},
	{"HTTPS__10__1__2__3__443", "https", "10.1.2.3"},
	{"HTTP__10.1.2.3:8080", "http", "10.1.2.3:8080"},
	{"HTTPS__LOCALHOST", "https", "localhost"},
	{"HTTPS__LOCALHOST__3000", "https", "localhost:3000"},
	{"HTTPS__GIT1__7EXAMPLE__C0M", "https", "git1.7example.c0m"},
	{"HTTPS__xn--mnchen-3ya.example", "https", "xn--mnchen-3ya.example"},
}

func TestVariableNames(t *testing.T) {
	for _, tt := range nameTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseVariable(prefix+tt.name, login)
			if err != nil {
				t.Fatal(err)
			}
			want := Credential{Protocol: tt.protocol, Host: tt.host, User: "robot", Password: password, From: prefix + tt.name}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestVariableNamesRefused(t *testing.T) {
	for name, want := range map[string]string{
		"GO_GIT_CRED":                      "does not begin with GO_GIT_CRED__",
		"GO_GIT_CRED_HTTPS__GIT__EXAMPLE":  "does not begin with GO_GIT_CRED__",
		"go_git_cred__https__git":          "does not begin with GO_GIT_CRED__",
		prefix:                             "the name has no host",
		prefix + "HTTPS":                   "the name has no host",
		prefix + "HTTPS__":                 "the name has no host",
		prefix + "HTTPS_GIT_EXAMPLE_COM":   "the name has no host",
		prefix + "GIT__EXAMPLE__COM":       "the protocol is GIT, and only HTTPS and HTTP are known",
		prefix + "SSH__GIT__EXAMPLE__COM":  "the protocol is SSH",
		prefix + "__GIT__EXAMPLE__COM":     "the protocol is ",
		prefix + "HTTPS___GIT":             `"-git" is no host name`,
		prefix + "HTTPS____GIT":            `".git" is no host name`,
		prefix + "HTTPS__GIT__":            `"git." is no host name`,
		prefix + "HTTPS__GIT_":             `"git-" is no host name`,
		prefix + "HTTPS__GIT___EXAMPLE":    `"git.-example" is no host name`,
		prefix + "HTTPS__GIT____COM":       `"git..com" is no host name`,
		prefix + "HTTPS__GIT__COM__0":      `"0" is no port`,
		prefix + "HTTPS__GIT__COM__65536":  `"65536" is no port`,
		prefix + "HTTPS__GIT__COM:":        `"" is no port`,
		prefix + "HTTPS__GIT__COM:x":       `"x" is no port`,
		prefix + "HTTPS__GIT__COM:+1":      `"+1" is no port`,
		prefix + "HTTPS__GIT__COM:1:2":     `"1:2" is no port`,
		prefix + "HTTPS__GIT__COM:443/x":   `is no port`,
		prefix + "HTTPS__8443":             `"8443" is no host name`,
		prefix + "HTTPS__:8443":            `"" is no host name`,
		prefix + "HTTPS__GIT/TEAM":         `is no host name`,
		prefix + "HTTPS__ME@GIT":           `is no host name`,
		prefix + "HTTPS__*__EXAMPLE__COM":  `"*.example.com" is no host name`,
		prefix + "HTTPS__[::1]":            `"[" is no host name`,
		prefix + "HTTPS__GIT EXAMPLE":      `"git example" is no host name`,
		prefix + "HTTPS__GIT\nEXAMPLE":     `"git\nexample" is no host name`,
		prefix + "HTTPS__M\u00dcNCHEN__DE": `is no host name`,
		// Neither IPv4 addresses nor names, whose last part has a letter.
		prefix + "HTTPS__256__1__1__1":      `"256.1.1" is no host name`,
		prefix + "HTTPS__10__1__2__3__4__5": `"10.1.2.3.4" is no host name`,
		prefix + "HTTPS__GIT__1:443":        `"git.1" is no host name`,
		// What Unicode takes for a large k and a large i are letters of other hosts.
		prefix + "HTTPS__\u212aGIT__DE":                       `is no host name`,
		prefix + "HTTPS__G\u0130T__DE":                        `is no host name`,
		prefix + "HTTPS__GIT__COM__99999999999999999999":      `"99999999999999999999" is no port`,
		prefix + "HTTPS__" + strings.Repeat("A__", 127) + "B": "is no host name",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseVariable(name, login)
			says(t, err, name+": ", want, "write GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM=USER:PASSWORD for https://git.example.com")
			if err != nil {
				hides(t, err.Error(), password, "robot")
			}
		})
	}
}

func TestVariableValues(t *testing.T) {
	for _, tt := range []struct{ value, user, password string }{
		{"robot:s3cret", "robot", "s3cret"},
		{"robot:s3:cr:et", "robot", "s3:cr:et"},
		{"robot:s3cret:", "robot", "s3cret:"},
		{"robot::s3cret", "robot", ":s3cret"},
		{"s3cret", "s3cret", "x-oauth-basic"},
		{"s3cret:", "s3cret", "x-oauth-basic"},
		{":s3cret", "", "s3cret"},
		{"r\u00f6bot:s\u00e9cret\u20ac\U0001f511", "r\u00f6bot", "s\u00e9cret\u20ac\U0001f511"},
		{" ro bot : s3 cret ", " ro bot ", " s3 cret "},
		{`r"o'bot:s3"cr'et\`, `r"o'bot`, `s3"cr'et\`},
		{"robot:#s3cret=&%41$x`y`", "robot", "#s3cret=&%41$x`y`"},
		{"robot:s3\tcret", "robot", "s3\tcret"},
		{"robot:\xff\xfe", "robot", "\xff\xfe"},
	} {
		t.Run(tt.value, func(t *testing.T) {
			got, err := ParseVariable(variable, tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if got.User != tt.user || got.Password != tt.password {
				t.Errorf("got %q and %q", got.User, got.Password)
			}
			// Both askers get them byte for byte.
			var out bytes.Buffer
			if err := (Credentials{got}).ServeGit("get", strings.NewReader("protocol=https\nhost=git.example.com\n\n"), &out); err != nil {
				t.Fatal(err)
			}
			if want := "username=" + tt.user + "\npassword=" + tt.password + "\n"; out.String() != want {
				t.Errorf("git is told %q, want %q", out.String(), want)
			}
			out.Reset()
			if err := (Credentials{got}).ServeGo("", &out); err != nil {
				t.Fatal(err)
			}
			if told := askGo(t, out.String())["git.example.com"]; told != tt.user+":"+tt.password {
				t.Errorf("the go command is told %q", told)
			}
		})
	}
	for value, want := range map[string]string{
		"":                    "the value is empty: write " + variable + "=USER:PASSWORD",
		":":                   "the value is empty",
		"robot:s3cret\n":      "the password has a line break in it",
		"robot:s3\ncret":      "the password has a line break in it",
		"robot:s3cret\r":      "the password has a line break in it",
		"robot:s3\x00cret":    "the password has a line break in it",
		"ro\nbot:s3cret":      "the user has a line break in it",
		"s3cret\n":            "the user has a line break in it",
		"s3cret\nhost=x\n":    "the user has a line break in it",
		"robot:s3cret\r\nx=y": "the password has a line break in it",
	} {
		t.Run(fmt.Sprintf("%q", value), func(t *testing.T) {
			_, err := ParseVariable(variable, value)
			says(t, err, variable+": "+want)
			if err != nil {
				hides(t, err.Error(), "s3", "cret", "bot")
			}
		})
	}
}

func TestVariablesTogether(t *testing.T) {
	const other = prefix + "HTTPS__git.example.com:443"
	for name, tt := range map[string]struct {
		env  map[string]string
		want []string
		err  []string
	}{
		"none":                      {map[string]string{"GOFLAGS": "-v", "GIT": "x", "GO_LINKER_VALUE": "v"}, nil, nil},
		"twice the same":            {map[string]string{variable: login, other: login}, []string{variable, other}, nil},
		"the same, user is another": {map[string]string{variable: login, other: "human:" + password}, nil, []string{variable, other, "https://git.example.com"}},
		"two passwords":             {map[string]string{variable: login, other: login + "!"}, nil, []string{variable, other, "remove one"}},
		"a token and a password":    {map[string]string{variable: password, other: login}, nil, []string{variable, other}},
		"other protocol, other port": {
			map[string]string{variable: "a:s3cret-a", prefix + "HTTP__GIT__EXAMPLE__COM": "b:s3cret-b", variable + "__8443": "c:s3cret-c"},
			[]string{variable, variable + "__8443", prefix + "HTTP__GIT__EXAMPLE__COM"}, nil,
		},
		"an underscore is missing": {map[string]string{"GO_GIT_CRED_HTTPS__GIT": login}, nil, []string{"GO_GIT_CRED_HTTPS__GIT: "}},
		"in small letters":         {map[string]string{"go_git_cred__https__git": login}, nil, []string{"go_git_cred__https__git: "}},
		"one of two is wrong":      {map[string]string{variable: login, prefix + "FTP__X": login}, nil, []string{prefix + "FTP__X: "}},
	} {
		t.Run(name, func(t *testing.T) {
			access, err := Read(tt.env, nil)
			if len(tt.err) > 0 {
				says(t, err, tt.err...)
				if err != nil {
					hides(t, err.Error(), password, "robot", "human")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names, used []string
			for _, c := range access.Credentials {
				names, used = append(names, c.From), append(used, c.From+": login for "+c.Protocol+"://"+c.Host)
			}
			if diff := cmp.Diff(tt.want, names); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(used, access.Used); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestVariableIsNamedForAHost(t *testing.T) {
	for _, tt := range nameTests {
		t.Run(tt.host, func(t *testing.T) {
			name := Variable(tt.protocol, tt.host)
			got, err := ParseVariable(name, login)
			if err != nil || got.Protocol != tt.protocol || got.Host != tt.host {
				t.Errorf("%s is for %s://%s, %v", name, got.Protocol, got.Host, err)
			}
		})
	}
	if got := Variable("https", "my-git.example.com:8443"); got != "GO_GIT_CRED__HTTPS__MY_GIT__EXAMPLE__COM__8443" {
		t.Error(got)
	}
}

// findTests: the place that is asked for, as a URL, and which login it gets.
var findTests = []struct {
	name  string
	all   Credentials
	asked string
	want  string
}{
	{"the host", Credentials{{Protocol: "https", Host: "git.example.com", From: "a"}}, "https://git.example.com/x", "a"},
	{"other port", Credentials{{Protocol: "https", Host: "git.example.com", From: "a"}}, "https://git.example.com:8443/x", ""},
	{"that port", Credentials{{Protocol: "https", Host: "git.example.com:8443", From: "a"}}, "https://git.example.com:8443/x", "a"},
	{"no port", Credentials{{Protocol: "https", Host: "git.example.com:8443", From: "a"}}, "https://git.example.com/x", ""},
	{"the own port, said", Credentials{{Protocol: "https", Host: "git.example.com", From: "a"}}, "https://git.example.com:443/x", "a"},
	{"http", Credentials{{Protocol: "https", Host: "git.example.com", From: "a"}}, "http://git.example.com/x", ""},
	{"http on the port of https", Credentials{{Protocol: "https", Host: "git.example.com", From: "a"}}, "http://git.example.com:443/x", ""},
	{"https for a login of http", Credentials{{Protocol: "http", Host: "git.example.com", From: "a"}}, "https://git.example.com/x", ""},
	{"https on the port of http", Credentials{{Protocol: "http", Host: "git.example.com", From: "a"}}, "https://git.example.com:80/x", ""},
	{"the first of two", Credentials{{Protocol: "https", Host: "g", From: "a"}, {Protocol: "https", Host: "g", From: "b"}}, "https://g/", "a"},
	{"all ports, its own", Credentials{{Protocol: "https", Host: "g", AnyPort: true, From: "a"}}, "https://g/", "a"},
	{"all ports, another", Credentials{{Protocol: "https", Host: "g", AnyPort: true, From: "a"}}, "https://g:8443/", "a"},
	{"all ports, another host", Credentials{{Protocol: "https", Host: "g", AnyPort: true, From: "a"}}, "https://h:8443/", ""},
	{"all ports, http", Credentials{{Protocol: "https", Host: "g", AnyPort: true, From: "a"}}, "http://g/", ""},
	{"all hosts", Credentials{{Protocol: "https", From: "a"}}, "https://g:8443/", "a"},
	{"all hosts, http", Credentials{{Protocol: "https", From: "a"}}, "http://g/", ""},
	{"one host before all", Credentials{{Protocol: "https", From: "a"}, {Protocol: "https", Host: "g", From: "b"}}, "https://g/", "b"},
	{"all hosts beside one", Credentials{{Protocol: "https", Host: "g", From: "b"}, {Protocol: "https", From: "a"}}, "https://h/", "a"},
	{"the path", Credentials{{Protocol: "https", Host: "g", Path: "team", From: "a"}}, "https://g/team", "a"},
	{"below the path", Credentials{{Protocol: "https", Host: "g", Path: "team", From: "a"}}, "https://g/team/x/y.git", "a"},
	{"beside the path", Credentials{{Protocol: "https", Host: "g", Path: "team", From: "a"}}, "https://g/team2/x", ""},
	{"above the path", Credentials{{Protocol: "https", Host: "g", Path: "team/x", From: "a"}}, "https://g/team", ""},
	{"no path", Credentials{{Protocol: "https", Host: "g", Path: "team", From: "a"}}, "https://g", ""},
	{"a path in other letters", Credentials{{Protocol: "https", Host: "g", Path: "team", From: "a"}}, "https://g/TEAM/x", ""},
	{"the longest path", Credentials{
		{Protocol: "https", Host: "g", From: "a"}, {Protocol: "https", Host: "g", Path: "t/x", From: "b"}, {Protocol: "https", Host: "g", Path: "t", From: "c"},
	}, "https://g/t/x/y", "b"},
	{"the longest path that fits", Credentials{
		{Protocol: "https", Host: "g", From: "a"}, {Protocol: "https", Host: "g", Path: "t/x", From: "b"}, {Protocol: "https", Host: "g", Path: "t", From: "c"},
	}, "https://g/t/z", "c"},
	{"the user", Credentials{{Protocol: "https", Host: "g", User: "u", From: "a"}, {Protocol: "https", Host: "g", User: "v", From: "b"}}, "https://v@g/", "b"},
	{"the user before the path", Credentials{{Protocol: "https", Host: "g", Path: "t", User: "u", From: "a"}, {Protocol: "https", Host: "g", User: "v", From: "b"}}, "https://v@g/t/x", "b"},
	{"a user that has no login", Credentials{{Protocol: "https", Host: "g", User: "u", From: "a"}, {Protocol: "https", Host: "g", User: "v", From: "b"}}, "https://git@g/", "a"},
	{"a login without a user is no more exact", Credentials{
		{Protocol: "https", Host: "g", From: "a"}, {Protocol: "https", Host: "g", Path: "team", User: "u", From: "b"},
	}, "https://g/team/x", "b"},
	{"a login without a user and one for all hosts", Credentials{{Protocol: "https", From: "a"}, {Protocol: "https", Host: "g", User: "u", From: "b"}}, "https://g/x", "b"},
	{"large letters", Credentials{{Protocol: "https", Host: "git.example.com", From: "a"}}, "https://GIT.Example.Com/x", "a"},
	{"not over ssh", Credentials{{Protocol: "https", From: "a"}}, "ssh://g/x", ""},
	{"no host", Credentials{{Protocol: "https", From: "a"}}, "https:///x", ""},
	{"nothing", nil, "https://g/x", ""},
}

func TestFind(t *testing.T) {
	for _, tt := range findTests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := url.Parse(tt.asked)
			if err != nil {
				t.Fatal(err)
			}
			p, ok := placeOf(u)
			var got Credential
			if ok {
				got, _ = tt.all.find(p, u.User.Username())
			}
			if got.From != tt.want {
				t.Errorf("got that of %q, want that of %q", got.From, tt.want)
			}
		})
	}
}

// TestServedToNothingElse: the login of a variable goes to one protocol, host and port, whoever asks.
func TestServedToNothingElse(t *testing.T) {
	near := []string{
		"https://git-example.com", "https://git-example-com", "https://git.example-com", "https://git_example.com", "https://gitexample.com",
		"https://git.example.com.evil.example", "https://evil.git.example.com", "https://evilgit.example.com", "https://evil-git.example.com",
		"https://git.example.co", "https://git.example.comm", "https://example.com", "https://com", "https://git", "https://git.example",
		"https://git.example.com.", "https://.git.example.com", "https://git..example.com", "https://git.example.com:444", "https://git.example.com:4430",
		"https://git.example.com:80", "https://git.example.com:0", "https://git.example.com:8443", "http://git.example.com", "http://git.example.com:443",
		"http://git.example.com:80", "https://git.example.com@evil.example", "https://evil.example/git.example.com", "https://evil.example?git.example.com",
		"https://evil.example#git.example.com", "ftp://git.example.com", "ssh://git.example.com", "git://git.example.com", "//git.example.com",
		"https://my-git.example.com", "https://my.git.example.com", "https://10.1.2.3", "https://10-1-2-3", "https://10.1.2.3:8443", "https://10.1.2.30", "https://[::1]",
		"https://localhost", "https://localhost:3000",
		// What Unicode takes for the letters in large or small; to the rest of the world it is another host.
		"https://g\u0131t.example.com", "https://g\u0130t.example.com", "https://git.example.com%00.evil.example", "https://git.example.com\\.evil.example",
	}
	for _, tt := range nameTests {
		c, err := ParseVariable(prefix+tt.name, login)
		if err != nil {
			t.Fatal(err)
		}
		own := tt.protocol + "://" + tt.host
		all := Credentials{c}
		for _, path := range []string{"", "/", "/team/lib.git", "/?go-get=1"} {
			if served := whoIsServed(t, all, own+path); served != "git, downloads, go again" && (tt.protocol != "http" || served != "git, downloads") {
				t.Errorf("%s: %s%s is served to %q", tt.name, own, path, served)
			}
			for _, asked := range near {
				if u, err := url.Parse(asked); err == nil && u.Scheme == tt.protocol && strings.TrimSuffix(u.Host, map[string]string{"https": ":443", "http": ":80"}[u.Scheme]) == tt.host {
					continue // its own
				}
				if served := whoIsServed(t, all, asked+path); served != "" {
					t.Errorf("%s: %s%s is served to %s", tt.name, asked, path, served)
				}
			}
		}
		var out bytes.Buffer
		if err := all.ServeGo("", &out); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		if tt.protocol == "https" {
			want[tt.host] = login
			if !strings.Contains(tt.host, ":") {
				want[tt.host+":443"] = login
			}
		}
		if diff := cmp.Diff(want, askGo(t, out.String())); diff != "" {
			t.Errorf("%s: the go command knows (-want +got):\n%s", tt.name, diff)
		}
	}
}

// whoIsServed says which of those who ask get a login for a URL.
func whoIsServed(t *testing.T, all Credentials, asked string) string {
	t.Helper()
	var who []string
	protocol, rest, _ := strings.Cut(asked, "://")
	host, path, _ := strings.Cut(rest, "/")
	for name, ask := range map[string]func(*bytes.Buffer) error{
		"git": func(out *bytes.Buffer) error {
			return all.ServeGit("get", strings.NewReader("protocol="+protocol+"\nhost="+host+"\npath="+path+"\n\n"), out)
		},
		"go again": func(out *bytes.Buffer) error {
			_ = all.ServeGo(asked, out) // a URL that is none is an error, which tells nothing
			return nil
		},
		"downloads": func(out *bytes.Buffer) error {
			if u, err := url.Parse(asked); err == nil {
				out.WriteString(all.For(u).String())
			}
			return nil
		},
	} {
		var out bytes.Buffer
		if err := ask(&out); err != nil {
			t.Errorf("%s, %s: %v", name, asked, err)
		}
		if out.Len() > 0 {
			who = append(who, name)
		}
	}
	var sorted []string
	for _, name := range []string{"git", "downloads", "go again"} {
		for _, w := range who {
			if w == name {
				sorted = append(sorted, w)
			}
		}
	}
	return strings.Join(sorted, ", ")
}
