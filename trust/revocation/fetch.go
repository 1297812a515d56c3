package revocation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	maxURL       = 1024
	maxRedirects = 3
	defaultWait  = 5 * time.Second
	firstPause   = time.Minute
	longestPause = time.Hour
	maxPauses    = 1024
)

// fetcher asks over HTTP. Questions that are equal and at the same time are asked once;
// an address that did not answer is left alone for a while.
type fetcher struct {
	client  *http.Client
	timeout time.Duration
	now     func() time.Time
	flight  singleflight.Group

	mu     sync.Mutex
	pauses map[string]pause // by issuer and address
}

type pause struct {
	failures int
	until    time.Time
}

func newFetcher(config Config) *fetcher {
	f := &fetcher{timeout: config.Timeout, now: config.Now, pauses: map[string]pause{}}
	if f.timeout <= 0 {
		f.timeout = defaultWait
	}
	transport := config.Transport
	if transport == nil {
		transport = newTransport(config.AllowPrivate)
	}
	f.client = &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errors.New("it is redirected too often")
		}
		if next.URL.Scheme != via[0].URL.Scheme {
			return fmt.Errorf("it is redirected to another scheme, %s", next.URL.Scheme)
		}
		return checkURL(next.URL.String())
	}}
	return f
}

// fetch is one thing to fetch.
type fetch struct {
	issuer string // whose answer it is: addresses are left alone for one issuer, not for all
	base   string // the address in the certificate
	url    string // what to ask: base with something behind it, or base
	post   []byte // nil: GET
	media  string // of post
	limit  int64
	take   func(body []byte) error // takes the answer, or says why it is none
}

// get fetches. While somebody else fetches the same, it waits for that. What is no answer
// counts as no answer: the address is left alone for a while. That must not cross from
// one issuer to the next, for the addresses in a certificate are its issuer's choice: one
// that names the responder of another would silence that one.
func (f *fetcher) get(ctx context.Context, what fetch) error {
	if err := checkURL(what.base); err != nil {
		return err
	}
	source := what.issuer + " " + what.base
	for {
		leads := false
		body, err, _ := f.flight.Do(what.issuer+" "+what.url+" "+string(what.post), func() (any, error) {
			leads = true
			if err := f.paused(source); err != nil {
				return nil, err
			}
			body, err := f.ask(ctx, what)
			if err == nil {
				err = what.take(body)
			}
			if err == nil {
				f.answered(source)
			} else if ctx.Err() == nil {
				f.failed(source)
			}
			return body, err
		})
		switch {
		case leads:
			return err
		case err == nil:
			return what.take(body.([]byte))
		case ctx.Err() == nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
			continue // whoever asked did not wait long enough; this caller may
		}
		return err
	}
}

func (f *fetcher) ask(ctx context.Context, what fetch) ([]byte, error) {
	caller := ctx
	ctx, cancel := context.WithTimeout(caller, f.timeout)
	defer cancel()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if what.post != nil {
		method, body = http.MethodPost, bytes.NewReader(what.post)
	}
	request, err := http.NewRequestWithContext(ctx, method, what.url, body)
	if err != nil {
		return nil, err
	}
	if what.post != nil {
		request.Header.Set("Content-Type", what.media)
	}
	request.Header.Set("User-Agent", "jackfield")
	response, err := f.client.Do(request)
	if err != nil {
		var wrapped *url.Error // its text repeats the whole address
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		if errors.Is(err, context.DeadlineExceeded) && caller.Err() == nil {
			return nil, fmt.Errorf("no answer within %s", f.timeout)
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %d instead of 200", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, what.limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(data)) > what.limit {
		return nil, fmt.Errorf("the answer has more than %d bytes", what.limit)
	}
	return data, nil
}

// checkURL refuses addresses that nobody should put into a certificate.
func checkURL(text string) error {
	if len(text) > maxURL {
		return fmt.Errorf("an address of %d characters is not asked", len(text))
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it is no address")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("addresses with %q are not asked, only http and https", u.Scheme)
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("an address without host, or with user or fragment, is not asked")
	}
	return nil
}

func (f *fetcher) paused(source string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p, ok := f.pauses[source]; ok && f.now().Before(p.until) {
		return fmt.Errorf("it did not answer before (%d times) and is asked again from %s on", p.failures, stamp(p.until))
	}
	return nil
}

func (f *fetcher) failed(source string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pauses) >= maxPauses {
		clear(f.pauses)
	}
	p := f.pauses[source]
	wait := min(firstPause<<min(p.failures, 10), longestPause)
	f.pauses[source] = pause{failures: p.failures + 1, until: f.now().Add(wait)}
}

func (f *fetcher) answered(source string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pauses, source)
}

func (f *fetcher) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.pauses)
}
