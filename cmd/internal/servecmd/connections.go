package servecmd

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// leastReserve is how many descriptors the host keeps for itself where it can:
	// an extension at work has about ten, a launch takes a few more for a moment, and
	// the admin listener, files and logs need some.
	leastReserve = 640
	// lingering bounds the time that a refused connection takes.
	lingering = time.Second
	// quietTime is the least time between two lines of the log about refusals.
	quietTime = time.Minute
)

// quota is how the descriptors of the process are shared out. Whoever may use fewer
// than unlimited many of them must not let clients take the last: without one the
// host launches no extension, opens no file and answers no administrator.
type quota struct{ requests, admins int64 }

// shareOut divides the limit of open files. The host keeps 640 for itself, or one in
// 64 if that is more, but never over a quarter; the admin listener gets a fifth of
// what is kept.
func shareOut(limit uint64) quota {
	n := int64(min(limit, math.MaxInt32))
	reserve := min(max(leastReserve, n/64), n/4)
	return quota{requests: n - reserve, admins: max(reserve/5, 2)}
}

// openFiles is how many descriptors this process may have. The Go runtime has raised
// the soft limit to the hard one when it began, and gives the children of the process
// the one that it found; a call of setrlimit here would end that.
func openFiles() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("reading the limit of open files: %w", err)
	}
	return limit.Cur, nil
}

// connectionMetrics counts the connections of both listeners; the label is the
// listener's name.
type connectionMetrics struct {
	limit, open *prometheus.GaugeVec
	refused     *prometheus.CounterVec
}

func newConnectionMetrics(reg prometheus.Registerer) *connectionMetrics {
	label := []string{"listener"}
	m := &connectionMetrics{
		limit: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "jackfield_connections_limit", Help: "Connections that the listener holds at most.",
		}, label),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "jackfield_connections_open", Help: "Connections that are open, WebSockets included.",
		}, label),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jackfield_connections_refused_total", Help: "Connections that were refused because the limit was reached.",
		}, label),
	}
	reg.MustRegister(m.limit, m.open, m.refused)
	return m
}

// bounded is a listener that holds at most so many connections at a time. One more
// is answered 503 and closed. A connection counts until it is closed, whoever has it
// by then.
type bounded struct {
	net.Listener
	name    string
	most    int64
	log     *slog.Logger
	held    atomic.Int64
	open    prometheus.Gauge
	refused prometheus.Counter
	said    atomic.Int64 // when the log was last told, in nanoseconds

	slots     chan struct{}  // of the refused connections that are listened to
	refusals  sync.WaitGroup // the goroutines behind them; Close waits
	closing   chan struct{}
	closeOnce sync.Once
}

func newBounded(ln net.Listener, name string, most int64, m *connectionMetrics, log *slog.Logger) *bounded {
	m.limit.WithLabelValues(name).Set(float64(most))
	return &bounded{
		Listener: ln, name: name, most: most, log: log,
		open: m.open.WithLabelValues(name), refused: m.refused.WithLabelValues(name),
		slots: make(chan struct{}, min(32, max(1, most/8))), closing: make(chan struct{}),
	}
}

// Accept returns the next connection for which there is room.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			conn.Close()
			return nil, fmt.Errorf("%s: %T is no TCP connection", b.name, conn)
		}
		if b.held.Add(1) <= b.most {
			b.open.Inc()
			return &counted{TCPConn: tcp, of: b}, nil
		}
		b.held.Add(-1)
		b.refuse(tcp)
	}
}

// Close stops accepting. It returns when no refused connection is left either.
func (b *bounded) Close() error {
	err := b.Listener.Close()
	b.closeOnce.Do(func() { close(b.closing) })
	b.refusals.Wait()
	return err
}

// refuse answers a connection for which there is no room. A few at a time are
// listened to first: a client that is answered before it has asked, or reset while it
// sends, does not see the answer. The others are answered and closed at once.
func (b *bounded) refuse(conn *net.TCPConn) {
	b.refused.Inc()
	b.tell()
	select {
	case b.slots <- struct{}{}:
	default:
		_ = conn.SetWriteDeadline(time.Now().Add(lingering)) // an empty socket takes it at once
		_, _ = io.WriteString(conn, overfull())
		conn.Close()
		return
	}
	b.refusals.Go(func() {
		defer func() { <-b.slots }()
		b.turnAway(conn)
	})
}

// turnAway refuses a connection politely, within lingering. What fails here fails
// because the client is gone.
func (b *bounded) turnAway(conn *net.TCPConn) {
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-b.closing:
			_ = conn.SetDeadline(time.Now())
		case <-done:
		}
	})
	defer watch.Wait()
	defer close(done)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(lingering))
	var first [4 << 10]byte
	if _, err := conn.Read(first[:]); err != nil {
		return
	}
	_, _ = io.WriteString(conn, overfull())
	_ = conn.CloseWrite()
	_, _ = io.CopyN(io.Discard, conn, 256<<10)
}

// tell logs that connections are refused, at most once a minute.
func (b *bounded) tell() {
	now := time.Now().UnixNano()
	last := b.said.Load()
	if last != 0 && now-last < int64(quietTime) || !b.said.CompareAndSwap(last, now) {
		return
	}
	b.log.Warn("as many connections are open as the limit of open files allows; more are refused until some close",
		"listener", b.name, "limit", b.most)
}

// overfull is the whole answer to a connection for which there is no room.
func overfull() string {
	const body = `{"type":"about:blank","title":"Service Unavailable","status":503,"code":"unavailable",` +
		`"detail":"the host has as many connections as it may have","request_id":"","extension":"","retryable":true}` + "\n"
	return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n" +
		"Cache-Control: no-store\r\nConnection: close\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body
}

// counted is a connection that counts until it is closed. It has all methods of a
// TCP connection: net/http uses some of them.
type counted struct {
	*net.TCPConn
	of   *bounded
	once sync.Once
}

func (c *counted) Close() error {
	err := c.TCPConn.Close()
	c.once.Do(func() {
		c.of.held.Add(-1)
		c.of.open.Dec()
	})
	return err
}
