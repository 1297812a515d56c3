package edge

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

// A call of an extension gets what a client with the same request gets.
func TestCallsAreAsStrictAsClients(t *testing.T) {
	stopped := opaque(nil)
	stopped.Type, stopped.State, stopped.Extension = "x.Stopped", lifecycle.Stopped, "x.Other"
	full := opaque(backend(echo))
	full.Type, full.Extension, full.Gate = "x.Full", "x.Busy", router.NewGate(1, 0)
	busy := make(chan struct{})
	full.Backend = backend(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
		busy <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	l := listen(t, Config{}, opaque(backend(echo)), typed(t, backend(echo)), stopped, full)
	call := l.handler.(Handler).Call
	ctx, cancel := context.WithCancel(t.Context())
	held := make(chan error)
	go func() {
		_, err := call(ctx, &sdk.Request{Type: "x.Full"})
		held <- err
	}()
	<-busy
	for _, c := range []struct {
		name string
		req  sdk.Request
		code sdk.Code // "" for an answer
	}{
		{"typed, without a media type", sdk.Request{Type: "x.Hello", Payload: []byte(`{"name":"Ada"}`)}, ""},
		{"typed, malformed", sdk.Request{Type: "x.Hello", Payload: []byte(`{"name":`)}, sdk.InvalidArgument},
		{"typed, against its schema", sdk.Request{Type: "x.Hello", Payload: []byte(`{}`)}, sdk.ValidationFailed},
		{"typed, in another media type", sdk.Request{Type: "x.Hello", MediaType: "text/plain", Payload: []byte(`{}`)}, sdk.UnsupportedMedia},
		{"opaque", sdk.Request{Type: "x.Raw", MediaType: "a/b", Payload: []byte("bytes")}, ""},
		{"opaque, no media type at all", sdk.Request{Type: "x.Raw", MediaType: "nonsense"}, sdk.UnsupportedMedia},
		{"too large", sdk.Request{Type: "x.Raw", Payload: make([]byte, 1<<20+1)}, sdk.TooLarge},
		{"nobody", sdk.Request{Type: "x.Nobody"}, sdk.UnknownType},
		{"stopped", sdk.Request{Type: "x.Stopped"}, sdk.Unavailable},
		{"busy", sdk.Request{Type: "x.Full"}, sdk.Exhausted},
	} {
		var headers []string
		if c.req.MediaType != "" {
			headers = []string{"Content-Type", c.req.MediaType}
		}
		r := l.send("POST", "/v1/requests/"+c.req.Type, string(c.req.Payload), headers...)
		resp, err := call(t.Context(), &c.req)
		if sdk.CodeOf(err) != c.code || r.problem.Code != c.code {
			t.Errorf("%s: a call gets %v, a client %d %s", c.name, err, r.StatusCode, r.body)
		}
		if err == nil && (string(resp.Payload) != r.body || !slices.Equal([]string{resp.MediaType}, r.Header["Content-Type"])) {
			t.Errorf("%s: a call gets %q %s, a client %q", c.name, resp.Payload, resp.MediaType, r.body)
		}
	}
	cancel()
	if err := <-held; sdk.CodeOf(err) != sdk.Canceled {
		t.Errorf("a call that nobody waits for: %v", err)
	}
	late, cancelLate := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancelLate()
	if _, err := call(late, &sdk.Request{Type: "x.Raw"}); sdk.CodeOf(err) != sdk.DeadlineExceeded {
		t.Errorf("a call whose time is up: %v", err)
	}
}
