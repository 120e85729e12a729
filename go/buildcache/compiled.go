package buildcache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Names of the layers with compiled packages.
const (
	baseLayer  = "build-base"
	deltaLayer = "build-delta"
)

// slack is how much larger than a fresh pack of what a build used the two may become,
// with what nobody uses any more, before all is packed anew.
const slack = 1.25

// Compiled is the go command's build cache, GOCACHE, as two packs: what a build
// compiles anew goes to the delta, so that the base, which is large, stays as it is.
type Compiled struct {
	dir         string
	base, delta *Cache
	// system stands for what a C compiler finds on this machine.
	system string
	// All tells to keep what only tools besides the compiler use.
	All bool
}

// OpenCompiled opens the packs of what was compiled under that key, for the directory dir. system
// changes with the headers and libraries that a C compiler finds: see ForCgo.
func (s *Store) OpenCompiled(dir string, key map[string]string, system string) (*Compiled, error) {
	base, err := s.Open(baseLayer, key)
	if err != nil {
		return nil, err
	}
	delta, err := s.Open(deltaLayer, key)
	return &Compiled{dir: dir, base: base, delta: delta, system: system}, err
}

// Caches are the caches that it consists of.
func (c *Compiled) Caches() []*Cache { return []*Cache{c.base, c.delta} }

// Unpack fills the directory. Damage is a warning, and leaves it empty.
func (c *Compiled) Unpack() error {
	var wait sync.WaitGroup
	var errs [2]error
	had := [2]bool{c.base.Restored(), c.delta.Restored()}
	for i, cache := range c.Caches() {
		wait.Go(func() { errs[i] = cache.Unpack(c.dir, nil) })
	}
	wait.Wait()
	for i, cache := range c.Caches() {
		if had[i] && !cache.Restored() {
			return c.forget() // the other one may have written while the directory was removed, or failed for that
		}
	}
	return errors.Join(append(errs[:], os.MkdirAll(c.dir, 0o755))...)
}

func (c *Compiled) forget() error {
	for _, cache := range c.Caches() {
		cache.pack = nil
		if err := discard(cache.layer); err != nil {
			return err
		}
	}
	return errors.Join(Remove(c.dir), os.MkdirAll(c.dir, 0o755))
}

// ForCgo makes sure that what is there can serve a build with cgo, and tells whether it did: the
// go command does not see that headers have changed, so that what was compiled with others is removed.
func (c *Compiled) ForCgo() (served bool, err error) {
	if c.base.Of() == c.system || !c.base.Restored() && !c.delta.Restored() {
		return true, nil
	}
	return false, c.forget()
}

// entryName matches the entries of GOCACHE; what else is there says when it was
// cleaned last, or belongs to tests.
var entryName = regexp.MustCompile(`^[0-9a-f]{2}/[0-9a-f]{64}-[ad]$`)

// used returns the entries that the go commands of this build wrote or read.
func (c *Compiled) used() ([]File, error) {
	files, err := c.base.store.Files(c.dir, func(name string) bool {
		first, _, below := strings.Cut(name, "/")
		return len(first) != 2 || below && !entryName.MatchString(name)
	})
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(f File) bool { return f.Unchanged || !entryName.MatchString(f.Name) })
	for i := range files {
		if path.Base(files[i].Name)[64:] == "-a" {
			if err := normalize(&files[i]); err != nil {
				return nil, err
			}
		} else {
			files[i].Unchanged = true // its name is the hash of its content
		}
	}
	if c.All {
		return files, nil
	}
	return withoutLists(files)
}

// withoutLists leaves out the lists of source files, with what leads to them: the
// go command writes one for each package that it compiles, and reads it only for vet and "go list -compiled".
func withoutLists(files []File) ([]File, error) {
	const largest = 64 << 10
	lists := map[string]bool{}
	for _, f := range files {
		if f.Data != nil || f.Size > largest {
			continue
		}
		data, err := os.ReadFile(f.Path)
		if err != nil {
			return nil, err
		}
		if sourceList.Match(data) {
			lists[strings.TrimSuffix(path.Base(f.Name), "-d")] = true
		}
	}
	return slices.DeleteFunc(files, func(f File) bool {
		if f.Data == nil {
			return lists[strings.TrimSuffix(path.Base(f.Name), "-d")]
		}
		m := action.FindSubmatch(f.Data)
		return m != nil && lists[string(m[2])]
	}), nil
}

// sourceList matches a list of files in a package's own directory.
var sourceList = regexp.MustCompile(`^(\./[^/\n]+\n)+$`)

// action matches an entry of GOCACHE that says what an action put out: its own
// identity, the output's, the output's size and when that was.
var action = regexp.MustCompile(`^(v1 [0-9a-f]{64} ([0-9a-f]{64}) [ 0-9]{20}) [ 0-9]{20}\n$`)

// normalize takes the time out of an entry, which would be another in every build. The go
// command looks at it for nothing but the results of tests.
func normalize(f *File) error {
	data, err := os.ReadFile(f.Path)
	if err != nil {
		return err
	}
	if m := action.FindSubmatch(data); m != nil {
		data = fmt.Appendf(nil, "%s %20d\n", m[1], modified.UnixNano())
	}
	f.Data, f.Size = data, int64(len(data))
	return nil
}

// Keep keeps what this build used: nothing is written when the packs hold it all.
func (c *Compiled) Keep() error {
	files, err := c.used()
	if err != nil {
		return err
	}
	if len(files) == 0 { // no go command compiled anything, so nothing is known of what the next one needs
		c.base.KeepAll()
		c.delta.KeepAll()
		return nil
	}
	fresh, err := c.fresh(files)
	if err != nil {
		return err
	}
	if c.base.pack == nil || c.tooLarge(files, fresh) {
		return errors.Join(c.base.Keep(Content{Of: c.system, Files: files}), c.delta.Keep(Content{}))
	}
	c.base.KeepAll()
	return c.delta.Keep(Content{Files: fresh})
}

// fresh are the files that the base does not have.
func (c *Compiled) fresh(files []File) ([]File, error) {
	have := c.base.pack.byName()
	var fresh []File
	for _, f := range files {
		same, err := c.base.pack.holds(have, f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if !same {
			fresh = append(fresh, f)
		}
	}
	return fresh, nil
}

// tooLarge tells whether the base and a delta of the fresh files would hold much
// more than the files. What is not packed yet is taken to shrink as what is.
func (c *Compiled) tooLarge(files, fresh []File) bool {
	base, delta := c.base.pack.costs(), c.delta.pack.costs()
	ratio := c.base.pack.ratio()
	cost := func(f File) float64 {
		return float64(cmp.Or(delta[f.Name], int64(float64(f.Size)*ratio)))
	}
	var needed, both float64
	isFresh := map[string]bool{}
	for _, f := range fresh {
		isFresh[f.Name] = true
		needed += cost(f)
	}
	both = needed
	for _, c := range base {
		both += float64(c)
	}
	for _, f := range files {
		if !isFresh[f.Name] {
			needed += float64(base[f.Name])
		}
	}
	return both > slack*needed
}
