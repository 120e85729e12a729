package sbom

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/licensecheck"
)

func TestTheLibraryKnowsTheLicences(t *testing.T) {
	var known []string
	for _, licence := range licensecheck.BuiltinLicenses() {
		if licence.LRE != "" {
			known = append(known, licence.ID)
		}
	}
	for _, id := range slices.Concat(usual, seldom) {
		if !slices.Contains(known, id) {
			t.Errorf("licensecheck has no pattern for %s", id)
		}
	}
	if _, err := allLicences(); err != nil {
		t.Error(err)
	}
}

const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

const unlicense = `This is free and unencumbered software released into the public domain.

Anyone is free to copy, modify, publish, use, compile, sell, or distribute this software, either in source code form or
as a compiled binary, for any purpose, commercial or non-commercial, and by any means.

In jurisdictions that recognize copyright laws, the author or authors of this software dedicate any and all copyright
interest in the software to the public domain. We make this dedication for the benefit of the public at large and to the
detriment of our heirs and successors. We intend this dedication to be an overt act of relinquishment in perpetuity of
all present and future rights to this software under copyright law.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

For more information, please refer to <https://unlicense.org>
`

func TestLicencesOfADirectory(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"none", map[string]string{"README.md": mit}, nil},
		{"one", map[string]string{"LICENSE": "MIT License\n\nCopyright (c) 2020 A. Nother\n\n" + mit}, []string{"MIT"}},
		{"British, with an extension", map[string]string{"Licence.md": mit}, []string{"MIT"}},
		{"a seldom one", map[string]string{"UNLICENSE": unlicense}, []string{"Unlicense"}},
		{"two in one file", map[string]string{"LICENSE": mit + "\n" + unlicense}, []string{"MIT", "Unlicense"}},
		{"two files", map[string]string{"LICENSE-MIT": mit, "COPYING": unlicense}, []string{"MIT", "Unlicense"}},
		{"the same twice", map[string]string{"LICENSE": mit, "LICENSE.txt": mit}, []string{"MIT"}},
		{"mostly something else", map[string]string{"LICENSE": mit + strings.Repeat("You may use this on Sundays only. ", 100)}, nil},
		{"of others", map[string]string{"LICENSE-3RD-PARTY": mit, "license.go": mit, "LICENSE.docs": mit}, nil},
		{"too large", map[string]string{"LICENSE": strings.Repeat(mit, 1+largestLicence/len(mit))}, nil},
		{"empty", map[string]string{"LICENSE": ""}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range test.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(test.want, Licences(dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLicencesOfADirectoryThatIsNone(t *testing.T) {
	if got := Licences(filepath.Join(t.TempDir(), "missing")); got != nil {
		t.Error(got)
	}
}

func TestALinkOutOfTheDirectoryIsNoLicence(t *testing.T) {
	outside, dir := filepath.Join(t.TempDir(), "LICENSE"), t.TempDir()
	if err := os.WriteFile(outside, []byte(mit), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "LICENSE")); err != nil {
		t.Fatal(err)
	}
	if got := Licences(dir); got != nil {
		t.Error(got)
	}
}
