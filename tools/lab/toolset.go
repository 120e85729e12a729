package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

const (
	lifecycleModule = "github.com/buildpacks/lifecycle"
	packModule      = "github.com/buildpacks/pack"
)

// lifecyclePhases are the names under which the one lifecycle program is called.
var lifecyclePhases = []string{"analyzer", "builder", "creator", "detector", "exporter", "extender", "rebaser", "restorer"}

// toolset holds the programs that tools/go.mod pins, built.
type toolset struct {
	pack         string // pack's command line
	lifecycle    string // directory with lifecycle, its phases and launcher, as it is at /cnb/lifecycle
	lifecycleTGZ string // the same with lifecycle.toml, as `pack builder create` takes it
}

func newToolsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "tools",
		Short: "Build pack, lifecycle and launcher, in the versions of tools/go.mod, into the cache folder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cache, err := openCacheFolder()
			if err != nil {
				return err
			}
			tools, err := buildTools(cmd.Context(), cache, withPack)
			if err != nil {
				return err
			}
			fmt.Printf("pack       %s\nlifecycle  %s\narchive    %s\n", tools.pack, tools.lifecycle, tools.lifecycleTGZ)
			return nil
		},
	}
}

// module is what `go list -m` says of one of the pinned modules.
type module struct{ version, dir string }

// extent is how much of the toolset a command needs. Pack is large, and only needed with Docker.
type extent bool

const (
	lifecycleOnly extent = false
	withPack      extent = true
)

// buildTools builds what is needed and not there yet. The folder's name holds everything that makes a difference: the
// versions, go.sum and the Go that builds.
func buildTools(ctx context.Context, cache cacheFolder, need extent) (toolset, error) {
	if dir := os.Getenv("LAB_TOOLS"); dir != "" {
		return toolsIn(dir), nil // built by the root that runs the lab as this user: see stageTools
	}
	root, err := repositoryRoot()
	if err != nil {
		return toolset{}, err
	}
	source := filepath.Join(root, "tools")
	lifecycle, err := pinned(ctx, source, lifecycleModule)
	if err != nil {
		return toolset{}, err
	}
	pack, err := pinned(ctx, source, packModule)
	if err != nil {
		return toolset{}, err
	}
	key, err := toolsKey(ctx, source)
	if err != nil {
		return toolset{}, err
	}
	dir := cache.path("tools", fmt.Sprintf("pack-%s-lifecycle-%s-%s", pack.version, lifecycle.version, key))
	tools := toolsIn(dir)
	if tools.complete(need) {
		return tools, nil
	}
	if err := os.MkdirAll(tools.lifecycle, 0o755); err != nil {
		return toolset{}, fmt.Errorf("build the tools: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return toolset{}, err
	}
	defer unlock()
	if !tools.complete(lifecycleOnly) { // while this run waited another one may have built it
		fmt.Fprintf(os.Stderr, "Building the lifecycle %s into %s (once, a minute or more) ...\n", lifecycle.version, dir)
		if err := tools.buildLifecycle(ctx, source, lifecycle); err != nil {
			return toolset{}, err
		}
	}
	if !tools.complete(need) {
		fmt.Fprintf(os.Stderr, "Building pack %s into %s (once, a minute or more) ...\n", pack.version, dir)
		if err := tools.buildPack(ctx, source, pack, lifecycle); err != nil {
			return toolset{}, err
		}
	}
	return tools, nil
}

func toolsIn(dir string) toolset {
	return toolset{
		pack:         filepath.Join(dir, "pack"),
		lifecycle:    filepath.Join(dir, "lifecycle"),
		lifecycleTGZ: filepath.Join(dir, "lifecycle.tgz"),
	}
}

// complete tells whether everything needed is built; what is written last of each part is there then.
func (t toolset) complete(need extent) bool {
	last := filepath.Join(t.lifecycle, lifecyclePhases[len(lifecyclePhases)-1])
	if need == withPack {
		last = t.lifecycleTGZ
	}
	_, err := os.Stat(last)
	return err == nil
}

// buildLifecycle compiles the lifecycle the way its own project releases it.
func (t toolset) buildLifecycle(ctx context.Context, source string, lifecycle module) error {
	stamp := fmt.Sprintf("-s -w -X %[1]s/cmd.Version=%[2]s -X %[1]s/cmd.SCMRepository=%[1]s -X %[1]s/cmd.SCMCommit=%[3]s",
		lifecycleModule, strings.TrimPrefix(lifecycle.version, "v"), lifecycle.version)
	for _, program := range []string{"lifecycle", "launcher"} {
		if err := goBuild(ctx, source, lifecycleModule+"/cmd/"+program, filepath.Join(t.lifecycle, program), stamp); err != nil {
			return err
		}
	}
	for _, phase := range lifecyclePhases {
		link := filepath.Join(t.lifecycle, phase)
		if err := os.Symlink("lifecycle", link); err != nil && !os.IsExist(err) {
			return fmt.Errorf("build the tools: %w", err)
		}
	}
	return nil
}

// buildPack compiles pack, and packs the lifecycle for it.
func (t toolset) buildPack(ctx context.Context, source string, pack, lifecycle module) error {
	stamp := fmt.Sprintf("-s -w -X %s/pkg/client.Version=%s", packModule, pack.version)
	if err := goBuild(ctx, source, packModule, t.pack, stamp); err != nil {
		return err
	}
	packager := filepath.Join(filepath.Dir(t.pack), "packager")
	if err := goBuild(ctx, source, lifecycleModule+"/tools/packager", packager, "-s -w"); err != nil {
		return err
	}
	version := strings.TrimPrefix(lifecycle.version, "v")
	return t.archive(ctx, packager, filepath.Join(lifecycle.dir, "lifecycle.toml"), version)
}

// archive lets the lifecycle's own packager write lifecycle.tgz, so that lifecycle.toml lists the APIs that it supports.
func (t toolset) archive(ctx context.Context, packager, descriptor, version string) error {
	unfinished := t.lifecycleTGZ + ".unfinished"
	command := exec.CommandContext(ctx, packager, "-archivePath", unfinished, "-descriptorPath", descriptor, "-inputDir", t.lifecycle, "-version", version)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("pack the lifecycle: %w\n%s", err, output)
	}
	if err := os.Rename(unfinished, t.lifecycleTGZ); err != nil {
		return fmt.Errorf("pack the lifecycle: %w", err)
	}
	return nil
}

func goBuild(ctx context.Context, source, name, output, ldflags string) error {
	command := exec.CommandContext(ctx, "go", "build", "-C", source, "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", output, name)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GOOS=linux")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("go build %s: %w; its output is above", name, err)
	}
	return nil
}

func pinned(ctx context.Context, source, path string) (module, error) {
	text, err := goOutput(ctx, source, "list", "-m", "-f", "{{.Version}}\t{{.Dir}}", path)
	if err != nil {
		return module{}, err
	}
	version, dir, _ := strings.Cut(text, "\t")
	if dir == "" {
		if _, err := goOutput(ctx, source, "mod", "download", path); err != nil {
			return module{}, err
		}
		dir, err = goOutput(ctx, source, "list", "-m", "-f", "{{.Dir}}", path)
		if err != nil {
			return module{}, err
		}
	}
	return module{version: version, dir: dir}, nil
}

func toolsKey(ctx context.Context, source string) (string, error) {
	sums, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		return "", fmt.Errorf("read the tools' checksums: %w", err)
	}
	version, err := goOutput(ctx, source, "version")
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(append(sums, version...))
	return fmt.Sprintf("%x", hash[:4]), nil
}

// goOutput gives what the go command, run in dir, prints.
func goOutput(ctx context.Context, dir string, args ...string) (string, error) {
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(output)), nil
}
