package private

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/crypto/ssh"
)

// keyFiles are the forms in which keys come.
func keyFiles(t testing.TB) map[string]string {
	t.Helper()
	write := func(kind string, der []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	ed, _ := newKey(t)
	old, err := rsa.GenerateKey(rand.Reader, 1024) // as small as it may be: it is not for use
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err8 := x509.MarshalPKCS8PrivateKey(ed)
	ec, errEC := x509.MarshalECPrivateKey(curve)
	return map[string]string{
		"OpenSSH": keyFile(t, ed, ""),
		"PKCS 8":  write("PRIVATE KEY", pkcs8, err8),
		"PKCS 1":  write("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(old), nil),
		"EC":      write("EC PRIVATE KEY", ec, errEC),
	}
}

func TestSSHKeys(t *testing.T) {
	_, public := newKey(t)
	for name, key := range keyFiles(t) {
		for form, written := range map[string]string{
			"as it is": key, "no last line break": strings.TrimRight(key, "\n"), "Windows": strings.ReplaceAll(key, "\n", "\r\n"), "two last line breaks": key + "\n",
		} {
			t.Run(name+", "+form, func(t *testing.T) {
				got := credentialsOf(t, map[string]map[string]string{"mine": {"type": "git-ssh", "ssh-privatekey": written, "known_hosts": "git.example.com " + public + "\r\n"}})
				if got.ssh.key != key {
					t.Errorf("the key becomes %q", got.ssh.key)
				}
				if diff := cmp.Diff([]string{"binding mine: ssh key for git.example.com"}, got.Used); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
	key, _ := newKey(t)
	whole := keyFile(t, key, "")
	lines := strings.SplitAfter(whole, "\n")
	for name, tt := range map[string]struct{ key, want string }{
		"passphrase": {keyFile(t, key, "s3cret"), "ssh-privatekey wants a passphrase, which a build cannot be asked"},
		"passphrase, old form": {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n" + strings.Repeat("QUJD", 16) + "\n-----END RSA PRIVATE KEY-----\n",
			"wants a passphrase"},
		"passphrase, PKCS 8":  {string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})), "ssh-privatekey"},
		"the public half":     {public, "is no private key that ssh can read"},
		"the first line lost": {strings.Join(lines[1:], ""), "is no private key that ssh can read"},
		"the last line lost":  {strings.Join(lines[:len(lines)-2], ""), "is no private key that ssh can read"},
		"a line lost":         {strings.Join(append(lines[:2:2], lines[3:]...), ""), "is no private key that ssh can read"},
		"all in one line":     {strings.ReplaceAll(whole, "\n", " "), "is no private key that ssh can read"},
		"a certificate":       {newAuthority(t, "ca", nil).PEM, "is no private key that ssh can read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(nil, bind(t, t.TempDir(), map[string]map[string]string{"mine": {"type": "git-ssh", "ssh-privatekey": tt.key, "known_hosts": "git.example.com " + public}}))
			says(t, err, "the binding mine (type git-ssh): ", tt.want)
			for _, line := range strings.Fields(tt.key) {
				if err != nil && len(line) > 20 {
					hides(t, err.Error(), line)
				}
			}
		})
	}
	one := map[string]string{"type": "git-ssh", "ssh-privatekey": whole, "known_hosts": "git.example.com " + public}
	_, err := Read(nil, bind(t, t.TempDir(), map[string]map[string]string{"a": one, "b": one}))
	says(t, err, "the binding b (type git-ssh): another binding of this type is there too")
}

func TestKnownHosts(t *testing.T) {
	_, key := newKey(t)
	unknown := base64.StdEncoding.EncodeToString(ssh.Marshal(struct{ Kind, Key string }{"ssh-new", "key"}))
	const hash = "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg="
	for name, tt := range map[string]struct {
		text   string
		hosts  []string
		hashed bool
		err    string
	}{
		"one":                       {"git.example.com " + key, []string{"git.example.com"}, false, ""},
		"of ssh-keyscan":            {"# git.example.com:22 SSH-2.0-OpenSSH_9.2\ngit.example.com " + key + "\n# git.example.com:22 SSH-2.0-x\n\n", []string{"git.example.com"}, false, ""},
		"several":                   {"git.example.com,10.1.2.3 " + key + "\nb.example.com " + key + "\ngit.example.com " + key + "\n", []string{"git.example.com", "10.1.2.3", "b.example.com"}, false, ""},
		"large letters":             {"Git.Example.COM " + key, []string{"git.example.com"}, false, ""},
		"ports":                     {"[git.example.com]:2222,[10.1.2.3]:7999 " + key + "\n[b.example.com]:22 " + key, []string{"git.example.com:2222", "10.1.2.3:7999", "b.example.com"}, false, ""},
		"Windows":                   {"git.example.com " + key + "\r\n\r\nb.example.com " + key + "\r\n", []string{"git.example.com", "b.example.com"}, false, ""},
		"tabs, comments":            {"  git.example.com\t" + key + " me@home and more  \n\t# x\n", []string{"git.example.com"}, false, ""},
		"hashes":                    {hash + " " + key, nil, true, ""},
		"a hash too":                {hash + " " + key + "\ngit.example.com " + key, []string{"git.example.com"}, true, ""},
		"patterns":                  {"*.example.com,!evil.example.com,git?.example.com,git.example.com " + key, []string{"git.example.com"}, false, ""},
		"IPv6":                      {"2001:db8::1,[2001:db8::1]:2222,git.example.com " + key, []string{"git.example.com"}, false, ""},
		"an authority":              {"@cert-authority git.example.com " + key, []string{"git.example.com"}, false, ""},
		"revoked":                   {"@revoked git.example.com " + key + "\n@revoked * " + key + "\nb.example.com " + key, []string{"b.example.com"}, false, ""},
		"nothing":                   {"# x\n\n", nil, false, ""},
		"a broken line":             {"git.example.com " + key + "\n\nb.example.com ssh-ed25519 AAAA...\nc.example.com " + key + "\nd.example.com " + key + "\n", nil, false, "line 3 is not HOST KIND KEY"},
		"a broken first line":       {"b.example.com ssh-ed25519\nc.example.com " + key + "\n", nil, false, "line 1 is not HOST KIND KEY"},
		"a kind of key that is new": {"b.example.com ssh-new " + unknown + "\n@cert-authority c.example.com " + key, []string{"b.example.com", "c.example.com"}, false, ""},
		"another kind of key":       {"b.example.com " + strings.Replace(key, "ssh-ed25519", "ssh-rsa", 1), nil, false, "line 1 is not HOST KIND KEY"},
		"a key that is cut off":     {"b.example.com ssh-ed25519 AAAA", nil, false, "line 1 is not HOST KIND KEY"},
		"a marker without a key":    {"@cert-authority b.example.com ssh-ed25519\n", nil, false, "line 1 is not HOST KIND KEY"},
		"two lines became one":      {"b.example.com c.example.com " + key, nil, false, "line 1 is not HOST KIND KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			hosts, hashed, err := knownHosts([]byte(tt.text))
			if tt.err != "" {
				says(t, err, tt.err)
				return
			}
			if err != nil || hashed != tt.hashed {
				t.Errorf("%v, hashed %v", err, hashed)
			}
			if diff := cmp.Diff(tt.hosts, hosts, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	user, _ := newKey(t)
	for text, want := range map[string]string{
		hash + " " + key:            "known_hosts has its hosts as hashes alone: make it with ssh-keyscan HOST, without -H",
		"*.example.com " + key:      "known_hosts names no host: put the output of ssh-keyscan HOST",
		"# x":                       "known_hosts names no host",
		"s3cret " + key + "\na b\n": "known_hosts: line 2 is not HOST KIND KEY",
	} {
		_, err := Read(nil, bind(t, t.TempDir(), map[string]map[string]string{"mine": {"type": "git-ssh", "ssh-privatekey": keyFile(t, user, ""), "known_hosts": text}}))
		says(t, err, "the binding mine (type git-ssh): ", want)
	}
}

// TestSSHKeyFile: ssh takes the binding's own file only as its owner has it in
// order; else it gets a copy for this build alone.
func TestSSHKeyFile(t *testing.T) {
	user, _ := newKey(t)
	_, known := newKey(t)
	key := keyFile(t, user, "")
	for name, tt := range map[string]struct {
		text string
		mode os.FileMode
		// owner is another user, 0 for this one.
		owner  int
		copied bool
	}{
		"of one's own":          {key, 0o600, 0, false},
		"for reading":           {key, 0o400, 0, false},
		"others may read":       {key, 0o644, 0, true},
		"the group may read":    {key, 0o440, 0, true},
		"no last line break":    {strings.TrimRight(key, "\n"), 0o600, 0, true},
		"Windows":               {strings.ReplaceAll(key, "\n", "\r\n"), 0o600, 0, true},
		"of another, for all":   {key, 0o644, 65534, false},
		"of another, not right": {strings.TrimRight(key, "\n"), 0o644, 65534, true},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.owner != 0 && os.Getuid() != 0 {
				t.Skip("SKIPPED: not root, who alone gives files away: run as root")
			}
			platform := filepath.Join(t.TempDir(), "a platform")
			all := bind(t, platform, map[string]map[string]string{"mine": {"type": "git-ssh", "ssh-privatekey": tt.text, "known_hosts": "git.example.com " + known}})
			own := filepath.Join(all[0].Path, "ssh-privatekey")
			writeFile(t, own, tt.text, tt.mode)
			if tt.owner != 0 {
				if err := os.Chown(own, tt.owner, tt.owner); err != nil {
					t.Fatal(err)
				}
			}
			access, err := Read(nil, all)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			command, err := access.ssh.command(dir, shellWord)
			if err != nil {
				t.Fatal(err)
			}
			want := own
			if tt.copied {
				want = filepath.Join(dir, "ssh-privatekey")
			}
			if !strings.HasPrefix(command, "ssh ") || !strings.Contains(command, want) {
				t.Errorf("%s does not use %s", command, want)
			}
			for _, word := range []string{"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "UserKnownHostsFile="} {
				if !strings.Contains(command, word) {
					t.Errorf("%s lacks %s", command, word)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "ssh-privatekey")); os.IsNotExist(err) == tt.copied {
				t.Errorf("copied: %v", err)
			}
			if tt.copied {
				info, err := os.Stat(want)
				if err != nil || info.Mode().Perm() != 0o600 || readFile(t, want) != key {
					t.Errorf("%v, %v, %q", err, info.Mode(), readFile(t, want))
				}
			}
			if got := readFile(t, own); got != tt.text {
				t.Errorf("the binding's file was changed: %q", got)
			}
		})
	}
	// A binding from a variable has no file.
	access, err := Read(nil, libcnb.Bindings{{Name: "v", Type: "git-ssh", Secret: map[string]string{"ssh-privatekey": strings.TrimSpace(key), "known_hosts": "git.example.com " + known}}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := access.ssh.command(dir, shellWord); err != nil || readFile(t, filepath.Join(dir, "ssh-privatekey")) != key {
		t.Error(err)
	}
}

// TestSSHTakesTheCommand: the command line survives git, the shell and ssh, with awkward paths.
func TestSSHTakesTheCommand(t *testing.T) {
	needsSSH(t)
	s := startSSH(t, t.TempDir())
	for name, mode := range map[string]os.FileMode{"in place": 0o600, "copied": 0o644} {
		t.Run(name, func(t *testing.T) {
			platform := filepath.Join(t.TempDir(), `it's a platform $x`)
			all := bind(t, platform, map[string]map[string]string{"mine": s.binding()})
			writeFile(t, filepath.Join(all[0].Path, "ssh-privatekey"), s.key, mode)
			access, err := Read(nil, all)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), `it's 100% $HOME`)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			command, err := access.ssh.command(dir, shellWord)
			if err != nil {
				t.Fatal(err)
			}
			b := setup{env: map[string]string{"GIT_SSH_COMMAND": command}}.begin(t)
			// The server says that there is no such repository: it took the key, and ssh its name.
			_, all2, err := b.run(t, "", "git", "ls-remote", "ssh://git@"+s.address+"/none.git")
			if err == nil || !strings.Contains(all2, "ERROR: Repository not found.") {
				t.Errorf("%v\n%s", err, all2)
			}
		})
	}
}

// TestSSHSettings: https goes over ssh for hosts of the key without a login, and the user's own settings stay.
func TestSSHSettings(t *testing.T) {
	user, _ := newKey(t)
	_, known := newKey(t)
	binding := map[string]string{"type": "git-ssh", "ssh-privatekey": keyFile(t, user, ""), "known_hosts": "a.example.com,git.example.com,[p.example.com]:2222 " + known}
	rewritten := func(b *session) map[string]string {
		got := map[string]string{}
		for _, url := range []string{"https://a.example.com/x", "https://git.example.com/x", "https://p.example.com/x", "https://other.example.com/x"} {
			out, all, err := b.run(t, "", "git", "ls-remote", "--get-url", url)
			if err != nil {
				t.Fatalf("%v\n%s", err, all)
			}
			got[url] = strings.TrimSpace(out)
		}
		return got
	}
	over := map[string]string{
		"https://a.example.com/x": "ssh://git@a.example.com/x", "https://git.example.com/x": "ssh://git@git.example.com/x",
		"https://p.example.com/x": "ssh://git@p.example.com:2222/x", "https://other.example.com/x": "https://other.example.com/x",
	}
	b := setup{bindings: map[string]map[string]string{"k": binding}}.begin(t)
	if diff := cmp.Diff(over, rewritten(b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for path, want := range map[string]bool{
		"git.example.com/team/lib": true, "a.example.com": true, "p.example.com/lib": true, "Git.Example.com/x": true,
		"other.example.com/x": false, "git.example.com.evil.example/x": false, "evil.example/git.example.com": false,
	} {
		if b.Serves(path) != want {
			t.Errorf("it serves %s: %v", path, !want)
		}
	}
	if b.AskedByGo() {
		t.Error("the go command needs no login for a key")
	}
	over["https://git.example.com/x"] = "https://git.example.com/x"
	b = setup{env: map[string]string{variable: login}, bindings: map[string]map[string]string{"k": binding}}.begin(t)
	if diff := cmp.Diff(over, rewritten(b)); diff != "" {
		t.Errorf("a login is there too (-want +got):\n%s", diff)
	}
	for _, name := range []string{"GIT_SSH_COMMAND", "GIT_SSH"} {
		b = setup{env: map[string]string{name: "my own ssh"}, bindings: map[string]map[string]string{"k": binding}}.begin(t)
		if _, ok := b.vars["GIT_SSH_COMMAND"]; ok || !strings.Contains(strings.Join(b.said, "\n"), "The key of the binding k is not used: GIT_SSH_COMMAND or GIT_SSH is set") {
			t.Errorf("%s: %v, %v", name, b.vars, b.said)
		}
		if got := rewritten(b)["https://a.example.com/x"]; got != "https://a.example.com/x" {
			t.Errorf("%s: %s", name, got)
		}
	}
	var out bytes.Buffer
	if err := b.Credentials.ServeGit("get", strings.NewReader("protocol=https\nhost=a.example.com\n\n"), &out); err != nil || out.Len() > 0 {
		t.Error(err, out.String())
	}
}
