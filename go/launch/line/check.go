package line

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Instead of a builtin, per kind of builtin.
const (
	useBash = `run it with a bash of the run image: bash -c '…'`
	useKill = "leave it out: the launcher passes signals on to all programs that the line started"
	useJobs = "leave it out: an image has no terminal to control jobs from"
	useJob  = "give each program a process of its own, with a line of its own in the Procfile"
	useHost = "set it where the container is started (docker run --ulimit); Go programs raise the number of open files themselves"
)

// missing holds the builtins of bash that mvdan.cc/sh v3.14 has not (interp,
// Runner.builtin), and what to do instead.
var missing = map[string]string{
	"bg": useJobs, "fg": useJobs, "jobs": useJobs, "disown": useJobs, "suspend": useJobs,
	"kill": useKill, "ulimit": useHost,
	"umask": "call syscall.Umask in the program, or " + useBash,
	"bind":  useBash, "caller": useBash, "compgen": useBash, "complete": useBash, "compopt": useBash,
	"enable": useBash, "fc": useBash, "history": useBash, "logout": useBash, "newgrp": useBash,
}

// Missing tells what to do instead of the builtin name, which the launcher
// does not have; "" for any other name.
func Missing(name string) string { return missing[name] }

// Check tells of what in the line the launcher cannot run, as far as that can
// be seen without running it: missing builtins, coprocesses, redirections of
// other files than 0, 1 and 2, traps of signals, wait -n, exec with flags. The
// error says what to do instead.
func Check(file *syntax.File) error {
	var found error
	syntax.Walk(file, func(node syntax.Node) bool {
		if found != nil {
			return false
		}
		switch node := node.(type) {
		case *syntax.CoprocClause:
			found = fmt.Errorf("coproc is not supported: %s", useJob)
		case *syntax.Redirect:
			found = checkRedirect(node)
		case *syntax.CallExpr:
			found = checkCall(node)
		}
		return found == nil
	})
	return found
}

// checkRedirect mirrors what interp's Runner.redir takes.
func checkRedirect(r *syntax.Redirect) error {
	number := ""
	if r.N != nil {
		number = r.N.Value
	}
	bad := func(what string) error {
		return fmt.Errorf("redirection %s%s is not supported: %s", number, r.Op, what)
	}
	target := text(r.Word)
	switch r.Op {
	case syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc, syntax.RdrIn:
		if number != "" && number != "0" {
			return bad("only file 0 can be read from, or " + useBash)
		}
		return nil
	case syntax.DplIn:
		if target == "-" && (number == "" || number == "0") {
			return nil
		}
		return bad("only <&- is, which closes file 0, or " + useBash)
	case syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll:
	case syntax.DplOut:
		if !slices.Contains([]string{"1", "2", "-"}, target) {
			return bad("write &> FILE for both outputs, >&1, >&2 or >&-")
		}
	default:
		return bad("write > FILE, or " + useBash)
	}
	if !slices.Contains([]string{"", "1", "2"}, number) {
		return bad("only files 1 and 2 can be written to, or " + useBash)
	}
	return nil
}

// checkCall looks at a command whose name is known. A function of that name
// would be right too, but nobody names one so.
func checkCall(call *syntax.CallExpr) error {
	name := commandName(call)
	if what := missing[name]; what != "" {
		return fmt.Errorf("the builtin %s is not supported: %s", name, what)
	}
	var args []string
	for _, word := range call.Args[min(1, len(call.Args)):] {
		args = append(args, text(word))
	}
	if len(args) == 0 {
		return nil
	}
	flag := strings.HasPrefix(args[0], "-") && args[0] != "--" && args[0] != "-"
	switch {
	case name == "wait" && flag:
		return fmt.Errorf("wait %s is not supported: %s", args[0], useJob)
	case name == "exec" && flag:
		return fmt.Errorf("exec %s is not supported: %s", args[0], useBash)
	case name == "trap" && !flag && len(args) > 1:
		for _, signal := range args[1:] {
			if signal != "EXIT" && signal != "ERR" && signal != "" {
				return fmt.Errorf("trap of %s is not supported: %s; EXIT and ERR can be trapped", signal, useKill)
			}
		}
	}
	return nil
}
