package deps

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Download fetches every module of the app's build list into the module cache
// of env with the go command modern, and returns their number. go.mod and
// go.sum are not touched: the go command works on copies in scratch.
func (a ModuleApp) Download(modern toolchain.Go, env []string, scratch string) (int, error) {
	dir := filepath.Join(scratch, "go.mod-copy")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	copied := filepath.Join(dir, "go.mod")
	for from, to := range map[string]string{a.GoMod: copied, filepath.Join(filepath.Dir(a.GoMod), "go.sum"): filepath.Join(dir, "go.sum")} {
		data, err := os.ReadFile(from)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			return 0, err
		}
	}
	env = append(env[:len(env):len(env)], "GOFLAGS=-mod=mod -modcacherw '-modfile="+copied+"'")
	var out, complaints bytes.Buffer
	runErr := modern.Run(a.WorkDir, env, &out, &complaints, "mod", "download", "-json")
	n, err := countDownloads(&out)
	if err == nil && runErr != nil {
		err = fmt.Errorf("%w: %s", runErr, bytes.TrimSpace(complaints.Bytes()))
	}
	if err != nil {
		return 0, fmt.Errorf("the modules of go.mod cannot be downloaded: %w", err)
	}
	return n, nil
}

// countDownloads reads the output of "go mod download -json": one object for each module.
func countDownloads(out io.Reader) (int, error) {
	var failed []error
	for n, decoder := 0, json.NewDecoder(out); ; n++ {
		var m struct{ Path, Version, Error string }
		switch err := decoder.Decode(&m); {
		case errors.Is(err, io.EOF):
			return n, errors.Join(failed...)
		case err != nil:
			return 0, err
		}
		if m.Error != "" {
			failed = append(failed, fmt.Errorf("%s@%s: %s", m.Path, m.Version, m.Error))
		}
	}
}
