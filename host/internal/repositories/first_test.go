package repositories_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/storetest"
)

// A question straight after the start is answered with all that there is: it waits for the
// first look, and for no second one.
func TestAskedBeforeTheFirstLook(t *testing.T) {
	s := storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	for what, ask := range map[string]func(*host) (int, error){
		"searching": func(h *host) (int, error) {
			found, err := h.Search(t.Context(), repositories.Query{Text: "hello"})
			return len(found.Offers), err
		},
		"finding": func(h *host) (int, error) {
			_, err := h.Find(t.Context(), "org.acme.hello")
			return 1, err
		},
	} {
		t.Run(what, func(t *testing.T) {
			m := newMirror(t, s)
			h := newHost(t, sourceOf(t, "acme", m.URL, s))
			if n, err := ask(h); n != 1 || err != nil {
				t.Fatalf("%d found, %v", n, err)
			}
			m.requests()
			if n, err := ask(h); n != 1 || err != nil {
				t.Fatalf("%d found, %v", n, err)
			}
			for _, asked := range m.requests() {
				if strings.HasPrefix(asked, isTimestamp) {
					t.Errorf("it was looked at once more: %s", asked)
				}
			}
			if _, _, err := h.Forget(t.Context(), "acme"); err != nil {
				t.Fatal(err)
			}
			if n, err := ask(h); n != 1 || err != nil {
				t.Errorf("once it is forgotten: %d found, %v", n, err)
			}
		})
	}
}

// One that does not answer holds nobody for long, and keeps nothing back of the others; one
// that fails is not asked again by each question.
func TestAskedWhileOneDoesNotAnswer(t *testing.T) {
	t.Parallel() // it waits as long as a person would
	s, silent := storetest.New(t), storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	m, dead := newMirror(t, s), newMirror(t, silent)
	h := newHost(t, sourceOf(t, "acme", m.URL, s), sourceOf(t, "dead", dead.URL, silent))
	var waits atomic.Int64
	hang := func(_ http.ResponseWriter, r *http.Request) { waits.Add(1); <-r.Context().Done() }
	dead.set(hang)
	for range 3 {
		found, err := h.Search(t.Context(), repositories.Query{})
		if err != nil || len(found.Offers) != 1 || found.Missing["dead"] == nil {
			t.Fatalf("searching finds %+v, %v", found, err)
		}
	}
	if n := waits.Load(); n != 1 {
		t.Errorf("it was waited for %d times", n)
	}
	var refusals atomic.Int64
	dead.set(func(w http.ResponseWriter, _ *http.Request) { refusals.Add(1); http.Error(w, "no", 500) })
	if got := h.refresh("dead"); got.Code != repositories.Code(store.IndexUnreachable) {
		t.Fatalf("it is %s, %s", got.State, got.Code)
	}
	before := refusals.Load()
	if _, err := h.Search(t.Context(), repositories.Query{}); err != nil {
		t.Fatal(err)
	}
	if n := refusals.Load() - before; n != 0 {
		t.Errorf("it was asked %d times by a search", n)
	}
}

// What is lost by forgetting is told before and after, also where nothing is in use any more.
func TestForgettingSaysWhatIsLost(t *testing.T) {
	s, other := storetest.New(t), storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	h := newHost(t, sourceOf(t, "acme", newMirror(t, s).URL, s))
	if got := h.status("acme"); got.Seen.Store != "" {
		t.Errorf("before anything was read it has seen %+v", got.Seen)
	}
	want := h.refresh("acme").Seen
	if want.Store != s.Name() || want.Sequence != s.Sequence() {
		t.Fatalf("it has seen %+v, want %s at %d", want, s.Name(), s.Sequence())
	}
	write(t, h.config.Sources[0].Root, readAll(t, rootOf(t, other.Authority)))
	if got := h.refresh("acme"); got.State != repositories.StateError || got.Seen != want {
		t.Errorf("nobody vouches for it any more: it is %s, and has seen %+v", got.State, got.Seen)
	}
	before, after, err := h.Forget(t.Context(), "acme")
	if err != nil || before.Seen != want || after.Seen != (store.Seen{}) || after.State != repositories.StateNever {
		t.Errorf("%+v, then %+v, %v", before, after, err)
	}
}
