package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

// socket is a client's end of a WebSocket.
type socket struct {
	*websocket.Conn
	t testing.TB
}

func (l *listener) upgrade(protocols []string, headers ...string) (*websocket.Conn, *http.Response, error) {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	d := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: protocols}
	return d.DialContext(l.t.Context(), "ws"+strings.TrimPrefix(l.url, "http")+"/v1/connect", h)
}

func (l *listener) connect() *socket {
	l.t.Helper()
	ws, _, err := l.upgrade(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { ws.Close() })
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	return &socket{ws, l.t}
}

// running is a listener whose Run has begun; it ends with the test.
func running(t testing.TB, cfg Config, routes ...*router.Route) *listener {
	t.Helper()
	l := listen(t, cfg, routes...)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { l.handler.(Handler).Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return l
}

func (s *socket) send(message string) {
	s.t.Helper()
	if err := s.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *socket) next() lineOut {
	s.t.Helper()
	kind, data, err := s.ReadMessage()
	if err != nil || kind != websocket.TextMessage {
		s.t.Fatalf("%v %s", err, data)
	}
	return parseOut(s.t, string(data))
}

// closed reads until the connection is closed and returns the close code.
func (s *socket) closed() (code int, why string) {
	s.t.Helper()
	for {
		if _, _, err := s.ReadMessage(); err != nil {
			if ce, ok := err.(*websocket.CloseError); ok {
				return ce.Code, ce.Text
			}
			s.t.Fatalf("the connection ended with %v", err)
		}
	}
}

func (o lineOut) want(t testing.TB, id string, status int, says string) {
	t.Helper()
	got := ""
	if o.ID != nil {
		got = *o.ID
	}
	if got != id || o.Status != status || !strings.Contains(o.String(), says) {
		t.Errorf("got %s, want %q, %d and %q", o, id, status, says)
	}
}

func TestConnectMessages(t *testing.T) {
	l := running(t, Config{}, opaque(echo), typed(t, echo))
	s := l.connect()
	for _, tt := range []struct {
		message, id string
		status      int
		says        string
	}{
		{`{"id":"1","type":"x.Raw","payload":{"a":1}}`, "1", 200, `{"a":1}`},
		{`{"id":"1","type":"x.Hello","payload":{"name":1}}`, "1", 422, "/name"},
		{`{"id":"2","type":"x.Raw","payload_base64":"/w=="}`, "2", 200, `"/w=="`},
		{`{`, "", 400, "malformed"},
		{`{"id":"3","type":"x.Raw"}`, "3", 400, "a payload is missing"},
		{`{"id":"4","type":"x.None","payload":1}`, "4", 404, "unknown_type"},
		{`{"id":"5","subscribe":"weather"}`, "5", 400, "there is no subject"},
		{`{"unsubscribe":"weather"}`, "", 400, "there is no subject"},
		{`{"subscribe":"types","cancel":"1"}`, "", 400, "stand alone"},
		{`{"cancel":"1","type":"x.Raw"}`, "", 400, "stand alone"},
		{`{"id":"6","type":"x.Raw","payload":"` + strings.Repeat("x", 3<<20) + `"}`, "6", 413, "too_large"},
		{`{"id":"7","type":"x.Raw","payload":7}`, "7", 200, "7"},
	} {
		s.send(tt.message)
		s.next().want(t, tt.id, tt.status, tt.says)
	}
	if err := s.WriteMessage(websocket.BinaryMessage, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	s.next().want(t, "", 400, "the message is binary")
	s.send(`{"cancel":"nobody"}`)
	if err := s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "bye"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.closed(); code != websocket.CloseNormalClosure {
		t.Errorf("closed with %d", code)
	}
}

// TestConnectManyIDs: more requests than may be at work at once, all answered.
func TestConnectManyIDs(t *testing.T) {
	l := running(t, Config{}, wide(opaque(echo)))
	s := l.connect()
	const n = 1000
	var sender sync.WaitGroup
	sender.Go(func() {
		for i := range n {
			s.send(fmt.Sprintf(`{"id":"%d","type":"x.Raw","payload":%d}`, i, i))
		}
	})
	seen := map[string]bool{}
	for range n {
		got := s.next()
		if got.Status != 200 || string(got.Payload) != *got.ID || seen[*got.ID] {
			t.Fatalf("%s", got)
		}
		seen[*got.ID] = true
	}
	sender.Wait()
}

// TestConnectCancel: an open id can not be used again, a canceled one can.
func TestConnectCancel(t *testing.T) {
	held := &blocking{}
	slow := opaque(nil)
	slow.Type, slow.Backend = "x.Slow", held
	l := running(t, Config{}, opaque(echo), slow)
	s := l.connect()
	s.send(`{"id":"a","type":"x.Slow","payload":1}`)
	waitUntil(t, "the request", func() bool { return held.begun.Load() == 1 })
	s.send(`{"id":"\u0061","type":"x.Raw","payload":1}`)
	s.next().want(t, "a", 400, "not answered yet")
	s.send(`{"id":"b","type":"x.Raw","payload":1}`)
	s.next().want(t, "b", 200, "1")
	s.send(`{"cancel":"a"}`)
	s.next().want(t, "a", 499, "canceled")
	s.send(`{"id":"a","type":"x.Raw","payload":1}`)
	s.next().want(t, "a", 200, "1")
}

// TestConnectClientVanishes: whoever leaves has all requests canceled.
func TestConnectClientVanishes(t *testing.T) {
	held := &blocking{}
	rt := opaque(nil)
	rt.Backend = held
	l := running(t, Config{}, rt)
	s := l.connect()
	for i := range 10 {
		s.send(fmt.Sprintf(`{"id":"%d","type":"x.Raw","payload":1}`, i))
	}
	waitUntil(t, "the requests", func() bool { return held.begun.Load() == 10 })
	s.Close()
	waitUntil(t, "canceling them", func() bool { return held.canceled.Load() == 10 })
}

// TestConnectEvents: what is so at present comes at once, then what changes.
func TestConnectEvents(t *testing.T) {
	l := running(t, Config{}, opaque(echo))
	s := l.connect()
	s.send(`{"subscribe":"types"}`)
	if got := s.next(); got.Event != "types" || !bytes.Contains(got.Data, []byte(`"types":[{"type":"x.Raw"`)) {
		t.Fatalf("%s", got)
	}
	s.send(`{"subscribe":"states"}`)
	state := func(version string, want lifecycle.State) {
		t.Helper()
		got := s.next()
		var data stateEvent
		if err := json.Unmarshal(got.Data, &data); err != nil || got.Event != "states" || data != (stateEvent{"x.Extension", version, want}) {
			t.Errorf("%v %s, want %s", err, got, want)
		}
	}
	state("1.0", lifecycle.Running)
	s.send(`{"unsubscribe":"types"}`)
	s.send(`{"id":"1","type":"x.Raw","payload":1}`) // whose answer says that it is done
	s.next().want(t, "1", 200, "")
	stopped := opaque(nil)
	stopped.State, stopped.Version = lifecycle.Backoff, "1.1"
	l.router.Swap(router.NewTable([]*router.Route{stopped}))
	state("1.1", lifecycle.Backoff)
	l.router.Swap(router.NewTable([]*router.Route{stopped})) // nothing has changed
	l.router.Swap(router.NewTable(nil))
	state("1.1", lifecycle.Removed)
	s.send(`{"subscribe":"types"}`)
	if got := s.next(); string(got.Data) != `{"types":[]}` {
		t.Errorf("%s", got)
	}
	l.router.Swap(router.NewTable([]*router.Route{opaque(echo)}))
	if a, b := s.next(), s.next(); a.Event != "types" || b.Event != "states" {
		t.Errorf("%s %s", a, b)
	}
}

// TestConnectSlowReader: whoever does not read its events is told why it is dropped.
func TestConnectSlowReader(t *testing.T) {
	l := running(t, Config{}, opaque(echo))
	s := l.connect()
	s.send(`{"subscribe":"types"}`)
	s.next()
	dropped := func() bool { return strings.Contains(l.log.String(), "reads too slowly") }
	for i := 0; !dropped(); i++ {
		rt := typed(t, echo)
		rt.Version = fmt.Sprint(i)
		rt.Schema = json.RawMessage(`{"description":"` + strings.Repeat("x", 256<<10) + `"}`)
		changed := l.router.Changed()
		l.router.Swap(router.NewTable([]*router.Route{rt}))
		<-changed
		runtime.Gosched()
		if i > 100_000 {
			t.Fatal("it is never dropped")
		}
	}
	if code, why := s.closed(); code != websocket.CloseTryAgainLater || why == "" {
		t.Errorf("closed with %d %s", code, why)
	}
}

// TestConnectDeadPeer: a peer that does not answer pings is dropped, one that does
// stays.
func TestConnectDeadPeer(t *testing.T) {
	l := running(t, Config{PingEvery: 20 * time.Millisecond}, opaque(echo))
	alive := l.connect()
	pings := make(chan struct{}, 1000)
	pong := alive.PingHandler()
	alive.SetPingHandler(func(data string) error {
		pings <- struct{}{}
		return pong(data)
	})
	answers := make(chan lineOut, 1)
	go func() { answers <- alive.next() }()
	dead := l.connect()
	dead.SetPingHandler(func(string) error { return nil })
	if _, _, err := dead.ReadMessage(); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the dead one got %v", err)
	}
	for range 10 {
		<-pings
	}
	alive.send(`{"id":"1","type":"x.Raw","payload":1}`)
	got := <-answers
	got.want(t, "1", 200, "1")
}

// TestConnectAtShutdown: what is at work is answered, then the connection is closed
// with 1001, and the next upgrade is refused. What does not end in time is cut.
func TestConnectAtShutdown(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	l := running(t, Config{}, opaque(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		close(begun)
		<-release
		return echo(ctx, req)
	}))
	idle, s := l.connect(), l.connect()
	s.send(`{"id":"1","type":"x.Raw","payload":1}`)
	<-begun
	ended := make(chan error)
	go func() { ended <- l.handler.(Handler).Shutdown(t.Context()) }()
	if code, why := idle.closed(); code != websocket.CloseGoingAway || why != "the host is stopping" {
		t.Errorf("closed with %d %q", code, why)
	}
	s.send(`{"id":"2","type":"x.Raw","payload":1}`)
	s.next().want(t, "2", 503, "stopping")
	close(release)
	s.next().want(t, "1", 200, "1")
	if code, _ := s.closed(); code != websocket.CloseGoingAway {
		t.Errorf("closed with %d", code)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, resp, err := l.upgrade(nil); err == nil || resp.StatusCode != 503 {
		t.Errorf("%v %v", resp, err)
	}
}

func TestConnectIsCutAtTheEnd(t *testing.T) {
	held := &blocking{}
	rt := opaque(nil)
	rt.Backend = held
	l := running(t, Config{}, rt)
	s := l.connect()
	s.send(`{"id":"1","type":"x.Raw","payload":1}`)
	waitUntil(t, "the request", func() bool { return held.begun.Load() == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.handler.(Handler).Shutdown(ctx); err == nil {
		t.Error("nothing was cut")
	}
	waitUntil(t, "canceling the request", func() bool { return held.canceled.Load() == 1 })
}

func TestConnectUpgrade(t *testing.T) {
	l := running(t, Config{Origins: []string{"https://maps.example.com"}}, opaque(echo))
	host := strings.TrimPrefix(l.url, "http://")
	for _, tt := range []struct {
		name   string
		header []string
		status int
	}{
		{"no page", nil, 101},
		{"our own page", []string{"Origin", "http://" + host}, 101},
		{"a trusted page", []string{"Origin", "https://maps.example.com"}, 101},
		{"a foreign page", []string{"Origin", "https://evil.example.com"}, 403},
		{"a page on another port", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"a page without origin", []string{"Origin", "null"}, 403},
		{"a foreign name", []string{"Host", "evil.example.com"}, 421},
	} {
		ws, resp, err := l.upgrade(nil, tt.header...)
		if resp == nil || resp.StatusCode != tt.status {
			t.Errorf("%s: %v %v, want %d", tt.name, resp, err, tt.status)
		}
		if ws != nil {
			if resp.Header.Get("Request-Id") == "" {
				t.Error("no Request-Id")
			}
			ws.Close()
		}
	}
	ws, resp, err := l.upgrade([]string{"bearer", "secret"})
	if err != nil || ws.Subprotocol() != "bearer" || strings.Contains(fmt.Sprint(resp.Header), "secret") {
		t.Fatalf("%v %v", err, resp)
	}
	ws.Close()
	l.send("GET", "/v1/connect", "").want(t, 400, sdk.InvalidArgument, "no WebSocket upgrade")
	l.send("POST", "/v1/connect", "").want(t, 405, methodNotAllowed, "")
	l.send("GET", "/v1/connect", "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "8").want(t, 400, sdk.InvalidArgument, "version 13")
}

// TestConnectHostileFrames: what breaks the protocol ends the connection and nothing
// else.
func TestConnectHostileFrames(t *testing.T) {
	l := running(t, Config{}, opaque(echo))
	for _, frame := range [][]byte{
		{0x81, 0x01, 'x'},                                  // not masked
		{0xff, 0x80, 1, 2, 3, 4},                           // reserved bits
		{0x89, 0xfe, 0x10, 0, 1, 2, 3, 4},                  // a ping that is too long
		{0x80, 0x80, 1, 2, 3, 4},                           // goes on with nothing
		{0x88, 0x81, 0, 0, 0, 0, 1},                        // a close code of one byte
		bytes.Repeat([]byte{0x89, 0x80, 1, 2, 3, 4}, 5000), // a flood of pings
	} {
		s := l.connect()
		raw := s.NetConn()
		_ = raw.SetDeadline(time.Now().Add(patience))
		_, _ = raw.Write(frame)
		if len(frame) > 100 {
			s.send(`{"id":"1","type":"x.Raw","payload":1}`)
			s.next().want(t, "1", 200, "1")
			continue
		}
		for {
			if _, err := raw.Read(make([]byte, 512)); err != nil {
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					t.Errorf("% x: the connection stays open", frame)
				}
				break
			}
		}
	}
}
