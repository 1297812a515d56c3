package admin

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/sdk"
)

// TestDetailTry: a person fills in the form that was made from the schema, and the
// request is what they have written, in their name.
func TestDetailTry(t *testing.T) {
	t.Parallel()
	const tab = "/types/org.example.ReportRequest"
	o := openDetail(t)
	post := func(form url.Values) (*html.Node, int) {
		w := ask(o.h, "POST", o.path(tab), o.session, withForm(form.Encode()))
		return parse(t, w.Body.String()), w.Code
	}
	form := o.formOf(t, tab, "/types/")
	form.Set("value:/device", "d-1")
	form.Set("value:/speed", "88.5")
	doc, code := post(form)
	if code != 200 || len(o.shelf.tried) != 1 {
		t.Fatalf("%d, tried %+v", code, o.shelf.tried)
	}
	r := o.shelf.tried[0]
	if string(r.Payload) != `{"device":"d-1","speed":88.5}` || r.ID != o.e.ID || r.Type != "org.example.ReportRequest" || r.MediaType != "" ||
		r.Actor.Name != "admin" || r.Actor.Remote != "192.0.2.1" || !slices.Equal(r.Roles, []string{"administrator"}) || r.Timeout <= 0 {
		t.Errorf("the host was asked %+v, payload %s", r, r.Payload)
	}
	card := all(doc, "section", "answer")[0]
	for _, part := range []string{"200 OK", "3 ms", "r-1", "application/json"} {
		if !strings.Contains(strings.ReplaceAll(textOf(card), "\u202f", " "), part) {
			t.Errorf("the answer lacks %q: %s", part, textOf(card))
		}
	}
	if body := all(card, "pre", "body")[0]; body.FirstChild.Data != "{\n  \"accepted\": 1\n}" {
		t.Errorf("the body is %q", body.FirstChild.Data)
	}
	if kept := all(doc, "input", ""); !slices.ContainsFunc(kept, func(n *html.Node) bool { return attribute(n, "value") == "d-1" }) {
		t.Error("what was written is not there any more")
	}

	// The extension finds something wrong: it stands beside the field, and on top.
	o.shelf.try = func(host.TryRequest) (host.TryResult, error) {
		return host.TryResult{Status: 422, Code: "validation_failed", Message: "it breaks its schema", Errors: []sdk.Violation{{Pointer: "/speed", Message: "must be slower"}}}, nil
	}
	doc, _ = post(form)
	var field *html.Node
	for _, n := range all(doc, "input", "") {
		if attribute(n, "name") == "value:/speed" {
			field = n
		}
	}
	if field == nil || attribute(field, "aria-invalid") != "true" {
		t.Fatal("the field is not marked")
	}
	described := strings.Fields(attribute(field, "aria-describedby"))
	if !slices.ContainsFunc(all(doc, "p", "error"), func(n *html.Node) bool {
		return slices.Contains(described, attribute(n, "id")) && textOf(n) == "must be slower"
	}) {
		t.Error("nothing says so beside the field")
	}
	if summary := all(doc, "section", "errors"); len(summary) != 1 || len(links(summary[0], "#"+strings.ReplaceAll(attribute(field, "id"), "/", "%2f"))) != 1 {
		t.Errorf("no summary leads to the field %s: %q", attribute(field, "id"), links(doc, "#"))
	}
}

// TestDetailTryIsNotSent: what can not be sent is shown again, and nothing is sent.
func TestDetailTryIsNotSent(t *testing.T) {
	t.Parallel()
	const tab = "/types/org.example.ReportRequest"
	for _, c := range []struct {
		name   string
		change func(url.Values)
		code   int
		want   string // in the text of the page, or of a text area
	}{
		{"no number", func(f url.Values) { f.Set("value:/speed", "fast") }, 422, "Speed"},
		{"another entry", func(f url.Values) { f.Set("add:/tags", "1") }, 200, ""},
		{"JSON instead", func(f url.Values) { f.Set("value:/device", "d"); f.Set("as", "json") }, 200, `"device": "d"`},
		{"broken JSON", func(f url.Values) { f.Set("mode", "json"); f.Set("payload", "{\n \"a\": ,}") }, 422, "line 2, column 7"},
		{"the form instead", func(f url.Values) { f.Set("mode", "json"); f.Set("payload", `{"device":"x"}`); f.Set("as", "form") }, 200, ""},
		{"no proof", func(f url.Values) { f.Del("proof") }, 403, ""},
		{"too much", func(f url.Values) { f.Set("mode", "json"); f.Set("payload", strings.Repeat("x", 4<<20)) }, 413, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := openDetail(t)
			form := o.formOf(t, tab, "/types/")
			c.change(form)
			w := ask(o.h, "POST", o.path(tab), o.session, withForm(form.Encode()))
			if w.Code != c.code || len(o.shelf.tried) != 0 {
				t.Fatalf("%d, want %d; tried %+v", w.Code, c.code, o.shelf.tried)
			}
			if c.want == "" {
				return
			}
			doc := parse(t, w.Body.String())
			text := textOf(doc)
			for _, area := range all(doc, "textarea", "") {
				text += area.FirstChild.Data
			}
			if !strings.Contains(text, c.want) {
				t.Errorf("the page lacks %q", c.want)
			}
		})
	}
}

// TestDetailTryOpaque: text, or a file, of any media type; and a host that refuses.
func TestDetailTryOpaque(t *testing.T) {
	t.Parallel()
	const tab = "/types/org.example.RawRequest"
	o := openDetail(t)
	form := o.formOf(t, tab, "/types/")
	send := func(file string) int {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		for name := range form {
			if err := m.WriteField(name, form.Get(name)); err != nil {
				t.Fatal(err)
			}
		}
		part, err := m.CreateFormFile("file", "x.bin")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(file)); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		return ask(o.h, "POST", o.path(tab), o.session, withBody(m.FormDataContentType(), b.String())).Code
	}
	form.Set("payload", "hello")
	form.Set("media", "text/plain")
	if code := send(""); code != 200 || string(o.shelf.tried[0].Payload) != "hello" || o.shelf.tried[0].MediaType != "text/plain" {
		t.Errorf("text: %d %+v", code, o.shelf.tried)
	}
	if code := send("\x00\x01"); code != 200 || string(o.shelf.tried[1].Payload) != "\x00\x01" {
		t.Errorf("a file: %d %+v", code, o.shelf.tried)
	}
	o.shelf.try = func(host.TryRequest) (host.TryResult, error) {
		return host.TryResult{}, &host.Error{Code: host.CodeUnavailable, Message: "as many as allowed are being tried"}
	}
	w := ask(o.h, "POST", o.path(tab), o.session, withForm(form.Encode()))
	if w.Code != 422 || !strings.Contains(w.Body.String(), "as many as allowed") {
		t.Errorf("a refusal: %d", w.Code)
	}
	o.shelf.try = func(host.TryRequest) (host.TryResult, error) { return host.TryResult{}, errors.New("a secret cause") }
	if w := ask(o.h, "POST", o.path(tab), o.session, withForm(form.Encode()), withHeader("Accept", "text/html")); w.Code != 500 || strings.Contains(w.Body.String(), "secret cause") {
		t.Errorf("a fault of the host: %d %s", w.Code, w.Body)
	}
	for _, missing := range []string{"/types/org.nobody.Request", "/types/org.example.ReportResponse", "/types/org.example.ReportBaseRequest"} {
		if w := ask(o.h, "GET", o.path(missing), o.session); w.Code != 404 {
			t.Errorf("%s: %d", missing, w.Code)
		}
	}
}
