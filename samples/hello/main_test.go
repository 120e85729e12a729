package main

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func TestGreeting(t *testing.T) {
	for path, want := range map[string]string{
		"/":    "Hello from " + runtime.Version(),
		"/ada": "Hello ada",
	} {
		answer := httptest.NewRecorder()
		routes().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != http.StatusOK || !strings.HasPrefix(answer.Body.String(), want) {
			t.Errorf("GET %s: %d %q, want 200 %q", path, answer.Code, answer.Body, want)
		}
	}
}

func TestPort(t *testing.T) {
	t.Setenv("PORT", "")
	if got := port(); got != "8080" {
		t.Errorf("without PORT: %q, want 8080", got)
	}
	t.Setenv("PORT", "5000")
	if got := port(); got != "5000" {
		t.Errorf("with PORT=5000: %q", got)
	}
}
