package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// patience is how long anything that should happen may take, unless its place says
// otherwise.
const patience = 30 * time.Second

// await polls until done, for as long as within. An error of done ends it.
func await(ctx context.Context, within time.Duration, what string, done func() (bool, error)) error {
	deadline := time.Now().Add(within)
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %s", what, within)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return errors.Join(fmt.Errorf("waiting for %s", what), err)
		}
	}
}

// pause lets the load go on for a while.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// quantile is the value below which a share q of all lies; 0 of none.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func median(all []time.Duration) time.Duration { return quantile(all, 0.5) }

func worst(all []time.Duration) time.Duration { return quantile(all, 1) }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
