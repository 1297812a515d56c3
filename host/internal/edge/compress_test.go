package edge

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/sdk"
)

// encoded asks with this Accept-Encoding, and leaves the answer as it comes.
func (l *listener) encoded(method, path, accept string, headers ...string) reply {
	l.t.Helper()
	return l.send(method, path, "", append(headers, "Accept-Encoding", accept)...)
}

func (r reply) unzip(t *testing.T) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAnswersAreCompressed(t *testing.T) {
	for _, tc := range []struct {
		name, media string
		size        int
		varies      bool
	}{
		{"JSON", "application/json", 5000, true}, {"JSON of a kind", "application/geo+json; charset=utf-8", 5000, true}, {"text", "text/csv", 5000, true},
		{"SVG", "image/svg+xml", 5000, true}, {"script", "application/javascript", negotiate.WorthIt, true}, {"large", "text/plain", 900_000, true},
		{"small", "application/json", negotiate.WorthIt - 1, false}, {"picture", "image/png", 5000, false}, {"bytes", "application/octet-stream", 5000, false},
		{"events", "text/event-stream", 5000, false}, {"empty", "text/plain", 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			payload := strings.Repeat("0123456789", tc.size/10+1)[:tc.size]
			l := listen(t, Config{}, opaque(answering(sdk.Response{MediaType: tc.media, Payload: []byte(payload)})))
			plain := l.encoded("POST", "/v1/requests/x.Raw", "gzip;q=0")
			if plain.StatusCode != 200 || plain.body != payload || plain.Header.Get("Content-Encoding") != "" || (plain.Header.Get("Vary") != "") != tc.varies {
				t.Errorf("plain: %d, %d bytes, %v", plain.StatusCode, len(plain.body), plain.Header)
			}
			r := l.encoded("POST", "/v1/requests/x.Raw", "br, gzip")
			if !tc.varies {
				if r.body != payload || r.Header.Get("Content-Encoding") != "" {
					t.Errorf("%d bytes, %v", len(r.body), r.Header)
				}
				return
			}
			if r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("Vary") != "Accept-Encoding" || r.Header.Get("Content-Type") != tc.media || len(r.body) >= len(payload) {
				t.Errorf("%d bytes, %v", len(r.body), r.Header)
			}
			if got := r.unzip(t); got != payload {
				t.Errorf("%d bytes after unpacking", len(got))
			}
		})
	}
}

// TestCompressedDocuments: each form of a document has its own ETag, by which a
// client that has it is told so.
func TestCompressedDocuments(t *testing.T) {
	l := listen(t, Config{Origins: []string{"https://maps.example"}}, opaque(echo), typed(t, echo))
	for _, path := range []string{"/v1/openapi.json", "/v1/types/x.Hello", "/v1/types"} {
		plain, zipped := l.encoded("GET", path, "identity"), l.encoded("GET", path, "gzip")
		if plain.StatusCode != 200 || zipped.StatusCode != 200 {
			t.Fatal(path, plain.Status, zipped.Status)
		}
		large := len(plain.body) >= negotiate.WorthIt
		if vary := strings.Join(zipped.Header["Vary"], ", "); (zipped.Header.Get("Content-Encoding") == "gzip") != large || strings.Contains(vary, "Accept-Encoding") != large || !strings.Contains(vary, "Origin") {
			t.Errorf("%s of %d bytes: %v", path, len(plain.body), zipped.Header)
		}
		if large {
			if zipped.unzip(t) != plain.body || zipped.Header.Get("Etag") == plain.Header.Get("Etag") {
				t.Errorf("%s: %v, %v", path, plain.Header, zipped.Header)
			}
		}
		for accept, etag := range map[string]string{"identity": plain.Header.Get("Etag"), "gzip": zipped.Header.Get("Etag")} {
			if etag == "" {
				t.Errorf("%s as %s has no ETag", path, accept)
			}
			r := l.encoded("GET", path, accept, "If-None-Match", "W/"+etag)
			if r.StatusCode != 304 || r.Header.Get("Etag") != etag || r.Header.Get("Content-Encoding") != "" || r.body != "" {
				t.Errorf("%s as %s: %d %v", path, accept, r.StatusCode, r.Header)
			}
		}
		if large {
			if r := l.encoded("GET", path, "gzip", "If-None-Match", plain.Header.Get("Etag")); r.StatusCode != 200 {
				t.Errorf("%s: the other form's ETag: %d", path, r.StatusCode)
			}
		}
		if r := l.encoded("HEAD", path, "gzip"); r.StatusCode != 200 || r.Header.Get("Etag") != zipped.Header.Get("Etag") || r.body != "" {
			t.Errorf("HEAD %s: %d %v", path, r.StatusCode, r.Header)
		}
	}
	before := l.encoded("GET", "/v1/types/x.Hello", "identity").Header.Get("Etag")
	changed := typed(t, echo)
	changed.State = lifecycle.Backoff
	l.router.Swap(router.NewTable([]*router.Route{changed}))
	if after := l.encoded("GET", "/v1/types/x.Hello", "identity").Header.Get("Etag"); after == before {
		t.Error("another state has the same ETag")
	}
}

// TestWritersAreNotMixedUp: many clients at once, each gets its own bytes.
func TestWritersAreNotMixedUp(t *testing.T) {
	l := listen(t, Config{}, opaque(func(_ context.Context, req *sdk.Request) (*sdk.Response, error) {
		return &sdk.Response{MediaType: "text/plain", Payload: bytes.Repeat([]byte(req.ID+" "), 300)}, nil
	}))
	var clients sync.WaitGroup
	for _, id := range []string{"first", "second", "third", "fourth"} {
		clients.Go(func() {
			for range 20 {
				r := l.encoded("POST", "/v1/requests/x.Raw", "gzip", "Request-Id", id)
				if got := r.unzip(t); got != strings.Repeat(id+" ", 300) {
					t.Errorf("%s got %.20q", id, got)
				}
			}
		})
	}
	clients.Wait()
}
