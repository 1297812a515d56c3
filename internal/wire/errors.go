package wire

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/sdk"
)

// What is kept of a child's error.
const (
	maxMessage    = 4096 // bytes
	maxViolations = 100
	maxRetryAfter = 24 * time.Hour
)

// answered turns the two ways in which a call can fail into one *sdk.Error, nil when
// it did not.
func answered(ctx context.Context, transport error, answer *extensionv1.Error) error {
	if transport != nil {
		return transportError(ctx, transport)
	}
	if answer != nil {
		return errorFrom(answer)
	}
	return nil
}

// answeredAdmin is answered for calls whose errors an administrator reads, and no
// client: how the connection was lost is said, too.
func answeredAdmin(ctx context.Context, transport error, answer *extensionv1.Error) error {
	err := answered(ctx, transport, answer)
	if e, ok := err.(*sdk.Error); ok && transport != nil && e.Code == sdk.Unavailable {
		e.Message += ": " + bounded(status.Convert(transport).Message(), 500)
	}
	return err
}

// transportError says what a gRPC status other than OK means. A child could send any
// status itself, so only what the host sees with its own eyes is believed.
func transportError(ctx context.Context, err error) *sdk.Error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return sdk.Errorf(sdk.DeadlineExceeded, "the extension did not answer in time")
	case ctx.Err() != nil:
		return sdk.Errorf(sdk.Canceled, "the request was canceled")
	}
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		// Both sides have a clock; the child's may be the first to ring.
		if _, ok := ctx.Deadline(); ok {
			return sdk.Errorf(sdk.DeadlineExceeded, "the extension did not answer in time")
		}
	case codes.Unavailable, codes.Canceled:
		return sdk.Errorf(sdk.Unavailable, "the connection to the extension was lost")
	case codes.ResourceExhausted:
		return sdk.Errorf(sdk.ExtensionFault, "the extension's response is larger than the limit")
	case codes.Unimplemented:
		return sdk.Errorf(sdk.ExtensionFault, "the extension's SDK does not know this call: rebuild it with a newer SDK")
	}
	return sdk.Errorf(sdk.ExtensionFault, "the extension's answer can not be read: %s", bounded(status.Convert(err).Message(), 300))
}

// errorFrom takes an error from a child, within bounds.
func errorFrom(in *extensionv1.Error) *sdk.Error {
	e := &sdk.Error{
		Code: sdk.Code(in.GetCode()), Message: bounded(in.GetMessage(), maxMessage), Retryable: in.GetRetryable(),
	}
	if !slices.Contains(sdk.Codes(), e.Code) {
		e.Code = sdk.ExtensionFault
		e.Message = "the extension answered with an unknown error code: " + e.Message
	}
	if ms := in.GetRetryAfterMs(); ms > 0 {
		e.RetryAfter = min(time.Duration(min(ms, maxRetryAfter.Milliseconds()))*time.Millisecond, maxRetryAfter)
	}
	for _, v := range in.GetViolations()[:min(len(in.GetViolations()), maxViolations)] {
		e.Violations = append(e.Violations, sdk.Violation{
			Pointer: bounded(v.GetPointer(), maxMessage), Message: bounded(v.GetMessage(), maxMessage),
		})
	}
	return e
}

// faultFrom is errorFrom for the bytes of a fault on the lane.
func faultFrom(payload []byte) *sdk.Error {
	in := new(extensionv1.Error)
	if err := proto.Unmarshal(payload, in); err != nil {
		return sdk.Errorf(sdk.ExtensionFault, "the extension answered with an error that can not be read")
	}
	return errorFrom(in)
}

// errorTo is the other direction. A Go string need not be UTF-8, a protobuf string
// must.
func errorTo(e *sdk.Error) *extensionv1.Error {
	out := &extensionv1.Error{
		Code: string(e.Code), Message: bounded(e.Message, maxMessage), Retryable: e.Retryable,
		RetryAfterMs: e.RetryAfter.Milliseconds(),
	}
	if !slices.Contains(sdk.Codes(), e.Code) {
		out.Code = string(sdk.ExtensionFault)
	}
	for _, v := range e.Violations[:min(len(e.Violations), maxViolations)] {
		out.Violations = append(out.Violations, &extensionv1.Violation{
			Pointer: bounded(v.Pointer, maxMessage), Message: bounded(v.Message, maxMessage),
		})
	}
	return out
}

// bounded returns s as valid UTF-8 of at most limit bytes and an ellipsis.
func bounded(s string, limit int) string {
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// typeName reports whether s is a dotted name of at most 190 bytes, as the manifest
// asks for.
func typeName(s string) bool {
	if len(s) == 0 || len(s) > 190 {
		return false
	}
	first := true // in this part
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
			first = false
		case '0' <= c && c <= '9', c == '$':
			if first {
				return false
			}
		case c == '.':
			if first {
				return false
			}
			first = true
		default:
			return false
		}
	}
	return !first
}

// ValidTypeName reports whether s may be the name of a type.
func ValidTypeName(s string) bool { return typeName(s) }

// headerValue reports whether s may stand in an HTTP header: printable ASCII of at
// most 255 bytes.
func headerValue(s string) bool {
	if len(s) > 255 {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
