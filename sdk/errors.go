package sdk

import (
	"errors"
	"fmt"
	"time"
)

// Code is the closed set of what can go wrong with a request. Each has one HTTP
// status, in the table of the request listener.
type Code string

// The codes. A handler returns those that speak of its own work; the host adds those
// that speak of routing and of processes.
const (
	InvalidArgument  Code = "invalid_argument"
	Unauthenticated  Code = "unauthenticated"
	PermissionDenied Code = "permission_denied"
	UnknownType      Code = "unknown_type"
	NotFound         Code = "not_found"
	Conflict         Code = "conflict"
	TooLarge         Code = "too_large"
	UnsupportedMedia Code = "unsupported_media"
	ValidationFailed Code = "validation_failed"
	Exhausted        Code = "exhausted"
	Canceled         Code = "canceled"
	Internal         Code = "internal"
	Unimplemented    Code = "unimplemented"
	ExtensionFault   Code = "extension_fault"
	Unavailable      Code = "unavailable"
	DeadlineExceeded Code = "deadline_exceeded"
)

// Codes lists every Code, in the order of the HTTP statuses.
func Codes() []Code {
	return []Code{
		InvalidArgument, Unauthenticated, PermissionDenied, UnknownType, NotFound, Conflict,
		TooLarge, UnsupportedMedia, ValidationFailed, Exhausted, Canceled, Internal,
		Unimplemented, ExtensionFault, Unavailable, DeadlineExceeded,
	}
}

// Error is an error that crosses the wire. Message is shown to the client: write it
// for them, and keep causes for the log.
type Error struct {
	Code    Code
	Message string
	// Retryable is true when the request was certainly not executed, so that
	// sending it again can not do its work twice.
	Retryable bool
	// RetryAfter says when it may be worth trying again, 0 for no advice.
	RetryAfter time.Duration
	// Violations says where a payload breaks its schema, with ValidationFailed.
	Violations []Violation
}

// Violation is one place in a payload that breaks a rule.
type Violation struct {
	// Pointer is a JSON pointer (RFC 6901) into the payload, "" for the whole.
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf makes an *Error. The text is shown to clients.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the Code of the first *Error in err's chain, Internal for any
// other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) && e != nil {
		return e.Code
	}
	return Internal
}
