package toolchain

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2"
	"github.com/paketo-buildpacks/libpak/v2/log"
)

// NewLocate returns a Locate that follows libpak's rules: bindings of type
// dependency-mapping (checksum → URI), then BP_DEPENDENCY_MIRROR,
// BP_DEPENDENCY_MIRROR_<HOST> and bindings of type dependency-mirror. libpak
// reads the mirror variables from the process environment itself.
func NewLocate(buildpack libcnb.Buildpack, bindings libcnb.Bindings, scratch string) (Locate, error) {
	cache, err := libpak.NewDependencyCache(buildpack.Info.ID, buildpack.Info.Version, buildpack.Path, bindings, log.PaketoLogger{})
	if err != nil {
		return nil, err
	}
	cache.DownloadPath = scratch
	return func(r Release) (*url.URL, error) {
		checksum := libpak.Checksum(r.Algorithm + ":" + r.Digest)
		for key, uri := range cache.Mappings {
			if checksum.MatchString(key) {
				u, err := url.Parse(uri)
				if err != nil {
					return nil, fmt.Errorf("the dependency-mapping for Go %s is no URI", r.Version)
				}
				return u, nil
			}
		}
		if len(cache.DependencyMirrors) == 0 {
			return nil, nil
		}
		return mirrored(cache, r)
	}, nil
}

var errLocated = errors.New("located")

// mirrored returns what libpak's mirror rules make of the release's URI, nil
// when no mirror is set for its host. libpak only shows the URL to the function
// that may change the request, so that is where it is taken from.
func mirrored(cache libpak.DependencyCache, r Release) (located *url.URL, err error) {
	original, err := url.Parse(r.URI)
	if err != nil {
		return nil, err
	}
	// libpak crashes on a mirror that is no URI, and only there is it known what it makes of one.
	defer func() {
		if recover() != nil {
			located, err = nil, errors.New("the dependency mirror (BP_DEPENDENCY_MIRROR or a binding) is no URI: correct it")
		}
	}()
	mirror := cache.DependencyMirrors[original.Hostname()]
	if mirror == "" {
		mirror = cache.DependencyMirrors["default"]
	}
	if mirror = strings.TrimSpace(mirror); mirror == "" { // a platform's env file may end in a line break
		return nil, nil
	}
	file := strings.Contains(mirror, "file://")
	if !file && !strings.Contains(mirror, "https://") {
		// libpak would ignore it, and crash on what is no URI at all.
		return nil, errors.New("the dependency mirror (BP_DEPENDENCY_MIRROR or a binding) is neither an https:// nor a file:// URI: correct it")
	}
	// libpak copies files at once, before anybody sees the URL: let it take the mirror for a server.
	cache.DependencyMirrors = map[string]string{"default": strings.Replace(mirror, "file://", "https://", 1)}
	_, err = cache.Artifact(libpak.BuildModuleDependency{URI: r.URI}, func(request *http.Request) (*http.Request, error) {
		located = request.URL
		return nil, errLocated
	})
	if located == nil {
		return nil, fmt.Errorf("the dependency mirror (BP_DEPENDENCY_MIRROR or a binding) cannot be used: %w", err)
	}
	if file {
		located.Scheme = "file"
	}
	return located, nil
}
