package hook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The test's own binary is the ELF hook, and the interpreter that shows its
// arguments. It leaves by syscall.Exit: the race detector sleeps in os.Exit.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case PreCompile:
		dir, _ := os.Getwd()
		in, err := io.ReadAll(os.Stdin)
		fmt.Printf("args %q\ndir %q\nstdin %q %v\nenv %q\n", os.Args, dir, in, err, os.Environ())
		syscall.Exit(0)
	case "print":
		fmt.Printf("%q", os.Args)
		syscall.Exit(0)
	}
	os.Exit(m.Run())
}

// write writes a file with just this mode. No process is forked meanwhile:
// it would inherit the open file, and that cannot be executed then.
func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), mode))
	must(t, os.Chmod(path, mode))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// self is the content of the test's binary.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	must(t, err)
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

// tempDir is a temporary directory without symbolic links in its path.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	return dir
}

// tree describes all that is below dir, content and modes.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, fs.ErrPermission) {
				return err
			}
			text += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		got[path] = text
		return nil
	}))
	return got
}

// ran is what came of a hook. In all texts DIR stands for the app's directory.
type ran struct {
	Output, Err string
	Warnings    []string
}

const (
	noRunBit   = "bin/go-pre-compile has no run bit: it is run all the same; mend it with git update-index --chmod=+x bin/go-pre-compile"
	background = "bin/go-pre-compile left a process in the background that keeps its output open: the build goes on without it; let the hook wait for it, or redirect its output"
)

// run finds and runs bin/go-pre-compile of the app in dir, and looks that the
// app stays as it is and that nothing is left in scratch.
func run(t *testing.T, dir string, env ...string) ran {
	t.Helper()
	before := tree(t, dir)
	h, err := Find(PreCompile, dir)
	if err != nil || h == nil {
		t.Fatalf("got %v, %v", h, err)
	}
	var output bytes.Buffer
	var got ran
	scratch := t.TempDir()
	err = h.Run(t.Context(), env, scratch, &output, func(format string, args ...any) {
		got.Warnings = append(got.Warnings, fmt.Sprintf(format, args...))
	})
	got.Output = strings.ReplaceAll(output.String(), dir, "DIR")
	if err != nil {
		got.Err = strings.ReplaceAll(err.Error(), dir, "DIR")
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("the app was changed:\n%s", diff)
	}
	if left := tree(t, scratch); len(left) != 1 {
		t.Errorf("left in scratch: %v", left)
	}
	return got
}

// otherMachine makes an ELF file one for a machine that nobody has.
func otherMachine(program string) string {
	return program[:18] + "\x4b\x00" + program[20:] // e_machine: EM_VAX
}

// mixed prints to stdout and stderr in turns.
const mixed = "#!/bin/sh\ni=0\nwhile [ $i -lt 200 ]; do i=$((i + 1)); echo out; echo err >&2; done\n"

var runTests = []struct {
	name string
	text string
	mode fs.FileMode
	want ran
}{
	{"stdout and stderr keep their order", mixed, 0o755,
		ran{Output: strings.Repeat("out\nerr\n", 200)}},
	{"it runs in the app", "#!/bin/sh\npwd\n", 0o755, ran{Output: "DIR\n"}},
	{"output that ends without a line", "#!/bin/sh\nprintf 'a\\r\\000b'\n", 0o755, ran{Output: "a\r\x00b"}},
	{"nothing to read", "#!/bin/sh\nread x || echo end\n", 0o755, ran{Output: "end\n"}},
	{"exit code", "#!/bin/sh\necho no >&2\nexit 3\n", 0o755,
		ran{Output: "no\n", Err: "bin/go-pre-compile ended with exit code 3"}},
	{"signal", "#!/bin/sh\nkill -KILL $$\n", 0o755, ran{Err: "bin/go-pre-compile was ended by signal: killed"}},
	{"$0 with the run bit", "#!/bin/sh\necho \"$0 $#\"\n", 0o755, ran{Output: "DIR/bin/go-pre-compile 0\n"}},
	{"any run bit is one", "#!/bin/sh\necho hi\n", 0o744, ran{Output: "hi\n"}},

	{"$0 without the run bit", "#!/bin/sh\necho \"$0 $#\"\n", 0o644,
		ran{Output: "DIR/bin/go-pre-compile 0\n", Warnings: []string{noRunBit}}},
	{"argument of the interpreter", "#! /bin/sh -e \nfalse\necho not here\n", 0o644,
		ran{Err: "bin/go-pre-compile ended with exit code 1", Warnings: []string{noRunBit}}},
	{"one argument only", "#!/bin/echo -a -b\n", 0o644,
		ran{Output: "-a -b DIR/bin/go-pre-compile\n", Warnings: []string{noRunBit}}},
	{"interpreter by env", "#!/usr/bin/env sh\necho $0\n", 0o644,
		ran{Output: "DIR/bin/go-pre-compile\n", Warnings: []string{noRunBit}}},
	{"exit code without the run bit", "#!/bin/sh\nexit 3\n", 0o600,
		ran{Err: "bin/go-pre-compile ended with exit code 3", Warnings: []string{noRunBit}}},

	{"no #! line", "echo \"$0 $#\"\n", 0o755, ran{Output: "DIR/bin/go-pre-compile 0\n"}},
	{"no #! line and no run bit", "echo \"$0 $#\"\n", 0o644,
		ran{Output: "DIR/bin/go-pre-compile 0\n", Warnings: []string{noRunBit}}},
	{"no #! line, exit code", "exit 3\n", 0o755, ran{Err: "bin/go-pre-compile ended with exit code 3"}},
	{"#! line without an interpreter", "#!  \necho hi\n", 0o755, ran{Output: "hi\n"}},
	{"#! line without an interpreter and no run bit", "#!\necho hi\n", 0o644, ran{Output: "hi\n", Warnings: []string{noRunBit}}},
	{"empty", "", 0o755, ran{}},
	{"empty without the run bit", "", 0o644, ran{Warnings: []string{noRunBit}}},

	{"missing interpreter", "#!/bin/foo -x\n", 0o755,
		ran{Err: "bin/go-pre-compile: its interpreter /bin/foo is not in the build image: name another one in the #! line, or use a builder that has it"}},
	{"missing interpreter and no run bit", "#!/bin/foo\n", 0o644,
		ran{Err: "bin/go-pre-compile: its interpreter /bin/foo is not in the build image: name another one in the #! line, or use a builder that has it", Warnings: []string{noRunBit}}},
	{"interpreter that is no program", "#!/etc/passwd\n", 0o755,
		ran{Err: "bin/go-pre-compile cannot be started: fork/exec DIR/bin/go-pre-compile: permission denied"}},

	{"Windows", "#!/bin/sh\r\necho hi\r\n", 0o755,
		ran{Err: "bin/go-pre-compile has the line endings of Windows (CRLF): save it with LF"}},
	{"Windows with an argument", "#!/usr/bin/env bash\r\necho hi\r\n", 0o755,
		ran{Err: "bin/go-pre-compile has the line endings of Windows (CRLF): save it with LF"}},
	{"Windows without the run bit", "#!/bin/sh\r\necho hi\r\n", 0o644,
		ran{Err: "bin/go-pre-compile has the line endings of Windows (CRLF): save it with LF"}},
	{"Windows without a #! line", "exit 3 #\r\n", 0o755,
		ran{Err: "bin/go-pre-compile ended with exit code 3, and has the line endings of Windows (CRLF): save it with LF"}},
	{"Windows without a #! line that works", "echo hi #\r\n", 0o755, ran{Output: "hi\n"}},

	{"program of a Mac", "\xcf\xfa\xed\xfe\x0c\x00\x00\x01", 0o755, ran{Err: otherKind}},
	{"program of a Mac without the run bit", "\xcf\xfa\xed\xfe\x0c\x00\x00\x01", 0o644,
		ran{Err: otherKind, Warnings: []string{noRunBit}}},
}

var otherKind = fmt.Sprintf("bin/go-pre-compile is a program for another kind of machine than this (%s/%s), or damaged: build it for this one, or make it a script", runtime.GOOS, runtime.GOARCH)

func TestRun(t *testing.T) {
	for _, test := range runTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(tempDir(t), "the app")
			write(t, filepath.Join(dir, "bin", PreCompile), test.text, test.mode)
			if diff := cmp.Diff(test.want, run(t, dir, "PATH="+os.Getenv("PATH"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunBinary(t *testing.T) {
	program := self(t)
	want := "args [\"DIR/bin/go-pre-compile\"]\ndir \"DIR\"\nstdin \"\" <nil>\nenv %q\n"
	full := []string{"A=b", "EMPTY=", "PATH=/no where"}
	for _, test := range []struct {
		name string
		text string
		mode fs.FileMode
		env  []string
		want ran
	}{
		{"run bit", program, 0o755, full, ran{Output: fmt.Sprintf(want, full)}},
		{"no run bit", program, 0o644, full, ran{Output: fmt.Sprintf(want, full), Warnings: []string{noRunBit}}},
		{"no environment", program, 0o755, nil, ran{Output: fmt.Sprintf(want, []string{})}},
		{"other machine", otherMachine(program), 0o755, full, ran{Err: otherKind}},
		{"other machine, no run bit", otherMachine(program), 0o644, full, ran{Err: otherKind, Warnings: []string{noRunBit}}},
		{"damaged", program[:4], 0o755, full, ran{Err: otherKind}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(tempDir(t), "the app")
			write(t, filepath.Join(dir, "bin", PreCompile), test.text, test.mode)
			if diff := cmp.Diff(test.want, run(t, dir, test.env...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A program linked to the C library of another distribution.
func TestRunBinaryWithoutItsLoader(t *testing.T) {
	path, err := exec.LookPath("true")
	must(t, err)
	text, err := os.ReadFile(path)
	must(t, err)
	program, err := elf.NewFile(bytes.NewReader(text))
	if err != nil {
		t.Skip("SKIPPED: no ELF programs here, so that none was run without its loader; run on Linux")
	}
	for _, segment := range program.Progs {
		if segment.Type != elf.PT_INTERP {
			continue
		}
		gone := "/lib/gone" + strings.Repeat("\x00", int(segment.Filesz)-len("/lib/gone"))
		copy(text[segment.Off:], gone)
		dir := tempDir(t)
		write(t, filepath.Join(dir, "bin", PreCompile), string(text), 0o755)
		want := ran{Err: "bin/go-pre-compile: its interpreter /lib/gone is not in the build image: link the program statically, or use a builder that has it"}
		if diff := cmp.Diff(want, run(t, dir)); diff != "" {
			t.Error(diff)
		}
		return
	}
	t.Skip("SKIPPED: true is linked statically here, so that no program lacks its loader; run on a system with a dynamically linked one")
}

func TestRunRelativeInterpreter(t *testing.T) {
	for _, mode := range []fs.FileMode{0o755, 0o644} {
		t.Run(mode.String(), func(t *testing.T) {
			dir := tempDir(t)
			write(t, filepath.Join(dir, "tools", "print"), self(t), 0o755)
			write(t, filepath.Join(dir, "bin", PreCompile), "#!tools/print a  b\n", mode)
			if got, want := run(t, dir).Output, `["tools/print" "a  b" "DIR/bin/go-pre-compile"]`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			write(t, filepath.Join(dir, "bin", PreCompile), "#!tools/none\n", mode)
			if got, want := run(t, dir).Err, "its interpreter tools/none is not in the build image"; !strings.Contains(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestRunUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("SKIPPED: root reads every file; run as another user")
	}
	dir := tempDir(t)
	write(t, filepath.Join(dir, "bin", PreCompile), "#!/bin/sh\n", 0o311)
	want := ran{Err: "bin/go-pre-compile cannot be read: open DIR/bin/go-pre-compile: permission denied"}
	if diff := cmp.Diff(want, run(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// A hook that is gone: the one before it removed it.
func TestRunGone(t *testing.T) {
	h := Hook{Name: "bin/go-post-compile", File: filepath.Join(t.TempDir(), "gone"), Dir: t.TempDir()}
	err := h.Run(t.Context(), nil, t.TempDir(), io.Discard, t.Errorf)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "bin/go-post-compile cannot be read: ") {
		t.Errorf("got %v", err)
	}
}

func TestRunWithoutScratch(t *testing.T) {
	dir := tempDir(t)
	write(t, filepath.Join(dir, "bin", PreCompile), self(t), 0o644)
	h, err := Find(PreCompile, dir)
	must(t, err)
	err = h.Run(t.Context(), nil, filepath.Join(dir, "none"), io.Discard, func(string, ...any) {})
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "bin/go-pre-compile cannot be copied to be run: ") {
		t.Errorf("got %v", err)
	}
}

func TestRunLink(t *testing.T) {
	for _, test := range []struct {
		name string
		to   string
		mode fs.FileMode
		warn []string
	}{
		{"relative", "../scripts/pre compile.sh", 0o755, nil},
		{"absolute", "DIR/scripts/pre compile.sh", 0o755, nil},
		// git refuses to give a link the run bit.
		{"no run bit", "../scripts/pre compile.sh", 0o644,
			[]string{strings.TrimSuffix(noRunBit, "bin/go-pre-compile") + "scripts/pre compile.sh"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := tempDir(t)
			write(t, filepath.Join(dir, "scripts", "pre compile.sh"), "#!/bin/sh\necho $0\npwd\n", test.mode)
			must(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
			must(t, os.Symlink(strings.ReplaceAll(test.to, "DIR", dir), filepath.Join(dir, "bin", PreCompile)))
			if diff := cmp.Diff(ran{Output: "DIR/bin/go-pre-compile\nDIR\n", Warnings: test.warn}, run(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The background process would hold the build for half a minute; it is not over when Run returns.
func TestRunDoesNotWaitForTheBackground(t *testing.T) {
	for code, want := range []ran{
		{Output: "here\n", Warnings: []string{background}},
		{Output: "here\n", Err: "bin/go-pre-compile ended with exit code 1"},
	} {
		t.Run(fmt.Sprintf("exit code %d", code), func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			elsewhere := t.TempDir()
			over, pid := filepath.Join(elsewhere, "over"), filepath.Join(elsewhere, "pid")
			write(t, filepath.Join(dir, "bin", PreCompile),
				fmt.Sprintf("#!/bin/sh\n(sleep 30; : >'%s') &\necho $$ >'%s'\necho here\nexit %d\n", over, pid, code), 0o755)
			t.Cleanup(func() {
				text, err := os.ReadFile(pid)
				must(t, err)
				group, err := strconv.Atoi(strings.TrimSpace(string(text)))
				must(t, err)
				_ = syscall.Kill(-group, syscall.SIGKILL)
			})
			if diff := cmp.Diff(want, run(t, dir)); diff != "" {
				t.Error(diff)
			}
			if _, err := os.Stat(over); err == nil {
				t.Error("Run waited for the process in the background")
			}
		})
	}
}

// A process in the background that does not hold the output is nobody's business.
func TestRunSilentBackground(t *testing.T) {
	dir := tempDir(t)
	write(t, filepath.Join(dir, "bin", PreCompile), "#!/bin/sh\nsleep 1 >/dev/null 2>&1 &\n", 0o755)
	if diff := cmp.Diff(ran{}, run(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// onFirst calls back with the first that is written.
type onFirst struct {
	text bytes.Buffer
	call func(text string)
}

func (w *onFirst) Write(p []byte) (int, error) {
	if w.text.Len() == 0 {
		w.call(string(p))
	}
	return w.text.Write(p)
}

// The hook goes on only when its first line has arrived: with output held back it would never end.
func TestRunStreams(t *testing.T) {
	dir := tempDir(t)
	answer := filepath.Join(dir, "answer")
	must(t, syscall.Mkfifo(answer, 0o600))
	write(t, filepath.Join(dir, "bin", PreCompile), "#!/bin/sh\nprintf first\nread x <answer\necho \" $x\"\n", 0o755)
	h, err := Find(PreCompile, dir)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	output := &onFirst{call: func(text string) {
		if text != "first" {
			t.Errorf("got %q", text)
		}
		if err := os.WriteFile(answer, []byte("second\n"), 0o600); err != nil {
			t.Error(err)
		}
	}}
	if err := h.Run(ctx, []string{}, t.TempDir(), output, t.Errorf); err != nil {
		t.Fatal(err)
	}
	if got := output.text.String(); got != "first second\n" {
		t.Errorf("got %q", got)
	}
}

// A writer that cannot be compared, for which exec makes two pipes.
type incomparable []*bytes.Buffer

func (w incomparable) Write(p []byte) (int, error) { return w[0].Write(p) }

func TestRunWithAnyWriter(t *testing.T) {
	dir := tempDir(t)
	write(t, filepath.Join(dir, "bin", PreCompile), mixed, 0o755)
	h, err := Find(PreCompile, dir)
	must(t, err)
	var output bytes.Buffer
	must(t, h.Run(t.Context(), nil, t.TempDir(), incomparable{&output}, t.Errorf))
	if got := output.String(); got != strings.Repeat("out\nerr\n", 200) {
		t.Errorf("got %q", got)
	}
}

func TestRunOutputFails(t *testing.T) {
	dir := tempDir(t)
	write(t, filepath.Join(dir, "bin", PreCompile), "#!/bin/sh\necho hi\n", 0o755)
	h, err := Find(PreCompile, dir)
	must(t, err)
	closed, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	must(t, closed.Close())
	err = h.Run(t.Context(), nil, t.TempDir(), closed, t.Errorf)
	if !errors.Is(err, fs.ErrClosed) || !strings.HasPrefix(err.Error(), "bin/go-pre-compile: its output cannot be passed on: ") {
		t.Errorf("got %v", err)
	}
}

// The end of the context ends the hook and what the hook waits for.
func TestRunCancelled(t *testing.T) {
	dir := tempDir(t)
	alive := filepath.Join(dir, "alive")
	must(t, syscall.Mkfifo(alive, 0o600))
	write(t, filepath.Join(dir, "bin", PreCompile), "#!/bin/sh\nsleep 60 >alive\n", 0o755)
	h, err := Find(PreCompile, dir)
	must(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	over := make(chan error)
	go func() {
		file, err := os.Open(alive) // once sleep has it open too
		if err != nil {
			over <- err
			return
		}
		defer file.Close()
		cancel(enough)
		_, err = io.ReadAll(file) // until sleep is gone
		over <- err
	}()
	err = h.Run(ctx, []string{"PATH=" + os.Getenv("PATH")}, t.TempDir(), io.Discard, t.Errorf)
	if !errors.Is(err, enough) || err.Error() != "bin/go-pre-compile was stopped: enough" {
		t.Errorf("got %v", err)
	}
	select {
	case err := <-over:
		must(t, err)
	case <-time.After(30 * time.Second):
		t.Error("what the hook waited for is still there")
	}
	err = h.Run(ctx, nil, t.TempDir(), io.Discard, t.Errorf)
	if !errors.Is(err, enough) || err.Error() != "bin/go-pre-compile was not started: enough" {
		t.Errorf("got %v", err)
	}
}

// Other steps of the build start processes while a binary is copied.
func TestRunCopyAmongOtherProcesses(t *testing.T) {
	dir := tempDir(t)
	write(t, filepath.Join(dir, "bin", PreCompile), self(t), 0o644)
	h, err := Find(PreCompile, dir)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for ctx.Err() == nil {
				_ = exec.CommandContext(ctx, "true").Run()
			}
		})
	}
	for range 20 {
		if err := h.Run(ctx, nil, t.TempDir(), io.Discard, func(string, ...any) {}); err != nil {
			t.Error(err)
		}
	}
	cancel()
	others.Wait()
}

func TestFind(t *testing.T) {
	dir := tempDir(t)
	for _, name := range []string{"one/bin/go-pre-compile", "two/bin/go-pre-compile", "two/bin/go-post-compile", "file/bin"} {
		write(t, filepath.Join(dir, name), "", 0o644)
	}
	for _, name := range []string{"none", "directory/bin/go-pre-compile", "links/bin"} {
		must(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	links := filepath.Join(dir, "links", "bin")
	must(t, os.Symlink("/layers/none", filepath.Join(links, PreCompile)))
	must(t, os.Symlink("..", filepath.Join(links, PostCompile)))
	must(t, os.Symlink("loop", filepath.Join(links, "loop")))
	must(t, syscall.Mkfifo(filepath.Join(links, "fifo"), 0o600))
	at := func(dir, name string) *Hook {
		return &Hook{Name: "bin/" + name, File: filepath.Join(dir, "bin", name), Dir: dir}
	}
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	for _, test := range []struct {
		name string
		hook string
		dirs []string
		want *Hook
		err  string
	}{
		{"the first one", PreCompile, []string{"one", "two"}, at(one, PreCompile), ""},
		{"the second one", PostCompile, []string{"one", "two"}, at(two, PostCompile), ""},
		{"after none", PreCompile, []string{"none", "gone", "file", "two"}, at(two, PreCompile), ""},
		{"none", PreCompile, []string{"none", "gone", "file"}, nil, ""},
		{"nowhere", PreCompile, nil, nil, ""},
		{"a directory", PreCompile, []string{"directory", "one"}, nil,
			"bin/go-pre-compile is a directory: the hook has to be a script or a program, rename the directory"},
		{"a dangling link", PreCompile, []string{"links", "one"}, nil,
			"bin/go-pre-compile is a symbolic link to /layers/none, which is not there: mend the link or remove it"},
		{"a link to a directory", PostCompile, []string{"links"}, nil,
			"bin/go-post-compile is a symbolic link to .., which is a directory: the hook has to be a script or a program, rename the directory"},
		{"a loop", "loop", []string{"links"}, nil, "bin/loop: stat DIR/links/bin/loop: too many levels of symbolic links"},
		{"a pipe", "fifo", []string{"links"}, nil, "bin/fifo is no file: the hook has to be a script or a program"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var dirs []string
			for _, name := range test.dirs {
				dirs = append(dirs, filepath.Join(dir, name))
			}
			got, err := Find(test.hook, dirs...)
			message := ""
			if err != nil {
				message = strings.ReplaceAll(err.Error(), dir, "DIR")
			}
			if diff := cmp.Diff(test.err, message); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFindMakesPathsAbsolute(t *testing.T) {
	dir := tempDir(t)
	write(t, filepath.Join(dir, "app", "bin", PreCompile), "", 0o755)
	t.Chdir(dir)
	got, err := Find(PreCompile, "app")
	must(t, err)
	want := &Hook{Name: "bin/go-pre-compile", File: filepath.Join(dir, "app", "bin", PreCompile), Dir: filepath.Join(dir, "app")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
