package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// batch is one request to /v1/batch that is written and answered at the same time.
type batch struct {
	net.Conn
	*lines
	buf     []byte
	read    *bufio.Reader // of the connection
	answers *bufio.Reader // of the body, once its head is there
}

func dialBatch(addr string, l *lines) (*batch, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	b := &batch{Conn: conn, lines: l, read: bufio.NewReaderSize(conn, 64*kib)}
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "POST /v1/batch HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n", addr)
	return b, err
}

// send writes all lines as one chunk of the body.
func (b *batch) send(ids []int) error {
	size := 0
	for _, id := range ids {
		size += len(b.text[id]) + 1
	}
	b.buf = strconv.AppendInt(b.buf[:0], int64(size), 16)
	b.buf = append(b.buf, "\r\n"...)
	for _, id := range ids {
		b.buf = append(b.buf, b.text[id]...)
		b.buf = append(b.buf, '\n')
	}
	b.buf = append(b.buf, "\r\n"...)
	_, err := b.Write(b.buf)
	return err
}

func (b *batch) receive() (int, error) {
	if b.answers == nil {
		resp, err := http.ReadResponse(b.read, nil)
		if err != nil {
			return 0, err
		}
		if resp.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
			return 0, fmt.Errorf("/v1/batch answers %s: %s", resp.Status, text)
		}
		b.answers = bufio.NewReaderSize(resp.Body, 64*kib)
	}
	line, err := b.answers.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	return b.answered(line)
}
