package lane

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// Handler answers requests in the child. A nil answer with a nil fault is an empty
// answer; a fault is the payload of a fault frame, which Config.Fault reads at the
// other end. It must not panic, and its answer's payload may be that of the request.
type Handler func(ctx context.Context, req *sdk.Request) (answer *sdk.Response, fault []byte)

// Server is the child's half of the lanes.
type Server struct {
	handle Handler
	ends   *Ends
	pool   buffers
	shared *writer
	bulk   *writer

	ending
	tasks sync.WaitGroup

	running atomic.Int64 // requests that handlers are at work on

	mu    sync.Mutex // guards what follows
	calls map[uint64]*call
	early []uint64 // cancels that came before their request, the latest few
}

// maxEarly bounds the cancels that are kept for requests still to come: those on
// another lane, which may be a little later. Most that are kept are for requests that
// were answered meanwhile.
const maxEarly = 64

// NewServer begins to serve the child's ends. Close ends it, and closes them.
func NewServer(ends *Ends, handle Handler) (*Server, error) {
	s := &Server{handle: handle, ends: ends, ending: newEnding(), calls: make(map[uint64]*call)}
	var err error
	if s.shared, err = newWriter(ends.shared, true, s.fail); err != nil {
		return nil, err
	}
	if s.bulk, err = newWriter(ends.bulk, false, s.fail); err != nil {
		return nil, err
	}
	var tasks []func()
	for _, conn := range []*net.UnixConn{ends.shared, ends.bulk} {
		from, err := newEager(conn)
		if err != nil {
			return nil, err
		}
		p := &party{s: s, r: s.newReader(from)}
		tasks = append(tasks, p.lead)
	}
	for _, conn := range ends.sync {
		tasks = append(tasks, func() { s.serveAlone(conn) })
	}
	for _, task := range append(tasks, s.shared.run, s.bulk.run) {
		s.tasks.Go(task)
	}
	return s, nil
}

func (s *Server) newReader(from io.Reader) *reader {
	return &reader{from: from, pool: &s.pool, allowed: fromHost, limit: maxFrame}
}

// Close ends the lanes, and the contexts of the handlers that still run. It returns
// when they have returned.
func (s *Server) Close() {
	s.fail(errClosed)
	s.tasks.Wait()
}

// fail ends everything, once. It does not wait.
func (s *Server) fail(err error) {
	s.once.Do(func() {
		s.err = err
		s.ends.Close()
		s.shared.stop()
		s.bulk.stop()
		close(s.done)
		s.mu.Lock()
		calls := s.calls
		s.calls = nil
		s.mu.Unlock()
		for _, c := range calls {
			c.end(context.Canceled)
		}
	})
}

// party is the goroutines that serve one lane. One of them leads: it reads. When it
// has a request it lets another lead and answers the request itself, so that a request
// changes goroutines as rarely as can be.
type party struct {
	s     *Server
	r     *reader
	names names

	mu   sync.Mutex // guards idle
	idle []chan struct{}
}

// maxIdle bounds the goroutines of a party that wait for work.
const maxIdle = 64

// lead is the life of one goroutine of a party, which leads from its beginning.
func (p *party) lead() {
	lead := make(chan struct{}, 1)
	for {
		c, err := p.next()
		if err != nil {
			p.s.fail(endOf(err))
			p.dissolve()
			return
		}
		p.passOn()
		p.s.answer(c)
		if !p.rest(lead) {
			return
		}
	}
}

// next reads up to the next request.
func (p *party) next() (*call, error) {
	for {
		f, err := p.r.next()
		if err != nil {
			return nil, err
		}
		if f.kind == kindCancel {
			p.s.cancel(f.id)
			continue
		}
		return p.s.begin(f, &p.names)
	}
}

// passOn lets another lead.
func (p *party) passOn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		p.idle[n-1] <- struct{}{}
		p.idle = p.idle[:n-1]
		return
	}
	p.s.tasks.Go(p.lead) // called by a task, so that Close waits for this one too
}

// rest waits until it is to lead, and reports whether it is.
func (p *party) rest(lead chan struct{}) bool {
	p.mu.Lock()
	if len(p.idle) >= maxIdle {
		p.mu.Unlock()
		return false
	}
	p.idle = append(p.idle, lead)
	p.mu.Unlock()
	select {
	case <-lead:
		return true
	case <-p.s.done:
		return false
	}
}

// dissolve is called by the last to lead. Who waits sees the end by itself.
func (p *party) dissolve() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = nil
}

// begin makes a call of a request's frame, and takes note of it for a cancel.
func (s *Server) begin(f frame, n *names) (*call, error) {
	c := &call{id: f.id, body: f.body}
	timeout, err := parseRequest(f.header, f.meta, n, &c.Request)
	if err != nil {
		return nil, err
	}
	if timeout > 0 {
		c.deadline = time.Now().Add(time.Duration(min(timeout, 1<<62)))
	}
	c.Payload = f.body.bytes
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		return nil, errClosed
	}
	if _, twice := s.calls[c.id]; twice {
		return nil, broken("request %d is out twice", c.id)
	}
	s.calls[c.id] = c
	for i, id := range s.early {
		if id == c.id {
			s.early = append(s.early[:i], s.early[i+1:]...)
			c.err = context.Canceled
			break
		}
	}
	return c, nil
}

// cancel ends the context of a request.
func (s *Server) cancel(id uint64) {
	s.mu.Lock()
	c := s.calls[id]
	if c == nil {
		if len(s.early) == maxEarly {
			s.early = append(s.early[:0], s.early[1:]...)
		}
		s.early = append(s.early, id)
	}
	s.mu.Unlock()
	if c != nil {
		c.end(context.Canceled)
	}
}

// run has the handler answer c.
func (s *Server) run(c *call) (*sdk.Response, []byte) {
	s.running.Add(1)
	resp, fault := s.handle(c, &c.Request)
	s.running.Add(-1)
	c.end(context.Canceled)
	s.mu.Lock()
	delete(s.calls, c.id)
	s.mu.Unlock()
	if fault == nil && resp == nil {
		resp = &sdk.Response{}
	}
	return resp, fault
}

// answer answers a request of the shared or the bulk lane.
func (s *Server) answer(c *call) {
	resp, fault := s.run(c)
	payload, w := fault, s.shared
	if fault == nil {
		payload = resp.Payload
	}
	if len(payload) >= Bulk {
		w = s.bulk
	}
	if err := w.begin(context.Background()); err != nil {
		finish(c, resp)
		return // the host is gone
	}
	if fault != nil {
		w.buf = appendPlain(w.buf, kindFault, c.id, len(fault))
	} else {
		w.buf = appendAnswer(w.buf, c.id, resp)
	}
	if len(payload) >= Bulk {
		w.refer(payload, &answered{c, resp})
		w.commit()
		return
	}
	w.buf = append(w.buf, payload...)
	w.commit()
	finish(c, resp)
}

// answered is an answer whose payload is being written.
type answered struct {
	c    *call
	resp *sdk.Response
}

// sent is part of refOwner.
func (a *answered) sent() { finish(a.c, a.resp) }

// finish gives the memory of request and answer back.
func finish(c *call, resp *sdk.Response) {
	resp.Free()
	c.body.release()
}

// crowded reports whether there is work beside a sync lane that waits.
func (s *Server) crowded() bool { return s.running.Load() > 0 }

// serveAlone serves a sync lane: one request at a time, all in this goroutine.
func (s *Server) serveAlone(conn *direct) {
	r, n, head := s.newReader(conn), new(names), []byte(nil)
	conn.crowded = s.crowded
	for {
		f, err := r.next()
		if err == nil && f.kind != kindRequest {
			err = broken("a frame of kind %d on a sync lane", f.kind)
		}
		var c *call
		if err == nil {
			c, err = s.begin(f, n)
		}
		if err != nil {
			s.fail(endOf(err))
			return
		}
		resp, fault := s.run(c)
		payload := fault
		if fault != nil {
			head = appendPlain(head[:0], kindFault, c.id, len(fault))
		} else {
			head, payload = appendAnswer(head[:0], c.id, resp), resp.Payload
		}
		if len(payload) < Bulk {
			head = append(head, payload...)
			_, err = conn.Write(head)
		} else {
			both := net.Buffers{head, payload}
			_, err = both.WriteTo(conn)
		}
		finish(c, resp)
		if err != nil {
			s.fail(endOf(err))
			return
		}
	}
}
