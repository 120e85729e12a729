package launch

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironment(t *testing.T) {
	unset := func(string) (string, bool) { return "", false }
	if diff := cmp.Diff(map[string]string{"GOMAXPROCS": strconv.Itoa(runtime.NumCPU())}, Environment(unset)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	set := func(name string) (string, bool) { return "1", name == "GOMAXPROCS" }
	if got := Environment(set); len(got) > 0 {
		t.Errorf("the user's GOMAXPROCS is replaced: %v", got)
	}
}
