package golang

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/mod/module"

	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/sbom"
)

// bills are the formats of bills of materials, by what writes them.
var bills = map[libcnb.SBOMFormat]func(sbom.Inventory) ([]byte, error){
	libcnb.CycloneDXJSON: sbom.Inventory.CycloneDX,
	libcnb.SPDXJSON:      sbom.Inventory.SPDX,
	libcnb.SyftJSON:      sbom.Inventory.Syft,
}

// describe says in the image what it is made of: in bills of materials, which the lifecycle keeps in a layer, and in labels.
func (b *build) describe(p *project, binaries []compile.Binary) error {
	programs, err := p.programs()
	if err != nil {
		return err
	}
	made, err := b.created()
	if err != nil {
		return err
	}
	info := b.context.Buildpack.Info
	inventory, err := sbom.Read(sbom.Input{
		Name: p.modulePath(), Programs: programs, Locked: p.lockedModules(), GoVersion: "go" + p.dist.Version.String(),
		Licence: p.licences(), Created: made, Tool: sbom.Tool{Name: info.ID, Version: info.Version},
	})
	if err != nil {
		return fmt.Errorf("the bill of materials: %w", err)
	}
	for format, write := range bills {
		data, err := write(inventory)
		if err != nil {
			return fmt.Errorf("the bill of materials: %w", err)
		}
		if err := os.WriteFile(b.context.Layers.LaunchSBOMPath(format), data, 0o644); err != nil { // #nosec G306 -- for everybody who has the image
			return err
		}
	}
	return b.label(p, binaries, inventory.Modules())
}

// removeOldBills removes what an earlier build left: libcnb refuses one of a format that this version does not write.
func (b *build) removeOldBills() error {
	old, err := filepath.Glob(filepath.Join(b.context.Layers.Path, "*.sbom.*"))
	for _, file := range old {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// programs are the files of the bin layer.
func (p *project) programs() ([]sbom.Program, error) {
	entries, err := os.ReadDir(p.job.OutDir)
	if err != nil {
		return nil, err
	}
	var programs []sbom.Program
	for _, entry := range entries {
		file := filepath.Join(p.job.OutDir, entry.Name())
		if program, err := elf.Open(file); err != nil {
			continue // built for something else, by the user's own flags
		} else if err := program.Close(); err != nil {
			return nil, err
		}
		programs = append(programs, sbom.Program{File: file, Path: file})
	}
	return programs, nil
}

// lockedModules are the projects of an older tool's lock that the programs have packages of.
func (p *project) lockedModules() []sbom.Module {
	var used []sbom.Module
	for _, project := range p.app.manifest.Projects {
		if p.plan.Imports(project.Path) {
			version := project.Version
			if version == "" {
				version = project.Revision
			}
			used = append(used, sbom.Module{Path: project.Path, Version: version})
		}
	}
	return used
}

// licences returns what finds the directory in which a module has its licence.
func (p *project) licences() func(sbom.Module) string {
	dirs := p.plan.ModuleDirs()
	return func(m sbom.Module) string {
		if dir := dirs[module.Version{Path: m.Path, Version: m.Version}]; dir != "" {
			return dir
		}
		if p.vendor != "" {
			return filepath.Join(p.vendor, filepath.FromSlash(m.Path))
		}
		return ""
	}
}

// created is the time that documents in the image carry, zero for none: SOURCE_DATE_EPOCH.
func (b *build) created() (time.Time, error) {
	text := b.settings.Env["SOURCE_DATE_EPOCH"]
	if text == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s: write seconds since 1970, or unset it", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
