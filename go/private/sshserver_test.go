package private

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// needsSSH skips where there is no ssh.
func needsSSH(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("SKIPPED: no ssh here, so that what it does and says is not tested: apt-get install openssh-client")
	}
}

// sshServer is a git server that is reached by ssh and takes one key.
type sshServer struct {
	// address is HOST:PORT, known its line of known_hosts, key the private key that it takes.
	address, known, key string
}

// newKey makes a key, and the line for it as ssh writes public keys.
func newKey(t testing.TB) (private ed25519.PrivateKey, public string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	half, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return private, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(half)))
}

// keyFile is a key as ssh-keygen writes it.
func keyFile(t testing.TB, key ed25519.PrivateKey, passphrase string) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "test")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// startSSH starts a server for the git repositories below a directory.
func startSSH(t testing.TB, dir string) *sshServer {
	t.Helper()
	user, public := newKey(t)
	host, hostPublic := newKey(t)
	signer, err := ssh.NewSignerFromKey(host)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) != public {
			return nil, errors.New("unknown")
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, config, dir)
		}
	}()
	address := listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	return &sshServer{address: address, known: "[127.0.0.1]:" + port + " " + hostPublic, key: keyFile(t, user, "")}
}

// serveSSH answers git-upload-pack, and nothing else.
func serveSSH(conn net.Conn, config *ssh.ServerConfig, dir string) {
	defer func() { _ = conn.Close() }()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		for r := range requests {
			if r.Type != "exec" {
				_ = r.Reply(r.Type == "env", nil)
				continue
			}
			_ = r.Reply(true, nil)
			var asked struct{ Command string }
			code := uint32(1)
			if ssh.Unmarshal(r.Payload, &asked) == nil && uploadPack(channel, dir, asked.Command) == nil {
				code = 0
			}
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
			_ = channel.Close()
			break
		}
	}
}

func uploadPack(channel ssh.Channel, dir, asked string) error {
	path, ok := strings.CutPrefix(asked, "git-upload-pack '/")
	path, ok2 := strings.CutSuffix(path, "'")
	repository := filepath.Join(dir, filepath.FromSlash(path))
	if _, err := os.Stat(repository); !ok || !ok2 || err != nil {
		// As the forges say it.
		_, _ = io.WriteString(channel.Stderr(), "ERROR: Repository not found.\n")
		return errors.New("not found")
	}
	cmd := exec.Command("git", "upload-pack", repository)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	in, err := cmd.StdinPipe() // and not the channel itself, which Run would wait for
	if err != nil {
		return err
	}
	go func() { _, _ = io.Copy(in, channel); _ = in.Close() }()
	return cmd.Run()
}

// binding is a binding with the server's key and name.
func (s *sshServer) binding() map[string]string {
	return map[string]string{"type": "git-ssh", "ssh-privatekey": s.key, "known_hosts": s.known + "\n"}
}
