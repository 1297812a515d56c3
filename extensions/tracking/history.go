package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"
)

// historyFile is the database's name in the data folder.
const historyFile = "history.db"

// The buckets of the database; position.go says what is in them. meta holds the
// format's number and how many positions there are.
const (
	bucketMeta    = "meta"
	bucketHistory = "history"
	bucketOrder   = "order"
	bucketCurrent = "current"

	keyFormat = "format"
	keyCount  = "positions"
)

// history is the store of positions: a bbolt database in the data folder. What add
// has returned for is on disk. For each device, current is its newest position in
// the history; a device whose last position is removed is forgotten.
//
// Every method may be called by many goroutines at once. Readers see one moment and
// wait for nobody; writers take turns.
type history struct {
	db *bbolt.DB
	// file is the database as it was when opened, for the check that it is still
	// there.
	file fs.FileInfo
	// turn holds the right to write. A channel, so that those who wait for it can
	// give up, and get it in the order they came.
	turn chan struct{}
	// waiting are the additions that have not been written yet.
	mu      sync.Mutex
	waiting []*addition
	// broken is the first sign of damage; nothing is read or written after it.
	broken atomic.Pointer[corruptError]
}

// prune removes at most limit of the oldest positions: those before horizon, and
// those beyond the number of most in all. It returns how many it removed; less than
// limit means that there are no more.
func (h *history) prune(ctx context.Context, horizon int64, most, limit int) (removed int, err error) {
	// Looking first is cheap, an empty transaction is not: it syncs the disk.
	due := false
	if err := h.view(func(b buckets) error {
		key, _ := b.order.Cursor().First()
		due = key != nil && (b.count > most || readTime(key) < horizon)
		return nil
	}); err != nil || !due {
		return 0, err
	}
	err = h.update(ctx, func(b buckets) error {
		if removed, err = b.removeOldest(min(b.count-most, limit), endOfTime); err != nil {
			return err
		}
		aged, err := b.removeOldest(limit-removed, horizon)
		removed += aged
		return err
	})
	return removed, err
}

// track calls each for every position of device from one time to another, both
// inclusive, in the order of time, until it returns an error, which track returns.
func (h *history) track(device string, from, to int64, each func(position) error) error {
	return h.view(func(b buckets) error {
		prefix := historyPrefix(device)
		last := historyKey(device, to)
		c := b.history.Cursor()
		for key, value := c.Seek(historyKey(device, from)); key != nil && bytes.Compare(key, last) <= 0; key, value = c.Next() {
			p := position{device: device, time: readTime(key[len(prefix):])}
			if err := p.readValues(value); err != nil {
				return err
			}
			if err := each(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// all calls each for the current position of every device, in the order of the
// devices' bytes, until it returns an error, which all returns.
func (h *history) all(each func(position) error) error {
	return h.view(func(b buckets) error {
		c := b.current.Cursor()
		for key, value := c.First(); key != nil; key, value = c.Next() {
			p, err := readCurrent(string(key), value)
			if err != nil {
				return err
			}
			if err := each(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// some is all for the devices named, in the order in which they are named. Devices
// that are not known are passed over.
func (h *history) some(devices []string, each func(position) error) error {
	return h.view(func(b buckets) error {
		for _, device := range devices {
			value := b.current.Get([]byte(device))
			if value == nil {
				continue
			}
			p, err := readCurrent(device, value)
			if err != nil {
				return err
			}
			if err := each(p); err != nil {
				return err
			}
		}
		return nil
	})
}

func readCurrent(device string, value []byte) (position, error) {
	if len(value) < timeBytes {
		return position{}, errValues
	}
	p := position{device: device, time: readTime(value)}
	return p, p.readValues(value[timeBytes:])
}

// view runs a reading transaction.
func (h *history) view(read func(buckets) error) error {
	if broken := h.broken.Load(); broken != nil {
		return broken
	}
	return h.noting(guard(h.db.Path(), func() error {
		return h.db.View(func(tx *bbolt.Tx) error {
			b, err := openBuckets(tx)
			if err != nil {
				return err
			}
			return read(b)
		})
	}))
}

// update runs a writing transaction when its turn has come, or returns ctx's error.
func (h *history) update(ctx context.Context, write func(buckets) error) error {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return h.commit(write)
}

// commit runs a writing transaction for whoever has the turn.
func (h *history) commit(write func(buckets) error) error {
	if broken := h.broken.Load(); broken != nil {
		return broken // a panic may have left bbolt's own lock behind
	}
	return h.noting(guard(h.db.Path(), func() error {
		return h.db.Update(func(tx *bbolt.Tx) error {
			b, err := openBuckets(tx)
			if err != nil {
				return err
			}
			before := b.count
			if err := write(b); err != nil || b.count == before {
				return err
			}
			return b.putCount()
		})
	}))
}

// noting remembers the first sign of damage.
func (h *history) noting(err error) error {
	if errors.Is(err, errValues) {
		err = &corruptError{h.db.Path(), err}
	}
	var corrupt *corruptError
	if errors.As(err, &corrupt) {
		h.broken.CompareAndSwap(nil, corrupt)
	}
	return err
}

// buckets is the database within one transaction.
type buckets struct {
	meta, history, order, current *bbolt.Bucket
	*tally
}

// tally is the number of positions, which a transaction changes as it goes.
type tally struct{ count int }

func openBuckets(tx *bbolt.Tx) (buckets, error) {
	b := buckets{
		meta:    tx.Bucket([]byte(bucketMeta)),
		history: tx.Bucket([]byte(bucketHistory)),
		order:   tx.Bucket([]byte(bucketOrder)),
		current: tx.Bucket([]byte(bucketCurrent)),
	}
	if b.meta == nil || b.history == nil || b.order == nil || b.current == nil {
		return buckets{}, fmt.Errorf("%w: a bucket is missing", errValues)
	}
	count := b.meta.Get([]byte(keyCount))
	if len(count) != 8 {
		return buckets{}, fmt.Errorf("%w: the number of positions is missing", errValues)
	}
	// Times mostly grow, and so do the keys of order: its pages may be full.
	b.order.FillPercent = 0.95
	b.tally = &tally{int(binary.BigEndian.Uint64(count))}
	return b, nil
}

func (b buckets) putCount() error {
	return b.meta.Put([]byte(keyCount), binary.BigEndian.AppendUint64(nil, uint64(b.count)))
}

// insert records p, unless the history has a position of this device and time.
func (b buckets) insert(p position) (outcome, error) {
	key := historyKey(p.device, p.time)
	if stored := b.history.Get(key); stored != nil {
		old := position{device: p.device, time: p.time}
		if err := old.readValues(stored); err != nil {
			return 0, err
		}
		if old.same(p) {
			return repeated, nil
		}
		return different, nil
	}
	values := p.appendValues(nil)
	if err := b.history.Put(key, values); err != nil {
		return 0, err
	}
	if err := b.order.Put(orderKey(p.time, p.device), nil); err != nil {
		return 0, err
	}
	b.count++
	if now := b.current.Get([]byte(p.device)); len(now) >= timeBytes && readTime(now) > p.time {
		return recorded, nil // a late report: the device has moved on
	}
	return recorded, b.current.Put([]byte(p.device), append(appendTime(nil, p.time), values...))
}

// removeOldest removes the oldest positions, at most n, that are before horizon.
func (b buckets) removeOldest(n int, horizon int64) (removed int, err error) {
	c := b.order.Cursor()
	for key, _ := c.First(); removed < n && key != nil && readTime(key) < horizon; key, _ = c.First() {
		t, device := readTime(key), string(key[timeBytes:])
		if err := c.Delete(); err != nil {
			return removed, err
		}
		if err := b.history.Delete(historyKey(device, t)); err != nil {
			return removed, err
		}
		// The oldest position of all can be its device's newest only when it is its
		// last.
		if now := b.current.Get([]byte(device)); len(now) >= timeBytes && readTime(now) == t {
			if err := b.current.Delete([]byte(device)); err != nil {
				return removed, err
			}
		}
		removed++
		b.count--
	}
	return removed, nil
}
