package golang

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-colorable"
	"github.com/paketo-buildpacks/libpak/v2/log"

	"github.com/Scalingo/go-cnb/go/private"
)

// NewLogger returns libpak's logger on out, without colours where noColor is set.
// Whatever passes through it, the output of commands and errors too, loses the
// logins in its URLs.
func NewLogger(out io.Writer, noColor bool) log.PaketoLogger {
	return newLogger(out, noColor, &secrets{})
}

// newLogger is NewLogger for a log that hides secrets as well.
func newLogger(out io.Writer, noColor bool, hide *secrets) log.PaketoLogger {
	if noColor {
		out = colorable.NewNonColorable(out)
	}
	return log.NewPaketoLogger(hider{out, hide})
}

// masked stands for what a log must not show.
const masked = "xxxxx"

// hider masks user and password of every URL, since the go command and git print
// URLs as they were given and a user alone is often a token, and whatever is known
// to be a secret. The logger hands it whole lines.
type hider struct {
	out     io.Writer
	secrets *secrets
}

var login = regexp.MustCompile(`(://)[^/\s]+@`)

func (h hider) Write(p []byte) (int, error) {
	text := h.secrets.hide(string(login.ReplaceAll(p, []byte("${1}"+masked+"@"))))
	if _, err := io.WriteString(h.out, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// secrets are texts that must not be seen, the longest first: one may begin another.
type secrets struct {
	mu    sync.Mutex // caches warn beside the build
	texts []string
}

// add adds a text, unless it is so short that it would be everywhere.
func (s *secrets) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(text) >= private.Shortest {
		s.texts = append(s.texts, text)
		slices.SortStableFunc(s.texts, func(x, y string) int { return len(y) - len(x) })
	}
}

func (s *secrets) hide(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.texts {
		text = strings.ReplaceAll(text, secret, masked)
	}
	return text
}

// in masks the secrets in an error's text.
func (s *secrets) in(err error) error {
	if err == nil || s.hide(err.Error()) == err.Error() {
		return err
	}
	return errors.New(s.hide(err.Error()))
}

// lineWriter hands on whole lines, so that a secret cannot come in two pieces.
type lineWriter struct {
	out  io.Writer
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	whole := bytes.LastIndexByte(w.rest, '\n') + 1
	if whole == 0 {
		return len(p), nil
	}
	_, err := w.out.Write(w.rest[:whole])
	w.rest = append(w.rest[:0], w.rest[whole:]...)
	return len(p), err
}

// end writes what is left, as a line.
func (w *lineWriter) end() error {
	if len(w.rest) == 0 {
		return nil
	}
	_, err := w.Write([]byte("\n"))
	return err
}

// report prints the story of a build: a title for each step, lines below it, and its time.
type report struct {
	log.Logger
	clock func() time.Time
	// steps are those that ended.
	steps *[]stepTime
}

// stepTime is how long a step took, in seconds.
type stepTime struct {
	Step    string  `json:"step"`
	Seconds float64 `json:"seconds"`
}

// step prints the title of a step; the function it returns ends the step with its time.
func (r report) step(title string) (done func()) {
	started := r.clock()
	r.Header(title)
	return func() {
		took := r.clock().Sub(started)
		*r.steps = append(*r.steps, stepTime{title, math.Round(took.Seconds()*1000) / 1000})
		r.Bodyf("Done in %s", seconds(took))
	}
}

// warn prints something that the user should look at but that does not end the build.
func (r report) warn(format string, args ...any) {
	r.Headerf("WARNING: "+format, args...)
}

// table prints rows with their columns lined up.
func (r report) table(rows [][]string) {
	var lines strings.Builder
	columns := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(columns, strings.Join(row, "\t")) // a Builder takes all
	}
	_ = columns.Flush()
	for line := range strings.Lines(lines.String()) {
		r.Body(strings.TrimRight(line, " \n"))
	}
}

// seconds prints a duration the way a reader of a build log wants it: "0.3s", "12.5s", "2m3s".
func seconds(d time.Duration) string {
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}

// size prints a number of bytes: "7.3 MB".
func size(bytes int64) string {
	return humanize.Bytes(uint64(max(bytes, 0))) // #nosec G115 -- not negative
}

// count prints a number with its noun: "1 module", "3 modules".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", humanize.Comma(int64(n)), noun)
}
