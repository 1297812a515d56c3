package catalogue

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

const (
	batch         = 500                   // documents that are asked for at once
	lookTimeout   = time.Minute           // for one look at the database, but for the first
	leastPause    = 20 * time.Millisecond // between two looks, whoever wakes
	longestPause  = 5 * time.Second       // between two looks at a database that does not answer
	downloadPause = time.Minute           // between two counts of downloads
)

// Run follows the database until ctx ends, which is no error. A database that does not answer
// is asked again, for as long as it takes.
func (c *Catalogue) Run(ctx context.Context) error {
	f := &follower{Catalogue: c, builder: newBuilder(c.config.Store, c.Current())}
	for {
		err := f.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		c.report(f, err)
		pause := c.config.Interval
		if err != nil {
			f.failures++
			pause = min(pause<<min(f.failures, 16), longestPause)
		} else {
			f.failures = 0
		}
		if !c.rest(ctx, pause) {
			return nil
		}
	}
}

// rest waits for the next look, and reports whether there is to be one.
func (c *Catalogue) rest(ctx context.Context, pause time.Duration) bool {
	least := time.NewTimer(min(leastPause, pause))
	defer least.Stop()
	select {
	case <-least.C:
	case <-ctx.Done():
		return false
	}
	most := time.NewTimer(pause)
	defer most.Stop()
	select {
	case <-most.C:
	case <-c.wake:
	case <-ctx.Done():
		return false
	}
	return true
}

// report says how a look went: in Health, and in the log when that is news.
func (c *Catalogue) report(f *follower, err error) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	c.mu.Lock()
	news := problem != c.health.Problem
	c.health.Problem, c.health.LeftOut = problem, f.builder.leftOut()
	c.health.Ready, c.health.Looked = f.ready, f.answered
	looked := c.looked
	c.looked = make(chan struct{})
	c.mu.Unlock()
	close(looked)
	switch {
	case news && err != nil:
		c.config.Log.Error("the catalogue is not current", "error", err)
	case news:
		c.config.Log.Info("the catalogue is current again", "sequence", c.Current().Sequence())
	}
}

// follower is what Run knows from look to look. Only its goroutine uses it.
type follower struct {
	*Catalogue
	builder  *builder
	ready    bool
	answered time.Time // when the database last did
	counted  time.Time // when downloads were counted
	checked  time.Time // when a timestamp by somebody else was last put aside
	failures int
}

// look brings Current up to date with the database.
func (f *follower) look(ctx context.Context) error {
	if f.ready {
		limited, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		ctx = limited
	}
	last := f.builder.last
	next := last
	sequence, err := f.config.Database.Sequence(ctx)
	if err != nil {
		return fmt.Errorf("asking the database for its sequence number: %w", err)
	}
	if sequence < f.builder.sequence {
		f.config.Log.Error("the database has gone back: it was put back from a backup, or is another one; everything is read anew, and hosts will refuse it until the numbers are higher again",
			"before", f.builder.sequence, "sequence", sequence)
		last = f.forget()
	}
	if sequence != last.sequence || !f.ready {
		if err := f.read(ctx, last.sequence); err != nil {
			return err
		}
		if next, err = f.builder.build(); err != nil {
			return err
		}
	}
	f.answered = f.config.Now()
	if next, err = f.count(ctx, next); err != nil {
		f.config.Log.Warn("downloads could not be counted", "error", err)
	}
	// What is not signed yet is shown nevertheless, under the timestamp from before.
	next, signed := f.sign(ctx, next)
	if next != last {
		f.old.retire(f.Current(), next, f.config.Now())
		f.current.Store(next)
		f.builder.last = next
	}
	f.ready = true
	return signed
}

// forget begins from nothing. Until all is read anew, Current stays what it was.
func (f *follower) forget() *Snapshot {
	empty := &Snapshot{decoded: f.Current().decoded, downloads: f.Current().downloads}
	f.builder, f.ready = newBuilder(f.config.Store, empty), false
	return empty
}

// read takes all documents that changed after a sequence number into the builder.
func (f *follower) read(ctx context.Context, after int64) error {
	if after < f.builder.sequence {
		after = f.builder.sequence // a look before came so far, and then failed
	}
	for {
		changes, err := f.config.Database.Changes(ctx, after, batch)
		if err != nil {
			return fmt.Errorf("reading changes after number %d: %w", after, err)
		}
		if err := f.take(changes.Documents); err != nil {
			return err
		}
		f.builder.sequence = changes.Sequence
		if changes.Lists != nil {
			f.builder.lists = *changes.Lists
		}
		if !changes.More {
			return nil
		}
		if changes.Sequence <= after {
			return fmt.Errorf("the database has more changes after number %d, but gives none", after)
		}
		after = changes.Sequence
	}
}

// take reads documents, on all processors, into the builder.
func (f *follower) take(documents []database.Document) error {
	entries := make([]*entry, len(documents))
	problems := make([]error, len(documents))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	const each = 32
	for from := 0; from < len(documents); from += each {
		group.Go(func() error {
			for i := from; i < min(from+each, len(documents)); i++ {
				if !documents[i].Removed {
					entries[i], problems[i] = f.builder.read(documents[i])
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, document := range documents {
		if problems[i] != nil {
			f.config.Log.Error("a listing is left out of the catalogue", "listing", document.ID, "error", problems[i])
		}
		f.builder.put(document.ID, entries[i], problems[i])
	}
	return nil
}

// count takes the numbers of downloads into a snapshot, once in a while.
func (f *follower) count(ctx context.Context, s *Snapshot) (*Snapshot, error) {
	now := f.config.Now()
	if !f.counted.IsZero() && now.Sub(f.counted) < downloadPause && !now.Before(f.counted) {
		return s, nil
	}
	f.counted = now
	totals, err := f.config.Database.DownloadTotals(ctx)
	if err != nil {
		return s, err
	}
	return s.withDownloads(totals), nil
}
