package integration

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestPhases runs the stories in testdata/phases: an app, what the build says of
// it and what comes out. Each begins with the layers of an earlier build, so that Go and much
// of what is to be compiled are there.
//
// Beside testscript's own, a story has the commands
//
//	detect [NAME=VALUE...]   run bin/detect in the app
//	build [NAME=VALUE...]    run bin/build in the app
//	processes                print the image's processes, a line each
//	program NAME [ARG...]    run a program that the build made
//	machine NAME ARCH        check for which architecture a program that the build made is
//	proxy                    make the module proxy file://$WORK/proxy of modules/PATH@VERSION/...; a file .revision there names the commit
//
// The app is the directory "app" of the story.
func TestPhases(t *testing.T) { stories(t, "phases", "BP_GO_VERSION=1.22") }

// TestLegacy runs the stories in testdata/legacy: apps of the dependency tools
// from before modules.
func TestLegacy(t *testing.T) { stories(t, "legacy", "BP_GO_VERSION=1.12.17") }

func stories(t *testing.T, dir, version string) {
	needsProxy(t)
	t.Parallel()
	warm := filepath.Join(t.TempDir(), "layers")
	first := phases{app: copied(t, filepath.Join("testdata", "apps", "none")), layers: warm, scratch: t.TempDir()}
	if built := first.run(t, "build", append(hostNetwork(t), version)...); built.code != 0 {
		t.Fatalf("build:\n%s", built.text)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", dir),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			layers := filepath.Join(env.WorkDir, "the layers")
			env.Setenv("LAYERS", layers)
			env.Setenv("GOPROXY", goEnv(t, "GOPROXY"))
			if err := linkCaches(warm, layers, warmLayers...); err != nil {
				return err
			}
			return os.MkdirAll(filepath.Join(env.WorkDir, "app"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"detect": func(ts *testscript.TestScript, neg bool, args []string) {
				out := story(ts).run(t, "detect", args...)
				report(ts, neg, "detect", out)
			},
			"build": func(ts *testscript.TestScript, neg bool, args []string) {
				p := story(ts)
				ts.Check(os.RemoveAll(filepath.Join(ts.Getenv("LAYERS"), "launch.toml")))
				out := p.run(t, "build", append(hostNetwork(t), args...)...)
				report(ts, neg, "build", out)
				if out.code == 0 {
					keepResult(ts, ts.Getenv("LAYERS"))
				}
			},
			"proxy": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(makeProxy(ts.MkAbs("modules"), ts.MkAbs("proxy")))
			},
			"processes": func(ts *testscript.TestScript, _ bool, _ []string) {
				_, err := ts.Stdout().Write([]byte(processes(ts)))
				ts.Check(err)
			},
			"machine": func(ts *testscript.TestScript, _ bool, args []string) {
				program, err := elf.Open(ts.MkAbs(filepath.Join("out", args[0])))
				ts.Check(err)
				ts.Check(program.Close())
				if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[args[1]]; program.Machine != want {
					ts.Fatalf("%s is for %s, want %s", args[0], program.Machine, want)
				}
			},
			"program": func(ts *testscript.TestScript, neg bool, args []string) {
				err := ts.Exec(ts.MkAbs(filepath.Join("out", args[0])), args[1:]...)
				if (err != nil) != neg {
					ts.Fatalf("program %s: %v", args[0], err)
				}
			},
		},
	})
}

func story(ts *testscript.TestScript) phases {
	return phases{app: ts.MkAbs("app"), layers: ts.Getenv("LAYERS"), scratch: ts.MkAbs("scratch")}
}

func report(ts *testscript.TestScript, neg bool, phase string, out output) {
	_, err := ts.Stdout().Write([]byte(out.text))
	ts.Check(err)
	if (out.code != 0) != neg {
		ts.Fatalf("%s ended with exit code %d:\n%s", phase, out.code, out.text)
	}
}

// keepResult copies the programs and the processes to the story's directory "out": the layers are another story's next.
func keepResult(ts *testscript.TestScript, layers string) {
	out := ts.MkAbs("out")
	ts.Check(os.RemoveAll(out))
	ts.Check(os.CopyFS(out, os.DirFS(filepath.Join(layers, "bin", "bin"))))
	data, err := os.ReadFile(filepath.Join(layers, "launch.toml"))
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(out, "launch.toml"), data, 0o600))
}

func processes(ts *testscript.TestScript) string {
	var launch struct {
		Processes []struct {
			Type    string
			Command []string
			Args    []string
			Default bool
			Dir     string `toml:"working-dir"`
		}
	}
	_, err := toml.DecodeFile(ts.MkAbs("out/launch.toml"), &launch)
	ts.Check(err)
	var text strings.Builder
	for _, p := range launch.Processes {
		text.WriteString(p.Type + ": " + strings.Join(append(p.Command, p.Args...), " "))
		if p.Dir != "" {
			text.WriteString(" in " + filepath.Base(p.Dir))
		}
		if p.Default {
			text.WriteString(" (default)")
		}
		text.WriteString("\n")
	}
	return strings.ReplaceAll(text.String(), ts.Getenv("LAYERS"), "LAYERS")
}
