package jameica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxRedirects is how many the client follows, too.
const maxRedirects = 10

// status is an answer that is not 200.
type status int

func (s status) Error() string {
	return fmt.Sprintf("the answer is %d %s", int(s), http.StatusText(int(s)))
}

// tooSlow is why something was given up. Like the errors of package net it has Timeout.
type tooSlow string

func (t tooSlow) Error() string { return string(t) }
func (t tooSlow) Timeout() bool { return true }

// get asks for an address, with more headers: name, value. Its error is an *Error with the
// address; of another status than 200 it wraps a status, and the answer is there without its
// body.
func (c *Client) get(ctx context.Context, address string, header ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, unreachable(address, err)
	}
	// What is signed is the bytes that are sent, and a document has its limit as it is sent.
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "jackfield")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: c.Transport, CheckRedirect: sameOrigin}
	response, err := client.Do(request)
	if err != nil {
		return nil, unreachable(address, err)
	}
	if response.StatusCode != http.StatusOK && !(len(header) > 0 && response.StatusCode == http.StatusPartialContent) {
		response.Body.Close()
		return response, unreachable(address, status(response.StatusCode))
	}
	return response, nil
}

// sameOrigin refuses redirects to another scheme, host or port.
func sameOrigin(request *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fault(CodeRedirectRefused, "", "it is redirected more than %d times", maxRedirects)
	}
	if from := via[0].URL; origin(from) != origin(request.URL) {
		return fault(CodeRedirectRefused, "", "it is redirected to %s; only the same scheme, host and port are followed", origin(request.URL))
	}
	return nil
}

// origin is scheme, host and effective port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// alikeOrigins compares the origins of two addresses.
func alikeOrigins(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && origin(x) == origin(y)
}

// unreachable makes an *Error with the address of what is none, or of one without.
func unreachable(address string, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		named := *e
		named.Subject = address
		return &named
	}
	var outer *url.Error
	cause := err
	if errors.As(err, &outer) {
		cause = outer.Err // which does not say the address again
	}
	return &Error{Code: CodeUnreachable, Subject: address, Message: cause.Error(), Err: err}
}

// document reads a whole document of at most limit bytes, within Timeout.
func (c *Client) document(ctx context.Context, address string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout(), tooSlow(fmt.Sprintf("it took longer than %s", c.timeout())))
	defer cancel()
	response, err := c.get(ctx, address)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case ctx.Err() != nil:
		return nil, unreachable(address, context.Cause(ctx))
	case err != nil:
		return nil, unreachable(address, err)
	case int64(len(data)) > limit:
		return nil, fault(CodeTooBig, address, "it has more than the %d bytes that are read", limit)
	}
	return data, nil
}

// piece is how many bytes of a download have to come within Stall.
const piece = 64 << 10

// stream brings what is at an address, at most limit bytes, and ends when a piece of it takes
// longer than Stall.
func (c *Client) stream(ctx context.Context, address string, limit int64, to *arrival) error {
	stall := c.Stall
	if stall <= 0 {
		stall = defaultTimeout
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(stall, func() {
		cancel(tooSlow(fmt.Sprintf("less than %d bytes came in %s", piece, stall)))
	})
	defer late.Stop()
	response, err := c.begin(ctx, address, to)
	if err != nil {
		return c.cause(ctx, address, err)
	}
	if response == nil {
		return nil // all of it was there
	}
	defer response.Body.Close()
	if total := to.size + max(response.ContentLength, 0); total > limit {
		return fault(CodeTooBig, address, "it has %d bytes, more than the %d that are taken", total, limit)
	}
	for {
		_, err := io.CopyN(to, response.Body, min(piece, limit+1-to.size))
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return c.cause(ctx, address, err)
		case to.size > limit:
			return fault(CodeTooBig, address, "it has more than the %d bytes that are taken", limit)
		}
		late.Reset(stall)
	}
}

// cause prefers why a context ended to what that did to a connection.
func (c *Client) cause(ctx context.Context, address string, err error) error {
	if ctx.Err() != nil {
		return unreachable(address, context.Cause(ctx))
	}
	return unreachable(address, err)
}
