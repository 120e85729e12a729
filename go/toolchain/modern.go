package toolchain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// ModernGo downloads with a recent go command what this package cannot verify
// itself: the go command asks the checksum database, follows every form of
// GOPROXY and knows the company's certificates and credentials.
type ModernGo struct {
	// Find returns a Go of 1.21 or newer; it may install one first.
	Find func(ctx context.Context) (Go, error)
	// Env is the build's environment with the user's GOPROXY, but without GOSUMDB, GONOSUMDB
	// and the like: for a Go release the checksum database stays as Go sets it.
	Env []string
	// Scratch is a directory of its own for the module cache and a module to stand in.
	Scratch string
}

// Exists tells whether module golang.org/toolchain has release v for arch. It is a Lookup.
func (m *ModernGo) Exists(ctx context.Context, v Version, arch string) (bool, error) {
	_, err := m.run(ctx, "list", "-m", "golang.org/toolchain@"+moduleVersion(v, arch))
	if err == nil {
		return true, nil
	}
	if missingModule.MatchString(err.Error()) {
		return false, nil
	}
	return false, err
}

// missingModule matches how the go command says that no proxy has a module.
var missingModule = regexp.MustCompile(`404 Not Found|410 Gone|: not found|unknown revision|reading file://.*: no such file or directory`)

// download fetches the module of r into scratch and returns its zip and its
// "h1:" hash, which the go command has verified.
func (m *ModernGo) download(ctx context.Context, r Release) (file, sum string, err error) {
	out, err := m.run(ctx, "mod", "download", "-json", "golang.org/toolchain@"+r.ModuleVersion())
	var module struct{ Zip, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &module); jsonErr == nil && module.Error != "" {
		return "", "", errors.New(module.Error)
	}
	if err != nil {
		return "", "", err
	}
	if module.Zip == "" || module.Sum == "" {
		return "", "", fmt.Errorf("go mod download did not say where the module is")
	}
	return module.Zip, module.Sum, nil
}

func (m *ModernGo) run(ctx context.Context, args ...string) ([]byte, error) {
	modern, err := m.Find(ctx)
	if err != nil {
		return nil, err
	}
	// A module of our own to stand in: the app's go.mod must not decide anything here.
	if err := os.MkdirAll(m.Scratch, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(m.Scratch, "go.mod"), []byte("module scratch\n"), 0o600); err != nil {
		return nil, err
	}
	env := slices.Concat(m.Env, []string{
		"GOMODCACHE=" + m.moduleCache(), "GOPATH=" + filepath.Join(m.Scratch, "gopath"), "GOCACHE=" + filepath.Join(m.Scratch, "cache"),
		"GOFLAGS=-modcacherw", "GOTOOLCHAIN=local", "GOENV=off", "GOWORK=off", "GO111MODULE=on", "GOROOT=" + modern.Root,
	})
	return modern.Output(m.Scratch, env, args...)
}

func (m *ModernGo) moduleCache() string { return filepath.Join(m.Scratch, "modules") }

// forget removes what was downloaded: some 300 MB a release.
func (m *ModernGo) forget() error { return os.RemoveAll(m.moduleCache()) }
