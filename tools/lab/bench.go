package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// The scenarios, in the order in which a run goes through them.
const (
	scenarioCold     = "cold"
	scenarioNoChange = "nochange"
	scenarioEdit     = "edit"
	scenarioImport   = "import"
	scenarioUpgrade  = "upgrade"
	scenarioGoPatch  = "gopatch"
)

var scenarios = []string{scenarioCold, scenarioNoChange, scenarioEdit, scenarioImport, scenarioUpgrade, scenarioGoPatch}

// benchOptions are the flags of `lab bench`.
type benchOptions struct {
	app, target             string
	edit, imported, upgrade string
	goVersions              string
	only, ways              []string
	runs, coldRuns          int
	successive              bool
	env                     []string
	buildpack               string
	json, markdown, svg     string
	logs                    string
}

func newBenchCommand() *cobra.Command {
	var options benchOptions
	command := &cobra.Command{
		Use:   "bench [flags]",
		Short: "Measure builds: cold, after small changes, and beside go build and ko",
		Long: `Measure builds: cold, after small changes, and beside go build and ko.

Scenarios (--only):
  cold      no cache at all
  nochange  the same source again
  edit      code added to one file, other code in each run
  import    a package imported that the build did not have, of a module that it has
  upgrade   another version of one module
  gopatch   the next patch of Go

Ways (--way):
  lifecycle  the lifecycle alone, its cache in a directory, the image in a registry on this machine
  pack       pack and the Docker Engine, its cache in a volume
  registry   the lifecycle alone, image and cache image in that registry
  go         the go command alone, with the flags that the buildpack prints; cold, nochange and edit
  ko         ko, into the same registry; cold (once), nochange and edit

Each build but a cold one starts from what the first, cold build has left, so that nothing differs from it but the one
change; with --successive from what the build before it has left. Ways take turns. Nothing is judged: it prints figures.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runBench(cmd.Context(), options)
		},
	}
	options.register(command)
	command.AddCommand(newBenchDetectCommand(), newBenchLaunchCommand(), newBenchShowCommand())
	return command
}

func (o *benchOptions) register(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&o.app, "app", defaultApp.app, "directory of the app, or `MODULE@VERSION` to download")
	flags.StringVar(&o.target, "target", "", "main `PACKAGE` to build (default: "+defaultApp.target+" for the default app, else .)")
	flags.StringVar(&o.edit, "edit", "", "`FILE` to edit, relative to the app (default: one of the target's)")
	flags.StringVar(&o.imported, "import", "", "`PATH` of the package that is imported additionally (default app: "+defaultApp.imported+")")
	flags.StringVar(&o.upgrade, "upgrade", "", "`MODULE@[OLD..]NEW` to upgrade (default app: "+defaultApp.upgrade+"); OLD is what go.mod says")
	flags.StringVar(&o.goVersions, "go", "", "Go `VERSION[..NEXT]` to build with (default: the last two patches of the newest minor version that has two)")
	flags.StringSliceVar(&o.only, "only", scenarios, "`SCENARIOS` to measure, separated by commas")
	flags.StringSliceVar(&o.ways, "way", wayNames, "`WAYS` to measure, separated by commas")
	flags.IntVar(&o.runs, "runs", 5, "`NUMBER` of runs")
	flags.IntVar(&o.coldRuns, "cold-runs", 0, "`NUMBER` of runs of the cold scenario (default: as --runs)")
	flags.BoolVar(&o.successive, "successive", false, "let a build find what the build before it has left; with cold, nochange and edit only")
	flags.StringArrayVarP(&o.env, "env", "e", nil, "set a build-time variable of the buildpack, `NAME=VALUE`; may be repeated")
	flags.StringVar(&o.buildpack, "buildpack", "", "`DIR` of the buildpack (default build/buildpack of the repository)")
	flags.StringVar(&o.logs, "logs", "", "keep the output of every build in this `DIR`")
	o.registerOutputs(command)
}

// registerOutputs declares the flags that also those have who show an earlier run.
func (o *benchOptions) registerOutputs(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&o.json, "json", "", "write all that was measured to this `FILE`")
	flags.StringVar(&o.markdown, "markdown", "", "write the tables as Markdown to this `FILE`")
	flags.StringVar(&o.svg, "svg", "", "draw a picture into this `FILE`")
}

// check validates what needs no look at the app.
func (o *benchOptions) check() error {
	for _, list := range []struct {
		flag         string
		given, known []string
	}{{"--only", o.only, scenarios}, {"--way", o.ways, wayNames}} {
		for _, name := range list.given {
			if !slices.Contains(list.known, name) {
				return fmt.Errorf("%s %q: use some of %s", list.flag, name, strings.Join(list.known, ","))
			}
		}
	}
	if o.runs < 1 || o.coldRuns < 0 {
		return errors.New("--runs and --cold-runs: at least 1")
	}
	if o.coldRuns == 0 {
		o.coldRuns = o.runs
	}
	for _, name := range []string{scenarioImport, scenarioUpgrade, scenarioGoPatch} {
		if o.successive && slices.Contains(o.only, name) {
			return fmt.Errorf("--successive does not go with %s: its second run would find it done", name)
		}
	}
	if _, err := environment(o.env, nil); err != nil {
		return err
	}
	for _, file := range []string{o.json, o.markdown, o.svg} {
		if file == "" {
			continue
		}
		if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
			return fmt.Errorf("%s: its directory does not exist", file)
		}
	}
	return nil
}

// bench is one run of the benchmark.
type bench struct {
	options benchOptions
	cache   cacheFolder
	scratch string
	source  *benchSource
	ways    []benchWay
	site    *benchRegistry    // nil where nothing is published
	edits   int               // made so far: no two are alike
	digests map[string]string // by way, of the image that edits are compared with
	report  figures.Report
}

// runBench measures and shows. What was measured before an error is shown as well: it may have taken an hour.
func runBench(ctx context.Context, options benchOptions) error {
	if err := options.check(); err != nil {
		return err
	}
	cache, err := openCacheFolder()
	if err != nil {
		return err
	}
	scratch, remove, err := cache.scratch("bench")
	if err != nil {
		return err
	}
	defer remove()
	b := &bench{options: options, cache: cache, scratch: scratch, digests: map[string]string{}}
	defer b.end(ctx)
	if err = b.prepare(ctx); err == nil {
		err = b.measure(ctx)
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if len(b.report.Samples) == 0 && err != nil {
		return err
	}
	return errors.Join(err, b.show())
}

func (b *bench) prepare(ctx context.Context) error {
	var err error
	if b.source, err = openBenchSource(ctx, b.scratch, &b.options, b.skip); err != nil {
		return err
	}
	b.report.Setting = figures.Setting{
		Date: time.Now().UTC().Format(time.DateOnly), CPU: cpuModel(), CPUs: runtime.NumCPU(),
		App: b.source.label, Target: b.source.target, Go: b.source.goVersion, GoPatch: b.source.goNext,
		GoBuild: "go build " + strings.Join(defaultBuildFlags, " "), Edit: b.source.edit, Import: b.source.imported, Upgrade: b.source.upgrade,
		Runs: b.options.runs, Successive: b.options.successive, Versions: map[string]string{},
	}
	return b.openWays(ctx)
}

// skip notes, loudly, what is not measured.
func (b *bench) skip(format string, values ...any) {
	reason := fmt.Sprintf(format, values...)
	fmt.Fprintln(os.Stderr, "SKIPPED:", reason)
	b.report.Skipped = append(b.report.Skipped, reason)
}

// end gives back what the ways hold, also after Ctrl-C.
func (b *bench) end(ctx context.Context) {
	for _, w := range slices.Backward(b.ways) {
		if err := w.end(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintf(os.Stderr, "lab: cleaning up after %s: %v\n", w.name(), err)
		}
	}
	if b.site != nil {
		b.site.stop()
	}
}

// cpuModel is what Linux calls the processor.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}
