package deps

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// fuzzLock: no bytes in the file name of a legacy tool make reading it panic, an
// error names the file, and every project stays below vendor/.
func fuzzLock(f *testing.F, tool Tool, name string) {
	dir := f.TempDir()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := ReadManifest(tool, dir, Options{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), name) || len(err.Error()) > 1000+4*len(content) { // quoted, one byte is four
				t.Errorf("an error without the file's name, or a long one: %.1000v", err)
			}
			return
		}
		for _, p := range m.Projects {
			places := []string{p.Path, p.from()}
			for _, dir := range p.Packages {
				places = append(places, path.Join(p.Path, dir))
			}
			for _, place := range places {
				if !filepath.IsLocal(place) || path.Clean(place) != place {
					t.Errorf("%q is not below vendor/", place)
				}
			}
			if p.Revision == "" && p.Version == "" || strings.HasPrefix(p.Revision, "-") || strings.HasPrefix(p.Version, "-") {
				t.Errorf("%s at %q, %q", p.Path, p.Revision, p.Version)
			}
		}
		entries := 0
		for _, r := range Repositories(m.Projects) {
			if entries += len(r.Projects); len(r.Roots) == 0 {
				t.Errorf("%s has no root", r.Project.Path)
			}
		}
		if entries != len(m.Projects) {
			t.Errorf("%d of %d projects are fetched", entries, len(m.Projects))
		}
		for _, word := range append(m.Install, m.AdditionalTools...) {
			if word == "" || strings.ContainsAny(word, " ,\n") {
				t.Errorf("the package %q", word)
			}
		}
	})
}

// seed adds the files, which are not for tests alone.
func seed(f *testing.F, files ...string) {
	f.Helper()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

func FuzzVendorJSON(f *testing.F) {
	for _, tt := range govendorTests {
		f.Add([]byte(tt.json))
	}
	seed(f, "testdata/govendor/vendor/vendor.json")
	fuzzLock(f, Govendor, "vendor/vendor.json")
}

func FuzzGlideLock(f *testing.F) {
	for _, tt := range glideTests {
		f.Add([]byte(tt.lock))
	}
	seed(f, "testdata/glide/glide.lock")
	fuzzLock(f, Glide, "glide.lock")
}

func FuzzGlideYAML(f *testing.F) {
	for _, tt := range glideTests {
		f.Add([]byte(tt.yaml))
	}
	seed(f, "testdata/glide/glide.yaml")
	fuzzLock(f, Glide, "glide.yaml")
}

func FuzzGBManifest(f *testing.F) {
	for _, tt := range gbTests {
		f.Add([]byte(tt.json))
	}
	seed(f, "testdata/gb/vendor/manifest")
	fuzzLock(f, GB, "vendor/manifest")
}

func FuzzGodirFile(f *testing.F) {
	for _, tt := range godirTests {
		f.Add([]byte(tt.content))
	}
	fuzzLock(f, Godir, ".godir")
}
