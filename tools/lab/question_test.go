package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAskTakesAnyStatusAndLooksForTheText(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no page at "+r.URL.Path, http.StatusNotFound)
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	q := question{port: port, path: "there", expect: "no page at /there", timeout: 5 * time.Second}
	got, err := q.ask(context.Background(), nil)
	if err != nil || got.status != "404 Not Found" {
		t.Errorf("got %+v, %v", got, err)
	}
	q.expect = "something else"
	if _, err := q.ask(context.Background(), nil); err == nil {
		t.Error("a missing text passes")
	}
}

func TestAskEndsWithTheProcess(t *testing.T) {
	ended := make(chan struct{})
	close(ended)
	q := question{timeout: time.Minute}
	if err := q.choosePort(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.ask(context.Background(), ended); err == nil || !strings.Contains(err.Error(), "ended before") {
		t.Errorf("got %v", err)
	}
}

func TestPrefixWriter(t *testing.T) {
	var out bytes.Buffer
	w := newPrefixWriter(&out, "> ")
	for _, text := range []string{"one\ntw", "o\n", "rest"} {
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	w.flush()
	if got, want := out.String(), "> one\n> two\n> rest\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
