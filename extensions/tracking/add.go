package main

import (
	"context"
	"math"
	"slices"
)

// outcome says what became of a position that was added.
type outcome int

const (
	recorded  outcome = iota
	repeated          // the history had it already, with the same values
	different         // the history has another one of this device and time
)

// addition is one call of add.
type addition struct {
	positions []position
	most      int
	outcomes  []outcome
	err       error
	done      chan struct{} // closed when outcomes and err are set
}

// maxGroup is how many positions are written in one transaction, unless one report
// alone has more.
const maxGroup = 10_000

const endOfTime = math.MaxInt64

// add records positions, all or none of them, durably when it returns, and says for
// each what became of it. Of more than most positions in all the oldest go, in the same
// transaction. An error of ctx leaves open whether they were recorded.
//
// Those who come while another writes are written together, in one transaction: the
// sync of the disk, which is nearly all of the time, is shared.
func (h *history) add(ctx context.Context, positions []position, most int) ([]outcome, error) {
	a := &addition{positions: positions, most: most, outcomes: make([]outcome, len(positions)), done: make(chan struct{})}
	h.mu.Lock()
	h.waiting = append(h.waiting, a)
	h.mu.Unlock()
	select {
	case <-a.done:
		return a.outcomes, a.err
	case <-ctx.Done():
		h.withdraw(a)
		return nil, ctx.Err()
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	}
	if ctx.Err() != nil {
		h.withdraw(a)
		return nil, ctx.Err()
	}
	for !a.isDone() { // once, unless the group was full before a's place in it
		h.writeGroup()
	}
	return a.outcomes, a.err
}

func (a *addition) isDone() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// withdraw takes back an addition that is not being written yet.
func (h *history) withdraw(a *addition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.waiting, a); i >= 0 {
		h.waiting = slices.Delete(h.waiting, i, i+1)
	}
}

// writeGroup writes the additions that wait, in the order in which they came, up to
// maxGroup positions. The caller has the turn.
func (h *history) writeGroup() {
	group := h.takeGroup()
	err := h.commit(func(b buckets) error {
		for _, a := range group {
			if err := b.insertAll(a); err != nil {
				return err
			}
		}
		return nil
	})
	for _, a := range group {
		a.err = err
		close(a.done)
	}
}

func (h *history) takeGroup() []*addition {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, size := 0, 0
	for n < len(h.waiting) {
		if size += len(h.waiting[n].positions); n > 0 && size > maxGroup {
			break
		}
		n++
	}
	group := h.waiting[:n:n]
	h.waiting = slices.Clone(h.waiting[n:])
	return group
}

// insertAll records the positions of a, and removes what is then too much.
func (b buckets) insertAll(a *addition) (err error) {
	for i, p := range a.positions {
		if a.outcomes[i], err = b.insert(p); err != nil {
			return err
		}
	}
	// Up to twice as many as came, so that a bound that was lowered is reached by
	// and by, and no report pays for it alone.
	_, err = b.removeOldest(min(b.count-a.most, 2*len(a.positions)), endOfTime)
	return err
}
