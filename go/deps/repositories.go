package deps

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Repository is what the locked projects of one repository and revision have in common: one thing to fetch.
type Repository struct {
	// Roots are the import paths that the repository's root may have, the
	// likeliest first. For most hosts there is one.
	Roots []string
	// Project is an entry of the repository, which says where it comes from and
	// at which revision. Its path and packages are those of that entry alone.
	Project Project
	// Projects are all entries, as indices of the list given.
	Projects []int
}

// Repositories groups the projects of a lock by what has to be fetched for them.
// Locks of godep and govendor name packages, one by one, and not where their repository begins.
func Repositories(projects []Project) []Repository {
	var all []Repository
	for i, p := range projects {
		roots := p.roots()
		same := slices.IndexFunc(all, func(r Repository) bool {
			if r.Project.Revision != p.Revision || r.Project.Version != p.Version || r.Project.Source != p.Source {
				return false
			}
			// A commit is of one repository; several on a host may have a tag of one name.
			return slices.Equal(r.Roots, roots) || commitHash.MatchString(p.Revision) && len(common(r.Roots, roots)) > 0
		})
		if same < 0 {
			all = append(all, Repository{Roots: roots, Project: p, Projects: []int{i}})
			continue
		}
		// What two packages of one revision share narrows down where the root is.
		all[same].Roots = common(all[same].Roots, roots)
		all[same].Projects = append(all[same].Projects, i)
		if all[same].Project.Time.IsZero() {
			all[same].Project.Time = p.Time
		}
	}
	return all
}

// common returns the elements of a that b has too, in a's order.
func common(a, b []string) []string {
	var both []string
	for _, element := range a {
		if slices.Contains(b, element) {
			both = append(both, element)
		}
	}
	return both
}

// from is the import path that the code comes from.
func (p Project) from() string {
	if p.Origin != "" {
		return p.Origin
	}
	return p.Path
}

// vcsSuffix matches the element of an import path that ends a repository's name by the name of its version control system.
var vcsSuffix = regexp.MustCompile(`\.(git|hg|bzr|svn|fossil)$`)

// rootLengths are the hosts that have all their repositories at one depth.
var rootLengths = map[string]int{
	"github.com": 3, "bitbucket.org": 3, "golang.org": 3, "code.google.com": 3, "hub.jazz.net": 4, "launchpad.net": 2,
	"google.golang.org": 2, "go.uber.org": 2, "k8s.io": 2, "sigs.k8s.io": 2, "cloud.google.com": 2, "rsc.io": 2, "go.etcd.io": 2,
}

// majorSuffix ends the name of a repository on gopkg.in.
var majorSuffix = regexp.MustCompile(`\.v\d+(-unstable)?$`)

// roots are the import paths at which the project's repository may begin, the likeliest first.
func (p Project) roots() []string {
	from := p.from()
	if p.Root {
		return []string{from}
	}
	elements := strings.Split(from, "/")
	upTo := func(n int) []string { return []string{path.Join(elements[:min(n, len(elements))]...)} }
	if n := slices.IndexFunc(elements, vcsSuffix.MatchString); n >= 0 {
		return upTo(n + 1)
	}
	if elements[0] == "gopkg.in" {
		return upTo(1 + max(1, 1+slices.IndexFunc(elements[1:min(3, len(elements))], majorSuffix.MatchString)))
	}
	if n, ok := rootLengths[elements[0]]; ok {
		return upTo(n)
	}
	// Any other host: a name of one element is the most frequent, then a team's, then the host alone.
	lengths := []int{2, 3, 1}
	if elements[0] == "gitlab.com" {
		lengths = []int{3} // groups may have groups, and hold no code themselves
	}
	for n := 4; n <= len(elements); n++ {
		lengths = append(lengths, n)
	}
	var candidates []string
	for _, n := range lengths {
		if n = min(n, len(elements)); !slices.Contains(candidates, path.Join(elements[:n]...)) {
			candidates = append(candidates, path.Join(elements[:n]...))
		}
	}
	return candidates
}
