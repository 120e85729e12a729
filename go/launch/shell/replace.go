package shell

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// replace makes this process the program; it returns only where that fails.
// errStay means that nothing has been done: a child is running, or a standard
// file is no file. After any other error but errEnded the process has the
// program's directory and standard files, and is about to end.
func (c *children) replace(p program, hc interp.HandlerContext) error {
	descriptors, ok := plain(hc)
	if !ok {
		return errStay
	}
	var err error
	c.do(func() { err = c.become(p, descriptors) })
	return err
}

func (c *children) become(p program, descriptors [3]int) error {
	if len(c.waiting) > 0 {
		return errStay
	}
	// From here on a signal ends this process, as it would end the program.
	signal.Reset(append([]os.Signal{syscall.SIGCHLD}, forwarded...)...)
	defer c.notify()
	// One that came before has no program to go to, and must not get lost.
	for len(c.signals) > 0 {
		c.note(<-c.signals)
	}
	if c.ended != 0 && !c.open {
		return errEnded
	}
	if err := os.Chdir(p.dir); err != nil {
		return err
	}
	if err := install(descriptors); err != nil {
		return err
	}
	// Unlike handlers and like ignored signals, this would outlive the exec.
	c.adopt(false)
	return unix.Exec(p.path, p.args, p.env)
}

// plain returns the standard files as descriptors, -1 for a closed one. It is
// false where one is only a part of this process, as in $(…).
func plain(hc interp.HandlerContext) ([3]int, bool) {
	var descriptors [3]int
	for i, file := range []any{hc.Stdin, hc.Stdout, hc.Stderr} {
		switch {
		case closed(file):
			descriptors[i] = -1
		default:
			file, ok := file.(*os.File)
			if !ok {
				return descriptors, false
			}
			descriptors[i] = int(file.Fd())
		}
	}
	return descriptors, true
}

// install makes the descriptors files 0, 1 and 2. They are moved out of the way
// first, for one may be the number of another.
func install(descriptors [3]int) error {
	for i, fd := range descriptors {
		if fd < 0 {
			continue
		}
		moved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 10)
		if err != nil {
			return err
		}
		descriptors[i] = moved
	}
	for i, fd := range descriptors {
		if fd < 0 {
			_ = unix.Close(i) // it may have been closed all along
			continue
		}
		if err := unix.Dup3(fd, i, 0); err != nil {
			return err
		}
	}
	return nil
}
