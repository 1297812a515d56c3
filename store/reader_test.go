package store_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/storetest"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// mirror stands between a store and who reads it. Each function, when set, answers in the
// place of the store.
type mirror struct {
	*storetest.Store
	timestamp func(ctx context.Context, known string) (io.ReadCloser, string, error)
	object    func(ctx context.Context, digest string) (io.ReadCloser, error)
	file      func(ctx context.Context, want store.ReleaseFile, offset int64) (io.ReadCloser, error)
}

func (m *mirror) Timestamp(ctx context.Context, known string) (io.ReadCloser, string, error) {
	if m.timestamp != nil {
		return m.timestamp(ctx, known)
	}
	return m.Store.Timestamp(ctx, known)
}

func (m *mirror) Object(ctx context.Context, digest string) (io.ReadCloser, error) {
	if m.object != nil {
		return m.object(ctx, digest)
	}
	return m.Store.Object(ctx, digest)
}

func (m *mirror) File(ctx context.Context, want store.ReleaseFile, offset int64) (io.ReadCloser, error) {
	if m.file != nil {
		return m.file(ctx, want, offset)
	}
	return m.Store.File(ctx, want, offset)
}

// memory is a store.Memory.
type memory struct {
	mu   sync.Mutex
	seen store.Seen
}

func (m *memory) Load(context.Context) (store.Seen, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen, nil
}

func (m *memory) Save(_ context.Context, seen store.Seen) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = seen
	return nil
}

func readerOf(m *mirror, memory store.Memory) *store.Reader {
	return store.NewReader(store.ReaderConfig{Source: m, Roots: m.Roots(), Memory: memory, Now: m.Now})
}

func bytesOf(t testing.TB, body io.ReadCloser, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func envelopeOf(t testing.TB, s store.Source) []byte {
	t.Helper()
	body, _, err := s.Timestamp(t.Context(), "")
	return bytesOf(t, body, err)
}

func gives(data []byte) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }

func refresh(t testing.TB, r *store.Reader) *store.View {
	t.Helper()
	view, err := r.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return view
}

func wantCode(t testing.TB, err error, want store.Code) {
	t.Helper()
	if store.CodeOf(err) != want || strings.Contains(err.Error(), "%!") {
		t.Errorf("error %v with the code %q, want %q", err, store.CodeOf(err), want)
	}
}

// filled is a store with some listings, more than one shard.
func filled(t testing.TB) *mirror {
	s := storetest.New(t)
	for _, name := range []string{"alpha", "beta", "gamma", "delta", "Epsilon"} {
		s.Publish("org.acme."+name, "1.0", "linux-amd64")
		s.Publish("org.acme."+name, "1.1", "linux-amd64")
	}
	return &mirror{Store: s}
}

func TestRead(t *testing.T) {
	m := filled(t)
	m.Advise([]store.Advisory{{ID: "JFA-2026-0001", Listing: "org.acme.beta", Severity: store.High}}, []store.Revocation{{Listing: "org.acme.beta", Version: "1.0", Reason: "bad"}})
	r := readerOf(m, nil)
	view := refresh(t, r)
	if view.Listings() != 5 || view.Timestamp().Sequence != m.Sequence() || view.Timestamp().Store != "store.acme.example" {
		t.Errorf("%d listings at %+v", view.Listings(), view.Timestamp())
	}
	for _, id := range []string{"org.acme.Epsilon", "org.acme.epsilon", "org_acme-epsilon"} {
		if l, err := view.Listing(t.Context(), id); err != nil || l.ID != "org.acme.Epsilon" || len(l.Releases) != 2 || l.Releases[0].Version != "1.1" {
			t.Errorf("%s: %+v, %v", id, l, err)
		}
	}
	_, err := view.Listing(t.Context(), "org.acme.zeta")
	wantCode(t, err, store.IndexUnknown)
	seen := map[string]bool{}
	for l, err := range view.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[l.ID] = true
	}
	if len(seen) != 5 {
		t.Errorf("all are %v", seen)
	}
	if advisories, err := view.Advisories(t.Context()); err != nil || len(advisories) != 1 || advisories[0].ID != "JFA-2026-0001" {
		t.Errorf("advisories %v, %v", advisories, err)
	}
	if revocations, err := view.Revocations(t.Context()); err != nil || len(revocations) != 1 || revocations[0].Version != "1.0" {
		t.Errorf("revocations %v, %v", revocations, err)
	}
	if refresh(t, r) != view {
		t.Error("another view, though nothing has changed")
	}
	m.Advance(time.Minute)
	m.Renew()
	if again := refresh(t, r); again == view || again.Timestamp().Issued.Equal(view.Timestamp().Issued) {
		t.Error("the renewed timestamp is not taken")
	}
	m.Publish("org.acme.zeta", "1.0", "server")
	if l, err := refresh(t, r).Listing(t.Context(), "org.acme.zeta"); err != nil || l.Releases[0].Version != "1.0" {
		t.Errorf("the new listing: %+v, %v", l, err)
	}
	// The old view stays what it was.
	if _, err := view.Listing(t.Context(), "org.acme.zeta"); store.CodeOf(err) != store.IndexUnknown {
		t.Errorf("an old view has the new listing: %v", err)
	}
}

// TestMirrors: whoever stands between a store and its reader can keep it from reading, and
// nothing more.
func TestMirrors(t *testing.T) {
	for _, row := range []struct {
		name   string
		code   store.Code
		attack func(t *testing.T, m *mirror) // after the reader has seen the store once
	}{
		{"an old snapshot", store.IndexRolledBack, func(t *testing.T, m *mirror) {
			old := envelopeOf(t, m.Store)
			m.Publish("org.acme.zeta", "1.0", "server")
			m.timestamp = playThen(m, old)
		}},
		{"an expired timestamp", store.IndexExpired, func(t *testing.T, m *mirror) { m.Advance(2 * time.Hour) }},
		{"an expired timestamp, said to be unchanged", store.IndexExpired, func(t *testing.T, m *mirror) {
			m.Advance(2 * time.Hour)
			m.Renew()
			m.timestamp = func(_ context.Context, known string) (io.ReadCloser, string, error) { return nil, known, nil }
		}},
		{"a timestamp of tomorrow", store.IndexFuture, func(t *testing.T, m *mirror) {
			m.Advance(24 * time.Hour)
			m.Renew()
			m.Advance(-24 * time.Hour)
		}},
		{"another store under the same root", store.IndexOtherStore, func(t *testing.T, m *mirror) {
			m.Certificate = m.Authority.Issue(t, m.Authority.Root, m.Authority.Template(tt.Store, func(c *x509.Certificate) {
				c.URIs = []*url.URL{{Scheme: "jmap-store", Host: "store.other.example"}}
			}))
			m.timestamp = resigned(t, m, func(s *store.Timestamp) { s.Store = "store.other.example" })
		}},
		{"a store of a stranger", store.IndexUntrusted, func(t *testing.T, m *mirror) {
			stranger := storetest.New(t)
			for range 20 {
				stranger.Publish("org.acme.alpha", "6.6.6", "server")
			}
			m.Store = stranger
		}},
		{"a changed timestamp", store.IndexForged, func(t *testing.T, m *mirror) {
			changed := bytes.Replace(envelopeOf(t, m.Store), []byte(`"sig":"M`), []byte(`"sig":"N`), 1)
			m.timestamp = func(context.Context, string) (io.ReadCloser, string, error) {
				body, err := gives(changed)
				return body, "", err
			}
		}},
		{"two catalogues with one number", store.IndexMixed, func(t *testing.T, m *mirror) {
			m.timestamp = resigned(t, m, func(s *store.Timestamp) {
				s.Snapshot = m.Keep(store.Snapshot{Store: s.Store, Sequence: s.Sequence, Shards: []store.Object{m.Keep(store.Shard{})}})
			})
		}},
		{"the snapshot of another number", store.IndexMixed, func(t *testing.T, m *mirror) {
			m.timestamp = resigned(t, m, func(s *store.Timestamp) { s.Sequence++ })
		}},
		{"endless bytes for a timestamp", store.IndexTooLarge, func(t *testing.T, m *mirror) {
			m.timestamp = func(context.Context, string) (io.ReadCloser, string, error) { return io.NopCloser(zeros{}), "", nil }
		}},
		{"nothing for a timestamp", store.IndexMalformed, func(t *testing.T, m *mirror) {
			m.timestamp = func(context.Context, string) (io.ReadCloser, string, error) {
				body, err := gives(nil)
				return body, "", err
			}
		}},
		{"endless bytes for a snapshot", store.IndexTooLarge, func(t *testing.T, m *mirror) {
			m.Publish("org.acme.zeta", "1.0", "server")
			m.object = func(context.Context, string) (io.ReadCloser, error) { return io.NopCloser(zeros{}), nil }
		}},
		{"other bytes for a snapshot", store.IndexWrongDigest, func(t *testing.T, m *mirror) {
			m.Publish("org.acme.zeta", "1.0", "server")
			m.object = func(ctx context.Context, digest string) (io.ReadCloser, error) {
				body, err := m.Store.Object(ctx, digest)
				data := bytesOf(t, body, err)
				data[len(data)/2] ^= 1
				return gives(data)
			}
		}},
		{"half a snapshot", store.IndexWrongDigest, func(t *testing.T, m *mirror) {
			m.Publish("org.acme.zeta", "1.0", "server")
			m.object = func(ctx context.Context, digest string) (io.ReadCloser, error) {
				body, err := m.Store.Object(ctx, digest)
				return gives(bytesOf(t, body, err)[:10])
			}
		}},
		{"no snapshot", store.IndexMissing, func(t *testing.T, m *mirror) {
			m.Publish("org.acme.zeta", "1.0", "server")
			m.object = func(context.Context, string) (io.ReadCloser, error) { return nil, fs.ErrNotExist }
		}},
		{"a broken line", store.IndexUnreachable, func(t *testing.T, m *mirror) {
			m.timestamp = func(context.Context, string) (io.ReadCloser, string, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader("{"), broken{})), "", nil
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, kept := filled(t), &memory{}
			r, roots := readerOf(m, kept), m.Roots()
			good := refresh(t, r)
			row.attack(t, m)
			if row.code == store.IndexRolledBack {
				refresh(t, r)
			}
			_, err := r.Refresh(t.Context())
			wantCode(t, err, row.code)
			// Nor does a restart help.
			if row.name != "an expired timestamp, said to be unchanged" {
				again := store.NewReader(store.ReaderConfig{Source: m, Roots: roots, Memory: kept, Now: m.Now})
				_, err = again.Refresh(t.Context())
				wantCode(t, err, row.code)
			}
			// What was read before is as good as it was.
			if l, err := good.Listing(t.Context(), "org.acme.alpha"); m.object == nil && row.code != store.IndexUntrusted && (err != nil || l.Releases[0].Version != "1.1") {
				t.Errorf("the view from before: %+v, %v", l, err)
			}
		})
	}
}

// playThen gives the genuine timestamp once, and old from then on.
func playThen(m *mirror, old []byte) func(context.Context, string) (io.ReadCloser, string, error) {
	first := true
	return func(ctx context.Context, known string) (io.ReadCloser, string, error) {
		if first {
			first = false
			return m.Store.Timestamp(ctx, known)
		}
		body, err := gives(old)
		return body, "", err
	}
}

func resigned(t *testing.T, m *mirror, change func(*store.Timestamp)) func(context.Context, string) (io.ReadCloser, string, error) {
	stamp, err := store.VerifyTimestamp(envelopeOf(t, m.Store), m.Roots(), m.Now(), store.Seen{})
	if err != nil {
		t.Fatal(err)
	}
	change(&stamp)
	envelope, err := m.Sign(stamp)
	if err != nil {
		t.Fatal(err)
	}
	return func(context.Context, string) (io.ReadCloser, string, error) {
		body, err := gives(envelope)
		return body, "", err
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// TestMixedParts: parts that the store itself has signed into an index that does not fit
// together, as whoever has its key for a moment could.
func TestMixedParts(t *testing.T) {
	for _, row := range []struct {
		name   string
		code   store.Code
		listed func(m *mirror) map[string]store.Object // of the only shard
	}{
		{"the listing of another", store.IndexMixed, func(m *mirror) map[string]store.Object {
			return map[string]store.Object{"org.acme.x": m.Keep(m.Listings()[0])}
		}},
		{"a listing that is none", store.IndexMalformed, func(m *mirror) map[string]store.Object {
			return map[string]store.Object{"org.acme.x": m.Keep([]string{"org.acme.x"})}
		}},
		{"a listing without releases", store.IndexMalformed, func(m *mirror) map[string]store.Object {
			return map[string]store.Object{"org.acme.x": m.Keep(store.Listing{ID: "org.acme.x", Texts: map[string]store.Text{"": {}}})}
		}},
		{"a file name that leads elsewhere", store.IndexMalformed, func(m *mirror) map[string]store.Object {
			l := *m.Listings()[0]
			l.ID, l.Releases = "org.acme.x", []store.Release{{Version: "1", Files: []store.File{{Name: "../x.jar", Digest: store.Digest(nil)}}}}
			return map[string]store.Object{"org.acme.x": m.Keep(l)}
		}},
		{"a digest that is none", store.IndexMalformed, func(m *mirror) map[string]store.Object {
			return map[string]store.Object{"org.acme.x": {Digest: "sha256:../../x"}}
		}},
		{"too large a listing", store.IndexTooLarge, func(m *mirror) map[string]store.Object {
			return map[string]store.Object{"org.acme.x": {Digest: store.Digest(nil), Size: store.MaxListing + 1}}
		}},
		{"two ids that are one", store.IndexMalformed, func(m *mirror) map[string]store.Object {
			return map[string]store.Object{"org.acme.x": store.ObjectOf(nil), "org-acme-X": store.ObjectOf(nil)}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := filled(t)
			none := m.Keep([]string{})
			m.timestamp = resigned(t, m, func(s *store.Timestamp) {
				s.Snapshot = m.Keep(store.Snapshot{
					Store: s.Store, Sequence: s.Sequence, Listings: 1, Advisories: none, Revocations: none,
					Shards: []store.Object{m.Keep(store.Shard{Listings: row.listed(m)})},
				})
			})
			_, err := refresh(t, readerOf(m, nil)).Listing(t.Context(), "org.acme.x")
			wantCode(t, err, row.code)
		})
	}
	t.Run("a shard in the place of another", func(t *testing.T) {
		m := filled(t)
		view := refresh(t, readerOf(m, nil))
		shards := shardsOf(t, m)
		shards[0], shards[1] = shards[1], shards[0]
		m.timestamp = resigned(t, m, func(s *store.Timestamp) {
			s.Snapshot = m.Keep(store.Snapshot{Store: s.Store, Sequence: s.Sequence, Listings: view.Listings(), Advisories: m.Keep([]string{}), Revocations: m.Keep([]string{}), Shards: shards})
		})
		var last error
		for _, err := range refresh(t, readerOf(m, nil)).All(t.Context()) {
			last = err
		}
		wantCode(t, last, store.IndexMixed)
	})
}

func shardsOf(t *testing.T, m *mirror) []store.Object {
	t.Helper()
	stamp, err := store.VerifyTimestamp(envelopeOf(t, m.Store), m.Roots(), m.Now(), store.Seen{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := m.Object(t.Context(), stamp.Snapshot.Digest)
	s, err := store.DecodeSnapshot(bytesOf(t, body, err))
	if err != nil {
		t.Fatal(err)
	}
	return s.Shards
}

// stalled gives some bytes, and then nothing until it is closed.
type stalled struct {
	head   io.Reader
	closed chan struct{}
	once   sync.Once
}

func stall(head []byte) *stalled {
	return &stalled{head: bytes.NewReader(head), closed: make(chan struct{})}
}

func (s *stalled) Read(p []byte) (int, error) {
	if n, _ := s.head.Read(p); n > 0 {
		return n, nil
	}
	<-s.closed
	return 0, os.ErrClosed
}

func (s *stalled) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// TestSlow: bytes that do not come, or come one by one, are given up after the time that
// their number allows.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(t)
		r := readerOf(m, nil)
		view := refresh(t, r)
		began := time.Now()
		m.timestamp = func(context.Context, string) (io.ReadCloser, string, error) {
			return stall([]byte(`{"payload":`)), "", nil
		}
		_, err := r.Refresh(t.Context())
		wantCode(t, err, store.IndexTooSlow)
		if took := time.Since(began); took < 30*time.Second || took > 35*time.Second {
			t.Errorf("a timestamp was waited for %s", took)
		}
		m.object = func(ctx context.Context, digest string) (io.ReadCloser, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		m.timestamp = nil
		m.Publish("org.acme.zeta", "1.0", "server")
		_, err = r.Refresh(t.Context())
		wantCode(t, err, store.IndexTooSlow)
		m.object = nil

		want, content := fileOf(t, m, view)
		m.file = func(_ context.Context, _ store.ReleaseFile, offset int64) (io.ReadCloser, error) {
			return &drip{data: content[offset:], closed: make(chan struct{})}, nil
		}
		file := &partial{}
		began = time.Now()
		wantCode(t, view.Download(t.Context(), want, file, nil), store.IndexTooSlow)
		if took := time.Since(began); took > 40*time.Second || len(file.data) < 20 || len(file.data) > 50 {
			t.Errorf("%d bytes came in %s", len(file.data), took)
		}

		// Whoever asks can give up, too; that is no fault of the store.
		m.timestamp = func(context.Context, string) (io.ReadCloser, string, error) { return stall(nil), "", nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) || store.CodeOf(err) != "" {
			t.Errorf("given up by the caller: %v", err)
		}
	})
}

// drip gives a byte a second.
type drip struct {
	data   []byte
	closed chan struct{}
	once   sync.Once
}

func (d *drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
	case <-d.closed:
		return 0, os.ErrClosed
	}
	p[0], d.data = d.data[0], d.data[1:]
	return 1, nil
}

func (d *drip) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

// partial is a store.Partial in memory.
type partial struct {
	data []byte
	at   int64
}

func (p *partial) Read(b []byte) (int, error) {
	if p.at >= int64(len(p.data)) {
		return 0, io.EOF
	}
	n := copy(b, p.data[p.at:])
	p.at += int64(n)
	return n, nil
}

func (p *partial) Write(b []byte) (int, error) {
	p.data = append(p.data[:p.at], b...)
	p.at += int64(len(b))
	return len(b), nil
}

func (p *partial) Seek(offset int64, whence int) (int64, error) {
	p.at = offset
	if whence == io.SeekEnd {
		p.at += int64(len(p.data))
	}
	return p.at, nil
}

func (p *partial) Truncate(size int64) error {
	p.data = p.data[:size]
	return nil
}

// fileOf returns a file of the store, and what is in it.
func fileOf(t testing.TB, m *mirror, view *store.View) (store.ReleaseFile, []byte) {
	t.Helper()
	l, err := view.Listing(t.Context(), "org.acme.alpha")
	if err != nil {
		t.Fatal(err)
	}
	want, err := view.FileFor(l, l.Releases[0], "linux-amd64")
	if err != nil {
		t.Fatal(err)
	}
	body, err := m.Store.File(t.Context(), want, 0)
	return want, bytesOf(t, body, err)
}

func TestDownload(t *testing.T) {
	m := filled(t)
	view := refresh(t, readerOf(m, nil))
	want, content := fileOf(t, m, view)
	for _, row := range []struct {
		name    string
		code    store.Code
		have    []byte
		file    func(offset int64) (io.ReadCloser, error)
		remains int
	}{
		{name: "from the start", remains: len(content)},
		{name: "from the middle", have: content[:1000], remains: len(content)},
		{name: "nothing missing", have: content, remains: len(content)},
		{name: "too much there", have: append(bytes.Clone(content), 'x'), remains: len(content)},
		{name: "another beginning", code: store.IndexWrongDigest, have: []byte("another file"), remains: 0},
		{name: "other bytes", code: store.IndexWrongDigest, file: func(int64) (io.ReadCloser, error) {
			return gives(bytes.ToUpper(content))
		}},
		{name: "endless bytes", code: store.IndexTooLarge, file: func(int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(content), zeros{})), nil
		}},
		{name: "cut short", code: store.IndexUnreachable, remains: 500, file: func(int64) (io.ReadCloser, error) { return gives(content[:500]) }},
		{name: "a broken line", code: store.IndexUnreachable, remains: 500, file: func(int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(content[:500]), broken{})), nil
		}},
		{name: "not there", code: store.IndexMissing, file: func(int64) (io.ReadCloser, error) { return nil, fs.ErrNotExist }},
	} {
		t.Run(row.name, func(t *testing.T) {
			m.file = nil
			if row.file != nil {
				m.file = func(_ context.Context, _ store.ReleaseFile, offset int64) (io.ReadCloser, error) {
					return row.file(offset)
				}
			}
			file := &partial{data: bytes.Clone(row.have)}
			var told int64
			err := view.Download(t.Context(), want, file, func(size int64) { told = size })
			if row.code != "" {
				wantCode(t, err, row.code)
			} else if err != nil || !bytes.Equal(file.data, content) || told != want.File.Size {
				t.Errorf("%d of %d bytes, told %d: %v", len(file.data), len(content), told, err)
			}
			if len(file.data) != row.remains {
				t.Errorf("%d bytes remain, want %d", len(file.data), row.remains)
			}
		})
	}
	l, err := view.Listing(t.Context(), "org.acme.alpha")
	if err != nil {
		t.Fatal(err)
	}
	_, err = view.FileFor(l, l.Releases[0], "plan9-mips")
	wantCode(t, err, store.IndexUnknown)
}

// TestHTTP reads a store over a real connection: unchanged, in parts, and what is refused.
func TestHTTP(t *testing.T) {
	m := filled(t)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]+" "+r.Header.Get("If-None-Match")+r.Header.Get("Range"))
		http.StripPrefix("/base", m.Store).ServeHTTP(w, r)
	}))
	defer server.Close()
	source, err := store.NewHTTPSource(server.URL+"/base/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := store.NewReader(store.ReaderConfig{Source: source, Roots: m.Roots(), Now: m.Now})
	view := refresh(t, r)
	if refresh(t, r) != view || len(asked) != 3 || !strings.HasPrefix(asked[2], `timestamp "sha256:`) {
		t.Errorf("asked %q", asked)
	}
	want, content := fileOf(t, m, view)
	file := &partial{data: bytes.Clone(content[:700])}
	if err := view.Download(t.Context(), want, file, nil); err != nil || !bytes.Equal(file.data, content) {
		t.Errorf("a download over HTTP: %v", err)
	}
	if last := asked[len(asked)-1]; last != "download bytes=700-" {
		t.Errorf("asked %q", last)
	}
	want.Version = "9.9"
	wantCode(t, view.Download(t.Context(), want, &partial{}, nil), store.IndexMissing)
	server.Close()
	_, err = r.Refresh(t.Context())
	wantCode(t, err, store.IndexUnreachable)
	for _, bad := range []string{"", "store.example", "ftp://store.example", "https://", "https://me:secret@store.example", "https://store.example?x", "https://store.example#x", ":"} {
		if _, err := store.NewHTTPSource(bad, nil); err == nil {
			t.Errorf("%q is an address", bad)
		}
	}
}

// TestHTTPOddServers: servers that do not do what they should.
func TestHTTPOddServers(t *testing.T) {
	m := filled(t)
	view := refresh(t, readerOf(m, nil))
	want, content := fileOf(t, m, view)
	secure := httptest.NewTLSServer(http.RedirectHandler("http://127.0.0.1:9/", http.StatusFound))
	defer secure.Close()
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		code   store.Code
	}{
		{"no ranges", func(w http.ResponseWriter, r *http.Request) { w.Write(content) }, ""},
		{"another range", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-99/100")
			w.WriteHeader(http.StatusPartialContent)
		}, store.IndexUnreachable},
		{"no ranges, and short", func(w http.ResponseWriter, r *http.Request) { w.Write(content[:10]) }, store.IndexUnreachable},
		{"gone", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusGone) }, store.IndexMissing},
		{"an error page", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "<script>", http.StatusBadGateway) }, store.IndexUnreachable},
		{"a loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, store.IndexUnreachable},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := httptest.NewServer(row.answer)
			defer server.Close()
			source, err := store.NewHTTPSource(server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			m.file = source.File
			file := &partial{data: bytes.Clone(content[:700])}
			if err := view.Download(t.Context(), want, file, nil); row.code != "" {
				wantCode(t, err, row.code)
				if strings.Contains(err.Error(), "script") {
					t.Errorf("the error repeats what a server says: %v", err)
				}
			} else if err != nil || !bytes.Equal(file.data, content) {
				t.Error(err)
			}
		})
	}
}

// TestMemory: what was seen is kept, and what cannot be kept is not taken.
func TestMemory(t *testing.T) {
	m, kept := filled(t), &memory{}
	refresh(t, readerOf(m, kept))
	if kept.seen.Sequence != m.Sequence() || kept.seen.Store != m.Name() || kept.seen.Snapshot == "" {
		t.Errorf("kept %+v", kept.seen)
	}
	// The number counts from when its timestamp is genuine, snapshot or not.
	m.Publish("org.acme.zeta", "1.0", "server")
	m.object = func(context.Context, string) (io.ReadCloser, error) { return nil, fs.ErrNotExist }
	_, err := readerOf(m, kept).Refresh(t.Context())
	wantCode(t, err, store.IndexMissing)
	if kept.seen.Sequence != m.Sequence() {
		t.Errorf("kept %+v", kept.seen)
	}
	m.object = nil
	failing := store.NewReader(store.ReaderConfig{Source: m, Roots: m.Roots(), Now: m.Now, Memory: full{}})
	if _, err := failing.Refresh(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("with a memory that keeps nothing: %v", err)
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Load(context.Context) (store.Seen, error) { return store.Seen{}, nil }
func (full) Save(context.Context, store.Seen) error   { return errFull }

// TestTogether: several readers of one Reader at once.
func TestTogether(t *testing.T) {
	m := filled(t)
	r := readerOf(m, &memory{})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				view, err := r.Refresh(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := view.Listing(t.Context(), "org.acme.gamma"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		m.Publish("org.acme.gamma", "2", "server")
	}
	wait.Wait()
}

func TestExport(t *testing.T) {
	m := filled(t)
	view := refresh(t, readerOf(m, nil))
	dir := t.TempDir()
	zipped := filepath.Join(dir, "store.jfx")
	write := func(o store.ExportOptions) {
		t.Helper()
		f, err := os.Create(zipped)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(store.Export(t.Context(), view, f, o), f.Close()); err != nil {
			t.Fatal(err)
		}
		if err := store.ExportDir(t.Context(), view, filepath.Join(dir, "folder"), o); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) *store.View {
		t.Helper()
		source, closeIt, err := store.OpenExport(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeIt() })
		return refresh(t, store.NewReader(store.ReaderConfig{Source: source, Roots: m.Roots(), Now: m.Now}))
	}
	write(store.ExportOptions{Listings: []string{"org.acme.ALPHA"}, Files: true})
	for _, path := range []string{zipped, filepath.Join(dir, "folder")} {
		exported := read(path)
		want, content := fileOf(t, m, exported)
		file := &partial{data: bytes.Clone(content[:50])}
		if err := exported.Download(t.Context(), want, file, nil); err != nil || !bytes.Equal(file.data, content) {
			t.Errorf("%s: a file: %v", path, err)
		}
		_, err := exported.Listing(t.Context(), "org.acme.beta")
		wantCode(t, err, store.IndexMissing)
		_, err = exported.Listing(t.Context(), "org.acme.zeta")
		wantCode(t, err, store.IndexUnknown)
		found := 0
		for _, err := range exported.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			found++
		}
		if found != 1 {
			t.Errorf("%d listings in an export of one", found)
		}
	}
	// All of it, signed for longer; the folder is brought up to date.
	write(store.ExportOptions{Sign: m.Sign, Validity: 30 * 24 * time.Hour})
	m.Advance(20 * 24 * time.Hour)
	for _, path := range []string{zipped, filepath.Join(dir, "folder")} {
		if l, err := read(path).Listing(t.Context(), "org.acme.beta"); err != nil || l.ID != "org.acme.beta" {
			t.Errorf("%s: %v", path, err)
		}
	}
	m.Advance(20 * 24 * time.Hour)
	source, closeIt, err := store.OpenExport(zipped)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt()
	_, err = store.NewReader(store.ReaderConfig{Source: source, Roots: m.Roots(), Now: m.Now}).Refresh(t.Context())
	wantCode(t, err, store.IndexExpired)
	for _, validity := range []time.Duration{0, -1, store.MaxValidity + 1} {
		if err := store.Export(t.Context(), view, io.Discard, store.ExportOptions{Sign: m.Sign, Validity: validity}); err == nil {
			t.Errorf("an export that is good for %s", validity)
		}
	}
	if err := store.Export(t.Context(), view, io.Discard, store.ExportOptions{Listings: []string{"org.acme.zeta"}}); store.CodeOf(err) != store.IndexUnknown {
		t.Errorf("an export of what there is not: %v", err)
	}
}

// TestHostileExports: links out of the folder, pipes, files that are none.
func TestHostileExports(t *testing.T) {
	m := filled(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, envelopeOf(t, m.Store), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(secret, filepath.Join(dir, "timestamp.json")); err != nil {
		t.Fatal(err)
	}
	source, closeIt, err := store.OpenExport(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt()
	if _, _, err := source.Timestamp(t.Context(), ""); err == nil {
		t.Error("a link leads out of an exported folder")
	}
	if _, err := source.Object(t.Context(), "sha256:../../../etc/passwd"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a path for a digest: %v", err)
	}
	_, _, err = store.OpenExport(secret)
	wantCode(t, err, store.IndexMalformed)
	if _, _, err := store.OpenExport(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file at all: %v", err)
	}
}

func TestCodes(t *testing.T) {
	seen := map[store.Code]bool{}
	for _, code := range store.Codes() {
		if seen[code] || !strings.HasPrefix(string(code), "index_") {
			t.Errorf("the code %q", code)
		}
		seen[code] = true
	}
	if store.CodeOf(errors.New("x")) != "" || store.CodeOf(nil) != "" {
		t.Error("an error of somebody else has a code")
	}
}
