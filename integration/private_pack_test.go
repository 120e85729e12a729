package integration

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// saysItsEnvironment makes the program of an app print the environment that it was started with.
const saysItsEnvironment = `
-- environment.go --
package main

import (
	"fmt"
	"os"
)

func init() { fmt.Println("environment:", os.Environ()) }
`

// TestPrivateDependenciesUnderPack builds with pack, with a login in a variable
// and with bindings that are directories, an app that is a clone with a token in
// its git configuration. The image that Docker has, what it prints when it runs,
// the cache and the log hold no secret.
func TestPrivateDependenciesUnderPack(t *testing.T) {
	needsEngine(t)
	git := newForge(t, "https", "git.example.com", robot+":"+password)
	module := git.hold(t, "group/sub/repo", "git.example.com/group/sub/repo")
	proxy, database := goDefaults(t)
	network := newNetwork(t, map[string]http.Handler{"https://git.example.com": git}, proxy, database)
	secrets := map[string]string{password: robot, tokenInGitConfig: "ci"}
	for _, c := range []struct {
		name, app string
		bindings  map[string]map[string]string
		env       string
	}{
		{"modules", moduleApp(module), nil, httpsVariable + "=" + robot + ":" + password},
		{"dep", depApp(module), gitCredentials("git.example.com", robot, password), "GOPROXY="},
	} {
		t.Run(c.name, func(t *testing.T) {
			image, dir, platform := "private-"+c.name+"-test", filepath.Join(t.TempDir(), "app"), t.TempDir()
			apptest.Commit(t, dir, c.app+saysItsEnvironment)
			if out, err := exec.Command("git", "-C", dir, "remote", "add", "origin", "https://ci:"+tokenInGitConfig+"@git.example.com/team/app.git").CombinedOutput(); err != nil {
				t.Fatalf("git remote add: %v\n%s", err, out)
			}
			bind(t, platform, "ca-certificates", map[string]string{"company.pem": network.PEM})
			for name, files := range c.bindings {
				bind(t, platform, name, files)
			}
			readableByAll(t, platform)
			args := []string{"--clear-cache", "--image", image, "--volume", filepath.Join(platform, "bindings") + ":/platform/bindings"}
			for _, pair := range append(network.env(), "NO_COLOR=1", "BP_LOG_LEVEL=DEBUG", privateGo, "GOPROXY=", c.env) {
				args = append(args, "--env", pair)
			}
			log, err := script(t, "pack.sh", append(args, dir)...)
			if err != nil {
				t.Fatal(err)
			}
			said, err := exec.Command("docker", "run", "--rm", "--read-only", image).CombinedOutput()
			if err != nil || !strings.Contains(string(said), module.says()) || !strings.Contains(string(said), "environment:") {
				t.Fatalf("docker run: %v\n%s", err, said)
			}
			inspected, err := exec.Command("docker", "inspect", image).Output()
			if err != nil {
				t.Fatal(err)
			}
			saved := filepath.Join(t.TempDir(), "image.tar")
			if out, err := exec.Command("docker", "save", "--output", saved, image).CombinedOutput(); err != nil {
				t.Fatalf("docker save: %v\n%s", err, out)
			}
			places := append([]string{log + "\n", string(said) + "\n", string(inspected) + "\n", saved}, cacheVolumes(t, image)...)
			sought := map[string]string{module.says(): ""}
			for secret, user := range secrets {
				sought[secret] = user
			}
			inImage := false
			for _, found := range findSecrets(t, sought, places...) {
				if strings.Contains(found, `"`+module.says()+`", `) {
					inImage = inImage || strings.Contains(found, "image.tar")
				} else {
					t.Errorf("found in %s", found)
				}
			}
			if !inImage {
				t.Error("the program's own text is not found in the image, so that secrets would not be found either")
			}
		})
	}
}

// readableByAll lets the user of a build image read files below dir.
func readableByAll(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o755) // #nosec G302 -- a test's own
	})
	if err == nil {
		err = os.Chmod(filepath.Dir(dir), 0o755) // #nosec G302 -- t.TempDir is the user's alone
	}
	if err != nil {
		t.Fatal(err)
	}
}

// cacheVolumes are the directories of the volumes that pack keeps for an image.
func cacheVolumes(t testing.TB, image string) []string {
	t.Helper()
	out, err := exec.Command("docker", "volume", "ls", "--quiet", "--filter", "name=pack-cache").Output()
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for name := range strings.FieldsSeq(string(out)) {
		if !strings.Contains(name, image) {
			continue
		}
		dir, err := exec.Command("docker", "volume", "inspect", "--format", "{{.Mountpoint}}", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadDir(strings.TrimSpace(string(dir))); err == nil { // root's alone
			dirs = append(dirs, strings.TrimSpace(string(dir)))
		}
	}
	if len(dirs) == 0 && os.Getuid() == 0 {
		t.Errorf("no cache volume of %s among:\n%s", image, out)
	}
	return dirs
}
