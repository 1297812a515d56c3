package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bench/order"
)

// serve runs a handler of /v1/requests and returns its address.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func ask(t *testing.T, addr string, p posted) *httpCaller {
	t.Helper()
	c, err := dialHTTP(addr, 3, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGeneratorChecksAnswers(t *testing.T) {
	change := func(how func(body []byte) []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			body = how(body)
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			_, _ = w.Write(body)
		}
	}
	for _, test := range []struct {
		name, fault string
		handler     http.HandlerFunc
	}{
		{"an echo", "", change(func(b []byte) []byte { return b })},
		{"short", "bytes", change(func(b []byte) []byte { return b[1:] })},
		{"long", "declares", change(func(b []byte) []byte { return append(b, 'x') })},
		{"another first byte", "not what was sent", change(func(b []byte) []byte { b[0]++; return b })},
		{"another last byte", "not what was sent", change(func(b []byte) []byte { b[len(b)-1]++; return b })},
		{"a refusal", "503", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "the reason", http.StatusServiceUnavailable)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := ask(t, serve(t, test.handler), posted{echoType, mediaType, payloadOf(5000), nil})
			var err error
			for range 3 {
				if err = c.call(); err != nil {
					break
				}
			}
			if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
				t.Errorf("error is %v, want one of %q", err, test.fault)
			}
		})
	}
}

func TestGeneratorAllocatesNothing(t *testing.T) {
	text := "HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: 100\r\nRequest-Id: 1\r\n\r\n" + strings.Repeat("x", 100)
	source := strings.NewReader("")
	read, body := bufio.NewReader(source), make([]byte, 100)
	n := testing.AllocsPerRun(100, func() {
		source.Reset(text)
		read.Reset(source)
		if _, err := readAnswer(read, body); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("reading an answer allocates %v times", n)
	}
}

func TestOrderIsTheSameAfterwards(t *testing.T) {
	payload, err := order.Payload(kib)
	if err != nil {
		t.Fatal(err)
	}
	if len(payload) != kib {
		t.Errorf("the payload has %d bytes", len(payload))
	}
	out, err := takeOrder(message{Payload: payload})
	if err != nil || string(out.Payload) != string(payload) {
		t.Errorf("%s became %s (%v)", payload, out.Payload, err)
	}
}

// TestStreams runs both kinds of streams against the smallest hosts that speak them.
func TestStreams(t *testing.T) {
	ready := linesOf(echoType, []byte(`{"a":1}`))
	reply := func(id int) string {
		return fmt.Sprintf(`{"id":"%d","status":200,"payload":{"a":1}}`, id)
	}
	t.Run("batch", func(t *testing.T) {
		addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			if err := control.EnableFullDuplex(); err != nil {
				t.Error(err)
			}
			in := bufio.NewScanner(r.Body)
			for in.Scan() {
				id := 0
				if _, err := fmt.Sscanf(in.Text(), `{"id":"%d"`, &id); err != nil {
					t.Errorf("%v: %s", err, in.Text())
				}
				fmt.Fprintln(w, reply(id))
				if err := control.Flush(); err != nil {
					return
				}
			}
		})
		b, err := dialBatch(addr, ready)
		if err != nil {
			t.Fatal(err)
		}
		streamsTwice(t, b)
	})
	t.Run("WebSocket", func(t *testing.T) {
		addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { echoSocket(t, w, reply) })
		ws, err := dialWebSocket(addr, "127.0.0.2", 64*kib)
		if err != nil {
			t.Fatal(err)
		}
		streamsTwice(t, newSocketStream(ws, ready))
	})
}

func streamsTwice(t *testing.T, st stream) {
	t.Helper()
	defer st.Close()
	for range 2 {
		got, err := spinStream(st, 20*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if got.total < depth {
			t.Errorf("%d requests were answered, fewer than were on their way at once", got.total)
		}
	}
}

// echoSocket pings, and answers each message with reply.
func echoSocket(t *testing.T, w http.ResponseWriter, reply func(int) string) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+acceptOf(nonce)+"\r\n\r\n\x89\x02hi")
	rw.Flush()
	pongs := 0
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(rw, head); err != nil {
			break
		}
		size := int(head[1] & 0x7f)
		body := make([]byte, 4+size)
		if _, err := io.ReadFull(rw, body); err != nil {
			break
		}
		key, data := body[:4], body[4:]
		for i := range data {
			data[i] ^= key[i%4]
		}
		if head[0]&0x0f == opPong {
			pongs++
			continue
		}
		id := 0
		if _, err := fmt.Sscanf(string(data), `{"id":"%d"`, &id); err != nil {
			t.Errorf("%v: %s", err, data)
			break
		}
		text := reply(id)
		_, _ = rw.Write(append([]byte{finalFrame | opText, byte(len(text))}, text...))
		if rw.Reader.Buffered() == 0 {
			rw.Flush()
		}
	}
	if pongs != 1 {
		t.Errorf("the ping was answered %d times", pongs)
	}
}

func TestStreamsRefuseWrongAnswers(t *testing.T) {
	l := linesOf(echoType, []byte(`{"a":1}`))
	for _, test := range []struct {
		line string
		ok   bool
	}{
		{`{"id":"7","status":200,"payload":{"a":1}}`, true},
		{`{"id":"7","status":503,"error":{"detail":"{\"a\":1}"}}`, false},
		{`{"id":"7","status":200,"payload":{"a":2}}`, false},
		{`{"id":"256","status":200,"payload":{"a":1}}`, false},
		{`{"status":200,"payload":{"a":1}}`, false},
	} {
		if id, err := l.answered([]byte(test.line)); (err == nil) != test.ok || test.ok && id != 7 {
			t.Errorf("%s is answer %d (%v)", test.line, id, err)
		}
	}
}

// TestMain makes of the test binary what the roles ask for.
func TestMain(m *testing.M) {
	if role := os.Getenv(envRole); role != "" {
		exit(play(role))
		return
	}
	os.Exit(m.Run())
}

// TestPlanes has real children answer, over every plane that needs no make build.
func TestPlanes(t *testing.T) {
	for _, variant := range []string{"raw", "grpc", "netrpc"} {
		t.Run(variant, func(t *testing.T) {
			p, err := startPlane(variant)
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			for _, payload := range []int{100, mib, 64 * kib} {
				got, err := measurePlane(p, planeOrder{Payload: payload, Callers: 4, Bulk: 1, Slot: 10 * time.Millisecond, Warm: time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				if got.PerSecond <= 0 || got.P50 <= 0 || got.P999 < got.P50 || got.HostCPU <= 0 || got.ChildRSS < mib || got.BulkPerSecond <= 0 {
					t.Errorf("%s: %+v", size(payload), got)
				}
			}
		})
	}
}

// TestPeers has the hosts made by hand answer.
func TestPeers(t *testing.T) {
	for _, variant := range []string{"raw", "grpc", "netrpc"} {
		t.Run(variant, func(t *testing.T) {
			host, err := startPeer(t.Context(), variant)
			if err != nil {
				t.Fatal(err)
			}
			defer host.stop()
			for _, payload := range []int{100, mib, 64 * kib} {
				got, err := overHTTP(host).load(t.Context(), shape{Payload: payload, Callers: 4}, time.Millisecond, 10*time.Millisecond)
				if err != nil {
					t.Fatal(err)
				}
				if got.PerSecond <= 0 || got.HostCPU <= 0 || got.ChildRSS < mib {
					t.Errorf("%s: %+v", size(payload), got)
				}
			}
		})
	}
}
