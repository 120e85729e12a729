// Package limits tells Go programs what their container allows them: memory,
// and CPUs where their Go does not look itself.
package limits

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
)

// Names of the launch-time program in exec.d, one of which the buildpack
// chooses by the image's Go when it is built.
const (
	// ExecD sets GOMEMLIMIT. Go 1.25 and later read the CPU quota themselves.
	ExecD = "limits"
	// ExecDQuota sets GOMAXPROCS too where there is a CPU quota, for Go 1.5 to 1.24.
	ExecDQuota = "limits-cpu-quota"
	// ExecDAllCPUs always sets GOMAXPROCS too, for Go 1.4 and older, which use one CPU unless told.
	ExecDAllCPUs = "limits-all-cpus"
)

// RatioVariable is the user's share of the container's memory, a number above
// 0 and up to 1, or "off" for no GOMEMLIMIT.
const RatioVariable = "BPL_GOMEMLIMIT_RATIO"

// defaultRatio leaves a tenth for what the Go runtime does not count, such as
// the program's own pages and memory of C libraries.
const defaultRatio = 0.9

// System is what the environment depends on.
type System struct {
	Root   fs.FS                       // of the file system: os.DirFS("/")
	Lookup func(string) (string, bool) // os.LookupEnv
	CPUs   int                         // runtime.NumCPU()
	Log    io.Writer                   // takes one line where a setting makes no sense
}

// Environment returns what the image adds to the environment of its processes,
// for the program that stands in exec.d as execD:
//
//   - GOMEMLIMIT, in bytes: the share of the container's memory limit
//     that [RatioVariable] tells, else 90 %. Go 1.19 and later read it.
//   - GOMAXPROCS, see [ExecDQuota] and [ExecDAllCPUs]: the CPU quota rounded
//     up, at least 2, at most the number of CPUs, as in Go 1.25
//     (runtime, adjustCgroupGOMAXPROCS).
//
// What the user has set, be it to nothing, is not touched. There is no error:
// without a limit, or where none can be read, nothing is added; a ratio that
// makes no sense is told and 90 % is used.
func (s System) Environment(execD string) map[string]string {
	env := make(map[string]string)
	if limit := s.memory(); limit > 0 {
		env["GOMEMLIMIT"] = strconv.FormatInt(limit, 10)
	}
	if procs := s.procs(execD); procs > 0 {
		env["GOMAXPROCS"] = strconv.Itoa(procs)
	}
	for name := range env {
		if _, set := s.Lookup(name); set {
			delete(env, name)
		}
	}
	return env
}

// memory is the limit for GOMEMLIMIT in bytes, 0 for none.
func (s System) memory() int64 {
	ratio := defaultRatio
	if text, set := s.Lookup(RatioVariable); set && text != "" {
		if text == "off" {
			return 0
		}
		number, err := strconv.ParseFloat(text, 64)
		// Written so that NaN is refused.
		if err != nil || !(number > 0 && number <= 1) {
			fmt.Fprintf(s.Log, "%s=%s is neither off nor a number above 0 and up to 1: %v is used\n", RatioVariable, text, defaultRatio)
		} else {
			ratio = number
		}
	}
	limit, ok := memory(s.Root)
	if !ok {
		return 0
	}
	return int64(float64(limit) * ratio)
}

// procs is the number for GOMAXPROCS, 0 for none.
func (s System) procs(execD string) int {
	if execD != ExecDQuota && execD != ExecDAllCPUs {
		return 0
	}
	if quota, ok := cpus(s.Root); ok {
		if procs := max(math.Ceil(quota), 2); procs < float64(s.CPUs) {
			return int(procs)
		}
	}
	if execD == ExecDAllCPUs {
		return s.CPUs
	}
	return 0
}
