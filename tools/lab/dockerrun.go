package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// dockerRunOptions are the flags of `lab docker-run`.
type dockerRunOptions struct {
	question
	image     string
	process   string
	env       []string
	readOnly  bool
	arguments []string
}

func newDockerRunCommand() *cobra.Command {
	var options dockerRunOptions
	command := &cobra.Command{
		Use:   "docker-run --image NAME [flags] [-- ARGUMENTS...]",
		Short: "Start an image in Docker, ask it for a page and remove the container",
		RunE: func(cmd *cobra.Command, args []string) error {
			before, after := splitAtDash(args, cmd.ArgsLenAtDash())
			if len(before) > 0 {
				return fmt.Errorf("unexpected %q: name the image with --image, and put arguments of the process after --", before[0])
			}
			options.arguments = after
			return dockerRun(cmd.Context(), options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.image, "image", "", "`NAME` of the image, as given to (or shown by) lab pack")
	flags.StringVar(&options.process, "process", "", "start the process of this `TYPE` (default: the image's)")
	flags.StringArrayVarP(&options.env, "env", "e", nil, "set a variable for the process, `NAME=VALUE`; may be repeated")
	flags.BoolVar(&options.readOnly, "read-only", false, "make the container's files read-only; only /tmp can be written")
	options.register(command)
	_ = command.MarkFlagRequired("image")
	return command
}

func dockerRun(ctx context.Context, options dockerRunOptions) error {
	if err := needEngine(ctx); err != nil {
		return err
	}
	if err := options.choosePort(); err != nil {
		return err
	}
	variables, err := environment(options.env, nil)
	if err != nil {
		return err
	}
	// The host's network: a port can be asked whatever the engine can do about packet filters.
	args := []string{"run", "--detach", "--network", "host", "--env", "PORT=" + strconv.Itoa(options.port)}
	for _, name := range sortedKeys(variables) {
		args = append(args, "--env", name+"="+variables[name])
	}
	if options.readOnly {
		args = append(args, "--read-only", "--tmpfs", "/tmp")
	}
	if options.process != "" {
		args = append(args, "--entrypoint", "/cnb/process/"+options.process)
	}
	container, err := docker(ctx, append(append(args, options.image), options.arguments...)...)
	if err != nil {
		return err
	}
	// Even after Ctrl-C the container is to go.
	defer func() { _, _ = docker(context.WithoutCancel(ctx), "rm", "--force", container) }()
	got, askErr := options.ask(ctx, containerEnd(ctx, container))
	started := time.Now()
	_, stopErr := docker(context.WithoutCancel(ctx), "stop", "--time", strconv.Itoa(int(stopGrace.Seconds())), container)
	showLogs(context.WithoutCancel(ctx), container)
	if askErr != nil {
		return fmt.Errorf("%w; the container has printed what is shown above", askErr)
	}
	if stopErr != nil {
		return stopErr
	}
	code, err := docker(ctx, "inspect", "--format", "{{.State.ExitCode}}", container)
	if err != nil {
		return err
	}
	fmt.Println(got)
	fmt.Printf("Stopped with SIGTERM in %.1f s, exit code %s\n", time.Since(started).Seconds(), code)
	return nil
}

// containerEnd is closed when the container ends.
func containerEnd(ctx context.Context, container string) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		if _, err := docker(ctx, "wait", container); err == nil {
			close(ended)
		}
	}()
	return ended
}

func showLogs(ctx context.Context, container string) {
	output := newPrefixWriter(os.Stdout, "  | ")
	command := exec.CommandContext(ctx, "docker", "logs", container)
	command.Stdout, command.Stderr = output, output
	_ = command.Run()
	output.flush()
}
