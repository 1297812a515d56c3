package dial

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// Dialer is the child's half of the dial pair: it asks the host for connections. Its
// methods may be called by many goroutines at once. A nil Dialer refuses every dial:
// it is that of a child whose host hands out no connections.
type Dialer struct {
	conn *net.UnixConn
	done chan struct{} // closed when read has ended

	// writing has its one token while nobody writes. Who holds it may change last, so
	// that ids reach the host in their order.
	writing chan struct{}
	last    uint64

	mu      sync.Mutex
	waiting map[uint64]chan<- dialAnswer // by id, of DialContext's that wait
	asked   uint64                       // the highest id that was ever waited for
	broken  error                        // why the pair has ended, nil before
}

// dialAnswer is how a dial has ended.
type dialAnswer struct {
	conn  net.Conn
	fault *sdk.Error // nil with a conn
}

// NewDialer makes a Dialer that talks to the host at the other end of conn and owns
// it. Close ends both.
func NewDialer(conn *net.UnixConn) *Dialer {
	d := &Dialer{
		conn: conn, done: make(chan struct{}), writing: make(chan struct{}, 1),
		waiting: make(map[uint64]chan<- dialAnswer),
	}
	d.writing <- struct{}{}
	go d.read()
	return d
}

// Close ends the pair: dials that are under way fail. Connections that were made stay.
func (d *Dialer) Close() {
	if d != nil {
		_ = d.conn.Close() // a second time, it is closed already
		<-d.done
	}
}

// DialContext has the host connect to address, HOST:PORT as the manifest grants it, and
// returns the connection, a *net.TCPConn. Network is tcp, tcp4 or tcp6. A dial takes
// 60 s at most. An error has an *sdk.Error in its chain, with one of the codes
// permission_denied (the manifest lacks the permission, or a name leads where no name
// may lead), unavailable (no such name, refused, unreachable), deadline_exceeded,
// canceled, invalid_argument and exhausted (64 dials are under way); it is a net.Error.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, fault := d.dial(ctx, network, address)
	if fault == nil {
		return conn, nil
	}
	err := &dialError{fault: fault}
	if fault.Code == sdk.Canceled || fault.Code == sdk.DeadlineExceeded {
		err.cause = ctx.Err()
	}
	return nil, err
}

func (d *Dialer) dial(ctx context.Context, network, address string) (net.Conn, *sdk.Error) {
	number, ok := networkNumber(network)
	switch {
	case d == nil:
		return nil, sdk.Errorf(sdk.PermissionDenied, "this host hands out no network connections")
	case !ok:
		return nil, sdk.Errorf(sdk.InvalidArgument, "the network %s is none of tcp, tcp4 and tcp6", quoted(network))
	case len(address) > maxAddress:
		return nil, sdk.Errorf(sdk.InvalidArgument, "the address has %d bytes, the limit is %d", len(address), maxAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, maxTimeout)
	defer cancel()
	answers := make(chan dialAnswer, 1)
	id, fault := d.ask(ctx, message{kind: kindAsk, network: number, text: address}, answers)
	if fault != nil {
		return nil, fault
	}
	select {
	case a := <-answers:
		return a.conn, a.fault
	case <-d.done:
	case <-ctx.Done():
		if d.forget(id) {
			d.cancel(id)
			return nil, givenUp(ctx, address)
		}
	}
	// No answer comes any more, but one may have come just now.
	select {
	case a := <-answers:
		return a.conn, a.fault
	default:
		return nil, d.ended()
	}
}

// ask sends m under a new id, and has its answer sent to answers.
func (d *Dialer) ask(ctx context.Context, m message, answers chan<- dialAnswer) (id uint64, fault *sdk.Error) {
	select {
	case <-d.writing:
	case <-d.done:
		return 0, d.ended()
	case <-ctx.Done():
		return 0, givenUp(ctx, m.text)
	}
	defer func() { d.writing <- struct{}{} }()
	deadline, _ := ctx.Deadline()
	left := min(time.Until(deadline), maxTimeout)
	if left <= 0 || ctx.Err() != nil {
		return 0, givenUp(ctx, m.text)
	}
	m.timeout = uint32(max(left.Milliseconds(), 1))
	d.last++
	m.id = d.last
	if !d.await(m.id, answers) {
		return 0, d.ended()
	}
	// The host reads at once; when it does not, the caller's patience counts.
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = d.conn.SetWriteDeadline(time.Unix(1, 0)) // fails when the pair has ended
	})
	err := d.send(m, deadline)
	if !stop() {
		<-interrupted
	}
	if err == nil {
		return m.id, nil
	}
	d.forget(m.id)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, givenUp(ctx, m.text)
	}
	return 0, d.ended()
}

// send writes one message, whole or not at all.
func (d *Dialer) send(m message, deadline time.Time) error {
	if err := d.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, _, err := d.conn.WriteMsgUnix(m.append(nil), nil, nil)
	return err
}

// cancel tells the host that nobody waits for a dial any more. When that can not be
// said, the dial ends by its timeout, and its connection is closed when it arrives.
func (d *Dialer) cancel(id uint64) {
	select {
	case <-d.writing:
		_ = d.send(message{kind: kindCancel, id: id}, time.Now().Add(time.Second))
		d.writing <- struct{}{}
	case <-d.done:
	}
}

// await has the answer to a dial sent to answers, unless the pair has ended.
func (d *Dialer) await(id uint64, answers chan<- dialAnswer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken == nil {
		d.waiting[id], d.asked = answers, id
	}
	return d.broken == nil
}

// forget reports whether a dial was still waited for; it is not any more.
func (d *Dialer) forget(id uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.waiting[id]
	delete(d.waiting, id)
	return ok
}

// ended says why the pair has ended.
func (d *Dialer) ended() *sdk.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var broken *FormatError
	if errors.As(d.broken, &broken) {
		return sdk.Errorf(sdk.Unavailable, "the host hands out no connections any more: %v", broken)
	}
	return sdk.Errorf(sdk.Unavailable, "the host hands out no connections any more")
}

// read takes the host's answers until the pair ends.
func (d *Dialer) read() {
	buf := make([]byte, maxMessage)
	for {
		n, passed, err := receiveAnswer(d.conn, buf)
		if err == nil {
			err = d.take(buf[:n], passed)
		}
		if err != nil {
			d.mu.Lock()
			d.broken = err
			clear(d.waiting)
			d.mu.Unlock()
			_ = d.conn.Close() // it may be closed already
			close(d.done)
			return
		}
	}
}

// passedSocket is what came with an answer.
type passedSocket struct {
	file *os.File // nil for none
	lost bool     // there was one, and this process has no room for another descriptor
}

func (p passedSocket) came() bool { return p.file != nil || p.lost }

// take brings an answer to who waits for it, and closes what was passed: a connection
// has a descriptor of its own.
func (d *Dialer) take(b []byte, passed passedSocket) error {
	defer passed.file.Close() // of nil, too
	m, err := parseMessage(b)
	switch {
	case err != nil:
		return err
	case m.kind != kindDone && m.kind != kindFailed:
		return breach("a host sent a message of kind %d", m.kind)
	case (m.kind == kindDone) != passed.came():
		return breach("a message of kind %d came with the wrong number of descriptors", m.kind)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.id > d.asked {
		return breach("dial %d was answered and never asked for", m.id)
	}
	answers, ok := d.waiting[m.id]
	if !ok {
		return nil // nobody waits any more
	}
	delete(d.waiting, m.id)
	var answer dialAnswer
	switch {
	case passed.lost:
		answer.fault = sdk.Errorf(sdk.Unavailable, "taking over the connection: the extension has too many open files")
	case passed.file != nil:
		answer = connected(passed.file)
	default:
		answer.fault = sdk.Errorf(codes()[m.code], "%s", m.text)
	}
	answers <- answer // it has room for one
	return nil
}

// connected makes a connection of a socket.
func connected(socket *os.File) dialAnswer {
	conn, err := net.FileConn(socket)
	if err != nil {
		return dialAnswer{fault: sdk.Errorf(sdk.Unavailable, "taking over the connection: %v", bareError(err))}
	}
	if tcp, ok := conn.(*net.TCPConn); ok && tcp.RemoteAddr() != nil {
		return dialAnswer{conn: tcp}
	}
	_ = conn.Close()
	return dialAnswer{fault: sdk.Errorf(sdk.Unavailable, "the connection was closed as soon as it was made")}
}

// givenUp is the fault of a dial whose ctx has ended.
func givenUp(ctx context.Context, address string) *sdk.Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return sdk.Errorf(sdk.Canceled, "connecting to %s was canceled", shownAddress(address))
	}
	return sdk.Errorf(sdk.DeadlineExceeded, "connecting to %s: no connection in time", shownAddress(address))
}

// dialError is the error of a DialContext: for errors.As the *sdk.Error, for errors.Is
// the end of the context, and the net.Error that callers of a dial look for.
type dialError struct {
	fault *sdk.Error
	cause error // the context's, or nil
}

var _ net.Error = (*dialError)(nil)

func (e *dialError) Error() string   { return e.fault.Error() }
func (e *dialError) Timeout() bool   { return e.fault.Code == sdk.DeadlineExceeded }
func (e *dialError) Temporary() bool { return e.Timeout() || e.fault.Code == sdk.Exhausted }

func (e *dialError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.fault}
	}
	return []error{e.fault, e.cause}
}

// shownAddress quotes an address only if it must be.
func shownAddress(address string) string {
	if t, err := parseTarget(address); err == nil {
		return t.String()
	}
	return quoted(address)
}
