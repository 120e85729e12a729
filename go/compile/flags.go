package compile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

// Settings are the user's wishes for the build, as the variables hold them.
type Settings struct {
	// GoFlags is GOFLAGS, BuildFlags BP_GO_BUILD_FLAGS.
	GoFlags, BuildFlags string
	// Tags is BP_GO_BUILD_TAGS: tags separated by commas or spaces.
	Tags string
	// LDFlags is BP_GO_BUILD_LDFLAGS, DefaultLDFlags what is used when nobody says anything.
	LDFlags, DefaultLDFlags string
	// LinkerSymbol and LinkerValue are GO_LINKER_SYMBOL and GO_LINKER_VALUE.
	LinkerSymbol, LinkerValue string
	// Getenv returns the build's variables for "$NAME" in BuildFlags and LDFlags.
	Getenv func(string) string
}

// Flag is one flag of the go command.
type Flag struct {
	// Name is the flag without dashes.
	Name string
	// Value is its value, HasValue whether it has one.
	Value    string
	HasValue bool
	// ShownName, with its dash, and Shown are the name and the value for the log: as
	// the user wrote them, before variables were expanded.
	ShownName, Shown string
}

// Arg is the flag as an argument.
func (f Flag) Arg() string {
	if !f.HasValue {
		return "-" + f.Name
	}
	return "-" + f.Name + "=" + f.Value
}

// word is the flag as an argument and for the log.
func (f Flag) word() word {
	if f.Shown == "" {
		return word{f.Arg(), f.ShownName}
	}
	return word{f.Arg(), f.ShownName + "=" + f.Shown}
}

// word is an argument of the go command, and the same for the log.
type word struct{ arg, shown string }

// Flags are the build's flags after all sources were merged.
type Flags struct {
	// Tags are the build tags in effect, without duplicates; TagsShown the same for the log.
	Tags, TagsShown []string
	// LDFlags are the linker's flags; LDShown the same for the log.
	LDFlags, LDShown string
	// Mod is the value of -mod the user asked for, "" for none.
	Mod string
	// Rest are the user's other flags, in order.
	Rest []Flag
	// GoFlags is what is left of GOFLAGS for the environment.
	GoFlags string
	// TooNew are flags of GOFLAGS that this Go does not know, left out: the
	// variable is often set for many apps at once.
	TooNew []string
	// Embedded are the variables in the user's flags that are named like secrets, sorted.
	Embedded []string
}

// namedLikeSecret matches the names of variables that are likely to hold a secret.
var namedLikeSecret = regexp.MustCompile(`(?i)token|secret|passw|passphrase|_pass$|_auth$|credential|GIT_CRED|(api|private|access|signing)_?key`)

// valueFlags are the build flags that take a value in the next argument, from "go help build".
var valueFlags = map[string]bool{
	"C": true, "p": true, "o": true, "covermode": true, "coverpkg": true, "asmflags": true, "buildmode": true,
	"compiler": true, "gccgoflags": true, "gcflags": true, "installsuffix": true, "ldflags": true, "mod": true,
	"modfile": true, "overlay": true, "pgo": true, "pkgdir": true, "tags": true, "toolexec": true,
}

// defaultTags are on in every build: the classic buildpacks set them, and apps test for them.
const defaultTags = "scalingo,heroku"

// flagSince are flags that people set in GOFLAGS for good, with the first Go that knows them; an older one refuses to run at all.
var flagSince = map[string]string{
	"mod": "1.11", "trimpath": "1.13", "modfile": "1.14", "overlay": "1.16", "buildvcs": "1.18", "pgo": "1.20",
}

// Merge reads all sources of flags for Go v. Tags add up; for linker flags
// BP_GO_BUILD_LDFLAGS comes before BP_GO_BUILD_FLAGS, GOFLAGS and the default.
// An error names the variable that cannot be used.
func Merge(s Settings, v toolchain.Version) (Flags, error) {
	out := Flags{LDFlags: s.DefaultLDFlags, LDShown: s.DefaultLDFlags}
	getenv := s.Getenv
	s.Getenv = func(name string) string {
		value := getenv(name)
		if value != "" && namedLikeSecret.MatchString(name) && !slices.Contains(out.Embedded, name) {
			out.Embedded = append(out.Embedded, name)
		}
		return value
	}
	for _, tags := range []string{defaultTags, s.Tags} {
		out.addTags(tags, tags)
	}
	env, err := goFlags(s.GoFlags)
	if err == nil {
		err = refuse("GOFLAGS", env)
	}
	if err != nil {
		return out, err
	}
	var keep []string
	for _, f := range env {
		if since, ok := flagSince[f.Name]; ok && v.Before(since) {
			out.TooNew = append(out.TooNew, "-"+f.Name)
		} else if !out.take(f) {
			keep = append(keep, quoteGoFlag(f.Arg()))
		}
	}
	out.GoFlags = strings.Join(keep, " ")

	user, err := buildFlags(s.BuildFlags, s.Getenv)
	if err != nil {
		return out, err
	}
	for _, f := range user {
		if !out.take(f) {
			out.Rest = append(out.Rest, f)
		}
	}
	if !slices.Contains([]string{"", "readonly", "vendor", "mod"}, out.Mod) {
		return out, errors.New("GOFLAGS or BP_GO_BUILD_FLAGS: the value of -mod can be readonly, vendor or mod")
	}
	if strings.TrimSpace(s.LDFlags) != "" {
		if out.LDFlags, err = expandText(s.LDFlags, s.Getenv); err != nil {
			return out, fmt.Errorf("BP_GO_BUILD_LDFLAGS: %w", err)
		}
		out.LDShown = s.LDFlags
	}
	linked, err := linkerFlags(s.LinkerSymbol, s.LinkerValue, v)
	if err != nil {
		return out, err
	}
	out.LDFlags = strings.TrimSpace(out.LDFlags + " " + linked)
	shown := linked
	if linked != "" && namedLikeSecret.MatchString(s.LinkerSymbol) {
		shown = "-X xxxxx"
		out.Embedded = append(out.Embedded, "GO_LINKER_VALUE")
	}
	out.LDShown = strings.TrimSpace(out.LDShown + " " + shown)
	slices.Sort(out.Embedded)
	return out, nil
}

// take merges a flag that has a place of its own and reports whether it did.
func (f *Flags) take(flag Flag) bool {
	switch flag.Name {
	case "tags":
		f.addTags(flag.Value, flag.Shown)
	case "ldflags":
		f.LDFlags, f.LDShown = flag.Value, flag.Shown
	case "mod":
		f.Mod = flag.Value
	case "modcacherw":
	default:
		return false
	}
	return true
}

// addTags adds the tags of a list that are not there yet. shown is the list as the user wrote it.
func (f *Flags) addTags(list, shown string) {
	var added []string
	for _, tag := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		if !slices.Contains(f.Tags, tag) {
			f.Tags, added = append(f.Tags, tag), append(added, tag)
		}
	}
	if shown != list && len(added) > 0 {
		added = []string{shown}
	}
	f.TagsShown = append(f.TagsShown, added...)
}

// Has tells whether the user set the flag, to anything but false.
func (f Flags) Has(name string) bool {
	flag, ok := f.find(name)
	if !ok || !flag.HasValue {
		return ok
	}
	on, err := strconv.ParseBool(flag.Value)
	return err != nil || on
}

func (f Flags) find(name string) (Flag, bool) {
	env, _ := goFlags(f.GoFlags) // was read before
	all := slices.Concat(env, f.Rest)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Name == name {
			return all[i], true
		}
	}
	return Flag{}, false
}

// WithoutModules is f for a build in a GOPATH, where the go command refuses the
// flags of module mode; dropped names those that the user had set.
func (f Flags) WithoutModules() (flags Flags, dropped []string) {
	flags = f
	if f.Mod != "" {
		flags.Mod, dropped = "", append(dropped, "-mod="+f.Mod)
	}
	modfile := func(flag Flag) bool {
		if flag.Name == "modfile" {
			dropped = append(dropped, "-modfile")
		}
		return flag.Name == "modfile"
	}
	flags.Rest = slices.DeleteFunc(slices.Clone(f.Rest), modfile)
	env, _ := goFlags(f.GoFlags) // was read before
	var keep []string
	for _, flag := range slices.DeleteFunc(env, modfile) {
		keep = append(keep, quoteGoFlag(flag.Arg()))
	}
	flags.GoFlags = strings.Join(keep, " ")
	return flags, dropped
}

// BuildMode is the value of -buildmode, "" for the default.
func (f Flags) BuildMode() string {
	flag, _ := f.find("buildmode")
	return flag.Value
}
