package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/sdk"
)

// HostStream is the host's end of the stream.
type HostStream interface {
	Send(*extensionv1.ServiceAnswer) error
	Recv() (*extensionv1.ServiceAsk, error)
}

// host answers one stream.
type host struct {
	cfg    Config
	kv     sdk.KeyValue
	stream HostStream
	tasks  sync.WaitGroup
	last   uint64 // the highest id so far; Serve's goroutine alone

	sending sync.Mutex // one Send at a time

	mu       sync.Mutex // guards what follows
	out      map[uint64]context.CancelFunc
	calls    int // of those that are out
	asked    int // bytes
	answered int // bytes
}

// Serve answers what comes on stream until that ends, with ctx at the latest, and
// returns when nothing is under way any more. The error is nil when the other side or
// ctx has ended the stream, a *FormatError, or what was wrong with the connection.
func Serve(ctx context.Context, stream HostStream, cfg Config) error {
	if cfg.Ended == nil {
		cfg.Ended = func(Report) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	h := &host{cfg: cfg, kv: Checked(cfg.Services), stream: stream, out: make(map[uint64]context.CancelFunc)}
	defer h.tasks.Wait()
	defer cancel()
	for {
		ask, err := stream.Recv()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := h.take(ctx, ask); err != nil {
			return err
		}
	}
}

// take begins to answer one ask, or refuses it.
func (h *host) take(ctx context.Context, ask *extensionv1.ServiceAsk) error {
	if _, ok := ask.GetWhat().(*extensionv1.ServiceAsk_Cancel); ok {
		if ask.GetId() > h.last {
			return breach("ask %d was canceled and never sent", ask.GetId())
		}
		h.cancel(ask.GetId())
		return nil
	}
	if ask.GetId() <= h.last {
		return breach("ask %d came after ask %d", ask.GetId(), h.last)
	}
	h.last = ask.GetId()
	start := time.Now()
	j := h.job(ask)
	if permission := h.cfg.Grants.missing(j.kind, j.typeName); permission != "" {
		h.end(ask, Report{Kind: j.kind, Permission: permission, Err: h.cfg.Grants.denied(j.kind, j.typeName, permission), Took: time.Since(start)}, nil)
		return nil
	}
	if (j.kind == KindPut || j.kind == KindDelete) && h.cfg.MayWrite != nil && !h.cfg.MayWrite() {
		h.end(ask, Report{Kind: j.kind, Err: early(), Took: time.Since(start)}, nil)
		return nil
	}
	ctx, cancel := j.deadline(ctx, ask.GetTimeoutMs())
	if fault := h.enter(ask.GetId(), j, cancel); fault != nil {
		cancel()
		h.end(ask, Report{Kind: j.kind, Err: fault, Took: time.Since(start)}, nil)
		return nil
	}
	h.tasks.Go(func() {
		defer cancel()
		answer, release, err := h.run(ctx, j)
		h.end(ask, Report{Kind: j.kind, Err: faultOf(ctx, err), Took: time.Since(start)}, answer)
		release()
		h.leave(ask.GetId(), j)
	})
	return nil
}

// early refuses a write before Activate.
func early() *sdk.Error {
	return sdk.Errorf(sdk.Unavailable, "the key-value store can only be read before Activate: another version may still be serving")
}

// job is one ask, ready to be run.
type job struct {
	kind     Kind
	typeName string // of a call
	bytes    int
	// run fills in the answer. Release, when it is not nil, is called when the answer
	// was sent.
	run func(ctx context.Context, answer *extensionv1.ServiceAnswer) (release func(), err error)
}

// deadline is ctx with the time that the extension gives, within bounds.
func (j job) deadline(ctx context.Context, ms uint64) (context.Context, context.CancelFunc) {
	longest := 24 * time.Hour
	if j.kind != KindCall {
		longest = keyValueTimeout
	}
	if ms == 0 || ms > uint64(longest.Milliseconds()) {
		return context.WithTimeout(ctx, longest)
	}
	return context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
}

// enter takes j into account, or says why it can not run.
func (h *host) enter(id uint64, j job, cancel context.CancelFunc) *sdk.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var fault error
	switch others := len(h.out) - h.calls; {
	case j.kind == KindCall && h.calls >= maxCalls:
		fault = fmt.Errorf("%d calls of the extension are under way", h.calls)
	case j.kind != KindCall && others >= maxKeyValue:
		fault = fmt.Errorf("%d asks of the extension's key-value store are under way", others)
	case h.asked > 0 && h.asked+j.bytes > maxAsked:
		fault = fmt.Errorf("what the extension asks its host for has %d bytes, the limit is %d", h.asked+j.bytes, maxAsked)
	}
	if fault != nil {
		e := sdk.Errorf(sdk.Exhausted, "%v", fault)
		e.Retryable = true
		return e
	}
	h.out[id] = cancel
	h.asked += j.bytes
	if j.kind == KindCall {
		h.calls++
	}
	return nil
}

func (h *host) leave(id uint64, j job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.out, id)
	h.asked -= j.bytes
	if j.kind == KindCall {
		h.calls--
	}
}

func (h *host) cancel(id uint64) {
	h.mu.Lock()
	cancel := h.out[id]
	h.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// run has one ask answered. A panic is the host's fault and costs one answer.
func (h *host) run(ctx context.Context, j job) (answer *extensionv1.ServiceAnswer, release func(), err error) {
	defer func() {
		if v := recover(); v != nil {
			h.cfg.Log.Error("a service panicked, please report it", "service", string(j.kind), "panic", v, "stack", string(debug.Stack()))
			answer, release, err = nil, func() {}, sdk.Errorf(sdk.Internal, "the host failed while it answered")
		}
	}()
	answer = new(extensionv1.ServiceAnswer)
	release, err = j.run(ctx, answer)
	if release == nil {
		release = func() {}
	}
	return answer, release, err
}

// end sends the one answer of an ask, and reports it. An extension that does not take
// its answers is left alone with that: it gets no more than it has room for.
func (h *host) end(ask *extensionv1.ServiceAsk, r Report, answer *extensionv1.ServiceAnswer) {
	size := len(answer.GetResponse().GetPayload())
	if r.Err == nil && !h.hold(size) {
		size = 0
		r.Err = sdk.Errorf(sdk.Exhausted, "the extension has not taken its answers: more than %d bytes wait, and the answer was dropped", maxAnswered)
	}
	if r.Err != nil {
		size = 0
		answer = &extensionv1.ServiceAnswer{What: &extensionv1.ServiceAnswer_Error{Error: h.cfg.Errors.To(r.Err)}}
	}
	answer.Id = ask.GetId()
	h.cfg.Ended(r)
	h.sending.Lock()
	_ = h.stream.Send(answer) // when it fails the stream has ended, which Recv tells
	h.sending.Unlock()
	h.hold(-size)
}

// hold takes the bytes of an answer into account, and reports whether there is room.
func (h *host) hold(bytes int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if bytes > 0 && h.answered > 0 && h.answered+bytes > maxAnswered {
		return false
	}
	h.answered += bytes
	return true
}

// faultOf is err as an extension may read it, nil for nil.
func faultOf(ctx context.Context, err error) *sdk.Error {
	var e *sdk.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e != nil:
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return sdk.Errorf(sdk.DeadlineExceeded, "the host did not answer in time")
	case ctx.Err() != nil:
		return sdk.Errorf(sdk.Canceled, "nobody waits any more")
	}
	return sdk.Errorf(sdk.Internal, "the host failed while it answered")
}
