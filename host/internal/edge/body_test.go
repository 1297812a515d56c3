package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// dial opens a connection of its own, for requests that an http.Client can not
// send.
func (l *listener) dial() net.Conn {
	l.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		l.t.Fatal(err)
	}
	return conn
}

// raw sends text as it is and returns all that comes back until the connection is
// closed.
func (l *listener) raw(text string) string {
	l.t.Helper()
	conn := l.dial()
	if _, err := io.WriteString(conn, text); err != nil {
		l.t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn) // a reset is an end, too
	return string(answer)
}

func TestBodyLimit(t *testing.T) {
	small := opaque(echo)
	small.RequestBytes = 100_000
	l := listen(t, Config{}, small)
	for _, size := range []int{0, 1, 4095, 4096, 4097, 65_536, 99_999, 100_000, 100_001, 300_000} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprint(size, chunked), func(t *testing.T) {
				payload := strings.Repeat("x", size)
				var body io.Reader = strings.NewReader(payload)
				if chunked {
					body = iotest.OneByteReader(io.LimitReader(body, 10)) // in small chunks
					body = io.MultiReader(body, strings.NewReader(payload[min(size, 10):]))
				}
				req, err := http.NewRequestWithContext(t.Context(), "POST", l.url+"/v1/requests/x.Raw", body)
				if err != nil {
					t.Fatal(err)
				}
				r := l.roundTrip(req)
				if size > 100_000 {
					r.want(t, 413, sdk.TooLarge, "more than the 100000 bytes")
				} else if r.StatusCode != 200 || r.body != payload {
					t.Errorf("%d with %d bytes", r.StatusCode, len(r.body))
				}
			})
		}
	}
}

func TestDeclaredLengthIsRefusedUnread(t *testing.T) {
	l := listen(t, Config{}, opaque(echo))
	conn := l.dial()
	fmt.Fprintf(conn, "POST /v1/requests/x.Raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n")
	var answer [512]byte
	n, err := conn.Read(answer[:])
	if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 413 ") {
		t.Errorf("%q, %v; want 413 instead of 100 Continue", answer[:n], err)
	}
}

func TestBrokenBodies(t *testing.T) {
	l := listen(t, Config{}, opaque(echo))
	for _, tc := range []struct{ name, text, status, code string }{
		{"malformed chunk", "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400", "invalid_argument"},
		{"slow", "Content-Length: 10\r\nRequest-Timeout: 0.05\r\n\r\nabc", "504", "deadline_exceeded"},
		{"slow after a fast start", "Transfer-Encoding: chunked\r\nRequest-Timeout: 0.05\r\n\r\n3\r\nabc\r\n", "504", "deadline_exceeded"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := l.raw("POST /v1/requests/x.Raw HTTP/1.1\r\nHost: localhost\r\n" + tc.text)
			if !strings.HasPrefix(got, "HTTP/1.1 "+tc.status) || !strings.Contains(got, tc.code) || !strings.Contains(got, "Connection: close") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestRefusalsDoNotWaitForTheBody: a client that declares a body and sends none
// keeps no connection busy.
func TestRefusalsDoNotWaitForTheBody(t *testing.T) {
	l := listen(t, Config{}, opaque(echo))
	for _, line := range []string{"POST /v1/requests/x.Nobody", "GET /v1/types", "DELETE /v1/types"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			got := l.raw(line + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc")
			if took := time.Since(start); took > 5*lingering || !strings.HasPrefix(got, "HTTP/1.1 ") {
				t.Errorf("%.40q after %v", got, took)
			}
		})
	}
}

// TestSlowAnswersOutliveTheReadDeadline sends two requests over one connection: the
// read deadline of the first one's body must not touch what follows it.
func TestSlowAnswersOutliveTheReadDeadline(t *testing.T) {
	slow := opaque(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		return echo(ctx, req)
	})
	slow.Timeout = 5 * time.Second
	l := listen(t, Config{}, slow)
	for range 2 {
		r := l.send("POST", "/v1/requests/x.Raw", "abc", "Request-Timeout", "4")
		if r.StatusCode != 200 || r.body != "abc" {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
	}
}

func TestClientThatLeavesCancels(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error, 1)
	l := listen(t, Config{}, opaque(func(ctx context.Context, _ *sdk.Request) (*sdk.Response, error) {
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}))
	conn := l.dial()
	fmt.Fprintf(conn, "POST /v1/requests/x.Raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
	<-begun
	conn.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the handler's context did not end")
	}
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(l.log.String(), "status=499 code=canceled"); {
		if time.Now().After(deadline) {
			t.Fatalf("logged %s", l.log)
		}
		<-time.After(time.Millisecond)
	}
}

// TestPayloadOfACanceledCallIsNotReused plays an extension that goes on reading the
// payload after the call was given up, while other requests want buffers.
func TestPayloadOfACanceledCallIsNotReused(t *testing.T) {
	var reading sync.WaitGroup
	l := listen(t, Config{}, opaque(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		if req.Payload[0] != 's' {
			return echo(ctx, req)
		}
		<-ctx.Done()
		want := bytes.Clone(req.Payload)
		reading.Go(func() {
			for range 1000 {
				if !bytes.Equal(req.Payload, want) {
					t.Error("the payload of a canceled call was overwritten")
					return
				}
			}
		})
		return nil, ctx.Err()
	}))
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for i := range 10 {
				slow := l.send("POST", "/v1/requests/x.Raw", "s"+strings.Repeat("1", 3000), "Request-Timeout", "0.002")
				slow.want(t, 504, sdk.DeadlineExceeded, "")
				payload := strings.Repeat(fmt.Sprint(i), 3000)
				if fast := l.send("POST", "/v1/requests/x.Raw", payload); fast.body != payload {
					t.Errorf("echoed %.40s", fast.body)
				}
			}
		})
	}
	clients.Wait()
	reading.Wait()
}

// TestConcurrentEchoes reuses buffers under load: nobody gets another's bytes.
func TestConcurrentEchoes(t *testing.T) {
	rt := opaque(echo)
	l := listen(t, Config{}, rt)
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for i := range 40 {
				payload := strings.Repeat(fmt.Sprintf("%d-%d ", c, i), 1+i*50)
				if r := l.send("POST", "/v1/requests/x.Raw", payload); r.body != payload {
					t.Errorf("client %d got %.40q back", c, r.body)
				}
			}
		})
	}
	clients.Wait()
	if rt.Gate.InFlight() != 0 || rt.Gate.Queued() != 0 {
		t.Error("the gate is not empty")
	}
}

// counted is a reader that counts how much was asked of it.
type counted struct{ n int64 }

func (c *counted) Read(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

func TestReadAllStopsAtTheLimit(t *testing.T) {
	source := &counted{}
	var pool bodyPool
	b := pool.get()
	var fault *sdk.Error
	if err := pool.readAll(source, b, 1<<20); !errors.As(err, &fault) || fault.Code != sdk.TooLarge {
		t.Errorf("error %v", err)
	}
	if source.n > 4<<20 || cap(b.bytes) > 4<<20 {
		t.Errorf("read %d bytes into %d for a limit of 1 MiB", source.n, cap(b.bytes))
	}
}

// A body gets the next size when it has filled the one before, keeps what it has, and
// gives the smaller buffer back.
func TestBodiesGrow(t *testing.T) {
	var pool bodyPool
	for _, size := range []int{0, 1, smallestBody, smallestBody + 1, 64 << 10, 1 << 20, 1<<20 + 1, 16 << 20, 16<<20 + 1} {
		payload := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		b := pool.get()
		if err := pool.readAll(iotest.HalfReader(bytes.NewReader(payload)), b, 32<<20); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.bytes, payload) {
			t.Errorf("%d bytes were read as %d others", size, len(b.bytes))
		}
		if most := max(growth*size, smallestBody) + 1; cap(b.bytes) > most {
			t.Errorf("%d bytes take %d", size, cap(b.bytes))
		}
		pool.put(b)
		if again := pool.get(); len(again.bytes) != 0 || cap(again.bytes) != smallestBody {
			t.Errorf("the next buffer has %d bytes of %d", len(again.bytes), cap(again.bytes))
		}
	}
}
