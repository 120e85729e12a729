package keep

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSlices: which parts of an app become layers of their own. Files are given as NAME=SIZE in kB.
func TestSlices(t *testing.T) {
	tests := []struct {
		name string
		app  string
		keep string
		want []string
	}{
		{name: "nothing"},
		{name: "small", app: "static/a=900 b=10 c/d=1000"},
		{name: "large directories and files of the root", app: "static/a=600 static/b/c=600 templates/x=50 geo.mmdb=3000 migrations/1.sql=1100 bin/t=20",
			want: []string{"geo.mmdb", "migrations", "static"}},
		{name: "what is below, where it is nearly all",
			app:  "web/node_modules/a/x=1500 web/node_modules/b/x=1600 web/templates/x=90 services/api/public/a=1100 services/api/public/b=1100",
			want: []string{"services/api/public", "web/node_modules"}},
		{name: "both, where the rest is large too", app: "web/node_modules/a/x=1500 web/node_modules/b/x=1600 web/static/x=1200", want: []string{"web"}},
		{name: "the largest eight", app: "a=1100 b=1101 c=1102 d=1103 e=1104 f=1105 g=1106 h=1107 i=1108 j=1100",
			want: []string{"b", "c", "d", "e", "f", "g", "h", "i"}},
		{name: "not what goes", app: "x.go=2000 vendor/modules.txt=2000 go.mod=1 a/x.go=2000 a/y=900"},
		{name: "not what no pattern names", keep: "b", app: "a=2000 b=2000", want: []string{"b"}},
		{name: "special characters", app: `a[b]*?\c=2000 x,{y}=2000`, want: []string{`a\[b]\*\?\\c`, "x,{y}"}},
		{name: "no UTF-8", app: "\xff=2000 é=2000", want: []string{"é"}},
		{name: "a name like a path", app: "...=2000 -x=2000", want: []string{"-x", "..."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := t.TempDir()
			for _, file := range strings.Fields(tt.app) {
				name, size, _ := strings.Cut(file, "=")
				var kilobytes int64
				fmt.Sscan(size, &kilobytes)
				name = filepath.Join(app, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(name, kilobytes*1024); err != nil {
					t.Fatal(err)
				}
			}
			keep, err := ParsePatterns(tt.keep)
			if err != nil {
				t.Fatal(err)
			}
			report, err := LeaveOut(app, Options{Keep: keep})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, slice := range report.Slices {
				got = append(got, slice.Paths...)
				if names := matched(t, app, slice.Paths[0]); len(names) != 1 {
					t.Errorf("%s matches %q", slice.Paths[0], names)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// matched are the files that the lifecycle takes for a pattern of a slice (lifecycle v0.21, layers/slices.go, glob).
func matched(t *testing.T, app, pattern string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(app, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || name == app {
			return err
		}
		rel, err := filepath.Rel(app, name)
		if err != nil {
			return err
		}
		match, err := filepath.Match(filepath.Clean(pattern), rel)
		if match {
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// FuzzSlicePattern: a slice's pattern matches its path and no other.
func FuzzSlicePattern(f *testing.F) {
	for _, name := range []string{"static", `a[b]*?\`, "a/b", "é", "{a,b}", "[!a]", `\`, "-"} {
		f.Add(name, "x")
	}
	f.Fuzz(func(t *testing.T, name, other string) {
		if !filepath.IsLocal(name) || filepath.Clean(name) != name || slices.Contains([]string{".", ".."}, name) {
			return
		}
		pattern := filepath.Clean(escape.Replace(name))
		if match, err := filepath.Match(pattern, name); err != nil || !match {
			t.Errorf("%q does not match %q: %v", pattern, name, err)
		}
		if match, err := filepath.Match(pattern, other); err != nil || match != (name == other) {
			t.Errorf("%q matches %q: %v, %v", pattern, other, match, err)
		}
	})
}
