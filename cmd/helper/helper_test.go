package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The programs, as they are in an image: static, and no shell among them.
var bin string // holds shell, the names of exec.d, and probe

func TestMain(m *testing.M) {
	if len(os.Args) == 0 {
		// Never: with main in the test's program, go test sees when it has changed and takes no old result.
		main()
	}
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(s) { // as under nohup; what is started here would ignore it too
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "helper")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		bin = dir
		// A look at the source, so that go test does not take an old result for it.
		if _, err := os.ReadFile("testdata/probe/main.go"); err != nil {
			panic(err)
		}
		for name, source := range map[string]string{"shell": ".", "probe": "./testdata/probe"} {
			build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), source)
			build.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				panic(fmt.Sprintf("%s: %s", err, out))
			}
		}
		for _, name := range []string{"limits", "limits-cpu-quota", "limits-all-cpus"} {
			if err := os.Symlink("shell", filepath.Join(dir, name)); err != nil {
				panic(err)
			}
		}
		return m.Run()
	}())
}

// run is a command that runs a line in an empty directory, with PATH holding
// the test's programs only.
func run(t *testing.T, line string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "shell"), append([]string{line}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + bin, "PORT=8080", "TWO=a  b", "EMPTY=", "with.dot=1", "HOME=/home/x"}
	return cmd
}

// output runs cmd and returns what it wrote and its exit status.
func output(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		// Where the program has replaced the launcher, as a shell would tell it.
		wait, ok := exit.Sys().(syscall.WaitStatus)
		if status = exit.ExitCode(); ok && wait.Signaled() {
			status = 128 + int(wait.Signal())
		}
	default:
		t.Fatalf("%v\n%s", err, &errs)
	}
	return out.String(), errs.String(), status
}

// lines are what bash does too. In the output of bash its own path stands for
// ours.
var lines = []struct {
	line, stdout string
	status       int
}{
	{`exec probe -port $PORT`, `["probe" "-port" "8080"]`, 0},
	{`probe ${X:-y} ${PORT:+set} "$TWO" $TWO '$TWO' $EMPTY "$EMPTY"`, `["probe" "y" "set" "a  b" "a" "b" "$TWO" ""]`, 0},
	{`FOO=bar probe env FOO`, `FOO="bar" true`, 0},
	{`FOO=bar; probe env FOO`, `FOO="" false`, 0},
	{`export FOO=bar; probe env FOO`, `FOO="bar" true`, 0},
	{`PORT=1; probe env PORT`, `PORT="1" true`, 0},
	{`unset PORT; probe env PORT`, `PORT="" false`, 0},
	{`echo 9 | { read PORT; probe env PORT; }`, `PORT="9" true`, 0},
	{`(PORT=1); probe env PORT`, `PORT="8080" true`, 0},
	{`probe env with.dot`, `with.dot="1" true`, 0},
	{`probe exit 0 && probe exit 7`, ``, 7},
	{`probe exit 3 && probe args`, ``, 3},
	{`probe exit 3 || probe x`, `["probe" "x"]`, 0},
	{`probe exit 3; probe x`, `["probe" "x"]`, 0},
	{`! probe exit 3`, ``, 0},
	{`probe exit 4 | probe cat`, ``, 0},
	{`set -o pipefail; probe exit 4 | probe cat`, ``, 4},
	{`set -e; probe exit 5; echo no`, ``, 5},
	{`set -euo pipefail; probe x | probe cat`, `["probe" "x"]`, 0},
	{`probe a | probe cat | probe cat`, `["probe" "a"]`, 0},
	{`probe die TERM`, ``, 143},
	{`probe die KILL; echo $?`, `137`, 0},
	{`true`, ``, 0},
	{`exit 9`, ``, 9},
	{`A=1`, ``, 0},
	{`echo a{b,c} $((1+2)) $(probe x) ` + "`echo y`", `ab ac 3 ["probe" "x"] y`, 0},
	{`probe "$(probe err x 2>&1)"`, `["probe" "x"]`, 0},
	{`probe err x 2>&1`, `x`, 0},
	{`exec 2>&1; probe err x`, `x`, 0},
	{`probe err x 2>&1 | probe cat`, `x`, 0},
	{`probe x > f; probe cat < f; exec probe cat < f`, "[\"probe\" \"x\"]\n[\"probe\" \"x\"]", 0},
	{`exec probe x > f`, ``, 0},
	{`{ probe x; exec probe y; } > f; probe cat < f`, ``, 0},
	{`probe x >> f; (exec probe y) >> f; probe cat < f`, "[\"probe\" \"x\"]\n[\"probe\" \"y\"]", 0},
	{`probe err x > /dev/null 2> f; probe cat < f`, `x`, 0},
	{`echo x > /dev/stdout | probe cat`, `x`, 0},
	{`probe "$(probe x > /dev/stdout)"`, `["probe" "[\"probe\" \"x\"]"]`, 0},
	{`probe cat <<< "$PORT"`, `8080`, 0},
	{"probe cat << X\na $PORT\nX", `a 8080`, 0},
	{`probe stdin <&-`, `true`, 0}, // Go programs open /dev/null for it
	{`touch() { echo $1 > $1; }; touch b; touch a; probe *`, `["probe" "a" "b"]`, 0},
	{`echo 'probe $1; export FROM=file' > env.sh; . ./env.sh x; probe env FROM`, "[\"probe\" \"x\"]\nFROM=\"file\" true", 0},
	{`echo 'exec probe x; echo no' > f; source ./f; echo no`, `["probe" "x"]`, 0},
	{`(exec probe x); probe y`, "[\"probe\" \"x\"]\n[\"probe\" \"y\"]", 0},
	{`exec probe x | probe cat; probe y`, "[\"probe\" \"x\"]\n[\"probe\" \"y\"]", 0},
	{`f() { exec probe x; }; f; echo no`, `["probe" "x"]`, 0},
	{`if probe exit 1; then probe a; elif probe exit 0; then probe b; else probe c; fi`, `["probe" "b"]`, 0},
	{`case $PORT in 80) probe a;; 8*) probe b;; *) probe c; esac`, `["probe" "b"]`, 0},
	{`case a in a) probe a;& b) probe b; esac`, "[\"probe\" \"a\"]\n[\"probe\" \"b\"]", 0},
	{`for x in 1 2; do probe $x; done`, "[\"probe\" \"1\"]\n[\"probe\" \"2\"]", 0},
	{`cd / && probe pwd`, `/ <nil>`, 0},
	{`cd /; probe env PWD`, `PWD="/" true`, 0},
	{`probe sleep 50ms & probe x; wait; echo end`, "[\"probe\" \"x\"]\nend", 0},
	{`probe exit 6 & wait $!`, ``, 6},
	{`probe sleep 20ms & exec probe x`, `["probe" "x"]`, 0},
	{`trap 'echo bye' EXIT; probe x`, "[\"probe\" \"x\"]\nbye", 0},
	{`trap 'echo bye' EXIT; probe exit 3`, "bye", 3},
	{`eval 'probe x'`, `["probe" "x"]`, 0},
	{`command probe x`, `["probe" "x"]`, 0},
	{`nosuch`, ``, 127},
	{`exec nosuch; echo no`, ``, 127},
	{`./nosuch`, ``, 127},
	{`nosuch || probe x`, `["probe" "x"]`, 0},
	{`echo x > f; ./f`, ``, 126},
	{`/`, ``, 126},
}

func TestLines(t *testing.T) {
	for _, test := range lines {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, status := output(t, run(t, test.line))
			if got := strings.TrimSuffix(stdout, "\n"); got != test.stdout || status != test.status {
				t.Errorf("got %s, status %d; want %s, status %d\n%s", got, status, test.stdout, test.status, stderr)
			}
		})
	}
}

// The table is right only if bash agrees with it.
func TestLinesAsBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("SKIPPED: no bash to compare with; install it: ", err)
	}
	for _, test := range lines {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			cmd := run(t, test.line)
			cmd.Path, cmd.Args = bash, []string{"bash", "-c", test.line}
			stdout, stderr, status := output(t, cmd)
			if got := strings.TrimSuffix(stdout, "\n"); got != test.stdout || status != test.status {
				t.Errorf("bash: %s, status %d; the table: %s, status %d\n%s", got, status, test.stdout, test.status, stderr)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	for _, test := range []struct {
		line, args, stdout string
		status             int
	}{
		{`probe -p $PORT`, "-v x", `["probe" "-p" "8080" "-v" "x"]`, 0},
		{`exec probe`, "-v x", `["probe" "-v" "x"]`, 0},
		{`probe a && FOO=1 probe b`, "-v", "[\"probe\" \"a\"]\n[\"probe\" \"b\" \"-v\"]", 0},
		{`set -e; probe a | probe b`, "-v", `["probe" "b" "-v"]`, 0},
		{`if true; then probe a; else probe b; fi`, "-v", `["probe" "a" "-v"]`, 0},
		{`{ (probe a); } 2>&1`, "-v", `["probe" "a" "-v"]`, 0},
		{`echo a`, "-v", `a -v`, 0},
		{`probe $1 x`, "-v -w", `["probe" "-v" "x"]`, 0},
		{`probe "$@" x`, "-v -w", `["probe" "-v" "-w" "x"]`, 0},
		{`probe $#`, "-v -w", `["probe" "2"]`, 0},
		{`probe ${2:-y}`, "-v", `["probe" "y"]`, 0},
		{`for x; do echo $x; done`, "-v -w", "-v\n-w", 0},
		{`probe $0`, "-v", `["probe" "shell" "-v"]`, 0},
		{`probe x & wait`, "-v", ``, 2},
		{`while false; do probe; done`, "-v", ``, 2},
		{`A=1`, "-v", ``, 2},
	} {
		t.Run(test.line, func(t *testing.T) {
			stdout, stderr, status := output(t, run(t, test.line, strings.Fields(test.args)...))
			if got := strings.TrimSuffix(stdout, "\n"); got != test.stdout || status != test.status {
				t.Errorf("got %s, status %d; want %s, status %d\n%s", got, status, test.stdout, test.status, stderr)
			}
			if test.status != 0 && !strings.Contains(stderr, `takes no arguments: it does not end in a program; write "$@" where they belong`) {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
	// A user's argument is text, whatever is in it.
	stdout, _, _ := output(t, run(t, `probe`, "$PORT; exit", "-e", "--", "* a", ""))
	if want := `["probe" "$PORT; exit" "-e" "--" "* a" ""]` + "\n"; stdout != want {
		t.Errorf("got %s", stdout)
	}
}

func TestMessages(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{`nosuch`, "shell: nosuch: command not found in PATH (" + bin + ")\n"},
		{`./nosuch`, "shell: ./nosuch: no such file: "},
		{`echo x > f; ./f`, "f is not executable: set its executable bit"},
		{`eval 'umask 3'; exit 0`, "shell: the builtin umask is not supported: call syscall.Umask"},
		{`ulimit -n 5`, "shell: the line cannot run here: the builtin ulimit is not supported"},
		{`if`, "shell: the line is not valid shell syntax"},
		{`probe ${NO:?not set}`, "NO: not set"},
	} {
		t.Run(test.line, func(t *testing.T) {
			if _, stderr, _ := output(t, run(t, test.line)); !strings.Contains(stderr, test.want) {
				t.Errorf("got %s", stderr)
			}
		})
	}
}

func TestScripts(t *testing.T) {
	for _, test := range []struct {
		name, content string
		stdout, want  string
		status        int
	}{
		{"without #! runs as a line", `probe "$0" "$1" $X; exit 3`, `["probe" "./x" "a b" "1"]`, "", 3},
		{"interpreter is not in the image", "#!/no/bash -e\n", "", "x needs /no/bash -e, which is not in the image", 126},
		{"binary of another machine", "\x7fELF\x00\n", "", "is no program for this machine", 126},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := run(t, `export X=1; ./x 'a b'`)
			if err := os.WriteFile(filepath.Join(cmd.Dir, "x"), []byte(test.content), 0o700); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, status := output(t, cmd)
			stdout = strings.ReplaceAll(strings.TrimSuffix(stdout, "\n"), cmd.Dir, ".")
			if stdout != test.stdout || status != test.status || !strings.Contains(stderr, test.want) {
				t.Errorf("got %s, status %d, %s", stdout, status, stderr)
			}
		})
	}
}

// variables runs a program of exec.d and returns what it wrote to file 3.
func variables(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.ExtraFiles = []*os.File{w}
	_, stderr, status := output(t, cmd)
	w.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(r); err != nil || status != 0 {
		t.Fatalf("%v, status %d, %s", err, status, stderr)
	}
	return out.String()
}

func TestExecD(t *testing.T) {
	cmd := run(t, "")
	cmd.Args[0] = filepath.Join(bin, "limits-all-cpus")
	cmd.Path = cmd.Args[0]
	if got := variables(t, cmd); !strings.Contains(got, `GOMAXPROCS = "`) {
		t.Errorf("got %s", got)
	}
	cmd = run(t, "")
	cmd.Args[0] = filepath.Join(bin, "limits")
	cmd.Path = cmd.Args[0]
	cmd.Env = append(cmd.Env, "BPL_GOMEMLIMIT_RATIO=nonsense")
	if got := variables(t, cmd); strings.Contains(got, `GOMAXPROCS`) {
		t.Errorf("got %s", got)
	}
}

// What the launch-time program adds to the start of a process, with the start
// of a program that does nothing for comparison.
func BenchmarkStart(b *testing.B) {
	for _, test := range []struct {
		name string
		args []string
	}{
		{"nothing", []string{"probe", "exit", "0"}},
		{"exec.d", []string{"limits-cpu-quota"}},
		{"line", []string{"shell", `exec probe exit ${X:-0}`}},
	} {
		b.Run(test.name, func(b *testing.B) {
			null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer null.Close()
			var times []time.Duration
			for b.Loop() {
				cmd := exec.Command(filepath.Join(bin, test.args[0]), test.args[1:]...)
				cmd.Env, cmd.ExtraFiles = []string{"PATH=" + bin}, []*os.File{null}
				start := time.Now()
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(start))
			}
			b.ReportMetric(float64(median(times).Microseconds())/1000, "median-ms")
		})
	}
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
