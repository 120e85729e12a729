package ci

import (
	"maps"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// result is what one run of a pipeline came to.
type result struct {
	log string
	// digest is what the pipeline hands on as the digest of the image.
	digest string
}

// example is a file of docs/ci.
type example struct {
	system string
	// version is the version of the library that the app needs: each system fetches one that is in no cache.
	version string
	// mask is the umask with which the system fetches the app.
	mask string
	// user is who the git server sees.
	user string
	// open are the paths of the image that everybody may write to, beside /tmp.
	open map[string]bool
	// run does what the system does with the file: it builds the checkout of a commit.
	run func(t testing.TB, s *site, checkout, commit string) result
}

// TestPipelinesPublishImages runs each pipeline twice. The registry and the cache image in it are the same for all, so
// that each finds what the one before it has kept.
func TestPipelinesPublishImages(t *testing.T) {
	needsEngine(t)
	s := newSite(t)
	for _, p := range []example{
		{"GitHub Actions", "v1.0.1", "022", gitUser, map[string]bool{}, runOnGitHub},
		{"GitLab", "v1.0.2", "000", jobUser, map[string]bool{}, runOnGitLab},
		{"Tekton", "v1.0.3", "022", gitUser, map[string]bool{"workspace": true}, runOnTekton},
		{"GitHub Actions with pack", "v1.0.4", "022", gitUser, map[string]bool{"workspace": true}, runPackOnGitHub},
	} {
		t.Run(p.system, func(t *testing.T) { p.test(t, s) })
	}
}

func (p example) test(t *testing.T, s *site) {
	a := s.forge.newApp(t, p.version)
	s.forge.visitors()
	first := p.build(t, s, a)
	wantLines(t, first.log, `1 module, 1 downloaded`, `(?m)^ *example\.com/my-app/cmd/web$`, `web +web +\(default\)`)
	if diff := cmp.Diff(map[string]bool{p.user: true}, s.forge.visitors()); diff != "" {
		t.Errorf("who was at the git server (-want +got):\n%s", diff)
	}
	kept := s.published(t, "apps/my-app/cache", "latest").layers()

	second := p.build(t, s, a)
	wantLines(t, second.log, `is still here from an earlier build`, `1 module, none downloaded`)
	if compiled := regexp.MustCompile(`(?m)^ *example\.com/my-app/cmd/web$`).FindString(second.log); compiled != "" {
		t.Errorf("the second build compiled %s again", compiled)
	}
	if visitors := s.forge.visitors(); len(visitors) > 0 {
		t.Errorf("the second build was at the git server: %v", visitors)
	}
	if first.digest != second.digest {
		t.Errorf("two builds of one commit gave %s and %s", first.digest, second.digest)
	}
	if diff := cmp.Diff(kept, s.published(t, "apps/my-app/cache", "latest").layers()); diff != "" || len(kept) == 0 {
		t.Errorf("the second build changed the layers of the cache image (-first +second):\n%s", diff)
	}
	p.look(t, s, a, second.digest)
}

// build runs the pipeline on a fresh checkout, which is left as it was.
func (p example) build(t *testing.T, s *site, a app) result {
	t.Helper()
	checkout := a.checkout(t, p.mask)
	built := p.run(t, s, checkout, a.commit)
	if changed := git(t, checkout, "status", "--porcelain"); changed != "" {
		t.Errorf("the build changed the checkout:\n%s", changed)
	}
	if in := found([]byte(built.log), secrets...); len(in) > 0 {
		t.Errorf("the log has the secrets %q", in)
	}
	return built
}

// secrets are what may be in no log and no image.
var secrets = []string{gitPassword, jobToken, registryPassword, basic(registryUser, registryPassword)}

// look looks at the image that was published.
func (p example) look(t *testing.T, s *site, a app, digest string) {
	t.Helper()
	for _, tag := range []string{"latest", a.commit} {
		if got := s.published(t, "apps/my-app", tag).digest; got != digest {
			t.Errorf("the tag %s is %s, the pipeline says %q", tag, got, digest)
		}
	}
	config, layers := s.content(t, s.published(t, "apps/my-app", "latest"))
	open, says := map[string]bool{}, false
	for _, content := range append(layers, config) {
		if in := found(content, append(secrets, "Command web answers")...); len(in) > 0 {
			t.Errorf("the image has %q", in)
		}
		says = says || len(found(content, a.text)) > 0
	}
	if !says {
		t.Error("the program's own text is not found in the image, so that secrets would not be found either")
	}
	for _, layer := range layers {
		maps.Copy(open, openPaths(t, layer))
	}
	if diff := cmp.Diff(p.open, open); diff != "" {
		t.Errorf("what everybody may write to in the image (-want +got):\n%s", diff)
	}
	p.start(t, s, a)
}

// start pulls the image and asks it for a page.
func (p example) start(t *testing.T, s *site, a app) {
	t.Helper()
	image := s.image("apps/my-app:" + a.commit)
	must(t, s.command("pull", "--quiet", image))
	defer func() { must(t, exec.Command("docker", "rmi", image)) }()
	const revision = `{{index .Config.Labels "org.opencontainers.image.revision"}}`
	if got := must(t, exec.Command("docker", "inspect", "--format", revision, image)); got != a.commit {
		t.Errorf("the image is labelled with the revision %q, want %s", got, a.commit)
	}
	if dir := must(t, exec.Command("docker", "inspect", "--format", "{{.Config.WorkingDir}}", image)); dir != "/workspace" {
		t.Errorf("the directory of the app is %s in the image", dir)
	}
	if _, err := script(t, "lab.sh", "docker-run", "--image", image, "--read-only", "--expect", a.text); err != nil {
		t.Error(err)
	}
}

// TestShellOfThePipelines has shellcheck look at the shell that actionlint does not see.
func TestShellOfThePipelines(t *testing.T) {
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("SKIPPED: no shellcheck; apt-get install shellcheck")
	}
	objects, err := decodeTekton(file(t, "tekton.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"gitlab-ci.yml": readGitLabJob(t).shell(), "tekton.yaml": objects.step(t, "0123456789").Script,
	} {
		t.Run(name, func(t *testing.T) {
			check := exec.Command(shellcheck, "--shell", "sh", "-")
			check.Stdin = strings.NewReader(text)
			if out, err := check.CombinedOutput(); err != nil || len(text) < 100 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// container is a container that a CI system starts for a job.
type container struct {
	image string
	// options are further options of docker run.
	options []string
	// mounts are directories of the host by where they are in the container, with :ro at its end for one that cannot be
	// written to.
	mounts map[string]string
	env    map[string]string
	// command is the entry point with its arguments.
	command []string
}

// run runs the container to its end on the host's network, where the registry is. It has no more rights than any, and
// no socket of the engine.
func (c container) run(t testing.TB) (string, error) {
	t.Helper()
	args := []string{"run", "--rm", "--network", "host"}
	for target, dir := range c.mounts {
		args = append(args, "--volume", dir+":"+target)
	}
	environment := []string{}
	for name, value := range c.env {
		args = append(args, "--env", name)
		environment = append(environment, name+"="+value)
	}
	args = append(append(args, c.options...), "--entrypoint", c.command[0], c.image)
	cmd := exec.Command("docker", append(args, c.command[1:]...)...)
	cmd.Env = append(cmd.Environ(), environment...)
	return output(t, cmd)
}

// mustRun is run for what has to succeed.
func (c container) mustRun(t testing.TB) string {
	t.Helper()
	log, err := c.run(t)
	if err != nil {
		t.Fatalf("the job failed: %v", err)
	}
	return log
}

// replaced replaces references in a text by what they stand for; one that is not in values fails the test.
func replaced(t testing.TB, text string, reference *regexp.Regexp, values map[string]string) string {
	t.Helper()
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		name := reference.FindStringSubmatch(found)[1]
		value, ok := values[name]
		if !ok {
			t.Fatalf("%s refers to %s, which the test does not know", text, name)
		}
		return value
	})
}

// outputOf is the value of a variable in the file of a job's outputs, NAME=VALUE lines.
func outputOf(t testing.TB, lines, name string) string {
	t.Helper()
	for line := range strings.Lines(lines) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.TrimSuffix(value, "\n")
		}
	}
	t.Errorf("the job put out no %s: %q", name, lines)
	return ""
}
