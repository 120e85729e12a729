package ci

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// schemaPackage is a package for Node.js that has GitLab's own JSON schema of pipelines in it.
const schemaPackage = "gitlab-ci-local@4.61.1"

// TestPipelineFollowsGitLabsSchema validates the file by the schema that GitLab's editor has.
func TestPipelineFollowsGitLabsSchema(t *testing.T) {
	schema := gitlabSchema(t)
	data := file(t, "gitlab-ci.yml")
	if err := schema.Validate(decodeYAML(t, data)); err != nil {
		t.Errorf("%#v", err)
	}
	for name, change := range map[string][2]string{
		"a keyword that is none": {"entrypoint:", "entry_point:"},
		"a report that is none":  {"dotenv:", "dot_env:"},
		"a wrong type":           {"resource_group: image", "resource_group: [image]"},
	} {
		broken := bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1)
		if err := schema.Validate(decodeYAML(t, broken)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func decodeYAML(t testing.TB, data []byte) any {
	t.Helper()
	text, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// gitlabSchema has npm fetch the package and takes the schema out of it.
func gitlabSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: -short; run without it to fetch GitLab's schema")
	}
	for _, program := range []string{"npm", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: no %s, which gets GitLab's schema; apt-get install npm", program)
		}
	}
	dir := t.TempDir()
	fetch := exec.Command("npm", "pack", "--silent", schemaPackage)
	fetch.Dir = dir
	if out, err := fetch.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("npm pack %s: %v\n%s", schemaPackage, err, out)
		}
		t.Skipf("SKIPPED: npm could not fetch %s, which has GitLab's schema; see what npm config get registry says: %s", schemaPackage, out)
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("npm pack left %v, %v", archives, err)
	}
	must(t, exec.Command("tar", "--extract", "--file", archives[0], "--directory", dir))
	text := must(t, exec.Command("node", "--input-type=module", "--eval",
		"import {schema} from 'file://"+dir+"/package/src/schema/schema.js'; process.stdout.write(JSON.stringify(schema))"))
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("gitlab-ci.json", schema); err != nil {
		t.Fatal(err)
	}
	return compiler.MustCompile("gitlab-ci.json")
}

// gitlabJob are the fields of a job of GitLab CI that the test plays the runner of.
type gitlabJob struct {
	Image struct {
		Name       string
		Entrypoint []string
	}
	Variables map[string]string
	Script    []string
	Artifacts struct {
		Reports struct{ Dotenv string }
	}
}

func readGitLabJob(t testing.TB) gitlabJob {
	t.Helper()
	var jobs struct {
		Job gitlabJob `json:"build-image"`
	}
	if err := yaml.Unmarshal(file(t, "gitlab-ci.yml"), &jobs); err != nil {
		t.Fatal(err)
	}
	return jobs.Job
}

// shell is what the runner makes of the script.
func (j gitlabJob) shell() string { return strings.Join(j.Script, "\n") + "\n" }

// gitlabVariable is a reference to a variable in a value of the file.
var gitlabVariable = regexp.MustCompile(`\$(\w+)`)

// runOnGitLab runs the job as the Docker executor does: in a container of the image's own user, with a checkout that
// root has made for everybody to write to, and whose shell is bash where the image has one.
func runOnGitLab(t testing.TB, s *site, checkout, commit string) result {
	job := readGitLabJob(t)
	given := map[string]string{
		"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": "/builds/team/my-app", "CI_COMMIT_SHA": commit,
		"CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main", "CI_JOB_TOKEN": jobToken,
		"CI_REGISTRY": s.registry, "CI_REGISTRY_IMAGE": s.image("apps/my-app"),
		"CI_REGISTRY_USER": registryUser, "CI_REGISTRY_PASSWORD": registryPassword,
	}
	env := maps.Clone(given)
	for name, value := range job.Variables {
		env[name] = replaced(t, value, gitlabVariable, given)
	}
	log := container{
		image: replaced(t, job.Image.Name, gitlabVariable, given), options: []string{"--workdir", given["CI_PROJECT_DIR"]},
		mounts: map[string]string{given["CI_PROJECT_DIR"]: checkout}, env: env,
		command: []string{"bash", "-c", `set -eo pipefail; set +o noclobber; : | eval "$0"`, job.shell()},
	}.mustRun(t)
	report := filepath.Join(checkout, job.Artifacts.Reports.Dotenv)
	lines := read(t, report)
	if err := os.Remove(report); err != nil {
		t.Fatal(err)
	}
	return result{log, outputOf(t, lines, "IMAGE_DIGEST")}
}
