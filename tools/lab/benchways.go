package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

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
	if asked("lifecycle", "registry", figures.WayKo) {
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
			w = &lifecycleWay{benchBuild: shared, site: b.site}
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

// lifecycleWay runs the lifecycle alone, with its cache in a directory. It publishes to the registry that ko publishes to.
type lifecycleWay struct {
	*benchBuild
	site  *benchRegistry
	begun int
	kept  map[string]v1.Image // by reference
}

const benchImage = "bench"

func (w *lifecycleWay) name() string         { return "lifecycle" }
func (w *lifecycleWay) measures(string) bool { return true }
func (w *lifecycleWay) dir() string          { return filepath.Join(w.scratch, "lifecycle") }
func (w *lifecycleWay) volume() (volume, error) {
	return findVolume(w.cache, filepath.Join(w.dir(), "volume"), benchImage)
}

func (w *lifecycleWay) references() publishing {
	return publishing{image: fmt.Sprintf("%s/lifecycle-%d/app:latest", w.site.address, w.begun), runImage: w.site.runImage()}
}

// begin turns to a repository that does not exist yet: to it the registry says that it has no layer.
func (w *lifecycleWay) begin(context.Context) error {
	w.begun++
	w.kept = nil
	return removeTree(w.dir())
}

func (w *lifecycleWay) build(ctx context.Context, c benchChange, log *benchLog) ([]figures.Sample, error) {
	references := w.references()
	built, err := build(ctx, buildOptions{
		app: c.dir, image: benchImage, env: w.variables(c), buildpacks: []string{w.buildpack},
		volumeDir: filepath.Join(w.dir(), "volume"), runImage: runTiny, out: log, publish: &references,
	})
	if err != nil {
		return nil, err
	}
	sample := w.sample(log.text(), built.Durations.Phases)
	sample.Seconds = built.Durations.Lifecycle
	if sample.Image, err = w.site.describe(ctx, references.image); err != nil {
		return nil, err
	}
	v, err := w.volume()
	if err != nil {
		return nil, err
	}
	sample.Cache, err = cachedLayers(os.DirFS(filepath.Join(v.cache(), "committed")))
	return []figures.Sample{sample}, err
}

// keep links the cache, whose files are never written to again, and remembers what the image's tag stands for.
func (w *lifecycleWay) keep(ctx context.Context) error {
	v, err := w.volume()
	if err != nil {
		return err
	}
	if w.kept, err = w.site.tagged(ctx, w.references().image); err != nil {
		return err
	}
	return w.exchange(v.dir, filepath.Join(w.dir(), "base"))
}

func (w *lifecycleWay) rewind(ctx context.Context) error {
	v, err := w.volume()
	if err != nil {
		return err
	}
	if err := w.site.tag(ctx, w.kept); err != nil {
		return err
	}
	return w.exchange(filepath.Join(w.dir(), "base"), v.dir)
}

func (w *lifecycleWay) exchange(from, to string) error {
	if err := removeTree(to); err != nil {
		return err
	}
	return linkTree(filepath.Join(from, "cache"), filepath.Join(to, "cache"))
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
