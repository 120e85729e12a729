// Package apptest makes apps and module proxies out of txtar archives and gives
// tests the go command of this machine, cut off from the network and from the
// settings of whoever runs them.
package apptest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/paketo-buildpacks/libpak/v2/effect"
	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Write writes the files of a txtar archive below dir.
func Write(t testing.TB, dir, archive string) {
	t.Helper()
	if err := txtar.Write(txtar.Parse([]byte(archive)), dir); err != nil {
		t.Fatal(err)
	}
}

// Proxy makes a module proxy out of an archive whose files are called
// PATH@VERSION/FILE and returns the URL for GOPROXY. A module without a go.mod
// is served with the one that proxies make up.
func Proxy(t testing.TB, archive string) string {
	t.Helper()
	root, sources := t.TempDir(), t.TempDir()
	Write(t, sources, archive)
	done := map[string]bool{}
	for _, file := range txtar.Parse([]byte(archive)).Files {
		path, rest, _ := strings.Cut(file.Name, "@")
		version, _, _ := strings.Cut(rest, "/")
		if done[path+"@"+version] {
			continue
		}
		done[path+"@"+version] = true
		source := filepath.Join(sources, path+"@"+version)
		goMod, err := os.ReadFile(filepath.Join(source, "go.mod"))
		if os.IsNotExist(err) {
			goMod, err = []byte("module "+path+"\n"), nil
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := json.Marshal(map[string]string{"Version": version, "Time": "2020-01-01T00:00:00Z"})
		if err != nil {
			t.Fatal(err)
		}
		var zip bytes.Buffer
		if err := modzip.CreateFromDir(&zip, module.Version{Path: path, Version: version}, source); err != nil {
			t.Fatal(err)
		}
		escaped, err := module.EscapePath(path)
		if err != nil {
			t.Fatal(err)
		}
		put := func(name string, content []byte) {
			t.Helper()
			file := filepath.Join(root, filepath.FromSlash(escaped), "@v", name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			old, err := os.ReadFile(file)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if name == "list" {
				content = append(old, content...)
			}
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		put("list", []byte(version+"\n"))
		put(version+".info", info)
		put(version+".mod", goMod)
		put(version+".zip", zip.Bytes())
	}
	return "file://" + filepath.ToSlash(root)
}

// Go is the go command of this machine.
func Go(t testing.TB) toolchain.Go {
	t.Helper()
	goEnv, err := localGo()
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(goEnv.GOVERSION, " ") // "go1.26.8 X:experiment"
	v, err := toolchain.ParseVersion(version)
	if err != nil {
		t.Fatal(err)
	}
	return toolchain.Go{Root: goEnv.GOROOT, Version: v, Exec: effect.CommandExecutor{}}
}

var localGo = sync.OnceValues(func() (e struct{ GOROOT, GOVERSION string }, err error) {
	command := exec.Command("go", "env", "-json", "GOROOT", "GOVERSION")
	command.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	out, err := command.Output()
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(out, &e)
})

// shared is the home directory of all tests of a package, with one fresh GOCACHE.
var shared string

// Main runs the tests of a package.
func Main(m *testing.M) int {
	var err error
	if shared, err = os.MkdirTemp("", "go-cnb-tests"); err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(shared) }()
	// The go command's telemetry would write to the home directory in the background.
	telemetry := filepath.Join(shared, ".config", "go", "telemetry")
	if err := os.MkdirAll(telemetry, 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(telemetry, "mode"), []byte("off"), 0o600); err != nil {
		panic(err)
	}
	return m.Run()
}

// Env is an environment for the go command as the build makes it: complete,
// without network, with a module cache of its own. Of several variables of one name the last counts.
func Env(t testing.TB, variables ...string) []string {
	t.Helper()
	return append([]string{
		"PATH=" + filepath.Join(Go(t).Root, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + shared, "GOPATH=" + t.TempDir(), "GOCACHE=" + filepath.Join(shared, "gocache"),
		"GOENV=off", "GOTOOLCHAIN=local", "GO111MODULE=on", "GOWORK=off",
		"GOPROXY=off", "GONOSUMDB=*", "GOFLAGS=-modcacherw",
		// What the person at this machine has set for git does not matter.
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C",
	}, variables...)
}

// Lookup returns the value that counts of a variable in env.
func Lookup(env []string, name string) string {
	value := ""
	for _, pair := range env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}
