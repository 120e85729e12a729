package private

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/paketo-buildpacks/libpak/v2/effect"
	"golang.org/x/mod/module"
	"mvdan.cc/sh/v3/syntax"
)

// Setup is what the environment of child processes depends on.
type Setup struct {
	// Env is the environment of the build, the user's own settings among them.
	Env map[string]string
	// Program is the buildpack's own program, which answers git and the go command.
	Program string
	// PlatformDir is where the program finds the bindings again.
	PlatformDir string
	// Dir is a directory that goes with the build, for files that other programs have to read.
	Dir string
	// DefaultProxy tells that modules are asked of the go command's default proxy, which is public.
	DefaultProxy bool
	// Exec runs git.
	Exec effect.Executor
}

// publicForges are the hosts on which a login does not make everything private.
var publicForges = []string{
	"github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "gitea.com", "gitee.com", "git.sr.ht", "dev.azure.com",
}

// Environment returns the variables that give child processes access, to be
// added to those of the build, and what to tell the user of them, a line each.
// No value holds a secret: programs are told whom to ask.
func (a Access) Environment(s Setup) (vars map[string]string, said []string, err error) {
	vars = map[string]string{}
	if s.Env["GIT_TERMINAL_PROMPT"] == "" {
		vars["GIT_TERMINAL_PROMPT"] = "0" // nobody is there to answer
	}
	if a.empty() {
		return vars, nil, nil
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, nil, err
	}
	git := a.gitSettings(s)
	if a.ssh != nil {
		over, err := a.overSSH(s, vars)
		if err != nil {
			return nil, nil, err
		}
		git = append(git, over...)
		if over == nil {
			said = append(said, fmt.Sprintf("The key of %s is not used: GIT_SSH_COMMAND or GIT_SSH is set", a.ssh.from))
		}
	}
	if err := s.tellGit(git, vars); err != nil {
		return nil, nil, err
	}
	if len(a.Credentials) > 0 {
		vars["CNB_PLATFORM_DIR"] = s.PlatformDir
		vars["GOAUTH"] = s.goauth()
	}
	if err := a.trustCertificates(s, vars); err != nil {
		return nil, nil, err
	}
	return vars, append(said, a.keepNamesPrivate(s, vars)...), nil
}

func (a Access) empty() bool {
	return len(a.Credentials) == 0 && a.ssh == nil && len(a.certificates) == 0
}

// gitSetting is a line of git's configuration.
type gitSetting struct{ key, value string }

// gitSettings make git ask the buildpack's program for logins, for those of a host
// if possible, and nobody else: helpers that git knows from elsewhere would be told the login too, to store it.
func (a Access) gitSettings(s Setup) []gitSetting {
	if len(a.Credentials) == 0 {
		return nil
	}
	helper := "!" + shellWord(s.Program) + " " + GitCredential
	var general, byHost []gitSetting
	seen := map[string]bool{}
	for _, c := range a.Credentials {
		if c.Host == "" || c.AnyPort {
			general = []gitSetting{{"credential.helper", ""}, {"credential.helper", helper}}
		}
		server := c.Protocol + "://" + c.Host
		if c.Host != "" && !seen[server] {
			seen[server] = true
			byHost = append(byHost, gitSetting{"credential." + server + ".helper", ""}, gitSetting{"credential." + server + ".helper", helper})
		}
		if c.Host != "" && c.Path != "" && !seen[server+"/"] {
			seen[server+"/"] = true
			byHost = append(byHost, gitSetting{"credential." + server + ".useHttpPath", "true"})
		}
	}
	// git passes over what is for all hosts once it has read what is for one.
	return append(general, byHost...)
}

// shellWord quotes a path for the shell that git starts.
func shellWord(file string) string {
	quoted, err := syntax.Quote(file, syntax.LangPOSIX)
	if err != nil { // characters that only other shells can say in quotes
		return "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
	}
	return quoted
}

// overSSH makes git reach the hosts of the key by ssh; nil where the user's own settings say how.
func (a Access) overSSH(s Setup, vars map[string]string) ([]gitSetting, error) {
	if s.Env["GIT_SSH_COMMAND"] != "" || s.Env["GIT_SSH"] != "" {
		return nil, nil
	}
	command, err := a.ssh.command(s.Dir, shellWord)
	if err != nil {
		return nil, err
	}
	vars["GIT_SSH_COMMAND"] = command
	settings := []gitSetting{}
	for _, host := range a.ssh.hosts {
		name, _, _ := strings.Cut(host, ":")
		if a.hasLogin(name) {
			continue // the user gave a login for https too: that needs no other way
		}
		settings = append(settings, gitSetting{"url.ssh://git@" + host + "/.insteadOf", "https://" + name + "/"})
	}
	return settings, nil
}

// gitVersion matches what "git --version" says.
var gitVersion = regexp.MustCompile(`git version (\d+\.\d+(?:\.\d+)?)`)

// knowsVariables is the first git that takes its settings from variables.
var knowsVariables = semver.MustParse("2.31.0")

// tellGit puts settings into variables for git, behind the user's own there. An
// older git reads them from a file that goes with the build.
func (s Setup) tellGit(settings []gitSetting, vars map[string]string) error {
	if len(settings) == 0 {
		return nil
	}
	if s.oldGit() {
		return s.writeGitConfig(settings, vars)
	}
	n, err := strconv.Atoi(s.Env["GIT_CONFIG_COUNT"])
	if err != nil || n < 0 {
		n = 0
	}
	for _, setting := range settings {
		vars[fmt.Sprintf("GIT_CONFIG_KEY_%d", n)], vars[fmt.Sprintf("GIT_CONFIG_VALUE_%d", n)] = setting.key, setting.value
		n++
	}
	vars["GIT_CONFIG_COUNT"] = strconv.Itoa(n)
	return nil
}

func (s Setup) git(args ...string) (string, error) {
	var out bytes.Buffer
	err := s.Exec.Execute(effect.Execution{
		Command: "git", Args: args, Dir: s.Dir, Env: s.gitEnv(), Stdout: &out, Stderr: io.Discard,
	})
	return out.String(), err
}

// gitEnv is the user's environment for git.
func (s Setup) gitEnv() []string {
	env := []string{"LC_ALL=C"}
	for name, value := range s.Env {
		if strings.HasPrefix(name, "GIT_CONFIG") || slices.Contains([]string{"PATH", "HOME", "XDG_CONFIG_HOME"}, name) {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// oldGit tells whether git is there and too old for variables.
func (s Setup) oldGit() bool {
	out, err := s.git("--version")
	match := gitVersion.FindStringSubmatch(out)
	if err != nil || match == nil {
		return false // without git there is nobody to tell
	}
	version, err := semver.NewVersion(match[1])
	return err == nil && version.LessThan(knowsVariables)
}

// writeGitConfig makes a directory for XDG_CONFIG_HOME with the settings, and with what the user's own says.
func (s Setup) writeGitConfig(settings []gitSetting, vars map[string]string) error {
	file := filepath.Join(s.Dir, "git", "config")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	users := s.Env["XDG_CONFIG_HOME"]
	if users == "" {
		users = filepath.Join(s.Env["HOME"], ".config")
	}
	own := filepath.Join(users, "git", "config")
	if _, err := os.Stat(own); err == nil {
		settings = append([]gitSetting{{"include.path", own}}, settings...)
	}
	for _, setting := range settings {
		if _, err := s.git("config", "--file", file, "--add", setting.key, setting.value); err != nil {
			return fmt.Errorf("git cannot be told where logins are: git config: %w", err)
		}
	}
	vars["XDG_CONFIG_HOME"] = s.Dir
	return nil
}

// goauth is the value of GOAUTH: the buildpack's program, then what the user says
// there, or what the go command does without it.
func (s Setup) goauth() string {
	ours := quoteForGo(s.Program) + " " + GoAuth
	switch users := strings.Trim(s.Env["GOAUTH"], "; \t"); users {
	case "":
		return ours + "; netrc"
	case "off":
		return ours
	default:
		return ours + "; " + users
	}
}

// quoteForGo quotes a path as the go command reads lists of arguments: in either
// kind of quotes, and without a way to escape one.
func quoteForGo(file string) string {
	switch {
	case !strings.ContainsAny(file, " \t\n'\""):
		return file
	case !strings.Contains(file, "'"):
		return "'" + file + "'"
	default:
		return `"` + file + `"`
	}
}

// trustCertificates makes child processes trust the bindings' authorities.
func (a Access) trustCertificates(s Setup, vars map[string]string) error {
	if len(a.certificates) == 0 {
		return nil
	}
	file, err := a.bundle(s.Dir, "certificates.pem", s.Env["SSL_CERT_FILE"])
	if err != nil {
		return err
	}
	vars["SSL_CERT_FILE"], vars["GIT_SSL_CAINFO"] = file, file
	users := s.Env["GIT_SSL_CAINFO"]
	if users == "" {
		users, _ = s.git("config", "--get", "--path", "http.sslCAInfo") // which the variable would override
		users = strings.TrimSpace(users)
	}
	if users != "" {
		vars["GIT_SSL_CAINFO"], err = a.bundle(s.Dir, "git-certificates.pem", users)
	}
	return err
}

// keepNamesPrivate keeps the names of modules on private hosts from public
// servers: the checksum database, and the module proxy where it is the default
// one. What the user says there stays.
func (a Access) keepNamesPrivate(s Setup, vars map[string]string) (said []string) {
	hosts := a.privateHosts()
	extend := func(name string) {
		// GOPRIVATE is what the others are where they are not set.
		users := s.Env[name]
		if users == "" {
			users = s.Env["GOPRIVATE"]
		}
		var added []string
		for _, host := range hosts {
			if !module.MatchPrefixPatterns(users, host+"/module") {
				added = append(added, host)
			}
		}
		if len(added) == 0 {
			return
		}
		vars[name] = strings.Trim(strings.TrimRight(users, ", ")+","+strings.Join(added, ","), ",")
		said = append(said, fmt.Sprintf("%s=%s", name, vars[name]))
	}
	extend("GONOSUMDB")
	if s.DefaultProxy {
		extend("GONOPROXY")
	}
	for _, forge := range publicForges {
		if a.Serves(forge) && !namesHost(s.Env["GOPRIVATE"]+","+s.Env["GONOSUMDB"], forge) {
			said = append(said, fmt.Sprintf("%s has public modules too: name the private ones in GOPRIVATE (GOPRIVATE=%s/YOUR-TEAM), so that neither a public proxy nor the checksum database is asked for them", forge, forge))
		}
	}
	return said
}

// namesHost tells whether one of the patterns, as of GOPRIVATE, is about modules of a host.
func namesHost(patterns, host string) bool {
	return slices.ContainsFunc(strings.Split(patterns, ","), func(pattern string) bool {
		first, _, _ := strings.Cut(strings.TrimSpace(pattern), "/")
		matched, err := path.Match(first, host)
		return matched && err == nil
	})
}

// privateHosts are the hosts, without ports, that logins or keys make private, sorted.
func (a Access) privateHosts() []string {
	hosts := map[string]bool{}
	add := func(host string) {
		host, _, _ = strings.Cut(host, ":")
		if host != "" && !slices.Contains(publicForges, host) {
			hosts[host] = true
		}
	}
	for _, c := range a.Credentials {
		add(c.Host)
	}
	if a.ssh != nil {
		for _, host := range a.ssh.hosts {
			add(host)
		}
	}
	return slices.Sorted(maps.Keys(hosts))
}

// hasLogin tells whether there is a login for a host by its name, on any port.
func (a Access) hasLogin(host string) bool {
	return slices.ContainsFunc(a.Credentials, func(c Credential) bool {
		name, _, _ := strings.Cut(c.Host, ":")
		return name == host
	})
}

// Serves tells whether a login or key is there for the host of an import path.
func (a Access) Serves(importPath string) bool {
	host, _, _ := strings.Cut(lower(importPath), "/")
	return a.hasLogin(host) || a.ssh != nil && slices.ContainsFunc(a.ssh.hosts, func(of string) bool {
		name, _, _ := strings.Cut(of, ":")
		return name == host
	})
}

// staticHosts are those whose repositories the go command knows from the import path alone.
var staticHosts = []string{"github.com", "bitbucket.org"}

// AskedByGo tells whether the go command itself needs a login, for a proxy or to
// find a repository, and not git alone. Go knows such logins from 1.24 on.
func (a Access) AskedByGo() bool {
	return slices.ContainsFunc(a.Credentials, func(c Credential) bool {
		return c.Protocol == "https" && !slices.Contains(staticHosts, c.Host)
	})
}
