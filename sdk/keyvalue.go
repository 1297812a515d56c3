package sdk

import (
	"context"
	"errors"
	"iter"
	"time"
)

// The limits of a key-value store.
const (
	// MaxKeyBytes bounds a key, MaxValueBytes a value.
	MaxKeyBytes   = 512
	MaxValueBytes = 1 << 20
	// MaxEntries bounds one page of a list.
	MaxEntries = 1000
)

// KeyValue is an extension's own key-value store, kept by the host: Setup.KeyValue. It
// needs the permission kv in the manifest's extension_permissions. All versions and
// processes of one extension share it, and nobody else sees it.
//
// What a write has returned survives the death of the extension and of the host; a
// power failure may take the writes of the last moments with it, in order, the newest
// first. Putting data back after a failed upgrade does not touch the store.
//
// A key is 1 to MaxKeyBytes of UTF-8, a value at most MaxValueBytes of anything. A
// write with a ttl over 0 expires: from then on the entry is as good as deleted. Every
// write gives its entry a version higher than all versions that the store has given
// before, to whatever key, so that a version is never used twice.
//
// Writing is for the process that serves: in Init every write fails with unavailable.
// The methods may be called by many goroutines at once. Every error is an *Error:
// not_found, conflict, exhausted (the quota limits.kv, or too much at once), too_large,
// invalid_argument, permission_denied (the permission is missing), unavailable,
// deadline_exceeded, canceled or internal. After unavailable, deadline_exceeded and
// canceled a write may have been done or not. Check an error ahead of returning it from
// a handler: the client would read it.
//
// Tests of an extension get one from package sdktest. Methods may be added: embed a
// KeyValue in what implements it elsewhere.
type KeyValue interface {
	// Get returns the entry of key, or not_found.
	Get(ctx context.Context, key string) (Entry, error)
	// Put writes value, whatever was there, and returns its version. A ttl of 0 keeps
	// it for ever.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) (version uint64, err error)
	// CompareAndSet is Put if the entry has this version at that moment, and conflict
	// otherwise. Version 0 means that there is no entry.
	CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (uint64, error)
	// Delete removes the entry; one that is not there is no error.
	Delete(ctx context.Context, key string) error
	// CompareAndDelete is Delete if the entry has this version, and conflict otherwise.
	CompareAndDelete(ctx context.Context, key string, version uint64) error
	// List returns entries whose keys begin with prefix, in the order of the bytes of
	// their keys, the first being the first behind the key after ("" for the
	// beginning). A page has at most limit entries, 0 for 100 and never more than
	// MaxEntries, and about 1 MiB. Entries that are written meanwhile may be missing.
	List(ctx context.Context, prefix, after string, limit int) (Page, error)
}

// Entry is what a KeyValue has under one key.
type Entry struct {
	Key     string
	Value   []byte
	Version uint64
	// Expires is when the entry ends, the zero time for never.
	Expires time.Time
}

// Page is a part of a list. Next, as after, asks for the one behind it; "" says that
// there is none.
type Page struct {
	Entries []Entry
	Next    string
}

// All ranges over the entries of kv whose keys begin with prefix, page by page. An
// error is the last thing that it yields.
func All(ctx context.Context, kv KeyValue, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for after := ""; ; {
			page, err := kv.List(ctx, prefix, after, 0)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range page.Entries {
				if !yield(e, nil) {
					return
				}
			}
			if after = page.Next; after == "" {
				return
			}
		}
	}
}

// Update changes the value of key by change, which gets the present value (nil for none)
// and is called again whenever another writer was faster: no update is lost. It returns
// the version written. An error of change ends it and is returned as it is.
func Update(ctx context.Context, kv KeyValue, key string, ttl time.Duration, change func(value []byte) ([]byte, error)) (uint64, error) {
	for {
		is, err := kv.Get(ctx, key)
		if err != nil && CodeOf(err) != NotFound {
			return 0, err
		}
		next, err := change(is.Value)
		if err != nil {
			return 0, err
		}
		version, err := kv.CompareAndSet(ctx, key, is.Version, next, ttl)
		if CodeOf(err) != Conflict {
			return version, err
		}
		if err := ctx.Err(); err != nil {
			return 0, ended(err)
		}
	}
}

// ended is the error of a context that has ended.
func ended(err error) *Error {
	if errors.Is(err, context.DeadlineExceeded) {
		return Errorf(DeadlineExceeded, "the time was up")
	}
	return Errorf(Canceled, "nobody waits any more")
}
