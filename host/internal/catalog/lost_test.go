package catalog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

func TestFolderUnreadableAtStart(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	for _, id := range []string{"a", "b", "c"} {
		h.put(id+".jar", parcelBytes(id, "1", 0))
	}
	r := h.run(m.install)
	m.healthy(r.runs("a 1", "b 1", "c 1"))
	r.stop()
	m.set("b", func(st *Standing) { st.Disabled = true })
	m.forget("c") // removed
	away := filepath.Join(t.TempDir(), "away")
	h.rename(h.drop, away)
	r = h.run(m.install)
	v := r.is("a 1", "b 1 disabled")
	if first := r.all()[0]; first.Err == nil || len(first.Desired) != 2 || v.Desired[0].File != "a.jar" {
		t.Errorf("the first View: %s", told1(first))
	}
	m.set("b", func(st *Standing) { st.Disabled = false })
	r.is("a 1", "b 1")
	h.rename(filepath.Join(away, "a.jar"), filepath.Join(away, "renamed.jar"))
	if err := os.Remove(filepath.Join(away, "b.jar")); err != nil {
		t.Fatal(err)
	}
	h.rename(away, h.drop)
	r.runs("a 1", "c 1")
	r.neverStops("a 1")
}

func TestLostMountAtStart(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		then func(h home, m *memory, r *running)
		want []string
	}{
		"it is mounted": {func(h home, m *memory, r *running) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.device = deviceText(r.here())
		}, nil},
		"a file of it is there": {func(h home, m *memory, r *running) { h.put("b.jar", parcelBytes("b", "1", 0)) }, []string{"b 1"}},
		"another bundle is put there": {func(h home, m *memory, r *running) {
			h.put("new.jar", parcelBytes("new", "1", 0))
		}, []string{"new 1", "old 1"}},
		"the extensions are removed": {func(h home, m *memory, r *running) {
			for _, id := range []string{"a", "b"} {
				if files, err := r.Withdraw(h.t.Context(), id); err != nil || len(files) != 0 {
					h.t.Errorf("withdrawn: %q, %v", files, err)
				}
				m.forget(id)
			}
		}, []string{"old 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, m := newHome(t), newMemory()
			h.put("a.jar", parcelBytes("a", "1", 0))
			h.put("b.jar", parcelBytes("b", "1", 0))
			r := h.run(m.install)
			m.healthy(r.runs("a 1", "b 1"))
			r.stop()
			if m.device != deviceText(r.here()) {
				t.Fatalf("device %q is remembered", m.device)
			}
			m.device = "dev:another"
			h.remove("a.jar")
			h.remove("b.jar")
			if name != "it is mounted" && name != "a file of it is there" {
				h.put("old.jar", parcelBytes("old", "1", 0))
			}
			r = h.run(m.install)
			r.await("another device is noticed", func(v View) bool {
				return v.Err != nil && strings.Contains(v.Err.Error(), "is a mount lost?") &&
					strings.Contains(v.Err.Error(), "jackfield ext remove") && slices.Equal(desired(v), []string{"a 1", "b 1"})
			})
			if first := r.all()[0]; first.Err == nil || len(first.Desired) != 2 || len(first.Rows) != 0 {
				t.Errorf("the first View: %s", told1(first))
			}
			tt.then(h, m, r)
			r.runs(tt.want...)
			r.stop()
			if m.device != deviceText(r.here()) {
				t.Errorf("device %q is remembered", m.device)
			}
		})
	}
}

func TestWithdrawFromALostMount(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	h.put("a.jar", parcelBytes("a", "1", 0))
	h.put("b.jar", parcelBytes("b", "1", 0))
	r := h.run(m.install)
	m.healthy(r.runs("a 1", "b 1"))
	if err := r.ask(t.Context(), func() { // the mount is gone, and the folder below is empty
		r.folder.dev++
		h.remove("a.jar")
		h.remove("b.jar")
	}); err != nil {
		t.Fatal(err)
	}
	r.await("the mount is missed", func(v View) bool {
		return v.Err != nil && strings.Contains(v.Err.Error(), "jackfield ext remove") && len(v.Desired) == 2
	})
	if files, err := r.Withdraw(t.Context(), "a"); err != nil || len(files) != 0 {
		t.Errorf("withdrawn: %q, %v", files, err)
	}
	m.forget("a")
	r.await("b runs on", func(v View) bool { return v.Err != nil && slices.Equal(desired(v), []string{"b 1"}) })
	if _, err := r.Withdraw(t.Context(), "b"); err != nil {
		t.Error(err)
	}
	m.forget("b")
	r.runs()
}

// here returns the device of the folder.
func (r *running) here() uint64 {
	var st unix.Stat_t
	if err := unix.Stat(r.cfg.Extensions, &st); err != nil {
		r.t.Error(err)
	}
	return placeOf(&st).dev
}

func TestDamagedCurrentIsNowhere(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	h.put("a.jar", parcelBytes("a", "1", 0))
	r := h.run(m.install)
	v := r.runs("a 1")
	m.healthy(v)
	r.stop()
	if err := flip(v.Desired[0].Executable); err != nil {
		t.Fatal(err)
	}
	h.put("a.jar", cannotRun("a", "2"))
	r = h.run(m.install)
	r.turned("a.jar", lifecycle.Unsupported, lifecycle.CodeNoExecutable)
	r.never("damaged bytes run", func(v View) bool { return len(v.Desired) > 0 })
	if _, err := r.Shelved(t.Context(), v.Desired[0].Bundle.Digest()); !errors.Is(err, ErrNotShelved) {
		t.Errorf("the damaged copy: %v", err)
	}
}

func TestLoadsAreTriedAgain(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	h.put("a.jar", parcelBytes("a", "1", 0))
	r := h.run(m.install)
	m.healthy(r.runs("a 1"))
	r.stop()
	h.put("a.jar", []byte("no archive"))
	var tries atomic.Int32
	r = h.run(m.install, func(c *Catalog) {
		fetch := c.lanes.fetch
		c.lanes.fetch = func(ctx context.Context, digest string) verdict {
			if tries.Add(1) == 1 {
				return verdict{kind: trouble, reason: lifecycle.Reasonf(lifecycle.StageScan, lifecycle.CodeCopying, "out of memory")}
			}
			return fetch(ctx, digest)
		}
	})
	e := r.is("a 1").Desired[0]
	h.put("a.jar", parcelBytes("a", "1", 0)) // its file is there again
	if again := r.runs("a 1").Desired[0]; again.Bundle != e.Bundle {
		t.Error("the same content is made anew")
	}
	if tries.Load() != 2 || r.log.count("out of memory") != 1 {
		t.Errorf("%d tries; log:\n%s", tries.Load(), r.log)
	}
}
