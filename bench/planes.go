package main

import (
	"context"
	"errors"
	"time"
)

// planeSection compares the planes at all payloads and callers.
func planeSection(ctx context.Context, p plan, e *environment, r *report) error {
	all, stop, err := startPlanes(e)
	if err != nil {
		return err
	}
	defer stop()
	for _, s := range p.shapes("plane") {
		c, err := compare(ctx, p.planes(), s, all...)
		if err != nil {
			return err
		}
		r.Cells = append(r.Cells, c)
	}
	return nil
}

// mixedSection measures small requests while two goroutines send 1 MiB in a loop.
func mixedSection(ctx context.Context, p plan, e *environment, r *report) error {
	all, stop, err := startPlanes(e)
	if err != nil {
		return err
	}
	defer stop()
	c, err := compare(ctx, p.planes(), shape{Section: "mixed", Payload: 100, Callers: 16, Bulk: 2}, all...)
	if err != nil {
		return err
	}
	r.Cells = append(r.Cells, c)
	return nil
}

// startPlanes starts a host process and a child for every plane. The stock one is the
// last, with which the others are compared.
func startPlanes(e *environment) (all []contestant, stop func(), err error) {
	var running []*actor
	stop = func() {
		for _, a := range running {
			a.stop()
		}
	}
	for _, variant := range []string{"lane", "control", "raw", "netrpc", "grpc"} {
		a, err := startActor(self(rolePlaneHost, envVariant+"="+variant, envEcho+"="+e.echo))
		if err != nil {
			stop()
			return nil, nil, err
		}
		running = append(running, a)
		all = append(all, contestant{variant, func(_ context.Context, s shape, warm, d time.Duration) (slot, error) {
			order := planeOrder{Payload: s.Payload, Callers: s.Callers, Bulk: s.Bulk, Warm: warm, Slot: d}
			var answer planeAnswer
			if err := a.tell(order, &answer); err != nil {
				return slot{}, err
			}
			if answer.Fault != "" {
				return slot{}, errors.New(answer.Fault)
			}
			return answer.Slot, nil
		}})
	}
	return all, stop, nil
}
