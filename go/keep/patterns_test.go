package keep

import (
	"strings"
	"testing"
)

// web is an app for patterns.
const web = `-- main.go --
-- go.mod --
-- Procfile --
-- bin/tool --
-- bin/x.go --
-- static/index.html --
-- static/css/a.css --
-- static/.hidden --
-- static/src/gen.go --
-- static/.git --
-- templates/a.html --
-- templates/mail/b.html --
-- templates/mail/b.txt --
-- data/[x]*.db --
-- data/a:b --
-- data/sub/Procfile --
-- uploads/ --
-- .env --
`

// always stays of it.
const always = "Procfile bin/tool bin/x.go "

var keepTests = []leaveOutTest{
	{name: "a file", keep: "templates/a.html", left: always + "templates/a.html", removed: "12 files"},
	{name: "a directory with all in it", keep: "static",
		left: always + "static/.hidden static/css/a.css static/index.html static/src/gen.go", removed: "9 files, .git"},
	{name: "its content", keep: "static/*",
		left: always + "static/.hidden static/css/a.css static/index.html static/src/gen.go", removed: "9 files, .git"},
	{name: "its content, at any depth", keep: "static/**",
		left: always + "static/.hidden static/css/a.css static/index.html static/src/gen.go", removed: "9 files, .git"},
	{name: "from the root", keep: "/static/:./templates/mail/",
		left:    always + "static/.hidden static/css/a.css static/index.html static/src/gen.go templates/mail/b.html templates/mail/b.txt",
		removed: "7 files, .git"},
	{name: "anywhere", keep: "**/*.html", left: always + "static/index.html templates/a.html templates/mail/b.html", removed: "10 files, .git"},
	{name: "in the middle of a path", keep: "templates/*/b.html", left: always + "templates/mail/b.html", removed: "12 files"},
	{name: "source that is named", keep: "main.go:static/src/*.go", left: always + "main.go static/src/gen.go", removed: "11 files, .git"},
	{name: "alternatives", keep: "{static/index,templates/a}.html", left: always + "static/index.html templates/a.html", removed: "11 files, .git"},
	{name: "sets", keep: "templates/[!b-z].html", left: always + "templates/a.html", removed: "12 files"},
	{name: "special characters", keep: `data/\[x\]\*.db:data/a\:b`, left: always + "data/[x]*.db data/a:b", removed: "11 files"},
	{name: "an empty directory", keep: "uploads", left: always + "uploads/", removed: "13 files"},
	{name: "an empty directory that is named by its content", keep: "uploads/**", left: always + "uploads/", removed: "13 files"},
	{name: "all", keep: ".",
		left: ".env Procfile bin/tool bin/x.go data/[x]*.db data/a:b data/sub/Procfile go.mod main.go static/.hidden static/css/a.css static/index.html " +
			"static/src/gen.go templates/a.html templates/mail/b.html templates/mail/b.txt uploads/", removed: ".git"},
	{name: "directories only", keep: "*a*/",
		left: always + "data/[x]*.db data/a:b data/sub/Procfile static/.hidden static/css/a.css static/index.html " +
			"static/src/gen.go templates/a.html templates/mail/b.html templates/mail/b.txt uploads/", removed: "3 files, .git"},
	{name: "nothing", keep: "Static:.env/:static/.git:templates", left: always + "templates/a.html templates/mail/b.html templates/mail/b.txt",
		removed: "10 files",
		notices: []string{`BP_KEEP_FILES: nothing in the app matches "Static"`, `BP_KEEP_FILES: nothing in the app matches ".env/"`,
			`BP_KEEP_FILES: nothing in the app matches "static/.git"`}},
	{name: "what another one has already", keep: "templates:templates/mail/*.txt:bin/tool:Procfile",
		left: always + "templates/a.html templates/mail/b.html templates/mail/b.txt", removed: "10 files"},
	{name: "of the directory that is built", keep: "x", workDir: "svc",
		app:  "-- svc/bin/a --\n-- svc/Procfile --\n-- svc/main.go --\n-- x --\n-- other/bin/a --\n-- other/Procfile --\n",
		left: "svc/Procfile svc/bin/a x", removed: "3 files"},
	{name: "with nothing left where programs start", keep: "x", workDir: "svc", app: "-- svc/main.go --\n-- x --\n", left: "svc/ x", removed: "1 file"},
	{name: "only empty directories", keep: "x", app: "-- a/b/ --\n-- x --\n-- c/ --\n", left: "x", removed: "2 empty directories"},
	{name: "links", keep: "current:out/", app: "-- current --\n-> releases\n-- releases/x --\n-- out --\n-> OUTSIDE\n-- other --\n-> OUTSIDE\n",
		left: "current -> releases out -> OUTSIDE", removed: "2 files",
		notices: []string{"current is a link to releases, which is not in the image"}},
}

func init() {
	for i := range keepTests {
		if keepTests[i].app == "" {
			keepTests[i].app = web
		}
	}
}

func TestParsePatterns(t *testing.T) {
	tests := []struct {
		value string
		// want are the patterns, with "/" at the end of those for directories.
		want []string
		err  string
	}{
		{value: ""},
		{value: " \n"},
		{value: "::"},
		{value: "a:b", want: []string{"a", "b"}},
		{value: " a b : c\n", want: []string{"a b", "c"}},
		{value: `a\ : b\\ `, want: []string{`a\ `, `b\\`}},
		{value: `a\:b:c`, want: []string{`a\:b`, "c"}},
		{value: "/a:./b:././c:d/./e:f//g", want: []string{"a", "b", "c", "d/e", "f/g"}},
		{value: "a/:b/*/", want: []string{"a/", "b/*/"}},
		{value: "/:.:./", want: []string{"**", "**", "**"}},
		{value: "..a/b..:...", want: []string{"..a/b..", "..."}},
		{value: "a:[b", err: `BP_KEEP_FILES: "[b" is no pattern: close each [`},
		{value: "{a,b", err: `"{a,b" is no pattern`},
		{value: `a\`, err: `"a\\" is no pattern`},
		{value: "[]", err: `"[]" is no pattern`},
		{value: "a}", err: `"a}" is no pattern`},
		{value: "../a", err: `"../a" has ".." in it: name what is in the app by its path from the app's root`},
		{value: "a/..", err: `has ".." in it`},
		{value: "a/../../b", err: `has ".." in it`},
		{value: "{a,..}/b", err: `has ".." in it`},
		{value: "..", err: `has ".." in it`},
	}
	for _, tt := range tests {
		p, err := ParsePatterns(tt.value)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: %v, want %s", tt.value, err, tt.err)
			}
			continue
		}
		var got []string
		for _, pattern := range p.list {
			if pattern.dirs {
				pattern.glob += "/"
			}
			got = append(got, pattern.glob)
		}
		if strings.Join(got, "|") != strings.Join(tt.want, "|") || err != nil || p.Empty() != (len(tt.want) == 0) {
			t.Errorf("%q: %q, %v, want %q", tt.value, got, err, tt.want)
		}
	}
}
