package integration

import (
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// labSite is where apps are built under the lifecycle: their caches and images lie below volume.
type labSite struct {
	network *network
	volume  string
	// secrets are those of all builds, with their users.
	secrets map[string]string
}

// tokenInGitConfig is what a checkout on a build server often has in its remote's URL.
const tokenInGitConfig = "t0ken-of-the-checkout"

// build builds an app that is a clone with a login in its git configuration, and
// looks for secrets in the log, the image and the cache, and for texts that have to be in both of the latter.
// All builds are of one image, so that Go is fetched once.
func (l *labSite) build(t *testing.T, app string, bindings map[string]map[string]string, present []string, args ...string) image {
	t.Helper()
	dir, platform := filepath.Join(t.TempDir(), "app"), t.TempDir()
	apptest.Commit(t, dir, app)
	if out, err := exec.Command("git", "-C", dir, "remote", "add", "origin", "https://ci:"+tokenInGitConfig+"@git.example.com/team/app.git").CombinedOutput(); err != nil {
		t.Fatalf("git remote add: %v\n%s", err, out)
	}
	bind(t, platform, "ca-certificates", map[string]string{"company.pem": l.network.PEM})
	for name, files := range bindings {
		bind(t, platform, name, files)
	}
	// The lab says GOPROXY, with the default of this machine's Go. Here nobody says it.
	args = append(slices.Clone(args), "--platform-dir", platform, "--env", privateGo, "--env", "BP_LOG_LEVEL=DEBUG", "--env", "GOPROXY=")
	for _, pair := range l.network.env() {
		args = append(args, "--env", pair)
	}
	built := build(t, l.volume, "private", dir, args...)
	sought := maps.Clone(l.secrets)
	for _, text := range present {
		sought[text] = ""
	}
	for _, part := range []string{"cache", "layouts"} {
		found := findSecrets(t, sought, built.log+"\n", filepath.Join(l.volume, "private", part))
		for _, text := range present {
			mark := fmt.Sprintf(": %q, ", text)
			if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, mark) }) {
				t.Errorf("%q is not found in the %s, so that secrets would not be found either", text, part)
			}
			found = slices.DeleteFunc(found, func(f string) bool { return strings.Contains(f, mark) })
		}
		for _, f := range found {
			t.Errorf("found in %s", f)
		}
	}
	return built
}

// underLifecycle looks for secrets in the image and the cache, as registries and disks get them.
func underLifecycle(t *testing.T, _ string) {
	needsSandbox(t)
	git := newForge(t, "https", "git.example.com", robot+":"+password)
	modules := []private{git.hold(t, "group/sub/repo", "git.example.com/group/sub/repo"), git.hold(t, "lib", "git.example.com/lib.git")}
	proxy, database := goDefaults(t)
	const wrong = "what-was-mistyped"
	l := &labSite{
		network: newNetwork(t, map[string]http.Handler{"https://git.example.com": git}, proxy, database), volume: t.TempDir(),
		secrets: map[string]string{password: robot, wrong: robot, tokenInGitConfig: "ci"},
	}
	t.Run("modules", func(t *testing.T) {
		built := l.build(t, moduleApp(modules...), nil, []string{modules[0].says()}, "--env", httpsVariable+"="+robot+":"+password)
		if built.ExitCode != 0 {
			t.Errorf("exit code %d", built.ExitCode)
		}
	})
	t.Run("dep", func(t *testing.T) {
		built := l.build(t, depApp(modules...), gitCredentials("git.example.com", robot, password), []string{modules[0].says()})
		if built.ExitCode != 0 {
			t.Errorf("exit code %d", built.ExitCode)
		}
	})
	t.Run("wrong login", func(t *testing.T) {
		built := l.build(t, moduleApp(modules...), nil, nil, "--env", httpsVariable+"="+robot+":"+wrong)
		if built.ExitCode == 0 || !strings.Contains(built.log, httpsVariable) {
			t.Errorf("exit code %d", built.ExitCode)
		}
	})
	t.Run("ssh", func(t *testing.T) {
		forge := newSSHForge(t, "git.example.org")
		module := forge.hold(t, "team/lib", "git.example.org/team/lib.git")
		l.secrets[strings.Split(forge.Key, "\n")[3]] = ""
		built := l.build(t, moduleApp(module), map[string]map[string]string{"git-ssh": {
			"ssh-privatekey": forge.Key, "known_hosts": "git.example.org " + forge.HostKey + "\n",
		}}, []string{module.says()}, "--mount", forge.hosts+":/etc/hosts")
		if asked := forge.requests(t); built.ExitCode != 0 || len(asked) == 0 {
			t.Errorf("exit code %d, the server was asked %q", built.ExitCode, asked)
		}
	})
}
