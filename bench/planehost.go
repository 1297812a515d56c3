package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"time"
)

const (
	echoType  = "examples.echo.EchoRequest"
	mediaType = "application/octet-stream"
	// requestTime is the deadline of every request on every plane.
	requestTime = 30 * time.Second
	// maxCallers is how many callers a plane has at once, bulk ones included.
	maxCallers = 256 + 2
)

// plane carries requests to a child of its own and back.
type plane interface {
	// caller makes the function that one goroutine calls; id is below maxCallers and
	// is used by one goroutine at a time.
	caller(id, payload int) func(ctx context.Context) error
	childPID() int
	close()
}

// planeOrder asks the process of a plane for one slot.
type planeOrder struct {
	Payload, Callers, Bulk int
	Warm, Slot             time.Duration
}

type planeAnswer struct {
	Slot  slot
	Fault string
}

// runPlaneHost is the role of a host process: it starts the child of one plane and
// loads it as it is told, until its standard input ends.
func runPlaneHost() error {
	p, err := startPlane(os.Getenv(envVariant))
	if err != nil {
		return err
	}
	defer p.close()
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var order planeOrder
		if err := in.Decode(&order); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var answer planeAnswer
		if answer.Slot, err = measurePlane(p, order); err != nil {
			answer.Fault = err.Error()
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

func startPlane(variant string) (plane, error) {
	switch variant {
	case "lane":
		return startWire(true)
	case "control":
		return startWire(false)
	case "grpc", "netrpc":
		return startStock(variant)
	case "raw":
		return startRaw(maxCallers)
	}
	return nil, fmt.Errorf("there is no plane %q", variant)
}

func measurePlane(p plane, order planeOrder) (slot, error) {
	small, bulk := make([]caller, order.Callers), make([]caller, order.Bulk)
	for i := range small {
		small[i] = withDeadline(p.caller(i, order.Payload))
	}
	for i := range bulk {
		bulk[i] = withDeadline(p.caller(order.Callers+i, mib))
	}
	perRequest, once := allocsOfLoop(), allocsOfStart(small, bulk)
	if _, _, err := together(small, bulk, order.Warm); err != nil {
		return slot{}, err
	}
	hostBefore, childBefore, err := cpuOf(p)
	if err != nil {
		return slot{}, err
	}
	before := mallocs()
	got, beside, err := together(small, bulk, order.Slot)
	if err != nil {
		return slot{}, err
	}
	made := mallocs() - before
	host, child, err := cpuOf(p)
	if err != nil {
		return slot{}, err
	}
	var s slot
	got.fill(&s)
	requests := float64(got.total)
	if beside != nil {
		s.BulkPerSecond = float64(beside.total) / beside.took.Seconds()
		requests += float64(beside.total)
	}
	s.HostCPU, s.ChildCPU = got.share(host-hostBefore), got.share(child-childBefore)
	s.Allocs = max(math.Round((made-once)/requests*100-perRequest*100)/100, 0)
	if s.HostRSS, err = residentBytes(os.Getpid()); err != nil {
		return slot{}, err
	}
	s.ChildRSS, err = residentBytes(p.childPID())
	return s, err
}

// together spins the small callers, and beside them the bulk ones if there are any.
func together(small, bulk []caller, d time.Duration) (got, beside *loop, err error) {
	if len(bulk) == 0 {
		got, err = spin(small, d)
		return got, nil, err
	}
	ended := make(chan error, 1)
	go func() {
		var err error
		beside, err = spin(bulk, d)
		ended <- err
	}()
	got, err = spin(small, d)
	return got, beside, errors.Join(err, <-ended)
}

// withDeadline gives every request a context of its own that ends in time. All planes
// get one, whether they heed it or not.
func withDeadline(call func(ctx context.Context) error) caller {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), requestTime)
		err := call(ctx)
		cancel()
		return err
	}
}

// allocsOfLoop is what withDeadline itself allocates for a request.
func allocsOfLoop() float64 {
	const n = 2000
	call := withDeadline(func(context.Context) error { return nil })
	before := mallocs()
	for range n {
		_ = call()
	}
	return (mallocs() - before) / n
}

// allocsOfStart is what it takes to start and end the goroutines of a slot.
func allocsOfStart(small, bulk []caller) float64 {
	before := mallocs()
	_, _, _ = together(small, bulk, 0) // in no time there is no request, which is an error
	return mallocs() - before
}

func mallocs() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Mallocs)
}

func cpuOf(p plane) (host, child time.Duration, err error) {
	if host, err = cpuTime(os.Getpid()); err != nil {
		return 0, 0, err
	}
	child, err = cpuTime(p.childPID())
	return host, child, err
}
