package private

import (
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCertificates(t *testing.T) {
	a, b, c := newAuthority(t, "a", nil), newAuthority(t, "b", nil), newAuthority(t, "c", nil)
	below := newAuthority(t, "below", a)
	for name, tt := range map[string]struct {
		entries map[string]string
		used    string
		trusted []*authority
	}{
		"one":              {map[string]string{"ca.pem": a.PEM}, "the certificate of an authority", []*authority{a}},
		"several files":    {map[string]string{"z.pem": a.PEM, "ca.crt": b.PEM, "provider": "me"}, "2 certificates of authorities", []*authority{a, b}},
		"several in one":   {map[string]string{"ca.pem": a.PEM + "\n" + b.PEM + c.PEM}, "3 certificates of authorities", []*authority{a, b, c}},
		"a chain":          {map[string]string{"ca.pem": below.PEM + a.PEM}, "2 certificates of authorities", []*authority{below, a}},
		"words between":    {map[string]string{"ca.pem": "Subject: a\n" + a.PEM + "\n# the second:\n" + b.PEM + "the end"}, "2 certificates of authorities", []*authority{a, b}},
		"Windows":          {map[string]string{"ca.pem": strings.ReplaceAll(a.PEM, "\n", "\r\n")}, "the certificate of an authority", []*authority{a}},
		"no line break":    {map[string]string{"1.pem": strings.TrimSpace(a.PEM), "2.pem": b.PEM}, "2 certificates of authorities", []*authority{a, b}},
		"the same, twice":  {map[string]string{"1.pem": a.PEM, "2.pem": a.PEM}, "2 certificates of authorities", []*authority{a}},
		"a line in blanks": {map[string]string{"1.pem": " \n" + a.PEM}, "the certificate of an authority", []*authority{a}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.entries["type"] = "CA-Certificates"
			got := credentialsOf(t, map[string]map[string]string{"mine": tt.entries})
			if diff := cmp.Diff([]string{"binding mine: " + tt.used}, got.Used); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			trusts(t, "this program", got.Roots(), tt.trusted, c)
			file, err := got.bundle(t.TempDir(), "bundle.pem", "")
			if err != nil {
				t.Fatal(err)
			}
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM([]byte(readFile(t, file)))
			trusts(t, "the bundle", pool, tt.trusted, c)
		})
	}
	for name, tt := range map[string]struct{ text, want string }{
		"a private key":           {a.keyPEM(t), "a.pem: it holds a private key, and only certificates belong there"},
		"a private key behind it": {a.PEM + a.keyPEM(t), "a.pem: it holds a private key"},
		"a broken certificate":    {a.PEM + strings.Replace(b.PEM, "\n", "\nAAAA", 1), "a.pem: certificate 2: "},
		"the end is lost":         {a.PEM[:200], "a.pem: no certificate in PEM form"},
		"one of two is lost":      {a.PEM + b.PEM[:200], "a.pem: "},
		"DER":                     {string(a.certificate.Raw), "a.pem: no certificate in PEM form"},
		"nothing":                 {"", "a.pem: no certificate in PEM form"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(nil, bind(t, t.TempDir(), map[string]map[string]string{"mine": {"type": "ca-certificates", "a.pem": tt.text, "b.pem": a.PEM}}))
			says(t, err, "the binding mine (type ca-certificates): ", tt.want)
			for line := range strings.Lines(tt.text) {
				if line = strings.TrimSpace(line); err != nil && len(line) > 20 && !strings.HasPrefix(line, "-----") {
					hides(t, err.Error(), line)
				}
			}
		})
	}
	if (Access{}).Roots() != nil {
		t.Error("there are roots without a binding")
	}
}

// trusts checks that a pool has the authorities, and the system's beside, and no other.
func trusts(t *testing.T, who string, pool *x509.CertPool, trusted []*authority, stranger *authority) {
	t.Helper()
	known := false
	for _, a := range trusted {
		known = known || a == stranger
		if _, err := a.certificate.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
			t.Errorf("%s: %s: %v", who, a.certificate.Subject, err)
		}
	}
	if _, err := stranger.certificate.Verify(x509.VerifyOptions{Roots: pool}); err == nil && !known {
		t.Errorf("%s trusts %s", who, stranger.certificate.Subject)
	}
}

// TestBundles: programs that know one file get what was trusted before, too.
func TestBundles(t *testing.T) {
	ca, forGo, forGit, own := newAuthority(t, "ca", nil), newAuthority(t, "go", nil), newAuthority(t, "git", nil), newAuthority(t, "system", nil)
	dir := t.TempDir()
	goFile := writeFile(t, filepath.Join(dir, "go.pem"), strings.TrimSpace(forGo.PEM), 0o600)
	gitFile := writeFile(t, filepath.Join(dir, "git.pem"), forGit.PEM, 0o600)
	system := systemBundles
	systemBundles = []string{filepath.Join(dir, "none"), writeFile(t, filepath.Join(dir, "system.pem"), own.PEM, 0o600), gitFile}
	defer func() { systemBundles = system }()
	for name, tt := range map[string]struct {
		env     map[string]string
		ssl     []*authority
		git     []*authority
		without []*authority
	}{
		"nothing set":  {nil, []*authority{ca, own}, []*authority{ca, own}, []*authority{forGo, forGit}},
		"for Go":       {map[string]string{"SSL_CERT_FILE": goFile}, []*authority{ca, forGo}, []*authority{ca, forGo}, []*authority{own, forGit}},
		"for git":      {map[string]string{"GIT_SSL_CAINFO": gitFile}, []*authority{ca, own}, []*authority{ca, forGit}, []*authority{forGo}},
		"for both":     {map[string]string{"SSL_CERT_FILE": goFile, "GIT_SSL_CAINFO": gitFile}, []*authority{ca, forGo}, []*authority{ca, forGit}, []*authority{own}},
		"not readable": {map[string]string{"SSL_CERT_FILE": filepath.Join(dir, "none")}, []*authority{ca}, []*authority{ca}, []*authority{forGo, forGit}},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"SSL_CERT_FILE": "", "GIT_SSL_CAINFO": ""}
			for name, value := range tt.env {
				env[name] = value
			}
			b := setup{env: env, bindings: map[string]map[string]string{"mine": {"type": "ca-certificates", "ca": ca.PEM}}}.begin(t)
			for variable, trusted := range map[string][]*authority{"SSL_CERT_FILE": tt.ssl, "GIT_SSL_CAINFO": tt.git} {
				pool := x509.NewCertPool()
				pool.AppendCertsFromPEM([]byte(readFile(t, b.vars[variable])))
				for _, stranger := range tt.without {
					trusts(t, variable, pool, trusted, stranger)
				}
			}
			if len(b.vars) != 3 { // with GIT_TERMINAL_PROMPT
				t.Errorf("certificates alone set %v", b.vars)
			}
		})
	}
	if got := readFile(t, goFile); got != strings.TrimSpace(forGo.PEM) {
		t.Error("the user's file was changed")
	}
}

// TestBindingIsTrusted: git, the go command and this program reach a server that the binding's authority signed, and no other does.
func TestBindingIsTrusted(t *testing.T) {
	t.Parallel()
	n := newInternet(t, map[string]http.Handler{"https://proxy.example.com": status(http.StatusTeapot)})
	stranger := newAuthority(t, "stranger", nil)
	for name, tt := range map[string]struct {
		binding map[string]string
		want    string
	}{
		"trusted": {n.trust(), "418"}, "another authority": {map[string]string{"type": "ca-certificates", "ca": stranger.PEM}, "ertificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup{env: n.env("GOPROXY", "https://proxy.example.com"), bindings: map[string]map[string]string{"mine": tt.binding}, proxySet: true}.begin(t)
			for _, args := range [][]string{{"git", "ls-remote", "https://proxy.example.com/x"}, {"go", "mod", "download", "corp.example.com/lib@v1.0.0"}} {
				_, all, err := b.run(t, "", args[0], args[1:]...)
				if err == nil || !strings.Contains(all, tt.want) {
					t.Errorf("%s: %v\n%s", args[0], err, all)
				}
			}
		})
	}
	if _, err := os.Stat(systemBundles[0]); err == nil {
		got := credentialsOf(t, map[string]map[string]string{"mine": n.trust()})
		system, err := x509.SystemCertPool()
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Roots().Subjects()) != len(system.Subjects())+1 {
			t.Errorf("%d roots beside %d of the system", len(got.Roots().Subjects()), len(system.Subjects()))
		}
	}
}
