package integration

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"
)

func TestBuildpackDirectoryForEachTarget(t *testing.T) {
	for target, machine := range map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64} {
		t.Run(filepath.Base(target), func(t *testing.T) {
			var programs [][]byte
			for range 2 {
				dir := filepath.Join(t.TempDir(), "buildpack")
				if _, err := script(t, "build.sh", "--target", target, "--output", dir); err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"buildpack.toml", "LICENSE", "README.md", "bin/detect", "bin/build"} {
					if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
						t.Error(err)
					}
				}
				program, err := os.ReadFile(filepath.Join(dir, "bin", "main"))
				if err != nil {
					t.Fatal(err)
				}
				programs = append(programs, program)
			}
			if !bytes.Equal(programs[0], programs[1]) {
				t.Error("building it twice gave different programs")
			}
			file, err := elf.NewFile(bytes.NewReader(programs[0]))
			if err != nil {
				t.Fatal(err)
			}
			if file.Machine != machine {
				t.Errorf("the program is for %v", file.Machine)
			}
			for _, segment := range file.Progs {
				if segment.Type == elf.PT_INTERP {
					t.Error("the program needs a dynamic loader")
				}
			}
		})
	}
}
