package edge

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/sdk"
)

// Bounds on what names a project and a locale.
const (
	maxProject = 255 // bytes
	maxLocale  = 64  // bytes
)

// parameters answers GET /v1/projects/{project}/parameters with an object that has a
// member for every running extension.
func (e *edge) parameters(x *exchange) error {
	project, err := url.PathUnescape(x.project)
	if err != nil || !nameable(project, maxProject) {
		return sdk.Errorf(sdk.InvalidArgument, "the project must be 1 to %d bytes of UTF-8 without control characters", maxProject)
	}
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil || len(query["locale"]) > 1 {
		return sdk.Errorf(sdk.InvalidArgument, "the query is malformed; write ?locale=fr_CA, for example")
	}
	locale := query.Get("locale")
	if locale != "" && !nameable(locale, maxLocale) {
		return sdk.Errorf(sdk.InvalidArgument, "the locale must be at most %d bytes of UTF-8 without control characters", maxLocale)
	}
	longest := defaultTimeout
	if e.cfg.MaxTimeout > 0 {
		longest = e.cfg.MaxTimeout
	}
	timeout, err := requestTimeout(x.r.Header, longest)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(x.r.Context(), x.start.Add(timeout))
	defer cancel()
	text, err := json.Marshal(e.router.Parameters(ctx, project, locale))
	if err != nil {
		return err
	}
	return e.writeJSON(x, http.StatusOK, text)
}

// nameable reports whether s is 1 to most bytes of text without control characters.
func nameable(s string, most int) bool {
	if s == "" || len(s) > most || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}
