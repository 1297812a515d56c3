package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// idleResult is what idle WebSockets cost a host.
type idleResult struct {
	Connections int           `json:"connections"`
	BytesEach   float64       `json:"host_bytes_each"`
	Opened      time.Duration `json:"opened_in_ns"`
}

// spareFiles is what a process may need beside its connections.
const spareFiles = 1000

// idleSection opens as many WebSockets as one host process may have and leaves them
// alone: what they take of its memory, and what they do to requests beside them. A
// second host without any is the measure for those.
func idleSection(ctx context.Context, p plan, e *environment, r *report) error {
	var running stopAll
	defer running.stop()
	limit, err := openFilesLimit()
	if err != nil {
		return err
	}
	n := min(p.idle, limit-spareFiles)
	beside, err := startJackfield(ctx, "beside idle WebSockets", bundles{echoType: e.echoJAR})
	if err != nil {
		return err
	}
	running = append(running, beside.stop)
	alone, err := startJackfield(ctx, "alone", bundles{echoType: e.echoJAR})
	if err != nil {
		return err
	}
	running = append(running, alone.stop)

	s := shape{Section: "idle", Payload: kib, Callers: 16}
	before, err := residentAfterLoad(ctx, p, beside, s)
	if err != nil {
		return err
	}
	began := time.Now()
	clients, err := openIdle(beside.addr, n, limit-spareFiles)
	for _, c := range clients {
		running = append(running, c.stop)
	}
	if err != nil {
		return err
	}
	took := time.Since(began)
	after, err := residentAfterLoad(ctx, p, beside, s)
	if err != nil {
		return err
	}
	r.Idle = &idleResult{Connections: n, BytesEach: float64(after-before) / float64(n), Opened: took}
	c, err := compare(ctx, p.hosts(), s, overHTTP(beside), overHTTP(alone))
	if err != nil {
		return err
	}
	r.Cells = append(r.Cells, c)
	return stillOpen(clients, n)
}

func openFilesLimit() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	return int(min(limit.Max, 1<<20)), nil
}

// residentAfterLoad has the host work, so that its heap has been collected, and then
// waits until its resident memory holds still.
func residentAfterLoad(ctx context.Context, p plan, t *target, s shape) (int64, error) {
	if _, err := overHTTP(t).load(ctx, s, p.hostWarm, p.hostSlot); err != nil {
		return 0, err
	}
	const window = 10
	var seen []int64
	for range 100 {
		n, err := residentBytes(t.pid)
		if err != nil {
			return 0, err
		}
		if seen = append(seen, n); len(seen) > window {
			seen = seen[1:]
			if least, most := span(seen); most-least < most/200 {
				break
			}
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(p.hostSlot / 3):
		}
	}
	return seen[len(seen)-1], nil
}

func span(all []int64) (least, most int64) {
	least, most = all[0], all[0]
	for _, n := range all {
		least, most = min(least, n), max(most, n)
	}
	return least, most
}

type idleOrder struct {
	Addr, Source string
	Connections  int
}

type idleAnswer struct {
	Open  int
	Fault string
}

// openIdle opens n connections from processes with at most half of most each: every
// one has its own source address, so that ports do not run out.
func openIdle(addr string, n, most int) ([]*actor, error) {
	var clients []*actor
	for left := n; left > 0; {
		some := min(left, max(most/2, 1))
		left -= some
		c, err := startActor(self(roleIdle))
		if err != nil {
			return clients, err
		}
		clients = append(clients, c)
		order := idleOrder{Addr: addr, Source: fmt.Sprintf("127.0.0.%d", len(clients)+1), Connections: some}
		var answer idleAnswer
		if err := c.tell(order, &answer); err != nil {
			return clients, err
		}
		if answer.Fault != "" {
			return clients, fmt.Errorf("%d of %d connections are open: %s", answer.Open, some, answer.Fault)
		}
	}
	return clients, nil
}

// stillOpen makes sure that no connection was lost.
func stillOpen(clients []*actor, n int) error {
	open := 0
	for _, c := range clients {
		var answer idleAnswer
		if err := c.tell(idleOrder{}, &answer); err != nil {
			return err
		}
		open += answer.Open
	}
	if open != n {
		return fmt.Errorf("%d of %d idle WebSockets are still open", open, n)
	}
	return nil
}

// runIdle is the role of a process that holds connections: the first order opens them,
// any other asks how many there are.
func runIdle() error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var open atomic.Int64
	for {
		var order idleOrder
		if err := in.Decode(&order); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var answer idleAnswer
		if err := holdIdle(order, &open); err != nil {
			answer.Fault = err.Error()
		}
		answer.Open = int(open.Load())
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

// holdIdle opens connections, some at a time, and leaves a goroutine with each that
// answers the host's pings until the connection or the process ends.
func holdIdle(order idleOrder, open *atomic.Int64) error {
	const opening = 32
	var (
		wg     sync.WaitGroup
		left   atomic.Int64
		faults = make([]error, opening)
	)
	left.Store(int64(order.Connections))
	for i := range opening {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				ws, err := dialWebSocket(order.Addr, order.Source, 512)
				if err != nil {
					faults[i] = err
					left.Store(0)
					return
				}
				open.Add(1)
				go func() {
					defer open.Add(-1)
					for {
						if _, err := ws.next(); err != nil {
							return
						}
					}
				}()
			}
		})
	}
	wg.Wait()
	return errors.Join(faults...)
}
