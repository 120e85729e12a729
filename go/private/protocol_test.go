package private

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// askGo reads what the go command is told as it does itself (its own code is
// not to be had): prefix → USER:PASSWORD.
func askGo(t testing.TB, text string) map[string]string {
	t.Helper()
	known := map[string]string{}
	for text != "" {
		var prefixes []string
		var line string
		next := func(what string) bool {
			var ok bool
			if line, text, ok = strings.Cut(text, "\n"); !ok {
				t.Fatalf("no empty line after the %s", what)
			}
			return line != ""
		}
		for next("URLs") {
			u, err := url.ParseRequestURI(line)
			if err != nil || u.Scheme != "https" {
				t.Fatalf("%q is no URL: %v", line, err)
			}
			prefixes = append(prefixes, strings.TrimPrefix(u.String(), "https://"))
		}
		header := http.Header{}
		for next("headers") {
			name, value, ok := strings.Cut(line, ": ")
			if !ok {
				t.Fatalf("%q is no header", line)
			}
			header.Add(name, value)
		}
		user, password, ok := (&http.Request{Header: header}).BasicAuth()
		if !ok || len(header) != 1 {
			t.Fatalf("no login: %v", header)
		}
		for _, prefix := range prefixes {
			known[prefix] = user + ":" + password
		}
	}
	return known
}

func TestServeGit(t *testing.T) {
	all := Credentials{
		{Protocol: "https", Host: "git.example.com", User: "robot", Password: password},
		{Protocol: "https", Host: "git.example.com", Path: "team", User: "team", Password: "s3cret-team"},
		{Protocol: "http", Host: "git.example.com:8080", User: "plain", Password: "s3cret-plain"},
	}
	const robots, teams, plain = "username=robot\npassword=" + password + "\n", "username=team\npassword=s3cret-team\n", "username=plain\npassword=s3cret-plain\n"
	for name, tt := range map[string]struct{ said, want string }{
		"plain":                  {"protocol=https\nhost=git.example.com\n\n", robots},
		"no empty line":          {"protocol=https\nhost=git.example.com\n", robots},
		"no line break":          {"protocol=https\nhost=git.example.com", robots},
		"Windows":                {"protocol=https\r\nhost=git.example.com\r\n\r\n", robots},
		"all that newer git say": {"capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=git.example.com\nwwwauth[]=Basic realm=\"a=b\"\nwwwauth[]=Bearer\nwwwauth[]=\nstate[]=x:y\nauthtype=Basic\nephemeral=0\n\n", robots},
		"unknown keys":           {"protocol=https\nx=\n=y\n\u20ac=1\nhost=git.example.com\nquit=1\n\n", robots},
		"url":                    {"url=https://git.example.com/x\n\n", robots},
		"url with a path":        {"url=https://git.example.com/team/lib.git\n\n", teams},
		"url over the rest":      {"protocol=http\nhost=evil.example\nurl=https://git.example.com\n\n", robots},
		"the rest over the url":  {"url=https://git.example.com\nhost=evil.example\n\n", ""},
		"url and user":           {"url=https://team@git.example.com/x\n\n", robots},
		"path":                   {"protocol=https\nhost=git.example.com\npath=team/lib.git\n\n", teams},
		"path with slashes":      {"protocol=https\nhost=git.example.com\npath=/team/lib.git/\n\n", teams},
		"another path":           {"protocol=https\nhost=git.example.com\npath=teams/lib.git\n\n", robots},
		"user":                   {"protocol=https\nhost=git.example.com\npath=team/lib.git\nusername=robot\n\n", robots},
		"unknown user":           {"protocol=https\nhost=git.example.com\nusername=git\n\n", robots},
		"the last counts":        {"protocol=http\nhost=a\nprotocol=https\nhost=git.example.com\n\n", robots},
		"after the empty line":   {"protocol=https\nhost=git.example.com\n\nhost=evil.example\n", robots},
		"own port":               {"protocol=https\nhost=git.example.com:443\n\n", robots},
		"large letters":          {"protocol=https\nhost=Git.Example.COM\n\n", robots},
		"a long line":            {"protocol=https\nwwwauth[]=" + strings.Repeat("x", 500_000) + "\nhost=git.example.com\n\n", robots},
		"other port":             {"protocol=http\nhost=git.example.com:8080\n\n", plain},
		"http":                   {"protocol=http\nhost=git.example.com\n\n", ""},
		"other host":             {"protocol=https\nhost=evil.example\n\n", ""},
		"no host":                {"protocol=https\n\n", ""},
		"no protocol":            {"host=git.example.com\n\n", ""},
		"protocol in large":      {"protocol=HTTPS\nhost=git.example.com\n\n", ""},
		"a certificate":          {"protocol=cert\nhost=\npath=/home/me/key.pem\n\n", ""},
		"a mail server":          {"protocol=smtp\nhost=git.example.com:587\n\n", ""},
		"nothing":                {"", ""},
		"an empty line":          {"\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			in := strings.NewReader(tt.said)
			if err := all.ServeGit("get", in, &out); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("got %q, want %q", out.String(), tt.want)
			}
			for _, action := range []string{"store", "erase", "quit", "capability", ""} {
				out.Reset()
				in := strings.NewReader(tt.said + "password=" + password + "\n\n")
				if err := all.ServeGit(action, in, &out); err != nil || out.Len() > 0 || in.Len() > 0 {
					t.Errorf("%s: %v, %q, %d bytes not read", action, err, out.String(), in.Len())
				}
			}
		})
	}
}

// refusing is a pipe that nobody reads or writes.
type refusing struct{}

var errRefused = errors.New("broken pipe")

func (refusing) Write([]byte) (int, error) { return 0, errRefused }
func (refusing) Read([]byte) (int, error)  { return 0, errRefused }

func TestServeGitErrors(t *testing.T) {
	all := Credentials{{Protocol: "https", Host: "g", User: "robot", Password: password}}
	for name, said := range map[string]string{
		"no KEY=VALUE":   "protocol=https\nhost\n\n",
		"no URL":         "url=https://[::1\n\n",
		"an endless one": "host=" + strings.Repeat("x", 2<<20),
	} {
		var out bytes.Buffer
		err := all.ServeGit("get", strings.NewReader(said), &out)
		if err == nil || out.Len() > 0 {
			t.Errorf("%s: got %v, %q", name, err, out.String())
		} else {
			hides(t, err.Error(), password)
		}
	}
	if err := all.ServeGit("get", refusing{}, io.Discard); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	if err := all.ServeGit("store", refusing{}, io.Discard); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	if err := all.ServeGit("get", strings.NewReader("url=https://g\n\n"), refusing{}); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	for _, asked := range []string{"", "https://g/x"} {
		if err := all.ServeGo(asked, refusing{}); !errors.Is(err, errRefused) {
			t.Error(asked, err)
		}
	}
}

func TestServeGo(t *testing.T) {
	all := Credentials{
		{Protocol: "https", Host: "git.example.com", User: "robot", Password: password},
		{Protocol: "https", Host: "git.example.com", User: "second", Password: "s3cret-second"},
		{Protocol: "https", Host: "git.example.com", Path: "team/a b", User: "team", Password: "s3cret-team"},
		{Protocol: "https", Host: "proxy.example.com:8443", User: "p", Password: "s3cret-proxy"},
		{Protocol: "https", Host: "any.example.com", AnyPort: true, User: "n", Password: "s3cret-netrc"},
		{Protocol: "http", Host: "plain.example.com", User: "h", Password: "s3cret-plain"},
	}
	for asked, want := range map[string]map[string]string{
		"": {
			"git.example.com": login, "git.example.com:443": login,
			"git.example.com/team/a%20b": "team:s3cret-team", "git.example.com:443/team/a%20b": "team:s3cret-team",
			"proxy.example.com:8443": "p:s3cret-proxy",
			"any.example.com":        "n:s3cret-netrc", "any.example.com:443": "n:s3cret-netrc",
		},
		"https://git.example.com/lib?go-get=1":            {"git.example.com": login},
		"https://Git.Example.com/lib":                     {"Git.Example.com": login},
		"https://git.example.com:443/lib":                 {"git.example.com:443": login},
		"https://git.example.com/team/a%20b/c?go-get=1":   {"git.example.com/team/a%20b/c?go-get=1": "team:s3cret-team"},
		"https://any.example.com:7000/lib":                {"any.example.com:7000": "n:s3cret-netrc"},
		"https://proxy.example.com:8443/x/@v/list":        {"proxy.example.com:8443": "p:s3cret-proxy"},
		"https://proxy.example.com/x/@v/list":             {},
		"http://plain.example.com/lib":                    {},
		"http://git.example.com/lib":                      {},
		"https://git.example.com.evil.example/lib":        {},
		"https://evil.example/?u=https://git.example.com": {},
		"git.example.com/lib":                             {},
	} {
		t.Run(asked, func(t *testing.T) {
			var out bytes.Buffer
			if err := all.ServeGo(asked, &out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, askGo(t, out.String())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	var out bytes.Buffer
	err := all.ServeGo("https://[::1", &out)
	says(t, err, "a URL that is none")
	if out.Len() > 0 {
		t.Error(out.String())
	}
	// A login for every host is said when a server refuses, and never before.
	everywhere := Credentials{{Protocol: "https", User: "robot", Password: password}}
	if err := everywhere.ServeGo("", &out); err != nil || out.Len() > 0 {
		t.Error(err, out.String())
	}
	if err := everywhere.ServeGo("https://new.example.com/x", &out); err != nil || askGo(t, out.String())["new.example.com"] != login {
		t.Error(err, out.String())
	}
	if !strings.Contains(out.String(), base64.StdEncoding.EncodeToString([]byte(login))) {
		t.Error(out.String())
	}
}

// TestContextOfOneRepository: git says .git and the go command does not, and the login is for both.
func TestContextOfOneRepository(t *testing.T) {
	for _, context := range []string{"team/lib", "team/lib.git"} {
		all := Credentials{{Protocol: "https", Host: "git.example.com", Path: context, User: "robot", Password: password}}
		for path, want := range map[string]bool{
			"team/lib": true, "team/lib.git": true, "team/lib/sub": true, "team/lib.git/info/refs": true,
			"team/library": false, "team/lib.gitx": false, "team": false, "team/lib2.git": false, "": false,
		} {
			if _, got := all.find(place{"https", "git.example.com", path}, ""); got != want {
				t.Errorf("%s: %q gets the login: %v", context, path, got)
			}
		}
		var out bytes.Buffer
		asked := "https://git.example.com/team/lib?go-get=1"
		if err := all.ServeGo(asked, &out); err != nil || !strings.HasPrefix(out.String(), asked+"\n\n") {
			t.Errorf("%s: %v, %q", context, err, out.String())
		}
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	a, err := Read(map[string]string{"GO_GIT_CREDENTIALS": "x", "GO_GIT_CREDS": "x"}, nil)
	if err != nil || len(a.Credentials) > 0 {
		t.Errorf("%v, %v", err, a.Credentials)
	}
	if _, err := Read(map[string]string{"GO_GIT_CRED_HTTPS_GIT_EXAMPLE_COM": "x"}, nil); err == nil {
		t.Error("single underscores are taken for a login that nobody asks for")
	}
}

// TestLoginForAllGoesToWhoAsks: a login without a host is for who asks for one,
// and not for a server that has not got a module.
func TestLoginForAllGoesToWhoAsks(t *testing.T) {
	for response, want := range map[string]bool{
		"HTTP/1.1 401 Unauthorized\nWww-Authenticate: Basic\n\n": true, "HTTP/2.0 401 Unauthorized\n": true,
		"HTTP/1.1 404 Not Found\n\n": false, "HTTP/1.1 403 401\n\n": false, "": false, "401": false,
	} {
		if got := WantsLogin(strings.NewReader(response)); got != want {
			t.Errorf("%q: %v", response, got)
		}
	}
	all := Credentials{{Protocol: "https", User: "robot", Password: password}, {Protocol: "https", Host: "git.example.com", User: "x", Password: "y"}}
	u := &url.URL{Scheme: "https", Host: "other.example.com", Path: "/x"}
	if got := all.For(u); got != nil {
		t.Errorf("a download from a server that did not ask takes %s along", got.Username())
	}
	if got := all.Named(); len(got) != 1 || got[0].Host != "git.example.com" {
		t.Errorf("%+v", got)
	}
}

// TestPathsThatLeadElsewhere: a login for a path is not sent with one that a server may take for another.
func TestPathsThatLeadElsewhere(t *testing.T) {
	all := Credentials{{Protocol: "https", Host: "git.example.com", Path: "team", User: "robot", Password: password}}
	for _, path := range []string{"team/../other/lib.git", "team/./x", "team//x", "team/.."} {
		if _, ok := all.find(place{"https", "git.example.com", path}, ""); ok {
			t.Errorf("%s gets the login", path)
		}
	}
}
