package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// spreadSection compares a host that runs one extension with a host that runs many:
// requests for one type, and for all types in turn.
func spreadSection(ctx context.Context, p plan, e *environment, r *report) error {
	many, types := bundles{echoType: e.echoJAR}, []string{echoType}
	for i := range p.extensions - 1 {
		name := fmt.Sprintf("bench.spread%d", i)
		jar, err := e.renamedEcho(name)
		if err != nil {
			return err
		}
		types = append(types, name+".Request")
		many[name+".Request"] = jar
	}
	one, err := startJackfield(ctx, "1 extension", bundles{echoType: e.echoJAR})
	if err != nil {
		return err
	}
	defer one.stop()
	hundred, err := startJackfield(ctx, fmt.Sprintf("%d extensions", p.extensions), many)
	if err != nil {
		return err
	}
	defer hundred.stop()
	all := []contestant{overHTTP(hundred), inTurn(hundred, types), overHTTP(one)}
	all[0].name, all[1].name = "many", "many, in turn"
	for _, callers := range []int{1, 16} {
		s := shape{Section: "spread", What: fmt.Sprintf("%d extensions", p.extensions), Payload: kib, Callers: callers}
		c, err := compare(ctx, p.hosts(), s, all...)
		if err != nil {
			return err
		}
		r.Cells = append(r.Cells, c)
	}
	return nil
}

// inTurn asks for all types, one after the other, on every connection.
func inTurn(t *target, types []string) contestant {
	return contestant{t.name, func(_ context.Context, s shape, warm, d time.Duration) (got slot, err error) {
		payload := payloadOf(s.Payload)
		callers := make([]caller, s.Callers)
		for i := range callers {
			c, err := dialHTTP(t.addr, i, posted{types[0], mediaType, payload, nil})
			if err != nil {
				return slot{}, err
			}
			defer func() { err = errors.Join(err, c.Close()) }()
			if err := c.SetDeadline(time.Now().Add(patience + warm + d)); err != nil {
				return slot{}, err
			}
			every := make([]*httpCaller, len(types))
			for j, typ := range types {
				every[j] = newCaller(c.Conn, c.read, t.addr, i, posted{typ, mediaType, payload, nil})
			}
			next := i * len(types) / s.Callers
			callers[i] = func() error {
				next++
				return every[next%len(every)].call()
			}
		}
		return t.measured(callers, warm, d)
	}}
}

// dropSection takes the time from the rename that completes a drop to the first answer
// of the extension in it, each time with a bundle that the host has not seen.
func dropSection(ctx context.Context, p plan, e *environment, r *report) error {
	host, err := startJackfield(ctx, "jackfield", bundles{echoType: e.echoJAR})
	if err != nil {
		return err
	}
	defer host.stop()
	for i := range p.drops {
		name := fmt.Sprintf("bench.drop%d", i)
		jar, err := e.renamedEcho(name)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := drop(host.home, name+".jar", jar); err != nil {
			return err
		}
		for {
			if code, err := host.ask(ctx, name+".Request"); err == nil && code == 200 {
				break
			} else if time.Since(began) > patience || ctx.Err() != nil {
				return fmt.Errorf("%s does not answer after %s: status %d, %v", name, patience, code, err)
			}
			<-time.After(time.Millisecond)
		}
		r.Drops = append(r.Drops, time.Since(began))
		if err := os.Remove(host.homeFile(name + ".jar")); err != nil {
			return err
		}
	}
	slices.Sort(r.Drops)
	return nil
}
