// Package duplex carries many requests over one connection: Lines.Batch serves
// POST /v1/batch, Lines.Connect serves GET /v1/connect. Who answers a line is the
// Desk; this package reads, bounds, multiplexes and writes.
//
// What is promised: a bad line costs nobody else anything; at most MaxOpen requests
// of one connection are at work, and while they are nothing more is read from it; a
// peer that does not read is cut off after a while, one that has vanished has its
// requests canceled; an idle WebSocket has one goroutine with a small stack and no
// timer. Run owns every goroutine that outlives a call.
package duplex

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/jackfield-host/jackfield/host/internal/edge/envelope"
	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// MaxOpen bounds the requests of one connection that are at work.
	MaxOpen = 256
	// maxOpenBytes bounds their lines together; one alone may be longer.
	maxOpenBytes = 32 << 20
)

// Question is one request that came as a line.
type Question struct {
	envelope.Line
	Start     time.Time
	RequestID string // for logs and problems
	Caller    sdk.Caller
	// Scratch is memory that the Desk may use and replace.
	Scratch []byte
}

// Desk answers lines. It is called from many goroutines at once.
type Desk interface {
	// Answer appends the one line that answers q, without a line break. free is false
	// when somebody may still be reading q's memory.
	Answer(ctx context.Context, out []byte, q *Question) (line []byte, free bool)
	// Refuse appends the line that says err of a request with this id, nil if it is
	// unknown.
	Refuse(out, id []byte, requestID string, err error) []byte
	// LineLimit is how many bytes a line may have just now.
	LineLimit() int
}

// Config is what New needs. Desk and Log are required; zero times mean the defaults.
type Config struct {
	Desk Desk
	Log  *slog.Logger
	// Subjects are those that a connection may subscribe to.
	Subjects []string
	// WriteTimeout is how long a peer may take to read some 64 KiB, 30 s by default.
	WriteTimeout time.Duration
	// ReadTimeout is how long the next bytes of a batch, or the rest of a message that
	// has begun, may take: 2 minutes by default.
	ReadTimeout time.Duration
	// PingEvery is after which silence a WebSocket is pinged, 30 s by default. After
	// three times as much it is dropped.
	PingEvery time.Duration
}

// Lines is the connections that carry lines.
type Lines struct {
	cfg      Config
	crew     *crew
	upgrader websocket.Upgrader
	buffers  sync.Pool // of *buffer
	jobs     sync.Pool // of *job
	chunks   sync.Pool // of *[chunk]byte
	outboxes sync.Pool // of *buffer, larger ones
	now      atomic.Uint32
	stopping chan struct{} // closed by Shutdown
	open     sync.WaitGroup

	mu      sync.Mutex
	stopped bool               // guarded by mu: nobody joins any more
	conns   map[*conn]struct{} // guarded by mu
	topics  []topic            // guarded by mu, in the order of Subjects
	next    uint8              // guarded by mu: the phase of the next connection
}

// topic is a subject, what is so at present, and who wants to hear of changes.
type topic struct {
	name        string
	present     [][]byte
	subscribers map[*conn]struct{}
}

// New returns Lines. Run must be called for pings, and for an end.
func New(cfg Config) *Lines {
	orElse(&cfg.WriteTimeout, 30*time.Second)
	orElse(&cfg.ReadTimeout, 2*time.Minute)
	orElse(&cfg.PingEvery, 30*time.Second)
	l := &Lines{cfg: cfg, crew: newCrew(), stopping: make(chan struct{}), conns: map[*conn]struct{}{}, upgrader: newUpgrader()}
	for _, name := range cfg.Subjects {
		l.topics = append(l.topics, topic{name: name, subscribers: map[*conn]struct{}{}})
	}
	return l
}

func orElse(d *time.Duration, usual time.Duration) {
	if *d <= 0 {
		*d = usual
	}
}

// phases is how many groups of connections are looked at in turn, so that pings are
// spread over time.
const phases = 8

// Run looks after idle connections until ctx ends. Then it cuts those that are left
// and returns when every goroutine has ended.
func (l *Lines) Run(ctx context.Context) {
	ticker := time.NewTicker(max(l.cfg.PingEvery/phases, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.tick()
		case <-ctx.Done():
			_ = l.Shutdown(ctx) // which cuts: that is what is wanted
			l.crew.stop()
			return
		}
	}
}

// tick pings the connections whose turn it is if they were silent, and drops those
// that have not answered.
func (l *Lines) tick() {
	now := l.now.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if uint32(c.phase) != now%phases {
			continue
		}
		switch silent := now - c.heard.Load(); {
		case c.stalled.Load(): // it is we who do not listen
			c.heard.Store(now)
		case silent > 3*phases:
			l.cfg.Log.Debug("dropping a connection that does not answer", "request_id", c.id)
			c.kill()
		case silent >= phases:
			c.ping()
		}
	}
}

// Publish tells everybody who has subscribed to subject what has changed, and keeps
// what is so at present for those who will. Both are messages as AppendEvent writes
// them, which nobody may change any more.
func (l *Lines) Publish(subject string, changes, present [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.topic(subject)
	l.topics[i].present = present
	for c := range l.topics[i].subscribers {
		c.push(changes)
	}
}

// topic returns the place of a subject, -1 if there is none; mu is held.
func (l *Lines) topic(name string) int {
	return slices.IndexFunc(l.topics, func(t topic) bool { return t.name == name })
}

// subscribe adds c to those who hear of a subject, and tells it what is so now.
func (l *Lines) subscribe(c *conn, name string, on bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.topic(name)
	if i < 0 {
		return sdk.Errorf(sdk.InvalidArgument, "there is no subject %q; subscribe to one of %q", clip(name), l.cfg.Subjects)
	}
	t := &l.topics[i]
	if !on {
		delete(t.subscribers, c)
		return nil
	}
	if _, has := t.subscribers[c]; !has {
		t.subscribers[c] = struct{}{}
		c.push(t.present)
	}
	return nil
}

// join makes room for a connection, unless the host stops.
func (l *Lines) join() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return errStopping()
	}
	l.open.Add(1)
	return nil
}

func (l *Lines) add(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.phase = l.next % phases
	l.next++
	c.heard.Store(l.now.Load())
	l.conns[c] = struct{}{}
	if l.stopped { // since it joined
		c.leave()
	}
}

func (l *Lines) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	for i := range l.topics {
		delete(l.topics[i].subscribers, c)
	}
}

// Shutdown ends everything in good order: batches take no more lines, WebSockets no
// more requests, and each is closed (1001) when its last request is answered. When
// ctx ends first the WebSockets that are left are cut, which is an error; batches are
// cut by their server. It waits for the WebSockets.
func (l *Lines) Shutdown(ctx context.Context) error {
	l.mu.Lock()
	if !l.stopped {
		l.stopped = true
		close(l.stopping)
	}
	for c := range l.conns {
		c.leave()
	}
	l.mu.Unlock()
	closed := make(chan struct{})
	go func() {
		l.open.Wait()
		close(closed)
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	n := len(l.conns)
	for c := range l.conns {
		c.kill()
	}
	l.mu.Unlock()
	<-closed
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d WebSockets were still at work and were cut", n)
}

func errStopping() *sdk.Error {
	err := sdk.Errorf(sdk.Unavailable, "the host is stopping")
	err.Retryable = true
	return err
}

func errTooLong(limit int) error {
	return sdk.Errorf(sdk.TooLarge, "the line has more than the %d bytes allowed", limit)
}

func clip(s string) string { return s[:min(len(s), 64)] }
