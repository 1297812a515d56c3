package lane

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// Config is what a Client is made with.
type Config struct {
	// InFlight is how many requests may wait for an answer. As many again may be out
	// whose callers have left, while the extension still works on them; beyond that
	// requests are refused as exhausted. 0 means 512.
	InFlight int
	// MaxPayload bounds the payloads of answers, in bytes.
	MaxPayload int
	// Fault reads the payload of a fault frame: an error of the extension.
	Fault func(payload []byte) *sdk.Error
}

// Client is the host's half of the lanes of one process. Its methods may be called by
// many goroutines at once.
type Client struct {
	cfg     Config
	ends    *Ends
	pool    buffers
	slots   *slots
	shared  *writer
	bulk    *writer
	alone   []*single
	crowd   atomic.Int64 // requests on the shared and the bulk lane
	loners  atomic.Int64 // requests on sync lanes
	quiet   atomic.Int64 // requests in a row that came while no other was out
	singles atomic.Uint64

	ending
	dead  atomic.Bool
	cut   atomic.Pointer[sdk.Error] // what everybody gets since CutOff
	tasks sync.WaitGroup

	mu     sync.Mutex // guards closed: no task begins any more
	closed bool
}

// NewClient begins to use the host's ends. Close ends it, and closes them.
func NewClient(ends *Ends, cfg Config) (*Client, error) {
	if cfg.InFlight <= 0 {
		cfg.InFlight = 512
	}
	c := &Client{cfg: cfg, ends: ends, slots: newSlots(2 * cfg.InFlight), ending: newEnding()}
	var err error
	if c.shared, err = newWriter(ends.shared, true, c.fail); err != nil {
		return nil, err
	}
	if c.bulk, err = newWriter(ends.bulk, false, c.fail); err != nil {
		return nil, err
	}
	for _, conn := range ends.sync {
		c.alone = append(c.alone, newSingle(c, conn))
	}
	var readers []*reader
	for _, conn := range []*net.UnixConn{ends.shared, ends.bulk} {
		from, err := newEager(conn)
		if err != nil {
			return nil, err
		}
		readers = append(readers, c.newReader(from))
	}
	for _, r := range readers {
		c.tasks.Go(func() { c.read(r) })
	}
	c.tasks.Go(c.shared.run)
	c.tasks.Go(c.bulk.run)
	return c, nil
}

func (c *Client) newReader(from io.Reader) *reader {
	return &reader{from: from, pool: &c.pool, allowed: fromChild, limit: c.cfg.MaxPayload}
}

// Close ends the lanes. Requests that are out fail. It returns when nothing of the
// Client runs any more.
func (c *Client) Close() {
	c.fail(errClosed)
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.tasks.Wait()
}

// CutOff gives up all requests that are out: their callers get fault, which is not to
// be changed any more, as soon as their payloads are on their way, and their handlers
// are canceled. The lanes go on, but for new requests, which get fault too. It is
// called once.
func (c *Client) CutOff(fault *sdk.Error) {
	c.cut.Store(fault)
	for _, l := range c.alone {
		l.conn.cut()
	}
	c.slots.all(func(s *slot) {
		if id, ok := s.dismiss(fault); ok {
			c.cancel(id)
		}
	})
}

// begin runs a task that Close waits for, unless that is too late.
func (c *Client) begin(task func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.tasks.Go(task)
	}
}

// fail ends everything, once. It does not wait.
func (c *Client) fail(err error) {
	c.once.Do(func() {
		c.err = err
		c.dead.Store(true)
		c.ends.Close()
		c.shared.stop()
		c.bulk.stop()
		c.slots.all(func(s *slot) {
			state := s.state.Load()
			if state&3 != slotWaiting {
				return
			}
			s.settle(state>>2<<32|s.place, nil, c.lost(s))
		})
		close(c.done)
	})
}

// lost is the fate of a request whose process went away: it may be sent again if it
// can not have been written.
func (c *Client) lost(s *slot) *sdk.Error {
	w := c.shared
	if s.bulk.Load() {
		w = c.bulk
	}
	return lost(s.end.Load() > w.handed.Load())
}

func lost(unsent bool) *sdk.Error {
	err := sdk.Errorf(sdk.Unavailable, "the connection to the extension was lost")
	err.Retryable = unsent
	return err
}

// gone is the fate of a request whose context has ended.
func gone(ctx context.Context, unsent bool) *sdk.Error {
	err := sdk.Errorf(sdk.Canceled, "the request was canceled")
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = sdk.Errorf(sdk.DeadlineExceeded, "the extension did not answer in time")
	}
	err.Retryable = unsent
	return err
}

// Process has one request answered. The error is always a *sdk.Error: unavailable when
// the child is gone (Retryable tells whether the request may have reached it),
// canceled or deadline_exceeded when ctx ended, exhausted when too many requests are
// out, too large or malformed answers as extension_fault, else what the extension
// says. The answer is the caller's until its Free.
func (c *Client) Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	if metaBound(req) > maxMeta {
		return nil, sdk.Errorf(sdk.InvalidArgument, "the request's id, type, media type and caller have more than %d bytes together", maxMeta)
	}
	if ctx.Err() != nil {
		return nil, gone(ctx, true)
	}
	if c.dead.Load() {
		return nil, lost(true)
	}
	if fault := c.cut.Load(); fault != nil {
		return nil, fault
	}
	if l := c.loneLane(); l != nil {
		defer c.loners.Add(-1)
		return result(l.process(ctx, req))
	}
	return result(c.process(ctx, req))
}

// quietBefore is how many requests in a row must have come while no other was out
// before one takes a sync lane: where there are several callers the shared lane serves
// all of them better.
const quietBefore = 16

// loneLane takes a sync lane for a caller that is alone, nil if it is not or none is
// free.
func (c *Client) loneLane() *single {
	if c.crowd.Load() > 0 || c.loners.Load() > 0 {
		c.quiet.Store(0)
		return nil
	}
	if c.quiet.Load() < quietBefore {
		c.quiet.Add(1)
		return nil
	}
	for _, l := range c.alone {
		if l.busy.CompareAndSwap(false, true) {
			c.loners.Add(1)
			return l
		}
	}
	return nil
}

// crowded reports whether there is more than one request.
func (c *Client) crowded() bool { return c.crowd.Load() > 0 || c.loners.Load() > 1 }

// result keeps a nil *sdk.Error from becoming an error.
func result(resp *sdk.Response, fault *sdk.Error) (*sdk.Response, error) {
	if fault != nil {
		return nil, fault
	}
	return resp, nil
}

// process sends a request on the shared or the bulk lane and waits for its answer.
func (c *Client) process(ctx context.Context, req *sdk.Request) (*sdk.Response, *sdk.Error) {
	s := c.slots.get()
	if s == nil {
		err := sdk.Errorf(sdk.Exhausted, "the extension still works on %d requests", len(c.slots.table))
		err.Retryable, err.RetryAfter = true, time.Second
		return nil, err
	}
	defer s.letGo()
	c.crowd.Add(1)
	defer c.crowd.Add(-1)
	if fault := c.send(ctx, s, req); fault != nil {
		return nil, fault
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		if s.leave() {
			c.cancel(s.id)
			return nil, gone(ctx, false)
		}
		<-s.ready
	}
	if s.bulk.Load() {
		// The outcome may be there before the request was written to its end.
		select {
		case <-s.unread:
		case <-ctx.Done():
			s.answer.Free()
			return nil, gone(ctx, false)
		}
	}
	return s.answer, s.fault
}

// send writes the request of s, or settles what is not sent.
func (c *Client) send(ctx context.Context, s *slot, req *sdk.Request) *sdk.Error {
	w, bulk := c.shared, len(req.Payload) >= Bulk
	if bulk {
		w = c.bulk
	}
	s.bulk.Store(bulk)
	// Until its end is known the frame counts as unsent.
	s.end.Store(1<<64 - 1)
	err := w.begin(ctx)
	if err == nil && c.dead.Load() {
		w.mu.Unlock()
		err = errClosed
	}
	if err != nil {
		if !s.leave() { // the lanes have ended, and s knows
			<-s.ready
			return s.fault
		}
		s.settle(s.id, nil, nil)
		if ctx.Err() != nil {
			return gone(ctx, true)
		}
		return lost(true)
	}
	w.buf = appendRequest(w.buf, ctx, s.id, req)
	if bulk {
		s.holds.Add(1)
		w.refer(req.Payload, s)
	} else {
		w.buf = append(w.buf, req.Payload...)
	}
	s.end.Store(w.end())
	w.commit()
	return nil
}

// cancel tells the child that nobody waits for a request any more.
func (c *Client) cancel(id uint64) {
	if err := c.shared.beginAnyway(); err != nil {
		return // the lanes have ended, and with them the request
	}
	c.shared.buf = appendPlain(c.shared.buf, kindCancel, id, 0)
	c.shared.commit()
}

// read takes answers off a lane until it ends.
func (c *Client) read(r *reader) {
	var n names
	for {
		f, err := r.next()
		if err == nil {
			err = c.deliver(f, &n)
		}
		if err != nil {
			c.fail(endOf(err))
			return
		}
	}
}

// deliver gives an answer to who waits for it.
func (c *Client) deliver(f frame, n *names) error {
	resp, fault, err := c.outcome(f, n)
	if err != nil {
		return err
	}
	if s := c.slots.find(f.id); s != nil {
		taken, asked := s.settle(f.id, resp, fault)
		if !taken {
			resp.Free()
		}
		if asked {
			return nil
		}
	}
	return broken("an answer to request %d, which is not out", f.id)
}

// outcome reads what f says. The memory of an answer is that of the frame.
func (c *Client) outcome(f frame, n *names) (*sdk.Response, *sdk.Error, error) {
	if f.dropped {
		return nil, sdk.Errorf(sdk.ExtensionFault, "the extension's response has %d bytes, the limit is %d", f.payload(), c.cfg.MaxPayload), nil
	}
	if f.kind == kindFault {
		fault := c.cfg.Fault(f.body.bytes)
		f.body.release()
		return nil, fault, nil
	}
	resp := &f.body.answer
	if err := parseAnswer(f.header, f.meta, n, resp); err != nil {
		f.body.release()
		return nil, nil, err
	}
	resp.Payload, resp.Release = f.body.bytes, f.body.release
	return resp, nil, nil
}
