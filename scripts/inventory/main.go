// Command inventory keeps the list of Go releases that the buildpack knows, and what is generated from it.
//
// releases.csv beside this file is the source. From it comes the last part of buildpack.toml; from the settings in the
// hand-written part of buildpack.toml comes docs/settings.md. The command runs in the root of the repository:
//
//	go run ./scripts/inventory generate                     write both generated parts anew
//	go run ./scripts/inventory settings                     write docs/settings.md alone
//	go run ./scripts/inventory check                        exit 1 with a diff where generating would change something
//	go run ./scripts/inventory update [--from FILE-or-URL]  add what go.dev lists and releases.csv lacks, then generate
//	go run ./scripts/inventory sums [--arch LIST] VERSION…  add the h1: hashes of toolchain modules, then generate
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"
)

const usage = `usage: inventory COMMAND

  generate                      write the inventory in buildpack.toml, and docs/settings.md
  settings                      write docs/settings.md alone
  check                         exit 1 where generating would change something
  update [--from FILE-or-URL]   add the releases of go.dev's list, then generate
  sums [--arch LIST] VERSION…   add the hashes of golang.org/toolchain modules, then generate
`

// errStale is the outcome of a check that found something to regenerate.
var errStale = errors.New(`generated files: out of date, run "go run ./scripts/inventory generate"`)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	c := command{repo: repo{root: "."}, today: time.Now(), out: os.Stdout, client: http.DefaultClient, sum: goCommand}
	err := c.run(ctx, os.Args[1:])
	stop()
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "inventory:", err)
		}
		os.Exit(1)
	}
}

// command is one run of the program, with everything it needs from outside.
type command struct {
	repo   repo
	today  time.Time
	out    io.Writer
	client *http.Client
	sum    sumFunc
}

// run does what the arguments ask for.
func (c command) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("no command given\n" + usage)
	}
	name, args := args[0], args[1:]
	switch name {
	case "generate", "settings", "check":
		if len(args) > 0 {
			return fmt.Errorf("%s: takes no arguments\n%s", name, usage)
		}
	}
	switch name {
	case "generate":
		return c.repo.generate()
	case "settings":
		return c.repo.writeSettings()
	case "check":
		return c.check()
	case "update":
		return c.update(ctx, args)
	case "sums":
		return c.sums(ctx, args)
	}
	return fmt.Errorf("unknown command %q\n%s", name, usage)
}

// check prints what generating would change and returns errStale if that is anything.
func (c command) check() error {
	diff, err := c.repo.stale()
	if err != nil {
		return err
	}
	if len(diff) == 0 {
		return nil
	}
	if _, err := c.out.Write(diff); err != nil {
		return fmt.Errorf("print diff: %w", err)
	}
	return errStale
}

// update merges go.dev's list of downloads into releases.csv and generates.
func (c command) update(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("update", flag.ContinueOnError)
	from := flags.String("from", downloadList, "file or URL of the list of downloads")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("update: takes no arguments besides its flags\n%s", usage)
	}
	list, err := fetch(ctx, c.client, *from)
	if err != nil {
		return err
	}
	downloads, err := parseDownloads(list)
	if err != nil {
		return fmt.Errorf("%s: %w", *from, err)
	}
	return c.change(func(releases []Release) ([]Release, []string, error) {
		return mergeDownloads(releases, downloads, c.today)
	})
}

// sums adds the hashes of toolchain modules to releases.csv and generates.
func (c command) sums(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("sums", flag.ContinueOnError)
	arches := flags.String("arch", "amd64,arm64", "comma-separated architectures")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return fmt.Errorf("sums: no version given\n%s", usage)
	}
	return c.change(func(releases []Release) ([]Release, []string, error) {
		return addSums(ctx, releases, flags.Args(), strings.Split(*arches, ","), c.today, c.sum)
	})
}

// change applies an edit to releases.csv, says what it did, and generates. It writes nothing when the edit fails.
func (c command) change(edit func([]Release) ([]Release, []string, error)) error {
	releases, err := c.repo.readReleases()
	if err != nil {
		return err
	}
	releases, notes, err := edit(releases)
	if err != nil {
		return err
	}
	if err := c.repo.writeReleases(releases); err != nil {
		return err
	}
	if len(notes) == 0 {
		notes = []string{"nothing new"}
	}
	if _, err := fmt.Fprintln(c.out, strings.Join(notes, "\n")); err != nil {
		return fmt.Errorf("print changes: %w", err)
	}
	return c.repo.generate()
}
