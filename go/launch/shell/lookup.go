package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// Exit statuses of bash(1), "EXIT STATUS".
const (
	cannotExecute = 126
	notFound      = 127
)

// lookupError says why there is no program to run.
type lookupError struct {
	status uint8 // to exit with
	reason string
}

func (e *lookupError) Error() string { return e.reason }

// lookUp returns the absolute path of the program named name, which is looked
// for as a shell does: in dir where it has a slash, else in PATH, whose
// relative folders are below dir.
func lookUp(dir string, env expand.Environ, name string) (string, error) {
	path, err := interp.LookPathDir(dir, env, name)
	if err == nil && name != "" {
		return path, nil
	}
	if strings.Contains(name, "/") {
		return "", notRunnable(absolute(dir, name))
	}
	search := env.Get("PATH").String()
	for _, folder := range filepath.SplitList(search) {
		path := filepath.Join(absolute(dir, folder), name)
		if info, err := os.Stat(path); name != "" && err == nil && !info.IsDir() {
			return "", notRunnable(path)
		}
	}
	return "", &lookupError{notFound, "command not found in PATH (" + search + ")"}
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// notRunnable says what keeps the file at path from being run.
func notRunnable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &lookupError{notFound, "no such file: " + path}
	case err != nil:
		return &lookupError{cannotExecute, err.Error()}
	case info.IsDir():
		return &lookupError{cannotExecute, path + " is a directory"}
	}
	return &lookupError{cannotExecute, path + " is not executable: set its executable bit (git update-index --chmod=+x)"}
}

// explain says why a file that is there was not executed.
func explain(p program, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return &lookupError{cannotExecute, fmt.Sprintf("%s cannot be executed: %s", p.path, err)}
	}
	if info, err := os.Stat(p.dir); err != nil || !info.IsDir() {
		return &lookupError{cannotExecute, "the working directory is gone: " + p.dir}
	}
	if interpreter := interpreter(p.path); interpreter != "" {
		return &lookupError{cannotExecute, fmt.Sprintf(
			"%s needs %s, which is not in the image: use a run image with it, or a line in the Procfile that does without", p.path, interpreter)}
	}
	return &lookupError{notFound, p.path + " needs a dynamic loader or libraries that are not in the image: " +
		"build it with CGO_ENABLED=0, or use a run image with them"}
}

// interpreter returns the program that the first line of a script asks for.
func interpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	// The kernel looks no further (linux/binfmts.h, BINPRM_BUF_SIZE).
	start, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return ""
	}
	first, _, _ := bytes.Cut(start, []byte("\n"))
	rest, ok := strings.CutPrefix(string(first), "#!")
	if !ok {
		return ""
	}
	return strings.TrimSpace(rest)
}

// script runs a text file without a #! line, which POSIX has shells run
// themselves ("Command Search and Execution").
func (s *session) script(ctx context.Context, hc interp.HandlerContext, p program) error {
	text, err := os.ReadFile(p.path)
	if err != nil {
		return s.refused(hc, p.args[0], err)
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.IndexByte(first, 0) >= 0 {
		return s.refused(hc, p.args[0], &lookupError{cannotExecute, p.path + " is no program for this machine"})
	}
	file, err := syntax.NewParser().Parse(bytes.NewReader(text), p.path)
	if err != nil {
		return s.refused(hc, p.args[0], fmt.Errorf("neither a program nor a script: %w", err))
	}
	runner, err := s.runner(p.env, p.args[1:], interp.Dir(p.dir), interp.StdIO(hc.Stdin, hc.Stdout, hc.Stderr))
	if err != nil {
		return s.refused(hc, p.args[0], err)
	}
	return runner.Run(ctx, file)
}
