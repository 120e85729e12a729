package deps

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"go/version"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// ModuleApp is an app in module mode: one module, or a workspace of several.
type ModuleApp struct {
	// WorkDir is the directory being built.
	WorkDir string
	// GoMod is the go.mod in effect at WorkDir, "" in a workspace whose root has none.
	GoMod string
	// GoWork is the go.work in effect, "" outside of a workspace.
	GoWork string
	// Uses are the directories of the workspace's modules.
	Uses []string
	// Vendor is the committed vendor directory that belongs to what is built, "" for none.
	Vendor string
	// Path is the module path of GoMod, "" without one.
	Path string
	// Install are the packages that a comment "// +scalingo install" (or heroku) of
	// GoMod names, InstallBy says which.
	Install   []string
	InstallBy string
}

// LoadModules reads the module or workspace that the go command would find from
// workDir, looking no higher than top. gowork is the variable GOWORK: "off", a
// file, which may be relative to workDir, or "".
func LoadModules(top, workDir, gowork string) (ModuleApp, error) {
	app := ModuleApp{WorkDir: workDir, GoMod: findUp(workDir, top, "go.mod")}
	switch {
	case gowork == "off":
	case gowork != "" && gowork != "auto":
		app.GoWork = gowork
		if !filepath.IsAbs(gowork) {
			app.GoWork = filepath.Join(workDir, gowork)
		}
		if !isFile(app.GoWork) {
			return app, fmt.Errorf("GOWORK=%s: there is no such file: correct or unset it", gowork)
		}
	default:
		app.GoWork = findUp(workDir, top, "go.work")
	}
	if app.GoMod != "" {
		data, err := os.ReadFile(app.GoMod)
		if err != nil {
			return app, err
		}
		if err := app.readModule(top, data); err != nil {
			return app, err
		}
	}
	return app.inWorkspace(app.GoWork)
}

// inWorkspace returns the app as part of the workspace of that go.work, "" for none.
func (a ModuleApp) inWorkspace(gowork string) (ModuleApp, error) {
	a.GoWork, a.Uses = gowork, nil
	if gowork != "" {
		uses, err := readUses(gowork)
		if err != nil {
			return a, err
		}
		a.Uses = uses
	}
	a.Vendor = a.findVendor()
	return a, nil
}

// Use returns the app as part of a workspace of the directories dirs
// (BP_GO_WORK_USE), for which a go.work is written to scratch.
func (a ModuleApp) Use(dirs []string, scratch string) (ModuleApp, error) {
	if len(dirs) == 0 {
		return a, nil
	}
	file, err := a.writeWorkspace(scratch, dirs)
	if err != nil {
		return a, err
	}
	return a.inWorkspace(file)
}

var installComment = regexp.MustCompile(`^//\s*\+(scalingo|heroku)\s+install\s+([^\s,].*)$`)

func (a *ModuleApp) readModule(top string, data []byte) error {
	name, err := filepath.Rel(top, a.GoMod)
	if err != nil {
		name = a.GoMod
	}
	file, err := modfile.ParseLax(name, data, nil)
	if err != nil {
		return fmt.Errorf("%w: correct the file, \"go mod edit -fmt\" checks it", err)
	}
	if file.Module == nil {
		return fmt.Errorf("%s has no module line: add \"module example.com/app\" as its first line", name)
	}
	a.Path = file.Module.Mod.Path
	for _, owner := range []string{"scalingo", "heroku"} {
		for _, comment := range toolchain.Comments(file.Syntax) {
			if m := installComment.FindStringSubmatch(comment); m != nil && m[1] == owner && len(a.Install) == 0 {
				a.Install = a.fromWorkDir(strings.FieldsFunc(m[2], func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }))
				a.InstallBy = fmt.Sprintf("%s, // +%s install", name, owner)
			}
		}
	}
	return nil
}

// fromWorkDir returns patterns that were written as seen from the directory of
// go.mod as they are seen from WorkDir. Directories elsewhere are left out.
func (a *ModuleApp) fromWorkDir(patterns []string) []string {
	root := filepath.Dir(a.GoMod)
	if root == a.WorkDir {
		return patterns
	}
	var seen []string
	for _, pattern := range patterns {
		base, _, _ := strings.Cut(pattern, "...")
		if !strings.HasPrefix(pattern, ".") && !isDir(filepath.Join(root, base)) {
			seen = append(seen, pattern) // an import path
			continue
		}
		if rel, err := filepath.Rel(a.WorkDir, filepath.Join(root, pattern)); err == nil && filepath.IsLocal(rel) {
			seen = append(seen, "./"+filepath.ToSlash(rel))
		}
	}
	return seen
}

func parseWork(gowork string) (*modfile.WorkFile, error) {
	data, err := os.ReadFile(gowork)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(filepath.Base(gowork), data, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: correct the file, \"go work edit -fmt\" checks it", err)
	}
	return work, nil
}

func readUses(gowork string) ([]string, error) {
	work, err := parseWork(gowork)
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, use := range work.Use {
		dir := filepath.FromSlash(use.Path)
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(gowork), dir)
		}
		dirs = append(dirs, dir)
	}
	return dirs, nil
}

// workspaceToChange returns the app's go.work without its use lines and with
// absolute replacements, so that it can stand elsewhere, or an empty one.
func (a ModuleApp) workspaceToChange() (*modfile.WorkFile, error) {
	if a.GoWork == "" {
		return &modfile.WorkFile{Syntax: new(modfile.FileSyntax)}, nil
	}
	work, err := parseWork(a.GoWork)
	if err != nil {
		return nil, err
	}
	for _, use := range slices.Clone(work.Use) {
		if err := work.DropUse(use.Path); err != nil {
			return nil, err
		}
	}
	for _, r := range slices.Clone(work.Replace) {
		if r.New.Version == "" && !filepath.IsAbs(r.New.Path) {
			absolute := filepath.Join(filepath.Dir(a.GoWork), filepath.FromSlash(r.New.Path))
			if err := work.AddReplace(r.Old.Path, r.Old.Version, absolute, ""); err != nil {
				return nil, err
			}
		}
	}
	work.DropToolchainStmt() // BP_GO_VERSION or the modules' go lines decide
	work.Cleanup()
	return work, nil
}

// writeWorkspace writes a go.work for the directories use to scratch, with what
// the app's own says of replacements. Its go line is the highest of the
// modules', as the go command demands.
func (a ModuleApp) writeWorkspace(scratch string, use []string) (string, error) {
	work, err := a.workspaceToChange()
	if err != nil {
		return "", err
	}
	workDir, highest := a.WorkDir, ""
	for _, dir := range use {
		rel := filepath.Clean(dir)
		if !filepath.IsLocal(rel) {
			return "", fmt.Errorf("BP_GO_WORK_USE: %s leaves the app: name directories below it, separated by colons", dir)
		}
		file := filepath.Join(workDir, rel, "go.mod")
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("BP_GO_WORK_USE: %s holds no module: %w", dir, err)
		}
		mod, err := modfile.ParseLax(filepath.Join(rel, "go.mod"), data, nil)
		if err != nil {
			return "", fmt.Errorf("%w: correct the file, \"go mod edit -fmt\" checks it", err)
		}
		if mod.Go != nil && newer(mod.Go.Version, highest) {
			highest = mod.Go.Version
		}
		if err := work.AddUse(filepath.Join(workDir, rel), ""); err != nil {
			return "", err
		}
	}
	if highest == "" || newer(toolchain.Since(toolchain.Workspaces).String(), highest) {
		highest = toolchain.Since(toolchain.Workspaces).String()
	}
	if err := work.AddGoStmt(highest); err != nil {
		return "", err
	}
	work.SortBlocks()
	file := filepath.Join(scratch, "workspace", "go.work")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	if sums, err := os.ReadFile(filepath.Join(workDir, "go.work.sum")); err == nil {
		if err := os.WriteFile(file+".sum", sums, 0o600); err != nil {
			return "", err
		}
	}
	return file, os.WriteFile(file, modfile.Format(work.Syntax), 0o600)
}

// newer compares go lines as the go command does, for which 1.21 comes before 1.21rc1 and that before 1.21.0.
func newer(a, b string) bool { return version.Compare("go"+a, "go"+b) > 0 }

// findVendor returns the vendor directory with a modules.txt that was written
// for what is built: for the workspace when there is one (its file begins with
// "## workspace"), else for the module. Other languages use vendor/ too, and a
// module's vendor directory does not serve a workspace.
func (a ModuleApp) findVendor() string {
	root := a.GoMod
	if a.GoWork != "" {
		root = a.GoWork
	}
	if root == "" {
		return ""
	}
	vendor := filepath.Join(filepath.Dir(root), "vendor")
	f, err := os.Open(filepath.Join(vendor, "modules.txt"))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	if !lines.Scan() && lines.Err() != nil {
		return ""
	}
	if forWorkspace(lines.Text()) != (a.GoWork != "") {
		return ""
	}
	return vendor
}

// forWorkspace tells whether the first line of a modules.txt has the annotation "workspace".
func forWorkspace(line string) bool {
	annotations, ok := strings.CutPrefix(line, "## ")
	return ok && slices.ContainsFunc(strings.Split(annotations, ";"), func(a string) bool { return strings.TrimSpace(a) == "workspace" })
}

// Check returns an error when Go v is too old for the app.
func (a ModuleApp) Check(v toolchain.Version) error {
	switch {
	case !v.Has(toolchain.ModuleMode):
		return fmt.Errorf("go %s knows no modules, which came with Go %s: ask for a newer Go, or remove go.mod for a build in a GOPATH",
			v, toolchain.Since(toolchain.ModuleMode))
	case a.GoWork != "" && !v.Has(toolchain.Workspaces):
		return fmt.Errorf("go %s knows no workspaces, which came with Go %s: ask for a newer Go, or set GOWORK=off",
			v, toolchain.Since(toolchain.Workspaces))
	}
	return nil
}

// Mod returns the value of the flag -mod for Go v, "" for none: vendor where
// the vendor directory is used, else what leaves go.mod alone. Go 1.14 and 1.15
// would take any directory vendor/ for the module's, so they are told not to.
func (a ModuleApp) Mod(v toolchain.Version) string {
	switch {
	case a.Vendor != "" && (a.GoWork == "" || v.Has(toolchain.WorkspaceVendor)):
		return "vendor"
	case v.Has(toolchain.ReadOnlyMods):
		return "readonly"
	case v.Has(toolchain.ModMod):
		return "mod"
	default:
		return ""
	}
}

// Patterns are the patterns that match every package to build, for a directory
// given as "./DIR/..." relative to WorkDir. At a workspace's root "./..." fails
// when the root itself is no module, so each module used is named.
func (a ModuleApp) Patterns() ([]string, error) {
	if a.GoWork == "" {
		return []string{"./..."}, nil
	}
	var patterns []string
	for _, dir := range a.Uses {
		rel, err := filepath.Rel(a.WorkDir, dir)
		if err != nil {
			return nil, err
		}
		back, err := filepath.Rel(dir, a.WorkDir)
		switch {
		case err == nil && filepath.IsLocal(back):
			patterns = append(patterns, "./...")
		case filepath.IsLocal(rel):
			patterns = append(patterns, "./"+filepath.ToSlash(rel)+"/...")
		}
	}
	if len(patterns) == 0 {
		return nil, fmt.Errorf("%s uses no module at or below the directory that is built: add one with \"go work use DIR\", or set GOWORK=off", filepath.Base(a.GoWork))
	}
	return patterns, nil
}

// Preserve remembers the app's go.mod, go.sum and go.work.sum and returns a
// function that puts them back as they were: Go up to 1.15 writes the first two,
// a workspace build may write the last.
func (a ModuleApp) Preserve() (restore func() error, err error) {
	var files []string
	if a.GoMod != "" {
		files = append(files, a.GoMod, filepath.Join(filepath.Dir(a.GoMod), "go.sum"))
	}
	if a.GoWork != "" {
		files = append(files, a.GoWork+".sum")
	}
	var puts []func() error
	for _, file := range files {
		before, err := os.ReadFile(file)
		switch {
		case errors.Is(err, os.ErrNotExist):
			puts = append(puts, func() error { return os.RemoveAll(file) })
		case err != nil:
			return nil, err
		default:
			puts = append(puts, func() error { return putBack(file, before) })
		}
	}
	return func() error {
		var errs []error
		for _, put := range puts {
			errs = append(errs, put())
		}
		return errors.Join(errs...)
	}, nil
}

// putBack writes content to file unless it is there already, so that a file that was not touched keeps its time.
func putBack(file string, content []byte) error {
	now, err := os.ReadFile(file)
	if err == nil && bytes.Equal(now, content) {
		return nil
	}
	return os.WriteFile(file, content, 0o644) // #nosec G306 -- a source file, which keeps the mode it has
}
