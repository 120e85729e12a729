package private

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// goWorld is an internet with a module proxy and a forge that both want logins.
func goWorld(t *testing.T) *internet {
	t.Helper()
	proxy := http.FileServer(http.Dir(strings.TrimPrefix(apptest.Proxy(t, `
-- corp.example.com/lib@v1.0.0/go.mod --
module corp.example.com/lib
-- corp.example.com/lib@v1.0.0/lib.go --
package lib
`), "file://")))
	dir := t.TempDir()
	apptest.Commit(t, filepath.Join(dir, "team", "lib.git"), "-- go.mod --\nmodule git.example.com/team/lib\n-- lib.go --\npackage lib\n", "v1.0.0")
	forge := repositories(t, dir)
	return newInternet(t, map[string]http.Handler{
		"https://proxy.example.com":      behind("p:s3cret-proxy", proxy),
		"https://proxy.example.com:8443": behind("q:s3cret-8443", http.StripPrefix("/modules", proxy)),
		"https://git.example.com": behind(login, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("go-get") != "1" {
				forge.ServeHTTP(w, r)
				return
			}
			fmt.Fprint(w, `<meta name="go-import" content="git.example.com/team/lib git https://git.example.com/team/lib.git">`)
		})),
		"https://open.example.com": proxy,
	})
}

// TestGoAsks runs the go command, which starts the program, from a path with a blank and a quote.
func TestGoAsks(t *testing.T) {
	t.Parallel()
	const proxyVariable = prefix + "HTTPS__PROXY__EXAMPLE__COM"
	const lib, direct = "corp.example.com/lib@v1.0.0", "git.example.com/team/lib@v1.0.0"
	script := writeFile(t, filepath.Join(t.TempDir(), "own script.sh"), `#!/bin/sh
printf 'https://proxy.example.com\n\nAuthorization: Basic `+base64.StdEncoding.EncodeToString([]byte("p:s3cret-proxy"))+`\n\n'
`, 0o755)
	n := goWorld(t)
	t.Cleanup(func() {
		for _, asked := range n.requests() {
			if strings.HasPrefix(asked, "https://open.") && !strings.HasSuffix(asked, " :") {
				t.Errorf("it was told: %s", asked)
			}
		}
	})
	for _, tt := range []struct {
		name     string
		env      []string
		bindings map[string]map[string]string
		// netrc is the user's file in HOME.
		netrc  string
		module string
		ok     bool
	}{
		{"nothing", []string{"GOPROXY", "https://proxy.example.com"}, nil, "", lib, false},
		{"a variable", []string{"GOPROXY", "https://proxy.example.com", proxyVariable, "p:s3cret-proxy"}, nil, "", lib, true},
		{"a variable, the port is said", []string{"GOPROXY", "https://proxy.example.com:443", proxyVariable, "p:s3cret-proxy"}, nil, "", lib, true},
		{"a variable for a port", []string{"GOPROXY", "https://proxy.example.com:8443/modules", proxyVariable + "__8443", "q:s3cret-8443"}, nil, "", lib, true},
		{"a variable for another port", []string{"GOPROXY", "https://proxy.example.com:8443/modules", proxyVariable, "q:s3cret-8443"}, nil, "", lib, false},
		{"a variable and large letters", []string{"GOPROXY", "https://Proxy.Example.com", proxyVariable, "p:s3cret-proxy"}, nil, "", lib, true},
		{"an import path", []string{"GOPROXY", "direct", variable, login}, nil, "", direct, true},
		{"a binding with a path", []string{"GOPROXY", "https://proxy.example.com:8443/modules"}, map[string]map[string]string{
			"a": {"type": "git-credentials", "credentials": "username=q\npassword=s3cret-8443", "context": "https://proxy.example.com:8443/modules"},
			"b": {"type": "git-credentials", "credentials": "username=x\npassword=s3cret-x", "context": "https://proxy.example.com:8443"},
		}, "", lib, true},
		{"a binding with another path", []string{"GOPROXY", "https://proxy.example.com:8443/modules"}, map[string]map[string]string{
			"a": {"type": "git-credentials", "credentials": "username=q\npassword=s3cret-8443", "context": "https://proxy.example.com:8443/module"},
		}, "", lib, false},
		{"a netrc binding, on a port", []string{"GOPROXY", "https://proxy.example.com:8443/modules"}, map[string]map[string]string{
			"a": {"type": "netrc", ".netrc": "machine proxy.example.com login q password s3cret-8443"},
		}, "", lib, true},
		{"a binding for all hosts", []string{"GOPROXY", "https://proxy.example.com"}, map[string]map[string]string{
			"a": {"type": "git-credentials", "credentials": "username=p\npassword=s3cret-proxy"},
		}, "", lib, true},
		{"a goproxy binding", []string{"GOPROXY", "https://proxy.example.com:8443/modules"}, map[string]map[string]string{
			"a": {"type": "goproxy", "url": "https://proxy.example.com:8443/modules", "username": "q", "password": "s3cret-8443"},
		}, "", lib, true},
		{"the user's own command after it", []string{"GOPROXY", "https://proxy.example.com", variable, login, "GOAUTH", "'" + script + "'"}, nil, "", lib, true},
		{"the user's own command, and a semicolon", []string{"GOPROXY", "https://proxy.example.com", variable, login, "GOAUTH", " 'nowhere' ; '" + script + "'; "}, nil, "", lib, true},
		{"the build's own first", []string{"GOPROXY", "https://proxy.example.com", proxyVariable, "p:s3cret-wrong", "GOAUTH", "'" + script + "'"}, nil, "", lib, false},
		{"the user's netrc, as without GOAUTH", []string{"GOPROXY", "https://proxy.example.com", variable, login}, nil, "machine proxy.example.com login p password s3cret-proxy", lib, true},
		{"the user's netrc, which GOAUTH leaves out", []string{"GOPROXY", "https://proxy.example.com", variable, login, "GOAUTH", "off"}, nil, "machine proxy.example.com login p password s3cret-proxy", lib, false},
		{"off is for the user's own", []string{"GOPROXY", "https://proxy.example.com", proxyVariable, "p:s3cret-proxy", "GOAUTH", "off"}, nil, "", lib, true},
		{"nobody is told who does not ask", []string{"GOPROXY", "https://open.example.com", proxyVariable, "p:s3cret-proxy"}, map[string]map[string]string{
			"a": {"type": "git-credentials", "credentials": "username=p\npassword=s3cret-all"},
		}, "", lib, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.bindings == nil {
				tt.bindings = map[string]map[string]string{}
			}
			tt.bindings["authority"] = n.trust()
			b := setup{env: n.env(tt.env...), bindings: tt.bindings, program: "it's a program", proxySet: true}.begin(t)
			writeFile(t, filepath.Join(b.home, ".netrc"), tt.netrc, 0o600)
			out, all, err := b.run(t, "", "go", "mod", "download", "-json", tt.module)
			var said struct{ Path, Version string }
			if tt.ok && (err != nil || json.Unmarshal([]byte(out), &said) != nil || said.Path+"@"+said.Version != tt.module) {
				t.Errorf("%v, %+v\n%s", err, said, all)
			}
			if !tt.ok && (err == nil || !strings.Contains(all, "401 Unauthorized")) {
				t.Errorf("%v\n%s", err, all)
			}
			hides(t, all, b.Secrets()...)
		})
	}
}

// TestGoAuthValue is what GOAUTH becomes.
func TestGoAuthValue(t *testing.T) {
	for users, want := range map[string]string{
		"": "/bin/main go-auth; netrc", " ; ": "/bin/main go-auth; netrc", "netrc": "/bin/main go-auth; netrc", "off": "/bin/main go-auth", " off ;": "/bin/main go-auth",
		"git /x; netrc": "/bin/main go-auth; git /x; netrc", "my command;": "/bin/main go-auth; my command",
	} {
		if diff := cmp.Diff(want, Setup{Program: "/bin/main", Env: map[string]string{"GOAUTH": users}}.goauth()); diff != "" {
			t.Errorf("GOAUTH=%q (-want +got):\n%s", users, diff)
		}
	}
}
