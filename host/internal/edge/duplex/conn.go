package duplex

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/jackfield-host/jackfield/sdk"
)

// conn is one WebSocket. Its goroutine, run, reads; another one writes while there is
// something to write. Requests are done by the crew.
type conn struct {
	lines  *Lines
	ws     *websocket.Conn
	cable  *cable
	id     string
	caller sdk.Caller

	phase   uint8         // when it is looked at
	heard   atomic.Uint32 // when something came from the peer last, in ticks
	stalled atomic.Bool   // nothing is read, since MaxOpen requests are at work
	number  uint64        // of the messages so far; owned by run

	mu      sync.Mutex
	changed sync.Cond // anything below; L is &mu

	// Guarded by mu: the requests at work.
	atWork   map[string]context.CancelFunc // by id; nil when there are none
	n, bytes int
	leaving  bool // no more requests are taken

	// Guarded by mu: what is to be written, in send.go.
	queue    []message
	queued   int // bytes
	pong     []byte
	pinging  bool
	farewell []byte // of a close frame, nil as long as none is wanted
	said     bool   // the farewell was written
	gone     bool   // nothing can be written any more
	writing  bool   // the goroutine that writes is there
	cutter   *time.Timer
}

func newConn(l *Lines, ws *websocket.Conn, w *cable, id string, caller sdk.Caller) *conn {
	c := &conn{lines: l, ws: ws, cable: w, id: id, caller: caller}
	c.changed.L = &c.mu
	// By default these would write, from the goroutine that reads.
	ws.SetPingHandler(c.onPing)
	ws.SetPongHandler(c.onPong)
	ws.SetCloseHandler(c.onClose)
	return c
}

func (c *conn) onPing(data string) error {
	c.onPong("")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pong = append(make([]byte, 0, len(data)), data...) // the newest alone counts
	c.startWriting()
	return nil
}

func (c *conn) onPong(string) error {
	c.heard.Store(c.lines.now.Load())
	return nil
}

func (c *conn) onClose(code int, _ string) error {
	if code == websocket.CloseNoStatusReceived {
		code = websocket.CloseNormalClosure
	}
	c.part(code, "")
	return nil
}

// run reads until the connection ends, then clears up.
func (c *conn) run() {
	defer c.lines.open.Done()
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil {
			break
		}
		if !c.message(kind, r) {
			break
		}
		c.onPong("")
	}
	c.end()
}

// message reads one message and takes care of it. It is false when the message broke
// off.
func (c *conn) message(kind int, r io.Reader) bool {
	c.number++
	j := c.lines.job()
	j.number, j.to, j.Caller, j.RequestID = c.number, c, c.caller, lineID(c.id, c.number)
	_ = c.ws.SetReadDeadline(time.Now().Add(c.lines.cfg.ReadTimeout))
	err := readMessage(r, j, c.lines.cfg.Desk.LineLimit())
	var fault *sdk.Error
	if err != nil && !errors.As(err, &fault) {
		return false
	}
	_ = c.ws.SetReadDeadline(time.Time{})
	switch {
	case fault != nil:
		_ = parse(j) // which breaks off; the id may be there
	case kind != websocket.TextMessage:
		fault = sdk.Errorf(sdk.InvalidArgument, "the message is binary; send JSON as text, with payload_base64 for bytes")
	default:
		var taken bool
		if taken, fault = c.take(j); taken {
			return true
		}
	}
	if fault != nil {
		b := c.lines.buffer()
		b.bytes = c.lines.cfg.Desk.Refuse(b.bytes, j.ID, j.RequestID, fault)
		c.say(b)
	}
	c.lines.freeJob(j)
	return true
}

// readMessage reads a message into j. Of one that is too long only the beginning is
// kept, for its id, and the rest is passed over.
func readMessage(r io.Reader, j *job, limit int) error {
	for {
		if len(j.text) == cap(j.text) {
			j.text = slices.Grow(j.text, 512)
		}
		n, err := r.Read(j.text[len(j.text):cap(j.text)])
		j.text = j.text[:len(j.text)+n]
		switch {
		case len(j.text) > limit:
			j.text = append(make([]byte, 0, prefix), j.text[:min(prefix, len(j.text))]...)
			if _, err := io.Copy(io.Discard, r); err != nil {
				return err
			}
			return errTooLong(limit)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// take takes care of a message. A request is taken over by the crew, which frees j.
func (c *conn) take(j *job) (taken bool, fault *sdk.Error) {
	err := parse(j)
	if err == nil {
		switch controls := count(j.Cancel, j.Subscribe, j.Unsubscribe); {
		case controls == 0:
			if err = checkRequest(j); err == nil {
				return c.request(j)
			}
		case controls > 1 || count(j.Type, j.Payload, j.Base64, j.Media, j.Timeout) > 0:
			err = sdk.Errorf(sdk.InvalidArgument, "cancel, subscribe and unsubscribe stand alone in a message")
		case j.Cancel != nil:
			c.cancel(string(j.Cancel))
		case j.Subscribe != nil:
			err = c.lines.subscribe(c, string(j.Subscribe), true)
		default:
			err = c.lines.subscribe(c, string(j.Unsubscribe), false)
		}
	}
	errors.As(err, &fault)
	return false, fault
}

func count(members ...[]byte) (n int) {
	for _, m := range members {
		if m != nil {
			n++
		}
	}
	return n
}

// request has j done by the crew, as soon as there is room among those at work.
func (c *conn) request(j *job) (taken bool, fault *sdk.Error) {
	c.mu.Lock()
	for !c.gone && !c.leaving && (c.n >= MaxOpen || c.n > 0 && c.bytes+len(j.text) > maxOpenBytes) {
		c.stalled.Store(true)
		c.changed.Wait()
	}
	c.stalled.Store(false)
	key := j.Key()
	_, again := c.atWork[key]
	switch {
	case c.leaving || c.gone:
		fault = errStopping()
	case again:
		fault = sdk.Errorf(sdk.InvalidArgument, "the id is that of a request that is not answered yet")
	}
	if fault != nil {
		c.mu.Unlock()
		return false, fault
	}
	if c.atWork == nil {
		c.atWork = map[string]context.CancelFunc{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.atWork[key] = cancel
	c.n++
	c.bytes += len(j.text)
	c.mu.Unlock()
	j.Start, j.ctx, j.key = time.Now(), ctx, key
	c.lines.crew.run(j)
	return true, nil
}

// do answers a request. Its id may be used again as soon as the answer is seen.
func (c *conn) do(j *job) {
	b := c.lines.buffer()
	line, free := c.lines.cfg.Desk.Answer(j.ctx, b.bytes, &j.Question)
	b.bytes = line
	size, key := len(j.text), j.key
	if free {
		c.lines.freeJob(j)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sayLocked(b)
	c.n--
	c.bytes -= size
	if cancel := c.atWork[key]; cancel != nil {
		cancel()
	}
	if delete(c.atWork, key); len(c.atWork) == 0 {
		c.atWork = nil
	}
	if c.n == 0 && c.leaving {
		c.partLocked(websocket.CloseGoingAway, stopping)
	}
	c.changed.Broadcast()
}

// cancel ends the request with this id. It is answered all the same. That there is
// none is no mistake: its answer may be on its way.
func (c *conn) cancel(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.atWork[key]; cancel != nil {
		cancel()
	}
}

// leave takes no more requests, and says farewell after the last answer.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	c.changed.Broadcast()
	if c.n == 0 {
		c.partLocked(websocket.CloseGoingAway, stopping)
	}
}

// end clears up after the last read. The farewell, which answers that of the peer,
// is waited for.
func (c *conn) end() {
	c.mu.Lock()
	for c.farewell != nil && !c.said && !c.gone {
		c.changed.Wait()
	}
	c.mu.Unlock()
	c.kill()
	c.mu.Lock()
	for c.writing {
		c.changed.Wait()
	}
	if c.cutter != nil {
		c.cutter.Stop()
	}
	c.mu.Unlock()
	c.lines.remove(c)
}
