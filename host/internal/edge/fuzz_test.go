package edge

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/sdk"
)

// FuzzRequest: whatever a client writes into path, headers and body, the answer has
// a status of the table that is not 500, nothing panics, and a problem is one.
func FuzzRequest(f *testing.F) {
	r := router.New(router.Config{})
	r.Swap(router.NewTable([]*router.Route{opaque(echo), typed(f, echo)}))
	h := New(Config{Router: r, Validate: true, Log: slog.New(slog.DiscardHandler), Hosts: []string{"example.com"}})
	known := map[int]bool{200: true, 204: true}
	for _, s := range statuses() {
		known[s.status] = s.code != sdk.Internal
	}
	f.Add("POST", "x.Raw", "application/json", "1.5", "a", "https://a.example", "{}")
	f.Add("POST", "x.Hello", "application/json; charset=utf-8", "1e400", "", "", `{"name":"a"}`)
	f.Add("POST", "x%2fHello", `text/plain; a="`, "-0", "\r\n", "null", "\xff")
	f.Add("OPTIONS", "..%00", "", "0x1p3", "", "", "[[[[")
	f.Add("GET", "%zz", "a/b", "nan", "", "", "")
	f.Fuzz(func(t *testing.T, method, typ, media, timeout, id, origin, body string) {
		target := &url.URL{Scheme: "http", Host: "example.com", Path: "/v1/requests/" + typ}
		if decoded, err := url.PathUnescape(typ); err == nil {
			target.Path, target.RawPath = "/v1/requests/"+decoded, "/v1/requests/"+typ
		}
		req := (&http.Request{
			Method: method, URL: target, Host: "example.com", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: http.NoBody, ContentLength: -1,
		}).WithContext(t.Context())
		req.Body = struct {
			*strings.Reader
			nothing
		}{strings.NewReader(body), nothing{}}
		for name, value := range map[string]string{"Content-Type": media, "Request-Timeout": timeout, "Request-Id": id, "Origin": origin} {
			if value != "" {
				req.Header[name] = []string{value}
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if !known[w.Code] {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		if got := w.Header().Get("Request-Id"); !negotiate.IsRequestID(got) {
			t.Errorf("Request-Id %q", got)
		}
		if w.Code >= 400 && (w.Header().Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(w.Body.String(), `{"type":"about:blank"`)) {
			t.Errorf("status %d as %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if w.Code == 200 && w.Body.String() != body {
			t.Errorf("echoed %q for %q", w.Body, body)
		}
	})
}

// nothing makes a body of a reader.
type nothing struct{}

func (nothing) Close() error { return nil }

// FuzzBatch: whatever stands in the lines before it, the last line is answered, every
// answer is one line of JSON, there is at most one for each line, and none is 500.
func FuzzBatch(f *testing.F) {
	r := router.New(router.Config{})
	r.Swap(router.NewTable([]*router.Route{opaque(echo), typed(f, echo)}))
	h := New(Config{Router: r, Validate: true, Log: slog.New(slog.DiscardHandler), Hosts: []string{"example.com"}})
	f.Add(`{"id":"1","type":"x.Hello","payload":{"name":"a"}}` + "\n" + `{"id":"2","type":"x.Raw","payload_base64":"/w=="}`)
	f.Add("\n\r\n \n{\n}\n[]")
	f.Add(`{"id":"1","type":"x.Raw","payload":"` + "\xff" + `"}`)
	f.Add(`{"id":"` + "\xff" + `","type":"x.Raw","timeout":1e-400,"payload":0}`)
	f.Fuzz(func(t *testing.T, lines string) {
		body := lines + "\n" + `{"id":"the last","type":"x.Raw","payload":[]}`
		req := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/batch", strings.NewReader(body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		n, last := 0, false
		for line := range strings.Lines(w.Body.String()) {
			out := parseOut(t, line)
			last = last || out.ID != nil && *out.ID == "the last" && out.Status == 200
			if n++; out.Status == 500 || out.Status == 0 {
				t.Errorf("%s", out)
			}
		}
		if !last || n > 1+strings.Count(body, "\n") {
			t.Errorf("%d answers to %q: %s", n, body, w.Body)
		}
	})
}
