package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const toolsModule = "github.com/Scalingo/go-cnb/tools"

// repositoryRoot finds the work tree that the tools' versions and the buildpack are taken from.
func repositoryRoot() (string, error) {
	if root := os.Getenv("GO_CNB_ROOT"); root != "" {
		if !isRepository(root) {
			return "", fmt.Errorf("GO_CNB_ROOT=%s holds no tools/go.mod of %s: set it to the root of the repository", root, toolsModule)
		}
		return root, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		if isRepository(dir) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("this directory is not in the buildpack's repository: use scripts/lab.sh, or set GO_CNB_ROOT to the root of the repository")
		}
		dir = parent
	}
}

func isRepository(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "tools", "go.mod"))
	return err == nil && strings.Contains(string(text), "module "+toolsModule+"\n")
}

// defaultBuildpack is where scripts/build.sh leaves the buildpack.
func defaultBuildpack() (string, error) {
	root, err := repositoryRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "build", "buildpack")
	if _, err := os.Stat(filepath.Join(dir, "buildpack.toml")); err != nil {
		return "", fmt.Errorf("no buildpack in %s: run scripts/build.sh first, or name one with --buildpack", dir)
	}
	return dir, nil
}
