package weight

import (
	"runtime/debug"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFunctionPackage(t *testing.T) {
	for symbol, want := range map[string]string{
		"main.main":                                              "main",
		"main.main.func1.2":                                      "main",
		"net/http.(*Server).Serve":                               "net/http",
		"gopkg.in/yaml%2ev3.Unmarshal":                           "gopkg.in/yaml.v3",
		"gopkg.in/yaml%2ev3.(*parser).parse-fm":                  "gopkg.in/yaml.v3",
		"example%2ecom.F":                                        "example.com",
		"github.com/a/b.glob..func1":                             "github.com/a/b",
		"github.com/a/b.init.0":                                  "github.com/a/b",
		"slices.SortFunc[...]":                                   "slices",
		"slices.pdqsort[go.shape.struct { net/http.x int }]":     "slices",
		"github.com/a/b.(*List[github.com/c/d.T]).Push":          "github.com/a/b",
		"github.com/a/b.Map[...].func1":                          "github.com/a/b",
		"github.com/me/app/vendor/github.com/pkg/errors.New":     "github.com/me/app/vendor/github.com/pkg/errors",
		"vendor/golang.org/x/net/idna.ToASCII":                   "vendor/golang.org/x/net/idna",
		"type:.eq.github.com/a/b.T":                              "github.com/a/b",
		"type..eq.github.com/a/b.T":                              "github.com/a/b",
		"type:.hash.[3]github.com/a/b.T":                         "github.com/a/b",
		"type:.eq.struct { github.com/a/b.x int }":               "runtime",
		"type:.eq.[2]interface {}":                               "runtime",
		"go:itab.*github.com/a/b.T,io.Reader":                    "github.com/a/b",
		"go:buildid":                                             "runtime",
		"go.(*struct { sync.Mutex; github.com/a/b.x int }).Lock": "runtime",
		"go.uber.org/zap.New":                                    "go.uber.org/zap",
		"_rt0_amd64_linux":                                       "runtime",
		"$f64.3ff0000000000000":                                  "runtime",
		"x_cgo_munmap.cold":                                      "runtime/cgo",
		"a%zz.F":                                                 "a%zz",
		"a%2":                                                    "runtime",
		"":                                                       "runtime",
		"type:":                                                  "runtime",
		"type:.":                                                 "runtime",
		"[":                                                      "runtime",
		".x":                                                     "runtime",
	} {
		if got := functionPackage([]byte(symbol)); got != want {
			t.Errorf("%s: %q, want %q", symbol, got, want)
		}
	}
}

func TestGroup(t *testing.T) {
	modules := &debug.BuildInfo{
		GoVersion: "go1.26.1", Path: "example.com/app/cmd/web",
		Main: debug.Module{Path: "example.com/app", Version: "(devel)"},
		Deps: []*debug.Module{
			{Path: "example.com/app/sub", Version: "v1.0.0"},
			{Path: "example.com/c", Version: "v1.2.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.2.1"}},
		},
	}
	dotless := &debug.BuildInfo{Path: "command-line-arguments", Main: debug.Module{Path: "shop"}}
	other := &debug.BuildInfo{
		Path: "example.com/c/cmd/gen", Main: debug.Module{Path: "example.com/app"}, Deps: []*debug.Module{{Path: "example.com/c", Version: "v1.2.0"}},
	}
	gopath := &debug.BuildInfo{GoVersion: "go1.18", Path: "github.com/me/app/cmd/web"}
	for _, test := range []struct {
		name     string
		info     *debug.BuildInfo
		packages []string
		want     []string
	}{
		{
			"modules", modules,
			[]string{
				"main", "example.com/app/lib", "example.com/app/sub", "example.com/app/subway", "example.com/c/d/e", "net/http",
				"vendor/golang.org/x/net/idna",
			},
			[]string{
				"dependency example.com/app/sub v1.0.0 : example.com/app/sub",
				"dependency example.com/c v1.2.0 example.com/fork@v1.2.1: example.com/c/d/e",
				"main example.com/app (devel) : example.com/app/cmd/web",
				"main example.com/app (devel) : example.com/app/lib",
				"main example.com/app (devel) : example.com/app/subway",
				"standard std go1.26.1 : net/http",
				"standard std go1.26.1 : vendor/golang.org/x/net/idna",
			},
		},
		{"a module without a dot, files named", dotless, []string{"main", "shop/cart", "sort"},
			[]string{"main shop  : shop", "main shop  : shop/cart", "standard std  : sort"}},
		{"a dependency's program", other, []string{"main", "example.com/c"},
			[]string{"dependency example.com/c v1.2.0 : example.com/c", "dependency example.com/c v1.2.0 : example.com/c/cmd/gen"}},
		{
			"no build info", nil,
			[]string{"main", "github.com/me/app/lib", "github.com/me/app/vendor/github.com/pkg/errors", "github.com/me/app/vendor/gopkg.in/yaml.v2",
				"github.com/me/app/vendor/gopkg.in/a/b.v2", "github.com/x/y/z", "cart", "os/exec", "vendor/golang_org/x/net/idna"},
			[]string{
				"dependency github.com/pkg/errors  : github.com/pkg/errors",
				"dependency github.com/x/y  : github.com/x/y/z",
				"dependency gopkg.in/a/b.v2  : gopkg.in/a/b.v2",
				"dependency gopkg.in/yaml.v2  : gopkg.in/yaml.v2",
				"main github.com/me/app  : cart",
				"main github.com/me/app  : github.com/me/app/lib",
				"main github.com/me/app  : main",
				"standard std  : os/exec",
				"standard std  : vendor/golang_org/x/net/idna",
			},
		},
		{"GOPATH with build info", gopath, []string{"main", "github.com/me/app/lib", "github.com/me/app/Godeps/_workspace/src/k8s.io/api/v1", "fmt"},
			[]string{
				"dependency k8s.io/api  : k8s.io/api/v1", "main github.com/me/app  : github.com/me/app/cmd/web",
				"main github.com/me/app  : github.com/me/app/lib", "standard std go1.18 : fmt",
			}},
		{"vendored twice", nil, []string{"a.com/x/vendor/k8s.io/api", "a.com/x/y/vendor/k8s.io/api"}, []string{"dependency k8s.io/api  : k8s.io/api"}},
		{"odd names", modules, []string{"/", ".", "", "//x"},
			[]string{"standard std go1.26.1 : ", "standard std go1.26.1 : .", "standard std go1.26.1 : /", "standard std go1.26.1 : //x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			packages := map[string]*Share{"nothing": {}}
			for _, p := range test.packages {
				packages[p] = &Share{Bytes: 3, Code: 1, Tables: 2}
			}
			got := []string{}
			total := int64(0)
			for _, m := range group(packages, test.info) {
				total += m.Bytes
				for _, p := range m.Packages {
					got = append(got, string(m.Kind)+" "+m.Path+" "+m.Version+" "+m.Replace+": "+p.Path)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if want := int64(3 * len(test.packages)); total != want {
				t.Errorf("%d bytes of %d", total, want)
			}
		})
	}
}
