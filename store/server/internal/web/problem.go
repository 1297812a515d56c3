package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/internal/openapi"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// The codes of problems. The set is closed.
const (
	InvalidArgument  = "invalid_argument"
	Unauthenticated  = "unauthenticated"
	PermissionDenied = "permission_denied"
	NotFound         = "not_found"
	MethodNotAllowed = "method_not_allowed"
	DeadlineExceeded = "deadline_exceeded" // what was sent stood still
	Conflict         = "conflict"
	TakenDown        = "taken_down"
	TooLarge         = "too_large"
	UnsupportedMedia = "unsupported_media"
	Refused          = "refused" // a submission: its own problems say why
	Exhausted        = "exhausted"
	Canceled         = "canceled"
	Internal         = "internal"
	Unavailable      = "unavailable"
)

// statusGone is what a request ends with whose client did not wait for the answer.
const statusGone = 499

// Codes has the codes of problems with their statuses.
func Codes() []openapi.Code {
	return []openapi.Code{
		{Code: InvalidArgument, Status: http.StatusBadRequest},
		{Code: Unauthenticated, Status: http.StatusUnauthorized},
		{Code: PermissionDenied, Status: http.StatusForbidden},
		{Code: NotFound, Status: http.StatusNotFound},
		{Code: MethodNotAllowed, Status: http.StatusMethodNotAllowed},
		{Code: DeadlineExceeded, Status: http.StatusRequestTimeout},
		{Code: Conflict, Status: http.StatusConflict},
		{Code: TakenDown, Status: http.StatusGone},
		{Code: TooLarge, Status: http.StatusRequestEntityTooLarge},
		{Code: UnsupportedMedia, Status: http.StatusUnsupportedMediaType},
		{Code: Refused, Status: http.StatusUnprocessableEntity},
		{Code: Exhausted, Status: http.StatusTooManyRequests},
		{Code: Canceled, Status: statusGone},
		{Code: Internal, Status: http.StatusInternalServerError},
		{Code: Unavailable, Status: http.StatusServiceUnavailable},
	}
}

// Problem is an error of the API, RFC 9457 with a code.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Hint says what next. It is absent when Detail has said so.
	Hint string `json:"hint,omitempty"`
	// RequestID names the request in the log of the store.
	RequestID string `json:"request_id"`
	// Submission is the one that was refused.
	Submission *store.Submission `json:"submission,omitempty"`
	// Wait is how long to wait before the next try, of 429 and 503; 0 for what is usual.
	Wait time.Duration `json:"-"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// NewProblem returns the problem with this code, one of Codes.
func NewProblem(code, detail string) *Problem {
	p := &Problem{Type: "about:blank", Code: code, Detail: detail, Status: http.StatusInternalServerError}
	for _, c := range Codes() {
		if c.Code == code {
			p.Status = c.Status
		}
	}
	p.Title = cmp.Or(http.StatusText(p.Status), "Client Closed Request")
	return p
}

// Invalid returns the problem of what is wrong however things stand.
func Invalid(format string, args ...any) *Problem {
	return NewProblem(InvalidArgument, fmt.Sprintf(format, args...))
}

// problemOf returns err as a Problem. What is neither one nor one of the errors below is
// our own fault: it is logged, and the client learns no more than that.
func (s *Site) problemOf(r *http.Request, err error, requestID string) *Problem {
	var p *Problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		copied := *p
		p = &copied
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		p = NewProblem(Canceled, "the client has gone")
	case errors.As(err, &tooLarge):
		p = NewProblem(TooLarge, fmt.Sprintf("more than %d bytes were sent", tooLarge.Limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		p = NewProblem(DeadlineExceeded, "what is sent has not come for too long")
	case errors.Is(err, database.ErrNotFound):
		p = NewProblem(NotFound, "there is no such thing")
	case errors.Is(err, database.ErrExists):
		p = NewProblem(Conflict, "there is one already")
	case errors.Is(err, database.ErrConflict):
		p = NewProblem(Conflict, "it was changed meanwhile, or something depends on it")
	default:
		p = s.internal(requestID)
		s.Log.Error("answering a request", "method", r.Method, "path", r.URL.Path, "request_id", requestID, "error", err)
	}
	p.RequestID = requestID
	return p
}

func (s *Site) internal(requestID string) *Problem {
	p := NewProblem(Internal, "the store could not answer; its log says why")
	p.RequestID = requestID
	return p
}

// retryAfter is the advice to a client whose request can not be met just now.
const retryAfter = 5 * time.Second

func (s *Site) write(w http.ResponseWriter, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil { // a struct of strings
		s.Log.Error("encoding a problem", "error", err)
	}
	head := w.Header()
	for _, name := range []string{"Etag", "Content-Encoding", "Content-Disposition", "Repr-Digest", "Digest", "Last-Modified", "Accept-Ranges"} {
		head.Del(name) // of the answer that it did not become
	}
	head.Set("Content-Type", "application/problem+json")
	head.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		seconds := (cmp.Or(p.Wait, retryAfter) + time.Second - 1) / time.Second // who comes back must not come too early
		head.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone is not an error of ours
}

// stack is where a panic happened.
func stack() string { return string(debug.Stack()) }
