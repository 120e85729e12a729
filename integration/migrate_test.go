package integration

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// TestMigrate runs the stories in testdata/migrate: apps as those have them who come from other builders.
func TestMigrate(t *testing.T) { stories(t, "migrate", "BP_GO_VERSION=1.22") }

// shownElsewhere are the rows of docs/coming-from.md that tests show which are no stories of testdata/migrate: the row's
// section and left column, and stories below testdata or test functions.
var shownElsewhere = map[string][]string{
	"classic: `// +scalingo install P…`, `// +heroku install P…` in `go.mod`":       {"phases/several.txtar"},
	"classic: `GO_INSTALL_PACKAGE_SPEC`":                                            {"phases/several.txtar", "legacy/packages.txtar"},
	"classic: `GO_LINKER_SYMBOL`, `GO_LINKER_VALUE`, `SOURCE_VERSION`":              {"legacy/linker-symbols.txtar", "TestLinkerFlags"},
	"classic: the build tag `heroku`":                                               {"phases/tags.txtar"},
	"classic: `GOFLAGS`, `GOPROXY`, `GOPRIVATE`, `GONOPROXY`":                       {"phases/hook-environment.txtar", "phases/hook-variables.txtar", "TestPrivateDependencies"},
	"classic: `CGO_CFLAGS`, `CGO_LDFLAGS` with `${build_dir}`":                      {"phases/hook-cgo.txtar", "legacy/cgo.txtar"},
	"classic: `GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM`":                              {"TestPrivateDependencies"},
	"classic: `bin/go-pre-compile`, `bin/go-post-compile`":                          {"phases/hook.txtar", "phases/hook-environment.txtar", "legacy/hook-dep.txtar"},
	"classic: committed `vendor/` of modules":                                       {"phases/vendored.txtar"},
	"classic: `Procfile` with `web: bin/app` or `web: app`":                         {"phases/procfile.txtar", "phases/broken-program.txtar", "TestContainers"},
	"classic: no `Procfile`":                                                        {"phases/several.txtar", "phases/v2-root.txtar"},
	"classic: two programs of one name":                                             {"phases/same-name.txtar"},
	"classic: `release:`, `postdeploy:` in the `Procfile`":                          {"phases/procfile.txtar"},
	"classic: the app in `/app`":                                                    {"TestDockerfileUnderPack"},
	"classic: the source in the slug":                                               {"phases/keep.txtar", "TestSamples"},
	"classic: `GO_INSTALL_TOOLS_IN_IMAGE`":                                          {"legacy/go-in-image.txtar"},
	"classic: dep: `metadata.heroku` in `Gopkg.toml`":                               {"legacy/dep-install.txtar", "legacy/dep-committed.txtar", "legacy/go1.8.txtar"},
	"classic: godep: `ImportPath`, `GoVersion`, `Packages` in `Godeps/Godeps.json`": {"legacy/godep.txtar", "legacy/godep-fetched.txtar", "legacy/packages.txtar"},
	"classic: govendor: `rootPath`, `heroku` in `vendor/vendor.json`":               {"legacy/govendor.txtar", "legacy/govendor-install.txtar"},
	"classic: glide: `glide.lock`, `GLIDE_SKIP_INSTALL`":                            {"legacy/glide.txtar"},
	"classic: gb: `src/`, `vendor/src`":                                             {"legacy/gb.txtar"},
	"classic: `.godir`":                                                             {"legacy/godir.txtar", "legacy/current-go.txtar"},
	"classic: `additional-tools`, `additionalTools`":                                {"legacy/additional-tools.txtar"},
	"classic: `GO15VENDOREXPERIMENT`":                                               {"legacy/go1.6.txtar", "legacy/go1.7.txtar"},

	"paketo: `BP_GO_VERSION`":                                   {"TestVersionsNewerThanTheInventory"},
	"paketo: `BP_GO_TARGETS`":                                   {"phases/several.txtar"},
	"paketo: no `BP_GO_TARGETS`":                                {"phases/cmd-not-main.txtar"},
	"paketo: `BP_GO_BUILD_LDFLAGS`":                             {"phases/owned-variables.txtar"},
	"paketo: `BP_GO_BUILD_IMPORT_PATH`":                         {"phases/no-modules.txtar"},
	"paketo: `BP_GO_WORK_USE`":                                  {"phases/work-use.txtar"},
	"paketo: `BP_GO_WORKDIR`":                                   {"phases/work-use.txtar", "phases/workspace.txtar"},
	"paketo: `BP_KEEP_FILES`":                                   {"phases/keep.txtar", "TestOnlyNamedFilesStay", "TestUnchangedAssetsKeepTheirLayer"},
	"paketo: `Procfile`":                                        {"phases/procfile.txtar"},
	"paketo: `BPE_NAME`, `BPE_DEFAULT_NAME`":                    {"TestDockerfileUnderPack"},
	"paketo: bindings, `SERVICE_BINDING_ROOT`":                  {"TestPrivateDependencies", "TestDistributionFromMirrors"},
	"paketo: `BP_DEPENDENCY_MIRROR`":                            {"TestDistributionFromMirrors", "TestNothingButTheModuleProxyIsReached"},
	"paketo: `project.toml`: `include`, `exclude`, `build.env`": {"TestDockerfileUnderPack"},
	"paketo: the bill of materials of `go-build`":               {"TestSamples"},
	"paketo: an offline buildpackage":                           {"TestOfflineBuildpackageBuildsWithoutANetwork"},
	"paketo: `BP_LOG_LEVEL=DEBUG`":                              {"phases/secrets.txtar", "TestDebugLogMasksSecrets"},

	"ko: `env`, `defaultEnv`":                                             {"phases/hook-environment.txtar", "phases/owned-variables.txtar"},
	"ko: `CGO_ENABLED=0` by itself":                                       {"phases/libc.txtar"},
	"ko: `defaultBaseImage`, `baseImageOverrides`, `KO_DEFAULTBASEIMAGE`": {"TestDockerfileUnderPack", "TestBuilderTOML"},
	"ko: Go on the machine that builds, `KO_GO_PATH`":                     {"TestVersionsBuildAndServe"},
	"ko: `--platform`, `defaultPlatforms`, `KO_DEFAULTPLATFORMS`":         {"phases/cross.txtar"},
	"ko: `--sbom`, SPDX":                                                  {"TestSamples"},
	"ko: the same digest for the same source":                             {"TestOneSourceHasOneDigest"},
	"ko: `SOURCE_DATE_EPOCH`, `KO_DATA_DATE_EPOCH`":                       {"phases/sbom.txtar", "TestOneSourceHasOneDigest"},
	"ko: `KOCACHE`": {"TestRebuilds", "TestACacheImageInARegistryServesTheNextBuild"},

	"dockerfile: `FROM golang:1.26 AS build`":                                               {"TestWhichGo"},
	"dockerfile: `COPY go.mod go.sum ./`, `RUN go mod download`":                            {"TestSecondBuildReusesGoAndModulesAndRecompilesOnlyWhatChanged"},
	"dockerfile: `RUN --mount=type=cache,…`":                                                {"TestRebuilds"},
	"dockerfile: `ENV GOPROXY=…`":                                                           {"TestNothingButTheModuleProxyIsReached"},
	"dockerfile: `RUN --mount=type=secret,…`, `--mount=type=ssh`, `git config … insteadOf`": {"TestPrivateDependencies", "TestPrivateDependenciesUnderPack"},
	"dockerfile: `CGO_ENABLED=0`":                                                           {"phases/libc.txtar"},
	"dockerfile: `RUN apt-get install -y gcc`":                                              {"phases/libc.txtar"},
	"dockerfile: `RUN go generate ./...`, a stage that makes assets":                        {"phases/hook-generates.txtar", "phases/hook.txtar"},
	"dockerfile: `RUN strip /server` and the like":                                          {"phases/hook-post.txtar"},
	"dockerfile: `.dockerignore`":                                                           {"TestDockerfileUnderPack"},
	"dockerfile: `FROM scratch`, a distroless image":                                        {"TestDockerfileUnderPack"},
	"dockerfile: `USER nonroot`":                                                            {"TestDockerfileUnderPack"},
	"dockerfile: `WORKDIR /app`":                                                            {"TestDockerfileUnderPack"},
	"dockerfile: `WORKDIR /src/services/api` of a monorepo":                                 {"phases/workspace.txtar"},
	"dockerfile: `ENTRYPOINT [\"tini\", \"--\", \"/server\"]`":                              {"TestContainers", "TestAsPID1"},
	"dockerfile: `EXPOSE 8080`":                                                             {"TestDockerfileUnderPack"},
}

// sections are those of docs/coming-from.md with tables, by their headings.
var sections = map[string]string{
	"From Scalingo or Heroku classic": "classic", "From Paketo": "paketo", "From ko": "ko", "From a Dockerfile": "dockerfile",
}

// comingFrom is the text of docs/coming-from.md.
func comingFrom(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs", "coming-from.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// rowsOf are the rows of the tables: the other columns by "SECTION: LEFT COLUMN".
func rowsOf(t testing.TB, text string) map[string]string {
	t.Helper()
	rows, section := map[string]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = sections[heading]
		}
		cells := strings.SplitN(strings.Trim(line, "|"), " | ", 2)
		left := strings.TrimSpace(cells[0])
		switch {
		case !strings.HasPrefix(line, "| ") || left == "there":
			continue
		case section == "" || len(cells) < 2:
			t.Fatalf("docs/coming-from.md: the row %q is in no section of a name known here, or has one column", line)
		}
		key := section + ": " + left
		if _, twice := rows[key]; twice {
			t.Errorf("docs/coming-from.md has the row %q twice", key)
		}
		rows[key] = cells[1]
	}
	return rows
}

// storyLines are the lines of all stories below dir that match: their commands, or their comments.
func storyLines(t testing.TB, dir string, want func(line string) bool) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		story, err := txtar.ParseFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(story.Comment)) {
			if want(line) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestEveryRowOfComingFromIsShown by a story or by another test, and none of them is of a row that is no more.
func TestEveryRowOfComingFromIsShown(t *testing.T) {
	shown, known := map[string]bool{}, testNames(t)
	named := regexp.MustCompile(`^# ((?:` + strings.Join(slices.Collect(maps.Values(sections)), "|") + `): .*)$`)
	for _, line := range storyLines(t, filepath.Join("testdata", "migrate"), func(line string) bool { return strings.HasPrefix(line, "#") }) {
		if match := named.FindStringSubmatch(line); match != nil {
			shown[match[1]] = true
		}
	}
	for row, tests := range shownElsewhere {
		shown[row] = true
		for _, test := range tests {
			_, err := os.Stat(filepath.Join("testdata", test))
			if isStory := strings.HasSuffix(test, ".txtar"); isStory && err != nil || !isStory && !known[test] {
				t.Errorf("%s: there is no test %s", row, test)
			}
		}
	}
	rows := slices.Sorted(maps.Keys(rowsOf(t, comingFrom(t))))
	if diff := cmp.Diff(rows, slices.Sorted(maps.Keys(shown))); diff != "" {
		t.Errorf("rows of docs/coming-from.md (-) and those that tests show (+):\n%s", diff)
	}
}

// testNames are the names of all test functions of the repository's packages.
func testNames(t testing.TB) map[string]bool {
	t.Helper()
	names, function := map[string]bool{}, regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	for _, dir := range []string{"go", "cmd", "integration"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			for _, match := range function.FindAllSubmatch(data, -1) {
				names[string(match[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// variable matches the names of settings.
var variable = regexp.MustCompile(`\b(?:[A-Z][A-Z0-9]*(?:_+[A-Z0-9]+)+|GO[A-Z0-9]{3,}|KOCACHE)\b`)

// settingsIn are the settings in backquotes.
func settingsIn(text string) []string {
	var all []string
	for _, quoted := range regexp.MustCompile("`[^`]*`").FindAllString(text, -1) {
		all = append(all, variable.FindAllString(quoted, -1)...)
	}
	return all
}

// TestSettingsOfComingFrom: a test sets each one of the left columns, and those of this buildpack which the others name are
// among its settings.
func TestSettingsOfComingFrom(t *testing.T) {
	set := strings.Join(storyLines(t, "testdata", func(line string) bool { return !strings.HasPrefix(line, "#") }), "\n")
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range tests {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) != "migrate_test.go" { // which names all rows
			set += "\n" + string(data)
		}
	}
	settings, err := os.ReadFile(filepath.Join(root, "docs", "settings.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(t, comingFrom(t))
	there := strings.Join(slices.Collect(maps.Keys(rows)), "\n")
	for row, here := range rows {
		_, left, _ := strings.Cut(row, ": ")
		for _, name := range settingsIn(left) {
			if !strings.Contains(set, name) {
				t.Errorf("%s: no test sets %s", row, name)
			}
		}
		for _, name := range settingsIn(here) {
			own := strings.HasPrefix(name, "BP_") || strings.HasPrefix(name, "BPL_") || strings.HasPrefix(name, "GO_")
			if own && !strings.Contains(string(settings), name) && !strings.Contains(there, name) {
				t.Errorf("%s: %s is no setting of docs/settings.md", row, name)
			}
		}
	}
}

// dockerfileApp is the app of the story of the Dockerfile, without what else is in the story.
func dockerfileApp(t testing.TB) string {
	t.Helper()
	story, err := txtar.ParseFile(filepath.Join("testdata", "migrate", "dockerfile.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	story.Files = slices.DeleteFunc(story.Files, func(f txtar.File) bool { return !strings.HasPrefix(f.Name, "app/") })
	dir := t.TempDir()
	apptest.Write(t, dir, string(txtar.Format(story)))
	return filepath.Join(dir, "app")
}

// TestExampleOfComingFrom: the files in the text are those of the app that is built.
func TestExampleOfComingFrom(t *testing.T) {
	app := dockerfileApp(t)
	_, text, _ := strings.Cut(comingFrom(t), "\n## From a Dockerfile\n")
	text = strings.ReplaceAll(text, "\n   ", "\n") // in the items of a list
	for name, language := range map[string]string{"Procfile": "", "project.toml": "toml"} {
		data, err := os.ReadFile(filepath.Join(app, name))
		if err != nil {
			t.Fatal(err)
		}
		if block := "```" + language + "\n" + string(data) + "```\n"; !strings.Contains(text, block) {
			t.Errorf("docs/coming-from.md does not have the %s of testdata/migrate/dockerfile.txtar:\n%s", name, block)
		}
	}
}

// variablesBuildpack sets variables of processes out of those that begin with BPE_. It stands in for Paketo's buildpack
// for environment variables, which does the same and is in registries of images only.
const variablesBuildpack = `
-- buildpack.toml --
api = "0.10"

[buildpack]
id = "test/environment-variables"
version = "0.0.1"

[[targets]]
os = "linux"
-- bin/detect --
#!/bin/sh
-- bin/build --
#!/bin/sh
set -eu
mkdir -p "$CNB_LAYERS_DIR/variables/env.launch"
printf '[types]\nlaunch = true\n' >"$CNB_LAYERS_DIR/variables.toml"
for file in "$CNB_PLATFORM_DIR"/env/BPE_*; do
	cp "$file" "$CNB_LAYERS_DIR/variables/env.launch/${file##*/BPE_}.override"
done
`

// TestDockerfileUnderPack builds the app of docs/coming-from.md with the project.toml that is there, on a run image with
// next to nothing in it and no label of buildpacks, as distroless ones are, and looks at what its processes find.
func TestDockerfileUnderPack(t *testing.T) {
	needsEngine(t)
	const image, run = "coming-from-test", "coming-from-test-run"
	t.Cleanup(func() {
		_ = exec.Command("docker", "rmi", "--force", image, run).Run()
		_ = exec.Command("docker", "volume", "rm", image+"-build", image+"-launch").Run()
	})
	emptyImage(t, run)
	app, beside := dockerfileApp(t), filepath.Join(t.TempDir(), "variables")
	apptest.Write(t, beside, variablesBuildpack)
	for _, phase := range []string{"detect", "build"} {
		if err := os.Chmod(filepath.Join(beside, "bin", phase), 0o755); err != nil { // #nosec G302 -- a program
			t.Fatal(err)
		}
	}
	replaceIn(t, filepath.Join(app, "Procfile"), "web: ", "look: server look LISTEN VERSION GREETING\nassets: KO_DATA_PATH=/workspace/static server look KO_DATA_PATH\nweb: ")
	args := []string{
		"build", image, "--path", app, "--builder", "scalingo-go-lab-builder", "--run-image", run,
		"--buildpack", "scalingo/go", "--buildpack", beside, "--trust-builder", "--trust-extra-buildpacks", "--pull-policy", "never", "--network", "host",
		"--cache", "type=build;format=volume;name=" + image + "-build;type=launch;format=volume;name=" + image + "-launch",
		"--env", "NO_COLOR=1", "--env", "VERSION=1.2.3", "--env", "BPE_GREETING=good day",
	}
	for _, pair := range hostNetwork(t) {
		if !strings.HasPrefix(pair, "SSL_CERT_") { // paths of this machine
			args = append(args, "--env", pair)
		}
	}
	log, err := pack(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log, "./cmd/worker") {
		t.Error("the other program was built too")
	}
	for _, test := range []struct {
		process, want string
		options, args []string
	}{
		{"web", "serve --static static at :8080: <p>hello</p>\n", nil, nil},
		{"web", "serve --static static at :9000: <p>hello</p>\n", []string{"--env", "LISTEN=:9000"}, nil},
		{"look", "user 65532 in /workspace: Procfile bin project.toml static\nLISTEN=\"\"\nVERSION=\"\"\nGREETING=\"good day\"\n", nil, nil},
		{"look", "1.2.3 enterprise\n", nil, []string{"version"}},
		{"assets", "user 65532 in /workspace: Procfile bin project.toml static\nKO_DATA_PATH=\"/workspace/static\"\n", nil, nil},
	} {
		out, code := container(t, image, test.process, test.options, test.args...)
		if diff := cmp.Diff(test.want, out); diff != "" || code != 0 {
			t.Errorf("%s %q ended with %d (-want +got):\n%s", test.process, test.args, code, diff)
		}
	}
	configuredAs(t, image)
}

// configuredAs looks at what is in the configuration of the image, and what is not.
func configuredAs(t *testing.T, image string) {
	t.Helper()
	out, err := exec.Command("docker", "inspect", "--format", "{{json .Config}}", image).Output()
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		User         string
		Env          []string
		WorkingDir   string
		ExposedPorts map[string]struct{}
	}
	if err := json.Unmarshal(out, &config); err != nil {
		t.Fatal(err)
	}
	if config.User != "65532" || len(config.ExposedPorts) > 0 || strings.Contains(strings.Join(config.Env, "\n"), "1.2.3") {
		t.Errorf("the image's configuration: %s", out)
	}
}

// emptyImage makes an image with a user and nothing to run.
func emptyImage(t testing.TB, name string) {
	t.Helper()
	dir := t.TempDir()
	apptest.Write(t, dir, "-- etc/passwd --\nnonroot:x:65532:65532::/:/none\n")
	archive := exec.Command("tar", "-C", dir, "-cf", "-", "etc")
	data, err := archive.Output()
	if err != nil {
		t.Fatal(err)
	}
	load := exec.Command("docker", "import", "--change", "USER 65532", "-", name)
	load.Stdin = strings.NewReader(string(data))
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("docker import: %v\n%s", err, out)
	}
}
