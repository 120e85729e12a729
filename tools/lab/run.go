package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"
)

// runOptions are the flags of `lab run`.
type runOptions struct {
	question
	image     string
	volumeDir string
	process   string
	env       []string
	keep      bool
	readOnly  bool
	exec      bool
	arguments []string
}

func newRunCommand() *cobra.Command {
	var options runOptions
	command := &cobra.Command{
		Use:   "run --image NAME [flags] [-- ARGUMENTS...]",
		Short: "Start an image that `lab build` has made and ask it for a page, without Docker",
		Long: `Start an image that "lab build" has made and ask it for a page, without Docker.

The image is unpacked and its process started in it as the image's user, with PORT set, in mount and process-id
namespaces of its own and on the host's network. Once it answers, the answer is shown and the process stopped.
ARGUMENTS take the place of the process's own arguments. With --exec ARGUMENTS is a command that is run in the image, in
the environment that the lifecycle's launcher makes, until it ends.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			before, after := splitAtDash(args, cmd.ArgsLenAtDash())
			if len(before) > 0 {
				return fmt.Errorf("unexpected %q: name the image with --image, and put arguments of the process after --", before[0])
			}
			options.arguments = after
			_, err := run(cmd.Context(), options)
			return err
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.image, "image", "", "`NAME` of the image, as given to (or shown by) lab build")
	flags.StringVar(&options.volumeDir, "volume-dir", "", "`DIR` that lab build was given")
	flags.StringArrayVarP(&options.env, "env", "e", nil, "set a variable for the process, `NAME=VALUE`; may be repeated")
	flags.BoolVar(&options.exec, "exec", false, "run ARGUMENTS as a command in the image instead of a process")
	options.register(command)
	_ = command.MarkFlagRequired("image")
	return command
}

// register declares the flags that run and demo share.
func (o *runOptions) register(command *cobra.Command) {
	o.question.register(command)
	flags := command.Flags()
	flags.StringVar(&o.process, "process", "", "start the process of this `TYPE` (default: the image's)")
	flags.BoolVar(&o.keep, "keep", false, "keep the unpacked image and say where it is")
	flags.BoolVar(&o.readOnly, "read-only", false, "mount the image read-only; only /tmp can be written")
}

// outcome is what a run has shown.
type outcome struct {
	answer    answer
	processes []reportProcess
	size      int64 // of the unpacked files
}

func run(ctx context.Context, options runOptions) (outcome, error) {
	cache, err := openCacheFolder()
	if err != nil {
		return outcome{}, err
	}
	image, err := builtImage(cache, options)
	if err != nil {
		return outcome{}, err
	}
	var out outcome
	if out.processes, err = imageProcesses(image); err != nil {
		return outcome{}, fmt.Errorf("image %s: %w", options.image, err)
	}
	scratch, remove, err := cache.scratch("run")
	if err != nil {
		return outcome{}, err
	}
	root := filepath.Join(scratch, "root")
	if options.keep {
		fmt.Printf("Unpacked image: %s\n", root)
	} else {
		defer remove()
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		return outcome{}, err
	}
	if out.size, err = unpackImage(image, root); err != nil {
		return outcome{}, err
	}
	if options.exec {
		return out, execCommand(ctx, image, root, options)
	}
	if err := options.choosePort(); err != nil {
		return outcome{}, err
	}
	out.answer, err = startAndAsk(ctx, image, root, options, out.processes)
	return out, err
}

// builtImage is the image that lab build has left.
func builtImage(cache cacheFolder, options runOptions) (v1.Image, error) {
	v, err := findVolume(cache, options.volumeDir, options.image)
	if err != nil {
		return nil, err
	}
	image, err := layoutImage(v.layout())
	if err != nil {
		return nil, fmt.Errorf("no image %q in %s: build it first with lab build --image %s APPDIR (%w)", options.image, v.layout(), options.image, err)
	}
	return image, nil
}

// startAndAsk starts the process, waits for its answer and ends it.
func startAndAsk(ctx context.Context, image v1.Image, root string, options runOptions, processes []reportProcess) (answer, error) {
	s, err := imageSandbox(image, root, options)
	if err != nil {
		return answer{}, err
	}
	entrypoint, err := processEntrypoint(image, processes, options.process)
	if err != nil {
		return answer{}, err
	}
	s.Command = slices.Concat(entrypoint, options.arguments)
	output := newPrefixWriter(os.Stdout, "  | ")
	s.stdout, s.stderr = output, output
	fmt.Println("Processes:")
	for _, process := range processes {
		fmt.Println("  " + process.String())
	}
	fmt.Printf("Starting %v on port %d\n", s.Command, options.port)
	process, err := s.start()
	if err != nil {
		return answer{}, err
	}
	got, askErr := options.ask(ctx, process.done)
	ended := time.Now()
	process.stop()
	code, err := process.exitCode()
	output.flush()
	if askErr != nil {
		return answer{}, fmt.Errorf("%w; the process (exit code %d) has printed what is shown above", askErr, code)
	}
	if err != nil {
		return answer{}, err
	}
	fmt.Println(got)
	fmt.Printf("Stopped with SIGTERM in %.1f s, exit code %d\n", time.Since(ended).Seconds(), code)
	return got, nil
}

// execCommand runs one command in the image through the launcher, which sets the environment that buildpacks ask for.
func execCommand(ctx context.Context, image v1.Image, root string, options runOptions) error {
	if len(options.arguments) == 0 {
		return errors.New("--exec needs a command after --")
	}
	s, err := imageSandbox(image, root, options)
	if err != nil {
		return err
	}
	s.Command = append([]string{"/cnb/lifecycle/launcher", "--"}, options.arguments...)
	s.stdout, s.stderr = os.Stdout, os.Stderr
	code, err := s.run(ctx)
	if err == nil && code != 0 {
		err = &exitError{what: options.arguments[0], code: code}
	}
	return err
}
