package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

// problem is an error as clients see it: RFC 9457, with our members. Type is always
// about:blank, which says that the title is that of the HTTP status: programs
// branch on Code.
type problem struct {
	Type      string          `json:"type"`
	Title     string          `json:"title"`
	Status    int             `json:"status"`
	Code      sdk.Code        `json:"code"`
	Detail    string          `json:"detail"`
	RequestID string          `json:"request_id"`
	Extension string          `json:"extension"`       // "" when none is concerned
	State     lifecycle.State `json:"state,omitempty"` // of an extension that is not running
	Retryable bool            `json:"retryable"`
	Errors    []sdk.Violation `json:"errors,omitempty"`
	// RetryAfter is for lines, which have no headers: whole seconds.
	RetryAfter int64 `json:"retry_after,omitempty"`
}

// asFault makes err fit for the client, and counts it unless that was done. What is no
// *sdk.Error is the host's own fault: it is logged, and the client learns no more than
// that.
func (e *edge) asFault(x *exchange, err error) (*sdk.Error, status) {
	var fault *sdk.Error
	if !errors.As(err, &fault) {
		e.log.Error("answering a request", "request_id", x.id, x.traced(), "type", x.typ, "err", err)
		fault = sdk.Errorf(sdk.Internal, "the host failed while it answered")
		if e.cfg.Dev {
			fault.Message += ": " + err.Error()
		}
	}
	if x.route != nil && !x.counted {
		x.counted = true
		e.router.Count(x.route, fault.Code)
	}
	s, ok := e.statuses[fault.Code]
	if !ok {
		s = e.statuses[sdk.Internal]
	}
	x.code = s.code
	return fault, s
}

// describe is the problem that says fault.
func (x *exchange) describe(fault *sdk.Error, s status) problem {
	p := problem{
		Type: "about:blank", Title: s.title, Status: s.status, Code: s.code, Detail: fault.Message,
		RequestID: x.id, Retryable: fault.Retryable, Errors: fault.Violations,
	}
	if x.route != nil {
		p.Extension = x.route.Extension
		if s.code == sdk.Unavailable && x.route.State != lifecycle.Running {
			p.State = x.route.State
		}
	}
	return p
}

// problem answers err.
func (e *edge) problem(x *exchange, err error) {
	fault, s := e.asFault(x, err)
	p := x.describe(fault, s)
	h := x.w.Header()
	h["Content-Type"] = e.shared.problem
	h["Cache-Control"] = []string{"no-store"}
	if x.route != nil {
		h["Extension-Id"] = []string{x.route.Extension}
		h["Extension-Version"] = []string{x.route.Version}
	}
	if fault.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(wholeSeconds(fault.RetryAfter), 10))
	}
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(p); err != nil {
		e.log.Error("encoding a problem", "request_id", x.id, x.traced(), "err", err)
	}
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	x.begin(s.status)
	_, _ = x.w.Write(body.Bytes()) // the client may be gone: nobody is left to tell
}

// wholeSeconds rounds up: who comes back must not come too early.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// quote makes a text from a client fit to be shown: quoted, in ASCII, and not much
// longer than a type name may be.
func quote(s string) string {
	const longest = 190
	if len(s) > longest {
		return strconv.QuoteToASCII(s[:longest]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
