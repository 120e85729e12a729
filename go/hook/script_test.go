package hook

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var interpreterTests = []struct {
	name string
	head string
	want []string
}{
	{"nothing", "", nil},
	{"no #!", "echo hi\n", nil},
	{"not at the start", " #!/bin/sh\n", nil},
	{"byte order mark", "\xef\xbb\xbf#!/bin/sh\n", nil},
	{"#! alone", "#!", nil},
	{"empty line", "#!\n/bin/sh\n", nil},
	{"blanks", "#! \t \n", nil},
	{"plain", "#!/bin/sh\n", []string{"/bin/sh"}},
	{"second line", "#!/bin/sh\n-e\n", []string{"/bin/sh"}},
	{"blanks around", "#! \t/bin/sh \t\n", []string{"/bin/sh"}},
	{"relative", "#!sh\n", []string{"sh"}},
	{"argument", "#!/bin/sh -e\n", []string{"/bin/sh", "-e"}},
	{"one argument only", "#!/usr/bin/env  -S  a  b \t \n", []string{"/usr/bin/env", "-S  a  b"}},
	{"quotes are nothing special", "#!/bin/sh \"-e\" '\\n'\n", []string{"/bin/sh", "\"-e\" '\\n'"}},
	{"Windows", "#!/bin/sh\r\n", []string{"/bin/sh\r"}},
	{"Windows with an argument", "#!/bin/sh -e\r\n", []string{"/bin/sh", "-e\r"}},
	{"no line's end", "#!/bin/sh", []string{"/bin/sh"}},
	{"no line's end, argument", "#!/bin/sh -e", []string{"/bin/sh", "-e"}},
	{"no line's end, blanks", "#!/bin/sh  ", []string{"/bin/sh", ""}},
	{"no line's end, argument and blanks", "#!/bin/sh -e ", []string{"/bin/sh", "-e "}},
	{"NUL", "#!/bin/sh -e\x00 -x\n", []string{"/bin/sh", "-e"}},
	{"NUL in the path", "#!/bin/sh\x00 -x\n", []string{"/bin/sh"}},
	{"long argument is cut off", "#!/bin/sh " + strings.Repeat("x", 300) + "\n", []string{"/bin/sh", strings.Repeat("x", 245)}},
	{"longest argument", "#!/bin/sh " + strings.Repeat("x", 245) + "\n", []string{"/bin/sh", strings.Repeat("x", 245)}},
	{"argument cut off at blanks", "#!/bin/sh x" + strings.Repeat(" ", 300) + "y\n", []string{"/bin/sh", "x"}},
	{"blanks to the end", "#!/bin/sh" + strings.Repeat(" ", 300) + "-e\n", []string{"/bin/sh"}},
	{"longest path", "#!/" + strings.Repeat("x", 252) + "\n", []string{"/" + strings.Repeat("x", 252)}},
	{"longest path with a blank", "#!/" + strings.Repeat("x", 252) + " -e\n", []string{"/" + strings.Repeat("x", 252)}},
	{"too long a path", "#!/" + strings.Repeat("x", 253) + "\n", nil},
	{"blanks alone", "#!" + strings.Repeat(" ", 300) + "/bin/sh\n", nil},
	{"file of 255 bytes", "#!/bin/sh -e" + strings.Repeat(" ", 243), []string{"/bin/sh", "-e"}},
	{"file of 254 bytes", "#!/bin/sh -e" + strings.Repeat(" ", 242), []string{"/bin/sh", "-e" + strings.Repeat(" ", 242)}},
}

// first is what is read of a file.
func first(text string) []byte { return []byte(text[:min(len(text), headSize)]) }

func TestInterpreter(t *testing.T) {
	for _, test := range interpreterTests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, interpreter(first(test.head))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The kernel is the outside to agree with: the same words, told by the
// interpreter that the kernel itself starts.
func TestInterpreterAsTheKernel(t *testing.T) {
	k := newKernel(t)
	for _, test := range interpreterTests {
		t.Run(test.name, func(t *testing.T) {
			if len(test.want) > 0 && len(test.want[0]) < 20 { // ./print is as long as /bin/sh
				test.head = strings.Replace(test.head, strings.TrimSuffix(test.want[0], "\r"), "./print", 1)
			}
			k.agree(t, test.head)
		})
	}
}

func FuzzInterpreter(f *testing.F) {
	for _, test := range interpreterTests {
		f.Add(test.head)
		if rest, found := strings.CutPrefix(test.head, "#!/bin/sh"); found {
			f.Add("#!./print" + rest)
		}
	}
	k := newKernel(f)
	f.Fuzz(func(t *testing.T, text string) {
		words := interpreter(first(text))
		if len(words) > 0 && (words[0] == "" || strings.ContainsAny(words[0], " \t\n\x00")) {
			t.Errorf("%q: got %q", text, words)
		}
		if len(words) > 2 || len(words) == 2 && (strings.ContainsAny(words[1], "\n\x00") || strings.TrimLeft(words[1], blanks) != words[1]) {
			t.Errorf("%q: got %q", text, words)
		}
		// Nothing but the test's own program is ever started.
		if len(words) == 0 || words[0] == "./print" {
			k.agree(t, text)
		}
	})
}

// kernel is a directory for scripts, with the program print.
type kernel struct{ dir string }

func newKernel(t testing.TB) kernel {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: other kernels split the line in other ways; run on Linux")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "print")); err != nil {
		t.Fatal(err)
	}
	return kernel{dir}
}

// agree runs a script and compares with what [interpreter] says of it.
func (k kernel) agree(t *testing.T, text string) {
	t.Helper()
	script := filepath.Join(k.dir, "script")
	write(t, script, text, 0o755)
	cmd := exec.Command("./script")
	cmd.Dir = k.dir
	got, err := cmd.Output()
	words := interpreter(first(text))
	if len(words) == 0 {
		// EACCES is for a path of no characters, which is the directory.
		if !errors.Is(err, syscall.ENOEXEC) && !errors.Is(err, syscall.EACCES) {
			t.Errorf("%q: got no interpreter, the kernel says %q, %v", text, got, err)
		}
		return
	}
	if words[0] != "./print" {
		if !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ENAMETOOLONG) {
			t.Errorf("%q: got %q, the kernel says %q, %v", text, words, got, err)
		}
		return
	}
	if want := fmt.Sprintf("%q", append(words, "./script")); err != nil || string(got) != want {
		t.Errorf("%q: got %s, the kernel says %s, %v", text, want, got, err)
	}
}

func TestBinary(t *testing.T) {
	for head, want := range map[string]bool{
		"":                             false,
		"echo hi\n":                    false,
		"#!/bin/sh\n":                  false,
		"#!/bin/sh\x00\n":              false,
		"echo hi\nexit\n\x00\x01\x02":  false, // a script with an archive behind it
		"\x7fELF\x02\x01\x01\x00\x00":  true,
		"\x7fELF":                      true,
		"\xcf\xfa\xed\xfe\x07\x00\x01": true,
		"MZ\x90\x00":                   true,
	} {
		if got := binary([]byte(head)); got != want {
			t.Errorf("%q: got %t", head, got)
		}
	}
}
