package toolchain

import (
	"go/build"
	"io"
	"path"
	"strings"
)

// Seldom returns what tells the files of a distribution that compiling a program
// for linux/arch never reads: the sources of the go command and its tools, tools that are run
// by name, and files for other systems. name is slash-separated, without the leading "go/".
// It is nil for Go up to 1.19, which has compiled packages for more than one way to build: all of it is needed.
func Seldom(v Version, arch string) func(name string) bool {
	if v.Before("1.20") {
		return nil
	}
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "linux", arch, true
	// Only the name counts: what a file says of tags depends on those of the build.
	context.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("package p\n")), nil }
	return func(name string) bool {
		switch {
		case strings.HasPrefix(name, "src/cmd/"), strings.HasPrefix(name, "misc/"):
			return true
		case strings.HasPrefix(name, "pkg/tool/"):
			base := path.Base(name)
			return base == "vet" || base == "fix"
		case strings.HasPrefix(name, "src/"):
			if ext := path.Ext(name); ext != ".go" && ext != ".s" && ext != ".syso" {
				return false
			}
			match, err := context.MatchFile(path.Dir(name), path.Base(name))
			return err == nil && !match
		}
		return false
	}
}
