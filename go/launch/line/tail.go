package line

import (
	"errors"

	"mvdan.cc/sh/v3/syntax"
)

// tailOffset is added to the positions of the words that begin a tail command.
// The interpreter tells its handlers positions and not nodes, and files that
// the line reads (source) have positions of their own: none of them is 1 GiB.
const tailOffset = 1 << 30

// IsTail reports whether pos is that of a command that [MarkTail] has marked.
func IsTail(pos syntax.Pos) bool { return pos.Offset() >= tailOffset }

// MarkTail marks the commands after which the line has nothing left to do, so
// that the launcher may replace itself by them: the last simple command of the
// line, in each branch of && || { } ( ) if and case, and exec wherever it ends
// the line. Nothing is marked where something of the launcher has to live on:
// in lines with background jobs, process substitutions or traps; and no
// command whose input is in the line (<<, <<<), which a part of the launcher
// writes.
func MarkTail(file *syntax.File) {
	if needsLauncher(file) {
		return
	}
	for _, call := range tails(file.Stmts, false) {
		mark(call)
	}
	for _, call := range execs(file.Stmts) {
		mark(call)
	}
}

// needsLauncher reports whether the launcher has to outlive the programs.
func needsLauncher(file *syntax.File) bool {
	found := false
	syntax.Walk(file, func(node syntax.Node) bool {
		switch node := node.(type) {
		case *syntax.Stmt:
			found = found || node.Background || node.Coprocess || node.Disown
		case *syntax.ProcSubst:
			found = true
		case *syntax.CallExpr:
			found = found || commandName(node) == "trap"
		}
		return !found
	})
	return found
}

// tails returns the last simple command of stmts, one for each branch. With
// pipes, the last command of a pipeline counts too.
func tails(stmts []*syntax.Stmt, pipes bool) []*syntax.CallExpr {
	if len(stmts) == 0 {
		return nil
	}
	stmt := stmts[len(stmts)-1]
	if !pipes && (detached(stmt) || fed(stmt)) {
		return nil
	}
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		if len(cmd.Args) > 0 {
			return []*syntax.CallExpr{cmd}
		}
	case *syntax.BinaryCmd:
		if pipes || cmd.Op == syntax.AndStmt || cmd.Op == syntax.OrStmt {
			return tails([]*syntax.Stmt{cmd.Y}, pipes)
		}
	case *syntax.Block:
		return tails(cmd.Stmts, pipes)
	case *syntax.Subshell:
		return tails(cmd.Stmts, pipes)
	case *syntax.IfClause:
		var calls []*syntax.CallExpr
		for branch := cmd; branch != nil; branch = branch.Else {
			calls = append(calls, tails(branch.Then, pipes)...)
		}
		return calls
	case *syntax.CaseClause:
		var calls []*syntax.CallExpr
		for _, item := range cmd.Items {
			if item.Op == syntax.Break {
				calls = append(calls, tails(item.Stmts, pipes)...)
			}
		}
		return calls
	}
	return nil
}

// execs returns the calls of exec that end the line wherever they stand, for
// they run in the shell itself and not in a part of it.
func execs(stmts []*syntax.Stmt) []*syntax.CallExpr {
	var calls []*syntax.CallExpr
	for _, stmt := range stmts {
		if detached(stmt) || fed(stmt) {
			continue
		}
		switch cmd := stmt.Cmd.(type) {
		case *syntax.CallExpr:
			if len(cmd.Args) > 1 && commandName(cmd) == "exec" {
				calls = append(calls, cmd)
			}
		case *syntax.BinaryCmd:
			if cmd.Op == syntax.AndStmt || cmd.Op == syntax.OrStmt {
				calls = append(calls, execs([]*syntax.Stmt{cmd.X, cmd.Y})...)
			}
		case *syntax.Block:
			calls = append(calls, execs(cmd.Stmts)...)
		case *syntax.IfClause:
			for branch := cmd; branch != nil; branch = branch.Else {
				calls = append(calls, execs(branch.Cond)...)
				calls = append(calls, execs(branch.Then)...)
			}
		case *syntax.CaseClause:
			for _, item := range cmd.Items {
				calls = append(calls, execs(item.Stmts)...)
			}
		}
	}
	return calls
}

// detached reports whether the result of stmt is not that of its command.
func detached(stmt *syntax.Stmt) bool {
	return stmt.Negated || stmt.Background || stmt.Coprocess || stmt.Disown
}

// fed reports whether the input of stmt stands in the line.
func fed(stmt *syntax.Stmt) bool {
	for _, redirect := range stmt.Redirs {
		if redirect.Op == syntax.Hdoc || redirect.Op == syntax.DashHdoc || redirect.Op == syntax.WordHdoc {
			return true
		}
	}
	return false
}

// mark moves the position of a call, which is that of its first word's first
// part. A part of another kind stays unmarked: the launcher then runs the
// command as a child.
func mark(call *syntax.CallExpr) {
	var pos *syntax.Pos
	switch part := call.Args[0].Parts[0].(type) {
	case *syntax.Lit:
		pos = &part.ValuePos
	case *syntax.SglQuoted:
		pos = &part.Left
	case *syntax.DblQuoted:
		pos = &part.Left
	case *syntax.ParamExp:
		pos = &part.Dollar
	case *syntax.CmdSubst:
		pos = &part.Left
	default:
		return
	}
	if !IsTail(*pos) {
		*pos = syntax.NewPos(pos.Offset()+tailOffset, pos.Line(), pos.Col())
	}
}

// AddArguments makes a user's arguments, which are the line's positional
// parameters, reach the program: a line that mentions $1, $@, $* or $# (or
// shift, getopts, a for without in) has its own use for them, in any other
// "$@" is added to the last simple command, in each branch. A line that does not end in a
// program (a loop, an assignment, cd, wait) cannot take arguments: that is an
// error.
func AddArguments(file *syntax.File) error {
	if usesArguments(file) {
		return nil
	}
	calls := tails(file.Stmts, true)
	for _, call := range calls {
		if takesNone[commandName(call)] {
			calls = nil
			break
		}
	}
	if len(calls) == 0 {
		return errors.New(`takes no arguments: it does not end in a program; write "$@" where they belong`)
	}
	for _, call := range calls {
		call.Args = append(call.Args, &syntax.Word{Parts: []syntax.WordPart{
			&syntax.DblQuoted{Parts: []syntax.WordPart{
				&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "@"}},
			}},
		}})
	}
	return nil
}

// takesNone are the builtins that do nothing with words added to them, or
// something else than what the user meant.
var takesNone = map[string]bool{
	":": true, ".": true, "source": true, "break": true, "cd": true, "continue": true, "exit": true,
	"false": true, "popd": true, "pushd": true, "read": true, "return": true, "trap": true, "true": true,
	"unset": true, "wait": true,
}

// usesArguments reports whether the line mentions the positional parameters.
func usesArguments(file *syntax.File) bool {
	found := false
	syntax.Walk(file, func(node syntax.Node) bool {
		switch node := node.(type) {
		case *syntax.ParamExp:
			if node.Param != nil {
				found = found || positional(node.Param.Value)
			}
		case *syntax.CallExpr:
			switch commandName(node) {
			case "shift", "getopts":
				found = true
			}
		case *syntax.WordIter:
			found = found || !node.InPos.IsValid()
		}
		return !found
	})
	return found
}

func positional(name string) bool {
	switch name {
	case "@", "*", "#":
		return true
	case "", "0":
		return false
	}
	return name[0] >= '0' && name[0] <= '9'
}
