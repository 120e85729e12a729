package golang

import (
	"bytes"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2/effect"
	"golang.org/x/mod/module"

	"github.com/Scalingo/go-cnb/go/compile"
	"github.com/Scalingo/go-cnb/go/private"
)

// AnswersCredentials tells whether the buildpack's program was started by git or
// by the go command, to say a login, and not by the lifecycle.
func AnswersCredentials(args []string) bool {
	return len(args) > 1 && slices.Contains([]string{private.GitCredential, private.GoAuth}, args[1])
}

// AnswerCredentials says a login to the git or the go command that started this
// program: args and environ are the program's, in and out its standard input and output.
func AnswerCredentials(args, environ []string, in io.Reader, out io.Writer) error {
	env := variables(environ)
	bindings, err := libcnb.NewBindings(env[libcnb.EnvPlatformDirectory])
	if err != nil {
		return err
	}
	access, err := private.Read(env, bindings)
	if err != nil {
		return err
	}
	word := ""
	if len(args) > 2 {
		word = args[2]
	}
	if args[1] == private.GoAuth {
		logins := access.Credentials
		if !private.WantsLogin(in) {
			logins = logins.Named()
		}
		return logins.ServeGo(word, out)
	}
	return access.Credentials.ServeGit(word, in, out)
}

// giveAccess lets all that the build starts reach what is private.
func (b *build) giveAccess() error {
	vars, said, err := b.access.Environment(private.Setup{
		Env: b.settings.Env, Program: filepath.Join(b.context.Buildpack.Path, "bin", "main"), PlatformDir: b.context.Platform.Path,
		Dir: b.accessDir(), DefaultProxy: b.settings.DefaultProxy, Exec: b.exec,
	})
	if err != nil {
		return err
	}
	maps.Copy(b.settings.Env, vars)
	if len(b.access.Used) > 0 {
		b.Header("Private access")
	}
	if b.access.Proxy != "" && b.settings.Env["GOPROXY"] != b.access.Proxy {
		said = append(said, "The module proxy of the binding is not used: GOPROXY is set")
	}
	for _, line := range slices.Concat(b.access.Used, said) {
		b.Body(line)
	}
	for _, warning := range b.access.Warnings {
		b.warn("%s", warning)
	}
	return nil
}

// refused adds to an error what to do about it where it is about access, judged
// by the error's own text.
func (p *project) refused(err error) error {
	if err == nil {
		return nil
	}
	if advice := p.explain(err.Error()); advice != "" {
		return &compile.Error{Err: err, Advice: advice}
	}
	return err
}

// noProtocol matches how the go command says that git could not read a repository
// whose import path ends in .git: it neither says why, nor always which.
var noProtocol = regexp.MustCompile(`no (?:secure )?protocol found for repository`)

// mostAsked is how many repositories git is asked for to explain a failure.
const mostAsked = 8

// dotGit matches the import path of a repository that ends in .git.
var dotGit = regexp.MustCompile(`[\w-]+(?:\.[\w-]+)+/[\w./~-]*?\.git\b`)

// explain says what to do about what git or the go command printed, "" when it is not about access.
func (p *project) explain(output string) string {
	if noProtocol.MatchString(output) {
		var asked []string
		for _, repository := range append(dotGit.FindAllString(output, -1), p.app.modules.Requirements()...) {
			repository = dotGit.FindString(repository)
			if repository == "" || slices.Contains(asked, repository) {
				continue
			}
			if asked = append(asked, repository); len(asked) > mostAsked {
				break
			}
			if said := p.askGit(repository); said != "" {
				p.build.Bodyf("git ls-remote %s: %s", repository, said)
				if advice := p.build.access.Explain(said); advice != "" {
					return advice
				}
			}
		}
	}
	return p.build.access.Explain(output)
}

// askGit asks git for a repository as the go command does, and returns what it complains of, "" where all is well.
func (p *project) askGit(repository string) string {
	schemes := []string{"https"}
	if module.MatchPrefixPatterns(p.build.settings.Env["GOINSECURE"], repository) {
		schemes = append(schemes, "http")
	}
	complaint := ""
	for _, scheme := range schemes {
		var text bytes.Buffer
		err := p.build.exec.Execute(effect.Execution{
			Command: "git", Args: []string{"ls-remote", "--quiet", scheme + "://" + repository, "HEAD"}, Dir: p.build.scratch,
			Env: slices.Concat(p.job.Env, []string{"GIT_HTTP_LOW_SPEED_LIMIT=1", "GIT_HTTP_LOW_SPEED_TIME=20"}), Stdout: io.Discard, Stderr: &text,
		})
		if err == nil {
			return ""
		}
		complaint = strings.TrimSpace(text.String())
	}
	return complaint
}
