package admin

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

func TestRecords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, path, asked, body string }{
		{"history", "/api/v1/extensions/org.a.A/history", `history org.a.A "" 100`,
			`{"events":[{"time":"0001-01-01T00:00:00Z","kind":"started","version":"5.0.0010","digest":"","actor":"folder","code":"","message":""}],"next":"end"}`},
		{"its last page", "/api/v1/extensions/org.a.A/history?cursor=end&limit=1", `history org.a.A "end" 1`, `{"events":[]}`},
	} {
		cfg := testConfig()
		w := ask(mustNew(t, cfg).serve(), "GET", c.path, withToken)
		if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || got != c.body {
			t.Errorf("%s: %d %s, want %s", c.name, w.Code, got, c.body)
		}
		if got := cfg.Host.(*shelf).asked; !slices.Equal(got, []string{c.asked}) {
			t.Errorf("%s: the host was asked for %q, want %q", c.name, got, c.asked)
		}
	}
	for _, query := range []string{
		"limit=0", "limit=501", "limit=-1", "limit=1e2", "limit=", "limit=99999999999999999999", "limit=1&limit=2",
		"cursor=" + strings.Repeat("x", 1001), "cursor=%ff", "page=2", "cursor=%zz",
	} {
		for _, path := range []string{"/api/v1/audit?", "/api/v1/extensions/x/history?"} {
			cfg := testConfig()
			w := ask(mustNew(t, cfg).serve(), "GET", path+query, withToken)
			if w.Code != 400 || len(cfg.Host.(*shelf).asked) != 0 || len(cfg.Host.(*shelf).asksFor()) != 0 {
				t.Errorf("%s%s: %d %s, want 400", path, query, w.Code, w.Body)
			}
			checkProblem(t, w)
		}
	}
}

// TestAuditTrail is asked for what the query says, and nothing else.
func TestAuditTrail(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	for query, want := range map[string]host.AuditQuery{
		"":                         {Limit: 100},
		"limit=500&cursor=1":       {Limit: 500, Cursor: "1"},
		"actor=ann&action=disable": {Limit: 100, Actor: "ann", Action: "disable"},
		"target=org.a.A&from=2026-11-26T08:00:00Z": {Limit: 100, Target: "org.a.A", From: at},
		"until=2026-11-26T09:00:00%2B01:00":        {Limit: 100, Until: at},
	} {
		cfg := testConfig()
		s := cfg.Host.(*shelf)
		s.trail = []host.AuditEntry{
			{Time: at, Actor: "admin", Action: "disable", Target: "x", After: []byte(`{"disabled":true}`), Remote: "192.0.2.1"}, {Actor: "ann"},
		}
		w := ask(mustNew(t, cfg).serve(), "GET", "/api/v1/audit?"+query, withToken)
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"events":[{"time":`) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
		got := s.asksFor()
		if len(got) != 1 {
			t.Fatalf("%s: the host was asked %d times", query, len(got))
		}
		got[0].From, got[0].Until = got[0].From.UTC(), got[0].Until.UTC()
		if got[0] != want {
			t.Errorf("%s: the host was asked for %+v, want %+v", query, got[0], want)
		}
	}
	for _, query := range []string{"from=yesterday", "until=2026-11-26", "who=ann", "actor=a&actor=b"} {
		if w := ask(mustNew(t, testConfig()).serve(), "GET", "/api/v1/audit?"+query, withToken); w.Code != 400 {
			t.Errorf("%s: %d %s, want 400", query, w.Code, w.Body)
		}
	}
}
