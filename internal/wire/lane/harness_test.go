package lane

import (
	"context"
	"errors"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

// world is both halves of the lanes of one child, in this process.
type world struct {
	*Client
	server *Server
}

// newWorld joins both halves. They end with the test.
func newWorld(t testing.TB, cfg Config, handle Handler) *world {
	t.Helper()
	client, ends := halves(t, cfg)
	server, err := NewServer(ends, handle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return &world{client, server}
}

// halves makes a Client and leaves the child's ends to the test.
func halves(t testing.TB, cfg Config) (*Client, *Ends) {
	t.Helper()
	pairs, err := NewPairs()
	if err != nil {
		t.Fatal(err)
	}
	ends, err := pairs.Child()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.MaxPayload == 0 {
		cfg.MaxPayload = 16 << 20
	}
	if cfg.Fault == nil {
		cfg.Fault = func(b []byte) *sdk.Error { return sdk.Errorf(sdk.Conflict, "%s", b) }
	}
	client, err := NewClient(pairs.Host, cfg)
	if err != nil {
		t.Fatal(err)
	}
	client.quiet.Store(quietBefore) // a caller that is alone is so from the beginning
	t.Cleanup(func() {
		client.Close()
		ends.Close()
	})
	return client, ends
}

// crowded keeps callers off the sync lanes, as a request that is out on the shared
// lane does.
func (w *world) crowded() *world {
	w.crowd.Add(1)
	return w
}

func echo(_ context.Context, req *sdk.Request) (*sdk.Response, []byte) {
	return &sdk.Response{Type: "x.Response", MediaType: req.MediaType, Payload: req.Payload}, nil
}

func request(payload []byte) *sdk.Request {
	return &sdk.Request{ID: "r-1", Type: "x.Request", MediaType: "application/octet-stream", Payload: payload}
}

// asFault returns err as the *sdk.Error that it must be.
func asFault(t *testing.T, err error) *sdk.Error {
	t.Helper()
	var fault *sdk.Error
	if !errors.As(err, &fault) {
		t.Fatalf("got %v, want a *sdk.Error", err)
	}
	return fault
}
