package edge

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/mux"

	"github.com/jackfield-host/jackfield/host/internal/router"
)

// byPattern says what the path patterns make of r: the {type} of the hot route.
func byPattern(e *edge, r *http.Request) (string, bool) {
	var match mux.RouteMatch
	if !e.paths.Match(r, &match) || r.Method != http.MethodPost {
		return "", false
	}
	res := match.Handler.(*resource)
	template, _ := match.Route.GetPathTemplate()
	return match.Vars["type"], res.post != nil && template == requestsPath+"{type}"
}

func hotPaths() []string {
	return []string{
		"/v1/requests/x.Raw", "/v1/requests/", "/v1/requests", "/v1/requests//", "/v1/requests/x/", "/v1/requests/x/y",
		"/v1/requests/x%2Fy", "/v1/requests/%2F", "/v1/requests/x%2f", "/v1/requests/%78", "/v1/requests/a%20b", "/v1/requests/a+b",
		"/v1/requests/..", "/v1/requests/.", "/v1/requests/../types", "//v1/requests/x", "/V1/requests/x", "/v1/Requests/x",
		"/v1/requests/x?y=/z", "/v1/requests/x%3Fy", "/v1/requests/x;y", "/v1/requests/%0A", "/v1/requests/x%0Ay", "/v1/requests/%00",
		"/v1/requests/%FF", "/v1/requests/é", "/v1/requests/%C3%A9", "/v1%2Frequests/x", "/v1/requests%2Fx", "/v1/requests/%25", "/v1/types", "/v1/types/x",
		"/v1/requests/{type}", "/v1/requests/x#y", "*", "/", "/healthz",
	}
}

func TestHotRouteIsThatOfThePatterns(t *testing.T) {
	e := New(Config{Router: router.New(router.Config{}), Log: slog.New(slog.DiscardHandler)}).edge
	for _, method := range []string{"POST", "GET", "HEAD", "OPTIONS", "post"} {
		for _, target := range hotPaths() {
			u, err := url.ParseRequestURI(target)
			if err != nil {
				t.Fatal(err)
			}
			checkHot(t, e, &http.Request{Method: method, URL: u})
		}
	}
	for _, u := range []*url.URL{ // whose two forms contradict each other
		{Path: "/v1/requests/x y"}, {Path: "/v1/requests/x/y", RawPath: "/v1/requests/x%2Fy"},
		{Path: "/v1/requests/x", RawPath: "/v1/types"}, {Path: "/v1/requests/\n"}, {Path: "/v1/requests/%"},
	} {
		checkHot(t, e, &http.Request{Method: "POST", URL: u})
	}
}

func checkHot(t *testing.T, e *edge, r *http.Request) {
	t.Helper()
	want, isHot := byPattern(e, r)
	got, hot := hotType(r)
	if hot != isHot || hot && got != want {
		t.Errorf("%s %q: hot %t with the type %q; the patterns say %t and %q", r.Method, r.URL, hot, got, isHot, want)
	}
}

// FuzzHotRoute: whatever a client asks for, the two ways to find its route agree.
func FuzzHotRoute(f *testing.F) {
	for _, path := range hotPaths() {
		f.Add(path)
	}
	e := New(Config{Router: router.New(router.Config{}), Log: slog.New(slog.DiscardHandler)}).edge
	f.Fuzz(func(t *testing.T, target string) {
		if u, err := url.ParseRequestURI(target); err == nil {
			checkHot(t, e, &http.Request{Method: "POST", URL: u})
		}
	})
}

// TestExchangesAreNotMixedUp: what is used again for the next request holds nothing
// of the one before, whatever way that one ended.
func TestExchangesAreNotMixedUp(t *testing.T) {
	l := listen(t, Config{Hosts: []string{"localhost"}}, opaque(echo), typed(t, echo))
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for i := range 50 {
				id, payload := fmt.Sprintf("c%d-%d", c, i), strings.Repeat(fmt.Sprint(c), 1+i*97)
				ask := func(path, body string) *httptest.ResponseRecorder {
					w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "POST", path, bytes.NewReader([]byte(body)))
					r.Header.Set("Request-Id", id)
					r.Host = "localhost"
					l.handler.ServeHTTP(w, r)
					if got := w.Header().Get("Request-Id"); got != id {
						t.Errorf("%s answered as %s", id, got)
					}
					return w
				}
				if w := ask("/v1/requests/x.Raw", payload); w.Code != 200 || w.Body.String() != payload || w.Header().Get("Extension-Id") != "x.Extension" {
					t.Errorf("%s: %d with %d bytes", id, w.Code, w.Body.Len())
				}
				if w := ask("/v1/requests/x.Nobody", payload); w.Code != 404 || w.Header().Get("Extension-Id") != "" {
					t.Errorf("%s: %d from %q", id, w.Code, w.Header().Get("Extension-Id"))
				}
				if w := ask("/v1/requests/x.Hello", "{}"); w.Code != 422 {
					t.Errorf("%s: %d", id, w.Code)
				}
			}
		})
	}
	clients.Wait()
}
