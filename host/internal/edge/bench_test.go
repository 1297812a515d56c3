package edge

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/router"
)

// discard is a ResponseWriter that costs nothing, so that the benchmark shows the
// edge alone.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

func (d *discard) SetReadDeadline(time.Time) error { return nil }

// reusable is a body that can be read again.
type reusable struct{ bytes.Reader }

func (*reusable) Close() error { return nil }

func benchHandler() http.Handler {
	r := router.New(router.Config{})
	rt := opaque(echo)
	rt.Gate = router.NewGate(512, 1024)
	r.Swap(router.NewTable([]*router.Route{rt}))
	return New(Config{Router: r, Validate: true, Log: slog.New(slog.DiscardHandler), Hosts: []string{"example.com"}})
}

// newBench returns a function that has the edge answer one request of 1 KiB.
func newBench(tb testing.TB) func() {
	h := benchHandler()
	payload := bytes.Repeat([]byte("x"), 1024)
	req := httptest.NewRequestWithContext(tb.Context(), "POST", "/v1/requests/x.Raw", nil)
	req.Header.Set("Content-Type", "application/octet-stream")
	body := &reusable{}
	req.Body, req.ContentLength = body, int64(len(payload))
	w := &discard{header: http.Header{}}
	return func() {
		body.Reset(payload)
		clear(w.header)
		h.ServeHTTP(w, req)
		if w.header.Get("Response-Type") != "x.Answer" {
			tb.Fatal(w.header)
		}
	}
}

// BenchmarkEdge is what the edge and the router add to a request of 1 KiB, without
// net/http and without an extension.
func BenchmarkEdge(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		request := newBench(b)
		for pb.Next() {
			request()
		}
	})
}

// BenchmarkHTTP is the same over a loopback connection, client and net/http
// included.
func BenchmarkHTTP(b *testing.B) {
	server := httptest.NewServer(benchHandler())
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	payload := bytes.Repeat([]byte("x"), 1024)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Post(server.URL+"/v1/requests/x.Raw", "application/octet-stream", bytes.NewReader(payload))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
				b.Fatal(resp.StatusCode, err)
			}
			resp.Body.Close()
		}
	})
}

// TestAllocations keeps the number that BenchmarkEdge shows from growing unseen.
func TestAllocations(t *testing.T) {
	request := newBench(t)
	const most = 18
	if n := testing.AllocsPerRun(500, request); n > most {
		t.Errorf("%v allocations for each request, at most %d are expected", n, most)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
