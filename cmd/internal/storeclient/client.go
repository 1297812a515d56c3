// Package storeclient is how commands talk to a store: AddFlags gives a command --store,
// --data and --token-file, Connect finds the store by them, and Ask sends one question to
// its API. What it refuses is an error that says what, which and what next.
//
// A token comes from a file or the environment, never from the command line. It goes into
// one header of requests that need one: never into a log, an error or another process, and
// never over a network in plain text.
package storeclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/https"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

const (
	// Patience bounds a question to the API.
	Patience = 90 * time.Second
	// expectTime is how long an upload waits for the word that it may come.
	expectTime = 5 * time.Second
	// maxAnswer bounds what the API may answer, files aside.
	maxAnswer = 64 << 20
	maxToken  = 4 << 10
	// DefaultData is the folder of a store that neither --data nor JACKFIELD_STORE_DATA
	// names.
	DefaultData = "store-data"
)

// Target is where the flags say that the store is.
type Target struct {
	Store, Data, TokenFile string
	PlainUnsafe            bool
}

// AddFlags gives cmd, and what is below it, the flags that say where the store is.
func (t *Target) AddFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&t.Store, "store", "", "URL of the store, such as https://store.example.org (JACKFIELD_STORE)")
	flags.StringVar(&t.Data, "data", "", "folder of a store that runs on this machine (JACKFIELD_STORE_DATA, else ./store-data)")
	flags.StringVar(&t.TokenFile, "token-file", "", "file with the token (JACKFIELD_STORE_TOKEN has one itself; else that of the first administrator in the folder)")
	flags.BoolVar(&t.PlainUnsafe, "plain-http-unsafe", false, "send the token over a network without encryption, where everybody on the way can take it")
}

// Client talks to one store.
type Client struct {
	Base     *url.URL
	HTTP     *http.Client
	token    string
	tokenErr error
}

// Connect finds the store. It sends nothing yet.
func (t *Target) Connect() (*Client, error) {
	c := &Client{HTTP: &http.Client{
		// The token must not follow anybody.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ExpectContinueTimeout: expectTime, ForceAttemptHTTP2: true},
	}}
	address, data := t.Store, ""
	if t.Store == "" && t.Data == "" {
		address = os.Getenv("JACKFIELD_STORE")
	}
	if address == "" {
		data = DataFolder(t.Data)
		running, err := Find(data)
		if err != nil {
			hint := ""
			if errors.Is(err, ErrNone) {
				hint = "name the store with --store or JACKFIELD_STORE, or start one with 'jackfield store serve --data " + data + "'"
			}
			return nil, output.WithHint(err, hint)
		}
		address = running.URL
		if running.Certificate != "" {
			local, err := https.LocalConfig(running.Certificate)
			if err != nil {
				return nil, fmt.Errorf("reading store.json of %s: %w", data, err)
			}
			c.HTTP.Transport.(*http.Transport).TLSClientConfig = local
		}
	}
	var err error
	if c.Base, err = baseURL(address); err != nil {
		return nil, err
	}
	c.token, c.tokenErr = t.readToken(data)
	if c.tokenErr == nil && c.Base.Scheme == "http" && !loopback(c.Base.Hostname()) && !t.PlainUnsafe {
		c.token, c.tokenErr = "", output.Errorf("use https://, or an address of this machine", "the token is not sent to %s without encryption", c.Base.Host)
	}
	return c, nil
}

// DataFolder is the folder of a store for the value of --data.
func DataFolder(flag string) string {
	for _, dir := range []string{flag, os.Getenv("JACKFIELD_STORE_DATA")} {
		if dir != "" {
			return dir
		}
	}
	return DefaultData
}

func (t *Target) readToken(data string) (string, error) {
	path := t.TokenFile
	if path == "" {
		if token := os.Getenv("JACKFIELD_STORE_TOKEN"); token != "" {
			return strings.TrimSpace(token), nil
		}
		if data == "" {
			return "", output.Usagef("'jackfield store token new' makes one for whoever administers the store", "this needs a token: name its file with --token-file, or set JACKFIELD_STORE_TOKEN")
		}
		path = filepath.Join(data, "admin-token")
	}
	f, err := os.Open(path)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrPermission) {
			hint = "run this as the user of the store, or name the file of a token of yours with --token-file"
		}
		return "", output.Errorf(hint, "reading the token: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxToken))
	if err != nil {
		return "", output.Errorf("", "reading the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", output.Errorf("the file has the token on one line, and nothing else", "%s holds no token", path)
	}
	return token, nil
}

func baseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, output.Usagef("write https://HOST, with the path prefix if it has one", "%q is not the URL of a store", s)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func loopback(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// Question is one request to the API.
type Question struct {
	What   string   // the act, for errors
	Method string   // GET when it is empty
	Path   []string // below /api/v1, unescaped
	Query  url.Values
	Body   any // sent as JSON; nil for none
	// Open says that it needs no token, and none is sent.
	Open bool
}

// Ask sends q and decodes the answer into into, nil for none.
func (c *Client) Ask(ctx context.Context, q Question, into any) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	var body io.Reader
	if q.Body != nil {
		data, err := json.Marshal(q.Body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := c.Request(ctx, q, body)
	if err != nil {
		return err
	}
	if q.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.Answer(q.What, req, into)
}

// Request makes a request to the API.
func (c *Client) Request(ctx context.Context, q Question, body io.Reader) (*http.Request, error) {
	if !q.Open && c.tokenErr != nil {
		return nil, c.tokenErr
	}
	method := q.Method
	if method == "" {
		method = http.MethodGet
	}
	target := c.Base.JoinPath("api", "v1").String()
	for _, s := range q.Path {
		target += "/" + url.PathEscape(s)
	}
	if len(q.Query) > 0 {
		target += "?" + q.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	if !q.Open {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

// Answer sends req and decodes what comes back into into, nil for nothing.
func (c *Client) Answer(what string, req *http.Request, into any) error {
	resp, err := c.Do(what, req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into == nil {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return output.Errorf("is this the address of a jackfield store of this version?", "%s: reading the answer of %s: %w", what, req.URL.Host, err)
	}
	return nil
}

// Do sends req. An answer that is none of success is an error.
func (c *Client) Do(what string, req *http.Request) (*http.Response, error) {
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, unreachable(what, req.URL, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(what, resp)
}

// ErrUnreachable says that nobody answered: it may be tried again.
var ErrUnreachable = errors.New("does not answer")

type unreachableError struct{ error }

func (e unreachableError) Is(target error) bool { return target == ErrUnreachable }
func (e unreachableError) Unwrap() error        { return e.error }

func unreachable(what string, u *url.URL, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) { // repeats method and URL
		err = wrapped.Err
	}
	return unreachableError{output.Errorf("does the store run, and is this its address?", "%s: %s does not answer: %w", what, u.Host, err)}
}
