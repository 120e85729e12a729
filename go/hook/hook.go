// Package hook runs the programs of an app that take part in its build:
// bin/go-pre-compile and bin/go-post-compile.
package hook

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// The hooks' names below bin/.
const (
	PreCompile  = "go-pre-compile"
	PostCompile = "go-post-compile"
)

// shell runs scripts that name no interpreter, as execvp(3) does.
const shell = "/bin/sh"

// backgroundDelay is how long the build waits, after the end of a hook, for
// processes that the hook left behind and that may still print something.
const backgroundDelay = 3 * time.Second

// Hook is a program of the app that runs during the build.
type Hook struct {
	// Name is the hook as users call it: "bin/go-pre-compile".
	Name string
	// File is its absolute path, symbolic links not resolved.
	File string
	// Dir is where it runs, an absolute path: the directory in whose bin/ it is.
	Dir string
}

// Find returns the hook called name in the bin/ of the first of dirs that has
// one, nil where none has. A bin that is a file holds no hook. What has the
// hook's name but is no file (a directory, a link that leads nowhere) is an
// error, as is what the file system reports.
func Find(name string, dirs ...string) (*Hook, error) {
	for _, dir := range dirs {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("bin/%s: %w", name, err)
		}
		h := Hook{Name: "bin/" + name, File: filepath.Join(dir, "bin", name), Dir: dir}
		link, err := os.Lstat(h.File)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		if err := h.check(link); err != nil {
			return nil, err
		}
		return &h, nil
	}
	return nil, nil
}

// check is an error where the hook, which link describes, is or leads to no file.
func (h Hook) check(link fs.FileInfo) error {
	what := h.Name + " is"
	if link.Mode()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(h.File)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		what = fmt.Sprintf("%s is a symbolic link to %s, which is", h.Name, to)
	}
	info, err := os.Stat(h.File)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s not there: mend the link or remove it", what)
	case err != nil:
		return fmt.Errorf("%s: %w", h.Name, err)
	case info.IsDir():
		return fmt.Errorf("%s a directory: the hook has to be a script or a program, rename the directory", what)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s no file: the hook has to be a script or a program", what)
	}
	return nil
}

// Run runs the hook to its end, in Dir, with exactly the environment env (of
// doubles the last one counts) and nothing to read. output receives its
// stdout and stderr as they come, in their order, by one writer at a time and
// not after Run has returned. scratch is an existing directory of the build,
// for the copy of a binary that lacks the run bit; the copy is gone
// afterwards. The hook's file is never changed.
//
// warn is called for what the user should mend but does not end the build: a
// hook without the run bit, which runs all the same, and one that leaves a
// process in the background with its output open, for which the build waits
// a few seconds and no longer.
//
// Every error is one sentence that names the hook: it cannot be read or
// started, ended with another exit code than 0 or by a signal, or output
// failed. Where ctx ends first, the hook is killed with all processes of its
// group, and the error wraps ctx's cause.
func (h Hook) Run(ctx context.Context, env []string, scratch string, output io.Writer, warn func(format string, args ...any)) error {
	c, err := h.read()
	if err != nil {
		return err
	}
	p := process{path: h.File, args: []string{h.File}}
	if !c.runBit {
		warn("%s has no run bit: it is run all the same; mend it with git update-index --chmod=+x %s", h.Name, h.inGit())
		switch {
		case c.binary:
			if p.path, err = h.copyTo(scratch); err != nil {
				return fmt.Errorf("%s cannot be copied to be run: %w", h.Name, err)
			}
			defer func() { _ = os.Remove(p.path) }() // scratch goes with the build anyway
		case c.interpreter != nil:
			p = h.by(c.interpreter...)
		default:
			p = h.by(shell)
		}
	}
	cmd, err := p.start(ctx, h.Dir, env, output)
	if errors.Is(err, syscall.ENOEXEC) && !c.binary && c.interpreter == nil {
		cmd, err = h.by(shell).start(ctx, h.Dir, env, output)
	}
	if err != nil {
		return h.notStarted(ctx, c, err)
	}
	return h.ended(ctx, c, cmd.Wait(), warn)
}

// content is what decides how a hook is run.
type content struct {
	runBit bool
	// interpreter are the words of a script's #! line, nil where there is none.
	interpreter []string
	// binary tells that the file is no script.
	binary bool
	// crlf tells that lines end as they do on Windows.
	crlf bool
}

// read looks at the start of the hook's file.
func (h Hook) read() (content, error) {
	file, err := os.Open(h.File)
	if err != nil {
		return content{}, fmt.Errorf("%s cannot be read: %w", h.Name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return content{}, fmt.Errorf("%s cannot be read: %w", h.Name, err)
	}
	head, err := io.ReadAll(io.LimitReader(file, headSize))
	if err != nil {
		return content{}, fmt.Errorf("%s cannot be read: %w", h.Name, err)
	}
	c := content{
		runBit:      info.Mode().Perm()&0o111 != 0,
		interpreter: interpreter(head),
		binary:      binary(head),
		crlf:        bytes.Contains(head, []byte("\r\n")),
	}
	// The carriage return belongs to the last word, and no program knows that word.
	if n := len(c.interpreter); n > 0 && strings.HasSuffix(c.interpreter[n-1], "\r") {
		return c, fmt.Errorf("%s %s", h.Name, windowsLines)
	}
	return c, nil
}

const windowsLines = "has the line endings of Windows (CRLF): save it with LF"

// inGit is the hook's path for git: that of the file where a link leads, since
// git has no run bit for links.
func (h Hook) inGit() string {
	file, err := filepath.EvalSymlinks(h.File)
	if err != nil {
		return h.Name
	}
	dir, err := filepath.EvalSymlinks(h.Dir)
	if err != nil {
		return h.Name
	}
	name, err := filepath.Rel(dir, file)
	if err != nil {
		return h.Name
	}
	return filepath.ToSlash(name)
}

// copyTo makes a copy of the hook with the run bit in dir and returns its path.
func (h Hook) copyTo(dir string) (string, error) {
	from, err := os.Open(h.File)
	if err != nil {
		return "", err
	}
	defer from.Close()
	// A process started meanwhile, by another step of the build, would for a
	// moment inherit the copy open for writing, and the kernel runs no program
	// that is open for writing (ETXTBSY, https://go.dev/issue/22315).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	to, err := os.CreateTemp(dir, filepath.Base(h.File)+"-")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	err = errors.Join(err, to.Chmod(0o700), to.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(to.Name()))
	}
	return to.Name(), nil
}

// by is the process that an interpreter, with its optional argument, makes of
// the hook: just what the kernel would start.
func (h Hook) by(interpreter ...string) process {
	path := interpreter[0]
	if !filepath.IsAbs(path) {
		path = filepath.Join(h.Dir, path)
	}
	return process{path: path, args: append(interpreter[:len(interpreter):len(interpreter)], h.File)}
}

// process is the program to start and its arguments, the program's name included.
type process struct {
	path string
	args []string
}

// start starts the process; its errors are the kernel's.
func (p process) start(ctx context.Context, dir string, env []string, output io.Writer) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, p.path)
	cmd.Args, cmd.Dir = p.args, dir
	cmd.Env = append([]string{}, env...) // nil would be the environment of the buildpack
	// One pipe for both, so that they keep their order; exec makes it for equal
	// writers, which not every writer can be compared for.
	one := &struct{ io.Writer }{output}
	cmd.Stdout, cmd.Stderr = one, one
	cmd.WaitDelay = backgroundDelay
	// A script is killed together with what it waits for.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	err := cmd.Start()
	return cmd, err
}

// notStarted explains why there is no process.
func (h Hook) notStarted(ctx context.Context, c content, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s was not started: %w", h.Name, context.Cause(ctx))
	case errors.Is(err, syscall.ENOEXEC) && c.binary:
		return fmt.Errorf("%s is a program for another kind of machine than this (%s/%s), or damaged: build it for this one, or make it a script",
			h.Name, runtime.GOOS, runtime.GOARCH)
	case errors.Is(err, fs.ErrNotExist):
		// The kernel says the same of a hook that is not there and of what it needs.
		if needed, advice := h.needs(c); needed != "" && !h.has(needed) {
			return fmt.Errorf("%s: its interpreter %s is not in the build image: %s", h.Name, needed, advice)
		}
	}
	return fmt.Errorf("%s cannot be started: %w", h.Name, err)
}

// needs returns the other program without which the hook cannot start, ""
// where there is none, and what to do where it is missing.
func (h Hook) needs(c content) (file, advice string) {
	switch {
	case c.interpreter != nil:
		return c.interpreter[0], "name another one in the #! line, or use a builder that has it"
	case !c.binary:
		return shell, "use a builder that has it"
	}
	program, err := elf.Open(h.File)
	if err != nil {
		return "", ""
	}
	defer func() { _ = program.Close() }() // it was only read
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			name, err := io.ReadAll(segment.Open())
			if err == nil {
				return strings.TrimRight(string(name), "\x00"), "link the program statically, or use a builder that has it"
			}
		}
	}
	return "", ""
}

// has reports whether the file, relative to the hook's directory or absolute, exists.
func (h Hook) has(file string) bool {
	if !filepath.IsAbs(file) {
		file = filepath.Join(h.Dir, file)
	}
	_, err := os.Stat(file)
	return err == nil
}

// ended says how the process ended, of which Wait returned err.
func (h Hook) ended(ctx context.Context, c content, err error, warn func(string, ...any)) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrWaitDelay):
		warn("%s left a process in the background that keeps its output open: the build goes on without it; let the hook wait for it, or redirect its output", h.Name)
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s was stopped: %w", h.Name, context.Cause(ctx))
	case !errors.As(err, &exit):
		return fmt.Errorf("%s: its output cannot be passed on: %w", h.Name, err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Errorf("%s was ended by signal: %s", h.Name, status.Signal())
	}
	if c.crlf && !c.binary {
		return fmt.Errorf("%s ended with exit code %d, and %s", h.Name, exit.ExitCode(), windowsLines)
	}
	return fmt.Errorf("%s ended with exit code %d", h.Name, exit.ExitCode())
}
