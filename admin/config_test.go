package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

func TestConfigRoutes(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	s := cfg.Host.(*shelf)
	s.config = host.Configuration{
		Schema: []byte(`{"type":"object"}`), Values: []byte(`{"limit":1}`), Secrets: []host.Secret{{Pointer: "/password", Set: true}}, Revision: 7, By: "ada",
	}
	h := mustNew(t, cfg).serve()
	path := "/api/v1/extensions/" + running().ID + "/config"
	w := ask(h, "GET", path, withToken)
	if want := `{"schema":{"type":"object"},"values":{"limit":1},"secrets":[{"pointer":"/password","set":true}],"revision":7,"changed":null,"by":"ada"}`; w.Code != 200 ||
		strings.TrimSpace(w.Body.String()) != want || w.Header().Get("Etag") != `"7"` {
		t.Errorf("GET: %d %v %s", w.Code, w.Header(), w.Body)
	}
	json200 := withBody("application/json", `{"limit":2}`)
	for name, c := range map[string]struct {
		query    string
		change   []func(*http.Request)
		want     int
		revision int64 // that the host is told, when it is asked at all
	}{
		"whatever there is":      {"", []func(*http.Request){json200}, 200, -1},
		"as it was looked at":    {"", []func(*http.Request){json200, withHeader("If-Match", `"7"`)}, 200, 7},
		"not as it was":          {"", []func(*http.Request){json200, withHeader("If-Match", `"6"`)}, 412, 0},
		"a dry run":              {"?dry_run=true", []func(*http.Request){json200, withHeader("If-Match", "*")}, 200, -1},
		"a misspelt one":         {"?dryrun=true", []func(*http.Request){json200}, 400, 0},
		"a form":                 {"", []func(*http.Request){withForm("limit=2")}, 415, 0},
		"no media type":          {"", []func(*http.Request){withBody("", `{}`)}, 415, 0},
		"more than there may be": {"", []func(*http.Request){withBody("application/json", `"`+strings.Repeat("x", 256<<10)+`"`)}, 413, 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.configured)
			w := ask(h, "PUT", path+c.query, append(c.change, withToken)...)
			if w.Code != c.want {
				t.Fatalf("%d %s, want %d", w.Code, w.Body, c.want)
			}
			asked := s.configured[before:]
			if w.Code != 200 {
				if len(asked) != 0 {
					t.Errorf("the host was asked for %+v", asked)
				}
				return
			}
			if a := asked[0]; a.Revision != c.revision || string(a.Values) != `{"limit":2}` || a.DryRun != (c.query != "") || a.Actor.Name != "admin" {
				t.Errorf("the host was asked for %+v", a)
			}
			if want := map[bool]string{true: `"7"`, false: `"8"`}[c.query != ""]; w.Header().Get("Etag") != want || !strings.Contains(w.Body.String(), `"diff":[{"pointer":"/limit","kind":"changed","before":1,"after":2}]`) {
				t.Errorf("the answer is %v %s", w.Header(), w.Body)
			}
		})
	}
	s.refuse = &host.Error{Code: host.CodeValidationFailed, Message: "no", Violations: []host.Violation{{Pointer: "/limit", Message: "too much"}}}
	w = ask(h, "PUT", path, withToken, json200)
	var p web.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 422 || len(p.Errors) != 1 || p.Errors[0] != (host.Violation{Pointer: "/limit", Message: "too much"}) {
		t.Errorf("what breaks the schema: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/api/v1/extensions/nobody/config", withToken); w.Code != 404 {
		t.Errorf("of nobody: %d", w.Code)
	}
	if w := ask(h, "GET", path+"/revisions", withToken); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"revisions":[]}` {
		t.Errorf("the revisions: %d %s", w.Code, w.Body)
	}
}
