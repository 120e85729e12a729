package deps

import (
	"strings"
	"testing"
)

func TestCheckOfProjects(t *testing.T) {
	good := Project{Path: "example.org/dep", Revision: "0123456789abcdef", Packages: []string{".", "sub/dir"}}
	for name, c := range map[string]struct {
		change func(*Project)
		want   string // of the error, "" for none
	}{
		"good":                    {func(*Project) {}, ""},
		"a version alone":         {func(p *Project) { p.Revision, p.Version = "", "v1.2.3" }, ""},
		"Bazaar's revision":       {func(p *Project) { p.Revision = "roger.peppe@canonical.com-20140609180103-1qy2p6x2o3d6wzi2" }, ""},
		"https":                   {func(p *Project) { p.Source = "https://git.example.org:8443/team/dep.git" }, ""},
		"user and host":           {func(p *Project) { p.Source = "git@git.example.org:team/dep.git" }, ""},
		"ssh":                     {func(p *Project) { p.Source = "ssh://git@git.example.org:2222/team/dep.git" }, ""},
		"no path":                 {func(p *Project) { p.Path = "" }, "a project has no import path"},
		"out of vendor":           {func(p *Project) { p.Path = "../../etc" }, `"../../etc" is no import path`},
		"out of vendor, inside":   {func(p *Project) { p.Path = "example.org/../../x" }, "is no import path"},
		"absolute":                {func(p *Project) { p.Path = "/etc" }, "is no import path"},
		"an option":               {func(p *Project) { p.Path = "-x" }, "is no import path"},
		"a query in the path":     {func(p *Project) { p.Path = "example.org/dep@latest" }, "is no import path"},
		"a space":                 {func(p *Project) { p.Path = "example.org/a dep" }, "is no import path"},
		"a control character":     {func(p *Project) { p.Path = "example.org/\x1b[31m" }, "is no import path"},
		"bytes":                   {func(p *Project) { p.Path = "example.org/\xff" }, "is no import path"},
		"origin":                  {func(p *Project) { p.Origin = "../x" }, "is no import path"},
		"package":                 {func(p *Project) { p.Packages = []string{"../x"} }, `"../x" is no directory of the project`},
		"no revision":             {func(p *Project) { p.Revision = "" }, "example.org/dep has no revision"},
		"latest":                  {func(p *Project) { p.Revision = "latest" }, `"latest" is no revision`},
		"a range":                 {func(p *Project) { p.Version = ">=v1" }, "is no revision"},
		"a revision as an option": {func(p *Project) { p.Revision = "-x" }, "is no revision"},
		"a transport's command":   {func(p *Project) { p.Source = "ext::sh -c id" }, "has no address that git can fetch from"},
		"an option for ssh":       {func(p *Project) { p.Source = "-oProxyCommand=id@host:x" }, "has no address"},
		"an option as the host":   {func(p *Project) { p.Source = "ssh://-oProxyCommand=id/x" }, "has no address"},
		"a directory":             {func(p *Project) { p.Source = "../dep" }, "has no address"},
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			c.change(&p)
			err := p.check()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestLegacyToolsAreThoseWithFilesToRead(t *testing.T) {
	for tool, want := range map[Tool]bool{Modules: false, None: false, Dep: true, Godep: true, Govendor: true, Glide: true, GB: true, Godir: true} {
		if tool.Legacy() != want {
			t.Errorf("%s: %t", tool, tool.Legacy())
		}
	}
	if _, err := ReadManifest(None, t.TempDir(), Options{}); err == nil {
		t.Error("no error for a tool without files")
	}
}

// TestMatchesNeedsAChecksumOfEveryProject: what cannot be checked is fetched.
func TestMatchesNeedsAChecksumOfEveryProject(t *testing.T) {
	vendor := write(t, t.TempDir(), "-- example.org/dep/dep.go --\npackage dep\n")
	sum := "1:" + strings.Repeat("0", 64)
	for name, m := range map[string]Manifest{
		"without sums":      {Tool: Dep, Projects: []Project{{Path: "example.org/dep"}}},
		"another sum":       {Tool: Dep, Projects: []Project{{Path: "example.org/dep", Sum: sum}}},
		"without projects":  {Tool: Dep},
		"a tool without":    {Tool: Glide, Projects: []Project{{Path: "example.org/dep"}}},
		"a package missing": {Tool: Govendor, Projects: []Project{{Path: "example.org/other", Sum: "x"}}},
	} {
		if same, err := m.Matches(vendor); same || err != nil {
			t.Errorf("%s: %t, %v", name, same, err)
		}
	}
}
