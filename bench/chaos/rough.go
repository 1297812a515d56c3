package main

import (
	"context"
	"fmt"
	"time"
)

// How the handlers are rough.
const (
	roughSlow  = 200 // milliseconds
	roughPanic = 0.05
)

// rough upgrades an extension whose handlers are slow and panic. A panic is answered
// with extension_fault, and is no failure here.
func rough(ctx context.Context, s *stage) error {
	for _, overlap := range []bool{true, false} {
		if err := s.roughOf(ctx, overlap); err != nil {
			return fmt.Errorf("%s: %w", modeOf(overlap), err)
		}
	}
	return nil
}

func (s *stage) roughOf(ctx context.Context, overlap bool) error {
	mode := modeOf(overlap)
	h, err := s.host(mode, s.plan.upgradeSettings())
	if err != nil {
		return err
	}
	numbered := func(n int) parcel {
		p := good(mode, n, overlap)
		p.behaviour.Slow, p.behaviour.PanicShare = roughSlow, roughPanic
		return p
	}
	first := numbered(1)
	if err := s.startWith(ctx, h, first); err != nil {
		return err
	}
	l := h.load(ctx, mode, loadRate, loadClients, loadTimeout)
	defer l.end()
	total, swaps, panics := account(nil), 0, 0
	take := func(records []record, versions ...string) {
		total.add(records, "extension_fault")
		swaps += len(outOfOrder(records, versions...))
		for _, r := range records {
			if r.code == "extension_fault" {
				panics++
			}
		}
	}
	for n := 2; n <= s.plan.rough+1; n++ {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		if err := h.put(first.file(), s.kit.pack(numbered(n))); err != nil {
			return err
		}
		if _, err := h.awaitVersion(ctx, mode, version(n)); err != nil {
			return err
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
		take(l.cut(), version(n-1), version(n))
		if err := h.sound(ctx); err != nil {
			return err
		}
	}
	take(l.end(), version(s.plan.rough+1))
	s.figure(fmt.Sprintf("%s: failed requests in %d upgrades, panics (%d) apart", mode, s.plan.rough, panics), total.failures(), "0", total.failed+total.lost == 0 && panics > 0)
	s.figure(mode+": clients that saw versions switch other than once", fmt.Sprint(swaps), "0", swaps == 0)
	if total.example != "" {
		s.note("rough, %s: %s", mode, total.example)
	}
	return nil
}
