package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// question is what an app is asked once it runs, and what it is to answer.
type question struct {
	port    int
	path    string
	expect  string
	timeout time.Duration
}

// answer is what it said.
type answer struct {
	url    string
	status string
	body   string
	after  time.Duration // since the question was first put
}

func (q *question) register(command *cobra.Command) {
	flags := command.Flags()
	flags.IntVar(&q.port, "port", 0, "`NUMBER` of the port: given to the app as PORT, and asked (default: a free one)")
	flags.StringVar(&q.path, "path", "/", "`PATH` to ask for")
	flags.StringVar(&q.expect, "expect", "", "fail unless the answer's body has this `TEXT`")
	flags.DurationVar(&q.timeout, "timeout", 30*time.Second, "how long the app may take to answer")
}

// choosePort takes a free port when none is asked for.
func (q *question) choosePort() error {
	if q.port != 0 {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a free port: %w; name one with --port", err)
	}
	q.port = listener.Addr().(*net.TCPAddr).Port
	return listener.Close()
}

// ask repeats the request until there is an answer, of whatever status, or ended is closed.
func (q *question) ask(ctx context.Context, ended <-chan struct{}) (answer, error) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	url := fmt.Sprintf("http://127.0.0.1:%d/%s", q.port, strings.TrimPrefix(q.path, "/"))
	var last error
	for {
		got, err := askOnce(ctx, url)
		if err == nil {
			got.after = time.Since(started)
			return got, q.judge(got)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ended:
			return answer{}, fmt.Errorf("the process ended before it answered on port %d", q.port)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return answer{}, errors.New("interrupted")
			}
			return answer{}, fmt.Errorf("no answer from %s within %s: %w; does the app listen on $PORT? --timeout gives it longer", url, q.timeout, last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func askOnce(ctx context.Context, url string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer{}, err
	}
	// No proxy, and redirects are answers too.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return answer{}, err
	}
	return answer{url: url, status: response.Status, body: string(body)}, nil
}

func (q *question) judge(got answer) error {
	if q.expect == "" || strings.Contains(got.body, q.expect) {
		return nil
	}
	return fmt.Errorf("the answer of %s (%s) does not have %q in it: %q", got.url, got.status, q.expect, firstBytes(got.body))
}

func (a answer) String() string {
	return fmt.Sprintf("GET %s answered %s after %.2f s:\n  %s", a.url, a.status, a.after.Seconds(), strings.ReplaceAll(firstBytes(a.body), "\n", "\n  "))
}

// firstBytes is the beginning of a body, short enough to be shown.
func firstBytes(body string) string {
	const limit = 300
	if len(body) > limit {
		body = body[:limit] + "..."
	}
	return strings.TrimSpace(strings.ToValidUTF8(body, "."))
}

// firstLine is the beginning of the first line, for where there is one line only.
func firstLine(body string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(body), "\n")
	if runes := []rune(line); len(runes) > 80 {
		line = string(runes[:80]) + "..."
	}
	return line
}

// prefixWriter puts a prefix before each line, so that an app's output is told from the lab's.
type prefixWriter struct {
	mutex  sync.Mutex
	out    io.Writer
	prefix string
	line   []byte
}

func newPrefixWriter(out io.Writer, prefix string) *prefixWriter {
	return &prefixWriter{out: out, prefix: prefix}
}

// Write writes the lines that are complete.
func (w *prefixWriter) Write(text []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.line = append(w.line, text...)
	for {
		end := bytes.IndexByte(w.line, '\n')
		if end < 0 {
			return len(text), nil
		}
		if _, err := fmt.Fprintf(w.out, "%s%s\n", w.prefix, w.line[:end]); err != nil {
			return 0, err
		}
		w.line = w.line[end+1:]
	}
}

// flush writes a last line without an end.
func (w *prefixWriter) flush() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if len(w.line) > 0 {
		fmt.Fprintf(w.out, "%s%s\n", w.prefix, w.line)
		w.line = nil
	}
}
