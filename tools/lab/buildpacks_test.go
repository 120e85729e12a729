package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestBuildpacksAndTheirOrder(t *testing.T) {
	dir := t.TempDir()
	if _, err := readBuildpack(dir); err == nil {
		t.Error("an empty directory passes")
	}
	if err := os.WriteFile(filepath.Join(dir, "buildpack.toml"), []byte("[buildpack]\nid = \"scalingo/go\"\nversion = \"1.2.3\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readBuildpack(dir); err == nil {
		t.Error("a buildpack without bin/build passes")
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin", "build"), 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := readBuildpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.sandboxPath(); got != "/cnb/buildpacks/scalingo_go/1.2.3" {
		t.Errorf("path %q", got)
	}
	text, err := orderTOML([]buildpack{b, {id: "a\"b", version: "2"}})
	if err != nil {
		t.Fatal(err)
	}
	var order struct {
		Order []struct {
			Group []struct{ ID, Version string }
		}
	}
	if _, err := toml.Decode(text, &order); err != nil {
		t.Fatal(err)
	}
	if len(order.Order) != 1 || len(order.Order[0].Group) != 2 || order.Order[0].Group[1].ID != `a"b` {
		t.Errorf("order %+v", order)
	}
}
