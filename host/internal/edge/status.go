package edge

import (
	"net/http"

	"github.com/jackfield-host/jackfield/sdk"
)

// The codes that only HTTP needs, beside those of the sdk.
const (
	methodNotAllowed sdk.Code = "method_not_allowed"
	misdirected      sdk.Code = "misdirected"
)

// status is how a code is answered: the HTTP status, and the title of its problem.
type status struct {
	code   sdk.Code
	status int
	title  string
}

// statusClientClosed is nginx's number for a client that went away. Nobody reads
// it; the log does.
const statusClientClosed = 499

// statuses is the one table from codes to HTTP statuses.
func statuses() []status {
	return []status{
		{sdk.InvalidArgument, http.StatusBadRequest, "Bad Request"},
		{sdk.Unauthenticated, http.StatusUnauthorized, "Unauthorized"},
		{sdk.PermissionDenied, http.StatusForbidden, "Forbidden"},
		{sdk.UnknownType, http.StatusNotFound, "Not Found"},
		{sdk.NotFound, http.StatusNotFound, "Not Found"},
		{methodNotAllowed, http.StatusMethodNotAllowed, "Method Not Allowed"},
		{sdk.Conflict, http.StatusConflict, "Conflict"},
		{sdk.TooLarge, http.StatusRequestEntityTooLarge, "Content Too Large"},
		{sdk.UnsupportedMedia, http.StatusUnsupportedMediaType, "Unsupported Media Type"},
		{misdirected, http.StatusMisdirectedRequest, "Misdirected Request"},
		{sdk.ValidationFailed, http.StatusUnprocessableEntity, "Unprocessable Content"},
		{sdk.Exhausted, http.StatusTooManyRequests, "Too Many Requests"},
		{sdk.Canceled, statusClientClosed, "Client Closed Request"},
		{sdk.Internal, http.StatusInternalServerError, "Internal Server Error"},
		{sdk.Unimplemented, http.StatusNotImplemented, "Not Implemented"},
		{sdk.ExtensionFault, http.StatusBadGateway, "Bad Gateway"},
		{sdk.Unavailable, http.StatusServiceUnavailable, "Service Unavailable"},
		{sdk.DeadlineExceeded, http.StatusGatewayTimeout, "Gateway Timeout"},
	}
}

// Status is the HTTP status with which a code is answered; an unknown code is a fault of
// the host.
func Status(code sdk.Code) int {
	for _, s := range statuses() {
		if s.code == code {
			return s.status
		}
	}
	return http.StatusInternalServerError
}
