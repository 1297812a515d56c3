package catalog

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
)

// TestSlowLook: a file that has settled before anybody could look at it a second time has a
// reason for not being there yet.
func TestSlowLook(t *testing.T) {
	now := time.Now()
	c := &Catalog{cfg: Config{Settle: time.Millisecond}, lastLook: now.Add(-time.Hour)}
	f := &dropped{name: "a.jar", seen: sighting{size: 5}, since: now.Add(-time.Second)}
	if due := c.step(f, now); !due.Equal(now) {
		t.Errorf("looked at again at %v", due)
	}
	if row, _ := f.row(); row.Reason == nil {
		t.Error("nobody says why it does not run")
	}
}

// TestAtRest: looks at a folder in which nothing happens decide nothing anew, and what does
// happen is decided at once, whoever tells of it.
func TestAtRest(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.put("a.jar", parcelBytes("a", "1", 0))
	var looks, decided atomic.Int64
	var standing, refused atomic.Bool // a is disabled; a is not trusted
	r := h.run(func(c *Catalog) {
		c.cfg.Distrust = func(*bundle.Verified) *Distrust {
			decided.Add(1)
			if refused.Load() {
				return &Distrust{Code: "unsigned", Message: "no"}
			}
			return nil
		}
		c.cfg.Standing = func() map[string]Standing {
			looks.Add(1)
			return map[string]Standing{"a": {Disabled: standing.Load()}}
		}
	})
	runs := func(v View) bool { return len(v.Desired) == 1 && !v.Desired[0].Disabled }
	r.await("a runs", runs)
	for at := looks.Load(); ; <-time.After(time.Millisecond) {
		before, seen := decided.Load(), looks.Load()
		for looks.Load() < seen+3 {
			<-time.After(time.Millisecond)
		}
		if decided.Load() == before {
			break // three looks, and nothing decided
		}
		if looks.Load() > at+100 {
			t.Fatalf("%d decisions in %d looks", decided.Load(), looks.Load())
		}
	}
	standing.Store(true) // nobody wakes it
	r.await("a is disabled", func(v View) bool { return len(v.Desired) == 1 && v.Desired[0].Disabled })
	standing.Store(false)
	r.await("a runs again", runs)
	refused.Store(true)
	r.Catalog.Wake()
	r.await("a is refused", func(v View) bool { return len(v.Rows) == 1 && v.Rows[0].Reason.Code == "unsigned" })
	refused.Store(false)
	r.Catalog.Wake()
	r.await("a is trusted", runs)
	h.put("b.jar", parcelBytes("b", "1", 0))
	r.await("b runs, too", func(v View) bool { return len(v.Desired) == 2 })
}
