package deps

import (
	"crypto/sha1" // #nosec G505 -- govendor's own
	"encoding/base64"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// TestWhatTheToolWroteDownProvesATag fetches a project whose revision no proxy tells by its tag.
func TestWhatTheToolWroteDownProvesATag(t *testing.T) {
	server := apptest.ServeModules(t, `
-- example.org/team/dep@v1.0.0/dep.go --
package dep
-- example.org/team/dep@v1.0.0/dep_test.go --
package dep
-- example.org/team/dep@v1.0.0/other/other.go --
package other
`, map[string]string{"example.org/team/dep@" + revA: "403 no commits here"})
	f := newFetcher(t, "GOPROXY="+server.URL)
	p := project("example.org/team/dep", revA, "v1.0.0")
	p.Root, p.Packages = true, []string{"."}
	digest := func(dir string) string {
		t.Helper()
		sum, err := depDigest(dir)
		if err != nil {
			t.Fatal(err)
		}
		return "1:" + hex.EncodeToString(sum)
	}
	whole := write(t, t.TempDir(), "-- dep.go --\npackage dep\n-- dep_test.go --\npackage dep\n-- other/other.go --\npackage other\n")
	pruned := write(t, t.TempDir(), "-- dep.go --\npackage dep\n")
	sum := sha1.Sum([]byte("example.org/team/dep" + "dep.go" + "package dep\n")) // #nosec G401 -- govendor's own
	unproven := []string{"example.org/team/dep v1.0.0"}
	for _, c := range []struct {
		name string
		tool Tool
		sum  string
		want []string
	}{
		{"dep without pruning", Dep, digest(whole), nil},
		{"dep, pruned", Dep, digest(pruned), nil},
		{"dep, another digest", Dep, "1:" + strings.Repeat("0", 64), unproven},
		{"dep of before digests", Dep, "", unproven},
		{"govendor", Govendor, base64.StdEncoding.EncodeToString(sum[:]), nil},
		{"govendor, another sum", Govendor, "x", unproven},
		{"a tool that sums nothing", Glide, digest(whole), unproven},
	} {
		t.Run(c.name, func(t *testing.T) {
			locked := p
			locked.Sum = c.sum
			got, err := f.Fetch([]Project{locked})
			if err != nil {
				t.Fatal(err)
			}
			vendor := filepath.Join(t.TempDir(), "vendor")
			if err := got.Vendor([]Project{locked}, vendor); err != nil {
				t.Fatal(err)
			}
			left, err := got.Unproven(Manifest{Tool: c.tool, Projects: []Project{locked}}, vendor)
			if diff := cmp.Diff(c.want, left); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
