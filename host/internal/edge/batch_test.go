package edge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

// patience bounds everything these tests wait for.
const patience = 20 * time.Second

// waitUntil polls until ok.
func waitUntil(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen in %s", what, patience)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// lineOut is a line of an answer.
type lineOut struct {
	ID        *string
	Status    int
	Type      string
	Extension string
	Version   string
	Media     string `json:"content_type"`
	Payload   json.RawMessage
	Base64    *string `json:"payload_base64"`
	Error     *problem
	Event     string
	Data      json.RawMessage
}

func (l lineOut) String() string {
	text, _ := json.Marshal(l)
	return string(text)
}

// wide lets more requests run at once than any connection may have at work.
func wide(rt *router.Route) *router.Route {
	rt.Gate = router.NewGate(2048, 2048)
	return rt
}

// batchOf sends the lines at once and returns the answers by id; those without one
// are at "".
func (l *listener) batchOf(lines string) map[string]lineOut {
	l.t.Helper()
	r := l.send("POST", "/v1/batch", lines)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/x-ndjson" {
		l.t.Fatalf("%d %v %s", r.StatusCode, r.Header, r.body)
	}
	answers := map[string]lineOut{}
	for line := range strings.Lines(r.body) {
		out := parseOut(l.t, line)
		id := ""
		if out.ID != nil {
			id = *out.ID
		}
		answers[id] = out
	}
	return answers
}

func parseOut(t testing.TB, line string) lineOut {
	t.Helper()
	var out lineOut
	dec := json.NewDecoder(strings.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%v in %q", err, line)
	}
	return out
}

func TestBatchLines(t *testing.T) {
	stopped := opaque(nil)
	stopped.Type, stopped.Backend, stopped.State = "x.Stopped", nil, "backoff"
	busy := opaque(failing(&sdk.Error{Code: sdk.Exhausted, Message: "busy", RetryAfter: 1500 * time.Millisecond, Retryable: true}))
	busy.Type = "x.Busy"
	noJSON := opaque(answering(sdk.Response{MediaType: "application/json", Payload: []byte("{")}))
	noJSON.Type = "x.NoJSON"
	slow := opaque(func(ctx context.Context, _ *sdk.Request) (*sdk.Response, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	slow.Type = "x.Slow"
	small := opaque(echo)
	small.Type, small.RequestBytes = "x.Small", 4
	panics := opaque(func(context.Context, *sdk.Request) (*sdk.Response, error) { panic("handler") })
	panics.Type = "x.Panic"
	l := listen(t, Config{}, opaque(echo), typed(t, echo), stopped, busy, noJSON, slow, small, panics)
	for _, tt := range []struct {
		name, line string
		status     int
		code       sdk.Code
		says       string
	}{
		{"json", `{"id":"1","type":"x.Raw","payload":{"a": [1]}}`, 200, "", `{"a": [1]}`},
		{"json with a schema", `{"id":"1","type":"x.Hello","payload":{"name":"W"},"timeout":2}`, 200, "", `{"name":"W"}`},
		{"json as bytes", `{"id":"1","type":"x.Hello","payload_base64":"eyJuYW1lIjoiVyJ9","content_type":"application/json"}`, 200, "", `{"name":"W"}`},
		{"bytes", `{"id":"1","type":"x.Raw","payload_base64":"\/wAK","content_type":"a/b"}`, 200, "", `"content_type":"a/b"`},
		{"bytes without a type", `{"id":"1","type":"x.Raw","payload_base64":""}`, 200, "", `application/octet-stream`},
		{"not JSON", `{"id":"1",`, 400, sdk.InvalidArgument, "malformed JSON"},
		{"no object", `"1"`, 400, sdk.InvalidArgument, "the { of an object"},
		{"no id", `{"type":"x.Raw","payload":1}`, 400, sdk.InvalidArgument, "the key id is missing"},
		{"no type", `{"id":"1","payload":1}`, 400, sdk.InvalidArgument, "the key type is missing"},
		{"no payload", `{"id":"1","type":"x.Raw"}`, 400, sdk.InvalidArgument, "a payload is missing"},
		{"both", `{"id":"1","type":"x.Raw","payload":1,"payload_base64":""}`, 400, sdk.InvalidArgument, "exclude"},
		{"twice", `{"id":"1","type":"x.Raw","type":"x.Raw","payload":1}`, 400, sdk.InvalidArgument, "stands twice"},
		{"cancel", `{"cancel":"1"}`, 400, sdk.InvalidArgument, "are for GET /v1/connect"},
		{"bad base64", `{"id":"1","type":"x.Raw","payload_base64":"!!!!"}`, 400, sdk.InvalidArgument, "is not base64"},
		{"base64 of two spellings", `{"id":"1","type":"x.Raw","payload_base64":"/x=="}`, 400, sdk.InvalidArgument, "is not base64"},
		{"base64 with line breaks", `{"id":"1","type":"x.Raw","payload_base64":"eyJu\nYW1l"}`, 400, sdk.InvalidArgument, "is not base64"},
		{"bad media", `{"id":"1","type":"x.Raw","payload_base64":"","content_type":"a"}`, 415, sdk.UnsupportedMedia, "no media type"},
		{"bytes with a schema", `{"id":"1","type":"x.Hello","payload_base64":""}`, 415, sdk.UnsupportedMedia, "takes application/json"},
		{"unknown type", `{"id":"1","type":"x.\u0000","payload":1}`, 404, sdk.UnknownType, "no extension declares"},
		{"breaks the schema", `{"id":"1","type":"x.Hello","payload":{"name":7}}`, 422, sdk.ValidationFailed, "/name"},
		{"timeout 0", `{"id":"1","type":"x.Raw","payload":1,"timeout":0}`, 400, sdk.InvalidArgument, "positive number"},
		{"timeout text", `{"id":"1","type":"x.Raw","payload":1,"timeout":"1"}`, 400, sdk.InvalidArgument, "positive number"},
		{"timeout huge", `{"id":"1","type":"x.Raw","payload":1,"timeout":1e999}`, 200, "", ""},
		{"deadline", `{"id":"1","type":"x.Slow","payload":1,"timeout":0.01}`, 504, sdk.DeadlineExceeded, "did not answer"},
		{"not running", `{"id":"1","type":"x.Stopped","payload":1}`, 503, sdk.Unavailable, `"state":"backoff"`},
		{"busy", `{"id":"1","type":"x.Busy","payload":1}`, 429, sdk.Exhausted, `"retry_after":2`},
		{"answer is no JSON", `{"id":"1","type":"x.NoJSON","payload":1}`, 502, sdk.ExtensionFault, "no JSON"},
		{"too large", `{"id":"1","type":"x.Small","payload":12345}`, 413, sdk.TooLarge, "4 bytes"},
		{"too large as bytes", `{"id":"1","type":"x.Small","payload_base64":"MTIzNDU="}`, 413, sdk.TooLarge, "4 bytes"},
		{"a backend that panics", `{"id":"1","type":"x.Panic","payload":1}`, 500, sdk.Internal, "the host failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// The line after a bad one is answered.
			answers := l.batchOf(tt.line + "\r\n\n  \n" + `{"id":"next","type":"x.Raw","payload":"n"}`)
			got, ok := answers["1"]
			if !ok {
				got = answers[""]
			}
			if got.Status != tt.status || !strings.Contains(got.String(), strings.NewReplacer(`"`, `"`, ": ", ":").Replace(tt.says)) {
				t.Errorf("%s, want %d with %q", got, tt.status, tt.says)
			}
			if tt.code != "" && (got.Error == nil || got.Error.Code != tt.code || got.Error.Status != tt.status || !strings.HasSuffix(got.Error.RequestID, ".1")) {
				t.Errorf("%s, want the code %s", got, tt.code)
			}
			if next := answers["next"]; next.Status != 200 || string(next.Payload) != `"n"` || next.Type != "x.Answer" || next.Extension != "x.Extension" || next.Version != "1.0" || len(answers) != 2 {
				t.Errorf("the next line got %s of %v", next, answers)
			}
		})
	}
}

// TestBatchLongLine: 10 MB without a line break are passed over, and their id is
// found.
func TestBatchLongLine(t *testing.T) {
	l := listen(t, Config{}, opaque(echo))
	long := `{"id":"long","type":"x.Raw","payload":"` + strings.Repeat("x", 10<<20) + `"}`
	for _, lines := range []string{
		long + "\n" + `{"id":"next","type":"x.Raw","payload":1}` + "\n",
		`{"id":"next","type":"x.Raw","payload":1}` + "\n" + long,
	} {
		answers := l.batchOf(lines)
		if a := answers["long"]; a.Status != 413 || a.Error.Code != sdk.TooLarge {
			t.Errorf("%s", a)
		}
		if a := answers["next"]; a.Status != 200 {
			t.Errorf("%s", a)
		}
	}
}

// stream is a batch whose body is still open.
type stream struct {
	t    testing.TB
	in   *io.PipeWriter
	resp *http.Response
	out  *bufio.Reader
	stop context.CancelFunc
}

func (l *listener) stream() *stream {
	l.t.Helper()
	ctx, stop := context.WithCancel(l.t.Context())
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, "POST", l.url+"/v1/batch", r)
	if err != nil {
		l.t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { stop(); w.Close(); resp.Body.Close() })
	return &stream{l.t, w, resp, bufio.NewReader(resp.Body), stop}
}

func (s *stream) send(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, line); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stream) next() lineOut {
	s.t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.t.Fatalf("%v after %q", err, line)
	}
	return parseOut(s.t, line)
}

// TestBatchFullDuplex: each answer is read before the next line is sent, in one
// request.
func TestBatchFullDuplex(t *testing.T) {
	s := listen(t, Config{}, opaque(echo)).stream()
	for i := range 50 {
		s.send(fmt.Sprintf(`{"id":"%d","type":"x.Raw","payload":[%d]}`+"\n", i, i))
		if got := s.next(); *got.ID != fmt.Sprint(i) || string(got.Payload) != fmt.Sprintf("[%d]", i) {
			t.Fatalf("%s", got)
		}
	}
	s.in.Close()
	if rest, err := io.ReadAll(s.out); err != nil || len(rest) > 0 {
		t.Errorf("%q %v", rest, err)
	}
}

// TestBatchOvertakes: answers come as they are ready, not in the order of the lines.
func TestBatchOvertakes(t *testing.T) {
	release := make(chan struct{})
	l := listen(t, Config{}, opaque(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		if string(req.Payload) == `"slow"` {
			<-release
		}
		return echo(ctx, req)
	}))
	s := l.stream()
	s.send(`{"id":"slow","type":"x.Raw","payload":"slow"}` + "\n" + `{"id":"fast","type":"x.Raw","payload":1}` + "\n")
	if got := s.next(); *got.ID != "fast" {
		t.Errorf("%s", got)
	}
	close(release)
	if got := s.next(); *got.ID != "slow" {
		t.Errorf("%s", got)
	}
}

// blocking is a backend that holds every request until it is canceled.
type blocking struct{ begun, canceled atomic.Int32 }

func (b *blocking) Process(ctx context.Context, _ *sdk.Request) (*sdk.Response, error) {
	b.begun.Add(1)
	<-ctx.Done()
	b.canceled.Add(1)
	return nil, ctx.Err()
}

// TestBatchClientVanishes: whoever leaves has all lines canceled, also when more were
// sent than are taken up at once.
func TestBatchClientVanishes(t *testing.T) {
	for _, n := range []int{3, 300} {
		held := &blocking{}
		rt := wide(opaque(nil))
		rt.Backend = held
		l := listen(t, Config{}, rt)
		s := l.stream()
		for i := range n {
			s.send(fmt.Sprintf(`{"id":"%d","type":"x.Raw","payload":1}`+"\n", i))
		}
		most := min(int32(n), 256)
		waitUntil(t, "taking up the lines", func() bool { return held.begun.Load() == most })
		for i := range 20 { // in pieces of their own, however small
			s.send(" \n")
			s.send(fmt.Sprintf("%d", i%10))
		}
		s.stop()
		waitUntil(t, "canceling the lines", func() bool { return held.canceled.Load() == most })
		if held.begun.Load() != most {
			t.Errorf("%d lines began, at most %d at once were expected", held.begun.Load(), most)
		}
	}
}

// TestBatchSlowReader: a client that sends and never reads is cut, and its lines are
// canceled.
func TestBatchSlowReader(t *testing.T) {
	rt := wide(opaque(answering(sdk.Response{MediaType: "text/plain", Payload: make([]byte, 512<<10)})))
	l := listen(t, Config{WriteTimeout: 50 * time.Millisecond}, rt)
	c, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v1/batch HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n", strings.TrimPrefix(l.url, "http://"))
	line := `{"id":"1","type":"x.Raw","payload":1}` + "\n"
	c.SetWriteDeadline(time.Now().Add(patience))
	for err == nil { // until the host cuts the connection
		_, err = fmt.Fprintf(c, "%x\r\n%s\r\n", len(line), line)
	}
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Errorf("the connection is still there: %v", err)
	}
}

// TestBatchIdle: a client that sends nothing for too long is told so.
func TestBatchIdle(t *testing.T) {
	s := listen(t, Config{ReadTimeout: 50 * time.Millisecond}, opaque(echo)).stream()
	s.send(`{"id":"1","type":"x.Raw","payload":1}` + "\n" + `{"id":"2","ty`)
	if got := s.next(); *got.ID != "1" {
		t.Errorf("%s", got)
	}
	if got := s.next(); got.ID != nil || got.Error.Code != sdk.DeadlineExceeded {
		t.Errorf("%s", got)
	}
}

// TestBatchAtShutdown: what is at work is answered, then the stream ends.
func TestBatchAtShutdown(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	l := listen(t, Config{}, opaque(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		close(begun)
		<-release
		return echo(ctx, req)
	}))
	s := l.stream()
	s.send(`{"id":"1","type":"x.Raw","payload":1}` + "\n")
	<-begun
	if err := l.handler.(Handler).Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	close(release)
	if got := s.next(); got.Status != 200 {
		t.Errorf("%s", got)
	}
	if got := s.next(); got.Error.Code != sdk.Unavailable || !got.Error.Retryable {
		t.Errorf("%s", got)
	}
	if _, err := io.ReadAll(s.out); err == nil {
		t.Error("the stream ends as if it were whole")
	}
}

// TestBatchManyLines answers each of many lines of several streams once.
func TestBatchManyLines(t *testing.T) {
	l := listen(t, Config{}, wide(opaque(echo)))
	const n = 5000
	var lines bytes.Buffer
	for i := range n {
		fmt.Fprintf(&lines, `{"id":"%d","type":"x.Raw","payload":{"n":%d,"pad":"%s"}}`+"\n", i, i, strings.Repeat("p", i%700))
	}
	done := make(chan map[string]lineOut)
	for range 3 {
		go func() { done <- l.batchOf(lines.String()) }()
	}
	for range 3 {
		answers := <-done
		for i := range n {
			if a := answers[fmt.Sprint(i)]; !bytes.HasPrefix(a.Payload, fmt.Appendf(nil, `{"n":%d,`, i)) {
				t.Fatalf("line %d got %s", i, a)
			}
		}
		if len(answers) != n {
			t.Errorf("%d answers", len(answers))
		}
	}
}
