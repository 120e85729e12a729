package ci

import (
	"bytes"
	"context"
	"encoding/pem"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	stepvalues "github.com/tektoncd/pipeline/pkg/container"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// tekton are the objects of tekton.yaml.
type tekton struct {
	task       pipelinev1.Task
	run        pipelinev1.PipelineRun
	configMaps map[string]corev1.ConfigMap
	secrets    map[string]corev1.Secret
}

// decodeTekton decodes the objects; a field that their types do not have is an error.
func decodeTekton(data []byte) (tekton, error) {
	objects := tekton{configMaps: map[string]corev1.ConfigMap{}, secrets: map[string]corev1.Secret{}}
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return objects, err
		}
		var err error
		switch kind.APIVersion + " " + kind.Kind {
		case "tekton.dev/v1 Task":
			err = yaml.UnmarshalStrict(document, &objects.task)
		case "tekton.dev/v1 PipelineRun":
			err = yaml.UnmarshalStrict(document, &objects.run)
		case "v1 ConfigMap":
			var object corev1.ConfigMap
			err = yaml.UnmarshalStrict(document, &object)
			objects.configMaps[object.Name] = object
		default:
			var object corev1.Secret
			err = yaml.UnmarshalStrict(document, &object)
			objects.secrets[object.Name] = object
		}
		if err != nil {
			return objects, err
		}
	}
	return objects, nil
}

// validate is what Tekton's webhook says of the objects.
func (o *tekton) validate(ctx context.Context) error {
	o.run.Name = o.run.GenerateName + "1" // Kubernetes makes the name before it asks Tekton
	o.task.SetDefaults(ctx)
	o.run.SetDefaults(ctx)
	if err := o.task.Validate(ctx); err != nil {
		return err
	}
	if err := o.run.Validate(ctx); err != nil {
		return err
	}
	return nil
}

// TestTektonAcceptsTheObjects decodes them into Tekton's and Kubernetes' own types and lets Tekton validate them.
func TestTektonAcceptsTheObjects(t *testing.T) {
	data := file(t, "tekton.yaml")
	objects, err := decodeTekton(data)
	if err == nil {
		err = objects.validate(t.Context())
	}
	if err != nil {
		t.Error(err)
	}
	for name, change := range map[string][2]string{
		"an unknown field":     {"generateName: my-app-", "genrateName: my-app-"},
		"an unknown parameter": {"$(params.run-image)", "$(params.runimage)"},
		"an unknown task":      {"runAfter: [source]", "runAfter: [sources]"},
	} {
		broken := bytes.ReplaceAll(data, []byte(change[0]), []byte(change[1]))
		objects, err := decodeTekton(broken)
		if err == nil {
			err = objects.validate(t.Context())
		}
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestTektonTaskFitsItsRun looks at what Tekton knows only in a cluster: that the run gives the task what it asks for.
func TestTektonTaskFitsItsRun(t *testing.T) {
	objects, err := decodeTekton(file(t, "tekton.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	call := objects.call(t)
	wants, gets := map[string]bool{}, map[string]bool{}
	for _, param := range objects.task.Spec.Params {
		wants[param.Name] = param.Default == nil
	}
	for _, param := range call.Params {
		if _, known := wants[param.Name]; !known {
			t.Errorf("the task has no parameter %s", param.Name)
		}
		delete(wants, param.Name)
	}
	for _, workspace := range objects.task.Spec.Workspaces {
		wants["workspace "+workspace.Name] = !workspace.Optional
	}
	for _, workspace := range call.Workspaces {
		if _, known := wants["workspace "+workspace.Name]; !known {
			t.Errorf("the task has no workspace %s", workspace.Name)
		}
		delete(wants, "workspace "+workspace.Name)
		gets[workspace.Workspace] = true
	}
	for name, needed := range wants {
		if needed {
			t.Errorf("the run gives the task no %s", name)
		}
	}
	for _, workspace := range objects.run.Spec.Workspaces {
		if !gets[workspace.Name] {
			t.Errorf("the workspace %s of the run is not used", workspace.Name)
		}
	}
}

// call is where the pipeline of the run uses the task.
func (o *tekton) call(t testing.TB) pipelinev1.PipelineTask {
	t.Helper()
	for _, task := range o.run.Spec.PipelineSpec.Tasks {
		if task.TaskRef.Name == o.task.Name {
			return task
		}
	}
	t.Fatalf("no task of the pipeline is %s", o.task.Name)
	return pipelinev1.PipelineTask{}
}

// step is the only step of the task with its variables replaced by Tekton's own code.
func (o *tekton) step(t testing.TB, commit string) pipelinev1.Step {
	t.Helper()
	values, lists := map[string]string{}, map[string][]string{}
	set := func(name string, value pipelinev1.ParamValue) {
		values["params."+name] = value.StringVal
		if value.Type == pipelinev1.ParamTypeArray {
			delete(values, "params."+name)
			lists["params."+name] = nil
			for _, element := range value.ArrayVal {
				lists["params."+name] = append(lists["params."+name], strings.ReplaceAll(element, "$(tasks.source.results.commit)", commit))
			}
		}
	}
	for _, param := range o.task.Spec.Params {
		if param.Default != nil {
			set(param.Name, *param.Default)
		}
	}
	for _, param := range o.call(t).Params {
		set(param.Name, param.Value)
	}
	for _, workspace := range o.task.Spec.Workspaces {
		values["workspaces."+workspace.Name+".path"] = workspace.MountPath
	}
	for _, r := range o.task.Spec.Results {
		values["results."+r.Name+".path"] = filepath.Join(pipeline.DefaultResultPath, r.Name)
	}
	step := o.task.Spec.Steps[0].DeepCopy()
	stepvalues.ApplyStepReplacements(step, values, lists)
	return *step
}

// mountedFiles makes a directory as the kubelet mounts a ConfigMap or a Secret: links to links.
func mountedFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil { // #nosec G306 G302 -- another user reads it in a container
		t.Fatal(err)
	}
	for name, content := range files {
		write(t, filepath.Join(dir, "..2026", name), content)
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("..2026", filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runOnTekton runs the step of the task as its pod does: as the user of the image without any capability, with the
// workspaces that the run binds, a service binding beside them, and with Tekton's own volumes.
func runOnTekton(t testing.TB, s *site, checkout, commit string) result {
	text := string(file(t, "tekton.yaml"))
	for placeholder, value := range map[string]string{
		"registry.example.com": s.registry, "GIT_USER:GIT_PASSWORD": gitUser + ":" + gitPassword,
		"BASE64_OF_USER:PASSWORD": basic(registryUser, registryPassword),
	} {
		text = strings.ReplaceAll(text, placeholder, value)
	}
	objects, err := decodeTekton([]byte(text))
	if err == nil {
		err = objects.validate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	step := objects.step(t, commit)
	limits := step.SecurityContext
	if !*limits.RunAsNonRoot || *limits.AllowPrivilegeEscalation || len(limits.Capabilities.Drop) != 1 || limits.Capabilities.Drop[0] != "ALL" {
		t.Errorf("the step may do more than a restricted namespace lets it: %+v", limits)
	}
	if user := must(t, exec.Command("docker", "inspect", "--format", "{{.Config.User}}", step.Image)); strings.Trim(user, "0123456789:") != "" || user[0] == '0' {
		t.Errorf("Kubernetes does not start an image with the user %q under runAsNonRoot", user)
	}
	scripts, results := t.TempDir(), open(t)
	write(t, filepath.Join(scripts, "script-0"), step.Script)
	if err := os.Chmod(filepath.Join(scripts, "script-0"), 0o755); err != nil { // #nosec G302 -- a program
		t.Fatal(err)
	}
	settings := maps.Clone(objects.configMaps["my-app-settings"].Data)
	maps.Copy(settings, objects.secrets["my-app-secrets"].StringData)
	env := map[string]string{}
	for _, variable := range step.Env {
		env[variable.Name] = variable.Value
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.forge.certificate().Raw})
	log := container{
		image: step.Image, options: []string{"--cap-drop", "ALL", "--security-opt", "no-new-privileges"},
		mounts: map[string]string{
			"/source:ro": checkout, "/platform/env:ro": mountedFiles(t, settings),
			"/platform/bindings/company:ro": mountedFiles(t, map[string]string{"type": "ca-certificates", "company.pem": string(authority)}),
			"/registry-login:ro":            mountedFiles(t, map[string]string{"config.json": objects.secrets["registry-login"].StringData[".dockerconfigjson"]}),
			"/workspace":                    open(t), pipeline.DefaultResultPath: results, "/tekton/scripts:ro": scripts,
		},
		env: env, command: append([]string{"/tekton/scripts/script-0"}, step.Args...),
	}.mustRun(t)
	wantLines(t, log, `binding company: the certificate of an authority`)
	if name := read(t, filepath.Join(results, "IMAGE_URL")); name != s.image("apps/my-app:latest") {
		t.Errorf("the result IMAGE_URL is %q", name)
	}
	return result{log, read(t, filepath.Join(results, "IMAGE_DIGEST"))}
}
