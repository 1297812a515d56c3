package services

import (
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/sdk"
)

// maxDepth is how many calls there may be within each other.
const maxDepth = 8

// request is one that a process is answering.
type request struct {
	ctx    context.Context
	id     string
	caller sdk.Caller
	trace  sdk.Trace
	path   []string // the extensions that call each other up to this request
}

type pathKey struct{}

// Calls reports whether the process may call anybody: then its requests are to be
// tracked.
func (a *Access) Calls() bool { return a.grants.Calls() }

// Track takes note of a request that the process is about to answer, until done is
// called, and returns it with the ticket by which the process refers to it.
func (a *Access) Track(ctx context.Context, req *sdk.Request) (ticketed *sdk.Request, done func()) {
	sent := *req
	sent.Ticket = strconv.FormatUint(a.last.Add(1), 36)
	path, _ := ctx.Value(pathKey{}).([]string)
	a.mu.Lock()
	a.within[sent.Ticket] = &request{ctx: ctx, id: req.ID, caller: req.Caller, trace: req.Trace, path: path}
	a.mu.Unlock()
	return &sent, func() {
		a.mu.Lock()
		delete(a.within, sent.Ticket)
		a.mu.Unlock()
	}
}

// Call has another extension answer req: in the name of who asked for the request with
// this ticket, for as long as that one lasts; in the name of nobody where there is none.
func (a *Access) Call(ctx context.Context, ticket string, req *sdk.Request) (*sdk.Response, error) {
	a.mu.Lock()
	parent := a.within[ticket]
	a.mu.Unlock()
	out := &sdk.Request{Type: req.Type, MediaType: req.MediaType, Payload: req.Payload, Trace: req.Trace}
	var path []string
	if parent == nil {
		out.ID = strings.ToLower(rand.Text()[:24])
	} else {
		var end func()
		ctx, end = during(ctx, parent.ctx)
		defer end()
		path, out.ID, out.Caller = parent.path, parent.id, parent.caller
		if out.Trace == (sdk.Trace{}) {
			out.Trace = parent.trace
		}
	}
	out.Caller.Extension = a.id
	path = append(slices.Clip(path), a.id)
	if len(path) > maxDepth {
		return nil, sdk.Errorf(sdk.ExtensionFault, "calls go %d deep at most, and this would be one more: %s → %s",
			maxDepth, strings.Join(path, " → "), req.Type)
	}
	return a.s.cfg.Ask(context.WithValue(ctx, pathKey{}, path), out)
}

// during is ctx that ends with parent, too.
func during(ctx, parent context.Context) (context.Context, func()) {
	cancel := context.CancelFunc(func() {})
	if deadline, ok := parent.Deadline(); ok {
		ctx, cancel = context.WithDeadline(ctx, deadline)
	}
	ctx, cancelToo := context.WithCancel(ctx)
	stop := context.AfterFunc(parent, cancelToo)
	return ctx, func() { stop(); cancelToo(); cancel() }
}
