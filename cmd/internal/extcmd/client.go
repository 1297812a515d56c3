package extcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// adminPatience bounds a question to the admin API.
	adminPatience = 30 * time.Second
	// maxAnswer bounds what the admin API may answer.
	maxAnswer = 64 << 20
	// maxProblem bounds an error's body.
	maxProblem = 1 << 20
)

// target is where the flags say that the host is.
type target struct{ home, host, token, requests string }

// client talks to one host.
type client struct {
	admin, requests *url.URL // requests is nil until somebody has told
	http            *http.Client
	// token is for the admin API only; tokenErr says why there is none.
	token    string
	tokenErr error
	// bearer is for requests; empty when they carry none.
	bearer string
}

// connect finds the host. It sends nothing yet.
func (t *target) connect() (*client, error) {
	c := &client{http: &http.Client{
		// A host never redirects its API; the token must not follow anybody.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// Proxies of the environment are for the world, not for this host: the
		// token stays between the two.
		Transport: &http.Transport{Proxy: nil},
	}}
	address, requests := t.host, t.requests
	c.token = t.token
	if t.home == "" { // a flag goes before the environment, and names host and token at once
		address = first(address, os.Getenv("JACKFIELD_HOST"))
		requests = first(requests, os.Getenv("JACKFIELD_REQUESTS"))
		c.token = first(c.token, os.Getenv("JACKFIELD_TOKEN"))
	}
	c.bearer = c.token // who names a token means it for the whole host
	if address != "" {
		return c, c.atURL(address, requests)
	}
	return c, c.atHome(running.Home(t.home), requests)
}

func (c *client) atURL(address, requests string) (err error) {
	if c.admin, err = baseURL("--host", address); err != nil {
		return err
	}
	if requests != "" {
		if c.requests, err = baseURL("--requests", requests); err != nil {
			return err
		}
	}
	if c.token == "" {
		c.tokenErr = output.Usagef("the token is the content of conf/admin.token in the host's home",
			"--host needs the administrator's token: set JACKFIELD_TOKEN, or pass --token")
	}
	return nil
}

func (c *client) atHome(home host.Home, requests string) error {
	h, err := running.Find(home)
	if err != nil {
		hint := ""
		if errors.Is(err, running.ErrNone) {
			hint = fmt.Sprintf("start one with 'jackfield serve --home %s', name its home with --home, or its address with --host", home)
		}
		return output.WithHint(err, hint)
	}
	c.admin = &url.URL{Scheme: "http", Host: reachable(h.Admin)}
	c.requests = &url.URL{Scheme: "http", Host: reachable(h.Requests)}
	if requests != "" {
		if c.requests, err = baseURL("--requests", requests); err != nil {
			return err
		}
	}
	if c.token != "" {
		return nil
	}
	c.token, c.tokenErr = running.ReadToken(home)
	// The token of the file goes along where it is asked for and stays on this
	// machine: to the address that the host itself has announced.
	if c.tokenErr == nil && h.RequestsAuth == "token" && requests == "" && loopback(c.requests.Hostname()) {
		c.bearer = c.token
	}
	if env := os.Getenv("JACKFIELD_TOKEN"); c.tokenErr != nil && env != "" {
		c.token, c.tokenErr = env, nil // for those who may not read the file
	}
	if errors.Is(c.tokenErr, fs.ErrPermission) {
		c.tokenErr = output.WithHint(c.tokenErr, "run this as the user of the host, or pass the token in JACKFIELD_TOKEN")
	}
	return nil
}

func loopback(address string) bool {
	ip := net.ParseIP(address)
	return ip != nil && ip.IsLoopback()
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func baseURL(flag, s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return nil, output.Usagef("write http://HOST:PORT", "%s: %q is not the URL of a listener", flag, s)
	}
	u.Path = ""
	return u, nil
}

// reachable turns the address of a listener on all interfaces into one to dial.
func reachable(address string) string {
	name, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(name); err == nil && ip != nil && ip.IsUnspecified() {
		if ip.To4() == nil {
			return net.JoinHostPort("::1", port)
		}
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

func (c *client) list(ctx context.Context) ([]host.Extension, error) {
	var answer struct{ Extensions []host.Extension }
	err := c.get(ctx, "listing the extensions", &answer, "api", "v1", "extensions")
	return answer.Extensions, err
}

func (c *client) show(ctx context.Context, id string) (host.Extension, error) {
	var e host.Extension
	err := c.get(ctx, fmt.Sprintf("showing %q", id), &e, "api", "v1", "extensions", id)
	return e, err
}

// get asks the admin API; path holds unescaped segments.
func (c *client) get(ctx context.Context, what string, into any, path ...string) error {
	if c.tokenErr != nil {
		return c.tokenErr
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at(c.admin, path...), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(what, req.URL, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
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

// requestListener is where the request listener is reached by whoever reaches the admin
// listener at admin; address is what the host says of it. An address that means the
// host itself is that of the host as it was named here.
func requestListener(admin *url.URL, address string) *url.URL {
	name, port, err := net.SplitHostPort(address)
	ip := net.ParseIP(name)
	if err != nil || ip == nil {
		return nil
	}
	if ip.IsUnspecified() || ip.IsLoopback() {
		name = admin.Hostname()
	}
	return &url.URL{Scheme: admin.Scheme, Host: net.JoinHostPort(name, port)}
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
}

// refusal turns an answer that is no success into a readable error.
func refusal(what string, resp *http.Response) error {
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
	return output.Errorf(advice(p, resp), "%s", text)
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

// completeIDs is for shells: it is quick, and says nothing when it fails.
func (t *target) completeIDs(cmd *cobra.Command, args []string) []string {
	if len(args) > 0 {
		return nil
	}
	c, err := t.connect()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), time.Second)
	defer cancel()
	list, err := c.list(ctx)
	if err != nil {
		return nil
	}
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = oneLine(e.ID)
	}
	return ids
}

func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
