package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// versionTests say which Go an app gets. Above its files an app holds settings, one a line:
//
//	BP_GO_VERSION, GOVERSION   the variables
//	TOOL       what the dependency tool's own file says
//	DEFAULT    the buildpack's default: modules (if unset) or legacy, as buildpack.toml has them
//	REQUIRED   what another buildpack asks for too
//	WORKDIR    the directory that is built
//	ARCH       amd64 (if unset) or arm64
//	CRLF       yes: the files have Windows line ends
//	KNOWN      what the inventory is cut down to, a constraint. Without it the real one is used as it stands.
//	MADE_FAKE  what upstream has made since
//	LOOKUP_FAKE  the error that asking for newer releases ends with
//
// want is "VERSION from SOURCE", or "error:" and what the error says. "newest" stands for the
// newest version of the inventory, "newest-1.N" for the newest patch of a line that may still grow.
var versionTests = []struct{ name, app, want string }{
	// Forms.
	{"minor", "BP_GO_VERSION=1.24", "1.24.13 from BP_GO_VERSION"},
	{"minor with go prefix", "BP_GO_VERSION=go1.24", "1.24.13 from BP_GO_VERSION"},
	{"minor with v prefix", "BP_GO_VERSION=v1.24", "1.24.13 from BP_GO_VERSION"},
	{"minor with equals sign", "BP_GO_VERSION==1.24", "1.24.13 from BP_GO_VERSION"},
	{"minor of a line that may still grow", "BP_GO_VERSION=1.26", "newest-1.26 from BP_GO_VERSION"},
	{"exact", "BP_GO_VERSION=1.24.2", "1.24.2 from BP_GO_VERSION"},
	{"exact with go prefix", "BP_GO_VERSION=go1.24.2", "1.24.2 from BP_GO_VERSION"},
	{"exact with v prefix", "BP_GO_VERSION=v1.24.2", "1.24.2 from BP_GO_VERSION"},
	{"exact with equals sign and prefix", "BP_GO_VERSION== go1.24.2", "1.24.2 from BP_GO_VERSION"},
	{"blanks around", "BP_GO_VERSION= \t1.24.2 ", "1.24.2 from BP_GO_VERSION"},
	{"1.20 is the newest of the line", "BP_GO_VERSION=1.20", "1.20.14 from BP_GO_VERSION"},
	{"1.20.0 is its first release", "BP_GO_VERSION=1.20.0", "1.20 from BP_GO_VERSION"},
	{"go1.20.0 is its first release", "BP_GO_VERSION=go1.20.0", "1.20 from BP_GO_VERSION"},
	{"1.21.0 is its first release", "BP_GO_VERSION=1.21.0", "1.21.0 from BP_GO_VERSION"},
	{"1.0 is 1.0.3", "BP_GO_VERSION=1.0", "1.0.3 from BP_GO_VERSION"},
	{"1.0.0 is Go 1.0", "BP_GO_VERSION=1.0.0", "1.0 from BP_GO_VERSION"},
	{"1 is the newest", "BP_GO_VERSION=1", "newest from BP_GO_VERSION"},
	{"go1 is the newest", "BP_GO_VERSION=go1", "newest from BP_GO_VERSION"},
	{"star for the patch", "BP_GO_VERSION=1.24.*", "1.24.13 from BP_GO_VERSION"},
	{"x for the patch", "BP_GO_VERSION=1.24.x", "1.24.13 from BP_GO_VERSION"},
	{"x for the patch, with go prefix", "BP_GO_VERSION=go1.24.x", "1.24.13 from BP_GO_VERSION"},
	{"x for the minor", "BP_GO_VERSION=1.x", "newest from BP_GO_VERSION"},
	{"star", "BP_GO_VERSION=*", "newest from BP_GO_VERSION"},
	{"latest", "BP_GO_VERSION=latest", "newest from BP_GO_VERSION"},
	{"stable", "BP_GO_VERSION=stable", "newest from BP_GO_VERSION"},
	{"tilde with a patch", "BP_GO_VERSION=~1.22.3", "1.22.12 from BP_GO_VERSION"},
	{"tilde with a minor", "BP_GO_VERSION=~1.22", "1.22.12 from BP_GO_VERSION"},
	{"tilde with go prefix", "BP_GO_VERSION=~go1.22.3", "1.22.12 from BP_GO_VERSION"},
	{"caret", "BP_GO_VERSION=^1.22", "newest from BP_GO_VERSION"},
	{"at least", "BP_GO_VERSION=>=1.22", "newest from BP_GO_VERSION"},
	{"at least, with go prefix", "BP_GO_VERSION=>=go1.22", "newest from BP_GO_VERSION"},
	{"less than", "BP_GO_VERSION=<1.25", "1.24.13 from BP_GO_VERSION"},
	{"at most a minor takes its patches in", "BP_GO_VERSION=<=1.24", "1.24.13 from BP_GO_VERSION"},
	{"at most a patch", "BP_GO_VERSION=<=1.24.3", "1.24.3 from BP_GO_VERSION"},
	{"comma list", "BP_GO_VERSION=>=1.22, <1.25", "1.24.13 from BP_GO_VERSION"},
	{"comma list without blank, with prefixes", "BP_GO_VERSION=>=go1.22,<go1.25", "1.24.13 from BP_GO_VERSION"},
	{"list with a blank alone", "BP_GO_VERSION=>=1.22 <1.25", "1.24.13 from BP_GO_VERSION"},
	{"exception", "BP_GO_VERSION=1.22.x, !=1.22.12", "1.22.11 from BP_GO_VERSION"},
	{"from - to", "BP_GO_VERSION=1.21 - 1.23", "1.23.12 from BP_GO_VERSION"},
	{"either or", "BP_GO_VERSION=1.18.x || 1.20.x", "1.20.14 from BP_GO_VERSION"},
	{"range that starts at a pre-release", "BP_GO_VERSION=>=1.21rc2, <1.22", "1.21.13 from BP_GO_VERSION"},
	{"release with a SHA-1 alone", "BP_GO_VERSION=1.4.2", "1.4.2 from BP_GO_VERSION"},
	{"pre-release, which the inventory never holds", "BP_GO_VERSION=1.27rc1\nMADE_FAKE=1.27rc1", "1.27rc1 from BP_GO_VERSION"},
	{"pre-release of an old line", "BP_GO_VERSION=go1.21beta1\nMADE_FAKE=1.21beta1", "1.21beta1 from BP_GO_VERSION"},
	{"pre-release that was never made", "BP_GO_VERSION=1.20rc9", "error: BP_GO_VERSION asks for Go 1.20rc9, which does not exist, as far as this buildpack's inventory and GOPROXY tell: use one of 1.20.4, 1.20.3, 1.20.2, 1.20.1, 1.20"},

	// Rank 1: the environment.
	{"BP_GO_VERSION before GOVERSION", "BP_GO_VERSION=1.24\nGOVERSION=1.22", "1.24.13 from BP_GO_VERSION"},
	{"GOVERSION", "GOVERSION=go1.22", "1.22.12 from GOVERSION"},
	{"blank BP_GO_VERSION says nothing", "BP_GO_VERSION= \nGOVERSION=1.22", "1.22.12 from GOVERSION"},
	{"GOVERSION before everything in the app", `GOVERSION=1.19
TOOL=go1.10
-- go.work --
go 1.24
toolchain go1.24.1
-- go.mod --
// +scalingo goVersion 1.23
module m
-- .go-version --
1.22`, "1.19.13 from GOVERSION"},

	// Rank 2: the comment in go.mod.
	{"scalingo comment", "-- go.mod --\n// +scalingo goVersion go1.14.2\nmodule m\ngo 1.22", "1.14.2 from go.mod, // +scalingo goVersion"},
	{"heroku comment", "-- go.mod --\nmodule m\n// +heroku goVersion go1.14\ngo 1.22", "1.14.15 from go.mod, // +heroku goVersion"},
	{"scalingo before heroku, wherever they stand", "-- go.mod --\n// +heroku goVersion 1.14\nmodule m\n// +scalingo goVersion 1.15\n", "1.15.15 from go.mod, // +scalingo goVersion"},
	{"first scalingo line wins", "-- go.mod --\n// +scalingo goVersion 1.15\nmodule m\n// +scalingo goVersion 1.16\n", "1.15.15 from go.mod, // +scalingo goVersion"},
	{"first heroku line wins", "-- go.mod --\n// +heroku goVersion 1.15\n// +heroku goVersion 1.16\nmodule m\n", "1.15.15 from go.mod, // +heroku goVersion"},
	{"indented comment", "-- go.mod --\nmodule m\n \t // +scalingo goVersion 1.15\n", "1.15.15 from go.mod, // +scalingo goVersion"},
	{"comment without blank", "-- go.mod --\nmodule m\n//+scalingo goVersion 1.15\n", "1.15.15 from go.mod, // +scalingo goVersion"},
	{"comment with text after the version", "-- go.mod --\nmodule m\n// +scalingo goVersion 1.15.2 until the vendor is gone\n", "1.15.2 from go.mod, // +scalingo goVersion"},
	{"comment with a constraint", "-- go.mod --\nmodule m\n// +scalingo goVersion >=1.14,<1.16\n", "1.15.15 from go.mod, // +scalingo goVersion"},
	{"comment in a block", "-- go.mod --\nmodule m\nrequire (\n\t// +scalingo goVersion 1.15\n\ta.example/b v1.0.0\n)\n", "1.15.15 from go.mod, // +scalingo goVersion"},
	{"comment behind a line says nothing", "-- go.mod --\nmodule m // +scalingo goVersion 1.15\ngo 1.22\n", "1.22.12 from go.mod, go line"},
	{"comment at the end of the file", "-- go.mod --\nmodule m\n\n// +scalingo goVersion 1.15", "1.15.15 from go.mod, // +scalingo goVersion"},
	{"comment with CRLF", "CRLF=yes\n-- go.mod --\n// +scalingo goVersion 1.15\nmodule m\n", "1.15.15 from go.mod, // +scalingo goVersion"},
	{"comment of somebody else", "-- go.mod --\n// +acme goVersion 1.15\nmodule m\ngo 1.22\n", "1.22.12 from go.mod, go line"},
	{"comment before the tool's own file", "TOOL=go1.10\n-- go.mod --\n// +heroku goVersion 1.15\nmodule m\n", "1.15.15 from go.mod, // +heroku goVersion"},

	// Rank 3: the tool's own file.
	{"tool", "TOOL=go1.10\nDEFAULT=legacy", "1.10.8 from Godeps.json, GoVersion"},
	{"tool before .go-version", "TOOL=go1.10.3\n-- .go-version --\n1.22", "1.10.3 from Godeps.json, GoVersion"},

	// Rank 4: files of version managers.
	{".go-version", "-- .go-version --\n1.22.3\n", "1.22.3 from .go-version"},
	{".go-version without line end", "-- .go-version --\ngo1.22", "1.22.12 from .go-version"},
	{".go-version with comments", "-- .go-version --\n\n# ours\n  1.22.3 # until June\n1.23\n", "1.22.3 from .go-version"},
	{".go-version with CRLF", "CRLF=yes\n-- .go-version --\n1.22.3\n", "1.22.3 from .go-version"},
	{".go-version beside the app that is built", "WORKDIR=a/b\n-- a/b/.go-version --\n1.22.3\n-- .go-version --\n1.21\n", "1.22.3 from a/b/.go-version"},
	{".go-version further up", "WORKDIR=a/b\n-- a/.go-version --\n1.22.3\n-- .go-version --\n1.21\n", "1.22.3 from a/.go-version"},
	{".go-version at the root", "WORKDIR=a/b\n-- a/b/main.go --\n-- .go-version --\n1.21\n", "1.21.13 from .go-version"},
	{".go-version of comments alone is passed over", "WORKDIR=a\n-- a/.go-version --\n# none\n-- .go-version --\n1.21\n", "1.21.13 from .go-version"},
	{".go-version above the app is not ours", "APP=app\n-- .go-version --\n1.21\n-- app/go.mod --\nmodule m\ngo 1.22\n", "1.22.12 from go.mod, go line"},
	{".go-version before .tool-versions", "-- .go-version --\n1.22.3\n-- .tool-versions --\ngolang 1.21\n", "1.22.3 from .go-version"},
	{".go-version before the toolchain line", "-- .go-version --\n1.22.3\n-- go.mod --\nmodule m\ngo 1.22\ntoolchain go1.24.1\n", "1.22.3 from .go-version"},
	{".tool-versions with golang", "-- .tool-versions --\nnodejs 20.1.0\ngolang 1.22.3\n", "1.22.3 from .tool-versions"},
	{".tool-versions with go", "-- .tool-versions --\ngo 1.22.3\n", "1.22.3 from .tool-versions"},
	{".tool-versions with several versions", "-- .tool-versions --\ngolang 1.22.3 1.21.0 system\n", "1.22.3 from .tool-versions"},
	{".tool-versions with comment and CRLF", "CRLF=yes\n-- .tool-versions --\n# ours\ngolang 1.22.3 # x\n", "1.22.3 from .tool-versions"},
	{".tool-versions with system", "-- .tool-versions --\ngolang system\n-- go.mod --\nmodule m\ngo 1.21\n", "1.21.13 from go.mod, go line"},
	{".tool-versions with ref", "-- .tool-versions --\ngolang ref:master\n-- go.mod --\nmodule m\ngo 1.21\n", "1.21.13 from go.mod, go line"},
	{".tool-versions with path", "-- .tool-versions --\ngolang path:/opt/go\n-- go.mod --\nmodule m\ngo 1.21\n", "1.21.13 from go.mod, go line"},
	{".tool-versions with no version", "-- .tool-versions --\ngolang\n-- go.mod --\nmodule m\ngo 1.21\n", "1.21.13 from go.mod, go line"},
	{".tool-versions of other tools", "-- .tool-versions --\ngolangci-lint 1.60.0\nnodejs 20\n-- go.mod --\nmodule m\ngo 1.21\n", "1.21.13 from go.mod, go line"},

	// Rank 5: toolchain lines.
	{"toolchain of go.mod", "-- go.mod --\nmodule m\ngo 1.22.1\ntoolchain go1.22.4\n", "1.22.4 from go.mod, toolchain line"},
	{"toolchain of go.mod, commented and CRLF", "CRLF=yes\n-- go.mod --\nmodule m\ngo 1.22.1\ntoolchain go1.22.4 // pinned\n", "1.22.4 from go.mod, toolchain line"},
	{"toolchain without go line", "-- go.mod --\nmodule m\ntoolchain go1.22.4\n", "1.22.4 from go.mod, toolchain line"},
	{"toolchain of go.work first", "-- go.work --\ngo 1.22\ntoolchain go1.22.5\n-- go.mod --\nmodule m\ngo 1.22\ntoolchain go1.22.4\n", "1.22.5 from go.work, toolchain line"},
	{"toolchain of go.mod where go.work has none", "-- go.work --\ngo 1.22\n-- go.mod --\nmodule m\ngo 1.22\ntoolchain go1.22.4\n", "1.22.4 from go.mod, toolchain line"},
	{"toolchain with a custom suffix", "-- go.mod --\nmodule m\ngo 1.22\ntoolchain go1.22.4-acme.2\n", "1.22.4 from go.mod, toolchain line"},
	{"toolchain that equals the go line", "-- go.mod --\nmodule m\ngo 1.22.4\ntoolchain go1.22.4\n", "1.22.4 from go.mod, toolchain line"},
	{"toolchain default", "-- go.mod --\nmodule m\ngo 1.22\ntoolchain default\n", "1.22.12 from go.mod, go line"},
	{"toolchain local", "-- go.mod --\nmodule m\ngo 1.22\ntoolchain local\n", "1.22.12 from go.mod, go line"},
	{"toolchain default of go.work", "-- go.work --\ngo 1.22\ntoolchain default\n", "1.22.12 from go.work, go line"},
	{"toolchain below the go line", "-- go.mod --\nmodule m\ngo 1.22.5\ntoolchain go1.22.4\n", "1.22.12 from go.mod, go line"},
	{"toolchain of go.mod below the go line of go.work", "-- go.work --\ngo 1.23\n-- go.mod --\nmodule m\ngo 1.22\ntoolchain go1.22.4\n", "1.23.12 from go.work, go line"},
	{"toolchain with suffix below the go line", "-- go.mod --\nmodule m\ngo 1.22.5\ntoolchain go1.22.4-acme\n", "1.22.12 from go.mod, go line"},
	{"a release candidate is above its language version", "MADE_FAKE=1.21rc2\n-- go.mod --\nmodule m\ngo 1.21\ntoolchain go1.21rc2\n", "1.21rc2 from go.mod, toolchain line"},
	{"a release candidate is below its first release", "-- go.mod --\nmodule m\ngo 1.21.0\ntoolchain go1.21rc2\n", "1.21.13 from go.mod, go line"},

	// Rank 6: go lines.
	{"go line", "-- go.mod --\nmodule m\n\ngo 1.22\n", "1.22.12 from go.mod, go line"},
	{"go line with a patch takes newer patches", "-- go.mod --\nmodule m\ngo 1.22.1\n", "1.22.12 from go.mod, go line"},
	{"go line with patch zero takes newer patches", "-- go.mod --\nmodule m\ngo 1.22.0\n", "1.22.12 from go.mod, go line"},
	{"go line with a pre-release", "-- go.mod --\nmodule m\ngo 1.21rc2\n", "1.21.13 from go.mod, go line"},
	{"old go line", "-- go.mod --\nmodule m\ngo 1.12\n", "1.12.17 from go.mod, go line"},
	{"go line with comment and CRLF", "CRLF=yes\n-- go.mod --\nmodule m\ngo 1.22 // ok\n", "1.22.12 from go.mod, go line"},
	{"go line of go.work first", "-- go.work --\ngo 1.23.1\nuse ./a\n-- go.mod --\nmodule m\ngo 1.22\n", "1.23.12 from go.work, go line"},
	{"go line of go.mod where go.work has none", "-- go.work --\nuse ./a\n-- go.mod --\nmodule m\ngo 1.22\n", "1.22.12 from go.mod, go line"},
	{"go.mod with quotes, blocks and directives of the future", `-- go.mod --
module "m"
go 1.22
require (
	"a.example/b" v1.0.0 // indirect
)
frobnicate x => y
frobnicate (
	z
)
`, "1.22.12 from go.mod, go line"},
	{"toolchain line among directives of the future", "-- go.mod --\nmodule m\ngo 1.22\nfrobnicate x\ntoolchain go1.22.4\n", "1.22.4 from go.mod, toolchain line"},

	// Rank 7: defaults.
	{"default for modules", "-- go.mod --\nmodule m\n", "newest from the buildpack's default"},
	{"default for the older tools", "DEFAULT=legacy", "1.12.17 from the buildpack's default"},

	// Nonsense names its source and file.
	{"nonsense in BP_GO_VERSION", "BP_GO_VERSION=tip\n-- go.mod --\nmodule m\ngo 1.22\n", `error: BP_GO_VERSION: "tip" is not a Go version: write for example`},
	{"nonsense in GOVERSION", "GOVERSION=one", `error: GOVERSION: "one" is not a Go version`},
	{"leading zero", "BP_GO_VERSION=1.02", `error: BP_GO_VERSION: "1.02" is not a Go version`},
	{"four numbers", "BP_GO_VERSION=1.20.3.4", `error: BP_GO_VERSION: "1.20.3.4" is not a Go version`},
	{"nonsense in the comment", "-- go.mod --\nmodule m\n// +scalingo goVersion one\n", `error: go.mod, // +scalingo goVersion: "one" is not a Go version`},
	{"nonsense in the heroku comment", "-- go.mod --\nmodule m\n// +heroku goVersion one\n", `error: go.mod, // +heroku goVersion: "one" is not a Go version`},
	{"nonsense in the tool's file", "TOOL=one", `error: Godeps.json, GoVersion: "one" is not a Go version`},
	{"nonsense in .go-version", "WORKDIR=a\n-- a/.go-version --\none\n", `error: a/.go-version: "one" is not a Go version`},
	{"nonsense in .tool-versions", "-- .tool-versions --\ngolang one\n", `error: .tool-versions: "one" is not a Go version`},
	{"nonsense in the toolchain line of go.mod", "-- go.mod --\nmodule m\ntoolchain go1.x\n", `error: go.mod, toolchain line: "go1.x" is not a toolchain name: write for example toolchain go`},
	{"nonsense in the toolchain line of go.work", "-- go.work --\ngo 1.22\ntoolchain go1.x\n", `error: go.work, toolchain line: "go1.x" is not a toolchain name`},
	{"nonsense in the go line of go.mod", "-- go.mod --\nmodule m\ngo one\n", `error: go.mod:2: invalid go version 'one'`},
	{"nonsense in the go line of go.work", "-- go.work --\ngo one\n", `error: go.work:1: invalid go version 'one'`},
	{"nonsense that does not win is no error", "BP_GO_VERSION=1.22\nGOVERSION=one\nTOOL=one\n-- .go-version --\none\n-- go.mod --\n// +scalingo goVersion one\nmodule m\ntoolchain go1.x\n", "1.22.12 from BP_GO_VERSION"},
	{"development version", "BP_GO_VERSION=devel-f4b5fa4", `error: BP_GO_VERSION: "devel-f4b5fa4" is a development version, which is no release and cannot be downloaded`},
	{"development version with go prefix", "-- .go-version --\ngodevel\n", `error: .go-version: "godevel" is a development version`},
	{"broken go.mod", "-- go.mod --\nmodule m\n\nrequire (\n", `error: go.mod:4: syntax error`},
	{"broken go.mod in a directory", "WORKDIR=a\n-- a/go.mod --\nmodule m\nrequire x\n", `error: a/go.mod:2: usage: require module/path v1.2.3: correct the file, "go mod edit -fmt" checks it`},
	{"broken go.work", "-- go.work --\nuse (\n", `error: go.work:2: syntax error`},
	{"broken go.mod is an error though another source wins", "BP_GO_VERSION=1.22\n-- go.mod --\nmodule (", `error: go.mod:2: syntax error`},

	// What does not exist.
	{"1.7.2 was never released", "BP_GO_VERSION=1.7.2", "error: BP_GO_VERSION asks for Go 1.7.2, which does not exist: use one of 1.7.5, 1.7.4, 1.7.3, 1.7.1, 1.7"},
	{"a patch too far", "-- .go-version --\n1.20.99\n", "error: .go-version asks for Go 1.20.99, which does not exist, as far as this buildpack's inventory and GOPROXY tell: use one of 1.20.14, 1.20.13, 1.20.12, 1.20.11, 1.20.10"},
	{"a major too far", "BP_GO_VERSION=2\nKNOWN=<1.25", "error: BP_GO_VERSION asks for Go 2, but no such version exists for linux/amd64: use one of 1.24.13, "},
	{"a release of a major too far", "BP_GO_VERSION=2.1.0\nKNOWN=<1.25", "error: BP_GO_VERSION asks for Go 2.1.0, which does not exist: use one of 1.24.13, 1.24.12, 1.24.11, 1.24.10, 1.24.9"},
	{"a minor too far", "-- go.mod --\nmodule m\ngo 1.99\n", "error: go.mod, go line asks for Go 1.99, but no such version exists for linux/amd64: use one of "},
	{"go line with a patch too far", "-- go.mod --\nmodule m\ngo 1.20.15\n", "error: go.mod, go line asks for Go 1.20.15, but no such version exists for linux/amd64: use one of 1.20.14, 1.20.13, 1.20.12, 1.20.11, 1.20.10"},
	{"toolchain that does not exist", "-- go.mod --\nmodule m\ntoolchain go1.22.99\n", "error: go.mod, toolchain line asks for Go 1.22.99, which does not exist, as far as this buildpack's inventory and GOPROXY tell: use one of 1.22.12, "},
	{"empty range", "BP_GO_VERSION=>1.22, <1.21", "error: BP_GO_VERSION asks for Go >1.22, <1.21, but no such version exists for linux/amd64: use one of "},
	{"range below the first release", "BP_GO_VERSION=<1.0", "error: BP_GO_VERSION asks for Go <1.0, but no such version exists for linux/amd64: use one of 1.1, 1.0.3, 1.0.2, 1.0.1, 1.0"},

	// Architectures.
	{"arm64", "ARCH=arm64\nBP_GO_VERSION=1.24", "1.24.13 from BP_GO_VERSION"},
	{"newest for arm64", "ARCH=arm64\nBP_GO_VERSION=latest", "newest from BP_GO_VERSION"},
	{"arm64 starts with 1.8.5", "ARCH=arm64\nBP_GO_VERSION=1.8.5", "1.8.5 from BP_GO_VERSION"},
	{"arm64 lacks 1.6", "ARCH=arm64\nBP_GO_VERSION=1.6.4", "error: BP_GO_VERSION asks for Go 1.6.4, which upstream never made for linux/arm64: use one of "},
	{"arm64 lacks the whole line of 1.6", "ARCH=arm64\nBP_GO_VERSION=1.6", "error: BP_GO_VERSION asks for Go 1.6, but no such version exists for linux/arm64: use one of "},
	{"arm64 lacks 1.8.4", "ARCH=arm64\nBP_GO_VERSION=1.8.4", "error: BP_GO_VERSION asks for Go 1.8.4, which upstream never made for linux/arm64: use one of 1.9.1, 1.9, 1.8.7, 1.8.6, 1.8.5"},
	{"the newest patch is that of the architecture", "ARCH=arm64\nKNOWN=<=1.24.12\nBP_GO_VERSION=1.24\nKNOWN_AMD64=1.24.13", "1.24.12 from BP_GO_VERSION"},
	{"a release known for amd64 alone may be there for arm64 too", "ARCH=arm64\nKNOWN=<=1.24.12\nKNOWN_AMD64=1.24.13\nBP_GO_VERSION=1.24.13\nMADE_FAKE=1.24.13", "1.24.13 from BP_GO_VERSION"},
	{"an unknown architecture", "ARCH=s390x\nBP_GO_VERSION=1.24", "error: BP_GO_VERSION asks for Go 1.24: upstream makes no Go for linux/s390x that this buildpack knows"},

	// Newer than the inventory, which these cases cut off after 1.24.13.
	{"newer exact", "KNOWN=<1.25\nBP_GO_VERSION=1.25.3\nMADE_FAKE=1.25.0 1.25.3", "1.25.3 from BP_GO_VERSION"},
	{"newer toolchain line", "KNOWN=<1.25\nMADE_FAKE=1.25.0 1.25.3\n-- go.mod --\nmodule m\ngo 1.25.0\ntoolchain go1.25.3\n", "1.25.3 from go.mod, toolchain line"},
	{"newer minor", "KNOWN=<1.25\nBP_GO_VERSION=1.25\nMADE_FAKE=1.25.0 1.25.1 1.25.2", "1.25.2 from BP_GO_VERSION"},
	{"newer go line", "KNOWN=<1.25\nMADE_FAKE=1.25.0 1.25.1 1.25.2\n-- go.mod --\nmodule m\ngo 1.25.1\n", "1.25.2 from go.mod, go line"},
	{"newer minor, two ahead", "KNOWN=<1.25\nBP_GO_VERSION=1.26\nMADE_FAKE=1.25.0 1.26.0 1.26.1", "1.26.1 from BP_GO_VERSION"},
	{"newer range takes the newest of all minors", "KNOWN=<1.25\nBP_GO_VERSION=>=1.25\nMADE_FAKE=1.25.0 1.25.1 1.26.0 1.26.1 1.27.0", "1.27.0 from BP_GO_VERSION"},
	{"newer range with an end", "KNOWN=<1.25\nBP_GO_VERSION=>=1.25, <1.26\nMADE_FAKE=1.25.0 1.25.1 1.26.0", "1.25.1 from BP_GO_VERSION"},
	{"newer range that starts within a line", "KNOWN=<1.25\nBP_GO_VERSION=~1.25.2\nMADE_FAKE=1.25.0 1.25.1 1.25.2 1.25.3", "1.25.3 from BP_GO_VERSION"},
	{"newer patch of a known minor", "KNOWN=<1.25\nBP_GO_VERSION=1.24.15\nMADE_FAKE=1.24.14 1.24.15", "1.24.15 from BP_GO_VERSION"},
	{"go line with a newer patch of a known minor", "KNOWN=<1.25\nMADE_FAKE=1.24.14 1.24.15\n-- go.mod --\nmodule m\ngo 1.24.14\n", "1.24.15 from go.mod, go line"},
	{"go line with a newer patch of the minor before", "KNOWN=<1.25\nMADE_FAKE=1.23.13\n-- go.mod --\nmodule m\ngo 1.23.13\n", "1.23.13 from go.mod, go line"},
	{"what the inventory can satisfy is not looked up", "KNOWN=<1.25\nBP_GO_VERSION=latest\nLOOKUP_FAKE=must not be asked", "1.24.13 from BP_GO_VERSION"},
	{"newer exact that is not there", "KNOWN=<1.25\nBP_GO_VERSION=1.25.7\nMADE_FAKE=1.25.0", "error: BP_GO_VERSION asks for Go 1.25.7, which does not exist, as far as this buildpack's inventory and GOPROXY tell: use one of 1.24.13, 1.24.12, 1.24.11, 1.24.10, 1.24.9"},
	{"newer minor that is not there", "KNOWN=<1.25\nBP_GO_VERSION=1.26\nMADE_FAKE=1.25.0", "error: BP_GO_VERSION asks for Go 1.26, but no such version exists for linux/amd64: use one of 1.24.13, "},
	{"newer exact that cannot be looked up", "KNOWN=<1.25\nBP_GO_VERSION=1.25.3\nLOOKUP_FAKE=connection refused", "error: BP_GO_VERSION asks for Go 1.25.3, which this buildpack's inventory lacks and which could not be looked up: connection refused"},
	{"newer minor with GOPROXY=off", "KNOWN=<1.25\nBP_GO_VERSION=1.25\nLOOKUP_FAKE=module lookup disabled by GOPROXY=off", "error: BP_GO_VERSION asks for Go 1.25, which this buildpack's inventory lacks and which could not be looked up: module lookup disabled by GOPROXY=off"},
	{"pre-release that cannot be looked up", "BP_GO_VERSION=1.27rc1\nLOOKUP_FAKE=connection refused", "error: BP_GO_VERSION asks for Go 1.27rc1, which this buildpack's inventory lacks and which could not be looked up: connection refused"},

	// Two that ask.
	{"range and range", "BP_GO_VERSION=>=1.21\nREQUIRED=<1.23", "1.22.12 from BP_GO_VERSION"},
	{"minor and range", "BP_GO_VERSION=1.22\nREQUIRED=<=1.22.5", "1.22.5 from BP_GO_VERSION"},
	{"range and exact", "BP_GO_VERSION=>=1.21\nREQUIRED=1.22.3", "1.22.3 from BP_GO_VERSION"},
	{"exact and range", "BP_GO_VERSION=1.22.3\nREQUIRED=>=1.21", "1.22.3 from BP_GO_VERSION"},
	{"exact and the same exact", "BP_GO_VERSION=1.22.3\nREQUIRED=go1.22.3", "1.22.3 from BP_GO_VERSION"},
	{"two exact ones", "BP_GO_VERSION=1.22.3\nREQUIRED=1.22.4", "error: BP_GO_VERSION asks for Go 1.22.3 and another buildpack for 1.22.4: no version satisfies all of them"},
	{"exact outside of the range", "BP_GO_VERSION=1.22.3\nREQUIRED=>=1.23", "error: BP_GO_VERSION asks for Go 1.22.3 and another buildpack for >=1.23: no version satisfies all of them"},
	{"ranges that do not meet", "BP_GO_VERSION=1.22\nREQUIRED=>=1.23", "error: BP_GO_VERSION asks for Go 1.22 and another buildpack for >=1.23: no version satisfies all of them"},
	{"nonsense in the other", "BP_GO_VERSION=1.22\nREQUIRED=one", `error: another buildpack: "one" is not a Go version`},
}

func TestWhichGo(t *testing.T) {
	for _, test := range versionTests {
		t.Run(test.name, func(t *testing.T) {
			app := readApp(t, test.app)
			got := "error: "
			resolution, err := app.resolve(t)
			if err != nil {
				got += strings.TrimSpace(err.Error())
			} else {
				got = resolution.Release.Version.String() + " from " + resolution.Source.Name
				if resolution.Release.Arch != app.arch {
					t.Errorf("got a release for %q", resolution.Release.Arch)
				}
			}
			want := newestIn(test.want, app.arch)
			if strings.HasPrefix(want, "error: ") {
				if !strings.HasPrefix(got, want) {
					t.Errorf("\n got %s\nwant %s", got, want)
				}
			} else if got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestResolveFindsTheReleaseOfTheInventory(t *testing.T) {
	app := readApp(t, "BP_GO_VERSION=1.20.14")
	got, err := app.resolve(t)
	if err != nil {
		t.Fatal(err)
	}
	r := got.Release
	if r.Algorithm != "sha256" || len(r.Digest) != 64 || !strings.HasSuffix(r.URI, "/go1.20.14.linux-amd64.tar.gz") || r.EndOfLife.IsZero() {
		t.Errorf("%+v", r)
	}
}

func TestResolveLeavesOutWhatIsUnknownOfANewRelease(t *testing.T) {
	app := readApp(t, "KNOWN=<1.25\nBP_GO_VERSION=1.25.3\nMADE_FAKE=1.25.3")
	got, err := app.resolve(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Release{Version: MustParseVersion("1.25.3"), Arch: "amd64"}, got.Release); diff != "" {
		t.Error(diff)
	}
}

func TestResolveAsksOnlyForWhatMayExist(t *testing.T) {
	tests := []struct{ name, app, asked string }{
		{"known", "BP_GO_VERSION=1.24.13", ""},
		{"gap among old releases", "BP_GO_VERSION=1.7.2", ""},
		{"never made for the architecture", "ARCH=arm64\nBP_GO_VERSION=1.6.4", ""},
		{"exact", "KNOWN=<1.25\nBP_GO_VERSION=1.25.3", "1.25.3"},
		{"pre-release", "BP_GO_VERSION=1.25rc1", "1.25rc1"},
		{"minor", "KNOWN=<1.25\nBP_GO_VERSION=1.25\nMADE_FAKE=1.25.0 1.25.1", "1.25.0 1.25.1 1.25.2"},
		{"minor that is not there", "KNOWN=<1.25\nBP_GO_VERSION=1.26", "1.26.0"},
		{"range", "KNOWN=<1.25\nBP_GO_VERSION=>=1.25\nMADE_FAKE=1.25.0", "1.25.0 1.25.1 1.26.0"},
		{"patch of a known minor", "KNOWN=<1.25\nBP_GO_VERSION=~1.24.14\nMADE_FAKE=1.24.14", "1.24.14 1.24.15"},
		{"old minor that gets no patches any more", "BP_GO_VERSION=~1.20.15", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := readApp(t, test.app)
			_, _ = app.resolve(t)
			if diff := cmp.Diff(test.asked, strings.Join(app.asked, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolveEndsWhereTheServerHasJustEverything(t *testing.T) {
	app := readApp(t, "KNOWN=<1.25\nBP_GO_VERSION=>=1.25")
	sources, err := Sources(app.in)
	if err != nil {
		t.Fatal(err)
	}
	everythingFake := func(context.Context, Version, string) (bool, error) { return true, nil }
	if _, err := Resolve(t.Context(), app.inventory, "amd64", sources, nil, everythingFake); err != nil {
		t.Error(err)
	}
}

// versionApp is one app of the table, on disk.
type versionApp struct {
	in        Inputs
	arch      string
	inventory Inventory
	required  []Source
	lookup    Lookup
	// asked are the versions that were looked up.
	asked []string
}

func (a *versionApp) resolve(t *testing.T) (Resolution, error) {
	t.Helper()
	sources, err := Sources(a.in)
	if err != nil {
		return Resolution{}, err
	}
	return Resolve(t.Context(), a.inventory, a.arch, sources, a.required, a.lookup)
}

func readApp(t *testing.T, text string) *versionApp {
	t.Helper()
	archive := txtar.Parse([]byte(text))
	settings := map[string]string{"ARCH": "amd64", "DEFAULT": "modules"}
	for line := range strings.Lines(string(archive.Comment)) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			t.Fatalf("no setting: %q", line)
		}
		settings[name] = value
	}
	top := t.TempDir()
	app := &versionApp{arch: settings["ARCH"], inventory: realInventory(t)}
	for _, f := range archive.Files {
		data := f.Data
		if settings["CRLF"] != "" {
			data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
		}
		file := filepath.Join(top, f.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(top, settings["APP"])
	app.in = Inputs{
		BPGoVersion: settings["BP_GO_VERSION"], GoVersion: settings["GOVERSION"],
		AppDir: dir, WorkDir: filepath.Join(dir, settings["WORKDIR"]), Default: realDefault(t, settings["DEFAULT"]),
	}
	if file := filepath.Join(app.in.WorkDir, "go.mod"); exists(file) {
		app.in.GoMod = file
	}
	if file := filepath.Join(dir, "go.work"); exists(file) {
		app.in.GoWork = file
	}
	source := func(name, text string) Source {
		spec, err := ParseSpec(text)
		return Source{Name: name, Text: text, Spec: spec, Err: err}
	}
	if text := settings["TOOL"]; text != "" {
		tool := source("Godeps.json, GoVersion", text)
		app.in.Tool = &tool
	}
	if text := settings["REQUIRED"]; text != "" {
		app.required = append(app.required, source("another buildpack", text))
	}
	if text := settings["KNOWN"]; text != "" {
		app.inventory = cutDown(t, app.inventory, text, settings["KNOWN_AMD64"])
	}
	madeFake := strings.Fields(settings["MADE_FAKE"])
	app.lookup = func(_ context.Context, v Version, arch string) (bool, error) {
		app.asked = append(app.asked, v.String())
		if arch != app.arch {
			t.Errorf("looked up for %s", arch)
		}
		if text := settings["LOOKUP_FAKE"]; text != "" {
			return false, errors.New(text)
		}
		return slices.Contains(madeFake, v.String()), nil
	}
	return app
}

// cutDown leaves of inv the releases that the constraint allows, and for amd64 one more.
func cutDown(t *testing.T, inv Inventory, constraint, amd64 string) Inventory {
	t.Helper()
	spec, err := ParseSpec(constraint)
	if err != nil {
		t.Fatal(err)
	}
	inv.releases = slices.DeleteFunc(slices.Clone(inv.releases), func(r Release) bool {
		return !spec.Allows(r.Version) && (r.Arch != "amd64" || r.Version.String() != amd64)
	})
	return inv
}

var buildpack = sync.OnceValues(func() (map[string]any, error) {
	var table struct{ Metadata map[string]any }
	_, err := toml.DecodeFile(filepath.Join("..", "..", "buildpack.toml"), &table)
	return table.Metadata, err
})

func realMetadata(t testing.TB) map[string]any {
	t.Helper()
	metadata, err := buildpack()
	if err != nil {
		t.Fatal(err)
	}
	return metadata
}

var inventory = sync.OnceValues(func() (Inventory, error) {
	metadata, err := buildpack()
	if err != nil {
		return Inventory{}, err
	}
	return ReadInventory(metadata)
})

func realInventory(t testing.TB) Inventory {
	t.Helper()
	inv, err := inventory()
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func realDefault(t testing.TB, kind string) string {
	t.Helper()
	versions, _ := realMetadata(t)["default-versions"].(map[string]any)
	version, _ := versions[kind].(string)
	if version == "" {
		t.Fatalf("no default for %s", kind)
	}
	return version
}

// newestIn replaces "newest" and "newest-1.N" by what buildpack.toml has, found without the code under test.
func newestIn(want, arch string) string {
	word, rest, _ := strings.Cut(want, " ")
	line, ok := strings.CutPrefix(word, "newest")
	if !ok {
		return want
	}
	metadata, _ := buildpack()
	minor, patch := -1, -1
	for _, d := range metadata["dependencies"].([]map[string]any) {
		var m, p int
		if n, _ := fmt.Sscanf(fmt.Sprint(d["version"]), "1.%d.%d", &m, &p); n < 2 || d["arch"] != arch {
			continue
		}
		if line != "" && line != fmt.Sprintf("-1.%d", m) {
			continue
		}
		if m > minor || m == minor && p > patch {
			minor, patch = m, p
		}
	}
	return fmt.Sprintf("1.%d.%d %s", minor, patch, rest)
}
