package repositories_test

import (
	"bytes"
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/storetest"
)

// An icon is the bytes that the index names, from a store and from an export; whatever else a
// repository sends is refused with its code, and no more of it is read than was announced.
func TestIcon(t *testing.T) {
	picture := []byte(strings.Repeat("a picture ", 100))
	s := storetest.New(t)
	s.Publish("org.acme.plain", "1.0", "server")
	s.Publish("org.acme.hello", "1.0", "server")
	s.PutIcon("org.acme.hello", picture)
	s.Publish("org.acme.huge", "1.0", "server")
	s.PutIcon("org.acme.huge", make([]byte, store.MaxIcon+1))
	m := newMirror(t, s)
	icon := func(h *host, id string) ([]byte, repositories.Code) {
		t.Helper()
		o, err := h.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		data, err := h.Icon(t.Context(), o)
		return data, repositories.CodeOf(err)
	}
	h := newHost(t, sourceOf(t, "acme", m.URL, s))
	h.refresh("acme")
	if data, code := icon(h, "org.acme.hello"); !bytes.Equal(data, picture) {
		t.Errorf("it is %d bytes, %s", len(data), code)
	}
	for what, c := range map[string]struct {
		id     string
		attack http.HandlerFunc
		want   store.Code
	}{
		"there is none":   {"org.acme.plain", nil, store.IndexUnknown},
		"too large":       {"org.acme.huge", nil, store.IndexTooLarge},
		"not there":       {"org.acme.hello", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, store.IndexMissing},
		"an error":        {"org.acme.hello", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 500) }, store.IndexUnreachable},
		"another picture": {"org.acme.hello", func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.ToUpper(picture)) }, store.IndexWrongDigest},
		"cut short":       {"org.acme.hello", func(w http.ResponseWriter, _ *http.Request) { w.Write(picture[:10]) }, store.IndexWrongDigest},
		"a byte more":     {"org.acme.hello", func(w http.ResponseWriter, _ *http.Request) { w.Write(append(bytes.Clone(picture), 0)) }, store.IndexTooLarge},
		"without an end":  {"org.acme.hello", func(w http.ResponseWriter, _ *http.Request) { endless(w) }, store.IndexTooLarge},
		"to another place": {"org.acme.hello", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, store.Code(repositories.CodeRedirected)},
		"packed, and very big": {"org.acme.hello", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(picture)
		}, ""},
	} {
		m.set(c.attack)
		data, code := icon(h, c.id)
		if code != repositories.Code(c.want) {
			t.Errorf("%s: %d bytes, %q, want %q", what, len(data), code, c.want)
		}
	}
	m.set(nil)
	view, err := store.NewReader(store.ReaderConfig{Source: s, Roots: s.Roots(), Now: s.Now}).Refresh(t.Context())
	dir := filepath.Join(t.TempDir(), "export")
	if err == nil {
		err = store.ExportDir(t.Context(), view, dir, store.ExportOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	h = newHost(t, sourceOf(t, "export", dir, s))
	h.refresh("export")
	if data, code := icon(h, "org.acme.hello"); !bytes.Equal(data, picture) {
		t.Errorf("of an export it is %d bytes, %s", len(data), code)
	}
	if _, code := icon(h, "org.acme.huge"); code != repositories.Code(store.IndexTooLarge) {
		t.Errorf("one that is too large is exported: %q", code)
	}
}

// One that comes a byte at a time, or never begins, is given up.
func TestSlowIcon(t *testing.T) {
	s := storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	s.PutIcon("org.acme.hello", []byte("a picture"))
	m := newMirror(t, s)
	h := newHost(t, sourceOf(t, "acme", m.URL, s))
	h.refresh("acme")
	if _, err := h.Find(t.Context(), "org.acme.hello"); err != nil { // which is on the disk now
		t.Fatal(err)
	}
	patient := h.impatient()
	defer patient()
	o, err := h.Find(t.Context(), "org.acme.hello")
	if err != nil {
		t.Fatal(err)
	}
	for what, attack := range map[string]http.HandlerFunc{
		"never begins": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"never ends": func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("a"))
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		m.set(attack)
		if _, err := h.Icon(context.WithoutCancel(t.Context()), o); repositories.CodeOf(err) != repositories.Code(store.IndexTooSlow) {
			t.Errorf("one that %s: %v", what, err)
		}
	}
}
