// Package shell runs the command lines of processes in the image, which needs
// no shell for it: the program is its own (mvdan.cc/sh).
//
// Where a line ends in one program the launcher replaces itself by it, so that
// the program has the launcher's process id, PID 1 as a rule, and gets signals
// and gives its exit status without anyone between. In other lines (pipes,
// background jobs) it stays, and does what a PID 1 has to: it passes signals on
// to the programs and reaps every process that ends, its own or inherited.
package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/Scalingo/go-cnb/go/launch/line"
)

// usage is the exit status for a line that cannot be run at all; bash(1), "EXIT
// STATUS": "All builtins return an exit status of 2 to indicate incorrect usage".
const usage = 2

// Run runs the command line text with the process's environment, directory and
// standard files. name is $0; args are the user's, see [line.AddArguments].
//
// It does not return where it replaces the process by the last program.
// Otherwise it returns what the process should exit with, by the rules of
// bash(1), "EXIT STATUS": the status of the last command, 128+n where that was
// ended by signal n, 127 where a program is not found, 126 where it cannot be
// executed, 2 where the line is not understood. A signal that ends the line
// before it has run all its commands (TERM, INT or QUIT: nothing more is
// started then) makes it 128 plus its number. What is wrong is told on standard
// error, after "name: ".
//
// It is to be called once in a process, since it takes over the process's
// children, signals and working directory.
func Run(name, text string, args []string) int {
	s := &session{name: name, inherited: inherited(os.Environ())}
	file, err := prepare(name, text, args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: the line %s\nthe line: %s\n", name, err, text)
		return usage
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.children = listen(cancel)
	runner, err := s.runner(os.Environ(), args, interp.StdIO(os.Stdin, os.Stdout, os.Stderr))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, err)
		return usage
	}
	err = runner.Run(ctx, file)
	if s.children.signalled() != 0 {
		// The interpreter did not run the line's EXIT trap, for its context was done. An empty line ends in it.
		s.children.resume()
		_ = runner.Run(context.Background(), &syntax.File{Name: name})
	}
	return s.status(err)
}

// prepare reads the line.
func prepare(name, text string, args []string) (*syntax.File, error) {
	file, err := line.Parse(text, name)
	if err != nil {
		return nil, fmt.Errorf("is %w", err)
	}
	if err := line.Check(file); err != nil {
		return nil, fmt.Errorf("cannot run here: %w", err)
	}
	if len(args) > 0 {
		if err := line.AddArguments(file); err != nil {
			return nil, err
		}
	}
	line.MarkTail(file)
	return file, nil
}

// session is one run of a line.
type session struct {
	name      string
	inherited map[string]bool // names of the variables that the process was given
	children  *children
}

// runner returns an interpreter that runs programs through the session.
func (s *session) runner(env, args []string, options ...interp.RunnerOption) (*interp.Runner, error) {
	return interp.New(append([]interp.RunnerOption{
		interp.Env(expand.ListEnviron(env...)),
		interp.Params(append([]string{"--"}, args...)...),
		interp.OpenHandler(open),
		interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
	}, options...)...)
}

// status is the exit status for what the interpreter returned.
func (s *session) status(err error) int {
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled), errors.Is(err, errEnded):
		return 128 + int(s.children.signalled())
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", s.name, err)
	return 1
}

// call looks at every simple command after its words are expanded. A builtin
// that there is not becomes a program that there cannot be, whose handler tells
// what to do: the interpreter's own message is for people who know it.
func (s *session) call(_ context.Context, args []string) ([]string, error) {
	if line.Missing(args[0]) != "" {
		return []string{missingBuiltin, args[0]}, nil
	}
	return args, nil
}

// missingBuiltin is no name of a file.
const missingBuiltin = "\x00"

// exec runs a program, or becomes it where that was the last thing to do.
func (s *session) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	if args[0] == missingBuiltin {
		fmt.Fprintf(hc.Stderr, "%s: the builtin %s is not supported: %s\n", s.name, args[1], line.Missing(args[1]))
		return interp.ExitStatus(usage)
	}
	p := program{args: args, dir: hc.Dir, env: s.environ(hc.Env)}
	var err error
	if p.path, err = lookUp(hc.Dir, hc.Env, args[0]); err != nil {
		return s.refused(hc, args[0], err)
	}
	if line.IsTail(hc.Pos) {
		err = s.children.replace(p, hc)
	} else {
		err = errStay
	}
	if errors.Is(err, errStay) {
		var status syscall.WaitStatus
		status, err = s.children.run(p, hc)
		if err == nil {
			return exitStatus(status)
		}
	}
	switch {
	case errors.Is(err, errEnded):
		return err
	case errors.Is(err, syscall.ENOEXEC):
		return s.script(ctx, hc, p)
	}
	return s.refused(hc, args[0], explain(p, err))
}

// refused tells why a program does not run.
func (s *session) refused(hc interp.HandlerContext, program string, err error) error {
	fmt.Fprintf(hc.Stderr, "%s: %s: %s\n", s.name, program, err)
	var known *lookupError
	if errors.As(err, &known) {
		return interp.ExitStatus(known.status)
	}
	return interp.ExitStatus(cannotExecute)
}

// exitStatus is how a shell tells how a program ended, nil for success.
func exitStatus(status syscall.WaitStatus) error {
	if status.Signaled() {
		return interp.ExitStatus(128 + uint8(status.Signal()))
	}
	if code := status.ExitStatus(); code != 0 {
		return interp.ExitStatus(uint8(code))
	}
	return nil
}

// inherited returns the names of the variables in env.
func inherited(env []string) map[string]bool {
	names := map[string]bool{"PWD": true} // bash exports it to its programs too
	for _, pair := range env {
		for i := range len(pair) {
			if pair[i] == '=' {
				names[pair[:i]] = true
				break
			}
		}
	}
	return names
}

// environ returns the environment of a program. Variables that the process was
// given are exported whatever the interpreter says: it forgets that of those
// that read or cd set.
func (s *session) environ(env expand.Environ) []string {
	values := make(map[string]string)
	var names []string
	for name, v := range env.Each {
		if _, seen := values[name]; !seen {
			names = append(names, name)
		}
		delete(values, name)
		if v.IsSet() && v.Kind == expand.String && (v.Exported || s.inherited[name]) {
			values[name] = v.Str
		}
	}
	var list []string
	for _, name := range names {
		if value, ok := values[name]; ok {
			list = append(list, name+"="+value)
			delete(values, name)
		}
	}
	return list
}
