package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// What the shelf says of logs and measures is always the same.

func (s *shelf) Job(name string) (host.Job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs != nil { // as a test has set them
		j, ok := s.jobs[name]
		return j, ok
	}
	jobs := map[string]host.Job{
		"install-1": {Name: "install-1", State: host.JobStarting, ID: running().ID, Actor: "admin", Began: time.Now(), Changed: time.Now()},
		"install-2": {Name: "install-2", State: host.JobReceiving, Actor: "somebody", Bytes: 7, Total: 9},
	}
	j, ok := jobs[name]
	return j, ok
}

func logLines() []host.LogLine {
	return []host.LogLine{
		{Time: time.Unix(1, 0).UTC(), Level: "info", Message: "<b>one</b>", Attrs: []host.LogAttr{{Key: "k", Value: "v"}}, Raw: "raw one", Position: "p-1"},
		{Level: "warn", Message: "two", Attrs: []host.LogAttr{}, Raw: "raw two\rdata: forged", Position: "p-2"},
	}
}

func (s *shelf) Logs(_ context.Context, id string, q host.LogQuery) ([]host.LogLine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, fmt.Sprintf("logs %s %d %q %q", id, q.Tail, q.Level, q.Contains))
	return logLines(), s.refuse
}

func (s *shelf) LogFile(string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("everything\n")), s.refuse
}

func (s *shelf) Measures() map[string]host.Measure {
	if s.measures != nil {
		return s.measures
	}
	return map[string]host.Measure{running().ID: {RequestsPerSecond: 12.5, P50: ptr(0.001)}}
}

func (s *shelf) Series(id string, over host.Range) (host.Series, bool) {
	if series, ok := s.series[id]; ok {
		return series, true
	}
	step := map[host.Range]int{host.LastMinutes: 5, host.LastDay: 300}[over]
	none := []*float64{nil, ptr(1.0)}
	return host.Series{StepSeconds: step, RequestsPerSecond: none, ErrorsPerSecond: none, P50: none, P99: none, InFlight: none, ResidentBytes: none, CPU: none}, id == running().ID
}

func (s *shelf) GathererOf(id string) prometheus.Gatherer {
	registry := prometheus.NewRegistry()
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "one", ConstLabels: prometheus.Labels{"extension": id}})
	registry.MustRegister(gauge)
	return registry
}

// script gives notices, or lines, until they are over; with more it waits then.
type script[T any] struct {
	said   []T
	more   bool
	closed chan struct{}
}

func (s *script[T]) Next(ctx context.Context) (value T, err error) {
	if len(s.said) > 0 {
		value, s.said = s.said[0], s.said[1:]
		return value, nil
	}
	if !s.more {
		return value, io.EOF
	}
	<-ctx.Done()
	return value, ctx.Err()
}

func (s *script[T]) Close() { close(s.closed) }

func saying[T any](more bool, said ...T) *script[T] {
	return &script[T]{said: said, more: more, closed: make(chan struct{})}
}

func TestEventsAreTold(t *testing.T) {
	t.Parallel()
	row, other := running(), crashed()
	notices := []host.Notice{
		{Seq: 4, Kind: host.NoticeReset},
		{Seq: 5, Kind: host.NoticeExtension, ID: row.ID, Extension: &row},
		{Seq: 6, Kind: host.NoticeExtension, ID: other.ID, Extension: &other},
		{Seq: 7, Kind: host.NoticeRemoved, ID: "gone\ndata: x"},
		{Seq: 8, Kind: host.NoticeJob, ID: "install-9", Job: &host.Job{Name: "install-9", State: host.JobReceiving, Actor: "somebody", Bytes: 3}},
	}
	for _, c := range []struct {
		name, path, header string
		scoped             bool
		after              uint64
		want               []string
	}{
		{name: "all", path: "/api/v1/events", want: []string{"reset 4", "extension 5", "extension 6", "removed 7", "job 8"}},
		{name: "behind an event", path: "/api/v1/events?after=17", after: 17, want: []string{"reset 4", "extension 5", "extension 6", "removed 7", "job 8"}},
		{name: "the header goes first", path: "/api/v1/events?after=17", header: "18", after: 18, want: []string{"reset 4", "extension 5", "extension 6", "removed 7", "job 8"}},
		{name: "a token for one extension", path: "/api/v1/events", scoped: true, want: []string{"reset 4", "extension 5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(row, other)
			cfg.Accounts = accountsOf(t, nil)
			var after uint64
			feed := saying(false, notices...)
			cfg.Events = func(n uint64) (Notices, error) { after = n; return feed, nil }
			bearer := withToken
			if c.scoped {
				bearer = withBearer(tokenForOne(t, cfg.Accounts, row.ID))
			}
			w := ask(mustNew(t, cfg).serve(), "GET", c.path, bearer, withHeader("Last-Event-ID", c.header))
			if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") || after != c.after {
				t.Fatalf("%d %v, behind %d: %s", w.Code, w.Header(), after, w.Body)
			}
			var got []string
			for _, e := range streamed(t, w.Body.String()) {
				got = append(got, e.kind+" "+e.id)
				if !json.Valid([]byte(e.data)) {
					t.Errorf("the data of %s is %q", e.kind, e.data)
				}
				if e.kind == "removed" && e.data != `{"id":"gone\ndata: x"}` {
					t.Errorf("removed: %q", e.data)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("told %v, want %v", got, c.want)
			}
			<-feed.closed
		})
	}
}

func TestEventsThatCannotBe(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	cfg.Events = func(uint64) (Notices, error) {
		return nil, &host.Error{Code: host.CodeUnavailable, Message: "too many"}
	}
	h := mustNew(t, cfg).serve()
	for path, want := range map[string]int{
		"/api/v1/events": 503, "/api/v1/events?after=x": 400, "/api/v1/events?after=-1": 400, "/api/v1/events?since=1": 400, "/api/v1/events?after=1&after=2": 400,
	} {
		if w := ask(h, "GET", path, withToken); w.Code != want {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
	cfg = testConfig()
	cfg.Events = nil
	if w := ask(mustNew(t, cfg).serve(), "GET", "/api/v1/events", withToken); w.Code != 503 {
		t.Errorf("a host that tells nothing: %d %s", w.Code, w.Body)
	}
}

// A stream beats, and ends when its reader may not see any more what comes.
func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	cfg.Accounts = accountsOf(t, nil)
	feed := saying[host.Notice](true)
	cfg.Events = func(uint64) (Notices, error) { return feed, nil }
	h := mustNew(t, cfg)
	h.streams.SetBeat(5 * time.Millisecond)
	server := httptest.NewServer(h.site.Handler(h.routes()))
	t.Cleanup(server.Close)
	secret := tokenForOne(t, cfg.Accounts, running().ID)
	request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+secret)
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || lines.Text() != ": still here" {
		t.Fatalf("%q, %v", lines.Text(), lines.Err())
	}
	for _, token := range cfg.Accounts.Tokens("") {
		if err := cfg.Accounts.RevokeToken(t.Context(), token.ID, host.Actor{Name: "admin"}); err != nil {
			t.Fatal(err)
		}
	}
	for lines.Scan() {
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	<-feed.closed
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	cfg.Events = func(uint64) (Notices, error) { return saying[host.Notice](true), nil }
	h := mustNew(t, cfg)
	server := httptest.NewServer(h.site.Handler(h.routes()))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	get := func() int {
		request, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		withToken(request)
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response.StatusCode
	}
	for n := range web.MostStreams {
		if code := get(); code != 200 {
			t.Fatalf("stream %d: %d", n, code)
		}
	}
	if code := get(); code != 503 {
		t.Fatalf("one more: %d", code)
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	cfg.Accounts = accountsOf(t, nil)
	h := mustNew(t, cfg).serve()
	one := withBearer(tokenForOne(t, cfg.Accounts, running().ID))
	for _, c := range []struct {
		name   string
		job    string
		bearer func(*http.Request)
		want   int
	}{
		{"a job", "install-1", withToken, 200}, {"another's", "install-2", withToken, 200}, {"none", "install-3", withToken, 404},
		{"of its extension", "install-1", one, 200}, {"of nobody knows what", "install-2", one, 404},
	} {
		w := ask(h, "GET", "/api/v1/jobs/"+c.job, c.bearer)
		if w.Code != c.want || w.Code == 200 && !strings.Contains(w.Body.String(), `"job":"`+c.job+`"`) {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
}

func TestLogsAreRead(t *testing.T) {
	t.Parallel()
	one := "/api/v1/extensions/" + running().ID + "/logs"
	for _, c := range []struct{ query, media, body, asked string }{
		{"", "text/plain; charset=utf-8", "raw one\nraw two\rdata: forged\n", `logs %s 0 "" ""`},
		{"?tail=0&level=warn&contains=x%20y", "text/plain; charset=utf-8", "raw one\nraw two\rdata: forged\n", `logs %s -1 "warn" "x y"`},
		{"?format=json&tail=5", "application/x-ndjson", `{"time":"1970-01-01T00:00:01Z","level":"info","message":"\u003cb\u003eone\u003c/b\u003e","attrs":[{"key":"k","value":"v"}]}` + "\n" +
			`{"time":"0001-01-01T00:00:00Z","level":"warn","message":"two","attrs":[]}` + "\n", `logs %s 5 "" ""`},
		{"?download=true", "text/plain; charset=utf-8", "everything\n", ""},
	} {
		cfg := testConfig(running())
		w := ask(mustNew(t, cfg).serve(), "GET", one+c.query, withToken)
		if w.Code != 200 || w.Header().Get("Content-Type") != c.media || w.Body.String() != c.body {
			t.Errorf("%s: %d %v %q", c.query, w.Code, w.Header(), w.Body)
		}
		if got := strings.Join(cfg.Host.(*shelf).asked, ""); c.asked != "" && got != fmt.Sprintf(c.asked, running().ID) {
			t.Errorf("%s asks for %s", c.query, got)
		}
		if got := w.Header().Get("Content-Disposition"); strings.Contains(c.query, "download") != (got == `attachment; filename="`+running().ID+`.log"`) {
			t.Errorf("%s: %q", c.query, got)
		}
	}
}

func TestLogsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running())).serve()
	for _, query := range []string{
		"tail=x", "tail=-1", "tail=10001", "format=xml", "follow=yes", "since=noon", "wait=true",
		"download=true&tail=5", "download=true&follow=true", "level=info&level=warn",
	} {
		if w := ask(h, "GET", "/api/v1/extensions/"+running().ID+"/logs?"+query, withToken); w.Code != 400 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if w := ask(h, "GET", "/api/v1/extensions/..%2Fx/logs", withToken); w.Code != 404 {
		t.Errorf("a path: %d %s", w.Code, w.Body)
	}
	refusing := testConfig(running())
	refusing.Host.(*shelf).refuse = &host.Error{Code: host.CodeInvalidArgument, Message: "no such level"}
	if w := ask(mustNew(t, refusing).serve(), "GET", "/api/v1/extensions/x/logs?level=loud", withToken); w.Code != 400 {
		t.Errorf("a level: %d %s", w.Code, w.Body)
	}
}

func TestLogsAreFollowed(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"text": "line p-1 raw one|line p-2 raw two\ndata: forged|missed  {\"lines\":7}|",
		"json": `line p-1 {"time":"1970-01-01T00:00:01Z","level":"info","message":"\u003cb\u003eone\u003c/b\u003e","attrs":[{"key":"k","value":"v"}]}|` +
			`line p-2 {"time":"0001-01-01T00:00:00Z","level":"warn","message":"two","attrs":[]}|missed  {"lines":7}|`,
	} {
		cfg := testConfig(running())
		var asked string
		feed := saying(false, append(logLines(), host.LogLine{Missed: 7})...)
		cfg.Follow = func(_ context.Context, id string, q host.LogQuery, after string) (Lines, error) {
			asked = fmt.Sprintf("%s %d %s", id, q.Tail, after)
			return feed, nil
		}
		w := ask(mustNew(t, cfg).serve(), "GET", "/api/v1/extensions/"+running().ID+"/logs?follow=true&tail=3&format="+format, withToken, withHeader("Last-Event-ID", "p-0"))
		var got strings.Builder
		for _, e := range streamed(t, w.Body.String()) {
			got.WriteString(e.kind + " " + e.id + " " + e.data + "|")
		}
		if w.Code != 200 || got.String() != want || asked != running().ID+" 3 p-0" {
			t.Errorf("%s: %d, asked %q, told %q", format, w.Code, asked, got.String())
		}
		<-feed.closed
	}
}

func TestMetricsOfOneExtension(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running(), host.Extension{ID: "a.jar", File: "a.jar", State: "failed"})).serve()
	one := "/api/v1/extensions/" + running().ID + "/metrics"
	w := ask(h, "GET", one, withToken)
	var m struct {
		Measure     *host.Measure
		Series, Day *host.Series
	}
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || m.Measure == nil || m.Measure.RequestsPerSecond != 12.5 ||
		m.Series == nil || m.Series.StepSeconds != 5 || m.Day == nil || m.Day.StepSeconds != 300 {
		t.Errorf("%d %s, %v", w.Code, w.Body, err)
	}
	for query, accept := range map[string]string{"?format=text": "", "": "text/plain"} {
		w := ask(h, "GET", one+query, withToken, withHeader("Accept", accept))
		if w.Code != 200 || !strings.Contains(w.Body.String(), `one{extension="`+running().ID+`"} 0`) {
			t.Errorf("%q %q: %d %s", query, accept, w.Code, w.Body)
		}
	}
	for path, want := range map[string]int{one + "?format=xml": 400, "/api/v1/extensions/a.jar/metrics": 404, "/api/v1/extensions/nobody/metrics": 404} {
		if w := ask(h, "GET", path, withToken); w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestMeasuresOfAllExtensions(t *testing.T) {
	t.Parallel()
	file := host.Extension{ID: "a.jar", File: "a.jar", State: "failed", Reason: &host.Reason{Code: "not_zip"}}
	h := mustNew(t, testConfig(running(), file)).serve()
	w := ask(h, "GET", "/api/v1/measures", withToken)
	var list struct {
		Extensions []struct {
			ID, State, Code string
			Measure         *host.Measure
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Extensions) != 2 {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	for _, e := range list.Extensions {
		switch {
		case e.ID == "a.jar" && (e.Measure != nil || e.Code != "not_zip" || e.State != "failed"),
			e.ID == running().ID && (e.Measure == nil || e.Measure.RequestsPerSecond != 12.5 || e.Code != ""):
			t.Errorf("%+v", e)
		}
	}
	if w := ask(h, "GET", "/api/v1/measures?sort=cpu", withToken); w.Code != 400 {
		t.Errorf("a parameter that nobody knows: %d", w.Code)
	}
}

func TestTheLogLevelIsAVerb(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	h := mustNew(t, cfg).serve()
	path := "/api/v1/extensions/" + running().ID + "/log-level"
	for body, want := range map[string]int{`{"level":"debug"}`: 200, `{"level":""}`: 200, `{"level":1}`: 400, `{"levels":"debug"}`: 400} {
		if w := ask(h, "POST", path, withToken, withBody("application/json", body)); w.Code != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	levels := map[string]bool{}
	for _, a := range cfg.Host.(*shelf).did() {
		levels[string(a.Verb)+" "+a.Level] = true
	}
	if !levels["log-level debug"] || !levels["log-level "] || len(levels) != 2 {
		t.Error(levels)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys []string
		want int
	}{
		{[]string{"8e03978e-40d5"}, 202}, {[]string{strings.Repeat("k", 128)}, 202}, {[]string{""}, 400}, {[]string{"a b"}, 400},
		{[]string{"é"}, 400}, {[]string{strings.Repeat("k", 129)}, 400}, {[]string{"a", "b"}, 400},
	} {
		cfg := testConfig(running())
		w := ask(mustNew(t, cfg).serve(), "POST", "/api/v1/extensions", withToken, withBody("application/java-archive", "PK"), func(r *http.Request) {
			r.Header["Idempotency-Key"] = c.keys
		})
		if w.Code != c.want {
			t.Errorf("%q: %d %s", c.keys, w.Code, w.Body)
		}
		if c.want == 202 && cfg.Host.(*shelf).lastUpload(t).Key != c.keys[0] {
			t.Errorf("the host gets the key %q", cfg.Host.(*shelf).lastUpload(t).Key)
		}
	}
}

// event is one of a stream.
type event struct{ kind, id, data string }

// streamed reads a stream as a browser does.
func streamed(t *testing.T, body string) []event {
	t.Helper()
	var list []event
	for block := range strings.SplitSeq(strings.ReplaceAll(body, "\r", "\n"), "\n\n") {
		var e event
		var data []string
		for line := range strings.SplitSeq(block, "\n") {
			field, value, _ := strings.Cut(line, ": ")
			switch field {
			case "event":
				e.kind = value
			case "id":
				e.id = value
			case "data":
				data = append(data, value)
			case "":
			default:
				t.Errorf("a stream has the line %q", line)
			}
		}
		if e.kind != "" {
			e.data = strings.Join(data, "\n")
			list = append(list, e)
		}
	}
	return list
}

func withBearer(secret string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }
}

// tokenForOne makes a token of a viewer for one extension.
func tokenForOne(t *testing.T, accounts *host.Accounts, id string) string {
	t.Helper()
	maker, err := accounts.Bearer(t.Context(), testToken)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := accounts.AddToken(t.Context(), host.NewToken{User: "admin", Label: "t", Role: access.Viewer, Extensions: []string{id}}, maker, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	return secret
}
