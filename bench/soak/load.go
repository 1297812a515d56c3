package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// workers is how many clients there are at once.
const workers = 48

// request is one request to the echo example.
type request struct {
	body    []byte
	media   string
	timeout string // Request-Timeout, "" for none
}

// send sends one request and returns its status and answer.
func (h *host) send(ctx context.Context, r request) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+h.requests+"/v1/requests/"+echoType, bytes.NewReader(r.body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", r.media)
	if r.timeout != "" {
		req.Header.Set("Request-Timeout", r.timeout)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// deed is something that clients do.
type deed struct {
	name  string
	often int // of all
	do    func(ctx context.Context, h *host, r *rand.Rand) error
}

// deeds is the mix. What a crash of the extension may do to any of them is added by
// the caller: unavailable is an honest answer then.
func deeds() []deed {
	return []deed{
		{"small", 500, func(ctx context.Context, h *host, r *rand.Rand) error { return echo(ctx, h, r, 1+r.IntN(2000)) }},
		{"bulk", 60, func(ctx context.Context, h *host, r *rand.Rand) error { return echo(ctx, h, r, 32<<10+r.IntN(256<<10)) }},
		{"huge", 5, func(ctx context.Context, h *host, r *rand.Rand) error { return echo(ctx, h, r, 1<<20+r.IntN(4<<20)) }},
		{"slow", 20, func(ctx context.Context, h *host, r *rand.Rand) error {
			return expect(ctx, h, request{body: fmt.Appendf(nil, `{"sleep_ms":%d}`, 1+r.IntN(100)), media: "application/json"}, http.StatusOK)
		}},
		{"deadline", 30, func(ctx context.Context, h *host, r *rand.Rand) error {
			return expect(ctx, h, request{body: []byte(`{"sleep_ms":60000}`), media: "application/json",
				timeout: fmt.Sprintf("0.%03d", 1+r.IntN(80))}, http.StatusGatewayTimeout)
		}},
		{"panic", 10, func(ctx context.Context, h *host, _ *rand.Rand) error {
			return expect(ctx, h, request{body: []byte(`{"panic":true}`), media: "application/json"}, http.StatusBadGateway)
		}},
		{"batch", 20, batch},
		{"batch, broken off", 5, batchBroken},
		{"WebSocket", 10, webSocket},
		{"vanish", 40, vanish},
		{"vanish while sending", 10, vanishSending},
	}
}

// echo sends size bytes that nobody else sends and wants them back.
func echo(ctx context.Context, h *host, r *rand.Rand, size int) error {
	body := make([]byte, size)
	for i := 0; i < len(body); i += 64 {
		copy(body[i:], fmt.Sprintf("%016x", r.Uint64()))
	}
	status, got, err := h.send(ctx, request{body: body, media: "application/x-soak"})
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return &answered{status, got}
	case !bytes.Equal(got, body):
		return fmt.Errorf("%d bytes came back as %d others", len(body), len(got))
	}
	return nil
}

func expect(ctx context.Context, h *host, r request, want int) error {
	status, got, err := h.send(ctx, r)
	if err == nil && status != want {
		return &answered{status, got}
	}
	return err
}

// answered is an answer that was not the one expected.
type answered struct {
	status int
	body   []byte
}

func (a *answered) Error() string {
	return fmt.Sprintf("answered %d %.300s", a.status, strings.TrimSpace(string(a.body)))
}

// vanish asks for something slow and goes away.
func vanish(ctx context.Context, h *host, r *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(1+r.IntN(50))*time.Millisecond)
	defer cancel()
	status, got, err := h.send(ctx, request{body: []byte(`{"sleep_ms":30000}`), media: "application/json"})
	if err == nil {
		return &answered{status, got}
	}
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// vanishSending breaks off in the middle of a large body.
func vanishSending(ctx context.Context, h *host, r *rand.Rand) error {
	broken := errors.New("broken off")
	body := io.MultiReader(io.LimitReader(zeros{}, int64(r.IntN(1<<20))), failing{broken})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+h.requests+"/v1/requests/"+echoType, body)
	if err != nil {
		return err
	}
	req.ContentLength = 2 << 20
	resp, err := h.client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	if !errors.Is(err, broken) {
		return err
	}
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// load keeps all workers busy for a time, and lets the extension crash now and then.
func load(ctx context.Context, h *host, length time.Duration, source rand.Source, t *tally) error {
	// Not a deadline: a dialer makes one of its connection, which can end before ctx does, and
	// would count against the host.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(length, cancel).Stop()
	seeds := rand.New(source)
	var wg sync.WaitGroup
	for range workers {
		r := rand.New(rand.NewPCG(seeds.Uint64(), seeds.Uint64()))
		wg.Go(func() { work(ctx, h, r, t) })
	}
	wg.Go(func() { crash(ctx, h, t) })
	wg.Wait()
	return nil
}

func work(ctx context.Context, h *host, r *rand.Rand, t *tally) {
	all := deeds()
	sum := 0
	for _, d := range all {
		sum += d.often
	}
	for ctx.Err() == nil {
		n := r.IntN(sum)
		for _, d := range all {
			if n -= d.often; n < 0 {
				err := d.do(ctx, h, r)
				if ctx.Err() == nil { // else the end of the load may be what it says
					t.add(d.name, err)
				}
				break
			}
		}
	}
}

// crash ends the extension's process every few seconds and waits until it answers.
func crash(ctx context.Context, h *host, t *tally) {
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := expect(ctx, h, request{body: []byte(`{"exit":3}`), media: "application/json"}, http.StatusServiceUnavailable)
		if err == nil {
			began := time.Now()
			err = h.await(ctx, "the restarted extension", func() (bool, error) {
				return echo(ctx, h, rand.New(rand.NewPCG(1, 1)), 10) == nil, nil
			})
			t.recovered(time.Since(began))
		}
		if ctx.Err() == nil {
			t.add("crash", err)
		}
	}
}

// tally counts what happened.
type tally struct {
	mu      sync.Mutex
	done    map[string]int
	down    map[string]int // answered unavailable, by a crash
	wrong   map[string][]error
	restart []time.Duration
}

func newTally() *tally {
	return &tally{done: map[string]int{}, down: map[string]int{}, wrong: map[string][]error{}}
}

func (t *tally) add(name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var got *answered
	switch {
	case err == nil:
		t.done[name]++
	case errors.As(err, &got) && got.status == http.StatusServiceUnavailable:
		t.down[name]++
	default:
		t.wrong[name] = append(t.wrong[name], err)
	}
}

func (t *tally) recovered(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.restart = append(t.restart, took)
}

func (t *tally) print(w io.Writer) {
	fmt.Fprintf(w, "%-22s %9s %12s %6s\n", "", "as asked", "unavailable", "wrong")
	names := []string{"crash"}
	for _, d := range deeds() {
		names = append(names, d.name)
	}
	for _, name := range names {
		fmt.Fprintf(w, "%-22s %9d %12d %6d\n", name, t.done[name], t.down[name], len(t.wrong[name]))
	}
	if slices.Sort(t.restart); len(t.restart) > 0 {
		fmt.Fprintf(w, "crash to next answer: median %s, worst %s of %d\n",
			t.restart[len(t.restart)/2].Round(time.Millisecond), t.restart[len(t.restart)-1].Round(time.Millisecond), len(t.restart))
	}
}

// err says what was wrong, with the first few cases of each deed.
func (t *tally) err() error {
	var errs []error
	for name, wrong := range t.wrong {
		for _, err := range wrong[:min(3, len(wrong))] {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if t.done["small"] == 0 || t.done["crash"] == 0 {
		errs = append(errs, errors.New("next to nothing was done"))
	}
	return errors.Join(errs...)
}
