package shell

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

var (
	// errStay says that the launcher cannot be replaced: something of it has to live on.
	errStay = errors.New("the launcher has to stay")

	// errEnded says that nothing is started any more: a signal has ended the line.
	errEnded = errors.New("the line was ended by a signal")
)

// forwarded are the signals that programs are to get which only the launcher gets.
var forwarded = []os.Signal{
	syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// program is what to execute.
type program struct {
	path string // absolute
	args []string
	dir  string // absolute
	env  []string
}

// children are the processes below this one. All of it belongs to one
// goroutine, which does one thing after the other: a program cannot end or be
// signalled between its start and its being known, nor a signal come between
// the last look for one and the launcher's replacement.
type children struct {
	waiting map[int]chan<- syscall.WaitStatus // by process id: those that run wants to hear of
	ended   syscall.Signal                    // the first signal that ends the line, 0 before
	open    bool                              // programs start in spite of that
	adopts  bool                              // orphans below this process become its children
	end     context.CancelFunc                // called when a signal ends the line
	signals chan os.Signal
	exited  chan os.Signal
	tasks   chan func()
	copying sync.Mutex // held while output of a program is handed on
}

// listen takes over the process's signals and returns its children. end is
// called when a signal ends the line.
func listen(end context.CancelFunc) *children {
	c := &children{
		waiting: make(map[int]chan<- syscall.WaitStatus),
		end:     end,
		signals: make(chan os.Signal, 64),
		// One is enough: it stays until reap begins, which looks for all.
		exited: make(chan os.Signal, 1),
		tasks:  make(chan func()),
	}
	c.notify()
	go func() {
		for {
			select {
			case got := <-c.signals:
				c.forward(got)
			case <-c.exited:
				c.reap()
			case task := <-c.tasks:
				task()
			}
		}
	}()
	return c
}

// do runs task in the goroutine of the children and waits for it.
func (c *children) do(task func()) {
	done := make(chan struct{})
	c.tasks <- func() {
		defer close(done)
		task()
	}
	<-done
}

// notify asks for the signals. One that is ignored (nohup) stays so, for the
// programs too.
func (c *children) notify() {
	for _, s := range forwarded {
		if !signal.Ignored(s) {
			signal.Notify(c.signals, s)
		}
	}
	signal.Notify(c.exited, syscall.SIGCHLD)
}

// forward hands a signal to all programs.
func (c *children) forward(got os.Signal) {
	c.note(got)
	number, ok := got.(syscall.Signal)
	if !ok || fromTerminal(number) {
		return
	}
	for pid := range c.waiting {
		// It may have ended and not be reaped yet.
		_ = syscall.Kill(pid, number)
	}
}

// note remembers the first signal that ends the line. HUP, USR1 and USR2 do
// not: they are messages, on which servers read their files again.
func (c *children) note(got os.Signal) {
	if c.ended != 0 {
		return
	}
	switch got {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		c.ended, _ = got.(syscall.Signal)
		c.end()
	}
}

// fromTerminal reports whether a terminal has sent the signal to the programs
// as well, which it does to all processes of its foreground group: sent twice,
// many a program gives up its orderly end.
func fromTerminal(got syscall.Signal) bool {
	if got != syscall.SIGINT && got != syscall.SIGQUIT && got != syscall.SIGHUP {
		return false
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false // there is none
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// signalled returns the signal that ended the line, 0 for none.
func (c *children) signalled() syscall.Signal {
	var got syscall.Signal
	c.do(func() { got = c.ended })
	return got
}

// resume lets programs start again, for the line's EXIT trap.
func (c *children) resume() {
	c.do(func() { c.open = true })
}

// reap collects every process that has ended: programs of the line and what
// they left behind.
func (c *children) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if done := c.waiting[pid]; done != nil {
			delete(c.waiting, pid)
			done <- status
		}
	}
}

// run starts a program and waits until it has ended and all that it wrote is
// handed on. An error means that it did not start: errEnded or the system's.
func (c *children) run(p program, hc interp.HandlerContext) (syscall.WaitStatus, error) {
	files, err := c.files(hc)
	if err != nil {
		return 0, err
	}
	var done <-chan syscall.WaitStatus
	c.do(func() { done, err = c.start(p, files) })
	files.started()
	if err != nil {
		files.wait()
		return 0, err
	}
	status := <-done
	files.wait()
	return status, nil
}

// start starts a program. What it ended with comes through the channel.
func (c *children) start(p program, files *files) (<-chan syscall.WaitStatus, error) {
	if c.ended != 0 && !c.open {
		return nil, errEnded
	}
	c.adopt(true)
	pid, err := syscall.ForkExec(p.path, p.args, &syscall.ProcAttr{Dir: p.dir, Env: p.env, Files: files.descriptors()})
	if err != nil {
		return nil, err
	}
	done := make(chan syscall.WaitStatus, 1)
	c.waiting[pid] = done
	return done, nil
}

// adopt makes this process the parent of orphans below it, as PID 1 is by
// nature, or no more. Failing (before Linux 3.4) is no harm.
func (c *children) adopt(on bool) {
	if c.adopts == on || os.Getpid() == 1 {
		return
	}
	value := uintptr(0)
	if on {
		value = 1
	}
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, value, 0, 0, 0)
	c.adopts = on
}
