package toolchain

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// Proxy is one module proxy of a GOPROXY list.
type Proxy struct {
	URL *url.URL
	// FallOn tells when the next proxy of the list is asked: on every error (true, the
	// list goes on with "|") or only when this one does not have the module (false, ",").
	FallOn bool
}

// ParseProxies reads a GOPROXY value as the go command does: a list separated by
// "," or "|"; "off" and "direct" are no proxies and end the list.
func ParseProxies(goproxy string) ([]Proxy, error) {
	var proxies []Proxy
	for rest := strings.TrimSpace(goproxy); rest != ""; {
		i := strings.IndexAny(rest, ",|")
		entry, fallOn := rest, false
		if i >= 0 {
			entry, fallOn, rest = rest[:i], rest[i] == '|', rest[i+1:]
		} else {
			rest = ""
		}
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		if entry == "off" || entry == "direct" {
			break
		}
		if strings.ContainsAny(entry, ".:/") && !strings.Contains(entry, ":/") && !path.IsAbs(entry) {
			entry = "https://" + entry // the go command takes a bare host for https
		}
		u, err := url.Parse(entry)
		switch {
		case err != nil:
			// The error would quote the value, which may hold a password.
			return nil, fmt.Errorf("GOPROXY: entry %d is no URL", len(proxies)+1)
		case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "file":
			return nil, fmt.Errorf("GOPROXY: %s: only https, http and file URLs are module proxies", redacted(u))
		case u.Scheme == "file" && *u != (url.URL{Scheme: u.Scheme, Path: u.Path, RawPath: u.RawPath}):
			return nil, fmt.Errorf("GOPROXY: %s: a file URL has nothing but a path: file:///path", redacted(u))
		}
		proxies = append(proxies, Proxy{URL: u, FallOn: fallOn})
	}
	return proxies, nil
}
