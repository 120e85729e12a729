package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The kinds of run image. The tiny one has no shell, as the images that suit a static Go program; the other one has the
// small Debian system that many platforms run apps on.
const (
	runTiny = "tiny"
	runBash = "bash"
)

// runUID is the user of the run images. It is not the build's, as in most CNB stacks: an app that writes into its own
// files works on neither.
const runUID = 1002

func checkRunImage(kind string) error {
	if kind != runTiny && kind != runBash {
		return fmt.Errorf("--run-image %q: use %s or %s", kind, runTiny, runBash)
	}
	return nil
}

// runImage makes the run image of a kind.
func runImage(ctx context.Context, cache cacheFolder, kind string) (v1.Image, error) {
	if kind == runBash {
		return bashRunImage(ctx, cache)
	}
	return tinyRunImage()
}

func tinyRunImage() (v1.Image, error) {
	content, err := tinyLayer()
	if err != nil {
		return nil, fmt.Errorf("tiny run image: %w", err)
	}
	return finishImage([]v1.Layer{content}, v1.Config{
		User: fmt.Sprintf("%d:%d", runUID, buildGID),
		Env:  []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
		Labels: map[string]string{
			"io.buildpacks.base.distro.name":    "tiny",
			"io.buildpacks.base.distro.version": "1",
			"io.buildpacks.base.id":             "lab.run.tiny",
		},
	})
}

// finishImage stacks layers on nothing. Times are fixed, so that the same contents are the same image.
func finishImage(layers []v1.Layer, config v1.Config) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(image, layers...)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Created = v1.Time{Time: normalTime}
	file.Config = config
	image, err = mutate.ConfigFile(image, file)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return image, nil
}

const (
	tinyPasswd = "root:x:0:0:root:/root:/sbin/nologin\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n" +
		"run:x:1002:1000:run:/home/run:/sbin/nologin\n"
	tinyGroup     = "root:x:0:\nnobody:x:65534:\ncnb:x:1000:\n"
	tinyOSRelease = "ID=tiny\nNAME=\"Tiny\"\nPRETTY_NAME=\"Tiny run image of the lab\"\nVERSION_ID=\"1\"\n"
)

func tinyLayer() (v1.Layer, error) {
	certificates, err := hostCACertificates()
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	archive := newPlainArchive(&content)
	for _, directory := range []string{"etc", "etc/ssl", "etc/ssl/certs", "home", "root", "usr", "usr/share", "var"} {
		archive.directory(directory, 0o755, 0, 0)
	}
	archive.directory("tmp", fs.ModeSticky|0o777, 0, 0)
	archive.directory("home/run", 0o755, runUID, buildGID)
	archive.file("etc/passwd", []byte(tinyPasswd))
	archive.file("etc/group", []byte(tinyGroup))
	archive.file("etc/os-release", []byte(tinyOSRelease))
	archive.file("etc/nsswitch.conf", []byte("hosts: files dns\n"))
	archive.file("etc/ssl/certs/ca-certificates.crt", append(certificates, '\n'))
	archive.tree("/usr/share/zoneinfo", "usr/share/zoneinfo")
	if err := archive.close(); err != nil {
		return nil, err
	}
	return layerOf(content.Bytes())
}

func layerOf(content []byte) (v1.Layer, error) {
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
}
