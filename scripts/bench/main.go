// Command bench measures what the documentation says about speed: the median of
// several runs, beside the median of something well known on the same machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

func main() {
	buildpack := flag.String("buildpack", filepath.Join("build", "buildpack"), "directory of the buildpack")
	app := flag.String("app", filepath.Join("samples", "hello"), "app to detect")
	runs := flag.Int("runs", 41, "runs of which the median is taken")
	flag.Parse()
	if err := run(*buildpack, *app, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(buildpack, app string, runs int) error {
	buildpack, err := filepath.Abs(buildpack)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	detect := func() *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), filepath.Join(buildpack, "bin", "detect")) // #nosec G204 -- the program to measure
		cmd.Dir = app
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "CNB_BUILDPACK_DIR=" + buildpack, "CNB_PLATFORM_DIR=" + scratch,
			"CNB_BUILD_PLAN_PATH=" + filepath.Join(scratch, "plan.toml"),
		}
		return cmd
	}
	goVersion := func() *exec.Cmd { return exec.CommandContext(context.Background(), "go", "version") }
	// Turn about, so that whatever else the machine does meets both.
	var ours, theirs []time.Duration
	for range runs {
		for _, m := range []struct {
			cmd   func() *exec.Cmd
			times *[]time.Duration
		}{{detect, &ours}, {goVersion, &theirs}} {
			started := time.Now()
			if out, err := m.cmd().CombinedOutput(); err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			*m.times = append(*m.times, time.Since(started))
		}
	}
	a, b := median(ours), median(theirs)
	fmt.Printf("detect on %s: median of %d runs %.1f ms; \"go version\" beside it %.1f ms; ratio %.1f\n",
		app, runs, ms(a), ms(b), float64(a)/float64(b))
	return nil
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
