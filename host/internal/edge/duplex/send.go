package duplex

import (
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxQueue and maxQueueBytes bound what waits to be written to a WebSocket.
	// Answers wait for room; who has no room for an event is too slow.
	maxQueue      = 1024
	maxQueueBytes = 1 << 20
	// farewellTime is how long a peer has to answer a close frame.
	farewellTime = time.Second

	stopping = "the host is stopping"
	tooSlow  = "events come faster than they are read"
)

// message is one text message. Its memory goes back into the pool if it is from
// there.
type message struct {
	bytes  []byte
	pooled *buffer
}

// say puts a message into the queue, waiting for room.
func (c *conn) say(b *buffer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sayLocked(b)
}

func (c *conn) sayLocked(b *buffer) {
	for !c.mute() && c.full() {
		c.changed.Wait()
	}
	if c.mute() {
		c.lines.freeBuffer(b)
		return
	}
	c.put(message{b.bytes, b})
}

// push puts messages into the queue if there is room, else it gives the peer up.
func (c *conn) push(messages [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range messages {
		if c.mute() {
			return
		}
		if c.full() {
			c.lines.cfg.Log.Debug("dropping a connection that reads too slowly", "request_id", c.id)
			c.queue, c.queued = nil, 0
			c.partLocked(websocket.CloseTryAgainLater, tooSlow)
			return
		}
		c.put(message{bytes: m})
	}
}

// full reports whether the queue has no room; mu is held. One message, of any
// length, has room when no other waits.
func (c *conn) full() bool { return len(c.queue) >= maxQueue || c.queued > maxQueueBytes }

// mute reports whether nothing more can be said; mu is held.
func (c *conn) mute() bool { return c.gone || c.farewell != nil }

// put appends to the queue; mu is held.
func (c *conn) put(m message) {
	c.queue = append(c.queue, m)
	c.queued += len(m.bytes)
	c.startWriting()
}

// ping has a ping written.
func (c *conn) ping() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pinging = true
	c.startWriting()
}

// part has a close frame written after what is queued.
func (c *conn) part(code int, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.partLocked(code, why)
}

func (c *conn) partLocked(code int, why string) {
	if c.farewell != nil || c.gone {
		return
	}
	c.farewell = websocket.FormatCloseMessage(code, why)
	for _, cancel := range c.atWork {
		cancel()
	}
	c.startWriting()
	c.changed.Broadcast()
}

// kill cuts the connection and cancels what is at work.
func (c *conn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		c.gone = true
		_ = c.cable.Close() // which ends both goroutines
	}
	for _, cancel := range c.atWork {
		cancel()
	}
	c.changed.Broadcast()
}

// startWriting starts the goroutine that writes, unless it is there; mu is held. It
// ends before end returns.
func (c *conn) startWriting() {
	if !c.writing && !c.gone {
		c.writing = true
		go c.write()
	}
}

// outgoing is what the writer took at one time.
type outgoing struct {
	messages []message
	pong     []byte
	ping     bool
	farewell []byte
}

// next takes what is to be written. When there is nothing the writer has ended.
func (c *conn) next() (o outgoing, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o = outgoing{messages: c.queue, pong: c.pong, ping: c.pinging}
	c.queue, c.queued, c.pong, c.pinging = nil, 0, nil, false
	if !c.said {
		o.farewell = c.farewell
	}
	if c.gone || c.said || len(o.messages) == 0 && o.pong == nil && !o.ping && o.farewell == nil {
		c.writing = false
		c.changed.Broadcast()
		return o, false
	}
	c.changed.Broadcast() // there is room
	return o, true
}

// write writes until there is nothing to write.
func (c *conn) write() {
	for {
		o, more := c.next()
		if !more {
			return
		}
		b := c.lines.buffer()
		c.cable.cork(b)
		err := c.frames(o)
		if e := c.cable.uncork(); err == nil {
			err = e
		}
		c.lines.freeBuffer(b)
		for _, m := range o.messages {
			c.lines.freeBuffer(m.pooled)
		}
		if err != nil {
			c.kill()
		} else if o.farewell != nil {
			c.afterFarewell()
		}
	}
}

// frames writes o.
func (c *conn) frames(o outgoing) error {
	var never time.Time // the cable has its own deadlines
	if o.pong != nil {
		if err := c.ws.WriteControl(websocket.PongMessage, o.pong, never); err != nil {
			return err
		}
	}
	if o.ping {
		if err := c.ws.WriteControl(websocket.PingMessage, nil, never); err != nil {
			return err
		}
	}
	for _, m := range o.messages {
		if err := c.ws.WriteMessage(websocket.TextMessage, m.bytes); err != nil {
			return err
		}
	}
	if o.farewell != nil {
		return c.ws.WriteControl(websocket.CloseMessage, o.farewell, never)
	}
	return nil
}

// afterFarewell gives the peer a moment to answer.
func (c *conn) afterFarewell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = true
	c.cutter = time.AfterFunc(farewellTime, c.kill)
	c.changed.Broadcast()
}
