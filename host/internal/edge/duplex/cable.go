package duplex

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"
)

// cable is the connection below a WebSocket. What is written while it is corked goes
// out together; each piece of what is written has a deadline of its own, so that a
// slow reader of a large message is no dead one.
type cable struct {
	net.Conn
	timeout time.Duration

	mu     sync.Mutex // the reader writes, too, when the peer breaks the protocol
	corked *buffer    // guarded by mu, nil while nothing is held back
}

// Write writes p, or keeps it until uncork.
func (w *cable) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.corked != nil {
		if len(w.corked.bytes)+len(p) <= piece {
			w.corked.bytes = append(w.corked.bytes, p...)
			return len(p), nil
		}
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	return w.send(p)
}

// SetWriteDeadline does nothing: every piece gets its own.
func (w *cable) SetWriteDeadline(time.Time) error { return nil }

// cork holds back what is written from now on, in b.
func (w *cable) cork(b *buffer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked = b
}

func (w *cable) uncork() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.flush()
	w.corked = nil
	return err
}

// flush writes what was held back; mu is held.
func (w *cable) flush() error {
	_, err := w.send(w.corked.bytes)
	w.corked.bytes = w.corked.bytes[:0]
	return err
}

func (w *cable) send(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		if err := w.Conn.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
			return n, err
		}
		var m int
		m, err = w.Conn.Write(p[:min(len(p), piece)])
		n, p = n+m, p[m:]
	}
	return n, err
}

// hijacker is a ResponseWriter whose connection becomes a cable.
type hijacker struct {
	http.ResponseWriter
	timeout time.Duration
	cable   *cable // what Hijack has made
}

// Hijack takes the connection over.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, buffers, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.cable = &cable{Conn: c, timeout: h.timeout}
	return h.cable, buffers, nil
}
