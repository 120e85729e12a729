package compile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/Scalingo/go-cnb/go/toolchain"
)

func TestListingDoesNotCollectGarbage(t *testing.T) {
	for _, c := range []struct {
		version   string
		env, want []string
	}{
		{"1.22.1", []string{"A=b"}, []string{"A=b", "GOGC=off", "GOMEMLIMIT=512MiB"}},
		{"1.22.1", []string{"GOGC=50"}, []string{"GOGC=50"}},
		{"1.18.1", []string{"A=b"}, []string{"A=b"}}, // without a limit it could take any amount of memory
	} {
		l := lister{tool: toolchain.Go{Version: toolchain.MustParseVersion(c.version)}, env: c.env}
		if diff := cmp.Diff(c.want, l.withoutCollector()); diff != "" {
			t.Errorf("Go %s, %q (-want +got):\n%s", c.version, c.env, diff)
		}
	}
}
