package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
)

// TestForms: a list comes compressed to those who take it so, each form with its own ETag; and
// caches are told all that it depends on.
func TestForms(t *testing.T) {
	t.Parallel()
	acme := bundletest.NewSigner("acme.example", helloID, nil)
	r := start(t, backends.SQLite(t), bundletest.ChainPEM(acme.Root))
	r.published(r.publisher(acme, "acme.example"), hello(acme, "1.0.0"))
	for _, path := range []string{"/api/v1/listings", "/api/v1/listings?label=none", "/api/v1/listings/" + helloID} {
		for range 2 { // made, then kept
			plain, zipped := r.get(path), r.get(path, header("Accept-Encoding", "gzip"))
			reader, err := gzip.NewReader(bytes.NewReader(zipped.body))
			if err != nil || zipped.header.Get("Content-Encoding") != "gzip" {
				t.Fatalf("%s is not compressed: %v, %v", path, zipped.header, err)
			}
			if text, err := io.ReadAll(reader); err != nil || !bytes.Equal(text, plain.body) {
				t.Errorf("%s is %q compressed and %q not, %v", path, text, plain.body, err)
			}
			if plain.header.Get("Etag") == zipped.header.Get("Etag") || !slices.Contains(zipped.header["Vary"], "Accept-Encoding") {
				t.Errorf("%s: %v and %v", path, plain.header, zipped.header)
			}
			if list := !strings.HasSuffix(path, helloID); list && !slices.Contains(zipped.header["Vary"], "Accept-Language") {
				t.Errorf("%s depends on %q only", path, zipped.header["Vary"])
			}
			for _, a := range []answer{
				r.get(path, header("If-None-Match", plain.header.Get("Etag"))), r.get(path, header("Accept-Encoding", "gzip"), header("If-None-Match", zipped.header.Get("Etag"))),
			} {
				if a.status != 304 {
					t.Errorf("%s: %d for what is known", path, a.status)
				}
			}
		}
	}
}

// TestDownload: a file comes whole, in part, or not at all for those who have it.
func TestDownload(t *testing.T) {
	t.Parallel()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		acme := bundletest.NewSigner("acme.example", helloID, nil)
		r := start(t, b, bundletest.ChainPEM(acme.Root))
		jar := hello(acme, "1.0.0")
		r.published(r.publisher(acme, "acme.example"), jar)
		path := "/api/v1/listings/" + helloID + "/releases/1.0.0/download"
		etag := r.get(path).header.Get("Etag")
		for _, c := range []struct {
			name    string
			method  string
			path    string
			options []option
			status  int
			body    []byte
		}{
			{"whole", "GET", path, nil, 200, jar},
			{"for a platform", "GET", path + "?platform=server", nil, 200, jar},
			{"for another platform", "GET", path + "?platform=plan9-vax", nil, 404, nil},
			{"its header only", "HEAD", path, nil, 200, []byte{}},
			{"the rest", "GET", path, []option{header("Range", "bytes=100-")}, 206, jar[100:]},
			{"the rest if it is the same", "GET", path, []option{header("Range", "bytes=100-"), header("If-Range", etag)}, 206, jar[100:]},
			{"whole since it is another", "GET", path, []option{header("Range", "bytes=100-"), header("If-Range", `"sha256-00"`)}, 200, jar},
			{"no such part", "GET", path, []option{header("Range", "bytes=999999999-")}, 416, nil},
			{"what I have", "GET", path, []option{header("If-None-Match", etag)}, 304, []byte{}},
			{"not compressed", "GET", path, []option{header("Accept-Encoding", "gzip")}, 200, jar},
			{"a version that there is not", "GET", strings.Replace(path, "1.0.0", "9", 1), nil, 404, nil},
			{"a listing that there is not", "GET", strings.Replace(path, helloID, "a.b", 1), nil, 404, nil},
			{"a picture that there is not", "GET", "/api/v1/listings/" + helloID + "/icon", nil, 404, nil},
			{"a parameter that there is not", "GET", path + "?plattform=server", nil, 400, nil},
		} {
			a := r.send(c.method, c.path, nil, c.options...)
			if a.status != c.status || c.body != nil && !bytes.Equal(a.body, c.body) {
				t.Errorf("%s: %d with %d bytes, want %d with %d", c.name, a.status, len(a.body), c.status, len(c.body))
			}
		}
		a := r.send("HEAD", path, nil)
		if a.header.Get("Content-Length") != strconv.Itoa(len(jar)) || !strings.Contains(a.header.Get("Content-Disposition"), "1.0.0.jar") || a.header.Get("Content-Type") != "application/java-archive" {
			t.Errorf("the header is %v", a.header)
		}
	})
}

// TestIndex: a client verifies what the store serves, by the store's own root.
func TestIndex(t *testing.T) {
	t.Parallel()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		acme := bundletest.NewSigner("acme.example", helloID, nil)
		r := start(t, b, bundletest.ChainPEM(acme.Root))
		jar := hello(acme, "1.0.0")
		r.published(r.publisher(acme, "acme.example"), jar)
		view := r.view()
		l, err := view.Listing(t.Context(), helloID)
		if err != nil || l.Releases[0].Version != "1.0.0" {
			t.Fatalf("%+v, %v", l, err)
		}
		file := l.Releases[0].Files[0]
		var got growing
		if err := view.Download(t.Context(), store.ReleaseFile{Listing: helloID, Version: "1.0.0", File: file}, &got, nil); err != nil || !bytes.Equal(got.Bytes(), jar) {
			t.Errorf("downloaded %d bytes: %v", got.Len(), err)
		}
		first := r.get("/api/v1/snapshot/timestamp")
		if a := r.get("/api/v1/snapshot/timestamp", header("If-None-Match", first.header.Get("Etag"))); a.status != 304 {
			t.Errorf("the timestamp is answered again: %d", a.status)
		}
		index := r.get("/api/v1/snapshot", header("Accept-Encoding", "gzip"))
		if index.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("the snapshot is not compressed: %v", index.header)
		}
		object := r.get("/api/v1/snapshot/objects/" + view.Timestamp().Snapshot.Digest)
		if object.status != 200 || !strings.Contains(object.header.Get("Cache-Control"), "immutable") || store.Digest(object.body) != view.Timestamp().Snapshot.Digest {
			t.Errorf("the object is %d %v", object.status, object.header)
		}
		if a := r.get("/api/v1/snapshot/objects/sha256:00"); a.status != 404 {
			t.Errorf("what is no digest is answered with %d", a.status)
		}
	})
}

// growing is a file in memory that is only appended to.
type growing struct{ bytes.Buffer }

func (*growing) Seek(int64, int) (int64, error) { return 0, nil }
func (*growing) Read([]byte) (int, error)       { return 0, io.EOF }
func (g *growing) Truncate(n int64) error       { g.Buffer.Truncate(int(n)); return nil }

// TestSubmitTwice: a submission is one for its key, and for its bytes.
func TestSubmitTwice(t *testing.T) {
	t.Parallel()
	acme := bundletest.NewSigner("acme.example", helloID, nil)
	r := start(t, backends.SQLite(t), bundletest.ChainPEM(acme.Root))
	token := r.publisher(acme, "acme.example")
	jar := hello(acme, "1.0.0")
	first := read[store.Submission](t, r.submit(token, jar, "?file=a.jar&channel=beta", header("Idempotency-Key", "k1")))
	r.shows(helloID, "1.0.0", store.Published)
	again := read[store.Submission](t, r.submit(token, jar, "?file=a.jar&channel=beta", header("Idempotency-Key", "k1")))
	if again.Number != first.Number || first.File != "a.jar" || first.Channel != store.Beta {
		t.Errorf("%+v, then %+v", first, again)
	}
	if same := r.submit(token, jar, ""); same.status/100 != 2 {
		t.Errorf("the same bytes again: %d %s", same.status, same.body)
	}
	if l := read[store.Listing](t, r.get("/api/v1/listings/"+helloID)); len(l.Releases) != 1 {
		t.Errorf("there are %d releases", len(l.Releases))
	}
	late := read[store.Submission](t, r.submit(token, hello(acme, "1.1.0"), "?wait=false"))
	done := read[store.Submission](t, r.get(fmt.Sprintf("/api/v1/submissions/%d?wait=true", late.Number), bearer(token)))
	if done.State != store.Accepted {
		t.Errorf("waited for %+v", done)
	}
	for name, a := range map[string]answer{
		"a form":              r.send("POST", "/api/v1/submissions", strings.NewReader("x"), bearer(token), header("Content-Type", "multipart/form-data; boundary=x")),
		"a key of two lines":  r.submit(token, jar, "", header("Idempotency-Key", "a b")),
		"no such channel":     r.submit(token, jar, "?channel=nightly"),
		"nothing":             r.submit(token, nil, ""),
		"a compressed bundle": r.submit(token, jar, "", header("Content-Encoding", "gzip")),
	} {
		if a.status != 400 && a.status != 415 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// TestHostileRequests: what is sent by who means harm is answered with a problem.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	r := start(t, backends.SQLite(t), nil, func(c *server.Config) {
		c.MaxBytes, c.Stall = 1<<20, 300*time.Millisecond
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	big := func(n int64) io.Reader { return io.LimitReader(zeros{}, n) }
	for _, c := range []struct {
		name   string
		a      answer
		status int
	}{
		{"a file that is too large and says so", r.send("POST", "/api/v1/submissions", bytes.NewReader(make([]byte, 1<<20+1)), bearer(r.admin), header("Content-Type", "application/octet-stream")), 413},
		{"a file that is too large and does not say so", r.send("POST", "/api/v1/submissions", struct{ io.Reader }{big(1<<20 + 1)}, bearer(r.admin), header("Content-Type", "application/octet-stream")), 413},
		{"JSON that is too large", r.post("/api/v1/organizations", strings.Repeat("x", 70_000)), 413},
		{"JSON that is none", r.send("POST", "/api/v1/organizations", strings.NewReader("{"), bearer(r.admin), header("Content-Type", "application/json")), 400},
		{"a member that there is not", r.post("/api/v1/tokens", map[string]any{"name": "x", "role": "reviewer", "admin": true}), 400},
		{"two objects", r.send("POST", "/api/v1/tokens", strings.NewReader("{}{}"), bearer(r.admin), header("Content-Type", "application/json")), 400},
		{"a thousand and one", r.post("/api/v1/updates", store.UpdateQuery{Installed: make([]store.Installed, 1001)}), 400},
		{"a version that is none", r.post("/api/v1/updates", store.UpdateQuery{HostVersion: "new"}), 400},
		{"a parameter twice", r.get("/api/v1/listings?q=a&q=b"), 400},
		{"a limit too high", r.get("/api/v1/listings?limit=100000"), 400},
		{"a cursor that is none", r.get("/api/v1/listings?cursor=%00"), 400},
		{"a search of nothing but quotes", r.get("/api/v1/listings?q=%22%27%22*%20OR%20NEAR("), 200},
		{"a path with dots", r.get("/api/v1/listings/..%2f..%2fetc/releases/1/download"), 404},
		{"a path that there is not", r.get("/api/v1/nothing"), 404},
		{"a method that there is not", r.send("DELETE", "/api/v1/listings", nil), 405},
		{"a password", r.get("/api/v1/tokens", header("Authorization", "Basic cm9vdDpyb290")), 401},
		{"an endless token", r.get("/api/v1/tokens", bearer(strings.Repeat("x", 10_000))), 401},
		{"a header that is too large", r.get("/healthz", header("X", strings.Repeat("x", 64<<10))), 431},
		{"a forged proxy", r.get("/api/v1/listings", header("X-Forwarded-For", "unknown, 999.1.1.1, ::::")), 200},
	} {
		if c.a.status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, c.a.status, c.a.body, c.status)
		}
	}
	if a := r.get("/healthz"); string(a.body) != `{"status":"ok"}` {
		t.Errorf("the store is %s", a.body)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestSlowClients: who stands still is not waited for.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	r := start(t, backends.SQLite(t), nil, func(c *server.Config) { c.Stall = 300 * time.Millisecond })
	for name, sent := range map[string]string{
		"in the header": "GET /api/v1/listings HTTP/1.1\r\nHost: x\r\nX-",
		"in a file": "POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + r.admin +
			"\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\nPK",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			if resp.StatusCode != 408 && resp.StatusCode != 400 {
				t.Errorf("%s: %d", name, resp.StatusCode)
			}
		}
		if netErr, ok := err.(net.Error); ok && netErr.Timeout() {
			t.Errorf("%s: the connection is still open", name)
		}
	}
}
