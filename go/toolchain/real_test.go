package toolchain

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/paketo-buildpacks/libpak/v2/effect"
)

// realProxies are the module proxies of this machine, and its GOPROXY. Without any, and with -short, the test is skipped.
func realProxies(t *testing.T) ([]Proxy, string) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: -short, and each Go is a download of 70 MB")
	}
	out, err := exec.Command("go", "env", "GOPROXY").Output()
	if err != nil {
		t.Skipf("SKIPPED: there is no go command to ask for GOPROXY: %v", err)
	}
	goproxy := strings.TrimSpace(string(out))
	proxies, err := ParseProxies(goproxy)
	if err != nil {
		t.Fatal(err)
	}
	if len(proxies) == 0 {
		t.Skipf("SKIPPED: go env GOPROXY names no proxy: %q", goproxy)
	}
	return proxies, goproxy
}

func realFetcher(t *testing.T, proxies []Proxy) *Fetcher {
	t.Helper()
	return &Fetcher{
		Download: NewDownloader("scalingo/go test"), Locate: func(Release) (*url.URL, error) { return nil, nil },
		Proxies: proxies, ProxyFirst: true, Only: FromGoproxy, Scratch: t.TempDir(), Warn: t.Logf,
	}
}

// quietHome is a home directory into which no telemetry of the go command writes behind the test's back.
func quietHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	dir := filepath.Join(home, ".config", "go", "telemetry")
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "mode"), []byte("off"), 0o600))
	return home
}

// works runs the go command at root: it names its version and finds its standard library.
func works(t *testing.T, root string, v Version) Go {
	t.Helper()
	dist, err := Open(root, v, effect.CommandExecutor{})
	must(t, err)
	home := quietHome(t)
	env := []string{"HOME=" + home, "GOPATH=" + filepath.Join(home, "go"), "GOCACHE=" + filepath.Join(home, "cache"),
		"GOROOT=" + root, "GOTOOLCHAIN=local", "GOPROXY=off", "CGO_ENABLED=0", "PATH=" + os.Getenv("PATH")}
	out, err := dist.Output(home, env, "version")
	must(t, err)
	if want := "go version " + v.GoName() + " linux/" + runtime.GOARCH; !strings.HasPrefix(string(out), want) {
		t.Errorf("go version says %q, want %q", out, want)
	}
	out, err = dist.Output(home, env, "list", "std")
	must(t, err)
	if !strings.Contains(string(out), "\nnet/http\n") {
		t.Errorf("go list std says %q", out)
	}
	program := filepath.Join(home, "main.go")
	must(t, os.WriteFile(program, []byte("package main\n\nfunc main() { println(\"built\") }\n"), 0o600))
	if out, err := dist.Output(home, env, "build", "-o", "program", "main.go"); err != nil {
		t.Errorf("go build: %v %s", err, out)
	}
	for _, name := range []string{"test", "api", "doc", "src/fmt/fmt_test.go", "src/_go.mod"} {
		if exists(filepath.Join(root, filepath.FromSlash(name))) {
			t.Errorf("%s is still there", name)
		}
	}
	return dist
}

func TestRealToolchainsFromTheProxy(t *testing.T) {
	proxies, _ := realProxies(t)
	inv := realInventory(t)
	for _, line := range []string{"1.27", "1.25", "1.21", "1.18", "1.12"} {
		t.Run(line, func(t *testing.T) {
			newest, ok := inv.Newest(runtime.GOARCH, func(r Release) bool { return r.Version.Line() == line && r.ModuleSum != "" })
			if !ok {
				t.Skipf("SKIPPED: the inventory has no module hash of Go %s for %s", line, runtime.GOARCH)
			}
			root := filepath.Join(t.TempDir(), "go")
			from, err := realFetcher(t, proxies).Install(t.Context(), newest, root)
			must(t, err)
			if !strings.HasSuffix(from, "/golang.org/toolchain/@v/"+newest.ModuleVersion()+".zip") {
				t.Errorf("it came from %s", from)
			}
			works(t, root, newest.Version)
		})
	}
}

func TestRealToolchainsThatTheInventoryCannotVerify(t *testing.T) {
	proxies, goproxy := realProxies(t)
	inv := realInventory(t)
	newest, ok := inv.Newest(runtime.GOARCH, func(r Release) bool { return r.ModuleSum != "" && r.Version.Line() == "1.26" })
	if !ok {
		t.Skipf("SKIPPED: the inventory has no module hash of Go 1.26 for %s", runtime.GOARCH)
	}
	modernRoot := filepath.Join(t.TempDir(), "modern")
	if _, err := realFetcher(t, proxies).Install(t.Context(), newest, modernRoot); err != nil {
		t.Fatal(err)
	}
	modern := works(t, modernRoot, newest.Version)
	newModern := func(t *testing.T) *ModernGo {
		// As a build's environment; for the checksum database all stays as Go has it.
		env := []string{"HOME=" + quietHome(t), "PATH=" + os.Getenv("PATH"), "GOPROXY=" + goproxy}
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"} {
			if value, ok := os.LookupEnv(name); ok {
				env = append(env, name+"="+value)
			}
		}
		return &ModernGo{Find: func(context.Context) (Go, error) { return modern, nil }, Env: env, Scratch: filepath.Join(t.TempDir(), "download")}
	}
	resolve := func(t *testing.T, inv Inventory, text string, lookup Lookup) (Resolution, error) {
		spec, err := ParseSpec(text)
		must(t, err)
		return Resolve(t.Context(), inv, runtime.GOARCH, []Source{{Name: "test", Text: text, Spec: spec}}, nil, lookup)
	}

	t.Run("a release whose hash the inventory lacks", func(t *testing.T) {
		release, ok := inv.Find(MustParseVersion("1.25.3"), runtime.GOARCH)
		if !ok || release.ModuleSum != "" {
			t.Fatalf("the inventory knows it by now, choose another: %+v", release)
		}
		f := realFetcher(t, proxies)
		f.Modern = newModern(t)
		root := filepath.Join(t.TempDir(), "go")
		from, err := f.Install(t.Context(), release, root)
		must(t, err)
		if from != "module golang.org/toolchain@"+release.ModuleVersion() {
			t.Errorf("it came from %s", from)
		}
		works(t, root, release.Version)
		if exists(f.Modern.moduleCache()) {
			t.Error("the download is still there")
		}
	})
	t.Run("a release that is newer than the inventory", func(t *testing.T) {
		old := cutDown(t, inv, "<1.27", "")
		f := realFetcher(t, proxies)
		f.Modern = newModern(t)
		found, err := resolve(t, old, "1.27.1", f.Modern.Exists)
		must(t, err)
		if found.Release.Version != MustParseVersion("1.27.1") || found.Release.URI != "" || found.Release.ModuleSum != "" {
			t.Fatalf("%+v", found)
		}
		root := filepath.Join(t.TempDir(), "go")
		_, err = f.Install(t.Context(), found.Release, root)
		must(t, err)
		works(t, root, found.Release.Version)
	})
	t.Run("a release that does not exist", func(t *testing.T) {
		_, err := resolve(t, inv, "1.99.0", newModern(t).Exists)
		if err != nil && strings.Contains(err.Error(), "403 Forbidden") {
			t.Skip("SKIPPED: this proxy answers 403 where others say 404, so nobody can tell what does not exist")
		}
		if err == nil || !strings.Contains(err.Error(), "test asks for Go 1.99.0, which does not exist: use one of ") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("GOPROXY=off", func(t *testing.T) {
		m := newModern(t)
		m.Env = append(m.Env, "GOPROXY=off")
		_, err := resolve(t, inv, "1.99.0", m.Exists)
		if err == nil || !strings.Contains(err.Error(), "could not be looked up") || !strings.Contains(err.Error(), "GOPROXY=off") {
			t.Errorf("got %v", err)
		}
		f := realFetcher(t, nil)
		f.Modern = m
		root := filepath.Join(t.TempDir(), "go")
		if _, err = f.Install(t.Context(), Release{Version: MustParseVersion("1.99.0"), Arch: runtime.GOARCH}, root); err == nil || !strings.Contains(err.Error(), "GOPROXY=off") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a hash that is not the checksum database's", func(t *testing.T) {
		release, _ := inv.Find(newest.Version, runtime.GOARCH)
		release.ModuleSum = "h1:wrong"
		f := realFetcher(t, nil)
		f.Modern = newModern(t)
		root := filepath.Join(t.TempDir(), "go")
		_, err := f.Install(t.Context(), release, root)
		if err == nil || !strings.Contains(err.Error(), "checksum does not match: expected h1:wrong") || exists(root) {
			t.Errorf("got %v", err)
		}
	})
}
