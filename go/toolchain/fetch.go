package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// DistSource says which of the two public ways to a distribution is open: BP_GO_DIST_SOURCE.
type DistSource string

// The values of BP_GO_DIST_SOURCE.
const (
	FromAny      DistSource = ""
	FromUpstream DistSource = "upstream"
	FromGoproxy  DistSource = "goproxy"
)

// Locate returns where an operator's dependency mapping or mirror has the
// tarball of a release, or nil when there is none.
type Locate func(r Release) (*url.URL, error)

// Fetcher installs Go distributions.
type Fetcher struct {
	Download *Downloader
	Locate   Locate
	// Bundle is what an offline buildpackage brings along.
	Bundle Bundle
	// Proxies are the module proxies to ask. ProxyFirst says that the user named them, so that
	// they come before upstream; otherwise they are the go command's own default.
	Proxies    []Proxy
	ProxyFirst bool
	Only       DistSource
	// Modern downloads a toolchain module whose hash the inventory does not know,
	// verified against the checksum database.
	Modern *ModernGo
	// Trim is what is left out, nil for what building a program never reads (TrimRules).
	Trim Trim
	// Scratch is a directory for downloads, on the file system of the layers.
	Scratch string
	// Warn prints a line that the user should look at.
	Warn func(format string, args ...any)
}

// origin is one place a distribution can come from.
type origin struct {
	// name is shown where it fails, unless the error names all places itself.
	name string
	// unpack fills dir with the verified distribution and returns where that came from.
	unpack func(ctx context.Context, dir string) (from string, err error)
}

// Install puts the distribution of r at dir, which must not exist, and returns
// where it came from. The origins are tried in order: an operator's mapping or
// mirror, a bundled tarball, then the module proxies and upstream. Each unpacks
// beside dir and is verified whole before dir appears: a failure leaves nothing.
// The error lists every place that failed, and why.
func (f *Fetcher) Install(ctx context.Context, r Release, dir string) (from string, err error) {
	origins, err := f.origins(r)
	if err != nil {
		return "", err
	}
	var failed []string
	for _, o := range origins {
		staging := filepath.Join(f.Scratch, filepath.Base(dir)+"-unpacking")
		from, err := f.try(ctx, o, r, staging, dir)
		if err == nil {
			return from, nil
		}
		if ctx.Err() != nil {
			return "", err
		}
		if o.name != "" {
			err = fmt.Errorf("%s: %w", o.name, err)
		}
		failed = append(failed, strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	if len(failed) == 0 {
		return "", fmt.Errorf("go %s: no way to get it: %s", r.Version, f.closedWays())
	}
	advice := "Check the network of the build, or set GOPROXY or BP_DEPENDENCY_MIRROR to a place that it reaches"
	if bundled := f.Bundle.Versions(); len(bundled) > 0 {
		advice += ". Without a network this buildpack has Go " + strings.Join(bundled, ", ")
	}
	return "", fmt.Errorf("go %s could not be had:\n  %s\n%s", r.Version, strings.Join(failed, "\n  "), advice)
}

func (f *Fetcher) try(ctx context.Context, o origin, r Release, staging, dir string) (from string, err error) {
	if err := os.RemoveAll(staging); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }()
	from, err = o.unpack(ctx, staging)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(staging, "bin", "go")); err != nil {
		return "", fmt.Errorf("%s holds no bin/go, so it is no Go distribution", from)
	}
	if err := settle(staging, r.Version); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	return from, os.Rename(staging, dir)
}

func (f *Fetcher) origins(r Release) ([]origin, error) {
	var origins []origin
	if r.URI != "" {
		u, err := f.Locate(r)
		if err != nil {
			return nil, err
		}
		if u != nil {
			origins = append(origins, f.tarball(r, u))
		}
		if bundled := f.Bundle.tarball(r); exists(bundled) {
			origins = append(origins, f.tarball(r, &url.URL{Scheme: "file", Path: bundled}))
		}
	}
	if bundled := f.Bundle.module(r); r.ModuleSum != "" && exists(bundled) {
		origins = append(origins, origin{bundled, func(_ context.Context, dir string) (string, error) {
			return "file://" + bundled, unpackModule(bundled, r.ModuleVersion(), dir, r.ModuleSum, f.trim())
		}})
	}
	var upstream, goproxy []origin
	if u, err := url.Parse(r.URI); r.URI != "" && f.Only != FromGoproxy {
		if err != nil {
			return nil, fmt.Errorf("buildpack.toml: go %s: %w", r.Version, err)
		}
		upstream = append(upstream, f.tarball(r, u))
	}
	if f.Only != FromUpstream {
		goproxy = f.modules(r)
	}
	if f.ProxyFirst {
		return append(append(origins, goproxy...), upstream...), nil
	}
	return append(append(origins, upstream...), goproxy...), nil
}

func (f *Fetcher) tarball(r Release, u *url.URL) origin {
	name := redacted(u)
	return origin{name, func(ctx context.Context, dir string) (string, error) {
		if r.Algorithm == "sha1" {
			f.Warn("upstream published only a SHA-1 for Go %s: that is what the download is verified with", r.Version)
		}
		return name, f.Download.Read(ctx, u, func(body io.Reader) error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			return unpackTarball(body, dir, r.Algorithm, r.Digest, f.trim())
		})
	}}
}

// modules returns the origins that end at module golang.org/toolchain: straight
// from the proxies where its hash is known, else through a modern go command.
func (f *Fetcher) modules(r Release) []origin {
	if r.ModuleSum != "" && len(f.Proxies) > 0 {
		return []origin{{"", func(ctx context.Context, dir string) (string, error) {
			return f.fromProxies(ctx, r, dir)
		}}}
	}
	if f.Modern == nil {
		return nil
	}
	name := "module golang.org/toolchain@" + r.ModuleVersion()
	return []origin{{name, func(ctx context.Context, dir string) (string, error) {
		file, sum, err := f.Modern.download(ctx, r)
		if err != nil {
			return "", err
		}
		if r.ModuleSum != "" {
			if err := expect(r.ModuleSum, sum); err != nil {
				return "", err
			}
		}
		return name, errors.Join(unpackModule(file, r.ModuleVersion(), dir, sum, f.trim()), f.Modern.forget())
	}}}
}

func (f *Fetcher) trim() Trim {
	if f.Trim == nil {
		return trimmed
	}
	return f.Trim
}

func moduleURL(p Proxy, r Release) *url.URL {
	return p.URL.JoinPath("golang.org/toolchain/@v", r.ModuleVersion()+".zip")
}

// fromProxies asks the module proxies in turn, as the go command does, and returns the
// URL that had the module. The error names each URL that failed.
func (f *Fetcher) fromProxies(ctx context.Context, r Release, dir string) (from string, err error) {
	file := filepath.Join(f.Scratch, r.ModuleVersion()+".zip")
	defer func() { _ = os.Remove(file) }() // in scratch, which is removed as a whole
	var failed []error
	for _, p := range f.Proxies {
		u := moduleURL(p, r)
		err := f.Download.Read(ctx, u, func(body io.Reader) error { return save(body, file) })
		if err == nil {
			err = unpackModule(file, r.ModuleVersion(), dir, r.ModuleSum, f.trim())
		}
		if err == nil {
			return redacted(u), nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", redacted(u), err))
		if !p.FallOn && !errors.Is(err, errNotFound) && !errors.Is(err, os.ErrNotExist) {
			break
		}
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	return "", errors.Join(failed...)
}

// closedWays says why no origin was left to try.
func (f *Fetcher) closedWays() string {
	switch f.Only {
	case FromUpstream:
		return "upstream's tarball has no known checksum and BP_GO_DIST_SOURCE=upstream allows no other source: unset it"
	case FromGoproxy:
		return "BP_GO_DIST_SOURCE=goproxy, but GOPROXY names no proxy: set GOPROXY or unset BP_GO_DIST_SOURCE"
	default:
		return "it is known only as a module and GOPROXY names no proxy: set GOPROXY, or use a version that upstream's tarballs hold"
	}
}

func save(r io.Reader, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, r); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
