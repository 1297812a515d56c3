package page

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// at has serve answer as if it stood in the table of routes.
func at(serve web.Serve, id string) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		r.SetPathValue("id", id)
		_ = r.ParseForm() // as the check of the proof does
		return serve(w, r)
	}
}

func TestVerbsAreDoneAndTold(t *testing.T) {
	for _, c := range []struct {
		name string
		verb host.Verb
		form string
		want host.Action
		to   string
		says string
	}{
		{"retry", host.VerbRetry, "back=/admin/%3Fq%3Dx", host.Action{}, "/admin/?q=x", "Alpha is tried again."},
		{"back to another site", host.VerbRestart, "back=https://evil.example/admin/", host.Action{}, "/admin/", "Alpha restarts."},
		{"back to another host", host.VerbRestart, "back=//evil.example/admin/", host.Action{}, "/admin/", "Alpha restarts."},
		{"back out of the page", host.VerbRestart, "back=/admin/../api/", host.Action{}, "/admin/", "Alpha restarts."},
		{"back with backslashes", host.VerbRestart, "back=/admin/%5C%5Cevil.example", host.Action{}, "/admin/", "Alpha restarts."},
		{"roll back", host.VerbRollback, "version=0.9&restore_data=true&back=/admin/extensions/a", host.Action{Version: "0.9", RestoreData: true}, "/admin/extensions/a", "rolled back"},
		{"disable by force", host.VerbDisable, "force=true&revision=r7", host.Action{Force: true, Revision: "r7"}, "/admin/", "Alpha is disabled."},
		{"remove", host.VerbRemove, "back=/admin/extensions/a", host.Action{}, "/admin/", "Its data and history stay"},
		{"purge", host.VerbRemove, "purge=true&back=/admin/extensions/a", host.Action{Purge: true}, "/admin/", "with its data"},
		{"consent to some", host.VerbConsent, "digest=sha256:1&permission=kv&permission=events", host.Action{Digest: "sha256:1", Permissions: []string{"kv", "events"}}, "/admin/", "may do what was allowed"},
		{"log level", host.VerbLogLevel, "level=debug", host.Action{Level: "debug"}, "/admin/", "log level of Alpha"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(runs("a", "Alpha"))
			p := newPages(t, h)
			w, err := post(at(p.act(c.verb), "a"), admin(), "/", c.form)
			if err != nil || w.Code != http.StatusSeeOther || w.Header().Get("Location") != c.to {
				t.Fatalf("%v, %d to %q, want %q", err, w.Code, w.Header().Get("Location"), c.to)
			}
			c.want.Verb, c.want.ID, c.want.Actor = c.verb, "a", host.Actor{Name: "ada", Remote: "192.0.2.1"}
			if len(h.did) != 1 || !reflect.DeepEqual(h.did[0], c.want) {
				t.Errorf("the host was asked to %+v, want %+v", h.did, c.want)
			}
			page := withCookies(p.overview, w)
			after, doc := get(t, page, admin(), "/admin/")
			if got := texts(find(doc, "p", "class", "notice")...); !strings.Contains(got, c.says) {
				t.Errorf("the next page says %q, want %q", got, c.says)
			}
			if gone := after.Result().Cookies(); len(gone) != 1 || gone[0].Name != noticeCookie || gone[0].MaxAge >= 0 {
				t.Error("it will be said again")
			}
		})
	}
}

// withCookies has a page asked for with the cookies that an answer has set.
func withCookies(serve web.Serve, from *httptest.ResponseRecorder) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		for _, c := range from.Result().Cookies() {
			r.AddCookie(c)
		}
		return serve(w, r)
	}
}

func TestVerbsAreRefused(t *testing.T) {
	owner := viewer()
	owner.Owns = []string{"a"}
	no := &host.Error{Code: host.CodeConflict, Message: "others need it", Others: []string{"b"}}
	for _, c := range []struct {
		name   string
		who    access.Identity
		verb   host.Verb
		id     string
		form   string
		status int
		did    int
	}{
		{"an owner purges", owner, host.VerbRemove, "a", "purge=true", 403, 0},
		{"consent to nothing in particular", admin(), host.VerbConsent, "a", "", 400, 0},
		{"an id that is a path", admin(), host.VerbRetry, "../a", "", 404, 0},
		{"the host refuses", admin(), host.VerbDisable, "a", "", 0, 1},
	} {
		h := newHouse(runs("a", "Alpha"))
		h.refuse = map[string]error{"a": no}
		_, err := post(at(newPages(t, h).act(c.verb), c.id), c.who, "/", c.form)
		var problem *web.Problem
		switch {
		case c.status == 0 && !errors.Is(err, no):
			t.Errorf("%s: %v", c.name, err)
		case c.status != 0 && (!errors.As(err, &problem) || problem.Status != c.status):
			t.Errorf("%s: %v, want status %d", c.name, err, c.status)
		}
		if len(h.did) != c.did {
			t.Errorf("%s: the host was asked to %+v", c.name, h.did)
		}
	}
}

// TestAskedBeforehand: what will happen, to whom else, and the form that does it.
func TestAskedBeforehand(t *testing.T) {
	needed := map[string][]host.Dependency{"a": {{ID: "b", Met: true}, {ID: "c", Met: true, Optional: true}, {ID: "d"}}}
	for _, c := range []struct {
		verb         host.Verb
		query        string
		says         []string
		fields, tick string
	}{
		{host.VerbDisable, "", []string{"Disable Alpha?", "stays stopped", "1 extension needs it", "b"}, "proof=p back=/admin/extensions/a revision=r7", "force"},
		{host.VerbRestart, "?back=/admin/", []string{"Restart Alpha?", "No request fails"}, "proof=p back=/admin/ revision=r7", ""},
		{host.VerbRollback, "?version=0.9", []string{"Roll Alpha back?", "The version 0.9 takes over"}, "proof=p back=/admin/extensions/a revision=r7 version=0.9", "restore_data"},
		{host.VerbRollback, "", []string{"The previous healthy version"}, "proof=p back=/admin/extensions/a revision=r7", "restore_data"},
		{host.VerbRemove, "?back=//evil.example", []string{"Remove Alpha?", "Its data and its history stay", "1 extension needs it"}, "proof=p back=/admin/ revision=r7", "force"},
		{host.VerbRemove, "?purge=true", []string{"with its data?", "can not be undone"}, "proof=p back=/admin/extensions/a revision=r7 purge=true", "force"},
	} {
		e := kept(runs("a", "Alpha"))
		h := newHouse(e)
		h.needed = needed
		_, doc := get(t, at(newPages(t, h).ask(c.verb), "a"), admin(), "/"+c.query)
		card := find(doc, "section", "class", "ask")[0]
		for _, part := range c.says {
			if !strings.Contains(texts(card), part) {
				t.Errorf("%s%s lacks %q: %s", c.verb, c.query, part, texts(card))
			}
		}
		form := find(card, "form", "", "")[0]
		if attr(form, "action") != "/admin/extensions/a/"+string(c.verb) || attr(form, "method") != "post" {
			t.Errorf("%s: the form goes to %s", c.verb, attr(form, "action"))
		}
		var fields, ticks []string
		for _, in := range find(form, "input", "", "") {
			if attr(in, "type") == "hidden" {
				fields = append(fields, attr(in, "name")+"="+attr(in, "value"))
			} else {
				ticks = append(ticks, attr(in, "name"))
			}
		}
		if strings.Join(fields, " ") != strings.ReplaceAll(c.fields, "r7", e.Revision()) || strings.Join(ticks, " ") != c.tick {
			t.Errorf("%s%s: fields %v, boxes %v", c.verb, c.query, fields, ticks)
		}
		if len(h.did) != 0 {
			t.Errorf("%s was done before anybody said so", c.verb)
		}
	}
	p := newPages(t, newHouse(runs("a", "Alpha")))
	for _, id := range []string{"nobody", "a"} {
		if _, err := post(at(p.ask(host.VerbRollback), id), admin(), "/?version=7", ""); err == nil {
			t.Errorf("rolling back %s to a version that nobody keeps is asked", id)
		}
	}
}

func selection(verb string, ids ...string) string {
	form := url.Values{"proof": {"p"}, "verb": {verb}, "back": {"/admin/?sort=name"}}
	for _, id := range ids {
		form.Add("id", keyOf(id))
	}
	return form.Encode()
}

// TestSelectionIsReviewedThenDone: nothing happens before it was shown, and each one's
// result is told.
func TestSelectionIsReviewedThenDone(t *testing.T) {
	h := newHouse(runs("a", "Alpha"), off(fails("b", "stopped", "disabled")), runs("c", "Charlie"), file("odd ü%.jar", "not_zip"))
	h.needed = map[string][]host.Dependency{"a": {{ID: "c", Met: true}, {ID: "z", Met: true}}}
	h.refuse = map[string]error{"c": &host.Error{Code: host.CodeConflict, Message: "not <now>", Hint: "later"}}
	p := newPages(t, h)
	form := selection("disable", "a", "b", "c", "odd ü%.jar", "gone")
	w, err := post(p.review, admin(), "/admin/bulk", form)
	if err != nil || len(h.did) != 0 {
		t.Fatalf("%v; done so far: %+v", err, h.did)
	}
	doc := parsed(t, w)
	want := map[string]string{
		"Alpha": "finishes its requests and stops needed by z", "b": "is disabled already: left out", "Charlie": "finishes its requests and stops",
		"odd ü%.jar": "is a file that is no extension: left out", "gone": "It is not there any more: left out",
	}
	for _, tr := range find(find(doc, "tbody", "", "")[0], "tr", "", "") {
		name := strings.TrimSuffix(texts(find(tr, "th", "", "")[0]), " 1.0")
		if got := texts(find(tr, "td", "class", "whole")[0]); got != want[name] {
			t.Errorf("%s: %q, want %q", name, got, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not shown: %v", want)
	}
	again := url.Values{}
	for _, in := range find(find(doc, "form", "action", "/admin/bulk/do")[0], "input", "", "") {
		again.Add(attr(in, "name"), attr(in, "value"))
	}
	if got := again["id"]; len(got) != 2 || again.Get("force") != "true" {
		t.Fatalf("the form of the review has %v", again)
	}
	w, err = post(p.bulk, admin(), "/admin/bulk/do", again.Encode())
	if err != nil || len(h.did) != 2 || h.did[0].ID != "a" || h.did[1].ID != "c" || !h.did[0].Force || h.did[0].Verb != host.VerbDisable {
		t.Fatalf("%v; done: %+v", err, h.did)
	}
	text := texts(find(parsed(t, w), "main", "", "")[0])
	for _, part := range []string{"1 done, 1 refused", "not <now> later"} {
		if !strings.Contains(text, part) {
			t.Errorf("the result lacks %q: %s", part, text)
		}
	}
}

func TestSelectionIsChecked(t *testing.T) {
	owner := viewer()
	owner.Owns = []string{"a"}
	for _, c := range []struct {
		name string
		who  access.Identity
		form string
		want string // an error, or ids that something was done to
	}{
		{"everything", admin(), selection("remove", "a", "b"), "a b"},
		{"a viewer", viewer(), selection("restart", "a", "b"), ""},
		{"an owner, of one", owner, selection("remove", "a", "b"), "a"},
		{"twice the same", admin(), selection("restart", "a", "a"), "a"},
		{"no proof", admin(), "verb=restart&id=a", "permission_denied"},
		{"another's proof", admin(), "proof=q&verb=restart&id=a", "permission_denied"},
		{"another verb", admin(), selection("purge", "a"), "invalid_argument"},
		{"consent in bulk", admin(), selection("consent", "a"), "invalid_argument"},
		{"an id that is none", admin(), "proof=p&verb=restart&id=%25zz", "invalid_argument"},
		{"too many", admin(), selection("restart", strings.Split(strings.Repeat("x,", 100)+keys(250), ",")...), "invalid_argument"},
		{"too much", admin(), selection("restart", strings.Repeat("x", maxSelection)), "invalid_argument"},
	} {
		h := newHouse(runs("a", "Alpha"), runs("b", "Beta"))
		_, err := post(newPages(t, h).bulk, c.who, "/admin/bulk/do", c.form)
		var problem *web.Problem
		if errors.As(err, &problem) {
			if problem.Code != c.want || len(h.did) > 0 {
				t.Errorf("%s: %v, want %s; done %+v", c.name, err, c.want, h.did)
			}
			continue
		}
		var ids []string
		for _, a := range h.did {
			ids = append(ids, a.ID)
		}
		if err != nil || strings.Join(ids, " ") != c.want {
			t.Errorf("%s: %v, done to %v, want %q", c.name, err, ids, c.want)
		}
	}
	w, err := post(newPages(t, newHouse()).review, admin(), "/admin/bulk", selection("restart"))
	if err != nil || w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/?sort=name" {
		t.Errorf("nothing selected: %v, %d", err, w.Code)
	}
}

func keys(n int) string {
	var all []string
	for i := range n {
		all = append(all, strings.Repeat("k", i+1))
	}
	return strings.Join(all, ",")
}

func TestPreferences(t *testing.T) {
	p := newPages(t, newHouse(runs("a", "Alpha")))
	w, err := post(p.prefer, access.Identity{}, "/admin/preferences", "language=fr&theme=dark&back=/admin/%3Fq%3Da")
	if err != nil || w.Header().Get("Location") != "/admin/?q=a" {
		t.Fatalf("%v, to %s", err, w.Header().Get("Location"))
	}
	for _, c := range w.Result().Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/admin/" || c.MaxAge < 3600 {
			t.Errorf("cookie %v", c)
		}
	}
	shown, doc := get(t, withCookies(p.overview, w), admin(), "/admin/")
	root := find(doc, "html", "", "")[0]
	if attr(root, "lang") != "fr" || attr(root, "data-theme") != "dark" || shown.Header().Get("Content-Language") != "fr" || !strings.Contains(texts(doc), "Tout va bien") {
		t.Errorf("lang %s, theme %s", attr(root, "lang"), attr(root, "data-theme"))
	}
	if w, _ = post(p.prefer, access.Identity{}, "/", "theme=system"); len(w.Result().Cookies()) != 1 || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Error("the theme of the system is not chosen again")
	}
	if w, _ = post(p.prefer, access.Identity{}, "/", "theme=%22%3E&language=tlh"); len(w.Result().Cookies()) != 0 {
		t.Error("a preference that is none is kept")
	}
}

// TestForgedNotices: what a cookie holds is text of ours with strings in it, or nothing.
func TestForgedNotices(t *testing.T) {
	p := newPages(t, newHouse(runs("a", "Alpha")))
	for _, value := range []string{"x", "!!!", "e30", "eyJtIjoibm8uc3VjaC5rZXkifQ", strings.Repeat("A", 4000)} {
		serve := func(w http.ResponseWriter, r *http.Request) error {
			r.AddCookie(&http.Cookie{Name: noticeCookie, Value: value})
			return p.overview(w, r)
		}
		if _, doc := get(t, serve, admin(), "/admin/"); len(find(doc, "p", "class", "notice ok")) > 0 {
			t.Errorf("%.20s is shown", value)
		}
	}
}

// FuzzLocal: whatever a form names leads to a page of ours.
func FuzzLocal(f *testing.F) {
	for _, s := range []string{"/admin/?q=x", "//evil.example/admin/", "/admin/../api", "https://x/admin/", "/admin/\\..\\x", "/admin/%2e%2e/x", "\t/admin/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := local(path)
		u, err := url.Parse(got)
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/admin/") {
			t.Fatalf("%q leads to %q", path, got)
		}
		base, _ := url.Parse("http://127.0.0.1:8081/admin/preferences")
		if to := base.ResolveReference(u); to.Host != base.Host || !strings.HasPrefix(to.Path, "/admin/") {
			t.Fatalf("%q leads to %s", path, to)
		}
	})
}
