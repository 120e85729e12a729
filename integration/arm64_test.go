package integration

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// arm64Magic is how the kernel knows a program for arm64: the beginning of the file, and which bits of it count.
const arm64Magic = `\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:` +
	`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`

// registering runs "$@" where an emulator is known to the kernel: $1 is an empty directory, $2 what to tell the kernel.
const registering = `set -e
mount -t binfmt_misc binfmt_misc "$1"
printf %s "$2" >"$1/register"
shift 2
exec "$@"`

// armEmulation is the command through which a program for arm64, and each program that it starts, runs on this machine;
// nil where it runs as any other.
//
// The buildpack starts the Go command, which starts the compiler: the kernel has to know the emulator. It is told so in a
// user namespace that has a list of emulators of its own, so that the machine's stays as it is.
func armEmulation(t testing.TB, program string) []string {
	t.Helper()
	if err := exec.Command(program).Run(); err == nil || errors.As(err, new(*exec.ExitError)) {
		return nil
	}
	emulator, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		emulator, err = exec.LookPath("qemu-aarch64")
	}
	if err != nil {
		t.Skip("SKIPPED: no qemu-aarch64-static here, so that the buildpack for arm64 did not run: apt-get install qemu-user-static")
	}
	// P hands the name on by which a program was called, F opens the emulator now: it need not be found later.
	rule := ":go-cnb-arm64:M::" + arm64Magic + ":" + emulator + ":PF"
	command := []string{
		"timeout", "--kill-after=10s", "15m", // of which nothing is left when the emulation hangs
		"unshare", "--user", "--map-root-user", "--mount", "sh", "-c", registering, "sh", t.TempDir(), rule,
	}
	probe := exec.Command(command[0], append(command[1:], "true")...)
	if out, err := probe.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no emulator of arm64 can be registered, so that the buildpack for it did not run: %s"+
			"Use Linux 6.7 or newer, which gives user namespaces a binfmt_misc of their own, or register qemu-aarch64-static for the machine", out)
	}
	return command
}

// emulated runs a program through a command and returns what it printed.
func emulated(t testing.TB, through []string, env []string, program ...string) string {
	t.Helper()
	command := append(append([]string{}, through...), program...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(program, " "), err, out)
	}
	return string(out)
}

// TestArm64BuildpackRuns runs the programs of the buildpack for arm64, which download a Go for arm64 and compile with it.
func TestArm64BuildpackRuns(t *testing.T) {
	needsProxy(t)
	dir := t.TempDir()
	p := phases{layers: filepath.Join(dir, "layers"), scratch: filepath.Join(dir, "scratch"), buildpack: filepath.Join(dir, "buildpack")}
	if _, err := script(t, "build.sh", "--target", "linux/arm64", "--output", p.buildpack); err != nil {
		t.Fatal(err)
	}
	p.through = armEmulation(t, filepath.Join(p.buildpack, "bin", "detect"))
	t.Parallel()
	// Without any import: emulated, compiling takes ten times as long.
	p.app = written(t, "-- go.mod --\nmodule example.com/app\n\ngo 1.26\n-- main.go --\npackage main\n\nfunc main() { println(\"hello from an arm\") }\n"+
		"-- Procfile --\nweb: true && exec app\n")

	detected := p.run(t, "detect")
	var plan struct {
		Requires []struct{ Metadata map[string]any }
	}
	if _, err := toml.DecodeFile(filepath.Join(p.scratch, "plan.toml"), &plan); err != nil || detected.code != 0 || len(plan.Requires) != 1 {
		t.Fatalf("detect: exit code %d, %v, %v\n%s", detected.code, plan, err, detected.text)
	}
	if version := plan.Requires[0].Metadata["version"]; version != "1.26" {
		t.Errorf("detect requires Go %v", version)
	}
	// Nor are caches packed, which would be most of the test.
	built := p.run(t, "build", append(hostNetwork(t), "BP_GO_CACHE=off")...)
	if built.code != 0 {
		t.Fatalf("build:\n%s", built.text)
	}
	wantLines(t, built.text, `Installed Go 1\.26\.\d+ from \S*linux-arm64`, `app +[\d.]+ MB +static`)
	program := filepath.Join(p.layers, "bin", "bin", "app")
	isArm64(t, program)
	isArm64(t, filepath.Join(p.layers, "helper", "shell"))
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(info.GoVersion, "go1.26.") {
		t.Errorf("the program was built by %s", info.GoVersion)
	}
	var launch struct{ Processes []struct{ Command []string } }
	if _, err := toml.DecodeFile(filepath.Join(p.layers, "launch.toml"), &launch); err != nil || len(launch.Processes) != 1 {
		t.Fatalf("processes: %v, %v", launch, err)
	}
	env := []string{"PATH=" + filepath.Dir(program) + string(filepath.ListSeparator) + os.Getenv("PATH")}
	if out := emulated(t, p.through, env, launch.Processes[0].Command...); out != "hello from an arm\n" {
		t.Errorf("the process printed %q", out)
	}
}

// isArm64 fails the test where a program is not a static one for arm64.
func isArm64(t testing.TB, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if file.Machine != elf.EM_AARCH64 {
		t.Errorf("%s is for %v", path, file.Machine)
	}
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			t.Errorf("%s needs a dynamic loader", path)
		}
	}
}
