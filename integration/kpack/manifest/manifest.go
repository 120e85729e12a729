// Package manifest reads Kubernetes manifests for kpack and says what kpack's webhook would say of them.
package manifest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	kpack "github.com/pivotal/kpack/pkg/apis/build/v1alpha2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"knative.dev/pkg/apis"
)

// Object is an object as Kubernetes stores it.
type Object interface {
	metav1.Object
	runtime.Object
}

var decoder = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(kpack.AddToScheme(scheme))
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

// Read decodes the documents of a YAML file and admits those of kpack as its webhook does, which sets defaults. A field that
// a kind does not have is an error: kpack's webhook knows more of them than the schemas of its kinds, which have none.
func Read(text []byte) ([]Object, error) {
	var objects []Object
	for documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		decoded, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", len(objects)+1, err)
		}
		object, ok := decoded.(Object)
		if !ok {
			return nil, fmt.Errorf("document %d: %T is no object with a name", len(objects)+1, decoded)
		}
		if err := admit(object); err != nil {
			return nil, fmt.Errorf("%s %s: %w", object.GetObjectKind().GroupVersionKind().Kind, object.GetName(), err)
		}
		objects = append(objects, object)
	}
}

// admit sets defaults and validates, in a cluster with a default storage class, as nearly all have one.
func admit(object Object) error {
	ctx := context.WithValue(context.Background(), kpack.HasDefaultStorageClass, true)
	ctx = apis.WithinCreate(ctx)
	if defaulted, ok := object.(apis.Defaultable); ok {
		defaulted.SetDefaults(ctx)
	}
	if validated, ok := object.(apis.Validatable); ok {
		if err := validated.Validate(ctx); err != nil {
			return err
		}
	}
	return nil
}
