package web

import (
	"net/http"
	"slices"

	"github.com/jackfield-host/jackfield/host"
)

// BundleRefused stands in a Doc for all the codes with which a bundle is not accepted:
// those of host.BundleCodes. They are answered as 422.
const BundleRefused = "the code of a bundle that is not accepted"

// table has the codes of problems with the statuses under which they come. The set is
// closed.
func table() []codeStatus {
	return []codeStatus{
		{host.CodeInvalidArgument, http.StatusBadRequest},
		{"unauthenticated", http.StatusUnauthorized},
		{"permission_denied", http.StatusForbidden},
		{host.CodeNotFound, http.StatusNotFound},
		{"method_not_allowed", http.StatusMethodNotAllowed},
		{"deadline_exceeded", http.StatusGatewayTimeout},
		{"deadline_exceeded", http.StatusRequestTimeout}, // an upload that stood still
		{host.CodeConflict, http.StatusConflict},
		{host.CodeConflict, http.StatusPreconditionFailed}, // If-Match
		{host.CodeTooLarge, http.StatusRequestEntityTooLarge},
		{"unsupported_media", http.StatusUnsupportedMediaType},
		{"misdirected", http.StatusMisdirectedRequest},
		{"validation_failed", http.StatusUnprocessableEntity},
		{BundleRefused, http.StatusUnprocessableEntity},
		{"exhausted", http.StatusTooManyRequests},
		{"canceled", statusGone},
		{host.CodeInternal, http.StatusInternalServerError},
		{host.CodeUnavailable, http.StatusServiceUnavailable},
	}
}

type codeStatus struct {
	code   string
	status int
}

// Codes lists every code that a problem may have.
func Codes() []string {
	codes := host.BundleCodes()
	for _, c := range table() {
		if c.code != BundleRefused && !slices.Contains(codes, c.code) {
			codes = append(codes, c.code)
		}
	}
	return codes
}

// Statuses are those under which a code of a Doc comes, none for a code that there is not.
func Statuses(code string) []int {
	var statuses []int
	for _, c := range table() {
		if c.code == code {
			statuses = append(statuses, c.status)
		}
	}
	return statuses
}

// CodesByStatus lists the codes by the statuses under which they come.
func CodesByStatus() map[int][]string {
	codes := map[int][]string{}
	for _, c := range table() {
		codes[c.status] = append(codes[c.status], c.code)
	}
	return codes
}

// statusOf is the status of an error of the host. What is not in the table is the code
// of a bundle that was not accepted.
func statusOf(code string) int {
	if statuses := Statuses(code); len(statuses) > 0 {
		return statuses[0]
	}
	return http.StatusUnprocessableEntity
}
