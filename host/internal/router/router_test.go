package router

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
)

// function is a Backend that calls f.
type function struct {
	f func(ctx context.Context, req *sdk.Request) (*sdk.Response, error)
}

func (b *function) Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	return b.f(ctx, req)
}

func backend(f func(ctx context.Context, req *sdk.Request) (*sdk.Response, error)) Backend {
	return &function{f}
}

// answer returns a Backend that always answers so.
func answer(resp sdk.Response) Backend {
	return backend(func(context.Context, *sdk.Request) (*sdk.Response, error) {
		r := resp
		return &r, nil
	})
}

// fail returns a Backend that always fails so.
func fail(err error) Backend {
	return backend(func(context.Context, *sdk.Request) (*sdk.Response, error) { return nil, err })
}

func mustCompile(t testing.TB, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Compile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testRoute(b Backend) *Route {
	return &Route{
		Type: "a.Request", Base: "a.Request", Response: "a.Response", Extension: "a.Extension", Version: "1.0",
		State: lifecycle.Running, Handled: true, Timeout: 30 * time.Second,
		RequestBytes: 1000, ResponseBytes: 1000, Gate: NewGate(512, 1024), Backend: b,
		Responses: NewFamily("a.Response", map[string]*schema.Schema{"a.Other": nil}),
	}
}

// do has one request answered by route in a Router of its own.
func do(t *testing.T, cfg Config, route *Route, payload string) (*sdk.Response, *sdk.Error) {
	t.Helper()
	r := New(cfg)
	r.Swap(NewTable([]*Route{route}))
	resp, by, err := r.Do(t.Context(), r.Lookup(route.Type), &sdk.Request{ID: "r1", Type: route.Type, Payload: []byte(payload)})
	if by == nil || by.Extension != route.Extension {
		t.Errorf("answered by %v", by)
	}
	if err == nil {
		return resp, nil
	}
	fault, ok := err.(*sdk.Error)
	if !ok {
		t.Fatalf("the error is a %T: %v", err, err)
	}
	if resp != nil {
		t.Error("an answer beside an error")
	}
	return nil, fault
}

func TestDoChecksTheRoute(t *testing.T) {
	for _, tc := range []struct {
		name       string
		change     func(*Route)
		code       sdk.Code
		says       string
		retryable  bool
		retryAfter time.Duration
	}{
		{"backing off", func(r *Route) { r.State, r.Backend, r.RetryAfter = lifecycle.Backoff, nil, 7*time.Second },
			sdk.Unavailable, "a.Extension is not running: it is backoff", true, 7 * time.Second},
		{"starting", func(r *Route) { r.State, r.Backend = lifecycle.Starting, nil },
			sdk.Unavailable, "it is starting", true, time.Second},
		{"draining while its process lives", func(r *Route) { r.State = lifecycle.Draining },
			sdk.Unavailable, "it is draining", true, time.Second},
		{"running without a process", func(r *Route) { r.Backend = nil },
			sdk.Unavailable, "it is starting", true, time.Second},
		{"base type without handler", func(r *Route) { r.Handled = false },
			sdk.Unimplemented, "no handler for its base type a.Request", false, 0},
		{"stopped, and without handler", func(r *Route) { r.State, r.Backend, r.Handled = lifecycle.Stopped, nil, false },
			sdk.Unavailable, "it is stopped", true, time.Second},
		{"payload over the limit", func(r *Route) { r.RequestBytes = 3 },
			sdk.TooLarge, "more than the 3 bytes", false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			route := testRoute(answer(sdk.Response{}))
			tc.change(route)
			_, fault := do(t, Config{}, route, "four")
			if fault == nil {
				t.Fatal("answered")
			}
			if fault.Code != tc.code || !strings.Contains(fault.Message, tc.says) || fault.Retryable != tc.retryable || fault.RetryAfter != tc.retryAfter {
				t.Errorf("got %+v", fault)
			}
		})
	}
}

// TestRestartIsLeftToTheBackend: it knows when the new process is there.
func TestRestartIsLeftToTheBackend(t *testing.T) {
	route := testRoute(answer(sdk.Response{Payload: []byte("x")}))
	route.State, route.Restarting = lifecycle.Starting, true
	if resp, fault := do(t, Config{}, route, "four"); fault != nil || string(resp.Payload) != "x" {
		t.Errorf("got %v, %v", resp, fault)
	}
}

func TestDoChecksTheAnswer(t *testing.T) {
	for _, tc := range []struct {
		name string
		resp sdk.Response
		want sdk.Response
		says string // of the extension_fault, "" for none
	}{
		{"nothing said", sdk.Response{Payload: []byte("x")}, sdk.Response{Type: "a.Response", MediaType: "application/octet-stream"}, ""},
		{"derived type", sdk.Response{Type: "a.Other", MediaType: "Text/HTML; charset=UTF-8"}, sdk.Response{Type: "a.Other", MediaType: "Text/HTML; charset=UTF-8"}, ""},
		{"foreign type", sdk.Response{Type: "b.Response"}, sdk.Response{}, `type "b.Response", which is none of its response types`},
		{"hostile type", sdk.Response{Type: strings.Repeat("\xff", 5000)}, sdk.Response{}, "none of its response types"},
		{"as large as allowed", sdk.Response{Payload: make([]byte, 1000)}, sdk.Response{Type: "a.Response", MediaType: "application/octet-stream"}, ""},
		{"too large", sdk.Response{Payload: make([]byte, 1001)}, sdk.Response{}, "1001 bytes, more than the 1000 allowed"},
		{"bad media type", sdk.Response{MediaType: "text/html\r\nSet-Cookie: a=b"}, sdk.Response{}, "no media type"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, fault := do(t, Config{}, testRoute(answer(tc.resp)), "")
			if tc.says != "" {
				if fault == nil || fault.Code != sdk.ExtensionFault || !strings.Contains(fault.Message, tc.says) || fault.Retryable {
					t.Errorf("got %+v", fault)
				}
				return
			}
			if fault != nil {
				t.Fatal(fault)
			}
			if resp.Type != tc.want.Type || resp.MediaType != tc.want.MediaType {
				t.Errorf("got %s of %s", resp.MediaType, resp.Type)
			}
		})
	}
	t.Run("no answer at all", func(t *testing.T) {
		_, fault := do(t, Config{}, testRoute(fail(nil)), "")
		if fault == nil || fault.Code != sdk.ExtensionFault {
			t.Errorf("got %+v", fault)
		}
	})
}

func TestDoChecksSchemasOfAnswersInDev(t *testing.T) {
	for _, tc := range []struct {
		name, media, payload string
		dev                  bool
		says                 string
	}{
		{"good", "application/json", `{"n": 1}`, true, ""},
		{"bad", "application/json", `{"n": "x"}`, true, `breaks its schema at "/n"`},
		{"bad, as a suffix", "application/geo+json; charset=utf-8", `{"n": "x"}`, true, `breaks its schema at "/n"`},
		{"malformed", "application/json", `{"n": `, true, "malformed JSON"},
		{"not JSON", "text/plain", `{"n": `, true, ""},
		{"bad, but not in development", "application/json", `{"n": "x"}`, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			route := testRoute(answer(sdk.Response{MediaType: tc.media, Payload: []byte(tc.payload)}))
			route.Responses = NewFamily("a.Base", map[string]*schema.Schema{
				"a.Response": mustCompile(t, `{"properties": {"n": {"type": "integer"}}}`),
			})
			_, fault := do(t, Config{Dev: tc.dev}, route, "")
			switch {
			case tc.says == "" && fault != nil:
				t.Error(fault)
			case tc.says != "" && (fault == nil || fault.Code != sdk.ExtensionFault || !strings.Contains(fault.Message, tc.says)):
				t.Errorf("got %+v", fault)
			}
		})
	}
}

func TestDoMakesErrorsFitForClients(t *testing.T) {
	var many []sdk.Violation
	for i := range 1000 {
		many = append(many, sdk.Violation{Pointer: fmt.Sprintf("/%d", i), Message: strings.Repeat("m", 10_000)})
	}
	for _, tc := range []struct {
		name  string
		err   error
		dev   bool
		code  sdk.Code
		says  string
		logs  string
		check func(*sdk.Error) bool
	}{
		{name: "an extension's own", err: &sdk.Error{Code: sdk.Conflict, Message: "taken", Retryable: true, RetryAfter: time.Minute},
			code: sdk.Conflict, says: "taken", check: func(e *sdk.Error) bool { return e.Retryable && e.RetryAfter == time.Minute }},
		{name: "wrapped", err: fmt.Errorf("on the way: %w", sdk.Errorf(sdk.NotFound, "gone")), code: sdk.NotFound, says: "gone"},
		{name: "unknown code", err: &sdk.Error{Code: "teapot\n"}, code: sdk.ExtensionFault, says: `unknown code "teapot\n"`},
		{name: "no code", err: &sdk.Error{}, code: sdk.ExtensionFault, says: "unknown code"},
		{name: "ok as a code", err: &sdk.Error{Code: "ok"}, code: sdk.ExtensionFault, says: "unknown code"},
		{name: "boundless", err: &sdk.Error{Code: sdk.ValidationFailed, Message: strings.Repeat("é", 1<<20), RetryAfter: 1 << 62, Violations: many},
			code: sdk.ValidationFailed, check: func(e *sdk.Error) bool {
				return len(e.Message) <= maxMessage+3 && len(e.Violations) == maxViolations && len(e.Violations[0].Message) <= maxMessage+3 && e.RetryAfter == maxRetryAfter
			}},
		{name: "negative advice", err: &sdk.Error{Code: sdk.Exhausted, RetryAfter: -1}, code: sdk.Exhausted, check: func(e *sdk.Error) bool { return e.RetryAfter == 0 }},
		{name: "foreign", err: errors.New("secret path"), code: sdk.Internal, says: "the host failed", logs: "secret path",
			check: func(e *sdk.Error) bool { return !strings.Contains(e.Message, "secret") }},
		{name: "foreign in development", err: errors.New("secret path"), dev: true, code: sdk.Internal, says: "secret path", logs: "secret path"},
		{name: "deadline", err: context.DeadlineExceeded, code: sdk.DeadlineExceeded, says: "did not answer before the deadline"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log bytes.Buffer
			cfg := Config{Dev: tc.dev, Log: slog.New(slog.NewTextHandler(&log, nil))}
			_, fault := do(t, cfg, testRoute(fail(tc.err)), "")
			if fault == nil || fault.Code != tc.code || !strings.Contains(fault.Message, tc.says) || tc.check != nil && !tc.check(fault) {
				t.Errorf("got %+v", fault)
			}
			if (tc.logs == "") != (log.Len() == 0) || !strings.Contains(log.String(), tc.logs) {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}

func TestDoSurvivesAPanickingBackend(t *testing.T) {
	var log bytes.Buffer
	route := testRoute(backend(func(context.Context, *sdk.Request) (*sdk.Response, error) { panic("boom") }))
	_, fault := do(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, route, "")
	if fault == nil || fault.Code != sdk.Internal || strings.Contains(fault.Message, "boom") {
		t.Errorf("got %+v", fault)
	}
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "request_id=r1") {
		t.Errorf("logged %q", log.String())
	}
	if route.Gate.InFlight() != 0 {
		t.Error("the place in the gate was not given back")
	}
}

func TestDoKeepsDeadlines(t *testing.T) {
	wait := backend(func(ctx context.Context, _ *sdk.Request) (*sdk.Response, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	for _, tc := range []struct {
		name   string
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		takes  time.Duration
		code   sdk.Code
		queued bool
	}{
		{"the route's", context.WithCancel, 30 * time.Second, sdk.DeadlineExceeded, false},
		{"the caller's, earlier", withTimeout(time.Second), time.Second, sdk.DeadlineExceeded, false},
		{"the caller's, later", withTimeout(time.Hour), 30 * time.Second, sdk.DeadlineExceeded, false},
		{"canceled", canceledAfter(2 * time.Second), 2 * time.Second, sdk.Canceled, false},
		{"in the queue", withTimeout(time.Second), time.Second, sdk.DeadlineExceeded, true},
		{"canceled in the queue", canceledAfter(2 * time.Second), 2 * time.Second, sdk.Canceled, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(Config{})
				route := testRoute(wait)
				route.Gate = NewGate(1, 1)
				r.Swap(NewTable([]*Route{route}))
				if tc.queued {
					mustEnter(t, route.Gate)
				}
				ctx, cancel := tc.ctx(t.Context())
				defer cancel()
				start := time.Now()
				_, _, err := r.Do(ctx, r.Lookup("a.Request"), &sdk.Request{})
				fault, ok := err.(*sdk.Error)
				if !ok || fault.Code != tc.code || fault.Retryable != tc.queued {
					t.Errorf("got %+v", err)
				}
				if took := time.Since(start); took != tc.takes {
					t.Errorf("took %v, want %v", took, tc.takes)
				}
			})
		})
	}
}

func withTimeout(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
}

func canceledAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(d, cancel)
		return ctx, cancel
	}
}

// TestDoAfterWaiting changes the table while a request waits: it goes to who has
// the type when its turn comes.
func TestDoAfterWaiting(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(old Route) []*Route
		version string
		code    sdk.Code
	}{
		{"upgraded", func(old Route) []*Route {
			old.Version, old.Backend = "2.0", answer(sdk.Response{})
			return []*Route{&old}
		}, "2.0", ""},
		{"crashed", func(old Route) []*Route {
			old.State, old.Backend = lifecycle.Backoff, nil
			return []*Route{&old}
		}, "1.0", sdk.Unavailable},
		{"removed", func(Route) []*Route { return nil }, "1.0", sdk.Unavailable},
		{"taken by another extension", func(old Route) []*Route {
			old.Extension = "b.Extension"
			return []*Route{&old}
		}, "1.0", sdk.Unavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(Config{})
				route := testRoute(fail(sdk.Errorf(sdk.Internal, "the old process was asked")))
				route.Gate = NewGate(1, 1)
				r.Swap(NewTable([]*Route{route}))
				mustEnter(t, route.Gate)
				var by *Route
				var err error
				done := make(chan struct{})
				go func() {
					defer close(done)
					_, by, err = r.Do(t.Context(), r.Lookup("a.Request"), &sdk.Request{})
				}()
				synctest.Wait()
				r.Swap(NewTable(tc.change(*route)))
				route.Gate.leave()
				<-done
				if sdk.CodeOf(err) != tc.code || by.Version != tc.version {
					t.Errorf("version %s answered %v, want %s and %q", by.Version, err, tc.version, tc.code)
				}
				var fault *sdk.Error
				if errors.As(err, &fault) && !fault.Retryable {
					t.Error("the request was not executed, but is not retryable")
				}
				checkGate(t, route.Gate, 0, 0)
			})
		})
	}
}

func TestDoRefusesWhenBusy(t *testing.T) {
	route := testRoute(answer(sdk.Response{}))
	route.Gate = NewGate(1, 0)
	mustEnter(t, route.Gate)
	_, fault := do(t, Config{}, route, "")
	if fault == nil || fault.Code != sdk.Exhausted || !fault.Retryable || fault.RetryAfter <= 0 {
		t.Errorf("got %+v", fault)
	}
}

func TestTable(t *testing.T) {
	running, waiting := testRoute(answer(sdk.Response{})), testRoute(nil)
	waiting.State, waiting.Version = lifecycle.Starting, "2.0"
	for _, routes := range [][]*Route{{running, waiting}, {waiting, running}} {
		if got := NewTable(routes).Lookup("a.Request").Version; got != "1.0" {
			t.Errorf("of a running and a starting version, %s has the route", got)
		}
	}
	first, second := *waiting, *waiting
	first.Extension = "first"
	if got := NewTable([]*Route{&first, &second}).Lookup("a.Request").Extension; got != "first" {
		t.Errorf("of two starting ones, %s has the route", got)
	}
	other := *running
	other.Type, other.State = "A.Request", lifecycle.Starting
	table := NewTable([]*Route{running, &other})
	if got := table.Types(); len(got) != 2 || got[0].Type != "A.Request" || got[1].Type != "a.Request" {
		t.Errorf("types %v", got)
	}
	if got := table.Starting(); len(got) != 1 || got[0] != "a.Extension" {
		t.Errorf("starting %v", got)
	}
	if table.Lookup("a.request") != nil {
		t.Error("the letter case of a type does not count")
	}
}

// TestSwapIsAtomic swaps tables whose two routes always agree in their version,
// while readers look both up in one table.
func TestSwapIsAtomic(t *testing.T) {
	r := New(Config{})
	table := func(version string) *Table {
		a, b := testRoute(answer(sdk.Response{})), testRoute(answer(sdk.Response{}))
		a.Version, b.Version, b.Type = version, version, "b.Request"
		return NewTable([]*Route{a, b})
	}
	r.Swap(table("0"))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				now := r.Table()
				if a, b := now.Lookup("a.Request"), now.Lookup("b.Request"); a.Version != b.Version {
					t.Errorf("versions %s and %s in one table", a.Version, b.Version)
				}
				if _, _, err := r.Do(ctx, r.Lookup("b.Request"), &sdk.Request{}); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 500 {
		r.Swap(table(fmt.Sprint(i)))
	}
	cancel()
	wg.Wait()
}

func gather(t *testing.T, r *Router) *prometheus.Registry {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(r.Collectors()...)
	return reg
}

func TestMetrics(t *testing.T) {
	r := New(Config{})
	route := testRoute(answer(sdk.Response{Payload: []byte("four")}))
	other := testRoute(fail(sdk.Errorf(sdk.NotFound, "gone")))
	other.Type, other.Extension, other.Gate = "b.Request", "b.Extension", NewGate(1, 1)
	r.Swap(NewTable([]*Route{route, other}))
	for range 3 {
		_, _, _ = r.Do(t.Context(), r.Lookup("a.Request"), &sdk.Request{})
	}
	_, _, _ = r.Do(t.Context(), r.Lookup("b.Request"), &sdk.Request{})
	r.Count(r.Lookup("a.Request"), sdk.TooLarge)
	r.Count(nil, sdk.UnknownType)
	mustEnter(t, other.Gate)

	const counters = `# HELP jackfield_requests_total Requests by their outcome: ok, or the code of the error.
# TYPE jackfield_requests_total counter
jackfield_requests_total{code="ok",extension="a.Extension",type="a.Request"} 3
jackfield_requests_total{code="too_large",extension="a.Extension",type="a.Request"} 1
jackfield_requests_total{code="unknown_type",extension="",type="unknown"} 1
`
	const others = `jackfield_requests_total{code="not_found",extension="b.Extension",type="b.Request"} 1
`
	const gauges = `# HELP jackfield_requests_in_flight Requests that run just now, without those that wait.
# TYPE jackfield_requests_in_flight gauge
jackfield_requests_in_flight{extension="a.Extension"} 0
`
	const busy = `jackfield_requests_in_flight{extension="b.Extension"} 1
`
	reg := gather(t, r)
	compare := func(want string, names ...string) {
		t.Helper()
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), names...); err != nil {
			t.Error(err)
		}
	}
	compare(counters+others, "jackfield_requests_total")
	compare(gauges+busy, "jackfield_requests_in_flight")
	if n, err := testutil.GatherAndCount(reg, "jackfield_request_duration_seconds", "jackfield_request_bytes", "jackfield_response_bytes"); n != 6 || err != nil {
		t.Errorf("%d histograms, %v", n, err)
	}

	other.Gate.leave()
	// Removed while a request is in flight: its series go, and do not come back.
	gone := r.Lookup("b.Request")
	r.Swap(NewTable([]*Route{route}))
	_, _, _ = r.Do(t.Context(), gone, &sdk.Request{})
	r.Count(gone, sdk.Canceled)
	compare(counters, "jackfield_requests_total")
	compare(gauges, "jackfield_requests_in_flight")
	if n, err := testutil.GatherAndCount(reg, "jackfield_request_duration_seconds"); n != 1 || err != nil {
		t.Errorf("%d histograms of durations, %v", n, err)
	}

	// The same type in a new table goes on counting; a type that comes back begins anew.
	r.Swap(NewTable([]*Route{route, other}))
	_, _, _ = r.Do(t.Context(), r.Lookup("b.Request"), &sdk.Request{})
	compare(counters+others, "jackfield_requests_total")
}

// TestDoAllocatesNothing is the promise of the package comment: one request through
// Lookup and Do, in a context whose deadline the caller has set.
func TestDoAllocatesNothing(t *testing.T) {
	r := New(Config{})
	resp := &sdk.Response{Type: "a.Response", MediaType: "application/json"}
	r.Swap(NewTable([]*Route{testRoute(backend(func(context.Context, *sdk.Request) (*sdk.Response, error) { return resp, nil }))}))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req := &sdk.Request{Type: "a.Request", Payload: []byte("{}")}
	if n := testing.AllocsPerRun(1000, func() {
		if _, _, err := r.Do(ctx, r.Lookup("a.Request"), req); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for each request", n)
	}
}

func BenchmarkDo(b *testing.B) {
	r := New(Config{})
	resp := &sdk.Response{Type: "a.Response", MediaType: "application/json"}
	r.Swap(NewTable([]*Route{testRoute(backend(func(context.Context, *sdk.Request) (*sdk.Response, error) { return resp, nil }))}))
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		req := &sdk.Request{Type: "a.Request", Payload: []byte("{}")}
		for pb.Next() {
			if _, _, err := r.Do(ctx, r.Lookup("a.Request"), req); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestChanged: whoever asks before looking misses no change.
func TestChanged(t *testing.T) {
	r := New(Config{})
	first := r.Changed()
	select {
	case <-first:
		t.Fatal("nothing has changed")
	default:
	}
	r.Swap(NewTable(nil))
	<-first
	second := r.Changed()
	r.Swap(r.Table()) // the same table counts, too
	<-second
}

// unsent is a Backend that is being replaced, and says so.
func unsent(asked *atomic.Int32, then func()) Backend {
	return backend(func(context.Context, *sdk.Request) (*sdk.Response, error) {
		asked.Add(1)
		if then != nil {
			then()
		}
		fault := sdk.Errorf(sdk.Unavailable, "draining")
		fault.Retryable = true
		return nil, fault
	})
}

func TestDoFollowsATypeToItsNewProcess(t *testing.T) {
	r := New(Config{})
	var asked atomic.Int32
	var old *Route
	second := testRoute(answer(sdk.Response{Payload: []byte("new")}))
	second.Version = "2.0"
	old = testRoute(unsent(&asked, func() {
		second.Gate = old.Gate
		r.Swap(NewTable([]*Route{second}))
	}))
	r.Swap(NewTable([]*Route{old}))
	resp, by, err := r.Do(t.Context(), r.Lookup("a.Request"), &sdk.Request{ID: "r", Type: "a.Request"})
	if err != nil || string(resp.Payload) != "new" || by.Version != "2.0" || asked.Load() != 1 {
		t.Errorf("got %v by %s after %d questions: %v", resp, by.Version, asked.Load(), err)
	}
	if n := old.Gate.InFlight(); n != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

func TestDoWaitsForAHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{})
		var asked atomic.Int32
		var old *Route
		old = testRoute(unsent(&asked, func() { old.Gate.Hold(10) }))
		r.Swap(NewTable([]*Route{old}))
		var by *Route
		var err error
		go func() {
			_, by, err = r.Do(t.Context(), r.Lookup("a.Request"), &sdk.Request{ID: "r", Type: "a.Request"})
		}()
		synctest.Wait()
		if asked.Load() != 1 || old.Gate.Queued() != 1 || old.Gate.InFlight() != 0 {
			t.Fatalf("asked %d times, %d wait", asked.Load(), old.Gate.Queued())
		}
		second := testRoute(answer(sdk.Response{}))
		second.Gate, second.Version = old.Gate, "2.0"
		r.Swap(NewTable([]*Route{second}))
		old.Gate.Release()
		synctest.Wait()
		if err != nil || by.Version != "2.0" {
			t.Errorf("answered by %s: %v", by.Version, err)
		}
	})
}

func TestDoDoesNotAskTheSameProcessAgain(t *testing.T) {
	var asked atomic.Int32
	_, fault := do(t, Config{}, testRoute(unsent(&asked, nil)), "")
	if fault == nil || fault.Code != sdk.Unavailable || asked.Load() != 1 {
		t.Errorf("got %v after %d questions", fault, asked.Load())
	}
}

// What was sent may have been done: it is never sent a second time.
func TestDoNeverSendsTwice(t *testing.T) {
	r := New(Config{})
	second := testRoute(answer(sdk.Response{}))
	var old *Route
	old = testRoute(backend(func(context.Context, *sdk.Request) (*sdk.Response, error) {
		second.Gate = old.Gate
		r.Swap(NewTable([]*Route{second}))
		return nil, sdk.Errorf(sdk.Unavailable, "died with the request")
	}))
	r.Swap(NewTable([]*Route{old}))
	_, _, err := r.Do(t.Context(), r.Lookup("a.Request"), &sdk.Request{ID: "r", Type: "a.Request"})
	if sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("got %v", err)
	}
}
