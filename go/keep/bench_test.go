package keep

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkLeaveOut is about an app of 100,000 files, 5,000 of them vendored and 1,000 of Go.
func BenchmarkLeaveOut(b *testing.B) {
	patterns, err := ParsePatterns("static/**/*.js:templates:{a,b}/**/*.{css,html}")
	if err != nil {
		b.Fatal(err)
	}
	for name, options := range map[string]Options{"source": {}, "patterns": {Keep: patterns}, "git alone": {KeepSource: true}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				app := b.TempDir()
				many(b, app, "node_modules", ".js", 94000)
				many(b, app, "vendor/example.com", ".go", 5000)
				many(b, app, "internal", ".go", 1000)
				place(b, app, "-- go.mod --\n-- vendor/modules.txt --\n-- .git/config --\n")
				b.StartTimer()
				if _, err := LeaveOut(app, options); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				_ = os.RemoveAll(app)
				b.StartTimer()
			}
		})
	}
}

// many makes that many files below dir, in directories of twenty.
func many(b *testing.B, app, dir, ext string, count int) {
	b.Helper()
	for i := range count {
		parent := filepath.Join(app, dir, fmt.Sprint(i/2000), "a", fmt.Sprint(i/20))
		if i%20 == 0 {
			if err := os.MkdirAll(parent, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(parent, fmt.Sprint(i)+ext), []byte("x"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}
