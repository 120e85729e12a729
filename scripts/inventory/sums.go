package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// toolchainModule is the module as which upstream serves Go itself.
const toolchainModule = "golang.org/toolchain"

// sumFunc returns the h1: hash of a module at a version, verified against the checksum database.
type sumFunc func(ctx context.Context, module, version string) (string, error)

// addSums returns the known releases with the hashes of the toolchain modules of the given versions added, sorted, and
// a line for each change. A version that is not known yet gets a row with nothing but the hash. A hash other than the
// one we have is an error.
func addSums(ctx context.Context, known []Release, versions, arches []string, today time.Time, sum sumFunc) ([]Release, []string, error) {
	merged, index := catalogue(known)
	var notes []string
	for _, version := range versions {
		for _, arch := range arches {
			r := Release{Version: version, OS: "linux", Arch: arch}
			// A wrong version or architecture is found here, before anything is asked of the network.
			if err := checkTarget(r); err != nil {
				return nil, nil, err
			}
			h1, err := sum(ctx, toolchainModule, r.moduleVersion())
			if err != nil {
				return nil, nil, fmt.Errorf("hash of %s %s/%s: %w", version, r.OS, arch, err)
			}
			at, found := index[r.key()]
			if !found {
				at = len(merged)
				index[r.key()] = at
				r.Released = releaseDay(merged, version, today)
				merged = append(merged, r)
			}
			switch merged[at].H1 {
			case h1:
				continue
			case "":
				merged[at].H1 = h1
			default:
				return nil, nil, fmt.Errorf("%s %s/%s: the hash is %s, releases.csv has %s", version, r.OS, arch, h1, merged[at].H1)
			}
			notes = append(notes, fmt.Sprintf("%s %s/%s: %s", version, r.OS, arch, h1))
		}
	}
	Sort(merged)
	return merged, notes, nil
}

// checkTarget checks the version and the platform of a release that has no checksum yet.
func checkTarget(r Release) error {
	const anyHash = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	r.H1 = anyHash
	return r.Check()
}

// goCommand asks the go command for a module's hash. It runs in a directory and with a module cache of its own: a
// module that is in the user's cache already would be answered from there without asking the checksum database.
func goCommand(ctx context.Context, module, version string) (sum string, err error) {
	dir, err := os.MkdirTemp("", "inventory-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-modcacherw", "-json", module+"@"+version)
	cmd.Dir = dir
	// GOSUMDB and its companions are left as they are: the go command checks a toolchain module whatever they say, and
	// fails where it cannot. Its one exception is a GOPROXY of files alone.
	cmd.Env = append(os.Environ(), "GOMODCACHE="+filepath.Join(dir, "cache"), "GO111MODULE=on", "GOWORK=off", "GOFLAGS=", "GOTOOLCHAIN=local")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()

	// With -json the go command reports a failure in its output and may leave stderr empty.
	var answer struct{ Sum, Error string }
	decodeErr := json.Unmarshal(stdout.Bytes(), &answer)
	switch {
	case decodeErr == nil && answer.Error != "":
		return "", fmt.Errorf("go mod download: %s", answer.Error)
	case runErr != nil:
		return "", fmt.Errorf("go mod download: %w\n%s", runErr, bytes.TrimSpace(stderr.Bytes()))
	case decodeErr != nil:
		return "", fmt.Errorf("go mod download: %w", decodeErr)
	}
	return answer.Sum, nil
}
