package sbom

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/package-url/packageurl-go"
)

func TestPackageURL(t *testing.T) {
	tests := []struct{ path, version, want string }{
		{"github.com/google/go-cmp", "v0.7.0", "pkg:golang/github.com/google/go-cmp@v0.7.0"},
		{"github.com/BurntSushi/toml", "v1.6.0", "pkg:golang/github.com/BurntSushi/toml@v1.6.0"},
		{"github.com/cli/cli/v2", "v2.63.0", "pkg:golang/github.com/cli/cli/v2@v2.63.0"},
		{"cloud.google.com/go/storage", "v1.2.3", "pkg:golang/cloud.google.com/go/storage@v1.2.3"},
		{"gopkg.in/yaml.v3", "v3.0.1", "pkg:golang/gopkg.in/yaml.v3@v3.0.1"},
		{"github.com/old/x", "v4.0.0+incompatible", "pkg:golang/github.com/old/x@v4.0.0%2Bincompatible"},
		{"example.com/x", "v0.0.0-20200101000000-0123456789ab", "pkg:golang/example.com/x@v0.0.0-20200101000000-0123456789ab"},
		{"app", "", "pkg:golang/app"},
		{"example.com/~x/a_b", "v1.0.0", "pkg:golang/example.com/~x/a_b@v1.0.0"},
		{"example.com/x y/ü", "", "pkg:golang/example.com/x%20y/%C3%BC"},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			got := packageURL(test.path, test.version)
			if got != test.want {
				t.Errorf("got %s", got)
			}
			back, err := packageurl.FromString(got)
			if err != nil {
				t.Fatal(err)
			}
			if path := strings.TrimPrefix(back.Namespace+"/"+back.Name, "/"); !strings.EqualFold(path, test.path) || back.Version != test.version {
				t.Errorf("reads back as %s %s", path, back.Version)
			}
		})
	}
}

func TestWhatWasLinkedForAReplacedModule(t *testing.T) {
	tests := []struct {
		name        string
		module      debug.Module
		want        Module
		replaces    string
		directories []string
	}{
		{
			"as required", debug.Module{Path: "a.test/x", Version: "v1.0.0", Sum: "h1:x"},
			Module{Path: "a.test/x", Version: "v1.0.0", Sum: "h1:x"}, "", nil,
		},
		{"of the workspace", debug.Module{Path: "a.test/x", Version: devel}, Module{Path: "a.test/x"}, "", nil},
		{
			"by another module", debug.Module{
				Path: "a.test/x", Version: "v1.0.0", Replace: &debug.Module{Path: "b.test/y", Version: "v1.1.0", Sum: "h1:y"},
			},
			Module{Path: "b.test/y", Version: "v1.1.0", Sum: "h1:y"}, "a.test/x@v1.0.0", nil,
		},
		{
			"by another version of itself", debug.Module{
				Path: "a.test/x", Version: "v1.0.0", Replace: &debug.Module{Path: "a.test/x", Version: "v1.0.1", Sum: "h1:z"},
			},
			Module{Path: "a.test/x", Version: "v1.0.1", Sum: "h1:z"}, "a.test/x@v1.0.0", nil,
		},
		{
			"by a directory", debug.Module{Path: "a.test/x", Version: "v1.0.0", Replace: &debug.Module{Path: "../x", Version: devel}},
			Module{Path: "a.test/x"}, "a.test/x@v1.0.0", []string{"../x"},
		},
		{
			"by a directory of the build machine", debug.Module{Path: "a.test/x", Version: "v1.0.0", Replace: &debug.Module{Path: "/home/me/x"}},
			Module{Path: "a.test/x"}, "a.test/x@v1.0.0", []string{"an absolute path"},
		},
		{
			"without a version, by a directory", debug.Module{Path: "a.test/x", Replace: &debug.Module{Path: "./x", Version: devel}},
			Module{Path: "a.test/x"}, "a.test/x", []string{"./x"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, l := linked(&test.module)
			if diff := cmp.Diff(test.want, c.Module); diff != "" {
				t.Error(diff)
			}
			if l.replaces != test.replaces {
				t.Errorf("replaces %q", l.replaces)
			}
			if diff := cmp.Diff(test.directories, c.directories); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSumInHexadecimal(t *testing.T) {
	tests := map[string]string{
		"h1:ungWe4TOEN+jZEnzMlV+MAWUFIQgz/dmLjEPKwl3Sm8=": "ba78167b84ce10dfa36449f332557e300594148420cff7662e310f2b09774a6f",
		"":                   "",
		"h1:short":           "",
		"h1:c2hvcnQ=":        "",
		"1:0123456789abcdef": "", // of dep's lock
	}
	for sum, want := range tests {
		if got := sumHex(sum); got != want {
			t.Errorf("%s: %s", sum, got)
		}
	}
}
