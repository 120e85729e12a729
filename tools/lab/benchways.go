package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// wayNames are the ways in which a run measures first.
var wayNames = []string{"lifecycle", "pack", "registry", figures.WayGo, figures.WayKo}

// benchBuild is what the ways that run the buildpack have in common.
type benchBuild struct {
	tools     toolset
	buildpack string   // directory, copied: the repository's may be built anew meanwhile
	env       []string // build-time variables for all scenarios
	cache     cacheFolder
	scratch   string
	compiler  *benchCompiler
}

// openWays prepares the ways that were asked for; one that this machine has no engine for is skipped.
func (b *bench) openWays(ctx context.Context) error {
	asked := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(b.options.ways, name) })
	}
	shared, err := b.openBuild(ctx)
	if err != nil {
		return err
	}
	if asked("registry", figures.WayKo) {
		if b.site, err = startBenchRegistry(ctx, b.cache, b.scratch); err != nil {
			return err
		}
		b.report.Setting.Registry = b.site.kind
	}
	for _, name := range wayNames {
		if !asked(name) {
			continue
		}
		var w benchWay
		switch name {
		case "lifecycle":
			w = &lifecycleWay{benchBuild: shared}
		case "registry":
			w = &registryWay{benchBuild: shared, site: b.site}
		case "pack":
			version, engineErr := engineVersion(ctx)
			if engineErr != nil {
				b.skip("pack: no Docker Engine answers; scripts/docker.sh starts one")
				continue
			}
			b.report.Setting.Versions["docker"] = version
			w, err = openPackWay(ctx, shared)
		case figures.WayGo:
			w = &goWay{compiler: shared.compiler}
		case figures.WayKo:
			w, err = openKoWay(ctx, b, shared.compiler)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.ways = append(b.ways, w)
	}
	return nil
}

func (b *bench) openBuild(ctx context.Context) (*benchBuild, error) {
	shared := &benchBuild{
		cache: b.cache, scratch: b.scratch, buildpack: filepath.Join(b.scratch, "buildpack"),
		env:      append([]string{"BP_LOG_LEVEL=DEBUG", "BP_GO_TARGETS=" + b.source.target}, b.options.env...),
		compiler: newBenchCompiler(b.scratch, b.source, &b.report.Setting),
	}
	if !slices.ContainsFunc(b.options.ways, func(name string) bool { return name != figures.WayGo && name != figures.WayKo }) {
		return shared, nil // nothing of this runs the buildpack
	}
	dir := b.options.buildpack
	if dir == "" {
		var err error
		if dir, err = defaultBuildpack(); err != nil {
			return nil, err
		}
	}
	if err := copyTree(dir, shared.buildpack, nil); err != nil {
		return nil, err
	}
	need := lifecycleOnly
	if slices.Contains(b.options.ways, "pack") {
		need = withPack
	}
	var err error
	if shared.tools, err = buildTools(ctx, b.cache, need); err != nil {
		return nil, err
	}
	return shared, b.noteVersions(ctx)
}

func (b *bench) noteVersions(ctx context.Context) error {
	root, err := repositoryRoot()
	if err != nil {
		return err
	}
	for name, path := range map[string]string{"lifecycle": lifecycleModule, "pack": packModule} {
		if name == "pack" && !slices.Contains(b.options.ways, name) {
			continue
		}
		module, err := pinned(ctx, filepath.Join(root, "tools"), path)
		if err != nil {
			return err
		}
		b.report.Setting.Versions[name] = module.version
	}
	return nil
}

// variables are the build-time variables of one build.
func (s *benchBuild) variables(c benchChange) []string {
	return append([]string{"BP_GO_VERSION=" + c.goVersion}, s.env...)
}

// sample is what the output of a build tells, apart from its time.
func (s *benchBuild) sample(text string, phases map[string]float64) figures.Sample {
	read := readBuildpackLog(text)
	s.compiler.learn(read)
	return figures.Sample{Phases: phases, Steps: read.steps, Memory: read.memory}
}

// lifecycleWay runs the lifecycle alone, as `lab build` does.
type lifecycleWay struct {
	*benchBuild
}

const benchImage = "bench"

func (w *lifecycleWay) name() string         { return "lifecycle" }
func (w *lifecycleWay) measures(string) bool { return true }
func (w *lifecycleWay) dir() string          { return filepath.Join(w.scratch, "lifecycle") }
func (w *lifecycleWay) volume() (volume, error) {
	return findVolume(w.cache, filepath.Join(w.dir(), "volume"), benchImage)
}

func (w *lifecycleWay) begin(context.Context) error { return removeTree(w.dir()) }

func (w *lifecycleWay) options(c benchChange, log *benchLog) buildOptions {
	return buildOptions{
		app: c.dir, image: benchImage, env: w.variables(c), buildpacks: []string{w.buildpack},
		volumeDir: filepath.Join(w.dir(), "volume"), runImage: runTiny, out: log,
	}
}

func (w *lifecycleWay) build(ctx context.Context, c benchChange, log *benchLog) ([]figures.Sample, error) {
	built, err := build(ctx, w.options(c, log))
	if err != nil {
		return nil, err
	}
	sample := w.sample(log.text(), built.Durations.Phases)
	sample.Seconds = built.Durations.Lifecycle
	sample.Image = figures.Image{Digest: built.Image.Digest, Bytes: built.Image.Size}
	sample.Cache, err = cachedLayers(os.DirFS(filepath.Join(built.Cache.Path, "committed")))
	return []figures.Sample{sample}, err
}

// keep links the cache, whose files are never written to again, and copies the image.
func (w *lifecycleWay) keep(context.Context) error {
	v, err := w.volume()
	if err != nil {
		return err
	}
	return w.exchange(v.dir, filepath.Join(w.dir(), "base"))
}

func (w *lifecycleWay) rewind(context.Context) error {
	v, err := w.volume()
	if err != nil {
		return err
	}
	return w.exchange(filepath.Join(w.dir(), "base"), v.dir)
}

func (w *lifecycleWay) exchange(from, to string) error {
	if err := removeTree(to); err != nil {
		return err
	}
	if err := linkTree(filepath.Join(from, "cache"), filepath.Join(to, "cache")); err != nil {
		return err
	}
	return copyTree(filepath.Join(from, "layouts"), filepath.Join(to, "layouts"), nil)
}

func (w *lifecycleWay) end(context.Context) error { return removeTree(w.dir()) }

// linkTree makes a second name for every file of a directory.
func linkTree(source, target string) error {
	return filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		destination := filepath.Join(target, relative)
		switch {
		case entry.IsDir():
			return os.MkdirAll(destination, 0o755)
		case entry.Type().IsRegular():
			return os.Link(path, destination)
		default:
			return errors.New(path + " is neither file nor directory")
		}
	})
}
