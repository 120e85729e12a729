package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

var (
	environmentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	imageName       = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
)

// parseAssignment reads "NAME=VALUE", or "NAME" alone for the value that lookup knows, as pack and docker do. known is
// false for a NAME alone that has no value.
func parseAssignment(text string, lookup func(string) (string, bool)) (name, value string, known bool, err error) {
	name, value, given := strings.Cut(text, "=")
	if !environmentName.MatchString(name) {
		return "", "", false, fmt.Errorf("%q does not set an environment variable: write NAME=VALUE", text)
	}
	if given {
		return name, value, true, nil
	}
	value, known = lookup(name)
	return name, value, known, nil
}

// parseEnvironmentFile reads one assignment a line; empty lines and lines that start with # do not count.
func parseEnvironmentFile(file io.Reader, lookup func(string) (string, bool)) (map[string]string, error) {
	variables := map[string]string{}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, known, err := parseAssignment(line, lookup)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if known {
			variables[name] = value
		}
	}
	return variables, lines.Err()
}

// environment puts together what --env-file and --env ask for; --env wins.
func environment(assignments, files []string) (map[string]string, error) {
	variables := map[string]string{}
	for _, path := range files {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("--env-file: %w", err)
		}
		read, err := parseEnvironmentFile(file, os.LookupEnv)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("--env-file %s: %w", path, err)
		}
		for name, value := range read {
			variables[name] = value
		}
	}
	for _, assignment := range assignments {
		name, value, known, err := parseAssignment(assignment, os.LookupEnv)
		if err != nil {
			return nil, fmt.Errorf("--env: %w", err)
		}
		if known {
			variables[name] = value
		}
	}
	return variables, nil
}

// imageNameFor makes an image name out of the app directory's name.
func imageNameFor(dir string) string {
	base, err := filepath.Abs(dir)
	if err != nil {
		base = dir
	}
	name := strings.ToLower(filepath.Base(base))
	name = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(name, "-")
	if name = strings.Trim(name, "-"); name == "" {
		return "app"
	}
	return name
}

// checkImageName keeps names to what is both one folder's name and one component of an image reference.
func checkImageName(name string) error {
	if !imageName.MatchString(name) {
		return fmt.Errorf("--image %q: use lower-case letters, digits and single . _ or - between them", name)
	}
	return nil
}

// oneApp checks that the arguments are one app directory.
func oneApp(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one app directory, not %d: %q; --help shows how", len(args), args)
	}
	return nil
}

// splitAtDash parts the arguments before "--" from those after it, given cobra's ArgsLenAtDash.
func splitAtDash(args []string, dash int) (before, after []string) {
	if dash < 0 {
		return args, nil
	}
	return args[:dash], args[dash:]
}
