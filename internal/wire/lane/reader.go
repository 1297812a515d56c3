package lane

import (
	"io"
)

// A reader's own buffer grows with what arrives, between these sizes.
const (
	firstBuffer = 4 << 10
	mostBuffer  = 64 << 10
	bulkBuffer  = maxMeta + headerSize
)

// reader takes frames off a socket. A call of next that fails because a deadline has
// passed may be repeated once the deadline is gone, and goes on where it was.
type reader struct {
	from    io.Reader
	pool    *buffers
	allowed func(kind) bool
	// limit bounds a payload that is kept. A larger one is read and dropped, and the
	// frame says so.
	limit int

	buf  []byte
	r, w int // what is read and not yet used

	// A large frame on its way.
	head    header
	begun   bool    // head is there, its bytes are not all
	body    *buffer // of the payload, nil when it is dropped
	got     int     // of the payload
	metaBuf []byte  // copy of its meta
}

// frame is what next returns. Meta is valid until the next call; the payload lies in
// body, which belongs to the caller.
type frame struct {
	header
	meta    []byte
	body    *buffer
	dropped bool // the payload was over the limit
}

// next returns the next frame. An error is a *FormatError or the socket's.
func (r *reader) next() (frame, error) {
	if !r.begun {
		if err := r.fill(headerSize); err != nil {
			return frame{}, err
		}
		h, err := parseHeader(r.buf[r.r:r.w], r.allowed)
		if err != nil {
			return frame{}, err
		}
		if h.payload() >= Bulk || h.payload() > r.limit {
			return r.large(h)
		}
		if err := r.fill(headerSize + int(h.size)); err != nil {
			return frame{}, err
		}
		all := r.buf[r.r+headerSize : r.r+headerSize+int(h.size)]
		r.r += headerSize + int(h.size)
		f := frame{header: h, meta: all[:h.meta]}
		if h.kind != kindCancel {
			f.body = r.pool.get(h.payload())
			copy(f.body.bytes, all[h.meta:])
		}
		return f, nil
	}
	return r.rest()
}

// large begins a frame whose payload goes past the reader's own buffer.
func (r *reader) large(h header) (frame, error) {
	if err := r.fill(headerSize + h.meta); err != nil {
		return frame{}, err
	}
	r.metaBuf = append(r.metaBuf[:0], r.buf[r.r+headerSize:r.r+headerSize+h.meta]...)
	r.r += headerSize + h.meta
	r.head, r.begun, r.got = h, true, 0
	if h.payload() <= r.limit {
		r.body = r.pool.get(h.payload())
	}
	return r.rest()
}

// rest reads what is left of a large frame.
func (r *reader) rest() (frame, error) {
	size := r.head.payload()
	for r.got < size {
		switch n := min(r.w-r.r, size-r.got); {
		case n > 0:
			if r.body != nil {
				copy(r.body.bytes[r.got:], r.buf[r.r:r.r+n])
			}
			r.r += n
			r.got += n
		case r.body == nil:
			if err := r.fill(1); err != nil {
				return frame{}, err
			}
		default:
			n, err := r.from.Read(r.body.bytes[r.got:])
			r.got += n
			if err != nil && r.got < size {
				return frame{}, err
			}
		}
	}
	f := frame{header: r.head, meta: r.metaBuf, body: r.body, dropped: r.body == nil}
	r.begun, r.body = false, nil
	return f, nil
}

// fill reads until n bytes are there.
func (r *reader) fill(n int) error {
	for r.w-r.r < n {
		if r.r == r.w {
			r.r, r.w = 0, 0
		}
		if len(r.buf)-r.r < n {
			r.makeRoom(n)
		}
		got, err := r.from.Read(r.buf[r.w:])
		r.w += got
		if r.w == len(r.buf) && r.r == 0 && len(r.buf) < mostBuffer {
			r.grow(2 * len(r.buf)) // it comes faster than we take it
		}
		if err != nil && r.w-r.r < n {
			return err
		}
	}
	return nil
}

// makeRoom moves what is there to the front of a buffer of at least n bytes.
func (r *reader) makeRoom(n int) {
	if len(r.buf) < n {
		r.grow(max(n, firstBuffer))
		return
	}
	r.w = copy(r.buf, r.buf[r.r:r.w])
	r.r = 0
}

func (r *reader) grow(size int) {
	buf := make([]byte, size)
	r.w = copy(buf, r.buf[r.r:r.w])
	r.r, r.buf = 0, buf
}
