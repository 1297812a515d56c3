package database

import (
	"context"
	"errors"
	"sync"
	"time"
)

// maxCounted bounds what a Counter keeps in memory.
const maxCounted = 100_000

// Counter counts downloads in memory and adds them to the database every few seconds. What
// was counted since the last time is lost when the process is killed: it is a statistic.
type Counter struct {
	db    *Database
	every time.Duration

	mu     sync.Mutex
	counts map[Downloads]int64 // by all but Count
}

// NewCounter makes a Counter that writes that often; call its Run.
func NewCounter(db *Database, every time.Duration) *Counter {
	return &Counter{db: db, every: every, counts: map[Downloads]int64{}}
}

// Count counts one download. It never waits for the database.
func (c *Counter) Count(listing, version, platform string) {
	key := Downloads{Day: c.db.now().Truncate(24 * time.Hour), Listing: listing, Version: version, Platform: platform}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.counts[key]; there || len(c.counts) < maxCounted {
		c.counts[key]++
	}
}

// Run writes until ctx ends, and then once more. While the database is away it counts on;
// failed is told of that and may be nil.
func (c *Counter) Run(ctx context.Context, failed func(error)) error {
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return c.Flush(context.WithoutCancel(ctx))
		case <-tick.C:
			if err := c.Flush(ctx); err != nil && failed != nil && !errors.Is(err, ctx.Err()) {
				failed(err)
			}
		}
	}
}

// Flush writes what was counted. After an error it is kept for the next time.
func (c *Counter) Flush(ctx context.Context) error {
	c.mu.Lock()
	counted := c.counts
	c.counts = map[Downloads]int64{}
	c.mu.Unlock()
	if len(counted) == 0 {
		return nil
	}
	list := make([]Downloads, 0, len(counted))
	for key, n := range counted {
		key.Count = n
		list = append(list, key)
	}
	err := c.db.AddDownloads(ctx, list)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		for key, n := range counted {
			c.counts[key] += n
		}
	}
	return err
}
