package jameica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store/jameica"
)

const (
	// documentTime bounds reading a plugin.xml out of its ZIP, signTime signing a ZIP, which
	// is read as a whole.
	documentTime = 30 * time.Second
	signTime     = 5 * time.Minute
	// maxDocument bounds a plugin.xml, in bytes; what is taken in has less.
	maxDocument = 1 << 20
	// The caches, in bytes of what they hold.
	maxDocuments = 16 << 20
	maxSums      = 8 << 20
)

// document is the plugin.xml of a release with the address at which this store has its ZIP.
func (f *Face) document(ctx context.Context, o offer) ([]byte, error) {
	return f.documents.get(ctx, o.file.Digest, documentTime, func(ctx context.Context) ([]byte, error) {
		blob, err := f.catalogue.Open(ctx, o.file.Digest)
		if err != nil {
			return nil, err
		}
		defer blob.Close()
		zip, err := bundle.NewFile(blob, blob.Size(), bundle.Limits{FileBytes: blob.Size()})
		if err != nil {
			return nil, fmt.Errorf("opening the ZIP: %w", err)
		}
		entry, err := zip.OpenEntry(o.id + "/plugin.xml")
		if err != nil {
			return nil, fmt.Errorf("opening the ZIP: %w", err)
		}
		defer entry.Close()
		document, err := io.ReadAll(io.LimitReader(entry, maxDocument))
		if err != nil {
			return nil, fmt.Errorf("reading its plugin.xml: %w", err)
		}
		return jameica.Relocate(document, f.folder(o.id, o.release.Version)+"/"+o.name(), jameica.Limits{})
	})
}

// signature is the .sha1 of a ZIP.
func (f *Face) signature(ctx context.Context, digest string) ([]byte, error) {
	return f.sums.get(ctx, digest, signTime, func(ctx context.Context) ([]byte, error) {
		blob, err := f.catalogue.Open(ctx, digest)
		if err != nil {
			return nil, err
		}
		defer blob.Close()
		return f.signer.Sign(ctx, blob)
	})
}

// makers is how many things are made at once.
const makers = 2

// cache keeps what is made of a ZIP, by its digest. What is asked for by many is made once,
// and what is asked for again is kept when the cache is full.
type cache struct {
	most   int // bytes
	making singleflight.Group
	slots  chan struct{}

	mu         sync.Mutex // guards what follows
	young, old map[string][]byte
	size       int // of the young, bytes
}

func newCache(most int) *cache {
	return &cache{most: most, slots: make(chan struct{}, makers), young: map[string][]byte{}}
}

// get returns what is kept for a key, or makes it within limit. It is made to its end though
// the one who asked first goes away: others wait for it.
func (c *cache) get(ctx context.Context, key string, limit time.Duration, make func(context.Context) ([]byte, error)) ([]byte, error) {
	if kept, ok := c.find(key); ok {
		return kept, nil
	}
	made, err, _ := c.making.Do(key, func() (any, error) {
		if kept, ok := c.find(key); ok {
			return kept, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-ctx.Done():
			return nil, errors.New("too many releases are asked for at once that nobody has asked for before")
		}
		made, err := make(ctx)
		if err == nil {
			c.keep(key, made)
		}
		return made, err
	})
	if err != nil {
		return nil, err
	}
	return made.([]byte), nil
}

func (c *cache) find(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.young[key]
	if !ok {
		if kept, ok = c.old[key]; ok {
			c.add(key, kept)
		}
	}
	return kept, ok
}

func (c *cache) keep(key string, made []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(key, made)
}

// add makes something young; the caller holds mu.
func (c *cache) add(key string, made []byte) {
	if c.size+len(made) > c.most/2 {
		c.old, c.young, c.size = c.young, map[string][]byte{}, 0
	}
	if _, ok := c.young[key]; !ok {
		c.young[key], c.size = made, c.size+len(key)+len(made)
	}
}
