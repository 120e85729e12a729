package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// engineWays are the settings with which dockerd is tried, the best first: kernels differ in what they offer for storage
// and packet filters.
var engineWays = [][]string{
	{"--storage-driver=overlay2"},
	{"--storage-driver=overlay2", "--iptables=false", "--ip6tables=false"},
	{"--storage-driver=overlay2", "--iptables=false", "--bridge=none"},
	{"--storage-driver=vfs", "--iptables=false", "--bridge=none"},
}

// startedEngine is what is remembered of a dockerd that the lab has started. The start time tells it from a later process
// with the same id.
type startedEngine struct {
	PID     int    `json:"pid"`
	Started string `json:"started"`
}

func enginePath(cache cacheFolder, name string) string { return cache.path("docker", name) }

// startEngine starts dockerd so that it outlives the lab.
func startEngine(ctx context.Context, cache cacheFolder) (string, error) {
	if err := os.MkdirAll(enginePath(cache, ""), 0o711); err != nil {
		return "", fmt.Errorf("start dockerd: %w", err)
	}
	logPath := enginePath(cache, "dockerd.log")
	log, err := os.Create(logPath)
	if err != nil {
		return "", fmt.Errorf("start dockerd: %w", err)
	}
	defer log.Close()
	for _, way := range engineWays {
		fmt.Fprintf(os.Stderr, "Starting dockerd %s (log: %s) ...\n", strings.Join(way, " "), logPath)
		version, err := tryEngine(ctx, cache, log, way)
		if err == nil {
			return version, nil
		}
		if ctx.Err() != nil {
			return "", errors.New("interrupted")
		}
		fmt.Fprintf(os.Stderr, "It did not start: %v\n", err)
	}
	return "", fmt.Errorf("dockerd does not start on this machine; the last lines of %s tell why", logPath)
}

func tryEngine(ctx context.Context, cache cacheFolder, log *os.File, way []string) (string, error) {
	args := append([]string{
		"--data-root", enginePath(cache, "data"),
		"--exec-root", enginePath(cache, "exec"),
		"--pidfile", enginePath(cache, "dockerd.pid"),
	}, way...)
	command := exec.CommandContext(context.WithoutCancel(ctx), "dockerd", args...) // it outlives the lab
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	deadline := time.After(60 * time.Second)
	for {
		select {
		case err := <-ended:
			return "", fmt.Errorf("it ended: %w", err)
		case <-deadline:
			stopProcess(command.Process.Pid)
			return "", errors.New("it did not answer within a minute")
		case <-ctx.Done():
			stopProcess(command.Process.Pid)
			return "", ctx.Err()
		case <-time.After(200 * time.Millisecond):
			if version, err := engineVersion(ctx); err == nil {
				return version, rememberEngine(cache, command.Process.Pid)
			}
		}
	}
}

func rememberEngine(cache cacheFolder, pid int) error {
	started, err := startTime(pid)
	if err != nil {
		return err
	}
	text, err := json.Marshal(startedEngine{PID: pid, Started: started})
	if err != nil {
		return err
	}
	return os.WriteFile(enginePath(cache, "started.json"), text, 0o644)
}

// stopEngine stops the dockerd that is remembered, if it is still the same process.
func stopEngine(cache cacheFolder) error {
	path := enginePath(cache, "started.json")
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		fmt.Println("No dockerd was started by this command; nothing to stop")
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop dockerd: %w", err)
	}
	var engine startedEngine
	if err := json.Unmarshal(text, &engine); err != nil {
		return fmt.Errorf("stop dockerd: %s: %w; remove it", path, err)
	}
	started, err := startTime(engine.PID)
	if err != nil || started != engine.Started {
		fmt.Println("The dockerd that this command had started has ended before")
		return os.Remove(path)
	}
	if !stopProcess(engine.PID) {
		return fmt.Errorf("dockerd (process %d) does not end on SIGTERM", engine.PID)
	}
	fmt.Printf("Stopped dockerd (process %d)\n", engine.PID)
	return os.Remove(path)
}

// stopProcess sends SIGTERM and waits; it tells whether the process is gone.
func stopProcess(pid int) bool {
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return errors.Is(err, syscall.ESRCH)
	}
	for range 300 {
		if _, err := startTime(pid); err != nil {
			return true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

// startTime is when a living process was started, in the kernel's ticks since boot.
func startTime(pid int) (string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", err
	}
	// The second field is the program's name in parentheses, which may hold anything; start time is the 22nd.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields)+2)
	}
	if fields[0] == "Z" {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	return fields[19], nil
}
