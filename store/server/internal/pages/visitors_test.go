package pages

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestOpen: a reader's host is remembered for these pages alone, and only at the word of
// the reader.
func TestOpen(t *testing.T) {
	p := pagesOf(t, stocked())
	post := func(form string, more ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/open/org.acme.Weather?version=2.12.0", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(more); i += 2 {
			r.Header.Set(more[i], more[i+1])
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
	for given, want := range map[string]string{
		"https://Host.example:8443/admin/": "https://host.example:8443", "host.example": "https://host.example", "http://localhost:9200": "http://localhost:9200", "http://[::1]:9200/": "http://[::1]:9200",
		"http://host.example": "", "javascript:alert(1)": "", "https://a@b.example": "", "": "", "https://": "", "https://a b": "", "https://x\"><script>": "", "ftp://host.example": "", "https://" + strings.Repeat("a", 400): "",
	} {
		w := post(url.Values{"host": {given}}.Encode())
		cookie := w.Header().Get("Set-Cookie")
		if want == "" {
			if w.Code != http.StatusUnprocessableEntity || cookie != "" {
				t.Errorf("%q: status %d, %q", given, w.Code, cookie)
			}
			harmless(t, parsed(t, w), w.Body.String())
			continue
		}
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/open/org.acme.Weather?version=2.12.0" || !strings.HasPrefix(cookie, hostCookie+"="+want+";") ||
			!strings.HasSuffix(cookie, "; HttpOnly; Secure; SameSite=Strict") || !strings.Contains(cookie, "; Path=/open/;") {
			t.Errorf("%q: status %d to %q, %q", given, w.Code, w.Header().Get("Location"), cookie)
		}
	}
	if w := post("host=https://evil.example", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("from another site: status %d", w.Code)
	}
	w := get(p, "/open/org.acme.Weather?version=2.12.0", "Cookie", hostCookie+"=https://host.example:8443")
	want := "https://host.example:8443/admin/install?id=org.acme.Weather&store=https%3A%2F%2Fstore.acme.example%2F&version=2.12.0"
	found := false
	for _, a := range find(parsed(t, w), "a") {
		found = found || attribute(a, "href") == want
	}
	if !found || w.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("the host is not led to: %s %s", w.Header(), textOf(parsed(t, w)))
	}
	if w := get(p, "/open/org.acme.Weather", "Cookie", hostCookie+"=javascript:alert(1)"); strings.Contains(w.Body.String(), "alert") {
		t.Error("a cookie is believed")
	}
	if w := post("forget=1"); !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("forgotten: %s", w.Header())
	}
}

// TestSubmissions: a token opens the submissions of its organization, an administrator's
// those of all.
func TestSubmissions(t *testing.T) {
	p := pagesOf(t, stocked())
	as := func(token, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.SetBasicAuth("anybody", token)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
	if w := get(p, "/submissions/mine"); w.Code != 401 || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("a stranger: %d %s", w.Code, w.Header())
	}
	if w := as("wrong", "/submissions/60"); w.Code != 401 || strings.Contains(w.Body.String(), "weather-60") {
		t.Errorf("a wrong token: %d", w.Code)
	}
	mine, all := as("of-acme", "/submissions/mine"), as("of-admin", "/submissions/mine")
	if strings.Contains(mine.Body.String(), "other.example") || !strings.Contains(all.Body.String(), "other.example") || mine.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("whose submissions are shown: %s", mine.Header())
	}
	if w := as("of-acme", "/submissions/57"); w.Code != 404 {
		t.Errorf("a submission of others: %d", w.Code)
	}
	w := as("of-admin", "/submissions/59")
	harmless(t, parsed(t, w), w.Body.String())
	if text := textOf(parsed(t, w)); !strings.Contains(text, "has no colon") || !strings.Contains(text, "Entry META-INF/MANIFEST.MF , line 3") {
		t.Errorf("its problems are not shown: %s", text)
	}
	harmless(t, parsed(t, all), all.Body.String())
	older := 0
	for _, a := range find(parsed(t, all), "a") {
		if strings.Contains(attribute(a, "href"), "before=36") {
			older++
		}
	}
	if older != 1 {
		t.Error("there is no way to the older ones")
	}
}
