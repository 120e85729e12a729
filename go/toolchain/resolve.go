package toolchain

import (
	"context"
	"fmt"
	"strings"
)

// Lookup tells whether a release exists that the inventory does not know.
type Lookup func(ctx context.Context, v Version, arch string) (bool, error)

// Resolution is the Go version chosen, and why.
type Resolution struct {
	// Release is the release to install. For one newer than the inventory only Version and Arch are set.
	Release Release
	// Source is the source that decided.
	Source Source
}

// probeAhead is how many minors past the newest known one are looked for, and
// how many patches past the newest known one a constraint may ask for. Upstream
// makes two minors and some two dozen patches a year.
const probeAhead = 24

// Resolve picks the newest release for arch that the first of sources and all
// of required allow. What the inventory lacks but upstream may have made since
// is asked of lookup. An error names the source and what could be used instead.
func Resolve(ctx context.Context, inv Inventory, arch string, sources, required []Source, lookup Lookup) (Resolution, error) {
	winner := sources[0]
	for _, s := range append([]Source{winner}, required...) {
		if s.Err != nil {
			return Resolution{}, fmt.Errorf("%s: %w", s.Name, s.Err)
		}
	}
	spec, asked := winner.Spec, fmt.Sprintf("%s asks for Go %s", winner.Name, strings.TrimPrefix(winner.Text, "go"))
	for _, r := range required {
		spec = spec.And(r.Spec)
		asked += fmt.Sprintf(" and %s for %s", r.Name, r.Text)
	}
	find := resolver{inv: inv, arch: arch, spec: spec, asked: asked, several: len(required) > 0, lookup: lookup}
	if v, ok := spec.Exact(); ok {
		release, err := find.exact(ctx, v)
		return Resolution{Release: release, Source: winner}, err
	}
	release, err := find.newest(ctx)
	return Resolution{Release: release, Source: winner}, err
}

type resolver struct {
	inv   Inventory
	arch  string
	spec  Spec
	asked string
	// several tells that asked is more than one wish.
	several bool
	lookup  Lookup
}

func (r resolver) exact(ctx context.Context, v Version) (Release, error) {
	if release, ok := r.inv.Find(v, r.arch); ok && r.spec.Allows(v) {
		return release, nil
	}
	if !r.spec.Allows(v) {
		return Release{}, r.conflict()
	}
	mayBeNew := r.mayBeNew(v)
	if !mayBeNew && r.known(v) {
		return Release{}, fmt.Errorf("%s, which upstream never made for linux/%s: use one of %s", r.asked, r.arch, r.nearest(v))
	}
	if mayBeNew {
		exists, err := r.lookup(ctx, v, r.arch)
		if err != nil {
			return Release{}, r.unanswered(v, err)
		}
		if exists {
			return Release{Version: v, Arch: r.arch}, nil
		}
		return Release{}, fmt.Errorf("%s, which does not exist, as far as this buildpack's inventory and GOPROXY tell: use one of %s", r.asked, r.nearest(v))
	}
	return Release{}, fmt.Errorf("%s, which does not exist: use one of %s", r.asked, r.nearest(v))
}

// conflict is the error for wishes that no version satisfies together.
func (r resolver) conflict() error {
	return fmt.Errorf("%s: no version satisfies all of them. Ask for another one in the app or with BP_GO_VERSION, or change what the buildpack requires", r.asked)
}

// unanswered is the error for a version that may exist, but that nobody could be asked about.
func (r resolver) unanswered(near Version, err error) error {
	return fmt.Errorf("%s, which this buildpack's inventory lacks and which could not be looked up: %w\n"+
		"Check GOPROXY and the network of the build, or use a version that the inventory has: %s", r.asked, err, r.nearest(near))
}

func (r resolver) newest(ctx context.Context) (Release, error) {
	release, ok := r.inv.Newest(r.arch, func(candidate Release) bool { return r.spec.Allows(candidate.Version) })
	if ok {
		return release, nil
	}
	newest, ok := r.inv.Newest(r.arch, func(Release) bool { return true })
	if !ok {
		return Release{}, fmt.Errorf("%s: upstream makes no Go for linux/%s that this buildpack knows", r.asked, r.arch)
	}
	// Only the two newest minors still get patches.
	var best *Version
	for minor := newest.Version.Minor - 1; minor <= newest.Version.Minor+probeAhead; minor++ {
		v, asked, found, err := r.probe(ctx, newest.Version.Major, minor)
		if err != nil {
			return Release{}, r.unanswered(newest.Version, err)
		}
		if found {
			best = &v
		} else if asked && minor > newest.Version.Minor {
			break // upstream leaves out no minor
		}
	}
	if best != nil {
		return Release{Version: *best, Arch: r.arch}, nil
	}
	if r.several {
		return Release{}, r.conflict()
	}
	near := newest.Version
	if v, err := ParseVersion(strings.TrimLeft(r.spec.Text, "=<>~^! ")); err == nil {
		near = v
	}
	return Release{}, fmt.Errorf("%s, but no such version exists for linux/%s: use one of %s", r.asked, r.arch, r.nearest(near))
}

// probe looks for the newest patch of a minor that the inventory does not know and the spec allows;
// asked tells whether the spec allows any at all, so that it was worth a look.
func (r resolver) probe(ctx context.Context, major, minor int) (newest Version, asked, found bool, err error) {
	v := Version{Major: major, Minor: minor}
	if known, ok := r.inv.Newest(r.arch, func(candidate Release) bool { return candidate.Version.Line() == v.Line() }); ok {
		v.Patch = known.Version.Patch + 1
	}
	if !r.allowsAny(v) {
		return Version{}, false, false, nil
	}
	for last := v.Patch + 2*probeAhead; v.Patch < last; v.Patch++ { // no server that has just everything keeps us here
		exists, err := r.lookup(ctx, v, r.arch)
		if err != nil && found {
			err = nil // some proxies forbid what they lack; what was found until then is enough
		}
		if err != nil || !exists {
			return newest, true, found, err
		}
		if r.spec.Allows(v) {
			newest, found = v, true
		}
	}
	return newest, true, found, nil
}

func (r resolver) allowsAny(from Version) bool {
	for v := from; v.Patch < from.Patch+probeAhead; v.Patch++ {
		if r.spec.Allows(v) {
			return true
		}
	}
	return false
}

// known tells whether v exists for another architecture.
func (r resolver) known(v Version) bool {
	for _, release := range r.inv.releases {
		if release.Version == v {
			return true
		}
	}
	return false
}

// mayBeNew tells whether v may exist though the inventory lacks it: a release that is newer
// than all that is known of its minor, or a pre-release, of which the inventory lists none.
func (r resolver) mayBeNew(v Version) bool {
	if v.Pre != "" {
		return true
	}
	known, ok := r.inv.Newest(r.arch, func(candidate Release) bool { return candidate.Version.Line() == v.Line() })
	if ok {
		return v.Compare(known.Version) > 0
	}
	newest, ok := r.inv.Newest(r.arch, func(Release) bool { return true })
	return ok && v.Compare(newest.Version) > 0 && v.Major == newest.Version.Major
}

func (r resolver) nearest(v Version) string {
	var names []string
	for _, n := range r.inv.Nearest(v, r.arch, 5) {
		names = append(names, n.String())
	}
	return strings.Join(names, ", ")
}
