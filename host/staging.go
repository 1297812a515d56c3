package host

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/catalog"
)

const (
	// stagedFor is how long a staged bundle waits for its installation.
	stagedFor = 15 * time.Minute
	// stagedSweep is how often those that have expired are looked for.
	stagedSweep = 30 * time.Second
	// mostStaged and mostStagedEach bound how many wait, of all and of one actor; besides,
	// all of them together have no more bytes than stagedFiles bundles of the largest size.
	mostStaged, mostStagedEach, stagedFiles = 16, 4, 2
)

// staging holds the bundles that wait to be installed. A new one takes the place of the
// oldest of the same actor, never that of somebody else.
type staging struct {
	bytes int64 // that may wait
	now   func() time.Time

	mu    sync.Mutex    // guards what follows
	items []*stagedItem // the oldest first
}

// stagedItem is one of them. All but used is set once; installed by whoever has h.acting.
type stagedItem struct {
	token, actor string
	expires      time.Time
	received     *catalog.Received
	used         int       // how many work with it; staging.mu guards it
	installed    *Uploaded // what it has come to
}

func newStaging(largest int64, now func() time.Time) *staging {
	return &staging{bytes: stagedFiles * largest, now: now}
}

// run forgets what expires, and at its end everything.
func (s *staging) run(ctx context.Context) {
	ticker := time.NewTicker(stagedSweep)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.mu.Lock()
			s.sweep()
			s.mu.Unlock()
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			s.forget(func(*stagedItem) bool { return true })
			return
		}
	}
}

// add takes a bundle, which it releases when that is forgotten, and keeps it until done
// is called.
func (s *staging) add(r *catalog.Received, actor string) (item *stagedItem, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	for s.full(r.Size, actor) {
		oldest := slices.IndexFunc(s.items, func(i *stagedItem) bool { return i.actor == actor && i.used == 0 })
		if oldest < 0 {
			return nil, nil, &Error{
				Code: CodeUnavailable, Message: fmt.Sprintf("too many bundles wait to be installed: %d", len(s.items)),
				Hint: fmt.Sprintf("install them, or try again later; each is forgotten after %d minutes", stagedFor/time.Minute),
			}
		}
		token := s.items[oldest].token
		s.forget(func(i *stagedItem) bool { return i.token == token })
	}
	item = &stagedItem{token: rand.Text(), actor: actor, expires: s.now().Add(stagedFor), received: r, used: 1}
	s.items = append(s.items, item)
	return item, s.unused(item), nil
}

// unused is the end of one use of an item.
func (s *staging) unused(item *stagedItem) func() {
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		item.used--
	}
}

// full reports that there is no room for another one of this size. The caller has s.mu.
func (s *staging) full(size int64, actor string) bool {
	mine := 0
	for _, i := range s.items {
		size += i.received.Size
		if i.actor == actor {
			mine++
		}
	}
	return mine >= mostStagedEach || len(s.items) >= mostStaged || size > s.bytes
}

// use finds what an actor has staged, and keeps it until done is called.
func (s *staging) use(token, actor string) (item *stagedItem, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.items, func(i *stagedItem) bool {
		return i.token == token && i.actor == actor && s.now().Before(i.expires)
	})
	if i < 0 {
		return nil, nil, &Error{
			Code: CodeNotFound, Message: "no bundle waits under this name to be installed; what was sent is kept for a while only",
			Hint: "send the bundle again",
		}
	}
	item = s.items[i]
	item.used++
	return item, s.unused(item), nil
}

// drop forgets what an actor has staged, unless somebody is just working with it.
func (s *staging) drop(token, actor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(func(i *stagedItem) bool { return i.token == token && i.actor == actor })
}

// sweep forgets what has expired. The caller has s.mu.
func (s *staging) sweep() {
	s.forget(func(i *stagedItem) bool { return !s.now().Before(i.expires) })
}

// forget releases those that match and that nobody uses. The caller has s.mu.
func (s *staging) forget(match func(*stagedItem) bool) {
	s.items = slices.DeleteFunc(s.items, func(i *stagedItem) bool {
		gone := i.used == 0 && match(i)
		if gone {
			i.received.Release()
		}
		return gone
	})
}
