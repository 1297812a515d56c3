package catalogue

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// builder makes the next Snapshot of the last one and of what has changed. Only read may be
// called by several goroutines.
type builder struct {
	store    string // name
	last     *Snapshot
	shared   *shared
	sequence int64             // of the changes taken
	lists    database.Lists    // as of sequence
	changed  map[string]*entry // by folded id, since last; nil: removed
	broken   map[string]string // ids of what is left out, by folded id
	gzip     negotiate.Gzip
}

func newBuilder(name string, last *Snapshot) *builder {
	return &builder{store: name, last: last, shared: newShared(), changed: map[string]*entry{}, broken: map[string]string{}}
}

func (b *builder) read(d database.Document) (*entry, error) { return b.shared.readEntry(d) }

// put takes a document: nil for one that is removed, or has the problem.
func (b *builder) put(id string, e *entry, problem error) {
	folded := store.FoldID(id)
	b.changed[folded] = e
	delete(b.broken, folded)
	if problem != nil {
		b.broken[folded] = id
	}
}

func (b *builder) leftOut() []string {
	ids := slices.Sorted(maps.Values(b.broken))
	return ids[:min(len(ids), 100)]
}

// build makes the Snapshot of sequence. It has no timestamp of its own yet.
func (b *builder) build() (*Snapshot, error) {
	next := &Snapshot{
		store: b.store, sequence: b.sequence, lists: b.lists, head: b.last.head, decoded: b.last.decoded,
		downloads: b.last.downloads, byDigest: b.last.byDigest, platforms: b.shared.platforms, hosts: b.shared.hosts,
	}
	var gone, come []*entry
	for folded, e := range b.changed {
		if old := b.last.entry(folded); old != nil {
			gone = append(gone, old)
		}
		if e != nil {
			come = append(come, e)
		}
	}
	next.count = b.last.count - len(gone) + len(come)
	if err := b.shards(next, gone, come); err != nil {
		return nil, err
	}
	next.byDigest = b.last.byDigest.change(gone, come)
	for sort, order := range b.last.orders {
		next.orders[sort] = reorder(order, gone, come, next.comparison(sort))
	}
	if err := b.seal(next); err != nil {
		return nil, err
	}
	b.changed = map[string]*entry{}
	return next, nil
}

// shards makes those shards anew that have changed, or all of them when there are to be
// another number of them.
func (b *builder) shards(next *Snapshot, gone, come []*entry) error {
	count := store.ShardCount(next.count)
	members := make(map[int][]*entry) // of shards to make
	if count == len(b.last.shards) {
		next.shards = slices.Clone(b.last.shards)
		for _, e := range slices.Concat(gone, come) {
			index := store.ShardOf(e.id, count)
			members[index] = next.shards[index].entries
		}
	} else {
		next.shards = make([]*shard, count)
		for index := range count {
			members[index] = nil
		}
		for _, old := range b.last.shards {
			for _, e := range old.entries {
				index := store.ShardOf(e.id, count)
				members[index] = append(members[index], e)
			}
		}
	}
	left := make(map[*entry]bool, len(gone))
	for _, e := range gone {
		left[e] = true
	}
	added := map[int][]*entry{}
	for _, e := range come {
		index := store.ShardOf(e.id, count)
		added[index] = append(added[index], e)
	}
	for index, entries := range members {
		entries = slices.DeleteFunc(slices.Clone(entries), func(e *entry) bool { return left[e] })
		s, err := b.shard(append(entries, added[index]...))
		if err != nil {
			return err
		}
		next.shards[index] = s
	}
	return nil
}

// shard is a store.Shard with its members.
type shard struct {
	entries []*entry // by folded id
	object  Object
}

func (b *builder) shard(entries []*entry) (*shard, error) {
	slices.SortFunc(entries, func(a, b *entry) int { return strings.Compare(a.folded, b.folded) })
	document := store.Shard{Listings: make(map[string]store.Object, len(entries))}
	for _, e := range entries {
		document.Listings[e.id] = e.object().name()
	}
	object, err := b.object(document, store.MaxShard)
	return &shard{entries: slices.Clip(entries), object: object}, err
}

// object makes the object of a document of the index.
func (b *builder) object(document any, limit int) (Object, error) {
	data, err := store.Canonical(document)
	if err != nil {
		return Object{}, err
	}
	if len(data) > limit {
		return Object{}, fmt.Errorf("a document of the index has %d bytes; clients read up to %d", len(data), limit)
	}
	compressed, err := b.gzip.Bytes(data)
	if err != nil {
		return Object{}, err
	}
	name := store.ObjectOf(data)
	return Object{Digest: name.Digest, Size: name.Size, Gzip: bytes.Clone(compressed)}, nil
}

// seal makes the documents on top of the shards.
func (b *builder) seal(s *Snapshot) (err error) {
	if s.advisories, err = b.object(append([]store.Advisory{}, s.lists.Advisories...), store.MaxNotices); err != nil {
		return err
	}
	if s.revocations, err = b.object(append([]store.Revocation{}, s.lists.Revocations...), store.MaxNotices); err != nil {
		return err
	}
	document := store.Snapshot{
		Store: s.store, Sequence: s.sequence, Listings: s.count, Shards: make([]store.Object, len(s.shards)),
		Advisories: s.advisories.name(), Revocations: s.revocations.name(),
	}
	for i, shard := range s.shards {
		document.Shards[i] = shard.object.name()
	}
	s.index, err = b.object(document, store.MaxSnapshot)
	return err
}

func (o Object) name() store.Object { return store.Object{Digest: o.Digest, Size: o.Size} }

// digests finds entries by the digest of their document. It never changes: change copies
// what it changes.
type digests [][]*entry

// digestBuckets is a power of sixteen.
const digestBuckets = 1 << 12

func bucketOf(sum [sha256.Size]byte) int { return int(sum[0])<<4 | int(sum[1])>>4 }

func (d digests) find(sum [sha256.Size]byte) *entry {
	if d == nil {
		return nil
	}
	for _, e := range d[bucketOf(sum)] {
		if e.sum == sum {
			return e
		}
	}
	return nil
}

func (d digests) change(gone, come []*entry) digests {
	next := make(digests, digestBuckets)
	copy(next, d)
	owned := map[int]bool{}
	own := func(bucket int) {
		if !owned[bucket] {
			owned[bucket], next[bucket] = true, slices.Clone(next[bucket])
		}
	}
	for _, e := range gone {
		bucket := bucketOf(e.sum)
		own(bucket)
		next[bucket] = slices.DeleteFunc(next[bucket], func(other *entry) bool { return other == e })
	}
	for _, e := range come {
		bucket := bucketOf(e.sum)
		own(bucket)
		next[bucket] = append(next[bucket], e)
	}
	return next
}
