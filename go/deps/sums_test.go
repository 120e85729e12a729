package deps

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/module"
)

func TestSums(t *testing.T) {
	const mod, sum = "-- go.mod --\nmodule example.com/app\n", "-- go.sum --\na.example/x v1.0.0 h1:x\na.example/x v1.0.0/go.mod h1:y\n"
	x, xMod := module.Version{Path: "a.example/x", Version: "v1.0.0"}, module.Version{Path: "a.example/x", Version: "v1.0.0/go.mod"}
	local := func(path string) module.Version { return module.Version{Path: path} }
	for name, tt := range map[string]struct {
		files string
		want  map[module.Version]string
	}{
		"no go.sum":         {mod, map[module.Version]string{local("example.com/app"): ""}},
		"a go.sum":          {mod + sum, map[module.Version]string{local("example.com/app"): "", x: "h1:x", xMod: "h1:y"}},
		"two hashes of one": {mod + sum + "a.example/x v1.0.0 h1:z\na.example/x v1.0.0 h1:x\n", map[module.Version]string{local("example.com/app"): "", x: "h1:x h1:z", xMod: "h1:y"}},
		"lines of Windows, and others": {mod + "-- go.sum --\na.example/x v1.0.0 h1:x\r\n\nwhat is this line\n",
			map[module.Version]string{local("example.com/app"): "", x: "h1:x"}},
		"replacements": {mod + "replace (\n\ta.example/x => ./x\n\tb.example/y v1.0.0 => ../y\n\tc.example/z => d.example/z v1.0.0\n)\n",
			map[module.Version]string{local("example.com/app"): "", local("a.example/x"): "", local("b.example/y"): ""}},
		"a workspace": {sum + "-- go.work --\ngo 1.22\nuse (\n\t./a\n\t./b\n)\nreplace e.example/w => ./w\n-- go.work.sum --\nf.example/v v1.0.0/go.mod h1:v\n" +
			"-- a/go.mod --\nmodule example.com/a\nreplace a.example/x => ./x\n-- b/go.mod --\nmodule example.com/b\n-- b/go.sum --\ng.example/u v1.0.0 h1:u\n",
			map[module.Version]string{local("example.com/a"): "", local("example.com/b"): "", local("a.example/x"): "", local("e.example/w"): "",
				{Path: "f.example/v", Version: "v1.0.0/go.mod"}: "h1:v", {Path: "g.example/u", Version: "v1.0.0"}: "h1:u"}},
		"a go.mod that only a newer Go can read": {mod + "future thing\n" + sum, nil},
		"a go.sum that cannot be read":           {mod + "-- go.sum/x --\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			top := write(t, t.TempDir(), tt.files)
			app, err := LoadModules(top, top, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, app.Sums()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff(map[module.Version]string{}, ModuleApp{}.Sums()); diff != "" {
		t.Errorf("without modules (-want +got):\n%s", diff)
	}
}
