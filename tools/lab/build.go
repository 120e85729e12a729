package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// buildOptions are the flags of `lab build`.
type buildOptions struct {
	app         string
	image       string
	env         []string
	envFiles    []string
	buildpacks  []string
	mounts      []string
	volumeDir   string
	platformDir string
	runImage    string
	report      string
	clearCache  bool
	asUser      bool
	noNetwork   bool

	out     io.Writer // takes what the build prints instead of standard output and standard error
	publish *publishing
}

// output is where the build prints to.
func (o *buildOptions) output() (stdout, stderr io.Writer) {
	if o.out != nil {
		return o.out, o.out
	}
	return os.Stdout, os.Stderr
}

func newBuildCommand() *cobra.Command {
	var options buildOptions
	command := &cobra.Command{
		Use:   "build [flags] APPDIR",
		Short: "Build an app with the real lifecycle, without Docker",
		Long: `Build an app with the real lifecycle, without Docker.

The app is copied to /workspace of a sandbox: a root directory of its own with the host's /usr, /etc and the like
mounted read-only, an empty home, and /layers, /platform and /cnb where the platform specification has them. Buildpacks
run as user 1001:1000. The image is left as an OCI layout; it and the lifecycle's cache are kept for the next build of
the same image name.`,
		Args: oneApp,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.app = args[0]
			_, err := build(cmd.Context(), options)
			return err
		},
	}
	options.register(command)
	flags := command.Flags()
	flags.StringVar(&options.report, "report", "", "write what was built, and how long it took, as JSON to this `FILE`")
	flags.BoolVar(&options.asUser, "as-user", false, "as root: build as an unprivileged user in a user namespace instead (caches of its own)")
	return command
}

// register declares the flags that build and demo share.
func (o *buildOptions) register(command *cobra.Command) {
	flags := command.Flags()
	flags.StringArrayVarP(&o.env, "env", "e", nil, "set a build-time variable, `NAME=VALUE`; NAME alone takes the caller's value; may be repeated")
	flags.StringArrayVar(&o.envFiles, "env-file", nil, "read build-time variables from this `FILE`, one NAME=VALUE a line; may be repeated")
	flags.StringArrayVar(&o.buildpacks, "buildpack", nil, "use the buildpack in this `DIR`; may be repeated, order counts (default build/buildpack of the repository)")
	flags.StringVar(&o.image, "image", "", "`NAME` of the image (default: the app directory's)")
	flags.StringArrayVar(&o.mounts, "mount", nil, "show a host path in the sandbox, read-only, `SOURCE:TARGET`; may be repeated")
	flags.StringVar(&o.volumeDir, "volume-dir", "", "keep caches and images below this `DIR` rather than in the cache folder")
	flags.StringVar(&o.platformDir, "platform-dir", "", "`DIR` with env/ and bindings/ to start /platform from; --env wins over its env/")
	flags.StringVar(&o.runImage, "run-image", runTiny, "`KIND` of run image: tiny (no shell) or bash (a small Debian; root on Debian only)")
	flags.BoolVar(&o.clearCache, "clear-cache", false, "start from an empty lifecycle cache")
	flags.BoolVar(&o.noNetwork, "no-network", false, "build without a network, loopback aside")
}

// check validates what needs no look at the disk and fills in the image's name.
func (o *buildOptions) check() error {
	if o.image == "" {
		o.image = imageNameFor(o.app)
	}
	if err := checkImageName(o.image); err != nil {
		return err
	}
	if err := checkRunImage(o.runImage); err != nil {
		return err
	}
	info, err := os.Stat(o.app)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("app: %s is not a directory", o.app)
	}
	return nil
}

// build builds the app and gives where the image lies.
func build(ctx context.Context, options buildOptions) (built report, err error) {
	if err := options.check(); err != nil {
		return report{}, err
	}
	cache, err := openCacheFolder()
	if err != nil {
		return report{}, err
	}
	tools, err := buildTools(ctx, cache, lifecycleOnly)
	if err != nil {
		return report{}, err
	}
	started := time.Now()
	if options.asUser && os.Geteuid() == 0 {
		return report{}, buildAsUser(ctx, tools, options)
	}
	job, err := prepare(ctx, cache, tools, options)
	if job != nil {
		defer job.remove()
	}
	if err != nil {
		return report{}, err
	}
	built.Durations.Prepare = seconds(time.Since(started))
	lifecycleStarted := time.Now()
	code, phases, err := job.run(ctx)
	if err != nil {
		return report{}, err
	}
	built.Durations.Lifecycle = seconds(time.Since(lifecycleStarted))
	built.Durations.Phases = phases
	built.ExitCode = code
	if code == 0 && options.publish == nil {
		if err := pruneLayout(job.volume.layout()); err != nil {
			return report{}, fmt.Errorf("image %s: %w", job.volume.layout(), err)
		}
		if err := built.describe(job.volume); err != nil {
			return report{}, err
		}
	}
	built.Durations.Total = seconds(time.Since(started))
	if options.report != "" {
		if err := built.write(options.report); err != nil {
			return report{}, err
		}
	}
	if code != 0 {
		return built, &exitError{what: "the build of " + options.app, code: code}
	}
	stdout, _ := options.output()
	fmt.Fprintf(stdout, "\nImage   %s (%s)\nDigest  %s\nLayout  %s\nTook    %.1f s\n",
		options.image, byteSize(built.Image.Size), built.Image.Digest, built.Image.Layout, built.Durations.Total)
	return built, nil
}

// job is one build, ready to run.
type job struct {
	volume  volume
	sandbox sandbox
	release []func()
}

func (j *job) remove() {
	for i := len(j.release) - 1; i >= 0; i-- {
		j.release[i]()
	}
}

// prepare lays out everything that the lifecycle is going to see. A job is given even with an error, to be removed.
func prepare(ctx context.Context, cache cacheFolder, tools toolset, options buildOptions) (*job, error) {
	buildpacks, err := readBuildpacks(options.buildpacks)
	if err != nil {
		return nil, err
	}
	runLayout, err := prepareRunImage(ctx, cache, options.runImage)
	if err != nil {
		return nil, err
	}
	j := &job{}
	if j.volume, err = openVolume(cache, options.volumeDir, options.image); err != nil {
		return j, err
	}
	unlock, err := lock(filepath.Join(j.volume.dir, "lock"))
	if err != nil {
		return j, err
	}
	j.release = append(j.release, unlock)
	if options.clearCache {
		if err := j.volume.clearCache(); err != nil {
			return j, err
		}
	}
	scratch, remove, err := cache.scratch("build")
	if err != nil {
		return j, err
	}
	j.release = append(j.release, remove)
	ground := groundwork{root: filepath.Join(scratch, "root"), owner: buildOwner()}
	if err := ground.lay(ctx, options, buildpacks); err != nil {
		return j, err
	}
	if err := j.volume.give(ground.owner); err != nil {
		return j, fmt.Errorf("volume of %s: %w", options.image, err)
	}
	j.sandbox, err = lifecycleSandbox(ground.root, tools, j.volume, runLayout, buildpacks, options)
	return j, err
}

// prepareRunImage leaves the run image in the cache folder, by its digest: several builds may share it.
func prepareRunImage(ctx context.Context, cache cacheFolder, kind string) (string, error) {
	image, err := runImage(ctx, cache, kind)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", fmt.Errorf("%s run image: %w", kind, err)
	}
	dir := cache.path("run-images", kind+"-"+digest.Hex[:12])
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("%s run image: %w", kind, err)
	}
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := writeLayout(dir, image); err != nil {
		return "", fmt.Errorf("%s run image: %w", kind, err)
	}
	return dir, nil
}

// buildOwner is the build's user where files can be given away; a plain user's own id becomes 1001 in the sandbox.
func buildOwner() *owner {
	if os.Geteuid() != 0 {
		return nil
	}
	return &owner{uid: buildUID, gid: buildGID}
}
