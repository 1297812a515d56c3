package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/sdktest"
)

//go:embed README.md
var readme string

//go:embed manifest.mf
var manifest string

// page is what the README shows.
const page = "<title>Example Domain</title>"

// start runs the extension with the permission to reach servers.
func start(t *testing.T, servers ...*httptest.Server) *sdktest.Extension {
	var permissions []string
	for _, s := range servers {
		permissions = append(permissions, "net:"+s.Listener.Addr().String())
	}
	return sdktest.Start(t, &fetch{}, sdktest.WithLog(sdktest.Silent()), sdktest.WithManifest(map[string]string{
		"extension_request": "examples.fetch.FetchRequest", "extension_response": "examples.fetch.FetchResponse",
		"extension_permissions": strings.Join(permissions, ", "),
	}))
}

func website(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

func TestConform(t *testing.T) {
	sdktest.Conform(t, func(t *testing.T) *sdktest.Extension { return start(t) })
}

func TestFetch(t *testing.T) {
	other := website(t, func(http.ResponseWriter, *http.Request) { t.Error("a server was asked that was not granted") })
	granted := website(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/here":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/long":
			_, _ = w.Write(make([]byte, 2*maxBody))
		case "/break":
			panic(http.ErrAbortHandler)
		case "/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, page)
		default:
			http.NotFound(w, r)
		}
	})
	ext := start(t, granted)
	for path, want := range map[string]response{
		"/":     {200, "text/html", page},
		"/here": {200, "text/html", page},
		"/none": {404, "text/plain; charset=utf-8", "404 page not found\n"},
		"/long": {200, "application/octet-stream", string(make([]byte, maxBody))},
	} {
		var got response
		if err := ext.Call(t.Context(), "examples.fetch.FetchRequest", request{granted.URL + path}, &got); err != nil || got != want {
			t.Errorf("%s: got %.200v, %v", path, got, err)
		}
	}
	for url, code := range map[string]sdk.Code{
		other.URL:               sdk.PermissionDenied,
		granted.URL + "/away":   sdk.PermissionDenied,
		granted.URL + "/break":  sdk.Unavailable,
		"https://example.org/":  sdk.PermissionDenied,
		"file:///etc/passwd":    sdk.InvalidArgument,
		"https:///":             sdk.InvalidArgument,
		"":                      sdk.InvalidArgument,
		"http://[::1":           sdk.InvalidArgument,
		"http://a b/":           sdk.InvalidArgument,
		"http://127.0.0.1:1/\n": sdk.InvalidArgument,
	} {
		err := ext.Call(t.Context(), "examples.fetch.FetchRequest", request{url}, nil)
		if sdk.CodeOf(err) != code || strings.Contains(fmt.Sprint(err), "127.0.0.1") {
			t.Errorf("%q: got %v, want %s", url, err, code)
		}
	}
	granted.Close()
	if err := ext.Call(t.Context(), "examples.fetch.FetchRequest", request{granted.URL}, nil); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("a server that has gone: %v", err)
	}
}

// TestREADME sends what the README sends, to a server that answers as it says, and
// holds the permission it shows to the manifest.
func TestREADME(t *testing.T) {
	granted := website(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, page)
	})
	_, rest, _ := strings.Cut(readme, "-d '")
	payload, rest, _ := strings.Cut(rest, "'")
	_, rest, _ = strings.Cut(rest, "```json\n")
	want, rest, _ := strings.Cut(rest, "\n")
	payload = strings.Replace(payload, "https://example.org", granted.URL, 1)
	got, err := start(t, granted).Do(t.Context(), &sdk.Request{Type: "examples.fetch.FetchRequest", Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	var is, shown response
	if json.Unmarshal(got.Payload, &is) != nil || json.Unmarshal([]byte(want), &shown) != nil || is != shown {
		t.Errorf("answer to %s is %s, want %s", payload, got.Payload, want)
	}
	_, rest, _ = strings.Cut(rest, "```\n")
	if permission, _, _ := strings.Cut(rest, "\n"); !strings.Contains(manifest, permission+"\n") {
		t.Errorf("the manifest does not have %q", permission)
	}
}
