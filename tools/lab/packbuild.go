package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"
)

// packOptions are the flags of `lab pack`.
type packOptions struct {
	app        string
	image      string
	builder    string
	env        []string
	envFiles   []string
	volumes    []string
	runImage   string
	network    string
	clearCache bool
}

func newPackCommand() *cobra.Command {
	var options packOptions
	command := &cobra.Command{
		Use:   "pack [flags] APPDIR",
		Short: "Build an app with pack and the builder image of `lab builder`",
		Args:  oneApp,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.app = args[0]
			return packBuild(cmd.Context(), options)
		},
	}
	flags := command.Flags()
	flags.StringArrayVarP(&options.env, "env", "e", nil, "set a build-time variable, `NAME=VALUE`; NAME alone takes the caller's value; may be repeated")
	flags.StringArrayVar(&options.envFiles, "env-file", nil, "read build-time variables from this `FILE`, one NAME=VALUE a line; may be repeated")
	flags.StringArrayVar(&options.volumes, "volume", nil, "mount a directory in the build, `HOST:CONTAINER`, such as a binding below /platform/bindings; may be repeated")
	flags.StringVar(&options.image, "image", "", "`NAME` of the image in Docker (default: the app directory's)")
	flags.StringVar(&options.builder, "builder", builderName, "`NAME` of the builder image")
	flags.StringVar(&options.runImage, "run-image", runTiny, "`KIND` of run image: tiny or bash")
	flags.StringVar(&options.network, "network", "host", "`NAME` of the Docker network that the build is in, or none")
	flags.BoolVar(&options.clearCache, "clear-cache", false, "start from an empty cache")
	return command
}

func packBuild(ctx context.Context, options packOptions) error {
	if options.image == "" {
		options.image = imageNameFor(options.app)
	}
	if err := checkRunImage(options.runImage); err != nil {
		return err
	}
	cache, err := openCacheFolder()
	if err != nil {
		return err
	}
	if err := needEngine(ctx); err != nil {
		return err
	}
	tools, err := buildTools(ctx, cache, withPack)
	if err != nil {
		return err
	}
	variables, err := hostGoSettings(ctx)
	if err != nil {
		return err
	}
	asked, err := environment(options.env, options.envFiles)
	if err != nil {
		return err
	}
	for name, value := range asked {
		variables[name] = value
	}
	scratch, remove, err := cache.scratch("app")
	if err != nil {
		return err
	}
	defer remove()
	// pack keeps modes: a read-only directory, such as one of the module cache, could not be built in.
	app := filepath.Join(scratch, "app")
	if err := copyTree(options.app, app, nil); err != nil {
		return err
	}
	args := []string{
		"build", options.image, "--builder", options.builder, "--path", app, "--run-image", runImagePrefix + options.runImage,
		"--pull-policy", "never", "--trust-builder", "--network", options.network,
	}
	for _, name := range sortedKeys(variables) {
		args = append(args, "--env", name+"="+variables[name])
	}
	for _, volume := range options.volumes {
		args = append(args, "--volume", volume)
	}
	if options.clearCache {
		args = append(args, "--clear-cache")
	}
	return runPack(ctx, cache, tools, args...)
}
