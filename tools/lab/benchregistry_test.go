package main

import (
	"context"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestOwnRegistry is for machines without Debian's registry.
func TestOwnRegistry(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	address, err := freeAddress(ctx)
	if err != nil {
		t.Fatal(err)
	}
	command := newRegistryCommand()
	command.SetArgs([]string{"--listen", address, t.TempDir()})
	r := &benchRegistry{address: address, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		if err := command.ExecuteContext(ctx); err != nil {
			t.Error(err)
		}
	}()
	if err := r.serveRunImage(ctx, cacheFolder(t.TempDir())); err != nil {
		t.Fatal(err)
	}
	described, err := r.describe(ctx, r.runImage())
	if err != nil || described.Bytes == 0 || described.Digest == "" {
		t.Errorf("%+v, %v", described, err)
	}
	image, err := r.image(ctx, r.runImage())
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	first, had := manifest.Layers[0], map[v1.Hash]bool{}
	if size, err := newLayers(image, had); err != nil || size < first.Size {
		t.Errorf("all layers are new: %d, %v", size, err)
	}
	for _, layer := range manifest.Layers {
		had[layer.Digest] = true
	}
	if size, err := newLayers(image, had); err != nil || size != 0 {
		t.Errorf("no layer is new: %d, %v", size, err)
	}
	stop()
	<-r.ended
}
