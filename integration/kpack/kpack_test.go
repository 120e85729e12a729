package kpack

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	kpack "github.com/pivotal/kpack/pkg/apis/build/v1alpha2"
	corev1alpha1 "github.com/pivotal/kpack/pkg/apis/core/v1alpha1"
	"github.com/pivotal/kpack/pkg/cnb"
	kpackregistry "github.com/pivotal/kpack/pkg/registry"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/Scalingo/go-cnb/integration/kpack/manifest"
)

const apps = "apps" // the namespace of the manifests

// site is what the manifests name, on this machine.
type site struct {
	registry *registry
	git      *gitServer
	cluster  *cluster
	node     *node
}

// objects are those of manifests, with the servers of the test in place of those of the examples.
func (s *site) objects(t testing.TB, files ...string) []manifest.Object {
	t.Helper()
	var objects []manifest.Object
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(root, "docs", "kpack", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		replaced := strings.NewReplacer(
			`{"auths": {"registry.example.com": {"username": "USER", "password": "PASSWORD"}}}`, s.registry.dockerConfig(t),
			"registry.example.com/", s.registry.host+"/",
			"kpack.io/git: https://git.example.com", "kpack.io/git: "+s.git.url,
			"url: https://git.example.com/", "url: "+s.git.url+"/",
			"CERTIFICATE", strings.ReplaceAll(strings.TrimSpace(s.git.authority), "\n", "\n    "),
			"USER", s.git.user, "PASSWORD", s.git.password,
		).Replace(string(text))
		if runtime.GOARCH != "amd64" { // as the README of the manifests says
			replaced = regexp.MustCompile(`\S+/buildpacks/scalingo-go:\S+`).ReplaceAllStringFunc(replaced, func(index string) string {
				return s.ofIndex(t, index, runtime.GOARCH)
			})
		}
		read, err := manifest.Read([]byte(replaced))
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, replaced)
		}
		objects = append(objects, read...)
	}
	return objects
}

// image is the Image of a manifest whose builds reach the module proxy of this machine.
func (s *site) image(t testing.TB, file string, env ...corev1.EnvVar) *kpack.Image {
	t.Helper()
	image := s.objects(t, file)[0].(*kpack.Image)
	env = append(env, corev1.EnvVar{Name: "GOPROXY", Value: goEnv(t, "GOPROXY")}, corev1.EnvVar{Name: "NO_COLOR", Value: "1"})
	image.Spec.Build.Env = append(image.Spec.Build.Env, env...)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		given := func(v corev1.EnvVar) bool { return v.Name == name }
		if value := os.Getenv(name); value != "" && !slices.ContainsFunc(image.Spec.Build.Env, given) {
			image.Spec.Build.Env = append(image.Spec.Build.Env, corev1.EnvVar{Name: name, Value: value})
		}
	}
	return image
}

// ofIndex is the image for an architecture of an image index, by its digest.
func (s *site) ofIndex(t testing.TB, image, arch string) string {
	t.Helper()
	reference, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(reference, s.registry.options()...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list.Manifests {
		if m.Platform.Architecture == arch {
			return reference.Context().Digest(m.Digest.String()).String()
		}
	}
	t.Fatalf("%s has nothing for %s: %+v", image, arch, list)
	return ""
}

// TestManifestsOnKpack goes through the manifests in their order, and through what comes after: a commit, another stack.
func TestManifestsOnKpack(t *testing.T) {
	needsEngine(t)
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: not root, and volumes of pods belong to other users; run as root")
	}
	s := &site{registry: startRegistry(t), git: startGit(t)}
	pushStack(t, s.registry)
	pushLifecycle(t, s.registry)
	publishBuildpack(t, s.registry)
	s.cluster = newCluster(t, buildPrograms(t), s.objects(t, "1-accounts.yaml", "2-builder.yaml", "3-private-modules.yaml"))
	s.node = &node{cluster: s.cluster, registry: s.registry, claims: t.TempDir()}

	for _, step := range []struct {
		name string
		test func(*testing.T)
	}{
		{"the builder", s.builds},
		{"the buildpackage for another architecture", s.otherArchitecture},
		{"the builder out of a store", s.store},
		{"a login for the source is no binding", s.forbidden},
		{"an app with a volume for its cache and another stack", s.volumeCache},
		{"an app with private modules and its cache in the registry", s.registryCache},
	} {
		if !t.Run(step.name, step.test) && step.name == "the builder" {
			return // nothing builds without
		}
	}
}

// builds: kpack makes the builder of what the manifests name.
func (s *site) builds(t *testing.T) {
	builder := s.cluster.builder(t, "go")
	if !strings.HasPrefix(builder.Status.LatestImage, s.registry.host+"/builders/go:clusterbuilder-go@sha256:") {
		t.Errorf("the builder is %s", builder.Status.LatestImage)
	}
	buildpack, err := s.cluster.kpack.KpackV1alpha2().ClusterBuildpacks().Get(t.Context(), "scalingo-go", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(filepath.Base(buildpack.Spec.Image), ":")
	if runtime.GOARCH != "amd64" {
		version = buildpack.Status.Buildpacks[0].Version
	}
	want := corev1alpha1.BuildpackMetadataList{{Id: "scalingo/go", Version: version, Homepage: "https://github.com/Scalingo/go-cnb"}}
	if diff := cmp.Diff(want, builder.Status.BuilderMetadata); diff != "" {
		t.Errorf("buildpacks of the builder (-want +got):\n%s", diff)
	}
	config := s.registry.configOf(t, builder.Status.LatestImage)
	if config.Architecture != runtime.GOARCH || config.Config.Labels[stackLabel] != stackID {
		t.Errorf("the builder is for %s, labels %v", config.Architecture, config.Config.Labels)
	}
}

// otherArchitecture: from an image index kpack takes linux/amd64, and by its digest what is for another architecture.
func (s *site) otherArchitecture(t *testing.T) {
	var index string
	for _, object := range s.objects(t, "2-builder.yaml") {
		if buildpack, ok := object.(*kpack.ClusterBuildpack); ok {
			index = buildpack.Spec.Image
		}
	}
	reference, err := name.ParseReference(index)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := remote.List(reference.Context(), s.registry.options()...)
	if err != nil || len(tags) != 1 {
		t.Fatalf("tags of %s: %q, %v", index, tags, err)
	}
	index = reference.Context().Tag(tags[0]).String()
	keychain := fixed{authn.FromConfig(authn.AuthConfig{Username: s.registry.user, Password: s.registry.password})}
	for image, want := range map[string]string{index: "amd64", s.ofIndex(t, index, "arm64"): "arm64"} {
		got, _, err := (&kpackregistry.Client{}).Fetch(keychain, image)
		if err != nil {
			t.Fatal(err)
		}
		config, err := got.ConfigFile()
		if err != nil || config.Architecture != want {
			t.Errorf("kpack reads %s as %s, want %s: %v", image, config.Architecture, want, err)
		}
		read, err := (&cnb.RemoteBuildpackReader{RegistryClient: &kpackregistry.Client{}}).Read(keychain, []corev1alpha1.ImageSource{{Image: image}})
		if err != nil || len(read) != 1 || read[0].Id != "scalingo/go" {
			t.Errorf("kpack finds %+v in %s: %v", read, image, err)
		}
	}
}

// fixed is one login for everything.
type fixed struct{ authn.Authenticator }

// Resolve returns the login.
func (f fixed) Resolve(authn.Resource) (authn.Authenticator, error) { return f.Authenticator, nil }

// store: a ClusterStore makes the same builder as a ClusterBuildpack.
func (s *site) store(t *testing.T) {
	before := s.cluster.builder(t, "go").Status.LatestImage
	s.cluster.apply(t, s.objects(t, "store/builder.yaml")...)
	builder := s.cluster.builder(t, "go")
	if builder.Spec.Store.Name == "" || builder.Spec.Order[0].Group[0].Id != "scalingo/go" {
		t.Fatalf("this is not the builder with a store: %+v", builder.Spec)
	}
	if builder.Status.LatestImage != before {
		t.Errorf("of a ClusterStore the builder is %s, of a ClusterBuildpack it was %s", builder.Status.LatestImage, before)
	}
}

// forbidden: kpack fails a build whose binding is a Secret of a service account.
func (s *site) forbidden(t *testing.T) {
	s.git.app(t, "team/my-app.git")
	s.git.commit(t, "team/my-app.git")
	image := s.image(t, "4-image.yaml")
	image.Name, image.Spec.Tag = "forbidden", s.registry.host+"/apps/forbidden"
	image.Spec.Build.Services = kpack.Services{{Kind: "Secret", APIVersion: "v1", Name: "git-source"}}
	s.cluster.apply(t, image)
	message := eventually(t, func() (string, string) {
		build, err := s.cluster.kpack.KpackV1alpha2().Builds(apps).Get(t.Context(), "forbidden-build-1", metav1.GetOptions{})
		if err != nil {
			return "", err.Error()
		}
		if !build.IsFailure() {
			return "", fmt.Sprintf("the build has not failed: %+v", build.Status)
		}
		return build.Status.GetCondition(corev1alpha1.ConditionSucceeded).Message, ""
	})
	if !strings.Contains(message, `service "git-source" uses forbidden secret`) {
		t.Errorf("the build failed with %q", message)
	}
}

// buildSteps are the containers of a pod that builds, in their order.
var buildSteps = []string{
	kpack.PrepareContainerName, kpack.AnalyzeContainerName, kpack.DetectContainerName, kpack.RestoreContainerName,
	kpack.BuildContainerName, kpack.ExportContainerName, kpack.CompletionContainerName,
}

// volumeCache: the first build of an app, one after a commit, and a rebase.
func (s *site) volumeCache(t *testing.T) {
	const app, repository = "my-app", "team/my-app.git"
	s.git.app(t, repository)
	write(t, filepath.Join(s.git.directory(repository), "static", "page.html"), "<p>hello</p>\n")
	commit := s.git.commit(t, repository)
	s.cluster.apply(t, s.image(t, "4-image.yaml"))

	first := s.cluster.build(t, s.node, apps, app, 1)
	wantReason(t, first, kpack.BuildReasonConfig)
	if diff := cmp.Diff(buildSteps, first.Status.StepsCompleted); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if first.Spec.Source.Git.Revision != commit {
		t.Errorf("kpack built the commit %s, not %s", first.Spec.Source.Git.Revision, commit)
	}
	wantLines(t, first.logs["prepare"], `Loading secrets for "`+s.git.url+`" from secret "git-source"`, `Successfully cloned`, `value: \./cmd/web`)
	wantLines(t, first.logs["build"], `Installed Go 1\.`, `1 module, 1 downloaded`, `web +[\d.]+ MB +static`, `build-base .* written`)
	s.answers(t, first.Status.LatestImage, "Hello from go1.")
	s.wantPlatformAPI(t, first.pod)
	labels := s.registry.configOf(t, first.Status.LatestImage).Config.Labels
	if got := labels["org.opencontainers.image.revision"]; got != commit {
		t.Errorf("the image says that it is of the commit %q, and it is of %s", got, commit)
	}

	replaceIn(t, filepath.Join(s.git.directory(repository), "cmd", "web", "main.go"), "Hello from", "Good day from")
	s.git.commit(t, repository)
	s.cluster.fetchSource(t, apps, app)
	second := s.cluster.build(t, s.node, apps, app, 2)
	wantReason(t, second, kpack.BuildReasonCommit)
	wantLines(t, second.logs["restore"], `Restoring data for "scalingo/go:go-dist" from cache`)
	wantLines(t, second.logs["build"], `is still here from an earlier build`, `1 module, none downloaded`, `build-base .* unchanged`)
	wantLines(t, second.logs["export"], `Reusing cache layer 'scalingo/go:go-dist'`)
	s.answers(t, second.Status.LatestImage, "Good day from go1.")

	pushUpdatedRunImage(t, s.registry)
	for _, object := range s.objects(t, "2-builder.yaml") {
		if stack, ok := object.(*kpack.ClusterStack); ok {
			stack.Spec.RunImage.Image = s.registry.host + "/stacks/go-run:2"
			s.cluster.apply(t, stack)
		}
	}
	third := s.cluster.build(t, s.node, apps, app, 3)
	wantReason(t, third, kpack.BuildReasonStack)
	if diff := cmp.Diff([]string{kpack.RebaseContainerName, kpack.CompletionContainerName}, third.Status.StepsCompleted); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	s.answers(t, third.Status.LatestImage, "Good day from go1.")
	s.wantRebased(t, second.Status.LatestImage, third.Status.LatestImage)
}

// registryCache: the bindings give a build access to a private module, and its cache comes back from an image.
func (s *site) registryCache(t *testing.T) {
	if os.Getenv("HTTPS_PROXY")+os.Getenv("https_proxy") != "" {
		t.Skip("SKIPPED: this machine has an HTTPS_PROXY, and the build needs that of the test; run without one")
	}
	const app, repository = "my-api", "team/my-api.git"
	s.git.app(t, repository)
	s.git.withPrivateModule(t, repository)
	s.git.commit(t, repository)
	s.cluster.apply(t, s.image(t, "5-image-registry-cache.yaml", s.throughProxy(t)...))

	first := s.cluster.build(t, s.node, apps, app, 1)
	wantLines(t, first.logs["build"], `binding company-git: login for https://git\.example\.com`, `binding company-ca: `,
		`Installed Go 1\.`, `2 modules, \d downloaded`)
	s.answers(t, first.Status.LatestImage, "Hello from go1.")
	cache := first.Status.LatestCacheImage
	if !strings.HasPrefix(cache, s.registry.host+"/apps/my-api-cache@sha256:") {
		t.Errorf("the cache is %q", cache)
	}

	replaceIn(t, filepath.Join(s.git.directory(repository), "cmd", "web", "main.go"), "Hello from", "Good day from")
	s.git.commit(t, repository)
	s.cluster.fetchSource(t, apps, app)
	second := s.cluster.build(t, s.node, apps, app, 2)
	wantReason(t, second, kpack.BuildReasonCommit)
	for _, container := range second.pod.Spec.InitContainers {
		if container.Name == kpack.RestoreContainerName && !slices.Contains(container.Args, "-cache-image="+cache) {
			t.Errorf("the second build restores with %q, and not from %s", container.Args, cache)
		}
	}
	wantLines(t, second.logs["build"], `is still here from an earlier build`, `2 modules, none downloaded`, `build-base .* unchanged`)
	s.answers(t, second.Status.LatestImage, "Good day from go1.")
	for _, built := range []result{first, second} {
		s.wantNoSecret(t, built)
	}
}

// throughProxy are the variables that lead a build to git.example.com by the test's proxy, and past it to the module proxy.
func (s *site) throughProxy(t testing.TB) []corev1.EnvVar {
	t.Helper()
	var past []string
	for _, proxy := range strings.FieldsFunc(goEnv(t, "GOPROXY"), func(r rune) bool { return r == ',' || r == '|' }) {
		if u, err := url.Parse(proxy); err == nil && u.Host != "" {
			past = append(past, u.Hostname())
		}
	}
	return []corev1.EnvVar{{Name: "HTTPS_PROXY", Value: s.git.proxy}, {Name: "NO_PROXY", Value: strings.Join(past, ",")}}
}

func wantReason(t testing.TB, built result, want string) {
	t.Helper()
	if got := built.BuildReason(); got != want {
		t.Errorf("the reason of %s is %q, want %q", built.Name, got, want)
	}
}

// wantPlatformAPI: the containers of the lifecycle have the newest platform API that kpack knows.
func (s *site) wantPlatformAPI(t testing.TB, pod *corev1.Pod) {
	t.Helper()
	phases := 0
	for _, container := range pod.Spec.InitContainers {
		if container.Name == kpack.PrepareContainerName {
			continue
		}
		phases++
		if !slices.Contains(container.Env, corev1.EnvVar{Name: "CNB_PLATFORM_API", Value: "0.9"}) {
			t.Errorf("container %s has the environment %v", container.Name, container.Env)
		}
	}
	if phases != 5 {
		t.Errorf("%d containers of the lifecycle", phases)
	}
}

// answers starts an image of the registry and asks it for a page.
func (s *site) answers(t *testing.T, image, text string) {
	t.Helper()
	s.registry.docker(t, "pull", "--quiet", image)
	defer func() { s.registry.docker(t, "image", "rm", "--force", image) }()
	script(t, nil, "lab.sh", "docker-run", "--image", image, "--read-only", "--expect", text)
}

// wantRebased: an image has the layers of the new run image below, and above those of the app as they were.
func (s *site) wantRebased(t testing.TB, before, after string) {
	t.Helper()
	layers := func(image string) []v1.Hash { return s.registry.configOf(t, image).RootFS.DiffIDs }
	oldBase, newBase := layers(s.registry.host+"/stacks/go-run:1"), layers(s.registry.host+"/stacks/go-run:2")
	if len(newBase) <= len(oldBase) {
		t.Fatalf("the new run image has the layers %v, the old one %v", newBase, oldBase)
	}
	want := append(slices.Clone(newBase), layers(before)[len(oldBase):]...)
	if diff := cmp.Diff(want, layers(after)); diff != "" {
		t.Errorf("layers of %s (-want +got):\n%s", after, diff)
	}
}

// wantNoSecret: neither the logs nor the image hold a password.
func (s *site) wantNoSecret(t testing.TB, built result) {
	t.Helper()
	for container, log := range built.logs {
		if strings.Contains(log, s.git.password) || strings.Contains(log, s.registry.password) {
			t.Errorf("the log of %s has a password:\n%s", container, log)
		}
	}
	image := s.registry.image(t, built.Status.LatestImage)
	config, err := image.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	contents, inImage := [][]byte{config}, false
	for _, layer := range layers {
		contents = append(contents, contentOf(t, layer))
	}
	for i, content := range contents {
		for _, password := range []string{s.git.password, s.registry.password} {
			if bytes.Contains(content, []byte(password)) {
				t.Errorf("%s of %s has a password", part(i), built.Status.LatestImage)
			}
		}
		inImage = inImage || bytes.Contains(content, []byte("hello from git.example.com/team/lib.git"))
	}
	if !inImage {
		t.Error("the private module's own text is not found, so that passwords would not be found either")
	}
}

func part(i int) string {
	if i == 0 {
		return "the configuration"
	}
	return fmt.Sprintf("layer %d", i)
}

func contentOf(t testing.TB, layer v1.Layer) []byte {
	t.Helper()
	reader, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
