package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newDockerCommand() *cobra.Command {
	var stop bool
	command := &cobra.Command{
		Use:   "docker",
		Short: "Make sure that a Docker Engine answers, or stop the one that was started for that",
		Long: `Make sure that a Docker Engine answers.

An engine that answers is left alone. Where none does, and the caller is root on Debian, the package docker.io is
installed and dockerd started in the background, with its storage and log in the cache folder.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cache, err := openCacheFolder()
			if err != nil {
				return err
			}
			if stop {
				return stopEngine(cache)
			}
			version, err := ensureEngine(cmd.Context(), cache)
			if err != nil {
				return err
			}
			fmt.Printf("Docker Engine %s answers\n", version)
			return nil
		},
	}
	command.Flags().BoolVar(&stop, "stop", false, "stop the dockerd that this command has started; any other is left alone")
	return command
}

// docker runs the docker client and gives what it prints.
func docker(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, "docker", args...)
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(output)), nil
}

// engineVersion is the version of the engine that answers.
func engineVersion(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return docker(ctx, "version", "--format", "{{.Server.Version}}")
}

// needEngine is for commands that use Docker but do not start it.
func needEngine(ctx context.Context) error {
	if _, err := engineVersion(ctx); err != nil {
		return fmt.Errorf("no Docker Engine answers: start one, or let scripts/docker.sh do it (%w)", err)
	}
	return nil
}

// ensureEngine gives the version of the engine that answers, started for it where none did.
func ensureEngine(ctx context.Context, cache cacheFolder) (string, error) {
	version, err := engineVersion(ctx)
	if err == nil {
		return version, nil
	}
	if os.Getenv("DOCKER_HOST") != "" {
		return "", fmt.Errorf("no Docker Engine answers at DOCKER_HOST=%s: start it, or unset DOCKER_HOST (%w)", os.Getenv("DOCKER_HOST"), err)
	}
	if os.Geteuid() != 0 {
		return "", fmt.Errorf("no Docker Engine answers, and only root can start one (%w)", err)
	}
	if err := installEngine(ctx); err != nil {
		return "", err
	}
	return startEngine(ctx, cache)
}

// installEngine installs Debian's package where dockerd or docker is missing.
func installEngine(ctx context.Context) error {
	_, daemonErr := exec.LookPath("dockerd")
	_, clientErr := exec.LookPath("docker")
	if daemonErr == nil && clientErr == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("Docker is not installed, and this is no Debian on which it could be: install it and start it")
	}
	return aptInstall(ctx, "docker.io")
}

// aptInstall installs Debian packages; RUNLEVEL keeps Debian from starting what it installs.
func aptInstall(ctx context.Context, packages ...string) error {
	fmt.Fprintf(os.Stderr, "Installing %s ...\n", strings.Join(packages, " "))
	for _, args := range [][]string{{"update", "-qq"}, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packages...)} {
		command := exec.CommandContext(ctx, "apt-get", args...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, output)
		}
	}
	return nil
}
