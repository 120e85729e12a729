package shell

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// files are the standard files of one program.
type files struct {
	three  [3]*os.File // nil is a closed one
	pipes  []*os.File  // ends that only the program holds
	copies sync.WaitGroup
}

// files returns the standard files for a program. Output that goes to no file
// of the system, as in $(…), goes through a pipe; the caller has to call
// started and then wait.
func (c *children) files(hc interp.HandlerContext) (*files, error) {
	f := &files{}
	if stdin, ok := hc.Stdin.(*os.File); ok {
		f.three[0] = stdin
	}
	var err error
	if f.three[1], err = c.output(f, hc.Stdout); err != nil {
		return nil, err
	}
	if unwrap(hc.Stderr) == unwrap(hc.Stdout) {
		f.three[2] = f.three[1]
		return f, nil
	}
	if f.three[2], err = c.output(f, hc.Stderr); err != nil {
		f.started()
		return nil, err
	}
	return f, nil
}

// output returns the file that brings a program's output to w.
func (c *children) output(f *files, w io.Writer) (*os.File, error) {
	if closed(w) {
		return nil, nil
	}
	w = unwrap(w)
	if file, ok := w.(*os.File); ok {
		return file, nil
	}
	r, end, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	f.pipes = append(f.pipes, end)
	f.copies.Go(func() {
		defer r.Close()
		_, _ = io.Copy(&shared{w: w, mu: &c.copying}, r)
	})
	return end, nil
}

// shared is a writer that several programs write to.
type shared struct {
	mu *sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// descriptors are for syscall.ProcAttr, where -1 closes.
func (f *files) descriptors() []uintptr {
	list := make([]uintptr, len(f.three))
	for i, file := range f.three {
		list[i] = ^uintptr(0)
		if file != nil {
			list[i] = file.Fd()
		}
	}
	return list
}

// started closes what only the program should hold.
func (f *files) started() {
	for _, end := range f.pipes {
		end.Close()
	}
}

// wait waits until all output is handed on.
func (f *files) wait() { f.copies.Wait() }

// closed reports whether a standard file is closed (>&- and <&-), as the
// interpreter tells it.
func closed(file any) bool { return file == nil || file == io.Discard }

// same is a standard file under its name in /dev, where it is no file of the
// system.
type same struct{ io.Writer }

func (same) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (same) Close() error             { return nil }

// unwrap returns what a same stands for.
func unwrap(w io.Writer) io.Writer {
	if s, ok := w.(same); ok {
		return s.Writer
	}
	return w
}

// open opens the files of redirections. The names in /dev of the standard files
// are those of the line at that place, which need not be those of this process;
// that also spares programs that run as another user than the one who owns the
// container's output a "permission denied".
func open(ctx context.Context, path string, flag int, perm os.FileMode) (io.ReadWriteCloser, error) {
	hc := interp.HandlerCtx(ctx)
	var file any
	switch path {
	case "/dev/stdin", "/dev/fd/0":
		file = hc.Stdin
	case "/dev/stdout", "/dev/fd/1":
		file = hc.Stdout
	case "/dev/stderr", "/dev/fd/2":
		file = hc.Stderr
	default:
		if path != "" && !filepath.IsAbs(path) {
			path = filepath.Join(hc.Dir, path)
		}
		return os.OpenFile(path, flag, perm)
	}
	switch file := file.(type) {
	case *os.File:
		fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		return os.NewFile(uintptr(fd), path), nil
	case io.Writer:
		if !closed(file) {
			return same{unwrap(file)}, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: unix.ENXIO}
}
