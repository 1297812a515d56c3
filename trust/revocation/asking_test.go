package revocation_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/trust/revocation"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// world is an authority whose certificates name a server, and a clock.
type world struct {
	*tt.Authority
	server   *httptest.Server
	mu       sync.Mutex
	now      time.Time
	handle   http.HandlerFunc
	requests atomic.Int32
}

// newWorld makes one; responder and lists say which addresses the certificates have.
func newWorld(t *testing.T, responder, lists bool) *world {
	w := &world{}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.requests.Add(1)
		w.mu.Lock()
		handle := w.handle
		w.mu.Unlock()
		handle(rw, r)
	}))
	t.Cleanup(w.server.Close)
	var ocspURL, listURL string
	if responder {
		ocspURL = w.server.URL + "/ocsp"
	}
	if lists {
		listURL = w.server.URL
	}
	w.Authority = tt.NewAuthority(t, tt.Reachable(ocspURL, listURL))
	w.now = w.Now
	return w
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) answers(handle http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handle = handle
}

// says answers with an OCSP answer about the leaf as of the clock of w, for a day.
func (w *world) says(t *testing.T, change func(*ocsp.Response)) {
	t.Helper()
	der := w.answer(t, change)
	w.answers(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(der) })
}

func (w *world) answer(t *testing.T, change func(*ocsp.Response)) []byte {
	t.Helper()
	return tt.OCSP(t, w.Extension.Cert, w.Organization, w.Responder, func(r *ocsp.Response) {
		r.ThisUpdate, r.NextUpdate = w.time(), w.time().Add(24*time.Hour)
		if change != nil {
			change(r)
		}
	})
}

func (w *world) silent() {
	w.answers(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusServiceUnavailable) })
}

func (w *world) checker(change ...func(*revocation.Config)) *revocation.Checker {
	config := revocation.Config{AllowPrivate: true, Now: w.time}
	for _, change := range change {
		change(&config)
	}
	return revocation.New(config)
}

func (w *world) check(t *testing.T, c *revocation.Checker) revocation.Answer {
	t.Helper()
	return c.Check(t.Context(), w.Extension.Cert, w.Organization.Cert, nil, nil)
}

// asked checks how many requests there were since the last time.
func (w *world) asked(t *testing.T, want int) {
	t.Helper()
	if got := int(w.requests.Swap(0)); got != want {
		t.Errorf("%d requests, want %d", got, want)
	}
}

func TestAskedOnceUntilRefresh(t *testing.T) {
	w := newWorld(t, true, false)
	dir := filepath.Join(t.TempDir(), "cache")
	c := w.checker(func(c *revocation.Config) { c.Dir = dir })
	w.says(t, nil)
	for range 3 {
		says(t, w.check(t, c), revocation.Good, "")
	}
	w.asked(t, 1)
	w.pass(59 * time.Minute)
	says(t, w.check(t, c), revocation.Good, "")
	w.asked(t, 0)

	again := w.checker(func(c *revocation.Config) { c.Dir = dir })
	says(t, w.check(t, again), revocation.Good, "")
	w.asked(t, 0)

	w.pass(time.Minute)
	says(t, w.check(t, c), revocation.Good, "")
	w.asked(t, 1)
	c.Forget()
	w.pass(time.Second)
	says(t, w.check(t, c), revocation.Good, "")
	w.asked(t, 1)
	says(t, w.check(t, c), revocation.Good, "")
	w.asked(t, 0)
}

func TestGoodUntilNextUpdateWhereNobodyAnswers(t *testing.T) {
	w := newWorld(t, true, false)
	c := w.checker()
	w.says(t, nil)
	says(t, w.check(t, c), revocation.Good, "")
	w.silent()
	w.pass(23 * time.Hour)
	says(t, w.check(t, c), revocation.Good, "answered 503")
	w.pass(2 * time.Hour)
	says(t, w.check(t, c), revocation.Unknown, "answered 503")
}

func TestAskedByGETAndPOST(t *testing.T) {
	w := newWorld(t, true, false)
	der := w.answer(t, nil)
	var method string
	var request *ocsp.Request
	w.answers(func(rw http.ResponseWriter, r *http.Request) {
		method = r.Method
		body, err := io.ReadAll(r.Body)
		if r.Method == http.MethodGet {
			// As RFC 6960, A.1 has it: base64, and that escaped.
			text, found := strings.CutPrefix(r.URL.EscapedPath(), "/ocsp/")
			if !found || strings.ContainsAny(text, "+/=") {
				t.Errorf("GET %s", r.URL)
			}
			if text, err = url.QueryUnescape(text); err == nil {
				body, err = base64.StdEncoding.DecodeString(text)
			}
		} else if got := r.Header.Get("Content-Type"); got != "application/ocsp-request" {
			t.Errorf("content type %s", got)
		}
		if err == nil {
			request, err = ocsp.ParseRequest(body)
		}
		if err != nil {
			t.Error(err)
		}
		rw.Write(der)
	})
	says(t, w.check(t, w.checker()), revocation.Good, "")
	if method != http.MethodGet || request.SerialNumber.Cmp(w.Extension.Cert.SerialNumber) != 0 {
		t.Errorf("%s for %x", method, request.SerialNumber)
	}
	long := w.Issue(t, w.Organization, w.Template(tt.Extension, func(c *x509.Certificate) {
		c.OCSPServer = []string{w.server.URL + "/" + strings.Repeat("long", 60)}
	}))
	answer := w.checker().Check(t.Context(), long.Cert, w.Organization.Cert, nil, nil)
	says(t, answer, revocation.Unknown, "another certificate")
	if method != http.MethodPost || request.SerialNumber.Cmp(long.Cert.SerialNumber) != 0 {
		t.Errorf("%s for %x", method, request.SerialNumber)
	}
}

func TestListsOverTheNetwork(t *testing.T) {
	w := newWorld(t, true, true)
	dir := t.TempDir()
	c := w.checker(func(c *revocation.Config) { c.Dir = dir })
	list := tt.CRL(t, w.Organization, 2, nil)
	newer, err := revocation.ParseCRL("newer", list)
	if err != nil {
		t.Fatal(err)
	}
	serve := func(der []byte) {
		w.answers(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/organization.crl" {
				rw.Write(der)
				return
			}
			http.NotFound(rw, r)
		})
	}
	serve(list)
	says(t, w.check(t, c), revocation.Good, "answered 404")
	w.asked(t, 2)
	says(t, w.check(t, c), revocation.Good, "")
	says(t, w.check(t, w.checker(func(c *revocation.Config) { c.Dir = dir })), revocation.Good, "")
	w.asked(t, 0)

	// An older list, still fresh, does not take the newer one's place.
	w.pass(time.Hour - 2*time.Minute)
	c.Forget()
	w.pass(time.Second)
	serve(tt.CRL(t, w.Organization, 1, func(l *x509.RevocationList) { l.ThisUpdate = l.ThisUpdate.Add(-time.Hour) }))
	if answer := w.check(t, c); answer.Status != revocation.Good || !answer.ThisUpdate.Equal(newer.List.ThisUpdate) {
		t.Errorf("%+v", answer)
	}

	for _, c := range []*revocation.Checker{c, w.checker(func(c *revocation.Config) { c.Dir, c.Offline = dir, true })} {
		if answer := w.check(t, c); !answer.ThisUpdate.Equal(newer.List.ThisUpdate) {
			t.Errorf("an older list is kept: %+v", answer)
		}
	}

	serve(tt.CRL(t, w.Organization, 3, nil, entry(w.Extension.Cert, revocation.KeyCompromise, w.Now)))
	c.Forget()
	w.pass(time.Second)
	says(t, w.check(t, c), revocation.Revoked, "answered 404")
}

// TestRevokedStays is an issuer, or somebody in the line, who says good after revoked.
func TestRevokedStays(t *testing.T) {
	w := newWorld(t, true, false)
	dir := t.TempDir()
	withDir := func(c *revocation.Config) { c.Dir = dir }
	c := w.checker(withDir)
	w.says(t, revokedFor(revocation.KeyCompromise, time.Hour))
	says(t, w.check(t, c), revocation.Revoked, "")
	w.pass(48 * time.Hour)
	w.says(t, nil)
	says(t, w.check(t, c), revocation.Revoked, "")
	c.Forget()
	says(t, w.check(t, c), revocation.Revoked, "")
	again := w.check(t, w.checker(withDir))
	says(t, again, revocation.Revoked, "")
	if again.Reason != revocation.KeyCompromise || again.RevokedAt.IsZero() {
		t.Errorf("%+v", again)
	}
	w.asked(t, 1) // what is settled is not asked again
	staple := w.answer(t, nil)
	says(t, c.Check(t.Context(), w.Extension.Cert, w.Organization.Cert, [][]byte{staple}, nil), revocation.Revoked, "")
}

// TestRevokedByListStays is a list that drops the certificate again.
func TestRevokedByListStays(t *testing.T) {
	w := newWorld(t, false, false)
	dir := t.TempDir()
	withDir := func(c *revocation.Config) { c.Dir = dir }
	lists := func(der []byte) []revocation.CRL {
		crl, err := revocation.ParseCRL("x.crl", der)
		if err != nil {
			t.Fatal(err)
		}
		return []revocation.CRL{crl}
	}
	on := lists(tt.CRL(t, w.Organization, 1, nil, entry(w.Extension.Cert, revocation.Unspecified, w.Now)))
	off := lists(tt.CRL(t, w.Organization, 2, func(l *x509.RevocationList) { l.ThisUpdate = l.ThisUpdate.Add(time.Second) }))
	c := w.checker(withDir)
	says(t, c.Check(t.Context(), w.Extension.Cert, w.Organization.Cert, nil, on), revocation.Revoked, "")
	says(t, c.Check(t.Context(), w.Extension.Cert, w.Organization.Cert, nil, off), revocation.Revoked, "")
	says(t, w.checker(withDir).Check(t.Context(), w.Extension.Cert, w.Organization.Cert, nil, off), revocation.Revoked, "")
	says(t, w.checker().Check(t.Context(), w.Extension.Cert, w.Organization.Cert, nil, off), revocation.Good, "")
}

func TestHoldIsLifted(t *testing.T) {
	w := newWorld(t, true, false)
	dir := t.TempDir()
	withDir := func(c *revocation.Config) { c.Dir = dir }
	c := w.checker(withDir)
	earlier := w.answer(t, nil)
	w.pass(2 * time.Hour)
	w.says(t, revokedFor(revocation.CertificateHold, 0))
	says(t, w.check(t, c), revocation.Revoked, "")
	w.pass(2 * time.Hour)
	w.answers(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(earlier) })
	says(t, w.check(t, c), revocation.Revoked, "") // what was said before does not lift it
	w.pass(2 * time.Hour)
	w.says(t, nil)
	says(t, w.check(t, c), revocation.Good, "")
	w.silent()
	w.pass(48 * time.Hour)
	says(t, w.check(t, c), revocation.Unknown, "503") // it is not on hold any more
	w.pass(2 * time.Hour)
	says(t, w.check(t, w.checker(withDir)), revocation.Unknown, "503")
}

// TestReasonGetsGraver is a certificate that was superseded, and whose key was lost then.
func TestReasonGetsGraver(t *testing.T) {
	w := newWorld(t, true, false)
	c := w.checker()
	w.says(t, revokedFor(revocation.Superseded, 0))
	if answer := w.check(t, c); answer.Status != revocation.Revoked || answer.Reason != revocation.Superseded {
		t.Errorf("%+v", answer)
	}
	w.check(t, c)
	w.asked(t, 1)
	w.pass(2 * time.Hour)
	w.says(t, revokedFor(revocation.KeyCompromise, 0))
	if answer := w.check(t, c); answer.Reason != revocation.KeyCompromise {
		t.Errorf("%+v", answer)
	}
	w.asked(t, 1)
	w.pass(2 * time.Hour)
	w.says(t, revokedFor(revocation.Superseded, 0))
	if answer := w.check(t, c); answer.Reason != revocation.KeyCompromise {
		t.Errorf("%+v", answer)
	}
}

// TestBadListsOverTheNetwork is whoever answers in the place of the server of lists. What
// does not count is not kept, and the address left alone.
func TestBadListsOverTheNetwork(t *testing.T) {
	for name, row := range map[string]struct {
		says string
		list func(t *testing.T, w *world) []byte
	}{
		"by another of the issuer's name": {"not signed by the issuer", func(t *testing.T, w *world) []byte {
			return tt.CRL(t, w.Issue(t, w.Root, w.Template(tt.Organization)), 1, nil)
		}},
		"revoked, by another of the issuer's name": {"not signed by the issuer", func(t *testing.T, w *world) []byte {
			return tt.CRL(t, w.Issue(t, w.Root, w.Template(tt.Organization)), 1, nil, entry(w.Extension.Cert, 0, w.Now))
		}},
		"by the root": {"by another issuer", func(t *testing.T, w *world) []byte { return tt.CRL(t, w.Root, 1, nil) }},
		"stale": {"stale", func(t *testing.T, w *world) []byte {
			return tt.CRL(t, w.Organization, 1, func(l *x509.RevocationList) {
				l.ThisUpdate, l.NextUpdate = w.Now.Add(-2*time.Hour), w.Now.Add(-time.Hour)
			})
		}},
		"a page": {"not a certificate revocation list", func(*testing.T, *world) []byte { return []byte("<html>") }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false, true)
			list := row.list(t, w)
			w.answers(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(list) })
			dir := t.TempDir()
			c := w.checker(func(c *revocation.Config) { c.Dir = dir })
			says(t, w.check(t, c), revocation.Unknown, row.says)
			says(t, w.check(t, c), revocation.Unknown, "did not answer before")
			w.asked(t, 1)
			if kept, err := os.ReadDir(dir); err != nil || len(kept) > 0 {
				t.Errorf("%v is kept (%v)", kept, err)
			}
		})
	}
}

// TestStaleResponder is one that answers what it said last year: a list is asked for
// instead, and the responder left alone.
func TestStaleResponder(t *testing.T) {
	w := newWorld(t, true, true)
	stale := w.answer(t, func(r *ocsp.Response) { r.ThisUpdate, r.NextUpdate = w.Now.AddDate(-1, 0, 0), w.Now.AddDate(-1, 0, 1) })
	list := tt.CRL(t, w.Organization, 1, nil)
	w.answers(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".crl") {
			rw.Write(list)
			return
		}
		rw.Write(stale)
	})
	c := w.checker()
	says(t, w.check(t, c), revocation.Good, "stale")
	w.asked(t, 2)
}

func TestDisownedGoesBeforeLists(t *testing.T) {
	w := newWorld(t, false, false)
	disowned := w.answer(t, func(r *ocsp.Response) { r.Status, r.ThisUpdate = ocsp.Unknown, w.Now.Add(-time.Hour) })
	later, err := revocation.ParseCRL("later.crl", tt.CRL(t, w.Organization, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	says(t, w.checker().Check(t.Context(), w.Extension.Cert, w.Organization.Cert, [][]byte{disowned}, []revocation.CRL{later}), revocation.Disowned, "")
	good := w.answer(t, nil)
	for _, staples := range [][][]byte{{disowned, good}, {good, disowned}} {
		says(t, w.checker().Check(t.Context(), w.Extension.Cert, w.Organization.Cert, staples, nil), revocation.Good, "")
	}
}

// TestCacheIsNotBelieved is somebody who can write into the folder of the cache.
func TestCacheIsNotBelieved(t *testing.T) {
	w := newWorld(t, true, false)
	dir := t.TempDir()
	withDir := func(c *revocation.Config) { c.Dir = dir }
	w.says(t, nil)
	says(t, w.check(t, w.checker(withDir)), revocation.Good, "")
	w.asked(t, 1)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	forged := tt.OCSP(t, w.Extension.Cert, w.Organization, w.Extension, nil)
	for _, data := range [][]byte{forged, nil, []byte("hello"), make([]byte, 1<<20)} {
		if err := os.WriteFile(files[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(files[0], w.time(), w.time()); err != nil {
			t.Fatal(err)
		}
		w.silent()
		says(t, w.check(t, w.checker(withDir)), revocation.Unknown, "503")
		w.asked(t, 1)
	}
	// Nor can it be made to call a certificate revoked.
	name := strings.TrimSuffix(files[0], ".ocsp") + ".revoked.ocsp"
	if err := os.WriteFile(name, tt.OCSP(t, w.Extension.Cert, w.Organization, w.Extension, revokedFor(0, 0)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.says(t, nil)
	says(t, w.check(t, w.checker(withDir)), revocation.Good, "")
}

// TestKeptListIsNotBelieved is a list in the folder of the cache that somebody else wrote.
func TestKeptListIsNotBelieved(t *testing.T) {
	w := newWorld(t, false, true)
	dir := t.TempDir()
	offline := func(c *revocation.Config) { c.Dir, c.Offline = dir, true }
	list := tt.CRL(t, w.Organization, 1, nil)
	w.answers(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(list) })
	says(t, w.check(t, w.checker(func(c *revocation.Config) { c.Dir = dir })), revocation.Good, "")
	says(t, w.check(t, w.checker(offline)), revocation.Good, "")
	files, err := filepath.Glob(filepath.Join(dir, "*.crl"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	impostor := w.Issue(t, w.Root, w.Template(tt.Organization))
	for _, data := range [][]byte{tt.CRL(t, impostor, 2, nil), tt.CRL(t, impostor, 2, nil, entry(w.Extension.Cert, 0, w.Now)), []byte("hello"), nil} {
		if err := os.WriteFile(files[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		says(t, w.check(t, w.checker(offline)), revocation.Unknown, "")
	}
}

// TestNothingIsWrittenWithoutFolder is a checker that keeps its answers in memory.
func TestNothingIsWrittenWithoutFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	w := newWorld(t, true, false)
	w.says(t, revokedFor(0, 0))
	says(t, w.check(t, w.checker()), revocation.Revoked, "")
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestUnwritableCache(t *testing.T) {
	w := newWorld(t, true, false)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.says(t, revokedFor(0, 0))
	c := w.checker(func(c *revocation.Config) { c.Dir = filepath.Join(file, "cache") })
	says(t, w.check(t, c), revocation.Revoked, "")
}

func TestBadServers(t *testing.T) {
	for _, row := range []struct {
		name, says string
		handle     http.HandlerFunc
	}{
		{"error", "answered 500", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) }},
		{"nothing", "cannot be read", func(http.ResponseWriter, *http.Request) {}},
		{"page", "cannot be read", func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "<html>sign in") }},
		{"endless", "more than 16384 bytes", func(rw http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := rw.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}},
		{"silent", "no answer within", func(rw http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}},
		{"begins and stops", "reading the answer", func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(200)
			rw.(http.Flusher).Flush()
			<-r.Context().Done()
		}},
		{"redirect to another scheme", "another scheme", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "https://acme.example/", http.StatusFound)
		}},
		{"redirect to a file", "another scheme", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "file:///etc/passwd", http.StatusFound)
		}},
		{"redirect in a circle", "too often", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "/again", http.StatusFound)
		}},
		{"redirect to a link-local address", "link-local", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, true, false)
			w.answers(row.handle)
			c := w.checker(func(c *revocation.Config) {
				if strings.Contains(row.says, "answer within") || strings.Contains(row.says, "reading") {
					c.Timeout = 50 * time.Millisecond
				}
			})
			says(t, w.check(t, c), revocation.Unknown, row.says)
			// The address is left alone, twice as long each time.
			w.requests.Store(0)
			for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
				says(t, w.check(t, c), revocation.Unknown, "did not answer before")
				w.asked(t, 0)
				w.pass(wait)
				// Whether the request arrives within a short timeout is another matter.
				if answer := w.check(t, c); strings.Contains(strings.Join(answer.Problems, ""), "did not answer before") {
					t.Errorf("not asked again after %s", wait)
				}
				w.requests.Store(0)
			}
			// Forgetting makes up for it.
			w.says(t, nil)
			c.Forget()
			w.pass(time.Second)
			says(t, w.check(t, c), revocation.Good, "")
			// So does an answer: the next silence is the first one.
			w.answers(row.handle)
			w.pass(25 * time.Hour)
			says(t, w.check(t, c), revocation.Unknown, row.says)
			w.says(t, nil)
			w.pass(time.Minute)
			says(t, w.check(t, c), revocation.Good, "")
			w.answers(row.handle)
			w.pass(25 * time.Hour)
			says(t, w.check(t, c), revocation.Unknown, row.says)
			w.says(t, nil)
			w.pass(time.Minute)
			says(t, w.check(t, c), revocation.Good, "")
		})
	}
}

func TestBadAddresses(t *testing.T) {
	w := newWorld(t, false, false)
	for address, problem := range map[string]string{
		"ldap://acme.example/cn=x":                         "only http and https",
		"file:///etc/passwd":                               "only http and https",
		"gopher://127.0.0.1:25/x":                          "only http and https",
		"http://":                                          "without host",
		"http://me:secret@acme.example/":                   "with user",
		"http://acme.example/" + strings.Repeat("x", 1024): "characters",
		"http://[fe80::1%25lo]/":                           "",
	} {
		leaf := w.Issue(t, w.Organization, w.Template(tt.Extension, func(c *x509.Certificate) {
			c.OCSPServer, c.CRLDistributionPoints = []string{address}, []string{address}
		}))
		answer := w.checker().Check(t.Context(), leaf.Cert, w.Organization.Cert, nil, nil)
		if answer.Status != revocation.Unknown || len(answer.Problems) != 2 || !strings.Contains(answer.Problems[0], problem) {
			t.Errorf("%s: %+v", address, answer)
		}
	}
}

// TestEightStaplesAreRead is a bundle with a heap of them.
func TestEightStaplesAreRead(t *testing.T) {
	w := newWorld(t, false, false)
	staples := [][]byte{w.answer(t, nil)}
	for range 8 {
		staples = append([][]byte{[]byte("hello")}, staples...)
	}
	check := func(staples [][]byte) revocation.Status {
		return w.checker().Check(t.Context(), w.Extension.Cert, w.Organization.Cert, staples, nil).Status
	}
	if last, ninth := check(staples[1:]), check(staples); last != revocation.Good || ninth != revocation.Unknown {
		t.Errorf("the eighth says %d, the ninth %d", last, ninth)
	}
}

// TestTwoAddressesAreAsked is a certificate that names a hundred.
func TestTwoAddressesAreAsked(t *testing.T) {
	w := newWorld(t, false, false)
	w.silent()
	leaf := w.Issue(t, w.Organization, w.Template(tt.Extension, func(c *x509.Certificate) {
		for i := range 100 {
			c.OCSPServer = append(c.OCSPServer, w.server.URL+"/"+strings.Repeat("x", i))
		}
	}))
	says(t, w.checker().Check(t.Context(), leaf.Cert, w.Organization.Cert, nil, nil), revocation.Unknown, "503")
	w.asked(t, 2)
}

// TestNobodyElseIsAskedTooLate is a certificate all of whose addresses are silent.
func TestNobodyElseIsAskedTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := tt.NewAuthority(t)
		leaf := a.Issue(t, a.Organization, a.Template(tt.Extension, func(c *x509.Certificate) {
			c.OCSPServer = []string{"http://1.example/", "http://2.example/"}
			c.CRLDistributionPoints = []string{"http://3.example/", "http://4.example/"}
		}))
		requests := 0
		c := revocation.New(revocation.Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			requests++
			<-r.Context().Done()
			return nil, r.Context().Err()
		})})
		began := time.Now()
		says(t, c.Check(t.Context(), leaf.Cert, a.Organization.Cert, nil, nil), revocation.Unknown, "took too long")
		if requests != 2 || time.Since(began) > 10*time.Second {
			t.Errorf("%d requests, %s", requests, time.Since(began))
		}
	})
}

// TestStrangersCannotSilenceAResponder is a certificate that names the responder of
// another issuer, which has no answer for it.
func TestStrangersCannotSilenceAResponder(t *testing.T) {
	w := newWorld(t, true, false)
	c := w.checker()
	w.answers(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(ocsp.UnauthorizedErrorResponse) })
	evil := w.Issue(t, w.Root, w.Template(tt.Organization))
	leaf := w.Issue(t, evil, w.Template(tt.Extension))
	says(t, c.Check(t.Context(), leaf.Cert, evil.Cert, nil, nil), revocation.Unknown, "unauthorized")
	w.says(t, revokedFor(0, 0))
	says(t, w.check(t, c), revocation.Revoked, "")
}

func TestManyAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := tt.NewAuthority(t, tt.Reachable("http://acme.example/ocsp", ""))
		der := tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, nil)
		var requests atomic.Int32
		c := revocation.New(revocation.Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			requests.Add(1)
			time.Sleep(time.Second) // until all others wait for this one
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(der))}, nil
		})})
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				says(t, c.Check(t.Context(), a.Extension.Cert, a.Organization.Cert, nil, nil), revocation.Good, "")
			})
		}
		all.Wait()
		if got := requests.Load(); got != 1 {
			t.Errorf("%d requests", got)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestImpatientLeader is a caller that gives up while another one waits for the same.
func TestImpatientLeader(t *testing.T) {
	w := newWorld(t, true, false)
	der := w.answer(t, nil)
	first := make(chan struct{})
	var calls atomic.Int32
	w.answers(func(rw http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			close(first)
			<-r.Context().Done()
			return
		}
		rw.Write(der)
	})
	c := w.checker()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		says(t, c.Check(ctx, w.Extension.Cert, w.Organization.Cert, nil, nil), revocation.Unknown, "canceled")
	})
	<-first
	all.Go(func() { says(t, w.check(t, c), revocation.Good, "") })
	cancel()
	all.Wait()
}

// TestNobodyInsideIsAsked is a certificate whose addresses lead to this machine.
func TestNobodyInsideIsAsked(t *testing.T) {
	w := newWorld(t, true, true)
	w.says(t, nil)
	says(t, w.check(t, w.checker(func(c *revocation.Config) { c.AllowPrivate = false })), revocation.Unknown, "loopback")
	named := w.Issue(t, w.Organization, w.Template(tt.Extension, func(c *x509.Certificate) {
		c.OCSPServer = []string{strings.Replace(w.server.URL, "127.0.0.1", "localhost", 1)}
		c.CRLDistributionPoints = nil
	}))
	c := w.checker(func(c *revocation.Config) { c.AllowPrivate = false })
	says(t, c.Check(t.Context(), named.Cert, w.Organization.Cert, nil, nil), revocation.Unknown, "loopback")
	w.asked(t, 0)
}

func TestAddressesAreSaidOnce(t *testing.T) {
	w := newWorld(t, true, false)
	w.server.Close()
	answer := w.check(t, w.checker())
	says(t, answer, revocation.Unknown, "refused")
	if n := strings.Count(strings.Join(answer.Problems, ""), "http://"); n != 1 {
		t.Errorf("%q", answer.Problems)
	}
}

func TestOffline(t *testing.T) {
	w := newWorld(t, true, true)
	says(t, w.check(t, w.checker(func(c *revocation.Config) { c.Offline = true })), revocation.Unknown, "")
	w.asked(t, 0)
}
