package admin

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// trail are n entries, the newest first, and one that is hostile.
func trail(n int) []host.AuditEntry {
	at := time.Date(2026, 11, 26, 6, 0, 0, 0, time.UTC)
	list := []host.AuditEntry{
		{Time: at, Actor: hostile, Action: hostile, Target: hostile, Remote: hostile, Before: []byte(`{"</td>":"<script>alert(1)</script>"}`), After: []byte(`{"x":["\u202e"]}`)},
		{Time: at.Add(-time.Minute), Actor: "ann", Action: "disable", Target: running().ID, Before: []byte(`{"enabled":true,"pinned":""}`), After: []byte(`{"enabled":false,"pinned":""}`), Remote: "192.0.2.7"},
		{Time: at.Add(-2 * time.Minute), Actor: "folder", Action: "consent", Target: "gone.Extension", Before: []byte(`{"granted":[],"denied":[]}`), After: []byte(`{"granted":["kv"],"denied":[]}`)},
	}
	for i := range n {
		list = append(list, host.AuditEntry{Time: at.Add(-time.Duration(i) * time.Hour), Actor: "=cmd", Action: "enable", Target: fmt.Sprint("t", i)})
	}
	return list
}

func TestAuditPage(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	shelf := cfg.Host.(*shelf)
	shelf.trail = trail(60)
	root := withAdminToken(t, cfg)
	doc := root.page("/admin/audit")
	harmless(t, doc)
	rows := all(all(doc, "tbody", "")[0], "tr", "")
	if len(rows) != 50 {
		t.Fatalf("%d rows, want a page of 50", len(rows))
	}
	second, third := textOf(rows[1]), textOf(rows[2])
	for _, want := range []string{"ann", "disabled", "enabled", "was true", "is false", "192.0.2.7"} {
		if !strings.Contains(second, want) {
			t.Errorf("the second row does not say %q: %s", want, second)
		}
	}
	if !strings.Contains(third, "this host") || !strings.Contains(third, "granted") || !strings.Contains(third, "is kv") {
		t.Errorf("the third row: %s", third)
	}
	if links := all(rows[1], "a", ""); attribute(links[len(links)-1], "href") != "/admin/extensions/"+running().ID {
		t.Errorf("the target leads to %q", attribute(links[len(links)-1], "href"))
	}
	older := ""
	for _, a := range all(doc, "a", "") {
		if attribute(a, "rel") == "next" {
			older = attribute(a, "href")
		}
	}
	doc = root.page("/admin/audit" + older)
	if rows := all(all(doc, "tbody", "")[0], "tr", ""); len(rows) != 13 {
		t.Errorf("%d rows on the second page behind %q, want 13", len(rows), older)
	}

	root.page("/admin/audit?actor=ann&action=disable&target=x.Y&from=2026-11-26T06:00&until=2026-11-27")
	want := host.AuditQuery{
		Actor: "ann", Action: "disable", Target: "x.Y", Limit: 50,
		From: time.Date(2026, 11, 26, 6, 0, 0, 0, time.UTC), Until: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC),
	}
	if asks := shelf.asksFor(); asks[len(asks)-1] != want {
		t.Errorf("the host was asked %+v", asks[len(asks)-1])
	}
	for query, says := range map[string]string{
		"from=yesterday": "This is no time", "from=2026-11-27&until=2026-11-26": "not after the beginning",
	} {
		w := root.gets("/admin/audit?" + query)
		if doc := parse(t, w.Body.String()); w.Code != 400 || !strings.Contains(textOf(doc), says) || len(all(doc, "input", "")) < 5 {
			t.Errorf("%s: %d %s", query, w.Code, textOf(doc))
		}
	}
	shelf.trail = nil
	if text := textOf(root.page("/admin/audit")); !strings.Contains(text, "Nothing has been done yet") {
		t.Errorf("an empty trail: %s", text)
	}
	if text := textOf(root.page("/admin/audit?actor=nobody")); !strings.Contains(text, "Nothing like that") {
		t.Errorf("an empty answer: %s", text)
	}
	if text := textOf(root.page("/admin/audit", withHeader("Accept-Language", "fr"))); !strings.Contains(text, "Rien n’a encore été fait") {
		t.Errorf("in French: %s", text)
	}
}

func TestAuditIsExported(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	shelf := cfg.Host.(*shelf)
	shelf.trail = trail(1200)
	root := withAdminToken(t, cfg)
	w := root.gets("/admin/audit/export?format=csv&actor=ann")
	records, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || w.Code != 200 || len(records) != 1204 || !strings.HasPrefix(w.Header().Get("Content-Disposition"), `attachment; filename="audit-`) {
		t.Fatalf("%d, %d records, %v, %v", w.Code, len(records), w.Header(), err)
	}
	if records[4][1] != "'=cmd" {
		t.Errorf("a spreadsheet would reckon with %q", records[4][1])
	}
	asks := shelf.asksFor()
	if len(asks) != 3 || asks[0].Actor != "ann" || asks[2].Limit != 500 || asks[2].Cursor != "1000" {
		t.Errorf("the host was asked %+v", asks)
	}
	w = root.gets("/admin/audit/export?format=ndjson")
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	var e host.AuditEntry
	if err := json.Unmarshal([]byte(lines[0]), &e); err != nil || len(lines) != 1203 || e.Actor != strings.ToValidUTF8(hostile, "\ufffd") {
		t.Errorf("%d lines, the first %+v, %v", len(lines), e, err)
	}
	for _, query := range []string{"", "format=xlsx", "format=csv&from=x"} {
		if w := root.gets("/admin/audit/export?" + query); w.Code != http.StatusBadRequest || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("%q: %d", query, w.Code)
		}
	}
}

// A file that is not whole must not look as if it were.
func TestExportThatBreaksOff(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	shelf := cfg.Host.(*shelf)
	shelf.trail = trail(1200)
	root := withAdminToken(t, cfg)
	shelf.breaks = 1
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the connection is not broken off")
		}
	}()
	root.gets("/admin/audit/export?format=csv")
}
