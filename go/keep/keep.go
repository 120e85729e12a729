// Package keep decides what of an app's directory stays in the image, removes the
// rest, and says how what stays is best divided into layers of the image.
//
// It is not a part of launch, which says what runs: a whole tree of files is looked
// at once, and each of the three ways to leave something out marks what goes in that tree.
package keep

import (
	"fmt"
	"os"
	"path/filepath"
)

// Options say what stays.
type Options struct {
	// WorkDir is the directory that was built, at or below the app's root, "" for the
	// root itself. Programs start there and its bin/ has links to them, so that it
	// stays, and the files of tools from before modules may lie in it.
	WorkDir string
	// KeepSource lets everything stay but git's repositories (BP_GO_KEEP_SOURCE).
	KeepSource bool
	// Keep names what stays, as [ParsePatterns] read it (BP_KEEP_FILES). Without a
	// pattern everything stays but the source of Go programs.
	Keep Patterns
}

// LeaveOut removes from the directory app what does not belong in the image.
//
//   - By default these go: Go files, go.mod, go.sum, go.work and go.work.sum; what Go
//     vendored; testdata beside Go files; the files of dep, godep and glide and .godir
//     in the root; and directories that have nothing else in them. node_modules
//     stays as it is, and so does bin in the root, where hooks put what they like.
//   - With Options.Keep only that stays, and bin and Procfile in the root.
//   - With Options.KeepSource everything stays.
//
// What belongs to git always goes, as a directory, a file or a link, wherever it is.
//
// Everything is read and decided before the first file is removed. Links are not
// followed, and nothing outside of app is touched ([os.Root]). An error names what
// cannot be read or removed; in the latter case some of the rest is gone already.
func LeaveOut(app string, o Options) (Report, error) {
	workDir, err := relative(app, o.WorkDir)
	if err != nil {
		return Report{}, err
	}
	root, err := os.OpenRoot(app)
	if err != nil {
		return Report{}, err
	}
	defer func() { _ = root.Close() }()
	t, err := read(root, workDir)
	if err != nil {
		return Report{}, err
	}
	t.top.markRepositories()
	var r Report
	switch {
	case o.KeepSource:
		if !o.Keep.Empty() {
			r.Notices = append(r.Notices, "BP_KEEP_FILES is not used: with BP_GO_KEEP_SOURCE everything stays")
		}
	case !o.Keep.Empty():
		r.Notices = append(r.Notices, t.markAllBut(o.Keep)...)
	default:
		t.markSource()
	}
	t.top.settle()
	dangling, err := t.dangling(app)
	if err != nil {
		return Report{}, err
	}
	r.Notices = append(r.Notices, dangling...)
	r.Removed = t.top.removed()
	r.Slices = t.slices()
	return r, t.remove()
}

// relative is workDir as a path from app, with slashes, "." for app itself.
func relative(app, workDir string) (string, error) {
	if workDir == "" {
		return ".", nil
	}
	rel, err := filepath.Rel(app, workDir)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("the directory that is built, %s, is not in the app %s", workDir, app)
	}
	return filepath.ToSlash(rel), nil
}
