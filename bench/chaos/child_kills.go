package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/bench/chaos/behaviour"
)

const (
	// forgiven is the backoff.reset of hosts whose children are killed: after as much
	// health the next crash is a first one.
	forgiven = 500 * time.Millisecond
	// killTimeout is the deadline of requests while children are killed, and slack is
	// how much later an answer may arrive on two busy cores.
	killTimeout = 5 * time.Second
	slack       = 500 * time.Millisecond

	recoveryMedian = 300 * time.Millisecond
	recoveryWorst  = time.Second
	hangLimit      = 20 * time.Second
)

// childKills kills the extension's process, plainly, with a grandchild that holds its
// pipes, and under a host of an ordinary user.
func childKills(ctx context.Context, s *stage) error {
	batches := []struct {
		name       string
		grandchild bool
		uid        int
	}{{"plain", false, 0}, {"grandchild", true, 0}, {"user", false, ordinaryUser}}
	for _, b := range batches {
		if b.uid != 0 && os.Getuid() != 0 {
			s.figure("as an ordinary user", fmt.Sprintf("all of this ran as uid %d", os.Getuid()), "reported", true)
			continue
		}
		h, err := s.hostOf(b.name, settings{"backoff.reset": forgiven.String()}, b.uid)
		if err != nil {
			return err
		}
		p := parcel{name: b.name, version: version(1), overlap: true, behaviour: behaviour.Behaviour{Grandchild: b.grandchild}}
		if err := s.startWith(ctx, h, p); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		if err := s.killChildren(ctx, h, p, b.grandchild); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return nil
}

func (s *stage) killChildren(ctx context.Context, h *host, p parcel, grandchild bool) error {
	l := h.load(ctx, p.name, loadRate, loadClients, killTimeout)
	defer l.end()
	total := account(nil)
	var took []time.Duration
	never := 0
	for range s.plan.childKills {
		// Healthy for longer than backoff.reset, and then at any moment.
		if err := pause(ctx, forgiven+200*time.Millisecond+time.Duration(s.rng.IntN(300))*time.Millisecond); err != nil {
			return err
		}
		shown, err := h.awaitVersion(ctx, p.name, p.version)
		if err != nil {
			return err
		}
		total.add(l.cut())
		child, ok := look(shown.PID)
		if !ok {
			return fmt.Errorf("the API shows process %d, which is not there", shown.PID)
		}
		if err := child.kill(syscall.SIGKILL); err != nil {
			return err
		}
		at := l.now()
		_, err = h.awaitRow(ctx, patience, p.name, "runs again", func(r row) bool { return r.runs(p.version) && r.PID != child.pid })
		if err != nil {
			return err
		}
		var next time.Duration
		if await(ctx, killTimeout, "a success", func() (bool, error) {
			next, ok = nextSuccess(l.peek(), at)
			return ok, nil
		}) != nil {
			never++
			continue
		}
		took = append(took, next)
		if !grandchild {
			if err := h.sound(ctx); err != nil {
				return err
			}
		}
	}
	total.add(l.end())
	s.tellRecovery(p.name, total, took, never)
	if grandchild { // those of dead processes are ours to end: the host can not know them
		for _, left := range living(h.home, h.self.pid) {
			if left.parent != h.self.pid {
				_ = left.kill(syscall.SIGKILL)
			}
		}
		if err := h.stop(); err != nil {
			return err
		}
		for _, left := range living(h.home, 0) {
			_ = left.kill(syscall.SIGKILL)
		}
	}
	return nil
}

func (s *stage) tellRecovery(name string, total tally, took []time.Duration, never int) {
	holds := never == 0 && len(took) > 0
	s.timed(fmt.Sprintf("%s: kill -9 to next success, median of %d", name, len(took)), ms(median(took)), "≤ "+recoveryMedian.String(), holds && median(took) <= recoveryMedian)
	s.timed(name+": kill -9 to next success, worst", ms(worst(took)), "≤ "+recoveryWorst.String(), holds && worst(took) <= recoveryWorst)
	s.figure(name+": longest wait of a request", ms(worst(total.waits)), "≤ its deadline of "+killTimeout.String(), worst(total.waits) <= killTimeout+slack)
	others := total.failed
	for kind, n := range total.kinds {
		if kind == "unavailable (retryable)" {
			others -= n
		}
	}
	s.figure(name+": requests that failed with other than unavailable", fmt.Sprint(others), "0", others == 0)
	s.note("%s, %s: %s", s.name, name, total.failures())
	if others > 0 {
		s.note("%s, %s: %s", s.name, name, total.example)
	}
}

// sigstop stops the extension's process, with the checks as they are by default.
func sigstop(ctx context.Context, s *stage) error {
	if s.plan.stops == 0 {
		s.note("sigstop is not played in this mode: it only waits")
		return nil
	}
	// Each stop is to be the first failure, as in child-kills.
	h, err := s.host("home", settings{"backoff.reset": forgiven.String()})
	if err != nil {
		return err
	}
	p := good("stopped", 1, true)
	if err := s.startWith(ctx, h, p); err != nil {
		return err
	}
	// Few enough to stay below limits.in_flight while nobody answers.
	l := h.load(ctx, p.name, 40, 40, killTimeout)
	defer l.end()
	total := account(nil)
	var took []time.Duration
	for range s.plan.stops {
		if err := pause(ctx, time.Second+time.Duration(s.rng.IntN(4000))*time.Millisecond); err != nil {
			return err
		}
		shown, err := h.awaitVersion(ctx, p.name, p.version)
		if err != nil {
			return err
		}
		total.add(l.cut())
		child, ok := look(shown.PID)
		if !ok {
			return fmt.Errorf("the API shows process %d, which is not there", shown.PID)
		}
		if err := child.kill(syscall.SIGSTOP); err != nil {
			return err
		}
		at := l.now()
		// An answer that had been written before the stop may still arrive.
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		var next time.Duration
		err = await(ctx, 2*hangLimit, "another process answers", func() (bool, error) {
			next, ok = nextSuccess(l.peek(), at)
			return ok, nil
		})
		if err != nil {
			_ = child.kill(syscall.SIGKILL)
			return err
		}
		took = append(took, next)
		if child.alive() {
			s.figure("the stopped process is gone", "it is there", "gone", false)
		}
		if err := h.sound(ctx); err != nil {
			return err
		}
	}
	total.add(l.end())
	s.timed(fmt.Sprintf("SIGSTOP to next success, worst of %d", len(took)), ms(worst(took)), "≤ "+hangLimit.String(), worst(took) <= hangLimit)
	s.figure("longest wait of a request", ms(worst(total.waits)), "≤ its deadline of "+killTimeout.String(), worst(total.waits) <= killTimeout+slack)
	s.note("%s: %s", s.name, total.failures())
	return nil
}
