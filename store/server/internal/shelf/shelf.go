// Package shelf keeps what a face makes of the catalogue: something of each listing of one
// format, and one thing of all of them, which is what requests are answered from.
//
//	s := shelf.Shelf[row, page]{Format: store.FormatJameica, Each: makeRow, All: makePage}
//	page, err := s.Get(snapshot)
//
// What is promised: after a change of the catalogue only listings that have changed are read
// again, by one request, while others are answered as before the change; a listing that can
// not be read is left out and takes no other with it.
package shelf

import (
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/store"
)

// Snapshot is the catalogue at one time. It never changes, and what it gives is shared.
type Snapshot interface {
	// Sequence is another one whenever the catalogue is another one.
	Sequence() int64
	// Listing returns a listing by its id as store.FoldID has it.
	Listing(id string) (*store.Listing, bool)
	// Entries returns all listings of a format, in the order of their names.
	Entries(format store.Format) iter.Seq[Entry]
}

// Entry is one listing among all.
type Entry struct {
	ID     string
	Digest string // changes with the listing
	// Load returns the listing. It is asked only when Digest is not known yet.
	Load func() (*store.Listing, error)
}

// Shelf keeps a Row of each listing and an Answer made of all. Its methods may be called by
// any goroutine.
type Shelf[Row, Answer any] struct {
	Format store.Format
	// Each makes the row of a listing; an error says why there is none.
	Each func(*store.Listing) (Row, error)
	// All makes the answer of the rows, in the order of Snapshot.Entries.
	All func(sequence int64, rows []Row) (Answer, error)
	// Failed is told of listings that are left out; nil for nobody.
	Failed func(error)

	building sync.Mutex // held by whoever makes something
	current  atomic.Pointer[made[Row, Answer]]
}

// made is what was made of one snapshot.
type made[Row, Answer any] struct {
	sequence int64
	rows     map[string]kept[Row] // by id
	answer   Answer
}

type kept[Row any] struct {
	digest string
	row    Row
	ok     bool
}

// Get returns the answer for a snapshot. While somebody else makes it, it is that of the
// snapshot before.
func (s *Shelf[Row, Answer]) Get(snapshot Snapshot) (answer Answer, err error) {
	sequence := snapshot.Sequence()
	last := s.current.Load()
	if last != nil && last.sequence == sequence {
		return last.answer, nil
	}
	if !s.building.TryLock() {
		if last != nil {
			return last.answer, nil
		}
		s.building.Lock()
	}
	defer s.building.Unlock()
	if last = s.current.Load(); last != nil && last.sequence == sequence {
		return last.answer, nil // somebody made it while we waited
	}
	next, err := s.make(snapshot, last)
	if err != nil {
		return answer, err
	}
	s.current.Store(next)
	return next.answer, nil
}

// make takes over the rows of listings that did not change.
func (s *Shelf[Row, Answer]) make(snapshot Snapshot, last *made[Row, Answer]) (*made[Row, Answer], error) {
	next := &made[Row, Answer]{sequence: snapshot.Sequence(), rows: map[string]kept[Row]{}}
	var rows []Row
	for e := range snapshot.Entries(s.Format) {
		var k kept[Row]
		if last != nil {
			k = last.rows[e.ID]
		}
		if k.digest != e.Digest {
			k = s.read(e)
		}
		next.rows[e.ID] = k
		if k.ok {
			rows = append(rows, k.row)
		}
	}
	var err error
	next.answer, err = s.All(next.sequence, rows)
	return next, err
}

// read makes the row of an entry. That there is none is remembered, too, unless it could not
// be loaded.
func (s *Shelf[Row, Answer]) read(e Entry) (k kept[Row]) {
	l, err := e.Load()
	if err == nil {
		k.digest = e.Digest
		k.row, err = s.Each(l)
	}
	if k.ok = err == nil; !k.ok && s.Failed != nil {
		s.Failed(fmt.Errorf("the listing %.200q is left out: %w", e.ID, err))
	}
	return k
}
