package private

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
)

// credentialsOf are logins without what each test does not ask for.
func credentialsOf(t testing.TB, all map[string]map[string]string) Access {
	t.Helper()
	access, err := Read(nil, bind(t, t.TempDir(), all))
	if err != nil {
		t.Fatal(err)
	}
	return access
}

func TestGitCredentials(t *testing.T) {
	for name, tt := range map[string]struct {
		credentials, context string
		want                 Credentials
		used                 []string
	}{
		"host in it": {"protocol=https\nhost=git.example.com\nusername=robot\npassword=s3cret\n", "",
			Credentials{{Protocol: "https", Host: "git.example.com", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com"}},
		"host in the context": {"username=robot\npassword=s3cret", "https://git.example.com\n",
			Credentials{{Protocol: "https", Host: "git.example.com", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com"}},
		"context with a path and a port": {"username=robot\npassword=s3cret\n", " https://Git.Example.com:8443/Team/Lib.git/ ",
			Credentials{{Protocol: "https", Host: "git.example.com:8443", Path: "Team/Lib.git", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com:8443/Team/Lib.git"}},
		"http": {"username=robot\npassword=s3cret\n", "http://git.example.com:80",
			Credentials{{Protocol: "http", Host: "git.example.com", User: "robot", Password: "s3cret"}}, []string{"http://git.example.com"}},
		"its own word and the context's": {"protocol=https\nhost=Git.Example.com:443\nusername=robot\npassword=s3cret\n", "https://git.example.com/team",
			Credentials{{Protocol: "https", Host: "git.example.com", Path: "team", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com/team"}},
		"less than the context": {"url=https://robot:s3cret@git.example.com/team/lib\n", "https://git.example.com/team",
			Credentials{{Protocol: "https", Host: "git.example.com", Path: "team/lib", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com/team/lib"}},
		"a URL without a path": {"url=https://robot:s3cret@git.example.com\n", "https://git.example.com/team",
			Credentials{{Protocol: "https", Host: "git.example.com", Path: "team", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com/team"}},
		"url with a login": {"url=https://robot:s3cret%40@git.example.com/team\n", "",
			Credentials{{Protocol: "https", Host: "git.example.com", Path: "team", User: "robot", Password: "s3cret@"}}, []string{"https://git.example.com/team"}},
		"context with a user": {"password=s3cret\n", "https://robot@git.example.com",
			Credentials{{Protocol: "https", Host: "git.example.com", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com"}},
		"no user": {"password=s3cret\n", "https://git.example.com",
			Credentials{{Protocol: "https", Host: "git.example.com", Password: "s3cret"}}, []string{"https://git.example.com"}},
		"a path in it": {"protocol=https\nhost=git.example.com\npath=/team/\nusername=robot\npassword=s3cret\n", "",
			Credentials{{Protocol: "https", Host: "git.example.com", Path: "team", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com/team"}},
		"Windows": {"protocol=https\r\nhost=git.example.com\r\nusername=robot\r\npassword=s3cret\r\n", "\r\n",
			Credentials{{Protocol: "https", Host: "git.example.com", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com"}},
		"blanks count in values": {"host=git.example.com\nusername= ro=bot \npassword= s3=cret ", "",
			Credentials{{Protocol: "https", Host: "git.example.com", User: " ro=bot ", Password: " s3=cret "}}, []string{"https://git.example.com"}},
		"unknown keys": {"capability[]=authtype\nhost=git.example.com\nusername=robot\npassword=s3cret\npassword_expiry_utc=1\n=x\n", "",
			Credentials{{Protocol: "https", Host: "git.example.com", User: "robot", Password: "s3cret"}}, []string{"https://git.example.com"}},
		"two logins": {"\n\nhost=a.example.com\nusername=a\npassword=s3cret-a\n\n\n\nhost=b.example.com\nusername=b\npassword=s3cret-b\n\n", "",
			Credentials{{Protocol: "https", Host: "a.example.com", User: "a", Password: "s3cret-a"}, {Protocol: "https", Host: "b.example.com", User: "b", Password: "s3cret-b"}},
			[]string{"https://a.example.com", "https://b.example.com"}},
		"for every host": {"username=robot\npassword=s3cret\n", "",
			Credentials{{Protocol: "https", User: "robot", Password: "s3cret"}}, []string{"every https server that asks for one"}},
	} {
		t.Run(name, func(t *testing.T) {
			entries := map[string]string{"type": "git-credentials\n", "credentials": tt.credentials}
			if tt.context != "" {
				entries["context"] = tt.context
			}
			got := credentialsOf(t, map[string]map[string]string{"mine": entries})
			for i := range tt.want {
				tt.want[i].From, tt.used[i] = "the binding mine", "binding mine: login for "+tt.used[i]
			}
			if diff := cmp.Diff(tt.want, got.Credentials); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.used, got.Used); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if warned := len(got.Warnings) > 0 && strings.Contains(got.Warnings[0], "the binding mine goes to every https server"); warned != (name == "for every host") {
				t.Errorf("warnings: %q", got.Warnings)
			}
			hides(t, strings.Join(append(got.Used, got.Warnings...), "\n"), "s3", "cret", "robot")
		})
	}
}

// bindingErrorTests are bindings that cannot be used, and what the error has to say beside their name.
var bindingErrorTests = []struct {
	name    string
	entries map[string]string
	want    []string
}{
	{"no credentials", map[string]string{"type": "git-credentials"}, []string{`it has no credentials: write "username=USER"`}},
	{"empty credentials", map[string]string{"type": "git-credentials", "credentials": " \n"}, []string{"it has no credentials"}},
	{"a value in place of credentials", map[string]string{"type": "git-credentials", "credentials": "host=g\ns3cret\n"}, []string{"line 2 of its credentials is not KEY=VALUE"}},
	{"a value in place of the second credentials", map[string]string{"type": "git-credentials", "credentials": "host=g\npassword=s3cret\n\n\nhost=h\npassword=s3cret\ns3cret\n"},
		[]string{"line 7 of its credentials is not KEY=VALUE"}},
	{"no password", map[string]string{"type": "git-credentials", "credentials": "host=g\nusername=s3cret\n"}, []string{`no line "password=PASSWORD"`}},
	{"an empty password", map[string]string{"type": "git-credentials", "credentials": "host=g\npassword=\n"}, []string{`no line "password=PASSWORD"`}},
	{"context is no URL", map[string]string{"type": "git-credentials", "credentials": "password=s3cret", "context": "git.example.com"}, []string{"its context is no URL: write https://HOST"}},
	{"context is a broken URL", map[string]string{"type": "git-credentials", "credentials": "password=s3cret", "context": "https://u:s3cret@h:x%/"}, []string{"its context is no URL"}},
	{"url is a broken URL", map[string]string{"type": "git-credentials", "credentials": "url=https://u:s3cret%zz@h"}, []string{"its url is no URL"}},
	{"context is ssh", map[string]string{"type": "git-credentials", "credentials": "password=s3cret", "context": "ssh://git@git.example.com"}, []string{"its protocol is neither https nor http"}},
	{"host is none", map[string]string{"type": "git-credentials", "credentials": "host=a b\npassword=s3cret"}, []string{"its host is no host name: write HOST or HOST:PORT"}},
	{"port is none", map[string]string{"type": "git-credentials", "credentials": "host=g:0\npassword=s3cret"}, []string{"its host is no host name"}},
	{"another host than the context's", map[string]string{"type": "git-credentials", "credentials": "host=g\npassword=s3cret", "context": "https://h"}, []string{"for another place than its context"}},
	{"another protocol than the context's", map[string]string{"type": "git-credentials", "credentials": "protocol=http\nhost=h\npassword=s3cret", "context": "https://h"}, []string{"for another place than its context"}},
	{"another path than the context's", map[string]string{"type": "git-credentials", "credentials": "path=teams\npassword=s3cret", "context": "https://h/team"}, []string{"for another place than its context"}},
	{"a URL for a host", map[string]string{"type": "git-credentials", "credentials": "host=https://robot:s3cret@g\npassword=s3cret"}, []string{"its host is no host name"}},
	{"a login in the host", map[string]string{"type": "git-credentials", "credentials": "host=robot:s3cret@g\npassword=s3cret"}, []string{"its host is no host name"}},
	{"http for every host", map[string]string{"type": "git-credentials", "credentials": "protocol=http\npassword=s3cret"}, []string{`no line "host=HOST"`}},
	{"a path for every host", map[string]string{"type": "git-credentials", "credentials": "path=team\npassword=s3cret"}, []string{`no line "host=HOST"`}},
	{"a line break in the password", map[string]string{"type": "git-credentials", "credentials": "host=g\npassword=s3\rcret\n"}, []string{"the password has a line break"}},
	{"a line break in the user, by the URL", map[string]string{"type": "git-credentials", "credentials": "url=https://s3%0Acret:s3cret@g\n"}, []string{"the user has a line break"}},

	{"no netrc", map[string]string{"type": "netrc", "netrc": "machine g login l password s3cret"}, []string{`it has no .netrc: write "machine HOST login USER password PASSWORD"`}},
	{"a password in place of a netrc", map[string]string{"type": "netrc", ".netrc": "s3cret"}, []string{".netrc: a word that is none of machine,", "after 0 machines"}},
	{"a password of two words", map[string]string{"type": "netrc", ".netrc": "machine a login l password s3cret\nmachine g login l password s3cret s3cret"}, []string{"a word that is none of machine,", "after 2 machines"}},
	{"truncated", map[string]string{"type": "netrc", ".netrc": "machine g login s3cret password"}, []string{`nothing comes after the word "password"`}},
	{"a login before the machine", map[string]string{"type": "netrc", ".netrc": "login s3cret password s3cret"}, []string{`the word "login" comes before the first machine`}},
	{"the default alone", map[string]string{"type": "netrc", ".netrc": "default login s3cret password s3cret"}, []string{".netrc names no machine", "its default goes to no server"}},
	{"comments alone", map[string]string{"type": "netrc", ".netrc": "# s3cret\n"}, []string{".netrc names no machine"}},
	{"a URL for a machine", map[string]string{"type": "netrc", ".netrc": "machine https://robot:s3cret@g login l password s3cret"}, []string{".netrc: machine 1 has no name that is HOST or HOST:PORT"}},
	{"an escaped line break", map[string]string{"type": "netrc", ".netrc": `machine g login l password "s3\ncret"`}, []string{"machine 1 (g): the password has a line break"}},

	{"no url", map[string]string{"type": "goproxy", "username": "robot", "password": "s3cret"}, []string{"it has no url: write the address of the module proxy"}},
	{"no URL", map[string]string{"type": "goproxy", "url": "proxy.example.com", "password": "s3cret"}, []string{"its url is no URL: write https://HOST/PATH"}},
	{"a broken URL", map[string]string{"type": "goproxy", "url": "https://u:s3cret%zz@h"}, []string{"its url is no URL"}},
	{"a login over http", map[string]string{"type": "goproxy", "url": "http://proxy.example.com", "username": "robot", "password": "s3cret"}, []string{"its url is not https", "over https alone"}},
	{"a login for a directory", map[string]string{"type": "goproxy", "url": "file:///proxy", "password": "s3cret"}, []string{"its url is not https"}},
	{"a password with a line break", map[string]string{"type": "goproxy", "url": "https://proxy.example.com", "password": "s3\ncret"}, []string{"the password has a line break"}},

	{"no key", map[string]string{"type": "git-ssh", "known_hosts": "s3cret"}, []string{"it has no ssh-privatekey"}},
	{"no known_hosts", map[string]string{"type": "git-ssh", "ssh-privatekey": "s3cret"}, []string{"it has no known_hosts: put the output of ssh-keyscan HOST"}},
	{"a key that is none", map[string]string{"type": "git-ssh", "ssh-privatekey": "s3cret", "known_hosts": "x"}, []string{"ssh-privatekey is no private key that ssh can read", "from -----BEGIN to -----END"}},

	{"no certificate", map[string]string{"type": "ca-certificates"}, []string{"it has no certificate: add entries"}},
	{"provider alone", map[string]string{"type": "ca-certificates", "provider": "me"}, []string{"it has no certificate"}},
	{"a certificate that is none", map[string]string{"type": "ca-certificates", "a.pem": "s3cret"}, []string{"a.pem: no certificate in PEM form"}},
}

func TestBindingErrors(t *testing.T) {
	for _, tt := range bindingErrorTests {
		t.Run(tt.name, func(t *testing.T) {
			kind := tt.entries["type"]
			_, err := Read(nil, bind(t, t.TempDir(), map[string]map[string]string{"mine": tt.entries}))
			says(t, err, append(tt.want, "the binding mine (type "+kind+"): ")...)
			if err != nil {
				hides(t, err.Error(), "s3", "cret", "robot")
			}
			// The same from a variable of the platform: no file lies anywhere.
			entries := maps.Clone(tt.entries)
			delete(entries, "type")
			_, err = Read(nil, libcnb.Bindings{{Name: "mine", Type: strings.ToUpper(kind), Secret: entries}})
			says(t, err, append(tt.want, "the binding mine (type "+kind+"): ")...)
			if err != nil {
				hides(t, err.Error(), "s3", "cret", "robot")
			}
		})
	}
}

// TestEntriesThatCannotBeRead are named, and what is required is not said to be missing.
func TestEntriesThatCannotBeRead(t *testing.T) {
	for kind, entries := range map[string]map[string]string{
		"git-credentials": {"credentials": "password=s3cret\n", "context": "https://g"},
		"netrc":           {".netrc": "machine g login l password s3cret"},
		"goproxy":         {"url": "https://g", "username": "robot", "password": "s3cret"},
		"git-ssh":         {"ssh-privatekey": "s3cret", "known_hosts": "x"},
		"ca-certificates": {"a.pem": "s3cret"},
	} {
		for key := range entries {
			t.Run(kind+", "+key, func(t *testing.T) {
				entries := maps.Clone(entries)
				entries["type"] = kind
				all := bind(t, t.TempDir(), map[string]map[string]string{"mine": entries})
				file := filepath.Join(all[0].Path, key)
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
				if err := os.Mkdir(file, 0o755); err != nil {
					t.Fatal(err)
				}
				_, err := Read(nil, all)
				says(t, err, "the binding mine (type "+kind+"): ", key+" cannot be read: is a directory")
				if err != nil {
					hides(t, err.Error(), "s3cret", all[0].Path)
				}
			})
		}
	}
}

// TestBindingsFromAVariable: a platform may hand over bindings without files.
func TestBindingsFromAVariable(t *testing.T) {
	user, _ := newKey(t)
	_, known := newKey(t)
	ca := newAuthority(t, "ca", nil)
	got, err := Read(nil, libcnb.Bindings{
		{Name: "c", Type: "git-credentials", Secret: map[string]string{"credentials": "username=u\npassword= s3cret ", "context": "https://git.example.com"}},
		{Name: "n", Type: "NetRC", Secret: map[string]string{".netrc": "machine n.example.com login l password s3cret-n"}},
		{Name: "p", Type: "goproxy", Secret: map[string]string{"url": "https://p.example.com", "password": "s3cret-p"}},
		{Name: "s", Type: "git-ssh", Secret: map[string]string{"ssh-privatekey": keyFile(t, user, ""), "known_hosts": "s.example.com " + known}},
		{Name: "z", Type: "ca-certificates", Secret: map[string]string{"a": ca.PEM}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Credentials{
		{Protocol: "https", Host: "p.example.com", Password: "s3cret-p", From: "the binding p"},
		{Protocol: "https", Host: "git.example.com", User: "u", Password: " s3cret ", From: "the binding c"},
		{Protocol: "https", Host: "n.example.com", AnyPort: true, User: "l", Password: "s3cret-n", From: "the binding n"},
	}
	if diff := cmp.Diff(want, got.Credentials); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.ssh == nil || got.ssh.keyFile != "" || len(got.certificates) != 1 || got.Proxy != "https://p.example.com" {
		t.Errorf("%+v", got)
	}
}

// TestSeveralBindings: sorted by their names, whatever order the platform has,
// variables before them, and the first of two for one place.
func TestSeveralBindings(t *testing.T) {
	all := bind(t, t.TempDir(), map[string]map[string]string{
		"b-two":   {"type": "Git-Credentials", "credentials": "host=git.example.com\nusername=b\npassword=s3cret-b\n"},
		"a-one":   {"type": "GIT-CREDENTIALS", "credentials": "host=git.example.com\nusername=a\npassword=s3cret-a\n"},
		"netrc":   {"type": "netrc", ".netrc": "machine n.example.com login n password s3cret-n\nmachine n.example.com login m password s3cret-m\n"},
		"other":   {"type": "postgresql", "password": "s3cret-postgres"},
		"typeful": {"type": " git-credentials \n", "credentials": "host=t.example.com\npassword=s3cret-t\n"},
		"proxy":   {"type": "GoProxy", "url": "https://p.example.com/go"},
	})
	for range 2 {
		slices.Reverse(all)
		before := slices.Clone(all)
		got, err := Read(map[string]string{variable: login}, all)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			variable + ": login for https://git.example.com", "binding proxy: module proxy https://p.example.com/go", "binding a-one: login for https://git.example.com",
			"binding b-two: login for https://git.example.com", "binding typeful: login for https://t.example.com",
			"binding netrc: login for n.example.com", "binding netrc: login for n.example.com",
		}
		if diff := cmp.Diff(want, got.Used); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, all); diff != "" {
			t.Errorf("the caller's bindings are in another order: %s", diff)
		}
		for user, from := range map[string]string{"": variable, "a": "the binding a-one", "b": "the binding b-two"} {
			if c, ok := got.Credentials.find(place{"https", "git.example.com", ""}, user); !ok || c.From != from {
				t.Errorf("user %q: %+v", user, c)
			}
		}
		if c, _ := got.Credentials.find(place{"https", "n.example.com", ""}, ""); c.User != "n" {
			t.Errorf("the first of a netrc does not count: %+v", c)
		}
	}
}

func TestGoproxyBinding(t *testing.T) {
	robot := Credential{Protocol: "https", Host: "proxy.example.com:8443", Path: "go/modules", User: "robot", Password: " s3cret ", From: "the binding mine"}
	token := robot
	token.User, token.Password = "s3cret", tokenPassword
	noUser := robot
	noUser.User, noUser.Password = "", "s3cret"
	for name, tt := range map[string]struct {
		entries map[string]string
		proxy   string
		want    Credentials
		used    string
	}{
		"plain":            {map[string]string{"url": "https://proxy.example.com\n"}, "https://proxy.example.com", nil, "https://proxy.example.com"},
		"login":            {map[string]string{"url": " https://Proxy.example.com:8443/go/modules/ ", "username": "robot\n", "password": " s3cret \r\n"}, "https://Proxy.example.com:8443/go/modules/", Credentials{robot}, "https://Proxy.example.com:8443/go/modules/"},
		"token as user":    {map[string]string{"url": "https://proxy.example.com:8443/go/modules", "username": "s3cret"}, "https://proxy.example.com:8443/go/modules", Credentials{token}, "https://proxy.example.com:8443/go/modules"},
		"no user":          {map[string]string{"url": "https://proxy.example.com:8443/go/modules", "password": "s3cret"}, "https://proxy.example.com:8443/go/modules", Credentials{noUser}, "https://proxy.example.com:8443/go/modules"},
		"several":          {map[string]string{"url": "https://proxy.example.com:8443/go/modules,https://b.example.com|direct", "username": "robot", "password": " s3cret "}, "https://proxy.example.com:8443/go/modules,https://b.example.com|direct", Credentials{robot}, "https://proxy.example.com:8443/go/modules"},
		"several, with |":  {map[string]string{"url": "https://a.example.com|direct"}, "https://a.example.com|direct", nil, "https://a.example.com"},
		"http, no login":   {map[string]string{"url": "http://proxy.example.com"}, "http://proxy.example.com", nil, "http://proxy.example.com"},
		"a directory":      {map[string]string{"url": "file:///proxy"}, "file:///proxy", nil, "file:///proxy"},
		"login in the URL": {map[string]string{"url": "https://robot:s3cret@proxy.example.com/go"}, "https://robot:s3cret@proxy.example.com/go", nil, "https://proxy.example.com/go"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.entries["type"] = "goproxy"
			got := credentialsOf(t, map[string]map[string]string{"mine": tt.entries})
			if got.Proxy != tt.proxy {
				t.Errorf("GOPROXY=%s", got.Proxy)
			}
			if diff := cmp.Diff(tt.want, got.Credentials); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"binding mine: module proxy " + tt.used}, got.Used); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			hides(t, strings.Join(got.Used, "\n"), "s3cret", "robot")
		})
	}
	two := map[string]map[string]string{"a": {"type": "goproxy", "url": "https://a"}, "b": {"type": "goproxy", "url": "https://b"}}
	_, err := Read(nil, bind(t, t.TempDir(), two))
	says(t, err, "the binding b (type goproxy): another binding of this type is there too", "with commas")
}
