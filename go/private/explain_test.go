package private

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// refusal is something that a build asks for in vain.
type refusal struct {
	name string
	setup
	// stranger leaves out the authority of the servers.
	stranger bool
	command  []string
	// says is what the program's own output has, want what is to be done about it, not what it must not say.
	says      string
	want, not []string
}

// wants is what the advice for a place without a login says.
func wants(server, variable string) []string {
	return []string{server + " wants a login, and there is none for it: set " + variable + "=USER:PASSWORD, or a token alone", "docs/private-modules.md"}
}

// doesNotTake is what the advice says about a login that is refused.
func doesNotTake(server, from string) []string {
	return []string{server + " does not take the login of " + from + ": "}
}

// refusingInternet has servers that refuse in every way that is known.
func refusingInternet(t *testing.T) *internet {
	t.Helper()
	dir := t.TempDir()
	apptest.Commit(t, filepath.Join(dir, "team", "lib.git"), "-- go.mod --\nmodule git.example.com/team/lib\n")
	forge := behind(login, repositories(t, dir))
	proxy := apptest.Proxy(t, "-- corp.example.com/lib@v1.0.0/go.mod --\nmodule corp.example.com/lib\n")
	return newInternet(t, map[string]http.Handler{
		"https://git.example.com": forge, "https://git.example.com:8443": forge, "http://git.example.com": forge, "http://git.example.com:8080": forge,
		"https://xn--mnchen-3ya.example": forge,
		"https://403.example.com":        status(http.StatusForbidden), "https://404.example.com": behind(login, status(http.StatusNotFound)), "https://404.example.com:8443": behind(login, status(http.StatusNotFound)),
		"http://404.example.com": status(http.StatusNotFound), "https://500.example.com": status(http.StatusInternalServerError),
		"https://silent.example.com": behind(login, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><body>Welcome</body></html>") })),
		"https://proxy.example.com":  http.FileServer(http.Dir(strings.TrimPrefix(proxy, "file://"))),
		"https://sums.example.com":   status(http.StatusNotFound),
		// What GitHub and GitLab say of what a login may not see.
		"https://polite.example.com": behind(login, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "Repository not found.")
		})),
	})
}

func gitRefusals(t *testing.T) []refusal {
	t.Helper()
	lsRemote := func(url string) []string { return []string{"git", "ls-remote", url} }
	const notFound = " has no such repository for "
	own := setup{env: map[string]string{variable: "robot:s3cret-wrong"}}
	with := func(name string) setup { return setup{env: map[string]string{prefix + name: login}} }
	return []refusal{
		{"git, no login", setup{}, false, lsRemote("https://git.example.com/team/lib.git"), "could not read Username",
			wants("https://git.example.com", variable), []string{"alone is for"}},
		{"git, no login, a user in the URL", setup{}, false, lsRemote("https://git@git.example.com/team/lib.git"), "could not read Password",
			wants("https://git.example.com", variable), nil},
		{"git, no login for the port", own, false, lsRemote("https://git.example.com:8443/team/lib.git"), "could not read Username",
			append(wants("https://git.example.com:8443", variable+"__8443"), "The login of "+variable+" is for https://git.example.com alone"), nil},
		{"git, no login for http", own, false, lsRemote("http://git.example.com/team/lib.git"), "could not read Username",
			append(wants("http://git.example.com", prefix+"HTTP__GIT__EXAMPLE__COM"), "The login of "+variable+" is for https://git.example.com alone"), nil},
		{"git, no login for http and a port", setup{}, false, lsRemote("http://git.example.com:8080/team/lib.git"), "could not read Username",
			wants("http://git.example.com:8080", prefix+"HTTP__GIT__EXAMPLE__COM__8080"), nil},
		{"git, no login for the path", setup{bindings: map[string]map[string]string{
			"mine": {"type": "git-credentials", "credentials": "username=robot\npassword=" + password, "context": "https://git.example.com/other"},
		}}, false, lsRemote("https://git.example.com/team/lib.git"), "could not read Username",
			append(wants("https://git.example.com", variable), "The login of the binding mine is for https://git.example.com/other alone"), nil},
		{"git, no login, a host with --", setup{}, false, lsRemote("https://xn--mnchen-3ya.example/team/lib.git"), "could not read Username",
			[]string{"https://xn--mnchen-3ya.example wants a login", "MNCHEN_3YA__EXAMPLE=USER:PASSWORD"}, []string{"XN____MNCHEN", "XN__MNCHEN"}},
		{"git, wrong login", own, false, lsRemote("https://git.example.com/team/lib.git"), "Authentication failed",
			doesNotTake("https://git.example.com", variable), []string{"there is none"}},
		{"git, wrong login for the path", setup{bindings: map[string]map[string]string{
			"mine": {"type": "git-credentials", "credentials": "username=robot\npassword=s3cret-wrong", "context": "https://git.example.com/team"},
		}}, false, lsRemote("https://git.example.com/team/lib.git"), "Authentication failed",
			doesNotTake("https://git.example.com", "the binding mine"), []string{"there is none"}},
		{"git, wrong login of two", setup{env: map[string]string{variable: login}, bindings: map[string]map[string]string{
			"mine": {"type": "git-credentials", "credentials": "username=robot\npassword=s3cret-wrong", "context": "https://git.example.com/team"},
		}}, false, lsRemote("https://git.example.com/team/lib.git"), "Authentication failed",
			doesNotTake("https://git.example.com", "the binding mine"), []string{variable}},
		{"git, wrong login of netrc, a port", setup{bindings: map[string]map[string]string{
			"mine": {"type": "netrc", ".netrc": "machine git.example.com login robot password s3cret-wrong"},
		}}, false, lsRemote("https://git.example.com:8443/team/lib.git"), "Authentication failed",
			doesNotTake("https://git.example.com:8443", "the binding mine"), nil},
		{"git, wrong login for every host", setup{bindings: map[string]map[string]string{
			"mine": {"type": "git-credentials", "credentials": "username=robot\npassword=s3cret-wrong"},
		}}, false, lsRemote("https://git.example.com/team/lib.git"), "Authentication failed",
			doesNotTake("https://git.example.com", "the binding mine"), nil},
		{"git, wrong login in the URL", setup{}, false, lsRemote("https://robot:s3cret-wrong@git.example.com/team/lib.git"), "Authentication failed",
			[]string{"https://git.example.com"}, []string{"s3cret", "robot"}},
		{"git, 403", setup{}, false, lsRemote("https://403.example.com/team/lib.git"), "error: 403",
			wants("https://403.example.com", prefix+"HTTPS__403__EXAMPLE__COM"), nil},
		{"git, 403 and a login", with("HTTPS__403__EXAMPLE__COM"), false, lsRemote("https://403.example.com/team/lib.git"), "error: 403",
			doesNotTake("https://403.example.com", prefix+"HTTPS__403__EXAMPLE__COM"), nil},
		{"git, 404", with("HTTPS__404__EXAMPLE__COM"), false, lsRemote("https://404.example.com/team/lib.git"), "not found",
			[]string{"404.example.com" + notFound + "the login of this build"}, []string{"set GO_GIT_CRED"}},
		{"git, 404, a port", with("HTTPS__404__EXAMPLE__COM__8443"), false, lsRemote("https://404.example.com:8443/team/lib.git"), "not found",
			[]string{"404.example.com:8443" + notFound + "the login of this build"}, []string{"set GO_GIT_CRED"}},
		{"git, 404, http, no login", setup{}, false, lsRemote("http://404.example.com/team/lib.git"), "not found",
			[]string{"404.example.com" + notFound + "everybody", "set " + prefix + "HTTP__404__EXAMPLE__COM=USER:PASSWORD"}, nil},
		{"git, 404 with a word of the server's", with("HTTPS__POLITE__EXAMPLE__COM"), false, lsRemote("https://polite.example.com/team/lib.git"), "remote: Repository not found",
			[]string{"polite.example.com" + notFound + "the login of this build"}, nil},
		{"git, 500", with("HTTPS__500__EXAMPLE__COM"), false, lsRemote("https://500.example.com/team/lib.git"), "error: 500", nil, nil},
		{"git, no such host", setup{}, false, lsRemote("https://nowhere.example.com/team/lib.git"), "error: 502", nil, nil},
		{"git, untrusted", setup{}, true, lsRemote("https://git.example.com/team/lib.git"), "ertificate",
			[]string{"the certificate of ", "is not trusted in the build", "in a binding of type ca-certificates"}, nil},
		{"git, untrusted in spite of a binding", setup{bindings: map[string]map[string]string{"mine": {"type": "ca-certificates", "ca": newAuthority(t, "stranger", nil).PEM}}}, true,
			lsRemote("https://git.example.com/team/lib.git"), "ertificate", []string{"no authority of the bindings of type ca-certificates has signed it"}, nil},
	}
}

func goRefusals(t *testing.T) []refusal {
	t.Helper()
	_, verifier, err := note.GenerateKey(strings.NewReader(strings.Repeat("random", 20)), "sums.example.com")
	if err != nil {
		t.Fatal(err)
	}
	download := func(module string) []string { return []string{"go", "mod", "download", module + "@v1.0.0"} }
	direct := func(more ...string) setup {
		env := map[string]string{"GOPROXY": "direct"}
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return setup{env: env, proxySet: true}
	}
	return []refusal{
		{"go, no login", direct(), false, download("git.example.com/team/lib"), "401 Unauthorized", wants("https://git.example.com", variable), nil},
		{"go, wrong login", direct(variable, "robot:s3cret-wrong"), false, download("git.example.com/team/lib"), "401 Unauthorized", doesNotTake("https://git.example.com", variable), nil},
		{"go, 403", direct(), false, download("403.example.com/team/lib"), "403 Forbidden", wants("https://403.example.com", prefix+"HTTPS__403__EXAMPLE__COM"), nil},
		{"go, 404 and a login", direct(prefix+"HTTPS__404__EXAMPLE__COM", login), false, download("404.example.com/team/lib"), "404 Not Found", []string{"404.example.com does not say where the repository is"}, nil},
		{"go, 404 and no login", direct(), false, download("404.example.com/team/lib"), "401", wants("https://404.example.com", prefix+"HTTPS__404__EXAMPLE__COM"), nil},
		{"go, no meta tag", direct(prefix+"HTTPS__SILENT__EXAMPLE__COM", login), false, download("silent.example.com/team/lib"), "no go-import meta tags",
			[]string{"silent.example.com does not say where the repository is", "with .git at the end"}, nil},
		{"go, no meta tag on a public host", direct(variable, login), false, download("proxy.example.com/none"), "404 Not Found", nil, nil},
		{"go, a path with .git, no login", direct(), false, download("git.example.com/team/lib.git"), "no secure protocol found for repository", []string{"git.example.com", variable}, nil},
		{"go, a path with .git, wrong login", direct(variable, "robot:s3cret-wrong"), false, download("git.example.com/team/lib.git"), "no secure protocol found for repository", []string{"git.example.com", variable}, nil},
		{"a proxy, no login", direct("GOPROXY", "https://git.example.com"), false, download("corp.example.com/lib"), "401 Unauthorized", wants("https://git.example.com", variable), nil},
		{"a proxy, wrong login in its URL", direct("GOPROXY", "https://robot:s3cret-wrong@git.example.com"), false, download("corp.example.com/lib"), "401 Unauthorized",
			[]string{"https://git.example.com"}, []string{"s3cret", "robot"}},
		{"a proxy on a port, wrong login", direct("GOPROXY", "https://git.example.com:8443/x", variable+"__8443", "robot:s3cret-wrong"), false, download("corp.example.com/lib"), "401 Unauthorized",
			doesNotTake("https://git.example.com:8443", variable+"__8443"), nil},
		{"a proxy has no such module", direct("GOPROXY", "https://proxy.example.com"), false, download("corp.example.com/none"), "404 Not Found", nil, nil},
		{"go, untrusted", direct(), true, download("git.example.com/team/lib"), "x509: ", []string{"the certificate of ", "is not trusted in the build", "in a binding of type ca-certificates"}, nil},
		{"checksum database", direct("GOPROXY", "https://proxy.example.com", "GONOSUMDB", "", "GOFLAGS", "-modcacherw", "GOSUMDB", verifier+" https://sums.example.com"), false,
			download("corp.example.com/lib"), "verifying ", []string{"the checksum database does not know corp.example.com/lib: ", "GOPRIVATE=corp.example.com/lib"}, nil},
	}
}

// TestExplain has real programs refused by servers, and reads the advice.
func TestExplain(t *testing.T) {
	t.Parallel()
	n := refusingInternet(t)
	for _, tt := range append(gitRefusals(t), goRefusals(t)...) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := n.env()
			for name, value := range tt.env {
				env[name] = value
			}
			bindings := map[string]map[string]string{}
			if !tt.stranger {
				bindings["authority"] = n.trust()
			}
			for name, entries := range tt.bindings {
				bindings[name] = entries
			}
			b := setup{env: env, bindings: bindings, proxySet: tt.proxySet, program: "a program"}.begin(t)
			tt.check(t, b)
		})
	}
}

func (r refusal) check(t *testing.T, b *session) {
	t.Helper()
	_, output, err := b.run(t, "", r.command[0], r.command[1:]...)
	if err == nil || !strings.Contains(output, r.says) {
		t.Fatalf("the program does not say %q: %v\n%s", r.says, err, output)
	}
	advice := b.Explain(output)
	for _, want := range r.want {
		if !strings.Contains(advice, want) {
			t.Errorf("the advice\n%s\nlacks %q, for\n%s", advice, want, output)
		}
	}
	if len(r.want) == 0 && advice != "" {
		t.Errorf("there is advice: %s\nfor\n%s", advice, output)
	}
	hides(t, advice, append(b.Secrets(), r.not...)...)
}

// TestExplainSSH has real ssh refused.
func TestExplainSSH(t *testing.T) {
	t.Parallel()
	needsSSH(t)
	s := startSSH(t, t.TempDir())
	_, port, _ := strings.Cut(s.address, ":")
	stranger, strangers := newKey(t)
	command := []string{"git", "ls-remote", "ssh://git@" + s.address + "/team/lib.git"}
	known := func(line string) setup {
		return setup{bindings: map[string]map[string]string{"mine": {"type": "git-ssh", "ssh-privatekey": s.key, "known_hosts": line}}}
	}
	wrong := s.binding()
	wrong["ssh-privatekey"] = keyFile(t, stranger, "")
	empty := writeFile(t, filepath.Join(t.TempDir(), "known_hosts"), "", 0o600)
	asItIs := func(file string) setup {
		return setup{env: map[string]string{"GIT_SSH_COMMAND": "ssh -F none -o BatchMode=yes -o IdentityFile=none -o IdentityAgent=none -o StrictHostKeyChecking=yes -o UserKnownHostsFile=" + file}}
	}
	trusted := writeFile(t, filepath.Join(t.TempDir(), "known_hosts"), s.known+"\n", 0o600)
	for _, tt := range []refusal{
		{"another key", setup{bindings: map[string]map[string]string{"mine": wrong}}, false, command, "Permission denied (publickey)",
			[]string{"127.0.0.1 does not take the ssh key of the binding mine: add its public half"}, nil},
		{"unknown host", known("other.example.com " + strangers), false, command, "host key is known for",
			[]string{"the key that 127.0.0.1 shows is not in known_hosts of the binding mine"}, nil},
		{"another host key", known("[127.0.0.1]:" + port + " " + strangers), false, command, "REMOTE HOST IDENTIFICATION HAS CHANGED",
			[]string{"is not in known_hosts of the binding mine"}, nil},
		{"no key", asItIs(trusted), false, command, "Permission denied (publickey)", []string{"127.0.0.1 wants an ssh key, and there is none: give one in a binding of type git-ssh", "docs/private-modules.md"}, nil},
		{"no known_hosts", asItIs(empty), false, command, "host key is known for", []string{"ssh does not know the key of 127.0.0.1: give it in known_hosts of a binding of type git-ssh"}, nil},
		{"no such repository", setup{bindings: map[string]map[string]string{"mine": s.binding()}}, false, command, "ERROR: Repository not found",
			[]string{"no such repository for this build"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.check(t, tt.setup.begin(t))
		})
	}
}

// TestExplainNothing: what is not about access has no advice here.
func TestExplainNothing(t *testing.T) {
	access := Access{Credentials: Credentials{{Protocol: "https", Host: "git.example.com", User: "robot", Password: password, From: variable}}}
	for _, text := range []string{
		"", "go: build failed", "main.go:1:1: expected 'package', found 'EOF'", "go: git.example.com/x@v1: invalid version: unknown revision v1",
		"reading https://git.example.com/x/@v/v1.info: 404 Not Found", "reading https://git.example.com/x/@v/v1.info: 500 Internal Server Error",
		"dial tcp: lookup git.example.com: no such host", "checksum mismatch",
		"could not read Username for 'https://[::1]:8443': terminal prompts disabled", "Authentication failed for 'ssh://git.example.com/'",
		strings.Repeat("reading https://", 2_000),
	} {
		if advice := access.Explain(text); advice != "" {
			t.Errorf("%.100q: %s", text, advice)
		}
	}
	long := strings.Repeat("downloading\n", 5_000) + "fatal: Authentication failed for 'https://git.example.com/x/'\n"
	if advice := access.Explain(long); !strings.Contains(advice, variable) {
		t.Error(advice)
	}
}

// TestExplainCertificatesAndProxies: what no authority and no login for the server would mend.
func TestExplainCertificatesAndProxies(t *testing.T) {
	for said, want := range map[string]string{
		"fatal: unable to access 'https://git.example.com/x/': Received HTTP code 407 from proxy after CONNECT":                                                         "the HTTP proxy of the build wants another login",
		"fatal: unable to access 'http://git.example.com/x/': The requested URL returned error: 407":                                                                    "the HTTP proxy of the build wants another login",
		`Get "https://git.example.com/x?go-get=1": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-01-01`:       "past its end, or not valid yet",
		`Get "https://git.example.com/x?go-get=1": tls: failed to verify certificate: x509: certificate is valid for a.example.com, b.example.com, not git.example.com`: "who answers as git.example.com has a certificate for a.example.com, b.example.com alone",
	} {
		if got := (Access{}).Explain(said); !strings.Contains(got, want) {
			t.Errorf("%s\n%s", said, got)
		}
	}
}
