package admin

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const jar = "application/java-archive"

func TestUpload(t *testing.T) {
	t.Parallel()
	const small = "PK\x03\x04 and so on"
	most := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name, query, media, body string
		want                     int
		says                     string
	}{
		{name: "a JAR", media: jar, body: small, want: 202},
		{name: "bytes", media: "application/octet-stream; x=y", body: small, want: 202},
		{name: "as large as may be", media: jar, body: most, want: 202},
		{name: "a byte more", media: jar, body: most + "x", want: 413, says: "larger than 1048576 bytes, the limit bundle.max_bytes"},
		{name: "dry run", query: "?dry_run=true", media: jar, body: small, want: 200},
		{name: "dry run does not wait", query: "?dry_run=true&wait=true", media: jar, body: small, want: 200},
		{name: "no dry run", query: "?dry_run=false", media: jar, body: small, want: 202},
		{name: "misspelt dry run", query: "?dryrun=true", media: jar, body: small, want: 400, says: `no parameter "dryrun" here; it takes dry_run, wait`},
		{name: "unclear dry run", query: "?dry_run=1", media: jar, body: small, want: 400, says: "dry_run=true or dry_run=false"},
		{name: "nothing", media: jar, want: 400, says: "no body"},
		{name: "no media type", body: small, want: 415, says: "application/java-archive"},
		{name: "what curl says by itself", media: "application/x-www-form-urlencoded", body: small, want: 415, says: "field file"},
		{name: "another archive", media: "application/zip", body: small, want: 415},
		{name: "JSON", media: "application/json", body: "{}", want: 415},
		{name: "a broken media type", media: jar + "; =", body: small, want: 415},
		{name: "mixed parts", media: "multipart/mixed; boundary=b", body: small, want: 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(running())
			w := ask(mustNew(t, cfg).serve(), "POST", "/api/v1/extensions"+c.query, withToken, withBody(c.media, c.body))
			checkUploaded(t, w, cfg.Host.(*shelf), c.want, c.says)
			if c.want >= 300 {
				return
			}
			got := cfg.Host.(*shelf).lastUpload(t)
			if got.sum != sha256.Sum256([]byte(c.body)) || got.Size != int64(len(c.body)) || got.DryRun != (c.want == 200) ||
				got.Actor != (host.Actor{Name: "admin", Remote: "192.0.2.1"}) {
				t.Errorf("the host saw %+v", got)
			}
			location := w.Header().Get("Location")
			if (location == "/api/v1/extensions/"+running().ID) != (c.want == 202) {
				t.Errorf("Location %q", location)
			}
		})
	}
}

// checkUploaded checks an answer to an upload.
func checkUploaded(t *testing.T, w *httptest.ResponseRecorder, s *shelf, want int, says string) {
	t.Helper()
	if w.Code != want || !strings.Contains(w.Body.String(), strings.ReplaceAll(says, `"`, `\"`)) {
		t.Fatalf("%d %s, want %d with %q", w.Code, w.Body, want, says)
	}
	if want >= 400 {
		checkProblem(t, w)
		if w.Header().Get("Connection") != "close" && want != 400 {
			t.Error("the connection is kept")
		}
		for _, u := range s.uploads {
			if u.err == nil {
				t.Errorf("the host took it: %+v", u)
			}
		}
		return
	}
	var done map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &done); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "version", "digest", "job", "action", "state", "reason", "from", "warnings"} {
		if _, ok := done[name]; !ok {
			t.Errorf("the answer has no %s: %s", name, w.Body)
		}
	}
	if _, ok := done["warnings"].([]any); !ok || done["id"] != running().ID {
		t.Errorf("answer %s", w.Body)
	}
}

func TestNoCodedUploads(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	w := ask(mustNew(t, cfg).serve(), "POST", "/api/v1/extensions", withToken, withBody(jar, "x"), withHeader("Content-Encoding", "gzip"))
	checkUploaded(t, w, cfg.Host.(*shelf), 415, "without Content-Encoding")
}

// field is one part of a form.
func field(name, head, body string) string {
	return fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=%q%s\r\n\r\n%s\r\n", name, head, body)
}

func TestForms(t *testing.T) {
	t.Parallel()
	const end = "--b--\r\n"
	file := field("file", `; filename="../../etc/passwd"`, "PK content")
	most := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name, media, body string
		want              int
		says, file        string
	}{
		{name: "one file", body: file + end, want: 202, file: "PK content"},
		{name: "an empty file", body: field("file", "", "") + end, want: 202},
		{name: "as large as may be", body: field("file", "", most) + end, want: 202, file: most},
		{name: "a byte more", body: field("file", "", most+"x") + end, want: 413, says: "bundle.max_bytes"},
		{name: "much more", body: field("file", "", most+most) + end, want: 413, says: "bundle.max_bytes"},
		{name: "boundaries within", body: field("file", "", "\r\n--\r\n--bb\r\n--c--\r\n--") + end, want: 202, file: "\r\n--\r\n--bb\r\n--c--\r\n--"},
		{name: "nothing is decoded", body: field("file", "\r\nContent-Transfer-Encoding: quoted-printable", "a=3Db=\r\n") + end, want: 202, file: "a=3Db=\r\n"},
		{name: "preamble and epilogue", body: "hello\r\n" + file + end + "good bye", want: 202, file: "PK content"},
		{name: "another field", body: field("dry_run", "", "true") + file + end, want: 400, says: `a field "dry_run"`},
		{name: "another field behind", body: file + field("dry_run", "", "true") + end, want: 400, says: `a field "dry_run"`},
		{name: "two files", body: file + file + end, want: 400, says: "twice"},
		{name: "a field without name", body: "--b\r\n\r\nx\r\n" + end, want: 400, says: `a field ""`},
		{name: "no field", body: end, want: 400, says: "needs the field file"},
		{name: "no form", body: "PK\x03\x04", want: 400, says: "needs the field file"},
		{name: "no closing boundary", body: strings.TrimSuffix(file, "\r\n"), want: 400, says: "before its closing boundary"},
		{name: "a separator ends the file, too", body: file + "--b\r\n", want: 202, file: "PK content"},
		{name: "half a closing boundary", body: file + "--b-", want: 400, says: "before its closing boundary"},
		{name: "many fields", body: file + strings.Repeat(field("x", "", ""), 10_000) + end, want: 400, says: `a field "x"`},
		{name: "a field name that steers a terminal", body: field("\x1b[2J\u202e", "", "") + end, want: 400, says: `a field`},
		{name: "an endless preamble", body: strings.Repeat("x\r\n", 1<<16) + file + end, want: 400, says: "no field file in its first 65536 bytes"},
		{name: "an endless head", body: "--b\r\nX: " + strings.Repeat("x", 1<<18) + "\r\n", want: 400, says: "first 65536 bytes"},
		{name: "endless heads", body: "--b\r\n" + strings.Repeat("X: y\r\n", 1<<15) + "\r\n", want: 400, says: "can not be read"},
		{name: "an endless epilogue", body: file + end + strings.Repeat("x", 1<<18), want: 400, says: "more than 65536 bytes stand behind"},
		{name: "no boundary", media: "multipart/form-data", body: file + end, want: 400, says: "boundary"},
		{name: "a long boundary", media: "multipart/form-data; boundary=" + strings.Repeat("b", 71), body: file + end, want: 400, says: "boundary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(running())
			if c.media == "" {
				c.media = "multipart/form-data; boundary=b"
			}
			w := ask(mustNew(t, cfg).serve(), "POST", "/api/v1/extensions", withToken, withBody(c.media, c.body))
			checkUploaded(t, w, cfg.Host.(*shelf), c.want, c.says)
			if c.want == 202 {
				if got := cfg.Host.(*shelf).lastUpload(t); got.sum != sha256.Sum256([]byte(c.file)) || got.bytes != int64(len(c.file)) || got.Size != -1 {
					t.Errorf("the host saw %+v", got)
				}
			}
			if strings.ContainsAny(w.Body.String(), "\x1b\u202e") {
				t.Errorf("the problem can steer a terminal: %q", w.Body)
			}
		})
	}
}

// startWith starts a server as the command line makes it, with short deadlines.
func startWith(t *testing.T, h *tested, deadline time.Duration) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h.serve())
	s.Config.ReadTimeout, s.Config.WriteTimeout = deadline, deadline
	s.Config.ReadHeaderTimeout, s.Config.IdleTimeout = time.Minute, time.Minute // this machine may be busy
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// dial opens a connection and sends the head of an upload on it.
func dial(t *testing.T, address, head string) (net.Conn, *bufio.Reader) {
	t.Helper()
	return dialWith(t, address, head, "")
}

// dialWith is dial with the beginning of the body in the same write.
func dialWith(t *testing.T, address, head, body string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /api/v1/extensions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n%s\r\n%s", testToken, jar, head, body)
	return conn, bufio.NewReader(conn)
}

func answer(t *testing.T, r *bufio.Reader) (*http.Response, web.Problem) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	var p web.Problem
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= 400 {
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
	return resp, p
}

// TestUploadIsCut at its limit, and what came before was not kept: the host has each
// piece before the client sends the next.
func TestUploadIsCut(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.MaxUpload = 3 << 20
	var total atomic.Int64
	cfg.Host.(*shelf).read = func(r io.Reader) (int64, [32]byte, error) {
		buf := make([]byte, 1<<20)
		for {
			n, err := r.Read(buf)
			total.Add(int64(n))
			if err != nil {
				return total.Load(), [32]byte{}, err
			}
		}
	}
	conn, r := dial(t, startWith(t, mustNew(t, cfg), time.Minute), "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 100 {
		t.Fatalf("%+v, %v, want 100", resp, err)
	}
	piece := strings.Repeat("x", 64<<10)
	send := func() error {
		_, err := fmt.Fprintf(conn, "%x\r\n%s\r\n", len(piece), piece)
		return err
	}
	for sent := int64(len(piece)); sent < 1<<20; sent += int64(len(piece)) {
		if err := send(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(20 * time.Second); total.Load() < sent; <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("of %d bytes that were sent the host has %d", sent, total.Load())
			}
		}
	}
	written := make(chan error, 1)
	go func() {
		for { // for ever, as far as the client is concerned
			if err := send(); err != nil {
				written <- err
				return
			}
		}
	}()
	resp, p := answer(t, r)
	if resp.StatusCode != 413 || p.Code != "too_large" || !strings.Contains(p.Detail, "3145728 bytes, the limit bundle.max_bytes") || p.Hint == "" || !resp.Close {
		t.Errorf("%d %+v, close %v", resp.StatusCode, p, resp.Close)
	}
	if err := <-written; err == nil {
		t.Error("the server goes on reading")
	}
	got := cfg.Host.(*shelf).lastUpload(t)
	if got.bytes > cfg.MaxUpload || got.err == nil || got.Size != -1 {
		t.Errorf("the host got %+v", got)
	}
}

// TestNothingIsSentInVain: a client that asks first learns that it may not before it
// has sent a byte.
func TestNothingIsSentInVain(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	address := startWith(t, mustNew(t, cfg), time.Minute)
	for _, c := range []struct {
		name, head string
		want       int
	}{
		{"too large", "Content-Length: 1048577\r\n", 413},
		{"coded", "Content-Length: 10\r\nContent-Encoding: gzip\r\n", 415},
		{"a second token", "Content-Length: 1000\r\nHost: evil.example\r\n", 400}, // net/http itself
	} {
		_, r := dial(t, address, c.head+"Expect: 100-continue\r\n")
		resp, _ := http.ReadResponse(r, nil)
		if resp == nil || resp.StatusCode != c.want {
			t.Errorf("%s: %+v, want %d and no 100", c.name, resp, c.want)
		}
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(conn, "POST /api/v1/extensions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != 401 {
		t.Errorf("a stranger: %+v, %v, want 401", resp, err)
	}
	if n := len(cfg.Host.(*shelf).uploads); n != 0 {
		t.Errorf("%d uploads reached the host", n)
	}
}

// TestSlowUpload: what comes steadily may take longer than any request of the server;
// so may the host, when all has come, and an extension, until it has settled. The
// connection is as good as new then.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	const deadline = 300 * time.Millisecond
	cfg := testConfig(running())
	cfg.Host.(*shelf).read = func(r io.Reader) (int64, [32]byte, error) {
		n, sum, err := readAll(r)
		<-time.After(2 * deadline)
		return n, sum, err
	}
	cfg.Host.(*shelf).settle = func(ctx context.Context, _ string) error {
		<-time.After(2 * deadline)
		return ctx.Err()
	}
	conn, r := dial(t, startWith(t, mustNew(t, cfg), deadline), "Content-Length: 12\r\n")
	tick := time.NewTicker(deadline / 4)
	defer tick.Stop()
	for _, b := range []byte("PK steadily.") {
		<-tick.C
		if _, err := conn.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if resp, p := answer(t, r); resp.StatusCode != 202 || resp.Close {
		t.Errorf("%d %+v, close %v", resp.StatusCode, p, resp.Close)
	}
	for _, request := range []string{"GET /api/v1/extensions/" + running().ID + "?wait=true", "GET /api/v1/extensions"} {
		fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", request, testToken)
		if resp, p := answer(t, r); resp.StatusCode != 200 {
			t.Errorf("%s: %d %+v", request, resp.StatusCode, p)
		}
	}
	const body = `{"version": "5.0.0010"}`
	fmt.Fprintf(conn, "POST /api/v1/extensions/%s/pin?wait=true HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		running().ID, testToken, len(body), body)
	if resp, p := answer(t, r); resp.StatusCode != 200 {
		t.Errorf("a verb that takes long: %d %+v", resp.StatusCode, p)
	}
}

// TestStalledUpload is ended, whether it stops at once or halfway, with a sentence.
func TestStalledUpload(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"", "PK half"} {
		cfg := testConfig()
		h := mustNew(t, cfg)
		h.uploads.Stall = 50 * time.Millisecond
		// The part comes with the head: on a busy machine it might come too late otherwise.
		_, r := dialWith(t, startWith(t, h, time.Minute), "Content-Length: 100\r\n", part)
		resp, p := answer(t, r)
		if resp.StatusCode != 408 || p.Code != "deadline_exceeded" || !strings.Contains(p.Detail, "nothing came for 50ms") || !resp.Close {
			t.Errorf("after %q: %d %+v", part, resp.StatusCode, p)
		}
		if got := cfg.Host.(*shelf).lastUpload(t); got.bytes != int64(len(part)) || got.err == nil {
			t.Errorf("after %q the host got %+v", part, got)
		}
	}
	if h := mustNew(t, testConfig()); h.uploads.Stall != time.Minute {
		t.Errorf("the limit is %s", h.uploads.Stall)
	}
}

// TestBrokenUpload: the host sees that a connection ended too early.
func TestBrokenUpload(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	ended := make(chan error, 1)
	cfg.Host.(*shelf).read = func(r io.Reader) (int64, [32]byte, error) {
		n, sum, err := readAll(r)
		ended <- err
		return n, sum, err
	}
	conn, _ := dial(t, startWith(t, mustNew(t, cfg), time.Minute), "Content-Length: 100\r\n")
	fmt.Fprint(conn, "PK half")
	conn.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("half an upload looks complete")
		}
	case <-time.After(10 * time.Second):
		t.Error("the upload goes on without a client")
	}
}
