package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/edge"
	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// mostTries is how many requests may be tried at once, by forms and by own pages: a
	// person tries one, and the request listener is there for more.
	mostTries = 8
	// maxTryAnswer bounds what is kept of an answer, in bytes.
	maxTryAnswer = 1 << 20
)

// tries has a place for each request that is being tried. Own pages never take one of a
// form.
type tries struct{ forms, ownPages chan struct{} }

func newTries() tries {
	return tries{make(chan struct{}, mostTries), make(chan struct{}, mostTries)}
}

func (h *Host) try(ctx context.Context, r TryRequest) (TryResult, error) {
	if len(r.Payload) > MaxTry {
		return TryResult{}, &Error{Code: CodeTooLarge, Message: fmt.Sprintf("the payload has more than the %d bytes that can be tried", MaxTry), Hint: "send it to the request listener"}
	}
	if route := h.router.Lookup(r.Type); route == nil || route.Extension != r.ID {
		return TryResult{}, &Error{Code: CodeNotFound, Message: fmt.Sprintf("extension %q does not answer the type %q", r.ID, r.Type), Hint: "its list of types has those there are"}
	}
	places := h.tries.forms
	if r.OwnPage {
		places = h.tries.ownPages
	}
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	default:
		return TryResult{}, &Error{Code: CodeUnavailable, Message: fmt.Sprintf("%d requests are being tried already", mostTries), Hint: "wait until one is answered"}
	}
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Timeout)
		defer cancel()
	}
	req := &sdk.Request{
		ID: "try-" + rand.Text(), Type: r.Type, MediaType: r.MediaType, Payload: r.Payload,
		Caller: sdk.Caller{Subject: r.Actor.Name, Roles: r.Roles},
	}
	if r.OwnPage {
		req.Caller.Roles, req.Caller.Extension = nil, r.ID
	}
	start := time.Now()
	resp, err := h.requests.Call(ctx, req)
	result := TryResult{RequestID: req.ID, Took: time.Since(start)}
	if err != nil {
		return result.refused(err), nil
	}
	defer resp.Free()
	kept := min(len(resp.Payload), maxTryAnswer)
	result.Status, result.Code = http.StatusOK, "ok"
	result.Type, result.MediaType = resp.Type, resp.MediaType
	result.Bytes, result.Payload = len(resp.Payload), append([]byte{}, resp.Payload[:kept]...)
	return result, nil
}

// refused is r with what went wrong. Every error of Call is an *sdk.Error.
func (r TryResult) refused(err error) TryResult {
	var fault *sdk.Error
	if !errors.As(err, &fault) {
		fault = sdk.Errorf(sdk.Internal, "the host failed while it answered")
	}
	r.Status, r.Code, r.Message = edge.Status(fault.Code), string(fault.Code), fault.Message
	r.Retryable, r.Errors = fault.Retryable, fault.Violations
	return r
}
