package integration

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority is a certificate authority that no machine knows.
type authority struct {
	// PEM is its certificate, as operators hand it out.
	PEM         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	mutex       sync.Mutex
	issued      map[string]*tls.Certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{
		PEM:         string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		certificate: certificate, key: key, issued: map[string]*tls.Certificate{},
	}
}

// certify returns a server's certificate for a host name.
func (a *authority) certify(host string) (*tls.Certificate, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if issued := a.issued[host]; issued != nil {
		return issued, nil
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(a.issued)) + 2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: a.certificate.NotBefore, NotAfter: a.certificate.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	a.issued[host] = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
	return a.issued[host], nil
}

// network is the internet as a build sees it through the proxy at URL: hosts of
// the test by their real names, without DNS, and a record of what each was asked.
type network struct {
	URL string
	*authority
	// passing lets names that the test does not know through to the real network.
	passing bool
	places  map[string]http.Handler
	record  sync.Mutex
	asked   []request
}

// request is something that a host was asked.
type request struct {
	// Place is scheme://host, with the port where it is not the scheme's own.
	Place       string
	Method, URL string
	// Login is user:password as it came, "" for none.
	Login string
}

// newNetwork starts a network in which the handlers serve what their keys name:
// scheme://host, with a port where it is not the scheme's own. The public proxy
// and the checksum database are there and know nothing, unless they are passed.
func newNetwork(t testing.TB, places map[string]http.Handler, passed ...string) *network {
	t.Helper()
	n := &network{authority: newAuthority(t), places: map[string]http.Handler{}, passing: len(passed) > 0}
	proxy, database := goDefaults(t)
	for _, public := range []string{proxy, database} {
		if !slices.Contains(passed, public) {
			n.places[public] = http.NotFoundHandler()
		}
	}
	maps.Copy(n.places, places)
	server := httptest.NewServer(n)
	t.Cleanup(server.Close)
	n.URL = server.URL
	return n
}

// env are the variables that send a build through the network. Both spellings: git reads HTTP_PROXY in small letters only.
func (n *network) env() []string {
	var env []string
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		env = append(env, name+"="+n.URL, strings.ToLower(name)+"="+n.URL)
	}
	return append(env, "NO_PROXY=", "no_proxy=")
}

// trusted are the variables that have git and the go command trust the network,
// and what this machine trusts, without help of the buildpack.
func (n *network) trusted(t testing.TB) []string {
	t.Helper()
	bundle := []byte(n.PEM)
	for _, file := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt"} {
		if text, err := os.ReadFile(file); err == nil {
			bundle = append(append(bundle, '\n'), text...)
			break
		}
	}
	file := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"SSL_CERT_FILE=" + file, "GIT_SSL_CAINFO=" + file}
}

// requests are what the hosts were asked since the last call.
func (n *network) requests() []request {
	n.record.Lock()
	defer n.record.Unlock()
	defer func() { n.asked = nil }()
	return n.asked
}

func (n *network) note(r request) {
	n.record.Lock()
	defer n.record.Unlock()
	n.asked = append(n.asked, r)
}

// place names a scheme and a host as the keys of the network do.
func place(scheme, host string) string {
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
	return scheme + "://" + host
}

// serve answers a request to a place.
func (n *network) serve(where string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came := request{Place: where, Method: r.Method, URL: r.URL.RequestURI()}
		if user, password, ok := r.BasicAuth(); ok {
			came.Login = user + ":" + password
		} else if r.Header.Get("Authorization") != "" {
			came.Login = r.Header.Get("Authorization")
		}
		n.note(came)
		handler.ServeHTTP(w, r)
	})
}

// ServeHTTP is the proxy's side that clients see.
func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		n.connect(w, r)
		return
	}
	where := place("http", r.URL.Host)
	handler, known := n.places[where]
	switch {
	case known:
	case n.passing:
		handler = &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}
	default:
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "no such host: "+r.URL.Host, http.StatusBadGateway)
		})
	}
	n.serve(where, handler).ServeHTTP(w, r)
}

// connect opens a tunnel. It ends at the handler of a host of the test.
func (n *network) connect(w http.ResponseWriter, r *http.Request) {
	where := place("https", r.Host)
	n.note(request{Place: where, Method: r.Method, URL: r.Host})
	handler, known := n.places[where]
	var far net.Conn
	if !known {
		var err error
		if far, err = n.dial(r.Host); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = near.Close()
		return
	}
	if !known {
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		_, _ = io.Copy(near, far)
		_ = near.Close()
		return
	}
	host, _, _ := net.SplitHostPort(r.Host)
	secured := tls.Server(near, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return n.certify(host)
	}})
	// A client that does not trust the certificate is what some tests want.
	server := http.Server{Handler: n.serve(where, handler), ErrorLog: log.New(io.Discard, "", 0)}
	_ = server.Serve(&once{conn: secured})
}

// dial connects to a real host, by the proxy of this machine where it has one.
func (n *network) dial(host string) (net.Conn, error) {
	if !n.passing {
		return nil, errors.New("no such host: " + host)
	}
	by, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: host}})
	if err != nil || by == nil {
		return net.DialTimeout("tcp", host, 10*time.Second)
	}
	conn, err := net.DialTimeout("tcp", by.Host, 10*time.Second)
	if err != nil {
		return nil, err
	}
	// Byte by byte, so that nothing of what comes after the answer is swallowed.
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host); err != nil {
		return nil, err
	}
	var answer []byte
	for !bytes.HasSuffix(answer, []byte("\r\n\r\n")) {
		next := make([]byte, 1)
		if _, err := io.ReadFull(conn, next); err != nil {
			return nil, err
		}
		answer = append(answer, next...)
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200")) && !bytes.HasPrefix(answer, []byte("HTTP/1.0 200")) {
		return nil, fmt.Errorf("%s: %s", by.Host, answer)
	}
	return conn, nil
}

// once is a listener with one connection. Its server goes on with that after Serve has ended.
type once struct{ conn net.Conn }

func (o *once) Accept() (net.Conn, error) {
	if o.conn == nil {
		return nil, io.EOF
	}
	defer func() { o.conn = nil }()
	return o.conn, nil
}
func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return &net.TCPAddr{} }
