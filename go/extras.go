package golang

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/buildcache"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/launch/limits"
	"github.com/Scalingo/go-cnb/go/launch/line"
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
	if err := b.link(p, p.tools); err != nil {
		return err
	}
	if b.settings.GOPATHInImage {
		if err := p.setUpGOPATH(); err != nil {
			return err
		}
	}
	return b.addHelper(p.dist.Version)
}

// buildTools builds the additional tools, or takes them from an earlier build.
func (p *project) buildTools(ctx context.Context) error {
	b := p.build
	if len(p.app.manifest.AdditionalTools) == 0 {
		return nil
	}
	done := b.step("Additional tools")
	goos, goarch := b.target()
	cache, err := p.openFolder("tools", map[string]string{"target": goos + "/" + goarch})
	if err != nil {
		return err
	}
	if err := cache.Unpack(cache.dir, nil); err != nil {
		return err
	}
	if err := os.MkdirAll(cache.dir, 0o755); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, text := range p.app.manifest.AdditionalTools {
		tool, err := deps.ParseTool(text)
		if err != nil {
			return err
		}
		file := filepath.Join(cache.dir, url.PathEscape(tool.Package)+"@"+tool.Version)
		wanted[filepath.Base(file)] = true
		program := filepath.Join(p.job.OutDir, tool.Name)
		if _, err := os.Lstat(program); err == nil {
			return fmt.Errorf("additional tool %s: there is a program %s already, of the app or of another tool: remove one", text, tool.Name)
		}
		from := "from an earlier build"
		if _, err := os.Stat(file); err != nil || tool.Version == "latest" {
			modern, err := p.dist.room.findCompiler(ctx)
			if err != nil {
				return err
			}
			if err := tool.Build(modern, b.settings.forModern(p.job.Env, modern), b.scratch, file); err != nil {
				return p.refused(err)
			}
			from = "built with Go " + modern.Version.String()
		}
		b.Bodyf("%s %s, %s", tool.Name, tool.Version, from)
		if err := copyProgram(file, program); err != nil {
			return err
		}
		p.tools = append(p.tools, tool.Name)
	}
	if err := removeOthers(cache.dir, wanted); err != nil {
		return err
	}
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
// root the GOPATH of the image, for programs that read their source or run the go
// command. The source of a gb app lies in a GOPATH already.
func (p *project) setUpGOPATH() error {
	b := p.build
	top, workDir := b.context.ApplicationPath, b.settings.WorkDir
	if p.job.Modules {
		b.Header("GO_SETUP_GOPATH_IN_IMAGE is not used: the app is built with modules")
		return nil
	}
	var gopath []string
	var vendor, what string
	if p.app.tool == deps.GB {
		gopath, vendor = []string{workDir, filepath.Join(workDir, "vendor")}, filepath.Join(workDir, "vendor", "src")
		what = cmp.Or(b.settings.Env["BP_GO_WORKDIR"], "the app's root") + " and its vendor directory"
	} else {
		source := filepath.Join(top, "src", filepath.FromSlash(p.importPath))
		if err := moveSource(top, workDir, source); err != nil {
			return fmt.Errorf("GO_SETUP_GOPATH_IN_IMAGE: %w", err)
		}
		gopath, vendor = []string{top}, filepath.Join(source, "vendor")
		if workspace := filepath.Join(source, "Godeps", "_workspace"); isDir(workspace) {
			gopath = append(gopath, workspace)
		}
		p.startDir = source
		what = "the app's root, its source is in src/" + p.importPath
	}
	if p.locked.fetched {
		if err := buildcache.Remove(vendor); err != nil {
			return err
		}
		// Copies: what changes files of the image must not change the cache.
		if err := os.CopyFS(vendor, os.DirFS(p.vendor)); err != nil {
			return err
		}
	}
	p.binLayer.LaunchEnvironment.Override("GOPATH", strings.Join(gopath, string(filepath.ListSeparator)))
	b.Headerf("GOPATH in the image: %s (GO_SETUP_GOPATH_IN_IMAGE)", what)
	return nil
}

// moveSource moves the app's code from workDir to source, both at or below top.
// The app's bin/ stays, and is found from the source too.
func moveSource(top, workDir, source string) error {
	if workDir == source {
		return nil
	}
	root, err := os.OpenRoot(top) // a link of the app must not lead the source out of it
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	rel, err := filepath.Rel(top, source)
	if err != nil {
		return err
	}
	if _, err := root.Lstat(rel); err == nil && workDir != top {
		return fmt.Errorf("%s is there already, so that the source of %s cannot go there: rename it, or unset the variable", rel, workDir)
	}
	// The source moves aside first: the app may have a directory src of its own.
	aside, err := os.MkdirTemp(top, ".gopath-")
	if err != nil {
		return err
	}
	if err := moveEntries(workDir, aside, append(slices.Clone(staysInRoot), filepath.Base(aside))); err != nil {
		return err
	}
	if err := root.MkdirAll(filepath.Dir(rel), 0o755); err != nil {
		return err
	}
	if err := root.Rename(filepath.Base(aside), rel); err != nil {
		return err
	}
	if err := root.Chmod(rel, 0o755); err != nil {
		return err
	}
	bin, err := filepath.Rel(source, filepath.Join(workDir, "bin"))
	if err != nil {
		return err
	}
	return root.Symlink(bin, filepath.Join(rel, "bin"))
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

// helperLayer is the layer with the program that runs before the app's processes, and for those that need a shell.
const helperLayer = "helper"

// shellPath is the launch-time program under the name that runs the Procfile's lines.
func (b *build) shellPath() string {
	return filepath.Join(b.context.Layers.Path, helperLayer, line.Shell)
}

// addHelper puts the launch-time program into the image. Which limits it tells depends on the image's Go.
func (b *build) addHelper(version toolchain.Version) error {
	layer, err := b.context.Layers.Layer(helperLayer)
	if err != nil {
		return err
	}
	layer.Metadata = map[string]any{"version": b.context.Buildpack.Info.Version}
	layer.LayerTypes = libcnb.LayerTypes{Launch: true}
	if err := buildcache.Remove(layer.Path); err != nil {
		return err
	}
	if err := copyProgram(filepath.Join(b.context.Buildpack.Path, "bin", "helper"), b.shellPath()); err != nil {
		return err
	}
	name := limits.ExecD
	switch {
	case !version.Has(toolchain.AllCPUs):
		name = limits.ExecDAllCPUs
	case !version.Has(toolchain.CPUQuota):
		name = limits.ExecDQuota
	}
	execD := layer.Exec.FilePath(name)
	if err := os.MkdirAll(filepath.Dir(execD), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join("..", line.Shell), execD); err != nil {
		return err
	}
	b.result.Layers = append(b.result.Layers, layer)
	return nil
}
