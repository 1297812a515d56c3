package main

import (
	"context"
	"time"
)

const (
	// pruneEvery is how often aged positions are looked for. Until they are
	// removed they are not answered either.
	pruneEvery = time.Minute
	// pruneBatch is how many positions are removed at once. Reports wait for one
	// batch at most, which takes some ten milliseconds.
	pruneBatch = 1000
)

// horizon is the time before which nothing is kept.
func horizon(now time.Time, cfg config) int64 { return now.Add(-cfg.retention()).UnixNano() }

// pruner removes in the background what is over the bounds of the history: what has
// aged, and what is too much since the bound was lowered.
type pruner struct {
	woken  chan struct{} // holds at most one call
	cancel context.CancelFunc
	done   chan struct{}
}

func newPruner() pruner { return pruner{woken: make(chan struct{}, 1)} }

// start prunes now, whenever woken, and every pruneEvery, until stop.
func (p *pruner) start(t *tracking) {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.done = cancel, make(chan struct{})
	go func() {
		defer close(p.done)
		ticker := time.NewTicker(pruneEvery)
		defer ticker.Stop()
		for {
			t.prune(ctx)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			case <-p.woken:
			}
		}
	}()
}

// wake makes the pruner look soon.
func (p *pruner) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// stop ends the pruner and waits for it. It may be called without start.
func (p *pruner) stop() {
	if p.cancel != nil {
		p.cancel()
		<-p.done
	}
}

// prune removes what is over the bounds, batch by batch.
func (t *tracking) prune(ctx context.Context) {
	total := 0
	for {
		h, cfg, err := t.open()
		if err != nil {
			return
		}
		removed, err := h.prune(ctx, horizon(t.now(), cfg), cfg.MaxPositions, pruneBatch)
		if err != nil {
			if ctx.Err() == nil {
				t.log.Error("removing old positions", "err", err)
			}
			return
		}
		if total += removed; removed < pruneBatch {
			break
		}
	}
	if total > 0 {
		t.log.Info("removed old positions", "positions", total)
	}
}
