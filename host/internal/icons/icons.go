// Package icons keeps the icons of what repositories offer, ready to be shown.
//
// New makes a Cache; Get gives an icon by the digest of the file that it is made from, and has
// that file fetched where it is not known yet.
//
// What is promised:
//
//   - What Get gives was drawn here, from a PNG or a JPEG of bounded size: nothing of the file
//     is passed through. Whatever else a repository sends is ErrNone.
//   - What is kept is bounded, in icons and in bytes. An icon that was fetched is not asked for
//     again as long as it is kept, nor is a file that is no picture.
//   - No request waits longer than Patience for a repository. One that fails, or is slow, is
//     left alone for Rest: whoever looks at a page of its icons meanwhile does not wait at all.
//   - Of one repository few files are fetched at once, and few pictures are drawn at once.
package icons

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/internal/picture"
)

const (
	// mostKept and mostBytes bound what is kept: beyond them it starts anew. A picture of
	// picture.Side in each direction has 64 KiB at most.
	mostKept  = 1024
	mostBytes = 16 << 20
	// fetching is how many files of one repository come at once, drawing how many pictures are
	// drawn at once: each takes up to 16 MiB meanwhile.
	fetching = 4
	drawing  = 2
)

// ErrNone says that there is no icon that can be shown, and will be none. ErrLater says that
// none can be had now.
var (
	ErrNone  = errors.New("there is no icon")
	ErrLater = errors.New("the icon can not be had now")
)

// Config is what a Cache depends on. The zero value is what hosts take.
type Config struct {
	// Patience is how long a request waits; zero is 3 seconds.
	Patience time.Duration
	// Rest is how long a repository is left alone that has failed; zero is a minute.
	Rest time.Duration
	Now  func() time.Time // nil: time.Now
}

// Want is an icon of a repository.
type Want struct {
	Repository string
	Digest     string // of the file, sha256:<hex>
	// Fetch reads the file, and sees to it that it has this digest. Its error is ErrNone where
	// the repository has no such file; any other one is the repository's fault.
	Fetch func(ctx context.Context) ([]byte, error)
}

// Cache keeps icons. It may be used by several goroutines.
type Cache struct {
	cfg  Config
	draw chan struct{} // a place for each picture that is drawn

	mu    sync.Mutex // guards what follows
	kept  map[string]kept
	bytes int
	doors map[string]*door // by repository, of which few are configured
}

// kept is an icon; none says that the file is no picture.
type kept struct {
	icon picture.Drawn
	none bool
}

// door is how a repository is asked.
type door struct {
	places chan struct{}
	closed time.Time // until then; guarded by the Cache's mutex
}

// New makes a Cache.
func New(cfg Config) *Cache {
	if cfg.Patience <= 0 {
		cfg.Patience = 3 * time.Second
	}
	if cfg.Rest <= 0 {
		cfg.Rest = time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Cache{cfg: cfg, draw: make(chan struct{}, drawing), kept: map[string]kept{}, doors: map[string]*door{}}
}

// Get gives an icon. The error wraps ErrNone or ErrLater, or is that of ctx.
func (c *Cache) Get(ctx context.Context, want Want) (picture.Drawn, error) {
	if k, ok := c.look(want.Digest); ok {
		return k.give()
	}
	d := c.door(want.Repository)
	timed, cancel := context.WithTimeout(ctx, c.cfg.Patience)
	defer cancel()
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-timed.Done():
		return picture.Drawn{}, late(ctx, "others are fetched")
	}
	if k, ok := c.look(want.Digest); ok { // somebody else has fetched it meanwhile
		return k.give()
	}
	if c.closed(d) {
		return picture.Drawn{}, late(ctx, "its repository has not answered, and is asked again in a while")
	}
	file, err := want.Fetch(timed)
	switch {
	case errors.Is(err, ErrNone):
		return picture.Drawn{}, err
	case err != nil && ctx.Err() != nil:
		return picture.Drawn{}, ctx.Err() // which says nothing of the repository
	case err != nil:
		c.close(d)
		return picture.Drawn{}, fmt.Errorf("%w: %w", ErrLater, err)
	}
	return c.made(ctx, want.Digest, file)
}

// late is the error of who has waited long enough.
func late(ctx context.Context, why string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s", ErrLater, why)
}

// made draws an icon and keeps it. A file that is no picture is remembered as that.
func (c *Cache) made(ctx context.Context, digest string, file []byte) (picture.Drawn, error) {
	select {
	case c.draw <- struct{}{}:
		defer func() { <-c.draw }()
	case <-ctx.Done():
		return picture.Drawn{}, ctx.Err()
	}
	icon, err := picture.Redraw(file, picture.Bounds{Bytes: picture.MaxBytes, Pixels: picture.MaxSide * picture.MaxSide, Side: picture.Side})
	k := kept{icon: icon, none: err != nil}
	c.keep(digest, k)
	return k.give()
}

func (k kept) give() (picture.Drawn, error) {
	if k.none {
		return picture.Drawn{}, fmt.Errorf("%w: its file is no picture that can be shown", ErrNone)
	}
	return k.icon, nil
}

func (c *Cache) look(digest string) (kept, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.kept[digest]
	return k, ok
}

func (c *Cache) keep(digest string, k kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= mostKept || c.bytes+len(k.icon.Data) > mostBytes {
		c.kept, c.bytes = map[string]kept{}, 0
	}
	c.kept[digest] = k
	c.bytes += len(k.icon.Data)
}

func (c *Cache) door(repository string) *door {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.doors[repository]
	if d == nil {
		d = &door{places: make(chan struct{}, fetching)}
		c.doors[repository] = d
	}
	return d
}

func (c *Cache) closed(d *door) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.Now().Before(d.closed)
}

func (c *Cache) close(d *door) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.closed = c.cfg.Now().Add(c.cfg.Rest)
}
