package manifest

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	kpack "github.com/pivotal/kpack/pkg/apis/build/v1alpha2"
	corev1 "k8s.io/api/core/v1"
)

// docs is the directory of the repository's documents.
const docs = "../../../docs"

// TestManifestsOfTheDocs: kpack's own code reads and validates each, and none is missing.
func TestManifestsOfTheDocs(t *testing.T) {
	files := map[string]string{
		"1-accounts.yaml":             "Namespace apps, Secret registry, ServiceAccount kpack, Secret registry, Secret git-source, ServiceAccount builds",
		"2-builder.yaml":              "ClusterBuildpack scalingo-go, ClusterStack go, ClusterLifecycle go, ClusterBuilder go",
		"3-private-modules.yaml":      "Secret company-git, Secret company-ca",
		"4-image.yaml":                "Image my-app",
		"5-image-registry-cache.yaml": "Image my-api",
		"store/builder.yaml":          "ClusterStore go, ClusterBuilder go",
	}
	there, err := filepath.Glob(filepath.Join(docs, "kpack", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, file := range append(there, filepath.Join(docs, "kpack", "store", "builder.yaml")) {
		name, err := filepath.Rel(filepath.Join(docs, "kpack"), file)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = names(readFile(t, file))
	}
	if diff := cmp.Diff(files, got); diff != "" {
		t.Errorf("objects by file (-want +got):\n%s", diff)
	}
}

// TestManifestsOfOtherDocuments: blocks of YAML for kpack in the texts are as valid as the files.
func TestManifestsOfOtherDocuments(t *testing.T) {
	texts, err := filepath.Glob(filepath.Join(docs, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)\n```yaml\n(.*?\n)```\n")
	seen := map[string]bool{}
	for _, file := range append(texts, filepath.Join(docs, "..", "README.md"), filepath.Join(docs, "kpack", "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks.FindAllSubmatch(text, -1) {
			if !strings.Contains(string(block[1]), "kpack.io/") {
				continue
			}
			seen[filepath.Base(file)] = true
			if _, err := Read(block[1]); err != nil {
				t.Errorf("%s: %v\n%s", file, err, block[1])
			}
		}
	}
	if !seen["private-modules.md"] {
		t.Errorf("private-modules.md has no manifest for kpack, or this test does not find it; found some in %v", slices.Sorted(maps.Keys(seen)))
	}
}

// TestNothingIsUsedBeforeItIsThere: kubectl apply goes through the files of a directory by name.
func TestNothingIsUsedBeforeItIsThere(t *testing.T) {
	there := map[string]bool{"namespace/kpack": true} // it comes with kpack
	for _, object := range all(t) {
		for _, needed := range uses(object) {
			if !there[needed] {
				t.Errorf("%s uses %s, which is not there, or only later", key(object), needed)
			}
		}
		there[key(object)] = true
	}
}

// TestNoBindingIsASecretOfAnAccount: kpack rejects builds whose services name a Secret that a service account of the
// namespace has, so that a login for the source is never seen by buildpacks.
func TestNoBindingIsASecretOfAnAccount(t *testing.T) {
	accounts, bindings := map[string]bool{}, 0
	for _, object := range all(t) {
		switch o := object.(type) {
		case *corev1.ServiceAccount:
			for _, secret := range o.Secrets {
				accounts[o.Namespace+"/"+secret.Name] = true
			}
		case *kpack.Image:
			for _, service := range o.Services() {
				bindings++
				if accounts[o.Namespace+"/"+service.Name] {
					t.Errorf("Image %s has the service %s, which a service account has too", o.Name, service.Name)
				}
			}
		}
	}
	if len(accounts) == 0 || bindings == 0 {
		t.Errorf("the manifests have %d secrets of accounts and %d services: nothing is compared", len(accounts), bindings)
	}
}

// TestWhatKpackRefuses shows that the other tests would see mistakes.
func TestWhatKpackRefuses(t *testing.T) {
	image, err := os.ReadFile(filepath.Join(docs, "kpack", "4-image.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, replacement, want string }{
		"an unknown field":                {"serviceAccountName:", "serviceAccount:", `unknown field "spec.serviceAccount"`},
		"a field twice":                   {"revision: main", "revision: main\n      revision: other", `"revision" already set`},
		"two caches":                      {"    volume:", "    registry:\n      tag: registry.example.com/cache\n    volume:", "only one type of cache"},
		"a variable from a Secret":        {"value: ./cmd/web", "valueFrom:\n          secretKeyRef:\n            name: a\n            key: b", "secretKeyRef is not supported"},
		"no source":                       {"    git:\n      url: https://git.example.com/team/my-app.git\n      revision: main\n", "    subPath: web\n", "expected exactly one"},
		"a builder of no kind":            {"kind: ClusterBuilder", "kind: Custom", "invalid value: Custom"},
		"a version that kpack has not":    {"v1alpha2", "v1alpha3", "no kind"},
		"a service without a kind":        {"  build:", "  build:\n    services:\n      - name: company-git", "missing field(s): spec.build.services[0].kind"},
		"a tag that is no name":           {"tag: registry.example.com/apps/my-app", "tag: registry.example.com/Apps", "invalid value: registry.example.com/Apps"},
		"indentation that means no thing": {"      revision: main", "   revision: main", "yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(image), c.old) {
				t.Fatalf("4-image.yaml does not hold %q", c.old)
			}
			_, err := Read([]byte(strings.Replace(string(image), c.old, c.replacement, 1)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// TestAnImageWithoutACache gets one, as the README says.
func TestAnImageWithoutACache(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "kpack", "4-image.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const cache = "  cache:\n    volume:\n      size: 1Gi\n"
	if !strings.Contains(string(text), cache) {
		t.Fatalf("4-image.yaml does not hold %q", cache)
	}
	objects, err := Read([]byte(strings.Replace(string(text), cache, "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := objects[0].(*kpack.Image).Spec.Cache; got == nil || got.Volume == nil || got.Volume.Size.String() != "2G" {
		t.Errorf("the cache is %+v, want a volume of 2 GB", got)
	}
}

// all are the objects of the docs in the order in which kubectl applies them, and then those of the other builder.
func all(t *testing.T) []Object {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(docs, "kpack", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var objects []Object
	for _, file := range append(files, filepath.Join(docs, "kpack", "store", "builder.yaml")) {
		objects = append(objects, readFile(t, file)...)
	}
	return objects
}

func readFile(t *testing.T, file string) []Object {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := Read(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return objects
}

func names(objects []Object) string {
	var names []string
	for _, object := range objects {
		names = append(names, object.GetObjectKind().GroupVersionKind().Kind+" "+object.GetName())
	}
	return strings.Join(names, ", ")
}

func key(object Object) string {
	return reference(object.GetObjectKind().GroupVersionKind().Kind, object.GetNamespace(), object.GetName())
}

func reference(kind, namespace, name string) string {
	if namespace != "" {
		name = namespace + "/" + name
	}
	return strings.ToLower(kind) + "/" + name
}

// uses are the objects that one needs.
func uses(object Object) []string {
	var needed []string
	if object.GetNamespace() != "" {
		needed = append(needed, reference("namespace", "", object.GetNamespace()))
	}
	account := func(ref *corev1.ObjectReference) {
		if ref != nil {
			needed = append(needed, reference("serviceaccount", ref.Namespace, ref.Name))
		}
	}
	switch o := object.(type) {
	case *corev1.ServiceAccount:
		for _, secret := range o.Secrets {
			needed = append(needed, reference("secret", o.Namespace, secret.Name))
		}
		for _, secret := range o.ImagePullSecrets {
			needed = append(needed, reference("secret", o.Namespace, secret.Name))
		}
	case *kpack.ClusterBuildpack:
		account(o.Spec.ServiceAccountRef)
	case *kpack.ClusterStack:
		account(o.Spec.ServiceAccountRef)
	case *kpack.ClusterLifecycle:
		account(o.Spec.ServiceAccountRef)
	case *kpack.ClusterStore:
		account(o.Spec.ServiceAccountRef)
	case *kpack.ClusterBuilder:
		account(&o.Spec.ServiceAccountRef)
		for _, ref := range append(orders(o), o.Spec.Stack, o.Spec.Lifecycle, o.Spec.Store) {
			if ref.Name != "" {
				needed = append(needed, reference(ref.Kind, "", ref.Name))
			}
		}
	case *kpack.Image:
		needed = append(needed, reference("serviceaccount", o.Namespace, o.Spec.ServiceAccountName), reference(o.Spec.Builder.Kind, "", o.Spec.Builder.Name))
		for _, service := range o.Services() {
			needed = append(needed, reference(service.Kind, o.Namespace, service.Name))
		}
	}
	return needed
}

func orders(builder *kpack.ClusterBuilder) []corev1.ObjectReference {
	var refs []corev1.ObjectReference
	for _, entry := range builder.Spec.Order {
		for _, buildpack := range entry.Group {
			refs = append(refs, buildpack.ObjectReference)
		}
	}
	return refs
}

// TestManifestsNameTheBuildpacksVersion, under which scripts/package.sh pushes it.
func TestManifestsNameTheBuildpacksVersion(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "..", "buildpack.toml"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^version = "([^"]+)"$`).FindSubmatch(text)
	if version == nil {
		t.Fatal("buildpack.toml has no version")
	}
	want := "registry.example.com/buildpacks/scalingo-go:" + string(version[1])
	images := map[string]string{}
	for _, object := range all(t) {
		switch o := object.(type) {
		case *kpack.ClusterBuildpack:
			images[key(o)] = o.Spec.Image
		case *kpack.ClusterStore:
			images[key(o)] = o.Spec.Sources[0].Image
		}
	}
	if diff := cmp.Diff(map[string]string{"clusterbuildpack/scalingo-go": want, "clusterstore/go": want}, images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}
