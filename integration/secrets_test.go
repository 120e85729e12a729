package integration

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// findSecret looks for a secret in files and directories, also inside of gzip,
// zstd, tar, zip and git's objects and packs, whatever they are called and however deep. A place that
// is no absolute path is searched itself, as a log is. It finds the secret as it is, escaped as in
// URLs and in JSON, and in base64, alone and after user and a colon, and
// returns where, and in which form.
func findSecret(t testing.TB, secret, user string, places ...string) []string {
	t.Helper()
	return findSecrets(t, map[string]string{secret: user}, places...)
}

// findSecrets is findSecret for several secrets, with the user of each, "" for none.
func findSecrets(t testing.TB, secrets map[string]string, places ...string) []string {
	t.Helper()
	s := &secretSearch{t: t}
	for secret, user := range secrets {
		if len(secret) < 8 {
			t.Fatalf("%q is too short to be told from other text", secret)
		}
		s.forms = append(s.forms, secretForms(secret, user)...)
	}
	for _, f := range s.forms {
		s.longest = max(s.longest, len(f.text))
	}
	for _, place := range places {
		if strings.Contains(place, "\n") || !filepath.IsAbs(place) {
			s.scan("text", strings.NewReader(place))
		} else {
			s.tree(place)
		}
	}
	return s.found
}

// form is one way to write a secret.
type form struct {
	name string
	text []byte
}

// secretForms are the ways in which a secret can get into a file.
func secretForms(secret, user string) []form {
	var forms []form
	add := func(name, text string) {
		if !slices.ContainsFunc(forms, func(f form) bool { return string(f.text) == text }) {
			forms = append(forms, form{fmt.Sprintf("%q, %s", secret, name), []byte(text)})
		}
	}
	lower := func(text string) string {
		return regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(text, strings.ToLower)
	}
	add("plain", secret)
	_, userinfo, _ := strings.Cut(url.UserPassword("x", secret).String(), ":")
	for _, escaped := range []string{url.PathEscape(secret), url.QueryEscape(secret), userinfo} {
		add("URL-escaped", escaped)
		add("URL-escaped", lower(escaped))
	}
	quoted := strconv.Quote(secret)
	add("quoted", quoted[1:len(quoted)-1])
	if text, err := json.Marshal(secret); err == nil {
		add("JSON", string(text[1:len(text)-1]))
	}
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64 for URLs": base64.RawURLEncoding} {
		for shift := range 3 {
			// What of the text depends on the secret alone: neither the character that the bytes before it share, nor that of those after it.
			text := encoding.EncodeToString(append(make([]byte, shift), secret...))
			add(name, text[(shift*8+5)/6:(shift+len(secret))*8/6])
		}
		if user != "" {
			add(name+" of user and secret", encoding.EncodeToString([]byte(user + ":" + secret))[:(len(user)+1+len(secret))*8/6])
		}
	}
	return forms
}

type secretSearch struct {
	t     testing.TB
	forms []form
	found []string
	// longest is the length of the longest form.
	longest int
}

func (s *secretSearch) report(where, name string) {
	if text := where + ": " + name; !slices.Contains(s.found, text) {
		s.found = append(s.found, text)
	}
}

// text looks at a short text: a name, a comment.
func (s *secretSearch) text(where string, texts ...string) {
	for _, f := range s.forms {
		for _, text := range texts {
			if strings.Contains(text, string(f.text)) {
				s.report(where, f.name)
			}
		}
	}
}

// tree searches a file, or all below a directory.
func (s *secretSearch) tree(root string) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		s.text(path+" (its name)", entry.Name())
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			s.text(path+" (where it links to)", target)
			return err
		case !entry.Type().IsRegular():
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		s.scan(path, file)
		_, err = io.Copy(io.Discard, file) // nothing is left, unless it cannot be read
		return err
	})
	if err != nil {
		s.t.Fatalf("cannot search %s: %v", root, err)
	}
}

// scan searches content, as it is and as what it is made of.
func (s *secretSearch) scan(where string, content io.Reader) {
	in := bufio.NewReaderSize(io.TeeReader(content, &sieve{search: s, where: where}), 1<<16)
	head, _ := in.Peek(512)
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		s.gzip(where, in)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		if unpacked, err := zstd.NewReader(in); err == nil {
			s.scan(where+" unpacked", unpacked)
			unpacked.Close()
		}
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		s.zip(where, in)
	case len(head) == 512 && string(head[257:262]) == "ustar":
		s.tar(where, in)
	case bytes.HasPrefix(head, []byte("PACK\x00\x00\x00")):
		s.pack(where, in)
	case len(head) > 2 && head[0] == 0x78 && (int(head[0])<<8|int(head[1]))%31 == 0:
		if unpacked, err := zlib.NewReader(in); err == nil {
			s.scan(where+" unpacked", unpacked)
		}
	}
	// What comes after the end of an archive, or of what can be unpacked of a broken one, counts too.
	_, _ = io.Copy(io.Discard, in)
}

func (s *secretSearch) gzip(where string, in io.Reader) {
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return
	}
	s.text(where+" (its header)", unpacked.Name, unpacked.Comment, string(unpacked.Extra))
	s.scan(where+" unpacked", unpacked)
}

func (s *secretSearch) tar(where string, in io.Reader) {
	for archive := tar.NewReader(in); ; {
		header, err := archive.Next()
		if err != nil {
			return
		}
		for name, value := range header.PAXRecords {
			s.text(where+"!"+header.Name+" (a record of it)", name, value)
		}
		s.text(where+"!"+header.Name+" (its header)", header.Name, header.Linkname, header.Uname, header.Gname)
		s.scan(where+"!"+header.Name, archive)
	}
}

func (s *secretSearch) zip(where string, in io.Reader) {
	data, err := io.ReadAll(in)
	if err != nil {
		return
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return
	}
	for _, file := range archive.File {
		content, err := file.Open()
		if err != nil {
			continue
		}
		s.scan(where+"!"+file.Name, content)
		_ = content.Close()
	}
}

// pack searches the objects of a git pack. A delta holds what is new in its object as it is.
func (s *secretSearch) pack(where string, in io.Reader) {
	data, err := io.ReadAll(in)
	if err != nil || len(data) < 12 {
		return
	}
	objects := bytes.NewReader(data[12:])
	for n := 0; objects.Len() > 20; n++ {
		kind, more := byte(0), true
		for first := true; more; first = false {
			b, err := objects.ReadByte()
			if err != nil {
				return
			}
			if first {
				kind = b >> 4 & 7
			}
			more = b&0x80 != 0
		}
		switch kind {
		case 6: // a delta against the object so many bytes before
			for more := true; more; {
				b, err := objects.ReadByte()
				if err != nil {
					return
				}
				more = b&0x80 != 0
			}
		case 7: // a delta against a named object
			if _, err := objects.Seek(20, io.SeekCurrent); err != nil {
				return
			}
		}
		object, err := zlib.NewReader(objects)
		if err != nil {
			s.t.Errorf("cannot search %s: object %d: %v", where, n, err)
			return
		}
		content, err := io.ReadAll(object)
		if err != nil {
			s.t.Errorf("cannot search %s: object %d: %v", where, n, err)
			return
		}
		s.scan(fmt.Sprintf("%s object %d", where, n), bytes.NewReader(content))
	}
}

// sieve is a writer that looks for the forms in what is written, also across two writes.
type sieve struct {
	search *secretSearch
	where  string
	rest   []byte
}

func (v *sieve) Write(text []byte) (int, error) {
	longest := v.search.longest
	seam := slices.Concat(v.rest, text[:min(len(text), longest)])
	for _, f := range v.search.forms {
		if bytes.Contains(text, f.text) || bytes.Contains(seam, f.text) {
			v.search.report(v.where, f.name)
		}
	}
	if len(text) >= longest {
		seam = text
	}
	v.rest = append(v.rest[:0], seam[max(0, len(seam)-longest):]...)
	return len(text), nil
}

// TestSearchForSecretsFindsThem plants a secret in every form, in every kind of
// container, and in containers within containers.
func TestSearchForSecretsFindsThem(t *testing.T) {
	t.Parallel()
	const user, secret = "robot", `p@ss w/"r?d#+~&é`
	basic := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	forms := map[string]string{
		"plain":            "password=" + secret + "\n",
		"path":             "https://robot:" + url.PathEscape(secret) + "@git.example.com/",
		"query":            "https://git.example.com/?token=" + url.QueryEscape(secret) + "&x",
		"userinfo":         (&url.URL{Scheme: "https", User: url.UserPassword(user, secret), Host: "git.example.com"}).String(),
		"small":            regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(url.PathEscape(secret), strings.ToLower),
		"JSON":             string(must(json.Marshal(map[string]string{"auth": secret}))),
		"quoted":           strconv.Quote("x" + secret + "y"),
		"basic":            "Authorization: Basic " + basic(user+":"+secret),
		"base64":           basic(secret),
		"base64, 1 before": basic("a" + secret + "bcd"),
		"base64, 2 before": basic("ab" + secret + "c"),
		"base64, 3 before": basic("abc" + secret),
		"base64 for URLs":  base64.URLEncoding.EncodeToString([]byte("xy" + secret)),
	}
	containers := map[string]func(t testing.TB, dir, content string){
		"file":       func(t testing.TB, dir, content string) { put(t, dir, "f", []byte(content)) },
		"large file": func(t testing.TB, dir, content string) { put(t, dir, "f", straddling(content)) },
		"gzip":       func(t testing.TB, dir, content string) { put(t, dir, "f", gzipped(t, []byte(content))) },
		"zstd":       func(t testing.TB, dir, content string) { put(t, dir, "f", zstandard(t, []byte(content))) },
		"tar":        func(t testing.TB, dir, content string) { put(t, dir, "f", tarred(t, []byte(content))) },
		"zip":        func(t testing.TB, dir, content string) { put(t, dir, "f", zipped(t, []byte(content))) },
		"git object": func(t testing.TB, dir, content string) { inGit(t, dir, content, false) },
		"git pack":   func(t testing.TB, dir, content string) { inGit(t, dir, content, true) },
		"zip in a layer": func(t testing.TB, dir, content string) {
			put(t, dir, "f", gzipped(t, tarred(t, zipped(t, []byte(content)))))
		},
		"zstd in a tar": func(t testing.TB, dir, content string) {
			put(t, dir, "f", tarred(t, zstandard(t, tarred(t, []byte(content)))))
		},
		"zip with a fault": func(t testing.TB, dir, content string) { put(t, dir, "f", []byte("PK\x03\x04"+content)) },
	}
	for container, plant := range containers {
		for name, content := range forms {
			t.Run(name+" in a "+container, func(t *testing.T) {
				dir := t.TempDir()
				plant(t, dir, content)
				if found := findSecret(t, secret, user, dir); len(found) == 0 {
					t.Error("not found")
				}
				if found := findSecret(t, "another one", user, dir); len(found) > 0 {
					t.Errorf("found what is not there: %q", found)
				}
			})
		}
	}
	t.Run("log", func(t *testing.T) {
		if found := findSecret(t, secret, user, "a line\nhttps://"+secret+"\n"); len(found) != 1 {
			t.Errorf("found %q", found)
		}
	})
	t.Run("names", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Symlink("/"+secret, filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		put(t, dir, url.PathEscape(secret), nil)
		if found := findSecret(t, secret, user, dir); len(found) != 2 {
			t.Errorf("found %q", found)
		}
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func put(t testing.TB, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// straddling puts content over a border of the blocks that a search reads.
func straddling(content string) []byte {
	block := bytes.Repeat([]byte("."), 1<<20-len(content)/2)
	return slices.Concat(block, []byte(content), block)
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	closed(t, w, content)
	return out.Bytes()
}

func zstandard(t testing.TB, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	closed(t, w, content)
	return out.Bytes()
}

func closed(t testing.TB, w io.WriteCloser, content []byte) {
	t.Helper()
	// Compressed, so that the content is not there as it is.
	if _, err := w.Write(append(bytes.Repeat(content, 20), '\n')); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func tarred(t testing.TB, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range []string{"first", "dir/second"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	file, err := w.Create("module@v1.0.0/file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(bytes.Repeat(content, 20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// inGit commits content and removes it again: only git's objects hold it then.
func inGit(t testing.TB, dir, content string, packed bool) {
	t.Helper()
	script := "git init -q . && cat >f && git add f && git commit -qm 1 && echo more >>f && git commit -qam 2 && git rm -q f && git commit -qm 3"
	if packed {
		script += " && git gc -q && test -n \"$(ls .git/objects/pack/*.pack)\" && test ! -d .git/objects/$(git rev-parse HEAD | cut -c1-2)"
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(content)
	cmd.Env = append(gitServerEnv(), "PATH="+os.Getenv("PATH"), "HOME="+dir, "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.test",
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.test")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
