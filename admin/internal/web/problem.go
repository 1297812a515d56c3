package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// retryAfter is the advice to a client whose request can not be met just now: what is in
// the way, a full disk for one, rarely goes at once.
const retryAfter = 5 * time.Second

// statusGone is what a request ends with whose client did not wait for the answer.
const statusGone = 499

// Problem is an error of the admin API, RFC 9457 with a code.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Hint says what next. It is absent when Detail has said so.
	Hint string `json:"hint,omitempty"`
	// RequestID names the request in the log of the host.
	RequestID string `json:"request_id"`
	// Others are the ids of the extensions that stand against it.
	Others []string `json:"others,omitempty"`
	// Errors are the places at which a configuration is wrong.
	Errors []host.Violation `json:"errors,omitempty"`
	// Wait is how long to wait before the next try, of 429 and 503; 0 for what is usual.
	Wait time.Duration `json:"-"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// NewProblem returns a problem with the title of its status.
func NewProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Invalid returns the problem of what is wrong however things stand.
func Invalid(detail string) *Problem {
	return NewProblem(http.StatusBadRequest, host.CodeInvalidArgument, detail)
}

func (s *Site) writeProblem(w http.ResponseWriter, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil { // a struct of strings
		s.Log.Error("encoding a problem", "error", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		seconds := (cmp.Or(p.Wait, retryAfter) + time.Second - 1) / time.Second // who comes back must not come too early
		w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // as in WriteJSON
}

// ProblemOf returns the refusal that err is, of a route or of the host; nil when it is
// none, but something that went wrong.
func ProblemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var refused *host.Error
	if errors.As(err, &refused) && refused.Code != "" {
		p = NewProblem(statusOf(refused.Code), refused.Code, refused.Message)
		p.Hint, p.Others, p.Errors = refused.Hint, refused.Others, refused.Violations
		if refused.Stale {
			p = stale(p)
		}
		return p
	}
	var account *host.AccountError
	if errors.As(err, &account) {
		return accountProblem(account)
	}
	return nil
}

// asProblem returns err as a Problem. What is neither one nor an error of the host's
// own words is our own fault: it is logged, and the client learns no more than that.
func (s *Site) asProblem(r *http.Request, err error, requestID string) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		p = NewProblem(statusGone, "canceled", "the client has gone")
		p.Title = "Client Closed Request"
		return p
	}
	if p = ProblemOf(err); p == nil {
		p = NewProblem(http.StatusInternalServerError, host.CodeInternal, "the host could not answer; its log says why")
	}
	if p.Status == http.StatusInternalServerError {
		s.Log.Error("answering an admin request", "method", r.Method, "path", r.URL.Path, "request_id", requestID, "error", err)
	}
	return p
}

// stale makes p the problem of an If-Match that does not hold.
func stale(p *Problem) *Problem {
	p.Code, p.Status, p.Title = host.CodeConflict, http.StatusPreconditionFailed, http.StatusText(http.StatusPreconditionFailed)
	return p
}

// accountProblem is what accounts have refused. A change of what somebody else has changed
// meanwhile is the conflict that If-Match asks about.
func accountProblem(refused *host.AccountError) *Problem {
	code := string(refused.Code)
	status := statusOf(code)
	if code == host.CodeChanged {
		status, code = http.StatusPreconditionFailed, host.CodeConflict
	}
	p := NewProblem(status, code, refused.Message)
	p.Hint, p.Wait = refused.Hint, refused.After
	return p
}
