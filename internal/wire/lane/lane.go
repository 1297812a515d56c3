// Package lane carries requests between a host and one of its extensions as frames
// over inherited socket pairs, many at a time. docs/LANE.md is the format, for SDKs in
// other languages; this package is both halves of it.
//
// The host makes Pairs before it starts a process, passes the child's ends on with
// ChildFiles and Env, and makes a Client of its own ends. The child finds its ends with
// Inherit, first thing, and serves them with NewServer. Client.Process is what a
// request costs: one frame each way, no lock that is held while anything is waited
// for, and memory from a pool.
//
// Four kinds of traffic have sockets of their own, so that none waits for another:
//
//   - the shared lane carries requests and answers of less than Bulk bytes, many of
//     them in one write;
//   - the bulk lane carries larger ones, whose payloads are written from where they lie;
//   - a sync lane carries one request at a time, for a caller that is alone: it writes
//     and reads by itself, and a goroutine of the child waits for nothing else.
//
// Memory: a request's payload belongs to the caller of Process. When Process returns
// and the context has not ended, nobody reads the payload any more; when it has ended,
// the payload may still be on its way, and must not be written to again. An answer's
// payload lies in pooled memory until its Free is called. In the child a request's
// payload is valid until the handler has returned and its answer, which may be the
// same memory, is sent.
package lane

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Version is the version of the format in docs/LANE.md.
const Version = 1

const (
	// Bulk is the payload size, in bytes, from which on a frame travels on the bulk
	// lane.
	Bulk = 32 << 10
	// maxMeta bounds the part of a frame before the payload.
	maxMeta = 1<<16 - 1
	// maxFrame bounds the payload of any frame, whatever the limits of a host: a frame
	// that says to be larger breaks the format.
	maxFrame = 1<<30 + 1<<20
	// maxPending is how much a lane gathers before senders have to wait, in bytes.
	maxPending = 256 << 10
)

// FormatError says how the other side broke the format of the lane.
type FormatError struct{ What string }

func (e *FormatError) Error() string { return "the lane's format is broken: " + e.What }

func broken(format string, args ...any) error {
	return &FormatError{fmt.Sprintf(format, args...)}
}

// ending is how the lanes of one side end, once.
type ending struct {
	once sync.Once
	done chan struct{}
	err  error // set before done is closed
}

func newEnding() ending { return ending{done: make(chan struct{})} }

// Done is closed when the lanes have ended, which is the first sign of the end of the
// other side; Err then says why.
func (e *ending) Done() <-chan struct{} { return e.done }

// Err is why the lanes have ended: io.EOF when the other side has closed its end, a
// *FormatError when it broke the format. It is nil as long as they have not.
func (e *ending) Err() error {
	select {
	case <-e.done:
		return e.err
	default:
		return nil
	}
}

// errClosed ends what is under way when this side closes the lane.
var errClosed = errors.New("the lane is closed")

// endOf makes of what a socket reports an error that says what it means.
func endOf(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// remaining is the time until deadline as a frame carries it: in nanoseconds, at least
// one, since 0 stands for no deadline.
func remaining(deadline time.Time) uint64 {
	return uint64(max(time.Until(deadline), 1))
}
