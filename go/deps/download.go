package deps

import (
	"bytes"
	"cmp"
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
// go.sum are not touched: the go command works on copies in scratch. That of a
// workspace reads the app's own.
func (a ModuleApp) Download(modern toolchain.Go, env []string, scratch string) (int, error) {
	flags := "-modcacherw"
	if a.GoWork == "" {
		copied, err := a.copyGoMod(scratch)
		if err != nil {
			return 0, err
		}
		flags += " -mod=mod '-modfile=" + copied + "'"
	}
	env = append(env[:len(env):len(env)], "GOFLAGS="+flags)
	var out, complaints bytes.Buffer
	runErr := modern.Run(a.WorkDir, env, &out, &complaints, "mod", "download", "-json")
	n, err := countDownloads(&out)
	if err == nil && runErr != nil {
		err = fmt.Errorf("%w: %s", runErr, bytes.TrimSpace(complaints.Bytes()))
	}
	if err != nil {
		return 0, fmt.Errorf("the modules of %s cannot be downloaded: %w", filepath.Base(cmp.Or(a.GoWork, a.GoMod)), err)
	}
	return n, nil
}

// copyGoMod copies go.mod and go.sum to a directory of scratch and returns the path of the former there.
func (a ModuleApp) copyGoMod(scratch string) (string, error) {
	dir := filepath.Join(scratch, "go.mod-copy")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	copied := filepath.Join(dir, "go.mod")
	for from, to := range map[string]string{a.GoMod: copied, filepath.Join(filepath.Dir(a.GoMod), "go.sum"): filepath.Join(dir, "go.sum")} {
		data, err := os.ReadFile(from)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			return "", err
		}
	}
	return copied, nil
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
