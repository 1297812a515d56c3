package pages

import (
	"container/list"
	"sync"
	"time"
)

// rendered is a page, ready to be sent.
type rendered struct {
	status   int
	media    string
	language string // "" for what is in none
	body     []byte
	gzip     []byte // nil for what is not worth it
	etag     string // of body; that of gzip is made of it
	sequence int64  // of the catalogue
	made     time.Time
}

// size is what it takes, in bytes.
func (p *rendered) size() int64 { return int64(len(p.body)+len(p.gzip)) + 512 }

const (
	// cacheSize bounds what all kept pages take: about a thousand pages.
	cacheSize = 64 << 20
	// cacheAge is how old what is no part of the catalogue, the counts of downloads, can be.
	cacheAge = time.Minute
)

// cache keeps the pages that were asked for last, each until the catalogue is another or
// it is too old. It can be shared by goroutines.
type cache struct {
	mu      sync.Mutex // guards what follows
	pages   map[string]*list.Element
	order   *list.List // of *kept, the last one asked for in front
	size    int64
	maximum int64
}

type kept struct {
	key  string
	page *rendered
}

func newCache(maximum int64) *cache {
	return &cache{pages: map[string]*list.Element{}, order: list.New(), maximum: maximum}
}

// get returns what is kept under a key for this sequence, nil for nothing.
func (c *cache) get(key string, sequence int64, now time.Time) *rendered {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.pages[key]
	if !ok {
		return nil
	}
	page := e.Value.(*kept).page
	if page.sequence != sequence || now.Sub(page.made) > cacheAge {
		c.drop(e)
		return nil
	}
	c.order.MoveToFront(e)
	return page
}

// put keeps a page. One that would take an eighth of all is not kept.
func (c *cache) put(key string, page *rendered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.pages[key]; ok {
		c.drop(e)
	}
	if page.size() > c.maximum/8 {
		return
	}
	c.pages[key] = c.order.PushFront(&kept{key, page})
	c.size += page.size() + int64(len(key))
	for c.size > c.maximum {
		c.drop(c.order.Back())
	}
}

// drop is called with mu held.
func (c *cache) drop(e *list.Element) {
	k := c.order.Remove(e).(*kept)
	delete(c.pages, k.key)
	c.size -= k.page.size() + int64(len(k.key))
}
