package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// decoded reads the answer of w.
func decoded[T any](t *testing.T, body []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return v
}

func withJSON(body string) func(*http.Request) { return withBody("application/json", body) }

func TestUsersOverTheAPI(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running())).serve()
	w := ask(h, "POST", "/api/v1/users", withToken, withJSON(`{"name":"vera","role":"viewer","owns":["b.B","a.A"],"password":"correct horse battery"}`))
	if w.Code != 201 || w.Header().Get("Location") != "/api/v1/users/vera" || w.Header().Get("ETag") != `"1"` || strings.Contains(w.Body.String(), "horse") {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if u := decoded[host.User](t, w.Body.Bytes()); u.Name != "vera" || !u.MustChange || len(u.Owns) != 2 || u.Owns[0] != "a.A" || u.Source != "local" {
		t.Errorf("%+v", u)
	}
	list := decoded[struct{ Users []map[string]any }](t, ask(h, "GET", "/api/v1/users", withToken).Body.Bytes())
	if len(list.Users) != 2 || list.Users[0]["name"] != "admin" || list.Users[1]["last_seen"] != nil {
		t.Errorf("%v", list)
	}
	for member := range list.Users[1] {
		if strings.Contains("hash digest password initial issuer subject", strings.ToLower(member)) {
			t.Errorf("the API tells %s", member)
		}
	}

	// A change of what somebody else has changed meanwhile is refused.
	patch := func(body string, more ...func(*http.Request)) int {
		return ask(h, "PATCH", "/api/v1/users/vera", append(more, withToken, withJSON(body))...).Code
	}
	if code := patch(`{"role":"operator"}`, withHeader("If-Match", `"1"`)); code != 200 {
		t.Errorf("the first change: %d", code)
	}
	if code := patch(`{"role":"administrator"}`, withHeader("If-Match", `"1"`)); code != 412 {
		t.Errorf("the second one: %d", code)
	}
	if code := patch(`{"disabled":true,"owns":[]}`); code != 200 {
		t.Errorf("without a condition: %d", code)
	}
	u := decoded[host.User](t, ask(h, "GET", "/api/v1/users/vera", withToken).Body.Bytes())
	if u.Role != "operator" || !u.Disabled || len(u.Owns) != 0 || u.Revision != 3 {
		t.Errorf("%+v", u)
	}
	if w := ask(h, "PUT", "/api/v1/users/vera/password", withToken, withJSON(`{"password":"another horse battery","must_change":false}`)); w.Code != 200 || decoded[host.User](t, w.Body.Bytes()).MustChange {
		t.Errorf("the password: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "DELETE", "/api/v1/users/vera", withToken, withHeader("If-Match", `"3"`)); w.Code != 412 {
		t.Errorf("removing another revision: %d", w.Code)
	}
	if w := ask(h, "DELETE", "/api/v1/users/vera", withToken); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"name":"vera","removed":true}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/api/v1/users/vera", withToken); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}

func TestWrongQuestionsAboutUsers(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	h := mustNew(t, cfg).serve()
	for _, c := range []struct {
		name, method, path, body string
		change                   func(*http.Request)
		want                     int
	}{
		{name: "a short password", method: "POST", path: "users", body: `{"name":"v","role":"viewer","password":"short"}`, want: 400},
		{name: "an unknown member", method: "POST", path: "users", body: `{"name":"v","rolle":"viewer","password":"correct horse battery"}`, want: 400},
		{name: "a member twice", method: "POST", path: "users", body: `{"name":"v","name":"w","role":"viewer","password":"correct horse battery"}`, want: 400},
		{name: "another type", method: "POST", path: "users", body: `{"name":7}`, want: 400},
		{name: "no object", method: "POST", path: "users", body: `[]`, want: 400},
		{name: "no body", method: "POST", path: "users", want: 400},
		{name: "a form", method: "POST", path: "users", body: "name=v", change: withHeader("Content-Type", "application/x-www-form-urlencoded"), want: 415},
		{name: "too much", method: "POST", path: "users", body: `{"name":"` + strings.Repeat("x", 200<<10) + `"}`, want: 413},
		{name: "a name that is taken", method: "POST", path: "users", body: `{"name":"admin","role":"viewer","password":"correct horse battery"}`, want: 409},
		{name: "the last administrator", method: "PATCH", path: "users/admin", body: `{"disabled":true}`, want: 409},
		{name: "removing the last administrator", method: "DELETE", path: "users/admin", want: 409},
		{name: "a condition that is none", method: "DELETE", path: "users/admin", change: withHeader("If-Match", "1"), want: 400},
		{name: "nobody", method: "PATCH", path: "users/nobody", body: `{}`, want: 404},
		{name: "nobody's password", method: "PUT", path: "users/nobody/password", body: `{"password":"correct horse battery"}`, want: 404},
		{name: "nobody's sessions", method: "DELETE", path: "users/nobody/sessions", want: 404},
		{name: "a token without a label", method: "POST", path: "tokens", body: `{"role":"viewer"}`, want: 400},
		{name: "a token with a time that is none", method: "POST", path: "tokens", body: `{"role":"viewer","label":"x","expires":"tomorrow"}`, want: 400},
		{name: "a token of nobody", method: "POST", path: "tokens", body: `{"role":"viewer","label":"x","user":"nobody"}`, want: 404},
		{name: "no such token", method: "DELETE", path: "tokens/none", want: 404},
		{name: "an unknown parameter", method: "GET", path: "tokens?users=x", want: 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := []func(*http.Request){withToken}
			if c.method != "GET" && c.method != "DELETE" {
				changes = append(changes, withJSON(c.body))
			}
			if c.change != nil {
				changes = append(changes, c.change)
			}
			w := ask(h, c.method, "/api/v1/"+c.path, changes...)
			if w.Code != c.want {
				t.Errorf("%d, want %d: %s", w.Code, c.want, w.Body)
			}
			checkProblem(t, w)
		})
	}
}

func TestTokensOverTheAPI(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running()))
	all := callers(t, h)
	viewer, operator := &all[0], &all[1]
	handler := h.serve()
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w := ask(handler, "POST", "/api/v1/tokens", viewer.withToken, withJSON(`{"label":"ci","role":"viewer","expires":"`+end.Format(time.RFC3339)+`"}`))
	if w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	made := decoded[struct {
		host.Token
		Secret string
	}](t, w.Body.Bytes())
	if made.User != "viewer" || !strings.HasPrefix(made.Secret, "jfk_") || made.Expires == nil || !made.Expires.Equal(end) {
		t.Errorf("%+v", made)
	}
	mine := caller{token: made.Secret}
	me := decoded[map[string]any](t, ask(handler, "GET", "/api/v1/me", mine.withToken).Body.Bytes())
	if me["name"] != "viewer" || me["via"] != "token" || me["expires"] != end.Format(time.RFC3339) || me["extensions"] != nil || len(me["rights"].([]any)) != 2 {
		t.Errorf("%v", me)
	}
	type list struct{ Tokens []host.Token }
	count := func(c *caller, query string) int {
		w := ask(handler, "GET", "/api/v1/tokens"+query, c.withToken)
		if strings.Contains(w.Body.String(), "jfk_") || strings.Contains(w.Body.String(), "digest") {
			t.Errorf("the list tells secrets: %s", w.Body)
		}
		if w.Code != 200 {
			return -w.Code
		}
		return len(decoded[list](t, w.Body.Bytes()).Tokens)
	}
	for _, c := range []struct {
		by    *caller
		query string
		want  int
	}{
		{viewer, "", 2}, {viewer, "?user=viewer", 2}, {viewer, "?user=operator", -403}, {operator, "", 1},
		{&caller{token: testToken}, "", 6}, {&caller{token: testToken}, "?user=viewer", 2},
	} {
		if got := count(c.by, c.query); got != c.want {
			t.Errorf("%s%s: %d, want %d", c.by.name, c.query, got, c.want)
		}
	}
	for _, c := range []struct {
		by   *caller
		want int
	}{{operator, 404}, {viewer, 200}, {viewer, 404}} {
		if w := ask(handler, "DELETE", "/api/v1/tokens/"+made.ID, c.by.withToken); w.Code != c.want {
			t.Errorf("revoking by %s: %d, want %d", c.by.name, w.Code, c.want)
		}
	}
	if w := ask(handler, "GET", "/api/v1/me", mine.withToken); w.Code != 401 {
		t.Errorf("the revoked token: %d", w.Code)
	}
	if w := ask(handler, "POST", "/api/v1/tokens", viewer.withToken, withJSON(`{"label":"more","role":"operator"}`)); w.Code != 403 {
		t.Errorf("a token that is worth more: %d %s", w.Code, w.Body)
	}
}

func TestSessionsOverTheAPI(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running()))
	all := callers(t, h)
	handler := h.serve()
	type list struct{ Sessions []host.OpenSession }
	got := decoded[list](t, ask(handler, "GET", "/api/v1/users/viewer/sessions", withToken).Body.Bytes())
	if len(got.Sessions) != 1 || got.Sessions[0].Via != "password" || got.Sessions[0].Remote != "192.0.2.1" {
		t.Errorf("%+v", got)
	}
	if w := ask(handler, "DELETE", "/api/v1/users/viewer/sessions", withToken); w.Code != 200 || len(decoded[list](t, w.Body.Bytes()).Sessions) != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(handler, "GET", "/admin/", all[0].withSession); w.Code != 303 {
		t.Errorf("the session that was ended: %d", w.Code)
	}
}
