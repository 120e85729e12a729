package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

func TestTheProgramReplacesTheLauncher(t *testing.T) {
	for _, test := range []struct {
		line     string
		replaced bool
	}{
		{`probe pid`, true},
		{`exec probe pid`, true},
		{`exec probe pid; echo no`, true},
		{`FOO=$(probe x) probe pid >&1 2>/dev/null`, true},
		{`probe exit 0 && probe pid`, true},
		{`probe exit 1 || { cd /; probe pid; }`, true},
		{`if true; then probe pid; fi`, true},
		{`case a in a) probe pid; esac`, true},
		{`set -e; export A=b; (probe pid)`, true},
		{`$(echo probe) pid`, true},
		{`"probe" pid`, true},
		{`probe pid | probe cat`, false},
		{`probe pid; true`, false},
		{`! probe pid`, false},
		{`probe sleep 1ms & exec probe pid`, false},
		{`trap true EXIT; probe pid`, false},
		{`probe pid <<< x`, false},
	} {
		t.Run(test.line, func(t *testing.T) {
			cmd := run(t, test.line)
			stdout, stderr, _ := output(t, cmd)
			pid, err := strconv.Atoi(strings.TrimSpace(stdout))
			if err != nil || (pid == cmd.Process.Pid) != test.replaced {
				t.Errorf("launcher %d, program %s, %s", cmd.Process.Pid, stdout, stderr)
			}
		})
	}
}

func TestSignals(t *testing.T) {
	for _, test := range []struct {
		line   string
		signal syscall.Signal
		stdout string
		status int
	}{
		{`probe wait TERM 3`, syscall.SIGTERM, "got TERM 1", 3},
		{`true && exec probe wait INT 3`, syscall.SIGINT, "got INT 1", 3},
		{`probe wait TERM 0; echo no`, syscall.SIGTERM, "got TERM 1", 143},
		{`probe wait TERM 3 && echo no`, syscall.SIGTERM, "got TERM 1", 3},
		{`probe wait TERM 3 || echo no`, syscall.SIGTERM, "got TERM 1", 143},
		{`probe sleep 1m | probe wait TERM 0`, syscall.SIGTERM, "got TERM 1", 0},
		{`probe sleep 1m | probe wait QUIT 5`, syscall.SIGQUIT, "got QUIT 1", 5},
		{`probe wait INT 6 & wait $!`, syscall.SIGINT, "got INT 1", 6},
		{`probe wait USR1 4; echo "then $?"`, syscall.SIGUSR1, "got USR1 1\nthen 4", 0},
		{`probe wait USR2 4; echo "then $?"`, syscall.SIGUSR2, "got USR2 1\nthen 4", 0},
		{`probe wait HUP 4; echo "then $?"`, syscall.SIGHUP, "got HUP 1\nthen 4", 0},
		{`while true; do probe wait TERM 0; done`, syscall.SIGTERM, "got TERM 1", 143},
		{`echo ready; while true; do true; done`, syscall.SIGTERM, "", 143},
		{`echo ready; while ((1)); do ((1)); done`, syscall.SIGINT, "", 130},
		{`trap 'probe bye $?' EXIT; probe wait TERM 0; echo no`, syscall.SIGTERM, "got TERM 1\n[\"probe\" \"bye\" \"0\"]", 143},
	} {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			cmd := run(t, test.line)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			r := bufio.NewReader(out)
			if ready, err := r.ReadString('\n'); ready != "ready\n" {
				t.Fatalf("got %q, %v", ready, err)
			}
			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			var rest bytes.Buffer
			if _, err := r.WriteTo(&rest); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if got := strings.TrimSuffix(rest.String(), "\n"); got != test.stdout || cmd.ProcessState.ExitCode() != test.status {
				t.Errorf("got %q, %s; want %q, status %d", got, cmd.ProcessState, test.stdout, test.status)
			}
		})
	}
}

// A terminal sends an interrupt to all processes by itself.
func TestInterruptOfATerminalComesOnce(t *testing.T) {
	for _, line := range []string{`probe wait INT 3`, `probe wait INT 3; true`, `probe wait INT 3 | probe wait INT 3 >&2`} {
		t.Run(line, func(t *testing.T) {
			cmd := run(t, line)
			tty, err := pty.Start(cmd)
			if err != nil {
				t.Skip("SKIPPED: no pseudo terminal; mount /dev/pts: ", err)
			}
			defer tty.Close()
			got := 0
			// The terminal ends in an error when the last program has gone.
			for r := bufio.NewReader(tty); ; {
				text, err := r.ReadString('\n')
				if err != nil {
					break
				}
				if strings.Contains(text, "ready") {
					time.Sleep(200 * time.Millisecond) // the other one is ready too
					if _, err := tty.WriteString("\x03"); err != nil {
						t.Fatal(err)
					}
				}
				if strings.Contains(text, "got INT") {
					got++
					if !strings.Contains(text, "got INT 1") {
						t.Errorf("a program tells: %s", text)
					}
				}
			}
			_ = cmd.Wait()
			if got == 0 {
				t.Error("no program has told of an interrupt")
			}
		})
	}
}

func TestOrphansAreReaped(t *testing.T) {
	stdout, stderr, status := output(t, run(t, `echo $$; probe orphan; probe zombies 300ms; true`))
	rows := strings.Split(stdout, "\n")
	want := []string{rows[0], "adopted by " + rows[0], "zombies 0", ""}
	if diff := cmp.Diff(want, rows); diff != "" || status != 0 {
		t.Errorf("%s%s", diff, stderr)
	}
}

// The kernel keeps that a process adopts orphans when it becomes another program, which knows nothing of it.
func TestTheProgramDoesNotAdopt(t *testing.T) {
	for line, want := range map[string]string{`probe exit 0; exec probe reaper`: "reaper 0\n", `probe reaper; true`: "reaper 0\n"} {
		if stdout, _, _ := output(t, run(t, line)); stdout != want {
			t.Errorf("%s: got %s", line, stdout)
		}
	}
}

func TestAsPID1(t *testing.T) {
	for line, want := range map[string]string{
		`exec probe pid`: "1\n",
		`probe orphan; probe sleep 200ms; echo $$`: "adopted by 1\n1\n",
	} {
		cmd := run(t, line)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		unprivileged(cmd.SysProcAttr)
		stdout, stderr, status := outputOrSkip(t, cmd, "allow user namespaces or run the test as root")
		if stdout != want || status != 0 {
			t.Errorf("%s: got %s, status %d, %s", line, stdout, status, stderr)
		}
	}
}

// An image may have nothing but the program.
func TestInAnEmptyImage(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"shell", "probe"} {
		program, err := os.ReadFile(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), program, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]string{
		`exec probe -p $PORT`:                         `["probe" "-p" "8080"]` + "\n",
		`probe a | probe cat; probe "$(probe pwd)" &`: `["probe" "a"]` + "\n",
		`/probe err x 2> /f; probe cat < f`:           "x\n",
		`echo *`:                                      "probe shell\n",
	} {
		os.Remove(filepath.Join(root, "f"))
		cmd := run(t, line)
		cmd.Path, cmd.Dir, cmd.Env = "/shell", "/", []string{"PATH=/", "PORT=8080"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		unprivileged(cmd.SysProcAttr)
		stdout, stderr, _ := outputOrSkip(t, cmd, "allow user namespaces or run the test as root")
		if !strings.HasPrefix(stdout, want) {
			t.Errorf("%s: got %s, %s", line, stdout, stderr)
		}
	}
	cmd := run(t, "")
	cmd.Path, cmd.Args, cmd.Dir = "/shell", []string{"/exec.d/limits"}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	unprivileged(cmd.SysProcAttr)
	if got := variables(t, cmd); got != "" {
		t.Errorf("limits: got %s", got)
	}
}

// unprivileged makes attr work for users that are not root, where the system lets them.
func unprivileged(attr *syscall.SysProcAttr) {
	if os.Getuid() == 0 {
		return
	}
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
}

func outputOrSkip(t *testing.T, cmd *exec.Cmd, todo string) (stdout, stderr string, status int) {
	t.Helper()
	probe := exec.Command(filepath.Join(bin, "probe"))
	if cmd.SysProcAttr.Chroot != "" {
		probe = exec.Command("/probe")
	}
	probe.SysProcAttr = cmd.SysProcAttr
	if err := probe.Run(); err != nil {
		t.Skipf("SKIPPED: %s; %s", err, todo)
	}
	return output(t, cmd)
}
