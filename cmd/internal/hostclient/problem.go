package hostclient

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// maxProblem bounds an error's body.
const maxProblem = 1 << 20

// problem is an error of either listener, RFC 9457.
type problem struct {
	Code      string `json:"code"`
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	Extension string `json:"extension"`
	Retryable bool   `json:"retryable"`
	Errors    []struct {
		Pointer string `json:"pointer"`
		Message string `json:"message"`
	} `json:"errors"`
	Hint   string   `json:"hint"`
	Others []string `json:"others"`
}

// Refusal turns an answer that is no success into a readable error.
func Refusal(what string, resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem)) // what came is enough
	var p problem
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media != "application/problem+json" || json.Unmarshal(body, &p) != nil || p.Code == "" {
		return output.Errorf("is this the address of a jackfield host?", "%s: the host answered %s", what, resp.Status)
	}
	text := fmt.Sprintf("%s: %s: %s", what, p.Code, first(p.Detail, p.Title))
	if p.RequestID != "" {
		text += " (request " + p.RequestID + ")"
	}
	text = oneLine(text)
	for _, e := range p.Errors {
		text += "\n" + oneLine(fmt.Sprintf("at %s: %s", first(e.Pointer, "the whole payload"), e.Message))
	}
	for _, id := range p.Others {
		text += "\n" + oneLine(id) + " needs it"
	}
	hint := advice(p, resp)
	if strings.HasPrefix(resp.Request.URL.Path, "/api/") {
		hint = adminAdvice(p, resp)
	}
	return output.Errorf(hint, "%s", text)
}

// adminAdvice says what to do about a problem of the admin API: what the host says
// itself, else by its code.
func adminAdvice(p problem, resp *http.Response) string {
	hint := oneLine(p.Hint)
	switch {
	case p.Code == "no_plan":
		return first(hint, "'jackfield ext plan ID' says why")
	case strings.HasPrefix(resp.Request.URL.Path, "/api/v1/plans"):
		return first(hint, "'jackfield ext plans' shows how things stand")
	case len(p.Others) > 0:
		return strings.TrimSpace(hint + "\n--force goes ahead: what needs it waits until it is back")
	case hint != "":
		return hint
	case len(p.Errors) > 0:
		return "'jackfield ext config ID -o json' shows the schema"
	case resp.StatusCode == http.StatusUnprocessableEntity:
		return "'jackfield bundle inspect FILE' shows what is wrong with the bundle"
	}
	switch p.Code {
	case "deadline_exceeded":
		return "'jackfield ext list' shows how things stand"
	case "internal":
		return "the log of the host says more"
	case "unauthenticated", "not_found", "unavailable":
		return advice(p, resp)
	}
	return ""
}

// advice says what to do about a problem, by its code.
func advice(p problem, resp *http.Response) string {
	switch p.Code {
	case "unauthenticated":
		return "the token is the content of conf/admin.token in the host's home"
	case "unknown_type":
		return "GET /v1/types on the request listener lists what can be requested; 'jackfield ext list' shows what does not run"
	case "not_found":
		return "'jackfield ext list' shows the ids"
	case "validation_failed":
		return "GET /v1/types/{type} on the request listener shows the schema"
	case "unsupported_media":
		return "set the media type of the payload with --content-type"
	case "unavailable":
		if after := resp.Header.Get("Retry-After"); after != "" {
			return "try again in " + oneLine(after) + " s; 'jackfield ext list' shows the state"
		}
		return "'jackfield ext list' shows the state"
	case "deadline_exceeded":
		return "allow more time with --timeout, up to timeouts.request of the host"
	case "extension_fault", "internal":
		return "the log of the extension says more: log/extensions in the host's home"
	}
	return ""
}

// oneLine makes text from a server fit for an error message.
func oneLine(s string) string { return visible.Clip(s, 1000) }
