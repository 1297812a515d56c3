package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// memory is what others remember for a Catalog, over restarts.
type memory struct {
	mu       sync.Mutex
	standing map[string]Standing
	kept     map[string]bool // nil: nobody asks for it
	device   string
	wake     func()
}

func newMemory() *memory { return &memory{standing: map[string]Standing{}, wake: func() {}} }

// install makes a Catalog ask m.
func (m *memory) install(c *Catalog) {
	c.cfg.Standing = func() map[string]Standing {
		m.mu.Lock()
		defer m.mu.Unlock()
		return maps.Clone(m.standing)
	}
	if m.kept != nil {
		c.cfg.Kept = func() map[string]bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return maps.Clone(m.kept)
		}
	}
	c.cfg.Device = func() string { m.mu.Lock(); defer m.mu.Unlock(); return m.device }
	c.cfg.SetDevice = func(device string) { m.mu.Lock(); defer m.mu.Unlock(); m.device = device }
	c.folder.expect = c.expected
	m.wake = c.Wake
}

// set changes what is remembered of an extension.
func (m *memory) set(id string, change func(*Standing)) {
	m.mu.Lock()
	st := m.standing[id]
	change(&st)
	m.standing[id] = st
	m.mu.Unlock()
	m.wake()
}

func (m *memory) forget(id string) {
	m.mu.Lock()
	delete(m.standing, id)
	m.mu.Unlock()
	m.wake()
}

// healthy notes what runs as what was healthy last, as the host does.
func (m *memory) healthy(v View) {
	for _, e := range v.Desired {
		m.set(e.ID(), func(st *Standing) { st.Current, st.File = e.Bundle.Digest(), e.File })
	}
}

// is waits until exactly these are desired, each "id version" or "id version disabled".
func (r *running) is(want ...string) View {
	r.t.Helper()
	return r.await("exactly "+strings.Join(want, ", ")+" is there", func(v View) bool {
		var got []string
		for _, e := range v.Desired {
			text := e.ID() + " " + e.Bundle.Manifest().Version.String()
			if e.Disabled {
				text += " disabled"
			}
			got = append(got, text)
		}
		return slices.Equal(got, want)
	})
}

func TestRestartWithAnOverwrittenFile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		overwrite func(h home)
		want      string // what is there after the restart
		file      string
	}{
		"with garbage":             {func(h home) { h.put("a.jar", []byte("no archive")) }, "a 1", "a.jar"},
		"with nothing":             {func(h home) { h.write(h.path("a.jar"), nil) }, "a 1", "a.jar"},
		"with half a bundle":       {func(h home) { h.write(h.path("a.jar"), parcelBytes("a", "2", 9000)[:5000]) }, "a 1", "a.jar"},
		"with what cannot run":     {func(h home) { h.put("a.jar", cannotRun("a", "2")) }, "a 1", "a.jar"},
		"by another file":          {func(h home) { h.remove("a.jar"); h.put("b.jar", cannotRun("a", "2")) }, "a 1", "b.jar"},
		"with a newer version":     {func(h home) { h.put("a.jar", parcelBytes("a", "2", 0)) }, "a 2", "a.jar"},
		"with a lower version":     {func(h home) { h.put("a.jar", parcelBytes("a", "0.1", 0)) }, "a 0.1", "a.jar"},
		"with the same bytes":      {func(h home) { h.put("a.jar", parcelBytes("a", "1", 0)) }, "a 1", "a.jar"},
		"with another extension":   {func(h home) { h.put("a.jar", parcelBytes("x", "7", 0)) }, "x 7", "a.jar"},
		"not at all, but renamed":  {func(h home) { h.rename(h.path("a.jar"), h.path("c.jar")) }, "a 1", "c.jar"},
		"by garbage in other name": {func(h home) { h.remove("a.jar"); h.put("b.jar", []byte("no archive")) }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, m := newHome(t), newMemory()
			h.put("a.jar", parcelBytes("a", "1", 0))
			r := h.run(m.install)
			m.healthy(r.runs("a 1"))
			r.stop()
			tt.overwrite(h)
			var copies atomic.Int32
			r = h.run(m.install, countCopies(&copies))
			r.await("anything is said", func(View) bool { return true })
			first := r.all()[0]
			if got := strings.Join(desired(first), ", "); got != tt.want {
				t.Fatalf("the first View: %s", told1(first))
			}
			if tt.want != "" && first.Desired[0].File != tt.file {
				t.Errorf("from %q, want %q", first.Desired[0].File, tt.file)
			}
			if tt.want == "a 1" && copies.Load() > 0 && name != "with what cannot run" && name != "by another file" {
				t.Errorf("%d copies were made", copies.Load())
			}
			for _, row := range first.Rows {
				if row.File == "a.jar" && row.Claims != "a" {
					t.Errorf("the row of what replaces a claims %q", row.Claims)
				}
			}
		})
	}
}

// cannotRun is a good bundle without an executable for the host of the tests.
func cannotRun(id, version string) []byte {
	return parcelBytes(id, version, 0, func(c *bundletest.Content) { clear(c.Files) })
}

func TestRejectedAndTriedAgain(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	h.put("a.jar", parcelBytes("a", "1", 0))
	n := newCounting()
	r := h.run(m.install, n.install)
	first := r.runs("a 1")
	m.healthy(first)
	h.put("a.jar", parcelBytes("a", "2", 0))
	second := r.runs("a 2").Desired[0]
	m.set("a", func(st *Standing) { st.Rejected = []string{second.Bundle.Digest()} })
	back := r.runs("a 1").Desired[0] // no Row: the rejected one is named in the Entry
	want := []Passed{{File: "a.jar", Digest: second.Bundle.Digest(), Version: "2"}}
	if back.Bundle != first.Desired[0].Bundle || !slices.Equal(back.Passed, want) {
		t.Errorf("back to %+v, which passes %+v", back, back.Passed)
	}
	r.stop()
	r = h.run(m.install) // from private storage now
	r.runs("a 1")
	if v := r.all()[0]; !slices.Equal(desired(v), []string{"a 1"}) || !slices.Equal(v.Desired[0].Passed, want) {
		t.Errorf("after a restart: %s", told1(v))
	}
	m.set("a", func(st *Standing) { st.Rejected = nil })
	r.runs("a 2")
	h.remove("a.jar")
	r.runs()
}

func TestPins(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	h.put("a.jar", parcelBytes("a", "1", 0))
	r := h.run(m.install)
	one := r.runs("a 1").Desired[0].Bundle.Digest()
	h.put("a.jar", parcelBytes("a", "2", 0))
	m.healthy(r.runs("a 2"))
	m.set("a", func(st *Standing) { st.Pinned = one }) // a roll back: it is on the shelf only
	r.is("a 1")
	r.explained("a.jar", lifecycle.Waiting, lifecycle.CodeHeld, "a is pinned at version 1; `jackfield ext unpin a` lets it go")
	r.never("a is held back and nothing runs", func(v View) bool {
		return len(v.Desired) == 0 && len(v.Rows) == 1 && v.Rows[0].State == lifecycle.Waiting
	})
	h.put("a-3.jar", parcelBytes("a", "3", 0))
	r.explained("a-3.jar", lifecycle.Waiting, lifecycle.CodeHeld, "pinned at version 1")
	r.is("a 1")
	r.stop()

	r = h.run(m.install)
	r.is("a 1")
	if first := r.all()[0]; !slices.Equal(desired(first), []string{"a 1"}) {
		t.Errorf("the first View after a restart: %s", told1(first))
	}
	h.remove("a.jar")
	r.await("the file is gone", func(v View) bool { return len(v.Rows) == 1 && len(v.Desired) == 1 })
	h.remove("a-3.jar")
	r.runs() // no pin keeps what has no file
	h.put("a.jar", parcelBytes("a", "4", 0))
	r.is("a 1")
	m.set("a", func(st *Standing) { st.Pinned = "" })
	r.runs("a 4")

	gone := "sha256:" + strings.Repeat("0", 64)
	m.set("a", func(st *Standing) { st.Pinned = gone })
	r.explained("a.jar", lifecycle.Waiting, lifecycle.CodeHeld, "nowhere any more")
	m.set("a", func(st *Standing) { st.Pinned = "" })
	r.runs("a 4")
}

func TestDisabled(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	h.put("a.jar", parcelBytes("a", "1", 0, bundletest.With("extension_name", "Same")))
	h.put("b.jar", parcelBytes("b", "1", 0, bundletest.With("extension_requires", "a >=1, c >=1; optional")))
	r := h.run(m.install)
	v := r.runs("a 1", "b 1")
	if got := v.Desired[1].Needs; !slices.Equal(got, []string{"a"}) {
		t.Errorf("b needs %q", got)
	}
	if got := r.Dependents("a"); !slices.Equal(got, []string{"b"}) || r.Dependents("c") != nil {
		t.Errorf("dependents: %q, %q", got, r.Dependents("c"))
	}
	m.healthy(v)
	m.set("a", func(st *Standing) { st.Disabled, st.Note = true, "by Ann" })
	v = r.is("a 1 disabled")
	if v.Desired[0].Note != "by Ann" {
		t.Errorf("note: %q", v.Desired[0].Note)
	}
	r.explained("b.jar", lifecycle.Waiting, lifecycle.CodeDependencyMissing, "it is disabled")
	h.put("c.jar", parcelBytes("c", "1", 0, bundletest.With("extension_name", "same")))
	v = r.is("a 1 disabled", "c 1")
	if got := scrape(t, r.Catalog)["jackfield_bundles"]["stopped"]; got != 1 {
		t.Errorf("%v are stopped", got)
	}
	h.put("a.jar", []byte("no archive"))
	r.turned("a.jar", lifecycle.Failed, string(bundle.CodeNotZip))
	r.is("a 1 disabled", "c 1")
	h.put("a.jar", parcelBytes("a", "2", 0, bundletest.With("extension_name", "Same")))
	m.healthy(r.is("a 2 disabled", "c 1"))
	r.stop()

	r = h.run(m.install)
	r.is("a 2 disabled", "c 1")
	m.set("a", func(st *Standing) { st.Disabled, st.Note = false, "" })
	r.turned("a.jar", lifecycle.Conflict, lifecycle.CodeNameTaken)
	r.is("c 1")
	h.remove("c.jar")
	r.runs("a 2", "b 1")
}

func TestWhatRanLastWinsAtStart(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	h.put("z.jar", parcelBytes("z", "1", 0, bundletest.With("extension_name", "Same")))
	r := h.run(m.install)
	m.healthy(r.runs("z 1"))
	r.stop()
	h.put("a.jar", parcelBytes("a", "1", 0, bundletest.With("extension_name", "Same")))
	r = h.run(m.install)
	r.turned("a.jar", lifecycle.Conflict, lifecycle.CodeNameTaken)
	r.is("z 1")
	r.stop()
	m.set("z", func(st *Standing) { st.Disabled = true })
	r = h.run(m.install)
	r.is("a 1", "z 1 disabled")
}

// TestWhatRunsGoesOnUntilThePinIsThere pins a bundle that only private storage has, and
// looks at what is there while it is verified.
func TestWhatRunsGoesOnUntilThePinIsThere(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	entered, leave := make(chan struct{}), make(chan struct{})
	r := h.run(m.install, func(c *Catalog) {
		fetch := c.lanes.fetch
		c.lanes.fetch = func(ctx context.Context, digest string) verdict {
			close(entered)
			<-leave
			return fetch(ctx, digest)
		}
	})
	h.put("a.jar", parcelBytes("a", "1", 0))
	one := r.runs("a 1").Desired[0].Bundle.Digest()
	h.put("a.jar", parcelBytes("a", "2", 0))
	m.healthy(r.runs("a 2"))
	eventually(t, "version 1 is forgotten", func() bool {
		var known bool
		err := r.ask(t.Context(), func() { known = r.known[one] != nil })
		return err == nil && !known
	})
	m.set("a", func(st *Standing) { st.Pinned = one })
	<-entered
	h.put("b.jar", parcelBytes("b", "1", 0)) // Views come and go
	r.is("a 2", "b 1")
	close(leave)
	r.is("a 1", "b 1")
	r.never("nothing of a is there", func(v View) bool { return len(v.Desired) == 0 && len(v.Rows) == 1 && v.Rows[0].Manifest != nil })
}

func TestShelfKeepsWhatItIsTold(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	m.kept = map[string]bool{}
	r := h.run(m.install)
	h.put("other.jar", parcelBytes("other", "1", 0))
	var digests []string
	var last View
	for version := range 7 {
		h.put("a.jar", parcelBytes("a", fmt.Sprint(version), 0))
		last = r.runs(fmt.Sprint("a ", version), "other 1")
		digests = append(digests, last.Desired[0].Bundle.Digest())
		m.mu.Lock()
		m.kept[last.Desired[0].Bundle.Digest()] = true
		m.mu.Unlock()
	}
	shelved := func() []string {
		list := r.ShelvedIDs()["a"]
		slices.Sort(list)
		return list
	}
	slices.Sort(digests)
	if got := shelved(); !slices.Equal(got, digests) {
		t.Errorf("all are kept, but there are %q of %q", got, digests)
	}
	e, err := r.Shelved(t.Context(), digests[0])
	if err != nil || e.Bundle.Digest() != digests[0] || e.File != "" || e.Executable == "" {
		t.Errorf("from the shelf: %+v, %v", e, err)
	}

	old := last.Desired[0].Bundle.Digest()
	spare := digests[slices.IndexFunc(digests, func(d string) bool { return d != old })]
	m.mu.Lock()
	m.kept = map[string]bool{spare: true} // the running one is in use
	m.mu.Unlock()
	m.wake()
	want := []string{old, spare}
	slices.Sort(want)
	eventually(t, "the rest is removed", func() bool { return slices.Equal(shelved(), want) })

	m.mu.Lock()
	m.kept = map[string]bool{}
	m.mu.Unlock()
	h.remove("a.jar")
	r.runs("other 1")
	m.wake()
	if _, err := r.Shelved(t.Context(), old); err != nil { // nobody keeps anything of a: as before
		t.Errorf("what ran last: %v", err)
	}
	for _, bad := range []string{"", "sha256:", "sha256:../../etc", digests[0] + "0"} {
		if _, err := r.Shelved(t.Context(), bad); !errors.Is(err, ErrNotShelved) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// eventually polls for what a Catalog does without a View.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !ok(); {
		if time.Now().After(late) {
			t.Fatalf("not so: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
