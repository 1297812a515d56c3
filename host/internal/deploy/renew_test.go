package deploy

import (
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// A process that must not do any more what it may do is replaced without a gap.
func TestRenew(t *testing.T) {
	inWorld(t, func(w *world) {
		w.want.Version = w.overlap("v1")
		w.expect("launch v1#1")
		w.last().running()
		w.expect("healthy v1", "note started v1")
		w.want.Renew++
		w.expect("launch held, 5 tries, v1#2")
		w.serves("v1#1")
		if w.d.View().AtRest {
			t.Error("at rest before it is renewed")
		}
		w.last().prepared()
		w.expect("activate v1#2")
		w.last().running()
		w.expect("healthy v1", "note restarted v1", "stop v1#1")
		w.serves("v1#2")
		w.expect()
	})
}

// The old process ends, too, where the new one cannot do without.
func TestRenewalThatFailsEndsTheOldProcess(t *testing.T) {
	for name, exclusive := range map[string]bool{"overlap": false, "exclusive": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.want.Version = &version{w: w, name: "v1", exclusive: exclusive}
				w.expect("launch v1#1")
				w.last().running()
				w.expect("healthy v1", "note started v1")
				w.want.Renew++
				w.expect("launch held, 5 tries, v1#2")
				w.last().fail(lifecycle.Failed, "init_failed")
				w.expect("not renewed v1: init_failed", "note ended v1", "launch v1#3", "stop v1#1", "stop v1#2")
				w.serves("v1#3")
				w.last().fail(lifecycle.Backoff, "init_failed")
				w.expect()
			})
		})
	}
}

// In the middle of a hand-over the new process fails: what comes back is a new one, too.
func TestRenewalThatFailsInItsActivation(t *testing.T) {
	inWorld(t, func(w *world) {
		w.want.Version = w.exclusive("v1")
		w.expect("launch v1#1")
		w.last().running()
		w.expect("healthy v1", "note started v1")
		w.want.Renew++
		w.expect("launch held, 5 tries, v1#2")
		w.last().prepared()
		w.expect("prepare v1", "hold", "stop v1#1 held", "take v1", "activate v1#2")
		w.last().fail(lifecycle.Failed, "init_failed")
		w.expect("not renewed v1: init_failed", "note ended v1", "stop v1#2 held", "restore v1", "note data_restored v1", "launch v1#3")
		w.last().running()
		w.expect("healthy v1", "note reverted v1", "done ", "release")
		w.serves("v1#3")
	})
}

// What serves is renewed before a newer version gets its turn, and the version that is
// kept warm does not stay either.
func TestRenewGoesFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
		w.expect("activate v2#2")
		second.running()
		w.expect("healthy v2", "note upgraded v2")
		w.want.Renew++
		w.want.Version = w.overlap("v3")
		w.expect("launch held, 5 tries, v2#3", "stop v1#1")
		w.last().prepared()
		w.expect("activate v2#3")
		w.last().running()
		w.expect("healthy v2", "note restarted v2", "stop v2#2", "launch held, 5 tries, v3#4")
		w.instances[2].fail(lifecycle.Backoff, "crashed") // v2, in its probation: v1 comes back
		w.expect("hold", "rejected v2: crashed", "stop v2#3 held", "stop v3#4 held", "launch v1#5")
	})
}

// Of a process that does not run anyway nothing is kept.
func TestRenewOfWhatDoesNotRun(t *testing.T) {
	inWorld(t, func(w *world) {
		w.want.Version = w.overlap("v1")
		w.expect("launch v1#1")
		w.last().fail(lifecycle.Backoff, "init_failed")
		w.expect()
		w.want.Renew++
		w.expect("stop v1#1", "launch v1#2")
		w.last().running()
		w.expect("healthy v1", "note started v1")
	})
}
