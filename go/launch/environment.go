package launch

import (
	"runtime"
	"strconv"
)

// ExecD is the name under which the launch-time program stands in exec.d.
const ExecD = "environment"

// Environment is what an image whose Go is 1.4 or older adds to the environment
// of its processes: such programs use one CPU unless GOMAXPROCS says otherwise.
// lookup is os.LookupEnv. What the user set stays.
func Environment(lookup func(string) (string, bool)) map[string]string {
	if _, set := lookup("GOMAXPROCS"); set {
		return nil
	}
	return map[string]string{"GOMAXPROCS": strconv.Itoa(runtime.NumCPU())}
}
