package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// answerPatience is how long an answer waits for a child that does not read.
const answerPatience = 10 * time.Second

// Config says how the host dials for one extension.
type Config struct {
	// Grants are the addresses that may be dialled.
	Grants Grants
	// Resolver looks names up, nil for the machine's own.
	Resolver *net.Resolver
	// Ended, unless it is nil, is told of every dial that has ended or was refused. It
	// is called by many goroutines at once and must be quick.
	Ended func(Report)
}

// Report is one dial that has ended.
type Report struct {
	// Address is what the child asked for, bounded; it may hold any bytes.
	Address string
	// Remote is the address of the connection, "" when there is none.
	Remote string
	Took   time.Duration
	// Err is nil for a connection that was handed over, and has the code canceled
	// when the child did not want it any more.
	Err *sdk.Error
}

// Serve is the host's half of the dial pair: it dials what the child at the other
// end of conn asks for and may have, until conn ends, ctx ends (both nil) or the child
// breaks the format (the error says how). It closes conn, and when it returns no dial
// is under way and none of its goroutines is left.
func Serve(ctx context.Context, conn *net.UnixConn, cfg Config) error {
	return newServer(conn, cfg).serve(ctx)
}

func newServer(conn *net.UnixConn, cfg Config) *server {
	return &server{
		cfg: cfg, conn: conn, patience: answerPatience,
		underWay: make(map[uint64]context.CancelFunc),
		workers:  make(chan struct{}, 2*maxDials),
	}
}

func (s *server) serve(ctx context.Context) error {
	ctx, s.end = context.WithCancelCause(ctx)
	var closing sync.WaitGroup
	closing.Go(func() {
		<-ctx.Done()
		_ = s.conn.Close() // what is being read or written ends with it
	})
	s.end(s.read(ctx))
	closing.Wait()
	s.work.Wait()
	var broken *FormatError
	if errors.As(context.Cause(ctx), &broken) {
		return broken
	}
	return nil
}

// server is the host's half at work.
type server struct {
	cfg      Config
	conn     *net.UnixConn
	patience time.Duration           // how long an answer waits for a child that does not read
	end      context.CancelCauseFunc // of the pair
	last     uint64                  // id of the latest ask; only read touches it

	write sync.Mutex // held while an answer is written

	mu       sync.Mutex
	underWay map[uint64]context.CancelFunc // by id, what the child still waits for

	// workers has a token for every goroutine that dials or answers. There may be
	// more of them than dials under way, because a dial that was cancelled or is
	// being answered counts no more: an honest child, which has just read an answer,
	// must not be told that it has too many.
	workers chan struct{}
	work    sync.WaitGroup
}

// read takes messages until there is no more sense in it.
func (s *server) read(ctx context.Context) error {
	buf := make([]byte, maxMessage)
	for {
		n, err := receiveAsk(s.conn, buf)
		if err != nil {
			if broken := (*FormatError)(nil); errors.As(err, &broken) {
				return broken
			}
			return io.EOF
		}
		m, err := parseMessage(buf[:n])
		if err != nil {
			return err
		}
		if err := s.take(ctx, m); err != nil {
			return err
		}
	}
}

// take does what one message says.
func (s *server) take(ctx context.Context, m message) error {
	switch {
	case m.kind == kindCancel && m.id <= s.last:
		s.forget(m.id)
		return nil
	case m.kind == kindCancel:
		return breach("dial %d was cancelled and never asked for", m.id)
	case m.kind != kindAsk:
		return breach("a child sent a message of kind %d", m.kind)
	case m.id <= s.last:
		return breach("dial %d was asked for after dial %d", m.id, s.last)
	}
	s.last = m.id
	began := time.Now()
	order, refused := s.judge(m)
	if refused == nil {
		refused = s.begin(ctx, m.id, order, began)
	}
	if refused != nil {
		s.ended(m.text, "", began, refused)
		return s.refuse(m.id, refused)
	}
	return nil
}

// dialOrder is a dial that may be made.
type dialOrder struct {
	network string
	target  target
	asked   string // the address in the child's spelling
	timeout time.Duration
}

// judge says what is to be dialled, or why nothing is.
func (s *server) judge(m message) (dialOrder, *sdk.Error) {
	network, ok := networkName(m.network)
	if !ok {
		return dialOrder{}, sdk.Errorf(sdk.InvalidArgument, "there is no network with the number %d", m.network)
	}
	timeout := time.Duration(m.timeout) * time.Millisecond
	if timeout <= 0 || timeout > maxTimeout {
		return dialOrder{}, sdk.Errorf(sdk.InvalidArgument, "the timeout %s is not above 0 and at most %s", timeout, maxTimeout)
	}
	t, err := parseTarget(m.text)
	if invalid := (*sdk.Error)(nil); errors.As(err, &invalid) {
		return dialOrder{}, invalid
	}
	if denied := s.cfg.Grants.allow(t); denied != nil {
		return dialOrder{}, denied
	}
	return dialOrder{network: network, target: t, asked: m.text, timeout: timeout}, nil
}

// begin starts a dial, unless there are too many.
func (s *server) begin(ctx context.Context, id uint64, order dialOrder, began time.Time) *sdk.Error {
	s.mu.Lock()
	full := len(s.underWay) >= maxDials
	s.mu.Unlock()
	if full { // only this goroutine adds to it
		return sdk.Errorf(sdk.Exhausted, "%d connections are being made for this extension already", maxDials)
	}
	select {
	case s.workers <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, order.timeout)
	s.mu.Lock()
	s.underWay[id] = cancel
	s.mu.Unlock()
	s.work.Go(func() {
		defer func() { <-s.workers }()
		defer cancel()
		s.dial(ctx, id, order, began)
	})
	return nil
}

// forget takes a dial off the account and cancels what is left of it. It reports
// whether the child was still waiting.
func (s *server) forget(id uint64) bool {
	s.mu.Lock()
	cancel, ok := s.underWay[id]
	delete(s.underWay, id)
	s.mu.Unlock()
	if ok {
		cancel()
	}
	return ok
}

// dial makes one connection and hands it over.
func (s *server) dial(ctx context.Context, id uint64, order dialOrder, began time.Time) {
	conn, fault := connect(ctx, s.cfg.Resolver, order)
	if conn != nil {
		defer conn.Close()
	}
	gone := errors.Is(ctx.Err(), context.Canceled)
	if !s.forget(id) || gone {
		s.ended(order.asked, "", began, sdk.Errorf(sdk.Canceled, "nobody waits for it any more"))
		return
	}
	remote := ""
	if fault == nil {
		remote = conn.RemoteAddr().String()
		fault = s.handOver(id, conn)
	}
	if fault != nil {
		remote = ""
		_ = s.refuse(id, fault) // it ends the pair itself
	}
	s.ended(order.asked, remote, began, fault)
}

// handOver sends the connected socket. An error is to be answered instead.
func (s *server) handOver(id uint64, conn *net.TCPConn) *sdk.Error {
	err := s.send(message{kind: kindDone, id: id}, conn)
	if err == nil {
		return nil
	}
	return sdk.Errorf(sdk.Unavailable, "the host could not hand the connection over: %v", bareError(err))
}

// refuse answers that there is no connection. Its error ends the pair.
func (s *server) refuse(id uint64, e *sdk.Error) error {
	return s.send(message{kind: kindFailed, id: id, code: codeNumber(e.Code), text: bounded(e.Message, maxText)}, nil)
}

// send writes one message, with the descriptor of socket unless that is nil. A child
// that does not read, or a pair that has ended, ends everything; what the kernel has
// against the descriptor does not.
func (s *server) send(m message, socket *net.TCPConn) error {
	s.write.Lock()
	defer s.write.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.patience)) // fails when the pair has ended, as does what follows
	err := sendAnswer(s.conn, m.append(nil), socket)
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = breach("the child does not take its answers")
		s.end(err)
	case socket == nil:
		s.end(err)
	}
	return err
}

// ended tells who wants to know.
func (s *server) ended(address, remote string, began time.Time, err *sdk.Error) {
	if s.cfg.Ended != nil {
		s.cfg.Ended(Report{Address: cut(address), Remote: remote, Took: time.Since(began), Err: err})
	}
}

// cut keeps what is told of an address within bounds.
func cut(address string) string { return address[:min(len(address), maxAddress)] }
