package admin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// apiRoutes is every path of the API with what it answers to.
func apiRoutes() map[string][]string {
	const one = "/api/v1/extensions/org.a.A"
	routes := map[string][]string{
		"/api/v1/openapi.json": {"GET"}, "/api/v1/extensions": {"GET", "POST"}, one: {"DELETE", "GET"}, one + "/history": {"GET"}, one + "/config": {"GET", "PUT"}, one + "/config/revisions": {"GET"}, "/api/v1/audit": {"GET"},
	}
	for _, verb := range []string{"enable", "disable", "restart", "rollback", "pin", "unpin", "retry", "consent", "revoke"} {
		routes[one+"/"+verb] = []string{"POST"}
	}
	return routes
}

// from sends a request from an address that belongs to the path.
func from(path string) func(*http.Request) {
	sum := sha256.Sum256([]byte(path))
	return func(r *http.Request) { r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", sum[0], sum[1], sum[2]) }
}

// TestEveryRouteIsGuarded, and nothing reaches the host before the guard is passed.
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	h := mustNew(t, cfg).serve()
	cookie := ask(h, "POST", "/admin/sign-in", withForm("token="+testToken)).Result().Cookies()[0]
	for path, allowed := range apiRoutes() {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			for _, c := range []struct {
				name   string
				change []func(*http.Request)
				want   int
			}{
				{"no token", nil, 401},
				{"a wrong token", []func(*http.Request){withHeader("Authorization", "Bearer nonsense"), from(path)}, 401},
				{"the cookie of the page", []func(*http.Request){func(r *http.Request) { r.AddCookie(cookie) }}, 401},
				{"a foreign name", []func(*http.Request){withToken, withHeader("Host", "evil.example")}, 421},
			} {
				w := ask(h, method, path, c.change...)
				if w.Code != c.want {
					t.Errorf("%s %s with %s: %d, want %d", method, path, c.name, w.Code, c.want)
				}
				checkHeaders(t, w)
				checkProblem(t, w)
			}
			foreign := ask(h, method, path, withToken, withHeader("Sec-Fetch-Site", "cross-site"))
			if safe := slices.Contains([]string{"GET", "HEAD", "OPTIONS"}, method); !safe && foreign.Code != 403 {
				t.Errorf("%s %s from another site: %d, want 403", method, path, foreign.Code)
			}
			w := ask(h, method, path, withToken)
			known := slices.Contains(allowed, method) || method == "HEAD" && slices.Contains(allowed, "GET")
			if known == (w.Code == 405) {
				t.Errorf("%s %s: %d, and it answers to %v", method, path, w.Code, allowed)
			}
			if got, want := w.Header().Get("Allow"), strings.Join(allowed, ", "); w.Code == 405 && got != want {
				t.Errorf("%s %s: Allow %q, want %q", method, path, got, want)
			}
		}
	}
	s := cfg.Host.(*shelf)
	for _, a := range s.actions {
		if a.Actor != (host.Actor{Name: "admin", Remote: "192.0.2.1"}) {
			t.Errorf("actor %+v", a.Actor)
		}
	}
	if len(s.actions) != 10 { // each verb and DELETE, once
		t.Errorf("%d actions reached the host, want 10: %+v", len(s.actions), s.actions)
	}
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	id := running().ID
	const asJSON = "application/json"
	for _, c := range []struct {
		name, method, path, media, body string
		want                            host.Action // its ID and Actor are filled in
		code                            int         // 200 unless it is set
		says                            string      // part of the problem
	}{
		{name: "enable", path: "/enable", want: host.Action{Verb: "enable"}},
		{name: "enable with an empty object", path: "/enable", media: asJSON, body: " {} \n", want: host.Action{Verb: "enable"}},
		{name: "disable", path: "/disable", want: host.Action{Verb: "disable"}},
		{name: "disable by force", path: "/disable?force=true", want: host.Action{Verb: "disable", Force: true}},
		{name: "disable by force in the body", path: "/disable", media: asJSON, body: `{"force":true}`, want: host.Action{Verb: "disable", Force: true}},
		{name: "force of one place is enough", path: "/disable?force=false", media: asJSON, body: `{"force":true}`, want: host.Action{Verb: "disable", Force: true}},
		{name: "restart", path: "/restart", want: host.Action{Verb: "restart"}},
		{name: "roll back", path: "/rollback", want: host.Action{Verb: "rollback"}},
		{name: "roll back to", path: "/rollback", media: asJSON + "; charset=utf-8", body: `{"version":"1.2","restore_data":true}`, want: host.Action{Verb: "rollback", Version: "1.2", RestoreData: true}},
		{name: "null is nothing", path: "/rollback", media: asJSON, body: `{"version":null}`, want: host.Action{Verb: "rollback"}},
		{name: "pin", path: "/pin", body: `{"version":"1.2"}`, want: host.Action{Verb: "pin", Version: "1.2"}},
		{name: "unpin", path: "/unpin", want: host.Action{Verb: "unpin"}},
		{name: "retry", path: "/retry", want: host.Action{Verb: "retry"}},
		{name: "consent", path: "/consent", want: host.Action{Verb: "consent"}},
		{name: "consent to what was seen", path: "/consent", body: `{"digest":"sha256:1"}`, want: host.Action{Verb: "consent", Digest: "sha256:1"}},
		{name: "consent to some of it", path: "/consent", body: `{"permissions":["kv","net:a:1"],"digest":"sha256:1"}`,
			want: host.Action{Verb: "consent", Digest: "sha256:1", Permissions: []string{"kv", "net:a:1"}}},
		{name: "consent to nothing is not consent to all", path: "/consent", body: `{"permissions":[]}`, want: host.Action{Verb: "consent", Permissions: []string{}}},
		{name: "revoke", path: "/revoke", want: host.Action{Verb: "revoke"}},
		{name: "revoke some", path: "/revoke", body: `{"permissions":["kv"]}`, want: host.Action{Verb: "revoke", Permissions: []string{"kv"}}},
		{name: "permissions that are no list", path: "/revoke", body: `{"permissions":"kv"}`, code: 400, says: "permissions must be a list of strings"},
		{name: "a digest to revoke", path: "/revoke", body: `{"digest":"sha256:1"}`, code: 400, says: "it may have: permissions"},
		{name: "more permissions than there can be", path: "/revoke", body: `{"permissions":["` + strings.Repeat("k", 128<<10) + `"]}`, code: 413, says: "at most 131072 bytes"},
		{name: "remove", method: "DELETE", want: host.Action{Verb: "remove"}},
		{name: "purge by force", method: "DELETE", path: "?purge=true&force=true", want: host.Action{Verb: "remove", Purge: true, Force: true}},
		{name: "no purge", method: "DELETE", path: "?purge=false", want: host.Action{Verb: "remove"}},

		{name: "unknown verb", path: "/explode", code: 404, says: "no such path"},
		{name: "a verb in capitals", path: "/ENABLE", code: 404, says: "no such path"},
		{name: "the verb of DELETE is not posted", path: "/remove", code: 404, says: "no such path"},
		{name: "unknown member", path: "/rollback", body: `{"versoin":"1.2"}`, code: 400, says: `no member "versoin"; it may have: version, restore_data`},
		{name: "a member of another verb", path: "/pin", body: `{"restore_data":true}`, code: 400, says: "it may have: version"},
		{name: "a member in capitals", path: "/pin", body: `{"Version":"1"}`, code: 400, says: "no member"},
		{name: "twice the same member", path: "/pin", body: `{"version":"1","version":"2"}`, code: 400, says: "twice"},
		{name: "no members at all", path: "/restart", body: `{"force":true}`, code: 400, says: "it may have: none"},
		{name: "number for a string", path: "/pin", body: `{"version":1.2}`, code: 400, says: "version must be a string"},
		{name: "string for a switch", path: "/disable", body: `{"force":"yes"}`, code: 400, says: "force must be true or false"},
		{name: "array", path: "/pin", body: `["1.2"]`, code: 400, says: "not one JSON object"},
		{name: "half an object", path: "/pin", body: `{"version":"1.2"`, code: 400, says: "not one JSON object"},
		{name: "two objects", path: "/pin", body: `{}{}`, code: 400, says: "not one JSON object"},
		{name: "garbage", path: "/pin", body: "\x00\xff", code: 400, says: "not one JSON object"},
		{name: "deep", path: "/pin", body: strings.Repeat("[", 8<<10-10), code: 400, says: "not one JSON object"},
		{name: "huge", path: "/pin", body: `{"version":"` + strings.Repeat("9", 8<<10) + `"}`, code: 413, says: "at most 8192 bytes"},
		{name: "a form", path: "/disable", media: "application/x-www-form-urlencoded", body: "force=true", code: 415, says: "application/json"},
		{name: "text", path: "/pin", media: "text/plain", body: `{"version":"1.2"}`, code: 415, says: "application/json"},
		{name: "no media type at all", path: "/pin", media: ";", body: `{}`, code: 415, says: "application/json"},
		{name: "misspelt parameter", method: "DELETE", path: "?purg=true", code: 400, says: `no parameter "purg" here; it takes purge, force`},
		{name: "force where it means nothing", path: "/enable?force=true", code: 400, says: "it takes wait"},
		{name: "unclear switch", method: "DELETE", path: "?purge", code: 400, says: "write purge=true or purge=false"},
		{name: "switch twice", method: "DELETE", path: "?purge=false&purge=true", code: 400, says: "twice"},
		{name: "broken query", method: "DELETE", path: "?purge=%zz", code: 400, says: "query"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(running())
			if c.method == "" {
				c.method = "POST"
			}
			w := ask(mustNew(t, cfg).serve(), c.method, "/api/v1/extensions/"+id+c.path, withToken, withBody(c.media, c.body))
			actions := cfg.Host.(*shelf).actions
			if c.code != 0 {
				if w.Code != c.code || !strings.Contains(w.Body.String(), strings.ReplaceAll(c.says, `"`, `\"`)) {
					t.Errorf("%d %s, want %d with %q", w.Code, w.Body, c.code, c.says)
				}
				checkProblem(t, w)
				if len(actions) != 0 {
					t.Errorf("the host was asked to %+v", actions)
				}
				return
			}
			c.want.ID, c.want.Actor = id, host.Actor{Name: "admin", Remote: "192.0.2.1"}
			if w.Code != 200 || len(actions) != 1 || !reflect.DeepEqual(actions[0], c.want) {
				t.Errorf("%d %s, actions %+v, want %+v", w.Code, w.Body, actions, c.want)
			}
			if c.method == "DELETE" {
				want := fmt.Sprintf(`{"id":%q,"removed":true,"purged":%v}`+"\n", id, c.want.Purge)
				if got := w.Body.String(); got != want {
					t.Errorf("answer %s, want %s", got, want)
				}
				return
			}
			var e host.Extension
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.ID != id || e.Limits.Memory.By != "none" {
				t.Errorf("answer %s, %v", w.Body, err)
			}
		})
	}
}

// TestOddIDs: an id that could lead out of a folder never reaches the host, whatever
// else stands in it does, unchanged.
func TestOddIDs(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"so%20%25%20what%3F%20%231.jar":   "so % what? #1.jar",
		"%E2%80%AE%1b[2J":                 "\u202e\x1b[2J",
		"..jar":                           "..jar",
		strings.Repeat("x", 255):          strings.Repeat("x", 255),
		"a%2Fb":                           "",
		"..%2F..%2Fetc":                   "",
		"%2e%2e":                          "",
		"%2E":                             "",
		"a%00b":                           "",
		"%ff%fe":                          "",
		strings.Repeat("x", 256):          "",
		strings.Repeat("%F0%9F%92%A9", 5): strings.Repeat("\U0001F4A9", 5),
	} {
		cfg := testConfig()
		h := mustNew(t, cfg).serve()
		for _, ask := range []func() int{
			func() int {
				return ask(h, "DELETE", "/api/v1/extensions/"+path+"?purge=true", withToken).Code
			},
			func() int { return ask(h, "POST", "/api/v1/extensions/"+path+"/enable", withToken).Code },
		} {
			if code := ask(); code != 404 {
				t.Errorf("%s: %d, want 404", path, code)
			}
		}
		history := ask(h, "GET", "/api/v1/extensions/"+path+"/history", withToken)
		s := cfg.Host.(*shelf)
		switch {
		case want == "" && len(s.actions)+len(s.asked) > 0:
			t.Errorf("%s reached the host: %v %q", path, s.actions, s.asked)
		case want == "":
		case len(s.actions) != 2 || s.actions[0].ID != want || s.actions[1].ID != want || history.Code != 200:
			t.Errorf("%s: the host saw %+v, want %q", path, s.actions, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		want   web.Problem
	}{
		{&host.Error{Code: "not_found", Message: "no version 9"}, 404, web.Problem{Code: "not_found", Detail: "no version 9"}},
		{&host.Error{Code: "conflict", Message: "needed", Hint: "force it", Others: []string{"org.b.B"}}, 409,
			web.Problem{Code: "conflict", Detail: "needed", Hint: "force it", Others: []string{"org.b.B"}}},
		{fmt.Errorf("acting: %w", &host.Error{Code: "invalid_argument", Message: "m"}), 400, web.Problem{Code: "invalid_argument", Detail: "m"}},
		{&host.Error{Code: "too_large", Message: "m"}, 413, web.Problem{Code: "too_large", Detail: "m"}},
		{&host.Error{Code: "unavailable", Message: "the disk is full"}, 503, web.Problem{Code: "unavailable", Detail: "the disk is full"}},
		{&host.Error{Code: "internal", Message: "m"}, 500, web.Problem{Code: "internal", Detail: "m"}},
		{&host.Error{Code: "manifest_invalid", Message: hostile, Hint: hostile}, 422, web.Problem{Code: "manifest_invalid", Detail: hostile, Hint: hostile}},
		{errors.New("secret of the house"), 500, web.Problem{Code: "internal", Detail: "the host could not answer; its log says why"}},
		{&host.Error{Message: "without a code"}, 500, web.Problem{Code: "internal", Detail: "the host could not answer; its log says why"}},
	} {
		for _, request := range []struct{ method, path, media, body string }{
			{"POST", "/api/v1/extensions/x/restart", "", ""},
			{"DELETE", "/api/v1/extensions/x", "", ""},
			{"POST", "/api/v1/extensions", "application/octet-stream", "PK"},
			{"GET", "/api/v1/extensions/x/history", "", ""},
			{"GET", "/api/v1/audit", "", ""},
		} {
			cfg := testConfig(running())
			cfg.Host.(*shelf).refuse = c.err
			h := mustNew(t, cfg) // not described: this host answers what no host does
			w := ask(h.site.Handler(h.routes()), request.method, request.path, withToken, withBody(request.media, request.body))
			var got web.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			// JSON has no bytes that are no characters.
			want := c.want
			want.Detail, want.Hint = strings.ToValidUTF8(want.Detail, "\ufffd"), strings.ToValidUTF8(want.Hint, "\ufffd")
			want.Type, want.Title, want.Status = "about:blank", http.StatusText(c.status), c.status
			want.RequestID = w.Header().Get("Request-Id")
			if w.Code != c.status || !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s, %v: %d %+v, want %+v", request.method, request.path, c.err, w.Code, got, want)
			}
			if (w.Header().Get("Retry-After") != "") != (c.status == 503) {
				t.Errorf("%v: Retry-After %q", c.err, w.Header().Get("Retry-After"))
			}
		}
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	id := running().ID
	for _, request := range []struct{ method, path, media, body string }{
		{"POST", "/api/v1/extensions/" + id + "/restart?wait=true", "", ""},
		{"GET", "/api/v1/extensions/" + id + "?wait=true", "", ""},
		{"POST", "/api/v1/extensions?wait=true", "application/java-archive", "PK"},
	} {
		for _, c := range []struct {
			name   string
			settle func(context.Context, string) error
			want   int
		}{
			{"it settles", nil, 200},
			{"it does not", func(ctx context.Context, _ string) error {
				if _, bounded := ctx.Deadline(); !bounded {
					return errors.New("no deadline")
				}
				return fmt.Errorf("waiting: %w", context.DeadlineExceeded)
			}, 504},
			{"it is removed", func(context.Context, string) error { return &host.Error{Code: "not_found", Message: "removed"} }, 404},
		} {
			cfg := testConfig(running())
			s := cfg.Host.(*shelf)
			s.settle = c.settle
			w := ask(mustNew(t, cfg).serve(), request.method, request.path, withToken, withBody(request.media, request.body))
			if w.Code != c.want || !slices.Equal(s.asked, []string{"settle " + id}) {
				t.Errorf("%s, %s: %d %s, want %d; the host was asked for %q", request.path, c.name, w.Code, w.Body, c.want, s.asked)
			}
			var e host.Extension
			if err := json.Unmarshal(w.Body.Bytes(), &e); c.want == 200 && (err != nil || e.ID != id) {
				t.Errorf("%s: %s, %v", request.path, w.Body, err)
			}
		}
	}
}

func TestClientThatLeft(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	cfg.Host.(*shelf).refuse = fmt.Errorf("waiting: %w", context.Canceled)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := ask(mustNew(t, cfg).serve(), "POST", "/api/v1/extensions/x/restart", withToken, func(r *http.Request) { *r = *r.WithContext(ctx) })
	if w.Code != 499 {
		t.Errorf("%d %s, want %d", w.Code, w.Body, 499)
	}
	checkProblem(t, w)
}
