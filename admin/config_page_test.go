package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/host"
)

const pageSchema = `{"title":"Mail <b>","description":"How mail is sent","type":"object","required":["host"],"properties":{
"host":{"type":"string","title":"Server","description":"Who takes it","minLength":1},"port":{"type":"integer","default":25,"minimum":1},
"mode":{"enum":["plain","tls"]},"verify":{"type":"boolean"},"password":{"type":"string","title":"Password","writeOnly":true},
"relays":{"type":"array","items":{"type":"object","properties":{"host":{"type":"string"}}}},"extra":{}}}`

// configured is a shelf with an extension that is configured.
func configured() *shelf {
	s := newShelf(running())
	s.config = host.Configuration{
		Schema: []byte(pageSchema), Values: []byte(`{"host":"a<script>","relays":[{"host":"b"}]}`), Revision: 3, By: "ada", Changed: ptr(time.Now()),
		Secrets: []host.Secret{{Pointer: "/password", Set: true}},
	}
	s.revisions = []host.ConfigurationRevision{
		{Revision: 3, Time: time.Now(), By: "ada", Values: s.config.Values, Diff: []host.Difference{{Pointer: "/host", Kind: "changed", Before: []byte(`"x"`), After: []byte(`"a<script>"`)}, {Pointer: "/password", Kind: "added", Secret: true}}},
		{Revision: 2, Time: time.Now(), By: "eve", Values: []byte(`{"host":"x"}`)},
	}
	return s
}

// signIn returns a handler with the cookie of a session.
func withTokenSession(t *testing.T, s *shelf) (http.Handler, func(*http.Request)) {
	t.Helper()
	cfg := testConfig()
	cfg.Host = s
	h := mustNew(t, cfg).serve()
	cookie := ask(h, "POST", "/admin/sign-in", withForm("token="+testToken)).Result().Cookies()[0]
	return h, func(r *http.Request) { r.AddCookie(cookie) }
}

// sent is what a browser posts of the form of a page with a button.
func sent(t *testing.T, page, button string) url.Values {
	t.Helper()
	values := url.Values{}
	for _, form := range all(parse(t, page), "form", "") {
		if !strings.HasSuffix(attribute(form, "action"), "/config") {
			continue
		}
		for _, in := range all(form, "input", "") {
			if attribute(in, "type") == "checkbox" {
				continue
			}
			values.Add(attribute(in, "name"), attribute(in, "value"))
		}
		for _, area := range all(form, "textarea", "") {
			text := ""
			if area.FirstChild != nil {
				text = strings.TrimPrefix(area.FirstChild.Data, "\n")
			}
			values.Add(attribute(area, "name"), text)
		}
		for _, choice := range all(form, "select", "") {
			for _, o := range all(choice, "option", "") {
				if slices.ContainsFunc(o.Attr, func(a html.Attribute) bool { return a.Key == "selected" }) {
					values.Add(attribute(choice, "name"), attribute(o, "value"))
				}
			}
		}
	}
	values.Set("do", button)
	return values
}

// withID are the elements with an id: one, where all is well.
func withID(n *html.Node, id string) []*html.Node {
	return slices.DeleteFunc(all(n, "", ""), func(e *html.Node) bool { return attribute(e, "id") != id })
}

func TestConfigurationPage(t *testing.T) {
	t.Parallel()
	s := configured()
	h, cookie := withTokenSession(t, s)
	path := "/admin/extensions/" + running().ID + "/config"
	w := ask(h, "GET", path, cookie)
	body := w.Body.String()
	if w.Code != 200 || strings.Contains(body, "<script>a") || strings.Contains(body, "Mail <b>") || !strings.Contains(body, "a&lt;script&gt;") {
		t.Fatalf("%d %s", w.Code, body)
	}
	page := parse(t, body)
	for _, label := range all(page, "label", "") {
		if id := attribute(label, "for"); id != "" && len(withID(page, id)) != 1 {
			t.Errorf("%d controls have the id %s", len(withID(page, id)), id)
		}
	}
	if got := attribute(withID(page, "field-password")[0], "value"); got != "" {
		t.Errorf("a secret is shown: %s", got)
	}
	posted := sent(t, body, "review")
	posted.Set("value:/port", "many")
	w = ask(h, "POST", path, cookie, withForm(posted.Encode()))
	page = parse(t, w.Body.String())
	port := withID(page, "field-port")[0]
	if w.Code != 422 || attribute(port, "aria-invalid") != "true" || attribute(port, "value") != "many" || !strings.Contains(attribute(port, "aria-describedby"), "field-port.error") {
		t.Errorf("a wrong number: %d %s", w.Code, w.Body)
	}
	if got := one(t, page, "section", "errors"); !strings.Contains(got, "Port: this is not a number") {
		t.Errorf("the summary says %q", got)
	}
	posted.Set("value:/port", "26")
	posted.Set("value:/password", "hush")
	w = ask(h, "POST", path, cookie, withForm(posted.Encode()))
	if page = parse(t, w.Body.String()); w.Code != 200 || len(all(page, "ul", "diff")) == 0 || len(s.configured) != 1 || !s.configured[0].DryRun || s.configured[0].Revision != 3 {
		t.Fatalf("the review: %d %s", w.Code, w.Body)
	}
	w = ask(h, "POST", path, cookie, withForm(sent(t, w.Body.String(), "save").Encode()))
	if w.Code != 303 || w.Header().Get("Location") != path || len(s.configured) != 2 || s.configured[1].DryRun {
		t.Fatalf("saving: %d %v", w.Code, w.Header())
	}
	if got := string(s.configured[1].Values); got != `{"host":"a<script>","port":26,"password":"hush","relays":[{"host":"b"}]}` {
		t.Errorf("the host was given %s", got)
	}

	s.refuse = &host.Error{Code: host.CodeConflict, Message: "it is another one", Stale: true}
	w = ask(h, "POST", path, cookie, withForm(posted.Encode()))
	if w.Code != 412 { // also the second look fails here: the error page says it
		t.Errorf("a conflict that goes on: %d", w.Code)
	}
	posted.Set("proof", "nonsense")
	if w = ask(h, "POST", path, cookie, withForm(posted.Encode())); w.Code != 403 {
		t.Errorf("a form of another session: %d", w.Code)
	}
	s.config.Awaiting = &host.Awaiting{Version: "6", Digest: "sha256:6", Schema: []byte(`{"properties":{"new":{"type":"string"}}}`), Message: "it lacks <new>"}
	if text := textOf(parse(t, ask(h, "GET", path, cookie).Body.String())); !strings.Contains(text, "Version 6 waits for another configuration") || !strings.Contains(text, "it lacks <new>") {
		t.Errorf("a version that waits is not named: %s", text)
	}
	body = ask(h, "GET", path+"?for=sha256%3A6", cookie).Body.String()
	if page = parse(t, body); len(withID(page, "field-new")) != 1 || !strings.Contains(body, `action="`+path+`?for=sha256%3A6"`) {
		t.Errorf("its form: %s", body)
	}
	s.config.Awaiting = nil
	if w = ask(h, "GET", path+"?from=2", cookie); !strings.Contains(w.Body.String(), "revision 2") && !strings.Contains(w.Body.String(), "revision <bdi>2") {
		t.Errorf("from a revision: %s", w.Body)
	}
}
