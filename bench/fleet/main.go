// Fleet has many hosts look at one real store for some days, which are short here, and says
// what that costs the store.
//
//	go run ./bench/fleet                  10 000 hosts, three days of three minutes each
//	go run ./bench/fleet -short           500 hosts, three days of two seconds each
//
// Each host is a store.Reader of its own with a client of its own, which connects anew for
// each look, as hosts do that look once a day: one conditional GET of the timestamp, and only
// where it has changed the snapshot, the shards that have changed, and the lists. When they
// look is what hosts do (host/internal/repositories): a day after the last time, a tenth more
// or less by chance. The store publishes once, at the beginning of the last day. The
// first day, on which every host reads everything, is counted apart.
//
// It needs bin/jackfield (make build), and ends with 1 when a look failed or when not almost
// all answers were 304.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

func main() {
	short := flag.Bool("short", false, "500 hosts, days of two seconds")
	hosts := flag.Int("hosts", 10_000, "how many hosts there are")
	day := flag.Duration("day", 3*time.Minute, "how long a day is")
	listings := flag.Int("listings", 50, "how many extensions the store has")
	program := flag.String("program", "bin/jackfield", "the program that is the store")
	flag.Parse()
	if *short {
		*hosts, *day, *listings = 500, 2*time.Second, 10
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *program, *hosts, *listings, *day); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// almostAll is the least share of 304 on a day on which nothing changes: a look that was due
// on it may come a little later, after the change.
const almostAll = 0.99

// days is how many there are: one on which everything is read, one on which nothing
// changes, one on which something does.
const days = 3

func run(ctx context.Context, program string, hosts, listings int, day time.Duration) (err error) {
	dir, err := os.MkdirTemp("", "fleet-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := startStore(ctx, program, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	for i := range listings {
		if err := s.publish(ctx, fmt.Sprintf("org.fleet.X%d", i), "1.0.0"); err != nil {
			return err
		}
	}
	roots, err := s.roots()
	if err != nil {
		return err
	}
	fmt.Printf("%d hosts, %d extensions, days of %s\n\n", hosts, listings, day)
	fmt.Println("day               looks   requests      304   share of 304   sent   store's CPU   store's memory   p50   p99   longest")
	begin := time.Now()
	tallies := make([]*tally, days)
	for i := range tallies {
		tallies[i] = &tally{}
	}
	cpu := make([]time.Duration, days+1)
	memory := make([]int64, days+1)
	var crew sync.WaitGroup
	for range hosts {
		h := newHost(s.url, roots)
		crew.Go(func() { h.live(ctx, begin, day, tallies) })
	}
	for d := range days {
		if cpu[d], memory[d], err = s.used(); err != nil {
			return err
		}
		if d == days-1 {
			if err := s.publish(ctx, "org.fleet.X0", "1.1.0"); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Until(begin.Add(time.Duration(d+1) * day))):
		}
	}
	crew.Wait()
	if cpu[days], memory[days], err = s.used(); err != nil {
		return err
	}
	for d, name := range []string{"first, all new", "nothing changes", "one change"} {
		tallies[d].print(name, cpu[d+1]-cpu[d], memory[d+1])
	}
	return judge(tallies)
}

// judge holds what was counted to what is said.
func judge(tallies []*tally) error {
	var errs []error
	for d, t := range tallies {
		if t.failed > 0 {
			errs = append(errs, fmt.Errorf("on day %d %d looks failed, the first with: %w", d+1, t.failed, t.first))
		}
	}
	if quiet := tallies[1]; float64(quiet.unchanged) < almostAll*float64(quiet.requests) {
		errs = append(errs, fmt.Errorf("where nothing changes %d of %d answers are not 304", quiet.requests-quiet.unchanged, quiet.requests))
	}
	return errors.Join(errs...)
}

// tally counts what one day has come to.
type tally struct {
	mu                         sync.Mutex
	looks, requests, unchanged int
	sent                       int64 // bytes of bodies
	failed                     int
	first                      error
	took                       []time.Duration
}

func (t *tally) add(l look, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.looks++
	t.requests += l.requests
	t.unchanged += l.unchanged
	t.sent += l.sent
	t.took = append(t.took, l.took)
	if err != nil {
		if t.failed++; t.first == nil {
			t.first = err
		}
	}
}

func (t *tally) print(name string, cpu time.Duration, memory int64) {
	slices.Sort(t.took)
	at := func(share float64) time.Duration {
		if len(t.took) == 0 {
			return 0
		}
		return t.took[int(share*float64(len(t.took)-1))].Round(10 * time.Microsecond)
	}
	fmt.Printf("%-16s %6d %10d %8d %13.1f%% %7.2f MiB %8.1f s %12.1f MiB %8s %8s %8s\n", name, t.looks, t.requests, t.unchanged,
		100*float64(t.unchanged)/float64(max(t.requests, 1)), float64(t.sent)/(1<<20), cpu.Seconds(), float64(memory)/(1<<20), at(0.5), at(0.99), at(1))
}

// live looks once a day, a tenth more or less, the first time at any time of the first day.
func (h *host) live(ctx context.Context, begin time.Time, day time.Duration, tallies []*tally) {
	next := begin.Add(rand.N(day))
	for {
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		l, err := h.look(ctx)
		tallies[next.Sub(begin)/day].add(l, err) // the day on which it was due
		next = next.Add(day*9/10 + rand.N(day/5))
		if next.Sub(begin) >= time.Duration(len(tallies))*day {
			return
		}
	}
}
