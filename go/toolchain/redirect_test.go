package toolchain

import (
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestRedirectsTakeNoLoginElsewhere: a login is for one place, wherever its server sends a download on to.
func TestRedirectsTakeNoLoginElsewhere(t *testing.T) {
	logins := map[string]string{}
	takes := func(name string, then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			logins[name] = password
			then(w, r)
		}
	}
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the file") }
	other, plain := httptest.NewTLSServer(takes("other", answer)), httptest.NewServer(takes("plain", answer))
	defer other.Close()
	defer plain.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/here", takes("here", answer))
	for path, to := range map[string]string{"/same": "/here", "/other": other.URL, "/plain": plain.URL, "/circle": "/circle"} {
		mux.Handle(path, http.RedirectHandler(to, http.StatusFound))
	}
	first := httptest.NewTLSServer(mux)
	defer first.Close()
	roots := x509.NewCertPool()
	roots.AddCert(first.Certificate())
	roots.AddCert(other.Certificate())
	d := NewDownloader("test")
	d.Attempts, d.Pause = 1, time.Millisecond
	d.Trust(roots)
	d.Credentials = func(*url.URL) *url.Userinfo { return url.UserPassword("me", "s3cret") }
	for path, want := range map[string]string{"/same": "", "/other": "", "/plain": "which is not https", "/circle": "again and again"} {
		u, err := url.Parse(first.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		err = d.Read(t.Context(), u, func(in io.Reader) error {
			data, err := io.ReadAll(in)
			got = string(data)
			return err
		})
		switch {
		case want == "" && (err != nil || got != "the file"):
			t.Errorf("%s: %v, %q", path, err, got)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if logins["here"] != "s3cret" || logins["other"] != "" || logins["plain"] != "" {
		t.Errorf("logins came to %v", logins)
	}
}
