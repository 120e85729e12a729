package integration

import (
	"os"
	"path/filepath"
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
