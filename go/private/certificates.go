package private

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"
)

// certificate is an entry of a binding with certificates of authorities.
type certificate struct {
	from string
	pem  []byte
}

// readCertificates reads the entries of a binding: PEM files with one certificate or more.
func (a *Access) readCertificates(b libcnb.Binding) error {
	var keys []string
	for key := range b.Secret {
		if key != "type" && key != "provider" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	count := 0
	for _, key := range keys {
		text, _, err := secret(b, key)
		if err != nil {
			return err
		}
		n, err := countCertificates([]byte(text))
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		count += n
		a.certificates = append(a.certificates, certificate{"the binding " + b.Name + ", " + key, []byte(text + "\n")})
	}
	if count == 0 {
		return errors.New("it has no certificate: add entries with certificates of authorities in PEM form")
	}
	a.Used = append(a.Used, fmt.Sprintf("binding %s: %d certificates of authorities", b.Name, count))
	if count == 1 {
		a.Used[len(a.Used)-1] = "binding " + b.Name + ": the certificate of an authority"
	}
	return nil
}

func countCertificates(text []byte) (int, error) {
	n, whole := 0, text
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			return 0, fmt.Errorf("it holds a %s, and only certificates belong there", strings.ToLower(block.Type))
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return 0, fmt.Errorf("certificate %d: %w", n+1, err)
		}
		n++
	}
	if begun := bytes.Count(whole, []byte("-----BEGIN ")); n != 0 && begun != n {
		return 0, fmt.Errorf("%d of its %d certificates cannot be read: put in the whole file as it was made", begun-n, begun)
	}
	if n == 0 {
		return 0, errors.New("no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
	}
	return n, nil
}

// systemBundles are where Linux distributions keep the certificates that they trust, the likeliest first.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// bundle writes the certificates that are trusted already, those of file or, where
// it is "" or cannot be read, the system's, and those of the bindings to a file of dir, for programs that
// know one file alone.
func (a Access) bundle(dir, name, file string) (string, error) {
	var all bytes.Buffer
	candidates := systemBundles
	if file != "" {
		candidates = append([]string{file}, systemBundles...)
	}
	for _, candidate := range candidates {
		if data, err := os.ReadFile(candidate); err == nil {
			all.Write(data)
			all.WriteByte('\n')
			break
		}
	}
	for _, c := range a.certificates {
		all.Write(c.pem)
	}
	to := filepath.Join(dir, name)
	return to, os.WriteFile(to, all.Bytes(), 0o600)
}

// Roots are the authorities to trust for this program's own requests: nil for
// the system's alone.
func (a Access) Roots() *x509.CertPool {
	if len(a.certificates) == 0 {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, c := range a.certificates {
		pool.AppendCertsFromPEM(c.pem)
	}
	return pool
}
