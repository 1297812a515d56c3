package main

import (
	"context"
	"fmt"
	"time"
)

// shape is what a slot loads its contestant with.
type shape struct {
	Section string `json:"section"`
	What    string `json:"what,omitempty"` // tells cells of a section apart
	Payload int    `json:"payload_bytes"`
	Callers int    `json:"callers"`
	Bulk    int    `json:"bulk_callers,omitempty"` // send 1 MiB in a loop beside the callers
}

func (s shape) String() string {
	return fmt.Sprintf("%s %s, %s, %d callers", s.Section, s.What, size(s.Payload), s.Callers)
}

// slot is one measurement of one contestant. Figures of a request are of the small
// ones where there are bulk ones too.
type slot struct {
	PerSecond float64       `json:"requests_per_second"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	P999      time.Duration `json:"p999_ns"`
	// HostCPU and ChildCPU are what the processes spent for one request.
	HostCPU  time.Duration `json:"host_cpu_per_request_ns"`
	ChildCPU time.Duration `json:"child_cpu_per_request_ns"`
	// Allocs is what the host allocates for one request, to the hundredth, beyond what
	// the loop allocates for the request's context and for its goroutines. Planes only.
	Allocs        float64 `json:"host_allocations_per_request,omitempty"`
	HostRSS       int64   `json:"host_resident_bytes"`
	ChildRSS      int64   `json:"child_resident_bytes"`
	BulkPerSecond float64 `json:"bulk_requests_per_second,omitempty"`
	// Foreign is the share of the machine's CPU that processes took which have nothing
	// to do with this program. Dirty says that it was too much, also when measured again.
	Foreign float64 `json:"foreign_cpu"`
	Dirty   bool    `json:"dirty,omitempty"`
}

// tooForeign is how much of the CPU strangers may take.
const tooForeign = 0.10

func perSecond(s slot) float64 { return s.PerSecond }
func p50(s slot) float64       { return float64(s.P50) }
func p99(s slot) float64       { return float64(s.P99) }
func p999(s slot) float64      { return float64(s.P999) }
func hostCPU(s slot) float64   { return float64(s.HostCPU) }
func childCPU(s slot) float64  { return float64(s.ChildCPU) }
func allocs(s slot) float64    { return s.Allocs }
func hostRSS(s slot) float64   { return float64(s.HostRSS) }
func childRSS(s slot) float64  { return float64(s.ChildRSS) }

// contestant is one of those that a cell compares. load warms it up and measures it.
type contestant struct {
	name string
	load func(ctx context.Context, s shape, warm, d time.Duration) (slot, error)
}

// cell is one comparison: for each contestant a slot for each round.
type cell struct {
	shape
	Order     []string          `json:"order"`
	Reference string            `json:"reference"`
	Slots     map[string][]slot `json:"slots"`
}

// pace is how long a cell measures.
type pace struct {
	rounds     int
	warm, slot time.Duration
	again      *budget
}

func (p plan) planes() pace { return pace{p.rounds, p.planeWarm, p.planeSlot, p.again} }
func (p plan) hosts() pace  { return pace{p.rounds, p.hostWarm, p.hostSlot, p.again} }

// budget is the time of a run for slots that strangers disturbed; nil has none.
type budget struct{ left time.Duration }

// take reports whether there is something left, and takes d off it.
func (b *budget) take(d time.Duration) bool {
	if b == nil || b.left <= 0 {
		return false
	}
	b.left -= d
	return true
}

// compare runs slots of all contestants in turn, in another order every round. The
// first of them is listed first, the last is what the others are compared with.
func compare(ctx context.Context, p pace, s shape, all ...contestant) (*cell, error) {
	c := &cell{shape: s, Reference: all[len(all)-1].name, Slots: map[string][]slot{}}
	for _, one := range all {
		c.Order = append(c.Order, one.name)
	}
	for round := range p.rounds {
		for i := range all {
			at := (i + round/2) % len(all)
			if round%2 == 1 {
				at = len(all) - 1 - at
			}
			got, err := settled(ctx, p, s, all[at])
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", s, all[at].name, err)
			}
			c.Slots[all[at].name] = append(c.Slots[all[at].name], got)
		}
	}
	return c, nil
}

// settled measures one slot, and once more when strangers disturbed it.
func settled(ctx context.Context, p pace, s shape, one contestant) (slot, error) {
	got, err := watched(ctx, p, s, one)
	if err != nil {
		return slot{}, err
	}
	if got.Foreign > tooForeign && p.again.take(p.warm+slotFor(s, p.slot)) {
		again, err := watched(ctx, p, s, one)
		if err != nil {
			return slot{}, err
		}
		if again.Foreign < got.Foreign {
			got = again
		}
	}
	got.Dirty = got.Foreign > tooForeign
	return got, nil
}

func watched(ctx context.Context, p pace, s shape, one contestant) (slot, error) {
	if err := ctx.Err(); err != nil {
		return slot{}, err
	}
	watch, err := startWatch()
	if err != nil {
		return slot{}, err
	}
	got, err := one.load(ctx, s, p.warm, slotFor(s, p.slot))
	if err != nil {
		return slot{}, err
	}
	got.Foreign, err = watch.foreign()
	return got, err
}
