package deploy

import "testing"

// TestExclusiveWaitsForWhoDrains: the version that was kept warm may still write the
// data while it finishes its requests. Until it has ended nothing is held and nobody is
// activated.
func TestExclusiveWaitsForWhoDrains(t *testing.T) {
	inWorld(t, func(w *world) {
		first, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
		first.slow = make(chan struct{})
		w.expect("activate v2#2")
		second.running()
		w.expect("healthy v2", "note upgraded v2")
		w.want.Version = w.exclusive("v3")
		w.expect("launch held, 5 tries, v3#3")
		w.last().prepared()
		w.expect("stop v1#1")
		w.serves("v2#2")
		close(first.slow)
		w.expect("prepare v2", "hold", "stop v2#2 held", "take v2", "activate v3#3")
		w.last().running()
		w.expect("healthy v3", "note upgraded v3", "done ", "release")
		w.serves("v3#3")
	})
}
