package compile

import (
	"bytes"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/paketo-buildpacks/libpak/v2/effect"
)

// Cgo is whether and why a build uses cgo.
type Cgo struct {
	Enabled bool
	// Why is a sentence for the log.
	Why string
	// Tags are build tags that go with the decision.
	Tags []string
	// Warning is set when the decision may surprise.
	Warning string
}

// Value is that of CGO_ENABLED.
func (c Cgo) Value() string {
	if c.Enabled {
		return "1"
	}
	return "0"
}

// ofCgo matches a build constraint that asks for cgo, or for one of the tags that go with it.
var ofCgo = regexp.MustCompile(`(?m)^//(go:build| ?\+build)\b.*\b(cgo|netgo|osusergo)\b`)

// dependOnCgo tells whether one of the packages, which were listed with cgo on, has files that belong to it only with
// the decision that context stands for, and that import what has not been listed.
func dependOnCgo(packages []Package, context build.Context) bool {
	listed := map[string]bool{"C": true, "unsafe": true}
	for _, p := range packages {
		listed[p.ImportPath] = true
	}
	for _, p := range packages {
		if p.Standard {
			continue
		}
		for _, name := range p.IgnoredGoFiles {
			data, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return true // the go command says what is wrong with it
			}
			if !ofCgo.Match(data) || strings.HasSuffix(name, "_test.go") {
				continue
			}
			if belongs, err := context.MatchFile(p.Dir, name); (belongs || err != nil) && !importsOnly(listed, data) {
				return true
			}
		}
	}
	return false
}

// constraints are what decides with a decision on cgo which files belong to a package.
func (j Job) constraints(chosen Cgo) build.Context {
	context := build.Default
	context.CgoEnabled = chosen.Enabled
	for _, pair := range j.Env {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "GOOS":
			context.GOOS = value
		case "GOARCH":
			context.GOARCH = value
		}
	}
	context.BuildTags = slices.Concat(j.Flags.Tags, chosen.Tags)
	for _, name := range []string{"race", "msan", "asan"} {
		if j.Flags.Has(name) {
			context.BuildTags = append(context.BuildTags, name)
		}
	}
	context.ReleaseTags = nil
	for minor := 1; minor <= j.Go.Version.Minor; minor++ {
		context.ReleaseTags = append(context.ReleaseTags, fmt.Sprintf("go1.%d", minor))
	}
	return context
}

// importsOnly tells whether a Go file imports nothing but what is listed.
func importsOnly(listed map[string]bool, source []byte) bool {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
	if err != nil {
		return false
	}
	for _, spec := range file.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err != nil || !listed[name] {
			return false
		}
	}
	return true
}

// needsCgo are packages that compile without cgo to something that cannot work.
var needsCgo = []string{"github.com/mattn/go-sqlite3"}

// cgoInput is what the decision rests on.
type cgoInput struct {
	// userValue is CGO_ENABLED; what is neither 0 nor 1 counts as not set, as for the go command.
	userValue string
	flags     Flags
	packages  []Package
	// compiler is the C compiler's path, "" when there is none.
	compiler string
	// buildsWithout tells whether packages build with cgo off.
	buildsWithout func(packages []string) (missing []string, err error)
}

// decideCgo switches cgo on only where the build needs it, so that all other binaries are static.
func decideCgo(in cgoInput) (Cgo, error) {
	switch in.userValue {
	case "0", "1":
		return Cgo{Enabled: in.userValue == "1", Why: "CGO_ENABLED=" + in.userValue}, nil
	}
	for _, name := range []string{"race", "msan", "asan"} {
		if in.flags.Has(name) {
			return Cgo{Enabled: true, Why: "-" + name + " needs it"}, nil
		}
	}
	if mode := in.flags.BuildMode(); mode == "plugin" || strings.HasPrefix(mode, "c-") {
		return Cgo{Enabled: true, Why: "-buildmode=" + mode + " needs it"}, nil
	}
	var users []string
	for _, p := range in.packages {
		if !p.Standard && len(p.CgoFiles) > 0 {
			users = append(users, p.ImportPath)
		}
	}
	if len(users) == 0 {
		return Cgo{Why: "no package uses it"}, nil
	}
	slices.Sort(users)
	if in.compiler != "" {
		// The standard library's resolver and user look-up would pull in libc on top.
		return Cgo{Enabled: true, Why: "used by " + strings.Join(users, ", "), Tags: []string{"netgo", "osusergo"}}, nil
	}
	return withoutCompiler(users, in.buildsWithout)
}

func withoutCompiler(users []string, buildsWithout func([]string) ([]string, error)) (Cgo, error) {
	const advice = "use a build image with gcc, or set CC to its compiler"
	for _, p := range users {
		if slices.Contains(needsCgo, p) {
			return Cgo{}, fmt.Errorf("%s works only with cgo, and the build image has no C compiler: %s", p, advice)
		}
	}
	missing, err := buildsWithout(users)
	if err != nil {
		return Cgo{}, err
	}
	if len(missing) > 0 {
		return Cgo{}, fmt.Errorf("%s: cgo is needed, and the build image has no C compiler: %s", strings.Join(missing, ", "), advice)
	}
	return Cgo{
		Why: "the build image has no C compiler",
		Warning: fmt.Sprintf("%s can use cgo, but the build image has no C compiler: built without it. For cgo %s; CGO_ENABLED=0 makes this warning go away",
			strings.Join(users, ", "), advice),
	}, nil
}

// findCompiler returns the C compiler that the go command would run, "" for none.
// cc is the variable CC, path the PATH of the build.
func findCompiler(cc, path string) string {
	name := "gcc"
	if words := strings.Fields(cc); len(words) > 0 {
		name = words[0]
	}
	if filepath.IsAbs(name) {
		if isExecutable(name) {
			return name
		}
		return ""
	}
	for _, dir := range filepath.SplitList(path) {
		if candidate := filepath.Join(dir, name); isExecutable(candidate) {
			return candidate
		}
	}
	return ""
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// makesPIE tells whether a gcc links position-independent executables unless
// told otherwise, which Go up to 1.9 cannot cope with.
func (j Job) makesPIE(compiler string) bool {
	var out bytes.Buffer
	err := j.Go.Exec.Execute(effect.Execution{Command: compiler, Args: []string{"-v"}, Env: j.Env, Stdout: &out, Stderr: &out})
	return err == nil && strings.Contains(out.String(), "--enable-default-pie")
}
