package golang

import (
	"bytes"
	"errors"
	"testing"
)

func TestSecretsAreHiddenWhole(t *testing.T) {
	hide := &secrets{}
	for _, text := range []string{"s3cr3t", "short", "s3cr3tANDMORE"} {
		hide.add(text)
	}
	if got, want := hide.hide("a s3cr3tANDMORE and s3cr3t, short"), "a xxxxx and xxxxx, short"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := hide.in(errors.New("it is s3cr3t")); err.Error() != "it is xxxxx" {
		t.Error(err)
	}
	cause := errors.New("the disk is full")
	if err := hide.in(cause); !errors.Is(err, cause) {
		t.Error("an error without a secret is not the same any more")
	}
}

func TestLinesArriveWhole(t *testing.T) {
	var out bytes.Buffer
	log := newLogger(&out, true, &secrets{texts: []string{"s3cr3t"}})
	lines := &lineWriter{out: log.BodyWriter()}
	for _, piece := range []string{"one s3", "cr3t two\nthree ", "s3cr", "3t"} {
		if _, err := lines.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.end(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "    one xxxxx two\n    three xxxxx\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
