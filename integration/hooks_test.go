package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestHookOutputIsLive runs a hook that goes on only when somebody has read what it printed.
func TestHookOutputIsLive(t *testing.T) {
	needsProxy(t)
	t.Parallel()
	p := phases{app: t.TempDir(), layers: filepath.Join(t.TempDir(), "layers"), scratch: t.TempDir(), buildpack: filepath.Join(t.TempDir(), "buildpack")}
	if err := os.CopyFS(p.buildpack, os.DirFS(buildpack)); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		filepath.Join(p.app, "go.mod"):  "module example.com/live\n\ngo 1.22\n",
		filepath.Join(p.app, "main.go"): "package main\n\nfunc main() {}\n",
		filepath.Join(p.app, "bin", "go-pre-compile"): `#!/bin/sh
echo working
for _ in 1 2 3 4 5 6 7 8 9 10; do
	sleep 1
	[ ! -e seen ] || break
done
[ -e seen ] && echo "somebody reads"
`,
		// In place of bin/build, the reader of its log.
		filepath.Join(p.buildpack, "bin", "build"): `#!/bin/sh
mkdir real
ln -s "$CNB_BUILDPACK_DIR/bin/main" real/build
real/build | while IFS= read -r line; do
	printf '%s\n' "$line"
	case $line in
	*' working') : >seen ;;
	esac
done
`,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(path); err != nil { // it may be a link
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil { // #nosec G306 -- some are programs
			t.Fatal(err)
		}
	}
	built := p.run(t, "build", hostNetwork(t)...)
	wantLines(t, built.text, `Hook bin/go-pre-compile`, ` working\n`, ` somebody reads\n`, `Compiling`)
	if t.Failed() {
		t.Log(built.text)
	}
}

// TestBuildThatIsToldToEnd ends a build in the middle of a hook: neither the hook
// nor the copy of a key that ssh needs is there afterwards.
func TestBuildThatIsToldToEnd(t *testing.T) {
	needsProxy(t)
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("SKIPPED: no ssh-keygen here, so that no build with a key was told to end: apt-get install openssh-client")
	}
	t.Parallel()
	p := phases{app: t.TempDir(), layers: filepath.Join(t.TempDir(), "layers"), scratch: t.TempDir()}
	put(t, p.app, "go.mod", []byte("module example.com/ended\n\ngo 1.22\n"))
	put(t, p.app, "main.go", []byte("package main\n\nfunc main() {}\n"))
	if err := os.Mkdir(filepath.Join(p.app, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, p.app, "bin/go-pre-compile", []byte(`#!/bin/sh
ls -l "$CNB_LAYERS_DIR/scratch/access"
echo $$ >pid
kill -TERM $PPID
sleep 60
echo "went on"
`))
	key := newSSHKey(t)
	bind(t, filepath.Join(p.scratch, "platform"), "git-ssh", map[string]string{
		"ssh-privatekey": strings.ReplaceAll(key.private, "\n", "\r\n"), "known_hosts": "git.example.com " + key.public,
	})
	built := p.run(t, "build", hostNetwork(t)...)
	wantLines(t, built.text, ` -rw------- .* ssh-privatekey`, `bin/go-pre-compile was stopped: the build was told to end`)
	if built.code == 0 || strings.Contains(built.text, "went on") {
		t.Errorf("exit code %d:\n%s", built.code, built.text)
	}
	if _, err := os.Lstat(filepath.Join(p.layers, "scratch")); !os.IsNotExist(err) {
		t.Errorf("the build's own directory is still there: %v", err)
	}
	pid, err := os.ReadFile(filepath.Join(p.app, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join("/proc", strings.TrimSpace(string(pid)), "exe")); err == nil {
		t.Error("the hook goes on without the build")
	}
}
