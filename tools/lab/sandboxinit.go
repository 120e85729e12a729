package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

// initFailed is the init process's exit code for a sandbox that could not be set up; the lifecycle and common programs
// do not use it.
const initFailed = 213

// runInit is the first process of a sandbox: it mounts, starts the program, hands signals on and ends with its exit code.
func runInit() int {
	var s sandbox
	plan := os.NewFile(3, "plan")
	if err := json.NewDecoder(plan).Decode(&s); err != nil {
		fmt.Fprintf(os.Stderr, "sandbox: read the plan: %v; %s is not meant to be called by hand\n", err, sandboxInit)
		return initFailed
	}
	plan.Close()
	// Capabilities belong to the thread: what mounts must be what starts the program.
	runtime.LockOSThread()
	if err := s.setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		return initFailed
	}
	code, err := s.runProgram()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		return initFailed
	}
	return code
}

func (s *sandbox) setUp() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if s.Loopback {
		if err := raiseLoopback(); err != nil {
			return fmt.Errorf("start the loopback interface: %w", err)
		}
	}
	// A mount of its own, so that it can be made read-only.
	if err := unix.Mount(s.Root, s.Root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s: %w", s.Root, err)
	}
	for _, m := range s.Mounts {
		if err := m.mount(s.Root); err != nil && !m.Optional {
			return fmt.Errorf("mount %s at %s: %w", m.Kind, m.Target, err)
		}
	}
	if s.ReadOnly {
		if err := setReadOnly(s.Root, 0); err != nil {
			return err
		}
	}
	return nil
}

func (m sandboxMount) mount(root string) error {
	// The root may be an image's: no link in it may lead a mount out of it.
	target, err := securejoin.SecureJoin(root, m.Target)
	if err != nil {
		return err
	}
	if m.Kind == mountSymlink {
		return os.Symlink(m.Source, target)
	}
	if err := makeMountPoint(target, m); err != nil {
		return err
	}
	switch m.Kind {
	case mountBind:
		if err := unix.Mount(m.Source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("%s: %w", m.Source, err)
		}
	case mountTmpfs:
		if err := unix.Mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode="+m.Mode); err != nil {
			return err
		}
	case mountProc:
		if err := unix.Mount("proc", target, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			// Inside a container parts of /proc are covered, and the kernel then refuses a user namespace a fresh one.
			return unix.Mount("/proc", target, "", unix.MS_BIND|unix.MS_REC, "")
		}
	case mountSymlink: // done above
	case mountDevpts:
		return unix.Mount("devpts", target, "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
	}
	if m.ReadOnly {
		return setReadOnly(target, unix.AT_RECURSIVE)
	}
	return nil
}

func makeMountPoint(target string, m sandboxMount) error {
	if m.Kind == mountBind {
		info, err := os.Stat(m.Source)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return makeFile(target)
		}
	}
	return os.MkdirAll(target, 0o755)
}

func makeFile(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

func setReadOnly(path string, flags uint) error {
	err := unix.MountSetattr(unix.AT_FDCWD, path, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if errors.Is(err, unix.ENOSYS) {
		return errors.New("this kernel has no mount_setattr: the sandbox needs Linux 5.12 or newer")
	}
	if err != nil {
		return fmt.Errorf("make %s read-only: %w", path, err)
	}
	return nil
}

func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

// runProgram starts the program as an ordinary child, so that signals have their usual effect on it, and waits for it.
func (s *sandbox) runProgram() (int, error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)

	command := exec.CommandContext(context.Background(), s.Command[0], s.Command[1:]...)
	command.Dir = s.Dir
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.Env = []string{}
	for name, value := range s.Env {
		command.Env = append(command.Env, name+"="+value)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: s.Root}
	if os.Geteuid() == 0 {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(s.UID), Gid: uint32(s.GID)}
	} else if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("give up the capabilities: %w", err)
	}
	if err := command.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", s.Command[0], err)
	}
	go func() {
		for received := range signals {
			_ = command.Process.Signal(received)
		}
	}()
	err := command.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return 0, err
	}
	if status, ok := command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return command.ProcessState.ExitCode(), nil
}
