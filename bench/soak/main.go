// Soak keeps a real host under mixed load for a long time and then looks whether
// anything is left of it: goroutines, memory, descriptors, processes.
//
//	go run ./bench/soak                10 minutes
//	go run ./bench/soak -short         half a minute
//	go run ./bench/soak -seed 7        the same choices once more
//
// The load is small and large payloads, batches, clients that vanish, deadlines that
// pass, handlers that panic, and a process that crashes every few seconds. Every answer
// is checked: what comes back must be what was sent, or one of the errors that the
// request was asking for. It needs bin/jackfield and dist/bundles/echo-*.jar (make
// build), and ends with 1 when something was wrong.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	short := flag.Bool("short", false, "half a minute instead of ten")
	length := flag.Duration("for", 10*time.Minute, "how long the load lasts")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the choices")
	flag.Parse()
	if *short {
		*length = 25 * time.Second
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *length, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run is a soak: a warm-up that shows what the host takes, the load, and the look at
// what is left.
func run(ctx context.Context, length time.Duration, seed uint64) error {
	h, err := start(ctx)
	if err != nil {
		return err
	}
	defer h.stop()
	fmt.Printf("soak of %s, seed %d\n", length, seed)
	tally := newTally()
	// A tenth of the load first: buffers are made, pools filled, types met.
	if err := load(ctx, h, max(length/10, 2*time.Second), rand.NewPCG(seed, 0), tally); err != nil {
		return err
	}
	before, err := h.settle(ctx, nil)
	if err != nil {
		return err
	}
	if err := load(ctx, h, length, rand.NewPCG(seed, 1), tally); err != nil {
		return err
	}
	after, err := h.settle(ctx, &before)
	tally.print(os.Stdout)
	printRest(os.Stdout, before, after)
	if err != nil {
		return err
	}
	return tally.err()
}
