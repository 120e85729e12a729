package kpack

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	kpack "github.com/pivotal/kpack/pkg/apis/build/v1alpha2"
	corev1alpha1 "github.com/pivotal/kpack/pkg/apis/core/v1alpha1"
	"github.com/pivotal/kpack/pkg/blob"
	"github.com/pivotal/kpack/pkg/buildchange"
	"github.com/pivotal/kpack/pkg/buildpod"
	kpackfake "github.com/pivotal/kpack/pkg/client/clientset/versioned/fake"
	"github.com/pivotal/kpack/pkg/client/informers/externalversions"
	"github.com/pivotal/kpack/pkg/cnb"
	"github.com/pivotal/kpack/pkg/config"
	"github.com/pivotal/kpack/pkg/cosign"
	"github.com/pivotal/kpack/pkg/dockercreds/k8sdockercreds"
	"github.com/pivotal/kpack/pkg/duckbuilder"
	"github.com/pivotal/kpack/pkg/git"
	"github.com/pivotal/kpack/pkg/reconciler"
	"github.com/pivotal/kpack/pkg/reconciler/build"
	"github.com/pivotal/kpack/pkg/reconciler/clusterbuilder"
	"github.com/pivotal/kpack/pkg/reconciler/clusterbuildpack"
	"github.com/pivotal/kpack/pkg/reconciler/clusterlifecycle"
	"github.com/pivotal/kpack/pkg/reconciler/clusterstack"
	"github.com/pivotal/kpack/pkg/reconciler/clusterstore"
	"github.com/pivotal/kpack/pkg/reconciler/image"
	"github.com/pivotal/kpack/pkg/reconciler/sourceresolver"
	kpackregistry "github.com/pivotal/kpack/pkg/registry"
	"github.com/pivotal/kpack/pkg/secret"
	"github.com/sigstore/cosign/v2/cmd/cosign/cli/sign"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/informers"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"knative.dev/pkg/controller"

	"github.com/Scalingo/go-cnb/integration/kpack/manifest"
)

// cluster is a store of objects in memory, of which kpack's controllers take care. What runs pods is the test.
type cluster struct {
	kube  *kubefake.Clientset
	kpack *kpackfake.Clientset
}

// newCluster starts kpack's controllers on objects, wired as kpack's own program does it.
func newCluster(t *testing.T, images config.Images, objects []manifest.Object) *cluster {
	t.Helper()
	c := &cluster{kube: kubefake.NewClientset(), kpack: kpackfake.NewSimpleClientset()}
	c.kube.PrependReactor("create", "*", stampCreated)
	c.kpack.PrependReactor("create", "*", stampCreated)
	c.apply(t, objects...)

	core := zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(onFailure(t)), zapcore.ErrorLevel)
	options := reconciler.Options{Logger: zap.New(core).Sugar(), Client: c.kpack, ResyncPeriod: 10 * time.Hour}
	ctx, cancel := context.WithCancel(context.Background())
	ours := externalversions.NewSharedInformerFactory(c.kpack, options.ResyncPeriod)
	theirs := informers.NewSharedInformerFactory(c.kube, options.ResyncPeriod)
	controllers := c.controllers(ctx, t, options, images, ours, theirs)
	ours.Start(ctx.Done())
	theirs.Start(ctx.Done())
	ours.WaitForCacheSync(ctx.Done())
	theirs.WaitForCacheSync(ctx.Done())
	var running errgroup.Group
	for _, one := range controllers {
		running.Go(func() error { return one.RunContext(ctx, 1) })
	}
	t.Cleanup(func() {
		cancel()
		if err := running.Wait(); err != nil {
			t.Error(err)
		}
		ours.Shutdown()
		theirs.Shutdown()
	})
	return c
}

// controllers are those of kpack but for the namespaced kinds that no manifest has.
func (c *cluster) controllers(ctx context.Context, t *testing.T, options reconciler.Options, images config.Images,
	ours externalversions.SharedInformerFactory, theirs informers.SharedInformerFactory,
) []*controller.Impl {
	t.Helper()
	keychains, err := k8sdockercreds.NewSecretKeychainFactory(c.kube)
	if err != nil {
		t.Fatal(err)
	}
	client, secrets, kinds := &kpackregistry.Client{}, &secret.Fetcher{Client: c.kube}, ours.Kpack().V1alpha2()
	builders := &duckbuilder.DuckBuilderInformer{BuilderInformer: kinds.Builders(), ClusterBuilderInformer: kinds.ClusterBuilders()}
	creator := &cnb.RemoteBuilderCreator{
		RegistryClient: client, KpackVersion: "test", ImageSigner: cosign.NewImageSigner(sign.SignCmd, ociremote.SignatureTag),
	}
	pods := &buildpod.Generator{
		BuildPodConfig: images.ToBuildPodImages(), K8sClient: c.kube, KeychainFactory: keychains, ImageFetcher: client,
		SSHTrustUnknownHost: true, KpackClient: c.kpack,
	}
	var flags config.FeatureFlags
	return []*controller.Impl{
		build.NewController(ctx, options, c.kube, kinds.Builds(), theirs.Core().V1().Pods(),
			&cnb.RemoteMetadataRetriever{ImageFetcher: client}, pods, &buildchange.ProgressLogger{K8sClient: c.kube}, keychains, nil, secrets, flags),
		image.NewController(ctx, options, c.kube, kinds.Images(), kinds.Builds(), builders, kinds.SourceResolvers(),
			theirs.Core().V1().PersistentVolumeClaims(), false),
		sourceresolver.NewController(ctx, options, kinds.SourceResolvers(), git.NewResolver(c.kube, true, flags),
			&blob.Resolver{}, &kpackregistry.Resolver{}, flags),
		clusterbuilder.NewController(ctx, options, kinds.ClusterBuilders(), creator, keychains, kinds.ClusterStores(),
			kinds.ClusterBuildpacks(), kinds.ClusterStacks(), kinds.ClusterLifecycles(), secrets),
		clusterbuildpack.NewController(ctx, options, keychains, kinds.ClusterBuildpacks(), &cnb.RemoteBuildpackReader{RegistryClient: client}),
		clusterstore.NewController(ctx, options, keychains, kinds.ClusterStores(), &cnb.RemoteBuildpackReader{RegistryClient: client}),
		clusterstack.NewController(ctx, options, keychains, kinds.ClusterStacks(), &cnb.RemoteStackReader{RegistryClient: client}),
		clusterlifecycle.NewController(ctx, options, keychains, kinds.ClusterLifecycles(), &cnb.RemoteLifecycleReader{RegistryClient: client}),
	}
}

// stampCreated does to new objects of controllers what the API server does.
func stampCreated(action clienttesting.Action) (handled bool, ret runtime.Object, err error) {
	create, ok := action.(clienttesting.CreateAction)
	if !ok {
		return false, nil, nil
	}
	object, err := meta.Accessor(create.GetObject())
	if err == nil {
		stamp(object)
	}
	return false, nil, err
}

func stamp(object metav1.Object) {
	object.SetUID(uuid.NewUUID())
	object.SetCreationTimestamp(metav1.Now())
	object.SetGeneration(1)
}

// apply does what kubectl apply does, without the fields that others own.
func (c *cluster) apply(t testing.TB, objects ...manifest.Object) {
	t.Helper()
	for _, object := range objects {
		if s, ok := object.(*corev1.Secret); ok {
			s.Data = map[string][]byte{}
			for key, value := range s.StringData {
				s.Data[key] = []byte(value)
			}
			s.StringData = nil
		}
		kind := object.GetObjectKind().GroupVersionKind()
		resource, _ := meta.UnsafeGuessKindToResource(kind)
		tracker := c.kube.Tracker()
		if kind.Group == kpack.SchemeGroupVersion.Group {
			tracker = c.kpack.Tracker()
		}
		stamp(object)
		there, err := tracker.Get(resource, object.GetNamespace(), object.GetName())
		if err != nil {
			err = tracker.Create(resource, object, object.GetNamespace())
		} else {
			before, accessErr := meta.Accessor(there)
			if accessErr != nil {
				t.Fatal(accessErr)
			}
			object.SetUID(before.GetUID())
			object.SetGeneration(before.GetGeneration() + 1)
			err = tracker.Update(resource, object, object.GetNamespace())
		}
		if err != nil {
			t.Fatalf("apply %s %s: %v", kind.Kind, object.GetName(), err)
		}
	}
}

// condition says why a status does not have its condition, "" where it has.
func condition(what string, generation int64, status corev1alpha1.Status, kind corev1alpha1.ConditionType) string {
	found := status.GetCondition(kind)
	switch {
	case found == nil || status.ObservedGeneration != generation:
		return fmt.Sprintf("%s: kpack says nothing of it", what)
	case !found.IsTrue():
		return fmt.Sprintf("%s is not %s: %s %s", what, kind, found.Reason, found.Message)
	}
	return ""
}

// builder is the ClusterBuilder when kpack has made it of what there is now.
func (c *cluster) builder(t testing.TB, name string) *kpack.ClusterBuilder {
	t.Helper()
	return eventually(t, func() (*kpack.ClusterBuilder, string) {
		b, err := c.kpack.KpackV1alpha2().ClusterBuilders().Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return nil, err.Error()
		}
		return b, condition("ClusterBuilder "+name, b.Generation, b.Status.Status, corev1alpha1.ConditionReady)
	})
}

// fetchSource has kpack look at the source of an image, which it does by itself once a minute.
func (c *cluster) fetchSource(t testing.TB, namespace, name string) {
	t.Helper()
	resolvers := c.kpack.KpackV1alpha2().SourceResolvers(namespace)
	resolver, err := resolvers.Get(t.Context(), name+"-source", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	resolver.Annotations = map[string]string{"test": metav1.Now().String()}
	if _, err := resolvers.Update(t.Context(), resolver, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// result is a build that kpack calls a success.
type result struct {
	*kpack.Build
	pod *corev1.Pod
	// logs are those of the containers, by name.
	logs map[string]string
}

// build waits for the pod of the build of an image with this number, has a node run it, and waits for what kpack makes of it.
func (c *cluster) build(t testing.TB, n *node, namespace, image string, number int) result {
	t.Helper()
	builds := c.kpack.KpackV1alpha2().Builds(namespace)
	name := image + "-build-" + strconv.Itoa(number)
	pod := eventually(t, func() (*corev1.Pod, string) {
		b, err := builds.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return nil, err.Error()
		}
		pod, err := c.kube.CoreV1().Pods(namespace).Get(t.Context(), b.PodName(), metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Sprintf("%v; %s", err, condition("Build "+name, b.Generation, b.Status.Status, corev1alpha1.ConditionSucceeded))
		}
		return pod, ""
	})
	r := result{pod: pod, logs: n.run(t, pod)}
	r.Build = eventually(t, func() (*kpack.Build, string) {
		b, err := builds.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return nil, err.Error()
		}
		return b, condition("Build "+name, b.Generation, b.Status.Status, corev1alpha1.ConditionSucceeded)
	})
	eventually(t, func() (bool, string) {
		i, err := c.kpack.KpackV1alpha2().Images(namespace).Get(t.Context(), image, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		if i.Status.LatestImage != r.Status.LatestImage {
			return false, fmt.Sprintf("Image %s: the latest is %s, not %s", image, i.Status.LatestImage, r.Status.LatestImage)
		}
		return true, condition("Image "+image, i.Generation, i.Status.Status, corev1alpha1.ConditionReady)
	})
	return r
}
