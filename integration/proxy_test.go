package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// makeProxy makes a module proxy, a tree of files, in the directory to, out of
// the directories PATH@VERSION below from. A file .revision in one holds the
// commit that the version is, which the proxy then answers for too, as those of
// git repositories do.
func makeProxy(from, to string) error {
	return filepath.WalkDir(from, func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || !strings.Contains(entry.Name(), "@") {
			return err
		}
		rel, err := filepath.Rel(from, dir)
		if err != nil {
			return err
		}
		path, version, _ := strings.Cut(filepath.ToSlash(rel), "@")
		if err := addToProxy(to, dir, module.Version{Path: path, Version: version}); err != nil {
			return err
		}
		return fs.SkipDir
	})
}

func addToProxy(proxy, dir string, m module.Version) error {
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		return err
	}
	goMod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		goMod, err = []byte("module "+m.Path+"\n"), nil // as proxies do for what is older than modules
	}
	if err != nil {
		return err
	}
	revision, err := os.ReadFile(filepath.Join(dir, ".revision"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	commit := strings.TrimSpace(string(revision))
	answer := map[string]any{"Version": m.Version, "Time": "2016-09-29T01:48:01Z"}
	if commit != "" {
		answer["Origin"] = map[string]string{"VCS": "git", "Hash": commit}
	}
	info, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	var zip bytes.Buffer
	if err := modzip.CreateFromDir(&zip, m, dir); err != nil {
		return err
	}
	files := map[string][]byte{m.Version + ".info": info, m.Version + ".mod": goMod, m.Version + ".zip": zip.Bytes()}
	if commit != "" {
		files[commit+".info"] = info
	}
	to := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(to, name), content, 0o600); err != nil {
			return err
		}
	}
	list, err := os.OpenFile(filepath.Join(to, "list"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = list.WriteString(m.Version + "\n")
	return errors.Join(err, list.Close())
}
