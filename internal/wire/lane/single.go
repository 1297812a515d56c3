package lane

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/sdk"
)

// single is a sync lane: one request at a time, written and read by its caller.
type single struct {
	c    *Client
	conn *direct
	busy atomic.Bool // taken by a caller, who owns what follows

	r       *reader
	ctx     context.Context // of the request
	forget  func() bool     // ends the watch for the end of ctx, nil without one
	names   names
	head    []byte        // of the request
	left    net.Buffers   // what is not yet written of the request
	stop    func()        // ends the caller's write or read, when its context has ended
	stopped chan struct{} // gets one value when stop has run
}

// aloneID marks the ids of requests on sync lanes.
const aloneID = 1 << 63

func newSingle(c *Client, conn *direct) *single {
	l := &single{c: c, conn: conn, r: c.newReader(conn), stopped: make(chan struct{}, 1)}
	conn.wait, conn.crowded = l.watch, c.crowded
	l.stop = func() {
		conn.cut()
		l.stopped <- struct{}{}
	}
	return l
}

// watch lets the end of the request's context end what is under way. It is called
// before something that may take long.
func (l *single) watch() {
	if l.forget == nil && l.ctx != nil && l.ctx.Done() != nil {
		l.forget = context.AfterFunc(l.ctx, l.stop)
	}
}

// unwatch ends the watch.
func (l *single) unwatch() {
	if l.forget != nil && !l.forget() {
		<-l.stopped
		l.conn.uncut()
	}
	l.forget, l.ctx = nil, nil
}

// process has a request answered; l was taken for it.
func (l *single) process(ctx context.Context, req *sdk.Request) (*sdk.Response, *sdk.Error) {
	id := aloneID | l.c.singles.Add(1)
	l.ctx = ctx
	resp, fault, err := l.exchange(ctx, id, req)
	l.unwatch()
	if err == nil {
		l.busy.Store(false)
		return resp, fault
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		l.c.fail(endOf(err))
		return nil, lost(false)
	}
	l.c.cancel(id)
	fault = l.c.cut.Load()
	if fault == nil || ctx.Err() != nil {
		l.c.begin(func() { l.finish(id) })
		return nil, gone(ctx, false)
	}
	// Cut off. As long as ctx has not ended the payload is the caller's when this
	// returns, so that what is left of it goes first.
	l.conn.uncut()
	if _, err := l.left.WriteTo(l.conn); err != nil {
		l.c.fail(endOf(err))
		return nil, fault
	}
	l.c.begin(func() { l.finish(id) })
	return nil, fault
}

// exchange writes the request and reads its outcome.
func (l *single) exchange(ctx context.Context, id uint64, req *sdk.Request) (*sdk.Response, *sdk.Error, error) {
	l.head = appendRequest(l.head[:0], ctx, id, req)
	if len(req.Payload) < Bulk {
		l.head = append(l.head, req.Payload...)
		n, err := l.conn.Write(l.head)
		if err != nil {
			l.left = net.Buffers{l.head[n:]}
			return nil, nil, err
		}
	} else {
		l.left = net.Buffers{l.head, req.Payload}
		if _, err := l.left.WriteTo(l.conn); err != nil {
			return nil, nil, err
		}
	}
	return l.answer(id)
}

// answer reads the outcome of the request with this id, which was written.
func (l *single) answer(id uint64) (*sdk.Response, *sdk.Error, error) {
	f, err := l.r.next()
	if err != nil {
		return nil, nil, err
	}
	if f.id != id {
		return nil, nil, broken("an answer to request %d where %d is out", f.id, id)
	}
	return l.c.outcome(f, &l.names)
}

// finish brings an exchange to its end whose caller has left. The lane is free then.
func (l *single) finish(id uint64) {
	l.conn.uncut()
	_, err := l.left.WriteTo(l.conn)
	if err == nil {
		var resp *sdk.Response
		if resp, _, err = l.answer(id); err == nil {
			resp.Free()
			l.busy.Store(false)
			return
		}
	}
	l.c.fail(endOf(err))
}
