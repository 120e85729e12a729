// Command release makes what goes beside and into the buildpackages: scripts/package.sh and scripts/release.sh run it
// in the root of the repository.
//
//	go run ./scripts/release version                            print the version, which stands in buildpack.toml alone
//	go run ./scripts/release notes                              print what the change log says of that version
//	go run ./scripts/release supported                          print the Go versions that upstream supports, as in "1.27,1.26"
//	go run ./scripts/release bundle --into DIR --arch ARCH VERSION…
//	                                                            put archives of Go into the buildpack in DIR
//	go run ./scripts/release sbom --output PREFIX DIR           write the bills of materials of the buildpack in DIR
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

const usage = `usage: release COMMAND

  version                                 print the version of the buildpack
  notes                                   print what the change log says of it
  supported                               print the Go versions that upstream supports: "1.27,1.26"
  bundle --into DIR --arch ARCH VERSION…  put the newest Go of each version into the buildpack in DIR
  sbom --output PREFIX DIR                write PREFIX.cdx.json, PREFIX.spdx.json and PREFIX.syft.json of the buildpack in DIR
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, ".", os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "release:", err)
		}
		os.Exit(1)
	}
}

// run does what the arguments ask for, in the repository at root.
func run(ctx context.Context, root string, out io.Writer, args []string) error {
	if len(args) == 0 {
		return errors.New("no command given\n" + usage)
	}
	b, err := readBuildpack(root)
	if err != nil {
		return err
	}
	name, args := args[0], args[1:]
	switch name {
	case "version", "notes", "supported":
		if len(args) > 0 {
			return fmt.Errorf("%s: takes no arguments\n%s", name, usage)
		}
	}
	switch name {
	case "version":
		_, err = fmt.Fprintln(out, b.Info.Version)
		return err
	case "notes":
		return notes(root, b.Info.Version, out)
	case "supported":
		return supported(b, out)
	case "bundle":
		return bundle(ctx, b, out, args)
	case "sbom":
		return bills(ctx, b, args)
	}
	return fmt.Errorf("unknown command %q\n%s", name, usage)
}
