package shelf

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// makers is how many things are made at once.
const makers = 2

// Cache keeps what a face makes of bytes, by their digest. What is asked for by many is made
// once, and what is asked for again is kept when the cache is full. Its methods may be called
// by any goroutine.
type Cache struct {
	most   int // bytes
	making singleflight.Group
	slots  chan struct{}

	mu         sync.Mutex // guards what follows
	young, old map[string][]byte
	size       int // of the young, bytes
}

// NewCache makes one that holds most bytes.
func NewCache(most int) *Cache {
	return &Cache{most: most, slots: make(chan struct{}, makers), young: map[string][]byte{}}
}

// Get returns what is kept for a key, or makes it within limit. It is made to its end though
// the one who asked first goes away: others wait for it.
func (c *Cache) Get(ctx context.Context, key string, limit time.Duration, make func(context.Context) ([]byte, error)) ([]byte, error) {
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
			return nil, errors.New("too much is asked for at once that nobody has asked for before")
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

func (c *Cache) find(key string) ([]byte, bool) {
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

func (c *Cache) keep(key string, made []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(key, made)
}

// add makes something young; the caller holds mu.
func (c *Cache) add(key string, made []byte) {
	if c.size+len(made) > c.most/2 {
		c.old, c.young, c.size = c.young, map[string][]byte{}, 0
	}
	if _, ok := c.young[key]; !ok {
		c.young[key], c.size = made, c.size+len(key)+len(made)
	}
}
