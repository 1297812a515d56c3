// Package shelf keeps what a face makes of the catalogue: something of each listing of one
// format, and one thing of all of them, which is what requests are answered from.
//
//	s := shelf.New(shelf.Config[row, page]{Format: store.FormatJameica, Each: makeRow, All: makePage})
//	page, err := s.Get(ctx, snapshot)
//
// What is promised: after a change of the catalogue only listings that have changed are read
// again, by one request, while others are answered as before the change; no request waits for
// longer than 20 seconds; what was read is not read again by the next one when a request is
// broken off; a listing that can not be read is left out and takes no other with it.
package shelf

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync/atomic"
	"time"

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

// Config is what a Shelf is made from.
type Config[Row, Answer any] struct {
	Format store.Format
	// Each makes the row of a listing; an error says why there is none.
	Each func(*store.Listing) (Row, error)
	// All makes the answer of the rows, in the order of Snapshot.Entries.
	All func(sequence int64, rows []Row) (Answer, error)
	// Failed is told of listings that are left out; nil for nobody.
	Failed func(error)
}

// Shelf keeps a Row of each listing and an Answer made of all. Its methods may be called by
// any goroutine.
type Shelf[Row, Answer any] struct {
	config  Config[Row, Answer]
	current atomic.Pointer[made[Answer]]

	turn chan struct{}        // has something in it while somebody makes an answer
	rows map[string]kept[Row] // by id; belongs to whose turn it is
}

// made is what was made of one snapshot.
type made[Answer any] struct {
	sequence int64
	answer   Answer
}

type kept[Row any] struct {
	digest string
	row    Row
	ok     bool
}

// New makes a Shelf that is empty.
func New[Row, Answer any](c Config[Row, Answer]) *Shelf[Row, Answer] {
	return &Shelf[Row, Answer]{config: c, turn: make(chan struct{}, 1), rows: map[string]kept[Row]{}}
}

// patience is how long a request waits while all listings are read for the first time: clients
// wait for 30 seconds.
const patience = 20 * time.Second

// Prepare makes the answer for a snapshot before somebody asks, however long it takes. Its
// error is that ctx has ended, or that of Config.All.
func (s *Shelf[Row, Answer]) Prepare(ctx context.Context, snapshot Snapshot) error {
	_, err := s.get(ctx, snapshot)
	return err
}

// Get returns the answer for a snapshot. While it takes too long, or somebody else makes it, it
// is that of the snapshot before. Where there is none yet, Get waits for 20 seconds, unless ctx
// ends before; its error wraps then context.DeadlineExceeded, or why ctx has ended.
func (s *Shelf[Row, Answer]) Get(ctx context.Context, snapshot Snapshot) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.get(ctx, snapshot)
}

func (s *Shelf[Row, Answer]) get(ctx context.Context, snapshot Snapshot) (answer Answer, err error) {
	last := s.current.Load()
	if last != nil && last.sequence == snapshot.Sequence() {
		return last.answer, nil
	}
	select {
	case s.turn <- struct{}{}:
	default:
		if last != nil {
			return last.answer, nil
		}
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return answer, notYet(ctx)
		}
	}
	defer func() { <-s.turn }()
	if last = s.current.Load(); last != nil && last.sequence == snapshot.Sequence() {
		return last.answer, nil // somebody made it while we waited
	}
	next, err := s.make(ctx, snapshot)
	switch {
	case err == nil:
		s.current.Store(next)
		return next.answer, nil
	case ctx.Err() != nil && last != nil:
		return last.answer, nil
	}
	return answer, err
}

func notYet(ctx context.Context) error {
	return fmt.Errorf("the listings are still being read: %w", context.Cause(ctx))
}

// make takes over the rows of listings that did not change.
func (s *Shelf[Row, Answer]) make(ctx context.Context, snapshot Snapshot) (*made[Answer], error) {
	rows := map[string]kept[Row]{}
	var list []Row
	for e := range snapshot.Entries(s.config.Format) {
		if ctx.Err() != nil {
			maps.Copy(s.rows, rows)
			return nil, notYet(ctx)
		}
		k := s.rows[e.ID]
		if k.digest != e.Digest {
			k = s.read(e)
		}
		rows[e.ID] = k
		if k.ok {
			list = append(list, k.row)
		}
	}
	s.rows = rows
	answer, err := s.config.All(snapshot.Sequence(), list)
	return &made[Answer]{snapshot.Sequence(), answer}, err
}

// read makes the row of an entry. That there is none is remembered, too, unless it could not
// be loaded.
func (s *Shelf[Row, Answer]) read(e Entry) (k kept[Row]) {
	l, err := e.Load()
	if err == nil {
		k.digest = e.Digest
		k.row, err = s.config.Each(l)
	}
	if k.ok = err == nil; !k.ok && s.config.Failed != nil {
		s.config.Failed(fmt.Errorf("the listing %.200q is left out: %w", e.ID, err))
	}
	return k
}
