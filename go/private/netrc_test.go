package private

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// netrcTests are files and what they say: for the machine git.example.com curl has to say the same.
var netrcTests = []struct {
	name, text string
	want       []netrcLogin
	// login is what git.example.com gets, without the defaults of a file.
	login string
}{
	{"a line", "machine git.example.com login l password p", []netrcLogin{{"git.example.com", "l", "p", false}}, "l:p"},
	{"a line each", "machine git.example.com\nlogin l\npassword p\n", []netrcLogin{{"git.example.com", "l", "p", false}}, "l:p"},
	{"a word each line", "machine\ngit.example.com\n\tlogin\n  l\n\npassword\np\n", []netrcLogin{{"git.example.com", "l", "p", false}}, "l:p"},
	{"Windows", "machine git.example.com\r\nlogin l\r\npassword p\r\n", []netrcLogin{{"git.example.com", "l", "p", false}}, "l:p"},
	{"several on one line", "machine a.example.com login a password b machine git.example.com login l password p machine c.example.com login c password d",
		[]netrcLogin{{"a.example.com", "a", "b", false}, {"git.example.com", "l", "p", false}, {"c.example.com", "c", "d", false}}, "l:p"},
	{"password first", "machine git.example.com password p login l", []netrcLogin{{"git.example.com", "l", "p", false}}, "l:p"},
	{"account", "machine git.example.com login l account a password p", []netrcLogin{{"git.example.com", "l", "p", false}}, "l:p"},
	{"comments", "# machine git.example.com login x password y\n\t # z\nmachine git.example.com # here\n login l # there\n#password y\n password p # p\n",
		[]netrcLogin{{"git.example.com", "l", "p", false}}, "l:p"},
	{"a # in a word", "machine git.example.com login l#l password p#", []netrcLogin{{"git.example.com", "l#l", "p#", false}}, "l#l:p#"},
	{"a # in quotes", `machine git.example.com login l password "#p"`, []netrcLogin{{"git.example.com", "l", "#p", false}}, "l:#p"},
	{"quotes", `machine git.example.com login "l l" password "p \"p\" \\ '"`, []netrcLogin{{"git.example.com", "l l", `p "p" \ '`, false}}, `l l:p "p" \ '`},
	{"a tab in quotes", `machine git.example.com login l password "p\tp"`, []netrcLogin{{"git.example.com", "l", "p\tp", false}}, "l:p\tp"},
	{"a quote in a word", `machine git.example.com login l"l password p"p"\n`, []netrcLogin{{"git.example.com", `l"l`, `p"p"\n`, false}}, `l"l:p"p"\n`},
	{"words that are keys", "machine git.example.com login password password login", []netrcLogin{{"git.example.com", "password", "login", false}}, "password:login"},
	{"duplicates", "machine git.example.com login l password p\nmachine git.example.com login m password q\n",
		[]netrcLogin{{"git.example.com", "l", "p", false}, {"git.example.com", "m", "q", false}}, "l:p"},
	{"a macro", "machine git.example.com login l password p\nmacdef init\nlogin x password y\nmachine git.example.com\n\nmachine b.example.com login b password c\n",
		[]netrcLogin{{"git.example.com", "l", "p", false}, {"b.example.com", "b", "c", false}}, "l:p"},
	{"a macro before it", "macdef init\nmachine git.example.com login x password y\n\nmachine git.example.com login l password p\n",
		[]netrcLogin{{"git.example.com", "l", "p", false}}, "l:p"},
	{"a macro without an end", "machine git.example.com login l password p\nmacdef init\nmachine x\n", []netrcLogin{{"git.example.com", "l", "p", false}}, "l:p"},
	{"another machine", "machine git-example.com login l password p\nmachine example.com login l password p", []netrcLogin{{"git-example.com", "l", "p", false}, {"example.com", "l", "p", false}}, ":"},
	{"large letters", "machine GIT.Example.com login l password p", []netrcLogin{{"GIT.Example.com", "l", "p", false}}, "l:p"},
	{"not ASCII", "machine git.example.com login l\u00f6 password p\u20ac\u00a0p", []netrcLogin{{"git.example.com", "l\u00f6", "p\u20ac\u00a0p", false}}, "l\u00f6:p\u20ac\u00a0p"},
	{"a colon", "machine git.example.com login l password p:q:", []netrcLogin{{"git.example.com", "l", "p:q:", false}}, "l:p:q:"},
	{"nothing", "", nil, ":"},
}

func TestNetrc(t *testing.T) {
	for _, tt := range netrcTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseNetrc(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(netrcLogin{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			all, err := netrcCredentials(tt.text, "x")
			if err != nil {
				t.Fatal(err)
			}
			for _, host := range []string{"git.example.com", "git.example.com:8443"} {
				c, _ := all.find(place{"https", host, ""}, "")
				if c.User+":"+c.Password != tt.login {
					t.Errorf("%s gets %q and %q", host, c.User, c.Password)
				}
			}
		})
	}
	// Not even versions of curl agree on it. The go command reads it like this.
	hash, err := netrcCredentials("machine git.example.com login #l password #p # and a comment\n", "x")
	if err != nil || len(hash) != 1 || hash[0].User != "#l" || hash[0].Password != "#p" {
		t.Errorf("a password that begins with #: %v, %v", err, hash)
	}
	others, err := parseNetrc("machine a login l password p default login d password q")
	want := []netrcLogin{{"a", "l", "p", false}, {"", "d", "q", true}}
	if diff := cmp.Diff(want, others, cmp.AllowUnexported(netrcLogin{})); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	all, err := netrcCredentials("default login d password q\nmachine A.example.com:8443 login l password p", "x")
	if diff := cmp.Diff(Credentials{{Protocol: "https", Host: "a.example.com:8443", User: "l", Password: "p", From: "x"}}, all); diff != "" || err != nil {
		t.Errorf("the default is left out, a port is that port: %v (-want +got):\n%s", err, diff)
	}
}

// TestNetrcAsCurl asks curl, whose reader is git's, what the same files say.
func TestNetrcAsCurl(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIPPED: no curl here, so that what it reads is not compared: apt-get install curl")
	}
	logins := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		logins <- user + ":" + password
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	port := address[strings.LastIndex(address, ":")+1:]
	for _, tt := range netrcTests {
		t.Run(tt.name, func(t *testing.T) {
			file := writeFile(t, filepath.Join(t.TempDir(), "netrc"), tt.text, 0o600)
			cmd := exec.CommandContext(t.Context(), "curl", "-q", "-sS", "--noproxy", "*", "--resolve", "git.example.com:"+port+":127.0.0.1", "--netrc-optional", "--netrc-file", file, "http://git.example.com:"+port)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if login := <-logins; login != tt.login {
				t.Errorf("curl says %q", login)
			}
		})
	}
}

func TestNetrcErrors(t *testing.T) {
	for text, want := range map[string]string{
		"machine":                               `nothing comes after the word "machine"`,
		"machine a.example.com login":           `nothing comes after the word "login"`,
		"machine a.example.com login l account": `nothing comes after the word "account"`,
		"password p":                            `the word "password" comes before the first machine`,
		"machine a.example.com login l password s3cret s3cret": "after 1 machines",
		"MACHINE a.example.com":                                "after 0 machines",
		"machine a_b.example.com login l password s3cret":      "machine 1 has no name that is HOST or HOST:PORT",
		"machine \"\" login l password s3cret":                 "machine 1 has no name",
	} {
		all, err := netrcCredentials(text, "x")
		says(t, err, want)
		if err != nil {
			hides(t, err.Error(), "s3cret")
		}
		if len(all) > 0 {
			t.Errorf("%q: %v", text, all)
		}
	}
}

// TestNetrcOfTheImage: the build image's own file has no say when it is not there or broken.
func TestNetrcOfTheImage(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "netrc"), "machine git.example.com login l password p", 0o600)
	if diff := cmp.Diff(Credentials{{Protocol: "https", Host: "git.example.com", AnyPort: true, User: "l", Password: "p", From: file}}, Netrc(file)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, file := range []string{filepath.Join(dir, "none"), dir, "", writeFile(t, filepath.Join(dir, "broken"), "machine git.example.com login l password", 0o600)} {
		if all := Netrc(file); all != nil {
			t.Errorf("%q: %v", file, all)
		}
	}
}
