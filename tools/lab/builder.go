package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/spf13/cobra"
)

const (
	builderName    = "scalingo-go-lab-builder"
	buildImageName = "scalingo-go-lab-build:latest"
	runImagePrefix = "scalingo-go-lab-run:"
	contentLabel   = "lab.content"
)

func newBuilderCommand() *cobra.Command {
	var name string
	var dirs []string
	command := &cobra.Command{
		Use:   "builder",
		Short: "Make a builder image with the buildpack, for pack; needs Docker, and root on Debian",
		Long: `Make a builder image with the buildpack, for pack.

Its build image and its two run images (tiny and bash) are made on this machine with debootstrap; no image is pulled. Only
what has changed is made again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return makeBuilder(cmd.Context(), name, dirs)
		},
	}
	command.Flags().StringArrayVar(&dirs, "buildpack", nil, "use the buildpack in this `DIR`; may be repeated, order counts (default build/buildpack of the repository)")
	command.Flags().StringVar(&name, "name", builderName, "`NAME` of the builder image")
	return command
}

func makeBuilder(ctx context.Context, name string, dirs []string) error {
	cache, err := openCacheFolder()
	if err != nil {
		return err
	}
	if err := needEngine(ctx); err != nil {
		return err
	}
	buildpacks, err := readBuildpacks(dirs)
	if err != nil {
		return err
	}
	tools, err := buildTools(ctx, cache, withPack)
	if err != nil {
		return err
	}
	content := sha256.New()
	fmt.Fprintln(content, tools.lifecycleTGZ)
	if err := loadBaseImages(ctx, cache, content); err != nil {
		return err
	}
	for _, b := range buildpacks {
		sum, err := hashTree(b.dir)
		if err != nil {
			return fmt.Errorf("buildpack %s: %w", b.dir, err)
		}
		fmt.Fprintln(content, sum)
	}
	return createBuilder(ctx, cache, tools, name, buildpacks, fmt.Sprintf("%x", content.Sum(nil)))
}

// loadBaseImages hands Docker the build image and the run images, and writes to content what they are.
func loadBaseImages(ctx context.Context, cache cacheFolder, content io.Writer) error {
	for _, base := range []struct {
		name string
		make func() (v1.Image, error)
	}{
		{buildImageName, func() (v1.Image, error) { return debianBuild.image(ctx, cache) }},
		{runImagePrefix + runTiny, func() (v1.Image, error) { return runImage(ctx, cache, runTiny) }},
		{runImagePrefix + runBash, func() (v1.Image, error) { return runImage(ctx, cache, runBash) }},
	} {
		image, err := base.make()
		if err != nil {
			return err
		}
		id, err := loadImage(ctx, cache, base.name, image)
		if err != nil {
			return fmt.Errorf("image %s: %w", base.name, err)
		}
		fmt.Fprintln(content, base.name, id)
	}
	return nil
}

// loadImage hands an image to Docker unless it is there already: Docker's id of an image is the digest of its
// configuration, which names all that is in it.
func loadImage(ctx context.Context, cache cacheFolder, reference string, image v1.Image) (string, error) {
	id, err := image.ConfigName()
	if err != nil {
		return "", err
	}
	if there, err := docker(ctx, "image", "inspect", "--format", "{{.Id}}", reference); err == nil && there == id.String() {
		fmt.Printf("%-40s up to date\n", reference)
		return there, nil
	}
	scratch, remove, err := cache.scratch("image")
	if err != nil {
		return "", err
	}
	defer remove()
	tag, err := name.NewTag(reference)
	if err != nil {
		return "", err
	}
	archive := filepath.Join(scratch, "image.tar")
	if err := tarball.WriteToFile(archive, tag, image); err != nil {
		return "", err
	}
	if _, err := docker(ctx, "load", "--quiet", "--input", archive); err != nil {
		return "", err
	}
	fmt.Printf("%-40s made\n", reference)
	return id.String(), nil
}

// createBuilder lets pack make the builder. A label keeps what it was made of, so that the same is not made twice.
func createBuilder(ctx context.Context, cache cacheFolder, tools toolset, name string, buildpacks []buildpack, content string) error {
	there, err := docker(ctx, "image", "inspect", "--format", `{{index .Config.Labels "`+contentLabel+`"}}`, name)
	if err == nil && there == content {
		fmt.Printf("%-40s up to date\n", name)
		return nil
	}
	scratch, remove, err := cache.scratch("builder")
	if err != nil {
		return err
	}
	defer remove()
	config, err := builderTOML(buildpacks, tools)
	if err != nil {
		return err
	}
	path := filepath.Join(scratch, "builder.toml")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return fmt.Errorf("builder %s: %w", name, err)
	}
	err = runPack(ctx, cache, tools, "builder", "create", name, "--config", path, "--pull-policy", "never", "--label", contentLabel+"="+content)
	if err != nil {
		return err
	}
	fmt.Printf("%-40s made\n", name)
	return nil
}

func builderTOML(buildpacks []buildpack, tools toolset) (string, error) {
	order, err := orderTOML(buildpacks)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.WriteString("description = \"Builds Go apps\"\n\n")
	for _, b := range buildpacks {
		fmt.Fprintf(&text, "[[buildpacks]]\nuri = %q\n\n", b.dir)
	}
	fmt.Fprintf(&text, "%s\n[build]\nimage = %q\n\n[[run.images]]\nimage = %q\n\n", order, buildImageName, runImagePrefix+runTiny)
	fmt.Fprintf(&text, "[lifecycle]\nuri = %q\n\n[[targets]]\nos = \"linux\"\narch = %q\n", tools.lifecycleTGZ, runtime.GOARCH)
	return text.String(), nil
}

// runPack runs pack with a home of its own, so that neither the user's settings count nor are they changed.
func runPack(ctx context.Context, cache cacheFolder, tools toolset, args ...string) error {
	command := exec.CommandContext(ctx, tools.pack, args...)
	command.Env = append(os.Environ(), "PACK_HOME="+cache.path("pack"))
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return &exitError{what: "pack " + strings.Join(args[:2], " "), code: command.ProcessState.ExitCode()}
	}
	return nil
}

// hashTree hashes the names, modes and contents of a directory.
func hashTree(dir string) (string, error) {
	hash := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var content []byte
		if info.Mode()&fs.ModeSymlink != 0 {
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			content = []byte(link)
		} else if content, err = os.ReadFile(path); err != nil {
			return err
		}
		fmt.Fprintf(hash, "%q %v %x\n", relative, info.Mode(), sha256.Sum256(content))
		return nil
	})
	return fmt.Sprintf("%x", hash.Sum(nil)), err
}
