package integration

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// containerApp is a program that shows what a process finds in its container.
const containerApp = `
-- go.mod --
module example.com/app

go 1.25
-- Procfile --
web: exec app serve ${GREETING:-"good day"} # a comment
plain: app say plain words
chain: app say first && FROM="a variable" app environment FROM
pipe: app say through a pipe | app upper
background: app say in the background & wait; app say and after
fails: app say before; app fail 7
replaced: app say before && app pid
children: app pid | app upper
orphans: app orphan; app zombies | app upper
serves: app serve | app upper
memory: app environment GOMEMLIMIT
-- static/page.html --
<p>hello</p>
-- main.go --
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch args := os.Args[2:]; os.Args[1] {
	case "say":
		fmt.Println(strings.Join(args, " "))
	case "environment":
		for _, name := range args {
			fmt.Println(name + "=" + os.Getenv(name))
		}
	case "upper":
		signal.Ignore(syscall.SIGTERM) // there is more to come
		data, _ := io.ReadAll(os.Stdin)
		fmt.Print(strings.ToUpper(string(data)))
	case "fail":
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	case "pid":
		fmt.Println("process", os.Getpid())
	case "sleep":
		time.Sleep(300 * time.Millisecond)
	case "orphan":
		if err := exec.Command(os.Args[0], "sleep").Start(); err != nil {
			panic(err)
		}
	case "zombies":
		time.Sleep(time.Second)
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		zombies := 0
		for _, stat := range stats {
			data, _ := os.ReadFile(stat)
			if strings.Contains(string(data), ") Z ") {
				zombies++
			}
		}
		fmt.Println(zombies, "zombies of", len(stats) > 1)
	case "serve":
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		fmt.Println("serving", strings.Join(args, " "), "as process", os.Getpid() == 1, "of user", os.Getuid() != 0)
		if err := os.WriteFile("/workspace/x", nil, 0o600); err == nil {
			fmt.Println("the image can be written to")
		}
		os.Stdout.Sync()
		fmt.Fprintln(os.Stderr, "ready")
		<-told
		fmt.Println("ends on", "SIGTERM")
	}
}
`

// TestContainers runs processes on a run image without a shell, without write access and not as root.
func TestContainers(t *testing.T) {
	needsEngine(t)
	const image = "containers-test"
	if _, err := script(t, "pack.sh", "--clear-cache", "--image", image, "--env", "NO_COLOR=1", written(t, containerApp)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		process, want string
		options, args []string
		code          int
	}{
		"a plain line":                     {"plain", "plain words\n", nil, nil, 0},
		"arguments replace a plain line's": {"plain", "other words\n", nil, []string{"say", "other", "words"}, 0},
		"arguments come after a line":      {"chain", "first\nFROM=a variable\nSHELL=\n", nil, []string{"SHELL"}, 0},
		"a pipe":                           {"pipe", "THROUGH A PIPE\n", nil, nil, 0},
		"a background job":                 {"background", "in the background\nand after\n", nil, nil, 0},
		"the exit code":                    {"fails", "before\n", nil, nil, 7},
		"the launcher gives way":           {"replaced", "before\nprocess 1\n", nil, nil, 0},
		"no zombies":                       {"orphans", "0 ZOMBIES OF TRUE\n", nil, nil, 0},
		"a memory limit":                   {"memory", "GOMEMLIMIT=94371840\n", []string{"--memory", "100m"}, nil, 0},
		"a memory limit, another share":    {"memory", "GOMEMLIMIT=52428800\n", []string{"--memory", "100m", "--env", "BPL_GOMEMLIMIT_RATIO=0.5"}, nil, 0},
		"a memory limit, switched off":     {"memory", "GOMEMLIMIT=\n", []string{"--memory", "100m", "--env", "BPL_GOMEMLIMIT_RATIO=off"}, nil, 0},
		"a memory limit, the user's own":   {"memory", "GOMEMLIMIT=1GiB\n", []string{"--memory", "100m", "--env", "GOMEMLIMIT=1GiB"}, nil, 0},
		"no memory limit":                  {"memory", "GOMEMLIMIT=\n", nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := container(t, image, test.process, test.options, test.args...)
			if strings.Contains(out, "WARNING: ") && test.options != nil {
				t.Skipf("SKIPPED: this engine limits no memory: %s; run on one that has the memory controller", out)
			}
			if out != test.want || code != test.code {
				t.Errorf("%s printed %q and ended with %d, want %q and %d", test.process, out, code, test.want, test.code)
			}
		})
	}
	t.Run("SIGTERM", func(t *testing.T) {
		for process, want := range map[string]string{
			"web":    "serving good day as process true of user true\nends on SIGTERM\n",
			"serves": "SERVING  AS PROCESS FALSE OF USER TRUE\nENDS ON SIGTERM\n",
		} {
			ends(t, image, process, want)
		}
	})
	t.Run("what the image says of itself", func(t *testing.T) {
		out, err := exec.Command("docker", "inspect", "--format", "{{json .Config.Labels}}", image).Output()
		if err != nil {
			t.Fatal(err)
		}
		var labels map[string]string
		if err := json.Unmarshal(out, &labels); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(labels["com.scalingo.go.build"], `"programs":{"app":"."}`) {
			t.Errorf("labels: %s", out)
		}
	})
}

// container runs a process of an image and returns what it printed and its exit code.
func container(t testing.TB, image, process string, options []string, args ...string) (string, int) {
	t.Helper()
	command := append([]string{"run", "--rm", "--read-only", "--network", "none", "--entrypoint", process}, options...)
	cmd := exec.Command("docker", append(append(command, image), args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// ends stops a container as a platform does, and looks at how it ended.
func ends(t testing.TB, image, process, want string) {
	t.Helper()
	docker := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("docker", args...).Output()
		if err != nil {
			t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
		}
		return strings.TrimSpace(string(out))
	}
	id := docker("run", "--detach", "--read-only", "--network", "none", "--entrypoint", process, image)
	defer docker("rm", "--force", id)
	for range 100 {
		out, err := exec.Command("docker", "logs", id).CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), "ready") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	docker("stop", "--time", "30", id)
	if code := docker("inspect", "--format", "{{.State.ExitCode}}", id); code != "0" {
		t.Errorf("%s ended with %s", process, code)
	}
	if got := docker("logs", id) + "\n"; got != want {
		t.Errorf("%s: %s", process, fmt.Sprintf("printed %q, want %q", got, want))
	}
}
