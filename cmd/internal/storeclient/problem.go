package storeclient

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
)

// maxProblem bounds an error's body.
const maxProblem = 1 << 20

// Problem is an error of the API, RFC 9457.
type Problem struct {
	Status     int               `json:"status"`
	Code       string            `json:"code"`
	Title      string            `json:"title"`
	Detail     string            `json:"detail"`
	Hint       string            `json:"hint"`
	RequestID  string            `json:"request_id"`
	Submission *store.Submission `json:"submission"`

	text string
}

func (p *Problem) Error() string { return p.text }

// refusal turns an answer that is no success into a readable error.
func refusal(what string, resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem)) // what came is enough
	var p Problem
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media != "application/problem+json" || json.Unmarshal(body, &p) != nil || p.Code == "" {
		return output.Errorf("is this the address of a jackfield store?", "%s: the store answered %s", what, resp.Status)
	}
	p.text = visible.Clip(fmt.Sprintf("%s: %s: %s", what, p.Code, p.Detail), 1000)
	if p.Status >= http.StatusInternalServerError && p.RequestID != "" {
		p.text += " (request " + visible.Clip(p.RequestID, 64) + ")"
	}
	return output.WithHint(&p, advice(p, resp))
}

// advice says what to do about a problem: what the store says itself, else by its code.
func advice(p Problem, resp *http.Response) string {
	if p.Hint != "" {
		return visible.Clip(p.Hint, 500)
	}
	switch p.Code {
	case "unauthenticated":
		return "name the file of a token with --token-file, or set JACKFIELD_STORE_TOKEN"
	case "permission_denied":
		return "'jackfield store token new' makes a token with another role"
	case "exhausted", "unavailable":
		if after := resp.Header.Get("Retry-After"); after != "" {
			return "try again in " + visible.Clip(after, 20) + " s"
		}
	case "internal":
		return "the log of the store says more"
	}
	return ""
}
