package integration

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The variables with the logins of most tests, and logins.
const (
	httpsVariable = "GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM"
	httpVariable  = "GO_GIT_CRED__HTTP__GIT__EXAMPLE__COM"
	robot         = "robot"
	password      = "s3cret-of-the-robot"
)

// privateGo is the Go that compiles: one with GOAUTH, which one download gets for all tests.
const privateGo = "BP_GO_VERSION=1.26.*"

// TestPrivateDependencies builds apps that need what only a login gets at, from
// servers that are real but for the internet between, and looks for the logins in all that the builds say and leave behind.
func TestPrivateDependencies(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	warm := filepath.Join(t.TempDir(), "layers")
	first := phases{app: copied(t, filepath.Join("testdata", "apps", "none")), layers: warm, scratch: t.TempDir()}
	if built := first.run(t, "build", append(hostNetwork(t), privateGo)...); built.code != 0 {
		t.Fatalf("build:\n%s", built.text)
	}
	for _, group := range []struct {
		name string
		run  func(*testing.T, string)
	}{
		{"over https", overHTTPS},
		{"over http", overHTTP},
		{"over ssh", overSSH},
		{"from a module proxy", fromModuleProxy},
		{"signed by an own authority", signedByOwnAuthority},
		{"without a login that works", refused},
		{"paths with and without .git", pathsAndDotGit},
		{"a login goes to its own place alone", ownPlaceAlone},
		{"a redirect takes no login along", redirected},
		{"passwords and tokens of all kinds", passwords},
		{"private names are told nobody else", namesToldNobody},
		{"with a Go that knows no GOAUTH", oldGo},
		{"under the lifecycle", underLifecycle},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			group.run(t, warm)
		})
	}
}

// overHTTPS gives the login in each way that there is.
func overHTTPS(t *testing.T, warm string) {
	git := newForge(t, "https", "git.example.com", robot+":"+password)
	modules := []private{
		git.hold(t, "group/sub/repo", "git.example.com/group/sub/repo"),
		git.hold(t, "team/lib", "git.example.com/team/lib.git"),
	}
	s := newSite(t, newNetwork(t, map[string]http.Handler{"https://git.example.com": git}), warm)
	for _, c := range []struct {
		name     string
		env      []string
		bindings map[string]map[string]string
	}{
		{"variable", []string{httpsVariable + "=" + robot + ":" + password}, nil},
		{"variable, in a debug log", []string{httpsVariable + "=" + robot + ":" + password, "BP_LOG_LEVEL=DEBUG"}, nil},
		{"git-credentials", nil, gitCredentials("git.example.com", robot, password)},
		{"git-credentials with a context", nil, map[string]map[string]string{"git-credentials": {
			"context": "https://git.example.com", "credentials": "username=" + robot + "\npassword=" + password + "\n",
		}}},
		{"netrc", nil, map[string]map[string]string{"netrc": {
			".netrc": "machine other.example.com login x password y\nmachine git.example.com\n  login " + robot + "\n  password " + password + "\n",
		}}},
	} {
		for kind, app := range apps {
			if kind == "dep" && len(c.env) > 1 {
				continue
			}
			t.Run(kind+", "+c.name, func(t *testing.T) {
				built := s.with(t, app(modules...), c.bindings).mustBuild(t, modules, c.env...)
				s.holdsNo(t, built, robot, password)
			})
		}
	}
	t.Run("Go itself", func(t *testing.T) {
		if found := findSecret(t, password, robot, filepath.Join(s.layers, "go-dist")); len(found) > 0 {
			t.Errorf("the secret is in %q", found)
		}
	})
	// A second build of the same has all that it needs.
	t.Run("again, without login and network", func(t *testing.T) {
		login := httpsVariable + "=" + robot + ":" + password
		s.with(t, moduleApp(modules...), nil).mustBuild(t, modules, login)
		s.network.requests()
		s.mustBuild(t, modules, "GOPROXY=off")
		if asked := s.network.requests(); len(asked) > 0 {
			t.Errorf("it asked %v", asked)
		}
	})
}

// overHTTP has a forge that knows no https, which only paths with .git can be had from: the go command sends no login over http.
func overHTTP(t *testing.T, warm string) {
	git := newForge(t, "http", "git.example.com", robot+":"+password)
	modules := []private{git.hold(t, "team/lib", "git.example.com/team/lib.git")}
	s := newSite(t, newNetwork(t, map[string]http.Handler{"http://git.example.com": git}), warm)
	env := []string{httpVariable + "=" + robot + ":" + password, "GOINSECURE=git.example.com"}
	for kind, app := range apps {
		t.Run(kind, func(t *testing.T) {
			built := s.with(t, app(modules...), nil).mustBuild(t, modules, env...)
			s.holdsNo(t, built, robot, password)
		})
	}
	t.Run("no login", func(t *testing.T) {
		built := s.with(t, moduleApp(modules...), nil).mustFail(t, env[1:], "git.example.com", httpVariable)
		s.holdsNo(t, built, robot, password)
	})
}

// overSSH has a forge that knows no https at all.
func overSSH(t *testing.T, warm string) {
	git := newSSHForge(t, "git.example.com")
	modules := []private{git.hold(t, "team/lib", "git.example.com/team/lib.git")}
	s := newSite(t, newNetwork(t, nil), warm)
	s.inside = git.inside()
	// Of the lines of base64 this one holds what is private.
	secret := func(key string) string { return strings.Split(key, "\n")[3] }
	binding := func(known string) map[string]map[string]string {
		return map[string]map[string]string{"git-ssh": {"ssh-privatekey": git.Key, "known_hosts": known + "\n"}}
	}
	port := fmt.Sprintf("[git.example.com]:%d %s", git.Port, git.HostKey)
	for _, c := range []struct{ name, known string }{
		{"port 22", "git.example.com " + git.HostKey},
		{"another port", port},
	} {
		for kind, app := range apps {
			t.Run(kind+", "+c.name, func(t *testing.T) {
				git.requests(t)
				built := s.with(t, app(modules...), binding(c.known)).mustBuild(t, modules)
				s.holdsNo(t, built, "", secret(git.Key))
				if asked := git.requests(t); len(asked) == 0 || !strings.HasPrefix(asked[0], "git git-upload-pack '/team/lib") {
					t.Errorf("the server was asked %q", asked)
				}
			})
		}
	}
	other := newSSHKey(t)
	for _, c := range []struct {
		name     string
		bindings map[string]map[string]string
		texts    []string
	}{
		{"a server with another key than the known one", binding("git.example.com " + other.public), []string{"known_hosts"}},
		{"a key that the server does not know", map[string]map[string]string{"git-ssh": {
			"ssh-privatekey": other.private, "known_hosts": "git.example.com " + git.HostKey + "\n",
		}}, []string{"git.example.com", "key"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			git.requests(t)
			built := s.with(t, moduleApp(modules...), c.bindings).mustFail(t, nil, c.texts...)
			s.holdsNo(t, built, "", secret(other.private), secret(git.Key))
			if asked := git.requests(t); len(asked) > 0 {
				t.Errorf("the server was asked %q", asked)
			}
		})
	}
}

// sshKeyPair is a key for ssh.
type sshKeyPair struct{ private, public string }

func newSSHKey(t testing.TB) sshKeyPair {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	var pair sshKeyPair
	for name, to := range map[string]*string{file: &pair.private, file + ".pub": &pair.public} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		*to = string(text)
	}
	pair.public = strings.TrimSpace(pair.public)
	return pair
}

// fromModuleProxy has a company's proxy, which wants a login and has modules that are nowhere else.
func fromModuleProxy(t *testing.T, warm string) {
	modules := []private{newPrivate(t, "corp.example.com/lib"), newPrivate(t, "corp.example.com/Group/other")}
	const place = "https://proxy.example.com:8443"
	proxy := behindLogin(robot+":"+password, http.StripPrefix("/go", moduleProxy(t, modules...)))
	n := newNetwork(t, map[string]http.Handler{place: proxy})
	s := newSite(t, n, warm)
	for i := range modules {
		modules[i].Commit = "v1.0.0" // a proxy knows no commits
	}
	for _, c := range []struct {
		name     string
		env      []string
		bindings map[string]map[string]string
	}{
		{"binding", nil, map[string]map[string]string{"goproxy": {"url": place + "/go", "username": robot, "password": password + "\n"}}},
		{"login in GOPROXY", []string{"GOPROXY=https://" + robot + ":" + password + "@proxy.example.com:8443/go"}, nil},
		{"variable", []string{"GOPROXY=" + place + "/go", "GO_GIT_CRED__HTTPS__PROXY__EXAMPLE__COM__8443=" + robot + ":" + password}, nil},
	} {
		for kind, app := range apps {
			t.Run(kind+", "+c.name, func(t *testing.T) {
				env := append(slices.Clone(c.env), "BP_LOG_LEVEL=DEBUG")
				if kind == "dep" {
					env = append(env, "GONOSUMDB=corp.example.com")
				}
				built := s.with(t, app(modules...), c.bindings).mustBuild(t, modules, env...)
				s.holdsNo(t, built, robot, password)
				for _, r := range n.requests() {
					if r.Place != place {
						t.Errorf("%s was asked too: %s %s", r.Place, r.Method, r.URL)
					}
				}
			})
		}
	}
	for name, env := range map[string][]string{
		"no login":    {"GOPROXY=" + place + "/go"},
		"wrong login": {"GOPROXY=https://" + robot + ":not-" + password + "@proxy.example.com:8443/go"},
	} {
		t.Run(name, func(t *testing.T) {
			built := s.with(t, moduleApp(modules...), nil).mustFail(t, env, "proxy.example.com:8443")
			s.holdsNo(t, built, robot, "not-"+password)
		})
	}
}

// signedByOwnAuthority has servers that only a binding makes trustworthy: to git, to the go command and to the buildpack.
func signedByOwnAuthority(t *testing.T, warm string) {
	git := newForge(t, "https", "git.example.com", robot+":"+password)
	modules := []private{
		git.hold(t, "group/sub/repo", "git.example.com/group/sub/repo"), // asked for by go and git
		git.hold(t, "team/lib", "git.example.com/team/lib.git"),         // by git alone
	}
	n := newNetwork(t, map[string]http.Handler{"https://git.example.com": git, "https://mirror.example.com": http.NotFoundHandler()})
	s := newSite(t, n, warm)
	untrusted := []string{httpsVariable + "=" + robot + ":" + password}
	s.env = append(n.env(), privateGo)
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value := os.Getenv(name); value != "" {
			s.env = append(s.env, name+"="+value)
		}
	}
	strangers := newAuthority(t).PEM
	binding := map[string]map[string]string{"ca-certificates": {"others.pem": strangers + strangers, "company.crt": n.PEM}}
	for kind, app := range apps {
		t.Run(kind, func(t *testing.T) {
			built := s.with(t, app(modules...), binding).mustBuild(t, modules, untrusted...)
			s.holdsNo(t, built, robot, password)
		})
		for i, module := range modules {
			t.Run(fmt.Sprintf("%s, no binding, %d", kind, i), func(t *testing.T) {
				s.with(t, app(module), nil).mustFail(t, untrusted, "certificate", "ca-certificates")
			})
		}
	}
	t.Run("a binding with another authority", func(t *testing.T) {
		s.with(t, moduleApp(modules...), map[string]map[string]string{"ca-certificates": {"others.pem": strangers}}).mustFail(t, untrusted, "certificate")
	})
	t.Run("the buildpack's own downloads", func(t *testing.T) {
		own := newSite(t, n, "")
		own.env = s.env
		for trusted, bindings := range map[bool]map[string]map[string]string{true: binding, false: nil} {
			own.with(t, moduleApp(), bindings).mustFail(t, []string{"BP_DEPENDENCY_MIRROR=https://mirror.example.com", "BP_GO_DIST_SOURCE=upstream", "BP_GO_VERSION=1.26.8"}, "mirror.example.com")
			came := slices.ContainsFunc(n.requests(), func(r request) bool { return r.Place == "https://mirror.example.com" && r.Method == http.MethodGet })
			if came != trusted {
				t.Errorf("a request came through: %v, with the binding: %v", came, trusted)
			}
		}
	})
}

// refused has logins that are missing or wrong: the build ends and says which variable to set.
func refused(t *testing.T, warm string) {
	git := newForge(t, "https", "git.example.com", robot+":"+password)
	open := newForge(t, "https", "code.example.com", robot+":"+password)
	open.open = true
	s := newSite(t, newNetwork(t, map[string]http.Handler{"https://git.example.com": git, "https://code.example.com": open}), warm)
	modules := []private{
		git.hold(t, "group/sub/repo", "git.example.com/group/sub/repo"), // the go command is refused
		git.hold(t, "team/lib", "git.example.com/team/lib.git"),         // git is, and the go command keeps its words to itself
		open.hold(t, "team/app", "code.example.com/team/app"),           // git is
	}
	const wrong = "what-was-mistyped"
	for _, c := range []struct {
		name, value string
		env         []string
		binding     bool
	}{
		{"none", "", nil, false},
		{"wrong variable", robot + ":" + wrong, []string{"BP_LOG_LEVEL=debug"}, false},
		{"wrong variable, git told to say all", robot + ":" + wrong, []string{"GIT_CURL_VERBOSE=1", "GIT_TRACE_REDACT=0", "GIT_TRACE=1"}, false},
		{"wrong token", wrong, nil, false},
		{"wrong binding", "", nil, true},
	} {
		for kind, app := range apps {
			for _, m := range modules {
				t.Run(c.name+", "+kind+", "+m.Path, func(t *testing.T) {
					host, _, _ := strings.Cut(m.Path, "/")
					variable := "GO_GIT_CRED__HTTPS__" + strings.ToUpper(strings.ReplaceAll(host, ".", "__"))
					env, texts := slices.Clone(c.env), []string{host, variable}
					var bindings map[string]map[string]string
					if c.value != "" {
						env = append(env, variable+"="+c.value)
					}
					if c.binding {
						bindings = gitCredentials(host, robot, wrong)
						texts[1] = "my-git-credentials" // who gave a login there is told so
					}
					built := s.with(t, app(m), bindings).mustFail(t, env, texts...)
					s.holdsNo(t, built, robot, wrong)
				})
			}
		}
	}
	t.Run("a variable that is none", func(t *testing.T) {
		built := s.with(t, moduleApp(modules[1]), nil).mustFail(t, []string{"GO_GIT_CRED__FTP__GIT__EXAMPLE__COM=" + robot + ":" + wrong}, "GO_GIT_CRED__FTP__GIT__EXAMPLE__COM")
		s.holdsNo(t, built, robot, wrong)
	})
}

// pathsAndDotGit has a forge that never says where a repository is: only paths that say it themselves work.
func pathsAndDotGit(t *testing.T, warm string) {
	git := newForge(t, "https", "git.example.com", robot+":"+password)
	git.silent = true
	dotGit := git.hold(t, "group/sub/lib", "git.example.com/group/sub/lib.git")
	asked := git.hold(t, "group/sub/repo", "git.example.com/group/sub/repo")
	s := newSite(t, newNetwork(t, map[string]http.Handler{"https://git.example.com": git}), warm)
	login := httpsVariable + "=" + robot + ":" + password
	for kind, app := range apps {
		t.Run(kind+", with .git", func(t *testing.T) {
			s.with(t, app(dotGit), nil).mustBuild(t, []private{dotGit}, login)
		})
		t.Run(kind+", without", func(t *testing.T) {
			built := s.with(t, app(asked), nil).mustFail(t, []string{login}, "git.example.com", ".git")
			s.holdsNo(t, built, robot, password)
		})
	}
}

// ownPlaceAlone has four servers that differ in one thing each: name, port, protocol.
func ownPlaceAlone(t *testing.T, warm string) {
	places := []struct{ place, variable string }{
		{"https://git.example.com", httpsVariable},
		{"https://git-example.com", "GO_GIT_CRED__HTTPS__GIT_EXAMPLE__COM"},
		{"https://git.example.com:8443", httpsVariable + "__8443"},
		{"http://git.example.com", httpVariable},
	}
	handlers := map[string]http.Handler{}
	var modules []private
	logins := map[string]string{}
	for i, p := range places {
		scheme, host, _ := strings.Cut(p.place, "://")
		logins[p.place] = fmt.Sprintf("user%d:password-of-%d", i, i)
		git := newForge(t, scheme, host, logins[p.place])
		handlers[p.place] = git
		path := host + "/team/lib.git"
		if i > 1 {
			path = fmt.Sprintf("names.example.net/%d", i) // an import path has neither port nor protocol: somebody else has to say it
		}
		modules = append(modules, git.hold(t, "team/lib", path))
	}
	handlers["https://names.example.net"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := strings.Index("0123", strings.Trim(r.URL.Path, "/"))
		_, _ = fmt.Fprintf(w, `<html><head><meta name="go-import" content="names.example.net/%d git %s/team/lib.git"></head></html>`, n, places[n].place)
	})
	n := newNetwork(t, handlers)
	s := newSite(t, n, warm)
	s.env = append(s.env, "GOINSECURE=names.example.net/3")
	for missing := -1; missing < len(places); missing++ {
		var env []string
		name := "all logins"
		for i, p := range places {
			if i != missing {
				env = append(env, p.variable+"="+logins[p.place])
			} else {
				name = "none for " + p.place
			}
		}
		t.Run(name, func(t *testing.T) {
			s.with(t, moduleApp(modules...), nil)
			if missing < 0 {
				s.mustBuild(t, modules, env...)
			} else {
				s.mustFail(t, env, places[missing].variable, strings.Split(places[missing].place, "/")[2])
			}
			came := map[string]int{}
			for _, r := range n.requests() {
				came[r.Place]++
				if r.Login != "" && (r.Login != logins[r.Place] || missing >= 0 && r.Place == places[missing].place) {
					t.Errorf("%s was told %s: %s %s", r.Place, r.Login, r.Method, r.URL)
				}
			}
			for i, p := range places {
				if came[p.place] == 0 && (missing < 0 || i == missing) {
					t.Errorf("%s was not asked at all: %v", p.place, came)
				}
			}
		})
	}
}

// redirected has a server that sends everybody on to another one, who has not been given the login.
func redirected(t *testing.T, warm string) {
	for to, goToo := range map[string]bool{
		"https://other.example.net": true, "http://git.example.com": true,
		// The go command takes logins along to subdomains and to other ports, as all of net/http does; git does not.
		"https://sub.git.example.com": false, "https://git.example.com:8443": false,
	} {
		t.Run(to, func(t *testing.T) {
			scheme, host, _ := strings.Cut(to, "://")
			other := newForge(t, scheme, host, "somebody:else")
			other.host = "git.example.com"
			modules := []private{other.hold(t, "lib", "git.example.com/lib.git")}
			if goToo {
				modules = append(modules, other.hold(t, "group/sub/repo", "git.example.com/group/sub/repo"))
			}
			n := newNetwork(t, map[string]http.Handler{
				"https://git.example.com": behindLogin(robot+":"+password, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, to+r.URL.RequestURI(), http.StatusFound)
				})),
				to: other,
			})
			s := newSite(t, n, warm)
			for _, m := range modules {
				n.requests()
				s.with(t, moduleApp(m), nil).mustFail(t, []string{httpsVariable + "=" + robot + ":" + password})
				came := n.requests()
				for _, r := range came {
					if r.Place == to && r.Login != "" {
						t.Errorf("%s: %s was told %s: %s %s", m.Path, r.Place, r.Login, r.Method, r.URL)
					}
				}
				if !slices.ContainsFunc(came, func(r request) bool { return r.Login == robot+":"+password }) {
					t.Errorf("%s: no server was told the login: %v", m.Path, came)
				}
			}
		})
	}
}

// passwords have what URLs, shells and git's protocol write in ways of their own.
func passwords(t *testing.T, warm string) {
	git := newForge(t, "https", "git.example.com", "")
	modules := []private{git.hold(t, "group/sub/repo", "git.example.com/group/sub/repo"), git.hold(t, "lib", "git.example.com/lib.git")}
	n := newNetwork(t, map[string]http.Handler{"https://git.example.com": git})
	s := newSite(t, n, warm)
	const token = "glpat-Tok3n_of-nobody"
	cases := []struct{ name, value, login, secret string }{
		{"token", token, token + ":x-oauth-basic", token},
		{"token and a colon", token + ":", token + ":x-oauth-basic", token},
	}
	secrets := []string{"a:b", "a:b:and-more", "100%25 sure", "p@ss/w?rd#x", `with space and "quotes" 'single'`, `$HOME \n &amp; ünï`}
	for _, secret := range secrets {
		cases = append(cases, struct{ name, value, login, secret string }{secret, robot + ":" + secret, robot + ":" + secret, secret})
	}
	check := func(t *testing.T, login, secret string, bindings map[string]map[string]string, env ...string) {
		t.Helper()
		git.login = login
		built := s.with(t, moduleApp(modules...), bindings).mustBuild(t, modules, append(env, "BP_LOG_LEVEL=DEBUG")...)
		if len(secret) > 5 {
			s.holdsNo(t, built, robot, secret)
		}
		for _, r := range n.requests() {
			if r.Login != "" && r.Login != login {
				t.Errorf("it sent %q, want %q", r.Login, login)
			}
		}
	}
	for _, c := range cases {
		t.Run("variable, "+c.name, func(t *testing.T) { check(t, c.login, c.secret, nil, httpsVariable+"="+c.value) })
	}
	last := secrets[4]
	t.Run("git-credentials, "+last, func(t *testing.T) {
		check(t, robot+":"+last, last, gitCredentials("git.example.com", robot, last))
	})
	t.Run("netrc, p@ss/w?rd#x", func(t *testing.T) {
		check(t, robot+":p@ss/w?rd#x", "p@ss/w?rd#x", map[string]map[string]string{"netrc": {
			".netrc": "machine git.example.com login " + robot + " password p@ss/w?rd#x\n",
		}})
	})
}

// namesToldNobody records what the servers are asked that everybody asks.
func namesToldNobody(t *testing.T, warm string) {
	proxy, database := goDefaults(t)
	git := newForge(t, "https", "git.example.com", robot+":"+password)
	own := []private{
		git.hold(t, "group/sub/repo", "git.example.com/group/sub/repo"),
		git.hold(t, "team/lib", "git.example.com/team/lib.git"),
	}
	public := newPrivate(t, "public.example.net/lib")
	n := newNetwork(t, map[string]http.Handler{
		"https://git.example.com": git, proxy: moduleProxy(t, public),
	})
	s := newSite(t, n, warm)
	login := httpsVariable + "=" + robot + ":" + password
	// asked are the requests to the public servers, those that name the private host apart.
	asked := func() (leaks, others []request) {
		for _, r := range n.requests() {
			switch {
			case r.Place != proxy && r.Place != database:
			case strings.Contains(r.URL, "git.example.com"):
				leaks = append(leaks, r)
			case r.Method != http.MethodConnect:
				others = append(others, r)
			}
		}
		return leaks, others
	}
	sumless := strings.ReplaceAll(strings.ReplaceAll(moduleApp(own...), own[0].Sum, ""), own[1].Sum, "")
	for _, c := range []struct {
		name, app string
		modules   []private
		env       []string
	}{
		{"modules", moduleApp(append(own, public)...), append(own, public), nil},
		{"modules, the default proxy set by hand", moduleApp(append(own, public)...), append(own, public), []string{"GOPROXY=" + proxy + ",direct"}},
		{"modules that go.sum does not have", sumless, own, []string{"GOFLAGS=-mod=mod"}},
		{"modules, with values of the user's", moduleApp(append(own, public)...), append(own, public), []string{"GONOPROXY=x.example.org", "GONOSUMDB=x.example.org", "GOPRIVATE=y.example.org"}},
		{"dep", depApp(own...), own, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			built := s.with(t, c.app, nil).mustBuild(t, c.modules, append(c.env, login)...)
			s.holdsNo(t, built, robot, password)
			leaks, others := asked()
			if len(leaks) > 0 {
				t.Errorf("private names were told: %v", leaks)
			}
			if wanted := slices.ContainsFunc(c.modules, func(m private) bool { return m.Path == public.Path }); wanted != (len(others) > 0) {
				t.Errorf("of the public module the public servers were asked %v", others)
			}
		})
	}
	t.Run("without a login they are told, so that this test would see it", func(t *testing.T) {
		s.with(t, moduleApp(own...), nil).mustFail(t, nil)
		if leaks, _ := asked(); len(leaks) == 0 {
			t.Error("the public servers were asked nothing")
		}
	})
	t.Run("a proxy of the company's own is asked", func(t *testing.T) {
		company := moduleProxy(t, own...)
		n.places["https://proxy.example.com"] = company
		s.with(t, moduleApp(own...), nil).mustBuild(t, own, login, "GOPROXY=https://proxy.example.com")
		for _, r := range n.requests() {
			if r.Place != "https://proxy.example.com" {
				t.Errorf("%s was asked too: %s %s", r.Place, r.Method, r.URL)
			}
		}
	})
}

// oldGo compiles with a Go that cannot send logins when it asks for repositories.
func oldGo(t *testing.T, _ string) {
	git := newForge(t, "https", "git.example.com", robot+":"+password)
	modules := []private{git.hold(t, "group/sub/repo", "git.example.com/group/sub/repo"), git.hold(t, "lib", "git.example.com/lib.git")}
	proxy, database := goDefaults(t)
	n := newNetwork(t, map[string]http.Handler{"https://git.example.com": git}, proxy, database)
	s := newSite(t, n, "")
	s.env = append(s.env, "BP_GO_VERSION=1.21.*")
	for kind, app := range apps {
		t.Run(kind, func(t *testing.T) {
			built := s.with(t, app(modules...), nil).mustBuild(t, modules, httpsVariable+"="+robot+":"+password)
			wantLines(t, built.text, `go1\.21\.\d+`)
			s.holdsNo(t, built, robot, password)
		})
	}
	t.Run("wrong login", func(t *testing.T) {
		built := s.with(t, moduleApp(modules...), nil).mustFail(t, []string{httpsVariable + "=" + robot + ":what-was-mistyped"}, "git.example.com", httpsVariable)
		s.holdsNo(t, built, robot, "what-was-mistyped")
	})
}
