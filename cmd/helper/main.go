// Command helper is the launch-time program of the image. What it does depends
// on the name that it stands under:
//
//   - In exec.d it tells processes the limits of their container
//     (https://github.com/buildpacks/spec/blob/main/buildpack.md#execd), under
//     one of the names of package limits. The launcher runs it before each
//     process.
//   - As shell it runs a line of a Procfile: shell LINE [ARGUMENT…].
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/launch/limits"
	"github.com/Scalingo/go-cnb/go/launch/line"
	"github.com/Scalingo/go-cnb/go/launch/shell"
)

func main() {
	if filepath.Base(os.Args[0]) == line.Shell {
		if len(os.Args) < 2 {
			fmt.Fprintf(os.Stderr, "usage: %s LINE [ARGUMENT…]\n", line.Shell)
			os.Exit(2)
		}
		os.Exit(shell.Run(line.Shell, os.Args[1], os.Args[2:]))
	}
	libcnb.RunExecD(map[string]libcnb.ExecD{
		limits.ExecD:        execD(limits.ExecD),
		limits.ExecDQuota:   execD(limits.ExecDQuota),
		limits.ExecDAllCPUs: execD(limits.ExecDAllCPUs),
	})
}

// execD is a libcnb.ExecD, by its name.
type execD string

// Execute returns the variables. It has no error: a container must not fail to
// start because of a limit.
func (name execD) Execute() (map[string]string, error) {
	system := limits.System{Root: os.DirFS("/"), Lookup: os.LookupEnv, CPUs: runtime.NumCPU(), Log: os.Stderr}
	return system.Environment(string(name)), nil
}
