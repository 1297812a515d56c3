package hostclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

const (
	// adminPatience bounds a question to the admin API.
	adminPatience = 30 * time.Second
	// maxAnswer bounds what the admin API may answer.
	maxAnswer = 64 << 20
)

// Question is one request to the admin API.
type Question struct {
	What     string   // the act, for errors
	Method   string   // GET when it is empty
	Path     []string // below /api/v1, unescaped
	Query    url.Values
	Body     any           // sent as JSON; nil for none
	IfMatch  string        // the ETag of what is to be changed; "" for none
	Patience time.Duration // 30 s when it is 0
	Hint     string        // what to do when patience was in vain
}

// Ask sends q and decodes the answer.
func (c *Client) Ask(ctx context.Context, q Question, into any) error {
	if q.Method == "" {
		q.Method = http.MethodGet
	}
	if q.Patience == 0 {
		q.Patience = adminPatience
	}
	ctx, cancel := context.WithTimeout(ctx, q.Patience)
	defer cancel()
	var body io.Reader
	if q.Body != nil {
		data, err := json.Marshal(q.Body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := c.Request(ctx, q.Method, body, q.Query, q.Path...)
	if err != nil {
		return err
	}
	if q.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.IfMatch != "" {
		req.Header.Set("If-Match", q.IfMatch)
	}
	err = c.Answer(q.What, req, into)
	if errors.Is(err, context.DeadlineExceeded) {
		return output.Errorf(q.Hint, "%s: %s has not answered within %s", q.What, req.URL.Host, q.Patience)
	}
	return err
}

// Request makes a request to the admin API; path holds unescaped segments.
func (c *Client) Request(ctx context.Context, method string, body io.Reader, query url.Values, path ...string) (*http.Request, error) {
	return c.RequestAt(ctx, method, body, query, append([]string{"api", "v1"}, path...)...)
}

// RequestAt is Request for what the admin listener has beside its API.
func (c *Client) RequestAt(ctx context.Context, method string, body io.Reader, query url.Values, path ...string) (*http.Request, error) {
	if c.tokenErr != nil {
		return nil, c.tokenErr
	}
	target := At(c.Admin, path...)
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	return req, nil
}

// Answer sends req and decodes what comes back into into.
func (c *Client) Answer(what string, req *http.Request, into any) error {
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return Unreachable(what, req.URL, err)
	}
	defer resp.Body.Close()
	if !slices.Contains([]int{http.StatusOK, http.StatusCreated, http.StatusAccepted}, resp.StatusCode) {
		return Refusal(what, resp)
	}
	if c.Requests == nil {
		c.Requests = requestListener(c.Admin, resp.Header.Get("Request-Listener"))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return output.Errorf("is this the admin listener of a jackfield host of this version?", "%s: reading the answer of %s: %w", what, req.URL.Host, err)
	}
	return nil
}

// At joins segments to a URL. Ids may hold any character of a file name.
func At(base *url.URL, segments ...string) string {
	u := base.String()
	for _, s := range segments {
		u += "/" + url.PathEscape(s)
	}
	return u
}

// Unreachable is the error of a listener that does not answer.
func Unreachable(what string, u *url.URL, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) { // repeats method and URL
		err = wrapped.Err
	}
	return output.Errorf("is the host running, and is this its address?", "%s: %s does not answer: %w", what, u.Host, err)
}
