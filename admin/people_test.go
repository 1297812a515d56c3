package admin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/host"
)

// field returns the value of a field of the page.
func fieldOf(t *testing.T, doc *html.Node, name string) string {
	t.Helper()
	for _, i := range all(doc, "input", "") {
		if attribute(i, "name") == name {
			return attribute(i, "value")
		}
	}
	t.Fatalf("the page has no field %s", name)
	return ""
}

func TestUsersOnThePage(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running(), crashed())
	root := signedIn(t, cfg, "root", host.RoleAdministrator)
	accounts := root.h.cfg.Accounts

	w := root.posts("/admin/users", url.Values{"name": {"Vera!"}, "role": {"operator"}, "password": {testPassword}, "owns": {crashed().ID}})
	doc := parse(t, w.Body.String())
	if w.Code != 422 || one(t, doc, "div", "complaint") == "" || fieldOf(t, doc, "name") != "Vera!" || strings.Contains(w.Body.String(), testPassword) {
		t.Fatalf("a name that can not be: %d %s", w.Code, w.Body)
	}
	if !slices.ContainsFunc(all(doc, "input", ""), func(i *html.Node) bool {
		return attribute(i, "value") == crashed().ID && slices.ContainsFunc(i.Attr, func(a html.Attribute) bool { return a.Key == "checked" })
	}) {
		t.Error("what was ticked is not any more")
	}
	leads(t, root.posts("/admin/users", url.Values{"name": {"vera"}, "role": {"operator"}, "password": {testPassword}, "owns": {crashed().ID}}), "/admin/users/vera")
	if u, err := accounts.User("vera"); err != nil || u.Role != "operator" || !u.MustChange || !slices.Equal(u.Owns, []string{crashed().ID}) {
		t.Errorf("%+v, %v", u, err)
	}
	text := textOf(root.page("/admin/users"))
	for _, want := range []string{"vera operator 1 extension with a password here has to change the password never", "root you administrator", "admin administrator"} {
		if !strings.Contains(text, want) {
			t.Errorf("the list does not say %q: %s", want, text)
		}
	}

	doc = root.page("/admin/users/vera")
	revision := fieldOf(t, doc, "revision")
	leads(t, root.posts("/admin/users/vera", url.Values{"role": {"viewer"}, "enabled": {"yes"}, "revision": {revision}}), "/admin/users/vera")
	if u, err := accounts.User("vera"); err != nil || u.Role != "viewer" || u.Disabled || len(u.Owns) != 0 {
		t.Errorf("%+v, %v", u, err)
	}
	w = root.posts("/admin/users/vera", url.Values{"role": {"operator"}, "enabled": {"yes"}, "revision": {revision}})
	if w.Code != 409 || !strings.Contains(w.Body.String(), "meanwhile") {
		t.Errorf("a change of what has changed: %d %s", w.Code, w.Body)
	}
	if text := textOf(root.page("/admin/users/vera", notices(w))); strings.Contains(text, "is changed") {
		t.Error("it says that it is changed")
	}

	if w := root.posts("/admin/users/vera/password", url.Values{"password": {"short"}}); w.Code != 422 || !strings.Contains(w.Body.String(), "12 characters") {
		t.Errorf("a short password: %d", w.Code)
	}
	leads(t, root.posts("/admin/users/vera/password", url.Values{"password": {"another password of hers"}}), "/admin/users/vera")
	if _, err := accounts.SignIn(t.Context(), "vera", "another password of hers", host.Origin{Remote: "192.0.2.8", Agent: hostile}); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	doc = root.page("/admin/users/vera")
	harmless(t, doc)
	if !strings.Contains(textOf(doc), "192.0.2.8") {
		t.Error("the session is not listed")
	}
	leads(t, root.posts("/admin/users/vera/sessions", url.Values{"session": {accounts.Sessions("vera")[0].ID}}), "/admin/users/vera")
	if left := accounts.Sessions("vera"); len(left) != 0 {
		t.Errorf("sessions are left: %+v", left)
	}
	doc = root.page("/admin/users/vera/remove")
	leads(t, root.posts("/admin/users/vera/remove", url.Values{"revision": {fieldOf(t, doc, "revision")}}), "/admin/users")
	if w := root.gets("/admin/users/vera"); w.Code != 404 {
		t.Errorf("who was removed: %d", w.Code)
	}
}

// notices is the cookie with what the next page says.
func notices(w *httptest.ResponseRecorder) func(*http.Request) {
	return func(r *http.Request) {
		for _, c := range w.Result().Cookies() {
			if c.Name == "jackfield_notice" {
				r.AddCookie(c)
			}
		}
	}
}

func TestNobodyLocksThemselvesOut(t *testing.T) {
	t.Parallel()
	root := signedIn(t, testConfig(running()), "root", host.RoleAdministrator)
	doc := root.page("/admin/users/root")
	if len(all(doc, "a", "danger")) != 0 {
		t.Error("removing oneself is offered")
	}
	revision := fieldOf(t, doc, "revision")
	for path, form := range map[string]url.Values{
		"/admin/users/root": {"role": {"administrator"}, "revision": {revision}}, "/admin/users/root/remove": {"revision": {revision}},
	} {
		if w := root.posts(path, form); w.Code != 409 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if u, err := root.h.cfg.Accounts.User("root"); err != nil || u.Disabled {
		t.Errorf("%+v, %v", u, err)
	}
	w := root.posts("/admin/users/admin", url.Values{"role": {"viewer"}, "enabled": {"yes"}, "revision": {"1"}})
	if w.Code != http.StatusSeeOther { // root is one, too
		t.Errorf("another administrator: %d %s", w.Code, w.Body)
	}
	w = root.posts("/admin/users/root", url.Values{"role": {"viewer"}, "enabled": {"yes"}, "revision": {revision}})
	if w.Code != 409 || !strings.Contains(w.Body.String(), "last administrator") {
		t.Errorf("the last administrator: %d", w.Code)
	}
}

func TestTokensOnThePage(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running(), crashed())
	root := signedIn(t, cfg, "root", host.RoleAdministrator)
	accounts := root.h.cfg.Accounts
	form := url.Values{"label": {"CI <b>"}, "user": {"root"}, "role": {"operator"}, "days": {"7"}, "extension": {running().ID}}
	w := root.posts("/admin/tokens", form)
	doc := parse(t, w.Body.String())
	secret := ""
	for _, i := range all(doc, "input", "secret") {
		secret = attribute(i, "value")
	}
	if w.Code != 200 || !strings.HasPrefix(secret, "jfk_") || strings.Contains(w.Header().Get("Location"), secret) {
		t.Fatalf("%d, secret %q", w.Code, secret)
	}
	harmless(t, doc)
	who, err := accounts.Bearer(t.Context(), secret)
	if err != nil || who.Role != "operator" || !slices.Equal(who.Extensions, []string{running().ID}) || who.Expires == nil || time.Until(*who.Expires) > 7*24*time.Hour {
		t.Errorf("%+v, %v", who, err)
	}
	list := root.gets("/admin/tokens").Body.String()
	if strings.Contains(list, secret) || !strings.Contains(list, "CI &lt;b&gt;") {
		t.Error("the list shows the secret, or not the token")
	}
	for what, change := range map[string]func(url.Values){
		"no label": func(v url.Values) { v.Set("label", "") }, "no role": func(v url.Values) { v.Set("role", "king") },
		"no user": func(v url.Values) { v.Set("user", "nobody") }, "an odd end": func(v url.Values) { v.Set("days", "8") },
	} {
		bad := url.Values{}
		for name, values := range form {
			bad[name] = values
		}
		change(bad)
		if w := root.posts("/admin/tokens", bad); w.Code < 400 || w.Code >= 500 || strings.Contains(w.Body.String(), "jfk_") {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	id := accounts.Tokens("root")[0].ID
	if text := textOf(root.page("/admin/tokens/" + id + "/revoke")); !strings.Contains(text, "CI <b>") {
		t.Errorf("the question: %s", text)
	}
	leads(t, root.posts("/admin/tokens/"+id+"/revoke", nil), "/admin/tokens")
	if _, err := accounts.Bearer(t.Context(), secret); err == nil {
		t.Error("the token is good still")
	}
}

func TestOwnAccount(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	root := signedIn(t, cfg, "root", host.RoleAdministrator)
	accounts := root.h.cfg.Accounts
	rootToken, _, err := accounts.AddToken(t.Context(), host.NewToken{Label: "of root", Role: "viewer"}, host.Identity{Name: "root", Role: "administrator"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := accounts.AddUser(t.Context(), host.NewUser{Name: "vera", Role: "viewer", Owns: []string{running().ID}, Password: testPassword, Keep: true}, host.Actor{Name: "root"}); err != nil {
		t.Fatal(err)
	}
	vera := &someone{t: t, h: root.h, handler: root.handler, caller: caller{name: "vera"}}
	vera.signIn(t, root.h)
	other := &someone{t: t, h: root.h, handler: root.handler, caller: caller{name: "vera"}}
	other.signIn(t, root.h)

	text := textOf(vera.page("/admin/account"))
	for _, want := range []string{"vera", "viewer", "Tracking", "with a password", "this one", "Sign out everywhere"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "of root") || strings.Contains(textOf(all(vera.page("/admin/account"), "nav", "")[0]), "Users") {
		t.Error("it shows what is not hers")
	}
	// What she can make is worth no more than she is, and hers, whatever the form says.
	w := vera.posts("/admin/account/tokens", url.Values{"label": {"mine"}, "user": {"root"}, "role": {"administrator"}, "days": {"1"}})
	if w.Code < 400 || strings.Contains(w.Body.String(), "jfk_") {
		t.Errorf("a token of an administrator: %d", w.Code)
	}
	if w := vera.posts("/admin/account/tokens", url.Values{"label": {"mine"}, "user": {"root"}, "role": {"viewer"}, "days": {"1"}}); w.Code != 200 {
		t.Errorf("her own token: %d", w.Code)
	}
	mine := accounts.Tokens("vera")
	if len(mine) != 1 || mine[0].Label != "mine" || len(accounts.Tokens("root")) != 1 {
		t.Fatalf("tokens %+v", mine)
	}
	for _, path := range []string{"/admin/account/tokens/" + rootToken.ID + "/revoke", "/admin/account/tokens/nothing/revoke"} {
		if w := vera.posts(path, nil); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/admin/tokens/" + mine[0].ID + "/revoke", "/admin/users", "/admin/settings", "/admin/install"} {
		if w := vera.gets(path); w.Code != 403 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	leads(t, vera.posts("/admin/account/tokens/"+mine[0].ID+"/revoke", nil), "/admin/account")

	sessions := accounts.Sessions("vera")
	for _, s := range sessions {
		if s.ID != identity(t, vera).Session {
			leads(t, vera.posts("/admin/account/sessions", url.Values{"session": {s.ID}}), "/admin/account")
		}
	}
	if w := other.gets("/admin/account"); w.Code != http.StatusSeeOther || len(accounts.Sessions("vera")) != 1 {
		t.Errorf("the other session: %d", w.Code)
	}
	leads(t, vera.posts("/admin/account/sessions", nil), "/admin/sign-in")
	if w := vera.gets("/admin/account"); w.Code != http.StatusSeeOther {
		t.Errorf("signed out everywhere: %d", w.Code)
	}
}

// identity is who the host takes s for.
func identity(t *testing.T, s *someone) host.Identity {
	t.Helper()
	_, secret, _ := strings.Cut(s.cookie, "=")
	who, err := s.h.cfg.Accounts.Session(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return who
}
