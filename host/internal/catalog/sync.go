package catalog

import (
	"context"
	"io/fs"
	"time"
)

// syncPause is the time between two looks at whether private storage has answered.
const syncPause = 5 * time.Millisecond

// Sync looks at the folder and returns when a View with what is there, and with what
// Config.Standing says now, was given out: what is to be taken from private storage for
// it was taken. Files that settle or are being judged are not waited for.
func (c *Catalog) Sync(ctx context.Context) error {
	for first := true; ; first = false {
		var open bool
		err := c.ask(ctx, func() {
			if first {
				c.due = time.Now()
			}
			for _, l := range c.loads {
				open = open || l.job != nil
			}
		})
		if err != nil {
			return err
		}
		if !first && !open {
			return nil
		}
		if open && !pause(ctx, syncPause) {
			return ctx.Err()
		}
	}
}

// Again judges a file anew, whatever was found in it before. The error is
// fs.ErrNotExist when there is none of that name.
func (c *Catalog) Again(ctx context.Context, name string) error {
	found := false
	err := c.ask(ctx, func() {
		f := c.files[name]
		if f == nil {
			return
		}
		found = true
		if f.accepted == nil && f.job == nil {
			f.verdict, f.rejected, f.retry, f.pause = nil, nil, time.Time{}, 0
		}
	})
	if err == nil && !found {
		return fs.ErrNotExist
	}
	return err
}

// pause waits for d and reports whether it could before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
