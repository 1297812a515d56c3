package admin

import (
	"slices"
	"strings"
	"testing"
)

func TestRecords(t *testing.T) {
	for _, c := range []struct{ name, path, asked, body string }{
		{"history", "/api/v1/extensions/org.a.A/history", `history org.a.A "" 100`,
			`{"events":[{"time":"0001-01-01T00:00:00Z","kind":"started","version":"5.0.0010","digest":"","actor":"folder","code":"","message":""}],"next":"end"}`},
		{"its last page", "/api/v1/extensions/org.a.A/history?cursor=end&limit=1", `history org.a.A "end" 1`, `{"events":[]}`},
		{"audit", "/api/v1/audit?limit=500", `audit "" 500`,
			`{"events":[{"time":"0001-01-01T00:00:00Z","actor":"admin","action":"disable","target":"x","before":null,"after":{"disabled":true},"remote":"192.0.2.1"}],"next":"end"}`},
		{"its last page", "/api/v1/audit?cursor=end", `audit "end" 100`, `{"events":[]}`},
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
			if w.Code != 400 || len(cfg.Host.(*shelf).asked) != 0 {
				t.Errorf("%s%s: %d %s, want 400", path, query, w.Code, w.Body)
			}
			checkProblem(t, w)
		}
	}
}
