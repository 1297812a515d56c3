package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	accounts := accountsOf(t, nil)
	closed := testConfig(running())
	closed.MetricsOpen = false
	far := testConfig(running())
	far.Address = "192.0.2.1:8081"
	for _, c := range []struct {
		name, method, path string
		cfg                Config
		change             []func(*http.Request)
		want               int
	}{
		{name: "API with token", path: "/api/v1/extensions", change: []func(*http.Request){withToken}, want: 200},
		{name: "API without token", path: "/api/v1/extensions", want: 401},
		{name: "API with a wrong token", path: "/api/v1/extensions", change: []func(*http.Request){withHeader("Authorization", "Bearer nonsense")}, want: 401},
		{name: "API with Basic", path: "/api/v1/extensions", change: []func(*http.Request){withHeader("Authorization", "Basic "+testToken)}, want: 401},
		{name: "API scheme in lower case", path: "/api/v1/extensions", change: []func(*http.Request){withHeader("Authorization", "bearer "+testToken)}, want: 200},
		{name: "one extension", path: "/api/v1/extensions/" + running().ID, change: []func(*http.Request){withToken}, want: 200},
		{name: "no such extension", path: "/api/v1/extensions/nobody", change: []func(*http.Request){withToken}, want: 404},
		{name: "no such route", path: "/api/v1/nothing", change: []func(*http.Request){withToken}, want: 404},
		{name: "an unknown route says nothing to strangers", path: "/api/v1/nothing", want: 401},
		{name: "profile with token", path: "/debug/pprof/goroutine?debug=1", change: []func(*http.Request){withToken}, want: 200},
		{name: "profile without token", path: "/debug/pprof/heap", want: 401},
		{name: "an unknown route by any method", method: http.MethodPost, path: "/api/v1/nothing", change: []func(*http.Request){withToken}, want: 404},
		{name: "page of a stranger", path: "/admin/", want: 303},
		{name: "page for a program", path: "/admin/", change: []func(*http.Request){withToken}, want: 200},
		{name: "missing page", path: "/admin/nothing", change: []func(*http.Request){withToken}, want: 404},
		{name: "root", path: "/", want: 303},
		{name: "without slash", path: "/admin", want: 303},
		{name: "style", path: "/admin/static/page.css", want: 200},
		{name: "no folder listing", path: "/admin/static/", want: 404},
		{name: "no way out of static", path: "/admin/static/..%2Ftemplates%2Fframe.html", want: 404},
		{name: "favicon", path: "/favicon.ico", want: 204},
		{name: "open metrics", path: "/metrics", want: 200},
		{name: "closed metrics", path: "/metrics", cfg: closed, want: 401},
		{name: "closed metrics with token", path: "/metrics", cfg: closed, change: []func(*http.Request){withToken}, want: 200},
		{name: "rebound name", path: "/admin/", change: []func(*http.Request){withHeader("Host", "evil.example:8081")}, want: 421},
		{name: "rebound name reads no metrics", path: "/metrics", change: []func(*http.Request){withHeader("Host", "evil.example")}, want: 421},
		{name: "a name that looks like an address", path: "/metrics", change: []func(*http.Request){withHeader("Host", "127.0.0.1.evil.example")}, want: 421},
		{name: "localhost", path: "/metrics", change: []func(*http.Request){withHeader("Host", "LOCALHOST.:8081")}, want: 200},
		{name: "IPv6", path: "/metrics", change: []func(*http.Request){withHeader("Host", "[::1]:8081")}, want: 200},
		{name: "no Host check on other listeners", path: "/metrics", cfg: far, change: []func(*http.Request){withHeader("Host", "jackfield.example")}, want: 200},
		{name: "cross-site form", method: http.MethodPost, path: "/admin/sign-in", change: []func(*http.Request){withForm("token=" + testToken), withHeader("Sec-Fetch-Site", "cross-site")}, want: 403},
		{name: "foreign origin", method: http.MethodPost, path: "/admin/sign-out", change: []func(*http.Request){withHeader("Origin", "http://evil.example")}, want: 403},
		{name: "sign-in with too much", method: http.MethodPost, path: "/admin/sign-in", change: []func(*http.Request){withForm("token=" + strings.Repeat("x", 64<<10))}, want: 400},
		{name: "sign-out by link", path: "/admin/sign-out", want: 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.cfg.Host == nil {
				c.cfg = testConfig(running())
			}
			c.cfg.Accounts = accounts
			if c.method == "" {
				c.method = http.MethodGet
			}
			w := ask(mustNew(t, c.cfg).serve(), c.method, c.path, c.change...)
			if w.Code != c.want {
				t.Errorf("status %d, want %d: %s", w.Code, c.want, w.Body)
			}
			checkHeaders(t, w)
			if w.Code == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
				t.Error("401 without WWW-Authenticate")
			}
			if w.Code >= 400 {
				checkProblem(t, w)
			}
		})
	}
}

func checkHeaders(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	csp := w.Header().Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("Content-Security-Policy %q lacks %s", csp, part)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") == "" {
		t.Errorf("headers %v", w.Header())
	}
}

func checkProblem(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var p web.Problem
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type %q", got)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Code == "" || p.Detail == "" {
		t.Errorf("problem %+v, error %v", p, err)
	}
}

func TestListShape(t *testing.T) {
	t.Parallel()
	odd := host.Extension{ID: "so % what? #1.jar", State: "failed", Reason: &host.Reason{Code: "not_zip", Stage: "verify"}, Signature: host.Signature{State: "unsigned"}}
	h := mustNew(t, testConfig(running(), odd)).serve()
	var list struct{ Extensions []map[string]any }
	w := ask(h, "GET", "/api/v1/extensions", withToken)
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Extensions) != 2 {
		t.Fatalf("%s, error %v", w.Body, err)
	}
	first := list.Extensions[0]
	for _, name := range []string{"permissions", "versions", "sandbox"} {
		if _, ok := first[name].([]any); !ok {
			t.Errorf("%s is %v, want a list", name, first[name])
		}
	}
	if _, has := first["claims"]; has || first["reason"] != nil || first["candidate"] != nil {
		t.Errorf("row %v", first)
	}
	if stderr, ok := list.Extensions[1]["reason"].(map[string]any)["stderr"].([]any); !ok || len(stderr) != 0 {
		t.Error("stderr of a reason is not an empty list")
	}
	if w := ask(h, "GET", "/api/v1/extensions/so%20%25%20what%3F%20%231.jar", withToken); w.Code != 200 {
		t.Errorf("an id that needs escaping: %d %s", w.Code, w.Body)
	}
	empty := ask(mustNew(t, testConfig()).serve(), "GET", "/api/v1/extensions", withToken)
	if got := strings.TrimSpace(empty.Body.String()); got != `{"extensions":[]}` {
		t.Errorf("no extensions: %s", got)
	}
}

// TestRequestListenerIsTold to those with the token.
func TestRequestListenerIsTold(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.RequestAddress = "127.0.0.1:8080"
	cfg.MetricsOpen = true
	h := mustNew(t, cfg).serve()
	for _, c := range []struct {
		name, path, want string
		change           []func(*http.Request)
	}{
		{"with token", "/api/v1/extensions", "127.0.0.1:8080", []func(*http.Request){withToken}},
		{"without token", "/api/v1/extensions", "", nil},
		{"metrics for everybody", "/metrics", "", nil},
	} {
		if got := ask(h, "GET", c.path, c.change...).Header().Get("Request-Listener"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// hostile is one string that tries everything at once.
const hostile = "</td></bdi><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{.}}\u202egpj.exe\u2066\u200b\x1b[2J\xff&lt;"

func TestHostileStrings(t *testing.T) {
	t.Parallel()
	reason := &host.Reason{Code: hostile, Stage: hostile, Message: hostile, Signal: hostile, Stderr: []string{hostile, hostile}}
	e := host.Extension{
		ID: hostile, Name: hostile, Class: hostile, Request: hostile, Response: hostile, Version: hostile,
		State: "failed", Claims: hostile, Digest: hostile, File: hostile, Permissions: []string{hostile},
		Signature: host.Signature{State: hostile, Signer: hostile}, Reason: reason,
		Candidate: &host.Candidate{Version: hostile, State: "starting", Reason: reason},
		Grants:    []host.Grant{{Permission: hostile, By: hostile}, {Permission: hostile, By: hostile, Unused: true}},
		Denied:    []host.Grant{{Permission: hostile, By: hostile}},
		Consent:   &host.Consent{Version: hostile, Digest: "sha256:" + hostile, File: hostile, Needs: []host.Need{{Kind: hostile, What: hostile}}},
	}
	exited := running()
	exited.LastExit = &host.Exit{Signal: hostile, Stderr: []string{hostile}}
	h := mustNew(t, testConfig(e, exited)).serve()
	for _, path := range []string{"/admin/", "/admin/?q=%3Cscript%3E", "/admin/extensions/" + url.PathEscape(hostile) + "/remove", "/admin/extensions/" + url.PathEscape(hostile) + "/disable", "/admin/%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE"} {
		body := ask(h, "GET", path, withToken, withHeader("Accept", "text/html")).Body.String()
		checkHarmless(t, parse(t, body))
		if i := strings.IndexFunc(body, unseen); i >= 0 || !utf8.ValidString(body) {
			t.Errorf("%s: an invisible character reaches the page: %q", path, body[max(i-20, 0):])
		}
	}
	doc := parse(t, ask(h, "GET", "/admin/", withToken).Body.String())
	name := textOf(all(all(doc, "article", "entry")[0], "h3", "")[0])
	for _, part := range []string{"<script>alert(1)</script>", `\u202egpj.exe\u2066\u200b\x1b[2J\xff`, "{{.}}", "&lt;"} {
		if !strings.Contains(name, part) {
			t.Errorf("the name does not show %q: %q", part, name)
		}
	}
}

// unseen are the characters that nobody can see; French keeps words together with the
// last two.
func unseen(r rune) bool { return !strings.ContainsRune("\n\t\u00a0\u202f", r) && !unicode.IsPrint(r) }

// checkHarmless fails when anything in doc runs or loads what is not ours.
func checkHarmless(t *testing.T, doc *html.Node) {
	t.Helper()
	for _, n := range all(doc, "", "") {
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
			if (a.Key == "src" || a.Key == "href" || a.Key == "action") && !strings.HasPrefix(a.Val, "/admin/") && a.Val != "#content" {
				t.Errorf("<%s %s=%q> leaves the page", n.Data, a.Key, a.Val)
			}
		}
		if n.Data == "style" || n.Data == "script" && textOf(n) != "" {
			t.Errorf("inline <%s>: %s", n.Data, textOf(n))
		}
	}
}

func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	e := running()
	e.State, e.Reason = "failed", &host.Reason{Code: "crashed", Message: strings.Repeat("x", 1<<20), Stderr: []string{strings.Repeat("y", 1<<20)}}
	w := ask(mustNew(t, testConfig(e)).serve(), "GET", "/admin/", withToken)
	if w.Body.Len() > 20<<10 {
		t.Errorf("the page has %d bytes", w.Body.Len())
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	cfg, now := testConfig(running()), time.Now()
	cfg.Accounts = accountsOf(t, func() time.Time { return now })
	handler := mustNew(t, cfg).serve()

	w := ask(handler, "GET", "/admin/sign-in")
	form := parse(t, w.Body.String())
	if w.Code != 200 || !strings.Contains(textOf(form), "/srv/jmap/conf/admin.token") || strings.Contains(w.Body.String(), testToken) {
		t.Fatalf("the form: %d %s", w.Code, w.Body)
	}
	w = ask(handler, "POST", "/admin/sign-in", withForm("token=wrong"))
	if w.Code != 403 || one(t, all(parse(t, w.Body.String()), "section", "sign-in")[0], "div", "bad") == "" || len(w.Result().Cookies()) != 0 {
		t.Fatalf("a wrong token: %d %s", w.Code, w.Body)
	}
	w = ask(handler, "POST", "/admin/sign-in", withForm("token=+"+testToken+"%0A"))
	if w.Code != 303 || w.Header().Get("Location") != "/admin/" || len(w.Result().Cookies()) != 1 {
		t.Fatalf("the right token: %d %v", w.Code, w.Header())
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/admin/" || strings.Contains(cookie.Value, testToken) {
		t.Errorf("cookie %v", cookie)
	}
	signedIn := func(r *http.Request) { r.AddCookie(cookie) }
	if w := ask(handler, "GET", "/admin/", signedIn); w.Code != 200 {
		t.Fatalf("the page with a session: %d", w.Code)
	}
	if w := ask(handler, "GET", "/api/v1/extensions", signedIn); w.Code != 401 {
		t.Errorf("the API with a cookie: %d, want 401", w.Code)
	}
	now = now.Add(12 * time.Hour)
	if w := ask(handler, "GET", "/admin/", signedIn); w.Code != 303 {
		t.Errorf("an old session: %d, want 303", w.Code)
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	handler := mustNew(t, testConfig(running())).serve()
	cookie := ask(handler, "POST", "/admin/sign-in", withForm("token="+testToken)).Result().Cookies()[0]
	signedIn := func(r *http.Request) { r.AddCookie(cookie) }
	if w := ask(handler, "POST", "/admin/sign-out", signedIn); w.Code != 303 || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("signing out: %d %v", w.Code, w.Header())
	}
	if w := ask(handler, "GET", "/admin/", signedIn); w.Code != 303 {
		t.Errorf("after signing out: %d, want 303", w.Code)
	}
}

func TestSignInIsRateLimited(t *testing.T) {
	t.Parallel()
	cfg, now := testConfig(), time.Now()
	cfg.Accounts = accountsOf(t, func() time.Time { return now })
	handler := mustNew(t, cfg).serve()
	for range 10 {
		if w := ask(handler, "POST", "/admin/sign-in", withForm("token=wrong")); w.Code != 403 {
			t.Fatalf("status %d, want 403", w.Code)
		}
	}
	right := withForm("token=" + testToken)
	if w := ask(handler, "POST", "/admin/sign-in", right); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("after %d wrong tokens: %d, want 429", 10, w.Code)
	}
	elsewhere := func(r *http.Request) { r.RemoteAddr = "192.0.2.7:1234" }
	if w := ask(handler, "POST", "/admin/sign-in", right, elsewhere); w.Code != 303 {
		t.Errorf("from another address: %d, want 303", w.Code)
	}
	now = now.Add(time.Minute)
	if w := ask(handler, "POST", "/admin/sign-in", withForm("token="+testToken)); w.Code != 303 {
		t.Errorf("a minute later: %d, want 303", w.Code)
	}
}

func TestFarSignInPageKeepsPaths(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.Address = "192.0.2.1:8081"
	w := ask(mustNew(t, cfg).serve(), "GET", "/admin/sign-in")
	if strings.Contains(w.Body.String(), "/srv/jmap") {
		t.Error("the sign-in page tells strangers about folders")
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Config){
		"no address":  func(c *Config) { c.Address = "" },
		"no host":     func(c *Config) { c.Host = nil },
		"no log":      func(c *Config) { c.Log = nil },
		"no limit":    func(c *Config) { c.MaxUpload = 0 },
		"no accounts": func(c *Config) { c.Accounts = nil },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Accounts = accountsOf(t, nil)
			spoil(&cfg)
			if _, err := New(cfg); err == nil {
				t.Error("New accepts it")
			}
		})
	}
}
