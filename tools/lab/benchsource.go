package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	gobuild "go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// defaultApp is a large app that everybody can get, with changes that fit it: a package of a module that it requires
// anyway, and a newer release of a module that much of it is built on.
var defaultApp = struct{ app, target, imported, upgrade string }{
	app:      "github.com/caddyserver/caddy/v2@v2.11.9",
	target:   "./cmd/caddy",
	imported: "golang.org/x/net/websocket",
	upgrade:  "github.com/klauspost/compress@v1.20.3",
}

// benchSource is the app that is built, and what is changed in it.
type benchSource struct {
	label             string // what it is, without any path of this machine
	target            string
	edit              string // file that is edited
	imported, upgrade string
	goVersion, goNext string

	scratch  string
	app      string // directory with the unchanged source
	upgraded string // directory with go.mod and go.sum after the upgrade
	scenario map[string]bool
}

// benchChange is source to build once.
type benchChange struct {
	scenario  string
	dir       string
	goVersion string
	remove    func()
}

// openBenchSource gets the app and finds out what can be changed in it. Of what the options ask for, what does not fit
// is an error; what was not said, and cannot be guessed for the app, is skipped.
func openBenchSource(ctx context.Context, scratch string, options *benchOptions, skip func(string, ...any)) (*benchSource, error) {
	s := &benchSource{
		target: options.target, edit: options.edit, imported: options.imported, upgrade: options.upgrade,
		scratch: scratch, app: filepath.Join(scratch, "app"), scenario: map[string]bool{scenarioCold: true, scenarioNoChange: true},
	}
	if options.app == defaultApp.app {
		for _, setting := range []struct {
			value *string
			usual string
		}{{&s.target, defaultApp.target}, {&s.imported, defaultApp.imported}, {&s.upgrade, defaultApp.upgrade}} {
			if *setting.value == "" {
				*setting.value = setting.usual
			}
		}
	}
	if s.target == "" {
		s.target = "."
	}
	if err := s.fetch(ctx, options.app); err != nil {
		return nil, fmt.Errorf("app %s: %w", options.app, err)
	}
	asked := func(scenario string) bool { return slices.Contains(options.only, scenario) }
	for _, prepare := range []struct {
		scenario string
		run      func() error
	}{
		{scenarioUpgrade, func() error { return s.prepareUpgrade(ctx, asked(scenarioUpgrade), skip) }},
		{scenarioEdit, func() error { return s.prepareEdit() }},
		{scenarioImport, func() error { return s.prepareImport(ctx, asked(scenarioImport), skip) }},
		{scenarioGoPatch, func() error { return s.prepareGo(ctx, options.goVersions, asked(scenarioGoPatch), skip) }},
	} {
		if err := prepare.run(); err != nil {
			return nil, fmt.Errorf("%s: %w", prepare.scenario, err)
		}
	}
	return s, nil
}

// has tells whether a scenario can be measured with this app.
func (s *benchSource) has(scenario string) bool { return s.scenario[scenario] }

// fetch copies the app, which stays as it is: a copy can be written to.
func (s *benchSource) fetch(ctx context.Context, app string) error {
	if info, err := os.Stat(app); err == nil && info.IsDir() {
		absolute, err := filepath.Abs(app)
		if err != nil {
			return err
		}
		s.label = filepath.Base(absolute)
		return copyTree(absolute, s.app, nil)
	}
	if !strings.Contains(app, "@") {
		return errors.New("there is no such directory, and a module to download is written MODULE@VERSION")
	}
	s.label = app
	output, err := goOutput(ctx, s.scratch, "mod", "download", "-json", app)
	var module struct{ Dir, Error string }
	if jsonErr := json.Unmarshal([]byte(output), &module); err == nil && jsonErr != nil {
		return jsonErr
	}
	if err != nil || module.Error != "" {
		return fmt.Errorf("download: %w %s", err, module.Error)
	}
	return copyTree(module.Dir, s.app, nil)
}

// prepareEdit finds a file to edit: the target's main.go, or the first of its files.
func (s *benchSource) prepareEdit() error {
	if s.edit == "" {
		main, err := gobuild.ImportDir(filepath.Join(s.app, s.target), 0)
		if err != nil {
			return fmt.Errorf("target %s: %w; name a file with --edit", s.target, err)
		}
		file := main.GoFiles[0]
		if slices.Contains(main.GoFiles, "main.go") {
			file = "main.go"
		}
		s.edit = filepath.Join(s.target, file)
	}
	s.edit = filepath.Clean(s.edit)
	if !filepath.IsLocal(s.edit) {
		return fmt.Errorf("--edit %s: name a file of the app, relative to its root", s.edit)
	}
	if _, err := packageName(filepath.Join(s.app, s.edit)); err != nil {
		return err
	}
	s.scenario[scenarioEdit] = true
	return nil
}

// prepareImport makes sure that the additional package is new to the build, and needs no new module.
func (s *benchSource) prepareImport(ctx context.Context, asked bool, skip func(string, ...any)) error {
	if !asked || s.imported == "" {
		if asked {
			skip("%s: for this app no package is known: name one with --import", scenarioImport)
		}
		s.imported = ""
		return nil
	}
	packages, err := goOutput(ctx, s.app, "list", "-mod=readonly", "-deps", s.target)
	if err != nil {
		return err
	}
	if slices.Contains(strings.Fields(packages), s.imported) {
		return fmt.Errorf("%s is in the build already: name another package with --import", s.imported)
	}
	if _, err := goOutput(ctx, s.app, "list", "-mod=readonly", "-deps", s.imported); err != nil {
		return fmt.Errorf("%s is of no module that go.mod and go.sum have: %w", s.imported, err)
	}
	s.scenario[scenarioImport] = true
	return nil
}

// prepareUpgrade lets the go command write go.mod and go.sum of both sides.
func (s *benchSource) prepareUpgrade(ctx context.Context, asked bool, skip func(string, ...any)) error {
	_, vendored := os.Stat(filepath.Join(s.app, "vendor"))
	if !asked || s.upgrade == "" || vendored == nil {
		switch {
		case asked && s.upgrade == "":
			skip("%s: for this app no module is known: name one with --upgrade", scenarioUpgrade)
		case asked:
			skip("%s: the app has a vendor directory", scenarioUpgrade)
		}
		s.upgrade = ""
		return nil
	}
	module, before, after, err := parseUpgrade(s.upgrade)
	if err != nil {
		return err
	}
	if before != "" {
		if err := goGet(ctx, s.app, module+"@"+before, s.target); err != nil {
			return err
		}
	}
	if before, err = goOutput(ctx, s.app, "list", "-mod=readonly", "-m", "-f", "{{.Version}}", module); err != nil {
		return err
	}
	if before == after {
		return fmt.Errorf("--upgrade: the app has %s@%s already", module, after)
	}
	s.upgrade = module + "@" + before + ".." + after
	s.upgraded = filepath.Join(s.scratch, "upgraded")
	if err := copyTree(s.app, s.upgraded, nil); err != nil {
		return err
	}
	s.scenario[scenarioUpgrade] = true
	return goGet(ctx, s.upgraded, module+"@"+after, s.target)
}

// parseUpgrade reads MODULE@NEW or MODULE@OLD..NEW.
func parseUpgrade(text string) (module, before, after string, err error) {
	module, versions, ok := strings.Cut(text, "@")
	if before, after, ok = cutVersions(versions, ok); !ok || module == "" || after == "" {
		return "", "", "", fmt.Errorf("--upgrade %q: write MODULE@NEW or MODULE@OLD..NEW", text)
	}
	return module, before, after, nil
}

func cutVersions(versions string, ok bool) (before, after string, okay bool) {
	before, after, both := strings.Cut(versions, "..")
	if !both {
		return "", versions, ok
	}
	return before, after, ok && before != ""
}

// goGet changes a version, and makes sure that the app can be built without a change to go.mod then.
func goGet(ctx context.Context, dir, query, target string) error {
	if _, err := goOutput(ctx, dir, "get", query); err != nil {
		return err
	}
	_, err := goOutput(ctx, dir, "list", "-mod=readonly", "-deps", target)
	return err
}

// change lays out source with one change; number tells it from all others.
func (s *benchSource) change(scenario string, number int) (benchChange, error) {
	c := benchChange{scenario: scenario, goVersion: s.goVersion}
	holder, err := os.MkdirTemp(s.scratch, "change-")
	if err != nil {
		return c, err
	}
	c.dir = filepath.Join(holder, "app")
	c.remove = func() { _ = removeTree(holder) }
	if err := s.lay(c.dir, scenario, number); err != nil {
		c.remove()
		return c, fmt.Errorf("%s: %w", scenario, err)
	}
	if scenario == scenarioGoPatch {
		c.goVersion = s.goNext
	}
	return c, nil
}

func (s *benchSource) lay(dir, scenario string, number int) error {
	if err := copyTree(s.app, dir, nil); err != nil {
		return err
	}
	switch scenario {
	case scenarioEdit:
		return appendTo(filepath.Join(dir, s.edit), editOf(number))
	case scenarioImport:
		name, err := packageName(filepath.Join(dir, s.edit))
		if err != nil {
			return err
		}
		text := fmt.Sprintf("package %s\n\nimport _ %q\n", name, s.imported)
		return os.WriteFile(filepath.Join(dir, filepath.Dir(s.edit), "bench_import.go"), []byte(text), 0o644)
	case scenarioUpgrade:
		for _, file := range []string{"go.mod", "go.sum"} {
			if err := copyFile(filepath.Join(s.upgraded, file), filepath.Join(dir, file), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// editOf is code that no linker can leave out, and that is not twice the same.
func editOf(number int) string {
	return fmt.Sprintf("\nvar benchEdit string\n\nfunc init() { benchEdit = \"edit %d\" }\n", number)
}

func packageName(file string) (string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
	if err != nil {
		return "", err
	}
	return parsed.Name.Name, nil
}
