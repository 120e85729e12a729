package weight

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bigArray and bigFile are the sizes of what the example's library holds.
const (
	bigArray = 1 << 20
	bigFile  = 300 << 10
)

// example writes a program of two modules and returns its directory.
func example(t testing.TB) string {
	t.Helper()
	var heavy strings.Builder
	heavy.WriteString("package heavy\n\nvar Table = []func(int) int{")
	for i := range 1500 {
		fmt.Fprintf(&heavy, "f%d, ", i)
	}
	heavy.WriteString("}\n")
	for i := range 1500 {
		fmt.Fprintf(&heavy, "\nfunc f%[1]d(n int) int {\n\tfor i := 0; i < n; i++ {\n\t\tn += i*%[1]d ^ n>>3\n\t}\n"+
			"\tdefer println(n, %[1]d)\n\treturn n\n}\n", i)
	}
	content := make([]byte, bigFile)
	for i := range content {
		content[i] = byte(i*i>>7 ^ i)
	}
	return write(t, map[string]string{
		"go.mod": "module example.com/app\n\ngo 1.21\n\nrequire example.com/lib.v9 v1.0.0\n\nreplace example.com/lib.v9 => ./lib\n",
		"cmd/tool/main.go": `package main

import (
	"os"

	"example.com/lib.v9"
	"example.com/lib.v9/heavy"
)

type pair struct{ a, b string }

func main() {
	data, _ := lib.Files.ReadFile("assets/data.bin")
	println(lib.Keys(map[pair]int{{"a", "b"}: len(data)}), lib.Big[len(os.Args)], heavy.Table[len(os.Args)](2))
}
`,
		"lib/go.mod": "module example.com/lib.v9\n\ngo 1.21\n",
		"lib/lib.go": fmt.Sprintf(`package lib

import "embed"

//go:embed assets
var Files embed.FS

var Big = [%d]byte{1: 1}

//go:noinline
func Keys[K comparable, V any](m map[K]V) (n int) {
	for range m {
		func() { defer func() { recover() }(); n++ }()
	}
	return n
}
`, bigArray),
		"lib/assets/data.bin":  string(content),
		"lib/assets/empty.txt": "",
		"lib/heavy/heavy.go":   heavy.String(),
	})
}

// write writes files into a new directory.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// build builds a package of a directory.
func build(t testing.TB, dir, pkg string, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tool")
	args := slices.Concat([]string{"build", "-o", program}, flags, []string{pkg})
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GOOS=linux", "GOARCH=amd64")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	return program
}

func mustRead(t testing.TB, program string) Weights {
	t.Helper()
	w, err := Read(program)
	if err != nil {
		t.Fatal(err)
	}
	checkSums(t, w)
	return w
}

// checkSums fails unless all sums are right.
func checkSums(t testing.TB, w Weights) {
	t.Helper()
	total := int64(0)
	for _, m := range w.Modules {
		total += m.Bytes
		inside := Share{}
		for _, p := range m.Packages {
			inside.add(p.Share)
			if p.Code+p.Tables+p.Data != p.Bytes || min(p.Code, p.Tables, p.Data) < 0 {
				t.Errorf("%s does not add up: %+v", p.Path, p.Share)
			}
		}
		if diff := cmp.Diff(m.Share, inside); diff != "" {
			t.Errorf("%s is not the sum of its packages (-module +packages):\n%s", m.Path, diff)
		}
	}
	for _, p := range w.Parts {
		total += p.Bytes
		if p.Bytes <= 0 {
			t.Errorf("%s has %d bytes", p.Name, p.Bytes)
		}
	}
	if total != w.Bytes {
		t.Errorf("modules and parts are %d bytes, the file %d", total, w.Bytes)
	}
}

func (w Weights) module(path string) Module {
	i := slices.IndexFunc(w.Modules, func(m Module) bool { return m.Path == path })
	if i < 0 {
		return Module{}
	}
	return w.Modules[i]
}

func (m Module) pkg(path string) Package {
	i := slices.IndexFunc(m.Packages, func(p Package) bool { return p.Path == path })
	if i < 0 {
		return Package{}
	}
	return m.Packages[i]
}

func (w Weights) part(name string) Part {
	i := slices.IndexFunc(w.Parts, func(p Part) bool { return p.Name == name })
	if i < 0 {
		return Part{}
	}
	return w.Parts[i]
}

func TestRead(t *testing.T) {
	dir := example(t)
	for _, test := range []struct {
		name    string
		flags   []string
		symbols bool
	}{
		{name: "with all", symbols: true},
		{name: "without debug info", flags: []string{"-ldflags=-w", "-gcflags=all=-dwarf=false"}, symbols: true},
		{name: "stripped", flags: []string{"-ldflags=-s", "-trimpath"}},
		{name: "to be loaded anywhere", flags: []string{"-ldflags=-s", "-buildmode=pie"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := mustRead(t, build(t, dir, "./cmd/tool", test.flags...))
			var kinds []string
			for _, m := range w.Modules {
				kinds = append(kinds, string(m.Kind)+" "+m.Path+" "+m.Replace)
			}
			slices.Sort(kinds)
			want := []string{"dependency example.com/lib.v9 ./lib", "main example.com/app ", "standard std "}
			if diff := cmp.Diff(want, kinds); diff != "" {
				t.Fatalf("modules (-want +got):\n%s", diff)
			}
			lib := w.module("example.com/lib.v9")
			heavy, root, own := lib.pkg("example.com/lib.v9/heavy"), lib.pkg("example.com/lib.v9"), w.module("example.com/app")
			if heavy.Code < 1500*60 || heavy.Tables < 1500*60 {
				t.Errorf("1500 functions are only %+v", heavy.Share)
			}
			if root.Code == 0 {
				t.Error("the generic function has no code")
			}
			if diff := cmp.Diff("example.com/app/cmd/tool", own.Packages[0].Path); diff != "" || own.Code == 0 || own.Code > 10_000 {
				t.Errorf("own packages: %+v", own)
			}
			switch embedded := w.part(partEmbedded); {
			case test.symbols:
				if root.Data < bigArray+bigFile || root.Data > bigArray+bigFile+5000 || embedded.Bytes != 0 {
					t.Errorf("the library's data are %d, embedded files of no package %d", root.Data, embedded.Bytes)
				}
				if w.Modules[0].Path != lib.Path {
					t.Errorf("%s is bigger than a megabyte of array", w.Modules[0].Path)
				}
			default:
				want := Part{partEmbedded, bigFile, []Part{{Name: "assets/data.bin", Bytes: bigFile}}}
				if diff := cmp.Diff(want, embedded); diff != "" {
					t.Errorf("embedded files (-want +got):\n%s", diff)
				}
			}
			if !test.symbols && w.part(partVariables).Bytes < bigArray {
				t.Errorf("the array is not among the variables: %+v", w.Parts)
			}
		})
	}
}

// TestCodeIsWhatGosymFinds compares with the standard library's reader.
func TestCodeIsWhatGosymFinds(t *testing.T) {
	program := build(t, example(t), "./cmd/tool")
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, err := file.Section(".gopclntab").Data()
	if err != nil {
		t.Fatal(err)
	}
	text := file.Section(".text")
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	for _, f := range symbols.Funcs {
		name := f.PackageName()
		for _, made := range []string{"type:.eq.", "type:.hash."} { // of no package for gosym
			if of, found := strings.CutPrefix(f.Name, made); found {
				name, _, _ = strings.Cut(of, ".")
			}
		}
		want[name] += int64(f.End - f.Entry)
	}
	w := mustRead(t, program)
	got := map[string]int64{}
	all := int64(0)
	for _, m := range w.Modules {
		for _, p := range m.Packages {
			got[p.Path] = p.Code
			all += p.Code
		}
	}
	for linked, path := range map[string]string{
		"main": "example.com/app/cmd/tool", "example.com/lib%2ev9": "example.com/lib.v9",
		"example.com/lib.v9/heavy": "example.com/lib.v9/heavy", "reflect": "reflect", "internal/abi": "internal/abi",
	} {
		if want[linked] != got[path] {
			t.Errorf("%s: %d bytes of code, gosym finds %d", path, got[path], want[linked])
		}
	}
	if all > int64(text.FileSize) || all < int64(text.FileSize)*99/100 {
		t.Errorf("%d bytes of code of %d", all, text.FileSize)
	}
}

func TestReadRefuses(t *testing.T) {
	program, err := os.ReadFile(build(t, example(t), "./cmd/tool", "-ldflags=-s"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(program, []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8})
	changed := func(at int, b ...byte) []byte {
		c := slices.Clone(program)
		copy(c[at:], b)
		return c
	}
	for name, content := range map[string][]byte{
		"empty":                     {},
		"a script":                  []byte("#!/bin/sh\n"),
		"only a header":             program[:64],
		"half":                      program[:len(program)/2],
		"another kind of table":     changed(at, 0xee),
		"a table of 2^56 functions": changed(at+15, 1),
		"names behind the table":    changed(at+8+3*8+5, 1),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(file, content, 0o644); err != nil {
				t.Fatal(err)
			}
			if w, err := Read(file); err == nil {
				t.Errorf("no error but %d modules", len(w.Modules))
			}
		})
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := weigh(bytes.NewReader(changed(at, 0xee)), int64(len(program))); !errors.Is(err, ErrNoFunctions) {
		t.Errorf("a program without a table: %v", err)
	}
}

func TestJSON(t *testing.T) {
	w := Weights{
		Name: "web", Go: "go1.26.1", Bytes: 30,
		Modules: []Module{{Kind: Main, Path: "example.com/web", Share: Share{20, 10, 6, 4}, Packages: []Package{{"example.com/web", Share{20, 10, 6, 4}}}}},
		Parts:   []Part{{partEmbedded, 10, []Part{{Name: "a", Bytes: 10}}}},
	}
	got, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"web","go":"go1.26.1","bytes":30,"modules":[{"kind":"main","path":"example.com/web","bytes":20,"code":10,"tables":6,"data":4,` +
		`"packages":[{"path":"example.com/web","bytes":20,"code":10,"tables":6,"data":4}]}],` +
		`"parts":[{"name":"embedded files","bytes":10,"parts":[{"name":"a","bytes":10}]}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var back Weights
	if err := json.Unmarshal(got, &back); err != nil || cmp.Diff(w, back) != "" {
		t.Errorf("read again: %v\n%s", err, cmp.Diff(w, back))
	}
}
