package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// providerTime bounds one request to the provider, providerBytes its answer.
	providerTime  = 10 * time.Second
	providerBytes = 1 << 20
	// quietTime is the least time between two lines of the log about its failures.
	quietTime = time.Minute
)

// client talks to a provider: with a deadline, reading no more than it must, and
// asking for keys only so often.
type client struct {
	http  *http.Client
	every time.Duration

	mu    sync.Mutex
	keys  string    // the URL that is asked only so often
	asked time.Time // when that was last
	down  bool      // and it did not answer with keys
	said  time.Time // when the log was last told of a failure
}

func newClient(every time.Duration) *client {
	c := &client{every: every}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 2
	c.http = &http.Client{
		Timeout: providerTime, Transport: &limited{transport, c},
		// What describes a provider lies where it says, or is not trusted.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

func (c *client) close() { c.http.CloseIdleConnections() }

// limit names the URL that is asked only so often.
func (c *client) limit(keys string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = keys
}

// mayAsk reports whether url may be asked now, and why not.
func (c *client) mayAsk(url string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case url != c.keys:
		return nil
	case c.asked.IsZero() || now.Sub(c.asked) >= c.every:
		c.asked = now
		return nil
	case c.down:
		return errDown
	}
	return errTooOften
}

// answered notes whether url has answered.
func (c *client) answered(url string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if url == c.keys {
		c.down = !ok
	}
}

// warn logs a failure, at most once a minute.
func (c *client) warn(log *slog.Logger, what, why string) {
	c.mu.Lock()
	quiet := !c.said.IsZero() && time.Since(c.said) < quietTime
	if !quiet {
		c.said = time.Now()
	}
	c.mu.Unlock()
	if !quiet {
		log.Warn(what, "err", why)
	}
}

// Why keys are not asked for: they were had a moment ago, so that a token that none
// of them has signed is a bad one; or nobody answered a moment ago.
var (
	errTooOften = errors.New("the provider's keys were fetched a moment ago")
	errDown     = errors.New("the provider has not answered a moment ago")
)

// limited is a client's transport.
type limited struct {
	*http.Transport
	of *client
}

func (l *limited) RoundTrip(r *http.Request) (*http.Response, error) {
	target := r.URL.String()
	if err := l.of.mayAsk(target); err != nil {
		return nil, err
	}
	resp, err := l.Transport.RoundTrip(r)
	l.of.answered(target, err == nil && resp.StatusCode == http.StatusOK)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, providerBytes), resp.Body}
	return resp, nil
}

// keysReport tells what became of the keys while one token was verified: the
// library keeps no cause of an error. It is its own key in a context.
type keysReport struct{ err error }

// fetchError says that keys could not be had, which is no fault of the token.
type fetchError struct{ err error }

func (e *fetchError) Error() string { return e.err.Error() }
func (e *fetchError) Unwrap() error { return e.err }

// reportingKeys are a provider's keys.
type reportingKeys struct{ keys *oidc.RemoteKeySet }

func (k *reportingKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.keys.VerifySignature(ctx, jwt)
	if report, ok := ctx.Value(keysReport{}).(*keysReport); ok && err != nil {
		report.err = err
		// The library's one error with a cause is that of a fetch.
		if errors.Unwrap(err) != nil && !errors.Is(err, errTooOften) {
			report.err = &fetchError{err}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("verifying the signature: %w", err)
	}
	return payload, nil
}

const (
	// maxVerified is how many verified tokens are remembered, and for how long.
	maxVerified  = 10_000
	verifiedTime = 5 * time.Minute
)

// verified remembers tokens by their digest, a bounded number of them.
type verified struct {
	mu      sync.RWMutex
	callers map[digest]remembered // guarded by mu
}

type remembered struct {
	caller sdk.Caller
	until  time.Time
}

func (v *verified) get(key digest, now time.Time) (sdk.Caller, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r, ok := v.callers[key]
	if !ok || !now.Before(r.until) {
		return sdk.Caller{}, false
	}
	return r.caller, true
}

// put remembers a caller until expiry, at most for verifiedTime. Where there is no
// room, what has expired goes first, and then whatever comes.
func (v *verified) put(key digest, caller sdk.Caller, now, expiry time.Time) {
	until := now.Add(verifiedTime)
	if expiry.Before(until) {
		until = expiry
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.callers == nil {
		v.callers = map[digest]remembered{}
	}
	if len(v.callers) >= maxVerified {
		v.makeRoom(now)
	}
	v.callers[key] = remembered{caller, until}
}

// makeRoom forgets some; mu is held. It takes a tenth at once, so that it is rare.
func (v *verified) makeRoom(now time.Time) {
	for key, r := range v.callers {
		if !now.Before(r.until) {
			delete(v.callers, key)
		}
	}
	for key := range v.callers {
		if len(v.callers) <= maxVerified*9/10 {
			return
		}
		delete(v.callers, key)
	}
}
