package admin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const (
	testID       = "a.B" // the extension of the table
	testPassword = "correct horse battery"
)

// caller is somebody who tries every route: with a token where programs are let in, with
// a session where people are.
type caller struct {
	name          string
	token, cookie string
	proof         string
	may           func(right access.Right, one bool) bool // one: of testID
}

// callers are one of each kind.
func callers(t *testing.T, h *tested) []caller {
	t.Helper()
	role := func(rights ...access.Right) func(access.Right, bool) bool {
		return func(right access.Right, _ bool) bool { return slices.Contains(rights, right) }
	}
	owner := func(right access.Right, one bool) bool {
		return right == access.See || one && slices.Contains([]access.Right{access.Operate, access.Configure, access.Remove}, right)
	}
	var list []caller
	for _, c := range []struct {
		name string
		role host.Role
		owns []string
		may  func(access.Right, bool) bool
	}{
		{"viewer", host.RoleViewer, nil, role(access.See)},
		{"operator", host.RoleOperator, nil, role(access.See, access.Operate)},
		{"root", host.RoleAdministrator, nil, role(access.See, access.Operate, access.Configure, access.Remove, access.Install, access.Administer)},
		{"owner", host.RoleViewer, []string{testID}, owner},
		{"stranger", host.RoleViewer, []string{"other.One"}, role(access.See)},
	} {
		_, err := h.cfg.Accounts.AddUser(t.Context(), host.NewUser{Name: c.name, Role: c.role, Owns: c.owns, Password: testPassword, Keep: true}, host.Actor{Name: "admin"})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, caller{name: c.name, token: tokenFor(t, h, host.NewToken{User: c.name, Role: c.role, Owner: c.owns != nil}), may: c.may})
		list[len(list)-1].signIn(t, h)
	}
	return list
}

func tokenFor(t *testing.T, h *tested, n host.NewToken) string {
	t.Helper()
	n.Label = "of a test"
	_, secret, err := h.cfg.Accounts.AddToken(t.Context(), n, host.Identity{Name: "admin", Role: host.RoleAdministrator}, "")
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// signIn gives c the cookie of a session, and what its forms carry.
func (c *caller) signIn(t *testing.T, h *tested) {
	t.Helper()
	w := ask(h.serve(), "POST", "/admin/sign-in", withForm(url.Values{"name": {c.name}, "password": {testPassword}}.Encode()))
	if w.Code != http.StatusSeeOther || len(w.Result().Cookies()) != 1 {
		t.Fatalf("%s is not let in: %d %s", c.name, w.Code, w.Body)
	}
	cookie := w.Result().Cookies()[0]
	c.cookie = cookie.Name + "=" + cookie.Value
	r := httptest.NewRequest("GET", "/admin/", nil)
	r.Header.Set("Cookie", c.cookie)
	c.proof = h.site.Access.Session(r).Proof
}

func (c *caller) withToken(r *http.Request) {
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
}

func (c *caller) withSession(r *http.Request) { r.Header.Set("Cookie", c.cookie) }

// passed is what a route answers that was reached.
const passed = http.StatusTeapot

// guarded is the table of the real routes, each of which only says that it was reached.
func guarded(h *tested) (http.Handler, []web.Route) {
	routes := h.routes()
	for i := range routes {
		routes[i].Serve = func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(passed); return nil }
	}
	return h.site.Handler(routes), routes
}

// pathOf is a path that route answers.
func pathOf(route web.Route) string {
	if route.Path == "/" { // stands for what nothing else does
		return "/nothing"
	}
	return strings.NewReplacer("{id}", testID, "{name}", "viewer", "{token}", "t1", "{verb}", "enable", "{$}", "", "{key}", "k1", "{file...}", "index.html", "{job}", "j1", "{plan}", "7", "{type}", "a.Request").Replace(route.Path)
}

func methodOf(route web.Route) string {
	if route.Method == "" {
		return http.MethodGet
	}
	return route.Method
}

// Every route of the table, with nobody and with each kind of user: who has the right
// that it names gets to it, and nobody else.
func TestEveryRouteOfTheTable(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	cfg.MetricsOpen = false
	h := mustNew(t, cfg)
	all := callers(t, h)
	handler, routes := guarded(h)
	for i, route := range routes {
		method, path := methodOf(route), pathOf(route)
		if strings.Contains(path, "{") {
			t.Errorf("%s: say in pathOf what stands for the names in it", route.Path)
		}
		if route.Right == access.Open {
			continue
		}
		for what, change := range map[string]func(*http.Request){
			"nobody": func(*http.Request) {}, "a wrong token": withHeader("Authorization", "Bearer jfk_wrong"),
			"a wrong session": withHeader("Cookie", strings.Split(all[0].cookie, "=")[0]+"=wrong"),
		} {
			want := http.StatusUnauthorized
			if route.Page {
				want = http.StatusSeeOther
			}
			elsewhere := func(r *http.Request) { r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", 1+i) } // many wrong tokens from one address are 429
			if w := ask(handler, method, path, change, elsewhere); w.Code != want {
				t.Errorf("%s %s by %s: %d, want %d", method, path, what, w.Code, want)
			}
		}
		for _, c := range all {
			want := http.StatusForbidden
			if c.may(route.Right, strings.Contains(route.Path, "{id}")) {
				want = passed
			}
			if got := c.try(handler, route); got != want {
				t.Errorf("%s %s (%s) by %s: %d, want %d", method, path, route.Right, c.name, got, want)
			}
			if !route.Page { // the cookie opens pages only
				if w := ask(handler, method, path, c.withSession); w.Code != http.StatusUnauthorized {
					t.Errorf("%s %s by the session of %s: %d, want 401", method, path, c.name, w.Code)
				}
			}
		}
	}
}

// try asks for route as those ask whom it is for.
func (c *caller) try(handler http.Handler, route web.Route) int {
	method, path := methodOf(route), pathOf(route)
	if !route.Page {
		return ask(handler, method, path, c.withToken).Code
	}
	return ask(handler, method, path, c.withSession, withForm("proof="+c.proof)).Code
}

// A form that does not come from a page of the session does nothing.
func TestFormsCarryTheProofOfTheirSession(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running()))
	all := callers(t, h)
	root := all[slices.IndexFunc(all, func(c caller) bool { return c.name == "root" })]
	handler, routes := guarded(h)
	tried := 0
	for _, route := range routes {
		if !route.Page || route.Method != http.MethodPost || route.Right == access.Open || route.OwnProof {
			continue
		}
		tried++
		for what, form := range map[string]string{"none": "", "that of another session": "proof=" + all[0].proof, "empty": "proof="} {
			if w := ask(handler, "POST", pathOf(route), root.withSession, withForm(form)); w.Code != http.StatusForbidden {
				t.Errorf("%s with the proof %s: %d, want 403", route.Path, what, w.Code)
			}
		}
		if w := ask(handler, "POST", pathOf(route), root.withSession, withForm("proof="+root.proof)); w.Code != passed {
			t.Errorf("%s with the right proof: %d", route.Path, w.Code)
		}
		if w := ask(handler, "POST", pathOf(route), root.withToken, withForm("proof="+root.proof)); w.Code != http.StatusSeeOther {
			t.Errorf("%s by a program: %d, want 303", route.Path, w.Code)
		}
	}
	if tried == 0 {
		t.Error("no page has a form")
	}
}

// A token for some extensions opens these, and what keeps to them by itself.
func TestTokenForSomeExtensions(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running(), crashed()))
	c := caller{name: "ci", token: tokenFor(t, h, host.NewToken{User: "admin", Role: host.RoleAdministrator, Extensions: []string{testID}})}
	other := caller{name: "other", token: tokenFor(t, h, host.NewToken{User: "admin", Role: host.RoleAdministrator, Extensions: []string{"other.One"}})}
	handler, routes := guarded(h)
	for _, route := range routes {
		if route.Right == access.Open || route.Page && route.Method == http.MethodPost {
			continue
		}
		one := strings.Contains(route.Path, "{id}")
		for _, try := range []struct {
			by   caller
			pass bool
		}{{c, one || route.Scoped}, {other, !one && route.Scoped}} {
			want := http.StatusForbidden
			if try.pass {
				want = passed
			}
			if w := ask(handler, methodOf(route), pathOf(route), try.by.withToken); w.Code != want {
				t.Errorf("%s %s by %s: %d, want %d", route.Method, route.Path, try.by.name, w.Code, want)
			}
		}
	}
	seen := caller{token: tokenFor(t, h, host.NewToken{User: "admin", Role: host.RoleViewer, Extensions: []string{crashed().ID}})}
	w := ask(h.serve(), "GET", "/api/v1/extensions", seen.withToken)
	if w.Code != 200 || !strings.Contains(w.Body.String(), crashed().ID) || strings.Contains(w.Body.String(), running().ID) {
		t.Errorf("the list: %d %s", w.Code, w.Body)
	}
}

// Whose password somebody else has set gets to the form that changes it, and nowhere else.
func TestPasswordMustBeChanged(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running()))
	_, err := h.cfg.Accounts.AddUser(t.Context(), host.NewUser{Name: "new", Role: host.RoleAdministrator, Password: testPassword}, host.Actor{Name: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	c := caller{name: "new"}
	c.signIn(t, h)
	handler, routes := guarded(h)
	for _, route := range routes {
		if !route.Page || route.Right == access.Open {
			continue
		}
		w := ask(handler, methodOf(route), pathOf(route), c.withSession, withForm("proof="+c.proof))
		if route.Early && w.Code != passed || !route.Early && (w.Code != http.StatusSeeOther || w.Header().Get("Location") != web.PasswordPage) {
			t.Errorf("%s %s: %d %s", route.Method, route.Path, w.Code, w.Header().Get("Location"))
		}
	}

	// The form, and what it comes to.
	real := h.serve()
	page := ask(real, "GET", web.PasswordPage, c.withSession)
	if page.Code != 200 || !strings.Contains(textOf(parse(t, page.Body.String())), "only you know") {
		t.Fatalf("the form: %d %s", page.Code, page.Body)
	}
	form := func(old, password, again string) *httptest.ResponseRecorder {
		return ask(real, "POST", web.PasswordPage, c.withSession, withForm(url.Values{
			"proof": {c.proof}, "old": {old}, "password": {password}, "again": {again},
		}.Encode()))
	}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"the old one wrong": form("wrong", "a new long password", "a new long password"),
		"the new ones":      form(testPassword, "a new long password", "another long one"),
		"too short":         form(testPassword, "short", "short"),
		"the old one again": form(testPassword, testPassword, testPassword),
	} {
		if w.Code < 400 || w.Code >= 500 || one(t, parse(t, w.Body.String()), "div", "bad") == "" || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	done := form(testPassword, "a new long password", "a new long password")
	i := slices.IndexFunc(done.Result().Cookies(), func(k *http.Cookie) bool { return strings.HasPrefix(k.Name, "jackfield_session_") })
	if done.Code != http.StatusSeeOther || i < 0 {
		t.Fatalf("the right way: %d %s", done.Code, done.Body)
	}
	if w := ask(real, "GET", "/admin/", c.withSession); w.Code != http.StatusSeeOther {
		t.Errorf("the old session is still good: %d", w.Code)
	}
	if w := ask(real, "GET", "/admin/", withHeader("Cookie", done.Result().Cookies()[i].String())); w.Code != 200 {
		t.Errorf("the new one: %d %s", w.Code, w.Header().Get("Location"))
	}
}

func TestSignInByName(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running()))
	callers(t, h)
	handler := h.serve()
	var texts []string
	for what, form := range map[string]url.Values{
		"a wrong password":    {"name": {"viewer"}, "password": {"wrong"}},
		"a name nobody has":   {"name": {"nobody"}, "password": {testPassword}},
		"nothing":             {},
		"the token as a name": {"name": {"admin"}, "password": {testToken}},
	} {
		w := ask(handler, "POST", "/admin/sign-in", withForm(form.Encode()))
		if w.Code != http.StatusForbidden || len(w.Result().Cookies()) != 0 || strings.Contains(w.Body.String(), testToken) {
			t.Errorf("%s: %d", what, w.Code)
		}
		texts = append(texts, one(t, parse(t, w.Body.String()), "div", "bad"))
	}
	if slices.Sort(texts); len(slices.Compact(texts)) != 1 {
		t.Errorf("they tell what was wrong: %q", texts)
	}

	// Where one wanted to go is where one comes, as long as it is here.
	for next, want := range map[string]string{
		"/admin/nothing?x=1": "/admin/nothing?x=1", "": "/admin/", "//evil.example/admin/": "/admin/", "https://evil.example/admin/": "/admin/",
		`/\evil.example`: "/admin/", "/admin/sign-out": "/admin/", "/api/v1/extensions": "/admin/", "/admin/%0d%0ax": "/admin/%0d%0ax",
		"javascript:alert(1)": "/admin/", "/admin/../api/": "/admin/",
	} {
		w := ask(handler, "POST", "/admin/sign-in", withForm(url.Values{"name": {"viewer"}, "password": {testPassword}, "next": {next}}.Encode()))
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != want {
			t.Errorf("next=%s: %d %q, want %q", next, w.Code, got, want)
		}
	}
	if got := ask(handler, "GET", "/admin/nothing?x=1").Header().Get("Location"); got != "/admin/sign-in?next=%2Fadmin%2Fnothing%3Fx%3D1" {
		t.Errorf("a stranger is led to %s", got)
	}
}

// Names other than those of the machine, and those in admin.hosts, are not answered.
func TestHosts(t *testing.T) {
	t.Parallel()
	const loopback, far = "127.0.0.1:8081", "192.0.2.1:8081"
	public, err := url.Parse("https://Page.example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		address string
		hosts   []string
		url     *url.URL
		host    string
		want    int
	}{
		{loopback, nil, nil, "localhost:8081", 200},
		{loopback, nil, nil, "admin.example.org", 421},
		{loopback, nil, nil, "192.0.2.1", 421},
		{loopback, []string{"admin.example.org"}, nil, "Admin.Example.org.:443", 200},
		{loopback, []string{"admin.example.org"}, nil, "evil.example", 421},
		{loopback, nil, public, "page.example.org", 200},
		{far, nil, nil, "anything.example", 200},
		{far, []string{"admin.example.org"}, nil, "admin.example.org:8081", 200},
		{far, []string{"admin.example.org"}, nil, "192.0.2.1:8081", 200},
		{far, []string{"admin.example.org"}, nil, "[2001:db8::1]:8081", 200},
		{far, []string{"admin.example.org"}, nil, "evil.example", 421},
		{far, []string{"admin.example.org"}, nil, "admin.example.org.evil.example", 421},
	} {
		cfg := testConfig()
		cfg.Address, cfg.Hosts, cfg.URL = c.address, c.hosts, c.url
		w := ask(mustNew(t, cfg).serve(), "GET", "/metrics", withHeader("Host", c.host))
		if w.Code != c.want {
			t.Errorf("%s with %q asked as %s: %d, want %d", c.address, c.hosts, c.host, w.Code, c.want)
		}
	}
}

// Behind a proxy with TLS the cookie goes over TLS only.
func TestCookieBehindAProxy(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.URL = &url.URL{Scheme: "https", Host: "page.example.org"}
	w := ask(mustNew(t, cfg).serve(), "POST", "/admin/sign-in", withForm("token="+testToken))
	if cookie := w.Result().Cookies()[0]; !cookie.Secure {
		t.Errorf("%v", cookie)
	}
}

// A page that fetches what is new does not keep the session of somebody who has left.
func TestPagesDoNotKeepSessionsAlive(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		dest string
		want int
	}{"a person": {"document", 200}, "a script of the page": {"empty", http.StatusSeeOther}, "an old browser": {"", 200}} {
		cfg, now := testConfig(running()), time.Now()
		cfg.Accounts = accountsOf(t, func() time.Time { return now })
		h := mustNew(t, cfg).serve()
		cookie := ask(h, "POST", "/admin/sign-in", withForm("token="+testToken)).Result().Cookies()[0]
		look := func() int {
			return ask(h, "GET", "/admin/", withHeader("Sec-Fetch-Dest", c.dest), func(r *http.Request) { r.AddCookie(cookie) }).Code
		}
		now = now.Add(host.SessionIdle - time.Minute)
		if code := look(); code != 200 {
			t.Errorf("%s: %d", what, code)
		}
		now = now.Add(2 * time.Minute)
		if code := look(); code != c.want {
			t.Errorf("%s, after the session would have ended: %d, want %d", what, code, c.want)
		}
	}
}
