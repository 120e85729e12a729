package launch

import (
	"errors"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
)

func TestFromProcfile(t *testing.T) {
	tests := []struct {
		name, text, workDir string
		want                Choice
	}{
		{"web is default, wherever it stands", "worker: bin/worker -v\nweb: bin/web\n", "", Choice{
			Processes: []libcnb.Process{
				{Type: "worker", Command: []string{"bin/worker"}, Arguments: []string{"-v"}},
				{Type: "web", Command: []string{"bin/web"}, Default: true},
			}, Default: "web", Why: "named web in the Procfile",
		}},
		{"the only process is default", "worker: bin/worker\n", "", Choice{
			Processes: []libcnb.Process{{Type: "worker", Command: []string{"bin/worker"}, Default: true}},
			Default:   "worker", Why: "the only process of the Procfile",
		}},
		{"several without web: none is default", "a: x\nWeb: y\n", "", Choice{
			Processes: []libcnb.Process{{Type: "a", Command: []string{"x"}}, {Type: "Web", Command: []string{"y"}}},
			Why:       "none of the 2 processes of the Procfile is named web",
		}},
		{"release and postdeploy are processes like others", "release: bin/migrate\npostdeploy: bin/seed\nweb: bin/web\n", "", Choice{
			Processes: []libcnb.Process{
				{Type: "release", Command: []string{"bin/migrate"}},
				{Type: "postdeploy", Command: []string{"bin/seed"}},
				{Type: "web", Command: []string{"bin/web"}, Default: true},
			}, Default: "web", Why: "named web in the Procfile",
		}},
		{"a line that needs a shell", "web: bin/web -p $PORT # site\n", "", Choice{
			Processes: []libcnb.Process{{Type: "web", Command: []string{"/layers/shell", "bin/web -p $PORT # site"}, Default: true}},
			Default:   "web", Why: "named web in the Procfile",
		}},
		{"work dir: relative programs are found there, others stay", "web: bin/web bin/x\na: web\nb: /bin/web\nc: ./b -x\nd: bin/d $X\n", "/workspace/svc", Choice{
			Processes: []libcnb.Process{
				{Type: "web", Command: []string{"/workspace/svc/bin/web"}, Arguments: []string{"bin/x"}, WorkingDirectory: "/workspace/svc", Default: true},
				{Type: "a", Command: []string{"web"}, WorkingDirectory: "/workspace/svc"},
				{Type: "b", Command: []string{"/bin/web"}, WorkingDirectory: "/workspace/svc"},
				{Type: "c", Command: []string{"/workspace/svc/b"}, Arguments: []string{"-x"}, WorkingDirectory: "/workspace/svc"},
				{Type: "d", Command: []string{"/layers/shell", "bin/d $X"}, WorkingDirectory: "/workspace/svc"},
			}, Default: "web", Why: "named web in the Procfile",
		}},
		{"app root: a relative program stays one, else PATH were searched", "web: ./web\n", "", Choice{
			Processes: []libcnb.Process{{Type: "web", Command: []string{"./web"}, Default: true}},
			Default:   "web", Why: "named web in the Procfile",
		}},
		{"no line", "", "", Choice{Why: "the Procfile names no process"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lines, err := ParseProcfile(strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			got, err := FromProcfile(lines, test.workDir, "/layers/shell")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFromProcfileNamesTheLineThatIsNoShell(t *testing.T) {
	_, err := FromProcfile([]Line{{"web", "bin/web", 2}, {"a", `echo "x`, 5}}, "", "/layers/shell")
	var bad *ProcfileError
	if !errors.As(err, &bad) {
		t.Fatalf("got %v", err)
	}
	want := &ProcfileError{
		Line: 5, Text: `a: echo "x`,
		Reason: "process a: not valid shell syntax: reached EOF without closing quote `\"`",
	}
	if diff := cmp.Diff(want, bad); diff != "" {
		t.Error(diff)
	}
}

func TestFromBinariesChoosesWeb(t *testing.T) {
	bin := func(name string) Binary { return Binary{Name: name, ImportPath: "example.com/" + name} }
	named := func(name string) Binary {
		return Binary{Name: name, ImportPath: "example.com/" + name, NamedBy: "BP_GO_TARGETS"}
	}
	tests := []struct {
		name, module string
		bins         []Binary
		command, why string // of web
		types        string
	}{
		{"the only binary", "x", []Binary{bin("app")}, "app", "the only binary", "app web"},
		{"the only binary is web", "x", []Binary{bin("web")}, "web", "the only binary", "web"},
		{"the only binary beside the hook", "x", []Binary{bin("go-post-compile"), bin("app")}, "app", "the only binary", "app web"},
		{"web before the first named", "a", []Binary{named("server"), named("a"), named("web")}, "web", "named web", "server a web"},
		{"the first named before the module", "b", []Binary{named("a"), named("b"), named("server")}, "a", "the first package named in BP_GO_TARGETS", "a b server web"},
		{"a binary that nobody named is not the first named", "x", []Binary{bin("migrate"), named("b"), named("a")}, "b", "the first package named in BP_GO_TARGETS", "migrate b a web"},
		{"the module before server", "b", []Binary{bin("a"), bin("server"), bin("b")}, "b", "named like the module", "a server b web"},
		{"server before the first", "x", []Binary{bin("a"), bin("server")}, "server", "named server", "a server web"},
		{"the first", "x", []Binary{bin("b"), bin("a")}, "b", "the first binary", "b a web"},
		{"no module", "", []Binary{bin("b"), bin("a")}, "b", "the first binary", "b a web"},
		{"names with _, - and .", "x", []Binary{bin("my_app"), bin("go-server"), bin("v1.2")}, "my_app", "the first binary", "my_app go-server v1.2 web"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := FromBinaries(test.bins, test.module, "")
			if err != nil {
				t.Fatal(err)
			}
			if got.Default != "web" || got.Why != test.why {
				t.Errorf("default %s, %s; want web, %s", got.Default, got.Why, test.why)
			}
			var types, defaults []string
			for _, p := range got.Processes {
				types = append(types, p.Type)
				if p.Default {
					defaults = append(defaults, p.Type+"="+strings.Join(p.Command, " "))
				} else if diff := cmp.Diff([]string{p.Type}, p.Command); diff != "" {
					t.Errorf("process %s: %s", p.Type, diff)
				}
			}
			if diff := cmp.Diff([]string{"web=" + test.command}, defaults); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.types, strings.Join(types, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFromBinariesInFull(t *testing.T) {
	got, err := FromBinaries([]Binary{{Name: "é app", ImportPath: "m/a"}, {Name: "b", ImportPath: "m/b"}}, "m", "/workspace/svc")
	if err != nil {
		t.Fatal(err)
	}
	want := Choice{
		Processes: []libcnb.Process{
			{Type: "--app", Command: []string{"é app"}, WorkingDirectory: "/workspace/svc"},
			{Type: "b", Command: []string{"b"}, WorkingDirectory: "/workspace/svc"},
			{Type: "web", Command: []string{"é app"}, WorkingDirectory: "/workspace/svc", Default: true},
		}, Default: "web", Why: "the first binary",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFromBinariesWithoutABinary(t *testing.T) {
	for _, bins := range [][]Binary{nil, {{Name: "go-post-compile", ImportPath: "m/h"}}} {
		got, err := FromBinaries(bins, "m", "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Choice{Why: "no binary to run"}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFromBinariesRefuses(t *testing.T) {
	tests := []struct {
		name string
		bins []Binary
		want []string // parts of the error
	}{
		{"two of one name", []Binary{{Name: "server", ImportPath: "m/x/server"}, {Name: "server", ImportPath: "m/y/server"}}, []string{"m/x/server", "m/y/server", "process server"}},
		{"two that become one name", []Binary{{Name: "a+b", ImportPath: "m/a+b"}, {Name: "a-b", ImportPath: "m/a-b"}}, []string{"a+b (m/a+b)", "a-b (m/a-b)", "process a-b"}},
		{"no name", []Binary{{ImportPath: "m/a"}}, []string{"m/a", "no name"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := FromBinaries(test.bins, "m", "")
			if err == nil {
				t.Fatalf("no error, but %v", got)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		})
	}
}

func TestARelativeWorkDirIsRefused(t *testing.T) {
	if _, err := FromBinaries([]Binary{{Name: "a"}}, "", "svc"); err == nil {
		t.Error("FromBinaries took it")
	}
	if _, err := FromProcfile([]Line{{"web", "a", 1}}, "svc", "/layers/shell"); err == nil {
		t.Error("FromProcfile took it")
	}
}
