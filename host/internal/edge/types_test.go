package edge

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

func TestTypes(t *testing.T) {
	late, stopped := opaque(nil), opaque(nil)
	late.Type, late.State = "x.Late", lifecycle.Backoff
	stopped.Type, stopped.State = "x.Stopped", lifecycle.Stopped
	l := listen(t, Config{}, opaque(echo), typed(t, echo), late, stopped)

	const hello = `{"type":"x.Hello","base":"x.Raw","response":"x.Answer","extension":"x.Extension","version":"1.0","state":"running","schema":` +
		`{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}}`
	const rest = `{"type":"x.Late","base":"x.Raw","response":"x.Answer","extension":"x.Extension","version":"1.0","state":"backoff","schema":null}`
	const raw = `{"type":"x.Raw","base":"x.Raw","response":"x.Answer","extension":"x.Extension","version":"1.0","state":"running","schema":null}`
	r := l.send("GET", "/v1/types", "")
	if want := `{"types":[` + strings.Join([]string{hello, rest, raw}, ",") + `]}`; r.body != want || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s as %s\nwant %s", r.body, r.Header.Get("Content-Type"), want)
	}
	if r := l.send("GET", "/v1/types/x.Hello", ""); r.StatusCode != 200 || r.body != hello {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := l.send("GET", "/v1/types/x%2ELate", ""); r.StatusCode != 200 || r.body != rest {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	for _, name := range []string{"x.Stopped", "x.Nobody", "%00"} {
		l.send("GET", "/v1/types/"+name, "").want(t, 404, sdk.UnknownType, "")
	}
	l.send("POST", "/v1/requests/x.Stopped", "").want(t, 503, sdk.Unavailable, "it is stopped")
}

func TestNoTypes(t *testing.T) {
	l := listen(t, Config{})
	if r := l.send("GET", "/v1/types", ""); r.body != `{"types":[]}` {
		t.Errorf("%s", r.body)
	}
	openAPI(t, l)
}

// TestDocumentsFollowTheTable: a document and its ETag change with the table.
func TestDocumentsFollowTheTable(t *testing.T) {
	l := listen(t, Config{}, opaque(echo))
	for _, path := range []string{"/v1/types", "/v1/openapi.json"} {
		l.router.Swap(router.NewTable([]*router.Route{opaque(echo)}))
		first := l.send("GET", path, "")
		etag := first.Header.Get("Etag")
		for _, value := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
			if r := l.send("GET", path, "", "If-None-Match", value); r.StatusCode != 304 || r.body != "" || r.Header.Get("Etag") != etag {
				t.Errorf("%s with %s: %d", path, value, r.StatusCode)
			}
		}
		l.router.Swap(router.NewTable([]*router.Route{opaque(echo)}))
		if r := l.send("GET", path, "", "If-None-Match", etag); r.StatusCode != 304 {
			t.Errorf("%s: %d for another table with the same types", path, r.StatusCode)
		}
		l.router.Swap(router.NewTable([]*router.Route{opaque(echo), typed(t, echo)}))
		r := l.send("GET", path, "", "If-None-Match", etag)
		if r.StatusCode != 200 || r.Header.Get("Etag") == etag || !strings.Contains(r.body, "x.Hello") {
			t.Errorf("%s: %d %s after a change", path, r.StatusCode, r.Header.Get("Etag"))
		}
		if r := l.send("GET", path, "", "Range", "bytes=99999999-"); r.StatusCode != 200 || !json.Valid([]byte(r.body)) {
			t.Errorf("%s with a range: %d", path, r.StatusCode)
		}
	}
}
