package deps

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// AdditionalTool is a program that an app's metadata asks for besides the app itself.
type AdditionalTool struct {
	// Text is what the metadata says, PATH or PATH@VERSION.
	Text string
	// Package is the program's package, Version that of its module, Name that of the file.
	Package, Version, Name string
	// Tags are the build tags that switch its parts on.
	Tags string
}

// migrate are the programs of which the classic buildpacks installed binaries,
// by the path that apps name, with the versions those had.
var migrate = map[string]string{
	"github.com/golang-migrate/migrate": "v3.4.0",
	"github.com/mattes/migrate":         "v3.0.1",
}

// migrateTags switch on the databases and sources that need neither cgo nor a cloud's client.
const migrateTags = "postgres mysql redshift cockroachdb clickhouse file github go_bindata"

// ParseTool reads PATH or PATH@VERSION.
func ParseTool(text string) (AdditionalTool, error) {
	importPath, version, _ := strings.Cut(strings.TrimSpace(text), "@")
	if err := module.CheckImportPath(importPath); err != nil {
		return AdditionalTool{}, fmt.Errorf("additional tool %q: %w: write PATH or PATH@VERSION", text, err)
	}
	if version != "" && (!revision.MatchString(version) || strings.ContainsAny(version, "/:@")) {
		return AdditionalTool{}, fmt.Errorf("additional tool %q: %q is no version", text, version)
	}
	name, _, _ := module.SplitPathVersion(importPath)
	t := AdditionalTool{Text: text, Package: importPath, Version: version, Name: path.Base(name)}
	if usual, ok := migrate[importPath]; ok {
		t.Tags = migrateTags
		if t.Version == "" {
			t.Version = usual
		}
		if major := semver.Major(t.Version); semver.Compare(major, "v4") >= 0 {
			t.Package += "/" + major + "/cmd/migrate"
		} else {
			t.Package += "/cli"
		}
	}
	if t.Version == "" {
		t.Version = "latest"
	}
	return t, nil
}

// Build builds the program into the file to, with the go command modern in a module of its own below scratch.
func (t AdditionalTool) Build(modern toolchain.Go, env []string, scratch, to string) error {
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(scratch, "tool-")
	if err != nil {
		return err
	}
	// What several tools have in common is downloaded and compiled once.
	gopath := filepath.Join(scratch, "tools")
	env = append(env[:len(env):len(env)], "CGO_ENABLED=0", "GO111MODULE=on", "GOFLAGS=-modcacherw -mod=mod", "GOWORK=off",
		"GOPATH="+gopath, "GOMODCACHE="+filepath.Join(gopath, "pkg", "mod"), "GOCACHE="+filepath.Join(gopath, "cache"))
	what, tags := t.Package, "-tags="+strings.ReplaceAll(t.Tags, " ", ",")
	if t.Tags != "" { // the module, since with the package comes what other tags would import
		what = strings.TrimSuffix(strings.TrimSuffix(what, "/cli"), "/cmd/migrate")
	}
	for _, args := range [][]string{
		{"mod", "init", "tool"},
		{"get", what + "@" + t.Version},
		{"list", tags, "-f", "{{.Name}}", t.Package},
		{"build", "-trimpath", "-buildvcs=false", "-ldflags=-w", tags, "-o", to, t.Package},
	} {
		var out, complaints bytes.Buffer
		err := modern.Run(dir, env, &out, &complaints, args...)
		if name := strings.TrimSpace(out.String()); err == nil && args[0] == "list" && name != "main" {
			return fmt.Errorf("additional tool %s: %s is package %s and not a program: name the program's main package", t.Text, t.Package, name)
		}
		if err != nil {
			return fmt.Errorf("additional tool %s cannot be built (go %s: %w):\n%s%s\n"+
				"Remove it there, and install it in the hook bin/go-pre-compile: go install %s@%s",
				t.Text, args[0], err, out.Bytes(), bytes.TrimSpace(complaints.Bytes()), t.Package, t.Version)
		}
	}
	return nil
}
