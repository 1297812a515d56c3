// Bench measures the whole path client → HTTP → host → extension and back, beside a
// hand-made host of the kind people write without us: gorilla/mux in front of a
// stock go-plugin gRPC child (peer.go). Both run as processes of their own, in the
// same run, slot by slot in turn, because machines are shared and drift: what counts
// is the ratio of neighbouring slots, and its median.
//
//	go run ./bench           the full table, and dist/bench.json
//	go run ./bench -short    a few seconds, to see that everything answers
//
// It needs bin/jackfield and dist/bundles/echo-*.jar (make build).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// plan is what one run measures.
type plan struct {
	rounds   int
	slot     time.Duration // of each measurement
	warm     time.Duration // before each measurement
	callers  []int
	payloads []int // bytes
	drops    int   // how often the time from drop to first answer is taken
}

func fullPlan() plan {
	return plan{rounds: 9, slot: 1200 * time.Millisecond, warm: 300 * time.Millisecond,
		callers: []int{1, 16, 256}, payloads: []int{100, 1 << 10, 64 << 10}, drops: 11}
}

func shortPlan() plan {
	return plan{rounds: 2, slot: 150 * time.Millisecond, warm: 50 * time.Millisecond,
		callers: []int{1, 16}, payloads: []int{1 << 10}, drops: 1}
}

func main() {
	switch os.Getenv(envRole) {
	case rolePeerHost:
		exit(runPeerHost())
		return
	case rolePeerChild:
		runPeerChild()
		return
	}
	short := flag.Bool("short", false, "a few seconds instead of minutes")
	flag.Parse()
	p := fullPlan()
	if *short {
		p = shortPlan()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, p, *short))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, p plan, short bool) error {
	ours, err := startJackfield(ctx)
	if err != nil {
		return err
	}
	defer ours.stop()
	peer, err := startPeer(ctx)
	if err != nil {
		return err
	}
	defer peer.stop()

	rep := newReport(p)
	for _, payload := range p.payloads {
		for _, callers := range p.callers {
			cell, err := measure(ctx, p, ours, peer, payload, callers)
			if err != nil {
				return err
			}
			rep.Cells = append(rep.Cells, cell)
		}
	}
	if rep.Drops, err = measureDrops(ctx, ours, p.drops); err != nil {
		return err
	}
	rep.IdleRSS = map[string]int64{}
	for _, h := range []*target{ours, peer} {
		if rep.IdleRSS[h.name], err = residentBytes(h.pid); err != nil {
			return err
		}
	}
	rep.print(os.Stdout)
	if short {
		return nil
	}
	return rep.write("dist/bench.json")
}

// measure alternates slots of both hosts and pairs each with its neighbour.
func measure(ctx context.Context, p plan, ours, peer *target, payload, callers int) (cell, error) {
	c := cell{PayloadBytes: payload, Callers: callers}
	for round := range p.rounds {
		pair := []*target{ours, peer}
		if round%2 == 1 {
			pair[0], pair[1] = peer, ours
		}
		var got [2]slot
		for i, h := range pair {
			if _, err := load(ctx, h, payload, callers, p.warm); err != nil {
				return c, fmt.Errorf("%s, %d bytes, %d callers: %w", h.name, payload, callers, err)
			}
			var err error
			if got[i], err = load(ctx, h, payload, callers, p.slot); err != nil {
				return c, fmt.Errorf("%s, %d bytes, %d callers: %w", h.name, payload, callers, err)
			}
		}
		if round%2 == 1 {
			got[0], got[1] = got[1], got[0]
		}
		c.Ours, c.Peer = append(c.Ours, got[0]), append(c.Peer, got[1])
	}
	return c, nil
}
