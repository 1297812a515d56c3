package duplex

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// chunk is how much of a batch is read at once.
	chunk = 32 << 10
	// prefix is what is kept of a line that is too long, to find its id.
	prefix = 1 << 10
)

// batch is one POST /v1/batch.
type batch struct {
	lines  *Lines
	ctx    context.Context // of its lines, which it does not outlive
	cancel context.CancelFunc
	id     string
	caller sdk.Caller
	out    *outbox
	window *window

	ahead   *ahead
	read    atomic.Bool // the body was read to its end
	readErr error       // set by pump before it closes ahead.done

	number   uint64 // of the line that is being read, from 1
	line     *job   // what there is of it, nil when nothing is
	skipping bool   // it is too long
}

// Batch answers the lines of r's body, until its end. The caller has begun the answer
// and enabled full duplex. whole is false when lines are left unread: the connection
// must be cut then. It returns when everything that it began has ended.
func (l *Lines) Batch(w http.ResponseWriter, r *http.Request, requestID string, caller sdk.Caller) (whole bool) {
	// net/http ends the request's context with any error in reading, a passed deadline
	// too. As long as the body is read, pump knows better what has happened.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	b := &batch{
		lines: l, ctx: ctx, cancel: cancel, id: requestID, caller: caller,
		out: newOutbox(l), window: newWindow(), ahead: newAhead(),
	}
	defer context.AfterFunc(ctx, b.window.cut)()
	defer context.AfterFunc(r.Context(), func() {
		if b.read.Load() {
			cancel()
		}
	})()
	control := http.NewResponseController(w)
	var parts sync.WaitGroup
	parts.Go(func() {
		b.pump(r.Body, control)
		if b.read.Load() && r.Context().Err() != nil {
			cancel()
		}
	})
	parts.Go(func() {
		// A client that waits for a go-ahead before it sends must not get the answer
		// first.
		if err := b.out.write(w, control, l.cfg.WriteTimeout, r.Header.Get("Expect") == ""); err != nil {
			cancel()
		}
	})
	err := b.split()
	b.window.drain()
	if err != nil {
		b.out.put(append(l.cfg.Desk.Refuse(nil, nil, requestID, err), '\n'))
	}
	b.out.close()
	if err != nil || ctx.Err() != nil {
		cancel() // first: see pump
		_ = control.SetReadDeadline(time.Now())
	}
	parts.Wait()
	b.out.recycle(l)
	return err == nil && ctx.Err() == nil
}

// pump reads ahead. A client that breaks off has all its lines canceled at once.
func (b *batch) pump(body io.Reader, control *http.ResponseController) {
	defer close(b.ahead.done)
	c := b.lines.chunk()
	defer b.lines.freeChunk(c)
	for {
		_ = control.SetReadDeadline(time.Now().Add(b.lines.cfg.ReadTimeout))
		if b.ctx.Err() != nil {
			return // or else whoever ends it sets another deadline after this one
		}
		n, err := body.Read(c[:])
		if n > 0 && !b.ahead.add(b.ctx, c[:n]) {
			return
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			b.read.Store(true)
			_ = control.SetReadDeadline(time.Time{}) // net/http goes on reading, to see the client leave
		case errors.Is(err, os.ErrDeadlineExceeded):
			b.readErr = sdk.Errorf(sdk.DeadlineExceeded, "nothing arrived for %s", b.lines.cfg.ReadTimeout)
		default:
			b.readErr = sdk.Errorf(sdk.Canceled, "the body broke off")
			b.cancel()
		}
		return
	}
}

// split makes lines of what pump reads. The error is for the client: why the lines
// that follow are not answered.
func (b *batch) split() error {
	b.number = 1
	var c []byte
	for {
		select {
		case <-b.ahead.data:
			c = b.ahead.take(c)
			b.take(c)
		case <-b.ahead.done:
			b.take(b.ahead.take(nil))
			return b.last()
		case <-b.ctx.Done():
			return sdk.Errorf(sdk.Canceled, "the batch was canceled")
		case <-b.lines.stopping:
			return errStopping()
		}
	}
}

// last takes the line that has no line break.
func (b *batch) last() error {
	if b.readErr != nil {
		return b.readErr
	}
	b.endLine()
	return nil
}

// take goes through one chunk.
func (b *batch) take(c []byte) {
	for len(c) > 0 {
		i := bytes.IndexByte(c, '\n')
		if i < 0 {
			b.grow(c)
			return
		}
		b.grow(c[:i])
		b.endLine()
		b.number++
		c = c[i+1:]
	}
}

// grow appends a part to the line, as long as it is not too long.
func (b *batch) grow(part []byte) {
	if b.skipping || len(part) == 0 {
		return
	}
	if b.line == nil {
		b.line = b.lines.job()
	}
	if len(b.line.text)+len(part) > b.lines.cfg.Desk.LineLimit() {
		b.skipping = true
		part = part[:min(len(part), prefix)]
		if b.line.text = append(b.line.text, part...); len(b.line.text) > prefix {
			b.line.text = append(make([]byte, 0, prefix), b.line.text[:prefix]...)
		}
		return
	}
	b.line.text = append(b.line.text, part...)
}

// endLine has the line answered, as soon as the window has room. Lines of nothing but
// white space are no requests.
func (b *batch) endLine() {
	j, skipped := b.line, b.skipping
	b.line, b.skipping = nil, false
	if j == nil {
		return
	}
	if !skipped && len(bytes.Trim(j.text, " \t\r")) == 0 {
		b.lines.freeJob(j)
		return
	}
	if !b.window.enter(len(j.text)) {
		return // the batch was canceled
	}
	j.to, j.number, j.Start, j.Caller = b, b.number, time.Now(), b.caller
	if skipped {
		j.to = (*tooLong)(b)
	}
	b.lines.crew.run(j)
}

// do answers a line.
func (b *batch) do(j *job) {
	b.answer(j, func(out []byte) ([]byte, bool) {
		if err := parseRequest(j); err != nil {
			return b.lines.cfg.Desk.Refuse(out, j.ID, j.RequestID, err), true
		}
		return b.lines.cfg.Desk.Answer(b.ctx, out, &j.Question)
	})
}

// tooLong refuses lines of which only the beginning was kept.
type tooLong batch

func (t *tooLong) do(j *job) {
	b := (*batch)(t)
	b.answer(j, func(out []byte) ([]byte, bool) {
		_ = parse(j) // which breaks off; the id may be there
		desk := b.lines.cfg.Desk
		return desk.Refuse(out, j.ID, j.RequestID, errTooLong(desk.LineLimit())), true
	})
}

// answer sends the line that say appends.
func (b *batch) answer(j *job, say func(out []byte) ([]byte, bool)) {
	size := len(j.text)
	j.RequestID = lineID(b.id, j.number)
	out := b.lines.buffer()
	var free bool
	out.bytes, free = say(out.bytes)
	out.bytes = append(out.bytes, '\n')
	b.out.put(out.bytes)
	b.lines.freeBuffer(out)
	if free {
		b.lines.freeJob(j)
	}
	b.window.leave(size)
}

// lineID is the request id of a line: that of its connection, and its number.
func lineID(id string, number uint64) string {
	var buf [96]byte
	return string(strconv.AppendUint(append(append(buf[:0], id...), '.'), number, 10))
}
