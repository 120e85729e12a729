package toolchain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseProxies(t *testing.T) {
	tests := []struct {
		goproxy string
		want    []string // "|" behind a URL: the next one is asked on every error
	}{
		{"", nil},
		{" ", nil},
		{"off", nil},
		{"direct", nil},
		{",|,", nil},
		{"https://a.example", []string{"https://a.example"}},
		{"https://a.example,direct", []string{"https://a.example"}},
		{"https://a.example|direct", []string{"https://a.example|"}},
		{"https://a.example,https://b.example|https://c.example", []string{"https://a.example", "https://b.example|", "https://c.example"}},
		{"off,https://a.example", nil},
		{"https://a.example,off,https://b.example", []string{"https://a.example"}},
		{" https://a.example , http://b.example/go ", []string{"https://a.example", "http://b.example/go"}},
		{"a.example/go", []string{"https://a.example/go"}},
		{"file:///srv/proxy", []string{"file:///srv/proxy"}},
		{"https://user:pass@a.example", []string{"https://user:pass@a.example"}},
	}
	for _, test := range tests {
		t.Run(test.goproxy, func(t *testing.T) {
			proxies, err := ParseProxies(test.goproxy)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range proxies {
				text := p.URL.String()
				if p.FallOn {
					text += "|"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseProxiesRefusesWithoutTellingSecrets(t *testing.T) {
	tests := []struct{ goproxy, want string }{
		{"ftp://user:secret@a.example", "GOPROXY: ftp://xxxxx@a.example: only https, http and file URLs are module proxies"},
		{"ftp://secret@a.example", "GOPROXY: ftp://xxxxx@a.example: only"},
		{"https://a.example,https://user:secret@b.example:x", "GOPROXY: entry 2 is no URL"},
		{"/srv/secret", "GOPROXY: "},
		{"none", "GOPROXY: "},
		{"file://secret@/srv/proxy", "GOPROXY: file://xxxxx@/srv/proxy: a file URL has nothing but a path"},
		{"file:/srv/proxy", "a file URL has nothing but a path"}, // so says the go command
		{"file://a.example/srv/proxy", "a file URL has nothing but a path"},
	}
	for _, test := range tests {
		t.Run(test.goproxy, func(t *testing.T) {
			_, err := ParseProxies(test.goproxy)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(test.goproxy, "@") && strings.Contains(err.Error(), "secret") {
				t.Errorf("it tells: %v", err)
			}
		})
	}
}
