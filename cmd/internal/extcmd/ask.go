package extcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// adminPatience bounds a question to the admin API.
	adminPatience = 30 * time.Second
	// settlePatience bounds one that the host answers when an extension has settled.
	// The host itself waits ten minutes.
	settlePatience = 11 * time.Minute
	// maxAnswer bounds what the admin API may answer.
	maxAnswer = 64 << 20
)

// question is one request to the admin API.
type question struct {
	what     string   // the act, for errors
	method   string   // GET when it is empty
	path     []string // below /api/v1, unescaped
	query    url.Values
	body     any           // sent as JSON; nil for none
	ifMatch  string        // the ETag of what is changed; empty for whatever there is
	patience time.Duration // adminPatience when it is 0
	hint     string        // what to do when patience was in vain
}

func (c *client) list(ctx context.Context) ([]host.Extension, error) {
	var answer struct{ Extensions []host.Extension }
	err := c.ask(ctx, question{what: "listing the extensions", path: []string{"extensions"}}, &answer)
	return answer.Extensions, err
}

func (c *client) show(ctx context.Context, id string) (host.Extension, error) {
	var e host.Extension
	err := c.ask(ctx, question{what: fmt.Sprintf("showing %q", id), path: []string{"extensions", id}}, &e)
	return e, err
}

// settled returns the row of id once it has settled.
func (c *client) settled(ctx context.Context, what, id string) (host.Extension, error) {
	var e host.Extension
	err := c.ask(ctx, question{
		what: what, path: []string{"extensions", id}, query: url.Values{"wait": {"true"}},
		patience: settlePatience, hint: goesOn(id),
	}, &e)
	return e, err
}

// goesOn is the hint when somebody has waited long enough.
func goesOn(id string) string {
	return "the host goes on; 'jackfield ext show " + id + "' shows the state"
}

// ask sends q and decodes the answer.
func (c *client) ask(ctx context.Context, q question, into any) error {
	if q.method == "" {
		q.method = http.MethodGet
	}
	if q.patience == 0 {
		q.patience = adminPatience
	}
	ctx, cancel := context.WithTimeout(ctx, q.patience)
	defer cancel()
	var body io.Reader
	if q.body != nil {
		data, err := json.Marshal(q.body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := c.request(ctx, q.method, body, q.query, q.path...)
	if err != nil {
		return err
	}
	if q.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.ifMatch != "" {
		req.Header.Set("If-Match", q.ifMatch)
	}
	err = c.answer(q.what, req, into)
	if errors.Is(err, context.DeadlineExceeded) {
		return output.Errorf(q.hint, "%s: %s has not answered within %s", q.what, req.URL.Host, q.patience)
	}
	return err
}

// request makes a request to the admin API; path holds unescaped segments.
func (c *client) request(ctx context.Context, method string, body io.Reader, query url.Values, path ...string) (*http.Request, error) {
	if c.tokenErr != nil {
		return nil, c.tokenErr
	}
	target := at(c.admin, append([]string{"api", "v1"}, path...)...)
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

// answer sends req and decodes what comes back into into.
func (c *client) answer(what string, req *http.Request, into any) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(what, req.URL, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		return refusal(what, resp)
	}
	if c.requests == nil {
		c.requests = requestListener(c.admin, resp.Header.Get("Request-Listener"))
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

// at joins segments to a URL. Ids may hold any character of a file name.
func at(base *url.URL, segments ...string) string {
	u := base.String()
	for _, s := range segments {
		u += "/" + url.PathEscape(s)
	}
	return u
}

func unreachable(what string, u *url.URL, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) { // repeats method and URL
		err = wrapped.Err
	}
	return output.Errorf("is the host running, and is this its address?", "%s: %s does not answer: %w", what, u.Host, err)
}
