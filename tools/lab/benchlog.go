package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// benchLog keeps the output of one build, of both streams.
type benchLog struct {
	mutex sync.Mutex
	file  *os.File
	all   strings.Builder
}

func newBenchLog(path string) (*benchLog, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &benchLog{file: file}, nil
}

func (l *benchLog) Write(text []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.all.Write(text)
	return l.file.Write(text)
}

func (l *benchLog) text() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.all.String()
}

func (l *benchLog) close() { l.file.Close() }

var (
	colours     = regexp.MustCompile(`\x1b\[[0-9;]*m`)
	stepHeading = regexp.MustCompile(`^  (\S.*)$`)
	stepEnd     = regexp.MustCompile(`^    Done in (\S+)$`)
	peakMemory  = regexp.MustCompile(`Peak memory: ([0-9.]+) ([kMGT]?B)(?:, of the largest command ([0-9.]+) ([kMGT]?B))?`)
	goCommand   = regexp.MustCompile(`^    go (?:build|install) (.*)$`)
	cgoSetting  = regexp.MustCompile(`^    CGO_ENABLED=([01])`)
)

// buildpackLog is what the buildpack's own output tells.
type buildpackLog struct {
	steps  map[string]float64
	memory figures.Memory
	// flags and cgo are those of its go build; nil where it printed none that can be split without a shell.
	flags []string
	cgo   string
}

// readBuildpackLog looks for the times of steps, the memory and the go command in the output of a build.
func readBuildpackLog(text string) buildpackLog {
	read := buildpackLog{steps: map[string]float64{}}
	heading := ""
	for line := range strings.Lines(colours.ReplaceAllString(text, "")) {
		line = strings.TrimRight(line, " \r\n")
		if found := stepHeading.FindStringSubmatch(line); found != nil {
			heading = found[1]
		} else if found := stepEnd.FindStringSubmatch(line); found != nil {
			if took, err := time.ParseDuration(found[1]); err == nil && heading != "" {
				read.steps[heading] += took.Seconds()
			}
		} else if found := goCommand.FindStringSubmatch(line); found != nil {
			read.flags = buildFlags(found[1])
		} else if found := cgoSetting.FindStringSubmatch(line); found != nil {
			read.cgo = found[1]
		}
		if found := peakMemory.FindStringSubmatch(line); found != nil {
			read.memory = figures.Memory{Peak: parseBytes(found[1], found[2]), Largest: parseBytes(found[3], found[4])}
		}
	}
	return read
}

// buildFlags are the flags of a printed go command, without -o and the packages.
func buildFlags(arguments string) []string {
	if strings.ContainsAny(arguments, `'"\$`) {
		return nil
	}
	words := strings.Fields(arguments)
	var flags []string
	for i := 0; i < len(words); i++ {
		switch {
		case words[i] == "-o":
			i++
		case strings.HasPrefix(words[i], "-") && !strings.HasPrefix(words[i], "-o="):
			flags = append(flags, words[i])
		}
	}
	return flags
}

// parseBytes reads a size as the buildpack prints it; 0 for what is none.
func parseBytes(number, unit string) int64 {
	value, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0
	}
	for _, larger := range []string{"B", "kB", "MB", "GB", "TB"} {
		if larger == unit {
			return int64(value + 0.5)
		}
		value *= 1000
	}
	return 0
}
