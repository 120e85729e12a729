package golang

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/mod/module"

	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/sbom"
	"github.com/Scalingo/go-cnb/go/toolchain"
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
	info := b.context.Buildpack.Info
	inventory, err := sbom.Read(sbom.Input{
		Name: p.modulePath(), Programs: programs, Locked: p.lockedModules(), GoVersion: "go" + p.dist.Version.String(),
		Licences: p.licences, Created: b.settings.SourceDate, Tool: sbom.Tool{Name: info.ID, Version: info.Version},
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

// lockedModules are the dependencies for programs that do not say themselves what they contain: the
// projects of an older tool's lock that they have packages of, and the modules where Go is older than 1.13.
func (p *project) lockedModules() []sbom.Module {
	var used []sbom.Module
	if p.job.Modules {
		if !p.dist.Version.Has(toolchain.TrimPath) {
			for v := range p.plan.ModuleDirs() {
				if v.Path != p.modulePath() {
					used = append(used, sbom.Module{Path: v.Path, Version: v.Version})
				}
			}
		}
		return used
	}
	for _, project := range p.app.manifest.Projects {
		if p.plan.Imports(project.Path) {
			used = append(used, sbom.Module{Path: project.Path, Version: cmp.Or(project.Version, project.Revision)})
		}
	}
	return used
}

// findLicences reads the licences of the modules while the program is linked, which leaves a CPU to do it.
func (p *project) findLicences() {
	dirs, found := p.plan.ModuleDirs(), map[string][]string{}
	p.licencesRead = p.build.beside(func() error {
		if err := p.awaitSources(); err != nil {
			return err
		}
		for _, dir := range dirs {
			found[dir] = sbom.Licences(dir)
		}
		return nil
	})
	p.licences = func(m sbom.Module) []string {
		_ = p.licencesRead() // the build has had the error of what it waits for
		if dir := dirs[module.Version{Path: m.Path, Version: m.Version}]; dir != "" {
			return found[dir]
		}
		if p.vendor != "" {
			return sbom.Licences(filepath.Join(p.vendor, filepath.FromSlash(m.Path)))
		}
		return nil
	}
}
