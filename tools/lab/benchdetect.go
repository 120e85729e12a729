package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// newBenchDetectCommand measures what is too short for a build: the median of many runs, beside the median of something
// well known on the same machine.
func newBenchDetectCommand() *cobra.Command {
	var dir, app string
	var runs int
	command := &cobra.Command{
		Use:   "detect [flags]",
		Short: "Measure detection, beside go version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			root, err := repositoryRoot()
			if err != nil {
				return err
			}
			if dir == "" {
				dir = filepath.Join(root, "build", "buildpack")
			}
			if app == "" {
				app = filepath.Join(root, "samples", "hello")
			}
			return benchDetect(cmd.Context(), dir, app, runs)
		},
	}
	flags := command.Flags()
	flags.StringVar(&dir, "buildpack", "", "`DIR` of the buildpack (default build/buildpack of the repository)")
	flags.StringVar(&app, "app", "", "`DIR` of the app to detect (default samples/hello of the repository)")
	flags.IntVar(&runs, "runs", 41, "`NUMBER` of runs of which the median is taken")
	return command
}

func benchDetect(ctx context.Context, dir, app string, runs int) error {
	b, err := readBuildpack(dir)
	if err != nil {
		return err
	}
	cache, err := openCacheFolder()
	if err != nil {
		return err
	}
	scratch, remove, err := cache.scratch("detect")
	if err != nil {
		return err
	}
	defer remove()
	detect := func() *exec.Cmd {
		command := exec.CommandContext(ctx, filepath.Join(b.dir, "bin", "detect"))
		command.Dir = app
		command.Env = []string{
			"PATH=" + os.Getenv("PATH"), "CNB_BUILDPACK_DIR=" + b.dir, "CNB_PLATFORM_DIR=" + scratch,
			"CNB_BUILD_PLAN_PATH=" + filepath.Join(scratch, "plan.toml"),
		}
		return command
	}
	goVersion := func() *exec.Cmd { return exec.CommandContext(ctx, "go", "version") }
	ours, theirs, err := medians(runs, detect, goVersion)
	if err != nil {
		return err
	}
	fmt.Printf("detect on %s: median of %d runs %.1f ms; \"go version\" beside it %.1f ms; ratio %.1f\n",
		filepath.Base(app), runs, ours, theirs, ours/theirs)
	return nil
}

// newBenchLaunchCommand measures what the buildpack adds to the start of a process.
func newBenchLaunchCommand() *cobra.Command {
	var dir string
	var runs int
	command := &cobra.Command{
		Use:   "launch [flags]",
		Short: "Measure what a process waits for before it starts, beside a program that does nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			root, err := repositoryRoot()
			if err != nil {
				return err
			}
			if dir == "" {
				dir = filepath.Join(root, "build", "buildpack")
			}
			return benchLaunch(cmd.Context(), dir, runs)
		},
	}
	flags := command.Flags()
	flags.StringVar(&dir, "buildpack", "", "`DIR` of the buildpack (default build/buildpack of the repository)")
	flags.IntVar(&runs, "runs", 201, "`NUMBER` of runs of which the median is taken")
	return command
}

// benchLaunch runs the launch-time program under each of its names in exec.d, as the launcher does.
func benchLaunch(ctx context.Context, dir string, runs int) error {
	b, err := readBuildpack(dir)
	if err != nil {
		return err
	}
	discard, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer discard.Close()
	for _, name := range []string{"limits", "limits-cpu-quota", "limits-all-cpus"} {
		helper := func() *exec.Cmd {
			command := exec.CommandContext(ctx, filepath.Join(b.dir, "bin", "helper"))
			command.Args[0] = name
			command.ExtraFiles = []*os.File{discard} // where the launcher reads the variables
			return command
		}
		nothing := func() *exec.Cmd { return exec.CommandContext(ctx, "true") }
		ours, theirs, err := medians(runs, helper, nothing)
		if err != nil {
			return err
		}
		fmt.Printf("exec.d/%s: median of %d runs %.2f ms; \"true\" beside it %.2f ms; %.2f ms more\n", name, runs, ours, theirs, ours-theirs)
	}
	return nil
}

// medians runs two commands in turn, so that whatever else the machine does meets both, and gives the medians of their
// times in milliseconds.
func medians(runs int, first, second func() *exec.Cmd) (a, b float64, err error) {
	var ours, theirs []float64
	for range max(runs, 1) {
		for _, m := range []struct {
			command func() *exec.Cmd
			times   *[]float64
		}{{first, &ours}, {second, &theirs}} {
			started := time.Now()
			if out, err := m.command().CombinedOutput(); err != nil {
				return 0, 0, fmt.Errorf("%w\n%s", err, out)
			}
			*m.times = append(*m.times, float64(time.Since(started))/float64(time.Millisecond))
		}
	}
	return figures.Median(ours), figures.Median(theirs), nil
}
