// Package router knows who answers which request type, and calls them.
//
// The host builds a Table from Routes whenever anything changes and swaps it in
// with Router.Swap. Whoever has a request calls Lookup and then Do:
//
//	route := r.Lookup(name)               // nil: nobody declares this type
//	resp, by, err := r.Do(ctx, route, req) // err is always a *sdk.Error
//
// Lookup takes no lock and allocates nothing. Do allocates nothing of its own when
// ctx has a deadline within the route's timeout (else the two allocations of a
// context). What Do promises: the answer is of a type that the extension may answer
// with, not larger than allowed and of a valid media type; no request runs beyond
// the limits of its extension's Gate or past its deadline; a Backend that panics
// costs one request; everything is counted.
package router

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
)

// Backend answers the requests of one extension. Process returns soon after ctx has
// ended, and its errors are *sdk.Error. Once Process has returned it reads neither
// req nor its Payload any more, unless ctx had ended before: then the payload may
// still be on its way, and nobody may write to it. The Response belongs to the
// caller until its Free. An Unavailable that is Retryable says that the request was
// never sent: if its type has another Backend by then, that one is asked. Backends are
// compared, so they are pointers.
type Backend interface {
	Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error)
}

// Route is one request type and who answers it. Routes do not change once they are
// in a Table.
type Route struct {
	Type     string // full name of the request type
	Base     string // the extension's extension_request
	Response string // declared response type, what an answer without a type is
	// Extension and Version say who answers.
	Extension, Version string
	State              lifecycle.State
	// RetryAfter is the advice to clients while the extension is not running, one
	// second when it is 0.
	RetryAfter time.Duration
	// Handled is false for a base type that no handler takes.
	Handled bool
	// Schema is the declared schema of the request, nil for an opaque type, and
	// Validator is what it compiles to.
	Schema    json.RawMessage
	Validator *schema.Schema
	// Responses are the types that the extension may answer with. Nil allows any.
	Responses *Family
	// Timeout is the longest a request may take, queueing included.
	Timeout time.Duration
	// RequestBytes and ResponseBytes bound the payloads, 0 for no bound.
	RequestBytes, ResponseBytes int64
	// Gate limits all requests of the extension together; its routes share it, also
	// over changes of the table.
	Gate *Gate
	// Restarting says that the extension is starting again at once after a crash:
	// its Backend takes requests and makes them wait a moment.
	Restarting bool
	// Backend is nil unless the extension is running or restarting.
	Backend Backend

	metrics *routeMetrics
}

// Refusal is why a request for this route would be refused whatever it says, nil if
// it would not: the extension is not running, or has no handler for this type. It
// lets a caller refuse before it reads a payload; Do checks it again.
func (rt *Route) Refusal() *sdk.Error {
	if rt.State != lifecycle.Running && !rt.Restarting || rt.Backend == nil {
		state := rt.State
		if state == lifecycle.Running {
			state = lifecycle.Starting // its route was announced before its process
		}
		err := sdk.Errorf(sdk.Unavailable, "extension %s is not running: it is %s", rt.Extension, state)
		err.Retryable = true
		err.RetryAfter = rt.RetryAfter
		if err.RetryAfter <= 0 {
			err.RetryAfter = time.Second
		}
		return err
	}
	if !rt.Handled {
		err := sdk.Errorf(sdk.Unimplemented, "extension %s has no handler for its base type %s; request one of its declared types", rt.Extension, rt.Type)
		err.Retryable = false
		return err
	}
	return nil
}

// Opaque reports whether payloads of this type are not described by a schema.
func (rt *Route) Opaque() bool { return len(rt.Schema) == 0 && rt.Validator == nil }

// Listed reports whether the type is shown to clients. A base type that no handler
// takes is not, nor are the types of extensions that an administrator has disabled.
func (rt *Route) Listed() bool {
	return rt.Handled && rt.State != lifecycle.Stopped && rt.State != lifecycle.Removed
}

// Table is the routes of one moment. It is immutable, so that a caller may keep
// what it derives from a table for as long as Router.Table returns the same one.
type Table struct {
	routes map[string]*Route
	sorted []*Route
	gates  []extensionGate
	bound  bool // guarded by Router.mu: the routes have their metrics
}

type extensionGate struct {
	extension string
	gate      *Gate
}

// NewTable makes a table of copies of routes. Of two routes for one type the one
// that is running counts, else the first.
func NewTable(routes []*Route) *Table {
	t := &Table{routes: make(map[string]*Route, len(routes))}
	gates := map[string]bool{}
	for _, given := range routes {
		route := *given
		route.metrics = nil
		if old := t.routes[route.Type]; old == nil || old.Refusal() != nil && route.Refusal() == nil {
			t.routes[route.Type] = &route
		}
	}
	for _, route := range t.routes {
		t.sorted = append(t.sorted, route)
	}
	slices.SortFunc(t.sorted, func(a, b *Route) int { return strings.Compare(a.Type, b.Type) })
	for _, route := range t.sorted {
		if route.Gate != nil && !gates[route.Extension] {
			gates[route.Extension] = true
			t.gates = append(t.gates, extensionGate{route.Extension, route.Gate})
		}
	}
	return t
}

// Lookup returns the route of a request type, nil if nobody declares it.
func (t *Table) Lookup(name string) *Route { return t.routes[name] }

// Types returns all routes, sorted by type. The caller must not change them.
func (t *Table) Types() []*Route { return t.sorted }

// Starting returns the extensions that are starting, sorted, never nil.
func (t *Table) Starting() []string {
	starting := []string{}
	for _, route := range t.sorted {
		if route.State == lifecycle.Starting {
			starting = append(starting, route.Extension)
		}
	}
	slices.Sort(starting)
	return slices.Compact(starting)
}

// Config is what a Router is made from. The zero value is good.
type Config struct {
	// Dev checks JSON answers against their declared schemas and puts the causes of
	// internal errors into their messages.
	Dev bool
	// Log receives what is the host's own fault: backends that panic or return
	// foreign errors. Nil discards.
	Log *slog.Logger
}

// Router holds the current Table.
type Router struct {
	cfg     Config
	table   atomic.Pointer[Table]
	metrics *metrics

	mu      sync.Mutex    // serializes Swap
	changed chan struct{} // guarded by mu: closed by the next Swap
}

// New returns a Router with an empty table.
func New(cfg Config) *Router {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Router{cfg: cfg, metrics: newMetrics(), changed: make(chan struct{})}
	r.table.Store(NewTable(nil))
	return r
}

// Swap puts t in the place of the current table, atomically: a Lookup sees the old
// routes or the new ones, never some of both. Series of types that are gone are
// deleted from the metrics. A table may be swapped into one Router only.
func (r *Router) Swap(t *Table) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !t.bound {
		for _, route := range t.sorted {
			route.metrics = r.metrics.of(route.Extension, route.Type)
		}
		t.bound = true
	}
	r.table.Store(t)
	r.metrics.keep(t)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Changed returns a channel that the next Swap closes. Who asks for it before looking
// at Table misses no change.
func (r *Router) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// Table returns the current table.
func (r *Router) Table() *Table { return r.table.Load() }

// Lookup returns the route of a request type, nil if nobody declares it.
func (r *Router) Lookup(name string) *Route { return r.table.Load().routes[name] }

// Types returns the current routes, sorted by type. The caller must not change them.
func (r *Router) Types() []*Route { return r.table.Load().sorted }

// Count counts a request that was refused before Do, with its code. A nil route
// stands for a type that nobody declares.
func (r *Router) Count(route *Route, code sdk.Code) {
	if route == nil || route.metrics == nil {
		r.metrics.unknown.count(code)
		return
	}
	route.metrics.count(code)
}

// Collectors returns the metrics of all requests: requests_total,
// request_duration_seconds, request_bytes, response_bytes, requests_in_flight and
// requests_queued, each with the prefix jackfield_.
func (r *Router) Collectors() []prometheus.Collector {
	return append(r.metrics.collectors(), newGateCollector(&r.table))
}
