package edge

import (
	"log/slog"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// Tracer makes a span for each request of a declared type.
type Tracer interface {
	// Request begins a span. client is what the client sent of its own trace, not yet
	// judged.
	Request(typ string, client sdk.Trace, start time.Time) Span
}

// Span is one request that is traced. Calls come in the order of the methods, from
// one goroutine; the first two are left out when no extension is asked.
type Span interface {
	// TraceID is that of the trace, for logs. It may be called at any time.
	TraceID() string
	// Call begins the span of asking an extension. What it returns goes along.
	Call(extension, version string) sdk.Trace
	// Called ends it: this version has answered, with code "" for a success.
	Called(version string, code sdk.Code)
	// End ends the request.
	End(status int, code sdk.Code)
}

// trace begins the span of a request whose route is known, where requests are traced.
// A line has no headers: its trace begins here.
func (e *edge) trace(x *exchange) {
	if e.cfg.Tracer == nil {
		return
	}
	var client sdk.Trace
	if x.r != nil {
		client.State = strings.Join(x.r.Header["Tracestate"], ",")
		if parents := x.r.Header["Traceparent"]; len(parents) == 1 {
			client.Parent = parents[0]
		}
	}
	x.span = e.cfg.Tracer.Request(x.route.Type, client, x.start)
}

// traced is the trace of the request for its lines in the log; nothing without one.
func (x *exchange) traced() slog.Attr {
	if x.span == nil {
		return slog.Attr{}
	}
	return slog.String("trace_id", x.span.TraceID())
}

// calls begins the span of asking an extension, and gives it to the request.
func (x *exchange) calls(req *sdk.Request) {
	if x.span != nil {
		req.Trace = x.span.Call(x.route.Extension, x.route.Version)
	}
}

// called ends the span of asking an extension.
func (x *exchange) called(err error) {
	if x.span != nil {
		x.span.Called(x.route.Version, sdk.CodeOf(err))
	}
}
