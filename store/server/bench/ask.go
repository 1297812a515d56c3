package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// connection asks over HTTP/1.1 with as little work of its own as can be: it shares the
// machine with what is measured.
type connection struct {
	net.Conn
	reader *bufio.Reader
	line   []byte // of the request
}

func dial(address string) (*connection, error) {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, reader: bufio.NewReaderSize(conn, 64<<10)}, nil
}

func (c *connection) close() { _ = c.Close() }

// ask returns the status and the size of the body.
func (c *connection) ask(path string) (status, size int, err error) {
	c.line = append(c.line[:0], "GET "...)
	c.line = append(c.line, path...)
	c.line = append(c.line, " HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n"...)
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, 0, err
	}
	if _, err := c.Write(c.line); err != nil {
		return 0, 0, err
	}
	first, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(first) < 12 {
		return 0, 0, fmt.Errorf("it answers %q", first)
	}
	if status, err = strconv.Atoi(string(first[9:12])); err != nil {
		return 0, 0, err
	}
	size = -1
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if size, err = strconv.Atoi(string(value)); err != nil {
				return 0, 0, err
			}
		}
	}
	if size < 0 {
		return 0, 0, fmt.Errorf("%s answers without a Content-Length", path)
	}
	_, err = io.CopyN(io.Discard, c.reader, int64(size))
	return status, size, err
}
