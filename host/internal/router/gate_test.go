package router

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// mustEnter takes a place that is free.
func mustEnter(t *testing.T, g *Gate) {
	t.Helper()
	if waited, err := g.enter(t.Context()); waited || err != nil {
		t.Fatalf("enter: waited %v, error %v; want a free place", waited, err)
	}
}

func checkGate(t *testing.T, g *Gate, running, waiting int) {
	t.Helper()
	if g.InFlight() != running || g.Queued() != waiting {
		t.Fatalf("%d in flight and %d queued, want %d and %d", g.InFlight(), g.Queued(), running, waiting)
	}
}

func TestGateServesInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(2, 100)
		mustEnter(t, g)
		mustEnter(t, g)
		var mu sync.Mutex
		var order []int
		for i := range 50 {
			go func() {
				if waited, err := g.enter(t.Context()); !waited || err != nil {
					t.Errorf("request %d: waited %v, error %v", i, waited, err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
			}()
			synctest.Wait() // it stands in the queue before the next one comes
		}
		checkGate(t, g, 2, 50)
		for range 50 {
			g.leave()
			synctest.Wait()
		}
		checkGate(t, g, 2, 0)
		if !slices.IsSorted(order) || len(order) != 50 {
			t.Errorf("served in the order %v", order)
		}
		g.leave()
		g.leave()
		checkGate(t, g, 0, 0)
	})
}

func TestGateNewcomerDoesNotOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1, 10)
		mustEnter(t, g)
		entered := make(chan string, 2)
		go func() {
			_, _ = g.enter(t.Context())
			entered <- "first"
		}()
		synctest.Wait()
		g.leave() // the place belongs to first, even before it runs
		if g.tryEnter() {
			t.Fatal("a newcomer took the place that was handed over")
		}
		synctest.Wait()
		if got := <-entered; got != "first" {
			t.Errorf("%s entered", got)
		}
		checkGate(t, g, 1, 0)
	})
}

func TestGateRefusesWhenTheQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1, 2)
		mustEnter(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		var canceled atomic.Int32
		for range 2 {
			go func() {
				if _, err := g.enter(ctx); errors.Is(err, context.Canceled) {
					canceled.Add(1)
				}
			}()
		}
		synctest.Wait()
		if _, err := g.enter(t.Context()); !errors.Is(err, errFull) {
			t.Errorf("error %v, want that the queue is full", err)
		}
		checkGate(t, g, 1, 2)
		cancel()
		synctest.Wait()
		checkGate(t, g, 1, 0)
		if canceled.Load() != 2 {
			t.Errorf("%d of 2 left the queue with their context", canceled.Load())
		}
		g.leave()
		checkGate(t, g, 0, 0)
	})
}

func TestGateWithoutQueue(t *testing.T) {
	g := NewGate(0, -1)
	mustEnter(t, g)
	if _, err := g.enter(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("error %v, want that the queue is full", err)
	}
	g.leave()
	checkGate(t, g, 0, 0)
}

func TestGateAbandonsInTheMiddleOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1, 10)
		mustEnter(t, g)
		var mu sync.Mutex
		var order []int
		var cancels []context.CancelFunc
		for i := range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			cancels = append(cancels, cancel)
			go func() {
				if _, err := g.enter(ctx); err == nil {
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
				}
			}()
			synctest.Wait()
		}
		cancels[2]() // in the middle
		cancels[4]() // the last
		cancels[0]() // the first
		synctest.Wait()
		checkGate(t, g, 1, 2)
		for range 3 {
			g.leave()
			synctest.Wait()
		}
		checkGate(t, g, 0, 0)
		if !slices.Equal(order, []int{1, 3}) {
			t.Errorf("served %v, want 1 and 3", order)
		}
		for _, cancel := range cancels {
			cancel()
		}
	})
}

// TestGateUnderLoad races many requests, of which some give up, through a small
// gate: never more than the limit run, nobody is forgotten, and at the end it is
// empty.
func TestGateUnderLoad(t *testing.T) {
	const limit, callers, rounds = 4, 64, 300
	g := NewGate(limit, callers)
	var running, most, served, gaveUp atomic.Int64
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(c)))
			for range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(4) == 0 {
					time.AfterFunc(time.Duration(random.IntN(200))*time.Microsecond, cancel)
				}
				if _, err := g.enter(ctx); err != nil {
					gaveUp.Add(1)
					cancel()
					continue
				}
				now := running.Add(1)
				for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
				}
				runtime.Gosched()
				running.Add(-1)
				g.leave()
				served.Add(1)
				cancel()
			}
		})
	}
	wg.Wait()
	checkGate(t, g, 0, 0)
	if most.Load() > limit {
		t.Errorf("%d ran at once, the limit is %d", most.Load(), limit)
	}
	if served.Load()+gaveUp.Load() != callers*rounds || served.Load() < callers*rounds/2 {
		t.Errorf("%d served and %d gave up of %d", served.Load(), gaveUp.Load(), callers*rounds)
	}
	if g.first != nil || g.last != nil {
		t.Error("the queue is not empty")
	}
}

func TestGateAllocatesNothing(t *testing.T) {
	g := NewGate(1, 1)
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		_, _ = g.enter(ctx)
		g.leave()
	}); n != 0 {
		t.Errorf("%v allocations for each request", n)
	}
}

func BenchmarkGate(b *testing.B) {
	g := NewGate(512, 1024)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = g.enter(b.Context())
			g.leave()
		}
	})
}

func TestGateHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(2, 1)
		mustEnter(t, g)
		g.Hold(3)
		g.Hold(3) // once is enough
		checkGate(t, g, 1, 0)
		entered := make(chan error, 4)
		ctx, cancel := context.WithCancel(t.Context())
		enter := func(ctx context.Context) {
			go func() {
				_, err := g.enter(ctx)
				entered <- err
			}()
			synctest.Wait()
		}
		enter(ctx)
		enter(t.Context())
		enter(t.Context())
		checkGate(t, g, 1, 3) // more than the queue takes otherwise
		if _, err := g.enter(t.Context()); !errors.Is(err, errFull) {
			t.Errorf("error %v, want that the queue is full", err)
		}
		g.leave() // goes to nobody
		checkGate(t, g, 0, 3)
		cancel()
		synctest.Wait()
		if err := <-entered; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		enter(t.Context())
		checkGate(t, g, 0, 3)
		g.Release()
		synctest.Wait()
		checkGate(t, g, 2, 1)
		g.leave()
		synctest.Wait()
		checkGate(t, g, 2, 0)
		for range 3 {
			if err := <-entered; err != nil {
				t.Error(err)
			}
		}
		g.Release() // of a gate that is not held
		g.leave()
		g.leave()
		checkGate(t, g, 0, 0)
		mustEnter(t, g)
	})
}

func TestGateHeldAgainAndAgainUnderLoad(t *testing.T) {
	g := NewGate(4, 1000)
	var running, most atomic.Int32
	var work sync.WaitGroup
	stop := make(chan struct{})
	for range 16 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := g.enter(t.Context()); err != nil {
					t.Error(err)
					return
				}
				if n := running.Add(1); n > most.Load() {
					most.Store(n)
				}
				running.Add(-1)
				g.leave()
			}
		})
	}
	for range 500 {
		g.Hold(1000)
		for g.InFlight() > 0 {
			runtime.Gosched()
		}
		if running.Load() != 0 {
			t.Error("somebody runs in a held gate")
		}
		g.Release()
		runtime.Gosched()
	}
	close(stop)
	work.Wait()
	checkGate(t, g, 0, 0)
	if most.Load() > 4 {
		t.Errorf("%d ran at once", most.Load())
	}
}
