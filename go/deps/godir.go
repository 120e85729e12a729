package deps

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
)

const godirName = ".godir"

// readGodir reads .godir, whose one line is the app's import path. It was for
// apps without any tool, so that there is no lock.
func readGodir(dir string, _ Options) (Manifest, error) {
	m := Manifest{File: godirName, ImportPathLine: "github.com/you/app"}
	for _, vendor := range []struct{ dir, name string }{{"vendor", "vendor/"}, {"Godeps/_workspace/src", "Godeps/_workspace/src"}} {
		if m.AsIs == "" && HasGo(inside(dir, vendor.dir), true) {
			m.AsIs = vendor.name + " is committed"
		}
	}
	data, ok, err := readFile(dir, godirName)
	if err != nil || !ok {
		return m, cmp.Or(err, fmt.Errorf("%s: there is no such file", godirName))
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" {
			continue
		}
		// Many hold the address as the browser shows it.
		m.ImportPath = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(text, "https://"), "/"), ".git")
		if !validImportPath(m.ImportPath) {
			return m, fmt.Errorf("%s, line %d: %.100q is no import path: write the app's, such as %s", godirName, number, text, m.ImportPathLine)
		}
		return m, nil
	}
	return m, fmt.Errorf("%s is empty: write the app's import path into it, such as %s", godirName, m.ImportPathLine)
}
