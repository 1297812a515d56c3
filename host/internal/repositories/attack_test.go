package repositories_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/storetest"
)

const (
	isTimestamp = "/api/v1/snapshot/timestamp"
	isObject    = "/api/v1/snapshot/objects/"
)

// scene is one attack on the way to a store that has another beside it.
type scene struct {
	t      *testing.T
	store  *storetest.Store
	mirror *mirror
	host   *host
}

// attacks are what somebody between a host and a store can do, and what it comes to.
func attacks() map[string]struct {
	set  func(s *scene) http.HandlerFunc
	want store.Code
} {
	type attack = struct {
		set  func(s *scene) http.HandlerFunc
		want store.Code
	}
	// on attacks the paths that begin with one, and passes all else on.
	on := func(begin string, do http.HandlerFunc) func(s *scene) http.HandlerFunc {
		return func(s *scene) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, begin) {
					do(w, r)
					return
				}
				s.mirror.pass.ServeHTTP(w, r)
			}
		}
	}
	never := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	slowly := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.Write([]byte("{"))
			http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	bomb := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		endless(z)
	}
	return map[string]attack{
		"old snapshot": {func(s *scene) http.HandlerFunc {
			old := s.record()
			s.store.Publish("org.acme.newer", "1.0", "server")
			s.host.refresh("mirror")
			return old
		}, store.IndexRolledBack},
		"other catalogue with the same number": {func(s *scene) http.HandlerFunc {
			s.host.refresh("mirror")
			twin := storetest.New(s.t)
			twin.Authority, twin.Certificate = s.store.Authority, s.store.Certificate
			for twin.Sequence() < s.store.Sequence() {
				twin.Publish("org.evil.twin", "1.0", "server")
			}
			return twin.ServeHTTP
		}, store.IndexMixed},
		"another object for the snapshot": {func(s *scene) http.HandlerFunc {
			s.store.Publish("org.acme.newer", "1.0", "server")
			other := s.store.Keep(store.Snapshot{Store: s.store.Name(), Sequence: s.store.Sequence()})
			return on(isObject, func(w http.ResponseWriter, r *http.Request) {
				r.URL.Path = isObject + other.Digest
				s.store.ServeHTTP(w, r)
			})(s)
		}, store.IndexWrongDigest},
		"a byte is flipped": {func(s *scene) http.HandlerFunc {
			s.store.Publish("org.acme.newer", "1.0", "server")
			return on(isObject, func(w http.ResponseWriter, r *http.Request) {
				status, _, body := s.mirror.answer(r)
				w.WriteHeader(status)
				w.Write(bytes.Replace(body, []byte("acme"), []byte("acne"), 1))
			})(s)
		}, store.IndexWrongDigest},
		"cut short": {func(s *scene) http.HandlerFunc {
			s.store.Publish("org.acme.newer", "1.0", "server")
			return on(isObject, func(w http.ResponseWriter, r *http.Request) {
				_, _, body := s.mirror.answer(r)
				w.Write(body[:len(body)/2])
			})(s)
		}, store.IndexWrongDigest},
		"a changed timestamp": {on(isTimestamp, func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(`{"payload":"e30=","payloadType":"application/vnd.jackfield.timestamp+json","signatures":[]}`))
		}), store.IndexMalformed},
		"another root": {func(s *scene) http.HandlerFunc {
			other := storetest.New(s.t)
			other.Publish("org.acme.hello", "9.0", "server")
			return other.ServeHTTP
		}, store.IndexUntrusted},
		"an expired timestamp": {func(s *scene) http.HandlerFunc {
			old := s.record()
			s.store.Advance(2 * s.store.Validity)
			return old
		}, store.IndexExpired},
		"endless timestamp":       {on(isTimestamp, func(w http.ResponseWriter, r *http.Request) { endless(w) }), store.IndexTooLarge},
		"endless timestamp, gzip": {on(isTimestamp, bomb), store.IndexTooLarge},
		"endless object": {func(s *scene) http.HandlerFunc {
			s.store.Publish("org.acme.newer", "1.0", "server")
			return on(isObject, func(w http.ResponseWriter, r *http.Request) { endless(w) })(s)
		}, store.IndexTooLarge},
		"endless object, gzip": {func(s *scene) http.HandlerFunc {
			s.store.Publish("org.acme.newer", "1.0", "server")
			return on(isObject, bomb)(s)
		}, store.IndexTooLarge},
		"slow timestamp":   {on(isTimestamp, slowly), store.IndexTooSlow},
		"silent timestamp": {on(isTimestamp, never), store.IndexTooSlow},
		"slow object": {func(s *scene) http.HandlerFunc {
			s.store.Publish("org.acme.newer", "1.0", "server")
			return on(isObject, slowly)(s)
		}, store.IndexTooSlow},
		"missing objects": {func(s *scene) http.HandlerFunc {
			s.store.Publish("org.acme.newer", "1.0", "server")
			return on(isObject, http.NotFound)(s)
		}, store.IndexMissing},
		"only errors": {func(*scene) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusBadGateway) }
		}, store.IndexUnreachable},
		"redirected to another origin": {func(s *scene) http.HandlerFunc {
			elsewhere := httptest.NewServer(s.store)
			s.t.Cleanup(elsewhere.Close)
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
			}
		}, store.Code(repositories.CodeRedirected)},
		"redirected for ever": {func(*scene) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, r.URL.Path+"/", http.StatusTemporaryRedirect)
			}
		}, store.Code(repositories.CodeRedirected)},
	}
}

// record keeps what the store answers now, to be played again.
func (s *scene) record() http.HandlerFunc {
	kept := map[string][]byte{}
	for _, p := range []string{isTimestamp} {
		_, _, body := s.mirror.answer(httptest.NewRequest(http.MethodGet, p, nil))
		kept[p] = bytes.Clone(body)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if body, ok := kept[r.URL.Path]; ok {
			w.Write(body)
			return
		}
		s.mirror.pass.ServeHTTP(w, r)
	}
}

func TestMirrorAttacks(t *testing.T) {
	for name, a := range attacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scene{t: t, store: storetest.New(t)}
			s.store.Publish("org.acme.hello", "1.0", "server")
			other := storetest.New(t)
			beside := other.Publish("org.beside.works", "1.0", "server")
			s.mirror = newMirror(t, s.store)
			s.host = newHost(t, sourceOf(t, "mirror", s.mirror.URL, s.store), sourceOf(t, "beside", newMirror(t, other).URL, other))
			s.host.config.Now = func() time.Time { return s.store.Now() }
			s.host.restart()
			if got := s.host.refresh("mirror"); got.State != repositories.StateOK || got.Listings != 1 {
				t.Fatalf("before the attack it is %s: %s", got.State, got.Message)
			}

			s.mirror.set(a.set(s))
			known := s.host.status("mirror").Sequence
			state := repositories.StateStale
			if a.want == store.IndexExpired {
				state = repositories.StateError
				other.Advance(2 * other.Validity)
				other.Renew()
			}
			expect := func(when string) {
				t.Helper()
				got := s.host.refresh("mirror")
				if got.State != state || got.Code != repositories.Code(a.want) || got.Message == "" || got.Sequence != known || got.Failures[got.Code] == 0 {
					t.Errorf("%s it is %s, %s: %s (number %d, failures %v), want %s, %s", when, got.State, got.Code, got.Message, got.Sequence, got.Failures, state, a.want)
				}
			}
			expect("under attack")
			s.host.works("beside", beside)
			s.host.restart()
			expect("after a restart")
			s.host.works("beside", beside)

			s.mirror.set(nil)
			s.store.Publish("org.acme.hello", "1.1", "server")
			if got := s.host.refresh("mirror"); got.State != repositories.StateOK || got.Code != "" || got.Sequence != s.store.Sequence() {
				t.Errorf("after the attack it is %s, %s: %s", got.State, got.Code, got.Message)
			}
		})
	}
}

// Files of releases are attacked, too: what is refused leaves nothing behind that counts.
func TestFileAttacks(t *testing.T) {
	s := storetest.New(t)
	l := s.Publish("org.acme.hello", "1.0", "server")
	whole := s.Bytes(l.Releases[0].Files[0].Digest)
	for name, a := range map[string]struct {
		attack http.HandlerFunc
		had    []byte
		want   repositories.Code
		left   int // bytes that stay for the next try
	}{
		"other bytes": {func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.ToUpper(whole)) }, nil, repositories.Code(store.IndexWrongDigest), 0},
		"other end":   {func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.ToUpper(whole)) }, whole[:100], repositories.Code(store.IndexWrongDigest), 0},
		"without end": {func(w http.ResponseWriter, r *http.Request) { w.Write(whole); endless(w) }, nil, repositories.Code(store.IndexTooLarge), 0},
		"cut":         {func(w http.ResponseWriter, r *http.Request) { w.Write(whole[:5000]) }, nil, repositories.Code(store.IndexUnreachable), 5000},
		"gone":        {http.NotFound, whole[:100], repositories.Code(store.IndexMissing), 100},
		"silent":      {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil, repositories.Code(store.IndexTooSlow), 0},
		"elsewhere":   {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.2:1/", 302) }, nil, repositories.CodeRedirected, 0},
		"another part of it": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-9/10")
			w.WriteHeader(206)
			w.Write(whole[:10])
		}, whole[:100], repositories.Code(store.IndexUnreachable), 100},
		"compressed unbidden": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(whole)
			z.Close()
		}, nil, repositories.Code(store.IndexUnreachable), -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMirror(t, s)
			h := newHost(t, sourceOf(t, "acme", m.URL, s))
			h.refresh("acme")
			if _, err := h.Find(t.Context(), l.ID); err != nil {
				t.Fatal(err)
			}
			m.set(a.attack)
			into := partial(t, a.had)
			_, err := h.Fetch(t.Context(), wantOf("acme", l, "1.0"), into, nil)
			if repositories.CodeOf(err) != a.want && a.left >= 0 || err == nil {
				t.Errorf("it is %q: %v, want %s", repositories.CodeOf(err), err, a.want)
			}
			if left := contentOf(t, into); a.left >= 0 && (len(left) != a.left || !bytes.HasPrefix(whole, left)) {
				t.Errorf("%d bytes are left, want %d", len(left), a.left)
			}
			m.set(nil)
			m.requests()
			f, err := h.Fetch(t.Context(), wantOf("acme", l, "1.0"), into, nil)
			if repositories.CodeOf(err) == repositories.Code(store.IndexWrongDigest) && a.left < 0 { // what was left was wrong, which the end tells
				f, err = h.Fetch(t.Context(), wantOf("acme", l, "1.0"), into, nil)
			}
			if err != nil || !bytes.Equal(contentOf(t, into), whole) || f.Size != int64(len(whole)) {
				t.Errorf("the next try gives %+v, %v", f, err)
			}
			if asked := strings.Join(m.requests(), ", "); a.left > 0 && !strings.Contains(asked, "Partial Content") {
				t.Errorf("it did not go on where it was: %s", asked)
			}
		})
	}
}

// What is not in use is not kept, and what is kept by others is not believed.
func TestKeptOnDisk(t *testing.T) {
	s := storetest.New(t)
	first := s.Publish("org.acme.hello", "1.0", "server")
	m := newMirror(t, s)
	h := newHost(t, sourceOf(t, "acme", m.URL, s))
	h.refresh("acme")
	if _, err := h.Find(t.Context(), "org.acme.hello"); err != nil {
		t.Fatal(err)
	}
	m.close() // the store is gone, and what is known is still there
	h.restart()
	if got := h.status("acme"); got.State != repositories.StateOK || got.Sequence != s.Sequence() {
		t.Errorf("after a restart it is %s at number %d: %s", got.State, got.Sequence, got.Message)
	}
	if got := h.refresh("acme"); got.State != repositories.StateStale || got.Code != repositories.Code(store.IndexUnreachable) {
		t.Errorf("without its store it is %s, %s", got.State, got.Code)
	}
	if o, err := h.Find(t.Context(), "org.acme.hello"); err != nil || len(o.Releases) != 1 {
		t.Errorf("it finds %+v, %v", o, err)
	}
	if _, err := h.Fetch(t.Context(), wantOf("acme", first, "1.0"), partial(t, nil), nil); repositories.CodeOf(err) != repositories.Code(store.IndexUnreachable) {
		t.Errorf("fetching is %v", err)
	}
	for _, changed := range files(t, path.Join(h.config.Dir, "acme", "sha256")) {
		write(t, changed, []byte("{}\n"))
	}
	h.restart()
	if got := h.status("acme"); got.State != repositories.StateNever || got.Sequence != 0 {
		t.Errorf("with another snapshot on the disk it is %s at number %d", got.State, got.Sequence)
	}
}
