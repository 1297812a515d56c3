package bundlecmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// The bounds on a conversation with a timestamp authority.
const (
	stampTimeout = 30 * time.Second
	maxStamp     = 256 << 10 // bytes of an answer
)

// stamper returns what asks the authority at that address (RFC 3161, 3.4).
func stamper(address string) (func(context.Context, []byte) ([]byte, error), error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, output.Usagef("write it as http://HOST/PATH or https://HOST/PATH", "--tsa %q is no address of a timestamp authority", address)
	}
	// An answer is believed for its signature; whoever redirects can only lose it.
	client := &http.Client{Timeout: stampTimeout}
	return func(ctx context.Context, request []byte) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(request))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/timestamp-query")
		r.Header.Set("Accept", "application/timestamp-reply")
		answer, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answers %s", address, answer.Status)
		}
		body, err := io.ReadAll(io.LimitReader(answer.Body, maxStamp+1))
		if err != nil {
			return nil, fmt.Errorf("reading the answer of %s: %w", address, err)
		}
		if len(body) > maxStamp {
			return nil, fmt.Errorf("the answer of %s has more than %d bytes", address, maxStamp)
		}
		return body, nil
	}, nil
}
