package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseAssignment(t *testing.T) {
	known := map[string]string{"HERE": "value", "EMPTY": ""}
	lookup := func(name string) (string, bool) { value, ok := known[name]; return value, ok }
	for text, want := range map[string]struct {
		name, value string
		known       bool
	}{
		"A=1":       {"A", "1", true},
		"A=":        {"A", "", true},
		"A=b=c d":   {"A", "b=c d", true},
		"HERE":      {"HERE", "value", true},
		"EMPTY":     {"EMPTY", "", true},
		"NOT_THERE": {"NOT_THERE", "", false},
	} {
		name, value, known, err := parseAssignment(text, lookup)
		if err != nil || name != want.name || value != want.value || known != want.known {
			t.Errorf("%q: %q %q %v %v", text, name, value, known, err)
		}
	}
	for _, text := range []string{"", "=1", "1A=1", "A B=1", "../A=1", "A/B=1"} {
		if _, _, _, err := parseAssignment(text, lookup); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestEnvironmentFlagWinsOverFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.env")
	if err := os.WriteFile(file, []byte("# comment\n\nA=file\nB=from file\r\nLAB_TEST_SET\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LAB_TEST_SET", "yes")
	got, err := environment([]string{"A=flag", "LAB_TEST_UNSET"}, []string{file})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"A": "flag", "B": "from file", "LAB_TEST_SET": "yes"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEnvironmentFileErrorNamesTheLine(t *testing.T) {
	_, err := parseEnvironmentFile(strings.NewReader("A=1\nnot good\n"), os.LookupEnv)
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

func TestImageNames(t *testing.T) {
	for dir, want := range map[string]string{
		"/src/hello":          "hello",
		"/src/My App":         "my-app",
		"/src/caddy@v2.11.9/": "caddy-v2-11-9",
		"/src/__":             "app",
		"/":                   "app",
	} {
		got := imageNameFor(dir)
		if got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
		if err := checkImageName(got); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "..", "a/b", "Upper", "-a", "a b", "a--b"} {
		if checkImageName(name) == nil {
			t.Errorf("%q passes", name)
		}
	}
}

func TestArgumentsAfterTheDash(t *testing.T) {
	command := newDemoCommand()
	if err := command.ParseFlags([]string{"--env", "A=1", "dir", "--port", "80", "--", "serve", "--listen", ":80"}); err != nil {
		t.Fatal(err)
	}
	before, after := splitAtDash(command.Flags().Args(), command.ArgsLenAtDash())
	if strings.Join(before, " ") != "dir" || strings.Join(after, " ") != "serve --listen :80" {
		t.Errorf("got %q and %q", before, after)
	}
	if before, after := splitAtDash([]string{"dir"}, -1); len(before) != 1 || after != nil {
		t.Errorf("got %q and %q", before, after)
	}
}

func TestExtraMounts(t *testing.T) {
	dir := t.TempDir()
	mounts, err := extraMounts([]string{dir + ":/proxy"})
	if err != nil || len(mounts) != 1 || mounts[0].Target != "/proxy" || !mounts[0].ReadOnly {
		t.Errorf("got %v, %v", mounts, err)
	}
	for _, text := range []string{dir, dir + ":relative", ":/x", filepath.Join(dir, "missing") + ":/x"} {
		if _, err := extraMounts([]string{text}); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestScratchOwner(t *testing.T) {
	for name, want := range map[string]int{"build-12-345": 12, "a-b-7-x": 7, "build": 0, "build-x-1": 0, "build--5-1": 5} {
		if got, _ := scratchOwner(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}
