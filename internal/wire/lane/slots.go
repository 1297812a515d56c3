package lane

import (
	"sync"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/sdk"
)

// slot is where one request on the shared or the bulk lane waits for its answer. It
// is held by the caller, by the answer that is to come, and by the writer while it
// refers to the payload; who lets go last makes it free. Its id, which is the
// request's, has the place in the table in its low half and, in its high half, how
// often the slot was used.
type slot struct {
	table  *slots
	place  uint64        // the low half of id
	id     uint64        // the request's, changed by get alone
	ready  chan struct{} // gets one value when the answer is there
	unread chan struct{} // gets one value when the payload is not read any more
	state  atomic.Uint64 // the high half of id, and one of the states below
	holds  atomic.Int32

	bulk atomic.Bool   // the request is on the bulk lane
	end  atomic.Uint64 // where its frame ends there

	// The outcome, set before ready.
	answer *sdk.Response
	fault  *sdk.Error
}

// States of a slot, for one use of it: an answer finds its request by both.
const (
	slotFree uint64 = iota
	slotWaiting
	slotAnswered
	slotLeft // by the caller, without an answer
)

func stateOf(id, state uint64) uint64 { return id>>32<<2 | state }

// slots is a table of limited size.
type slots struct {
	table []atomic.Pointer[slot]

	mu   sync.Mutex // guards what follows
	free []*slot
	made int
}

func newSlots(limit int) *slots { return &slots{table: make([]atomic.Pointer[slot], limit)} }

// get returns a slot that waits, nil when all are in use.
func (t *slots) get() *slot {
	t.mu.Lock()
	defer t.mu.Unlock()
	var s *slot
	if n := len(t.free); n > 0 {
		s, t.free = t.free[n-1], t.free[:n-1]
	} else if t.made < len(t.table) {
		s = &slot{table: t, place: uint64(t.made), id: uint64(t.made), ready: make(chan struct{}, 1), unread: make(chan struct{}, 1)}
		t.table[t.made].Store(s)
		t.made++
	} else {
		return nil
	}
	s.id += 1 << 32
	s.holds.Store(2)
	s.state.Store(stateOf(s.id, slotWaiting))
	return s
}

// find returns the slot at the place that id names, nil if there is none. Whether it
// is out for this id, settle tells.
func (t *slots) find(id uint64) *slot {
	if at := id & (1<<32 - 1); at < uint64(len(t.table)) {
		return t.table[at].Load()
	}
	return nil
}

// all calls f with every slot there is.
func (t *slots) all(f func(*slot)) {
	for i := range t.table {
		if s := t.table[i].Load(); s != nil {
			f(s)
		}
	}
}

// settle gives the request its outcome and lets go for the answer. Taken says that its
// caller is there for it, asked that there is such a request at all.
func (s *slot) settle(id uint64, answer *sdk.Response, fault *sdk.Error) (taken, asked bool) {
	if s.state.CompareAndSwap(stateOf(id, slotWaiting), stateOf(id, slotAnswered)) {
		s.answer, s.fault = answer, fault
		s.ready <- struct{}{}
		s.letGo()
		return true, true
	}
	if s.state.CompareAndSwap(stateOf(id, slotLeft), stateOf(id, slotFree)) {
		s.letGo()
		return false, true
	}
	return false, false
}

// dismiss sends the caller away with fault, if it waits for an answer, which may still
// come. It returns the request's id.
func (s *slot) dismiss(fault *sdk.Error) (id uint64, ok bool) {
	state := s.state.Load()
	if state&3 != slotWaiting || !s.state.CompareAndSwap(state, state&^3|slotLeft) {
		return 0, false
	}
	s.fault = fault
	s.ready <- struct{}{}
	return state>>2<<32 | s.place, true
}

// leave ends the caller's wait, unless the answer is there.
func (s *slot) leave() bool {
	return s.state.CompareAndSwap(stateOf(s.id, slotWaiting), stateOf(s.id, slotLeft))
}

// sent is part of refOwner.
func (s *slot) sent() {
	s.unread <- struct{}{}
	s.letGo()
}

// letGo is called by each holder once.
func (s *slot) letGo() {
	if s.holds.Add(-1) > 0 {
		return
	}
	select { // of a caller that left
	case <-s.unread:
	default:
	}
	s.answer, s.fault = nil, nil
	s.table.mu.Lock()
	s.table.free = append(s.table.free, s)
	s.table.mu.Unlock()
}
