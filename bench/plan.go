package main

import "time"

// plan says how much one run measures.
type plan struct {
	rounds              int
	planeWarm, hostWarm time.Duration // before each slot
	planeSlot, hostSlot time.Duration
	payloads, callers   []int
	drops               int // how often the time from drop to first answer is taken
	extensions          int // of the host with many
	idle                int // WebSockets
	bundleBytes         int // of the signed bundle, about
	adminExtensions     int // on the overview
	adminLoads          int
	adminOpen           time.Duration // how long it is kept open
	again               *budget
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

func fullPlan() plan {
	return plan{
		rounds:    7,
		planeWarm: 120 * time.Millisecond, planeSlot: 400 * time.Millisecond,
		hostWarm: 150 * time.Millisecond, hostSlot: 500 * time.Millisecond,
		payloads: []int{100, kib, 64 * kib, mib}, callers: []int{1, 16, 256},
		drops: 11, extensions: 100, idle: 19_000, bundleBytes: 20 * mib,
		adminExtensions: 200, adminLoads: 25, adminOpen: 30 * time.Second,
		again: &budget{3 * time.Minute},
	}
}

func shortPlan() plan {
	return plan{
		rounds:    1,
		planeWarm: 10 * time.Millisecond, planeSlot: 40 * time.Millisecond,
		hostWarm: 10 * time.Millisecond, hostSlot: 50 * time.Millisecond,
		payloads: []int{kib, mib}, callers: []int{1, 16},
		drops: 1, extensions: 4, idle: 200, bundleBytes: mib,
		adminExtensions: 4, adminLoads: 1, adminOpen: time.Second,
	}
}

// lengthen makes slots of planes last for d and those of hosts longer in the same
// proportion as before.
func (p *plan) lengthen(d time.Duration) {
	p.hostSlot = time.Duration(float64(p.hostSlot) * float64(d) / float64(p.planeSlot))
	p.planeSlot = d
}

// shapes are the combinations of payload and callers. A slot has to be several times
// as long as a request waits in queues: 1 MiB from 256 callers would need slots of
// some seconds and is left out.
func (p plan) shapes(section string) []shape {
	var all []shape
	for _, payload := range p.payloads {
		for _, callers := range p.callers {
			if payload >= mib && callers > 16 {
				continue
			}
			all = append(all, shape{Section: section, Payload: payload, Callers: callers})
		}
	}
	return all
}

// slotFor doubles slots whose requests carry a lot at once.
func slotFor(s shape, d time.Duration) time.Duration {
	if s.Payload*s.Callers >= 16*mib || s.Bulk > 0 {
		return 2 * d
	}
	return d
}
