package integration

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ownAddress is an address of this machine that is not on the loopback
// interface, for which Go and git would use no proxy whatever NO_PROXY says.
func ownAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && !network.IP.IsLoopback() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	t.Skip("SKIPPED: this machine has no address but those on the loopback interface; connect it to any network")
	return ""
}

// fresh is an app with one module, and nothing of an earlier build.
func fresh(t *testing.T) phases {
	t.Helper()
	return phases{app: copied(t, sample("hello")), layers: t.TempDir(), scratch: t.TempDir()}
}

// TestNothingButTheModuleProxyIsReached: a company's network lets builds talk to one server.
func TestNothingButTheModuleProxyIsReached(t *testing.T) {
	pass := passToModuleProxy(t)
	address := ownAddress(t)
	t.Parallel()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(pass)
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	defer server.Close()

	const nobody = "http://127.0.0.1:9" // where everything else ends
	env := []string{"GOPROXY=" + server.URL, "HTTP_PROXY=" + nobody, "HTTPS_PROXY=" + nobody, "http_proxy=" + nobody, "https_proxy=" + nobody}
	failed := fresh(t).run(t, "build", append(env, "NO_PROXY=", "no_proxy=")...)
	if failed.code == 0 {
		t.Errorf("the build went round the HTTP proxy:\n%s", failed.text)
	}
	wantLines(t, failed.text, `Go 1\.[\d.]+ could not be had|go 1\.[\d.]+ could not be had`, `127\.0\.0\.1:9: connect: connection refused`, `Check the network of the build`)

	built := fresh(t).run(t, "build", append(env, "NO_PROXY="+address, "no_proxy="+address)...)
	if built.code != 0 {
		t.Fatalf("build:\n%s", built.text)
	}
	wantLines(t, built.text, `Installed Go 1\.[\d.]+ from `+server.URL, `1 module, 1 downloaded`)
}

// TestEverythingGoesThroughTheHTTPProxy, to a module proxy whose certificate a company has issued itself.
func TestEverythingGoesThroughTheHTTPProxy(t *testing.T) {
	const host = "https://goproxy.corp.example"
	n := newNetwork(t, map[string]http.Handler{host: passToModuleProxy(t)})
	t.Parallel()
	env := append(n.env(), "GOPROXY="+host)

	untrusted := fresh(t).run(t, "build", env...)
	if untrusted.code == 0 {
		t.Errorf("the build trusted an authority that nobody named:\n%s", untrusted.text)
	}
	wantLines(t, untrusted.text, `certificate signed by unknown authority`)

	p := fresh(t)
	binding := filepath.Join(p.scratch, "platform", "bindings", "company")
	if err := os.MkdirAll(binding, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"type": "ca-certificates", "ca.pem": n.PEM} {
		if err := os.WriteFile(filepath.Join(binding, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.requests()
	built := p.run(t, "build", env...)
	if built.code != 0 {
		t.Fatalf("build:\n%s", built.text)
	}
	wantLines(t, built.text, `Installed Go 1\.[\d.]+ from `+host, `1 module, 1 downloaded`)
	asked := n.requests()
	for _, want := range []string{"/golang.org/toolchain/@v/", "/github.com/go-chi/chi/"} {
		if !slices.ContainsFunc(asked, func(r request) bool { return r.Place == host && strings.HasPrefix(r.URL, want) }) {
			t.Errorf("the proxy did not get %s: %v", want, asked)
		}
	}
	for _, r := range asked {
		if r.Place != host {
			t.Errorf("%s was asked for %s", r.Place, r.URL)
		}
	}
}
