package page

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

// study is a house of which one extension is looked at.
type study struct{ *house }

func (s study) UIOf(string) string { return host.UIBundle }
func (s study) History(context.Context, string, string, int) (host.HistoryPage, error) {
	return host.HistoryPage{}, nil
}
func (s study) Logs(context.Context, string, host.LogQuery) ([]host.LogLine, error) { return nil, nil }
func (s study) Types(string) ([]host.DeclaredType, error) {
	return []host.DeclaredType{{Type: "a.Request", Role: "request", Handled: true, State: "running"}}, nil
}

// owner is a viewer who owns the extension a.
func owner() access.Identity {
	return access.Identity{Name: "olga", Role: access.Viewer, Owns: []string{"a"}, Via: "session", Proof: "p"}
}

// TestDetailOffersWhatIsAllowed: each person finds on the pages of an extension the forms
// and links for what they may do, and no others.
func TestDetailOffersWhatIsAllowed(t *testing.T) {
	e := host.Extension{
		ID: "a", Name: "Alpha", Version: "2", Digest: "d2", File: "a.jar", State: "running", PID: 1, Enabled: true,
		Signature:   host.Signature{State: "valid"},
		Permissions: []string{"kv", "events"},
		Grants:      []host.Grant{{Permission: "kv", By: "admin", At: time.Now()}},
		Denied:      []host.Grant{{Permission: "events", By: "admin", At: time.Now()}},
		Versions:    []host.Version{{Version: "2", Digest: "d2", Current: true}, {Version: "1", Digest: "d1"}},
		Candidate:   &host.Candidate{Version: "3", Digest: "d3", State: "failed", Reason: &host.Reason{Code: "needs_consent"}},
		Consent:     &host.Consent{Version: "3", Digest: "d3", File: "a-3.jar", Needs: []host.Need{{Kind: host.NeedPermission, What: "net:x:1"}}},
		LogLevel:    host.LogLevel{Value: "info", Default: "info"},
	}
	p, err := New(Config{Host: study{newHouse(e)}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, route := range p.desk.Routes() {
		if route.Method == "GET" {
			mux.HandleFunc(route.Path, func(w http.ResponseWriter, r *http.Request) {
				if err := route.Serve(w, r); err != nil {
					t.Errorf("%s: %v", r.URL, err)
				}
			})
		}
	}
	const (
		operate = "restart disable recheck rollback pin log-level types/a.Request"
		remove  = " remove"
	)
	for name, c := range map[string]struct {
		who access.Identity
		may string
	}{
		"a viewer":         {viewer(), ""},
		"an operator":      {operator(), operate},
		"an owner":         {owner(), operate + remove},
		"an administrator": {admin(), operate + remove + " consent revoke remove?purge"},
		// Of what helps, pages that ask first are linked for who has the right; there is no form.
		"a program": {access.Identity{Name: "ada", Role: access.Administrator, Via: "token"}, "remove"},
	} {
		t.Run(name, func(t *testing.T) {
			offered := map[string]bool{}
			for _, tab := range []string{"", "/trust", "/types/a.Request", "/logs", "/versions"} {
				r := httptest.NewRequest("GET", "/admin/extensions/a"+tab, nil)
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r.WithContext(access.With(r.Context(), c.who)))
				doc, err := html.Parse(strings.NewReader(w.Body.String()))
				if err != nil || w.Code != 200 {
					t.Fatalf("%s: %d, %v", tab, w.Code, err)
				}
				offers(doc, offered)
			}
			want := map[string]bool{}
			for _, verb := range strings.Fields(c.may) {
				want[verb] = true
			}
			if fmt.Sprint(offered) != fmt.Sprint(want) {
				t.Errorf("offered %v\nwant %v", offered, want)
			}
		})
	}
}

// offers collects what the forms and links of a page do to the extension a.
func offers(doc *html.Node, into map[string]bool) {
	verbs := map[string]bool{}
	for _, v := range asked() {
		verbs[string(v)] = true
	}
	for n := range doc.Descendants() {
		var at string
		for _, a := range n.Attr {
			if n.Data == "form" && a.Key == "action" || n.Data == "a" && a.Key == "href" {
				at = a.Val
			}
		}
		u, err := url.Parse(at)
		what, ok := strings.CutPrefix(u.Path, "/admin/extensions/a/")
		switch {
		case err != nil || !ok:
		case n.Data == "form" && what != "logs": // that one only asks
			into[what] = true
		case verbs[what] && u.Query().Get("purge") != "":
			into[what+"?purge"] = true
		case verbs[what]:
			into[what] = true
		}
	}
}
