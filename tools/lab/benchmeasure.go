package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// benchWay is one way to get from source to something that runs.
type benchWay interface {
	name() string
	measures(scenario string) bool
	// begin forgets everything, so that the next build finds no cache.
	begin(ctx context.Context) error
	// build builds what lies in the change's directory. Its output goes to log. It may give more than one sample, when
	// it has timed something apart; the first is the build's.
	build(ctx context.Context, c benchChange, log *benchLog) ([]figures.Sample, error)
	// keep makes what the last build has left the state that rewind goes back to.
	keep(ctx context.Context) error
	rewind(ctx context.Context) error
	// end removes everything, and stops what was started.
	end(ctx context.Context) error
}

// measure goes through the scenarios as often as asked for. Within one, the ways take turns, and another one is first in
// each run, so that whatever else the machine does meets all.
func (b *bench) measure(ctx context.Context) error {
	if !slices.Contains(b.options.only, scenarioCold) {
		for _, w := range b.ways {
			if err := b.first(ctx, w, 0); err != nil {
				return err
			}
		}
	}
	for run := 1; run <= max(b.options.runs, b.options.coldRuns); run++ {
		for _, scenario := range scenarios {
			if !slices.Contains(b.options.only, scenario) || !b.source.has(scenario) {
				continue
			}
			for i := range b.ways {
				w := b.ways[(i+run-1)%len(b.ways)]
				if err := b.one(ctx, w, scenario, run); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *bench) one(ctx context.Context, w benchWay, scenario string, run int) error {
	if !w.measures(scenario) {
		return nil
	}
	if scenario == scenarioCold {
		// ko's first build is there to be looked at once.
		if run > b.options.coldRuns || w.name() == figures.WayKo && run > 1 {
			return nil
		}
		return b.first(ctx, w, run)
	}
	if run > b.options.runs {
		return nil
	}
	if !b.options.successive {
		if err := w.rewind(ctx); err != nil {
			return fmt.Errorf("%s: %w", w.name(), err)
		}
	}
	b.edits++
	c, err := b.source.change(scenario, b.edits)
	if err != nil {
		return err
	}
	defer c.remove()
	samples, err := b.build(ctx, w, c, run)
	if err != nil {
		return err
	}
	if err := b.compareDigest(w, scenario, samples[0].Image.Digest); err != nil {
		return err
	}
	b.report.Samples = append(b.report.Samples, samples...)
	return nil
}

// first builds without a cache and keeps what the build leaves. Run 0 is not measured.
func (b *bench) first(ctx context.Context, w benchWay, run int) error {
	if err := w.begin(ctx); err != nil {
		return fmt.Errorf("%s: %w", w.name(), err)
	}
	c, err := b.source.change(scenarioCold, 0)
	if err != nil {
		return err
	}
	defer c.remove()
	samples, err := b.build(ctx, w, c, run)
	if err != nil {
		return err
	}
	b.digests[w.name()] = samples[0].Image.Digest
	if run > 0 {
		b.report.Samples = append(b.report.Samples, samples...)
	}
	if err := w.keep(ctx); err != nil {
		return fmt.Errorf("%s: %w", w.name(), err)
	}
	return nil
}

// build builds once, and says so.
func (b *bench) build(ctx context.Context, w benchWay, c benchChange, run int) ([]figures.Sample, error) {
	log, err := b.openLog(fmt.Sprintf("%s-%s-%d.log", c.scenario, w.name(), run))
	if err != nil {
		return nil, err
	}
	defer log.close()
	what := fmt.Sprintf("run %d of %d", run, b.options.runs)
	if run == 0 {
		what = "not measured: to have a cache"
	}
	fmt.Fprintf(os.Stderr, "%-9s %-10s %s ... ", c.scenario, w.name(), what)
	unix.Sync() // what was written before is not to be paid for now
	samples, err := w.build(ctx, c, log)
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed")
		return nil, fmt.Errorf("%s, %s: %w; the end of its output:\n%s", c.scenario, w.name(), err, lastLines([]byte(log.text()), 30))
	}
	for i := range samples {
		samples[i].Scenario, samples[i].Run = c.scenario, run
		if samples[i].Way == "" {
			samples[i].Way = w.name()
		}
	}
	fmt.Fprintf(os.Stderr, "%s s\n", figures.Seconds(samples[0].Seconds))
	return samples, nil
}

// compareDigest makes sure that an edit has really come through, or that nothing has: a figure for something else would
// be worse than none.
func (b *bench) compareDigest(w benchWay, scenario, digest string) error {
	before := b.digests[w.name()]
	if digest == "" || before == "" {
		return nil
	}
	if b.options.successive {
		b.digests[w.name()] = digest
	}
	switch {
	case scenario == scenarioNoChange && digest != before && !b.options.successive:
		fmt.Fprintf(os.Stderr, "NOTE: %s made another image of the same source (%s, before %s)\n", w.name(), digest, before)
	case scenario != scenarioNoChange && digest == before:
		return fmt.Errorf("%s, %s: the image is the same as before, so the change was not built", scenario, w.name())
	}
	return nil
}

func (b *bench) openLog(name string) (*benchLog, error) {
	dir := b.options.logs
	if dir == "" {
		dir = filepath.Join(b.scratch, "logs")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("logs of the builds: %w", err)
	}
	return newBenchLog(filepath.Join(dir, name))
}

// show writes the results to where they were asked for.
func (b *bench) show() error {
	if err := b.report.WriteText(os.Stdout); err != nil {
		return err
	}
	for _, output := range []struct {
		path  string
		write func(io.Writer) error
	}{{b.options.json, b.report.WriteJSON}, {b.options.markdown, b.report.WriteMarkdown}, {b.options.svg, b.report.WriteSVG}} {
		if output.path == "" {
			continue
		}
		if err := writeOutput(output.path, output.write); err != nil {
			return fmt.Errorf("%s: %w", output.path, err)
		}
	}
	return nil
}

func writeOutput(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// newBenchShowCommand shows what was measured before once more, in other forms.
func newBenchShowCommand() *cobra.Command {
	var options benchOptions
	command := &cobra.Command{
		Use:   "show [flags] FILE...",
		Short: "Show what earlier runs have written with --json, together; the setting is that of the first",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			b := &bench{options: options}
			for i, file := range args {
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				var report figures.Report
				if err := json.Unmarshal(text, &report); err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				if i == 0 {
					b.report = report
					continue
				}
				b.report.Samples = append(b.report.Samples, report.Samples...)
				b.report.Skipped = append(b.report.Skipped, report.Skipped...)
			}
			return b.show()
		},
	}
	options.registerOutputs(command)
	return command
}
