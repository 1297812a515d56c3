package edge

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

// knowing is a backend with parameters for projects.
type knowing struct{ backend }

func (knowing) ProjectParameters(_ context.Context, project, locale string) (json.RawMessage, error) {
	return json.Marshal(map[string]string{"project": project, "locale": locale})
}

func TestProjectParameters(t *testing.T) {
	unable := typed(t, echo)
	unable.Extension = "x.Unable"
	able := opaque(nil)
	able.Backend = knowing{echo}
	l := listen(t, Config{}, able, unable)
	for _, tc := range []struct {
		name, path string
		status     int
		want       string // the value of the extension that is able
	}{
		{"plain", "/v1/projects/p1/parameters?locale=fr_CA", 200, `{"locale":"fr_CA","project":"p1"}`},
		{"no locale", "/v1/projects/p1/parameters", 200, `{"locale":"","project":"p1"}`},
		{"escapes", "/v1/projects/a%2Fb%20%C3%A9/parameters?locale=%C3%A9", 200, `{"locale":"é","project":"a/b é"}`},
		{"other keys", "/v1/projects/p/parameters?x=y", 200, `{"locale":"","project":"p"}`},
		{"longest", "/v1/projects/" + strings.Repeat("p", maxProject) + "/parameters", 200, `{"locale":"","project":"` + strings.Repeat("p", maxProject) + `"}`},
		{"too long", "/v1/projects/" + strings.Repeat("p", maxProject+1) + "/parameters", 400, ""},
		{"long locale", "/v1/projects/p/parameters?locale=" + strings.Repeat("l", maxLocale+1), 400, ""},
		{"two locales", "/v1/projects/p/parameters?locale=a&locale=b", 400, ""},
		{"newline", "/v1/projects/a%0Ab/parameters", 400, ""},
		{"zero", "/v1/projects/p/parameters?locale=%00", 400, ""},
		{"no UTF-8", "/v1/projects/%FF/parameters", 400, ""},
		{"locale in Latin-1", "/v1/projects/p/parameters?locale=%E9", 400, ""},
		{"malformed query", "/v1/projects/p/parameters?locale=%zz", 400, ""},
		{"no project", "/v1/projects//parameters", 404, ""},
		{"two projects", "/v1/projects/a/b/parameters", 404, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := l.send("GET", tc.path, "")
			if r.StatusCode != tc.status {
				t.Fatalf("%d %s", r.StatusCode, r.body)
			}
			if tc.status != 200 {
				return
			}
			if want := `{"x.Extension":` + tc.want + `,"x.Unable":null}`; r.body != want {
				t.Errorf("got %s, want %s", r.body, want)
			}
		})
	}
	if r := l.send("GET", "/v1/projects/p/parameters", "", "Request-Timeout", "x"); r.problem.Code != sdk.InvalidArgument {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := l.send("POST", "/v1/projects/p/parameters", ""); r.StatusCode != 405 {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}

// FuzzProjectParameters: whatever the path and the query, the answer is 200 with
// what was asked for, 400 or 404.
func FuzzProjectParameters(f *testing.F) {
	able := opaque(nil)
	able.Backend = knowing{echo}
	l := listen(f, Config{}, able)
	f.Add("p", "fr_CA")
	f.Add("..", "\x00")
	f.Fuzz(func(t *testing.T, project, locale string) {
		l := &listener{t: t, url: l.url}
		r := l.send("GET", "/v1/projects/"+url.PathEscape(project)+"/parameters?locale="+url.QueryEscape(locale), "")
		var got map[string]map[string]string
		switch {
		case r.StatusCode == 400 || r.StatusCode == 404:
		case r.StatusCode != 200 || json.Unmarshal([]byte(r.body), &got) != nil || got["x.Extension"]["project"] != project || got["x.Extension"]["locale"] != locale:
			t.Errorf("%d %s for %q, %q", r.StatusCode, r.body, project, locale)
		}
	})
}
