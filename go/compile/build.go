// Package compile finds the programs of an app and builds them with one go command.
package compile

import (
	"cmp"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"mvdan.cc/sh/v3/syntax"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Job is everything a build rests on. The environment is complete: the go
// command sees nothing else.
type Job struct {
	Go toolchain.Go
	// Dir is the directory to build: the app's, or its copy in a scratch GOPATH.
	Dir string
	Env []string
	// Modules tells module mode from GOPATH mode; Mod is then the value of -mod, "" for the go command's own choice.
	Modules bool
	Mod     string
	Flags   Flags
	// Targets are what the user named; Everything are the patterns to look through when nothing is named.
	Targets    Targets
	Everything []string
	// CgoEnabled, CC and Path are the variables CGO_ENABLED, CC and PATH; Cross tells that the target is another machine than this.
	CgoEnabled, CC, Path string
	Cross                bool
	// ImportDirs are directories below Dir, slash-separated, under which import
	// paths lie, where the go command does not look for what it is told to build: vendor, and src of gb.
	ImportDirs []string
	// Missing is what to do about a package that is not there, "" for the usual advice.
	Missing string
	// Explain says what to do about what the go command printed where it knows
	// more than this package, "" where it does not. It may be nil.
	Explain func(output string) string
	// Stamp tells whether the version control state may be stamped into the binaries.
	Stamp bool
	// OutDir is where the binaries go.
	OutDir string
	// Listings are what earlier builds listed, nil for nothing.
	Listings *Listings
	// Output receives what the go command prints, line by line.
	Output io.Writer
}

// Plan is a build that is ready to run: all dependencies are there.
type Plan struct {
	job      Job
	mains    []Package
	all      []Package
	env      []string
	words    []word
	compiler string
	// one tells that each program needs a go command of its own.
	one bool

	// Cgo is the decision on cgo.
	Cgo Cgo
	// Modules is the number of modules that packages come from, the app's own not counted.
	Modules int
	// Downloads is the number of modules that had to be fetched.
	Downloads int
}

// Binary is a program that was built.
type Binary struct {
	// Name is the file's name, as the go command chose it.
	Name string
	// Package is the package as its author would write it, a directory or an import path.
	Package string
	// Size is in bytes.
	Size int64
	// Interpreter is the dynamic loader that the program needs, "" for a static program.
	Interpreter string
	// Libraries are the shared libraries that it names, such as libc.so.6.
	Libraries []string
}

// Prepare finds the programs, fetches what they depend on and decides how to
// build. Everything that a user can have got wrong about targets ends here.
func (j Job) Prepare() (Plan, error) {
	plan := Plan{job: j, compiler: findCompiler(j.CC, j.Path)}
	if j.Cross && j.CC == "" {
		plan.compiler = "" // the local gcc makes programs for this machine only
	}
	output := &downloadCounter{out: j.Output}
	defer output.flush()
	list := lister{tool: j.Go, dir: j.Dir, env: append(slices.Clip(j.Env), "CGO_ENABLED="+j.listCgo()), flags: args(j.selection(nil)), stderr: output, listings: j.Listings}
	mains, all, err := j.Targets.find(list, j.Everything, j.ImportDirs)
	plan.Downloads = output.count
	if err != nil {
		return plan, j.explain(err, output.text.String())
	}
	plan.mains, plan.all, plan.Modules = mains, all, countModules(all)
	plan.Cgo, err = decideCgo(cgoInput{
		userValue: j.CgoEnabled, flags: j.Flags, packages: all, compiler: plan.compiler,
		buildsWithout: func(packages []string) ([]string, error) {
			list.env = append(slices.Clip(j.Env), "CGO_ENABLED=0")
			return emptyWithoutCgo(list, packages)
		},
	})
	if err != nil {
		return plan, err
	}
	if chosen := plan.Cgo; chosen.Enabled != (j.listCgo() == "1") || len(chosen.Tags) > 0 {
		list.env, list.flags = append(slices.Clip(j.Env), "CGO_ENABLED="+chosen.Value()), args(j.selection(chosen.Tags))
		if err := plan.addPackages(list); err != nil {
			return plan, j.explain(err, output.text.String())
		}
		plan.Downloads = output.count
	}
	plan.command()
	return plan, nil
}

// addPackages adds those that the programs consist of, with the decision on cgo, besides those that are known.
func (p *Plan) addPackages(list lister) error {
	if more, err := list.dependsOnCgo(p.all, p.job.constraints(p.Cgo)); err != nil || !more {
		return err
	}
	var programs []string
	known := map[string]bool{}
	for _, main := range p.mains {
		programs = append(programs, main.argument(p.job.Dir))
	}
	for _, q := range p.all {
		known[q.ImportPath] = true
	}
	packages, err := list.deep(programs)
	p.all = slices.Concat(p.all, slices.DeleteFunc(packages, func(q Package) bool { return known[q.ImportPath] }))
	p.Modules = countModules(p.all)
	return err
}

// listCgo is CGO_ENABLED for finding packages: what the user says, else on, since
// the go command hides with cgo off which packages use it.
func (j Job) listCgo() string {
	if j.CgoEnabled == "0" {
		return "0"
	}
	return "1"
}

// emptyWithoutCgo returns those of the packages that have no Go file left when cgo is off.
func emptyWithoutCgo(l lister, packages []string) ([]string, error) {
	without, err := l.shallow(packages)
	if err != nil {
		return nil, err
	}
	var empty []string
	for _, p := range without {
		if len(p.GoFiles) == 0 {
			empty = append(empty, p.ImportPath)
		}
	}
	return empty, nil
}

// Programs are the names of the programs that will be built.
func (p Plan) Programs() []string {
	var names []string
	for _, main := range p.mains {
		names = append(names, main.Binary())
	}
	return names
}

// Dependency is a package of another module than the app's own.
type Dependency struct {
	// Dir is the directory of the package, Module that of its module, "" for a vendored one.
	Dir, Module string
	// Cgo tells that a C compiler reads the package.
	Cgo bool
}

// Dependencies are the packages of other modules that the programs consist of.
func (p Plan) Dependencies() []Dependency {
	var found []Dependency
	for _, q := range p.all {
		if q.Module != nil && !q.Module.Main {
			found = append(found, Dependency{
				Dir: q.Dir, Module: q.Module.Dir, Cgo: len(q.CgoFiles)+len(q.SwigFiles)+len(q.SwigCXXFiles) > 0,
			})
		}
	}
	return found
}

// Imports tells whether the programs have a package of the given import path, or one below it,
// that is not the app's own.
func (p Plan) Imports(path string) bool {
	return slices.ContainsFunc(p.all, func(q Package) bool {
		_, vendored, ok := strings.Cut("/"+q.ImportPath, "/vendor/")
		if !ok {
			vendored = q.ImportPath
		}
		return vendored == path || strings.HasPrefix(vendored, path+"/")
	})
}

// ModuleDirs are the directories of the modules that the programs consist of, as the build info of a program names
// them: by what replaces a module, and without version where it comes from a directory.
func (p Plan) ModuleDirs() map[module.Version]string {
	dirs := map[module.Version]string{}
	for _, q := range p.all {
		if q.Module == nil {
			continue
		}
		linked := module.Version{Path: q.Module.Path, Version: q.Module.Version}
		switch r := q.Module.Replace; {
		case q.Module.Main || r != nil && r.Version == "":
			linked.Version = ""
		case r != nil:
			linked = module.Version{Path: r.Path, Version: r.Version}
		}
		dirs[linked] = cmp.Or(q.Module.Dir, strings.TrimSuffix(q.Dir, strings.TrimPrefix(q.ImportPath, q.Module.Path))) // vendored ones have none
	}
	return dirs
}

// To returns the plan with another receiver of what the go command prints.
func (p Plan) To(output io.Writer) Plan {
	p.job.Output = output
	return p
}

func countModules(packages []Package) int {
	seen := map[string]bool{}
	for _, p := range packages {
		if p.Module != nil && !p.Module.Main {
			seen[p.Module.Path] = true
		}
	}
	return len(seen)
}

// selection are the flags that decide which files and packages belong to the build.
func (j Job) selection(tags []string) []word {
	separator := ","
	if !j.Go.Version.Has(toolchain.TrimPath) {
		separator = " "
	}
	join := func(ours []string) string { return "-tags=" + strings.Join(slices.Concat(ours, tags), separator) }
	flags := []word{{join(j.Flags.Tags), join(j.Flags.TagsShown)}}
	if j.Modules && j.Mod != "" {
		flags = append(flags, word{"-mod=" + j.Mod, "-mod=" + j.Mod})
	}
	if j.Modules && j.Go.Version.Has(toolchain.ModCacheRW) {
		flags = append(flags, word{"-modcacherw", "-modcacherw"})
	}
	for _, f := range j.Flags.Rest {
		if selects[f.Name] {
			flags = append(flags, f.word())
		}
	}
	return flags
}

func args(words []word) []string {
	var all []string
	for _, w := range words {
		all = append(all, w.arg)
	}
	return all
}

// selects are the user's flags that change which files belong to a package; "go list" gets those and no others.
var selects = map[string]bool{"race": true, "msan": true, "asan": true, "overlay": true, "modfile": true, "compiler": true, "installsuffix": true}

// command puts together the one go command of the build.
func (p *Plan) command() {
	j := p.job
	p.env = append(slices.Clip(j.Env), "CGO_ENABLED="+p.Cgo.Value())
	add := func(words ...word) { p.words = append(p.words, words...) }
	same := func(args ...string) {
		for _, arg := range args {
			add(word{arg, arg})
		}
	}
	switch {
	case j.Go.Version.Has(toolchain.OutputDirectory):
		same("build", "-o", j.OutDir+string(filepath.Separator))
	case j.Cross:
		p.one = true // "go install" refuses GOBIN for another machine's programs
		same("build")
	default:
		same("install")
		p.env = append(p.env, "GOBIN="+j.OutDir)
	}
	if _, set := j.Flags.find("trimpath"); !set && j.Go.Version.Has(toolchain.TrimPath) {
		same("-trimpath")
	}
	if _, set := j.Flags.find("buildvcs"); !set && !j.Stamp && j.Go.Version.Has(toolchain.BuildVCS) {
		same("-buildvcs=false")
	}
	add(j.selection(p.Cgo.Tags)...)
	if j.Flags.dropDWARF() && j.Go.Version.Has(toolchain.CompilerDWARF) {
		same("-gcflags=all=-dwarf=false") // a quarter of what is compiled, for the linker to leave out
	}
	if j.Flags.LDFlags != "" {
		add(word{"-ldflags=" + j.Flags.LDFlags, "-ldflags=" + j.Flags.LDShown})
	}
	for _, f := range j.Flags.Rest {
		if !selects[f.Name] {
			add(f.word())
		}
	}
	p.forOldGo(same)
	for _, main := range p.mains {
		same(main.argument(j.Dir))
	}
}

// forOldGo adds what Go up to 1.9 needs: without a build cache it would link the
// distribution's own packages, which were compiled with cgo; and its linker
// cannot make the position-independent executables that a newer gcc asks for.
func (p *Plan) forOldGo(add func(...string)) {
	switch {
	case p.job.Go.Version.Has(toolchain.BuildCache):
	case !p.Cgo.Enabled:
		add("-a", "-installsuffix", "nocgo")
	case p.compiler != "" && p.job.makesPIE(p.compiler):
		p.env = append(p.env, "CC="+p.compiler+" -no-pie")
	}
}

// Command is the go command as the log shows it: variables in a user's flags are not expanded.
func (p Plan) Command() string {
	words := []string{"go"}
	for _, w := range p.words {
		words = append(words, quoted(w.shown))
	}
	return strings.Join(words, " ")
}

// plain matches words that no shell would touch.
var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

func quoted(word string) string {
	if plain.MatchString(word) {
		return word
	}
	if strings.Contains(word, "$") && !strings.ContainsAny(word, "\"\\`") {
		return `"` + word + `"`
	}
	q, err := syntax.Quote(word, syntax.LangBash)
	if err != nil {
		return word // a byte that no shell can hold; it is only shown
	}
	return q
}

// Build runs the go command and returns the programs in the order of the targets.
func (p Plan) Build() ([]Binary, error) {
	if err := os.RemoveAll(p.job.OutDir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.job.OutDir, 0o755); err != nil {
		return nil, err
	}
	output := &downloadCounter{out: p.job.Output}
	err := p.run(output)
	output.flush()
	if err != nil {
		explained := p.job.explain(fmt.Errorf("go %s failed, its messages are above: %w", p.words[0].arg, err), output.text.String())
		if explained.Advice == "" {
			explained.Advice = p.Cgo.Warning // what is undefined may be what C was to define
		}
		return nil, explained
	}
	var binaries []Binary
	for _, main := range p.mains {
		b, err := inspect(filepath.Join(p.job.OutDir, main.Binary()))
		if err != nil {
			return nil, fmt.Errorf("the go command left no program for %s: %w", main.Shown(p.job.Dir), err)
		}
		b.Package = main.Shown(p.job.Dir)
		binaries = append(binaries, b)
	}
	return binaries, nil
}

// run runs the go command, once for all programs where it can.
func (p Plan) run(output io.Writer) error {
	all := args(p.words)
	if !p.one {
		return p.job.Go.Run(p.job.Dir, p.env, output, output, all...)
	}
	flags := all[1 : len(all)-len(p.mains)]
	for _, main := range p.mains {
		command := slices.Concat([]string{"build", "-o", filepath.Join(p.job.OutDir, main.Binary())}, flags, []string{main.argument(p.job.Dir)})
		if err := p.job.Go.Run(p.job.Dir, p.env, output, output, command...); err != nil {
			return err
		}
	}
	return nil
}

func inspect(file string) (Binary, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Binary{}, err
	}
	b := Binary{Name: filepath.Base(file), Size: info.Size()}
	program, err := elf.Open(file)
	if err != nil {
		return b, nil // built for something else than ELF, by the user's own flags
	}
	defer func() { _ = program.Close() }()
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			name, err := io.ReadAll(segment.Open())
			if err != nil {
				return b, err
			}
			b.Interpreter = strings.TrimRight(string(name), "\x00")
		}
	}
	if b.Interpreter != "" {
		if b.Libraries, err = program.ImportedLibraries(); err != nil {
			return b, err
		}
	}
	return b, nil
}
