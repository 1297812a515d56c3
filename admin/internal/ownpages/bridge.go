package ownpages

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// maxForm bounds what the page around sends for its frame: a payload as large as may
	// be tried, which takes up to three times its size in a form.
	maxForm = 3*host.MaxTry + 64<<10
	// callTime is the longest that a call of a frame may take.
	callTime = 30 * time.Second
)

// form reads the form that the page around sends for its frame, and checks that it has.
func form(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, io.NopCloser(web.Whole(r)), maxForm)
	return web.CheckProof(r)
}

// getConfig answers config.get. Secrets are not in it.
func (s *Site) getConfig(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	c, err := s.host.Configuration(r.Context(), id)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, c)
}

// setConfig answers config.set: the page around asks twice, first what would change,
// which it shows to the person, and then to have it saved. The form has the members
// values (a JSON object), revision and dry_run.
func (s *Site) setConfig(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	change := host.ConfigurationChange{
		ID: id, Values: json.RawMessage(r.PostForm.Get("values")), DryRun: r.PostForm.Get("dry_run") != "false", Actor: web.Actor(r),
	}
	if change.Revision, err = strconv.ParseInt(r.PostForm.Get("revision"), 10, 64); err != nil {
		return web.Invalid("revision must be the one that the configuration has, or -1 for any")
	}
	if text := bytes.TrimSpace(change.Values); !json.Valid(text) || text[0] != '{' {
		return web.Invalid("values must be a JSON object")
	}
	done, err := s.host.Configure(r.Context(), change)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, done)
}

// called is how a call of a frame was answered: code is ok, or that of the problem. An
// answer is in Payload if it is JSON, else in Base64.
type called struct {
	Status    int              `json:"status"`
	Code      string           `json:"code"`
	Message   string           `json:"message,omitempty"`
	Retryable bool             `json:"retryable,omitempty"`
	Errors    []host.Violation `json:"errors,omitempty"`
	Type      string           `json:"type,omitempty"`
	MediaType string           `json:"media_type,omitempty"`
	Payload   json.RawMessage  `json:"payload,omitempty"`
	Base64    []byte           `json:"payload_base64,omitempty"`
}

// call answers types.call: one request of a type of the extension's own, in the name of
// the person. The form has the members type, media_type and payload.
func (s *Site) call(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	result, err := s.host.Try(r.Context(), host.TryRequest{
		ID: id, Type: r.PostForm.Get("type"), MediaType: r.PostForm.Get("media_type"), Payload: []byte(r.PostForm.Get("payload")),
		Timeout: callTime, OwnPage: true, Actor: host.Actor{Name: access.Of(r.Context()).Name, Remote: access.Remote(r)},
	})
	if err != nil {
		return err
	}
	answer := called{
		Status: result.Status, Code: result.Code, Message: result.Message, Retryable: result.Retryable,
		Type: result.Type, MediaType: result.MediaType,
	}
	for _, v := range result.Errors {
		answer.Errors = append(answer.Errors, host.Violation(v))
	}
	whole := len(result.Payload) == result.Bytes
	switch {
	case result.Code != "ok":
	case !whole:
		return web.NewProblem(http.StatusBadGateway, host.CodeTooLarge, "the answer is larger than a page may get; send the request to the request listener")
	case isJSON(result.MediaType) && json.Valid(result.Payload):
		answer.Payload = result.Payload
	default:
		answer.Base64 = result.Payload
	}
	return web.WriteJSON(w, http.StatusOK, answer)
}

// isJSON reports whether a media type is that of JSON.
func isJSON(media string) bool {
	essence, _, _ := strings.Cut(media, ";")
	essence = strings.ToLower(strings.TrimSpace(essence))
	return essence == "application/json" || strings.HasSuffix(essence, "+json")
}
