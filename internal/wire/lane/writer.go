package lane

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// writer puts frames on a socket, as many as there are in one write. Who has a frame
// calls begin, appends it to buf (and says with refer where a large payload lies) and
// calls commit:
//
//	if err := w.begin(ctx); err != nil { … }
//	w.buf = append(w.buf, …)
//	w.commit()
//
// The first to commit writes what the others have added meanwhile, without ever
// waiting for the socket: what does not go through at once, and what comes during the
// write, is left to the writer's own goroutine, run.
type writer struct {
	conn *net.UnixConn
	raw  syscall.RawConn
	// inline lets the committing goroutine write; on the bulk lane run always does.
	inline bool
	lost   func(error) // is told, once, when the socket fails

	kick chan struct{} // run is to take over
	quit chan struct{} // run is to end
	done chan struct{} // run has ended

	mu       sync.Mutex // guards what follows
	buf      []byte     // copied frames, not yet taken by who writes
	refs     []ref      // payloads that are written from where they lie
	refBytes int
	taken    uint64        // bytes taken by who writes, since the beginning
	writing  bool          // somebody writes; the fields below are theirs
	room     chan struct{} // closed when buf was taken; nil when nobody waits for that
	err      error         // why nothing is written any more

	// handed is how many bytes the kernel may have got. A frame that ends behind it
	// was never written.
	handed atomic.Uint64

	// Of who writes.
	batch     []byte
	batchRefs []ref
	rest      []byte // of batch, when batchRefs is empty
	wrote     int
	wroteErr  error
	try       func(fd uintptr) bool
}

// ref is a payload that belongs at a place in the batch.
type ref struct {
	at    int
	data  []byte
	owner refOwner
}

// refOwner is told when its payload is not read any more, written or not.
type refOwner interface{ sent() }

func newWriter(conn *net.UnixConn, inline bool, lost func(error)) (*writer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	w := &writer{
		conn: conn, raw: raw, inline: inline, lost: lost,
		kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	w.try = w.writeOnce
	return w, nil
}

// begin waits for room for a frame and locks w for its caller, who must commit.
func (w *writer) begin(ctx context.Context) error {
	for {
		w.mu.Lock()
		if w.err != nil {
			defer w.mu.Unlock()
			return w.err
		}
		if len(w.buf) < maxPending {
			return nil
		}
		if w.room == nil {
			w.room = make(chan struct{})
		}
		room := w.room
		w.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// beginAnyway is begin without the wait, for the few bytes of a cancel.
func (w *writer) beginAnyway() error {
	w.mu.Lock()
	if w.err != nil {
		defer w.mu.Unlock()
		return w.err
	}
	return nil
}

// refer adds a payload to the frame that was just appended to buf.
func (w *writer) refer(data []byte, owner refOwner) {
	w.refs = append(w.refs, ref{at: len(w.buf), data: data, owner: owner})
	w.refBytes += len(data)
}

// end is where the bytes so far end, counted from the beginning. It is asked between
// begin and commit.
func (w *writer) end() uint64 { return w.taken + uint64(len(w.buf)+w.refBytes) }

// commit lets the frame go and unlocks w.
func (w *writer) commit() {
	if w.writing {
		w.mu.Unlock()
		return
	}
	w.writing = true
	w.mu.Unlock()
	if !w.inline {
		w.kick <- struct{}{}
		return
	}
	// Others that are ready to send get the chance to add to the same write.
	runtime.Gosched()
	w.mu.Lock()
	w.take()
	w.mu.Unlock()
	if !w.attempt() {
		w.kick <- struct{}{}
		return
	}
	if !w.pause() {
		w.kick <- struct{}{}
	}
}

// take makes the batch of all that is pending. w is locked, and its caller writes.
func (w *writer) take() {
	w.buf, w.batch = w.batch[:0], w.buf
	w.refs, w.batchRefs = w.batchRefs[:0], w.refs
	w.taken += uint64(len(w.batch) + w.refBytes)
	w.refBytes = 0
	w.handed.Store(w.taken)
	w.rest = w.batch
	if w.room != nil {
		close(w.room)
		w.room = nil
	}
}

// pause ends the writing if nothing is pending, and reports whether it did.
func (w *writer) pause() bool {
	if cap(w.batch) > 2*maxPending {
		w.batch = nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = len(w.buf) > 0
	return !w.writing
}

// attempt writes the batch without waiting, and reports whether it went through.
func (w *writer) attempt() bool {
	if len(w.batchRefs) > 0 {
		return false
	}
	w.wrote, w.wroteErr = 0, nil
	if err := w.raw.Write(w.try); err != nil {
		return false // run sees it again
	}
	w.rest = w.rest[w.wrote:]
	return w.wroteErr == nil && len(w.rest) == 0
}

// writeOnce is called by attempt with the socket's descriptor, which does not block.
func (w *writer) writeOnce(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), w.rest)
		if err == syscall.EINTR {
			continue
		}
		w.wrote, w.wroteErr = max(n, 0), err
		return true
	}
}

// run writes whenever it is kicked, waiting for the socket as long as it takes. It
// ends when the socket fails or close was called.
func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case <-w.kick:
		case <-w.quit:
			w.abandon(errClosed)
			return
		}
		for {
			if err := w.writeAll(); err != nil {
				w.abandon(err)
				w.lost(err)
				return
			}
			if w.pause() {
				break
			}
			if w.inline {
				runtime.Gosched()
			}
			w.mu.Lock()
			w.take()
			w.mu.Unlock()
		}
	}
}

// writeAll writes what is left of the batch, and on the bulk lane, where nobody wrote
// before, all that is pending.
func (w *writer) writeAll() error {
	if len(w.rest) == 0 && len(w.batchRefs) == 0 {
		w.mu.Lock()
		w.take()
		w.mu.Unlock()
	}
	if len(w.batchRefs) == 0 {
		_, err := w.conn.Write(w.rest)
		w.rest = nil
		return endOf(err)
	}
	pieces := make(net.Buffers, 0, 2*len(w.batchRefs)+1)
	from := 0
	for _, r := range w.batchRefs {
		pieces = append(pieces, w.batch[from:r.at], r.data)
		from = r.at
	}
	if from < len(w.batch) {
		pieces = append(pieces, w.batch[from:])
	}
	_, err := pieces.WriteTo(w.conn)
	w.rest = nil
	w.letGo(&w.batchRefs)
	return endOf(err)
}

// letGo tells the owners of refs that these are not read any more.
func (w *writer) letGo(refs *[]ref) {
	for i, r := range *refs {
		r.owner.sent()
		(*refs)[i] = ref{}
	}
	*refs = (*refs)[:0]
}

// abandon lets nobody begin any more, and everybody know.
func (w *writer) abandon(err error) {
	w.mu.Lock()
	w.err = errors.Join(errClosed, err)
	if w.room != nil {
		close(w.room)
		w.room = nil
	}
	pending := w.refs
	w.refs = nil
	w.writing = true // whoever commits now leaves it alone
	w.mu.Unlock()
	w.letGo(&pending)
}

// stop ends run, whose socket is closed already; done tells when it has ended.
func (w *writer) stop() { close(w.quit) }
