package lane

import (
	"net"
	"runtime"
	"syscall"
)

// patience decides whether a read looks for its bytes a few times before it sleeps.
// To fall asleep and be woken takes two processes several times as long as a short
// answer does; where looking was in vain a few times in a row it becomes rare.
type patience struct{ vain int }

const (
	// fewLooks is how often a read looks before it sleeps: for some 10 µs, in which
	// the other side answers if it does not sleep either.
	fewLooks = 32
	// manyLooks is the same for the rare reads that try again: for some 40 µs, in
	// which the other side wakes up and answers.
	manyLooks = 128
	// crowdLooks is the same where other goroutines may run between two looks.
	crowdLooks = 30
	// vainReads in a row make all but each rareRead-th read sleep at once.
	vainReads = 4
	rareRead  = 32
)

// tries reports whether this read shall look, and whether it is one of the rare.
func (p *patience) tries() (look, rare bool) {
	p.vain++
	rare = p.vain%rareRead == 0
	return rare || p.vain <= vainReads, rare
}

// found notes that the looking was worth it.
func (p *patience) found() { p.vain = 0 }

// eager reads from a lane of many requests. Between two looks all other goroutines
// may run: they have the requests and answers of which there will be more to read.
type eager struct {
	conn     *net.UnixConn
	raw      syscall.RawConn
	patience patience

	buf  []byte
	n    int
	err  error
	look func(fd uintptr) bool
}

func newEager(conn *net.UnixConn) (*eager, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	e := &eager{conn: conn, raw: raw}
	e.look = e.readAtOnce
	return e, nil
}

// Read is part of io.Reader. It is called by one goroutine at a time.
func (e *eager) Read(p []byte) (int, error) {
	if look, _ := e.patience.tries(); look {
		e.buf = p
		for range crowdLooks {
			if err := e.raw.Read(e.look); err != nil || e.err != syscall.EAGAIN && e.n <= 0 {
				break // the connection says it better
			}
			if e.n > 0 {
				e.patience.found()
				return e.n, nil
			}
			runtime.Gosched()
			yieldProcess()
		}
	}
	return e.conn.Read(p)
}

// readAtOnce is called with the socket's descriptor, which does not block.
func (e *eager) readAtOnce(fd uintptr) bool {
	e.n, e.err = syscall.Read(int(fd), e.buf)
	return true
}
