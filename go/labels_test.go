package golang

import (
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"

	"github.com/Scalingo/go-cnb/go/compile"
)

func TestProgramsThatCannotStartOnTheRunImage(t *testing.T) {
	const gnu, alpine = "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"
	for name, tt := range map[string]struct {
		interpreter, distro string
		env                 map[string]string
		want                string
	}{
		"static":                          {"", "alpine", nil, ""},
		"glibc on Debian":                 {gnu, "debian", nil, ""},
		"glibc on what nobody knows":      {gnu, "", nil, ""},
		"glibc on a distribution unknown": {gnu, "wolfi", nil, ""},
		"glibc on Alpine":                 {gnu, "alpine", nil, "app cannot start in the image: it needs " + gnu + ", libc.so.6, but the C library of the run image, alpine, is musl: build on"},
		"musl on Alpine":                  {alpine, "alpine", nil, ""},
		"musl on Ubuntu":                  {alpine, "ubuntu", nil, "but the C library of the run image, ubuntu, is glibc"},
		"a run image without anything":    {gnu, "ubuntu", map[string]string{"CNB_STACK_ID": "io.buildpacks.stacks.jammy.static"}, "but the run image has no C library"},
		"a target without anything":       {gnu, "", map[string]string{"CNB_TARGET_ID": "io.buildpacks.stacks.noble.static"}, "but the run image has no C library"},
		"static on nothing":               {"", "", map[string]string{"CNB_STACK_ID": "io.buildpacks.stacks.jammy.static"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := &build{context: libcnb.BuildContext{}, settings: Settings{Env: tt.env}}
			b.context.TargetDistro.Name = tt.distro
			err := b.checkLibrary([]compile.Binary{{Name: "other"}, {Name: "app", Interpreter: tt.interpreter, Libraries: []string{"libc.so.6"}}})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestSettingsOfTheLabelDecideWhatIsBuilt(t *testing.T) {
	for name, want := range map[string]bool{
		"BP_GO_VERSION": true, "BP_GO_TARGETS": true, "GOFLAGS": true, "CGO_ENABLED": true, "SOURCE_VERSION": true, "GOOS": true, "BP_KEEP_FILES": true,
		"BP_GO_CACHE": false, "BP_LOG_LEVEL": false, "GOPROXY": false, "GONOSUMDB": false, "GO_GIT_CRED__HTTPS__EXAMPLE__COM": false, "GOMAXPROCS": false, "BP_DEPENDENCY_MIRROR_X": false,
	} {
		if onlyHow.MatchString(name) == want {
			t.Errorf("%s is in the label: %t", name, !want)
		}
	}
}

func TestTimeOfDocuments(t *testing.T) {
	for text, want := range map[string]string{"": "0001-01-01 00:00:00 +0000 UTC", "0": "1970-01-01 00:00:00 +0000 UTC", "1700000000": "2023-11-14 22:13:20 +0000 UTC", "now": "", "-1": ""} {
		made, err := sourceDate(text)
		if (err != nil) != (want == "") || err == nil && made.String() != want {
			t.Errorf("%q: %s, %v", text, made, err)
		}
	}
}
