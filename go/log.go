package golang

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-colorable"
	"github.com/paketo-buildpacks/libpak/v2/log"
)

// NewLogger returns libpak's logger on out, without colours where noColor is set.
// Whatever passes through it, the output of commands and errors too, loses the
// logins in its URLs.
func NewLogger(out io.Writer, noColor bool) log.PaketoLogger {
	if noColor {
		out = colorable.NewNonColorable(out)
	}
	return log.NewPaketoLogger(loginHider{out})
}

// loginHider replaces user and password of every URL by "xxxxx": the go command
// and git print URLs as they were given, and a user alone is often a token. The
// logger hands it whole lines.
type loginHider struct{ out io.Writer }

var login = regexp.MustCompile(`(://)[^/\s]+@`)

func (h loginHider) Write(p []byte) (int, error) {
	if _, err := h.out.Write(login.ReplaceAll(p, []byte("${1}xxxxx@"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// report prints the story of a build: a title for each step, lines below it, and its time.
type report struct {
	log.Logger
	clock func() time.Time
}

// step prints the title of a step; the function it returns ends the step with its time.
func (r report) step(title string) (done func()) {
	started := r.clock()
	r.Header(title)
	return func() {
		r.Bodyf("Done in %s", seconds(r.clock().Sub(started)))
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
