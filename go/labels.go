package golang

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/sbom"
)

// buildLabel is the label of the image that says how it was built.
const buildLabel = "com.scalingo.go.build"

// howBuilt is its value, as JSON. It is the same for the same source and settings.
type howBuilt struct {
	Buildpack string `json:"buildpack"`
	Go        string `json:"go"`
	Target    string `json:"target"`
	Tool      string `json:"tool"`
	Cgo       bool   `json:"cgo"`
	// Programs are the packages of the programs, by name.
	Programs map[string]string `json:"programs"`
	// Modules are the versions of the modules that they contain, by path: "" where a directory has it.
	Modules map[string]string `json:"modules,omitempty"`
	// Settings are the names of those that were set and decide what is built. Their values may be secrets.
	Settings []string `json:"settings,omitempty"`
}

// onlyHow matches the names of settings that decide how an image is built and not what is in it.
var onlyHow = regexp.MustCompile(`^(BP_LOG_LEVEL|BP_GO_(CACHE|DIST_SOURCE)|BP_DEPENDENCY_MIRROR.*|GO(MAXPROCS|GC|MEMLIMIT)|GO(PROXY|SUMDB|NOSUMDB|NOPROXY|PRIVATE|INSECURE|VCS|AUTH)|GO_GIT_CRED.*)$`)

// label says in the image's labels what it was made of: those of https://specs.opencontainers.org/image-spec/annotations, and our own.
func (b *build) label(p *project, binaries []compile.Binary, modules []sbom.Module) error {
	goos, goarch := b.target()
	info := b.context.Buildpack.Info
	how := howBuilt{
		Buildpack: info.ID + "@" + info.Version, Go: p.dist.Version.String(), Target: goos + "/" + goarch,
		Tool: string(p.app.tool), Cgo: p.plan.Cgo.Enabled, Programs: map[string]string{}, Settings: slices.DeleteFunc(b.settings.Found(), onlyHow.MatchString),
	}
	for _, binary := range binaries {
		how.Programs[binary.Name] = binary.Package
	}
	for _, m := range modules {
		if how.Modules == nil {
			how.Modules = map[string]string{}
		}
		how.Modules[m.Path] = strings.TrimPrefix(how.Modules[m.Path]+", "+m.Version, ", ") // two programs may differ
	}
	value, err := json.Marshal(how)
	if err != nil {
		return err
	}
	const oci = "org.opencontainers.image."
	for _, l := range []libcnb.Label{
		{Key: oci + "revision", Value: cmp.Or(p.repository.Revision, b.settings.Env["SOURCE_VERSION"])},
		{Key: oci + "source", Value: p.repository.Source},
		{Key: oci + "version", Value: p.repository.Version},
		{Key: buildLabel, Value: b.hide.hide(string(value))},
	} {
		if l.Value != "" {
			b.result.Labels = append(b.result.Labels, l)
		}
	}
	return nil
}

// glibc are the distributions whose C library is glibc, musl those whose is musl, as their os-release calls them.
var (
	glibc = []string{"debian", "ubuntu", "rhel", "centos", "fedora", "rocky", "almalinux", "ol", "amzn", "sles", "opensuse-leap", "photon", "azurelinux", "mariner"}
	musl  = []string{"alpine", "postmarketos"}
)

// checkLibrary returns an error where a program is known not to start on the run image, which lacks the C library that it was linked with.
func (b *build) checkLibrary(binaries []compile.Binary) error {
	distro := b.context.TargetDistro.Name
	static := strings.HasSuffix(b.settings.Env["CNB_STACK_ID"], "static") || strings.HasSuffix(b.settings.Env["CNB_TARGET_ID"], "static")
	for _, binary := range binaries {
		if binary.Interpreter == "" {
			continue
		}
		var lacks string
		switch forMusl := strings.Contains(binary.Interpreter, "musl"); {
		case static:
			lacks = "the run image has no C library"
		case forMusl && slices.Contains(glibc, distro):
			lacks = "the C library of the run image, " + distro + ", is glibc"
		case !forMusl && slices.Contains(musl, distro):
			lacks = "the C library of the run image, " + distro + ", is musl"
		default:
			continue
		}
		return fmt.Errorf("%s cannot start in the image: it needs %s, but %s: build on a build image like the run image, or without cgo (CGO_ENABLED=0), "+
			"or link statically (BP_GO_BUILD_LDFLAGS=-linkmode=external -extldflags=-static)", binary.Name, dynamicNeeds(binary), lacks)
	}
	return nil
}

// dynamicNeeds is what a dynamic program needs of the image.
func dynamicNeeds(b compile.Binary) string {
	return strings.Join(append([]string{b.Interpreter}, b.Libraries...), ", ")
}
