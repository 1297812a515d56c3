package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/sdk"
)

// The bounds on what an extension may say in an error.
const (
	maxMessage    = 4096 // bytes
	maxPointer    = 1024 // bytes
	maxViolations = 100
	maxRetryAfter = time.Hour
)

// fault says what was wrong with an answer.
func (r *Router) fault(route *Route, format string, args ...any) *sdk.Error {
	return sdk.Errorf(sdk.ExtensionFault, "extension %s answered %s with %s", route.Extension, route.Type, fmt.Sprintf(format, args...))
}

// internal is an error of the host. Its cause is for the log; clients see it only in
// development.
func (r *Router) internal(message string, cause any) *sdk.Error {
	if r.cfg.Dev {
		return sdk.Errorf(sdk.Internal, "%s: %s", message, clip(fmt.Sprint(cause), maxMessage))
	}
	return sdk.Errorf(sdk.Internal, "%s", message)
}

// asError makes what a backend returned fit for clients. A backend returns
// *sdk.Error; what it says is an extension's and is bounded here. Anything else is a
// fault of the host.
func (r *Router) asError(ctx context.Context, route *Route, req *sdk.Request, err error) *sdk.Error {
	var e *sdk.Error
	switch {
	case errors.As(err, &e) && e != nil:
		return r.bounded(route, e)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		if ctx.Err() == context.Canceled {
			return sdk.Errorf(sdk.Canceled, "the request was canceled")
		}
		return sdk.Errorf(sdk.DeadlineExceeded, "extension %s did not answer before the deadline", route.Extension)
	}
	r.cfg.Log.Error("backend failed", "ext", route.Extension, "version", route.Version,
		"type", route.Type, "request_id", req.ID, traced(req), "err", err)
	return r.internal("the host failed while it called the extension", err)
}

// bounded returns e if it keeps all bounds, else a copy that does.
func (r *Router) bounded(route *Route, e *sdk.Error) *sdk.Error {
	if _, known := r.metrics.codes[e.Code]; !known || e.Code == codeOK {
		return r.fault(route, "the unknown code %q", clip(string(e.Code), 64))
	}
	if isBounded(e) {
		return e
	}
	c := *e
	c.Message = clip(c.Message, maxMessage)
	c.RetryAfter = min(max(c.RetryAfter, 0), maxRetryAfter)
	c.Violations = nil
	for _, v := range e.Violations[:min(len(e.Violations), maxViolations)] {
		c.Violations = append(c.Violations, sdk.Violation{Pointer: clip(v.Pointer, maxPointer), Message: clip(v.Message, maxMessage)})
	}
	return &c
}

func isBounded(e *sdk.Error) bool {
	if len(e.Message) > maxMessage || e.RetryAfter < 0 || e.RetryAfter > maxRetryAfter || len(e.Violations) > maxViolations {
		return false
	}
	for _, v := range e.Violations {
		if len(v.Pointer) > maxPointer || len(v.Message) > maxMessage {
			return false
		}
	}
	return true
}

// clip shortens s to at most n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// traced is the trace of a request for its lines in the log; nothing without one.
func traced(req *sdk.Request) slog.Attr {
	if id := req.Trace.ID(); id != "" {
		return slog.String("trace_id", id)
	}
	return slog.Attr{}
}
