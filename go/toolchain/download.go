package toolchain

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/dustin/go-humanize"
)

// Downloader reads files over http(s) and file URLs.
type Downloader struct {
	// Client makes the requests; NewDownloader makes one with the time-outs that fit.
	Client *http.Client
	// UserAgent names the buildpack to the servers.
	UserAgent string
	// Idle is how long a response may deliver nothing before it is given up.
	Idle time.Duration
	// Attempts is how often a request is made before a passing failure counts as one.
	Attempts uint
	// Pause is the first wait between two attempts; it grows with each.
	Pause time.Duration
	// Progress is called now and then during a long download, with a URL whose user and password
	// are masked; total is -1 when the server does not say.
	Progress func(u *url.URL, done, total int64)
	// Credentials returns the user and password for a URL that needs them; nil for none. They are sent over https alone.
	Credentials func(u *url.URL) *url.Userinfo
}

// NewDownloader returns a downloader with the time-outs of a build: generous to slow servers, short with dead ones.
func NewDownloader(userAgent string) *Downloader {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		ForceAttemptHTTP2:     true,
	}
	return &Downloader{
		Client:    &http.Client{Transport: transport, CheckRedirect: redirect},
		UserAgent: userAgent,
		Idle:      30 * time.Second,
		Attempts:  4,
		Pause:     500 * time.Millisecond,
	}
}

// redirect lets a server send a download on, but neither to http from https nor with the login to another place.
func redirect(request *http.Request, before []*http.Request) error {
	first, last := before[0].URL, before[len(before)-1].URL
	switch {
	case len(before) >= 10:
		return errors.New("the server sends the download on again and again")
	case last.Scheme == "https" && request.URL.Scheme != "https":
		return fmt.Errorf("the server sends the download on to %s, which is not https", withoutUser(request.URL))
	case request.URL.Scheme != first.Scheme || request.URL.Host != first.Host:
		request.Header.Del("Authorization")
	}
	return nil
}

// Trust makes the downloader trust the authorities in roots; nil leaves those of the system.
func (d *Downloader) Trust(roots *x509.CertPool) {
	if transport, ok := d.Client.Transport.(*http.Transport); ok && roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
}

// errNotFound is reported when a server answers that it does not have the file.
var errNotFound = errors.New("not found")

// progressEvery is how often a long download says that it goes on.
const progressEvery = 10 * time.Second

// Read hands what u names to consume, which reads as much as it wants. A passing
// failure (no connection, 408, 429, 5xx, a reset, a body that ends early) leads to
// another attempt, for which consume is called again from the start. An error of
// consume that comes from elsewhere is returned at once.
func (d *Downloader) Read(ctx context.Context, u *url.URL, consume func(io.Reader) error) error {
	if u.Scheme == "file" {
		f, err := os.Open(u.Path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		return consume(f)
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = d.Pause
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, d.attempt(ctx, u, consume)
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(d.Attempts), backoff.WithMaxElapsedTime(0))
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		return permanent.Unwrap()
	}
	return err
}

func (d *Downloader) attempt(ctx context.Context, u *url.URL, consume func(io.Reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := d.request(ctx, u)
	if err != nil {
		return backoff.Permanent(err)
	}
	response, err := d.Client.Do(request)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err // without the URL, which may hold a password; the caller names it
		}
		if final(err) {
			return backoff.Permanent(err)
		}
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if err := status(response); err != nil {
		return err
	}
	body := &bodyReader{ctx: ctx, cancel: cancel, body: response.Body, total: response.ContentLength, idle: d.Idle, url: withoutUser(u), progress: d.Progress, reported: time.Now()}
	body.timer = time.AfterFunc(d.Idle, body.stalled)
	defer body.timer.Stop()
	err = consume(body)
	switch {
	case body.err != nil:
		return body.err // the connection failed, whatever consume made of it
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return err // a server that sent less and closed properly: worth another try
	default:
		return backoff.Permanent(err)
	}
}

func (d *Downloader) request(ctx context.Context, u *url.URL) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", d.UserAgent)
	// Some servers call a .tar.gz "Content-Encoding: gzip", and Go's client would unpack it unasked.
	request.Header.Set("Accept-Encoding", "identity")
	if u.User == nil && u.Scheme == "https" && d.Credentials != nil { // over https alone, as the go command does
		if user := d.Credentials(u); user != nil {
			password, _ := user.Password()
			request.SetBasicAuth(user.Username(), password)
		}
	}
	return request, nil
}

// withoutUser is u fit to be shown: "xxxxx" stands for user and password. A user alone
// is often a token, which URL.Redacted would print.
func withoutUser(u *url.URL) *url.URL {
	if u.User == nil {
		return u
	}
	clean := *u
	clean.User = url.User("xxxxx")
	return &clean
}

func redacted(u *url.URL) string { return withoutUser(u).String() }

func status(response *http.Response) error {
	code := response.StatusCode
	err := fmt.Errorf("the server answered %s", response.Status)
	switch {
	case code == http.StatusOK:
		return nil
	case code == http.StatusNotFound || code == http.StatusGone:
		return backoff.Permanent(fmt.Errorf("%w (%s)", errNotFound, response.Status))
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		if seconds, parseErr := strconv.Atoi(response.Header.Get("Retry-After")); parseErr == nil && seconds <= 30 {
			return &retryLater{err, backoff.RetryAfter(seconds)}
		}
		return err
	default:
		return backoff.Permanent(err)
	}
}

// retryLater is a passing failure after which the server asks for a pause.
type retryLater struct {
	error
	after error
}

func (r *retryLater) Unwrap() []error { return []error{r.error, r.after} }

// final tells which failures to connect no second attempt will mend.
func final(err error) bool {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &certificate)
}

// bodyReader watches a response body: it gives up when nothing comes for a
// while, and keeps the connection's own error apart from what its reader makes of it.
type bodyReader struct {
	ctx         context.Context
	cancel      context.CancelCauseFunc
	body        io.Reader
	done, total int64
	idle        time.Duration
	timer       *time.Timer
	url         *url.URL
	progress    func(*url.URL, int64, int64)
	reported    time.Time
	err         error
}

func (b *bodyReader) stalled() {
	b.cancel(fmt.Errorf("no data for %s", b.idle))
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.done += int64(n)
	b.timer.Reset(b.idle)
	if cause := context.Cause(b.ctx); err != nil && cause != nil {
		err = cause // even when the server ends the body properly on hearing that we hang up
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = fmt.Errorf("the download broke off after %s: %w", humanize.Bytes(uint64(b.done)), err) // #nosec G115 -- a count
	}
	if now := time.Now(); b.progress != nil && now.Sub(b.reported) >= progressEvery {
		b.reported = now
		b.progress(b.url, b.done, b.total)
	}
	return n, err
}
