package router

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
)

// opaqueMedia is the media type of an answer that names none.
const opaqueMedia = "application/octet-stream"

// Do has one request answered by route, which comes from Lookup. It waits in the
// extension's queue if it must, at most until ctx or route.Timeout ends. The second
// result is the route that answered, for its version: a request that waited is
// answered by whoever has the type when its turn comes.
//
// The error is always a *sdk.Error with a code of sdk.Codes. Until Do has returned,
// and for good if ctx or the timeout had ended by then, req.Payload must not be
// written to. The answer has a Type of the extension's family and a valid
// MediaType, and belongs to the caller until its Free.
func (r *Router) Do(ctx context.Context, route *Route, req *sdk.Request) (*sdk.Response, *Route, error) {
	start := time.Now()
	if route.Timeout > 0 {
		if d, ok := ctx.Deadline(); !ok || d.Sub(start) > route.Timeout {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, start.Add(route.Timeout))
			defer cancel()
		}
	}
	resp, by, fault := r.do(ctx, route, req)
	if m := route.metrics; m != nil {
		m.observe(time.Since(start), len(req.Payload))
		if fault != nil {
			m.count(fault.Code)
		} else {
			m.observeAnswer(len(resp.Payload))
			m.count(codeOK)
		}
	}
	if fault != nil {
		return nil, by, fault
	}
	return resp, by, nil
}

// mostMoves bounds how often one request follows its type to another process.
const mostMoves = 8

// do asks once, and again when the process that was asked was being replaced and has
// never got the request: an upgrade costs nobody an answer.
func (r *Router) do(ctx context.Context, route *Route, req *sdk.Request) (*sdk.Response, *Route, *sdk.Error) {
	for moves := 0; ; moves++ {
		resp, by, fault := r.once(ctx, route, req, moves > 0)
		if fault == nil || moves == mostMoves || !r.moved(by, fault) {
			return resp, by, fault
		}
		route = by
	}
}

// moved reports whether a request that failed was never sent and that its extension has
// another process for it by now, or will have.
func (r *Router) moved(route *Route, fault *sdk.Error) bool {
	if fault.Code != sdk.Unavailable || !fault.Retryable || route.Backend == nil {
		return false
	}
	if route.Gate != nil && route.Gate.held.Load() {
		return true
	}
	now := r.Lookup(route.Type)
	return now != nil && now.Extension == route.Extension && now.Backend != nil && now.Backend != route.Backend
}

func (r *Router) once(ctx context.Context, route *Route, req *sdk.Request, moved bool) (*sdk.Response, *Route, *sdk.Error) {
	if fault := route.Refusal(); fault != nil {
		return nil, route, fault
	}
	if route.RequestBytes > 0 && int64(len(req.Payload)) > route.RequestBytes {
		return nil, route, sdk.Errorf(sdk.TooLarge, "the payload has more than the %d bytes allowed for %s", route.RequestBytes, route.Type)
	}
	if gate := route.Gate; gate != nil {
		waited, err := gate.enter(ctx)
		if err != nil {
			return nil, route, notEntered(route, err)
		}
		defer gate.leave()
		if waited || moved {
			var fault *sdk.Error
			if route, fault = r.again(route); fault != nil {
				return nil, route, fault
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, route, notEntered(route, err)
	}
	resp, err := r.process(ctx, route, req)
	if err != nil {
		return nil, route, r.asError(ctx, route, req, err)
	}
	if fault := r.checkAnswer(route, resp); fault != nil {
		resp.Free()
		return nil, route, fault
	}
	return resp, route, nil
}

// again looks for who has the type of a request that has waited: the process may
// have ended since, or a new version taken over.
func (r *Router) again(route *Route) (*Route, *sdk.Error) {
	now := r.Lookup(route.Type)
	if now == nil || now.Extension != route.Extension {
		err := sdk.Errorf(sdk.Unavailable, "extension %s was removed while the request waited", route.Extension)
		err.Retryable = true
		return route, err
	}
	return now, now.Refusal()
}

// notEntered says why a request never came to run.
func notEntered(route *Route, err error) *sdk.Error {
	var fault *sdk.Error
	switch {
	case errors.Is(err, errFull):
		fault = sdk.Errorf(sdk.Exhausted, "extension %s is busy: %d requests run and %d wait", route.Extension, route.Gate.running, route.Gate.waiting)
		fault.RetryAfter = time.Second
	case errors.Is(err, context.DeadlineExceeded):
		fault = sdk.Errorf(sdk.DeadlineExceeded, "the deadline passed before the request came to run")
	default:
		fault = sdk.Errorf(sdk.Canceled, "the request was canceled before it came to run")
	}
	fault.Retryable = true
	return fault
}

// process calls the backend; a panic in it is the host's fault and ends nothing but
// this request.
func (r *Router) process(ctx context.Context, route *Route, req *sdk.Request) (resp *sdk.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			r.cfg.Log.Error("backend panicked", "ext", route.Extension, "version", route.Version,
				"type", route.Type, "request_id", req.ID, traced(req), "panic", v, "stack", string(debug.Stack()))
			resp, err = nil, r.internal("the host failed while it called the extension", v)
		}
	}()
	return route.Backend.Process(ctx, req)
}

// checkAnswer checks what an extension answered and fills in what it left out.
func (r *Router) checkAnswer(route *Route, resp *sdk.Response) *sdk.Error {
	if resp == nil {
		return r.fault(route, "no answer")
	}
	if resp.Type == "" {
		resp.Type = route.Response
	}
	if resp.MediaType == "" {
		resp.MediaType = opaqueMedia
	}
	switch essence, _, ok := MediaType(resp.MediaType); {
	case !route.Responses.Has(resp.Type):
		return r.fault(route, "type %q, which is none of its response types", clip(resp.Type, 190))
	case route.ResponseBytes > 0 && int64(len(resp.Payload)) > route.ResponseBytes:
		return r.fault(route, "%d bytes, more than the %d allowed", len(resp.Payload), route.ResponseBytes)
	case !ok:
		return r.fault(route, "%q, which is no media type", clip(resp.MediaType, maxMedia))
	case r.cfg.Dev && IsJSON(essence):
		return r.checkSchema(route, resp)
	}
	return nil
}

func (r *Router) checkSchema(route *Route, resp *sdk.Response) *sdk.Error {
	violations, err := route.Responses.validate(resp.Type, resp.Payload)
	var malformed *schema.Error
	switch {
	case errors.As(err, &malformed):
		return r.fault(route, "malformed JSON: %v", err)
	case err != nil:
		return r.internal("checking the answer", err)
	case len(violations) > 0:
		fault := r.fault(route, "a %s that breaks its schema at %q: %s", resp.Type, violations[0].Pointer, violations[0].Message)
		fault.Violations = violations
		return fault
	}
	return nil
}
