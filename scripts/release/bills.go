package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"

	"github.com/Scalingo/go-cnb/go/sbom"
)

// bills writes the bills of materials of a built buildpack, the way that those of the apps are written.
func bills(ctx context.Context, b buildpack, args []string) error {
	flags := flag.NewFlagSet("sbom", flag.ContinueOnError)
	output := flags.String("output", "", "`PREFIX` of the files to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *output == "" || flags.NArg() != 1 {
		return fmt.Errorf("sbom: --output and the directory of a built buildpack are needed\n%s", usage)
	}
	cache, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	in := sbom.Input{
		Name: b.Info.ID, Version: b.Info.Version, Tool: sbom.Tool{Name: b.Info.ID, Version: b.Info.Version},
		Licences: licencesIn(strings.TrimSpace(string(cache))),
	}
	for _, name := range []string{"main", "helper"} {
		in.Programs = append(in.Programs, sbom.Program{
			File: filepath.Join(flags.Arg(0), "bin", name),
			Path: path.Join("/cnb/buildpacks", strings.ReplaceAll(b.Info.ID, "/", "_"), b.Info.Version, "bin", name),
		})
	}
	inventory, err := sbom.Read(in)
	if err != nil {
		return err
	}
	for extension, write := range map[string]func(sbom.Inventory) ([]byte, error){
		"cdx": sbom.Inventory.CycloneDX, "spdx": sbom.Inventory.SPDX, "syft": sbom.Inventory.Syft,
	} {
		data, err := write(inventory)
		if err != nil {
			return err
		}
		if err := os.WriteFile(*output+"."+extension+".json", data, 0o644); err != nil { // #nosec G306 -- to be published
			return err
		}
	}
	return nil
}

// licencesIn returns what finds the licences of a module in a module cache.
func licencesIn(cache string) func(sbom.Module) []string {
	return func(m sbom.Module) []string {
		name, err := module.EscapePath(m.Path)
		if err != nil {
			return nil
		}
		version, err := module.EscapeVersion(m.Version)
		if err != nil {
			return nil
		}
		return sbom.Licences(filepath.Join(cache, filepath.FromSlash(name)+"@"+version))
	}
}
