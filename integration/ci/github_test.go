package ci

import (
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// TestWorkflowsFollowGitHubActionsSyntax has actionlint look at the workflows, and shellcheck at their shell where it is
// installed.
func TestWorkflowsFollowGitHubActionsSyntax(t *testing.T) {
	for _, name := range []string{"github-actions.yaml", "github-actions-pack.yaml"} {
		t.Run(name, func(t *testing.T) {
			for _, problem := range lintWorkflow(t, file(t, name)) {
				t.Error(problem)
			}
		})
	}
	broken := bytes.Replace(file(t, "github-actions.yaml"), []byte("steps.build.outputs"), []byte("steps.other.outputs"), 1)
	if problems := lintWorkflow(t, broken); len(problems) == 0 {
		t.Error("actionlint sees no problem in a workflow that refers to a step that it does not have")
	}
}

func lintWorkflow(t testing.TB, workflow []byte) []*actionlint.Error {
	t.Helper()
	shellcheck, _ := exec.LookPath("shellcheck")
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Shellcheck: shellcheck})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.Lint("image.yaml", workflow, nil)
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

// expression is an expression of GitHub Actions.
var expression = regexp.MustCompile(`\$\{\{ *([\w.]+) *\}\}`)

// githubJob is the only job of a workflow, with the only step of it that runs a script.
type githubJob struct {
	container *actionlint.Container
	env       map[string]string
	script    string
}

// readGitHubJob reads a workflow as that of a company with the registry, and replaces the secrets by what they are there.
func (s *site) readGitHubJob(t testing.TB, name string) githubJob {
	t.Helper()
	workflow, problems := actionlint.Parse(bytes.ReplaceAll(file(t, name), []byte("registry.example.com"), []byte(s.registry)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	job := workflow.Jobs["image"]
	read := githubJob{container: job.Container, env: map[string]string{}}
	for _, step := range job.Steps {
		run, ok := step.Exec.(*actionlint.ExecRun)
		if !ok {
			continue // an action
		}
		read.script = run.Run.Value
		for _, env := range []*actionlint.Env{workflow.Env, job.Env, step.Env} {
			if env == nil {
				continue
			}
			for _, variable := range env.Vars {
				read.env[variable.Name.Value] = replaced(t, variable.Value.Value, expression, map[string]string{
					"secrets.REGISTRY_USER": registryUser, "secrets.REGISTRY_PASSWORD": registryPassword,
					"secrets.GIT_LOGIN": gitUser + ":" + gitPassword,
				})
			}
		}
	}
	if read.script == "" {
		t.Fatalf("%s has no step with a script", name)
	}
	return read
}

// runOnGitHub runs the job as the runner does: in a container with the checkout in it, whose shell is sh.
func runOnGitHub(t testing.TB, s *site, checkout, commit string) result {
	job := s.readGitHubJob(t, "github-actions.yaml")
	temp := open(t)
	write(t, filepath.Join(temp, "script.sh"), job.script)
	write(t, filepath.Join(temp, "output"), "")
	env := maps.Clone(job.env)
	maps.Copy(env, map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "HOME": "/github/home",
		"GITHUB_WORKSPACE": "/__w/my-app/my-app", "GITHUB_SHA": commit, "GITHUB_OUTPUT": "/__w/_temp/output",
	})
	log := container{
		image: job.container.Image.Value, options: append(strings.Fields(job.container.Options.Value), "--workdir", "/__w/my-app/my-app"),
		mounts: map[string]string{"/__w/my-app/my-app": checkout, "/__w/_temp": temp, "/github/home": t.TempDir()},
		env:    env, command: []string{"sh", "-e", "/__w/_temp/script.sh"},
	}.mustRun(t)
	return result{log, outputOf(t, read(t, filepath.Join(temp, "output")), "digest")}
}

// runPackOnGitHub runs the job on this machine, as the runner does where a job names no container: its shell is bash.
// pack is the lab's, as if the action setup-pack had put it there.
func runPackOnGitHub(t testing.TB, s *site, checkout, commit string) result {
	job := s.readGitHubJob(t, "github-actions-pack.yaml")
	temp := t.TempDir()
	write(t, filepath.Join(temp, "output"), "")
	// The registry is on the host's loopback interface, where no container of a bridge gets to; and the builder image, which
	// the engine has, is in no registry.
	pack := filepath.Join(temp, "bin", "pack")
	write(t, pack, "#!/bin/sh\n[ \"$1\" != build ] || set -- \"$@\" --network host --pull-policy if-not-present\nexec '"+tool(t, "pack")+"' \"$@\"\n")
	if err := os.Chmod(pack, 0o755); err != nil { // #nosec G302 -- a program
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-e", "-c", job.script)
	cmd.Dir = checkout
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(pack)+":"+os.Getenv("PATH"), "PACK_HOME="+filepath.Join(temp, "pack-home"),
		"DOCKER_CONFIG="+filepath.Join(temp, "docker"), "CI=true", "GITHUB_ACTIONS=true",
		"GITHUB_WORKSPACE="+checkout, "GITHUB_SHA="+commit, "GITHUB_OUTPUT="+filepath.Join(temp, "output"), "RUNNER_TEMP="+temp)
	for name, value := range job.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	log, err := output(t, cmd)
	if err != nil {
		t.Fatalf("the job failed: %v", err)
	}
	return result{log, outputOf(t, read(t, filepath.Join(temp, "output")), "digest")}
}

// tool is a program that `lab tools` names.
func tool(t testing.TB, name string) string {
	t.Helper()
	tools, err := script(t, "lab.sh", "tools")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(tools) {
		if path, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(path)
		}
	}
	t.Fatalf("lab tools names no %s:\n%s", name, tools)
	return ""
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// basic is a login as it stands in an Authorization header.
func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}
