package deps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoadModules: no bytes in go.mod and go.work make reading them panic, and an error names the file.
func FuzzLoadModules(f *testing.F) {
	for _, tt := range loadTests {
		f.Add([]byte(tt.files), []byte(tt.files))
	}
	f.Add([]byte("module \"\xff\"\n// +scalingo install ,,\n"), []byte("use \"\"\nuse /\nuse C:\\x\nreplace a => b\n"))
	top := f.TempDir()
	f.Fuzz(func(t *testing.T, mod, work []byte) {
		for name, content := range map[string][]byte{"go.mod": mod, "go.work": work} {
			if err := os.WriteFile(filepath.Join(top, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		app, err := LoadModules(top, top, "")
		if err != nil {
			if !strings.Contains(err.Error(), "go.mod") && !strings.Contains(err.Error(), "go.work") {
				t.Errorf("the error names no file: %v", err)
			}
			return
		}
		if app.Path == "" && app.GoMod != "" && !strings.Contains(string(mod), `""`) && !strings.Contains(string(mod), "``") {
			t.Error("a module without a name")
		}
		_, _ = app.Patterns()
	})
}

// FuzzInstallComment: whatever stands behind "install", its words become the packages, none of them empty.
func FuzzInstallComment(f *testing.F) {
	for _, text := range []string{"./cmd/... ./other", "a,b", ",", " , ,", "\t./a\r", "./a // b", "\u00a0", "./ü", "-race"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\n\r") {
			return
		}
		app := ModuleApp{WorkDir: "/app", GoMod: "/app/go.mod"}
		if err := app.readModule("/app", []byte("// +scalingo install "+text+"\n// +heroku install ./fallback\nmodule example.com/app\n")); err != nil {
			return
		}
		if len(app.Install) == 0 {
			t.Errorf("%q: no packages at all", text)
		}
		for _, p := range app.Install {
			if p == "" || strings.ContainsAny(p, " \t,") {
				t.Errorf("%q: package %q", text, p)
			}
		}
	})
}

// FuzzModulesTxt: no bytes in modules.txt make reading it panic; it belongs to the module or to the workspace, never to both.
func FuzzModulesTxt(f *testing.F) {
	for _, text := range []string{"", "## workspace\n", "## workspace", "## workspaces\n", "# a v1\n## explicit\n", "## explicit; workspace\r\n", strings.Repeat("x", 100_000)} {
		f.Add([]byte(text))
	}
	top := write(f, f.TempDir(), "-- go.mod --\n-- go.work --\n-- vendor/x --\n")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(filepath.Join(top, "vendor", "modules.txt"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		module := ModuleApp{GoMod: filepath.Join(top, "go.mod")}
		workspace := module
		workspace.GoWork = filepath.Join(top, "go.work")
		if module.findVendor() != "" && workspace.findVendor() != "" {
			t.Errorf("%q belongs to both", content)
		}
	})
}
