package servecmd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestShareOut(t *testing.T) {
	for _, tc := range []struct {
		limit           uint64
		least, reserved int64 // for clients, and for the host
	}{
		{20_000, 19_300, 600}, {1_048_576, 1_000_000, 10_000}, {1024, 700, 200}, {256, 190, 60}, {64, 40, 16}, {math.MaxUint64, 1 << 30, 640},
	} {
		q := shareOut(tc.limit)
		n := int64(min(tc.limit, math.MaxInt32))
		if q.requests < tc.least || n-q.requests < tc.reserved || q.admins < 1 || q.admins > (n-q.requests)/4 {
			t.Errorf("of %d: %+v", tc.limit, q)
		}
	}
}

// crowd is a real server that holds two connections at most.
type crowd struct {
	t       *testing.T
	ln      *bounded
	metrics *connectionMetrics
	log     *strings.Builder
	server  *http.Server
}

func newCrowd(t *testing.T, most int64) *crowd {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{t: t, metrics: newConnectionMetrics(prometheus.NewRegistry()), log: &strings.Builder{}}
	log := slog.New(slog.NewTextHandler(c.log, nil)) // one goroutine at a time writes it
	c.ln = newBounded(ln, "requests", most, c.metrics, log)
	mux := http.NewServeMux()
	mux.HandleFunc("/plain", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		go func() { // like a WebSocket's reader
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn)
		}()
	})
	c.server = server(mux, slog.New(slog.DiscardHandler), time.Second)
	ended := make(chan error, 1)
	go func() { ended <- c.server.Serve(c.ln) }()
	t.Cleanup(func() {
		c.server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return c
}

// ask opens a connection, sends a request and returns the answer.
func (c *crowd) ask(path string) (net.Conn, *http.Response) {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.ln.Addr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n%s", path, strings.Repeat("x", 100_000))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return conn, resp
}

// await waits until so many connections are held.
func (c *crowd) await(held int64) {
	c.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); c.ln.held.Load() != held; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%d connections are held, not %d", c.ln.held.Load(), held)
		}
	}
}

// TestCrowdedListener: the third connection of two is told so, and gets in when
// another has gone, also when that one was taken over from net/http.
func TestCrowdedListener(t *testing.T) {
	c := newCrowd(t, 2)
	socket, resp := c.ask("/hijack")
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp.Status)
	}
	plain, resp := c.ask("/plain")
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	for range 3 {
		_, resp := c.ask("/plain")
		var p struct {
			Code      string
			Retryable bool
		}
		if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || p.Code != "unavailable" || !p.Retryable ||
			resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !resp.Close {
			t.Errorf("over the limit: %s %v, %+v, %v", resp.Status, resp.Header, p, err)
		}
	}
	if open, refused := testutil.ToFloat64(c.metrics.open), testutil.ToFloat64(c.metrics.refused); open != 2 || refused != 3 {
		t.Errorf("counted %v open and %v refused", open, refused)
	}
	for _, conn := range []net.Conn{socket, plain} {
		conn.Close()
		c.await(1)
		next, resp := c.ask("/plain")
		if resp.StatusCode != http.StatusOK {
			t.Errorf("after one has gone: %s", resp.Status)
		}
		defer next.Close()
	}
	c.server.Close()
	if n := strings.Count(c.log.String(), "msg="); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, c.log)
	}
}

// TestCrowdThatSaysNothing: connections over the limit that never send anything keep
// neither the listener nor its end from going on.
func TestCrowdThatSaysNothing(t *testing.T) {
	c := newCrowd(t, 1)
	if _, resp := c.ask("/hijack"); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp.Status)
	}
	for range 100 {
		conn, err := net.Dial("tcp", c.ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for deadline := time.Now().Add(10 * time.Second); testutil.ToFloat64(c.metrics.refused) != 100; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%v refused", testutil.ToFloat64(c.metrics.refused))
		}
	}
	c.server.Close() // waits for those it listens to
	if n := len(c.ln.slots); n != 0 {
		t.Errorf("%d refusals outlive the listener", n)
	}
}
