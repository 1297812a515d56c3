// Package events tells subscribers how things stand and what changes. A Feed holds the
// present value of each key, in the order in which the keys changed last; Set and Remove
// change it, Subscribe follows it.
//
// What is promised:
//
//   - A subscriber sees the last value of every key, but not each value in between: who
//     is slow is told less, never late, and costs no memory. Set and Remove wait for
//     nobody.
//   - Each event has a number. Whoever comes back with the number of the last event that
//     it has seen gets what has changed since, or, when the feed does not know that any
//     more, a reset and everything. Numbers grow also from one feed to the next, as long as
//     the clock is not set back.
//   - What is held is bounded: a value for each key that there is, and the most recent of
//     the keys that are gone.
package events

import (
	"container/list"
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// ErrTooMany is the answer of Subscribe when there are as many subscribers as there may be.
var ErrTooMany = errors.New("there are too many subscribers")

// Config is what a Feed is made from.
type Config[T any] struct {
	// Subscribers is how many there may be at once.
	Subscribers int
	// Gone is how many keys that are gone are remembered, for those who come back.
	Gone int
	// Opening reports whether somebody who has seen nothing yet is to be told of a value;
	// nil means of every one.
	Opening func(T) bool
}

// Event is how a key stands.
type Event[T any] struct {
	Seq   uint64
	Key   string
	Value T // the zero value for what is gone
	Gone  bool
	// Reset says that nothing counts that was told before: all keys follow. Such an event
	// has no key.
	Reset bool
}

// Feed holds the present values. Its methods may be called by any goroutine.
type Feed[T any] struct {
	cfg Config[T]

	mu          sync.Mutex // guards what follows
	order       *list.List // of Event[T], their Seq grows to the back
	byKey       map[string]*list.Element
	seq         uint64 // of the last event
	begin       uint64 // of the feed: events up to here are those of another one
	forgotten   uint64 // the highest Seq of what was gone and is not remembered
	gone        int
	subscribers int
	changed     chan struct{} // closed, and replaced, by each change
	ended       bool
}

// New makes a Feed.
func New[T any](cfg Config[T]) *Feed[T] {
	// Not more than a million events a second keeps the numbers behind the clock.
	begin := uint64(max(time.Now().UnixMicro(), 1))
	return &Feed[T]{
		cfg: cfg, order: list.New(), byKey: map[string]*list.Element{},
		seq: begin, begin: begin, changed: make(chan struct{}),
	}
}

// Set gives a key a value.
func (f *Feed[T]) Set(key string, value T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(Event[T]{Key: key, Value: value})
}

// Remove says that a key is gone, which subscribers are told. It does nothing for one
// that is not there.
func (f *Feed[T]) Remove(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.byKey[key]; e == nil || e.Value.(Event[T]).Gone {
		return
	}
	f.put(Event[T]{Key: key, Gone: true})
	if f.gone++; f.gone <= f.cfg.Gone {
		return
	}
	for e := f.order.Front(); e != nil; e = e.Next() {
		if old := e.Value.(Event[T]); old.Gone {
			f.drop(old.Key)
			f.forgotten = max(f.forgotten, old.Seq)
			return
		}
	}
}

// Forget drops a key without a word.
func (f *Feed[T]) Forget(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(key)
}

// Get returns the value of a key.
func (f *Feed[T]) Get(key string) (value T, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.byKey[key]
	if e == nil || e.Value.(Event[T]).Gone {
		return value, false
	}
	return e.Value.(Event[T]).Value, true
}

func (f *Feed[T]) drop(key string) {
	e := f.byKey[key]
	if e == nil {
		return
	}
	if f.order.Remove(e).(Event[T]).Gone {
		f.gone--
	}
	delete(f.byKey, key)
}

// put makes e the last event.
func (f *Feed[T]) put(e Event[T]) {
	if f.ended {
		return
	}
	f.drop(e.Key)
	f.seq++
	e.Seq = f.seq
	f.byKey[e.Key] = f.order.PushBack(e)
	f.wake()
}

func (f *Feed[T]) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// Close ends the feed: subscribers are told what they have not seen, and then io.EOF.
func (f *Feed[T]) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ended {
		f.ended = true
		f.wake()
	}
}

// Subscription follows a Feed. It belongs to one goroutine.
type Subscription[T any] struct {
	feed   *Feed[T]
	after  uint64 // what was seen
	fresh  uint64 // up to here the subscriber is told how things stand, not what has gone
	reset  bool   // it is to be told of a reset
	closed bool
}

// Subscribe begins behind the event with this number, with 0 at nothing: then everything
// follows. The error is ErrTooMany.
func (f *Feed[T]) Subscribe(after uint64) (*Subscription[T], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subscribers >= f.cfg.Subscribers {
		return nil, ErrTooMany
	}
	f.subscribers++
	s := &Subscription[T]{feed: f, after: after}
	if after == 0 || after < f.begin || after < f.forgotten || after > f.seq {
		s.reset = after != 0
		s.after, s.fresh = 0, f.seq
	}
	return s, nil
}

// Next waits for the next event. It returns ctx's error when that ends first, after which
// it can be called again, and io.EOF when the feed was closed.
func (s *Subscription[T]) Next(ctx context.Context) (Event[T], error) {
	for {
		e, changed, err := s.next()
		if changed == nil {
			return e, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Event[T]{}, ctx.Err()
		}
	}
}

// next returns the next event, or what to wait for.
func (s *Subscription[T]) next() (e Event[T], wait <-chan struct{}, err error) {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.reset {
		s.reset = false
		// With this number a subscriber that is lost now comes back to a reset.
		return Event[T]{Seq: f.begin - 1, Reset: true}, nil, nil
	}
	if s.after != 0 && max(s.after, s.fresh) < f.forgotten { // it was too slow even for what is gone
		s.after, s.fresh = 0, f.seq
		return Event[T]{Seq: f.begin - 1, Reset: true}, nil, nil
	}
	for at := f.behind(s.after); at != nil; at = at.Next() {
		e = at.Value.(Event[T])
		s.after = e.Seq
		if e.Seq <= s.fresh && (e.Gone || f.cfg.Opening != nil && !f.cfg.Opening(e.Value)) {
			continue
		}
		return e, nil, nil
	}
	if f.ended {
		return Event[T]{}, nil, io.EOF
	}
	return Event[T]{}, f.changed, nil
}

// behind returns the first element whose number is higher, nil for none.
func (f *Feed[T]) behind(seq uint64) *list.Element {
	var first *list.Element
	for e := f.order.Back(); e != nil && e.Value.(Event[T]).Seq > seq; e = e.Prev() {
		first = e
	}
	return first
}

// Close ends the subscription. Only the first call does anything.
func (s *Subscription[T]) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.feed.subscribers--
	}
}
