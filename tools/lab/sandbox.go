package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sandboxInit is the argument with which the lab calls itself to be the first process of a sandbox.
const sandboxInit = "sandbox-init"

// The ids that a build has in every CNB build image of note; files of the image belong to them.
const (
	buildUID = 1001
	buildGID = 1000
)

// stopGrace is how long a process has to end after SIGTERM, as with `docker stop`.
const stopGrace = 10 * time.Second

// sandbox is a program in mount, process-id and, for a user other than root, user namespaces of its own. Its root is a
// directory made for it into which the host's directories are mounted, so nothing of the host is changed.
type sandbox struct {
	Root     string            // what becomes /; may be changed
	ReadOnly bool              // mount Root read-only in the end
	Mounts   []sandboxMount    // in this order
	Loopback bool              // no network but a loopback interface
	UID, GID int               // who the program runs as
	Command  []string          // path inside the sandbox, and arguments
	Env      map[string]string // the whole environment
	Dir      string            // working directory inside the sandbox

	stdout, stderr io.Writer
}

// mountKind says how a mount comes about.
type mountKind string

const (
	mountBind    mountKind = "bind"
	mountTmpfs   mountKind = "tmpfs"
	mountProc    mountKind = "proc"
	mountDevpts  mountKind = "devpts"
	mountSymlink mountKind = "symlink" // no mount at all, for the links that /dev holds
)

type sandboxMount struct {
	Kind     mountKind
	Source   string // host path for a bind, text of a symlink
	Target   string // path inside the sandbox
	Mode     string // of a tmpfs, octal
	ReadOnly bool
	Optional bool // go on without it
}

// running is a started sandbox.
type running struct {
	command *exec.Cmd
	done    chan struct{}
	err     error
}

// start starts the sandbox's program.
func (s *sandbox) start() (*running, error) {
	if err := checkNamespaces(); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	plan, err := s.plan()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(context.Background(), self, sandboxInit) // stop ends it, in order
	command.ExtraFiles = []*os.File{plan}
	command.Stdout, command.Stderr = s.stdout, s.stderr
	command.SysProcAttr = s.attributes()

	process := &running{command: command, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Pdeathsig fires when the thread ends that started the process: keep it.
		runtime.LockOSThread()
		err := command.Start()
		plan.Close()
		started <- err
		if err == nil {
			process.err = command.Wait()
			close(process.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, explainNamespaceError(err)
	}
	return process, nil
}

// plan is an open, already deleted file with the sandbox's description: file descriptor 3 of the init process.
func (s *sandbox) plan() (*os.File, error) {
	file, err := os.CreateTemp("", "lab-sandbox")
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	err = json.NewEncoder(file).Encode(s)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return file, nil
}

func (s *sandbox) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // Ctrl-C is for the lab, which then ends the sandbox in order
	}
	if s.Loopback {
		attributes.Cloneflags |= syscall.CLONE_NEWNET
	}
	if os.Geteuid() != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: s.UID, HostID: os.Geteuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: s.GID, HostID: os.Getegid(), Size: 1}}
		// With a user id other than 0 in the namespace only ambient capabilities outlive the exec of the init process.
		attributes.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_CHROOT, unix.CAP_NET_ADMIN}
	}
	return attributes
}

// run starts the program and waits for its end; when ctx ends first, the program is stopped. A program that fails gives
// its exit code and no error.
func (s *sandbox) run(ctx context.Context) (code int, err error) {
	process, err := s.start()
	if err != nil {
		return 0, err
	}
	select {
	case <-process.done:
		return process.exitCode()
	case <-ctx.Done():
		process.stop()
		return 0, errors.New("interrupted")
	}
}

// stop asks the program to end, and ends it when it does not.
func (r *running) stop() {
	_ = r.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.done:
	case <-time.After(stopGrace):
		_ = r.command.Process.Kill()
		<-r.done
	}
}

// exitCode is to be called once done is closed.
func (r *running) exitCode() (int, error) {
	var failed *exec.ExitError
	switch {
	case r.err == nil:
		return 0, nil
	case errors.As(r.err, &failed) && failed.ExitCode() == initFailed:
		return 0, errors.New("the sandbox could not be set up; the line above tells why")
	case errors.As(r.err, &failed) && failed.ExitCode() >= 0:
		return failed.ExitCode(), nil
	default:
		return 0, fmt.Errorf("sandbox: %w", r.err)
	}
}

// checkNamespaces says what keeps a plain user from making namespaces, where something is known to.
func checkNamespaces() error {
	if os.Geteuid() == 0 {
		return nil
	}
	for _, setting := range []struct{ file, wrong, cure string }{
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"},
		{"/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
	} {
		text, err := os.ReadFile(setting.file)
		if err == nil && strings.TrimSpace(string(text)) == setting.wrong {
			return fmt.Errorf("user namespaces are off on this machine (%s is %s): have root run `%s`, or run as root", setting.file, setting.wrong, setting.cure)
		}
	}
	return nil
}

func explainNamespaceError(err error) error {
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("sandbox: %w", err)
	}
	if os.Geteuid() == 0 {
		return fmt.Errorf("sandbox: %w: root may not make mount and process-id namespaces here; in a container it needs CAP_SYS_ADMIN (docker run --privileged)", err)
	}
	return fmt.Errorf("sandbox: %w: user %s may not make a user namespace here; the kernel needs CONFIG_USER_NS and a container must allow clone(CLONE_NEWUSER), or run as root",
		err, strconv.Itoa(os.Geteuid()))
}
