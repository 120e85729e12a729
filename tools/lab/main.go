// Command lab builds and runs apps with this buildpack and the real lifecycle: without Docker in a sandbox of its own
// (build, run, demo), or with Docker and pack (docker, builder, pack, docker-run). The scripts of the repository call it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == sandboxInit {
		os.Exit(runInit())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// execute runs the command line and gives the exit code: that of the program it ran, where there was one.
func execute(ctx context.Context, args []string) int {
	command := newCommand()
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "lab:", err)
	var failed *exitError
	if errors.As(err, &failed) && failed.code > 0 {
		return failed.code
	}
	return 1
}

func newCommand() *cobra.Command {
	command := &cobra.Command{
		Use:           "lab",
		Short:         "Build and run apps with the buildpack and the real lifecycle",
		Long:          "Build and run apps with the buildpack and the real lifecycle.\n\nWhat it downloads, builds and caches is kept in $GO_CNB_CACHE (default: scalingo-go-cnb in the user's cache folder).",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	command.CompletionOptions.DisableDefaultCmd = true
	command.AddCommand(
		newToolsCommand(), newBuildCommand(), newRunCommand(), newDemoCommand(),
		newDockerCommand(), newBuilderCommand(), newPackCommand(), newDockerRunCommand(),
		newBenchCommand(), newRegistryCommand(),
	)
	return command
}

// exitError is the failure of a program that the lab ran, with the program's exit code.
type exitError struct {
	what string
	code int
}

func (e *exitError) Error() string {
	return fmt.Sprintf("%s failed with exit code %d", e.what, e.code)
}
