package installation

import (
	"maps"
	"sync"

	"github.com/jackfield-host/jackfield/host/internal/plan"
)

// Counts are how plans have gone since the Installation was made.
type Counts struct {
	Active int // that are under way
	// Ended are those that have ended, by how. One that succeeded and was undone counts as both.
	Ended map[Ended]int64
	// Bytes have come from repositories, those of plans that failed included.
	Bytes int64
}

// Ended is how a plan has ended, and whether it was the host that had begun it: an update
// that came by itself.
type Ended struct {
	State  plan.State // Succeeded, Failed or Undone
	ByHost bool
}

// Counts returns how plans have gone. Each way to end is in it.
func (i *Installation) Counts() Counts {
	c := i.tally.now()
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, j := range i.jobs {
		if !j.over() {
			c.Active++
		}
	}
	return c
}

// tally counts plans.
type tally struct {
	mu     sync.Mutex // guards what follows
	counts Counts
}

func newTally() *tally {
	t := &tally{counts: Counts{Ended: map[Ended]int64{}}}
	for _, state := range []plan.State{plan.Succeeded, plan.Failed, plan.Undone} {
		t.counts.Ended[Ended{state, true}], t.counts.Ended[Ended{state, false}] = 0, 0
	}
	return t
}

func (t *tally) ended(p plan.Plan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Ended[Ended{p.State, p.Actor == actorHost}]++
}

func (t *tally) came(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Bytes += bytes
}

func (t *tally) now() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	c.Ended = maps.Clone(c.Ended)
	return c
}
