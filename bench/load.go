package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// The generator shares two cores with what it measures: a request is one write of
// bytes that are ready, an answer is read without a map of headers, and neither
// allocates.

// httpCaller is a connection that asks for one type.
type httpCaller struct {
	net.Conn
	read    *bufio.Reader
	request []byte // head and payload
	payload []byte // the end of request
	answer  []byte
	mark    uint64 // of the payload; 0: it stays as it is
	want    []byte // the answer, nil for the payload
}

// posted is what a caller sends.
type posted struct {
	typ, mediaType string
	payload        []byte
	want           []byte // the answer, nil for the payload, whose ends are then changed
}

func dialHTTP(addr string, id int, p posted) (*httpCaller, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	return newCaller(conn, bufio.NewReaderSize(conn, 16*kib), addr, id, p), nil
}

// newCaller makes a caller on a connection that is there.
func newCaller(conn net.Conn, read *bufio.Reader, addr string, id int, p posted) *httpCaller {
	head := fmt.Appendf(nil, "POST /v1/requests/%s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		p.typ, addr, p.mediaType, len(p.payload))
	c := &httpCaller{Conn: conn, read: read, want: p.want}
	c.request = append(head, p.payload...)
	c.payload = c.request[len(head):]
	c.answer = make([]byte, max(len(p.payload), len(p.want)))
	if p.want == nil {
		c.mark = uint64(id)<<40 | 1
	}
	return c
}

func (c *httpCaller) call() error {
	if c.mark != 0 {
		c.mark++
		stamp(c.payload, c.mark)
	}
	if _, err := c.Write(c.request); err != nil {
		return err
	}
	n, err := readAnswer(c.read, c.answer)
	if err != nil {
		return err
	}
	if c.want == nil {
		return checkEcho(c.payload, c.answer[:n])
	}
	if !bytes.Equal(c.answer[:n], c.want) {
		return fmt.Errorf("the answer is %.200q", c.answer[:n])
	}
	return nil
}

// readAnswer reads one HTTP/1.1 answer that declares its length.
func readAnswer(r *bufio.Reader, body []byte) (int, error) {
	status, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	ok := bytes.HasPrefix(status, []byte("HTTP/1.1 200 "))
	code := ""
	if !ok {
		code = string(bytes.TrimSpace(status))
	}
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		}
	}
	if !ok {
		said := make([]byte, min(max(length, 0), 500))
		_, _ = io.ReadFull(r, said)
		return 0, fmt.Errorf("answered %s: %s", code, said)
	}
	if length < 0 || length > len(body) {
		return 0, fmt.Errorf("the answer declares %d bytes, %d are the most that is right", length, len(body))
	}
	return io.ReadFull(r, body[:length])
}

// loadHTTP measures a host with callers connections, one request at a time each. The
// posted of a caller is chosen by its number.
func (t *target) loadHTTP(_ context.Context, s shape, of func(id int) posted, warm, d time.Duration) (got slot, err error) {
	callers := make([]caller, s.Callers)
	for i := range callers {
		c, err := dialHTTP(t.addr, i, of(i))
		if err != nil {
			return slot{}, err
		}
		defer func() { err = errors.Join(err, c.Close()) }()
		// One deadline for the whole slot: setting it costs as much as a short header.
		if err := c.SetDeadline(time.Now().Add(patience + warm + d)); err != nil {
			return slot{}, err
		}
		callers[i] = c.call
	}
	return t.measured(callers, warm, d)
}

// overHTTP makes a contestant of a host that is asked for opaque echoes.
func overHTTP(t *target) contestant {
	return contestant{t.name, func(ctx context.Context, s shape, warm, d time.Duration) (slot, error) {
		payload := payloadOf(s.Payload)
		return t.loadHTTP(ctx, s, func(int) posted { return posted{echoType, mediaType, payload, nil} }, warm, d)
	}}
}
