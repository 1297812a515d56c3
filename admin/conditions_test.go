package admin

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// many returns n rows, in the order of a snapshot.
func many(n int) []host.Extension {
	rows := make([]host.Extension, n)
	for i := range rows {
		rows[i] = running()
		rows[i].ID = fmt.Sprintf("org.example.n%03d", i)
	}
	return rows
}

func TestPagesOfExtensions(t *testing.T) {
	t.Parallel()
	cfg := testConfig(many(7)...)
	h := mustNew(t, cfg).serve()
	read := func(query string) (ids []string, next string) {
		t.Helper()
		w := ask(h, "GET", "/api/v1/extensions"+query, withToken)
		var list struct {
			Extensions []host.Extension
			Next       string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s, %v", query, w.Code, w.Body, err)
		}
		for _, e := range list.Extensions {
			ids = append(ids, strings.TrimPrefix(e.ID, "org.example.n"))
		}
		return ids, list.Next
	}
	if ids, next := read(""); len(ids) != 7 || next != "" {
		t.Errorf("without parameters: %q, next %q; that is all of them", ids, next)
	}
	var seen []string
	for cursor := ""; ; {
		ids, next := read("?limit=3" + cursor)
		seen = append(seen, ids...)
		if len(seen) == 3 { // the last row that was seen goes before the next page is asked for
			cfg.Host.(*shelf).set(slices.Delete(many(7), 2, 3)...)
		}
		if cursor = "&cursor=" + next; next == "" {
			break
		}
	}
	if want := []string{"000", "001", "002", "003", "004", "005", "006"}; !slices.Equal(seen, want) {
		t.Errorf("page by page: %q", seen)
	}
	for _, query := range []string{"?limit=0", "?limit=501", "?cursor=x!", "?cursor=bm9uZQ", "?page=2"} {
		if w := ask(h, "GET", "/api/v1/extensions"+query, withToken); w.Code != 400 {
			t.Errorf("%s: %d, want 400", query, w.Code)
		}
	}
}

func TestVersionsOfAnswers(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	h := mustNew(t, cfg).serve()
	one := "/api/v1/extensions/" + running().ID
	for _, path := range []string{"/api/v1/extensions", one, one + "/history", "/api/v1/audit", "/api/v1/openapi.json"} {
		w := ask(h, "GET", path, withToken)
		etag := w.Header().Get("Etag")
		if w.Code != 200 || !strings.HasPrefix(etag, `"`) {
			t.Errorf("%s: %d, ETag %q", path, w.Code, etag)
		}
		if again := ask(h, "GET", path, withToken, withHeader("If-None-Match", etag)); again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("%s, which the client has: %d %s", path, again.Code, again.Body)
		}
		if other := ask(h, "GET", path, withToken, withHeader("If-None-Match", `"another"`)); other.Code != 200 {
			t.Errorf("%s, of which the client has another version: %d", path, other.Code)
		}
		head := ask(h, "HEAD", path, withToken)
		if head.Code != 200 || head.Header().Get("Etag") != etag || head.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Errorf("HEAD %s: %d %v", path, head.Code, head.Header())
		}
	}
	before := ask(h, "GET", one, withToken).Header().Get("Etag")
	row := running()
	row.ResidentBytes++
	cfg.Host.(*shelf).set(row)
	if w := ask(h, "GET", one, withToken, withHeader("If-None-Match", before)); w.Code != 200 {
		t.Errorf("a row that has changed: %d, want 200", w.Code)
	}
}

func TestCompressedAnswers(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(many(20)...)).serve()
	plain := ask(h, "GET", "/api/v1/extensions", withToken)
	zipped := ask(h, "GET", "/api/v1/extensions", withToken, withHeader("Accept-Encoding", "gzip"))
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatalf("%v: %v", zipped.Header(), err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != plain.Body.String() {
		t.Errorf("%d bytes after unpacking, %v, want %d", len(got), err, plain.Body.Len())
	}
	if zipped.Header().Get("Vary") != "Accept-Encoding" || zipped.Header().Get("Etag") == plain.Header().Get("Etag") {
		t.Errorf("headers of the compressed form: %v", zipped.Header())
	}
	etag := zipped.Header().Get("Etag")
	again := ask(h, "GET", "/api/v1/extensions", withToken, withHeader("Accept-Encoding", "gzip"), withHeader("If-None-Match", etag))
	if again.Code != 304 || again.Header().Get("Content-Encoding") != "" {
		t.Errorf("the compressed form again: %d %v", again.Code, again.Header())
	}
	if small := ask(h, "GET", "/api/v1/extensions/none/history?limit=1", withToken, withHeader("Accept-Encoding", "gzip")); small.Header().Get("Content-Encoding") != "" {
		t.Error("an answer of a few bytes is compressed")
	}
}

func TestChangesUnderACondition(t *testing.T) {
	t.Parallel()
	id := running().ID
	one := "/api/v1/extensions/" + id
	cfg := testConfig(running())
	s := cfg.Host.(*shelf)
	h := mustNew(t, cfg).serve()
	etag := ask(h, "GET", one, withToken).Header().Get("Etag")

	busy, disabled := running(), running()
	busy.ResidentBytes, busy.PID, busy.State = 1, 2, "backoff"
	busy.Reason = &host.Reason{Code: "crashed", Stage: "runtime"}
	disabled.Enabled = !disabled.Enabled
	for _, c := range []struct {
		name    string
		row     host.Extension
		ifMatch []string
		want    int
	}{
		{"as it was", running(), []string{etag}, 200},
		{"what changes by itself", busy, []string{etag}, 200},
		{"one of several", running(), []string{`"another", ` + etag}, 200},
		{"in another header", running(), []string{`"another"`, etag}, 200},
		{"anything", disabled, []string{"*"}, 200},
		{"somebody has disabled it", disabled, []string{etag}, 412},
		{"another tag", running(), []string{`"another"`}, 412},
		{"an empty tag", running(), []string{`""`}, 412},
		{"a weak tag", running(), []string{"W/" + etag}, 412},
		{"no tag", running(), []string{"nonsense"}, 400},
		{"an open tag", running(), []string{`"abc`}, 400},
		{"two tags without a comma", running(), []string{`"a" "b"`}, 400},
		{"too much", running(), []string{`"` + strings.Repeat("x", 5000) + `"`}, 400},
	} {
		for _, request := range [][2]string{{"POST", one + "/disable"}, {"POST", one + "/rollback"}, {"DELETE", one}} {
			s.set(c.row)
			before := len(s.did())
			w := ask(h, request[0], request[1], withToken, func(r *http.Request) { r.Header["If-Match"] = c.ifMatch })
			if w.Code != c.want {
				t.Errorf("%s: %s %s: %d %s, want %d", c.name, request[0], request[1], w.Code, w.Body, c.want)
			}
			if did := s.did()[before:]; len(did) != map[bool]int{true: 1}[c.want == 200] {
				t.Errorf("%s: the host was asked for %+v", c.name, did)
			} else if len(did) == 1 && c.ifMatch[0] != "*" && did[0].Revision != c.row.Revision() {
				t.Errorf("%s: the host was not told of the condition: %+v", c.name, did)
			}
			if w.Code == 412 {
				var p web.Problem
				if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != "conflict" || p.Hint == "" {
					t.Errorf("%s: %s, %v", c.name, w.Body, err)
				}
			}
		}
	}
	s.refuse = &host.Error{Code: host.CodeConflict, Message: "it has just changed", Stale: true}
	if w := ask(h, "POST", one+"/disable", withToken, withHeader("If-Match", "*")); w.Code != 412 {
		t.Errorf("the host sees the change: %d, want 412", w.Code)
	}
	s.refuse = nil
	if w := ask(h, "POST", "/api/v1/extensions/nobody/disable", withToken, withHeader("If-Match", etag)); w.Code != 404 {
		t.Errorf("no such extension: %d, want 404", w.Code)
	}
}

// TestWrongTokens: they are counted by address, and a right one is never refused.
func TestWrongTokens(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running())).serve()
	at := func(address string) func(*http.Request) {
		return func(r *http.Request) { r.RemoteAddr = address }
	}
	wrong := withHeader("Authorization", "Bearer nonsense")
	var last *httptest.ResponseRecorder
	for range 21 {
		last = ask(h, "GET", "/api/v1/extensions", wrong, at("192.0.2.9:1"))
	}
	seconds, err := strconv.Atoi(last.Header().Get("Retry-After"))
	if last.Code != 429 || err != nil || seconds < 1 || seconds > 60 {
		t.Errorf("the 21st wrong token: %d %v", last.Code, last.Header())
	}
	checkProblem(t, last)
	for _, c := range []struct {
		name   string
		change []func(*http.Request)
		want   int
	}{
		{"another address", []func(*http.Request){wrong, at("192.0.2.10:1")}, 401},
		{"without a token", []func(*http.Request){at("192.0.2.9:1")}, 401},
		{"the right token", []func(*http.Request){withToken, at("192.0.2.9:2")}, 200},
	} {
		if w := ask(h, "GET", "/api/v1/extensions", c.change...); w.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.want)
		}
	}
}

// TestRequestIDs: each answer has one, the problem says it, and so does the log.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	h := mustNew(t, testConfig(running())).serve()
	w := ask(h, "GET", "/api/v1/extensions/nobody", withToken, withHeader("Request-Id", "mine.1"))
	var p web.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.RequestID != "mine.1" || w.Header().Get("Request-Id") != "mine.1" {
		t.Errorf("%s, %v, %v", w.Body, w.Header(), err)
	}
	if id := ask(h, "GET", "/admin/", withHeader("Request-Id", "a b")).Header().Get("Request-Id"); len(id) != 24 {
		t.Errorf("an id that can not be kept became %q", id)
	}
}
