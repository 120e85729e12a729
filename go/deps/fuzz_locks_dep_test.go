package deps

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// fuzzDepFile reads any bytes as the file of a tool: nothing panics, an error names
// the file, and what is accepted stays below vendor/.
func fuzzDepFile(f *testing.F, tool Tool, file string, check func(*testing.T, Manifest)) {
	seeds, err := filepath.Glob(filepath.Join("testdata", string(tool), "*"))
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, seed := range seeds {
		data, err := os.ReadFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), 4096)]) // the engine is slow with long ones
	}
	dir := f.TempDir()
	name := filepath.Join(dir, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := ReadManifest(tool, dir, Options{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), file) {
				t.Errorf("the error does not begin with the file: %v", err)
			}
			return
		}
		for _, p := range m.Projects {
			for _, dir := range slices.Concat([]string{p.Path}, p.Packages) {
				below := path.Join("vendor", dir)
				if dir == "" || path.IsAbs(dir) || filepath.VolumeName(dir) != "" || strings.ContainsAny(dir, "\\\x00\n") ||
					below != "vendor" && !strings.HasPrefix(below, "vendor/") || slices.Contains(strings.Split(dir, "/"), "..") {
					t.Errorf("%q of %+v leaves vendor", dir, p)
				}
			}
			if p.Path == "." || p.Revision == "" && p.Version == "" || strings.HasPrefix(p.Revision, "-") || strings.HasPrefix(p.Version, "-") {
				t.Errorf("%+v was accepted", p)
			}
		}
		for _, list := range [][]string{m.Install, m.AdditionalTools} {
			for _, word := range list {
				if word == "" || strings.ContainsAny(word, " \t\r\n,") {
					t.Errorf("the package %q", word)
				}
			}
		}
		if (m.GoVersion.Text == "") != (m.GoVersion.By == "") || (m.Install == nil) != (m.InstallBy == "") {
			t.Errorf("%+v", m)
		}
		check(t, m)
		_ = Repositories(m.Projects)
	})
}

// addDepFiles adds the file of that name in each archive as a seed.
func addDepFiles(f *testing.F, file string, archives ...string) {
	for _, archive := range archives {
		for _, found := range txtar.Parse([]byte(archive)).Files {
			if found.Name == file {
				f.Add(found.Data[:min(len(found.Data), 4096)])
			}
		}
	}
}

func FuzzGopkgLock(f *testing.F) {
	for _, tt := range gopkgLockTests {
		addDepFiles(f, gopkgLock, tt.files)
	}
	fuzzDepFile(f, Dep, gopkgLock, func(t *testing.T, m Manifest) {
		for _, p := range m.Projects {
			if !p.Root || p.Revision == "" || p.Source != "" && p.Origin != "" {
				t.Errorf("%+v was accepted", p)
			}
		}
	})
}

func FuzzGopkgToml(f *testing.F) {
	for _, tt := range gopkgTomlTests {
		addDepFiles(f, gopkgToml, tt.files)
	}
	fuzzDepFile(f, Dep, gopkgToml, func(t *testing.T, m Manifest) {
		if m.Lock != "" || m.AsIs != "" && !strings.HasSuffix(m.AsIs, ".ensure is false") {
			t.Errorf("%+v", m)
		}
	})
}

func FuzzGodeps(f *testing.F) {
	for _, tt := range godepsTests {
		addDepFiles(f, godepsJSON, tt.files)
	}
	fuzzDepFile(f, Godep, godepsJSON, func(t *testing.T, m Manifest) {
		for _, p := range m.Projects {
			if p.Root || !p.Tree || behindTag.MatchString(p.Version) {
				t.Errorf("%+v was accepted", p)
			}
		}
	})
}
