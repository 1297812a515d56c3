// Command fetch is an extension that asks a web server. It shows how to reach what the
// manifest has a permission for: Setup.DialContext fits http.Transport, and what it
// connects to is the host's decision, not ours.
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// maxBody is how much of a page is read, in bytes.
const maxBody = 64 << 10

type request struct {
	URL string `json:"url" jsonschema:"maxLength=2000"`
}

type response struct {
	Status    int    `json:"status"`
	MediaType string `json:"media_type"`
	Text      string `json:"text"`
}

// fetch is the extension.
type fetch struct {
	client *http.Client
	log    *slog.Logger
}

func (f *fetch) Handlers() []sdk.Handler {
	return []sdk.Handler{sdk.Handle("examples.fetch.FetchRequest", "examples.fetch.FetchResponse", f.answer)}
}

func (f *fetch) Init(_ context.Context, setup sdk.Setup) error {
	f.log = setup.Log
	f.client = &http.Client{
		Timeout: 20 * time.Second,
		Transport: &http.Transport{
			DialContext:         setup.DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			MaxConnsPerHost:     16,
			IdleConnTimeout:     time.Minute,
		},
	}
	return nil
}

// answer fetches what the request names. Whatever that is, and wherever its server
// redirects to: only what was granted is ever reached.
func (f *fetch) answer(ctx context.Context, in request) (response, error) {
	target, err := url.Parse(in.URL)
	if err != nil || target.Scheme != "https" && target.Scheme != "http" || target.Host == "" {
		return response{}, sdk.Errorf(sdk.InvalidArgument, "url must be of the form https://HOST/PATH")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, in.URL, nil)
	if err != nil {
		return response{}, sdk.Errorf(sdk.InvalidArgument, "url can not be asked for")
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return response{}, f.failed(ctx, target.Host, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return response{}, f.failed(ctx, target.Host, err)
	}
	return response{Status: resp.StatusCode, MediaType: resp.Header.Get("Content-Type"), Text: string(text)}, nil
}

// failed keeps the cause in the log: what a network looks like from the inside is no
// client's business. Only what the client can do something about is said.
func (f *fetch) failed(ctx context.Context, host string, err error) error {
	f.log.WarnContext(ctx, "fetching", "host", host, "error", err)
	switch code := sdk.CodeOf(err); {
	case code == sdk.PermissionDenied:
		return sdk.Errorf(code, "the extension may not connect to every server, and not to this one")
	case errors.Is(err, context.DeadlineExceeded), code == sdk.DeadlineExceeded:
		return sdk.Errorf(sdk.DeadlineExceeded, "the server did not answer in time")
	}
	return sdk.Errorf(sdk.Unavailable, "the server can not be reached")
}

func (f *fetch) Destroy(context.Context) error {
	f.client.CloseIdleConnections()
	return nil
}

func main() { serve.Main(&fetch{}) }
