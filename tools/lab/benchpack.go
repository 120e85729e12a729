package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// packWay runs pack with a builder of its own, which holds the buildpack that is measured.
type packWay struct {
	*benchBuild
	id     string // of all that is made in Docker
	begun  int
	images []string // made so far
}

// openPackWay makes the builder.
func openPackWay(ctx context.Context, shared *benchBuild) (*packWay, error) {
	w := &packWay{benchBuild: shared, id: "scalingo-go-lab-bench-" + strconv.Itoa(os.Getpid())}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// A process of its own, so that what it says does not stand among the figures.
	command := exec.CommandContext(ctx, self, "builder", "--name", w.builder(), "--buildpack", shared.buildpack)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	if err := command.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("make the builder: %w", err), w.end(context.WithoutCancel(ctx)))
	}
	return w, nil
}

func (w *packWay) name() string         { return "pack" }
func (w *packWay) measures(string) bool { return true }
func (w *packWay) builder() string      { return w.id + "-builder" }
func (w *packWay) image() string        { return w.id + "-app:latest" }
func (w *packWay) base() string         { return w.id + "-app:base" }

// volumes are those of the build cache and of the layers of images, as pack would make them for an image of its own.
func (w *packWay) volumes() []string {
	return []string{fmt.Sprintf("%s-%d.build", w.id, w.begun), fmt.Sprintf("%s-%d.launch", w.id, w.begun)}
}

func (w *packWay) begin(ctx context.Context) error {
	err := w.forget(ctx)
	w.begun++
	return err
}

func (w *packWay) build(ctx context.Context, c benchChange, log *benchLog) ([]figures.Sample, error) {
	settings, err := hostGoSettings(ctx)
	if err != nil {
		return nil, err
	}
	asked, err := environment(w.variables(c), nil)
	if err != nil {
		return nil, err
	}
	for name, value := range asked {
		settings[name] = value
	}
	volumes := w.volumes()
	args := []string{
		"build", w.image(), "--builder", w.builder(), "--path", c.dir, "--run-image", runImagePrefix + runTiny,
		"--pull-policy", "never", "--trust-builder", "--network", "host",
		"--cache", "type=build;format=volume;name=" + volumes[0], "--cache", "type=launch;format=volume;name=" + volumes[1],
	}
	for _, name := range sortedKeys(settings) {
		args = append(args, "--env", name+"="+settings[name])
	}
	clock := newPhaseClock(log, time.Now)
	command := exec.CommandContext(ctx, w.tools.pack, args...)
	command.Env = append(os.Environ(), "PACK_HOME="+filepath.Join(w.scratch, "pack"))
	command.Stdout, command.Stderr = clock, log
	// pack removes its container and its volumes when it is asked to end.
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 3 * stopGrace
	started := time.Now()
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("pack build: %w", err)
	}
	took := time.Since(started)
	sample := w.sample(log.text(), clock.finish())
	sample.Seconds = seconds(took)
	if err := w.describe(ctx, &sample); err != nil {
		return nil, err
	}
	return []figures.Sample{sample}, nil
}

// describe looks at the image and the cache that a build has left.
func (w *packWay) describe(ctx context.Context, sample *figures.Sample) error {
	output, err := docker(ctx, "image", "inspect", "--format", "{{.Id}} {{.Size}}", w.image())
	if err != nil {
		return err
	}
	id, size, _ := strings.Cut(output, " ")
	w.images = append(w.images, id)
	sample.Image.Digest = id
	if sample.Image.Bytes, err = strconv.ParseInt(size, 10, 64); err != nil {
		return err
	}
	command := w.inVolumes(ctx, "tar --create --file=- --directory=/build/committed .")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	layers, readErr := cachedLayersOfTar(out)
	if readErr != nil {
		_ = command.Process.Kill() // it may wait for a reader
	}
	if err := errors.Join(readErr, command.Wait()); err != nil {
		return fmt.Errorf("read the cache volume: %w\n%s", err, stderr.String())
	}
	sample.Cache = layers
	return nil
}

// inVolumes is a command that sees the volumes as /build and /launch. The engine may be on another machine.
func (w *packWay) inVolumes(ctx context.Context, script string) *exec.Cmd {
	volumes := w.volumes()
	return exec.CommandContext(ctx, "docker", "run", "--rm", "--network", "none", "--user", "0:0",
		"--volume", volumes[0]+":/build", "--volume", volumes[1]+":/launch", buildImageName, "sh", "-euc", script)
}

func (w *packWay) runInVolumes(ctx context.Context, script string) error {
	if output, err := w.inVolumes(ctx, script).CombinedOutput(); err != nil {
		return fmt.Errorf("in the cache volumes: %w\n%s", err, output)
	}
	return nil
}

// keep gives the files of both volumes a second name, beside the directories that the lifecycle knows; it writes to none
// of them again.
func (w *packWay) keep(ctx context.Context) error {
	if _, err := docker(ctx, "tag", w.image(), w.base()); err != nil {
		return err
	}
	return w.runInVolumes(ctx, `for v in /build /launch; do
	rm -rf $v/bench-base; if [ -d $v/committed ]; then cp -al $v/committed $v/bench-base; fi
done`)
}

func (w *packWay) rewind(ctx context.Context) error {
	if _, err := docker(ctx, "tag", w.base(), w.image()); err != nil {
		return err
	}
	return w.runInVolumes(ctx, `for v in /build /launch; do
	rm -rf $v/committed $v/staging; if [ -d $v/bench-base ]; then cp -al $v/bench-base $v/committed; fi
done`)
}

// forget removes the image, the volumes, and whatever container still uses one of them.
func (w *packWay) forget(ctx context.Context) error {
	var errs []error
	for _, volume := range w.volumes() {
		users, err := docker(ctx, "ps", "--all", "--quiet", "--filter", "volume="+volume)
		for _, container := range strings.Fields(users) {
			_, rmErr := docker(ctx, "rm", "--force", container)
			err = errors.Join(err, rmErr)
		}
		_, rmErr := docker(ctx, "volume", "rm", "--force", volume)
		errs = append(errs, err, rmErr)
	}
	for _, name := range []string{w.image(), w.base()} {
		if _, missing := docker(ctx, "image", "inspect", "--format", "{{.Id}}", name); missing == nil {
			_, err := docker(ctx, "image", "rm", name)
			errs = append(errs, err)
		}
	}
	for _, id := range w.images {
		// Only what has no name any more: somebody else may have built the very same image.
		if tags, err := docker(ctx, "image", "inspect", "--format", "{{len .RepoTags}}", id); err == nil && tags == "0" {
			_, err := docker(ctx, "image", "rm", id)
			errs = append(errs, err)
		}
	}
	w.images = nil
	return errors.Join(errs...)
}

func (w *packWay) end(ctx context.Context) error {
	err := w.forget(ctx)
	if _, missing := docker(ctx, "image", "inspect", "--format", "{{.Id}}", w.builder()); missing != nil {
		return err
	}
	_, rmErr := docker(ctx, "image", "rm", "--force", w.builder())
	return errors.Join(err, rmErr)
}
