package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// defaultRequestBytes bounds a payload when its route does not.
	defaultRequestBytes = 16 << 20
	// smallestBody is the size of the smallest buffer of a payload, and growth the
	// factor from one size to the next. A body gets the next size when it has filled
	// the one before: what a client declares costs nothing until it sends it.
	smallestBody = 4 << 10
	growth       = 4
	bodySizes    = 7 // up to 16 MiB; a larger payload is left to the collector
	// declaredSize is the place of the size that a client gets for declaring a large
	// body, 64 KiB.
	declaredSize = 2
)

// bodyPool keeps the buffers of payloads. A buffer goes back only when nobody can
// be reading it: after the answer was written (which may be the same bytes), and
// not when the request was canceled or ran out of time, since then its bytes may
// still be on their way to the extension.
type bodyPool struct{ sizes [bodySizes]sync.Pool } // of *body

// body is the buffer of one payload: of the size that its place in the pool says, or
// larger than all of them.
type body struct {
	bytes []byte
	size  int
}

func (p *bodyPool) get() *body { return p.sized(0) }

// sized returns an empty buffer of the size with this place.
func (p *bodyPool) sized(place int) *body {
	if b, ok := p.sizes[place].Get().(*body); ok {
		return b
	}
	size := smallestBody
	for range place {
		size *= growth
	}
	return &body{make([]byte, 0, size), place}
}

func (p *bodyPool) put(b *body) {
	if b.size < bodySizes {
		b.bytes = b.bytes[:0]
		p.sizes[b.size].Put(b)
	}
}

// grow gives b, which is full, the next size.
func (p *bodyPool) grow(b *body) {
	if b.size >= bodySizes-1 {
		b.bytes, b.size = slices.Grow(b.bytes, len(b.bytes)), bodySizes
		return
	}
	p.exchange(b, b.size+1)
}

// exchange gives b a buffer of the size with this place.
func (p *bodyPool) exchange(b *body, place int) {
	larger := p.sized(place)
	larger.bytes = append(larger.bytes, b.bytes...)
	*b, *larger = *larger, *b
	p.put(larger)
}

// afterDeadline is how much later than ctx the read of a body ends.
const afterDeadline = 10 * time.Millisecond

// readBody reads the payload into b, until ctx's deadline.
func (p *bodyPool) readBody(ctx context.Context, x *exchange, b *body, limit int64) error {
	declared := x.r.ContentLength
	if declared > limit {
		return tooLarge(limit)
	}
	if !x.unread {
		return nil
	}
	if declared > int64(cap(b.bytes)) && b.size < declaredSize {
		p.exchange(b, declaredSize)
	}
	// A client that sends slowly is cut off by the connection's read deadline. It
	// passes after ctx's: should net/http still have it when it waits for the client
	// to leave, and take it for that, then ctx has heard of its own end first. Nobody
	// lifts it here: net/http does, at the end of the body and before it reads on.
	if deadline, ok := ctx.Deadline(); ok {
		x.readUntil(deadline.Add(afterDeadline))
	}
	err := p.readAll(x.r.Body, b, limit)
	if err == nil {
		x.unread = false
		return nil
	}
	var fault *sdk.Error
	switch {
	case errors.As(err, &fault):
		return fault // the rest may still come
	case errors.Is(err, os.ErrDeadlineExceeded), ctx.Err() == context.DeadlineExceeded:
		fault = sdk.Errorf(sdk.DeadlineExceeded, "the body did not arrive before the deadline")
	case ctx.Err() != nil:
		fault = sdk.Errorf(sdk.Canceled, "the request was canceled")
	default:
		fault = sdk.Errorf(sdk.InvalidArgument, "the body broke off or is malformed")
	}
	fault.Retryable = true
	x.broken = true
	return fault
}

// lingering is how long an answer waits for the rest of a body that nobody wants:
// net/http reads it, up to 256 KiB, so that a client that sends first and reads
// later sees its answer.
const lingering = time.Second

// leaveBody bounds the wait for what is left of the body.
func (x *exchange) leaveBody() {
	switch {
	case x.broken:
		x.w.Header()["Connection"] = []string{"close"}
		x.readUntil(x.start) // not at all
	case x.unread:
		x.readUntil(time.Now().Add(lingering))
	}
}

// readUntil sets the connection's read deadline, where there is a connection.
func (x *exchange) readUntil(deadline time.Time) {
	_ = http.NewResponseController(x.w).SetReadDeadline(deadline)
}

// readAll reads r to its end, at most limit bytes.
func (p *bodyPool) readAll(r io.Reader, b *body, limit int64) error {
	for {
		if len(b.bytes) == cap(b.bytes) {
			p.grow(b)
		}
		n, err := r.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case int64(len(b.bytes)) > limit:
			return tooLarge(limit)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func tooLarge(limit int64) error {
	return sdk.Errorf(sdk.TooLarge, "the payload has more than the %d bytes allowed", limit)
}
