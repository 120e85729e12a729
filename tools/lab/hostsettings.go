package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// goSettings are the settings of the go command that decide where modules come from and how they are checked. A build
// has to know those of the machine, or it finds no modules on one that reaches them by its own ways only.
var goSettings = []string{"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE"}

// proxySettings are handed on by the lifecycle itself.
var proxySettings = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}

// caBundles is where Linux distributions keep their CA certificates, in the order in which Go looks.
var caBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// hostGoSettings are the machine's go settings that a build is to have too: GOPROXY in any case, the others where they
// are not Go's own defaults.
func hostGoSettings(ctx context.Context) (map[string]string, error) {
	settings := map[string]string{}
	output, err := goOutput(ctx, "", append([]string{"env", "-json", "-changed"}, goSettings...)...)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(output), &settings); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	proxies, err := goOutput(ctx, "", "env", "GOPROXY")
	if err != nil {
		return nil, err
	}
	settings["GOPROXY"] = proxies
	return settings, nil
}

func hostProxies() map[string]string {
	settings := map[string]string{}
	for _, name := range proxySettings {
		if value, ok := os.LookupEnv(name); ok {
			settings[name] = value
		}
	}
	return settings
}

// hostCABundle is the file with the certificates that this machine trusts, "" when there is none. A machine behind a
// proxy that inspects TLS has the proxy's certificate there, and no build downloads anything without it.
func hostCABundle() string {
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		if real, err := filepath.Abs(file); err == nil && isFile(real) {
			return real
		}
	}
	for _, file := range caBundles {
		if isFile(file) {
			return file
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// hostCACertificates are the contents of hostCABundle.
func hostCACertificates() ([]byte, error) {
	path := hostCABundle()
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	return bytes.TrimSpace(text), err
}
