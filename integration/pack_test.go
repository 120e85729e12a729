package integration

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// needsEngine skips where no Docker Engine answers. scripts/docker.sh starts one
// on Debian for root; a user's own machine is not changed by a test.
func needsEngine(t testing.TB) {
	t.Helper()
	needsProxy(t)
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no Docker Engine answers: %s", out)
		}
		t.Skip("SKIPPED: no Docker Engine answers; scripts/docker.sh starts one on Debian, as root")
	}
	if out, err := script(t, "builder.sh"); err != nil {
		t.Fatalf("scripts/builder.sh: %v\n%s", err, out)
	}
}

func TestPackBuildsTheSampleAndItsContainerAnswers(t *testing.T) {
	needsEngine(t)
	app := copied(t, sample("hello"))
	first, err := script(t, "pack.sh", "--clear-cache", "--image", "hello-test", "--env", "NO_COLOR=1", app)
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, first, `Installed Go 1\.`, `web +hello +\(default\)`)
	answers(t, "hello-test", "Hello from go1.")

	replaceIn(t, app+"/main.go", "Hello from", "Good day from")
	second, err := script(t, "pack.sh", "--image", "hello-test", "--env", "NO_COLOR=1", app)
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, second, `is still here from an earlier build`, `none downloaded`)
	answers(t, "hello-test", "Good day from go1.")
}

func TestPackBuildsARealApplication(t *testing.T) {
	needsEngine(t)
	log, err := script(t, "pack.sh", "--image", "httpbin-test", "--env", "NO_COLOR=1", "--env", "BP_GO_TARGETS=./cmd/go-httpbin", httpbin(t))
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, log, `web +go-httpbin +\(default\)`, `static`)
	answers(t, "httpbin-test", "go-httpbin")
}

// answers runs the image as its own user, who is not root, on a run image that
// has no shell, and looks for text in its answer.
func answers(t *testing.T, image, text string) {
	t.Helper()
	if _, err := script(t, "lab.sh", "docker-run", "--image", image, "--read-only", "--expect", text); err != nil {
		t.Error(err)
	}
	user, err := exec.Command("docker", "inspect", "--format", "{{.Config.User}}", image).Output()
	if err != nil {
		t.Fatal(err)
	}
	if u := strings.TrimSpace(string(user)); u == "" || strings.HasPrefix(u, "0") || strings.HasPrefix(u, "root") {
		t.Errorf("the image runs as %q", u)
	}
	if out, err := exec.Command("docker", "run", "--rm", "--entrypoint", "/bin/sh", image, "-c", "true").CombinedOutput(); err == nil {
		t.Errorf("the run image has a shell: %s", out)
	}
}
