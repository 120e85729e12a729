package golang

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// owned are the variables that the build sets itself: what the log says was
// resolved is what compiles, for the machine the image is for, and nothing is
// written outside of the layers.
var owned = []string{
	"GOROOT", "GOPATH", "GOCACHE", "GOMODCACHE", "GOBIN", "GOTOOLCHAIN", "GO111MODULE", "GOENV", "GOOS", "GOARCH",
}

// ownedByUser are the owned variables that the user tried to set.
func (s Settings) ownedByUser() []string {
	var names []string
	for _, name := range owned {
		if s.Env[name] != "" {
			names = append(names, name)
		}
	}
	return names
}

// goEnvironment is what the environment of the go command depends on.
type goEnvironment struct {
	goroot       string
	modules      bool
	goos, goarch string
	// gopath holds the module cache, at pkg/mod; gocache the compiled packages.
	gopath, gocache string
	// moreGOPATH are further workspaces without modules: the tools of that time kept dependencies in some.
	moreGOPATH []string
	// vendorExperiment is GO15VENDOREXPERIMENT, "" for the user's own value.
	vendorExperiment string
	// gowork is the go.work in effect, "" for none.
	gowork string
	// goflags are what is left of GOFLAGS.
	goflags string
	// config is the directory for the go command's own files beside the caches: its counters
	// of use would otherwise be written below HOME.
	config string
	// buildDir replaces ${build_dir} in CGO_* variables.
	buildDir string
}

// environment returns the complete environment for the go command: the user's
// variables, with those that the build owns set by the build.
func (s Settings) environment(e goEnvironment) []string {
	env := maps.Clone(s.Env)
	for _, name := range owned {
		delete(env, name)
	}
	for name, value := range env {
		if strings.HasPrefix(name, "CGO_") {
			env[name] = strings.NewReplacer("${build_dir}", e.buildDir, "$build_dir", e.buildDir).Replace(value)
		}
	}
	env["PATH"] = filepath.Join(e.goroot, "bin") + string(filepath.ListSeparator) + env["PATH"]
	env["GOROOT"] = e.goroot
	env["GOPATH"] = strings.Join(append([]string{e.gopath}, e.moreGOPATH...), string(filepath.ListSeparator))
	env["GOMODCACHE"] = filepath.Join(e.gopath, "pkg", "mod")
	env["GOCACHE"] = e.gocache
	env["GOTOOLCHAIN"] = "local"
	env["GOENV"] = "off"
	env["XDG_CONFIG_HOME"] = e.config
	env["GOOS"], env["GOARCH"] = e.goos, e.goarch
	env["GO111MODULE"], env["GOWORK"] = "off", "off"
	if e.modules {
		env["GO111MODULE"] = "on"
		if e.gowork != "" {
			env["GOWORK"] = e.gowork
		}
	}
	if e.vendorExperiment != "" {
		env[vendorExperiment] = e.vendorExperiment
	}
	if delete(env, "GOFLAGS"); e.goflags != "" {
		env["GOFLAGS"] = e.goflags
	}
	return pairs(env)
}

// downloadEnvironment is the environment for fetching a Go release: the checksum
// database is left as Go sets it, whatever the app needs for its own modules.
func (s Settings) downloadEnvironment() []string {
	env := maps.Clone(s.Env)
	for _, name := range append([]string{"GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GONOPROXY", "GOINSECURE", "GOFLAGS", "GOWORK", "GOEXPERIMENT"}, owned...) {
		delete(env, name)
	}
	return pairs(env)
}

// forModern is a build's environment for another, newer Go that downloads: an
// experiment that the app's Go knows may be none there.
func (s Settings) forModern(env []string, modern toolchain.Go) []string {
	return append(without(env, "GOROOT", "PATH", "GO111MODULE", "GOEXPERIMENT"), "GOROOT="+modern.Root, "GO111MODULE=on", "PATH="+s.Env["PATH"])
}

// without returns env less the variables named.
func without(env []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(names, name)
	})
}

func pairs(env map[string]string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		all = append(all, name+"="+env[name])
	}
	return all
}
