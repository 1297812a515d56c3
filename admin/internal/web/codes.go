package web

import (
	"net/http"
	"slices"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/openapi"
)

// BundleRefused stands in a Doc for all the codes with which a bundle is not accepted:
// those of host.BundleCodes. They are answered as 422.
const BundleRefused = "the code of a bundle that is not accepted"

// Table has the codes of problems with the statuses under which they come. The set is
// closed.
func Table() []openapi.Code {
	return []openapi.Code{
		{Code: host.CodeInvalidArgument, Status: http.StatusBadRequest},
		{Code: "unauthenticated", Status: http.StatusUnauthorized},
		{Code: "permission_denied", Status: http.StatusForbidden},
		{Code: host.CodeNotFound, Status: http.StatusNotFound},
		{Code: "method_not_allowed", Status: http.StatusMethodNotAllowed},
		{Code: "deadline_exceeded", Status: http.StatusGatewayTimeout},
		{Code: "deadline_exceeded", Status: http.StatusRequestTimeout}, // an upload that stood still
		{Code: host.CodeConflict, Status: http.StatusConflict},
		{Code: host.CodeConflict, Status: http.StatusPreconditionFailed}, // If-Match
		{Code: host.CodeTooLarge, Status: http.StatusRequestEntityTooLarge},
		{Code: "unsupported_media", Status: http.StatusUnsupportedMediaType},
		{Code: "misdirected", Status: http.StatusMisdirectedRequest},
		{Code: host.CodeNeedsConsent, Status: http.StatusConflict},
		{Code: host.CodeNoPlan, Status: http.StatusUnprocessableEntity},
		{Code: "validation_failed", Status: http.StatusUnprocessableEntity},
		{Code: BundleRefused, Status: http.StatusUnprocessableEntity},
		{Code: "exhausted", Status: http.StatusTooManyRequests},
		{Code: "canceled", Status: statusGone},
		{Code: host.CodeInternal, Status: http.StatusInternalServerError},
		{Code: host.CodeUnavailable, Status: http.StatusServiceUnavailable},
	}
}

// Codes lists every code that a problem may have.
func Codes() []string {
	codes := host.BundleCodes()
	for _, c := range Table() {
		if c.Code != BundleRefused && !slices.Contains(codes, c.Code) {
			codes = append(codes, c.Code)
		}
	}
	return codes
}

// Statuses are those under which a code of a Doc comes, none for a code that there is not.
func Statuses(code string) []int {
	var statuses []int
	for _, c := range Table() {
		if c.Code == code {
			statuses = append(statuses, c.Status)
		}
	}
	return statuses
}

// statusOf is the status of an error of the host. What is not in the table is the code
// of a bundle that was not accepted.
func statusOf(code string) int {
	if statuses := Statuses(code); len(statuses) > 0 {
		return statuses[0]
	}
	return http.StatusUnprocessableEntity
}
