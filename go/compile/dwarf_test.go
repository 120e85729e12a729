package compile

import "testing"

func TestDropDWARF(t *testing.T) {
	for _, tt := range []struct {
		ldflags string
		flags   Flags
		want    bool
	}{
		{ldflags: "", want: false},
		{ldflags: "-w", want: true},
		{ldflags: "--w", want: true},
		{ldflags: "-s", want: true},
		{ldflags: "-s -w", want: true},
		{ldflags: "-w=true", want: true},
		{ldflags: "-w=0", want: false},
		{ldflags: "-s -w=0", want: false},
		{ldflags: "-s=false -w", want: true},
		{ldflags: "-w -w=false", want: false},
		{ldflags: "-X main.v=1", want: false},
		{ldflags: "-X main.v=1 -w", want: true},
		{ldflags: "-X 'main.v=a -w b'", want: false},
		{ldflags: `-extldflags "-static -s"`, want: false},
		{ldflags: "-extldflags -s", want: false},
		{ldflags: "-w 'no end", want: false},
		{ldflags: "w", want: false},
		{ldflags: "example.com/app/...=-w", want: false},
		{ldflags: "-w", flags: Flags{GoFlags: "-gcflags=-N"}, want: false},
		{ldflags: "-w", flags: Flags{Rest: []Flag{{Name: "gcflags", Value: "all=-l", HasValue: true}}}, want: false},
		{ldflags: "-w", flags: Flags{Rest: []Flag{{Name: "compiler", Value: "gccgo", HasValue: true}}}, want: false},
	} {
		tt.flags.LDFlags = tt.ldflags
		if got := tt.flags.dropDWARF(); got != tt.want {
			t.Errorf("%q, %+v: %v", tt.ldflags, tt.flags, got)
		}
	}
}

func TestOwnFault(t *testing.T) {
	module := func(main bool) *Module { return &Module{Path: "example.com/x", Dir: "/x", Main: main} }
	plan := Plan{all: []Package{
		{ImportPath: "example.com/app", Module: module(true)},
		{ImportPath: "example.com/app/lib", Module: module(true)},
		{ImportPath: "example.com/app/c", Module: module(true), CgoFiles: []string{"c.go"}},
		{ImportPath: "example.com/dep", Module: module(false)},
	}}
	for output, want := range map[string]bool{
		"": false,
		"# example.com/app\n./main.go:3:5: undefined: x\n":                                            true,
		"# example.com/app\n./main.go:3: undefined: x\n\thave ()\n\twant (int)\n":                     true,
		"# example.com/app\n./a.go:3:5: x\n# example.com/app/lib\nlib/b.go:1:1: y\ntoo many errors\n": true,
		"# example.com/dep\n../dep/x.go:1:1: undefined: y\n":                                          false,
		"# example.com/app\n./a.go:3:5: x\n# example.com/dep\n/m/dep/x.go:1:1: y\n":                   false,
		"# example.com/app/c\n./c.go:3:5: x\n":                                                        false,
		"# example.com/app\nexample.com/dep.f: relocation target example.com/dep.g not defined\n":     false,
		"main.go:3:8: no required module provides package example.com/y\n":                            false,
		"# example.com/app\n./main.go:3:5: undefined: x\nlink: running gcc failed\n":                  false,
		"# runtime/cgo\ngcc: error\n":                                                                 false,
	} {
		if got := plan.OwnFault(output); got != want {
			t.Errorf("%q: %v", output, got)
		}
	}
}
