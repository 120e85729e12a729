package compile

import (
	"fmt"
	"regexp"
	"strings"
)

// explanation turns a complaint of the go command into what to do about it.
type explanation struct {
	pattern *regexp.Regexp
	// advice may use $1, $2 for the pattern's groups and "Go GO" for the version that builds.
	advice string
}

// missingPackage matches what the go command says in a GOPATH of an import that leads nowhere.
var missingPackage = regexp.MustCompile(`cannot find package "([^"]+)" in any of|import "([^"]+)": cannot find package`)

// explanations are the complaints that deploys end with most often, the most telling first.
var explanations = []explanation{
	{regexp.MustCompile(`(?m)module (?:\./)?(\S+) listed in go\.work(?: file)? requires go >= (\S+), but go\.work lists go (\S+?);?(?: |$)`),
		"go.work lists go $3, but its module $1 needs go $2: run \"go work use\" and commit go.work"},
	{regexp.MustCompile(`(?m)go\.(mod|work) requires go >= (\S+) \(running go (\S+?)[;)]`),
		"go.$1 needs Go $2 or newer, but Go GO was chosen: change what asks for Go GO, or the go line of go.$1"},
	{regexp.MustCompile(`(?m)(\S+@\S+?)(?: in \S+)? requires go >= (\S+) \(running go`),
		"the dependency $1 needs Go $2 or newer, but Go GO builds this app: raise the go line in go.mod to $2 (\"go get go@$2\"), or use an older version of the dependency"},
	{regexp.MustCompile(`(?m)note: module requires Go (\S+)`),
		"a module needs Go $1 or newer, but Go GO builds this app: ask for a newer Go"},
	{regexp.MustCompile(`invalid go version '([^']+)': must match`),
		"the go line says $1, a form that Go GO does not read: ask for Go 1.21 or newer"},
	{regexp.MustCompile(`unknown directive: toolchain`),
		"the toolchain line is not known to Go GO: ask for Go 1.21 or newer"},
	{regexp.MustCompile(`missing go\.sum entry|updates to go\.(?:mod|sum) needed|go: updates to go\.work\.sum needed`),
		"go.mod and go.sum do not cover what the app imports: run \"go mod tidy\" and commit both files"},
	{regexp.MustCompile(`(?:no required module provides package (\S+?)[;:]|cannot find module providing package (\S+?): import lookup disabled by -mod=readonly)`),
		"go.mod names no module with the package $1$2: run \"go mod tidy\" and commit go.mod and go.sum"},
	{regexp.MustCompile(`inconsistent vendoring`),
		"vendor/ was not written for this go.mod: run \"go mod vendor\" (\"go work vendor\" in a workspace) and commit vendor/, or remove vendor/"},
	{regexp.MustCompile(`cannot find module providing package (\S+?):? (?:import lookup disabled by -mod=vendor|in vendor)`),
		"vendor/ lacks the package $1: run \"go mod vendor\" and commit vendor/"},
	{regexp.MustCompile(`replacement directory (\S+) does not exist`),
		"go.mod replaces a module by the directory $1, which is not in what was uploaded: build from the directory above with BP_GO_WORKDIR, or remove the replace line"},
	{regexp.MustCompile(`missing Git command|exec: "git": executable file not found|no secure protocol found for repository`),
		"a module has to be fetched with git, which the build image lacks: use a build image with git, or a module proxy (GOPROXY)"},
	{regexp.MustCompile(`checksum mismatch`),
		"a module is not what go.sum says it was: if you trust the new content, run \"go clean -modcache\" and \"go mod tidy\" at home and commit go.sum"},
	{regexp.MustCompile(`module lookup disabled by GOPROXY=off`),
		"GOPROXY=off forbids downloads: commit vendor/ (\"go mod vendor\"), or change GOPROXY"},
	{regexp.MustCompile(`contained in a module that is not one of the workspace modules|does not contain (?:main module|modules listed in go\.work)`),
		"go.work does not use the directory that is built: run \"go work use DIR\" and commit go.work, or set GOWORK=off"},
	{regexp.MustCompile(`could not read Username|terminal prompts disabled|Authentication failed|Permission denied \(publickey|Host key verification failed|401 Unauthorized|403 Forbidden`),
		"a module's server wants credentials that the build does not have"},
	{regexp.MustCompile(`(?:unrecognized import path|reading) \S+.*(?:404 Not Found|410 Gone)|unknown revision`),
		"a module or version does not exist where it was looked for: check its name and version in go.mod, and GOPROXY and GOPRIVATE for private modules"},
	{regexp.MustCompile(`dial tcp|no such host|i/o timeout|connection refused`),
		"a module's server could not be reached: check the network of the build and GOPROXY"},
	{regexp.MustCompile(`x509: |certificate signed by unknown authority`),
		"a server's certificate is not trusted in the build: add the certificate authority to the build image"},
	{regexp.MustCompile(`package (\S+) is not in (?:std|GOROOT)\b`),
		"$1 is no directory of the app and no package of the standard library: check the name"},
	{regexp.MustCompile(`cannot find package "\." in`),
		"a package that was named does not exist: name directories of the app as ./DIR in BP_GO_TARGETS"},
	{missingPackage,
		"the package $1$2 is not there: add a go.mod (\"go mod init\", \"go mod tidy\"), or commit vendor/"},
	{regexp.MustCompile(`no space left on device`),
		"the disk of the build is full"},
}

// Error is a failed go command with advice.
type Error struct {
	// Err is what failed.
	Err error
	// Advice says what to do, "" when the go command's own text must do.
	Advice string
}

func (e *Error) Error() string {
	if e.Advice == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s\n%s", e.Err, e.Advice)
}

func (e *Error) Unwrap() error { return e.Err }

// explain adds advice to an error, judged by what the go command printed.
func (j Job) explain(err error, output string) *Error {
	if j.Explain != nil {
		if advice := j.Explain(output); advice != "" {
			return &Error{Err: err, Advice: advice}
		}
	}
	for _, e := range explanations {
		match := e.pattern.FindStringSubmatchIndex(output)
		if match == nil {
			continue
		}
		if j.Missing != "" && e.pattern == missingPackage {
			return &Error{Err: err, Advice: j.Missing}
		}
		advice := string(e.pattern.ExpandString(nil, e.advice, output, match))
		return &Error{Err: err, Advice: strings.ReplaceAll(advice, "Go GO", "Go "+j.Go.Version.String())}
	}
	return &Error{Err: err}
}
