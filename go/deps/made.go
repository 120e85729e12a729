package deps

import (
	"bytes"
	"fmt"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// MakeModule makes the code in dir a module of that path for Go v, with the
// latest versions of the modules that its packages import. maker, of Go 1.16 or newer, does it.
func MakeModule(maker toolchain.Go, env []string, dir, importPath string, v toolchain.Version) error {
	env = append(env[:len(env):len(env)], "GO111MODULE=on", "GOFLAGS=-modcacherw", "GOWORK=off")
	get := []string{"get", "./..."}
	if !maker.Version.Has(toolchain.Workspaces) {
		get = []string{"get", "-d", "./..."} // up to Go 1.17 it compiles and installs otherwise
	}
	for _, args := range [][]string{{"mod", "init", importPath}, {"mod", "edit", "-go=" + v.Line()}, get} {
		var complaints bytes.Buffer
		if err := maker.Run(dir, env, &complaints, &complaints, args...); err != nil {
			return fmt.Errorf("the app cannot be made a module (go %s %s): %w\n%s\nCommit go.mod and go.sum, or the packages below vendor/",
				args[0], args[1], err, bytes.TrimSpace(complaints.Bytes()))
		}
	}
	return nil
}
