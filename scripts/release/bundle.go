package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// bundle puts archives of Go where the buildpack looks for them before it asks any server.
func bundle(ctx context.Context, b buildpack, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("bundle", flag.ContinueOnError)
	into := flags.String("into", "", "`DIR` of the buildpack")
	arch := flags.String("arch", "", "architecture of the build: amd64 or arm64")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *into == "" || *arch == "" || flags.NArg() == 0 {
		return fmt.Errorf("bundle: --into, --arch and at least one version are needed\n%s", usage)
	}
	inventory, err := toolchain.ReadInventory(b.Metadata)
	if err != nil {
		return err
	}
	proxies, named, err := proxies(ctx)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "bundle-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	fetcher := &toolchain.Fetcher{
		Download: toolchain.NewDownloader(b.Info.ID + "/" + b.Info.Version), Scratch: scratch,
		Bundle: toolchain.Bundle(filepath.Join(*into, "dependencies")), Proxies: proxies, ProxyFirst: named,
	}
	for _, text := range flags.Args() {
		release, err := newest(inventory, *arch, text)
		if err != nil {
			return err
		}
		from, err := fetcher.Save(ctx, release)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "Bundled Go %s for linux/%s from %s\n", release.Version, *arch, from); err != nil {
			return err
		}
	}
	return nil
}

// supported prints the two newest minor versions of Go, which upstream supports.
func supported(b buildpack, out io.Writer) error {
	inventory, err := toolchain.ReadInventory(b.Metadata)
	if err != nil {
		return err
	}
	var minors []string
	_, ok := inventory.Newest("amd64", func(r toolchain.Release) bool {
		if line := r.Version.Line(); r.Version.Pre == "" && !slices.Contains(minors, line) {
			minors = append(minors, line)
		}
		return len(minors) == 2
	})
	if !ok {
		return fmt.Errorf("buildpack.toml has not two minor versions of Go")
	}
	_, err = fmt.Fprintln(out, strings.Join(minors, ","))
	return err
}

// newest is the newest release that text allows and that can be verified.
func newest(inventory toolchain.Inventory, arch, text string) (toolchain.Release, error) {
	spec, err := toolchain.ParseSpec(text)
	if err != nil {
		return toolchain.Release{}, err
	}
	release, ok := inventory.Newest(arch, func(r toolchain.Release) bool {
		return spec.Allows(r.Version) && (r.HasTarball() || r.ModuleSum != "")
	})
	if !ok {
		return release, fmt.Errorf("buildpack.toml has no Go %q for linux/%s", text, arch)
	}
	return release, nil
}

// proxies are the module proxies of this machine, as the go command has them; named tells that the user has set them.
func proxies(ctx context.Context) (proxies []toolchain.Proxy, named bool, err error) {
	asked, err := exec.CommandContext(ctx, "go", "env", "-json", "-changed", "GOPROXY").Output()
	if err != nil {
		return nil, false, fmt.Errorf("go env: %w", err)
	}
	value, err := exec.CommandContext(ctx, "go", "env", "GOPROXY").Output()
	if err != nil {
		return nil, false, fmt.Errorf("go env: %w", err)
	}
	proxies, err = toolchain.ParseProxies(strings.TrimSpace(string(value)))
	return proxies, strings.Contains(string(asked), "GOPROXY"), err
}
