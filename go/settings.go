package golang

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/deps"
	"github.com/Scalingo/go-cnb/go/keep"
	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Settings is everything a user can set, read once: no other part of a build looks at the environment.
type Settings struct {
	// Env is the whole environment.
	Env map[string]string
	// WorkDir is the directory to build.
	WorkDir string
	// BPGoVersion and GoVersion are what BP_GO_VERSION and GOVERSION ask for.
	BPGoVersion, GoVersion string
	// DistSource is BP_GO_DIST_SOURCE.
	DistSource toolchain.DistSource
	// Proxies are the module proxies; ProxySet tells that they come from GOPROXY and not from the default.
	Proxies  []toolchain.Proxy
	ProxySet bool
	// DefaultProxy tells that the first proxy is the go command's default, a public one, whoever said so.
	DefaultProxy bool
	// WorkUse are the directories of BP_GO_WORK_USE.
	WorkUse []string
	// Targets are the packages named in BP_GO_TARGETS or GO_INSTALL_PACKAGE_SPEC.
	Targets compile.Targets
	// Flags are the wishes for the compilation.
	Flags compile.Settings
	// ImportPath is BP_GO_BUILD_IMPORT_PATH.
	ImportPath string
	// GlideSkipInstall is GLIDE_SKIP_INSTALL, GOPATHInImage GO_SETUP_GOPATH_IN_IMAGE, GoInImage GO_INSTALL_TOOLS_IN_IMAGE.
	GlideSkipInstall, GOPATHInImage, GoInImage bool
	// Keep is BP_KEEP_FILES, KeepSource BP_GO_KEEP_SOURCE.
	Keep       keep.Patterns
	KeepSource bool
	// SourceDate is SOURCE_DATE_EPOCH, the time that documents in the image carry, zero for none.
	SourceDate time.Time
	// Report is BP_GO_REPORT.
	Report bool
	// CacheOff is set by BP_GO_CACHE=off.
	CacheOff bool
	// Debug is set by BP_LOG_LEVEL=DEBUG.
	Debug bool
}

// ReadSettings reads the settings for the app at appDir out of an environment
// as os.Environ returns it. metadata is that of buildpack.toml, which holds the
// defaults; defaultProxies is the go command's own default of GOPROXY. The
// error names the variable that is wrong.
func ReadSettings(appDir string, environ []string, metadata map[string]any, defaultProxies string) (Settings, error) {
	env := variables(environ)
	get := func(name string) string { return strings.TrimSpace(env[name]) }
	defaults := configuredDefaults(metadata)
	s := Settings{
		Env:         env,
		BPGoVersion: get("BP_GO_VERSION"),
		GoVersion:   get("GOVERSION"),
		DistSource:  toolchain.DistSource(get("BP_GO_DIST_SOURCE")),
		ImportPath:  get("BP_GO_BUILD_IMPORT_PATH"),
		Debug:       strings.EqualFold(get("BP_LOG_LEVEL"), "debug"),
		WorkUse:     list(get("BP_GO_WORK_USE"), ":"),
		Flags: compile.Settings{
			GoFlags: get("GOFLAGS"), BuildFlags: get("BP_GO_BUILD_FLAGS"), Tags: get("BP_GO_BUILD_TAGS"),
			LDFlags: get("BP_GO_BUILD_LDFLAGS"), DefaultLDFlags: defaults["BP_GO_BUILD_LDFLAGS"],
			LinkerSymbol: get("GO_LINKER_SYMBOL"), LinkerValue: cmp.Or(get("GO_LINKER_VALUE"), get("SOURCE_VERSION")),
			Getenv: func(name string) string { return env[name] },
		},
	}
	var err error
	for name, to := range map[string]*bool{
		"GLIDE_SKIP_INSTALL": &s.GlideSkipInstall, "GO_SETUP_GOPATH_IN_IMAGE": &s.GOPATHInImage, "GO_INSTALL_TOOLS_IN_IMAGE": &s.GoInImage,
		"BP_GO_KEEP_SOURCE": &s.KeepSource, "BP_GO_REPORT": &s.Report,
	} {
		if *to, err = yes(name, get(name)); err != nil {
			return s, err
		}
	}
	if s.SourceDate, err = sourceDate(get("SOURCE_DATE_EPOCH")); err != nil {
		return s, err
	}
	if s.Keep, err = keep.ParsePatterns(get("BP_KEEP_FILES")); err != nil {
		return s, err
	}
	if s.WorkDir, err = deps.WorkDir(appDir, cmp.Or(get("BP_GO_WORKDIR"), defaults["BP_GO_WORKDIR"])); err != nil {
		return s, err
	}
	if err := s.readChoices(cmp.Or(get("BP_GO_CACHE"), defaults["BP_GO_CACHE"])); err != nil {
		return s, err
	}
	if s.ImportPath != "" {
		if err := deps.CheckImportPath("BP_GO_BUILD_IMPORT_PATH", s.ImportPath); err != nil {
			return s, err
		}
	}
	s.ProxySet = get("GOPROXY") != ""
	if s.Proxies, err = toolchain.ParseProxies(cmp.Or(get("GOPROXY"), defaultProxies)); err != nil {
		return s, err
	}
	usual, err := toolchain.ParseProxies(defaultProxies)
	if err != nil {
		return s, err
	}
	s.DefaultProxy = get("GOPROXY") == "" || len(usual) > 0 && len(s.Proxies) > 0 && s.Proxies[0].URL.Host == usual[0].URL.Host
	s.ProxySet = s.ProxySet && len(s.Proxies) > 0
	if targets := list(get("BP_GO_TARGETS"), ":"); len(targets) > 0 {
		s.Targets = compile.Targets{From: "BP_GO_TARGETS", Patterns: targets}
	} else if specs := strings.Fields(get("GO_INSTALL_PACKAGE_SPEC")); len(specs) > 0 {
		s.Targets = compile.Targets{From: "GO_INSTALL_PACKAGE_SPEC", Patterns: specs}
	}
	return s, nil
}

// sourceDate reads SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch).
func sourceDate(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s: write seconds since 1970, or unset it", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// readChoices reads what can have a few values only; cache is BP_GO_CACHE.
func (s *Settings) readChoices(cache string) error {
	switch s.DistSource {
	case toolchain.FromAny, toolchain.FromUpstream, toolchain.FromGoproxy:
	default:
		return fmt.Errorf("BP_GO_DIST_SOURCE=%s: only upstream and goproxy are known", s.DistSource)
	}
	switch cache {
	case "", "packed":
	case "off":
		s.CacheOff = true
	default:
		return fmt.Errorf("BP_GO_CACHE=%s: only packed and off are known", cache)
	}
	return nil
}

// variables makes a map of an environment as os.Environ returns it.
func variables(environ []string) map[string]string {
	env := map[string]string{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok {
			// A variable that was written to a file by an editor or by echo ends in a line break.
			env[name] = strings.TrimRight(value, "\r\n")
		}
	}
	return env
}

// configuredDefaults are the defaults of the settings in buildpack.toml.
func configuredDefaults(metadata map[string]any) map[string]string {
	defaults := map[string]string{}
	configurations, _ := metadata["configurations"].([]map[string]any)
	for _, c := range configurations {
		name, _ := c["name"].(string)
		if value, ok := c["default"].(string); ok {
			defaults[name] = value
		}
	}
	return defaults
}

// defaultVersion is what buildpack.toml says for apps that name no Go: "modules" or "legacy".
func defaultVersion(metadata map[string]any, kind string) string {
	versions, _ := metadata["default-versions"].(map[string]any)
	version, _ := versions[kind].(string)
	return version
}

// yes reads a variable that switches something on.
func yes(name, value string) (bool, error) {
	if value == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(strings.ToLower(value))
	if err != nil {
		return false, fmt.Errorf("%s=%s: write true or false", name, value)
	}
	return on, nil
}

func list(value, separator string) []string {
	var items []string
	for _, item := range strings.Split(value, separator) {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// Found are the names of the variables that are set and matter to a build,
// sorted. Values are left out: some hold secrets.
func (s Settings) Found() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		known := strings.HasPrefix(name, "BP_") || strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_") || name == "SOURCE_VERSION" || name == "GLIDE_SKIP_INSTALL"
		if known && s.Env[name] != "" {
			names = append(names, name)
		}
	}
	return names
}

// shownInDebug are the names of variables whose values a debug log may show: this
// buildpack's and the go command's settings, and where things are. Any other may
// hold a secret under a name that nobody can foresee.
var shownInDebug = regexp.MustCompile(`^(BP_(GO|LOG|KEEP)_\w+|BP_DEPENDENCY_MIRROR\w*|GO[A-Z0-9]+|GO_(LINKER|INSTALL)_\w+|CGO_\w+|CNB_\w+|SOURCE_VERSION|PATH|HOME|CC|CXX|NO_COLOR|LANG|TZ|\w+_(proxy|PROXY))$`)

// masked is the environment for a debug log, sorted, without the values that may
// be secrets. Logins in URLs are hidden by the log itself.
func (s Settings) masked() []string {
	env := maps.Clone(s.Env)
	for name := range env {
		if name == "GOAUTH" || !shownInDebug.MatchString(name) {
			env[name] = masked
		}
	}
	return pairs(env)
}

// netrc is the file with logins that the go command and git read: $NETRC, else ~/.netrc, "" for none.
func (s Settings) netrc() string {
	if file := s.Env["NETRC"]; file != "" || s.Env["HOME"] == "" {
		return file
	}
	return filepath.Join(s.Env["HOME"], ".netrc")
}
