// Package launch decides what of a build runs in the image and how: the
// processes, from a Procfile or from the binaries, and the links in the app's
// bin/ that Procfiles and hooks name.
package launch

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/buildpacks/libcnb/v2"
)

// web is the process type that platforms route HTTP to, by convention of
// https://devcenter.heroku.com/articles/procfile.
const web = "web"

// postCompile is the binary that serves as a hook of the build.
const postCompile = "go-post-compile"

var validType = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// ValidType reports whether name can be a process type: "MUST only contain
// numbers, letters, and the characters ., _, and -" (Buildpack API,
// launch.toml). The names . and .. are refused as well: the lifecycle links
// every type by its name in /cnb/process.
func ValidType(name string) bool {
	return validType.MatchString(name) && name != "." && name != ".."
}

// Binary is one program that the build made.
type Binary struct {
	Name       string // file name in the bin layer
	ImportPath string // its package, for messages
	NamedBy    string // the setting in which the user named the package, "" where it was found
}

// Choice is the processes of the image.
type Choice struct {
	Processes []libcnb.Process // the default one has Default set
	Default   string           // type of the default process, "" for none
	Why       string           // why that one, or why none: a few words for the log
}

// add appends a process.
func (c *Choice) add(name string, command, arguments []string, workDir string) {
	c.Processes = append(c.Processes, libcnb.Process{
		Type:             name,
		Command:          command,
		Arguments:        arguments,
		WorkingDirectory: workDir,
	})
}

// choose makes the process named name the default.
func (c *Choice) choose(name, why string) {
	c.Default, c.Why = name, why
	for i := range c.Processes {
		c.Processes[i].Default = c.Processes[i].Type == name
	}
}

// FromProcfile returns one process per line, in order. The default is web,
// or the only process; several without web have none. workDir is the absolute
// directory that the processes start in, "" for the app's root; shell is the
// absolute path in the image of the program that runs lines which need a shell.
//
// A direct line's program is the process's Command, its arguments are the
// Arguments: what a user adds (docker run IMAGE ARGUMENT…) replaces them from
// Platform API 0.10 on and comes after them before (Buildpack API 0.9 and later;
// github.com/buildpacks/lifecycle v0.21, launch/process.go, handleUserArgs). A
// line that needs a shell is Command as a whole, for a shell would not run
// without it: what a user adds always comes after it, and reaches the program as
// [line.AddArguments] tells.
//
// A line that [Command] refuses is a *[ProcfileError] with its number.
func FromProcfile(lines []Line, workDir, shell string) (Choice, error) {
	var c Choice
	if err := checkWorkDir(workDir); err != nil {
		return c, err
	}
	hasWeb := false
	for _, line := range lines {
		command, direct, err := Command(line.Command, shell)
		if err != nil {
			return Choice{}, &ProcfileError{
				Line: line.Number, Text: line.Name + ": " + line.Command,
				Reason: fmt.Sprintf("process %s: %s", line.Name, err),
			}
		}
		var arguments []string
		if direct {
			command[0] = programPath(command[0], workDir)
			if len(command) > 1 {
				arguments = command[1:]
			}
			command = command[:1:1]
		}
		hasWeb = hasWeb || line.Name == web
		c.add(line.Name, command, arguments, workDir)
	}
	switch {
	case len(lines) == 0:
		c.Why = "the Procfile names no process"
	case hasWeb:
		c.choose(web, "named web in the Procfile")
	case len(lines) == 1:
		c.choose(lines[0].Name, "the only process of the Procfile")
	default:
		c.Why = fmt.Sprintf("none of the %d processes of the Procfile is named web", len(lines))
	}
	return c, nil
}

// programPath makes a program that is given by a relative path, such as
// bin/web, absolute where the process starts in workDir: the launcher looks
// the path up in the app's root and only then changes to the working
// directory (github.com/buildpacks/lifecycle v0.21, launch/launcher.go,
// launchDirect), so that a relative path would have to exist in both.
func programPath(program, workDir string) string {
	if workDir == "" || filepath.IsAbs(program) || !strings.Contains(program, "/") {
		return program
	}
	return filepath.Join(workDir, program)
}

// FromBinaries returns one process per binary, named as the binary, and web,
// the default: the binary of that name, or one more process that runs the
// binary chosen. Chosen is the first of these that there is: the only binary;
// the first whose package the user named (bins come in the user's order); the
// one named module, which is the name that the go command gives to the
// package in a module's root; the one named server; the first.
//
// A binary go-post-compile is a hook and no process. Without any binary the
// choice is empty. workDir is as for [FromProcfile].
//
// Where a name cannot be a process type, every character that is not allowed
// becomes a '-'. Two binaries whose processes would have one name are an
// error that names both.
func FromBinaries(bins []Binary, module, workDir string) (Choice, error) {
	var c Choice
	if err := checkWorkDir(workDir); err != nil {
		return c, err
	}
	var kept []Binary
	owner := make(map[string]Binary) // process type → binary
	for _, bin := range bins {
		if bin.Name == postCompile {
			continue
		}
		name := typeOf(bin.Name)
		if name == "" {
			return Choice{}, fmt.Errorf("binary of %s has no name that a process can have: %q", bin.ImportPath, bin.Name)
		}
		if other, ok := owner[name]; ok {
			return Choice{}, fmt.Errorf("binaries %s (%s) and %s (%s) would both be process %s: rename one, or name the processes in a Procfile",
				other.Name, other.ImportPath, bin.Name, bin.ImportPath, name)
		}
		owner[name] = bin
		kept = append(kept, bin)
		c.add(name, []string{bin.Name}, nil, workDir)
	}
	if len(kept) == 0 {
		c.Why = "no binary to run"
		return c, nil
	}
	chosen, why := choose(kept, module)
	if _, ok := owner[web]; !ok {
		c.add(web, []string{chosen.Name}, nil, workDir)
	}
	c.choose(web, why)
	return c, nil
}

// choose returns the binary that web runs; bins is not empty.
func choose(bins []Binary, module string) (Binary, string) {
	if len(bins) == 1 {
		return bins[0], "the only binary"
	}
	named := func(name string) func(Binary) bool {
		return func(b Binary) bool { return b.Name == name }
	}
	if bin, ok := find(bins, named(web)); ok {
		return bin, "named web"
	}
	if bin, ok := find(bins, func(b Binary) bool { return b.NamedBy != "" }); ok {
		return bin, "the first package named in " + bin.NamedBy
	}
	if bin, ok := find(bins, named(module)); ok {
		return bin, "named like the module"
	}
	if bin, ok := find(bins, named("server")); ok {
		return bin, "named server"
	}
	return bins[0], "the first binary"
}

func find(bins []Binary, match func(Binary) bool) (Binary, bool) {
	for _, bin := range bins {
		if match(bin) {
			return bin, true
		}
	}
	return Binary{}, false
}

// typeOf returns the process type for a binary, "" where there is none.
func typeOf(name string) string {
	name = strings.Map(func(r rune) rune {
		if validType.MatchString(string(r)) {
			return r
		}
		return '-'
	}, name)
	if !ValidType(name) {
		return ""
	}
	return name
}

func checkWorkDir(dir string) error {
	if dir != "" && !filepath.IsAbs(dir) {
		return fmt.Errorf("working directory %q of the processes is not absolute", dir)
	}
	return nil
}
