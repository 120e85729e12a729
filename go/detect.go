package golang

import (
	"fmt"
	"io"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// planEntry is the name that buildpacks give to Go in the build plan.
const planEntry = "go"

// requiredBy marks the requirement that is this buildpack's own.
const requiredBy = "required-by"

// Buildpack detects and builds Go apps. Its fields are what it needs of the world.
type Buildpack struct {
	// Environ is the environment, as os.Environ returns it.
	Environ []string
	// DefaultProxies is the go command's own default of GOPROXY, known when the buildpack is compiled.
	DefaultProxies string
	// Out receives the log.
	Out io.Writer
}

// Detect tells whether the app is a Go app. A Go app provides and requires Go.
// Anything else only offers Go to other buildpacks: the lifecycle then fails
// this buildpack unless one of them requires it. The error is for what cannot
// be read and for a BP_GO_WORKDIR that is wrong.
func (b Buildpack) Detect(context libcnb.DetectContext) (libcnb.DetectResult, error) {
	settings, err := ReadSettings(context.ApplicationPath, b.Environ, context.Buildpack.Metadata, b.DefaultProxies)
	if err != nil {
		return libcnb.DetectResult{}, err
	}
	found, ok, err := settings.detect(context.ApplicationPath)
	if err != nil {
		return libcnb.DetectResult{}, fmt.Errorf("the app cannot be read: %w", err)
	}
	provides := libcnb.BuildPlan{Provides: []libcnb.BuildPlanProvide{{Name: planEntry}}}
	if !ok {
		_, _ = fmt.Fprintf(b.Out, "No Go app here. Looked for: %s.\nThe app's directory holds: %s.\n"+
			"Is it a Go app? Run \"go mod init\" in it, or set BP_GO_WORKDIR to the directory that has the go.mod.\n",
			deps.LookedFor(), deps.Listing(settings.WorkDir))
		if settings.WorkDir != context.ApplicationPath {
			return libcnb.DetectResult{}, nil // the user said where the Go app is, and it is not
		}
		return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{provides}}, nil
	}
	metadata := map[string]any{requiredBy: context.Buildpack.Info.ID}
	// What is wrong with a version or a file is said during the build, where the user sees it.
	if app, err := settings.read(context.ApplicationPath, found.Tool); err == nil && len(settings.WorkUse) == 0 {
		if sources, err := settings.goSources(context.ApplicationPath, app, context.Buildpack.Metadata); err == nil {
			metadata["version"], metadata["version-source"] = sources[0].Text, sources[0].Name
		}
	}
	provides.Requires = []libcnb.BuildPlanRequire{{Name: planEntry, Metadata: metadata}}
	return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{provides}}, nil
}

// detect names the app's dependency tool. A workspace that the user asks for
// makes an app of modules out of any directory.
func (s Settings) detect(appDir string) (found deps.Found, ok bool, err error) {
	found, ok, err = deps.Detect(appDir, s.WorkDir)
	if len(s.WorkUse) > 0 && err == nil && found.Tool != deps.Modules {
		return deps.Found{Tool: deps.Modules, By: "BP_GO_WORK_USE"}, true, nil
	}
	return found, ok, err
}

// app is what an app's own files say.
type app struct {
	tool deps.Tool
	// modules is the module or workspace, manifest what the files of another tool say.
	modules  deps.ModuleApp
	manifest deps.Manifest
}

// read reads the app's files, as they are found.
func (s Settings) read(appDir string, tool deps.Tool) (app, error) {
	a := app{tool: tool, modules: deps.ModuleApp{WorkDir: s.WorkDir}}
	var err error
	switch {
	case tool == deps.Modules:
		a.modules, err = deps.LoadModules(appDir, s.WorkDir, s.Env["GOWORK"])
	case tool.Legacy():
		a.manifest, err = deps.ReadManifest(tool, s.WorkDir, deps.Options{GlideSkipInstall: s.GlideSkipInstall})
	}
	return a, err
}

// toolAbove returns the file of an older tool in the app's root, where the
// directory that is built has none of its own and would be a part of that app: "" for none.
func (s Settings) toolAbove(appDir string, found deps.Found) string {
	if found.Tool != deps.None || s.WorkDir == appDir {
		return ""
	}
	above, ok, err := deps.Detect(appDir, appDir)
	if err != nil || !ok || !above.Tool.Legacy() {
		return ""
	}
	return above.By
}

// unlocked tells whether the app's tool knows no lock: its imports are then fetched at their latest.
func (a app) unlocked() bool { return a.tool == deps.Godir && a.manifest.AsIs == "" }

// fetches tells whether what a lock names may have to be fetched.
func (a app) fetches() bool { return len(a.manifest.Projects) > 0 && a.manifest.AsIs == "" }

// goSources returns what says which Go to use, the winner first.
func (s Settings) goSources(appDir string, a app, metadata map[string]any) ([]toolchain.Source, error) {
	kind := "modules"
	if a.tool.Legacy() && !a.unlocked() {
		kind = "legacy"
	}
	generated := ""
	if a.modules.GoWork != "" && len(s.WorkUse) > 0 {
		generated = "BP_GO_WORK_USE"
	}
	var byTool *toolchain.Source
	if said := a.manifest.GoVersion; said.Text != "" {
		spec, err := toolchain.ParseSpec(said.Text)
		byTool = &toolchain.Source{Name: said.By, Text: said.Text, Spec: spec, Err: err}
	}
	return toolchain.Sources(toolchain.Inputs{
		GoWorkName: generated, BPGoVersion: s.BPGoVersion, GoVersion: s.GoVersion, AppDir: appDir, WorkDir: s.WorkDir,
		GoMod: a.modules.GoMod, GoWork: a.modules.GoWork, Tool: byTool, Default: defaultVersion(metadata, kind),
	})
}
