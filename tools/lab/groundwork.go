package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// groundwork lays the files of a build: the root directory of its sandbox with the app and the platform directory.
type groundwork struct {
	root  string
	owner *owner
}

// lifecycleEnv is the environment of the lifecycle itself, in which buildpacks run as well.
func lifecycleEnv() map[string]string {
	env := map[string]string{
		"PATH":                  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME":                  "/home/cnb",
		"USER":                  "cnb",
		"CNB_PLATFORM_API":      "0.15",
		"CNB_EXPERIMENTAL_MODE": "quiet", // layouts are an experimental feature
	}
	maps.Copy(env, hostProxies())
	return env
}

func (g groundwork) lay(ctx context.Context, options buildOptions, buildpacks []buildpack) error {
	for _, directory := range []struct {
		path string
		mode fs.FileMode
		own  bool
	}{
		{"", 0o755, false},
		{"tmp", fs.ModeSticky | 0o777, false},
		{"home/cnb", 0o755, true},
		{"layers", 0o755, true},
		{"workspace", 0o755, true},
		{"platform/env", 0o755, true},
		{"cnb/build-config", 0o755, false},
		{"layout", 0o755, true},
		{"cache", 0o755, true},
	} {
		if err := g.directory(directory.path, directory.mode, directory.own); err != nil {
			return err
		}
	}
	if err := copyTree(options.app, filepath.Join(g.root, "workspace"), g.owner); err != nil {
		return err
	}
	order, err := orderTOML(buildpacks)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(g.root, "cnb", "order.toml"), []byte(order), 0o644); err != nil {
		return fmt.Errorf("order of the buildpacks: %w", err)
	}
	if err := g.accounts(); err != nil {
		return err
	}
	return g.platform(ctx, options)
}

func (g groundwork) directory(path string, mode fs.FileMode, own bool) error {
	path = filepath.Join(g.root, path)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if own && g.owner != nil {
		if err := os.Chown(path, g.owner.uid, g.owner.gid); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	return nil
}

// accountFiles are the sandbox's own lists of users and groups; they are mounted over the host's.
var accountFiles = map[string]string{
	"/etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\n" +
		"cnb:x:1001:1000:cnb:/home/cnb:/bin/sh\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n",
	"/etc/group": "root:x:0:\ncnb:x:1000:\nnogroup:x:65534:\n",
}

func (g groundwork) accounts() error {
	for path, content := range accountFiles {
		file := filepath.Join(g.root, "cnb", filepath.Base(path))
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	return nil
}

// platform fills /platform: the directory given, the machine's settings for Go and, last, what the caller asks for.
func (g groundwork) platform(ctx context.Context, options buildOptions) error {
	target := filepath.Join(g.root, "platform")
	if options.platformDir != "" {
		if err := copyTree(options.platformDir, target, g.owner); err != nil {
			return fmt.Errorf("--platform-dir: %w", err)
		}
	}
	asked, err := environment(options.env, options.envFiles)
	if err != nil {
		return err
	}
	settings, err := hostGoSettings(ctx)
	if err != nil {
		return err
	}
	if os.Getenv("SSL_CERT_FILE") != "" && hostCABundle() != "" {
		settings["SSL_CERT_FILE"] = caBundleInSandbox()
	}
	for name, value := range settings {
		if err := g.variable(target, name, value, false); err != nil {
			return err
		}
	}
	for name, value := range asked {
		if err := g.variable(target, name, value, true); err != nil {
			return err
		}
	}
	return nil
}

// variable writes one file of /platform/env; one that is there already stays unless overwrite is set.
func (g groundwork) variable(platform, name, value string, overwrite bool) error {
	path := filepath.Join(platform, "env", name)
	if _, err := os.Lstat(path); err == nil && !overwrite {
		return nil
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("build-time variable %s: %w", name, err)
	}
	if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
		return fmt.Errorf("build-time variable %s: %w", name, err)
	}
	return nil
}

// caBundleInSandbox is where the host's CA bundle is to be found in the sandbox.
func caBundleInSandbox() string {
	path := hostCABundle()
	real, err := filepath.EvalSymlinks(path)
	if err == nil && insideHostTrees(path) && insideHostTrees(real) {
		return path
	}
	return "/cnb/ca-certificates.crt"
}

// lifecycleSandbox is the sandbox in which the lifecycle's creator builds the app.
func lifecycleSandbox(root string, tools toolset, v volume, runLayout string, buildpacks []buildpack, options buildOptions) (sandbox, error) {
	mounts, err := hostMounts(root)
	if err != nil {
		return sandbox{}, err
	}
	mounts = append(mounts, systemMounts()...)
	for path := range accountFiles {
		mounts = append(mounts, sandboxMount{Kind: mountBind, Source: filepath.Join(root, "cnb", filepath.Base(path)), Target: path, ReadOnly: true})
	}
	mounts = append(mounts, hideGo()...)
	runReference := "run." + imageRegistry + "/" + options.runImage + ":latest"
	mounts = append(mounts,
		sandboxMount{Kind: mountBind, Source: tools.lifecycle, Target: "/cnb/lifecycle", ReadOnly: true},
		sandboxMount{Kind: mountBind, Source: v.cache(), Target: "/cache"},
		sandboxMount{Kind: mountBind, Source: v.layouts(), Target: "/layout"},
		sandboxMount{Kind: mountBind, Source: runLayout, Target: "/layout/run." + imageRegistry + "/" + options.runImage + "/latest", ReadOnly: true},
	)
	for _, b := range buildpacks {
		mounts = append(mounts, sandboxMount{Kind: mountBind, Source: b.dir, Target: b.sandboxPath(), ReadOnly: true})
	}
	if bundle := hostCABundle(); bundle != "" {
		mounts = append(mounts, sandboxMount{Kind: mountBind, Source: bundle, Target: "/cnb/ca-certificates.crt", ReadOnly: true})
	}
	extra, err := extraMounts(options.mounts)
	if err != nil {
		return sandbox{}, err
	}
	stdout, stderr := options.output()
	return sandbox{
		Root: root, Mounts: append(mounts, extra...), Loopback: options.noNetwork, UID: buildUID, GID: buildGID, Env: lifecycleEnv(), Dir: "/",
		Command: creatorCommand(v, runReference, options.publish), stdout: stdout, stderr: stderr,
	}, nil
}

// creatorCommand is the lifecycle's creator with its arguments: for a layout and a cache directory, or for a registry,
// where the cache may be an image as well.
func creatorCommand(v volume, runReference string, to *publishing) []string {
	command := []string{
		"/cnb/lifecycle/creator", "-app", "/workspace", "-layers", "/layers", "-platform", "/platform",
		"-buildpacks", "/cnb/buildpacks", "-order", "/cnb/order.toml", "-build-config", "/cnb/build-config",
		"-launcher", "/cnb/lifecycle/launcher", "-report", "/layers/report.toml",
		"-uid", fmt.Sprint(buildUID), "-gid", fmt.Sprint(buildGID),
	}
	if to != nil && to.cacheImage != "" {
		return append(command, "-run-image", to.runImage, "-cache-image", to.cacheImage, to.image)
	}
	if to != nil {
		return append(command, "-run-image", to.runImage, "-cache-dir", "/cache", to.image)
	}
	return append(command, "-layout", "-layout-dir", "/layout", "-run-image", runReference, "-cache-dir", "/cache", v.reference())
}

// hideGo covers the host's own Go: a build image has none, and a buildpack that leans on it would fail elsewhere.
func hideGo() []sandboxMount {
	root, err := goOutput(context.Background(), "", "env", "GOROOT")
	if err != nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	if !insideHostTrees(root) {
		return nil
	}
	return []sandboxMount{{Kind: mountTmpfs, Target: root, Mode: "0755", ReadOnly: true}}
}

func extraMounts(texts []string) ([]sandboxMount, error) {
	var mounts []sandboxMount
	for _, text := range texts {
		source, target, ok := strings.Cut(text, ":")
		if !ok || source == "" || !filepath.IsAbs(target) {
			return nil, fmt.Errorf("--mount %q: write SOURCE:TARGET with an absolute TARGET", text)
		}
		source, err := filepath.Abs(source)
		if err != nil {
			return nil, fmt.Errorf("--mount: %w", err)
		}
		if _, err := os.Stat(source); err != nil {
			return nil, fmt.Errorf("--mount: %w", err)
		}
		mounts = append(mounts, sandboxMount{Kind: mountBind, Source: source, Target: target, ReadOnly: true})
	}
	return mounts, nil
}
