package catalogue

import (
	"sync"
	"time"
)

const (
	// retention is how long what a Snapshot had is served after the next one took its
	// place: clients read an index from the top.
	retention = 10 * time.Minute
	// maxRetained bounds it in compressed bytes; beyond that the oldest goes earlier.
	maxRetained = 32 << 20
)

// retained holds the documents of Snapshots that are not current any more. The zero value is
// ready.
type retained struct {
	mu      sync.Mutex
	objects map[string]Object // by digest
	queue   []retiree         // oldest first; a digest may be in it twice
	size    int64
	signed  *Snapshot // the one that the served timestamp names, when it is not the current
}

type retiree struct {
	digest string
	at     time.Time
}

func (r *retained) object(digest string) (Object, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o, ok := r.objects[digest]; ok {
		return o, true
	}
	if r.signed != nil {
		return r.signed.object(digest)
	}
	return Object{}, false
}

// retire keeps what last had and next has not.
func (r *retained) retire(last, next *Snapshot, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case next.head.snapshot == next.index.Digest:
		r.signed = nil
	case next.head.snapshot == last.index.Digest:
		r.signed = last
	}
	if r.objects == nil {
		r.objects = map[string]Object{}
	}
	if last.index.Digest != "" && last.index.Digest != next.index.Digest {
		for _, o := range last.without(next) {
			r.queue = append(r.queue, retiree{o.Digest, now})
			if _, ok := r.objects[o.Digest]; !ok {
				r.objects[o.Digest], r.size = o, r.size+int64(len(o.Gzip))
			}
		}
	}
	for len(r.queue) > 0 && (now.Sub(r.queue[0].at) > retention || r.size > maxRetained) {
		digest := r.queue[0].digest
		r.queue = r.queue[1:]
		if o, ok := r.objects[digest]; ok {
			r.size -= int64(len(o.Gzip))
			delete(r.objects, digest)
		}
	}
}

// without returns the documents of s that next does not have.
func (s *Snapshot) without(next *Snapshot) []Object {
	objects := []Object{s.index}
	for _, pair := range [][2]Object{{s.advisories, next.advisories}, {s.revocations, next.revocations}} {
		if pair[0].Digest != pair[1].Digest {
			objects = append(objects, pair[0])
		}
	}
	for i, shard := range s.shards {
		if len(s.shards) == len(next.shards) && shard == next.shards[i] {
			continue
		}
		objects = append(objects, shard.object)
		for _, e := range shard.entries {
			if next.byDigest.find(e.sum) == nil {
				objects = append(objects, e.object())
			}
		}
	}
	return objects
}
