package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
)

func newDemoCommand() *cobra.Command {
	var building buildOptions
	var running runOptions
	command := &cobra.Command{
		Use:   "demo [flags] [APPDIR] [-- ARGUMENTS...]",
		Short: "Build an app, start it, ask it for a page and sum up",
		Long: `Build an app with the buildpack and the real lifecycle, start it, ask it for a page and sum up. No Docker needed.

APPDIR is samples/hello unless given. ARGUMENTS take the place of the process's own arguments.`,
		Example: `  scripts/demo.sh
  scripts/demo.sh --env BP_GO_TARGETS=./cmd/web ../my-app
  scripts/demo.sh --env BP_GO_TARGETS=./cmd/caddy --port 8080 DIR -- file-server --listen :8080 --root /workspace`,
		RunE: func(cmd *cobra.Command, args []string) error {
			before, after := splitAtDash(args, cmd.ArgsLenAtDash())
			if len(before) > 1 {
				return fmt.Errorf("one app directory at a time, not %q; arguments of the process come after --", before)
			}
			if len(before) == 1 {
				building.app = before[0]
			} else {
				root, err := repositoryRoot()
				if err != nil {
					return err
				}
				building.app = filepath.Join(root, "samples", "hello")
			}
			running.arguments = after
			built, err := build(cmd.Context(), building)
			if err != nil {
				return err
			}
			running.image, running.volumeDir = built.Image.Name, building.volumeDir
			fmt.Println()
			out, err := run(cmd.Context(), running)
			if err != nil {
				return err
			}
			summarize(built, out)
			return nil
		},
	}
	building.register(command)
	running.register(command)
	return command
}

func summarize(built report, out outcome) {
	fmt.Printf("\nImage      %s\n", built.Image.Name)
	fmt.Printf("Size       %s compressed, %s unpacked, %d layers\n", byteSize(built.Image.Size), byteSize(out.size), len(built.Image.Layers))
	fmt.Printf("Cache      %s in %d layers\n", byteSize(built.Cache.Size), len(built.Cache.Layers))
	for i, process := range out.processes {
		heading := "Processes"
		if i > 0 {
			heading = ""
		}
		fmt.Printf("%-10s %s\n", heading, process)
	}
	fmt.Printf("Answer     %s %q\n", out.answer.status, firstLine(out.answer.body))
	fmt.Printf("Build      %.1f s, ready %.2f s after the start\n", built.Durations.Total, out.answer.after.Seconds())
	fmt.Printf("Layout     %s\n", built.Image.Layout)
	fmt.Println("\nGo on with")
	fmt.Printf("  %-52s start it again\n", "scripts/lab.sh run --image "+built.Image.Name)
	fmt.Printf("  %-52s build an app of your own\n", "scripts/demo.sh DIR")
	fmt.Printf("  %-52s the same with pack and Docker\n", "scripts/builder.sh && scripts/pack.sh DIR")
}
