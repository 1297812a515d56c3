package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/bench/chaos/behaviour"
)

// The flood is twice of what its extension can do: requests at once, each for so long.
const (
	floodInFlight = 4
	floodSlow     = 20 * time.Millisecond
	floodRate     = 400
	quietRatio    = 1.5

	// crashLoop is how many restarts within a minute make a crash loop (docs/host.md).
	crashLoop = 5
)

// neighbours measures one extension alone and beside three bad ones, in turn.
func neighbours(ctx context.Context, s *stage) error {
	quiet := good("quiet", 1, true)
	bad := []parcel{
		{name: "looping", version: version(1), overlap: true, behaviour: behaviour.Behaviour{DieAfter: 50}},
		{name: "hung", version: version(1), overlap: true, behaviour: behaviour.Behaviour{HangAfter: 50}},
		{name: "flooded", version: version(1), overlap: true, behaviour: behaviour.Behaviour{Slow: int(floodSlow.Milliseconds())}},
	}
	flooded := "extension." + idOf("flooded") + "."
	h, err := s.host("home", settings{
		flooded + "limits.in_flight": fmt.Sprint(floodInFlight), flooded + "limits.queue": "8",
	})
	if err != nil {
		return err
	}
	if err := s.startWith(ctx, h, quiet); err != nil {
		return err
	}
	var ratios []float64
	var alone, beside tally
	middle := func() float64 {
		slices.Sort(ratios)
		return ratios[len(ratios)/2]
	}
	// The machine may have others to serve: what looks bad is looked at again.
	for n := 0; n < s.plan.alternations || n < s.plan.alternations+4 && middle() > quietRatio; n++ {
		a, err := s.slot(ctx, h, quiet)
		if err != nil {
			return err
		}
		stop, err := s.disturb(ctx, h, bad)
		if err != nil {
			return err
		}
		b, err := s.slot(ctx, h, quiet)
		stop()
		if err := errors.Join(err, s.calm(ctx, h, bad)); err != nil {
			return err
		}
		ratios = append(ratios, float64(quantile(b.waits, 0.99))/float64(quantile(a.waits, 0.99)))
		alone, beside = merge(alone, a), merge(beside, b)
	}
	ratio := middle()
	s.timed("p99 beside a crash loop, a hang and a flood, of p99 alone (median)", fmt.Sprintf("%.2f (%s, alone %s) of %.2f", ratio, ms(quantile(beside.waits, 0.99)), ms(quantile(alone.waits, 0.99)), ratios),
		fmt.Sprintf("≤ %.1f", quietRatio), ratio <= quietRatio)
	s.figure("failed requests of the fourth", beside.failures(), "0", beside.failed+beside.lost == 0 && beside.all > 0)
	return h.sound(ctx)
}

func merge(into, t tally) tally {
	if into.kinds == nil {
		return t
	}
	into.all, into.ok, into.lost, into.failed = into.all+t.all, into.ok+t.ok, into.lost+t.lost, into.failed+t.failed
	into.waits = append(into.waits, t.waits...)
	for kind, n := range t.kinds {
		into.kinds[kind] += n
	}
	return into
}

// slot loads the quiet one for a while; the first half second is not measured.
func (s *stage) slot(ctx context.Context, h *host, p parcel) (tally, error) {
	l := h.load(ctx, p.name, loadLeast, loadClients/2, loadTimeout)
	defer l.end()
	if err := pause(ctx, 500*time.Millisecond); err != nil {
		return tally{}, err
	}
	l.cut()
	if err := pause(ctx, s.plan.slot); err != nil {
		return tally{}, err
	}
	return account(l.end()), nil
}

// disturb brings the bad ones, waits until they run or are in a crash loop, and floods.
// What the first crashes of a loop cost, a second or two apart, is not what it costs.
func (s *stage) disturb(ctx context.Context, h *host, bad []parcel) (stop func(), err error) {
	for _, p := range bad {
		if err := h.put(p.file(), s.kit.pack(p)); err != nil {
			return nil, err
		}
	}
	for _, p := range bad {
		what, as := "is in a crash loop", func(r row) bool { return r.Restarts >= s.plan.crashes }
		if p.behaviour.DieAfter == 0 {
			what, as = "runs", func(r row) bool { return r.runs(p.version) }
		}
		if _, err := h.awaitRow(ctx, 2*patience, p.name, what, as); err != nil {
			return nil, err
		}
	}
	flood := h.load(ctx, "flooded", floodRate, 64, loadTimeout)
	hung := h.load(ctx, "hung", 20, 20, time.Second)
	return func() {
		t := account(flood.end(), "exhausted")
		hung.end()
		if t.failed+t.lost > 0 {
			s.note("neighbours: the flood got %s", t.failures())
		}
	}, nil
}

// calm takes the bad ones away.
func (s *stage) calm(ctx context.Context, h *host, bad []parcel) error {
	for _, p := range bad {
		if err := os.Remove(filepath.Join(h.drop(), p.file())); err != nil {
			return err
		}
	}
	for _, p := range bad {
		if _, err := h.awaitRow(ctx, 2*patience, p.name, "is gone", func(r row) bool { return r.ID == "" }); err != nil {
			return err
		}
	}
	return nil
}
