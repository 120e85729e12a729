package compile

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/paketo-buildpacks/libpak/v2/effect"

	"github.com/Scalingo/go-cnb/go/compile/apptest"
)

// setting is a setting in a program's build info, "" for none.
func setting(t *testing.T, file, key string) string {
	t.Helper()
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// git runs git on an app's repository as its author.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	command := exec.Command("git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "safe.directory=*"}, args...)...)
	command.Dir, command.Env = dir, apptest.Env(t)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func commit(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "init", "-q")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "all")
}

// findRepository asks for the repository of a job as the build phase does.
func findRepository(j Job, top string) Repository {
	return FindRepository(j.Dir, top, func(name string) string { return apptest.Lookup(j.Env, name) }, j.Env, effect.CommandExecutor{})
}

// stamped changes a job as the build phase does.
func stamped(t *testing.T) func(*Job) {
	return func(j *Job) {
		repository := findRepository(*j, j.Dir)
		if repository.Notice != "" {
			t.Fatal(repository.Notice)
		}
		j.Stamp, j.Env = repository.Stamp, append(j.Env, repository.Env...)
	}
}

func TestStamp(t *testing.T) {
	for _, tt := range []struct {
		name     string
		files    string
		flags    string
		prepare  func(t *testing.T, dir string)
		modified string
	}{
		{"a clean tree stays clean", rootAndCommand, "", commit, "false"},
		{"also with a vendor directory", vendored, "", commit, "false"},
		{"a changed file is told", rootAndCommand, "", func(t *testing.T, dir string) {
			commit(t, dir)
			write(t, filepath.Join(dir, "new.txt"), "new")
		}, "true"},
		{"a tree of another user", rootAndCommand, "", func(t *testing.T, dir string) {
			if os.Getuid() != 0 {
				t.Skip("SKIPPED: only root can give the app to another user")
			}
			commit(t, dir)
			chown(t, dir, 12345)
		}, "false"},
		{"-buildvcs=true by the user", rootAndCommand, "-buildvcs=true", commit, "false"},
		{"-buildvcs=false by the user", rootAndCommand, "-buildvcs=false", commit, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := app{files: tt.files, prepare: tt.prepare, change: stamped(t), targets: []string{"."}, settings: Settings{BuildFlags: tt.flags}}.build(t)
			b.succeed(t)
			if got := setting(t, b.binary("app"), "vcs.modified"); got != tt.modified {
				t.Errorf("vcs.modified is %q, want %q", got, tt.modified)
			}
			if tt.modified == "" {
				return
			}
			if got, want := setting(t, b.binary("app"), "vcs.revision"), git(t, b.dir, "rev-parse", "HEAD"); got != want {
				t.Errorf("revision %q, want %q", got, want)
			}
		})
	}
}

func chown(t *testing.T, dir string, id int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, id, id)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestForeignOwnerWithoutTrust: the variables of FindRepository are what makes the stamp possible.
func TestForeignOwnerWithoutTrust(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can give the app to another user")
	}
	b := app{files: rootAndCommand, prepare: func(t *testing.T, dir string) {
		commit(t, dir)
		chown(t, dir, 12345)
	}, change: func(j *Job) { j.Stamp = true }}.build(t)
	if b.err == nil || !strings.Contains(b.err.Error()+b.log, "error obtaining VCS status") {
		t.Errorf("error %v\n%s", b.err, b.log)
	}
}

// TestNoStamp: where git cannot tell the state, the build goes on without.
func TestNoStamp(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		path    string
		notice  string
	}{
		{"no repository", func(*testing.T, string) {}, "", ""},
		{"a .git that is none", func(t *testing.T, dir string) { write(t, filepath.Join(dir, ".git", "config"), "x") },
			"", "the git revision is not stamped into the binaries: git: fatal: not a git repository"},
		{"a .git that leads nowhere", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, ".git"), "gitdir: ../.git/modules/app\n")
		}, "", "the git revision is not stamped into the binaries: git: fatal: not a git repository"},
		{"no git", commit, "/nowhere", "the git revision is not stamped into the binaries: git: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.path != "" {
				t.Setenv("PATH", tt.path)
			}
			var got Repository
			a := app{files: rootAndCommand, targets: []string{"."}, change: func(j *Job) {
				got = findRepository(*j, j.Dir)
				j.Stamp, j.Env = got.Stamp, append(j.Env, got.Env...)
			}}
			a.prepare = func(t *testing.T, dir string) {
				if tt.path == "" {
					tt.prepare(t, dir)
				} else {
					write(t, filepath.Join(dir, ".git", "config"), "x") // git itself cannot run
				}
			}
			b := a.build(t)
			b.succeed(t)
			if got.Stamp || len(got.Env) > 0 || !strings.HasPrefix(got.Notice, tt.notice) || (tt.notice == "") != (got.Notice == "") {
				t.Errorf("%+v, want the notice %q", got, tt.notice)
			}
			if !strings.Contains(b.plan.Command(), "-buildvcs=false") {
				t.Error(b.plan.Command())
			}
			if revision := setting(t, b.binary("app"), "vcs.revision"); revision != "" {
				t.Errorf("stamped with %s", revision)
			}
		})
	}
}

func TestRepositoryAbove(t *testing.T) {
	top := t.TempDir()
	apptest.Write(t, top, "-- services/api/main.go --\n"+hello)
	commit(t, top)
	dir := filepath.Join(top, "services", "api")
	env := apptest.Env(t)
	if got := findRepository(Job{Dir: dir, Env: env}, top); !got.Stamp {
		t.Errorf("the app's own repository is not found: %+v", got)
	}
	if diff := cmp.Diff(Repository{}, findRepository(Job{Dir: dir, Env: env}, dir)); diff != "" {
		t.Errorf("a repository above the app: %s", diff)
	}
}

func TestTrustKeepsTheUsersGitConfiguration(t *testing.T) {
	for count, want := range map[string][]string{
		"":  {"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=/nowhere/app"},
		"2": {"GIT_CONFIG_COUNT=3", "GIT_CONFIG_KEY_2=safe.directory", "GIT_CONFIG_VALUE_2=/nowhere/app"},
		"x": {"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=/nowhere/app"},
	} {
		got := trustDirectory("/nowhere/app", func(string) string { return count })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("GIT_CONFIG_COUNT=%s: %s", count, diff)
		}
	}
	// A link is resolved: git compares real paths.
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if got := trustDirectory(link, func(string) string { return "" })[2]; got != "GIT_CONFIG_VALUE_0="+dir {
		t.Error(got)
	}
}

func TestPublicURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://example.com/team/app.git":                   "https://example.com/team/app.git",
		"https://user:secret@example.com/team/app?token=x#y": "https://example.com/team/app",
		"http://token@example.com:8080/app":                  "http://example.com:8080/app",
		"ssh://git@example.com:2222/team/app.git":            "ssh://example.com:2222/team/app.git",
		"git@example.com:team/app.git":                       "ssh://example.com/team/app.git",
		"example.com:/srv/app.git":                           "ssh://example.com/srv/app.git",
		"git://example.com/app":                              "git://example.com/app",
		"/srv/git/app.git":                                   "",
		"../app":                                             "",
		"file:///srv/git/app.git":                            "",
		"C:/src/app":                                         "ssh://C/src/app",
		"https://example.com/%zz":                            "",
		"":                                                   "",
	} {
		if got := publicURL(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestRepositoryForLabels: what git knows of the app, clean, tagged and changed.
func TestWhatGitKnows(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	look := func() Repository {
		r := FindRepository(dir, dir, func(string) string { return "" }, os.Environ(), effect.CommandExecutor{})
		r.Env = nil
		return r
	}
	if diff := cmp.Diff(Repository{}, look()); diff != "" {
		t.Errorf("no repository (-want +got):\n%s", diff)
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "first")
	git("remote", "add", "origin", "https://user:token@example.com/app.git")
	git("tag", "v1.2.3")
	clean := look()
	if len(clean.Revision) != 40 || clean.Version != "v1.2.3" || clean.Source != "https://example.com/app.git" || !clean.Stamp {
		t.Errorf("a tagged commit: %+v", clean)
	}
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	changed := look()
	if changed.Revision != clean.Revision+"-dirty" || changed.Version != "" || !changed.Stamp {
		t.Errorf("with a change: %+v", changed)
	}
}
