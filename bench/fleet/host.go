package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/trust"
)

// host is what of a host looks at a store.
type host struct {
	reader *store.Reader
	wire   *counting
	view   *store.View
}

// look is what one look has come to.
type look struct {
	requests, unchanged int
	sent                int64
	took                time.Duration
}

func newHost(url string, roots *trust.Roots) *host {
	wire := &counting{next: &http.Transport{}}
	source, err := store.NewHTTPSource(url, &http.Client{Transport: wire})
	if err != nil {
		panic(err) // the address is that of a store that runs
	}
	return &host{wire: wire, reader: store.NewReader(store.ReaderConfig{Source: source, Roots: roots})}
}

// look is what host/internal/repositories does.
func (h *host) look(ctx context.Context) (look, error) {
	h.wire.look = look{}
	begin := time.Now()
	err := h.read(ctx)
	h.wire.next.CloseIdleConnections() // tomorrow there is none left
	h.wire.look.took = time.Since(begin)
	return h.wire.look, err
}

func (h *host) read(ctx context.Context) error {
	view, err := h.reader.Refresh(ctx)
	if err != nil || view == h.view {
		return err
	}
	for i := range view.Shards() {
		if _, err := view.Shard(ctx, i); err != nil {
			return err
		}
	}
	if _, err := view.Advisories(ctx); err != nil {
		return err
	}
	if _, err := view.Revocations(ctx); err != nil {
		return err
	}
	h.view = view
	return nil
}

// counting counts what goes over the wire, for one goroutine.
type counting struct {
	next *http.Transport
	look look
}

// RoundTrip implements http.RoundTripper.
func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.look.requests++
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusNotModified {
		c.look.unchanged++
	}
	response.Body = &counted{response.Body, &c.look.sent}
	return response, nil
}

type counted struct {
	io.ReadCloser
	sent *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	*c.sent += int64(n)
	return n, err
}
