package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// plainUID is the user as whom --as-user builds: one that owns nothing on the host.
const plainUID = 64001

// buildAsUser calls the lab again as an unprivileged user. That user cannot look into root's directories, so everything
// is laid out for it below the system's directory for temporary files; its caches stay there for its next build.
func buildAsUser(ctx context.Context, tools toolset, options buildOptions) error {
	home := filepath.Join(os.TempDir(), fmt.Sprintf("scalingo-go-cnb-user-%d", plainUID))
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fmt.Errorf("--as-user: %w", err)
	}
	if info, err := os.Lstat(home); err != nil || !info.IsDir() {
		return fmt.Errorf("--as-user: %s is not a directory: remove it", home)
	}
	stage, remove, err := cacheFolder(home).scratch("stage")
	if err != nil {
		return err
	}
	defer remove()
	user := &owner{uid: plainUID, gid: plainUID}
	if err := errors.Join(os.Chown(home, user.uid, user.gid), os.Chown(filepath.Join(home, "tmp"), user.uid, user.gid), os.Chown(stage, user.uid, user.gid)); err != nil {
		return fmt.Errorf("--as-user: %w", err)
	}
	arguments, err := stageBuild(stage, options, user)
	if err != nil {
		return err
	}
	env, err := stageTools(ctx, tools, home, stage, user)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, filepath.Join(stage, "lab"), arguments...)
	command.Dir = stage
	command.Env = append(os.Environ(), env...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 2 * stopGrace
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: plainUID, Gid: plainUID}, Setpgid: true}
	err = command.Run()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return &exitError{what: "the build as a plain user", code: failed.ExitCode()}
	}
	if err != nil {
		return fmt.Errorf("--as-user: %w", err)
	}
	if options.report == "" {
		return nil
	}
	return copyFile(filepath.Join(stage, "report.json"), options.report, 0o644)
}

// stageBuild copies what the build reads and gives the arguments for it.
func stageBuild(stage string, options buildOptions, user *owner) ([]string, error) {
	if options.runImage != runTiny {
		return nil, fmt.Errorf("--as-user goes with --run-image %s only: the other one needs root", runTiny)
	}
	app := filepath.Join(stage, "app")
	if err := copyTree(options.app, app, user); err != nil {
		return nil, err
	}
	arguments := []string{"build", "--image", options.image, "--report", filepath.Join(stage, "report.json")}
	buildpacks, err := readBuildpacks(options.buildpacks)
	if err != nil {
		return nil, err
	}
	for i, b := range buildpacks {
		target := filepath.Join(stage, fmt.Sprintf("buildpack-%d", i))
		if err := copyTree(b.dir, target, user); err != nil {
			return nil, err
		}
		arguments = append(arguments, "--buildpack", target)
	}
	if options.platformDir != "" {
		target := filepath.Join(stage, "platform")
		if err := copyTree(options.platformDir, target, user); err != nil {
			return nil, err
		}
		arguments = append(arguments, "--platform-dir", target)
	}
	variables, err := environment(options.env, options.envFiles)
	if err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(variables) {
		arguments = append(arguments, "--env", name+"="+variables[name])
	}
	for _, mount := range options.mounts {
		arguments = append(arguments, "--mount", mount)
	}
	if options.volumeDir != "" {
		arguments = append(arguments, "--volume-dir", options.volumeDir)
	}
	if options.clearCache {
		arguments = append(arguments, "--clear-cache")
	}
	if options.noNetwork {
		arguments = append(arguments, "--no-network")
	}
	return append(arguments, app), nil
}

// stageTools copies the lab and the built tools, and gives the environment in which the user finds them. Environment
// variables say where: the user has neither the repository nor the module cache in which versions could be looked up.
func stageTools(ctx context.Context, tools toolset, home, stage string, user *owner) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("--as-user: %w", err)
	}
	if err := copyFile(self, filepath.Join(stage, "lab"), 0o755); err != nil {
		return nil, fmt.Errorf("--as-user: %w", err)
	}
	target := filepath.Join(stage, "tools")
	if err := os.Mkdir(target, 0o755); err != nil {
		return nil, fmt.Errorf("--as-user: %w", err)
	}
	if err := copyTree(tools.lifecycle, filepath.Join(target, "lifecycle"), user); err != nil {
		return nil, err
	}
	env := []string{
		"HOME=" + filepath.Join(home, "home"),
		"GO_CNB_CACHE=" + home,
		"LAB_TOOLS=" + target,
		"GOCACHE=" + filepath.Join(home, "go-build"),
		"GOENV=off",
		"TMPDIR=" + os.TempDir(),
	}
	settings, err := hostGoSettings(ctx)
	if err != nil {
		return nil, err
	}
	for name, value := range settings {
		env = append(env, name+"="+value)
	}
	return env, nil
}
