package catalog

import (
	"maps"
	"slices"
	"time"
)

// load is a bundle that Standing refers to, on its way from private storage.
type load struct {
	job   *job // nil while it waits to be tried again
	retry time.Time
	pause time.Duration
}

func (c *Catalog) loading(digest string) bool { return c.loads[digest] != nil }

// fetch has the bundles verified that Standing refers to and no file holds, and returns
// when to call it again (zero for when something happens). A bundle that is not on the
// shelf is nowhere.
func (c *Catalog) fetch(now time.Time) time.Time {
	wanted := c.wanted()
	for digest, l := range c.loads {
		if !wanted[digest] {
			if l.job != nil {
				c.lanes.drop(l.job)
			}
			delete(c.loads, digest)
		}
	}
	var next time.Time
	for _, digest := range slices.Sorted(maps.Keys(wanted)) {
		l := c.loads[digest]
		size, there := c.shelf.size(digest)
		switch {
		case l == nil && there:
			c.loads[digest] = &load{job: c.lanes.load(digest, size)}
		case l == nil || l.job != nil:
		case !there:
			delete(c.loads, digest)
		case now.Before(l.retry):
			next = earliest(l.retry, next)
		default:
			l.job = c.lanes.load(digest, size)
		}
	}
	return next
}

// wanted lists the digests that take part in resolve and are not known.
func (c *Catalog) wanted() map[string]bool {
	places, open := map[string]bool{}, map[string]bool{}
	for _, f := range c.files {
		id := f.claimed()
		places[id] = true
		if f.first && f.verdict == nil && f.seen.size > 0 {
			open[id] = true // this may be the very bundle, and will soon be known
		}
	}
	wanted := map[string]bool{}
	for id, st := range c.standing {
		if open[id] || !places[id] && c.looked {
			continue
		}
		for _, digest := range []string{st.Pinned, st.Current} {
			if digest != "" && c.known[digest] == nil {
				wanted[digest] = true
			}
		}
	}
	return wanted
}

// loaded takes what became of a load.
func (c *Catalog) loaded(done judgement) {
	digest := done.job.digest
	l := c.loads[digest]
	if l == nil || l.job != done.job {
		return
	}
	switch l.job = nil; done.kind {
	case acceptable:
		c.known[digest] = c.cfg.acceptedOf(done.parcel, time.Time{}, time.Now())
		delete(c.loads, digest)
	case trouble:
		l.pause = min(max(2*l.pause, retryFirst), retryMax)
		l.retry = time.Now().Add(l.pause)
		c.cfg.Log.Warn("a private copy of a bundle cannot be read", "digest", digest, "reason", done.reason.Message)
	default:
		delete(c.loads, digest)
	}
}

// forget lets go of known bundles that nothing refers to.
func (c *Catalog) forget() {
	used := c.inUse()
	maps.DeleteFunc(c.known, func(digest string, _ *accepted) bool { return !used[digest] })
}
