package private

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/crypto/ssh"
)

// sshKey is the key of a binding, with the hosts that it is for.
type sshKey struct {
	from string
	// key is the content of the key's file, and keyFile where it lies; "" where it lies in no file.
	key, keyFile string
	knownHosts   string
	// hosts are HOST or HOST:PORT, as far as the file has their names in plain.
	hosts []string
}

// readSSH reads a private key and the keys of the hosts that it is for.
func (a *Access) readSSH(b libcnb.Binding) error {
	if a.ssh != nil {
		return errors.New("another binding of this type is there too: one key is used for all hosts")
	}
	key, err := required(b, "ssh-privatekey", "put the private key into it")
	if err != nil {
		return err
	}
	known, err := required(b, "known_hosts", "put the output of ssh-keyscan HOST into it, so that no other server can answer for the host")
	if err != nil {
		return err
	}
	if _, err := ssh.ParseRawPrivateKey([]byte(key)); err != nil {
		if errors.As(err, new(*ssh.PassphraseMissingError)) || strings.Contains(key, "BEGIN ENCRYPTED PRIVATE KEY") {
			return errors.New("ssh-privatekey wants a passphrase, which a build cannot be asked: use a key without one")
		}
		return errors.New("ssh-privatekey is no private key that ssh can read: put the whole file into it, from -----BEGIN to -----END")
	}
	hosts, hashed, err := knownHosts([]byte(known))
	if err != nil {
		return fmt.Errorf("known_hosts: %w", err)
	}
	if len(hosts) == 0 {
		if hashed {
			return errors.New("known_hosts has its hosts as hashes alone: make it with ssh-keyscan HOST, without -H")
		}
		return errors.New("known_hosts names no host: put the output of ssh-keyscan HOST into it")
	}
	a.ssh = &sshKey{from: "the binding " + b.Name, key: strings.ReplaceAll(key, "\r", "") + "\n", knownHosts: known + "\n", hosts: hosts}
	if b.Path != "" {
		a.ssh.keyFile = filepath.Join(b.Path, "ssh-privatekey")
	}
	a.Used = append(a.Used, fmt.Sprintf("binding %s: ssh key for %s", b.Name, strings.Join(hosts, ", ")))
	return nil
}

// knownHosts returns the hosts of a known_hosts file, as HOST or HOST:PORT, in
// its order. Patterns and hashes name none; hashed tells of the latter.
func knownHosts(text []byte) (hosts []string, hashed bool, err error) {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		fields := strings.Fields(string(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") || fields[0] == "@revoked" {
			continue
		}
		if strings.HasPrefix(fields[0], "@") {
			fields = fields[1:]
		}
		// Which kinds of keys there are is ssh's to know.
		if len(fields) < 3 || !isKey(fields[1], fields[2]) {
			return nil, hashed, fmt.Errorf("line %d is not HOST KIND KEY: put the output of ssh-keyscan HOST there", number)
		}
		names := strings.Split(fields[0], ",")
		for _, name := range names {
			if strings.HasPrefix(name, "|") {
				hashed = true
				continue
			}
			if bracketed, ok := strings.CutPrefix(name, "["); ok {
				name = strings.Replace(bracketed, "]:", ":", 1)
			}
			host, port, _ := strings.Cut(lower(name), ":")
			if !hostName.MatchString(host) || port != "" && !isDigits(port) {
				continue // a pattern
			}
			if port != "" && port != "22" {
				host += ":" + port
			}
			if !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts, hashed, nil
}

// isKey tells whether text is a public key of that kind, which it begins with
// (RFC 4253, 6.6).
func isKey(kind, text string) bool {
	data, err := base64.StdEncoding.DecodeString(text)
	begin := binary.BigEndian.AppendUint32(nil, uint32(min(len(kind), 100))) // #nosec G115 -- not negative
	return err == nil && bytes.HasPrefix(data, append(begin, kind...)) && len(data) > 4+len(kind)
}

// command writes what ssh needs into dir and returns the command line that git has to use.
func (k *sshKey) command(dir string, quote func(string) string) (string, error) {
	known := filepath.Join(dir, "known_hosts")
	if err := os.WriteFile(known, []byte(k.knownHosts), 0o600); err != nil {
		return "", err
	}
	key := k.keyFile
	if !k.usable() {
		key = filepath.Join(dir, "ssh-privatekey") // goes with the build
		if err := os.WriteFile(key, []byte(k.key), 0o600); err != nil {
			return "", err
		}
	}
	// ssh splits and expands names of files.
	file := func(option, path string) string {
		return quote(option + `="` + strings.ReplaceAll(path, "%", "%%") + `"`)
	}
	options := []string{
		"-o", file("IdentityFile", key), "-F", "/dev/null", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "ControlPath=none", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "ControlMaster=no",
		"-o", "ConnectTimeout=20", "-o", "StrictHostKeyChecking=yes", "-o", file("UserKnownHostsFile", known),
	}
	return "ssh " + strings.Join(options, " "), nil
}

// usable tells whether ssh takes the binding's own file: not one of one's own
// that others may read, and not one without a line break at its end.
func (k *sshKey) usable() bool {
	info, err := os.Stat(k.keyFile)
	if err != nil {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Getuid() && info.Mode().Perm()&0o077 != 0 {
		return false
	}
	data, err := os.ReadFile(k.keyFile)
	return err == nil && bytes.HasSuffix(data, []byte("\n")) && !bytes.Contains(data, []byte("\r"))
}
