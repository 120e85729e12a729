// Package kpack builds apps with the manifests of docs/kpack as kpack does: with kpack's own controllers, and with the pods
// that they make, container by container, on a Docker Engine. Kubernetes itself is a store of objects in memory.
package kpack

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// root is the repository.
var root string

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("integration/kpack: SKIPPED with -short: the builds by kpack's controllers")
		os.Exit(0)
	}
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	root = filepath.Dir(filepath.Dir(dir))
	os.Exit(m.Run())
}

// needsEngine skips where no Docker Engine answers, or where builds would find no module proxy.
func needsEngine(t testing.TB) {
	t.Helper()
	if proxy := goEnv(t, "GOPROXY"); proxy == "" || proxy == "off" || proxy == "direct" {
		t.Skipf("SKIPPED: go env GOPROXY is %q and names no module proxy to download from; set one", proxy)
	}
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no Docker Engine answers: %s", out)
		}
		t.Skip("SKIPPED: no Docker Engine answers; scripts/docker.sh starts one on Debian, as root")
	}
}

func goEnv(t testing.TB, name string) string {
	t.Helper()
	return strings.TrimSpace(run(t, exec.Command("go", "env", name)))
}

// run runs a command that has to succeed and returns what it printed on its standard output.
func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var out, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, &all), &all
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &all)
	}
	return out.String()
}

// script runs one of the repository's scripts with variables beside those of the test.
func script(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(root, "scripts", name), args...)
	cmd.Env = append(os.Environ(), env...)
	return run(t, cmd)
}

// onFailure keeps what a server says and shows it where the test fails: much of it is alarming and means nothing.
func onFailure(t testing.TB) io.Writer {
	t.Helper()
	kept := &log{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", kept.String())
		}
	})
	return kept
}

// log can be written to by many.
type log struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

// String is all that was written.
func (l *log) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// eventually asks for something until it is there; what get says in its place is how far that is.
func eventually[T any](t testing.TB, get func() (T, string)) T {
	t.Helper()
	got, state := get()
	for range 1800 {
		if state == "" {
			return got
		}
		time.Sleep(100 * time.Millisecond)
		got, state = get()
	}
	t.Fatalf("after three minutes: %s", state)
	return got
}

func wantLines(t testing.TB, log string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !regexp.MustCompile(line).MatchString(log) {
			t.Errorf("the log has no line that matches %q:\n%s", line, log)
		}
	}
}
