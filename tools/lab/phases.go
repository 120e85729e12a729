package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"time"
)

// phaseHeading is how the lifecycle's creator announces a phase, colours aside.
var phaseHeading = regexp.MustCompile(`^(?:\x1b\[[0-9;]*m)*===> ([A-Z]+)`)

// phaseClock hands the lifecycle's output on and takes the time of its phases on the way.
type phaseClock struct {
	out   io.Writer
	now   func() time.Time
	line  []byte
	phase string
	since time.Time
	spent map[string]float64
}

func newPhaseClock(out io.Writer, now func() time.Time) *phaseClock {
	return &phaseClock{out: out, now: now, spent: map[string]float64{}}
}

// Write passes text on at once, so that output is not held back, and looks at it line by line.
func (c *phaseClock) Write(text []byte) (int, error) {
	written, err := c.out.Write(text)
	rest := text[:written]
	for {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			break
		}
		c.look(append(c.line, rest[:end]...))
		c.line, rest = c.line[:0], rest[end+1:]
	}
	c.line = append(c.line, rest...)
	return written, err
}

func (c *phaseClock) look(line []byte) {
	heading := phaseHeading.FindSubmatch(line)
	if heading == nil {
		return
	}
	c.finish()
	c.phase = string(heading[1])
}

// finish ends the phase under way and gives the seconds of all so far.
func (c *phaseClock) finish() map[string]float64 {
	now := c.now()
	if c.phase != "" {
		c.spent[c.phase] += seconds(now.Sub(c.since))
	}
	c.phase, c.since = "", now
	return c.spent
}

// run runs the lifecycle and gives its exit code and the seconds of its phases.
func (j *job) run(ctx context.Context) (code int, phases map[string]float64, err error) {
	clock := newPhaseClock(j.sandbox.stdout, time.Now)
	j.sandbox.stdout = clock
	code, err = j.sandbox.run(ctx)
	return code, clock.finish(), err
}
