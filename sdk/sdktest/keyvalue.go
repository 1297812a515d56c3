package sdktest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
)

// DefaultQuota is limits.kv of a host that was told nothing, in bytes.
const DefaultQuota = 64 << 20

// entryBytes is what an entry counts for beside key and value.
const entryBytes = 128

// pageBytes is where a page ends, with the entry that exceeds it.
const pageBytes = 1 << 20

// NewKeyValue returns a key-value store in memory that behaves as a host's does, with a
// quota in bytes (0 for DefaultQuota). Give it to WithKeyValue to see what an extension
// has stored, or to keep it over a restart.
func NewKeyValue(quota int64) sdk.KeyValue {
	if quota <= 0 {
		quota = DefaultQuota
	}
	return service.Checked(&memory{quota: quota, entries: make(map[string]sdk.Entry)})
}

// memory is a key-value store.
type memory struct {
	quota int64

	mu      sync.Mutex // guards what follows
	entries map[string]sdk.Entry
	last    uint64 // the newest version
}

func cost(key string, value []byte) int64 { return int64(len(key)+len(value)) + entryBytes }

// begin takes the lock and lets expired entries go.
func (m *memory) begin(ctx context.Context) (end func(), err error) {
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		return nil, sdk.Errorf(sdk.DeadlineExceeded, "the time was up")
	case ctx.Err() != nil:
		return nil, sdk.Errorf(sdk.Canceled, "nobody waits any more")
	}
	m.mu.Lock()
	for key, e := range m.entries {
		if !e.Expires.IsZero() && !e.Expires.After(time.Now()) {
			delete(m.entries, key)
		}
	}
	return m.mu.Unlock, nil
}

// Get is part of sdk.KeyValue.
func (m *memory) Get(ctx context.Context, key string) (sdk.Entry, error) {
	end, err := m.begin(ctx)
	if err != nil {
		return sdk.Entry{}, err
	}
	defer end()
	e, ok := m.entries[key]
	if !ok {
		return sdk.Entry{}, sdk.Errorf(sdk.NotFound, "there is no such key")
	}
	e.Value = slices.Clone(e.Value)
	return e, nil
}

// Put is part of sdk.KeyValue.
func (m *memory) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return m.put(ctx, key, nil, value, ttl)
}

// CompareAndSet is part of sdk.KeyValue.
func (m *memory) CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (uint64, error) {
	return m.put(ctx, key, &version, value, ttl)
}

func (m *memory) put(ctx context.Context, key string, want *uint64, value []byte, ttl time.Duration) (uint64, error) {
	end, err := m.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	before, there := m.entries[key]
	if want != nil && *want != before.Version {
		return 0, sdk.Errorf(sdk.Conflict, "the entry has version %d, not %d", before.Version, *want)
	}
	used, grown := int64(0), cost(key, value)
	for k, e := range m.entries {
		used += cost(k, e.Value)
	}
	if there {
		grown -= cost(key, before.Value)
	}
	if grown > 0 && used+grown > m.quota {
		return 0, sdk.Errorf(sdk.Exhausted, "the key-value store is full: limits.kv is %d bytes", m.quota)
	}
	m.last++
	e := sdk.Entry{Key: key, Value: slices.Clone(value), Version: m.last}
	if ttl > 0 {
		e.Expires = time.Now().Add(ttl)
	}
	m.entries[key] = e
	return m.last, nil
}

// Delete is part of sdk.KeyValue.
func (m *memory) Delete(ctx context.Context, key string) error {
	end, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	delete(m.entries, key)
	return nil
}

// CompareAndDelete is part of sdk.KeyValue.
func (m *memory) CompareAndDelete(ctx context.Context, key string, version uint64) error {
	end, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if is := m.entries[key].Version; is != version {
		return sdk.Errorf(sdk.Conflict, "the entry has version %d, not %d", is, version)
	}
	delete(m.entries, key)
	return nil
}

// List is part of sdk.KeyValue.
func (m *memory) List(ctx context.Context, prefix, after string, limit int) (sdk.Page, error) {
	end, err := m.begin(ctx)
	if err != nil {
		return sdk.Page{}, err
	}
	defer end()
	var keys []string
	for key := range m.entries {
		if strings.HasPrefix(key, prefix) && key > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var page sdk.Page
	size := 0
	for _, key := range keys {
		if len(page.Entries) == limit || size >= pageBytes {
			page.Next = page.Entries[len(page.Entries)-1].Key
			break
		}
		e := m.entries[key]
		e.Value = slices.Clone(e.Value)
		page.Entries = append(page.Entries, e)
		size += len(key) + len(e.Value)
	}
	return page, nil
}
