package toolchain

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"
)

// Bundle is the directory with the archives of Go that an offline buildpackage brings along:
//
//	<sha256>/<file name of the URI>               upstream's tarballs
//	golang.org/toolchain/@v/<module version>.zip  modules, where a module proxy on disk has them
type Bundle string

func (b Bundle) tarball(r Release) string {
	return filepath.Join(string(b), r.Digest, path.Base(r.URI))
}

func (b Bundle) module(r Release) string {
	return filepath.Join(string(b), "golang.org", "toolchain", "@v", r.ModuleVersion()+".zip")
}

// Versions are the releases of which the bundle has an archive, as their files are named. There are none without a bundle.
func (b Bundle) Versions() []string {
	var versions []string
	for _, pattern := range []string{"*/go*.tar.gz", "golang.org/toolchain/@v/v0.0.1-go*.zip"} {
		files, _ := filepath.Glob(filepath.Join(string(b), pattern)) // an error is one in the pattern
		for _, file := range files {
			name := strings.TrimPrefix(filepath.Base(file), "v0.0.1-")
			version, _, _ := strings.Cut(strings.TrimPrefix(name, "go"), ".linux-")
			versions = append(versions, version)
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// Save brings the archive of r into the bundle and returns where it came from: upstream's
// tarball or, where that cannot be had, the module golang.org/toolchain; the module first where the user
// named proxies. It is verified before it is there under its name. The error lists every place that failed, and why.
func (f *Fetcher) Save(ctx context.Context, r Release) (from string, err error) {
	ways := []func(context.Context, Release) (string, error){f.saveTarball, f.saveModule}
	if f.ProxyFirst {
		slices.Reverse(ways)
	}
	var failed []error
	for _, save := range ways {
		from, err := save(ctx, r)
		if err == nil {
			return from, nil
		}
		failed = append(failed, err)
	}
	return "", fmt.Errorf("go %s could not be had: %w", r.Version, errors.Join(failed...))
}

func (f *Fetcher) saveTarball(ctx context.Context, r Release) (string, error) {
	if !r.HasTarball() {
		return "", errors.New("there is no tarball of upstream's with a known SHA-256")
	}
	u, err := url.Parse(r.URI)
	if err != nil {
		return "", err
	}
	return redacted(u), f.save(ctx, u, f.Bundle.tarball(r), func(file string) error {
		content, err := os.Open(file)
		if err != nil {
			return err
		}
		defer func() { _ = content.Close() }()
		sum := sha256.New()
		if _, err := io.Copy(sum, content); err != nil {
			return err
		}
		return expect(r.Digest, hex.EncodeToString(sum.Sum(nil)))
	})
}

func (f *Fetcher) saveModule(ctx context.Context, r Release) (string, error) {
	if r.ModuleSum == "" || len(f.Proxies) == 0 {
		return "", errors.New("there is no module proxy, or no known hash of its module")
	}
	var failed []error
	for _, p := range f.Proxies {
		u := moduleURL(p, r)
		err := f.save(ctx, u, f.Bundle.module(r), func(file string) error {
			sum, err := dirhash.HashZip(file, dirhash.Hash1)
			if err != nil {
				return err
			}
			return expect(r.ModuleSum, sum)
		})
		if err == nil {
			return redacted(u), nil
		}
		failed = append(failed, err)
	}
	return "", errors.Join(failed...)
}

// save downloads u and gives it its name once check has found nothing wrong.
func (f *Fetcher) save(ctx context.Context, u *url.URL, file string, check func(file string) error) error {
	unfinished := filepath.Join(f.Scratch, filepath.Base(file))
	defer func() { _ = os.Remove(unfinished) }()
	err := f.Download.Read(ctx, u, func(body io.Reader) error { return save(body, unfinished) })
	if err == nil {
		err = check(unfinished)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", redacted(u), err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.Rename(unfinished, file)
}

func expect(want, got string) error {
	if got != want {
		return fmt.Errorf("%w: expected %s, got %s", errChecksum, want, got)
	}
	return nil
}
