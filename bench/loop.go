package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// caller makes one request and checks its answer.
type caller func() error

// loop is what came of keeping callers busy.
type loop struct {
	histogram
	took time.Duration
}

// fill puts what the loop saw into s.
func (l *loop) fill(s *slot) {
	s.PerSecond = float64(l.total) / l.took.Seconds()
	s.P50, s.P99, s.P999 = l.quantile(0.5), l.quantile(0.99), l.quantile(0.999)
}

// share divides a sum by the number of requests.
func (l *loop) share(sum time.Duration) time.Duration {
	return sum / time.Duration(max(l.total, 1))
}

// spin has each caller make one request after the other for d, at least one, a
// goroutine each, and waits for the last answers: all requests count, over the whole
// time.
func spin(callers []caller, d time.Duration) (*loop, error) {
	var (
		wg       sync.WaitGroup
		failed   atomic.Bool
		seen     = make([]histogram, len(callers))
		faults   = make([]error, len(callers))
		begin    = time.Now()
		deadline = begin.Add(d)
	)
	for i, call := range callers {
		wg.Go(func() {
			at := time.Now()
			for first := true; (first || at.Before(deadline)) && !failed.Load(); first = false {
				if err := call(); err != nil {
					faults[i] = err
					failed.Store(true)
					return
				}
				now := time.Now()
				seen[i].add(now.Sub(at))
				at = now
			}
		})
	}
	wg.Wait()
	result := &loop{took: time.Since(begin)}
	for i := range seen {
		result.merge(&seen[i])
		if faults[i] != nil {
			return nil, faults[i]
		}
	}
	if result.total == 0 {
		return nil, errors.New("not one request was answered")
	}
	return result, nil
}

// stamp marks both ends of a payload, so that an answer shows whose it is.
func stamp(payload []byte, mark uint64) {
	binary.LittleEndian.PutUint64(payload, mark)
	binary.LittleEndian.PutUint64(payload[len(payload)-8:], ^mark)
}

// checkEcho holds an answer to what was sent: its length and both ends.
func checkEcho(sent, got []byte) error {
	n := len(sent)
	if len(got) != n {
		return fmt.Errorf("the answer has %d bytes, not %d", len(got), n)
	}
	if [8]byte(got) != [8]byte(sent) || [8]byte(got[n-8:]) != [8]byte(sent[n-8:]) {
		return errors.New("the answer is not what was sent")
	}
	return nil
}

// payloadOf returns n bytes that no compression would shorten much.
func payloadOf(n int) []byte {
	payload := make([]byte, n)
	x := uint32(2463534242)
	for i := range payload {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		payload[i] = byte(x)
	}
	return payload
}
