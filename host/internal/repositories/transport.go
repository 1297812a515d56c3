package repositories

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxRedirects is how many redirections are followed.
const maxRedirects = 5

// redirectError says where a redirection would lead that is not followed.
type redirectError struct{ text string }

func (e *redirectError) Error() string { return e.text }

// newTransport makes what all requests of one repository go through, so that one that holds
// its connections holds nobody else's.
func newTransport(patience time.Duration) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = patience
	t.MaxConnsPerHost = 8
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

// sameOrigin follows redirections within scheme, host and port.
func sameOrigin(to *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return &redirectError{fmt.Sprintf("it redirects more than %d times", maxRedirects)}
	}
	if from := origin(via[0].URL); origin(to.URL) != from {
		return &redirectError{fmt.Sprintf("it redirects from %s to %.200q, which is another origin: if that is where it lives now, set the URL", from, origin(to.URL))}
	}
	return nil
}

// origin is scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// isRedirect reports whether err comes from a redirection that was not followed.
func isRedirect(err error) bool {
	_, ok := errors.AsType[*redirectError](err)
	return ok
}

// isSilence reports whether err says that somebody was there, and did not answer in time.
func isSilence(err error) bool {
	var timeout interface{ Timeout() bool }
	operation, ok := errors.AsType[*net.OpError](err)
	return errors.As(err, &timeout) && timeout.Timeout() && !(ok && operation.Op == "dial")
}
