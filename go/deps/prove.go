package deps

import (
	"cmp"
	"path/filepath"
)

// Unproven are the projects, each with its version, that came by their tag, of
// which nobody said which revision it is today. What m's tool wrote down of the
// code proves some: it is compared with what Vendor made in the directory vendor.
func (f Fetched) Unproven(m Manifest, vendor string) ([]string, error) {
	var unproven []string
	for i, r := range f.repositories {
		if !f.found[i].ByTag {
			continue
		}
		proven, err := f.proves(m, i, vendor)
		if err != nil {
			return nil, err
		}
		if !proven {
			unproven = append(unproven, r.Project.Path+" "+cmp.Or(r.Project.Version, r.Project.Revision))
		}
	}
	return unproven, nil
}

// proves tells whether all projects of a repository are what the tool wrote down.
func (f Fetched) proves(m Manifest, repository int, vendor string) (bool, error) {
	same := sums[m.Tool]
	if same == nil {
		return false, nil
	}
	for _, n := range f.repositories[repository].Projects {
		p := m.Projects[n]
		ok, err := same(vendor, p)
		if err == nil && !ok && m.Tool == Dep {
			// Without pruning dep kept, and summed, the whole repository.
			ok, err = p.hasDigest(filepath.Join(f.store, f.found[repository].Modules[0].dir()))
		}
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}
