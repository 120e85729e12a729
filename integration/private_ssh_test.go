package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// sshForge is a forge that is reached by ssh, as git@HOST, by a real sshd.
type sshForge struct {
	*forge
	// Key is the private key that it takes, HostKey its own public one as in known_hosts, after the host.
	Key, HostKey string
	// Port is where it listens besides 22.
	Port int
	// hosts is an /etc/hosts that knows it: ssh asks no HTTP proxy.
	hosts, log string
}

// sshServers counts the servers, each of which has an address of its own.
var sshServers atomic.Int32

// newSSHForge starts an sshd for a user git, whom this machine need not have: it
// sees another /etc/passwd than the rest of the machine.
func newSSHForge(t *testing.T, host string) *sshForge {
	t.Helper()
	address := fmt.Sprintf("127.77.%d.%d", os.Getpid()%250+1, sshServers.Add(1))
	sshd := needsSSH(t, address)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string, mode os.FileMode) string {
		t.Helper()
		if err := os.WriteFile(file(name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return file(name)
	}
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	f := &sshForge{forge: newForge(t, "ssh", host, ""), Port: freePort(t), log: file("asked")}
	for _, name := range []string{"host-key", "user-key"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file(name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	f.Key, f.HostKey = read(file("user-key")), strings.TrimSpace(read(file("host-key.pub")))
	f.hosts = write("hosts", read("/etc/hosts")+"\n"+address+" "+host+"\n", 0o644)
	users := strings.TrimSpace(read("/etc/passwd")) + "\ngit:x:0:0:git:" + dir + ":/bin/sh\n"
	if !strings.Contains(users, "\nsshd:") {
		users += "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
	}
	write("passwd", users, 0o644)
	write("serve", `#!/bin/sh
# What a forge's own shell does: git's requests for repositories, and nothing else.
path=${SSH_ORIGINAL_COMMAND#"git-upload-pack '"}
path=${path%"'"}
echo "$LOGNAME $SSH_ORIGINAL_COMMAND" >>'`+f.log+`'
case "$SSH_ORIGINAL_COMMAND $path" in
*..* | *"'"*"'"*"'"*) exit 1 ;;
"git-upload-pack '/"*) exec env `+strings.Join(gitServerEnv(), " ")+` git upload-pack '`+f.dir+`'"$path" ;;
esac
echo "only git is served here" >&2
exit 1
`, 0o755)
	config := write("config", fmt.Sprintf(`ListenAddress %[1]s:22
ListenAddress %[1]s:%[2]d
HostKey %[3]s
AuthorizedKeysFile %[4]s
ForceCommand %[5]s
AllowUsers git
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
AcceptEnv GIT_PROTOCOL
PidFile none
`, address, f.Port, file("host-key"), file("user-key.pub"), file("serve")), 0o600)

	cmd := exec.Command("sh", "-euc", `mount --bind "$1" /etc/passwd; mount -t tmpfs tmpfs /run; mkdir /run/sshd; shift; exec "$@"`,
		"sh", file("passwd"), sshd, "-D", "-e", "-f", config)
	cmd.SysProcAttr = ownMounts()
	log, err := os.Create(file("log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("sshd:\n%s", read(file("log")))
		}
	})
	for range 100 {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("sshd: %v\n%s", err, read(file("log")))
		case <-time.After(50 * time.Millisecond):
		}
		conn, err := net.Dial("tcp", net.JoinHostPort(address, strconv.Itoa(f.Port)))
		if err == nil {
			_ = conn.Close()
			return f
		}
	}
	t.Fatalf("sshd does not listen:\n%s", read(file("log")))
	return nil
}

// needsSSH skips where no sshd can be started at an address, and returns its path.
func needsSSH(t testing.TB, address string) string {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd" // which the PATH of a user who is not root leaves out
	}
	if _, err := os.Stat(sshd); err != nil {
		t.Skipf("SKIPPED: no sshd here, so that nothing was fetched over ssh: apt-get install openssh-server")
	}
	for _, program := range []string{"ssh", "ssh-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: no %s here, so that nothing was fetched over ssh: apt-get install openssh-client", program)
		}
	}
	if os.Getuid() != 0 {
		t.Skipf("SKIPPED: not root, who alone can start an sshd with a user git, so that nothing was fetched over ssh: run as root")
	}
	cmd := exec.Command("mount", "--bind", "/etc/hosts", "/etc/hosts")
	cmd.SysProcAttr = ownMounts()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: root may not mount here (%v: %s), so that nothing was fetched over ssh: run on a machine or a container that may", err, out)
	}
	listener, err := net.Listen("tcp", address+":22")
	if err != nil {
		t.Skipf("SKIPPED: %v, so that nothing was fetched over ssh: stop what listens there", err)
	}
	_ = listener.Close()
	return sshd
}

// ownMounts are attributes of a process that may mount without others seeing it.
func ownMounts() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setpgid: true}
}

// inside returns the command that runs another one where the forge's name is known.
func (f *sshForge) inside() []string {
	return []string{"sh", "-euc", `mount --bind "$1" /etc/hosts; shift; exec "$@"`, "sh", f.hosts}
}

// requests are the commands that came over ssh, each after the user's name.
func (f *sshForge) requests(t testing.TB) []string {
	t.Helper()
	text, err := os.ReadFile(f.log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	_ = os.Remove(f.log)
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

// TestSSHServerOfThePrivateTests shows with plain git that the server is real: it
// takes its key and no other, at both ports, and shows nothing but repositories.
func TestSSHServerOfThePrivateTests(t *testing.T) {
	t.Parallel()
	f := newSSHForge(t, "git.example.com")
	f.hold(t, "team/lib", "git.example.com/team/lib.git")
	dir := t.TempDir()
	put(t, dir, "key", []byte(f.Key))
	put(t, dir, "known_hosts", fmt.Appendf(nil, "git.example.com,[git.example.com]:%d %s\n", f.Port, f.HostKey))
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "other-key")).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	run := func(key string, args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		command := append(f.inside(), args...)
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.SysProcAttr = ownMounts()
		cmd.Env = append(os.Environ(), "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -i "+filepath.Join(dir, key)+" -o UserKnownHostsFile="+filepath.Join(dir, "known_hosts"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, url := range []string{"ssh://git@git.example.com/team/lib.git", fmt.Sprintf("ssh://git@git.example.com:%d/team/lib.git", f.Port)} {
		if out, err := run("key", "git", "ls-remote", url); err != nil || !strings.Contains(out, "refs/tags/v1.0.0") {
			t.Errorf("%s: %v\n%s", url, err, out)
		}
		if out, err := run("other-key", "git", "ls-remote", url); err == nil || !strings.Contains(out, "Permission denied (publickey") {
			t.Errorf("%s with another key: %v\n%s", url, err, out)
		}
	}
	if got := f.requests(t); len(got) != 2 || got[0] != "git git-upload-pack '/team/lib.git'" {
		t.Errorf("the server was asked %q", got)
	}
	if out, err := run("key", "git", "ls-remote", "ssh://git@git.example.com/../lib.git"); err == nil {
		t.Errorf("a repository elsewhere was served:\n%s", out)
	}
}
