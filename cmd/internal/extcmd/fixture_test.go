package extcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/admin"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
)

const (
	testToken = "TESTTOKENTESTTOKENTESTTOKEN"
	maxUpload = 4 << 20
	hello     = "examples.hello.HelloExtension"
)

// house is a host that keeps what it was asked to do, and answers what a test wants.
type house struct {
	admin.Host // of which nothing else is asked here

	rows []host.Extension

	mu       sync.Mutex // guards the rest
	actions  []host.Action
	uploads  []upload
	asked    []string
	refuse   error // the answer to what changes something, if it is set
	settled  *host.Extension
	uploaded host.Uploaded
	full     bool // there is room for a mebibyte only
	events   int  // how many there are, in history and audit

	// config is the configuration of every extension, configured what was asked of it,
	// and diff what that is said to change.
	config     host.Configuration
	configured []host.ConfigurationChange
	diff       []host.Difference
}

// upload is one that came.
type upload struct {
	size   int64
	dryRun bool
	body   string
}

func (h *house) Snapshot() []host.Extension { return h.rows }

func (h *house) Extension(id string) (host.Extension, bool) {
	for _, e := range h.rows {
		if e.ID == id {
			return e, true
		}
	}
	return host.Extension{}, false
}

func (h *house) Act(_ context.Context, a host.Action) (host.Extension, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a.Actor = host.Actor{} // the API's own matter
	h.actions = append(h.actions, a)
	if h.refuse != nil {
		return host.Extension{}, h.refuse
	}
	e, ok := h.Extension(a.ID)
	if !ok && a.Verb != host.VerbRemove {
		return e, &host.Error{Code: host.CodeNotFound, Message: "no extension has this id"}
	}
	return e, nil
}

func (h *house) Settle(_ context.Context, id string) (host.Extension, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, "settle "+id)
	if h.settled != nil {
		return *h.settled, nil
	}
	e, _ := h.Extension(id)
	return e, nil
}

func (h *house) Upload(_ context.Context, u host.Upload) (host.Uploaded, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from := u.Body
	if h.full {
		from = io.LimitReader(from, 1<<20)
	}
	body, err := io.ReadAll(from)
	if h.full {
		return host.Uploaded{}, &host.Error{Code: host.CodeUnavailable, Message: "the disk is full"}
	}
	if err != nil {
		return host.Uploaded{}, err
	}
	h.uploads = append(h.uploads, upload{u.Size, u.DryRun, string(body)})
	return h.uploaded, h.refuse
}

// part is where a page begins and what follows it.
func (h *house) part(what, cursor string, limit int) (from, to int, next string) {
	h.asked = append(h.asked, fmt.Sprintf("%s %q %d", what, cursor, limit))
	fmt.Sscan(cursor, &from)
	if to = min(from+limit, h.events); to < h.events {
		next = fmt.Sprint(to)
	}
	return from, to, next
}

func (h *house) History(_ context.Context, id, cursor string, limit int) (host.HistoryPage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from, to, next := h.part("history "+id, cursor, limit)
	page := host.HistoryPage{Next: next}
	for i := from; i < to; i++ {
		page.Events = append(page.Events, host.Event{Time: time.Unix(int64(i), 0), Kind: "started", Version: fmt.Sprint(i), Actor: "folder", Message: "\x1b[2Jcleared\nscreen"})
	}
	return page, h.refuse
}

func (h *house) FindAudit(_ context.Context, q host.AuditQuery) (host.AuditPage, error) {
	cursor, limit := q.Cursor, q.Limit
	h.mu.Lock()
	defer h.mu.Unlock()
	from, to, next := h.part("audit", cursor, limit)
	page := host.AuditPage{Next: next}
	for i := from; i < to; i++ {
		page.Events = append(page.Events, host.AuditEntry{
			Time: time.Unix(int64(i), 0), Actor: "admin", Action: "disable", Target: "\u202eorg.x", Remote: "127.0.0.1",
			Before: json.RawMessage(`{"disabled": false}`), After: json.RawMessage(`{"disabled": true}`),
		})
	}
	return page, h.refuse
}

func rows() []host.Extension {
	code := 2
	return []host.Extension{
		{ID: "examples.hello.HelloExtension", Name: "Hello", Version: "1.0.0", State: "running", PID: 4711, File: "hello.jar"},
		{ID: "odd name%.jar", Name: "\x1b[31mred\u202e", State: "backoff", Restarts: 3, File: "odd name%.jar",
			Reason: &host.Reason{Code: "crashed", Stage: "runtime", Message: "gone\nagain", Time: time.Unix(0, 0), ExitCode: &code, Stderr: []string{"panic: \x1b[2J"}}},
	}
}

// newHome is a home in which a host seems to run: the real admin handler, and a
// request listener that answers with requests.
func newHome(t *testing.T, requests http.Handler) host.Home {
	t.Helper()
	return homeOf(t, &house{rows: rows()}, requests)
}

// homeOf is a home in which h seems to run.
func homeOf(t *testing.T, h *house, requests http.Handler) host.Home {
	t.Helper()
	return homeWith(t, h, h.followed, requests)
}

// follows begins to follow a log.
type follows = func(ctx context.Context, id string, q host.LogQuery, after string) (admin.Lines, error)

func homeWith(t *testing.T, h admin.Host, follow follows, requests http.Handler) host.Home {
	t.Helper()
	home := host.Home(t.TempDir())
	for _, dir := range []string{home.Conf(), home.Run()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(home.AdminToken(), []byte(testToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	accounts, done, err := host.OpenAccounts(host.AccountsConfig{Home: home, AdminToken: testToken, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = done() })
	window, err := admin.New(admin.Config{Host: h, Follow: follow, Accounts: accounts, MaxUpload: maxUpload, Address: "127.0.0.1:1", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	announce(t, home, serveOn(t, requests), serveOn(t, window))
	return home
}

func announce(t *testing.T, home host.Home, requests, admin string) {
	t.Helper()
	if _, err := running.Announce(home, running.Host{PID: os.Getpid(), Requests: requests, Admin: admin}); err != nil {
		t.Fatal(err)
	}
}

func serveOn(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// ext runs one command of the group.
func ext(stdin string, args ...string) (string, error) {
	out, _, err := extStreams(strings.NewReader(stdin), args...)
	return out, err
}

// extStreams runs one command, and returns what it said on stderr, too.
func extStreams(stdin io.Reader, args ...string) (stdout, stderr string, err error) {
	cmd := New()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var out, errs bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err = cmd.Execute()
	return out.String(), errs.String(), err
}

// wantError checks the exit code, and what a person reads.
func wantError(t *testing.T, err error, code int, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	var b bytes.Buffer
	output.Report(&b, err)
	if got := output.ExitCode(err); got != code {
		t.Errorf("exit code %d, want %d: %s", got, code, b.String())
	}
	for _, part := range parts {
		if !strings.Contains(b.String(), part) {
			t.Errorf("the error lacks %q: %s", part, b.String())
		}
	}
	if strings.Contains(b.String(), testToken) || strings.ContainsAny(b.String(), "\x1b\u202e") {
		t.Errorf("the error shows what it must not: %q", b.String())
	}
}

func (h *house) Configuration(context.Context, string) (host.Configuration, error) {
	return h.config, nil
}

func (h *house) ConfigurationRevisions(context.Context, string) ([]host.ConfigurationRevision, error) {
	return nil, nil
}

func (h *house) Configure(_ context.Context, c host.ConfigurationChange) (host.ConfigurationResult, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.Actor = host.Actor{}
	h.configured = append(h.configured, c)
	if h.refuse != nil {
		return host.ConfigurationResult{}, h.refuse
	}
	result := host.ConfigurationResult{Configuration: h.config, Diff: h.diff}
	result.Revision, result.Applied = 4, host.AppliedLive
	return result, nil
}

// No repository offers anything.
func (h *house) Available(context.Context, host.AvailableQuery) (host.OfferPage, error) {
	return host.OfferPage{}, nil
}
