// Command helper is the launch-time program of the image: the launcher runs it
// before each process and adds the variables that it prints
// (https://github.com/buildpacks/spec/blob/main/buildpack.md#execd).
package main

import (
	"os"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/launch"
)

func main() {
	libcnb.RunExecD(map[string]libcnb.ExecD{launch.ExecD: environment{}})
}

// environment is a libcnb.ExecD.
type environment struct{}

func (environment) Execute() (map[string]string, error) {
	return launch.Environment(os.LookupEnv), nil
}
