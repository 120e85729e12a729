package golang

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/launch"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// addExtras adds what apps from before modules asked the classic buildpacks for: more programs, and Go, a GOPATH or
// more than one CPU in the image.
func (b *build) addExtras(ctx context.Context, p *project) error {
	if b.settings.GoInImage {
		b.Headerf("Go %s is in the image, on PATH (GO_INSTALL_TOOLS_IN_IMAGE)", p.dist.Version)
	}
	if err := p.buildTools(ctx); err != nil {
		return err
	}
	if b.settings.GOPATHInImage {
		if err := p.setUpGOPATH(); err != nil {
			return err
		}
	}
	if !p.dist.Version.Has(toolchain.AllCPUs) {
		return b.addHelper()
	}
	return nil
}

// buildTools builds the additional tools, or takes them from an earlier build.
func (p *project) buildTools(ctx context.Context) error {
	b := p.build
	if len(p.app.manifest.AdditionalTools) == 0 {
		return nil
	}
	done := b.step("Additional tools")
	cache, err := buildcache.Open(b.context.Layers, "tools", map[string]string{"format": "raw-1"})
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, text := range p.app.manifest.AdditionalTools {
		tool, err := deps.ParseTool(text)
		if err != nil {
			return err
		}
		file := filepath.Join(cache.Dir(), tool.Name+"@"+tool.Version)
		wanted[filepath.Base(file)] = true
		from := "from an earlier build"
		if _, err := os.Stat(file); err != nil {
			modern, err := p.dist.room.findCompiler(ctx)
			if err != nil {
				return err
			}
			if err := tool.Build(modern, b.settings.forModern(p.job.Env, modern), b.scratch, file); err != nil {
				return err
			}
			from = "built with Go " + modern.Version.String()
		}
		b.Bodyf("%s %s, %s", tool.Name, tool.Version, from)
		if err := copyProgram(file, filepath.Join(p.job.OutDir, tool.Name)); err != nil {
			return err
		}
		p.tools = append(p.tools, tool.Name)
	}
	if err := removeOthers(cache.Dir(), wanted); err != nil {
		return err
	}
	p.caches = append(p.caches, cache)
	done()
	return nil
}

// removeOthers removes the files of dir that are not wanted.
func removeOthers(dir string, wanted map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !wanted[entry.Name()] {
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyProgram copies an executable file to a new one.
func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755) // #nosec G302 -- a program
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// staysInRoot are what GO_SETUP_GOPATH_IN_IMAGE leaves in the app's root: what a platform looks for there.
var staysInRoot = []string{"bin", "Procfile", ".profile.d", ".profile"}

// setUpGOPATH moves the source to src/IMPORTPATH in the app and makes the app's
// root the GOPATH of the image, for programs that read their source or run the go command.
func (p *project) setUpGOPATH() error {
	b := p.build
	top := b.context.ApplicationPath
	environment := &p.binLayer.LaunchEnvironment
	switch {
	case p.app.tool == deps.GB:
		environment.Override("GOPATH", top+string(filepath.ListSeparator)+filepath.Join(top, "vendor"))
		b.Header("GOPATH in the image: the app's root and its vendor directory (GO_SETUP_GOPATH_IN_IMAGE)")
		return nil
	case p.job.Modules:
		b.Header("GO_SETUP_GOPATH_IN_IMAGE is not used: the app is built with modules")
		return nil
	}
	// The source moves aside first: the app may have a directory src of its own.
	aside, err := os.MkdirTemp(top, ".gopath-")
	if err != nil {
		return err
	}
	source := filepath.Join(top, "src", filepath.FromSlash(p.importPath))
	if err := moveEntries(b.settings.WorkDir, aside, append(slices.Clone(staysInRoot), filepath.Base(aside))); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
		return err
	}
	if err := os.Rename(aside, source); err != nil {
		return err
	}
	if err := os.Chmod(source, 0o755); err != nil { // #nosec G302 -- a directory of the app, to be read by its user
		return err
	}
	if p.locked.fetched {
		vendor := filepath.Join(source, "vendor")
		if err := buildcache.Remove(vendor); err != nil {
			return err
		}
		if err := deps.CopyTree(p.vendor, vendor); err != nil {
			return err
		}
	}
	environment.Override("GOPATH", top)
	p.startDir = source
	b.Headerf("GOPATH in the image: the app's root, its source is in src/%s (GO_SETUP_GOPATH_IN_IMAGE)", p.importPath)
	return nil
}

func moveEntries(from, to string, but []string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if slices.Contains(but, entry.Name()) {
			continue
		}
		if err := os.Rename(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// helperLayer is the layer with the program that runs before the app's processes.
const helperLayer = "helper"

// addHelper puts the launch-time program into the image.
func (b *build) addHelper() error {
	layer, err := b.context.Layers.Layer(helperLayer)
	if err != nil {
		return err
	}
	layer.Metadata = map[string]any{"version": b.context.Buildpack.Info.Version}
	layer.LayerTypes = libcnb.LayerTypes{Launch: true}
	if err := buildcache.Remove(layer.Path); err != nil {
		return err
	}
	if err := copyProgram(filepath.Join(b.context.Buildpack.Path, "bin", "helper"), layer.Exec.FilePath(launch.ExecD)); err != nil {
		return err
	}
	b.result.Layers = append(b.result.Layers, layer)
	return nil
}
