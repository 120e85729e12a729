package deps

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// MadeModule is an app without a lock that is made a module, in a copy.
type MadeModule struct {
	// Maker is the go command that does it, of Go 1.16 or newer, and Env its environment.
	Maker toolchain.Go
	Env   []string
	// Dir holds the copy.
	Dir string
}

// Init makes the code a module of that path for Go v.
func (m MadeModule) Init(importPath string, v toolchain.Version) error {
	return m.run([]string{"mod", "init", importPath}, []string{"mod", "edit", "-go=" + v.Line()})
}

// GetLatest adds the latest versions of the modules that its packages import.
func (m MadeModule) GetLatest() error {
	get := []string{"get", "./..."}
	if !m.Maker.Version.Has(toolchain.Workspaces) {
		get = []string{"get", "-d", "./..."} // up to Go 1.17 it compiles and installs otherwise
	}
	return m.run(get)
}

func (m MadeModule) run(commands ...[]string) error {
	env := slices.Concat(m.Env, []string{"GO111MODULE=on", "GOFLAGS=-modcacherw", "GOWORK=off"})
	for _, args := range commands {
		var complaints bytes.Buffer
		if err := m.Maker.Run(m.Dir, env, &complaints, &complaints, args...); err != nil {
			return fmt.Errorf("the app cannot be made a module (go %s %s): %w\n%s\nCommit go.mod and go.sum, or the packages below vendor/",
				args[0], args[1], err, bytes.TrimSpace(complaints.Bytes()))
		}
	}
	return nil
}
