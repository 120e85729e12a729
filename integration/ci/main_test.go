// Package ci runs the pipelines of docs/ci as the CI systems do: the shell in them is taken out of the files and run in
// the containers that they ask for, against a registry that wants a login and a git server with private modules.
package ci

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
	"testing"
)

// root is the repository.
var root string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	root = filepath.Dir(filepath.Dir(dir))
	os.Exit(m.Run())
}

// file reads a file of docs/ci.
func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs", "ci", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// needsEngine skips where no Docker Engine answers, and makes the lab's builder where one does.
func needsEngine(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: -short; run without it to build in containers")
	}
	out, err := exec.Command("go", "env", "GOPROXY").Output()
	if err != nil {
		t.Fatalf("go env GOPROXY: %v", err)
	}
	if proxy := strings.TrimSpace(string(out)); proxy == "" || proxy == "off" || proxy == "direct" {
		t.Skipf("SKIPPED: go env GOPROXY is %q and names no module proxy to download from; set it to one", proxy)
	}
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no Docker Engine answers: %s", out)
		}
		t.Skip("SKIPPED: no Docker Engine answers; scripts/docker.sh starts one on Debian, as root")
	}
	if out, err := script(t, "builder.sh"); err != nil {
		t.Fatalf("scripts/builder.sh: %v\n%s", err, out)
	}
}

// script runs a script of the repository and returns what it printed.
func script(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	return output(t, exec.Command(filepath.Join(root, "scripts", name), args...))
}

// output runs a command, shows what it prints while it runs and returns it.
func output(t testing.TB, cmd *exec.Cmd) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(&out, t.Output())
	cmd.Stderr = cmd.Stdout
	err := cmd.Run()
	return out.String(), err
}

// must runs a command that has to succeed and returns its standard output without the end of the last line.
func must(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, complaint.Bytes())
	}
	return strings.TrimSuffix(string(out), "\n")
}

func wantLines(t testing.TB, log string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !regexp.MustCompile(line).MatchString(log) {
			t.Errorf("the log has no line that matches %q", line)
		}
	}
}

// write writes a file, and the directories to it, that everybody may read.
func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil { // #nosec G306 G302 -- another user reads it in a container
		t.Fatal(err)
	}
}

// open is a new directory that every user may write to, as the volumes of CI systems are.
func open(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}
