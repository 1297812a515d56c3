package sdktest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
)

// WithKeyValue makes kv the extension's key-value store (see NewKeyValue), and grants
// it. With the permission kv in the manifest alone, the extension has one of its own.
func WithKeyValue(kv sdk.KeyValue) Option {
	return func(o *options) { o.keyValue = kv }
}

// WithCallee has Setup.Call answered by h, an sdk.Handle, for its type, and grants that.
// Types that the manifest has the permission call:TYPE for and that nobody answers are
// unknown_type.
func WithCallee(h sdk.Handler) Option {
	return func(o *options) { o.callees = append(o.callees, h) }
}

// services is what the extension may ask of its host.
type services struct {
	sdk.KeyValue
	callees map[string]sdk.Handler
	grants  service.Grants
	last    atomic.Uint64
	active  atomic.Bool // Activate has begun

	mu      sync.Mutex
	callers map[string]sdk.Caller // of requests that are being answered, by ticket
}

func newServices(o *options) *services {
	permissions := strings.Split(o.manifest["extension_permissions"], ",")
	s := &services{KeyValue: o.keyValue, callees: make(map[string]sdk.Handler), callers: make(map[string]sdk.Caller)}
	if s.KeyValue == nil {
		s.KeyValue = NewKeyValue(0)
	} else {
		permissions = append(permissions, "kv")
	}
	for _, h := range o.callees {
		s.callees[h.RequestType()] = h
		permissions = append(permissions, "call:"+h.RequestType())
	}
	s.grants = service.ParseGrants(permissions)
	return s
}

func (s *services) offer(log *slog.Logger) service.Config {
	return service.Config{Services: s, Grants: s.grants, MayWrite: s.active.Load, Log: log}
}

// track gives req a ticket until done is called, if it is of use.
func (s *services) track(req *sdk.Request) (done func()) {
	if s == nil || !s.grants.Calls() {
		return func() {}
	}
	ticket := fmt.Sprint("ticket ", s.last.Add(1))
	req.Ticket = ticket
	s.mu.Lock()
	s.callers[ticket] = req.Caller
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		delete(s.callers, ticket)
		s.mu.Unlock()
	}
}

// Call is part of service.Services.
func (s *services) Call(ctx context.Context, ticket string, req *sdk.Request) (*sdk.Response, error) {
	h, ok := s.callees[req.Type]
	if !ok {
		return nil, sdk.Errorf(sdk.UnknownType, "no extension declares the request type %s: see sdktest.WithCallee", req.Type)
	}
	s.mu.Lock()
	req.Caller = s.callers[ticket]
	s.mu.Unlock()
	req.ID, req.Caller.Extension = "sdktest", "sdktest"
	if req.MediaType == "" {
		req.MediaType = "application/json"
	}
	return h.Serve(ctx, req)
}
