package deps

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Requirements are the paths of the modules that the app's go.mod files require, as far as they can be read.
func (a ModuleApp) Requirements() []string {
	files := []string{a.GoMod}
	for _, use := range a.Uses {
		files = append(files, filepath.Join(use, "go.mod"))
	}
	var paths []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		parsed, err := modfile.ParseLax(file, data, nil)
		if err != nil {
			continue
		}
		for _, require := range parsed.Require {
			paths = append(paths, require.Mod.Path)
		}
	}
	return paths
}

// Sums are the modules that the app names, with their hashes: what its go.sum and go.work.sum files
// say, with versions as there, that of the hash of a go.mod file alone ending in "/go.mod"; and, with neither version
// nor hash, what it has in directories: its own modules and replacements. It is nil where one of the files cannot be read.
func (a ModuleApp) Sums() map[module.Version]string {
	dirs := slices.Clone(a.Uses)
	if a.GoMod != "" {
		dirs = append(dirs, filepath.Dir(a.GoMod))
	}
	sums := map[module.Version]string{}
	for _, dir := range dirs {
		local, err := modulesInDirectories(filepath.Join(dir, "go.mod"))
		if err != nil || addSums(sums, filepath.Join(dir, "go.sum")) != nil {
			return nil
		}
		for _, path := range local {
			sums[module.Version{Path: path}] = ""
		}
	}
	if a.GoWork == "" {
		return sums
	}
	work, err := parseWork(a.GoWork)
	if err != nil || addSums(sums, a.GoWork+".sum") != nil {
		return nil
	}
	for _, path := range replacedByDirectories(work.Replace) {
		sums[module.Version{Path: path}] = ""
	}
	return sums
}

// addSums adds what a go.sum says, if there is one. Several hashes of one module stand as they do there.
func addSums(sums map[module.Version]string, file string) error {
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		v := module.Version{Path: fields[0], Version: fields[1]}
		if was := strings.Fields(sums[v]); !slices.Contains(was, fields[2]) {
			sums[v] = strings.Join(append(was, fields[2]), " ")
		}
	}
	return nil
}

// modulesInDirectories are the paths of the module of a go.mod and of those that it replaces by directories.
func modulesInDirectories(gomod string) ([]string, error) {
	data, err := os.ReadFile(gomod)
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(gomod, data, nil)
	if err != nil {
		return nil, err
	}
	paths := replacedByDirectories(file.Replace)
	if file.Module != nil {
		paths = append(paths, file.Module.Mod.Path)
	}
	return paths, nil
}

func replacedByDirectories(replacements []*modfile.Replace) []string {
	var paths []string
	for _, r := range replacements {
		if r.New.Version == "" {
			paths = append(paths, r.Old.Path)
		}
	}
	return paths
}
