package lane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// onEveryLane runs a test for a caller that is alone, and for one of many.
func onEveryLane(t *testing.T, cfg Config, handle Handler, test func(t *testing.T, w *world)) {
	t.Run("alone", func(t *testing.T) { test(t, newWorld(t, cfg, handle)) })
	t.Run("among others", func(t *testing.T) { test(t, newWorld(t, cfg, handle).crowded()) })
}

func TestEverythingArrives(t *testing.T) {
	caller := sdk.Caller{Subject: "ada", Session: "s-1", Roles: []string{"viewer", "", "operator"}, Extension: "t.Asks"}
	trace := sdk.Trace{Parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", State: "a=b"}
	onEveryLane(t, Config{}, func(ctx context.Context, req *sdk.Request) (*sdk.Response, []byte) {
		_, deadline := ctx.Deadline()
		seen := fmt.Sprint(req.ID, req.Type, req.MediaType, req.Caller, req.Trace, deadline)
		return &sdk.Response{Type: "x.Seen", MediaType: "text/" + seen[:3], Payload: []byte(seen)}, nil
	}, func(t *testing.T, w *world) {
		for _, media := range []string{"application/json", "application/octet-stream", "image/png"} {
			req := &sdk.Request{ID: "r-7", Type: "x.Request", MediaType: media, Caller: caller, Trace: trace}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			resp, err := w.Process(ctx, req)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprint(req.ID, req.Type, media, caller, trace, true)
			if string(resp.Payload) != want || resp.Type != "x.Seen" || resp.MediaType != "text/r-7" {
				t.Errorf("got %s %s %q, want %q", resp.Type, resp.MediaType, resp.Payload, want)
			}
			resp.Free()
		}
		resp, err := w.Process(context.Background(), &sdk.Request{Type: "x.Request"})
		if err != nil || !strings.HasSuffix(string(resp.Payload), "false") {
			t.Errorf("without a deadline: %q, %v", resp.Payload, err)
		}
	})
}

func TestPayloadsOfAllSizes(t *testing.T) {
	onEveryLane(t, Config{}, echo, func(t *testing.T, w *world) {
		for _, size := range []int{0, 1, 511, 512, 513, Bulk - 1, Bulk, Bulk + 1, 1 << 20, 16 << 20} {
			payload := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
			resp, err := w.Process(t.Context(), request(payload))
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if !bytes.Equal(resp.Payload, payload) {
				t.Errorf("%d bytes came back as %d others", size, len(resp.Payload))
			}
			resp.Free()
		}
	})
}

// Small and large ones at once, each with content of its own: none gets another's
// answer, and no memory is used twice.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, Config{}, echo)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 50 {
				size := []int{10, 1000, Bulk - 1, 3 * Bulk}[(i+j)%4]
				payload := bytes.Repeat([]byte{byte(i), byte(j)}, size)
				resp, err := w.Process(t.Context(), request(payload))
				if err != nil || !bytes.Equal(resp.Payload, payload) {
					t.Errorf("%d/%d: %d bytes, %v", i, j, size, err)
					return
				}
				resp.Free()
			}
		})
	}
	wg.Wait()
}

func TestFaults(t *testing.T) {
	onEveryLane(t, Config{}, func(_ context.Context, req *sdk.Request) (*sdk.Response, []byte) {
		return nil, bytes.Clone(req.Payload)
	}, func(t *testing.T, w *world) {
		for _, size := range []int{0, 10, 2 * Bulk} {
			text := strings.Repeat("x", size)
			_, err := w.Process(t.Context(), request([]byte(text)))
			if fault := asFault(t, err); fault.Code != sdk.Conflict || fault.Message != text {
				t.Errorf("a fault of %d bytes came back as %.50v", size, err)
			}
		}
	})
}

func TestAnswersOverTheLimit(t *testing.T) {
	onEveryLane(t, Config{MaxPayload: 100}, echo, func(t *testing.T, w *world) {
		for _, size := range []int{101, 2 * Bulk} {
			_, err := w.Process(t.Context(), request(make([]byte, size)))
			if fault := asFault(t, err); fault.Code != sdk.ExtensionFault || !strings.Contains(fault.Message, "the limit is 100") {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		if _, err := w.Process(t.Context(), request(make([]byte, 100))); err != nil {
			t.Errorf("the lane does not live on: %v", err)
		}
	})
}

func TestMetaOverTheLimit(t *testing.T) {
	onEveryLane(t, Config{}, echo, func(t *testing.T, w *world) {
		req := request(nil)
		req.Caller.Roles = slices.Repeat([]string{strings.Repeat("r", 1000)}, 70)
		_, err := w.Process(t.Context(), req)
		if fault := asFault(t, err); fault.Code != sdk.InvalidArgument {
			t.Errorf("got %v", err)
		}
	})
}

// untilDone answers when its context has ended, and tells by what.
func untilDone(ended chan<- error) Handler {
	return func(ctx context.Context, req *sdk.Request) (*sdk.Response, []byte) {
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, nil
	}
}

func TestCancellationTravels(t *testing.T) {
	ended := make(chan error, 1)
	onEveryLane(t, Config{}, untilDone(ended), func(t *testing.T, w *world) {
		for _, size := range []int{10, 2 * Bulk} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Millisecond, cancel)
			_, err := w.Process(ctx, request(make([]byte, size)))
			if fault := asFault(t, err); fault.Code != sdk.Canceled || fault.Retryable {
				t.Errorf("the caller got %v", err)
			}
			if err := <-ended; err != context.Canceled {
				t.Errorf("the handler got %v", err)
			}
		}
	})
}

func TestDeadlinesTravel(t *testing.T) {
	ended, release := make(chan error, 1), make(chan struct{}, 1)
	onEveryLane(t, Config{}, func(ctx context.Context, _ *sdk.Request) (*sdk.Response, []byte) {
		<-ctx.Done()
		ended <- ctx.Err()
		<-release // else the answer could come before the caller's own clock rings
		return nil, nil
	}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := w.Process(ctx, request(nil))
		release <- struct{}{}
		if fault := asFault(t, err); fault.Code != sdk.DeadlineExceeded {
			t.Errorf("the caller got %v", err)
		}
		// The cancel of the caller and the handler's own clock are close together.
		if err := <-ended; err != context.DeadlineExceeded && err != context.Canceled {
			t.Errorf("the handler got %v", err)
		}
	})
	t.Run("ended before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newWorld(t, Config{}, echo).Process(ctx, request(nil))
		if fault := asFault(t, err); fault.Code != sdk.Canceled || !fault.Retryable {
			t.Errorf("got %v", err)
		}
	})
}

// Handlers that never return take only their own lanes and goroutines.
func TestBlockedHandlersBlockNobody(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, Config{}, func(ctx context.Context, req *sdk.Request) (*sdk.Response, []byte) {
		if len(req.Payload) == 0 {
			<-release
		}
		return &sdk.Response{Payload: req.Payload}, nil
	})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := w.Process(t.Context(), request(nil)); err != nil {
				t.Error(err)
			}
		})
	}
	for _, size := range []int{1, 1000, 2 * Bulk} {
		if _, err := w.Process(t.Context(), request(make([]byte, size))); err != nil {
			t.Error(err)
		}
	}
	close(release)
	wg.Wait()
}

// What callers have left counts until the extension has answered it.
func TestTooManyLeftBehind(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, Config{InFlight: 3}, func(context.Context, *sdk.Request) (*sdk.Response, []byte) {
		<-release
		return nil, nil
	}).crowded()
	for range 6 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := w.Process(ctx, request(nil)); asFault(t, err).Code != sdk.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		cancel()
	}
	_, err := w.Process(t.Context(), request(nil))
	if fault := asFault(t, err); fault.Code != sdk.Exhausted || !fault.Retryable || fault.RetryAfter == 0 {
		t.Errorf("got %v", err)
	}
	close(release)
	poll(t, func() bool {
		_, err := w.Process(t.Context(), request(nil))
		return err == nil
	})
}

// poll waits for a condition.
func poll(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("the condition does not come true")
		}
	}
}

func TestCutOff(t *testing.T) {
	ended := make(chan error, 3)
	w := newWorld(t, Config{}, untilDone(ended))
	stopped := sdk.Errorf(sdk.Unavailable, "stopped")
	var out, done sync.WaitGroup
	for range 3 { // two alone, one among others
		out.Add(1)
		done.Go(func() {
			out.Done()
			if _, err := w.Process(t.Context(), request(nil)); err != error(stopped) {
				t.Errorf("got %v", err)
			}
		})
	}
	out.Wait()
	poll(t, func() bool {
		w.server.mu.Lock()
		defer w.server.mu.Unlock()
		return len(w.server.calls) == 3
	})
	w.CutOff(stopped)
	done.Wait()
	for range 3 {
		if err := <-ended; err != context.Canceled {
			t.Errorf("a handler got %v", err)
		}
	}
	if _, err := w.Process(t.Context(), request(nil)); err != error(stopped) {
		t.Errorf("afterwards: %v", err)
	}
	if w.Err() != nil {
		t.Errorf("the lanes have ended: %v", w.Err())
	}
}

func TestTheChildGoes(t *testing.T) {
	onEveryLane(t, Config{}, untilDone(make(chan error, 100)), func(t *testing.T, w *world) {
		answered := make(chan error, 10)
		for range 10 {
			go func() {
				_, err := w.Process(t.Context(), request(nil))
				answered <- err
			}()
		}
		poll(t, func() bool {
			w.server.mu.Lock()
			defer w.server.mu.Unlock()
			return len(w.server.calls) == 10
		})
		w.server.Close()
		for range 10 {
			if fault := asFault(t, <-answered); fault.Code != sdk.Unavailable || fault.Retryable {
				t.Errorf("in flight: %v", fault)
			}
		}
		<-w.Done()
		if w.Err() != io.EOF {
			t.Errorf("the lanes ended with %v", w.Err())
		}
		_, err := w.Process(t.Context(), request(nil))
		if fault := asFault(t, err); fault.Code != sdk.Unavailable || !fault.Retryable {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestTheHostGoes(t *testing.T) {
	ended := make(chan error, 1)
	w := newWorld(t, Config{}, untilDone(ended))
	go func() { _, _ = w.Process(context.Background(), request(nil)) }()
	poll(t, func() bool {
		w.server.mu.Lock()
		defer w.server.mu.Unlock()
		return len(w.server.calls) == 1
	})
	w.Client.Close()
	if err := <-ended; err != context.Canceled {
		t.Errorf("the handler got %v", err)
	}
	<-w.server.Done()
	if !errors.Is(w.server.Err(), io.EOF) {
		t.Errorf("the server ended with %v", w.server.Err())
	}
}

// A frame that the child never takes: what was written may have been executed, what
// was not was not.
func TestRetryableIsTheTruth(t *testing.T) {
	client, ends := halves(t, Config{InFlight: 1000})
	client.crowd.Add(1)
	answered := make(chan error, 100)
	for range 100 { // far more than the socket takes
		go func() {
			_, err := client.Process(t.Context(), request(make([]byte, Bulk-1)))
			answered <- err
		}()
	}
	poll(t, func() bool {
		client.shared.mu.Lock()
		defer client.shared.mu.Unlock()
		// Some are on their way, and as many as may wait do.
		return client.shared.handed.Load() > 0 && len(client.shared.buf) >= maxPending
	})
	ends.Close()
	sent := 0
	for range 100 {
		fault := asFault(t, <-answered)
		if fault.Code != sdk.Unavailable {
			t.Errorf("got %v", fault)
		}
		if !fault.Retryable {
			sent++
		}
	}
	taken := client.shared.handed.Load()
	if most := int(taken / (Bulk - 1)); sent == 0 || sent > most || most > 50 {
		t.Errorf("%d are said to have been sent, at most %d can have been", sent, most)
	}
}

// A caller that gives up while its payload is on its way may not take the memory
// back, and the frame is sent to its end.
func TestCanceledInTheMiddleOfAFrame(t *testing.T) {
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprintf("alone=%t", alone), func(t *testing.T) {
			client, ends := halves(t, Config{})
			var conn io.ReadWriter = ends.sync[0]
			if !alone {
				client.crowd.Add(1)
				conn = ends.bulk
			}
			payload := bytes.Repeat([]byte("precious"), 1<<20)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := client.Process(ctx, request(payload)); asFault(t, err).Code != sdk.DeadlineExceeded {
				t.Fatalf("got %v", err)
			}
			r := &reader{from: conn, pool: new(buffers), allowed: fromHost, limit: maxFrame}
			f, err := r.next()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(f.body.bytes, payload) {
				t.Error("the frame is not what was sent")
			}
			// Its answer, late as it is, makes the lane free again.
			late := appendPlain(nil, kindAnswer, f.id, 0)
			if _, err := conn.Write(late); err != nil {
				t.Fatal(err)
			}
			poll(t, func() bool {
				client.slots.mu.Lock()
				defer client.slots.mu.Unlock()
				return !client.alone[0].busy.Load() && len(client.slots.free) == client.slots.made
			})
			if client.Err() != nil {
				t.Errorf("the lanes have ended: %v", client.Err())
			}
		})
	}
}

// Nothing of either half runs on when both are closed, whatever was under way.
func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		w := newWorld(t, Config{}, untilDone(make(chan error, 1000)))
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond/4)
				defer cancel()
				_, _ = w.Process(ctx, request(make([]byte, i*Bulk/4)))
			})
		}
		wg.Wait()
		w.Client.Close()
		w.server.Close()
	}
	poll(t, func() bool { return runtime.NumGoroutine() <= before })
}

// A caller that is cut off gets its payload back only when nobody reads it any more.
func TestCutOffInTheMiddleOfAFrame(t *testing.T) {
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprintf("alone=%t", alone), func(t *testing.T) {
			client, ends := halves(t, Config{})
			var conn io.ReadWriter = ends.sync[0]
			if !alone {
				client.crowd.Add(1)
				conn = ends.bulk
			}
			stopped := sdk.Errorf(sdk.Unavailable, "stopped")
			payload := bytes.Repeat([]byte("precious"), 1<<20)
			answered := make(chan error, 1)
			go func() {
				_, err := client.Process(t.Context(), request(payload))
				clear(payload)
				answered <- err
			}()
			one := make([]byte, 1) // the frame has begun
			if _, err := conn.Read(one); err != nil {
				t.Fatal(err)
			}
			client.CutOff(stopped)
			r := &reader{from: io.MultiReader(bytes.NewReader(one), conn), pool: new(buffers), allowed: fromHost, limit: maxFrame}
			f, err := r.next()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(f.body.bytes, bytes.Repeat([]byte("precious"), 1<<20)) {
				t.Error("the frame is not what was sent")
			}
			if err := <-answered; err != error(stopped) {
				t.Errorf("the caller got %v", err)
			}
		})
	}
}

// One caller after the other is alone before long; where there are several, none is.
func TestWhoIsAlone(t *testing.T) {
	w := newWorld(t, Config{}, echo)
	w.quiet.Store(0)
	ask := func() {
		resp, err := w.Process(t.Context(), request(nil))
		if err != nil {
			t.Fatal(err)
		}
		resp.Free()
	}
	for range quietBefore {
		ask()
	}
	if n := w.singles.Load(); n != 0 {
		t.Errorf("%d requests took a sync lane too soon", n)
	}
	ask()
	if n := w.singles.Load(); n != 1 {
		t.Errorf("%d requests took a sync lane, want the last", n)
	}
	w.crowd.Add(1)
	ask()
	w.crowd.Add(-1)
	ask()
	if n := w.singles.Load(); n != 1 {
		t.Errorf("%d requests took a sync lane, although there had been others", n)
	}
}
