package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/sdk"
)

// TestDetailHostileStrings: whatever a bundle and a process say is text, and every
// character of it can be seen.
func TestDetailHostileStrings(t *testing.T) {
	t.Parallel()
	o := openDetail(t, func(s *detailShelf, e *host.Extension) {
		e.Name, e.Version, e.Class, e.Request, e.Response, e.File, e.Digest = spite, spite, spite, spite, spite, spite, spite
		e.State, e.Reason = "failed", &host.Reason{Code: spite, Stage: "runtime", Message: spite, Time: time.Now(), Stderr: []string{spite}}
		e.Signature = host.Signature{State: spite, Code: spite, Message: spite, Signer: spite, Organization: spite, Publisher: spite, Chain: []string{spite}}
		e.Permissions, e.Grants = []string{spite + "x"}, []host.Grant{{Permission: spite, By: spite, At: time.Now()}}
		e.Consent = &host.Consent{Version: spite, Digest: spite, File: spite, Needs: []host.Need{{Kind: host.NeedPermission, What: spite}, {Kind: host.NeedPublisher, What: spite}}}
		e.Candidate = &host.Candidate{Version: spite, Digest: "sha256:0004", File: spite, State: "failed", Reason: &host.Reason{Code: spite, Message: spite}}
		e.Sandbox = []host.Protection{{Name: spite, Why: spite}}
		schema, _ := json.Marshal(map[string]any{"type": "object", "title": spite, "properties": map[string]any{spite: map[string]any{"type": "string", "title": spite, "description": spite, "default": spite, "examples": []string{spite}, "pattern": "x"}}})
		for i := range s.types {
			s.types[i].Extends = spite
			if len(s.types[i].Schema) > 4 {
				s.types[i].Schema = schema
			}
		}
		s.depends.Needs = []host.Dependency{{ID: spite, Name: spite, Version: spite, State: "running", Constraint: spite}, {ID: spite, Constraint: spite}}
		for i := range s.kept {
			s.kept[i].Version.Version = spite
		}
		s.changes = host.Changes{Version: spite, Types: []host.TypeChange{{Type: spite, Kind: host.ChangeAdded}}, Asks: []string{spite}, Leaves: []string{spite}}
		s.lines = []host.LogLine{{Time: time.Now(), Level: spite, Message: spite, Attrs: []host.LogAttr{{Key: spite, Value: spite}}, Position: spite}}
		evidence, _ := json.Marshal(map[string]any{"stage": spite, "signal": spite, "stderr": []string{spite}, "goroutines": spite})
		s.history.Events = []host.Event{{Kind: spite, Version: spite, Actor: spite, Message: spite}, {Kind: spite, Code: spite, Message: spite, Evidence: evidence}, {Kind: spite, Message: spite, Evidence: json.RawMessage(`[1]`)}}
		s.history.Next = spite
		quoted, _ := json.Marshal(map[string]string{spite: spite})
		s.deeds.Events = []host.AuditEntry{{Actor: spite, Action: spite, Before: quoted, After: json.RawMessage(`null`), Remote: spite}, {Before: json.RawMessage(`{`), After: json.RawMessage(spite)}}
		s.try = func(host.TryRequest) (host.TryResult, error) {
			return host.TryResult{Status: 502, Code: spite, Message: spite, RequestID: spite, Type: spite, MediaType: spite, Payload: []byte(spite + "\n" + strings.Repeat("x", 200)), Errors: []sdk.Violation{{Pointer: spite, Message: spite}}}, nil
		}
	})
	check := func(name string, body string) {
		t.Helper()
		doc := parse(t, body)
		for _, n := range all(doc, "script", "") {
			if !strings.HasPrefix(attribute(n, "src"), "/admin/static/") {
				t.Errorf("%s: a script that is not ours: %s", name, textOf(n))
			}
		}
		for _, n := range all(doc, "img", "") {
			if attribute(n, "src") == "x" {
				t.Errorf("%s: an image that is not ours", name)
			}
		}
		for _, n := range all(doc, "", "") {
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
					t.Errorf("%s: attribute %s of %s", name, a.Key, n.Data)
				}
			}
		}
		for d := range doc.Descendants() {
			if d.Type == html.TextNode && strings.ContainsAny(d.Data, "\u202e\x1b") {
				t.Errorf("%s: what can not be seen: %q", name, d.Data)
			}
		}
	}
	for _, tab := range detailTabs() {
		w := ask(o.h, "GET", o.path(tab), o.session)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", tab, w.Code, w.Body)
			continue
		}
		if !strings.Contains(w.Body.String(), "&lt;script&gt;") {
			t.Errorf("%s: the name is not there", tab)
		}
		check(tab, w.Body.String())
	}
	form := o.formOf(t, "/types/org.example.ReportRequest", "/types/")
	w := ask(o.h, "POST", o.path("/types/org.example.ReportRequest"), o.session, withForm(form.Encode()))
	if !strings.Contains(w.Body.String(), "502") {
		t.Errorf("an answer: %d %s", w.Code, w.Body)
	}
	check("an answer", w.Body.String())
}

// formOf are the fields of the first posted form below path, as a browser sends them.
func (o looker) formOf(t *testing.T, tab, path string) url.Values {
	t.Helper()
	found := forms(o.page(t, tab), o.path(path))
	if len(found) == 0 {
		t.Fatalf("%s has no form for %s", tab, path)
	}
	return fieldsOf(found[0])
}

func fieldsOf(form *html.Node) url.Values {
	values := url.Values{}
	for _, n := range all(form, "", "") {
		name, typ := attribute(n, "name"), attribute(n, "type")
		_, checked := attributeOf(n, "checked")
		switch {
		case name == "" || n.Data == "button" || typ == "file" || typ == "checkbox" && !checked:
		case n.Data == "input":
			values.Add(name, attribute(n, "value"))
		case n.Data == "textarea":
			text := ""
			if n.FirstChild != nil {
				text = n.FirstChild.Data
			}
			values.Add(name, text)
		case n.Data == "select":
			for _, o := range all(n, "option", "") {
				if _, ok := attributeOf(o, "selected"); ok || !values.Has(name) {
					v, given := attributeOf(o, "value")
					if !given {
						v = textOf(o)
					}
					values.Set(name, v)
				}
			}
		}
	}
	return values
}

func attributeOf(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// TestDetailConsent: what is ticked is granted, and that nothing is ticked is not
// everything.
func TestDetailConsent(t *testing.T) {
	t.Parallel()
	o := openDetail(t)
	doc := o.page(t, "/trust")
	var waiting url.Values
	for _, f := range forms(doc, o.path("/consent")) {
		if values := fieldsOf(f); values.Get("digest") == o.e.Consent.Digest {
			waiting = values
		}
	}
	if waiting == nil || !slices.Equal(waiting["permission"], []string{"call:org.other.Type"}) {
		t.Fatalf("the form is %v", waiting)
	}
	if text := textOf(doc); !strings.Contains(text, "Somebody else has signed it") || !strings.Contains(text, "sha256:ffee") {
		t.Error("another publisher is not told")
	}
	last := func() host.Action {
		done := o.shelf.did()
		return done[len(done)-1]
	}
	if w := ask(o.h, "POST", o.path("/consent"), o.session, withForm(waiting.Encode())); w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if a := last(); a.Verb != host.VerbConsent || a.Digest != "sha256:0004" || !slices.Equal(a.Permissions, []string{"call:org.other.Type"}) {
		t.Errorf("all of it: %+v", a)
	}
	waiting.Del("permission")
	ask(o.h, "POST", o.path("/consent"), o.session, withForm(waiting.Encode()))
	if a := last(); a.Permissions == nil || len(a.Permissions) != 0 {
		t.Errorf("nothing of it: %+v", a)
	}

	// What was denied is granted again, what was granted is taken back: after a question.
	var again url.Values
	for _, f := range forms(doc, o.path("/consent")) {
		if values := fieldsOf(f); values.Get("permission") == "net:10.0.0.7:7400" {
			again = values
		}
	}
	if again == nil || again.Get("digest") != o.e.Digest {
		t.Fatalf("what was denied can not be granted: %v", again)
	}
	revoke := links(doc, o.path("/revoke"))
	if len(revoke) != 2 || !strings.Contains(revoke[0], "permission=kv") {
		t.Fatalf("what is granted can not be taken back: %q", revoke)
	}
	w := ask(o.h, "GET", revoke[0], o.session)
	question := parse(t, w.Body.String())
	ask(o.h, "POST", o.path("/revoke"), o.session, withForm(fieldsOf(forms(question, o.path("/revoke"))[0]).Encode()))
	if a := last(); a.Verb != host.VerbRevoke || !slices.Equal(a.Permissions, []string{"kv"}) {
		t.Errorf("taking back: %+v", a)
	}
}

// TestDetailVersions: the way back is offered with the data only where they are there.
func TestDetailVersions(t *testing.T) {
	t.Parallel()
	o := openDetail(t)
	doc := o.page(t, "/versions?compare=sha256:0002")
	compared := textOf(all(doc, "section", "card")[0])
	for _, part := range []string{"2.0.9", "2.1.0", "only there org.example.OldRequest", "missing there org.example.RawRequest", "org.example.ReportRequest (schema, response)", "sql:gis", "events"} {
		if !strings.Contains(compared, part) {
			t.Errorf("the comparison lacks %q: %s", part, compared)
		}
	}
	back := links(doc, o.path("/rollback"))
	if len(back) != 1 || !strings.Contains(back[0], "version=2.0.9") {
		t.Fatalf("ways back: %q", back)
	}
	question := func() url.Values {
		form := forms(parse(t, ask(o.h, "GET", back[0], o.session).Body.String()), o.path("/rollback"))[0]
		for _, box := range all(form, "input", "") {
			if attribute(box, "type") == "checkbox" {
				box.Attr = append(box.Attr, html.Attribute{Key: "checked"})
			}
		}
		return fieldsOf(form)
	}
	if f := question(); f.Get("version") != "2.0.9" || f.Get("restore_data") != "true" {
		t.Errorf("with a copy of the data: %v", f)
	}
	o.shelf.kept[1].Restorable = false
	if f := question(); f.Has("restore_data") {
		t.Errorf("without one: %v", f)
	}
	w := ask(o.h, "POST", o.path("/rollback"), o.session, withForm(question().Encode()))
	if done := o.shelf.did(); w.Code != 303 || w.Header().Get("Location") != o.path("/versions?compare=sha256:0002") || done[0].Version != "2.0.9" {
		t.Errorf("rolling back: %d %s %+v", w.Code, w.Header().Get("Location"), done)
	}
	if f := forms(doc, o.path("/unpin")); len(f) != 1 {
		t.Errorf("%d forms unpin it", len(f))
	}
	if remove := links(doc, o.path("/remove")); len(remove) != 2 || !strings.Contains(remove[1], "purge=true") {
		t.Errorf("ways to remove it: %q", remove)
	}
	for query, code := range map[string]int{"?compare=sha256:9999": 404, "?compare=sha256:0003": 400} {
		if w := ask(o.h, "GET", o.path("/versions"+query), o.session); w.Code != code {
			t.Errorf("%s: %d, want %d", query, w.Code, code)
		}
	}
}

// TestDetailOffersNoForms: who looks with a token alone changes nothing by forms.
func TestDetailOffersNoForms(t *testing.T) {
	t.Parallel()
	o := openDetail(t)
	o.session = withToken
	for _, tab := range detailTabs() {
		doc := o.page(t, tab)
		if f := forms(doc, "/admin/extensions/"); len(f) != 0 {
			t.Errorf("%s has a form for %s", tab, attribute(f[0], "action"))
		}
	}
}

// TestDetailLogs: the filter reaches the host, what is misspelled counts as not chosen,
// and the log can be had whole.
func TestDetailLogs(t *testing.T) {
	t.Parallel()
	o := openDetail(t)
	for query, want := range map[string]host.LogQuery{
		"":                                      {Tail: host.DefaultTail},
		"?level=warn&contains=+x+&tail=500":     {Tail: 500, Level: "warn", Contains: "x"},
		"?level=nonsense&tail=999999":           {Tail: host.DefaultTail},
		"?contains=" + strings.Repeat("é", 150): {Tail: host.DefaultTail, Contains: strings.Repeat("é", 100)},
	} {
		o.shelf.queries = nil
		doc := o.page(t, "/logs"+query)
		if got := o.shelf.queries[0]; got != want {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
		if n := len(all(all(doc, "div", "log")[0], "li", "")); n != 40 {
			t.Errorf("%s: %d lines", query, n)
		}
	}
	doc := o.page(t, "/logs?level=warn")
	if follow := attribute(all(doc, "div", "log")[0], "data-follow"); follow != o.path("/logs/follow")+"?after=p39&level=warn" {
		t.Errorf("followed under %s", follow)
	}
	w := ask(o.h, "GET", o.path("/logs/file"), o.session)
	if w.Code != 200 || w.Body.String() != "one line\n" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("the whole log: %d %q %v", w.Code, w.Body, w.Header())
	}
	o.shelf.lines = nil
	if text := textOf(o.page(t, "/logs")); !strings.Contains(text, "Nothing has been logged") {
		t.Error("an empty log says nothing")
	}
}

// TestDetailFailure: how it last failed is on the first page, from the history or else
// from the row.
func TestDetailFailure(t *testing.T) {
	t.Parallel()
	o := openDetail(t)
	text := textOf(o.page(t, ""))
	for _, part := range []string{"Last failure", "exit code 2", "panic: index out of range", "goroutine 1 [running]:"} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	o = openDetail(t, func(s *detailShelf, e *host.Extension) {
		s.history = host.HistoryPage{}
		e.State, e.Consent, e.Candidate = "backoff", nil, nil
		e.Reason = &host.Reason{Code: "crashed", Stage: "runtime", Message: "five crashes", Time: time.Now(), Signal: "SIGSEGV", Stderr: []string{"fault address"}}
	})
	doc := o.page(t, "")
	text = textOf(doc)
	for _, part := range []string{"It keeps crashing", "five crashes", "Why it failed", "signal SIGSEGV", "fault address", "Try again now"} {
		if !strings.Contains(text, part) {
			t.Errorf("a crash: the page lacks %q", part)
		}
	}
	if f := forms(doc, o.path("/retry")); len(f) != 1 {
		t.Errorf("%d forms try it again", len(f))
	}
	o = openDetail(t, func(s *detailShelf, e *host.Extension) { s.history, e.LastExit = host.HistoryPage{}, nil })
	if strings.Contains(textOf(o.page(t, "")), "Last failure") {
		t.Error("what never failed has a last failure")
	}
}

// TestDetailAudit asks the trail for this extension alone and tells what has changed.
func TestDetailAudit(t *testing.T) {
	t.Parallel()
	o := openDetail(t)
	doc := o.page(t, "/audit?cursor=abc")
	if q := o.shelf.audits[0]; q.Target != o.e.ID || q.Cursor != "abc" {
		t.Errorf("the trail was asked for %+v", q)
	}
	row := textOf(all(all(doc, "table", "")[0], "tr", "")[1])
	for _, part := range []string{"admin", "192.0.2.1", "pinned it", `pinned: "" → "sha256:0003"`} {
		if !strings.Contains(row, part) {
			t.Errorf("the row lacks %q: %s", part, row)
		}
	}
	if older := links(o.page(t, "/history"), "?cursor="); len(older) != 1 || older[0] != "?cursor=n%261" {
		t.Errorf("older: %q", older)
	}
}

// TestDetailMetrics draws every series, and has a table for those who do not see it.
func TestDetailMetrics(t *testing.T) {
	t.Parallel()
	o := openDetail(t)
	doc := o.page(t, "/metrics")
	charts := all(doc, "svg", "chart")
	if len(charts) != 5 {
		t.Fatalf("%d charts", len(charts))
	}
	for _, c := range charts {
		if attribute(c, "role") != "img" || !strings.Contains(attribute(c, "aria-label"), "highest") {
			t.Errorf("a chart says %q", attribute(c, "aria-label"))
		}
	}
	if rows := all(all(doc, "table", "")[0], "tr", ""); len(rows) != 1+54 || len(all(rows[1], "td", "")) != 7 {
		t.Errorf("%d rows", len(rows))
	}
	o.shelf.series = nil
	if text := textOf(o.page(t, "/metrics")); !strings.Contains(text, "Nothing has been measured yet") {
		t.Error("nothing measured, and nothing said")
	}
}

// TestDetailOfFiles: a file that is no extension has a page too, whatever its name.
func TestDetailOfFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"my file.jar", "ü.jar", "a%2Fb?#.jar", "50%.jar", "$.jar"} {
		t.Run(name, func(t *testing.T) {
			o := openDetail(t, func(_ *detailShelf, e *host.Extension) {
				*e = host.Extension{ID: name, File: name, State: "failed", Reason: &host.Reason{Code: "not_zip", Stage: "verify", Message: "this is no JAR", Time: time.Now()}}
			})
			doc := o.page(t, "")
			if got := textOf(all(doc, "h1", "")[0]); got != name {
				t.Errorf("the heading is %q", got)
			}
			tabs := all(all(doc, "ul", "tabs")[0], "a", "")
			if len(tabs) != 3 {
				t.Errorf("%d tabs", len(tabs))
			}
			for _, a := range tabs {
				if w := ask(o.h, "GET", attribute(a, "href"), o.session); w.Code != 200 {
					t.Errorf("%s: %d", attribute(a, "href"), w.Code)
				}
			}
			if remove := links(doc, o.path("/remove")); len(remove) == 0 {
				t.Error("it can not be removed")
			} else if w := ask(o.h, "GET", remove[0], o.session); w.Code != 200 {
				t.Errorf("asking to remove it: %d", w.Code)
			}
		})
	}
	o := openDetail(t)
	for _, id := range []string{"org.nobody.Here", strings.Repeat("x", 300), "%2e%2e"} {
		if w := ask(o.h, "GET", "/admin/extensions/"+id, o.session); w.Code != 404 && w.Code/100 != 3 {
			t.Errorf("%.20s: %d", id, w.Code)
		}
	}
}

// TestDetailFollow: what comes is sent as events, bounded and visible; a place that a
// browser names is passed on, and one that would end a line of the stream is not sent.
func TestDetailFollow(t *testing.T) {
	t.Parallel()
	s, e := detailSample()
	s.set(e)
	cfg := testConfig()
	cfg.Host = s
	log := &tape{lines: make(chan host.LogLine, 10), asked: make(chan string, 10)}
	var asked host.LogQuery
	cfg.Follow = func(_ context.Context, id string, q host.LogQuery, after string) (Lines, error) {
		if id != e.ID {
			return nil, &host.Error{Code: host.CodeNotFound, Message: "no such log"}
		}
		asked = q
		log.asked <- after
		return log, nil
	}
	at := time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC)
	log.lines <- host.LogLine{Time: at, Level: "warn", Message: "a\nb\u202e", Attrs: []host.LogAttr{{Key: "k", Value: "v"}}, Position: "p1"}
	log.lines <- host.LogLine{Missed: -1}
	log.lines <- host.LogLine{Level: "nonsense", Message: strings.Repeat("x", 5000), Position: "bad\nevent: evil"}
	close(log.lines)
	h := mustNew(t, cfg).serve()
	cookie := ask(h, "POST", "/admin/sign-in", withForm("token="+testToken)).Result().Cookies()[0]
	session := func(r *http.Request) { r.AddCookie(cookie) }
	path := "/admin/extensions/" + url.PathEscape(e.ID) + "/logs/follow?level=warn&contains=x&after=p0"
	w := ask(h, "GET", path, session, withHeader("Last-Event-ID", "p0b"))
	if after := <-log.asked; after != "p0b" || asked.Level != "warn" || asked.Contains != "x" || asked.Tail != -1 {
		t.Errorf("followed behind %q with %+v", after, asked)
	}
	body := w.Body.String()
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") ||
		!strings.Contains(body, "event: line\nid: p1\ndata: {\"time\":\"2026-11-26T07:00:00Z\",\"level\":\"warn\",\"message\":\"a\\\\nb\\\\u202e\",\"attrs\":[{\"key\":\"k\",\"value\":\"v\"}]}\n\n") ||
		!strings.Contains(body, "event: missed\ndata: -1\n\n") {
		t.Errorf("the stream: %s", body)
	}
	if strings.Contains(body, "evil") || len(body) > 4000 || !strings.Contains(body, `"level":"info"`) {
		t.Errorf("a hostile line: %s", body)
	}
	if w := ask(h, "GET", "/admin/extensions/org.nobody/logs/follow", session); w.Code != 404 {
		t.Errorf("the log of nobody: %d", w.Code)
	}
}
