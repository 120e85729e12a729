// Command probe is what lines start in tests: it tells how it was started, and
// ends as it is told.
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
	"unsafe"

	"golang.org/x/sys/unix"
)

var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "QUIT": syscall.SIGQUIT,
	"TERM": syscall.SIGTERM, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
}

func main() {
	do := "args"
	if len(os.Args) > 1 {
		do = os.Args[1]
	}
	switch do {
	case "cat":
		must(io.Copy(os.Stdout, os.Stdin))
	case "err":
		fmt.Fprintln(os.Stderr, os.Args[2])
	case "exit":
		os.Exit(number(os.Args[2]))
	case "env":
		value, set := os.LookupEnv(os.Args[2])
		fmt.Printf("%s=%q %t\n", os.Args[2], value, set)
	case "pwd":
		fmt.Println(os.Getwd())
	case "pid":
		fmt.Println(os.Getpid())
	case "stdin":
		_, err := os.Stdin.Stat()
		fmt.Println(err == nil)
	case "die":
		must(0, syscall.Kill(os.Getpid(), signals[os.Args[2]]))
		time.Sleep(time.Minute)
	case "sleep":
		time.Sleep(duration(os.Args[2]))
	case "wait":
		wait(os.Args[2], number(os.Args[3]))
	case "orphan": // leaves a process that outlives it and tells who its parent is then
		cmd := exec.Command(os.Args[0], "adopted", strconv.Itoa(os.Getpid()))
		cmd.Stdout = os.Stdout
		must(0, cmd.Start())
	case "adopted":
		for os.Getppid() == number(os.Args[2]) {
			time.Sleep(time.Millisecond)
		}
		fmt.Println("adopted by", os.Getppid())
	case "reaper": // tells whether it is a parent for orphans
		var on int32
		must(0, unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&on)), 0, 0, 0))
		fmt.Println("reaper", on)
	case "zombies": // tells how many children of its parent nobody has reaped
		time.Sleep(duration(os.Args[2]))
		fmt.Println("zombies", zombies(os.Getppid()))
	default:
		fmt.Printf("%q\n", os.Args)
	}
}

// wait ends with status once it gets a signal, and tells how often it came.
func wait(name string, status int) {
	got := make(chan os.Signal, 8)
	signal.Notify(got, signals[name])
	fmt.Println("ready")
	<-got
	time.Sleep(200 * time.Millisecond)
	fmt.Println("got", name, 1+len(got))
	os.Exit(status)
}

func zombies(parent int) int {
	n := 0
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, _ := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(stat), ") ")
		if strings.HasPrefix(rest, fmt.Sprintf("Z %d ", parent)) {
			n++
		}
	}
	return n
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	return must(n, err)
}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	return must(d, err)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
