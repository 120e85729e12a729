package buildcache

import (
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// downloads is where the module cache has what describes modules.
const downloads = "cache/download/"

// describing are the files that the go command wants of a module besides its
// sources: it takes one that is unpacked for verified while there is a .ziphash.
var describing = []string{".mod", ".info", ".ziphash"}

// described are the files that describe the modules that want accepts.
func (m *Modules) described(want func(module.Version) bool) ([]File, error) {
	files, err := m.store.Files(filepath.Join(m.dir, filepath.FromSlash(downloads)), func(name string) bool {
		return name == "sumdb"
	})
	files = slices.DeleteFunc(files, func(f File) bool {
		v, ok := describedModule(downloads + f.Name)
		return !ok || !want(v)
	})
	for i := range files {
		files[i].Name = downloads + files[i].Name
	}
	return files, err
}

// describedModule is the module that a file of the module cache describes.
func describedModule(name string) (module.Version, bool) {
	rest, ok := strings.CutPrefix(name, downloads)
	if !ok || !slices.Contains(describing, path.Ext(name)) {
		return module.Version{}, false
	}
	escapedPath, file, ok := strings.Cut(rest, "/@v/")
	if !ok {
		return module.Version{}, false
	}
	modulePath, pathErr := module.UnescapePath(escapedPath)
	version, versionErr := module.UnescapeVersion(strings.TrimSuffix(file, path.Ext(file)))
	return module.Version{Path: modulePath, Version: version}, pathErr == nil && versionErr == nil
}

// directory is where the module cache has the sources of a module, slash-separated, "" for a name that is none.
func directory(v module.Version) string {
	escaped, err := module.EscapePath(v.Path)
	version, versionErr := module.EscapeVersion(v.Version)
	if errors.Join(err, versionErr) != nil {
		return ""
	}
	return escaped + "@" + version
}

// moduleDirectory is the directory of the module that a file of the module cache belongs to.
func moduleDirectory(name string) string {
	at := strings.IndexByte(name, '@')
	if at < 0 {
		return name
	}
	end := strings.IndexByte(name[at:], '/')
	if end < 0 {
		return name
	}
	return name[:at+end]
}

// ownerOf is the module that a file of the module cache belongs to, or describes.
func ownerOf(name string) (module.Version, bool) {
	if strings.HasPrefix(name, downloads) {
		return describedModule(name)
	}
	escapedPath, escapedVersion, ok := strings.Cut(moduleDirectory(name), "@")
	if !ok {
		return module.Version{}, false
	}
	modulePath, pathErr := module.UnescapePath(escapedPath)
	version, versionErr := module.UnescapeVersion(escapedVersion)
	return module.Version{Path: modulePath, Version: version}, pathErr == nil && versionErr == nil
}
