package lane

import (
	"context"
	"encoding/binary"

	"github.com/jackfield-host/jackfield/sdk"
)

// kind says what a frame is.
type kind uint8

const (
	kindRequest kind = 1 // host to extension
	kindAnswer  kind = 2 // extension to host
	kindFault   kind = 3 // extension to host: an error instead of an answer
	kindCancel  kind = 4 // host to extension: nobody waits for this request any more
)

// codec is the media type of a payload, in a byte where it is one of the usual.
type codec uint8

const (
	codecNamed codec = 0 // the field media says it
	codecJSON  codec = 1 // application/json
	codecBytes codec = 2 // application/octet-stream
)

const (
	mediaJSON  = "application/json"
	mediaBytes = "application/octet-stream"
)

// headerSize is the size of a frame's header; all numbers are little-endian:
//
//	0  uint32  bytes that follow the header: meta and payload
//	4  uint8   kind
//	5  uint8   codec
//	6  uint16  bytes of meta
//	8  uint64  id of the request
const headerSize = 16

// timeoutSize is the size of the timeout at the beginning of a request's meta.
const timeoutSize = 8

type header struct {
	size  uint32 // of meta and payload
	kind  kind
	codec codec
	meta  int
	id    uint64
}

func (h header) payload() int { return int(h.size) - h.meta }

// parseHeader reads the header of a frame that is to be at most of this kind: from is
// the first kind that may come, to the last.
func parseHeader(b []byte, allowed func(kind) bool) (header, error) {
	h := header{
		size: binary.LittleEndian.Uint32(b), kind: kind(b[4]), codec: codec(b[5]),
		meta: int(binary.LittleEndian.Uint16(b[6:])), id: binary.LittleEndian.Uint64(b[8:]),
	}
	switch {
	case !allowed(h.kind):
		return h, broken("a frame of kind %d", h.kind)
	case h.codec > codecBytes:
		return h, broken("codec %d", h.codec)
	case h.size > maxFrame:
		return h, broken("a frame of %d bytes", h.size)
	case h.meta > int(h.size):
		return h, broken("%d bytes of meta in a frame of %d", h.meta, h.size)
	case h.kind == kindCancel && h.size != 0:
		return h, broken("a cancel frame with %d bytes", h.size)
	case h.kind == kindRequest && h.meta < timeoutSize:
		return h, broken("a request without timeout")
	}
	return h, nil
}

// fromHost and fromChild are the kinds that each side sends.
func fromHost(k kind) bool  { return k == kindRequest || k == kindCancel }
func fromChild(k kind) bool { return k == kindAnswer || k == kindFault }

// tag names a field of meta. A field is its tag, a byte, its size, a uint16, and its
// bytes. Fields of unknown tags are left alone.
type tag uint8

const (
	tagID      tag = 1
	tagType    tag = 2
	tagMedia   tag = 3
	tagSubject tag = 4
	tagSession tag = 5
	tagRole    tag = 6 // any number of times
	tagParent  tag = 7
	tagState   tag = 8
	tagCalling tag = 9  // the extension that asks on the caller's behalf
	tagTicket  tag = 10 // of the request, for what is called within it
)

func appendField(b []byte, t tag, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, byte(t), byte(len(value)), byte(len(value)>>8))
	return append(b, value...)
}

// nextField returns the first field of meta and what follows it.
func nextField(meta []byte) (t tag, value, rest []byte, err error) {
	if len(meta) < 3 {
		return 0, nil, nil, broken("a field of %d bytes", len(meta))
	}
	size := int(binary.LittleEndian.Uint16(meta[1:]))
	if len(meta)-3 < size {
		return 0, nil, nil, broken("a field of %d bytes where %d are left", size, len(meta)-3)
	}
	return tag(meta[0]), meta[3 : 3+size], meta[3+size:], nil
}

func codecOf(media string) codec {
	switch media {
	case mediaJSON:
		return codecJSON
	case mediaBytes:
		return codecBytes
	}
	return codecNamed
}

// appendHeader leaves room for a header, which seal fills in.
func appendHeader(b []byte) []byte { return append(b, make([]byte, headerSize)...) }

// seal fills in the header at start of a frame whose meta ends b and whose payload, of
// payload bytes, follows it.
func seal(b []byte, start int, k kind, c codec, id uint64, payload int) {
	meta := len(b) - start - headerSize
	h := b[start : start+headerSize]
	binary.LittleEndian.PutUint32(h, uint32(meta+payload))
	h[4], h[5] = byte(k), byte(c)
	binary.LittleEndian.PutUint16(h[6:], uint16(meta))
	binary.LittleEndian.PutUint64(h[8:], id)
}

// metaBound is at least the size of the meta of req.
func metaBound(req *sdk.Request) int {
	n := timeoutSize + 10*3 + len(req.ID) + len(req.Type) + len(req.MediaType) + len(req.Caller.Subject) +
		len(req.Caller.Session) + len(req.Trace.Parent) + len(req.Trace.State) + len(req.Caller.Extension) + len(req.Ticket)
	for _, role := range req.Caller.Roles {
		n += 3 + len(role)
	}
	return n
}

// appendRequest appends header and meta of a request; the payload follows.
func appendRequest(b []byte, ctx context.Context, id uint64, req *sdk.Request) []byte {
	start := len(b)
	b = appendHeader(b)
	timeout := uint64(0)
	if deadline, ok := ctx.Deadline(); ok {
		timeout = remaining(deadline)
	}
	b = binary.LittleEndian.AppendUint64(b, timeout)
	b = appendField(b, tagID, req.ID)
	b = appendField(b, tagType, req.Type)
	c := codecOf(req.MediaType)
	if c == codecNamed {
		b = appendField(b, tagMedia, req.MediaType)
	}
	b = appendField(b, tagSubject, req.Caller.Subject)
	b = appendField(b, tagSession, req.Caller.Session)
	for _, role := range req.Caller.Roles {
		b = append(b, byte(tagRole), byte(len(role)), byte(len(role)>>8))
		b = append(b, role...)
	}
	b = appendField(b, tagParent, req.Trace.Parent)
	b = appendField(b, tagState, req.Trace.State)
	b = appendField(b, tagCalling, req.Caller.Extension)
	b = appendField(b, tagTicket, req.Ticket)
	seal(b, start, kindRequest, c, id, len(req.Payload))
	return b
}

// appendAnswer appends header and meta of an answer; the payload follows.
func appendAnswer(b []byte, id uint64, resp *sdk.Response) []byte {
	start := len(b)
	b = appendHeader(b)
	b = appendField(b, tagType, resp.Type)
	c := codecOf(resp.MediaType)
	if resp.MediaType == "" {
		c = codecBytes
	} else if c == codecNamed {
		b = appendField(b, tagMedia, resp.MediaType)
	}
	seal(b, start, kindAnswer, c, id, len(resp.Payload))
	return b
}

// appendPlain appends a header without meta.
func appendPlain(b []byte, k kind, id uint64, payload int) []byte {
	start := len(b)
	b = appendHeader(b)
	seal(b, start, k, codecBytes, id, payload)
	return b
}

// names keeps the strings that frames repeat, so that reading one costs no memory.
// It belongs to one reader.
type names struct{ known map[string]string }

const maxNames = 256

func (n *names) of(text []byte) string {
	if s, ok := n.known[string(text)]; ok {
		return s
	}
	s := string(text)
	if n.known == nil {
		n.known = make(map[string]string)
	}
	if len(n.known) < maxNames && len(s) <= 256 {
		n.known[s] = s
	}
	return s
}

// parseRequest reads the meta of a request into req. Its payload is not touched.
func parseRequest(h header, meta []byte, n *names, req *sdk.Request) (timeout uint64, err error) {
	timeout, meta = binary.LittleEndian.Uint64(meta), meta[timeoutSize:]
	req.MediaType = mediaOf(h.codec)
	for len(meta) > 0 {
		var t tag
		var value []byte
		if t, value, meta, err = nextField(meta); err != nil {
			return 0, err
		}
		switch t {
		case tagID:
			req.ID = string(value)
		case tagType:
			req.Type = n.of(value)
		case tagMedia:
			req.MediaType = n.of(value)
		case tagSubject:
			req.Caller.Subject = string(value)
		case tagSession:
			req.Caller.Session = string(value)
		case tagRole:
			req.Caller.Roles = append(req.Caller.Roles, n.of(value))
		case tagParent:
			req.Trace.Parent = string(value)
		case tagState:
			req.Trace.State = string(value)
		case tagCalling:
			req.Caller.Extension = n.of(value)
		case tagTicket:
			req.Ticket = string(value)
		}
	}
	return timeout, nil
}

// parseAnswer reads the meta of an answer into resp.
func parseAnswer(h header, meta []byte, n *names, resp *sdk.Response) (err error) {
	resp.MediaType = mediaOf(h.codec)
	for len(meta) > 0 {
		var t tag
		var value []byte
		if t, value, meta, err = nextField(meta); err != nil {
			return err
		}
		switch t {
		case tagType:
			resp.Type = n.of(value)
		case tagMedia:
			resp.MediaType = n.of(value)
		}
	}
	return nil
}

func mediaOf(c codec) string {
	switch c {
	case codecJSON:
		return mediaJSON
	case codecBytes:
		return mediaBytes
	}
	return ""
}
