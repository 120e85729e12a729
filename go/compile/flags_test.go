package compile

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

const secret = "s3cr3t-v4lue"

func variables(name string) string {
	return map[string]string{"TOKEN": secret, "SPACES": "a b", "FLAGS": "-v -x", "TAGS": "x,y", "VERSION": "1.2.3"}[name]
}

// commandTests are what users set and the go command that the log shows for it, without its fixed beginning.
var commandTests = []struct {
	name     string
	settings Settings
	command  string
	// goflags is what is left of GOFLAGS.
	goflags string
}{
	{"nothing set", Settings{DefaultLDFlags: "-w"}, "-trimpath @tags @mod @nodwarf -ldflags=-w .", ""},
	{"flags in GOFLAGS stay there", Settings{GoFlags: "-v  '-gcflags=-N -l'\t-p=2"},
		"-trimpath @tags @mod .", "-v '-gcflags=-N -l' -p=2"},
	{"-trimpath=false in GOFLAGS", Settings{GoFlags: "-trimpath=false"}, "@tags @mod .", "-trimpath=false"},
	{"-trimpath=false", Settings{BuildFlags: "-trimpath=false"}, "@tags @mod -trimpath=false .", ""},
	{"-buildvcs by the user", Settings{BuildFlags: "-buildvcs=true"}, "-trimpath @tags @mod -buildvcs=true .", ""},
	{"-buildmode", Settings{BuildFlags: "-buildmode=pie"}, "-trimpath @tags @mod -buildmode=pie .", ""},
	{"tags add up", Settings{Tags: "a, b", GoFlags: "-tags=b,c", BuildFlags: "--tags 'c d' -tags=heroku,e"},
		"-trimpath @tags,a,b,c,d,e @mod .", ""},
	{"-ldflags in GOFLAGS before the default", Settings{DefaultLDFlags: "-w", GoFlags: "'-ldflags=-s -w'"},
		"-trimpath @tags @mod @nodwarf '-ldflags=-s -w' .", ""},
	{"-ldflags in BP_GO_BUILD_FLAGS before GOFLAGS", Settings{GoFlags: "-ldflags=-s", BuildFlags: `-ldflags="-X main.v=1"`},
		"-trimpath @tags @mod '-ldflags=-X main.v=1' .", ""},
	{"BP_GO_BUILD_LDFLAGS before all", Settings{DefaultLDFlags: "-w", GoFlags: "-ldflags=-s", BuildFlags: "-ldflags=-v", LDFlags: "-X main.v=$VERSION"},
		`-trimpath @tags @mod "-ldflags=-X main.v=$VERSION" .`, ""},
	{"no linker flags at all", Settings{DefaultLDFlags: "-w", BuildFlags: "-ldflags="}, "-trimpath @tags @mod .", ""},
	{"-ldflags in two words", Settings{BuildFlags: `-ldflags "-X main.v=$TOKEN"`}, `-trimpath @tags @mod "-ldflags=-X main.v=$TOKEN" .`, ""},
	{"-ldflags in one word", Settings{BuildFlags: `-ldflags="-X main.v=$TOKEN"`}, `-trimpath @tags @mod "-ldflags=-X main.v=$TOKEN" .`, ""},
	{"a linker symbol beside the user's flags", Settings{LDFlags: "-s", LinkerSymbol: "main.v", LinkerValue: "abc"},
		"-trimpath @tags @mod @nodwarf '-ldflags=-s -X main.v=abc' .", ""},
	{"a linker symbol beside the default", Settings{DefaultLDFlags: "-w", LinkerSymbol: "main.v", LinkerValue: "abc"},
		"-trimpath @tags @mod @nodwarf '-ldflags=-w -X main.v=abc' .", ""},
	{"-mod=mod", Settings{GoFlags: "-mod=mod -modcacherw"}, "-trimpath @tags -mod=mod -modcacherw .", ""},
	{"-mod in BP_GO_BUILD_FLAGS before GOFLAGS", Settings{GoFlags: "-mod=mod", BuildFlags: "-mod readonly"}, "-trimpath @tags @mod .", ""},
	{"flags that change what belongs to a package go to go list too", Settings{BuildFlags: "-race -v"},
		"-trimpath @tags @mod -race -v .", ""},
	{"values in two words", Settings{BuildFlags: "-p 1 -gcflags 'all=-N -l' -asmflags=-S"},
		"-trimpath @tags @mod -p=1 '-gcflags=all=-N -l' -asmflags=-S .", ""},
	{"a variable of several words", Settings{BuildFlags: "$FLAGS"}, `-trimpath @tags @mod "$FLAGS" "$FLAGS" .`, ""},
	{"tags from a variable", Settings{BuildFlags: "-tags=$TAGS"}, `-trimpath "@tags,$TAGS" @mod .`, ""},
	{"a secret as a tag", Settings{BuildFlags: "-tags $TOKEN"}, `-trimpath "@tags,$TOKEN" @mod .`, ""},
	{"a secret in a flag that go list gets", Settings{BuildFlags: "-installsuffix=$TOKEN"}, `-trimpath @tags @mod "-installsuffix=$TOKEN" .`, ""},
	{"a secret as the name of a flag", Settings{BuildFlags: "-$TOKEN"}, `-trimpath @tags @mod "-$TOKEN" .`, ""},
	{"a secret in double quotes", Settings{BuildFlags: `"-gcflags=$TOKEN"`}, `-trimpath @tags @mod "-gcflags=$TOKEN" .`, ""},
	{"no secret in single quotes", Settings{BuildFlags: `'-gcflags=$TOKEN'`}, `-trimpath @tags @mod "-gcflags=$TOKEN" .`, ""},
	{"default of a variable", Settings{BuildFlags: `-gcflags=${NONE:-$TOKEN}`}, `-trimpath @tags @mod "-gcflags=${NONE:-$TOKEN}" .`, ""},
	{"unset variables and empty lines are nothing", Settings{BuildFlags: "\n $NONE\n"}, "-trimpath @tags @mod .", ""},
}

func TestCommand(t *testing.T) {
	for _, tt := range commandTests {
		t.Run(tt.name, func(t *testing.T) {
			tt.settings.Getenv = variables
			flags, err := Merge(tt.settings, toolchain.MustParseVersion("1.26.0"))
			if err != nil {
				t.Fatal(err)
			}
			p := Plan{
				job:   Job{Go: toolchain.Go{Version: toolchain.MustParseVersion("1.26.0")}, Dir: "/app", Modules: true, Mod: "readonly", Flags: flags, Stamp: true, OutDir: "/out"},
				mains: []Package{{ImportPath: "example.com/app", Dir: "/app"}},
			}
			if flags.Mod != "" {
				p.job.Mod = flags.Mod
			}
			p.command()
			want := "go build -o /out/ " + strings.NewReplacer("@tags", "-tags=scalingo,heroku", "@mod", "-mod=readonly -modcacherw", "@nodwarf", "-gcflags=all=-dwarf=false").Replace(tt.command)
			if got := p.Command(); got != want {
				t.Errorf("command\n%s, want\n%s", got, want)
			}
			if flags.GoFlags != tt.goflags {
				t.Errorf("left of GOFLAGS: %q, want %q", flags.GoFlags, tt.goflags)
			}
			if strings.Contains(p.Command(), secret) {
				t.Errorf("the secret is in %s", p.Command())
			}
			if strings.Contains(tt.settings.BuildFlags, "$TOKEN") && !strings.Contains(tt.name, "single quotes") &&
				!slices.ContainsFunc(args(p.words), func(arg string) bool { return strings.Contains(arg, secret) }) {
				t.Errorf("the value of the variable is not in %q", args(p.words))
			}
		})
	}
}

var mergeErrorTests = []struct {
	name     string
	settings Settings
	want     string
}{
	{"-o", Settings{BuildFlags: "-o x"}, "BP_GO_BUILD_FLAGS: -o is set by the build"},
	{"-o in GOFLAGS", Settings{GoFlags: "-o=x"}, "GOFLAGS: -o is set by the build"},
	{"-C", Settings{BuildFlags: "-C=dir"}, "BP_GO_BUILD_FLAGS: -C is not used here: set BP_GO_WORKDIR"},
	{"-n", Settings{GoFlags: "-n"}, "GOFLAGS: -n compiles nothing"},
	{"a package", Settings{BuildFlags: "-v ./cmd/a"}, `BP_GO_BUILD_FLAGS: "./cmd/a" is no flag: packages are named in BP_GO_TARGETS`},
	{"a value that wants quotes", Settings{BuildFlags: "-ldflags=-X main.v=$TOKEN"}, `BP_GO_BUILD_FLAGS: "main.v=$TOKEN" is no flag`},
	{"a variable that is no flag", Settings{BuildFlags: "$TOKEN"}, `BP_GO_BUILD_FLAGS: "$TOKEN" is no flag`},
	{"dashes alone", Settings{BuildFlags: "--"}, `BP_GO_BUILD_FLAGS: "--" is no flag`},
	{"three dashes", Settings{GoFlags: "---x"}, `GOFLAGS: "---x" is no flag`},
	{"an empty word", Settings{BuildFlags: "''"}, `BP_GO_BUILD_FLAGS: "" is no flag`},
	{"a value is missing", Settings{BuildFlags: "-v -ldflags"}, "BP_GO_BUILD_FLAGS: -ldflags needs a value"},
	{"a value is missing in GOFLAGS", Settings{GoFlags: "-tags -v"}, "GOFLAGS: -tags needs a value, written -tags=VALUE"},
	{"not a flag in GOFLAGS", Settings{GoFlags: "-ldflags=-s -w -X a=b"}, `GOFLAGS: "a=b" is no flag`},
	{"a quote without an end", Settings{BuildFlags: `-ldflags="-s`}, "BP_GO_BUILD_FLAGS: "},
	{"a quote without an end in GOFLAGS", Settings{GoFlags: `'-ldflags=-s`}, "GOFLAGS: ' has no end"},
	{"a quote without an end in BP_GO_BUILD_LDFLAGS", Settings{LDFlags: "-X main.v=${x"}, "BP_GO_BUILD_LDFLAGS: "},
	{"a command", Settings{BuildFlags: "-ldflags=$(touch run)"}, "BP_GO_BUILD_FLAGS: "},
	{"a command in backticks", Settings{BuildFlags: "-ldflags=`touch run`"}, "BP_GO_BUILD_FLAGS: "},
	{"a command as a file", Settings{BuildFlags: "-overlay=<(touch run)"}, "BP_GO_BUILD_FLAGS: "},
	{"a command in the linker's flags", Settings{LDFlags: "-X main.v=$(touch run)"}, "BP_GO_BUILD_LDFLAGS: "},
	{"two commands", Settings{BuildFlags: "-v; touch run"}, "BP_GO_BUILD_FLAGS: "},
	{"a value of -mod", Settings{BuildFlags: "-mod=$TOKEN"}, "-mod can be readonly, vendor or mod"},
	{"symbols and values do not match", Settings{LinkerSymbol: "main.a main.b", LinkerValue: "1 2 3"}, "GO_LINKER_SYMBOL names 2 symbols and GO_LINKER_VALUE (or SOURCE_VERSION) 3 values"},
	{"both quotes", Settings{LinkerSymbol: "main.a", LinkerValue: `it's "it"`}, "GO_LINKER_VALUE for main.a has both kinds of quotes"},
}

func TestMergeErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range mergeErrorTests {
		t.Run(tt.name, func(t *testing.T) {
			tt.settings.Getenv = variables
			_, err := Merge(tt.settings, toolchain.MustParseVersion("1.26.0"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells the secret: %v", err)
			}
			if _, err := os.Stat("run"); err == nil {
				t.Fatal("a command was run")
			}
		})
	}
}

var linkerTests = []struct{ symbols, values, goVersion, want string }{
	{"", "x", "1.26.0", ""},
	{"main.v", "", "1.26.0", ""},
	{"main.v", " abc ", "1.26.0", "-X main.v=abc"},
	{"main.v", "a b", "1.26.0", "-X 'main.v=a b'"},
	{"main.v", "it's", "1.26.0", `-X "main.v=it's"`},
	{"main.v", `say "x"`, "1.26.0", `-X 'main.v=say "x"'`},
	{"main.a  main.b", "1 2", "1.26.0", "-X main.a=1 -X main.b=2"},
	{"main.v", "abc", "1.5", "-X main.v=abc"},
	{"main.v", "abc", "1.4.3", "-X main.v abc"},
	{"main.v", "a b", "1.4.3", "-X main.v 'a b'"},
	{"main.a main.b", "1 2", "1.0", "-X main.a 1 -X main.b 2"},
}

func TestLinkerFlags(t *testing.T) {
	for _, tt := range linkerTests {
		got, err := linkerFlags(tt.symbols, tt.values, toolchain.MustParseVersion(tt.goVersion))
		if err != nil || got != tt.want {
			t.Errorf("linkerFlags(%q, %q, %s) = %q, %v, want %q", tt.symbols, tt.values, tt.goVersion, got, err, tt.want)
		}
	}
}

func TestFlagsForOldGo(t *testing.T) {
	flags, err := Merge(Settings{DefaultLDFlags: "-w", Tags: "x", LinkerSymbol: "main.v", LinkerValue: "1", Getenv: variables}, toolchain.MustParseVersion("1.4"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ goVersion, want string }{
		{"1.4", `go install '-tags=scalingo heroku x' '-ldflags=-w -X main.v 1' -a -installsuffix nocgo ./cmd/a`},
		{"1.11", `go install '-tags=scalingo heroku x' -mod=readonly -gcflags=all=-dwarf=false '-ldflags=-w -X main.v 1' ./cmd/a`},
		{"1.13", `go build -o /out/ -trimpath -tags=scalingo,heroku,x -mod=readonly -gcflags=all=-dwarf=false '-ldflags=-w -X main.v 1' ./cmd/a`},
		{"1.17", `go build -o /out/ -trimpath -tags=scalingo,heroku,x -mod=readonly -modcacherw -gcflags=all=-dwarf=false '-ldflags=-w -X main.v 1' ./cmd/a`},
		{"1.18", `go build -o /out/ -trimpath -buildvcs=false -tags=scalingo,heroku,x -mod=readonly -modcacherw -gcflags=all=-dwarf=false '-ldflags=-w -X main.v 1' ./cmd/a`},
	} {
		v := toolchain.MustParseVersion(tt.goVersion)
		p := Plan{
			job:   Job{Go: toolchain.Go{Version: v}, Dir: "/app", Modules: v.Has(toolchain.ModuleMode), Mod: "readonly", Flags: flags, OutDir: "/out"},
			mains: []Package{{ImportPath: "example.com/app/cmd/a", Dir: "/app/cmd/a"}},
		}
		p.command()
		if got := p.Command(); got != tt.want {
			t.Errorf("Go %s:\n%s, want\n%s", tt.goVersion, got, tt.want)
		}
		if install := slices.Contains(p.env, "GOBIN=/out"); install != v.Before("1.13") {
			t.Errorf("Go %s: GOBIN set: %v", tt.goVersion, install)
		}
	}
}

func TestHas(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "-race": true, "-race=true": true, "-race=1": true, "-race=false": false, "-race=0": false,
		"-race -race=false": false, "-race=false --race": true, "-racer": false,
	} {
		for _, s := range []Settings{{BuildFlags: text, Getenv: variables}, {GoFlags: text, Getenv: variables}} {
			flags, err := Merge(s, toolchain.MustParseVersion("1.26.0"))
			if err != nil {
				t.Fatal(err)
			}
			if flags.Has("race") != want {
				t.Errorf("%q: %v", text, !want)
			}
		}
	}
	flags, err := Merge(Settings{GoFlags: "-buildmode=c-shared", BuildFlags: "-race=false -buildmode pie", Getenv: variables}, toolchain.MustParseVersion("1.26.0"))
	if err != nil {
		t.Fatal(err)
	}
	if got := flags.BuildMode(); got != "pie" {
		t.Errorf("-buildmode is %q", got)
	}
}

// TestFlagsReachTheProgram builds with values from everywhere.
func TestFlagsReachTheProgram(t *testing.T) {
	b := app{
		files: `
-- go.mod --
module example.com/app
-- main.go --
package main

var flag, symbol, second, list = "unset", "unset", "unset", "unset"

func main() { println(flag, symbol, second, list, tag) }
-- tag.go --
//go:build !added

package main

const tag = "no"
-- tagged.go --
//go:build scalingo && heroku && added && more

package main

const tag = "tagged"
`,
		env: []string{"TOKEN=" + secret},
		settings: Settings{
			DefaultLDFlags: "-w", BuildFlags: `-tags more -ldflags="-X main.flag=$TOKEN -X 'main.list=a b'"`, GoFlags: "-tags=added",
			LinkerSymbol: "main.symbol main.second", LinkerValue: "one two",
		},
	}.build(t)
	b.succeed(t)
	if got, want := b.run(t, "app"), secret+" one two a b tagged"; got != want {
		t.Errorf("the program says %q, want %q", got, want)
	}
	if strings.Contains(b.plan.Command()+b.log, secret) {
		t.Errorf("the log tells the secret: %s\n%s", b.plan.Command(), b.log)
	}
}

func TestLogQuotes(t *testing.T) {
	for word, want := range map[string]string{
		"-tags=a,b": "-tags=a,b", "-ldflags=-s -w": "'-ldflags=-s -w'", "-ldflags=-X a=$B": `"-ldflags=-X a=$B"`,
		"./cmd/it's": `"./cmd/it's"`, "": "''",
	} {
		if got := quoted(word); got != want {
			t.Errorf("quoted(%q) = %s, want %s", word, got, want)
		}
	}
}

// FuzzGoFlags: no text makes reading GOFLAGS panic, and what is left says the same to the go command.
func FuzzGoFlags(f *testing.F) {
	for _, tt := range commandTests {
		f.Add(tt.settings.GoFlags)
	}
	for _, text := range []string{`-a'b"c`, `'-a=b "c'`, `"-a=it's"`, "-tags=a\u00a0b", "--x", "-a=\x00", `-a='x y'`, "-x ''", "---", "--x--y"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		flags, err := Merge(Settings{GoFlags: text, Getenv: variables}, toolchain.MustParseVersion("1.26.0"))
		if err != nil {
			return
		}
		again, err := Merge(Settings{GoFlags: flags.GoFlags, Getenv: variables}, toolchain.MustParseVersion("1.26.0"))
		if err != nil {
			t.Fatalf("%q is left of %q: %v", flags.GoFlags, text, err)
		}
		if again.GoFlags != flags.GoFlags {
			t.Errorf("%q is left of %q, which becomes %q", flags.GoFlags, text, again.GoFlags)
		}
		before, _ := goFlags(text)
		after, _ := goFlags(flags.GoFlags)
		taken := func(f Flag) bool { return new(Flags).take(f) }
		if diff := cmp.Diff(slices.DeleteFunc(before, taken), after, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-before +after):\n%s", text, diff)
		}
	})
}

// FuzzBuildFlags: no text makes reading BP_GO_BUILD_FLAGS and
// BP_GO_BUILD_LDFLAGS panic, runs a command or writes a file, and neither errors nor the log tell a variable's value.
func FuzzBuildFlags(f *testing.F) {
	for _, tt := range commandTests {
		f.Add(tt.settings.BuildFlags)
	}
	for _, tt := range mergeErrorTests {
		f.Add(tt.settings.BuildFlags)
		f.Add(tt.settings.LDFlags)
	}
	for _, text := range []string{
		"-a=$((1/0))", "-a=$((x=1))", "-a={1..3}", "-a=~root", "-a=${x:?no}", "-a=${x:=y}", "-a=${!TOKEN}", "-a=${#TOKEN}", "-a=${TOKEN//s/t}",
		"-a >out", "-a 2>&1 >>out", "-a=$'x\\n'", "-a=(x)", "-a=${TOKEN@Q}", "-v # $TOKEN", "-a=${$(touch run)}", "-a=*", "-a=>(touch run)", "${a[$(touch run)]}",
	} {
		f.Add(text)
	}
	dir := f.TempDir()
	f.Chdir(dir)
	v := toolchain.MustParseVersion("1.26.0")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range []Settings{{BuildFlags: text, Getenv: variables}, {LDFlags: text, Getenv: variables}} {
			flags, err := Merge(s, v)
			if err != nil {
				if strings.Contains(err.Error(), secret) && !strings.Contains(text, "${") && !strings.Contains(text, "$((") {
					t.Errorf("%q: the error tells the secret: %v", text, err)
				}
			} else {
				p := Plan{job: Job{Go: toolchain.Go{Version: v}, Flags: flags, OutDir: "/out"}}
				p.command()
				if strings.Contains(p.Command(), secret) {
					t.Errorf("%q: the log tells the secret: %s", text, p.Command())
				}
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 0 {
			t.Errorf("%q: files %v, %v", text, entries, err)
		}
	})
}

// TestUserFlagsWin: what the user says of -trimpath, -buildvcs and -buildmode is what the go command does.
func TestUserFlagsWin(t *testing.T) {
	plain := app{files: rootAndCommand, targets: []string{"."}}.build(t)
	plain.succeed(t)
	a := app{files: rootAndCommand, targets: []string{"."}, settings: Settings{BuildFlags: "-trimpath=false -buildmode=pie"}}
	own := a.build(t)
	own.succeed(t)
	for _, tt := range []struct {
		b         built
		path, pie bool
	}{{plain, false, false}, {own, true, true}} {
		content, err := os.ReadFile(tt.b.binary("app"))
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(content, []byte(filepath.Join(tt.b.dir, "main.go"))); got != tt.path {
			t.Errorf("%s: the path of the source is in the program: %v", tt.b.plan.Command(), got)
		}
		if got := setting(t, tt.b.binary("app"), "-buildmode") == "pie"; got != tt.pie {
			t.Errorf("%s: position independent: %v", tt.b.plan.Command(), got)
		}
	}
}

// TestEmbedded: a variable named like a secret that a flag of the user's takes the value of stays in the program.
func TestEmbedded(t *testing.T) {
	env := map[string]string{
		"API_TOKEN": "v", "DB_PASSWORD": "v", "CLIENT_SECRET": "v", "MY_CREDENTIALS": "v", "GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM": "v", "api_key": "v", "APIKEY": "v", "AWS_ACCESS_KEY_ID": "v",
		"SSH_PRIVATE_KEY": "v", "EMPTY_TOKEN": "", "VERSION": "v", "COMMIT": "v", "KEYBOARD": "v",
	}
	all := []string{"API_TOKEN", "APIKEY", "AWS_ACCESS_KEY_ID", "CLIENT_SECRET", "DB_PASSWORD", "GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM", "MY_CREDENTIALS", "SSH_PRIVATE_KEY", "api_key"}
	var flags []string
	for name := range env {
		flags = append(flags, "-X=main.v=$"+name)
	}
	slices.Sort(all)
	for _, tt := range []struct {
		name     string
		settings Settings
		want     []string
	}{
		{"all in BP_GO_BUILD_LDFLAGS", Settings{LDFlags: strings.Join(flags, " ")}, all},
		{"all in BP_GO_BUILD_FLAGS", Settings{BuildFlags: `-ldflags="` + strings.Join(flags, " ") + `"`}, all},
		{"twice, in braces", Settings{LDFlags: "-X main.a=${API_TOKEN} -X main.b=${API_TOKEN}", BuildFlags: "-tags=$API_TOKEN"}, []string{"API_TOKEN"}},
		{"as a default", Settings{LDFlags: "-X main.a=${NOTHING:-$API_TOKEN}"}, []string{"API_TOKEN"}},
		{"not set", Settings{LDFlags: "-X main.a=$OTHER_TOKEN -X main.b=$EMPTY_TOKEN"}, nil},
		{"no secrets", Settings{LDFlags: "-X main.a=$VERSION -X main.b=$COMMIT$KEYBOARD"}, nil},
		{"no variable", Settings{LDFlags: "-X main.token=API_TOKEN -X main.b=\\$API_TOKEN", GoFlags: "-ldflags=-X=main.token=x"}, nil},
		{"GOFLAGS, which nobody expands", Settings{GoFlags: "-ldflags=-X=main.a=$API_TOKEN"}, nil},
		{"the default of buildpack.toml", Settings{DefaultLDFlags: "-w $API_TOKEN"}, nil},
		{"GO_LINKER_SYMBOL", Settings{LinkerSymbol: "main.apiToken", LinkerValue: "v"}, []string{"GO_LINKER_VALUE"}},
		{"GO_LINKER_SYMBOL and a flag", Settings{LinkerSymbol: "main.apiToken", LinkerValue: "v", LDFlags: "-X main.b=$DB_PASSWORD"}, []string{"DB_PASSWORD", "GO_LINKER_VALUE"}},
		{"GO_LINKER_SYMBOL of a version", Settings{LinkerSymbol: "main.version", LinkerValue: "v"}, nil},
		{"GO_LINKER_SYMBOL without a value", Settings{LinkerSymbol: "main.apiToken"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.settings.Getenv = func(name string) string { return env[name] }
			got, err := Merge(tt.settings, toolchain.MustParseVersion("1.26.0"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Embedded); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.HasPrefix(tt.name, "GO_LINKER") && len(tt.want) > 0 && (strings.Contains(got.LDShown, "=v") || !strings.Contains(got.LDFlags, "main.apiToken=v")) {
				t.Errorf("the log has %s for %s", got.LDShown, got.LDFlags)
			}
		})
	}
}
