package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// debianRelease is the release that the images are made of, by debootstrap.
const debianRelease = "bookworm"

// debianRoot is a small Debian system with one user.
type debianRoot struct {
	purpose  string
	packages []string
	user     string
	uid      int
}

var (
	debianBuild = debianRoot{
		purpose: "build", user: "cnb", uid: buildUID,
		packages: []string{"ca-certificates", "git", "openssh-client", "gcc", "libc6-dev", "pkg-config"},
	}
	debianRun = debianRoot{
		purpose: "run", user: "run", uid: runUID,
		packages: []string{"ca-certificates", "tzdata"},
	}
)

// debianTrim is what an image has no use for.
var debianTrim = []string{"var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"}

// image is the system as an image: the root, and above it what this machine adds.
func (d debianRoot) image(ctx context.Context, cache cacheFolder) (v1.Image, error) {
	archive, err := d.archive(ctx, cache)
	if err != nil {
		return nil, err
	}
	base, err := tarball.LayerFromFile(archive, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, fmt.Errorf("Debian image for %s: %w", d.purpose, err)
	}
	machine, err := machineLayer()
	if err != nil {
		return nil, fmt.Errorf("Debian image for %s: %w", d.purpose, err)
	}
	return finishImage([]v1.Layer{base, machine}, v1.Config{
		User: fmt.Sprintf("%d:%d", d.uid, buildGID),
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			fmt.Sprintf("CNB_USER_ID=%d", d.uid), fmt.Sprintf("CNB_GROUP_ID=%d", buildGID),
		},
		Labels: map[string]string{
			"io.buildpacks.base.distro.name":    "debian",
			"io.buildpacks.base.distro.version": "12",
			"io.buildpacks.base.id":             "lab." + d.purpose,
		},
	})
}

// machineLayer is the CA bundle of the host: see hostCABundle.
func machineLayer() (v1.Layer, error) {
	certificates, err := hostCACertificates()
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	archive := newPlainArchive(&content)
	if certificates != nil {
		archive.file("etc/ssl/certs/ca-certificates.crt", append(certificates, '\n'))
	}
	if err := archive.close(); err != nil {
		return nil, err
	}
	return layerOf(content.Bytes())
}

// archive is the system as a compressed tar file, made once and kept in the cache folder.
func (d debianRoot) archive(ctx context.Context, cache cacheFolder) (string, error) {
	const format = "2" // to be raised when make changes what it makes
	key := sha256.Sum256([]byte(strings.Join(append([]string{format, debianRelease, d.user, fmt.Sprint(d.uid)}, d.packages...), " ")))
	path := cache.path("debian", fmt.Sprintf("%s-%s-%x.tar.gz", debianRelease, d.purpose, key[:4]))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("Debian root: %w", err)
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if isFile(path) {
		return path, nil
	}
	if os.Geteuid() != 0 {
		return "", fmt.Errorf("the Debian root for %s is not in the cache folder yet, and only root can make it: run `scripts/lab.sh builder` as root, or use --run-image %s", d.purpose, runTiny)
	}
	if _, err := exec.LookPath("debootstrap"); err != nil {
		if _, err := exec.LookPath("apt-get"); err != nil {
			return "", errors.New("a Debian root is made with debootstrap: install it (Debian and Ubuntu have it as a package)")
		}
		if err := aptInstall(ctx, "debootstrap"); err != nil {
			return "", err
		}
	}
	return path, d.make(ctx, cache, path)
}

func (d debianRoot) make(ctx context.Context, cache cacheFolder, path string) error {
	scratch, remove, err := cache.scratch("debian")
	if err != nil {
		return err
	}
	defer remove()
	root := filepath.Join(scratch, "root")
	fmt.Fprintf(os.Stderr, "Making the Debian root for %s (once, about a minute) ...\n", d.purpose)
	command := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+strings.Join(d.packages, ","), debianRelease, root)
	// debootstrap mounts inside the new root; in a namespace of its own nothing of that stays.
	command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("debootstrap: %w\n%s", err, lastLines(output, 20))
	}
	if err := d.settle(root); err != nil {
		return fmt.Errorf("Debian root: %w", err)
	}
	unfinished := path + ".unfinished"
	tar := exec.CommandContext(ctx, "tar", "--create", "--gzip", "--file", unfinished, "--directory", root, "--numeric-owner", "--sort=name",
		"--mtime=@315532801", "--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", ".")
	if output, err := tar.CombinedOutput(); err != nil {
		return fmt.Errorf("tar: %w\n%s", err, output)
	}
	return os.Rename(unfinished, path)
}

// settle removes what is not needed and adds the user.
func (d debianRoot) settle(root string) error {
	for _, name := range debianTrim {
		dir := filepath.Join(root, name)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	home := filepath.Join("/home", d.user)
	for file, line := range map[string]string{
		"passwd": fmt.Sprintf("%s:x:%d:%d:%s:%s:/bin/bash\n", d.user, d.uid, buildGID, d.user, home),
		"group":  fmt.Sprintf("cnb:x:%d:\n", buildGID),
	} {
		if err := appendTo(filepath.Join(root, "etc", file), line); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(root, home), 0o755); err != nil {
		return err
	}
	return os.Chown(filepath.Join(root, home), d.uid, buildGID)
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := file.WriteString(text); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

func lastLines(text []byte, count int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > count {
		lines = lines[len(lines)-count:]
	}
	return strings.Join(lines, "\n")
}

func bashRunImage(ctx context.Context, cache cacheFolder) (v1.Image, error) {
	return debianRun.image(ctx, cache)
}
