package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFacts(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	cfg.RequestAddress = "127.0.0.1:8080"
	h := mustNew(t, cfg).serve()
	one := "/api/v1/extensions/" + running().ID
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{one + "/types", 200, `{"types":[{"type":"` + running().Request + `","role":"request","response":"` + running().Response + `","schema":null,"handled":true,"state":"running"}]}`},
		{one + "/types?verbose=true", 400, `there is no parameter`},
		{"/api/v1/extensions/nobody/types", 404, "not_found"},
		{one + "/dependencies", 200, `"needs":[{"id":"org.base","name":"","version":"","state":"running","constraint":"\u003e=3","optional":false,"met":true}],"needed_by":[]`},
		{"/api/v1/extensions/nobody/dependencies", 404, "not_found"},
		{one + "/icon", 200, "a picture"},
		{"/api/v1/extensions/nobody/icon", 404, "not_found"},
		{"/api/v1/about", 200, `"addresses":{"requests":"127.0.0.1:8080","admin":"127.0.0.1:8081"}`},
		{"/api/v1/about?x", 400, "there is no parameter"},
		{"/api/v1/settings", 200, `{"settings":[{"key":"listen","value":"127.0.0.1:8080","default":"127.0.0.1:8080","source":"default","doc":"","allowed":""}]}`},
	} {
		w := ask(h, "GET", c.path, withToken)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
		if w := ask(h, "GET", c.path); w.Code != http.StatusUnauthorized {
			t.Errorf("%s answers a stranger with %d", c.path, w.Code)
		}
	}
	icon := ask(h, "GET", one+"/icon", withToken)
	if head := icon.Header(); head.Get("Content-Type") != "image/png" || head.Get("ETag") != `"1"` || !strings.Contains(head.Get("Cache-Control"), "private") {
		t.Errorf("an icon comes with %v", head)
	}
	if w := ask(h, "GET", one+"/icon", withToken, withHeader("If-None-Match", `"1"`)); w.Code != http.StatusNotModified {
		t.Errorf("an icon that is known is sent again: %d", w.Code)
	}
}

// The page around a frame keeps it here, and gives it a key that differs each time.
func TestPageAroundOwnPages(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.Host = newPaged(map[string]string{"index.html": "<p>"})
	h := mustNew(t, cfg).serve()
	path := "/admin/extensions/" + running().ID + "/ui"
	source := func(w *httptest.ResponseRecorder) string {
		t.Helper()
		frames := all(parse(t, w.Body.String()), "iframe", "")
		if w.Code != 200 || len(frames) != 1 {
			t.Fatalf("%d with %d frames", w.Code, len(frames))
		}
		if attribute(frames[0], "sandbox") != "allow-scripts allow-forms" || attribute(frames[0], "src") != "" || attribute(frames[0], "title") == "" {
			t.Errorf("the frame is %v", frames[0].Attr)
		}
		return attribute(frames[0], "data-src")
	}
	first := ask(h, "GET", path, withToken)
	if csp := first.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "; frame-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("policy %s", csp)
	}
	second := ask(h, "GET", path, withToken)
	if source(first) == source(second) {
		t.Error("two frames have one key")
	}
	if w := ask(h, "GET", source(first)); w.Code != 200 || w.Body.String() != "<p>" {
		t.Errorf("without a session the frame gets %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", path); w.Code != http.StatusSeeOther {
		t.Errorf("a stranger gets the page around: %d", w.Code)
	}
	if w := ask(mustNew(t, testConfig(running())).serve(), "GET", path, withToken); w.Code != http.StatusNotFound {
		t.Errorf("an extension without pages: %d", w.Code)
	}
	// A program does not do what the page around does for a person.
	for _, route := range []string{"/config", "/call"} {
		if w := ask(h, "POST", path+route, withToken, withForm("type="+running().Request)); w.Code < 300 {
			t.Errorf("POST %s with a token: %d", route, w.Code)
		}
	}
}
