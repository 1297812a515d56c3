package admin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// waits is an extension that runs, and of which a version waits for consent.
func waits() host.Extension {
	e := running()
	at := time.Now().Add(-2 * time.Hour)
	e.Permissions = []string{"kv", "net:10.0.0.7:7400"}
	e.Grants = []host.Grant{{Permission: "kv", By: "folder", At: at}, {Permission: "sql:gis", By: "admin", At: at, Unused: true}}
	e.Denied = []host.Grant{{Permission: "net:10.0.0.7:7400", By: "admin", At: at}}
	e.Consent = &host.Consent{
		Version: "6", Digest: "sha256:" + strings.Repeat("6", 64), File: "tracking-6.jar",
		Needs: []host.Need{{Kind: host.NeedPermission, What: "net:[::1]:80"}, {Kind: host.NeedPermission, What: "events"}},
	}
	e.Candidate = &host.Candidate{Version: "6", Digest: e.Consent.Digest, State: "failed", Reason: &host.Reason{Code: "needs_consent"}}
	return e
}

// What waits for consent is told, and consented to, on the overview.
func TestOverviewShowsWhatWaits(t *testing.T) {
	t.Parallel()
	doc := parse(t, ask(mustNew(t, testConfig(waits())).serve(), "GET", "/admin/", withToken).Body.String())
	text := one(t, doc, "article", "entry")
	for _, part := range []string{"Version 6 did not take over. Version 5.0.0010 keeps serving", "the permission events", "the permission net:[::1]:80", "needs_consent"} {
		if !strings.Contains(text, part) {
			t.Errorf("what waits lacks %q: %s", part, text)
		}
	}
	for _, form := range all(doc, "form", "") {
		if attribute(form, "action") == "/admin/extensions/"+waits().ID+"/consent" {
			t.Error("who came with the token only gets a form that needs a session")
		}
	}
}

// TestConsentForm: only who is signed in, and only from a page of their session.
func TestConsentForm(t *testing.T) {
	t.Parallel()
	cfg := testConfig(waits())
	shelf := cfg.Host.(*shelf)
	h := mustNew(t, cfg).serve()
	path := "/admin/extensions/" + waits().ID + "/consent"
	signIn := func() func(*http.Request) {
		cookie := ask(h, "POST", "/admin/sign-in", withForm("token="+testToken)).Result().Cookies()[0]
		return func(r *http.Request) { r.AddCookie(cookie) }
	}
	formOf := func(session func(*http.Request)) url.Values {
		form := url.Values{}
		for _, f := range all(parse(t, ask(h, "GET", "/admin/?q=tracking", session).Body.String()), "form", "") {
			if attribute(f, "action") == path {
				for _, input := range all(f, "input", "") {
					form.Set(attribute(input, "name"), attribute(input, "value"))
				}
			}
		}
		return form
	}
	mine, other := signIn(), signIn()
	form := formOf(mine)
	if form.Get("digest") != waits().Consent.Digest || len(form.Get("proof")) != 64 {
		t.Fatalf("the form has %v", form)
	}
	without := func(name string) string {
		f := url.Values{}
		for n, v := range form {
			if n != name {
				f[n] = v
			}
		}
		return f.Encode()
	}
	for _, c := range []struct {
		name   string
		code   int
		change []func(*http.Request)
	}{
		{"nobody", 303, []func(*http.Request){withForm(form.Encode())}},
		{"the token instead of a session", 303, []func(*http.Request){withToken, withForm(form.Encode())}},
		{"another session's form", 403, []func(*http.Request){other, withForm(form.Encode())}},
		{"no proof", 403, []func(*http.Request){mine, withForm(without("proof"))}},
		{"no digest", 400, []func(*http.Request){mine, withForm(without("digest"))}},
		{"a page of another site", 403, []func(*http.Request){mine, withForm(form.Encode()), withHeader("Sec-Fetch-Site", "cross-site")}},
		{"a broken form", 400, []func(*http.Request){mine, withForm("%zz")}},
	} {
		w := ask(h, "POST", path, c.change...)
		if w.Code != c.code || len(shelf.actions) != 0 {
			t.Errorf("%s: %d, want %d; actions %+v", c.name, w.Code, c.code, shelf.actions)
		}
	}
	if w := ask(h, "GET", path, mine); w.Code != 405 {
		t.Errorf("consent by a link: %d", w.Code)
	}
	w := ask(h, "POST", path, mine, withForm(form.Encode()))
	if w.Code != 303 || w.Header().Get("Location") != "/admin/?q=tracking" || len(shelf.actions) != 1 {
		t.Fatalf("consent: %d %s, actions %+v", w.Code, w.Body, shelf.actions)
	}
	a := shelf.actions[0]
	if a.Verb != host.VerbConsent || a.ID != waits().ID || a.Digest != waits().Consent.Digest || a.Permissions != nil ||
		a.Actor != (host.Actor{Name: "admin", Remote: "192.0.2.1"}) {
		t.Errorf("the host was asked to %+v", a)
	}
	shelf.refuse = &host.Error{Code: host.CodeConflict, Message: "it is not what it was"}
	w = ask(h, "POST", path, mine, withForm(form.Encode()), withHeader("Accept", "text/html"))
	if w.Code != 409 || !strings.Contains(w.Body.String(), "it is not what it was") {
		t.Errorf("a refusal: %d %s", w.Code, w.Body)
	}
}
