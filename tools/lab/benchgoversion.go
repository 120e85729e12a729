package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// goArchives is the module as which every module proxy has Go itself.
const goArchives = "golang.org/toolchain"

// goArchive is the module's version for one version of Go.
func goArchive(version string) string {
	return goArchives + "@v0.0.1-go" + version + ".linux-" + runtime.GOARCH
}

// goRelease is a released version of Go: 1.MINOR.PATCH.
type goRelease struct{ minor, patch int }

func (r goRelease) String() string { return fmt.Sprintf("1.%d.%d", r.minor, r.patch) }

var releaseText = regexp.MustCompile(`^1\.(\d+)(?:\.(\d+))?$`)

func parseGoRelease(text string) (goRelease, bool) {
	found := releaseText.FindStringSubmatch(text)
	if found == nil {
		return goRelease{}, false
	}
	minor, _ := strconv.Atoi(found[1])
	patch, _ := strconv.Atoi(found[2]) // 0 where there is none
	return goRelease{minor, patch}, true
}

// prepareGo decides on the version of Go that everything is built with, and on the next one.
func (s *benchSource) prepareGo(ctx context.Context, asked string, patch bool, skip func(string, ...any)) error {
	if asked != "" {
		before, after, ok := cutVersions(asked, true)
		if before == "" {
			before, after = after, ""
		}
		if _, known := parseGoRelease(before); !ok || !known {
			return fmt.Errorf("--go %q: write VERSION or VERSION..NEXT, such as 1.26.1..1.26.2", asked)
		}
		s.goVersion, s.goNext = before, after
		s.scenario[scenarioGoPatch] = after != ""
		if patch && after == "" {
			skip("%s: --go names one version only", scenarioGoPatch)
		}
		return nil
	}
	least, err := s.leastGo(ctx)
	if err != nil {
		return err
	}
	versions, err := goOutput(ctx, s.scratch, "list", "-m", "-versions", goArchives)
	if err != nil {
		return fmt.Errorf("which versions of Go there are: %w; name two with --go", err)
	}
	before, after, err := lastPatches(strings.Fields(versions), runtime.GOARCH, least)
	if err != nil {
		return err
	}
	s.goVersion, s.goNext = before.String(), after.String()
	s.scenario[scenarioGoPatch] = true
	return nil
}

// leastGo is the version that go.mod asks for; nothing where there is no go.mod.
func (s *benchSource) leastGo(ctx context.Context) (goRelease, error) {
	if !isFile(filepath.Join(s.app, "go.mod")) {
		return goRelease{}, nil
	}
	output, err := goOutput(ctx, s.app, "mod", "edit", "-json")
	if err != nil {
		return goRelease{}, err
	}
	var file struct{ Go string }
	if err := json.Unmarshal([]byte(output), &file); err != nil {
		return goRelease{}, err
	}
	least, _ := parseGoRelease(file.Go) // a release candidate: any released version may do
	return least, nil
}

// lastPatches are the last two releases of the newest minor version that has two, for apps that need at least least.
func lastPatches(versions []string, arch string, least goRelease) (before, after goRelease, err error) {
	patches := map[int][]goRelease{}
	for _, version := range versions {
		text, ok := strings.CutPrefix(version, "v0.0.1-go")
		if text, ok = cutSuffix(text, ".linux-"+arch, ok); !ok {
			continue
		}
		release, ok := parseGoRelease(text)
		if ok && (release.minor > least.minor || release.minor == least.minor && release.patch >= least.patch) {
			patches[release.minor] = append(patches[release.minor], release)
		}
	}
	newest := -1
	for minor, releases := range patches {
		if len(releases) > 1 {
			newest = max(newest, minor)
		}
	}
	if newest < 0 {
		return before, after, errors.New("no two patches of one minor version of Go fit the app: name them with --go")
	}
	releases := patches[newest]
	slices.SortFunc(releases, func(a, b goRelease) int { return cmp.Compare(a.patch, b.patch) })
	return releases[len(releases)-2], releases[len(releases)-1], nil
}

func cutSuffix(text, suffix string, ok bool) (string, bool) {
	text, found := strings.CutSuffix(text, suffix)
	return text, ok && found
}
